"""`speech`: how answers by speech were heard.

Counted from the log of events and nothing else: what became of an answer is told by what the
caller did next (`ivr.corrections`). A question belongs to the local day on which it was put. No
word and no number that anybody said is in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.corrections import Visit, visits
from ivr.figures import aligned, as_csv, as_json, quantile
from ivr.reporting.asked import Asked
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table
from ivr.store.database import Store
from ivr.store.models import CallEvent

ALL = "all"
KINDS = ("heard", "said", "looked_up")
LONGEST_CALL = timedelta(hours=12)
"""How long after the last day the rest of a call still tells what became of an answer."""
HEADINGS = (
    "asked", "right", "wrong", "not heard", "to keys", "keys", "full", "down", "ms", "ms 95 %",
)  # fmt: skip
NOTES = (
    "asked: times the question was put with speech open, whatever came of it.",
    "right: answers by speech that were taken and not taken back.",
    'wrong: refused at "did you say ...?"; a number refused when it was read back and then given',
    "  as another one; a choice of a menu from which the caller went straight back.",
    "not heard: answers by speech of which nothing came.",
    "to keys: times somebody spoke and then answered by keys. keys: he answered by keys at once.",
    "full, down: times nobody listened: no recogniser was free, or none answered.",
    "ms: from the end of speech to the result, the median and the 95th percentile; -: not told.",
    "Language: an answer's is the one it was heard in, a question's that of its last answer.",
)


@dataclass(frozen=True)
class Row:
    """Figures of one question ("reading.enter") or one language; of both: all.

    asked, to_keys, keys: questions put; right, wrong, unheard: answers by speech. full, down: why
    nobody listened. ms_50, ms_95: milliseconds, None: no answer told any.
    """

    question: str
    language: str
    asked: int
    right: int
    wrong: int
    unheard: int
    to_keys: int
    keys: int
    full: int
    down: int
    ms_50: float | None
    ms_95: float | None


@dataclass
class _Tally:
    """What is counted of one row."""

    counts: Counter[str] = field(default_factory=Counter)
    ms: list[float] = field(default_factory=list)


def report(asked: Asked) -> list[Table]:
    """How answers by speech were heard, by question and by language.

    Right: taken and not taken back; wrong: refused when it was read back, or given anew; not heard:
    not understood. What the caller did next tells which.
    """
    found = _rows(asked.db, asked.company.id, asked.begin, asked.end)
    questions = [row for row in found if row.question != ALL]
    languages = [row for row in found if row.question == ALL]
    return [
        _as_table("questions", "question", [(row.question, row) for row in questions]),
        _as_table("languages", "language", [(row.language, row) for row in languages]),
    ]


def _as_table(name: str, label: str, found: Sequence[tuple[str, Row]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (Phrase("all") if word == ALL else word, *astuple(row)[2:]) for word, row in found
    ]
    columns = (
        Column(label, "text", words=f"{label}_"),
        *(Column(f"speech_{each}") for each in _COUNTED),
        Column("speech_ms_50", "number"),
        Column("speech_ms_95", "number"),
    )
    y = ("speech_right", "speech_wrong", "speech_unheard")
    return Table(name, columns, rows, (Phrase("note_speech"),), Plot("stack", label, y))


def rows(store: Store, company: str, zone: ZoneInfo, first: date, last: date) -> list[Row]:
    """Return a row for each question, then for each language, then for all; none of nothing.

    first, last: local days, both in.
    """
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    with store.session(read_only=True) as db:
        return _rows(db, company, begin, end)


def _rows(db: Session, company: str, begin: datetime, end: datetime) -> list[Row]:
    tallies: dict[tuple[str, str], _Tally] = {}
    for visit in _visits(db, company, begin, end):
        _count(tallies, visit, visit.language, _of_visit(visit), ())
        for said in visit.utterances:
            words = () if said.checks else (said.verdict,)
            ms = () if said.ms is None else (said.ms,)
            _count(tallies, visit, said.language, words, ms)
    return [_row(*key, tallies[key]) for key in sorted(tallies, key=_order)]


def _order(key: tuple[str, str]) -> tuple[bool, bool, tuple[str, str]]:
    question, language = key
    return language == ALL == question, question == ALL, key


def _visits(db: Session, company: str, begin: datetime, end: datetime) -> Iterator[Visit]:
    """Yield what was asked between two moments with speech open."""
    wanted = (
        select(CallEvent)
        .where(CallEvent.company == company, CallEvent.kind.in_(KINDS))
        .where(CallEvent.at >= begin, CallEvent.at < end + LONGEST_CALL)
        .order_by(CallEvent.call, CallEvent.at, CallEvent.id)
    )
    events = db.scalars(wanted.execution_options(yield_per=1000))
    for _, of_call in groupby(events, key=lambda event: event.call):
        for visit in visits(of_call):
            if visit.open and visit.at < end:
                yield visit


def _of_visit(visit: Visit) -> tuple[str, ...]:
    """The columns in which a question put counts."""
    words = ["asked", *visit.deaf]
    if visit.by == "keys" and visit.said:
        words.append("to_keys")
    elif visit.by == "keys" and not visit.deaf:
        words.append("keys")
    return tuple(words)


def _count(
    tallies: dict[tuple[str, str], _Tally],
    visit: Visit,
    language: str,
    words: Sequence[str],
    ms: Sequence[float],
) -> None:
    for key in ((visit.question, ALL), (ALL, language or "-"), (ALL, ALL)):
        tally = tallies.setdefault(key, _Tally())
        tally.counts.update(words)
        tally.ms.extend(ms)


def _row(question: str, language: str, tally: _Tally) -> Row:
    figures = {name: tally.counts[name] for name in _COUNTED}
    ms = sorted(tally.ms)
    return Row(question, language, **figures, ms_50=quantile(ms, 0.5), ms_95=quantile(ms, 0.95))


_COUNTED = tuple(each.name for each in fields(Row)[2:-2])


# ---------------------------------------------------------------------- for people and programs


def as_table(rows: Sequence[Row]) -> str:
    """Return two tables for a terminal, by question and by language, and what the columns mean."""
    if not rows:
        return "no question was put with speech open on these days"
    questions = [row for row in rows if row.question != ALL or row.language == ALL]
    languages = [row for row in rows if row.question == ALL]
    tables = [
        _table("question", [(row.question, row) for row in questions]),
        _table("language", [(row.language, row) for row in languages]),
    ]
    return "\n\n".join([*tables, "\n".join(NOTES)])


def _table(title: str, rows: Sequence[tuple[str, Row]]) -> str:
    cells = [
        [title, *HEADINGS],
        *([name, *map(_cell, list(asdict(row).values())[2:])] for name, row in rows),
    ]
    return aligned(cells)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {
    "table": as_table,
    "csv": partial(as_csv, Row),
    "json": as_json,
}
