"""Of which type a day is, and its half hours: days of one type bring much the same calls.

| type | which days |
|---|---|
| storm | storm mode was on at any time of it; such a day is in no forecast |
| schedule | the hourly outage schedules were changed |
| holiday | a holiday of the company (`ivr.opening`) |
| window | readings are taken (`ivr.window`); of a window longer than a week its last three days |
| monday, weekend, ordinary | any other one, by its weekday |

The first that fits counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.store.supply import EmergencySchedules, ScheduleHours
from ivr.storm.records import Interval, intervals

KINDS = ("ordinary", "monday", "weekend", "window", "holiday", "schedule", "storm")
HALF_HOUR = timedelta(minutes=30)
DAY = timedelta(days=1)
SHORT_WINDOW = 7
"""Days of a window that is a rush from its first day to its last."""
RUSH = 3
"""Last days of a longer window, when those come who put it off."""


@dataclass(frozen=True)
class Calendar:
    """The days of a company. storms, schedules: days with storm mode on, with new schedules."""

    company: Company
    storms: frozenset[date] = frozenset()
    schedules: frozenset[date] = frozenset()

    def kind(self, day: date) -> str:
        """Return the type of a day, a word of `KINDS`."""
        if day in self.storms:
            return "storm"
        if day in self.schedules:
            return "schedule"
        if self.company.is_holiday(day):
            return "holiday"
        if self._rush(day):
            return "window"
        return by_weekday(day)

    def _rush(self, day: date) -> bool:
        window = self.company.window.at(day)
        if window is None:
            return False
        length = (window.closes - window.opens).days + 1
        return length <= SHORT_WINDOW or (window.closes - day).days < RUSH

    def half_hours(self, day: date) -> list[datetime]:
        """Return the UTC instants at which its half hours begin: 48, or 46, 50 at clock changes."""
        begin, end = self.bounds(day)
        return [begin + number * HALF_HOUR for number in range(-((begin - end) // HALF_HOUR))]

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """Return the instants, UTC, at which a local day begins and ends."""
        zone = self.company.zone
        first, last = (
            datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + DAY)
        )
        return first, last

    def clock(self, moment: datetime) -> str:
        """Return what the company's clock shows at a moment, "03:30"."""
        return moment.astimezone(self.company.zone).strftime("%H:%M")

    def open(self, moment: datetime, queues: Iterable[str]) -> bool:
        """Tell whether any of these queues is open at a moment."""
        return any(self.company.opening.is_open(queue, moment) for queue in queues)


def by_weekday(day: date) -> str:
    """Return the type of a day on which nothing special is on."""
    return {0: "monday", 5: "weekend", 6: "weekend"}.get(day.weekday(), "ordinary")


def read(db: Session, company: Company, now: datetime) -> Calendar:
    """Read what the store knows of a company's days.

    The schedules keep when they were last changed, not every change.
    """
    storms = frozenset(
        day for each in intervals(db, company.id) for day in _days(each, company, now)
    )
    changed: set[datetime] = set()
    for table in (ScheduleHours, EmergencySchedules):
        wanted = select(table.updated_at).where(table.company == company.id).distinct()
        changed.update(db.scalars(wanted))
    schedules = frozenset(moment.astimezone(company.zone).date() for moment in changed)
    return Calendar(company, storms, schedules)


def _days(storm: Interval, company: Company, now: datetime) -> Iterator[date]:
    """The local days that a storm touches, up to now."""
    end = max(storm.started, min(storm.ended or now, now))
    day, last = (moment.astimezone(company.zone).date() for moment in (storm.started, end))
    while day <= last:
        yield day
        day += DAY
