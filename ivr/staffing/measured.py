"""What the log says of load: calls, the time of a call, patience.

A call counts once for each queue it stood in; call-backs are not counted again, for who asked for
one has called already. Handling is talk and wrap-up. Patience is known in full only of those who
hung up: of everybody else that it was longer than his wait (censored data), so

    mean = seconds that all of them waited / how many hung up

which is the likeliest value if patience is exponential, as Erlang A has it. `survival` says how it
really is (E. L. Kaplan, P. Meier, 1958), for the eye and for what-if.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.store.facts import VisitFact

LOOK = 56
"""Days before the one that is asked about in which handling and patience are measured."""
ENOUGH = 20
"""Talks, or callers who hung up, from which a measured figure is used at all."""

Counts = Mapping[date, Mapping[datetime, int]]
"""Calls by local day and UTC half hour; a day without any is absent."""
Curve = tuple[tuple[float, float], ...]
"""(seconds, share that would still wait then), from the first who hung up on."""


@dataclass(frozen=True)
class Handling:
    """Seconds of a call. talks: how many were measured; 0: none, `typical` of the profile."""

    talk: float
    wrap: float
    talks: int

    @property
    def seconds(self) -> float:
        """Return the time an operator needs for a call."""
        return self.talk + self.wrap


@dataclass(frozen=True)
class Patience:
    """Mean seconds until callers hang up. lost: who did; callers: of how many.

    measured: it is from the log; else `mean` is what the profile says. curve: `survival`.
    """

    mean: float
    lost: int
    callers: int
    measured: bool
    curve: Curve = ()


def counts(
    db: Session, company: str, first: date, last: date, queues: Sequence[str] = ()
) -> Counts:
    """Count the calls of these local days, both included. queues: only these, () all."""
    wanted = (
        select(VisitFact.day, VisitFact.interval, func.count())
        .where(*_of(company, first, last, queues))
        .group_by(VisitFact.day, VisitFact.interval)
    )
    found: dict[date, dict[datetime, int]] = {}
    for day, interval, calls in db.execute(wanted):
        found.setdefault(day, {})[interval] = calls
    return found


def handling(
    db: Session, company: Company, before: date, queues: Sequence[str] = (), look: int = LOOK
) -> Handling:
    """Measure talk and wrap-up in the days before one, storms left out."""
    span = before - timedelta(days=look), before - timedelta(days=1)
    wanted = select(
        func.avg(VisitFact.talk), func.avg(VisitFact.wrap), func.count(VisitFact.talk)
    ).where(
        *_of(company.id, *span, queues),
        VisitFact.storm.is_(False),
        VisitFact.outcome == "answered",
    )
    talk, wrap, talks = db.execute(wanted).one()
    if talks < ENOUGH or not talk:
        return Handling(company.typical_talk, 0.0, 0)
    return Handling(float(talk), float(wrap or 0.0), talks)


def patience(
    db: Session, company: Company, before: date, queues: Sequence[str] = (), look: int = LOOK
) -> Patience:
    """Measure how long callers waited before they hung up, storms left out."""
    span = before - timedelta(days=look), before - timedelta(days=1)
    wanted = select(VisitFact.waited, VisitFact.left, VisitFact.outcome)
    wanted = wanted.where(*_of(company.id, *span, queues), VisitFact.storm.is_(False))
    rows = db.execute(wanted)
    waits = [
        (max(0.0, seconds), outcome == "abandoned")
        for waited, left, outcome in rows
        if (seconds := left if waited is None else waited) is not None
    ]
    return of_waits(waits, company.terms.staffing.patience)


def of_waits(waits: Sequence[tuple[float, bool]], otherwise: float) -> Patience:
    """Return the patience of callers. waits: (seconds, hung up). otherwise: where too few did."""
    lost = sum(gone for _, gone in waits)
    total = math.fsum(seconds for seconds, _ in waits)
    if lost < ENOUGH or total <= 0:
        return Patience(otherwise, lost, len(waits), False)
    return Patience(total / lost, lost, len(waits), True, survival(waits))


def survival(waits: Iterable[tuple[float, bool]]) -> Curve:
    """Return the share that would still wait after so many seconds (Kaplan-Meier).

    waits: (seconds, hung up); who did not hang up would have waited longer than that.
    """
    ordered = sorted(waits)
    at_risk, share, curve = len(ordered), 1.0, []
    for seconds, same in groupby(ordered, key=lambda wait: wait[0]):
        ends = [gone for _, gone in same]
        if lost := sum(ends):
            share *= 1 - lost / at_risk
            curve.append((seconds, share))
        at_risk -= len(ends)
    return tuple(curve)


def still_waiting(curve: Curve, seconds: float) -> float:
    """Return the share of a curve at a time."""
    at = bisect_right(curve, seconds, key=lambda point: point[0])
    return curve[at - 1][1] if at else 1.0


def _of(company: str, first: date, last: date, queues: Sequence[str]) -> list[ColumnElement[bool]]:
    """What holds for the visits that are counted."""
    wanted = [
        VisitFact.company == company, VisitFact.day.between(first, last), VisitFact.kind == "call"
    ]  # fmt: skip
    return [*wanted, VisitFact.queue.in_(queues)] if queues else wanted
