"""Operators by half hour: a forecast, the time of a call, patience, and what the company promises.

Each half hour is taken as steady load. `operators` is what counts: Erlang A, but never fewer than
`least` while a queue is open. `paid`: with those who are paid and take no calls (shrinkage).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ivr.staffing.calendar import HALF_HOUR
from ivr.staffing.erlang import Target, abandonments, needed_a, needed_c
from ivr.staffing.forecast import Slot

SECONDS = HALF_HOUR.total_seconds()
PROMISED = ("within", "level", "lost")
BOUNDS = {
    "handle": (1.0, 7200.0), "patience": (1.0, 86400.0), "shrinkage": (0.0, 0.95),
    "least": (0.0, 1000.0), "within": (0.0, 3600.0), "level": (0.0, 0.999), "lost": (0.001, 1.0),
}  # fmt: skip
"""What each input may be: seconds, shares, operators."""


@dataclass(frozen=True)
class Inputs:
    """handle: seconds of a call, wrap-up included. patience: mean seconds until callers hang up.

    shrinkage: share of paid time in which nobody takes calls. least: operators at any open hour.
    """

    handle: float
    patience: float
    target: Target = Target()
    shrinkage: float = 0.3
    least: int = 2

    def __post_init__(self) -> None:
        """Refuse what no formula has an answer to. ValueError names what is wrong."""
        for name, (low, high) in BOUNDS.items():
            value = getattr(self.target if name in PROMISED else self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {low:g} to {high:g}, found {value:g}")


@dataclass(frozen=True)
class Line:
    """A half hour. erlang_c, erlang_a: what the formulas ask for. operators: at the telephones.

    level, lost, busy: what Erlang A expects with `operators`, shares; None where nobody calls.
    """

    begins: datetime
    clock: str
    calls: float
    erlang_c: int
    erlang_a: int
    operators: int
    paid: int
    level: float | None
    lost: float | None
    busy: float | None


def lines(
    slots: Sequence[Slot], inputs: Inputs, is_open: Callable[[datetime], bool] = lambda _: True
) -> list[Line]:
    """Return the operators of every half hour. is_open: whether a queue is, at its beginning."""
    return [_line(slot, inputs, is_open(slot.begins)) for slot in slots]


def hours(lines: Sequence[Line]) -> float:
    """Return the hours at the telephones."""
    return math.fsum(line.operators for line in lines) * SECONDS / 3600


def _line(slot: Slot, inputs: Inputs, is_open: bool) -> Line:
    rate, target = slot.calls / SECONDS, inputs.target
    by_c = needed_c(rate, inputs.handle, target)
    by_a = needed_a(rate, inputs.handle, inputs.patience, target)
    operators = max(by_a, inputs.least if is_open else 0)
    level = lost = busy = None
    if slot.calls:
        found = abandonments(
            rate, inputs.handle, inputs.patience, operators, target.within, target.short
        )
        level, lost, busy = target.level_of(found), found.lost, found.busy
    return Line(
        slot.begins, slot.clock, slot.calls, by_c, by_a, operators, paid(operators, inputs),
        level, lost, busy,
    )  # fmt: skip


def paid(operators: int, inputs: Inputs) -> int:
    """Return how many are paid so that so many are at the telephones."""
    return math.ceil(round(operators / (1 - inputs.shrinkage), 9))
