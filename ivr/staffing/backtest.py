"""How good the forecast would have been: each of the last days from what was known a week before.

WAPE = sum of |forecast - calls| / sum of calls, of half hours and of whole days. Beside it: what
chance alone makes of it (calls of a half hour are a Poisson number, whoever forecasts them), and
the WAPE of the plainest forecast there is, the same weekday a week before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ivr.staffing.forecast import Forecast, History, NothingKnown, forecast

ALL = "all"
AHEAD = 7
"""Days between the last known day and the one that is forecast: shifts are planned a week ahead."""


@dataclass(frozen=True)
class Score:
    """How good the forecasts of days of one type were, or of all. Shares; None: nothing to count.

    half_hours, whole_days, chance, last_week: WAPE as above. bias: (forecast - calls) / calls.
    """

    kind: str
    days: int
    calls: int
    half_hours: float | None
    whole_days: float | None
    bias: float | None
    chance: float | None
    last_week: float | None


@dataclass(frozen=True)
class _Tried:
    """One day: its forecast, its calls by half hour, its calls a week before."""

    made: Forecast
    calls: Sequence[int]
    week_ago: int | None


def backtest(
    history: History, until: date, days: int, wanted: int, trend: bool = True
) -> list[Score]:
    """Score the forecasts of the last `days` days before `until`, by type of day and of all."""
    tried = []
    for back in range(days, 0, -1):
        day = until - timedelta(days=back)
        if day not in history.alive or history.calendar.kind(day) == "storm":
            continue
        known = history.before(day - timedelta(days=AHEAD - 1))
        try:
            made = forecast(known, day, wanted, trend=trend)
        except NothingKnown:
            continue
        calls = [history.calls.get(day, {}).get(slot.begins, 0) for slot in made.slots]
        tried.append(_Tried(made, calls, history.totals.get(day - timedelta(days=7))))
    kinds = sorted({each.made.kind for each in tried})
    by_kind = [_score(kind, [t for t in tried if t.made.kind == kind]) for kind in kinds]
    return [*by_kind, _score(ALL, tried)]


def _score(kind: str, tried: Sequence[_Tried]) -> Score:
    calls = sum(sum(each.calls) for each in tried)
    slots = [
        (slot.calls, number)
        for each in tried
        for slot, number in zip(each.made.slots, each.calls, strict=True)
    ]
    days = [(each.made.calls, sum(each.calls)) for each in tried]
    before = [(each.week_ago, sum(each.calls)) for each in tried if each.week_ago is not None]
    return Score(
        kind=kind,
        days=len(tried),
        calls=calls,
        half_hours=wape(slots),
        whole_days=wape(days),
        bias=sum(made - number for made, number in days) / calls if calls else None,
        chance=math.fsum(poisson_error(made) for made, _ in slots) / calls if calls else None,
        last_week=wape(before),
    )


def wape(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Return sum |forecast - calls| / sum of calls, None where nobody called."""
    pairs = list(pairs)
    calls = math.fsum(number for _, number in pairs)
    return math.fsum(abs(made - number) for made, number in pairs) / calls if calls else None


def poisson_error(mean: float) -> float:
    """Return the mean distance of a Poisson number from its mean (A. de Moivre; Diaconis 1991)."""
    if mean <= 0:
        return 0.0
    whole = math.floor(mean)
    return 2 * math.exp((whole + 1) * math.log(mean) - mean - math.lgamma(whole + 1))
