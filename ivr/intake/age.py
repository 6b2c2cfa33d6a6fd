"""How old the company's data about the supply is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from ivr.store.database import Store
from ivr.store.supply import OutageEvent, ScheduleHours


@dataclass(frozen=True)
class Age:
    """What is known of a company. events: open accidents; told, hours: when the newest of them,
    and of the hourly schedules, was said; None: there is nothing.
    """

    events: int
    told: datetime | None
    hours: datetime | None

    def since(self, now: datetime) -> timedelta | None:
        """Return how long ago the newest event was told of."""
        return now - self.told if self.told else None


def age(store: Store, company: str) -> Age:
    """Look at the data of a company."""
    open_ones = (
        OutageEvent.company == company,
        OutageEvent.state == "open",
        OutageEvent.kind == "emergency",
    )
    counted = select(func.count(OutageEvent.id), func.max(OutageEvent.updated_at))
    hours = select(func.max(ScheduleHours.updated_at)).where(ScheduleHours.company == company)
    with store.session(read_only=True) as db:
        count, told = db.execute(counted.where(*open_ones)).one()
        return Age(count, told, db.scalar(hours))
