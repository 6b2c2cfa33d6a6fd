"""The days of each month on which readings are taken."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Day:
    """A day relative to a month, by one of the rules `day`, `last_day_minus`, `next_month_day`.

    A day that the month lacks is its last day (the 30th of February).
    """

    rule: str
    count: int

    def of(self, year: int, month: int) -> date:
        """Return the day this rule names for a month."""
        if self.rule == "next_month_day":
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        last = calendar.monthrange(year, month)[1]
        number = last - self.count if self.rule == "last_day_minus" else min(self.count, last)
        return date(year, month, number)


@dataclass(frozen=True)
class Window:
    """The days in which readings count for a billing day. Both days belong to it (local time).

    as_of: the day readings of the window count for; None: each for its own day.
    """

    opens: date
    closes: date
    as_of: date | None


@dataclass(frozen=True)
class WindowRule:
    """When readings are taken: from day `opens` of each month to day `closes`, whole local days."""

    opens: Day
    closes: Day
    as_of: Day | None = None

    def window(self, year: int, month: int) -> Window:
        """Return the window that belongs to a month."""
        as_of = self.as_of.of(year, month) if self.as_of else None
        return Window(self.opens.of(year, month), self.closes.of(year, month), as_of)

    def at(self, day: date) -> Window | None:
        """Return the window a day lies in, or None."""
        return next((w for w in self._around(day) if w.opens <= day <= w.closes), None)

    def last(self, day: date) -> Window:
        """Return the last window that closed before a day."""
        return max((w for w in self._around(day) if w.closes < day), key=lambda w: w.closes)

    def next(self, day: date) -> Window:
        """Return the next window that opens after a day."""
        return min((w for w in self._around(day) if w.opens > day), key=lambda w: w.opens)

    def _around(self, day: date) -> list[Window]:
        months = [day.year * 12 + day.month - 1 + offset for offset in range(-2, 3)]
        return [self.window(month // 12, month % 12 + 1) for month in months]


def read(rules: Mapping[str, Mapping[str, int]]) -> WindowRule:
    """Read `window:` of a profile. KeyError, ValueError name the rule that is missing or wrong."""
    return WindowRule(
        _day(rules["open"], "window: open"),
        _day(rules["close"], "window: close"),
        _day(rules["as_of"], "window: as_of") if "as_of" in rules else None,
    )


def _day(rule: Mapping[str, int], place: str) -> Day:
    ranges = {"day": (1, 31), "last_day_minus": (0, 27), "next_month_day": (1, 31)}
    if not isinstance(rule, Mapping) or len(rule) != 1 or next(iter(rule)) not in ranges:
        raise ValueError(f"`{place}` wants one of {', '.join(ranges)}, found {rule!r}")
    ((name, count),) = rule.items()
    low, high = ranges[name]
    if not isinstance(count, int) or not low <= count <= high:
        raise ValueError(f"`{place}: {name}` is {low}..{high}, found {count!r}")
    return Day(name, count)


def days_between(earlier: date, later: date) -> int:
    """Whole calendar days from one local day to another (clock changes do not matter)."""
    return (later - earlier) // timedelta(days=1)
