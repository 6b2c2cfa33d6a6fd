"""How many will call: the last days of the same type, carried on by the trend. Pure.

1. The days of the type before the day that is asked about, `wanted` of them at most. Storms and
   days without a single call in any queue (the line was dead, the log had not begun) are left out.
2. Each is carried to that day by the trend (`trend_of`). Days of readings and of new schedules fall
   on any weekday, so these are also brought from their own weekday to the one that is asked about,
   by what Mondays, weekends and other days bring when nothing special is on.
3. The level is the median of their totals: one odd day moves it little.
4. The shape is, by half hour of the wall clock, the mean of the days brought to that level, the
   highest and the lowest left out where there are five or more. A median would be wrong here: of
   half hours with 0, 0 and 1 calls it is 0, and the night would have no calls at all.

The hour that comes twice in autumn gets its calls twice; the one that spring skips, none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import fmean, median

from ivr.staffing.calendar import Calendar, by_weekday
from ivr.staffing.measured import Counts

FEW = 4
"""Days below which a forecast says that it stands on too few."""
INSTEAD = {"monday": "ordinary", "weekend": "ordinary", "window": "ordinary"} | {
    "holiday": "weekend", "schedule": "ordinary", "storm": "ordinary",
}  # fmt: skip
"""The type taken where there was no day of one yet."""
ANY_WEEKDAY = ("window", "schedule")
PLAIN_DAYS = 8
YEAR = 364
"""Days between two days of two years with the same weekday."""
PAIRS, OVER = 28, 56
"""Days with a counterpart a year before that make a trend; days in which they are looked for."""
WEEKS = (6, 13)
"""Weeks that make a trend within one year: at least, at most."""
YEARLY = (0.5, 2.0)
WEEKLY = (0.97, 1.03)
"""Growth beyond these is not believed."""


class NothingKnown(Exception):
    """There is no day to forecast from."""


@dataclass(frozen=True)
class Trend:
    """kind: year (against the same days a year before), weeks (over the last weeks) or none.

    weekly: what the calls of a week are multiplied by from one to the next. points: days or weeks
    it was found from.
    """

    kind: str = "none"
    weekly: float = 1.0
    points: int = 0

    @property
    def yearly(self) -> float:
        """Return the growth in a year, 1.35 for 35 %."""
        return self.weekly**52

    def factor(self, since: date, until: date) -> float:
        """Return what calls of one day are multiplied by to be those of another."""
        weeks = (until - since).days / 7
        if self.kind == "weeks":
            weeks = min(weeks, 2.0 * WEEKS[1])  # a season does not go on for ever
        return float(self.weekly**weeks)


@dataclass(frozen=True)
class Used:
    """A day a forecast stands on: its calls, and what they were multiplied by."""

    day: date
    calls: int
    factor: float


@dataclass(frozen=True)
class Slot:
    """A half hour. calls: forecast; least, most: of the days it stands on, the trend included."""

    begins: datetime
    clock: str
    calls: float
    least: float
    most: float


@dataclass(frozen=True)
class Forecast:
    """A day. wanted: days it should stand on. borrowed: the type of its days, where there was none
    of its own. dead: days left out because nobody called at all.
    """

    day: date
    kind: str
    slots: tuple[Slot, ...]
    used: tuple[Used, ...]
    trend: Trend
    wanted: int
    borrowed: str = ""
    dead: int = 0

    @property
    def calls(self) -> float:
        """Return the calls of the day."""
        return math.fsum(slot.calls for slot in self.slots)

    @property
    def few(self) -> bool:
        """Tell whether it stands on too little to be trusted."""
        return len(self.used) < FEW or bool(self.borrowed)


@dataclass(frozen=True)
class History:
    """What was counted. calls: of the queues asked about. alive: days on which anybody called."""

    calendar: Calendar
    calls: Counts
    alive: frozenset[date]
    totals: Mapping[date, int] = field(init=False)

    def __post_init__(self) -> None:
        """Add up the days."""
        totals = {day: sum(self.calls.get(day, {}).values()) for day in self.alive}
        object.__setattr__(self, "totals", totals)

    def before(self, day: date) -> History:
        """Return what was known on the evening before a day."""
        alive = frozenset(each for each in self.alive if each < day)
        return History(self.calendar, self.calls, alive)


def forecast(
    history: History, day: date, wanted: int, kind: str = "", trend: bool = True
) -> Forecast:
    """Forecast a day. kind: its type, "" by the calendar. NothingKnown: no day to stand on."""
    calendar = history.calendar
    kind = kind or calendar.kind(day)
    kind = "ordinary" if kind == "storm" else kind
    own = _last(history, day, kind, wanted)
    borrowed = "" if own else next((k for k in _instead(kind) if _last(history, day, k, 1)), "")
    days = own or _last(history, day, borrowed, wanted)
    if not days:
        raise NothingKnown(f"nobody called before {day}; a forecast stands on days of the log")
    found = trend_of(history, day) if trend else Trend()
    index = _weekdays(history, day) if kind in ANY_WEEKDAY else {}
    used = tuple(
        Used(each, history.totals[each], found.factor(each, day) * _ratio(index, each, day))
        for each in days
    )
    first = days[-1]
    span = (max(each for each in history.alive if each < day) - first).days
    dead = sum(first + timedelta(days=n) not in history.alive for n in range(span))
    return Forecast(
        day, kind, tuple(_slots(history, day, used)), used, found, wanted, borrowed, dead,
    )  # fmt: skip


def _weekdays(history: History, day: date) -> dict[str, float]:
    """What the last plain Mondays, weekends and other days before one brought."""
    found = {}
    for kind in ("ordinary", "monday", "weekend"):
        calls = [history.totals[each] for each in _last(history, day, kind, PLAIN_DAYS)]
        if len(calls) >= FEW and (level := median(calls)):
            found[kind] = level
    return found


def _ratio(index: Mapping[str, float], since: date, until: date) -> float:
    """What the calls of one weekday are multiplied by to be those of another."""
    one, other = (index.get(by_weekday(each), 0.0) for each in (since, until))
    return other / one if one and other else 1.0


def _instead(kind: str) -> Iterable[str]:
    """The types taken instead of one, the best first."""
    while kind in INSTEAD:
        kind = INSTEAD[kind]
        yield kind
    yield from ("ordinary", "monday", "window", "weekend", "holiday", "schedule")


def _last(history: History, day: date, kind: str, wanted: int) -> list[date]:
    """The last days of a type before one, the latest first."""
    days = sorted((each for each in history.alive if each < day), reverse=True)
    found = (each for each in days if history.calendar.kind(each) == kind)
    return [each for each, _ in zip(found, range(wanted), strict=False)]


def _slots(history: History, day: date, used: Sequence[Used]) -> Iterable[Slot]:
    calendar = history.calendar
    totals = [each.calls * each.factor for each in used]
    level = median(totals)
    carried = [_by_clock(history, each) for each in used]
    begins = [(moment, calendar.clock(moment)) for moment in calendar.half_hours(day)]
    shape = [_mean(_brought(carried, totals, level, clock)) for _, clock in begins]
    whole = math.fsum(shape)
    share = level / whole if whole else 0.0
    for (moment, clock), calls in zip(begins, shape, strict=True):
        each = [clocks[clock] for clocks in carried if clock in clocks] or [0.0]
        yield Slot(moment, clock, calls * share, min(each), max(each))


def _by_clock(history: History, used: Used) -> dict[str, float]:
    """The calls of a day by wall clock, trend included; of an hour that came twice, the mean."""
    found: dict[str, list[int]] = {}
    calls = history.calls.get(used.day, {})
    for moment in history.calendar.half_hours(used.day):
        found.setdefault(history.calendar.clock(moment), []).append(calls.get(moment, 0))
    return {clock: fmean(each) * used.factor for clock, each in found.items()}


def _brought(
    carried: Sequence[Mapping[str, float]], totals: Sequence[float], level: float, clock: str
) -> list[float]:
    """The calls of a half hour on each day, were its total the level."""
    return [
        clocks[clock] * level / total
        for clocks, total in zip(carried, totals, strict=True)
        if clock in clocks and total
    ]


def _mean(values: Sequence[float]) -> float:
    kept = sorted(values)[1:-1] if len(values) >= 5 else values
    return fmean(kept) if kept else 0.0


# ---------------------------------------------------------------------- the trend


def trend_of(history: History, day: date) -> Trend:
    """Return how the calls grow: against the year before, else over the last weeks, else not."""
    return _of_year(history, day) or _of_weeks(history, day) or Trend()


def _of_year(history: History, day: date) -> Trend | None:
    """The median of what each of the last days brought against its counterpart a year before."""
    calm = history.calendar
    ratios = []
    for back in range(1, OVER + 1):
        now = day - timedelta(days=back)
        then = now - timedelta(days=YEAR)
        if not (history.totals.get(now) and history.totals.get(then)):
            continue
        if calm.kind(now) == calm.kind(then) != "storm":
            ratios.append(history.totals[now] / history.totals[then])
    if len(ratios) < PAIRS:
        return None
    growth = min(max(median(ratios), YEARLY[0]), YEARLY[1])
    return Trend("year", growth ** (1 / 52), len(ratios))


def _of_weeks(history: History, day: date) -> Trend | None:
    """The slope through the medians of the last weeks (Theil, Sen), where they clearly rise or
    fall (Mann, Kendall; 5 %).
    """
    weeks = []
    for number in range(WEEKS[1], 0, -1):
        days = [day - timedelta(days=7 * number - each) for each in range(7)]
        calls = [
            history.totals[each]
            for each in days
            if history.totals.get(each) and history.calendar.kind(each) == "ordinary"
        ]
        if calls:
            weeks.append((-number, math.log(median(calls))))
    if len(weeks) < WEEKS[0]:
        return None
    pairs = [(b[0] - a[0], b[1] - a[1]) for n, a in enumerate(weeks) for b in weeks[n + 1 :]]
    clear = abs(sum((rise > 0) - (rise < 0) for _, rise in pairs))
    count = len(weeks)
    if clear <= 1.96 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18):
        return None
    weekly = math.exp(median(rise / length for length, rise in pairs))
    return Trend("weeks", min(max(weekly, WEEKLY[0]), WEEKLY[1]), count)
