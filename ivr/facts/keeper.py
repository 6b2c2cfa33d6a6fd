"""Keeps the facts up with the log of events: reads what is new, folds what it concerns, writes.

How far the log of a company has been read is a row of `facts_marks`. The rows of a round and the
new mark are one transaction, which first moves the mark on from where the round began: of two
processes one comes too late and does nothing, and one that is killed has done nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, starmap
from operator import attrgetter
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.facts import calls, lost
from ivr.facts.calls import Facts, Row, Surroundings, Wrap
from ivr.facts.model import Happening
from ivr.facts.spans import Span, follow, span_of
from ivr.facts.visits import seconds
from ivr.rounds import Rounds
from ivr.store.database import Store
from ivr.store.facts import CallFact, FactsMark, FlowFact, OperatorSpan, VisitFact
from ivr.store.models import CallEvent, Conversation
from ivr.storm import records

logger = logging.getLogger(__name__)

BATCH = 5000
"""Events of one round; a transaction with what they come to takes well under a second."""
REBUILT = 50_000
"""Events of a round when everything is made anew."""
REMEMBERED = 20_000
"""Calls whose events a keeper remembers while they last."""
PARAMETERS = 500
"""Values in one question to the store."""
GRACE = 5.0
"""Seconds for which a gap in the ids may be an event that is being written: PostgreSQL gives ids
out before it stores; SQLite has one writer."""

# Tables, not classes: rows are read and written by the hundred thousand.
EVENTS = CallEvent.__table__
EVENT = [EVENTS.c[name] for name in ("id", "call", "at", "kind", "flow", "step", "details")]
READ = EVENTS.c.kind.in_((*calls.READ, "operator"))
"""Events that facts are made of; `measured`, of each second, are none."""
TABLES: tuple[Any, ...] = tuple(
    each.__table__ for each in (CallFact, VisitFact, FlowFact, OperatorSpan)
)
CALLS, VISITS, FLOWS, SPANS = TABLES


class Keeper:
    """Keeps the facts of one company.

    While it follows the log from its very beginning it remembers the events of the calls that are
    not over, so that it need not read them twice.
    """

    def __init__(self, store: Store, company: Company) -> None:
        self._store = store
        self._company = company
        self._heads: deque[tuple[float, int]] = deque()  # when the log had come how far
        self._upto = -1
        self._open: dict[str, list[Happening]] | None = None

    @property
    def upto(self) -> int:
        """The last id that was folded, as far as this keeper knows; -1: it does not."""
        return self._upto

    @property
    def name(self) -> str:
        """The name of the mark."""
        return f"facts/{self._company.id}"

    def keep(self, limit: int = BATCH) -> int:
        """Fold the next events, `limit` at most; how many there were."""
        with self._store.session(read_only=True) as db:
            upto = db.scalar(select(FactsMark.upto).where(FactsMark.name == self.name)) or 0
            if upto != self._upto:
                self._open = {} if upto == 0 else None
            read = self._read(db, upto, limit)
            if read.upto == upto:
                self._upto = upto
                return 0
            found = self._fold(db, read)
        done = self._write(upto, read.upto, found)
        self._upto = read.upto if done else -1
        return read.count if done else 0

    # ------------------------------------------------------------------ reading

    def _read(self, db: Session, upto: int, limit: int) -> _Read:
        """Read what is new, up to the first gap that may still be filled."""
        ids = select(CallEvent.id, CallEvent.company).where(CallEvent.id > upto)
        found = db.connection().execute(ids.order_by(CallEvent.id).limit(limit)).all()
        last = self._settled(db, upto, [number for number, _ in found])
        own = self._company.id
        wanted = select(*EVENT).where(
            CallEvent.id > upto, CallEvent.id <= last, CallEvent.company == own, READ
        )
        count = sum(number <= last and company == own for number, company in found)
        return _Read(_happenings(db, wanted.order_by(CallEvent.id)), count, upto, last)

    def _settled(self, db: Session, upto: int, ids: Sequence[int]) -> int:
        """Return the last of `ids` before which nothing is missing that may still come."""
        if db.get_bind().dialect.name != "postgresql":
            return ids[-1] if ids else upto
        now = time.monotonic()
        self._heads.append((now, db.scalar(select(func.max(CallEvent.id))) or 0))
        while len(self._heads) > 1 and self._heads[1][0] <= now - GRACE:
            self._heads.popleft()
        since, head = self._heads[0]
        old = head if since <= now - GRACE else upto
        last = upto
        for each in ids:
            if each > old and each != last + 1:
                break
            last = each
        return last

    # ------------------------------------------------------------------ folding

    def _fold(self, db: Session, read: _Read) -> _Found:
        found = _Found(self._company.id)
        self._spans(db, read, found)
        rows = defaultdict(list)
        for row in read.rows:
            if row.call:
                rows[row.call].append(row)
        if self._open is not None:
            for name, own in rows.items():
                if name in self._open or any(map(calls.begins, own)):
                    self._open.setdefault(name, []).extend(own)
        concerned = self._concerned(db, rows, found.wrapped)
        known = self._known(db, concerned, found)
        for name, happenings in self._events(db, concerned, found):
            found.take(calls.fold(happenings, known(name)))
        self._forget()
        return found

    def _forget(self) -> None:
        """Keep no more calls in memory than are at once in the largest house; the rest is read."""
        while self._open and len(self._open) > REMEMBERED:
            del self._open[next(iter(self._open))]

    def _concerned(
        self, db: Session, rows: Mapping[str, Sequence[Happening]], wrapped: Collection[str]
    ) -> list[str]:
        """Return whose facts are to be made anew: calls that are over, and call-backs."""
        over = {
            row.call for own in rows.values() for row in own
            if row.kind == "ended" or (row.kind == "ticket" and row.details["kind"] == "callback")
        }  # fmt: skip
        lasting = self._open or {}
        others = [name for name in {*rows, *wrapped} - over if name and name not in lasting]
        for some in _parts(others):
            over.update(db.scalars(select(CallFact.call).where(CallFact.call.in_(some))))
            over.update(db.scalars(select(VisitFact.call).where(VisitFact.call.in_(some))))
        return sorted(over)

    def _events(
        self, db: Session, names: Sequence[str], found: _Found
    ) -> Iterator[tuple[str, list[Happening]]]:
        """Return all events of these calls, each call's in the order of ids. A call that was
        remembered until now has no facts yet.
        """
        for name in names:
            own = self._open.pop(name, None) if self._open is not None else None
            if own is None:
                found.stored.append(name)
            else:
                yield name, own
        for some in _parts(found.stored):
            wanted = select(*EVENT).where(
                CallEvent.call.in_(some), CallEvent.company == self._company.id, READ
            )
            rows = sorted(_happenings(db, wanted), key=attrgetter("call", "id"))
            for name, own_rows in groupby(rows, attrgetter("call")):
                yield name, list(own_rows)

    def _known(
        self, db: Session, names: Sequence[str], found: _Found
    ) -> Callable[[str], Surroundings]:
        """Return what a fold knows besides the events."""
        codes: dict[str, list[str]] = defaultdict(list)
        wraps: dict[str, list[Wrap]] = defaultdict(list)
        for some in _parts(names):
            said = select(Conversation.call, Conversation.code).where(
                Conversation.call.in_(some), Conversation.code.is_not(None)
            )
            for call, code in db.execute(said.order_by(Conversation.id)):
                codes[call].append(str(code))
            spans = select(OperatorSpan).where(
                OperatorSpan.company == self._company.id,
                OperatorSpan.ticket.in_(some),
                OperatorSpan.state == "wrap_up",
            )
            for row in db.scalars(spans.order_by(OperatorSpan.began)):
                if row.ended is not None:
                    wraps[row.ticket].append(_wrap(row.operator, row.began, row.ended))
        for span in found.ended:
            if span.state == "wrap_up" and span.ticket and span.ended and span.ended > span.began:
                wraps[span.ticket].append(_wrap(span.operator, span.began, span.ended))
        storms = [(storm.started, storm.ended) for storm in records.intervals(db, self._company.id)]
        company = self._company

        def known(name: str) -> Surroundings:
            own = sorted(wraps.get(name, ()), key=attrgetter("began", "operator"))
            return Surroundings(
                company.id, company.zone, company.languages[0], codes.get(name, ()), own, storms
            )

        return known

    def _spans(self, db: Session, read: _Read, found: _Found) -> None:
        """Let each operator's stretches follow one another."""
        new = [row for row in read.rows if row.kind == "operator"]
        if not new:
            return
        queues = self._queues(db, {str(row.details["ticket"]) for row in new}, read.since)
        lasting = self._lasting(db, {str(row.details["operator"]) for row in new})
        found.lasted = {name: span.began for name, span in lasting.items()}
        last: dict[str, Span | None] = {**lasting}
        for row in read.rows:
            if row.kind == "ticket":
                queues[row.call] = str(row.details["queue"])
            elif row.kind == "operator":
                name = str(row.details["operator"])
                ended, last[name] = follow(last.get(name), span_of(self._company.id, row, queues))
                if ended is not None:
                    found.ended.append(ended)
        found.lasting = [span for span in last.values() if span is not None]
        found.wrapped = {span.ticket for span in found.ended if span.state == "wrap_up"}

    def _queues(self, db: Session, tickets: Collection[str], since: int) -> dict[str, str]:
        """Return the queue of each ticket as it was when this round's events began."""
        found: dict[str, str] = {}
        for some in _parts([ticket for ticket in tickets if ticket]):
            wanted = select(CallEvent.call, CallEvent.details).where(
                CallEvent.call.in_(some), CallEvent.kind == "ticket", CallEvent.id <= since
            )
            for call, details in db.execute(wanted.order_by(CallEvent.id)):
                found[call] = str(details["queue"])
        return found

    def _lasting(self, db: Session, operators: Collection[str]) -> dict[str, Span]:
        """Return what these operators do as far as is known."""
        wanted = select(OperatorSpan).where(
            OperatorSpan.company == self._company.id,
            OperatorSpan.operator.in_(operators),
            OperatorSpan.ended.is_(None),
        )
        return {
            row.operator: Span(
                row.company, row.operator, row.began, row.status, row.reason, row.state,
                row.ticket, row.queue,
            )
            for row in db.scalars(wanted)
        }  # fmt: skip

    # ------------------------------------------------------------------ writing

    def _write(self, since: int, upto: int, found: _Found) -> bool:
        """Write a round; False where another process was quicker."""
        with self._store.session() as db:
            if not self._move_mark(db, since, upto):
                return False
            for table in (CALLS, VISITS, FLOWS):
                for some in _parts(found.stored):
                    db.execute(delete(table).where(table.c.call.in_(some)))
            lasted = list(found.lasted)
            for some in _parts(lasted):
                db.execute(
                    delete(OperatorSpan).where(
                        OperatorSpan.company == self._company.id,
                        OperatorSpan.operator.in_(some),
                        OperatorSpan.ended.is_(None),
                    )
                )
            found_rows = (found.calls, found.visits, found.flows, found.span_rows())
            for table, rows in zip(TABLES, found_rows, strict=True):
                if rows:
                    db.connection().execute(insert(table), rows)
        return True

    def _move_mark(self, db: Session, since: int, upto: int) -> bool:
        now = datetime.now(UTC)
        moved: Any = db.execute(
            update(FactsMark)
            .where(FactsMark.name == self.name, FactsMark.upto == since)
            .values(upto=upto, at=now)
        )
        if moved.rowcount:
            return True
        if since:
            return False
        try:
            with db.begin_nested():
                db.execute(insert(FactsMark).values(name=self.name, upto=upto, at=now))
        except IntegrityError:
            return False
        return True


