"""What is asked of a report, and the refusals of what cannot be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.errors import Press2Error
from ivr.storm.records import Interval, intervals
from ivr.terms import ServiceTerms

TIMES = ("half-hour", "hour", "day", "month", "year")
LONGEST = 3660
"""Days of one report at most."""
FINEST = 400
"""Days of one report by hour or half hour at most."""


class CannotReport(Press2Error):
    """What was asked cannot be answered. code, details: for pages, which say it in their words."""

    def __init__(self, text: str, code: str, **details: object) -> None:
        super().__init__(text)
        self.code = code
        self.details = details


@dataclass(frozen=True)
class Asked:
    """One question, which was found good (`check`). first, last: local days, both in.

    by: what rows are made of, () as usual.

    storms: False leaves out what came while storm mode was on. dialled: only calls to these numbers
    (E.164), () all. now: the present; what has not ended yet counts up to it.
    """

    db: Session
    company: Company
    first: date
    last: date
    now: datetime
    by: tuple[str, ...] = ()
    storms: bool = True
    dialled: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return self.company.zone

    @property
    def terms(self) -> ServiceTerms:
        """How the company counts its service level."""
        return self.company.terms.service_level

    @property
    def begin(self) -> datetime:
        """The first moment of the range."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after the range."""
        return midnight(self.last + timedelta(days=1), self.zone)

    def intervals(self) -> list[Interval]:
        """Return when storm mode was on in the range."""
        return intervals(self.db, self.company.id, self.begin, self.end)


def check(first: date, last: date, by: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a range that is none, and rows that cannot be. known: what rows may be made of."""
    if first > last:
        raise CannotReport(
            f"{first} is after {last}; give the earlier day first", "order", first=first, last=last
        )
    days = (last - first).days
    if days >= LONGEST:
        raise CannotReport(f"more than {LONGEST} days at once", "long", days=LONGEST)
    for word in by:
        if word not in known:
            listed = ", ".join(known) or "nothing"
            raise CannotReport(
                f"--by {word} is not known here; known: {listed}", "by", word=word, known=listed
            )
    if len(by) > 2 or len(set(by) & set(TIMES)) > 1 or len(set(by)) < len(by):
        raise CannotReport(
            "--by takes at most two different things, one of them an interval of time", "two"
        )
    if {"hour", "half-hour"} & set(by) and days >= FINEST:
        raise CannotReport(
            f"by hour or half hour at most {FINEST} days at once", "fine", days=FINEST
        )


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a local day begins."""
    return datetime.combine(day, time(), zone)
