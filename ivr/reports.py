"""Reports, counted from the log of events and nothing else.

`wait`: the wait that callers were told against the wait they had. A promise is one `told` event; it
is kept or broken by the next `answered` event of its call that names an operator. What was told is
what the caller heard: whole minutes, rounded up.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from itertools import groupby
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import select

from ivr.expected_wait import minutes
from ivr.store.database import Store
from ivr.store.models import CallEvent

ALL = "all"
LONGEST_WAIT = timedelta(hours=12)
"""How long after the last day an answer still belongs to a promise of that day."""
KINDS = ("told", "queued", "answered")


@dataclass(frozen=True)
class Promise:
    """One wait that was told, in seconds, and the true one; None: nobody answered."""

    queue: str
    told: float
    waited: float | None


@dataclass(frozen=True)
class Row:
    """Promises of one queue (or all). Times are seconds, medians and 90 % of what was answered.

    error: how far the true wait was from what was told, whichever way. bias: the median of true
    minus told; above 0 callers waited longer than they were told. longer: share of those who did.
    """

    queue: str
    promises: int
    answered: int
    told: float | None
    waited: float | None
    bias: float | None
    error: float | None
    error_90: float | None
    longer: float | None


HEADINGS = {
    "queue": "queue",
    "promises": "promises",
    "answered": "answered",
    "told": "told, s",
    "waited": "waited, s",
    "bias": "waited-told, s",
    "error": "error, s",
    "error_90": "error 90 %, s",
    "longer": "longer than told",
}


def wait(store: Store, company: str, zone: ZoneInfo, first: date, last: date) -> list[Row]:
    """Return a row for each queue, by name, and one for all. first, last: local days, both in."""
    promises = list(promised(store, company, zone, first, last))
    queues = sorted({promise.queue for promise in promises})
    rows = [_row(queue, [each for each in promises if each.queue == queue]) for queue in queues]
    return [*rows, _row(ALL, promises)]


def promised(
    store: Store, company: str, zone: ZoneInfo, first: date, last: date
) -> Iterator[Promise]:
    """Return every promise told on these days."""
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    wanted = (
        select(CallEvent)
        .where(CallEvent.company == company, CallEvent.kind.in_(KINDS))
        .where(CallEvent.at >= begin, CallEvent.at < end + LONGEST_WAIT)
        .order_by(CallEvent.call, CallEvent.at, CallEvent.id)
    )
    with store.session(read_only=True) as db:
        events = db.scalars(wanted.execution_options(yield_per=1000))
        for _, of_call in groupby(events, key=lambda event: event.call):
            yield from _of_call(of_call, end)


def _of_call(events: Iterable[CallEvent], end: datetime) -> Iterator[Promise]:
    """Match the promises of one call with the answers that followed."""
    open_: list[tuple[datetime, float]] = []
    queue = ""
    for event in events:
        if event.kind == "queued":
            queue = str(event.details.get("queue") or queue)
        elif event.kind == "told" and event.at < end:
            open_.append((event.at, minutes(float(event.details["seconds"])) * 60.0))
        elif event.kind == "answered" and "operator" in event.details:
            queue = str(event.details.get("queue") or queue)
            for at, told in open_:
                yield Promise(queue, told, (event.at - at).total_seconds())
            open_ = []
    for _, told in open_:
        yield Promise(queue, told, None)


def _row(queue: str, promises: Sequence[Promise]) -> Row:
    kept = [(each.told, each.waited) for each in promises if each.waited is not None]
    late = [waited - told for told, waited in kept]
    errors = sorted(abs(each) for each in late)
    return Row(
        queue=queue,
        promises=len(promises),
        answered=len(kept),
        told=_median([told for told, _ in kept]),
        waited=_median([waited for _, waited in kept]),
        bias=_median(late),
        error=_median(errors),
        error_90=round(errors[math.ceil(0.9 * len(errors)) - 1], 1) if errors else None,
        longer=round(sum(each > 0 for each in late) / len(late), 3) if late else None,
    )


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 1) if values else None


# ---------------------------------------------------------------------- for people and programs


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows for a terminal."""
    cells = [
        list(HEADINGS.values()),
        *([_cell(*item) for item in asdict(row).items()] for row in rows),
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name == "longer" and isinstance(value, float):
        return f"{value:.1%}"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def as_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV with a heading; empty where there is no figure."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    writer.writerows(asdict(row).values() for row in rows)
    return target.getvalue().rstrip("\n")


def as_json(rows: Sequence[Row]) -> str:
    """Return the rows as a JSON list."""
    return json.dumps([asdict(row) for row in rows], indent=2)


FORMATS = {"table": as_table, "csv": as_csv, "json": as_json}
