"""Company profiles: `flows/companies/*.yaml`, one a grid operator, chosen by the dialled number.

A profile holds what differs between operators and no rule of any of them stands in Python: numbers,
languages, time zone, the form of an account number, the window of readings, limits.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ivr.engine import Limits
from ivr.errors import FlowError


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


@dataclass(frozen=True)
class ReadingLimits:
    """Bounds of plausibility (section P1-P11 of `docs/readings.md`).

    high_use: consumption above this many times the usual one is asked again.
    floor_kwh: consumption below it is never called high.
    tries: values refused for one register before an operator is offered.
    draft_hours: how long a broken-off dialogue can be gone on with.
    wrong_accounts, wrong_minutes: unknown accounts from one number before answers are delayed.
    """

    high_use: float = 3.0
    floor_kwh: int = 20
    tries: int = 3
    draft_hours: float = 2.0
    wrong_accounts: int = 5
    wrong_minutes: float = 10.0


@dataclass(frozen=True)
class Company:
    """One profile.

    languages: in the order of key 8; the first one answers. offer: languages named in the greeting.
    numbers: dialled numbers, E.164. region: ISO country, for numbers typed in the national form.
    account: pattern a whole account number matches.
    """

    id: str
    name: str
    region: str
    zone: ZoneInfo
    languages: tuple[str, ...]
    offer: tuple[str, ...]
    numbers: tuple[str, ...]
    account: re.Pattern[str]
    window: WindowRule
    limits: Limits = field(default_factory=Limits)
    readings: ReadingLimits = field(default_factory=ReadingLimits)


def load(folder: Path) -> dict[str, Company]:
    """Read every profile. FlowError names the file and the key of what is wrong."""
    companies = {path.stem: read(path) for path in sorted(folder.glob("*.yaml"))}
    if not companies:
        raise FlowError(f"{folder}: no company profiles (*.yaml) there")
    owners: dict[str, str] = {}
    for company in companies.values():
        for number in company.numbers:
            owner = owners.setdefault(number, company.id)
            if owner != company.id:
                raise FlowError(f"{folder}: number {number} belongs to {owner} and {company.id}")
    return companies


def read(path: Path) -> Company:
    """Read one profile."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _company(document, path.stem)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as reason:
        raise FlowError(f"{path}: cannot be read: {' '.join(str(reason).split())}") from reason
    except ZoneInfoNotFoundError as reason:
        raise FlowError(
            f"{path}: timezone {document['timezone']}: not known; correct it, or install tzdata"
        ) from reason
    except KeyError as reason:
        raise FlowError(f"{path}: `{reason.args[0]}` is missing") from reason
    except (TypeError, ValueError, re.error) as reason:
        raise FlowError(f"{path}: {reason}") from reason


_KEYS = {
    "company", "name", "region", "timezone", "languages", "offer", "numbers", "account", "window",
    "limits", "readings",
}  # fmt: skip


def _company(document: Any, name: str) -> Company:
    if not isinstance(document, Mapping):
        raise ValueError("a mapping is wanted")
    if unknown := set(document) - _KEYS:
        raise ValueError(f"unknown key `{min(unknown)}`")
    if document["company"] != name:
        raise ValueError(f"says `company: {document['company']}`, the file is named {name}")
    window = document["window"]
    languages = _words(document, "languages")
    if not languages:
        raise ValueError("`languages` is empty; the first one answers")
    offer = _words(document, "offer") if "offer" in document else ()
    for language in offer:
        if language not in languages:
            raise ValueError(f"`offer`: {language} is not among `languages`")
    return Company(
        id=name,
        name=str(document["name"]),
        region=_region(document["region"]),
        zone=ZoneInfo(document["timezone"]),
        languages=languages,
        offer=offer,
        numbers=_words(document, "numbers"),
        account=re.compile(str(document["account"])),
        window=WindowRule(
            _day(window["open"], "window: open"),
            _day(window["close"], "window: close"),
            _day(window["as_of"], "window: as_of") if "as_of" in window else None,
        ),
        limits=Limits(**_bounds(document, "limits")),
        readings=ReadingLimits(**_bounds(document, "readings")),
    )


def _words(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    words = document[key]
    if not isinstance(words, list):
        raise ValueError(f"`{key}` must be a list, found {words!r}")
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"`{key}`: {word!r} must stand in quotes")
    return tuple(words)


def _region(code: Any) -> str:
    if not isinstance(code, str) or not re.fullmatch("[A-Z]{2}", code):
        raise ValueError(f"`region` is two capital letters in quotes, found {code!r}")
    return code


def _bounds(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    bounds = document.get(key) or {}
    for name, bound in bounds.items():
        if isinstance(bound, bool) or not isinstance(bound, int | float) or bound < 0:
            raise ValueError(f"`{key}: {name}` is a number from 0 up, found {bound!r}")
    return dict(bounds)


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