@dataclass(frozen=True)
class _Read:
    """What is new: rows that facts are made of, of `count`. since, upto: ids between which."""

    rows: Sequence[Happening]
    count: int
    since: int
    upto: int


@dataclass
class _Found:
    """What a round comes to. stored: calls that may have facts already.

    lasted: who had a stretch that lasted; it is written anew.
    """

    company: str
    stored: list[str] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    visits: list[Row] = field(default_factory=list)
    flows: list[Row] = field(default_factory=list)
    ended: list[Span] = field(default_factory=list)
    lasting: list[Span] = field(default_factory=list)
    lasted: dict[str, datetime] = field(default_factory=dict)
    wrapped: Collection[str] = ()

    def take(self, facts: Facts) -> None:
        """Take the facts of one call."""
        if facts.call is not None:
            self.calls.append(facts.call)
        self.visits.extend(facts.visits)
        self.flows.extend(facts.flows)

    def span_rows(self) -> list[Row]:
        """Return the stretches to be stored; one without length is none."""
        ended = [span for span in self.ended if span.ended and span.ended > span.began]
        return [vars(span) for span in (*ended, *self.lasting)]


def keep(store: Store, companies: Mapping[str, Company], limit: int = BATCH) -> int:
    """Fold what is new of every company, `limit` events of each at most; how many there were."""
    return sum(Keeper(store, company).keep(limit) for company in companies.values())


