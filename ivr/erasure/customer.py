"""Erasing one customer everywhere, with a proof.

    prepare -> the streams into the store, his calls and files noted down -> call-backs withdrawn
    -> files -> rows -> Redis -> what databases leave in their own files -> a second search

What is known of his calls is noted in the row of the erasure before the first thing goes, and
struck out when all is done: who is killed in between is followed by a second run that finishes.
The proof names places and figures, never him.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import redis
from redis.exceptions import LockNotOwnedError
from redis.lock import Lock
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from ivr import callbacks
from ivr.agent_queue.model import AgentQueue
from ivr.company import Company
from ivr.erasure import files, inventory, live, rows
from ivr.erasure.inventory import TABLES
from ivr.erasure.rows import Count, Plan
from ivr.erasure.subject import NotErased, Subject
from ivr.rounds import beside
from ivr.store.database import Store
from ivr.store.models import Audit, Callback, Ticket
from ivr.store.supervision import Erasure

logger = logging.getLogger(__name__)

LOCK = "press2:erasure"
"""One erasure or round of retention at a time."""
ROWS = "rows that are kept"
PAGES = "pages of the file to be written anew: app.py erase --vacuum"
WRITTEN = "Redis writes its file anew"
WORDS = {**inventory.WORDS, ROWS: "rows", PAGES: "pages", WRITTEN: "written"}
LIFE = 12.0
"""Seconds after which the lock of one that was killed is free; it is renewed before."""


@dataclass(frozen=True)
class Parts:
    """What is walked through. client, queue: None where there is no Redis."""

    store: Store
    companies: Mapping[str, Company]
    var: Path
    clock: Callable[[], datetime]
    client: redis.Redis | None = None
    queue: AgentQueue | None = None


def dry_run(parts: Parts, subject: Subject) -> dict[str, Any]:
    """Return the proof of what would go; nothing is changed. NotErased: nobody is known by that."""
    known = _plan(parts, subject)
    places = [_of_table(each) for each in _known(parts, subject, known)]
    places += _live_and_files(parts, subject, known)
    return {"state": "dry", "kind": subject.kind, "places": places, "notes": _notes(parts, known)}


def begin(parts: Parts, subject: Subject, who: str) -> int:
    """Note an erasure down before anything goes; its number.

    NotErased: nobody is known by that, he is in a call right now (`calls`), or another erasure is
    under way.
    """
    known = _plan(parts, subject)
    if parts.client is not None:
        live.settle(parts.client, parts.store, subject.company)
        known = _plan(parts, subject)
    if calls := live.calling(parts.client, parts.queue, subject, known):
        raise NotErased("calling", calls=", ".join(calls))
    with parts.store.session(read_only=True) as db:
        before = _open(db, subject)
    if before is None:
        _known(parts, subject, known)
    with parts.store.session() as db:
        row = db.get(Erasure, before) if before is not None else None
        if row is None:
            row = Erasure(
                company=subject.company, at=parts.clock(), who=who, subject=subject.digest,
                dry_run=False, proof={},
            )  # fmt: skip
            db.add(row)
        row.proof = {"state": "running", "kind": subject.kind, "plan": known.to_json()}
        db.flush()
        return row.id


def finish(parts: Parts, subject: Subject, key: int, who: str) -> dict[str, Any]:
    """Erase what `begin` noted down and return the proof. NotErased: another one is under way."""
    with parts.store.session(read_only=True) as db:
        row = db.get_one(Erasure, key)
        known = Plan.from_json(row.proof["plan"])
    with alone(parts):
        known.join(_plan(parts, subject))
        before = {each.table: each for each in rows.count(parts.store, subject, known)}
        around = _live_and_files(parts, subject, known)
        done = _erase(parts, subject, known, who)
        proof = _prove(parts, subject, known, before, around, done)
        with parts.store.session() as db:
            row = db.get_one(Erasure, key)
            row.proof = proof
            db.add(
                Audit(
                    at=parts.clock(), company=subject.company, who=who, what="customer_erased",
                    allowed=True, details={"erasure": key, "kind": subject.kind},
                )
            )  # fmt: skip
    return proof


@contextmanager
def alone(parts: Parts) -> Iterator[None]:
    """Hold the lock of erasures while the block goes on, however long, and this process lives.

    NotErased ("busy"): another one is under way. Without Redis there is no lock.
    """
    if parts.client is None:
        yield
        return
    lock = parts.client.lock(LOCK, timeout=LIFE, blocking=False, thread_local=False)
    if not lock.acquire():
        raise NotErased("busy")
    try:
        with beside("erasure-lock", LIFE / 3, partial(_renew, lock)):
            yield
    finally:
        with suppress(redis.RedisError):  # it ends by itself
            lock.release()


def _renew(lock: Lock) -> None:
    try:
        lock.reacquire()
    except LockNotOwnedError:
        logger.warning("the lock of erasures was lost while Redis was away")
    except redis.RedisError as reason:
        logger.warning("the lock of erasures is not renewed: %s", type(reason).__name__)


# ---------------------------------------------------------------------- the steps


def _plan(parts: Parts, subject: Subject) -> Plan:
    """Return what is known of him, also by an erasure that was cut off."""
    known = rows.plan(parts.store, subject)
    with parts.store.session(read_only=True) as db:
        key = _open(db, subject)
        if key is not None:
            known.join(Plan.from_json(db.get_one(Erasure, key).proof["plan"]))
    return known


def _known(parts: Parts, subject: Subject, known: Plan) -> list[Count]:
    """Count what the store has of him. NotErased ("unknown"): nothing."""
    counts = rows.count(parts.store, subject, known)
    if not any(each.found for each in counts):
        raise NotErased("unknown")
    return counts


def _open(db: Any, subject: Subject) -> int | None:
    """Return the erasure of him that was begun and not finished."""
    wanted = select(Erasure).where(
        Erasure.company == subject.company, Erasure.subject == subject.digest,
        Erasure.dry_run.is_(False),
    )  # fmt: skip
    return next((row.id for row in db.scalars(wanted) if row.proof.get("plan") is not None), None)


def _erase(parts: Parts, subject: Subject, known: Plan, who: str) -> dict[str, int]:
    kept = parts.companies[subject.company].terms.retention.erased
    now = parts.clock()
    _withdraw(parts, known, now)
    if parts.client is not None:  # what was told of that, and came since the beginning
        live.settle(parts.client, parts.store, subject.company)
    gone, cut = files.erase(parts.store, parts.var, subject, known, who, now)
    done = rows.erase(parts.store, subject, known, kept)
    if parts.client is not None:
        _, hits = live.look(parts.client, subject, known)
        done["redis"] = live.erase(parts.client, hits)
    _sweep(parts)
    return done | {"recordings": gone, "logs": cut}


def _withdraw(parts: Parts, known: Plan, now: datetime) -> None:
    """Take back what was promised: there is no number any more that could be called."""
    keys = [int(call.removeprefix("callback-")) for call in known.calls if _promised(call)]
    for key in keys:
        with parts.store.session() as db:
            row = db.get(Callback, key)
            if row is not None:
                callbacks.cancel(row, now)
        if parts.queue is not None:
            parts.queue.leave(f"callback-{key}", "deflected", now.timestamp())


def _promised(call: str) -> bool:
    return call.startswith("callback-") and call.removeprefix("callback-").isdecimal()


def _sweep(parts: Parts) -> None:
    """Have the databases throw away what was deleted, as far as that holds nobody up."""
    with parts.store.connection() as connection:
        if connection.dialect.name == "sqlite":
            plainly(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
            return
        loose = connection.execution_options(isolation_level="AUTOCOMMIT")
        for name in (name for name, holding in TABLES.items() if not _only_kept(name, holding)):
            try:
                loose.execute(text(f'VACUUM "{name}"'))
            except DBAPIError as reason:
                logger.warning("%s was not vacuumed: %s", name, type(reason.orig).__name__)


def plainly(connection: Connection, statement: str) -> None:
    """Have SQLite do something that wants no transaction around it."""
    plain = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    plain.execute("PRAGMA query_only = 0")  # who had the connection before may only have read
    plain.execute(statement)


def _only_kept(name: str, holding: Any) -> bool:
    return name != "events" and set(holding.columns) == set(holding.keep)


# ---------------------------------------------------------------------- the proof


def _place(
    place: str, looked: int, found: int, erased: int, left: int, kept: int, why: str
) -> dict[str, Any]:
    """One line of a proof. found, erased: before. left, kept: by the second search; why: kept."""
    return {
        "place": place, "looked": looked, "found": found, "erased": erased, "left": left,
        "kept": kept, "why": why if kept else "", "word": WORDS.get(why, "") if kept else "",
    }  # fmt: skip


def _of_table(each: Count) -> dict[str, Any]:
    holding = TABLES[each.table]
    erased = each.found - each.stay
    return _place(f"sql:{each.table}", each.looked, each.found, erased, 0, each.stay, holding.why)


def _live_and_files(parts: Parts, subject: Subject, known: Plan) -> list[dict[str, Any]]:
    """Return the places beside the store: Redis, sounds, logs, the databases' own files."""
    places = []
    if parts.client is not None:
        looked, hits = live.look(parts.client, subject, known)
        places.append(_place("redis", looked, len(hits), len(hits), 0, 0, ""))
    seen = files.look(parts.var, subject, known)
    sounds = len(seen.sounds)
    logs = [(path, count) for path, count in seen.texts if not files.stored(path)]
    places.append(_place("files:sounds", seen.looked, sounds, sounds, 0, 0, ""))
    hits_in_logs = sum(count for _, count in logs)
    places.append(_place("files:logs", seen.looked, hits_in_logs, hits_in_logs, 0, 0, ""))
    return places


