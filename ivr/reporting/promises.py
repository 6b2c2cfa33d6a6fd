"""`callbacks`: how promises to call back were kept.

Counted from the store: a promise is a row of its own there. It belongs to the local day on which it
was made. In time is what its clock says (`ivr.callback_clock`); without a rule every kept one is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.callback_clock import clocks, mark
from ivr.figures import aligned, as_csv, as_json
from ivr.reporting.asked import Asked
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.database import Store
from ivr.store.models import Callback
from ivr.store.supply import CallbackClock

ALL = "all"
KEPT = ("done", "resumed")
HEADINGS = (
    "day", "queue", "asked", "in time", "late", "open", "red", "overdue", "in vain", "cancelled",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Promises of one queue and day (or all). in_time, late: kept, he rang himself included.

    open: still to be kept; red: those of them that are pressing; overdue: those that are late.
    in_vain: every try was. Their sum without `red` and `overdue` is `asked`.
    """

    day: str
    queue: str
    asked: int
    in_time: int
    late: int
    open: int
    red: int
    overdue: int
    in_vain: int
    cancelled: int


def report(asked: Asked) -> list[Table]:
    """How promises to call back were kept.

    asked = in time + late + open + in vain + cancelled. In time: kept within the hours of the
    profile (`callbacks`), the customer's own call included; share = in time / (in time + late + in
    vain). Open promises may be pressing or overdue.
    """
    found = _rows(asked.db, asked.company.id, asked.zone, asked.begin, asked.end, asked.now)
    cells: list[tuple[Cell, ...]] = []
    for row in found:
        ended = row.in_time + row.late + row.in_vain
        label = (Phrase("all"), None) if row.day == ALL else (row.day, row.queue)
        cells.append((*label, *astuple(row)[2:], share(row.in_time, ended)))
    columns = (
        Column("day", "text"),
        Column("queue", "text", words="queue_"),
        *(Column(f"callbacks_{each.name}") for each in fields(Row)[2:]),
        Column("in_time_share", "share"),
    )
    hours = asked.company.terms.callbacks.hours
    note = Phrase("note_callbacks" if hours else "note_callbacks_free", {"hours": hours})
    plot = Plot("bar", "day", ("callbacks_in_time", "callbacks_late"))
    return [Table("callbacks", columns, cells, (note,), plot)]


def rows(
    store: Store, company: str, zone: ZoneInfo, first: date, last: date, now: datetime
) -> list[Row]:
    """Return a row for each day and queue, and one for all. first, last: local days, both in."""
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    with store.session(read_only=True) as db:
        return _rows(db, company, zone, begin, end, now)


def _rows(
    db: Session, company: str, zone: ZoneInfo, begin: datetime, end: datetime, now: datetime
) -> list[Row]:
    wanted = (
        select(Callback)
        .where(Callback.company == company)
        .where(Callback.created_at >= begin, Callback.created_at < end)
        .order_by(Callback.created_at)
    )
    counted: dict[tuple[str, str], Counter[str]] = {}
    promises = list(db.scalars(wanted))
    times = clocks(db, promises)
    for promise in promises:
        words = ["asked", *_words(promise, times.get(promise.id), now)]
        day = f"{promise.created_at.astimezone(zone):%Y-%m-%d}"
        for key in ((day, promise.queue), (ALL, ALL)):
            counted.setdefault(key, Counter()).update(words)
    counted.setdefault((ALL, ALL), Counter())
    keys = sorted(key for key in counted if key[0] != ALL)
    return [_row(*key, counted[key]) for key in [*keys, (ALL, ALL)]]


def _words(promise: Callback, clock: CallbackClock | None, now: datetime) -> Iterator[str]:
    """The columns that one promise counts in, besides `asked`."""
    if promise.live:
        yield "open"
        if pressing := mark(clock, now):
            yield {"red": "red", "late": "overdue"}[pressing]
    elif promise.state in KEPT:
        late = (
            clock is not None and promise.ended_at is not None and promise.ended_at > clock.due_at
        )
        yield "late" if late else "in_time"
    else:
        yield "in_vain" if promise.state == "failed" else "cancelled"


def _row(day: str, queue: str, counted: Counter[str]) -> Row:
    figures = {field.name: counted[field.name] for field in fields(Row)[2:]}
    return Row(day=day, queue=queue, **figures)


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows for a terminal."""
    cells = [list(HEADINGS), *([str(cell) for cell in asdict(row).values()] for row in rows)]
    return aligned(cells, words=2)


FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {
    "table": as_table,
    "csv": partial(as_csv, Row),
    "json": as_json,
}
