"""Promises to call somebody back: the store's side.

One live promise a number (the store's own constraint). Each function works in the caller's open
transaction, does nothing twice, and leaves anything that is not in the state it expects alone.

    due --begin--> calling --kept--> done
     ^                |---missed---> due again after `between`, or failed after `tries`
     |---released-----|
    due, failed --served--> resumed (he rang himself)      due --cancel--> cancelled
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr import outbox
from ivr.agent_queue.model import PRIORITIES
from ivr.store.models import Callback, Ticket


class Terms(Protocol):
    """How a company calls back; `calling` of its profile.

    hours: "HH:MM" of the local day, first and last. tries: dialled at most. between: seconds
    between two tries. resume: seconds in which he who rings himself gets his place.
    """

    @property
    def hours(self) -> tuple[str, str]:
        """First and last local time of day."""

    @property
    def tries(self) -> int:
        """Times dialled at most."""

    @property
    def between(self) -> float:
        """Seconds between two tries."""

    @property
    def resume(self) -> float:
        """Seconds a promise waits for his own call."""


def promise(
    db: Session,
    *,
    company: str,
    number: str,
    queue: str,
    language: str,
    call: str,
    key: str,
    now: datetime,
    entered: datetime | None = None,
    not_before: datetime | None = None,
    priority: str = "normal",
    context: Mapping[str, Any] | None = None,
) -> Callback:
    """Promise to call `number` (E.164, of a `Destination`) back; the live promise if there is one.

    key: of the turn, so that a repeated one promises once. entered: from when his place counts
    (default: now). not_before: when he may be called first (default: now). A promise that lives
    already keeps its time, the older place and the higher priority.
    """
    wanted = Callback(
        company=company, number=number, queue=queue, language=language, call=call, key=key,
        priority=priority, entered_at=entered or now, created_at=now,
        next_at=max(not_before or now, now),
        context=dict(context or {}),
    )  # fmt: skip
    if known := _known(db, company, number, key):
        return _joined(known, wanted)
    try:
        with db.begin_nested():
            db.add(wanted)
    except IntegrityError:  # another process promised the same at this moment
        known = _known(db, company, number, key)
        if known is None:
            raise
        return _joined(known, wanted)
    return wanted


def _known(db: Session, company: str, number: str, key: str) -> Callback | None:
    of_turn = db.scalar(select(Callback).where(Callback.key == key))
    return of_turn or live(db, company, number)


def _joined(known: Callback, wanted: Callback) -> Callback:
    known.entered_at = min(known.entered_at, wanted.entered_at)
    known.priority = max(known.priority, wanted.priority, key=PRIORITIES.index)
    return known


def live(db: Session, company: str, number: str) -> Callback | None:
    """Return the promise to a number that is still to be kept, locked against other processes."""
    wanted = select(Callback).where(
        Callback.company == company, Callback.number == number, Callback.live.is_(True)
    )
    return db.scalar(wanted.with_for_update())


def of(db: Session, callback: int) -> Callback | None:
    """Return a promise by its id, locked against other processes."""
    return db.get(Callback, callback, with_for_update=True)


def due(db: Session, now: datetime) -> list[Callback]:
    """Return the promises of all companies whose time has come, the oldest place first."""
    return list(
        db.scalars(
            select(Callback)
            .where(Callback.state == "due", Callback.next_at <= now)
            .order_by(Callback.entered_at, Callback.id)
        )
    )


def calling(db: Session) -> list[Callback]:
    """Return the promises that are being dialled, as far as the store knows."""
    return list(db.scalars(select(Callback).where(Callback.state == "calling")))


def allowed(terms: Terms, local: datetime) -> bool:
    """Tell whether people may be called at this local time; the last minute is not one of them.

    A last hour before the first one means: over midnight.
    """
    first, last = (time.fromisoformat(text) for text in terms.hours)
    clock = local.time()
    return first <= clock < last if first <= last else clock >= first or clock < last


def opening(terms: Terms, local: datetime) -> datetime:
    """Return when people may be called next, after a local time at which they may not."""
    first = time.fromisoformat(terms.hours[0])
    day = local.date() + timedelta(days=local.time() >= first)
    return datetime.combine(day, first, local.tzinfo).astimezone(UTC)


def may_call(callback: Callback, terms: Terms, now: datetime, local: datetime) -> bool:
    """Tell whether a promise may be kept now: in the hours, or soon after he asked for it himself.

    Who waited and chose a call-back instead is awake: until `resume` seconds later he may be called
    at any hour.
    """
    waited = callback.entered_at < callback.created_at
    awake = waited and now - callback.created_at < timedelta(seconds=terms.resume)
    return awake or allowed(terms, local)


def begin(callback: Callback, operator: str) -> bool:
    """Note that an operator was found and is about to be connected; False: it is not due."""
    if callback.state != "due":
        return False
    callback.state, callback.operator = "calling", operator
    return True


def released(callback: Callback) -> bool:
    """Take back `begin`: he was not dialled."""
    if callback.state != "calling":
        return False
    callback.state, callback.operator = "due", None
    return True


def kept(callback: Callback, now: datetime) -> bool:
    """Note that he answered."""
    if callback.state != "calling":
        return False
    callback.tries += 1
    _end(callback, "done", now)
    return True


def missed(db: Session, callback: Callback, terms: Terms, now: datetime) -> bool:
    """Note that he was dialled in vain: again later, or a task for people after the last try."""
    if callback.state != "calling":
        return False
    callback.tries += 1
    if callback.tries >= terms.tries:
        give_up(db, callback, now, "no_answer")
    else:
        callback.state, callback.operator = "due", None
        callback.next_at = now + timedelta(seconds=terms.between)
    return True


def give_up(db: Session, callback: Callback, now: datetime, why: str) -> None:
    """End a promise that cannot be kept; people get it as a task, once."""
    _end(callback, "failed", now)
    key = _task(callback)
    if db.scalar(select(Ticket.id).where(Ticket.key == key)) is None:
        db.add(
            Ticket(
                company=callback.company,
                type="other",
                priority=callback.priority,
                reason="callback_failed",
                caller_number=callback.number,
                call=callback.call,
                key=key,
                created_at=now,
                details={"callback": callback.id, "tries": callback.tries, "why": why},
            )  # fmt: skip
        )


def place_of(
    db: Session, company: str, number: str | None, terms: Terms, now: datetime
) -> Callback | None:
    """Return the promise whose place (`entered_at`, `priority`) a caller takes who rings himself.

    It counts for `resume` seconds after it was made or last tried, even when every try was in vain.
    It stays as it is until an operator talks to him (`served`): should he hang up before, he is
    still called back. Nobody is dialled while he waits himself.
    """
    since = now - timedelta(seconds=terms.resume)
    in_time = or_(
        and_(Callback.state == "due", Callback.next_at >= since),
        and_(Callback.state == "failed", Callback.ended_at >= since),
    )
    mine = and_(Callback.company == company, Callback.number == (number or ""))
    return db.scalar(select(Callback).where(mine, in_time).order_by(Callback.id.desc()).limit(1))


def served(
    db: Session, company: str, number: str | None, terms: Terms, now: datetime
) -> Callback | None:
    """End the promise to somebody who rang himself and talks to an operator."""
    callback = live(db, company, number) if number else None
    callback = callback or place_of(db, company, number, terms, now)
    if callback is None or callback.state not in ("due", "failed"):
        return None
    _settle_task(db, callback)
    outbox.withdraw(db, notice_key(callback))
    _end(callback, "resumed", now)
    return callback


def cancel(callback: Callback, now: datetime) -> bool:
    """End a promise because somebody decided so."""
    if not callback.live:
        return False
    _end(callback, "cancelled", now)
    return True


def notice_key(callback: Callback) -> str:
    """Return the outbox's key of the notice that somebody was called back in vain."""
    return f"callback-{callback.id}/unreached"


def _end(callback: Callback, state: str, now: datetime) -> None:
    callback.state, callback.live, callback.ended_at = state, None, now


def _task(callback: Callback) -> str:
    return f"callback-{callback.id}/failed"


def _settle_task(db: Session, callback: Callback) -> None:
    task = db.scalar(select(Ticket).where(Ticket.key == _task(callback)))
    if task is not None:
        task.state = "done"
