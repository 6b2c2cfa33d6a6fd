"""The rows of the outbox: put in, withdrawn, told of, counted, tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.store.database import Store
from ivr.store.models import OutboxEntry

SHORT = 200
"""Characters of an error that are kept."""


def put(
    db: Session,
    *,
    company: str,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    now: datetime,
    after: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Put something in within the caller's transaction; the same key again changes nothing.

    after, until: when it may be delivered; later than `until` it is worth nothing.
    """
    if of_key(db, key) is not None:
        return
    entry = OutboxEntry(
        company=company, kind=kind, key=key, payload=dict(payload), created_at=now,
        due_at=after or now, next_at=after or now, until=until,
    )  # fmt: skip
    try:
        with db.begin_nested():
            db.add(entry)
    except IntegrityError:  # another process put the same at this moment
        if of_key(db, key) is None:
            raise


def of_key(db: Session, key: str) -> OutboxEntry | None:
    """Return the entry of a key, locked against other processes."""
    return db.scalar(select(OutboxEntry).where(OutboxEntry.key == key).with_for_update())


def untouched(entry: OutboxEntry) -> bool:
    """Tell whether nobody has begun to deliver an entry."""
    return entry.state == "due" and entry.claim is None and not entry.tries


def withdraw(db: Session, key: str) -> bool:
    """Take an entry out that is no longer true; False: it is gone already, or being delivered."""
    entry = of_key(db, key)
    if entry is None or not untouched(entry):
        return False
    db.delete(entry)
    return True


def finish(entry: OutboxEntry, details: Mapping[str, Any], now: datetime) -> None:
    """Mark an entry as delivered."""
    entry.state, entry.done_at, entry.last_error = "done", now, ""
    entry.details = {**entry.details, **details}


def bury(entry: OutboxEntry, why: str, now: datetime) -> None:
    """Mark an entry as one that is not tried any more."""
    entry.state, entry.done_at, entry.last_error = "dead", now, why[:SHORT]


def told(store: Store, entry: int, kind: str, change: Callable[[OutboxEntry], None]) -> bool:
    """Change an entry because of what the outside world told of it; False: there is none.

    Whoever is delivering it at this moment finds it taken from him.
    """
    with store.session() as db:
        row = db.get(OutboxEntry, entry, with_for_update=True)
        if row is None or row.kind != kind:
            return False
        row.claim = None
        change(row)
        return True


def busy(db: Session, kind: str, now: datetime) -> int:
    """Count the entries of a kind that are being delivered, in whatever process."""
    held = (OutboxEntry.kind == kind) & OutboxEntry.claim.is_not(None)
    going = held & (OutboxEntry.state == "due") & (OutboxEntry.next_at > now)
    return db.scalar(select(func.count()).select_from(OutboxEntry).where(going)) or 0


# ---------------------------------------------------------------------- for people


@dataclass(frozen=True)
class Survey:
    """What an administrator wants to know.

    waiting: entries still due by kind. dead: those that died since the day asked for, by kind.
    newest: kind and error of the last one that died, None: none did.
    """

    waiting: Mapping[str, int]
    dead: Mapping[str, int]
    newest: tuple[str, str] | None


def survey(store: Store, since: datetime) -> Survey:
    """Count what waits and what died after `since`."""
    due, dead = OutboxEntry.state == "due", OutboxEntry.state == "dead"
    died = dead & (OutboxEntry.done_at >= since)
    newest = select(OutboxEntry.kind, OutboxEntry.last_error).where(died)
    newest = newest.order_by(OutboxEntry.done_at.desc(), OutboxEntry.id.desc()).limit(1)
    with store.session(read_only=True) as db:
        last = db.execute(newest).first()
        return Survey(_counted(db, due), _counted(db, died), (last[0], last[1]) if last else None)


def late(db: Session, before: datetime, but: Sequence[str] = ()) -> dict[str, tuple[int, datetime]]:
    """Return company -> how many entries should have gone by then and have not, and the oldest's
    moment, however often they were tried since. but: kinds that are left out.
    """
    wanted = select(OutboxEntry.company, func.count(), func.min(OutboxEntry.due_at)).where(
        OutboxEntry.state == "due", OutboxEntry.due_at <= before, OutboxEntry.kind.not_in(but)
    )
    rows = db.execute(wanted.group_by(OutboxEntry.company))
    return {company: (count, oldest) for company, count, oldest in rows}


def _counted(db: Session, which: ColumnElement[bool]) -> dict[str, int]:
    kinds = select(OutboxEntry.kind, func.count()).where(which).group_by(OutboxEntry.kind)
    return {row[0]: row[1] for row in db.execute(kinds)}


def listed(store: Store, limit: int = 100) -> Sequence[OutboxEntry]:
    """Return what waits or is dead, the newest first."""
    wanted = select(OutboxEntry).where(OutboxEntry.state != "done")
    with store.session(read_only=True) as db:
        return db.scalars(wanted.order_by(OutboxEntry.id.desc()).limit(limit)).all()


def retry(store: Store, now: datetime, entry: int | None = None) -> list[int]:
    """Let a dead entry, or all of them, be tried again at once; the ids of those that will be.

    What is too late by now stays dead.
    """
    wanted = select(OutboxEntry).where(
        OutboxEntry.state == "dead", or_(OutboxEntry.until.is_(None), OutboxEntry.until > now)
    )
    if entry is not None:
        wanted = wanted.where(OutboxEntry.id == entry)
    with store.session() as db:
        rows = db.scalars(wanted.order_by(OutboxEntry.id).with_for_update()).all()
        for row in rows:
            row.state, row.tries, row.done_at = "due", 0, None
            row.due_at = row.next_at = now
            row.details = {}
        return [row.id for row in rows]
