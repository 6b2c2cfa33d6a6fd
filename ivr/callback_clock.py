"""The clock of promises to call back, where a company has one (`callbacks:` of its profile).

A promise is pressing ("red") when most of its time is over, and late when all of it is: then
supervisors are told, once. The clock begins when he asked, or when he was told that he would be
called from, if that is later (the queue's opening, the first hour in which people are called).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.store.models import Audit, Callback
from ivr.store.supply import CallbackClock

ESCALATED = "callback_late"
"""What the audit log and the log of events call a promise that is late."""


def start(db: Session, company: Company, callback: Callback) -> CallbackClock | None:
    """Begin the clock of a promise; one that runs already goes on. None: there is no such rule."""
    terms = company.terms.callbacks
    if not terms.hours:
        return None
    db.flush()  # the promise has its id from now on
    if (known := db.get(CallbackClock, callback.id)) is not None:
        return known
    asked = max(callback.created_at, callback.next_at)
    since = company.may_call_from(callback.queue, asked).astimezone(UTC)
    red, due = (
        _after(company, callback.queue, since, hours)
        for hours in (terms.hours * terms.red, terms.hours)
    )
    clock = CallbackClock(
        callback_id=callback.id, company=company.id, since=since, red_at=red, due_at=due
    )
    db.add(clock)
    return clock


def _after(company: Company, queue: str, since: datetime, hours: float) -> datetime:
    length = timedelta(hours=hours)
    if company.terms.callbacks.clock == "wall":
        return since + length
    return company.opening.after(queue, since, length) or since + length


def clocks(db: Session, callbacks: Iterable[Callback]) -> Mapping[int, CallbackClock]:
    """Return the clocks of promises by the promise's id."""
    ids = [callback.id for callback in callbacks]
    rows = db.scalars(select(CallbackClock).where(CallbackClock.callback_id.in_(ids)))
    return {row.callback_id: row for row in rows}


def mark(clock: CallbackClock | None, now: datetime) -> str:
    """Return "late", "red" or "" for a promise that is still to be kept."""
    if clock is None or now < clock.red_at:
        return ""
    return "red" if now < clock.due_at else "late"


def pending(db: Session, now: datetime) -> bool:
    """Tell whether there is anything to escalate, of all companies."""
    wanted = _late(now).with_only_columns(CallbackClock.callback_id).limit(1)
    return db.scalar(wanted) is not None


def _late(now: datetime) -> Select[CallbackClock, Callback]:
    return (
        select(CallbackClock, Callback)
        .join(Callback, Callback.id == CallbackClock.callback_id)
        .where(CallbackClock.escalated_at.is_(None), CallbackClock.due_at <= now)
        .where(Callback.live.is_(True))
    )


def escalate(db: Session, now: datetime) -> list[Callback]:
    """Note the promises of all companies that have become late, each once, and return them."""
    late = []
    for clock, callback in db.execute(_late(now).with_for_update()):
        clock.escalated_at = now
        details = {
            "callback": callback.id,
            "queue": callback.queue,
            "due": f"{clock.due_at:%FT%TZ}",
        }
        db.add(
            Audit(
                at=now,
                company=callback.company,
                who="",
                what=ESCALATED,
                allowed=True,
                call=callback.call,
                details=details,
            )  # fmt: skip
        )
        late.append(callback)
    return late
