"""Days with their forecast and the operators they need, from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.staffing import calendar, measured
from ivr.staffing.erlang import Target
from ivr.staffing.forecast import Forecast, History, forecast
from ivr.staffing.measured import Handling, Patience
from ivr.staffing.need import Inputs, Line, lines

LOOK = 440
"""Days read: a year, and what is compared with it."""
FURTHEST = 366
"""Days ahead that are forecast at most."""
MOST_DAYS = 60
FORESEEN = tuple(kind for kind in calendar.KINDS if kind != "storm")
"""Types of day that can be planned; in a storm no number of operators is enough."""


@dataclass(frozen=True)
class Wishes:
    """What somebody wants otherwise than measured or promised; None: as it is.

    kind: the type of the days, for one that the calendar cannot know.
    """

    handle: float | None = None
    patience: float | None = None
    shrinkage: float | None = None
    least: int | None = None
    within: float | None = None
    level: float | None = None
    lost: float | None = None
    days: int | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        """Refuse a type of day, or a number of days, that there is not. ValueError says so."""
        if self.kind and self.kind not in FORESEEN:
            raise ValueError(f"{self.kind} is no type of day; write one of {', '.join(FORESEEN)}")
        if self.days is not None and not 1 <= self.days <= MOST_DAYS:
            raise ValueError(f"a forecast looks at 1 to {MOST_DAYS} days, found {self.days}")


@dataclass(frozen=True)
class Known:
    """What was read for some queues: () all of them."""

    company: Company
    queues: tuple[str, ...]
    history: History
    handling: Handling
    patience: Patience


@dataclass(frozen=True)
class Planned:
    """A day: its forecast and its half hours."""

    forecast: Forecast
    lines: list[Line]


def known(
    db: Session, company: Company, queues: Sequence[str], before: date, now: datetime
) -> Known:
    """Read what is known of queues before a day, today at the latest. ValueError: no such queue."""
    for queue in queues:
        if queue not in company.queues:
            names = ", ".join(company.queues)
            raise ValueError(f"{queue} is no queue of {company.id}; it has {names}")
    before = min(before, now.astimezone(company.zone).date())
    days = calendar.read(db, company, now)
    span = before - timedelta(days=LOOK), before - timedelta(days=1)
    calls = measured.counts(db, company.id, *span, queues)
    everybody = measured.counts(db, company.id, *span) if queues else calls
    return Known(
        company,
        tuple(queues),
        History(days, calls, frozenset(everybody)),
        measured.handling(db, company, before, queues),
        measured.patience(db, company, before, queues),
    )


def inputs(known: Known, wishes: Wishes) -> Inputs:
    """Return what the formulas are given: wished, else measured, else of the profile.

    `least` holds for the house, so for a single queue only if it is wished. ValueError: a wish
    that makes no sense.
    """
    terms, promised = known.company.terms.staffing, known.company.terms.service_level
    target = Target(
        within=_first(wishes.within, promised.within),
        level=_first(wishes.level, promised.target),
        lost=_first(wishes.lost, promised.lost),
        short=promised.short,
        denominator=promised.denominator,
    )
    return Inputs(
        handle=_first(wishes.handle, known.handling.seconds),
        patience=_first(wishes.patience, known.patience.mean),
        target=target,
        shrinkage=_first(wishes.shrinkage, terms.shrinkage),
        least=int(_first(wishes.least, 0 if known.queues else terms.least)),
    )


def day(known: Known, which: date, wishes: Wishes, given: Inputs) -> Planned:
    """Plan a day. NothingKnown: nobody has called yet."""
    wanted = wishes.days or known.company.terms.staffing.days
    made = forecast(known.history.before(which), which, wanted, wishes.kind)
    queues = known.queues or tuple(known.company.queues)
    is_open = known.history.calendar.open
    return Planned(made, lines(made.slots, given, lambda moment: is_open(moment, queues)))


def _first(wished: float | None, otherwise: float) -> float:
    return otherwise if wished is None else wished
