"""Watches all companies, and writes down what is raised, becomes worse or is cleared.

Of several processes, one watches. A change is one transaction: the row of `alerts`, an entry
`alert` in the log of events, and an entry of the outbox where a webhook is set. What is in the
store counts: who takes over, or starts again, goes on with the live rows, and what is there is not
told anew.

While the store is away it goes on in memory, and writes once the store is back. While Redis is away
nobody can tell whose turn it is; all of them watch then, and the rows keep them from telling twice.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ivr import hours_changes, outbox
from ivr.agent_queue.lease import Lease, LeasedRounds
from ivr.agent_queue.model import QueueDown
from ivr.alerts import rules
from ivr.alerts.rules import ALARM, Key, Measures
from ivr.alerts.state import Change, Live, State
from ivr.board.feed import Shown
from ivr.company import Company
from ivr.opening import Opening
from ivr.services.restoration import CALL
from ivr.store.database import Store
from ivr.store.models import CallEvent
from ivr.store.supervision import Alert

logger = logging.getLogger(__name__)

KIND = "alert"
"""Of the entries in the log of events and in the outbox."""
KEY = "press2:alerts:lease"
"""Where who watches is written down."""
EVERY = 0.5
"""Seconds between two looks."""
NOTED = 5.0
"""Seconds between two notes of how bad it is meanwhile."""
HOURS = 20.0
"""Seconds after which changes of opening hours are read again."""
WORTH = timedelta(hours=6)
"""After it an alert that could not be delivered is given up."""
_LOST = (SQLAlchemyError, TimeoutError, OSError)


class Figures(Protocol):
    """Where the figures come from (`ivr.board.Feed`)."""

    def shown(self, company: str) -> Shown:
        """Return the latest figures of a company and how old they are."""


@dataclass
class _Watched:
    """One company. called: when a call to ourselves last succeeded. waiting: to be written.
    noted: the worst of what is live, as it is written.
    """

    state: State
    opening: Opening
    called: datetime | None = None
    waiting: list[Change] = field(default_factory=list)
    noted: dict[Key, float | None] = field(default_factory=dict)


class Watch(LeasedRounds):
    """Watches. folder: the one whose disk may be full. webhook: alerts go there, too.

    called: tells when a company's call to itself last succeeded, None: there are no such calls.
    matched: tells whether a matchmaker acts, None: nobody can tell; without it nobody is asked.
    steady: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        figures: Figures,
        lease: Lease,
        clock: Callable[[], datetime],
        stopping: threading.Event,
        folder: Path,
        webhook: bool = False,
        called: Callable[[str], datetime | None] | None = None,
        steady: Callable[[], float] = time.monotonic,
        matched: Callable[[], bool | None] | None = None,
    ) -> None:
        super().__init__("alerts", stopping, EVERY, lease)
        self._store = store
        self._companies = companies
        self._figures = figures
        self._clock = clock
        self._folder = folder
        self._webhook = webhook
        self._called = called
        self._matched = matched
        self._matched_at: datetime | None = None
        self._steady = steady
        self._watched: dict[str, _Watched] = {}
        self._since = clock()
        self._known = self._away = False
        self._hours = self._noted = float("-inf")

    def round(self) -> None:
        """Look once, if it is this process's turn."""
        try:
            if self._turn():
                self._look()
        except Exception:  # the thread is the only one; the next round may succeed
            logger.exception("alerts: not looked")

    def _turn(self) -> bool:
        """Tell whether to watch; who begins to, begins with what the store knows."""
        try:
            mine = self._lease.hold()
        except QueueDown:
            mine = True
        if not mine:
            self._watched = {}
        elif not self._watched:
            terms = {name: each.terms.alerts for name, each in self._companies.items()}
            self._watched = {
                name: _Watched(State(terms[name].hold, terms[name].clear), each.opening)
                for name, each in self._companies.items()
            }
            self._since, self._known, self._hours = self._clock(), False, float("-inf")
        return mine

    def _look(self) -> None:
        now, steady = self._clock().astimezone(UTC), self._steady()
        late = self._read(now, steady)
        disk, matched = full(self._folder), self._since_matched(now)
        for name, watched in self._watched.items():
            shown = self._figures.shown(name)
            company, figures = self._companies[name], shown.figures
            told = datetime.fromtimestamp(figures["told"] if figures else 0, UTC)
            measures = Measures(
                outbox=None if late is None else late.get(name, 0.0),
                disk=disk,
                called=self._age(watched.called, now) if self._called else None,
                figures=self._age(datetime.fromtimestamp(shown.at, UTC), now),
                told=self._age(told, now),
                matched=matched,
            )
            found = rules.look(figures, measures, company, watched.opening, now)
            unknown = rules.unknown(figures, measures)
            storm = figures["storm"]["state"] if figures else "off"
            changes = watched.state.step(found, unknown, steady, now, storm)
            for change in changes:
                logger.warning("alert of %s %s: %s", name, change.what, change.alert)
            watched.waiting += changes
        if late is not None and self._write(steady) and self._away:
            self._away = False
            logger.warning("alerts: the store is back")

    def _since_matched(self, now: datetime) -> float | None:
        """Return seconds since a matchmaker acted, None: nobody knows."""
        acts = self._matched() if self._matched else None
        if acts is None:
            self._matched_at = now  # what nobody knows is nobody's fault
            return None
        if acts:
            self._matched_at = now
        return self._age(self._matched_at, now)

    def _age(self, at: datetime | None, now: datetime) -> float:
        """Return seconds since a moment; what was before the watch began is nobody's fault now."""
        since = self._since if at is None else max(at, self._since)
        return max(0.0, (now - since).total_seconds())

    # ------------------------------------------------------------------ the store

    def _read(self, now: datetime, steady: float) -> dict[str, float] | None:
        """Read what the store tells; how late the outbox of each company is, None: unknown."""
        hours = steady - self._hours >= HOURS
        try:
            with self._store.session(read_only=True) as db:
                late = lateness(db, now)
                for name, watched in self._watched.items():
                    if hours:
                        watched.opening = hours_changes.read(db, self._companies[name], now)
                    if not self._known:
                        watched.state.adopt(live(db, name))
            if self._called:
                for name, watched in self._watched.items():
                    watched.called = self._called(name)
        except _LOST as reason:
            self._lose(reason)
            return None
        if hours:
            self._hours = steady
        self._known = True
        return late

    def _write(self, steady: float) -> bool:
        """Write what is waiting, a change a transaction; whether all of it is written."""
        try:
            for name, watched in self._watched.items():
                while watched.waiting:
                    with self._store.session() as db:
                        write(db, name, watched.waiting[0], self._webhook)
                    watched.waiting.pop(0)
            if steady - self._noted >= NOTED:
                self._noted = steady
                self._note()
        except _LOST as reason:
            self._lose(reason)
            return False
        return True

    def _note(self) -> None:
        """Write how bad what is live has become."""
        for name, watched in self._watched.items():
            live = {key: each.worst for key, each in watched.state.live.items()}
            fresh = [key for key in live if live[key] != watched.noted.get(key)]
            if fresh:
                with self._store.session() as db:
                    for kind, target in fresh:
                        of = (Alert.company == name, Alert.kind == kind, Alert.target == target)
                        change = update(Alert).where(*of, Alert.live.is_(True))
                        db.execute(change.values(worst=live[kind, target]))
            watched.noted = live

    def _lose(self, reason: Exception) -> None:
        if not self._away:
            name = type(reason).__name__
            logger.warning("alerts: the store is away (%s); going on in memory", name)
        self._away = True


