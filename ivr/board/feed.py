"""Keeps a board of each company up to date by reading the store's table of events behind its end.

One thread a process. A poll reads what is new by id. Ids are given before the commit, so a later
one may be seen first: what is skipped is looked for until it comes, or for `PATIENCE` seconds.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from ivr.board.board import Board
from ivr.board.fold import FORGOTTEN, TURNED
from ivr.board.halves import day_of
from ivr.company import Company
from ivr.events import Entry
from ivr.store.database import Store
from ivr.store.models import CallEvent

logger = logging.getLogger(__name__)

EVERY = 0.25
"""Seconds between two looks into the store."""
ANEW = 1.0
"""Seconds after which figures are made anew without news: a wait grows too long by itself."""
PATIENCE = 60.0
"""Seconds that a skipped id is waited for; a transaction that failed leaves one for ever."""
BEHIND = 1000
"""Ids before the end that are looked at for skipped ones, and skipped ones looked for at a time."""
BATCH = 5000
COUNTED = ("answered", "ended", "ticket", "operator", "measured", "storm")
"""Kinds that figures are counted from; of calls that are open the flow is wanted besides."""
COLUMNS = (
    CallEvent.id, CallEvent.company, CallEvent.call, CallEvent.at, CallEvent.kind, CallEvent.flow,
    CallEvent.step, CallEvent.details,
)  # fmt: skip
_Event = Row[tuple[int, str, str, datetime, str, str, str, dict[str, Any]]]


@dataclass(frozen=True)
class Shown:
    """The figures of a company as they are shown.

    state: loading (the log is being read for the first time), live, or away (the store does not
    answer: they are old). version: grows when something changed beside the time. at: the instant
    they hold for, seconds since 1970. upto: id of the last entry in them; missing: ids before it
    that are not.
    """

    state: str = "loading"
    version: int = 0
    at: float = 0.0
    upto: int = 0
    missing: tuple[int, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def mark(self) -> dict[str, Any]:
        """Return which state of the log they are of."""
        missing = list(self.missing)
        return {"state": self.state, "at": self.at, "upto": self.upto, "missing": missing}

    @cached_property
    def text(self) -> str:
        """The figures with their mark as one line of JSON."""
        whole = {**self.figures, "feed": self.mark()}
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


class Feed:
    """The boards of all companies, live."""

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        clock: Callable[[], float] = time.time,
        every: float = EVERY,
    ) -> None:
        """Take the parts. clock: seconds since 1970. every: seconds between two looks."""
        self._store = store
        self._companies = companies
        self._clock = clock
        self._every = every
        self._boards: dict[str, Board] = {}
        self._last = 0
        self._missing: dict[int, float] = {}
        self._steady: dict[str, str] = {}
        self._shown = {name: Shown() for name in companies}
        self._listeners: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)

    # ------------------------------------------------------------------ for others

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; who listens is told once more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for company in self._companies:
            self._tell(company)

    @property
    def stopped(self) -> bool:
        """Whether no news will come."""
        return self._stopping.is_set()

    @property
    def listeners(self) -> int:
        """How many are told of news."""
        with self._lock:
            return sum(map(len, self._listeners.values()))

    def shown(self, company: str) -> Shown:
        """Return the latest figures of a company and how old they are."""
        return self._shown[company]

    def figures(self, company: str) -> dict[str, Any]:
        """Return the latest figures; `feed` in them: `Shown.mark`."""
        shown = self._shown[company]
        return {**shown.figures, "feed": shown.mark()}

    def subscribe(self, company: str, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` (quick, in the feed's thread) when figures change; how to stop it."""
        with self._lock:
            self._listeners[company].append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners[company]:
                    self._listeners[company].remove(listener)

        return stop

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        loaded, anew = False, 0.0
        while not self._stopping.is_set():
            pause = self._every
            try:
                if not loaded:
                    self._load()
                    loaded, touched = True, set(self._companies)
                else:
                    touched = self._poll()
                if self._clock() - anew >= ANEW or anew > self._clock():
                    anew, touched = self._clock(), set(self._companies)
                for company in touched:
                    self._publish(company, "live")
            except _Shrunk:
                loaded = False
            except (SQLAlchemyError, TimeoutError, OSError) as reason:
                logger.warning("the wallboard waits for the store: %s", type(reason).__name__)
                self._away()
                pause = 4 * self._every
            except Exception:  # the thread is the only one; the boards may be half made
                logger.exception("the wallboard begins anew")
                self._away()
                loaded, pause = False, 4 * self._every
            self._stopping.wait(pause)

    def _publish(self, company: str, state: str) -> None:
        """Make the figures of a company anew; who listens is told if they changed."""
        figures = self._boards[company].figures(datetime.fromtimestamp(self._clock(), UTC))
        steady, before = _steady(figures), self._shown[company]
        changed = steady != self._steady.get(company) or before.state != state
        self._steady[company] = steady
        self._shown[company] = Shown(
            state,
            before.version + changed,
            figures["at"],
            self._last,
            tuple(self._missing),
            figures,
        )
        if changed:
            self._tell(company)

    def _away(self) -> None:
        """Say of the figures that they are old."""
        for company, shown in self._shown.items():
            if shown.state == "live":
                old = replace(shown, state="away", version=shown.version + 1)
                self._shown[company] = old
                self._tell(company)

    def _tell(self, company: str) -> None:
        with self._lock:
            listeners = list(self._listeners[company])
        for listener in listeners:
            listener()

    # ------------------------------------------------------------------ reading

    def _load(self) -> None:
        """Read what the figures of today and everything that is open need."""
        boards = {name: Board(company) for name, company in self._companies.items()}
        now = self._clock()
        begin = min(day_of(now, each.zone)[0] for each in self._companies.values())
        since = datetime.fromtimestamp(begin, UTC) - timedelta(seconds=FORGOTTEN)
        with self._store.session(read_only=True) as db:
            top = db.scalar(select(func.max(CallEvent.id))) or 0
            known = select(CallEvent.id).where(CallEvent.id > top - BEHIND, CallEvent.id <= top)
            ids = set(db.scalars(known))
            upto = select(*COLUMNS).where(CallEvent.id <= top).order_by(CallEvent.id)
            counted = upto.where(
                CallEvent.company.in_(self._companies),
                CallEvent.at >= since,
                CallEvent.kind.in_(COUNTED),
            ).execution_options(yield_per=BATCH)
            for row in db.execute(counted):
                if self._stopping.is_set():
                    return
                boards[row.company].apply(_entry(row))
            lately = CallEvent.at >= datetime.fromtimestamp(now - TURNED, UTC)
            for row in db.execute(upto.where(lately, CallEvent.kind == "looked_up")):
                if row.company in boards:
                    boards[row.company].apply(_entry(row))
            for board in boards.values():
                for calls in _pieces([name for name, call in board.calls.items() if call.open]):
                    for row in db.execute(upto.where(CallEvent.call.in_(calls))):
                        if row.kind not in COUNTED:
                            board.apply(_entry(row))
        first = min(ids, default=top)
        self._boards, self._last = boards, top
        self._missing = {each: now for each in range(first, top) if each not in ids}

    def _poll(self) -> set[str]:
        """Apply what is new; the companies that it is about."""
        wanted = select(*COLUMNS).order_by(CallEvent.id)
        touched = set()
        with self._store.session(read_only=True) as db:
            late = [] if not self._missing else list(self._late(db.execute, wanted))
            new = db.execute(wanted.where(CallEvent.id > self._last).limit(BATCH)).all()
            if not new and (db.scalar(select(func.max(CallEvent.id))) or 0) < self._last:
                raise _Shrunk
        now = self._clock()
        for row in new:
            skipped = range(max(self._last + 1, row.id - BEHIND), row.id)
            self._missing |= dict.fromkeys(skipped, now)
            self._last = row.id
        for row in (*late, *new):
            self._missing.pop(row.id, None)
            if row.company in self._boards:
                self._boards[row.company].apply(_entry(row))
                touched.add(row.company)
        for number, since in list(self._missing.items()):
            if now - since > PATIENCE:
                del self._missing[number]
        return touched

    def _late(
        self, execute: Callable[[Any], Iterable[_Event]], wanted: Select[Any]
    ) -> Iterator[_Event]:
        """Yield the entries among the skipped ones that have come meanwhile."""
        for numbers in _pieces(list(self._missing)):
            yield from execute(wanted.where(CallEvent.id.in_(numbers)))


