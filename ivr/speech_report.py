"""How answers by speech were heard: `app.py report speech`.

Counted from the log of events and nothing else: what became of an answer is told by what the
caller did next (`ivr.corrections`). A question belongs to the local day on which it was put. No
word and no number that anybody said is in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import select

from ivr.corrections import Visit, visits
from ivr.figures import aligned, as_csv, as_json, quantile
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


def rows(store: Store, company: str, zone: ZoneInfo, first: date, last: date) -> list[Row]:
    """Return a row for each question, then for each language, then for all; none of nothing.

    first, last: local days, both in.
    """
    tallies: dict[tuple[str, str], _Tally] = {}
    for visit in _visits(store, company, zone, first, last):
        _count(tallies, visit, visit.language, _of_visit(visit), ())
        for said in visit.utterances:
            words = () if said.checks else (said.verdict,)
            ms = () if said.ms is None else (said.ms,)
            _count(tallies, visit, said.language, words, ms)
    return [_row(*key, tallies[key]) for key in sorted(tallies, key=_order)]


def _order(key: tuple[str, str]) -> tuple[bool, bool, tuple[str, str]]:
    question, language = key
    return language == ALL == question, question == ALL, key


def _visits(store: Store, company: str, zone: ZoneInfo, first: date, last: date) -> Iterator[Visit]:
    """Yield what was asked on these days with speech open."""
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    wanted = (
        select(CallEvent)
        .where(CallEvent.company == company, CallEvent.kind.in_(KINDS))
        .where(CallEvent.at >= begin, CallEvent.at < end + LONGEST_CALL)
        .order_by(CallEvent.call, CallEvent.at, CallEvent.id)
    )
    with store.session(read_only=True) as db:
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
