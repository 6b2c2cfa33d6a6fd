"""What a dispatcher makes of suspected events: an event that callers are told of, or nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.services import subscriptions
from ivr.store.supply import OutageArea, OutageEvent, OutageReport, SuspectedEvent

NUMBER = "S{}"
"""Number of an event that was made here, by the id of the suspected one."""


def find(db: Session, company: str, suspected: int) -> SuspectedEvent | None:
    """Return a suspected event of a company, locked against whoever decides on it too."""
    row = db.get(SuspectedEvent, suspected, with_for_update=True)
    return row if row is not None and row.company == company else None


def confirm(
    db: Session,
    row: SuspectedEvent,
    now: datetime,
    who: str,
    *,
    cause: str | None = None,
    restore_by: datetime | None = None,
    customers: int | None = None,
) -> OutageEvent:
    """Make an event of a suspected one: told from now on, with everybody's reports counted to it.

    ValueError: somebody has decided already.
    """
    _undecided(row)
    event = OutageEvent(
        company=row.company,
        number=NUMBER.format(row.id),
        kind="emergency",
        cause=cause,
        since=row.first_at,
        restore_by=restore_by,
        customers=customers,
        updated_at=now,
        source=who,
        areas=[
            OutageArea(
                company=row.company,
                settlement=None if row.substation else row.settlement,
                street=row.street,
                substation=row.substation,
            )
        ],
    )
    db.add(event)
    db.flush()
    reports = select(OutageReport).where(OutageReport.suspected_id == row.id)
    subscriptions.adopt(db, event, db.scalars(reports).all(), now)
    row.state, row.event_id = "confirmed", event.id
    row.decided_by, row.decided_at = who, now
    return event


def dismiss(db: Session, row: SuspectedEvent, now: datetime, who: str) -> None:
    """Note that there is no event behind the reports. ValueError: somebody has decided already."""
    _undecided(row)
    row.state, row.decided_by, row.decided_at = "dismissed", who, now


def _undecided(row: SuspectedEvent) -> None:
    if row.state != "open":
        raise ValueError(f"it is {row.state} by {row.decided_by} already")
