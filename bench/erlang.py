"""Erlang's formulas: what theory says of one queue with steady load.

C: callers wait as long as it takes. A: each gives up after an exponential time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Theory:
    """waits: share that waits at all. lost: share that gives up. within: share of all answered
    within the limit. wait: mean seconds of all callers.
    """

    waits: float
    lost: float
    within: float
    wait: float


def endless_patience(rate: float, handle: float, size: int, limit: float = 30.0) -> Theory:
    """Erlang C: `rate` calls a second, `handle` seconds each, `size` operators."""
    load = rate * handle
    if load >= size:
        return Theory(1.0, 0.0, 0.0, math.inf)
    blocked = 1.0
    for number in range(1, size + 1):
        blocked = load * blocked / (number + load * blocked)
    waits = blocked / (1 - load / size * (1 - blocked))
    spare = size / handle - rate
    return Theory(waits, 0.0, 1 - waits * math.exp(-spare * limit), waits / spare)


def abandonments(
    rate: float, handle: float, patience: float, size: int, limit: float = 30.0
) -> Theory:
    """Erlang A: as above, callers have `patience` seconds at the mean."""
    serve, leave = 1 / handle, 1 / patience
    shares = [1.0]  # of the time with so many callers in the system
    while len(shares) < 20 + 2 * size or shares[-1] > 1e-12 * sum(shares):
        number = len(shares)
        out = min(number, size) * serve + max(number - size, 0) * leave
        shares.append(shares[-1] * rate / out)
    whole = sum(shares)
    shares = [share / whole for share in shares]
    queue = sum(max(number - size, 0) * share for number, share in enumerate(shares))
    at_once = sum(shares[:size])
    later = answered_within(shares[size:], size * serve, leave, limit)
    return Theory(1 - at_once, leave * queue / rate, at_once + later, queue / rate)


def answered_within(ahead: list[float], serve: float, leave: float, limit: float) -> float:
    """Return the share that waits and is answered within `limit`. ahead: share of arrivals that
    find so many callers waiting already.

    With k ahead, k + 1 departures at the rates serve + j * leave, j from k to 0, must come before
    the caller's own patience ends; their density has a closed form, which is integrated.
    """

    def density(seconds: float) -> float:
        gone, weight, total = 1 - math.exp(-leave * seconds), serve, 0.0
        for place, share in enumerate(ahead):
            if place:
                weight *= (serve + place * leave) / (place * leave) * gone
            total += share * weight
        return total * math.exp(-(serve + leave) * seconds)

    steps = 400
    width = limit / steps
    inner = sum((4 if step % 2 else 2) * density(step * width) for step in range(1, steps))
    return (density(0.0) + inner + density(limit)) * width / 3
