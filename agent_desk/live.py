"""Live events: one subscription to the queue's news for all desks that are open on this process.

A desk's connection is a `Stream`. News marks what is out of date there; the part of the state that
all desks of a company share is made here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import redis
from flask import Blueprint, Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from agent_desk import board, phone
from agent_desk.office import office, shift
from agent_desk.presence import MemoryPresence, Presence
from agent_desk.refusals import Refused
from agent_desk.stream import Stream
from ivr.agent_queue.model import Change, Operator, QueueDown

if TYPE_CHECKING:
    from agent_desk.office import Office

logger = logging.getLogger(__name__)

GONE = 8.0
"""Seconds without a desk after which an operator gets no more offers."""
PACE = 1.0
"""Least seconds between two figures of a company; many colleagues make it slower (`_pace`)."""

blueprint = Blueprint("live", __name__)


@blueprint.get("/events")
def events() -> Response:
    """Open the stream of a tab; the newest tab of an operator has the say."""
    parts = office()
    tab = request.args.get("tab", "")
    if not 8 <= len(tab) <= 80 or not tab.isascii() or not tab.isprintable():
        raise Refused("field", field="tab")
    stream = Stream(parts, shift(), tab, g.language)
    if not parts.live.add(stream):
        raise Refused("full", 503)
    try:
        stream.begin()
    except BaseException:
        parts.live.remove(stream)
        raise
    answer = Response(stream.messages(), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"  # nginx would keep the events back
    answer.call_on_close(stream.close)
    return answer


class Live:
    """All open desks of this process. limit: how many there may be."""

    def __init__(self, limit: int = 300, presence: Presence | None = None) -> None:
        self.presence: Presence = presence or MemoryPresence()
        self._limit = limit
        self._turn = threading.Lock()
        self._streams: dict[tuple[str, str], list[Stream]] = {}
        self._figures: dict[str, str] = {}
        self._stale: set[str] = set()
        self._next: dict[str, float] = {}
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._bells: dict[threading.Event, str] = {}
        self._office: Office | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def start(self, parts: Office) -> None:
        """Listen to the queue and begin to keep the figures."""
        self._office = parts
        with suppress(QueueDown):
            self._unsubscribe = parts.queue.subscribe(self._heard)
        self._thread = threading.Thread(target=self._run, name="desk-figures", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every stream and the thread."""
        self._stopping.set()
        self._news.set()
        if self._unsubscribe is not None:
            self._unsubscribe()
        for stream in self._all():
            stream.end("stop")
        with self._turn:
            bells, self._bells = list(self._bells), {}
        for bell in bells:
            bell.set()
        if self._thread is not None:
            self._thread.join()

    # ------------------------------------------------------------------ streams

    def add(self, stream: Stream) -> bool:
        """Take a stream; False when too many desks are open."""
        with self._turn:
            if sum(map(len, self._streams.values())) >= self._limit:
                return False
            key = (stream.shift.company, stream.shift.login)
            self._streams.setdefault(key, []).append(stream)
            self._stale.add(stream.shift.company)
        self._news.set()
        return True

    def remove(self, stream: Stream) -> None:
        """Forget a stream."""
        key = (stream.shift.company, stream.shift.login)
        with self._turn:
            left = [other for other in self._streams.get(key, []) if other is not stream]
            if left:
                self._streams[key] = left
            else:
                self._streams.pop(key, None)

    def touch(self, company: str, login: str) -> None:
        """Make an operator's desk show anew what the store holds."""
        for stream in self._of(company, login):
            stream.touch()

    def refresh(self, company: str) -> None:
        """Make the figures of a company anew, the inbox among them."""
        with self._turn:
            self._stale.add(company)
        self._news.set()

    def listen(self, company: str, limit: int) -> threading.Event | None:
        """Return a bell that rings whenever something of a company's staff changes, until `deafen`.

        None: `limit` of them are there.
        """
        bell = threading.Event()
        with self._turn:
            if len(self._bells) >= limit:
                return None
            self._bells[bell] = company
        return bell

    def hears(self, bell: threading.Event) -> bool:
        """Tell whether a bell still rings: not when the server stops."""
        with self._turn:
            return bell in self._bells

    def deafen(self, bell: threading.Event) -> None:
        """Ring a bell no more."""
        with self._turn:
            self._bells.pop(bell, None)

    def end(self, sign_in: int) -> None:
        """End the streams of a sign-in."""
        for stream in self._all():
            if stream.shift.id == sign_in:
                stream.end()

    def has(self, company: str, login: str, tab: str) -> bool:
        """Tell whether a tab's desk is open here."""
        return any(stream.tab == tab for stream in self._of(company, login))

    def figures(self, company: str) -> str:
        """Return the common part of a company's desks."""
        return self._figures.get(company, '{"queues":[],"inbox":{},"colleagues":[]}')

    def _of(self, company: str, login: str) -> list[Stream]:
        with self._turn:
            return list(self._streams.get((company, login), []))

    def _all(self) -> list[Stream]:
        with self._turn:
            return [stream for streams in self._streams.values() for stream in streams]

    # ------------------------------------------------------------------ news

    def _heard(self, change: Change) -> None:
        """Mark what is out of date; called by the queue in some thread."""
        if change.what == "command":
            return
        self._ring(change)
        if change.what == "staff":
            self._tell_staff(change)
            return
        if change.what == "operator":
            touched = self._of(change.company, change.id)
        elif change.what == "ticket":
            touched = [s for s in self._all() if s.ticket == change.id]
        elif change.what == "offer":
            touched = []
        else:
            touched = self._all()
        for stream in touched:
            stream.touch()
        with self._turn:
            self._stale |= {change.company} if change.company else {c for c, _ in self._streams}
        self._news.set()

    def _tell_staff(self, change: Change) -> None:
        """Touch the desk of one operator, or all of a company."""
        known = [change.id] if change.id else [n for c, n in self._keys() if c == change.company]
        for login in known:
            self.touch(change.company, login)

    def _ring(self, change: Change) -> None:
        if change.what not in ("staff", "operator", "all"):
            return
        with self._turn:
            bells = [b for b, company in self._bells.items() if change.company in ("", company)]
        for bell in bells:
            bell.set()

    def _keys(self) -> list[tuple[str, str]]:
        with self._turn:
            return list(self._streams)

    # ------------------------------------------------------------------ the thread of the figures

    def _run(self) -> None:
        look = 0.0
        while not self._stopping.is_set():
            self._news.wait(PACE)
            self._news.clear()
            try:
                self._renew()
                if self._now() >= look:
                    look = self._now() + GONE / 4
                    self._watch()
                    self._parts().answers.refresh()
            except (QueueDown, redis.RedisError, SQLAlchemyError, TimeoutError, OSError) as reason:
                logger.warning("the figures wait: %s", type(reason).__name__)
            except Exception:  # the thread is the only one; the next round may succeed
                logger.exception("the figures could not be made")
            self._stopping.wait(0.05)  # many changes of one moment are one change

    def _renew(self) -> None:
        """Make the figures that are out of date and whose pace allows it."""
        parts, now = self._parts(), self._now()
        with self._turn:
            here = {company for company, _ in self._streams}
            due = [c for c in self._stale & here if self._next.get(c, 0.0) <= now]
            self._stale -= set(due)
        for company in due:
            operators = parts.queue.operators(company)
            self._next[company] = now + _pace(len(operators))
            fresh = board.figures(parts, parts.companies[company], operators)
            if fresh != self._figures.get(company):
                self._figures[company] = fresh
                for stream in self._all():
                    if stream.shift.company == company:
                        stream.wake()

    def _watch(self) -> None:
        """Look for operators whose desks are gone."""
        parts, now = self._parts(), self._now()
        for company in parts.companies:
            known = [o for o in parts.queue.operators(company) if o.tab and self._matters(o)]
            last = self.presence.last(company, [o.name for o in known]) if known else {}
            for operator in known:
                if now - max(last.get(operator.name, 0.0), operator.since) > GONE:
                    self._gone(operator, now)

    def _matters(self, operator: Operator) -> bool:
        return operator.status == "ready" or self._told_by_page(operator)

    def _told_by_page(self, operator: Operator) -> bool:
        """Tell whether he has a telephone of which only his page could say that it is gone."""
        return self._parts().phone_report is not None and bool(operator.endpoint)

    def _gone(self, operator: Operator, now: float) -> None:
        """Pause who is ready, so that he gets no offers; his telephone is gone with the page."""
        if self._told_by_page(operator):
            phone.lost(self._parts(), operator)
        if operator.status == "ready" and operator.state in ("idle", "offered", "wrap_up"):
            self._pause(operator, now)

    def _pause(self, operator: Operator, now: float) -> None:
        self._parts().queue.set_status(
            operator.company,
            operator.name,
            "paused",
            now,
            reason="connection",
            tab=operator.tab,
            version=operator.version,
        )
        logger.info("%s: no desk any more, paused", operator.name)

    def _parts(self) -> Office:
        if self._office is None:
            raise RuntimeError("start() comes first")
        return self._office

    def _now(self) -> float:
        return self._parts().clock()


def _pace(colleagues: int) -> float:
    """Seconds to the next figures: each desk hears of every colleague, over a home's line."""
    return PACE * max(1.0, colleagues / 100)
