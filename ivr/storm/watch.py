"""Measures, proposes, withdraws, expires: one look at every company each half a minute.

Any number of processes may look at once: the store's constraint lets one proposal of a company
live, and each look works in one transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ivr import expected_wait
from ivr.agent_queue.model import AgentQueue, QueueDown
from ivr.company import Company
from ivr.model import SYNTHETIC
from ivr.rounds import Rounds
from ivr.store.database import Store
from ivr.store.models import CallEvent
from ivr.store.supply import OutageEvent, Storm
from ivr.storm import records
from ivr.storm.rules import Measured, Verdict, judge

logger = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two looks."""


def look(store: Store, queue: AgentQueue, company: Company, now: datetime) -> str:
    """Measure one company and do what follows; the verdict's word, "" where nothing was done.

    QueueDown: the queue does not answer; nothing is concluded from half of the figures.
    """
    wait, where = longest_wait(queue, company, now)
    with store.session(read_only=True) as db:
        measured = measure(db, company, now, wait, where)
        row = records.last(db, company.id)
        if row is None and not _judged(company, row, measured, now).do:
            return ""
    with store.session() as db:
        row = records.last(db, company.id)
        verdict = _judged(company, row, measured, now)
        if verdict.do in ("propose", "start"):
            start, seen = verdict.do == "start", verdict.memory.seen
            records.propose(db, company, now, verdict.reasons, measured, seen, start)
        elif row is not None and (row.live or verdict.memory != records.memory_of(row)):
            records.remember(row, verdict.memory, measured, now)
            if verdict.do:
                records.end_by_rule(db, row, verdict.memory.state, now)
    return verdict.do


def _judged(company: Company, row: Storm | None, measured: Measured, now: datetime) -> Verdict:
    return judge(company.terms.storm, records.memory_of(row), measured, now)


# ---------------------------------------------------------------------- the figures


def longest_wait(queue: AgentQueue, company: Company, now: datetime) -> tuple[float, str]:
    """Return the seconds that a new caller would wait in the worst measured queue, and which.

    This is arrivals against drain: everybody who stands there now is served before him.
    """
    worst = (0.0, "")
    for name in company.queues:
        if company.word_of(name) not in company.terms.storm.measured:
            continue
        place = queue.place(company.id, name, now.timestamp())
        if not place.serving and not place.waiting:
            continue  # nobody on duty and nobody let in: that is the night, and no storm
        wrap_up = company.queues[name].wrap_up
        worst = max(worst, (expected_wait.estimate(place, company.typical_talk, wrap_up), name))
    return worst


def measure(
    db: Session, company: Company, now: datetime, wait: float = 0.0, queue: str = ""
) -> Measured:
    """Return the figures of this moment; wait and queue as `longest_wait` tells them."""
    terms = company.terms.storm
    big = select(OutageEvent.number, OutageEvent.customers).where(
        OutageEvent.company == company.id,
        OutageEvent.state == "open",
        OutageEvent.kind == "emergency",
        OutageEvent.since <= now,
        OutageEvent.customers > terms.customers,
    )
    return Measured(
        calls=arrivals(db, company.id, now - timedelta(minutes=terms.span), now),
        forecast=forecast(db, company, now),
        wait=wait,
        queue=queue,
        events={number: customers or 0 for number, customers in db.execute(big)},
    )


def arrivals(db: Session, company: str, begin: datetime, end: datetime) -> int:
    """Return how many calls came between two moments, the first one included, ours left out."""
    entrance = CallEvent.details["entrance"].as_string()
    wanted = select(func.count(CallEvent.id)).where(
        CallEvent.company == company,
        CallEvent.at >= begin,
        CallEvent.at < end,
        CallEvent.kind == "answered",
        CallEvent.flow != "",  # the answer of an operator is of no flow
        or_(entrance.is_(None), entrance != SYNTHETIC),
    )
    return db.scalar(wanted) or 0


def forecast(db: Session, company: Company, now: datetime) -> float | None:
    """Return the mean number of calls in the same minutes of the last days; None: not known.

    The same minutes are those of the local clock. Days before the log begins, and minutes in which
    a storm was on, are left out.
    """
    terms = company.terms.storm
    span = timedelta(minutes=terms.span)
    local = now.astimezone(company.zone)
    days = [_days_before(local, back) for back in range(1, terms.days + 1)]
    first = db.scalar(select(func.min(CallEvent.at)).where(CallEvent.company == company.id))
    if first is None:
        return None
    storms = records.intervals(db, company.id, days[-1] - span, now)
    counts = [
        arrivals(db, company.id, day - span, day)
        for day in days
        if first <= day - span and not _stormy(storms, day - span, day)
    ]
    return sum(counts) / len(counts) if counts else None


def _days_before(local: datetime, days: int) -> datetime:
    """The same time of day on an earlier day, whatever the clocks did in between."""
    return local - timedelta(days=days)  # aware arithmetic keeps the wall clock


def _stormy(storms: Sequence[records.Interval], begin: datetime, end: datetime) -> bool:
    return any(each.started < end and (each.ended is None or each.ended > begin) for each in storms)


# ---------------------------------------------------------------------- the thread


class Watch(Rounds):
    """Looks at every company until `stopping` is set."""

    def __init__(
        self,
        store: Store,
        queue: AgentQueue,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        stopping: threading.Event,
        every: float = EVERY,
    ) -> None:
        super().__init__("storm", stopping, every)
        self._store = store
        self._queue = queue
        self._companies = companies
        self._clock = clock

    def round(self) -> None:
        """Look once; what cannot be measured now is measured at the next look."""
        for company in self._companies.values():
            try:
                done = look(self._store, self._queue, company, self._clock())
            except (QueueDown, SQLAlchemyError, TimeoutError) as reason:
                logger.warning("storm of %s: not measured: %s", company.id, type(reason).__name__)
            else:
                if done:
                    logger.warning("storm of %s: %s", company.id, done)
