"""Erlang's formulas: what theory says of one queue with steady load.

C (A. K. Erlang, 1917; M/M/n): callers wait as long as it takes. A (C. Palm, 1946; M/M/n+M): each
gives up after an exponential time. Both are exact; A as in A. Mandelbaum, S. Zeltyn, "Service
engineering in action: the Palm/Erlang-A queue" (2007).

The wait of A has a closed form. Whoever finds n operators busy and k callers ahead is served after
k + 1 departures, at the rates n*s + j*p for j = k to 0 (s, p: rates of service and of giving up).
A sum of exponentials with the rates p*(a + j), a = n*s/p, is -ln(B)/p with B ~ Beta(a, k + 1). So

    P(his turn comes by t)         = P(B >= e^(-pt))    = I(1 - e^(-pt); k + 1, a)
    P(by t, and he is still there) = E[B; B >= e^(-pt)] = a/(a+k+1) * I(1 - e^(-pt); k + 1, a + 1)

and I(x; k + 1, b), the incomplete beta function, is the chance that a negative binomial count
exceeds k: a sum of terms that are all positive. Everything is summed in logarithms, so that a
thousand operators are as exact as one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LONGEST_PATIENCE = 86_400.0
"""Seconds; whoever waits longer has no patience to speak of: that is Erlang C."""
LEAST = 1e-18
"""Share of the likeliest number of callers below which longer queues are left out."""
MOST = 100_000
"""Operators beyond which nothing is looked for."""


@dataclass(frozen=True)
class Theory:
    """waits: share that waits at all. lost: share that gives up. within: share of all answered
    within the limit. wait: mean seconds of all callers. short: share that gives up sooner than
    `short`. busy: share of the operators' time.
    """

    waits: float
    lost: float
    within: float
    wait: float
    short: float = 0.0
    busy: float = 0.0


@dataclass(frozen=True)
class Target:
    """What a company promises: `level` of the callers within `within` seconds, `lost` at most.

    denominator: of whom the share is taken (offered, without_short, answered). short: seconds.
    """

    within: float = 30.0
    level: float = 0.75
    lost: float = 0.1
    short: float = 5.0
    denominator: str = "offered"

    def level_of(self, found: Theory) -> float:
        """Return the service level by this definition."""
        left_out = {"answered": found.lost, "without_short": found.short}.get(self.denominator, 0.0)
        return found.within / (1 - left_out) if left_out < 1 else 0.0

    def met(self, found: Theory) -> bool:
        """Tell whether both limits are kept."""
        return self.level_of(found) >= self.level and found.lost <= self.lost


def endless_patience(rate: float, handle: float, size: int, limit: float = 30.0) -> Theory:
    """Erlang C: `rate` calls a second, `handle` seconds each, `size` operators."""
    _sensible(rate, handle, size)
    load = rate * handle
    if not load:
        return Theory(0.0, 0.0, 1.0, 0.0)
    if load >= size:
        return Theory(1.0, 0.0, 0.0, math.inf, busy=1.0)
    blocked = 1.0
    for number in range(1, size + 1):
        blocked = load * blocked / (number + load * blocked)
    waits = blocked / (1 - load / size * (1 - blocked))
    spare = size / handle - rate
    within = 1 - waits * math.exp(-spare * limit)
    return Theory(waits, 0.0, within, waits / spare, busy=load / size)


def abandonments(
    rate: float, handle: float, patience: float, size: int, limit: float = 30.0, short: float = 0.0
) -> Theory:
    """Erlang A: as above, callers have `patience` seconds at the mean."""
    _sensible(rate, handle, size)
    if not 0 < patience <= LONGEST_PATIENCE:
        raise ValueError(f"patience is 0 to {LONGEST_PATIENCE:g} seconds, found {patience:g}")
    if not rate:
        return Theory(0.0, 0.0, 1.0, 0.0)
    if not size:
        soon = -math.expm1(-short / patience)
        return Theory(1.0, 1.0, 0.0, patience, short=soon)
    serve, leave = 1 / handle, 1 / patience
    shares = _shares(rate, serve, leave, size)
    ahead = shares[size:]
    queue = float(ahead @ np.arange(len(ahead)))
    waits, lost = float(ahead.sum()), leave * queue / rate
    soon = waits - _answered(ahead, size * serve, leave, short)
    soon -= _still_there(ahead, size * serve, leave, short)
    return Theory(
        waits=waits,
        lost=lost,
        within=1 - waits + _answered(ahead, size * serve, leave, limit),
        wait=queue / rate,
        short=max(0.0, soon),
        busy=rate * (1 - lost) / (size * serve),
    )


def needed(target: Target, found: Callable[[int], Theory]) -> int:
    """Return the least number of operators that keep the target. found: the theory of a number."""
    if target.met(found(0)):
        return 0
    low, high = 0, 1
    while not target.met(found(high)):
        low, high = high, 2 * high
        if high > MOST:
            raise ValueError("no number of operators keeps that target; is it 100 %?")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if target.met(found(middle)) else (middle, high)
    return high


def needed_c(rate: float, handle: float, target: Target) -> int:
    """Return the operators that keep the target if nobody ever gave up."""
    return needed(target, lambda size: endless_patience(rate, handle, size, target.within))


def needed_a(rate: float, handle: float, patience: float, target: Target) -> int:
    """Return the operators that keep the target with callers who give up."""
    within, short = target.within, target.short
    return needed(
        target, lambda size: abandonments(rate, handle, patience, size, within, short)
    )  # fmt: skip


def _sensible(rate: float, handle: float, size: int) -> None:
    if not (rate >= 0 and math.isfinite(rate)):
        raise ValueError(f"calls a second are 0 or more, found {rate:g}")
    if not (handle > 0 and math.isfinite(handle)):
        raise ValueError(f"the time of a call is more than 0 seconds, found {handle:g}")
    if size < 0:
        raise ValueError(f"operators are 0 or more, found {size}")


def _shares(rate: float, serve: float, leave: float, size: int) -> Numbers:
    """Return the share of the time with so many callers in the system."""
    below = np.cumsum(math.log(rate / serve) - np.log(np.arange(1, size + 1)))
    logs = np.concatenate([[0.0], below])
    crowd = max(0.0, (rate - size * serve) / leave)  # where the queue of an overload settles
    count = int(crowd + 12 * math.sqrt(crowd + rate / leave)) + 64
    while True:
        above = math.log(rate) - np.log(size * serve + leave * np.arange(1, count + 1))
        whole = np.concatenate([logs, logs[-1] + np.cumsum(above)])
        if whole[-1] < whole.max() + math.log(LEAST):
            weights = np.exp(whole - whole.max())
            shares: Numbers = weights / weights.sum()
            return shares
        count *= 2


def _exceeds(count: int, over: float, gone: float) -> Numbers:
    """Return I(1 - e^(-gone); k + 1, over) for k from 0 to count - 1."""
    if gone <= 0:
        return np.zeros(count)
    steps = np.arange(1, count)
    terms = math.log(-math.expm1(-gone)) + np.log((over + steps - 1) / steps)
    logs = np.concatenate([[0.0], np.cumsum(terms)]) - over * gone
    found: Numbers = np.clip(1 - np.cumsum(np.exp(logs)), 0.0, 1.0)
    return found


def _answered(ahead: Numbers, serve: float, leave: float, seconds: float) -> float:
    """Return the share that waits and is answered within these seconds."""
    over, place = serve / leave, np.arange(1, len(ahead) + 1)
    chance = _exceeds(len(ahead), over + 1, leave * seconds)
    return float(ahead @ (over / (over + place) * chance))


def _still_there(ahead: Numbers, serve: float, leave: float, seconds: float) -> float:
    """Return the share that still waits after these seconds."""
    turn = _exceeds(len(ahead), serve / leave, leave * seconds)
    return float(ahead @ (1 - turn)) * math.exp(-leave * seconds)
