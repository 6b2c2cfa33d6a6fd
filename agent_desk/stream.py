"""One open desk: what is sent to its page, and when."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from agent_desk import board, leaving, phone, steer
from agent_desk.office import Shift
from ivr.agent_queue.model import Operator, QueueDown
from ivr.store.models import SignIn

if TYPE_CHECKING:
    from agent_desk.office import Office

logger = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between two signs of life; writing them shows that the other side is gone."""
RECHECK = 20.0
"""Seconds between two looks whether the sign-in still counts."""
_AT_ONCE = threading.BoundedSemaphore(8)
"""States made at the same moment: after a restart every desk wants its own at once."""


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
        """Note that the operator's own part is out of date; he may have been signed out."""
        self._stale = True
        self._checked = 0.0
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
            if known is not None:
                phone.broken(parts, known)  # the telephone was in the old tab
        endpoint = f"op-{user.login}"
        wanted = Operator(user.login, user.company, user.name, self._skills(), tab=self.tab)
        wanted = replace(wanted, node=parts.node, endpoint=endpoint)
        now = parts.clock()
        back = before == self.tab
        operator = parts.queue.sign_in(wanted, now)
        if back and operator.status == "paused" and operator.reason == "connection":
            parts.queue.set_status(user.company, user.login, "ready", now, tab=self.tab)
        self._signed_in = True

    def _skills(self) -> dict[str, int]:
        """What he serves in this shift: a supervisor may have changed it meanwhile."""
        user = self.shift.user
        try:
            with self._office.store.session(read_only=True) as db:
                return steer.skills_now(db, user, self.shift.began)
        except (SQLAlchemyError, TimeoutError):
            return dict(user.skills)

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
        try:
            self._office.live.presence.seen(self.shift.company, self.shift.login)
        except redis.RedisError:  # a Redis that hangs sends no news of it; the watch waits as well
            self._stale = True
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
                if row is None or row.ended_at is not None or not row.user.enabled:
                    return False
                over = leaving.due(self._office, db, row)
            if over:
                leaving.carry_out(self._office, self.shift.company, self.shift.login)
            return not over
        except (SQLAlchemyError, TimeoutError, QueueDown):
            return True
