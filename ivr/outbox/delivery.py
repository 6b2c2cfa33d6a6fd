"""Delivering: taken under a claim, handed to the handler of its kind, noted, or tried again."""

from __future__ import annotations

import logging
import random
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.exc import SQLAlchemyError

from ivr.outbox.entries import SHORT, bury, finish
from ivr.store.database import Store
from ivr.store.models import OutboxEntry

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""A claim lasts; a handler must be done by then, or its work may be done twice."""
FIRST_PAUSE = 30.0
"""Seconds after the first failure, at most; doubled after each further one."""
LONGEST_PAUSE = 3600.0
TRIES = 38
"""About a day of them."""
BATCH = 20
PAUSE = 1.0
"""Seconds between two looks for work."""
SWEEP = 3600.0
"""Seconds between two looks for what is old."""
KEEP = timedelta(days=30)

_chance = random.SystemRandom()


class Permanent(Exception):
    """Raised by a handler: it will never work. Its text is the reason, without secrets."""


class Trouble(Exception):
    """Raised by a handler: try again. Its text is the reason, without secrets."""


class Later(Exception):
    """Raised by a handler: not before `at`; nothing was tried.

    why: the other side refused for so long, and the entry stays late; "": it is to go then.
    """

    def __init__(self, at: datetime, why: str = "") -> None:
        super().__init__(why or f"not before {at:%H:%M}")
        self.at = at
        self.why = why


class Again(Exception):
    """Raised by a handler: this try was in vain, the next one is due at `at`."""

    def __init__(self, at: datetime, why: str) -> None:
        super().__init__(why)
        self.at = at


@dataclass(frozen=True)
class Parcel:
    """An entry in the hands of a handler.

    fresh: nobody has begun to deliver it before; else that may have worked without being noted.
    """

    id: int
    company: str
    kind: str
    key: str
    payload: Mapping[str, Any]
    created_at: datetime
    until: datetime | None
    tries: int
    fresh: bool
    claim: str


Handler = Callable[[Parcel], Mapping[str, Any]]
"""Delivers a parcel within a fraction of `LEASE`; what it returns is kept in `details`."""
Clock = Callable[[], datetime]


def deliver(store: Store, handlers: Mapping[str, Handler], clock: Clock, batch: int = BATCH) -> int:
    """Deliver what is due, at most `batch` of a kind; how many were begun.

    What has no handler is left as it is, and no try is counted.
    """
    return sum(_deliver(store, kind, handler, clock, batch) for kind, handler in handlers.items())


def _deliver(store: Store, kind: str, handler: Handler, clock: Clock, batch: int) -> int:
    for count in range(batch):
        parcel = claim(store, kind, clock())
        if parcel is None:
            return count
        _hand_over(store, parcel, handler, clock)
    return batch


def claim(store: Store, kind: str, now: datetime) -> Parcel | None:
    """Take the next entry of a kind that is due, for `LEASE`; None: there is nothing to do.

    Looking costs no lock; PostgreSQL passes over what others are taking, SQLite has one writer.
    """
    ready = and_(
        OutboxEntry.state == "due",
        OutboxEntry.kind == kind,
        OutboxEntry.next_at <= now,
        or_(OutboxEntry.until.is_(None), OutboxEntry.until > now),
    )
    with store.session(read_only=True) as db:
        if db.scalar(select(OutboxEntry.id).where(ready).limit(1)) is None:
            return None
    next_one = select(OutboxEntry).where(ready).order_by(OutboxEntry.next_at, OutboxEntry.id)
    with store.session() as db:
        entry = db.scalar(next_one.limit(1).with_for_update(skip_locked=True))
        return _claimed(entry, now) if entry else None


def _claimed(entry: OutboxEntry, now: datetime) -> Parcel:
    entry.tries += 1
    entry.claim = secrets.token_hex(8)
    entry.next_at = now + LEASE
    return Parcel(
        id=entry.id, company=entry.company, kind=entry.kind, key=entry.key,
        payload=dict(entry.payload), created_at=entry.created_at, until=entry.until,
        tries=entry.tries, fresh=entry.tries == 1 and not entry.last_error, claim=entry.claim,
    )  # fmt: skip


def _hand_over(store: Store, parcel: Parcel, handler: Handler, clock: Clock) -> None:
    """Call the handler and note what came of it, unless another one has the entry by now."""
    if parcel.tries > TRIES:  # whoever had the last try died with it
        _settle(store, parcel, lambda entry: bury(entry, "no try left", clock()))
        return
    try:
        details = dict(handler(parcel))
    except Later as reason:
        at, why = reason.at, reason.why
        _settle(store, parcel, lambda entry: _postpone(entry, at, why))
    except Again as reason:
        at, why = reason.at, str(reason)
        _settle(store, parcel, lambda entry: _put_off(entry, why, clock(), at))
    except Permanent as reason:
        why = str(reason)
        logger.warning("outbox: %s %d cannot be delivered: %s", parcel.kind, parcel.id, why)
        _settle(store, parcel, lambda entry: bury(entry, why, clock()))
    except Exception as reason:
        why = str(reason) if isinstance(reason, Trouble) else type(reason).__name__
        unforeseen = not isinstance(reason, Trouble)
        logger.warning("outbox: %s %d waits: %s", parcel.kind, parcel.id, why, exc_info=unforeseen)
        _settle(store, parcel, lambda entry: _put_off(entry, why, clock()))
    else:
        _settle(store, parcel, lambda entry: finish(entry, details, clock()))


def _settle(store: Store, parcel: Parcel, change: Callable[[OutboxEntry], None]) -> None:
    mine = and_(OutboxEntry.id == parcel.id, OutboxEntry.claim == parcel.claim)
    with store.session() as db:
        entry = db.scalar(select(OutboxEntry).where(mine).with_for_update())
        if entry is not None:
            entry.claim = None
            change(entry)


def _postpone(entry: OutboxEntry, at: datetime, why: str) -> None:
    entry.tries -= 1
    entry.next_at = at
    if why:
        entry.last_error = why[:SHORT]
    else:
        entry.due_at = at


def _put_off(entry: OutboxEntry, why: str, now: datetime, next_at: datetime | None = None) -> None:
    entry.next_at = next_at or now + pause(entry.tries)
    if entry.tries >= TRIES:
        bury(entry, why, now)
    else:
        entry.last_error = why[:SHORT]


def pause(tries: int) -> timedelta:
    """Return how long to wait after that many tries: twice as long each time, and by chance."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 20))
    return timedelta(seconds=longest * _chance.uniform(0.5, 1.0))


