"""What the rows of a report are: intervals of time, queues, languages, numbers.

Days are local. Hours and half hours are cut in UTC and shown in local time beside the offset from
UTC, so that the hour that comes twice in autumn is two rows, and a day has 46, 48 or 50 half hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, type_coerce

from ivr.reporting.asked import TIMES, Asked
from ivr.reporting.table import Cell, Column, Kind, Phrase

HALF = timedelta(minutes=30)
HOUR = timedelta(hours=1)
Label = tuple[Cell, ...]
"""Cells at the beginning of a row."""


@dataclass(frozen=True)
class Group:
    """One thing that rows are made of.

    columns: what a label's cells are. field: of the table of facts that it is read from.
    label: makes a label of what the store holds there. every: the labels that have a row in any
    case, in their order.
    """

    columns: tuple[Column, ...]
    field: str
    label: Callable[[Any], Label]
    every: tuple[Label, ...] = ()


class Groups:
    """Some of them together. table: of facts, which has a column for each of them."""

    def __init__(self, asked: Asked, names: Sequence[str], table: type[Any]) -> None:
        self._groups = [group(asked, name) for name in names]
        self.columns = tuple(column for each in self._groups for column in each.columns)
        self.keys: list[ColumnElement[Any]] = [
            type_coerce(getattr(table, each.field), String)
            if each.field == "interval"
            else getattr(table, each.field)
            for each in self._groups
        ]
        self._known: dict[tuple[Any, ...], Label] = {}

    def label(self, found: Sequence[Any]) -> Label:
        """Return the label of a row whose first cells are the `keys`."""
        key = tuple(found[: len(self.keys)])
        if key not in self._known:
            parts = zip(self._groups, key, strict=True)
            self._known[key] = tuple(cell for each, raw in parts for cell in each.label(raw))
        return self._known[key]

    def order(self, found: Iterable[Label]) -> Iterator[Label]:
        """Yield every label that has a row: those that always have, and what was found."""
        if len(self._groups) == 1:
            always = self._groups[0].every
            yield from always
            yield from sorted(set(found) - set(always), key=_sortable)
        else:
            yield from sorted(set(found), key=_sortable)

    def total(self) -> Label:
        """Return the label of the row of all."""
        if not self.columns:
            return ()
        return (Phrase("all"), *(None for _ in self.columns[1:]))


def _sortable(label: Label) -> list[tuple[str, Any]]:
    """Cells of one column are of one kind, or None, which comes last."""
    return [("b", "") if cell is None else ("a", _instant(cell)) for cell in label]


def _instant(cell: Cell) -> Any:
    return cell.timestamp() if isinstance(cell, datetime) else cell


def group(asked: Asked, name: str) -> Group:
    """Return what a name of `--by` means. KeyError: there is none."""
    zone = asked.zone
    if name in ("half-hour", "hour"):
        step = HALF if name == "half-hour" else HOUR
        every = tuple(dict.fromkeys(_clock(each, zone, step) for each in halves(asked)))
        return Group(
            (Column("begins", "moment"), Column("offset", "text")),
            "interval",
            lambda raw: _clock(moment(raw), zone, step),
            every,
        )
    if name in TIMES:
        kind: Kind = "text" if name == "year" else "month" if name == "month" else "day"
        cut = {"day": lambda day: day, "month": lambda day: day.replace(day=1), "year": _year}[name]
        every = tuple(dict.fromkeys((cut(day),) for day in days(asked.first, asked.last)))
        return Group((Column(name, kind),), "day", lambda day: (cut(day),), every)
    named = {
        "queue": ("queue_", tuple((each,) for each in asked.company.queues)),
        "language": ("language_", tuple((each,) for each in asked.company.languages)),
        "number": ("", tuple((each,) for each in asked.company.numbers)),
        "priority": ("priority_", ()),
        "topic": ("topic_", ()),
        "ended-by": ("ender_", ()),
        "entrance": ("entrance_", ()),
        "channel": ("channel_", ()),
        "release": ("", ()),
        "flow": ("flow_", ()),
        "operator": ("", ()),
    }
    words, always = named[name]
    field = {"number": "dialled", "ended-by": "ended_by"}.get(name, name)
    key = name.replace("-", "_")
    return Group((Column(key, "text", words=words),), field, _text, always)


def _text(raw: Any) -> Label:
    return (None if raw is None else str(raw),)


def _year(day: date) -> str:
    return str(day.year)


def _clock(at: datetime, zone: ZoneInfo, step: timedelta) -> Label:
    """The local interval in which a moment lies, and its offset ("+03:00")."""
    local = at.astimezone(zone)
    since = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    begins = (local.astimezone(UTC) - since % step).astimezone(zone)
    offset = begins.strftime("%z")
    return begins, f"{offset[:3]}:{offset[3:]}"


def moment(raw: Any) -> datetime:
    """Return the moment that a database holds; SQLite holds a text in UTC."""
    found = datetime.fromisoformat(raw) if isinstance(raw, str) else raw
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def halves(asked: Asked) -> Iterator[datetime]:
    """Yield the UTC instants at which the half hours of the range begin."""
    at, end = asked.begin.astimezone(UTC), asked.end.astimezone(UTC)
    while at < end:
        yield at
        at += HALF


def days(first: date, last: date) -> Iterator[date]:
    """Yield days, both ends in."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