def _prove(
    parts: Parts,
    subject: Subject,
    known: Plan,
    before: Mapping[str, Count],
    around: list[dict[str, Any]],
    done: Mapping[str, int],
) -> dict[str, Any]:
    """Search a second time and put the proof together."""
    places = []
    for each in rows.search(parts.store, subject):
        holding, was = TABLES[each.table], before[each.table]
        erased = max(done.get(each.table, 0), was.found - was.stay)
        places.append(
            _place(
                f"sql:{each.table}", each.looked, was.found, erased, each.found - each.stay,
                each.stay, holding.why,
            )
        )  # fmt: skip
    after = {place["place"]: place for place in _live_and_files(parts, subject, known)}
    for place in around:
        places.append(place | {"left": after[place["place"]]["found"]})
    kept = sum(place["kept"] for place in places)
    places += _databases(parts, subject, kept)
    left = sum(place["left"] for place in places)
    return ({"state": "left", "plan": known.to_json()} if left else {"state": "done"}) | {
        "kind": subject.kind,
        "places": places,
        "notes": _notes(parts, known),
        "at": parts.clock().isoformat(timespec="seconds"),
    }


def _databases(parts: Parts, subject: Subject, kept: int) -> list[dict[str, Any]]:
    """Return what the databases' own files still hold."""
    refused = live.rewrite(parts.client) if parts.client is not None else ""
    seen = files.look(parts.var, subject, Plan())
    found = [(path, count) for path, count in seen.texts if files.stored(path)]
    redis_s = sum(count for path, count in found if files.of_redis(path))
    store_s = sum(count for path, count in found) - redis_s
    why = ROWS if kept else PAGES
    return [
        _place("files:store", seen.looked, store_s, 0, 0, store_s, why),
        _place("files:redis", seen.looked, redis_s, 0, 0, redis_s, refused or WRITTEN),
    ]


def _notes(parts: Parts, known: Plan) -> dict[str, int]:
    """Return what whoever erases should know: open tickets and promises of the customer."""
    found = {"tickets": 0, "callbacks": 0}
    with parts.store.session(read_only=True) as db:
        for calls in rows.parts(known.calls):
            opened = select(Ticket.id).where(Ticket.call.in_(calls), Ticket.state == "open")
            found["tickets"] += len(db.scalars(opened).all())
            due = select(Callback.id).where(Callback.call.in_(calls), Callback.live.is_(True))
            found["callbacks"] += len(db.scalars(due).all())
    return found


def vacuum(parts: Parts) -> None:
    """Write SQLite's file anew, without what its pages still hold; callers wait meanwhile."""
    with parts.store.connection() as connection:
        if connection.dialect.name == "sqlite":
            plainly(connection, "VACUUM")
            plainly(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
