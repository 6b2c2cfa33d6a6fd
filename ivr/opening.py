"""When operators answer: opening hours of queues by weekday, holidays, the company's clock.

Hours are times of the local wall clock, on days that may have 23 or 25 hours. A span begins when
the clock first shows its first time (or a later one, where the clock skips it) and ends when the
clock last shows its last one; it belongs to the day on which it begins, also when it goes over
midnight. A queue without hours is always open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import holidays as public_holidays

T = TypeVar("T")

Span = tuple[int, int]
"""First and last minute of a local day; a last one over 1440 lies on the next day."""
Spans = tuple[Span, ...]

DAY = 1440
ALL = "*"
"""The service of a change that is about every queue that has hours, and every office."""
LOOK = 400
"""Days looked ahead for the next opening; a queue that opens later than that never opens."""


@dataclass(frozen=True)
class Week:
    """Opening hours of one queue. days: from Monday. holidays: None: as on any other day.

    closed_to: queue that takes the callers while this one is closed, "" where none does.
    changes: hours of single days, which go before all others.
    """

    days: tuple[Spans, Spans, Spans, Spans, Spans, Spans, Spans]
    holidays: Spans | None = None
    closed_to: str = ""
    changes: Mapping[date, Spans] = field(default_factory=dict)


def daily(first: int, last: int) -> Week:
    """Return the week of hours that are the same on every day, holidays included."""
    span = ((first, last if last > first else last + DAY),)
    return Week((span,) * 7)


_ALWAYS = Week((((0, DAY),),) * 7)


@dataclass(frozen=True)
class Holidays:
    """The holidays of a company, as a set of days (`day in holidays`).

    country: ISO code whose public holidays count, part: ISO code of a part of it; "" for none.
    yearly: (month, day). dates: single days. working: days that are none after all.
    """

    country: str = ""
    part: str = ""
    yearly: frozenset[tuple[int, int]] = frozenset()
    dates: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date) or day in self.working:
            return False
        if day in self.dates or (day.month, day.day) in self.yearly:
            return True
        return bool(self.country) and day in public(self.country, self.part, day.year)


@lru_cache(maxsize=256)
def public(country: str, part: str, year: int) -> frozenset[date]:
    """Return the public holidays of one year, moved ones and days off between them included."""
    return frozenset(public_holidays.country_holidays(country, subdiv=part or None, years=year))


Changes = Mapping[tuple[str, date], Spans]
"""Other hours of a queue, an office ("office:center") or `ALL` on single days; () is closed."""


@dataclass(frozen=True)
class Opening:
    """When the queues of one company are open. Moments go in and come out as aware datetimes.

    changes: what holds on single days instead of the week; `ivr.hours_changes` knows them.
    """

    zone: ZoneInfo
    weeks: Mapping[str, Week] = field(default_factory=dict)
    holidays: Holidays = field(default_factory=Holidays)
    changes: Changes = field(default_factory=dict)

    def week(self, queue: str) -> Week | None:
        """Return the week of a queue with its changes, None for one that is always open."""
        known = self.weeks.get(queue)
        own = {day: spans for (service, day), spans in self.changes.items() if service == queue}
        if known is None:
            return replace(_ALWAYS, changes=own) if own else None
        every = {day: spans for (service, day), spans in self.changes.items() if service == ALL}
        return replace(known, changes=every | own) if every or own else known

    def changed(self, service: str, day: date) -> Spans | None:
        """Return the hours that hold on one day instead of the usual ones, None: the usual ones."""
        own = self.changes.get((service, day))
        return self.changes.get((ALL, day)) if own is None else own

    def shows(self, day: date, hours: Span) -> bool:
        """Tell whether a day has these hours at all: its clock may skip them."""
        begins, ends = next(self._of_day(replace(_ALWAYS, changes={day: (hours,)}), day))
        return begins < ends

    def is_open(self, queue: str, now: datetime) -> bool:
        """Tell whether a queue is open."""
        week = self.week(queue)
        return week is None or self._covers(week, now)

    def opens_next(self, queue: str, now: datetime) -> datetime | None:
        """Return when a queue is open next, local: now if it is open, None if it never opens."""
        return self._local(self._next(self.week(queue), now))

    def next_of(self, week: Week, now: datetime) -> datetime | None:
        """Return when a week that is no queue's is open next, as `opens_next` does."""
        return self._local(self._next(week, now))

    def taken_by(self, queue: str, now: datetime) -> str:
        """Return the queue that takes the callers of one now: itself, or while it is closed the
        first open one that its `closed_to` leads to.
        """
        here = queue
        while not self.is_open(here, now):
            here = self.weeks[here].closed_to if here in self.weeks else ""
            if not here:
                return queue
        return here

    def meets_next(self, queue: str, other: Week, now: datetime) -> datetime | None:
        """Return the first moment from now on at which a queue and another week are both open."""
        moment: datetime | None = now
        for _ in range(LOOK):
            opens = self._next(self.week(queue), moment) if moment else None
            moment = self._next(other, opens) if opens else None
            if moment is None or moment == opens:
                return self._local(moment)
        return None

    def after(self, queue: str, since: datetime, length: timedelta) -> datetime | None:
        """Return when a queue will have been open for `length` since a moment."""
        week = self.week(queue)
        if week is None:
            return since + length
        cursor = since
        for begins, ends in self._spells(week, since):
            begins = max(begins, cursor)
            if ends - begins >= length:
                return begins + length
            if ends > begins:
                length, cursor = length - (ends - begins), ends
        return None

    def is_holiday(self, day: date) -> bool:
        """Tell whether a local day is a holiday of the company."""
        return day in self.holidays

    def _covers(self, week: Week, now: datetime) -> bool:
        today = now.astimezone(self.zone).date()
        days = (today - timedelta(days=1), today)
        return any(begins <= now < ends for day in days for begins, ends in self._of_day(week, day))

    def _next(self, week: Week | None, now: datetime) -> datetime | None:
        if week is None or self._covers(week, now):
            return now.astimezone(UTC)
        return next((begins for begins, _ in self._spells(week, now) if begins >= now), None)

    def _local(self, moment: datetime | None) -> datetime | None:
        return moment.astimezone(self.zone) if moment else None

    def _spells(self, week: Week, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The spans of the days around and after a moment, in order, as UTC."""
        today = now.astimezone(self.zone).date()
        for ahead in range(-1, LOOK):
            yield from self._of_day(week, today + timedelta(days=ahead))

    def _of_day(self, week: Week, day: date) -> Iterator[tuple[datetime, datetime]]:
        spans = week.changes.get(day)
        if spans is None:
            plain = week.days[day.weekday()]
            spans = plain if week.holidays is None or day not in self.holidays else week.holidays
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the wall clock
        for first, last in spans:
            begins = self._moment(midnight + timedelta(minutes=first), fold=0)
            yield begins, self._moment(midnight + timedelta(minutes=last), fold=1)

    def _moment(self, wall: datetime, fold: int) -> datetime:
        """When the clock shows this time, UTC; where it skips it, the first one after it."""
        while True:
            moment = wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
            if moment.astimezone(self.zone).replace(tzinfo=None) == wall:
                return moment
            wall += timedelta(minutes=1)


# ---------------------------------------------------------------------- from a profile

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "24/7"
HOURS_KEYS = (*WEEKDAYS, "holidays", "closed_to")
HOLIDAY_KEYS = ("country", "part", "yearly", "dates", "working")


def weeks(document: Mapping[str, object], queues: Mapping[str, object]) -> dict[str, Week]:
    """Read `hours:` of a profile. ValueError names the queue and the day that is wrong."""
    read: dict[str, Week] = {}
    for queue, given in document.items():
        if queue not in queues:
            raise ValueError(f"`hours: {queue}` is no queue")
        if given != ALWAYS:
            read[queue] = _week(f"hours: {queue}", given)
    for queue in read:
        _follow(queue, read, queues)
    return read


def _follow(queue: str, read: Mapping[str, Week], queues: Mapping[str, object]) -> None:
    """Refuse `closed_to` that leads nowhere or in a circle."""
    seen, here = [queue], read[queue].closed_to
    while here:
        if here not in queues:
            raise ValueError(f"`hours: {seen[-1]}: closed_to`: {here} is no queue")
        if here in seen:
            raise ValueError(f"`hours: {queue}: closed_to` leads in a circle over {here}")
        seen.append(here)
        here = read[here].closed_to if here in read else ""


def _week(place: str, given: object) -> Week:
    if not isinstance(given, Mapping):
        return Week((_spans(place, given),) * 7)
    days: list[Spans] = [()] * 7
    named: set[int] = set()
    for key in given.keys() - {"holidays", "closed_to"}:
        for number in _days(place, str(key)):
            if number in named:
                raise ValueError(f"`{place}`: {WEEKDAYS[number]} is named twice")
            named.add(number)
            days[number] = _spans(f"{place}: {key}", given[key])
    if not named:
        raise ValueError(f"`{place}` names no day; write mon-fri: or alike")
    on_holidays = given.get("holidays", "closed")
    closed_to = given.get("closed_to") or ""
    if not isinstance(closed_to, str):
        raise ValueError(f"`{place}: closed_to` is the name of a queue, found {closed_to!r}")
    open_ = on_holidays == "open"
    holidays = None if open_ else _spans(f"{place}: holidays", on_holidays)
    return Week(tuple(days), holidays, closed_to)  # type: ignore[arg-type]


def _days(place: str, key: str) -> Iterator[int]:
    """The weekdays of "mon" or "mon-fri", which may go round the end of the week."""
    first, _, last = key.partition("-")
    last = last or first
    if first not in WEEKDAYS or last not in WEEKDAYS:
        names = ", ".join(WEEKDAYS)
        raise ValueError(f"`{place}`: `{key}` is no day; write {names}, mon-fri, holidays")
    begin, length = WEEKDAYS.index(first), WEEKDAYS.index(last) - WEEKDAYS.index(first)
    return ((begin + offset) % 7 for offset in range(length % 7 + 1))


def _spans(place: str, given: object) -> Spans:
    """Read ["08:00", "20:00"], a list of such spans, `closed` or `24/7`."""
    if given == "closed":
        return ()
    if given == ALWAYS:
        return ((0, DAY),)
    rows = given if isinstance(given, list) and given and isinstance(given[0], list) else [given]
    spans = tuple(span(place, row) for row in rows)
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise ValueError(f"`{place}`: the spans overlap or stand in the wrong order")
    return spans


def span(place: str, given: object) -> Span:
    """Read two times of day; a last one before the first: over midnight."""
    try:
        first, last = map(minutes, given)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise ValueError(f'`{place}` is ["08:00", "20:00"] or alike, found {given!r}') from None
    if first in (last, DAY):
        raise ValueError(f"`{place}` closes when it opens, found {given!r}; always is 24/7")
    return first, last if last > first else last + DAY


def minutes(text: object) -> int:
    """Read "HH:MM", to "24:00", as minutes of a day."""
    if not isinstance(text, str):
        raise TypeError(text)
    if text == "24:00":
        return DAY
    clock = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - a time of day
    return clock.hour * 60 + clock.minute


def holidays(given: Mapping[str, object]) -> Holidays:
    """Read `holidays:` of a profile. ValueError names the key that is wrong."""
    if unknown := sorted(set(given) - set(HOLIDAY_KEYS)):
        raise ValueError(f"`holidays`: unknown key `{unknown[0]}`")
    country, part = str(given.get("country") or ""), str(given.get("part") or "")
    _known_country(country, part)
    return Holidays(
        country, part,
        frozenset(_each(given, "yearly", _yearly)),
        frozenset(_each(given, "dates", _date)),
        frozenset(_each(given, "working", _date)),
    )  # fmt: skip


def _known_country(country: str, part: str) -> None:
    known = public_holidays.list_supported_countries()
    if country and country not in known:
        raise ValueError(f"`holidays: country` is an ISO code of two letters, found {country!r}")
    if part and part not in known.get(country, ()):
        raise ValueError(f"`holidays: part`: no holidays of their own are known for {part!r}")


def _each(given: Mapping[str, object], key: str, read: Callable[[object], T]) -> list[T]:
    rows = given.get(key) or []
    if not isinstance(rows, list):
        raise ValueError(f"`holidays: {key}` must be a list, found {rows!r}")
    return [read(row) for row in rows]


def _yearly(text: object) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"2024-{text}")  # a leap year: 02-29 is a day
    except ValueError:
        raise ValueError(f'`holidays: yearly` wants "12-25" and alike, found {text!r}') from None
    return day.month, day.day


def _date(given: object) -> date:
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise ValueError(f"`holidays` wants days like 2026-12-25, found {given!r}") from None
