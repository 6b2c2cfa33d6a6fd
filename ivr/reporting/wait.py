"""`wait`: the wait that callers were told against the wait they had.

A promise is one `told` event; it is kept or broken by the next `answered` event of its call that
names an operator. What was told is what the caller heard: whole minutes, rounded up. Counted from
the log of events and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.expected_wait import minutes
from ivr.figures import aligned, as_csv, as_json, quantile
from ivr.reporting.asked import Asked
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table
from ivr.store.database import Store
from ivr.store.models import CallEvent
from ivr.storm.records import Interval, intervals

ALL = "all"
LONGEST_WAIT = timedelta(hours=12)
"""How long after the last day an answer still belongs to a promise of that day."""
KINDS = ("told", "queued", "answered")


@dataclass(frozen=True)
class Promise:
    """One wait that was told, in seconds, and the true one; None: nobody answered.

    storm: it was told while storm mode was on.
    """

    queue: str
    told: float
    waited: float | None
    storm: bool = False


@dataclass(frozen=True)
class Row:
    """Promises of one queue (or all). Times are seconds, medians and 90 % of what was answered.

    storm: promises that were told while storm mode was on.
    error: how far the true wait was from what was told, whichever way. bias: the median of true
    minus told; above 0 callers waited longer than they were told. longer: share of those who did.
    """

    queue: str
    promises: int
    storm: int
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
    "storm": "in a storm",
    "answered": "answered",
    "told": "told, s",
    "waited": "waited, s",
    "bias": "waited-told, s",
    "error": "error, s",
    "error_90": "error 90 %, s",
    "longer": "longer than told",
}


def report(asked: Asked) -> list[Table]:
    """The wait that callers were told against the wait they had.

    A promise is kept or broken by the next answer of an operator in its call; told is what was
    heard, whole minutes rounded up. Bias = median of (waited - told), error = median of the
    distance, longer = who waited longer than told / who was answered.
    """
    found = _rows(_read(asked.db, asked.company.id, asked.begin, asked.end, asked.dialled))
    rows: list[tuple[Cell, ...]] = [astuple(row) for row in found[:-1]]
    rows.append((Phrase("all"), *astuple(found[-1])[1:]))
    columns = (
        Column("queue", "text", words="queue_"),
        Column("promises"),
        Column("in_storm"),
        Column("answered"),
        *(Column(f"wait_{name}", "seconds") for name in ("told", "waited", "bias", "error")),
        Column("wait_error_90", "seconds"),
        Column("wait_longer", "share"),
    )
    plot = Plot("bar", "queue", ("wait_told", "wait_waited"))
    return [Table("wait", columns, rows, (Phrase("note_wait"),), plot)]


def wait(
    store: Store,
    company: str,
    zone: ZoneInfo,
    first: date,
    last: date,
    dialled: Collection[str] = (),
) -> list[Row]:
    """Return a row for each queue, by name, and one for all. first, last: local days, both in.

    dialled: count calls to these numbers (E.164) only; empty: all calls.
    """
    with store.session(read_only=True) as db:
        return _rows(_read(db, company, *_bounds(zone, first, last), dialled))


def _rows(promises: Sequence[Promise]) -> list[Row]:
    queues = sorted({each.queue for each in promises})
    rows = [_row(queue, [each for each in promises if each.queue == queue]) for queue in queues]
    return [*rows, _row(ALL, promises)]


def storms(store: Store, company: str, zone: ZoneInfo, first: date, last: date) -> list[Interval]:
    """Return when storm mode was on in these days."""
    with store.session(read_only=True) as db:
        return intervals(db, company, *_bounds(zone, first, last))


def _bounds(zone: ZoneInfo, first: date, last: date) -> tuple[datetime, datetime]:
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + timedelta(days=1)
    return begin, datetime(after.year, after.month, after.day, tzinfo=zone)


def _read(
    db: Session, company: str, begin: datetime, end: datetime, dialled: Collection[str]
) -> list[Promise]:
    """Return every promise told between two moments."""
    wanted = (
        select(CallEvent)
        .where(CallEvent.company == company, CallEvent.kind.in_(KINDS))
        .where(CallEvent.at >= begin, CallEvent.at < end + LONGEST_WAIT)
        .order_by(CallEvent.call, CallEvent.at, CallEvent.id)
    )
    promises: list[Promise] = []
    stormy = intervals(db, company, begin, end)
    events = db.scalars(wanted.execution_options(yield_per=1000))
    for _, of_call in groupby(events, key=lambda event: event.call):
        known = list(of_call)
        if dialled and not any(each.details.get("to") in dialled for each in known):
            continue
        promises += _of_call(known, end, stormy)
    return promises


def _of_call(
    events: Iterable[CallEvent], end: datetime, stormy: Sequence[Interval]
) -> Iterator[Promise]:
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
                waited = (event.at - at).total_seconds()
                yield Promise(queue, told, waited, _in_storm(at, stormy))
            open_ = []
    for at, told in open_:
        yield Promise(queue, told, None, _in_storm(at, stormy))


def _in_storm(at: datetime, stormy: Sequence[Interval]) -> bool:
    return any(each.holds(at) for each in stormy)


def _row(queue: str, promises: Sequence[Promise]) -> Row:
    kept = [(each.told, each.waited) for each in promises if each.waited is not None]
    late = [waited - told for told, waited in kept]
    errors = sorted(abs(each) for each in late)
    return Row(
        queue=queue,
        promises=len(promises),
        storm=sum(each.storm for each in promises),
        answered=len(kept),
        told=_median([told for told, _ in kept]),
        waited=_median([waited for _, waited in kept]),
        bias=_median(late),
        error=_median(errors),
        error_90=round(ninety, 1) if (ninety := quantile(errors, 0.9)) is not None else None,
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
    return aligned(cells)


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name == "longer" and isinstance(value, float):
        return f"{value:.1%}"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def marks(storms: Sequence[Interval], zone: ZoneInfo) -> list[str]:
    """Return a line for each storm, to stand below a table."""
    return [
        f"storm mode: {_clock(each.started, zone)} to {_clock(each.ended, zone)}, by {each.by}: "
        f"{each.reason or 'no reason given'}"
        for each in storms
    ]


def _clock(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else "now"


FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {
    "table": as_table,
    "csv": partial(as_csv, Row),
    "json": as_json,
}
