"""Is a keyed value plausible? The rules P1-P8 of `docs/readings.md`, as pure functions.

The telephone and the operator's form ask the same functions, so the same value gets the same
answer everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from ivr.company import ReadingLimits
from ivr.window import days_between

ASSUMED_DAYS = 30
"""Days assumed since the previous reading where its date lies ahead (imported too early)."""


@dataclass(frozen=True)
class Span:
    """Time since the previous reading. days: local calendar days, at least 1; hours: real ones."""

    days: int
    hours: float


def span(previous_on: date, now: datetime, zone: ZoneInfo) -> Span:
    """Return the time from the start of the local day `previous_on` to `now`."""
    days = days_between(previous_on, now.astimezone(zone).date())
    if days < 0:
        return Span(ASSUMED_DAYS, ASSUMED_DAYS * 24.0)
    start = datetime.combine(previous_on, time(), zone)
    return Span(max(days, 1), max((now - start).total_seconds() / 3600, 1.0))


@dataclass(frozen=True)
class Counter:
    """One register of a meter and what is known before the caller keys it.

    id, meter: ids in the store. digits: before the comma. previous: last billed value.
    usual: consumption expected since then, kWh. possible: the most that the permitted power allows.
    """

    id: int
    meter: int
    name: str
    digits: int
    previous: int
    previous_on: date
    usual: float
    possible: float

    @property
    def text(self) -> str:
        """The previous value with the meter's digits."""
        return f"{self.previous:0{self.digits}d}"


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a value.

    kind: "ok", "equal", "too_long", "low", "rollover", "high", "impossible".
    used: consumption, kWh (below zero where low). decimal: the value without its last digit where
    that one would be plausible.
    """

    kind: str
    value: int
    used: int
    decimal: int | None = None

    @property
    def fine(self) -> bool:
        """Whether the value needs no question of its own."""
        return self.kind in ("ok", "equal")


def judge(typed: str, counter: Counter, limits: ReadingLimits, others: int = 0) -> Verdict:
    """Judge the keyed digits for one register.

    others: consumption already keyed for the account's other registers; the permitted power bounds
    the sum (P6).
    """
    value = int(typed)
    used = value - counter.previous
    if len(typed) > counter.digits:
        return Verdict("too_long", value, used)
    if used < 0:
        turned = used + 10**counter.digits
        if turned <= high_limit(counter, limits):
            return Verdict("rollover", value, turned)
        return Verdict("low", value, used)
    if used == 0:
        return Verdict("equal", value, 0)
    if used <= high_limit(counter, limits):
        return Verdict("ok", value, used)
    shorter = value // 10
    decimal = shorter if plausible(shorter, counter, limits) else None
    impossible = used + others > counter.possible
    return Verdict("impossible" if impossible else "high", value, used, decimal)


def high_limit(counter: Counter, limits: ReadingLimits) -> float:
    """Consumption above this is asked again (P5), kWh."""
    return max(limits.high_use * counter.usual, limits.floor_kwh)


def plausible(value: int, counter: Counter, limits: ReadingLimits) -> bool:
    """Whether a value needs no question: not below the previous one and not high."""
    return 0 <= value - counter.previous <= high_limit(counter, limits)


def exchange(
    values: Sequence[int], counters: Sequence[Counter], limits: ReadingLimits
) -> list[int] | None:
    """Return the values in the order that makes every one plausible, or None (P8)."""
    for order in itertools.permutations(values):
        pairs = zip(order, counters, strict=True)
        if list(order) != list(values) and all(plausible(v, c, limits) for v, c in pairs):
            return list(order)
    return None