def expire(store: Store, now: datetime) -> int:
    """Bury what was not delivered in time, with or without a handler; how many."""
    late = _late(now)
    with store.session(read_only=True) as db:
        if db.scalar(select(OutboxEntry.id).where(late).limit(1)) is None:
            return 0
    with store.session() as db:
        entries = db.scalars(
            select(OutboxEntry).where(late).limit(100).with_for_update(skip_locked=True)
        ).all()
        for entry in entries:
            entry.claim = None
            bury(entry, f"too late; {entry.last_error}".rstrip("; "), now)
        return len(entries)


def _late(now: datetime) -> ColumnElement[bool]:
    """Due, past its time, and in nobody's hands."""
    free = or_(OutboxEntry.claim.is_(None), OutboxEntry.next_at <= now)
    return and_(OutboxEntry.state == "due", OutboxEntry.until <= now, free)


def prune(store: Store, before: datetime, batch: int = 500) -> int:
    """Delete what was delivered before a moment, at most `batch` rows; how many.

    What is dead stays until somebody has it tried again.
    """
    old = and_(OutboxEntry.state == "done", OutboxEntry.done_at < before)
    wanted = select(OutboxEntry.id).where(old).order_by(OutboxEntry.id).limit(batch)
    with store.session(read_only=True) as db:
        ids = db.scalars(wanted).all()
    if not ids:
        return 0
    with store.session() as db:
        db.execute(delete(OutboxEntry).where(OutboxEntry.id.in_(ids), old))
    return len(ids)


def start(
    store: Store,
    handlers: Mapping[str, Handler],
    clock: Clock,
    stop: threading.Event,
    hands: Mapping[str, int] = MappingProxyType({}),
    keep: timedelta = KEEP,
) -> list[threading.Thread]:
    """Deliver until `stop`, each kind in a thread of its own: a slow one holds up no other.

    hands: by kind, how many threads deliver it at once, where that is not one.
    keep: how long what was delivered stays.
    """

    def delivering(kind: str, handler: Handler) -> Callable[[], int]:
        return lambda: _deliver(store, kind, handler, clock, batch=1)

    errands = {kind: delivering(kind, handler) for kind, handler in handlers.items()}
    errands["too late"] = lambda: expire(store, clock())
    errands["old"] = lambda: prune(store, clock() - keep)
    pauses = {"old": SWEEP}
    threads = [
        threading.Thread(
            target=_work,
            args=(errand, stop, pauses.get(name, PAUSE)),
            name=f"outbox {name}",
            daemon=True,
        )
        for name, errand in errands.items()
        for _ in range(hands.get(name, 1))
    ]
    for thread in threads:
        thread.start()
    return threads


def _work(errand: Callable[[], int], stop: threading.Event, pause: float) -> None:
    while not stop.is_set():
        try:
            busy = errand()
        except (SQLAlchemyError, TimeoutError) as reason:
            logger.warning("the outbox waits: %s", type(reason).__name__)
            busy = 0
        if not busy:
            stop.wait(pause)
