"""Where the calls at Twilio are, as its switch knows it: what the webhooks noted in `LiveCalls`,
what was read there last while Redis is away, and what is on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import redis

from ivr.channels.twilio.live import HeldCall, LiveCalls
from ivr.channels.twilio.settings import NODE
from ivr.matchmaker import LiveCall, SwitchDown

logger = logging.getLogger(__name__)


class Whereabouts:
    """Thread-safe. readable: the newest reading succeeded. found: called when one does again."""

    def __init__(self, live: LiveCalls, found: Callable[[], None]) -> None:
        self.readable = True
        self._live = live
        self._found = found
        self._last: dict[str, HeldCall] = {}
        self._expected: dict[str, LiveCall] = {}

    def read(self) -> Mapping[str, HeldCall]:
        """Return every call, as it was read last where that cannot be done now."""
        try:
            self._last = dict(self._live.all())
        except redis.RedisError as reason:
            if self.readable:
                logger.warning("the calls at Twilio cannot be read: %s", type(reason).__name__)
            self.readable = False
            return dict(self._last)
        if not self.readable:
            self.readable = True
            self._found()
        return dict(self._last)

    def calls(self) -> list[LiveCall]:
        """Return every call; one that is being led elsewhere as if it were there."""
        expected = dict(self._expected)  # before: what arrives meanwhile is in the other list
        held = {call: live_call(call, held) for call, held in self.read().items()}
        return list({**held, **expected}.values())

    def expect(self, call: str, to: HeldCall) -> Callable[[], None]:
        """Let a call count as being there; returns how to say that it is, or that it failed.

        It ends with this process: whoever comes after it sees the call where it really is.
        """
        mine = live_call(call, to)
        self._expected[call] = mine

        def settled() -> None:
            if self._expected.get(call) is mine:
                del self._expected[call]

        return settled

    def of(self, call: str) -> HeldCall:
        """Return where a call is; in turn 0 where that is not known."""
        try:
            return self._live.get(call) or HeldCall(0)
        except redis.RedisError:
            return self._last.get(call) or HeldCall(0)

    def put(self, call: str, held: HeldCall) -> None:
        """Note where a call is; while Redis is away its next webhook does."""
        self._last[call] = held
        with suppress(redis.RedisError):
            self._live.put(call, held)

    def change(self, call: str, noted: HeldCall, held: HeldCall) -> None:
        """Note where a call is in place of what was noted, unless a webhook knows better."""
        if replace(self.of(call), since=0.0) == replace(noted, since=0.0):
            self.put(call, held)

    def drop(self, call: str) -> None:
        """Note that a call is over."""
        self._last.pop(call, None)
        with suppress(redis.RedisError):
            self._live.drop(call)

    def pend(self, call: str, outcome: str) -> None:
        """Keep what a caller is to be told. SwitchDown: it cannot be kept."""
        try:
            self._live.pend(call, outcome)
        except redis.RedisError as reason:
            raise SwitchDown("the calls at Twilio cannot be read") from reason


def live_call(call: str, held: HeldCall) -> LiveCall:
    """Return a call as the matchmaker sees it: one for which Twilio was asked to ring an operator,
    by a process that died before it heard the answer, waits.
    """
    asked = held.asked and held.where == "operator" and not held.talking
    return LiveCall(call, NODE, "", "wait" if asked else held.where, held.token, held.talking)
