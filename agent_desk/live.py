"""Live events: one subscription to the queue's news for all desks that are open on this process.

A desk's connection is a `Stream`: a thread of the server waits in it for news or for the time of
the next heartbeat. News marks what is out of date; the stream itself makes its state anew.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import redis
from flask import Blueprint, Response, g, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from agent_desk import board
from agent_desk.office import Shift, office, shift
from agent_desk.presence import MemoryPresence, Presence
from agent_desk.refusals import Refused
from ivr.agent_queue.model import Change, Operator, QueueDown
from ivr.store.models import SignIn

if TYPE_CHECKING:
    from agent_desk.office import Office

logger = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between two signs of life; writing them shows that the other side is gone."""
GONE = 8.0
"""Seconds without a desk after which an operator gets no more offers."""
RECHECK = 20.0
"""Seconds between two looks whether the sign-in still counts."""
PACE = 1.0
"""Least seconds between two figures of a company; many colleagues make it slower (`_pace`)."""

_AT_ONCE = threading.BoundedSemaphore(8)
"""States made at the same moment: after a restart every desk wants its own at once."""

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


class Stream:
    """One open desk."""

    def __init__(self, parts: Office, who: Shift, tab: str, language: str) -> None:
        self.shift = who
        self.tab = tab
        self.ticket = ""
        self._office = parts
        self._language = language
        self._wake = threading.Event()
        self._stale = True
        self._over = False
        self._ended = ""
        self._own = ""
        self._sent = ("", "")
        self._down = False
        self._signed_in = False
        self._checked = parts.clock()

    # from other threads

    def touch(self) -> None:
        """Note that the operator's own part is out of date."""
        self._stale = True
        self._wake.set()

    def wake(self) -> None:
        """Note that the figures changed."""
        self._wake.set()

    def end(self, why: str = "bye") -> None:
        """Note that the operator signed out ("bye") or the server stops ("stop")."""
        self._ended = why
        self._wake.set()

    # from the thread of the connection

    def begin(self) -> None:
        """Sign in at the queue at once if that can be done; else the first message does it."""
        if not _AT_ONCE.acquire(timeout=HEARTBEAT):
            return
        try:
            self.take_over()
        except QueueDown:
            logger.warning("the queue is down: %s signs in when it is back", self.shift.login)
        finally:
            _AT_ONCE.release()

    def take_over(self) -> None:
        """Sign in at the queue; an older tab than the one there has no say."""
        parts, user = self._office, self.shift.user
        known = parts.queue.operator(user.company, user.login)
        before = known.tab if known else ""
        if before not in ("", self.tab):
            if self._retired():
                self._signed_in = True
                return  # `_renew` finds the newer tab, and the page hears of it
            with suppress(redis.RedisError):
                parts.live.presence.retire(user.company, user.login, before)
        endpoint = f"op-{user.login}"
        wanted = Operator(user.login, user.company, user.name, dict(user.skills), tab=self.tab)
        wanted = replace(wanted, node=parts.node, endpoint=endpoint)
        now = parts.clock()
        back = before == self.tab
        operator = parts.queue.sign_in(wanted, now)
        if back and operator.status == "paused" and operator.reason == "connection":
            parts.queue.set_status(user.company, user.login, "ready", now, tab=self.tab)
        self._signed_in = True

    def _retired(self) -> bool:
        presence = self._office.live.presence
        with suppress(redis.RedisError):
            return presence.retired(self.shift.company, self.shift.login, self.tab)
        return False

    def messages(self) -> Iterator[str]:
        """Yield events until the tab is closed, another has the say, or the shift is over."""
        yield "retry: 1000\n\n"
        try:
            while not self._over:
                yield self._message()
                if not self._over:
                    self._wake.wait(HEARTBEAT)
        finally:
            self.close()

    def close(self) -> None:
        """Forget the connection."""
        self._office.live.remove(self)

    def _message(self) -> str:
        self._wake.clear()
        if self._ended == "stop":
            self._over = True  # no word of it: the page comes back to another process
            return ":\n\n"
        if self._ended or not self._still_on_shift():
            return self._last("bye")
        with suppress(redis.RedisError):  # the watch waits as well
            self._office.live.presence.seen(self.shift.company, self.shift.login)
        if not self._stale:
            return self._changed(self._down)
        if not _AT_ONCE.acquire(timeout=HEARTBEAT):
            return ":\n\n"
        try:
            if not self._renew():
                return self._last("taken")
            down = False
        except (QueueDown, SQLAlchemyError, TimeoutError) as reason:
            logger.warning("the state of %s waits: %s", self.shift.login, type(reason).__name__)
            down = self._stale = True
        finally:
            _AT_ONCE.release()
        return self._changed(down)

    def _renew(self) -> bool:
        """Make the own part anew; False: another tab has the say."""
        self._stale = False
        parts = self._office
        if not self._signed_in:
            self.take_over()
        operator = parts.queue.operator(self.shift.company, self.shift.login)
        if operator is None:  # the queue lost its memory
            self._signed_in = False
            self.take_over()
            operator = parts.queue.operator(self.shift.company, self.shift.login)
        if operator is None or operator.tab != self.tab:
            return False
        self.ticket = operator.ticket
        shown = board.own(parts, self.shift, operator, self._language)
        self._own = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        return True

    def _changed(self, down: bool) -> str:
        common = self._office.live.figures(self.shift.company)
        if (self._own, common) == self._sent and down == self._down or not self._own:
            return ":\n\n"
        self._sent, self._down = (self._own, common), down
        head = f'{{"time":{self._office.clock():.3f},"down":{json.dumps(down)},'
        return f"event: state\ndata: {head}{self._own[1:-1]},{common[1:]}\n\n"

    def _last(self, name: str) -> str:
        self._over = True
        return f"event: {name}\ndata: {{}}\n\n"

    def _still_on_shift(self) -> bool:
        """Look from time to time whether the sign-in was ended from elsewhere, or is too old."""
        now = self._office.now()
        if now >= self.shift.ends:
            return False
        if now.timestamp() - self._checked < RECHECK:
            return True
        self._checked = now.timestamp()
        try:
            with self._office.store.session(read_only=True) as db:
                row = db.get(SignIn, self.shift.id, options=[joinedload(SignIn.user)])
                return row is not None and row.ended_at is None and row.user.enabled
        except (SQLAlchemyError, TimeoutError):
            return True


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
        self._back: dict[str, None] = {}
        self._news = threading.Event()
        self._stopping = threading.Event()
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

    def end(self, sign_in: int) -> None:
        """End the streams of a sign-in."""
        for stream in self._all():
            if stream.shift.id == sign_in:
                stream.end()

    def has(self, company: str, login: str, tab: str) -> bool:
        """Tell whether a tab's desk is open here."""
        return any(stream.tab == tab for stream in self._of(company, login))

    def is_back(self, token: str) -> bool:
        """Tell whether an offer brings the same two together again."""
        return token in self._back

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
            for offer in parts.queue.offers():
                if offer.back:
                    self._back[offer.token] = None
            fresh = board.figures(parts, parts.companies[company], operators)
            if fresh != self._figures.get(company):
                self._figures[company] = fresh
                for stream in self._all():
                    if stream.shift.company == company:
                        stream.wake()

    def _watch(self) -> None:
        """Pause the ready operators whose desks are gone, so that they get no offers."""
        parts, now = self._parts(), self._now()
        for company in parts.companies:
            known = [o for o in parts.queue.operators(company) if o.status == "ready" and o.tab]
            last = self.presence.last(company, [o.name for o in known]) if known else {}
            for operator in known:
                gone = now - max(last.get(operator.name, 0.0), operator.since)
                if gone > GONE and operator.state in ("idle", "offered", "wrap_up"):
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
