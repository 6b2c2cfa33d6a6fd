"""Promises to call somebody back: the store's side.

One live promise a number (the store's own constraint). Each function works in the caller's open
transaction, does nothing twice, and leaves anything that is not in the state it expects alone.

    due --begin--> calling --kept--> done
     ^                |---missed---> due again after `between`, or failed after `tries`
     |---released-----|
    due, failed --resume--> resumed (he rang himself)      due --cancel--> cancelled
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.store.models import Callback, Ticket

PRIORITIES = ("normal", "raised", "priority_site", "danger")


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
    def resume(
    db: Session, company: str, number: str | None, terms: Terms, now: datetime
) -> Callback | None:
    """End the promise to somebody who rings himself; his call takes the place it had.

    It counts for `resume` seconds after it was made or last tried, even when all tries were in vain.
    None where there is no such promise, or he is just being dialled.
    """
    since = now - timedelta(seconds=terms.resume)
    wanted = (
        select(Callback)
        .where(Callback.company == company, Callback.number == (number or ""))
        .where(
            or_(
                and_(Callback.state == "due", Callback.next_at >= since),
                and_(Callback.state == "failed", Callback.ended_at >= since),
            )
        )
        .order_by(Callback.id.desc())
        .with_for_update()
    )
    callback = db.scalar(wanted.limit(1))
    if callback is not None:
        _settle_task(db, callback)
        _end(callback, "resumed", now)
    return callback


def served(db: Session, company: str, number: str | None, now: datetime) -> Callback | None:
    """End a due promise, however old, because its number talks to an operator already."""
    callback = live(db, company, number) if number else None
    if callback is None or callback.state != "due":
        return None
    _end(callback, "resumed", now)
    return callback


def cancel(callback: Callback, now: datetime) -> bool:
    """End a promise because somebody decided so."""
    if not callback.live:
        return False
    _end(callback, "cancelled", now)
    return True


def _end(callback: Callback, state: str, now: datetime) -> None:
    callback.state, callback.live, callback.ended_at = state, None, now


def _task(callback: Callback) -> str:
    return f"callback-{callback.id}/failed"


def _settle_task(db: Session, callback: Callback) -> None:
    task = db.scalar(select(Ticket).where(Ticket.key == _task(callback)))
    if task is not None:
        task.state = "done"