def rebuild(store: Store, company: Company) -> int:
    """Make the facts of a company anew from its whole log; how many events there were.

    Killed in between, `keep` goes on.
    """
    keeper, total = Keeper(store, company), 0
    with store.session() as db:
        for table in TABLES:
            db.execute(delete(table).where(table.c.company == company.id))
        db.execute(delete(FactsMark).where(FactsMark.name == keeper.name))
        last = db.scalar(select(func.max(CallEvent.id))) or 0
    while keeper.upto < last:
        before = keeper.upto
        total += keeper.keep(REBUILT)
        if keeper.upto == before < last:
            time.sleep(GRACE / 10)  # until a gap is old enough, or another process has done it
    return total


def count(store: Store, company: Company) -> int:
    """Return how many calls there are facts of."""
    wanted = select(func.count()).where(CallFact.company == company.id)
    with store.session(read_only=True) as db:
        return db.scalar(wanted) or 0


class Folding(Rounds):
    """Keeps the facts of every company up, and ends calls that nobody can end any more.

    longest: seconds of the longest call there may be.
    """

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        stopping: threading.Event,
        longest: float,
        every: float = 2.0,
    ) -> None:
        super().__init__("facts", stopping, every)
        self._store = store
        self._clock = clock
        self._companies = list(companies)
        self._longest = longest
        self._keepers = [Keeper(store, company) for company in companies.values()]

    def round(self) -> None:
        """Fold what is new."""
        try:
            lost.end(self._store, self._companies, self._clock(), self._longest)
            for keeper in self._keepers:
                while keeper.keep() == BATCH and not self._stopping.is_set():
                    pass
        except (SQLAlchemyError, TimeoutError) as reason:
            logger.warning("the facts wait (%s)", type(reason).__name__)


def _happenings(db: Session, wanted: Any) -> list[Happening]:
    return list(starmap(Happening, db.connection().execute(wanted).all()))


def _wrap(operator: str, began: datetime, ended: datetime) -> Wrap:
    return Wrap(operator, began, seconds(began, ended))


def _parts(names: Collection[str]) -> Iterator[list[str]]:
    """Return names in parts of which each fits into one question."""
    some = list(names)
    for start in range(0, len(some), PARAMETERS):
        yield some[start : start + PARAMETERS]
