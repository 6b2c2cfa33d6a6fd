"""How long a caller will wait: a pure estimate from his place and the last real talks.

While every operator talks, one of `serving` operators becomes free every mean/serving seconds: for
talk times without memory this is exact whatever part of each talk is over already (the k-th of
their ends comes after k * mean / serving on average), for others nearly so. Whoever is n-th in the
queue waits for the n-th such end, less the operators who are free now and take those before him:

    wait = (position - free) * mean / serving        never below 0; nobody serving counts as one

The mean is that of the last real talks, each with the wrap-up after it, blended with a typical one
that weighs as much as `WEIGHT` talks: after a quiet night one odd talk moves the promise little,
after fifty the typical one hardly matters.
"""

from __future__ import annotations

import math

from ivr.agent_queue.model import Place

TYPICAL = 180.0
"""Seconds a caller keeps an operator, wrap-up and all, where nothing is known yet."""
WEIGHT = 5.0
"""Talks that the typical one weighs as much as."""


def estimate(place: Place, typical: float = TYPICAL, wrap_up: float = 0.0) -> float:
    """Return the seconds that whoever stands at `place` will wait.

    typical: seconds one caller keeps an operator, the wrap-up included. wrap_up: seconds after
    each of the measured talks in which the operator is not free yet.
    """
    ends = place.position - place.free
    if ends <= 0:
        return 0.0
    return ends * occupied(place, typical, wrap_up) / max(place.serving, 1)


def occupied(place: Place, typical: float, wrap_up: float = 0.0) -> float:
    """Return the seconds one caller keeps an operator, on average."""
    measured = math.fsum(place.talks) + wrap_up * len(place.talks)
    return (measured + WEIGHT * typical) / (len(place.talks) + WEIGHT)


def minutes(seconds: float) -> int:
    """Return the whole minutes a caller is told: rounded up, at least one."""
    return max(1, math.ceil(seconds / 60))
