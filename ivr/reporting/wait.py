"""`wait`: the wait that callers were told against the wait they had.

A promise is one `told` event; it is kept or broken by the next `answered` event of its call that
names an operator. What was told is what the caller heard: whole minutes, rounded up. Counted from
the log of events and nothing else.

Service level: of the calls that entered a queue, those whose operator answered within `WITHIN`
seconds of it. Intervals of storm mode are marked, and the level is given with and without them.
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
WITHIN = 30.0
"""Seconds in which a caller should be answered, from his entry into the queue."""


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
class Visit:
    """One call in a queue. waited: seconds to the first answer, None: nobody answered."""

    queue: str
    waited: float | None
    storm: bool

    @property
    def served(self) -> bool:
        """Whether he was answered in time."""
        return self.waited is not None and self.waited <= WITHIN


@dataclass(frozen=True)
class Row:
    """Promises of one queue (or all). Times are seconds, medians and 90 % of what was answered.

    queued: calls that entered the queue. level: share of them answered within `WITHIN` seconds;
    storm: those of them that came while storm mode was on; level_calm: the level without these.
    error: how far the true wait was from what was told, whichever way. bias: the median of true
    minus told; above 0 callers waited longer than they were told. longer: share of those who did.
    """

    queue: str
    queued: int
    storm: int
    level: float | None
    level_calm: float | None
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
    "queued": "queued",
    "storm": "in a storm",
    "level": "in 30 s",
    "level_calm": "without storms",
    "promises": "promises",
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
    found = _rows(*_read(asked.db, asked.company.id, asked.begin, asked.end, asked.dialled))
    rows: list[tuple[Cell, ...]] = [astuple(row) for row in found[:-1]]
    rows.append((Phrase("all"), *astuple(found[-1])[1:]))
    columns = (
        Column("queue", "text", words="queue_"),
        Column("queued"),
        Column("in_storm"),
        Column("in_30", "share"),
        Column("in_30_calm", "share"),
        Column("promises"),
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
        return _rows(*_read(db, company, *_bounds(zone, first, last), dialled))


def _rows(promises: Sequence[Promise], visits: Sequence[Visit]) -> list[Row]:
    queues = sorted({each.queue for each in promises} | {each.queue for each in visits})
    rows = [
        _row(
            queue,
            [each for each in promises if each.queue == queue],
            [each for each in visits if each.queue == queue],
        )
        for queue in queues
    ]
    return [*rows, _row(ALL, promises, visits)]


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
) -> tuple[list[Promise], list[Visit]]:
    """Return every promise told between two moments, and every call that entered a queue."""
    wanted = (
        select(CallEvent)
        .where(CallEvent.company == company, CallEvent.kind.in_(KINDS))
        .where(CallEvent.at >= begin, CallEvent.at < end + LONGEST_WAIT)
        .order_by(CallEvent.call, CallEvent.at, CallEvent.id)
    )
    promises: list[Promise] = []
    visits: list[Visit] = []
    stormy = intervals(db, company, begin, end)
    events = db.scalars(wanted.execution_options(yield_per=1000))
    for _, of_call in groupby(events, key=lambda event: event.call):
        known = list(of_call)
        if dialled and not any(each.details.get("to") in dialled for each in known):
            continue
        promises += _of_call(known, end, stormy)
        visits += _visit(known, end, stormy)
    return promises, visits


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


def _visit(
    events: Iterable[CallEvent], end: datetime, stormy: Sequence[Interval]
) -> Iterator[Visit]:
    """The call's first entry into a queue and the first answer after it."""
    entered: CallEvent | None = None
    for event in events:
        if event.kind == "queued" and entered is None:
            entered = event if event.at < end else None
        elif event.kind == "answered" and "operator" in event.details and entered is not None:
            queue = str(event.details.get("queue") or entered.details.get("queue") or "")
            waited = (event.at - entered.at).total_seconds()
            yield Visit(queue, waited, _in_storm(entered.at, stormy))
            return
    if entered is not None:
        queue = str(entered.details.get("queue") or "")
        yield Visit(queue, None, _in_storm(entered.at, stormy))


def _in_storm(at: datetime, stormy: Sequence[Interval]) -> bool:
    return any(each.holds(at) for each in stormy)


def _level(visits: Sequence[Visit]) -> float | None:
    return round(sum(visit.served for visit in visits) / len(visits), 3) if visits else None


def _row(queue: str, promises: Sequence[Promise], visits: Sequence[Visit]) -> Row:
    kept = [(each.told, each.waited) for each in promises if each.waited is not None]
    late = [waited - told for told, waited in kept]
    errors = sorted(abs(each) for each in late)
    return Row(
        queue=queue,
        queued=len(visits),
        storm=sum(visit.storm for visit in visits),
        level=_level(visits),
        level_calm=_level([visit for visit in visits if not visit.storm]),
        promises=len(promises),
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
    if name in ("longer", "level", "level_calm") and isinstance(value, float):
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
