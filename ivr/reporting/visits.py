"""Counts over visits to queues: what the service level is made of, whatever its formula.

A visit counts as offered when a caller entered a queue before an operator had answered him: where
an operator passes him on, the second wait is no offer but a transfer. Calls that we make are none
either (call-backs). offered = answered + lost + short + called_back + deflected.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, and_, case, exists, func, select
from sqlalchemy.orm import aliased

from ivr.reporting.asked import Asked
from ivr.reporting.groups import Groups, Label
from ivr.reporting.sql import CHUNK, ROUND, number, seconds
from ivr.reporting.table import share
from ivr.store.facts import CallFact, VisitFact
from ivr.terms import ServiceTerms


@dataclass
class Tally:
    """Visits of one row. within: answered in time from the entry, within_call: from the answer of
    the call. abandoned: hung up, short or not; soon: those of them within the same seconds.
    waited: seconds of all answered together; waits: of each of them, where they were asked for.
    """

    offered: int = 0
    answered: int = 0
    within: int = 0
    within_call: int = 0
    abandoned: int = 0
    short: int = 0
    soon: int = 0
    called_back: int = 0
    deflected: int = 0
    waited: float = 0.0
    longest: float = 0.0
    waits: array[float] = field(default_factory=lambda: array("d"))

    def add(self, other: Tally) -> None:
        """Take in the visits of another row."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.waited += other.waited
        self.longest = max(self.longest, other.longest)
        self.waits.extend(other.waits)

    @property
    def lost(self) -> int:
        """Callers who hung up in the queue, without the short abandons."""
        return self.abandoned - self.short

    def mean(self) -> float | None:
        """Return the mean wait of the answered, seconds."""
        return share(self.waited, self.answered)

    def quantile(self, part: float) -> float | None:
        """Return the wait that this part of the answered did not exceed; 0.5 is the median."""
        if not self.waits:
            return None
        values = np.frombuffer(self.waits, dtype=float)
        method: Any = "linear" if part == 0.5 else "inverted_cdf"
        return float(np.quantile(values, part, method=method))


COUNTED = tuple(each.name for each in fields(Tally)[:9])
Counts = dict[tuple[Label, bool], Tally]
"""Tallies by label and by whether storm mode was on at the entry."""


# ---------------------------------------------------------------------- formulas


FORMULAS = ("offered", "without_short", "answered", "asterisk_2", "from_call")
"""Beside the declared one. `answered` is Asterisk's SL and Wazo's quality of service."""


def level(tally: Tally, terms: ServiceTerms, formula: str = "declared") -> tuple[int, int]:
    """Return numerator and denominator of a service level."""
    if formula == "asterisk_2":
        return tally.within + tally.soon, tally.answered + tally.abandoned
    if formula == "from_call":
        return tally.within_call, tally.offered
    if formula == "declared":
        part = tally.within_call if terms.clock == "call" else tally.within
        return part, _denominator(tally, terms.denominator)
    return tally.within, _denominator(tally, formula)


def lost(tally: Tally, terms: ServiceTerms) -> tuple[int, int]:
    """Return numerator and denominator of the share of lost calls.

    Short abandons are in neither where the company's denominator is without them.
    """
    if terms.denominator == "without_short":
        return tally.lost, tally.offered - tally.short
    return tally.abandoned, tally.offered


def _denominator(tally: Tally, name: str) -> int:
    return {
        "offered": tally.offered,
        "without_short": tally.offered - tally.short,
        "answered": tally.answered,
    }[name]


# ---------------------------------------------------------------------- counting