# ---------------------------------------------------------------------- rows


def live(db: Session, company: str) -> list[Live]:
    """Return the alerts of a company that are not over."""
    wanted = select(Alert).where(Alert.company == company, Alert.live.is_(True))
    return [_of(row) for row in db.scalars(wanted)]


def _of(row: Alert) -> Live:
    return Live(
        row.kind, row.target, row.level, row.since, row.value, row.bound, row.worst, row.storm
    )


def write(db: Session, company: str, change: Change, webhook: bool) -> None:
    """Write a change and tell of it, unless another process did already."""
    row = _changed(db, company, change)
    if row is None:
        return
    document = {
        "alert": row.id,
        "state": change.what,
        "kind": row.kind,
        "target": row.target,
        "level": row.level,
        "since": row.since.astimezone(UTC).isoformat(),
        "at": change.at.isoformat(),
        "value": row.value,
        "worst": row.worst,
        "bound": row.bound,
        "storm": row.storm,
    }
    entry = {"company": company, "call": "", "at": change.at, "kind": KIND, "details": document}
    db.execute(insert(CallEvent), [entry])
    if webhook:
        send(db, company, f"{row.id}/{change.what}", document, change.at)


def send(db: Session, company: str, key: str, document: Mapping[str, Any], now: datetime) -> None:
    """Put something into the outbox for the webhook."""
    payload = {"what": KIND, "document": dict(document)}
    outbox.put(
        db, company=company, kind=KIND, key=f"{KIND}/{key}", payload=payload, now=now,
        until=now + WORTH,
    )  # fmt: skip


def _changed(db: Session, company: str, change: Change) -> Alert | None:
    """Return the row as it is now, None where the change was made already."""
    alert = change.alert
    wanted = select(Alert).where(
        Alert.company == company,
        Alert.kind == alert.kind,
        Alert.target == alert.target,
        Alert.live.is_(True),
    )
    row = db.scalar(wanted.with_for_update())
    if change.what == "raised":
        return None if row is not None else _raised(db, company, alert)
    if row is None:
        return None
    if change.what == "worse" and row.level == ALARM:
        return None
    row.level, row.worst = alert.level, alert.worst
    if change.what == "cleared":
        row.ended_at, row.live = change.at, None
    return row


def _raised(db: Session, company: str, alert: Live) -> Alert | None:
    row = Alert(
        company=company, kind=alert.kind, target=alert.target, level=alert.level,
        since=alert.since, value=alert.value, bound=alert.bound, worst=alert.worst,
        storm=alert.storm,
    )  # fmt: skip
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # another process told of it at this moment
        return None
    return row


# ---------------------------------------------------------------------- measures


def lateness(db: Session, now: datetime) -> dict[str, float]:
    """Return the seconds that the oldest entry of each company's outbox has not been delivered.

    People who do not answer are not late: they are called again.
    """
    found = outbox.late(db, now, but=(CALL,))
    return {company: (now - oldest).total_seconds() for company, (_, oldest) in found.items()}


def full(folder: Path) -> float | None:
    """Return the share of a folder's disk that is full."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return round(1 - usage.free / usage.total, 4)