class _Shrunk(Exception):
    """The newest entries are gone from the store; their ids will be given again."""


def stored(store: Store, company: str, upto: int | None = None) -> Iterator[tuple[int, Entry]]:
    """Yield the whole log of a company with its ids, for `replay`."""
    wanted = select(*COLUMNS).where(CallEvent.company == company).order_by(CallEvent.id)
    if upto is not None:
        wanted = wanted.where(CallEvent.id <= upto)
    with store.session(read_only=True) as db:
        for row in db.execute(wanted.execution_options(yield_per=BATCH)):
            yield row.id, _entry(row)


def _entry(row: _Event) -> Entry:
    return Entry(row.company, row.call, row.at, row.kind, row.flow, row.step, row.details)


def _pieces(names: list[Any], size: int = 500) -> Iterator[list[Any]]:
    """Cut a list so that a statement takes each piece."""
    for begin in range(0, len(names), size):
        yield names[begin : begin + size]


def _steady(figures: Mapping[str, Any]) -> str:
    """Return the figures without what only the time changes, to compare them."""
    queues = {**figures["queues"], "all": figures["all"]}
    shown = {name: {**queue, "longest": 0} for name, queue in queues.items()}
    return json.dumps({**figures, "at": 0, "all": 0, "told": 0, "queues": shown})