def count(asked: Asked, groups: Groups, waits: bool = False) -> Counts:
    """Count the visits that were offered. waits: keep the wait of each answered one, too."""
    terms = asked.terms
    answered, abandoned = VisitFact.outcome == "answered", VisitFact.outcome == "abandoned"
    waited = case((answered, VisitFact.waited), else_=0.0)
    keys = (*groups.keys, VisitFact.storm)
    wanted = (
        select(
            *keys,
            func.count(),
            number(answered),
            number(and_(answered, VisitFact.waited <= terms.within)),
            number(and_(answered, _since_call() <= terms.within + ROUND)),
            number(abandoned),
            number(and_(abandoned, VisitFact.left < terms.short)),
            number(and_(abandoned, VisitFact.left <= terms.within)),
            number(VisitFact.outcome == "called_back"),
            number(VisitFact.outcome == "deflected"),
            func.coalesce(func.sum(waited), 0.0),
            func.coalesce(func.max(waited), 0.0),
        )
        .outerjoin(CallFact, CallFact.call == VisitFact.call)
        .where(*offered(asked))
        .group_by(*keys)
    )
    found: Counts = {}
    width = len(groups.keys)
    for row in asked.db.execute(wanted):
        tally = found.setdefault((groups.label(row), bool(row[width])), Tally())
        tally.add(Tally(*row[width + 1 :]))
    if waits:
        _keep_waits(asked, groups, found)
    return found


def _since_call() -> ColumnElement[float | None]:
    """Seconds from the answer of the call to the operator's; a call that lasts has no row yet."""
    began = func.coalesce(CallFact.began, VisitFact.entered)
    return VisitFact.waited + seconds(VisitFact.entered) - seconds(began)


def _keep_waits(asked: Asked, groups: Groups, found: Counts) -> None:
    wanted = select(*groups.keys, VisitFact.storm, VisitFact.waited).where(
        *offered(asked), VisitFact.outcome == "answered"
    )
    tallies: dict[tuple[Any, ...], array[float]] = {}
    for row in asked.db.execute(wanted, execution_options={"yield_per": CHUNK}):
        *key, waited = row
        known = tallies.get(tuple(key))
        if known is None:
            known = tallies[tuple(key)] = found[groups.label(row), bool(key[-1])].waits
        known.append(waited)


def offered(asked: Asked) -> list[ColumnElement[bool]]:
    """Return the conditions of a visit that counts as offered."""
    return [*_of_range(asked), ~_passed_on()]


def transfers(asked: Asked, groups: Groups) -> dict[Label, int]:
    """Count the visits of callers whom an operator passed on."""
    wanted = select(*groups.keys, func.count()).where(*_of_range(asked), _passed_on())
    found: dict[Label, int] = {}
    for row in asked.db.execute(wanted.group_by(*groups.keys)):
        label = groups.label(row)
        found[label] = found.get(label, 0) + int(row[-1])
    return found


def _of_range(asked: Asked) -> list[ColumnElement[bool]]:
    wanted = [
        VisitFact.company == asked.company.id,
        VisitFact.day.between(asked.first, asked.last),
        VisitFact.kind == "call",
    ]
    if not asked.storms:
        wanted.append(VisitFact.storm.is_(False))
    if asked.dialled:
        wanted.append(VisitFact.dialled.in_(asked.dialled))
    return wanted


def _passed_on() -> ColumnElement[bool]:
    """An operator had answered the call before."""
    before = aliased(VisitFact)
    answered = exists().where(
        before.call == VisitFact.call,
        before.number < VisitFact.number,
        before.outcome == "answered",
    )
    return and_(VisitFact.number > 1, answered)


@dataclass
class Pair:
    """All visits of a row, and those of them that did not come in a storm."""

    all: Tally = field(default_factory=Tally)
    calm: Tally = field(default_factory=Tally)

    def add(self, tally: Tally, stormy: bool) -> None:
        """Take in visits that came in a storm, or did not."""
        self.all.add(tally)
        if not stormy:
            self.calm.add(tally)


def pairs(counts: Counts) -> tuple[dict[Label, Pair], Pair]:
    """Return the tallies of each label, and of everything."""
    found: dict[Label, Pair] = {}
    total = Pair()
    for (label, stormy), tally in counts.items():
        found.setdefault(label, Pair()).add(tally, stormy)
        total.add(tally, stormy)
    return found, total
