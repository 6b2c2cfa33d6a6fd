"""What the web processes, which take Twilio's webhooks, and the dispatcher tell each other.

Keys in Redis: `press2:twilio:calls`, a hash of the calls in progress; `press2:twilio:told:CALL`,
what a waiting caller is to be told next; `press2:twilio:reports`, a stream that every dispatcher
reads from its start on. All of it is made anew by what Twilio asks for next: nothing is lost with
it but time.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, cast

import redis

from ivr.matchmaker import Listener

logger = logging.getLogger(__name__)

CALLS = "press2:twilio:calls"
TOLD = "press2:twilio:told:"
REPORTS = "press2:twilio:reports"
KEPT = 10_000
"""Reports kept in the stream, about; a dispatcher reads each within milliseconds."""
TOLD_SECONDS = 120
BLOCK = 1000
"""Milliseconds a reader waits for the next report."""
KINDS = frozenset(
    ("answered", "unanswered", "dropped", "called_back", "outside", "waiting", "gone",
     "phone_found", "phone_lost")
)  # fmt: skip
Report = tuple[str, dict[str, str]]
"""One report: its kind, and its values by name."""


@dataclass(frozen=True)
class HeldCall:
    """One call as Twilio holds it.

    turn: number of the open turn. where: flow (a question), wait (music), operator (being
    connected, or connected), outside (a number outside is dialled, or talks to him). token: of the
    offer. talking: he and the other end hear each other. since: epoch seconds at which it was put
    here; `put` sets it. sid: Twilio's name for the call of a call-back, whose own is that of its
    ticket. asked: Twilio is being asked to lead it there and has not agreed yet; whoever finds that
    later does not know where the call is.
    """

    turn: int
    where: str = "flow"
    token: str = ""
    talking: bool = False
    since: float = 0.0
    sid: str = ""
    asked: bool = False


class LiveCalls(Protocol):
    """The calls in progress."""

    def put(self, call: str, held: HeldCall) -> None:
        """Note where a call is."""

    def get(self, call: str) -> HeldCall | None:
        """Return where a call is, None where that is not known."""

    def all(self) -> Mapping[str, HeldCall]:
        """Return every call."""

    def drop(self, call: str) -> None:
        """Note that a call is over."""

    def pend(self, call: str, outcome: str) -> None:
        """Keep what a waiting caller is to be told when Twilio asks next."""

    def pended(self, call: str) -> str:
        """Take what he is to be told, "" for nothing."""


class RedisLiveCalls:
    """In Redis. Each method raises redis.RedisError while it is away."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock

    def put(self, call: str, held: HeldCall) -> None:
        """Note where a call is."""
        held = replace(held, since=self._clock())
        self._client.hset(CALLS, call, json.dumps(asdict(held)))

    def get(self, call: str) -> HeldCall | None:
        """Return where a call is."""
        found = cast("bytes | None", self._client.hget(CALLS, call))
        return None if found is None else HeldCall(**json.loads(found))

    def all(self) -> Mapping[str, HeldCall]:
        """Return every call."""
        rows = cast("dict[bytes, bytes]", self._client.hgetall(CALLS))
        return {call.decode(): HeldCall(**json.loads(held)) for call, held in rows.items()}

    def drop(self, call: str) -> None:
        """Note that a call is over."""
        self._client.hdel(CALLS, call)
        self._client.delete(TOLD + call)

    def pend(self, call: str, outcome: str) -> None:
        """Keep what a waiting caller is to be told."""
        self._client.set(TOLD + call, outcome, ex=TOLD_SECONDS)

    def pended(self, call: str) -> str:
        """Take what he is to be told."""
        found = cast("bytes | None", self._client.getdel(TOLD + call))
        return found.decode() if found else ""


class MemoryLiveCalls:
    """The twin in this process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._calls: dict[str, HeldCall] = {}
        self._told: dict[str, str] = {}
        self._clock = clock

    def put(self, call: str, held: HeldCall) -> None:
        """Note where a call is."""
        self._calls[call] = replace(held, since=self._clock())

    def get(self, call: str) -> HeldCall | None:
        """Return where a call is."""
        return self._calls.get(call)

    def all(self) -> Mapping[str, HeldCall]:
        """Return every call."""
        return dict(self._calls)

    def drop(self, call: str) -> None:
        """Note that a call is over."""
        self._calls.pop(call, None)
        self._told.pop(call, None)

    def pend(self, call: str, outcome: str) -> None:
        """Keep what a waiting caller is to be told."""
        self._told[call] = outcome

    def pended(self, call: str) -> str:
        """Take what he is to be told."""
        return self._told.pop(call, "")


def follow(live: LiveCalls, call: str, reports: Sequence[Report]) -> None:
    """Note in `live` what is about to be reported of a call: he talks now, or it is over."""
    for kind, values in reports:
        if kind == "gone":
            live.drop(values["call"])
        elif kind == "outside":
            there = live.get(call)
            if there is not None and there.where == "outside":
                live.put(call, replace(there, talking=True, asked=False))
        elif kind == "answered" or values.get("how") == "answered":
            held, token = live.get(call) or HeldCall(0), values["token"]
            if held.token in ("", token):  # else he is being connected with somebody else by now
                talks = replace(held, where="operator", token=token, talking=True, asked=False)
                live.put(call, talks)


class Reports(Protocol):
    """Where a web process says what Twilio told."""

    def publish(self, kind: str, **values: str) -> None:
        """Tell every dispatcher. kind: a method of the matchmaker's `Listener`, of KINDS."""


class RedisReports:
    """The stream in Redis; what could not be written is found by the next re-sync."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def publish(self, kind: str, **values: str) -> None:
        """Tell every dispatcher."""
        report = json.dumps({"kind": kind, **values})
        try:
            self._client.xadd(REPORTS, {"report": report}, maxlen=KEPT, approximate=True)
        except redis.RedisError as reason:
            logger.error("%s was not reported: %s", kind, reason)

    def listen(self, listener: Listener, stop: threading.Event) -> None:
        """Tell a listener every report from now on, until `stop`; a re-sync after each gap.

        The client's socket_timeout has to be longer than `BLOCK`.
        """
        last: bytes | str = "$"
        while not stop.is_set():
            try:
                last = self._read(listener, last)
            except redis.RedisError as reason:
                logger.warning("Twilio's reports wait: %s", type(reason).__name__)
                stop.wait(1.0)
                listener.resync()

    def _read(self, listener: Listener, last: bytes | str) -> bytes | str:
        """Take the next reports; where the following ones begin."""
        if last == "$":  # "$" names the end anew with each read: what comes between would be lost
            newest = cast("list[Any]", self._client.xrevrange(REPORTS, count=1))
            last = newest[0][0] if newest else "0"
        found = cast("list[Any]", self._client.xread({REPORTS: last}, count=100, block=BLOCK))
        for message, fields in found[0][1] if found else ():
            tell(listener, fields.get(b"report", b""))
            last = message
        return last


def tell(listener: Listener, report: bytes) -> None:
    """Hand one report over; one that cannot be read, or not be taken in, is left out."""
    try:
        values = dict(json.loads(report))
        kind = values.pop("kind")
        if kind not in KINDS:
            raise ValueError(kind)
    except (KeyError, TypeError, ValueError):
        logger.error("a report cannot be read and is left out: %r", report)
        return
    try:
        getattr(listener, kind)(**values)
    except Exception:
        logger.exception("a report was not taken in: %r", report)
