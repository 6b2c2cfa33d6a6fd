"""Sessions: where the open turn of each call is kept between two events.

A document is {"session", "turn", "caller"} of plain JSON. `save` is a compare-and-set on the number
of the open turn, so that two workers cannot both answer it. Three stores with the same methods and
the same tests: in memory, in Redis, and `SturdySessions`, which is Redis as long as it answers and
the worker's own memory while it does not.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import redis

from ivr.errors import StaleTurn

Document = Mapping[str, Any]

KEEP = 6 * 3600
"""Seconds a session is kept after its last turn; a call is never longer."""
OWN = 10_000
"""Calls a worker remembers beside Redis, far more than it has at once."""

logger = logging.getLogger(__name__)


def _turn(document: Document) -> int:
    return int(document["turn"]["number"])


class Sessions(Protocol):
    """What a runner needs of a session store."""

    def load(self, call: str, turn: int = 0) -> Document | None:
        """Return the document of a call, or None for a new one.

        turn: the turn an event answers. A copy of that very turn which this process keeps is as
        good as the shared one: `save` compares the turn anyway.
        """

    def save(self, call: str, document: Document, expected: int) -> None:
        """Store a document if the stored turn is `expected` (0: none yet), else StaleTurn."""


class MemorySessions:
    """Sessions of one process. limit: documents kept; the oldest one goes first."""

    def __init__(self, limit: int = 100_000) -> None:
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._limit = limit
        self._lock = threading.Lock()

    def load(self, call: str, turn: int = 0) -> Document | None:
        """Return the document of a call, or None."""
        return self._documents.get(call)

    def save(self, call: str, document: Document, expected: int) -> None:
        """Store a document if the stored turn is `expected`."""
        with self._lock:
            stored = self._documents.get(call)
            found = _turn(stored) if stored else 0
            if found != expected:
                raise StaleTurn(f"call {call}: turn {expected} is over, {found} is open")
            self._documents[call] = document
            self._documents.move_to_end(call)
            while len(self._documents) > self._limit:
                self._documents.popitem(last=False)

    def keep(self, call: str, document: Document) -> None:
        """Store a document whatever was stored before."""
        with self._lock:
            self._documents[call] = document
            self._documents.move_to_end(call)
            while len(self._documents) > self._limit:
                self._documents.popitem(last=False)


# KEYS: 1 the call's session. ARGV: 1 expected turn, 2 new turn, 3 document, 4 seconds to keep.
# A session that is missing or behind (Redis was away for some turns) is taken from the worker that
# holds the call; one that is ahead was answered by another worker.
_SAVE = """
local found = redis.call('HGET', KEYS[1], 'turn')
if found and tonumber(found) > tonumber(ARGV[1]) then return tonumber(found) end
redis.call('HSET', KEYS[1], 'turn', ARGV[2], 'document', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return -1
"""


class RedisSessions:
    """Sessions shared by every worker: one hash a call, `press2:session:{CALL}`."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._save = client.register_script(_SAVE)

    @staticmethod
    def key(call: str) -> str:
        """Return the key of a call."""
        return f"press2:session:{{{call}}}"

    def load(self, call: str, turn: int = 0) -> Document | None:
        """Return the document of a call, or None."""
        stored = cast("bytes | None", self._client.hget(self.key(call), "document"))
        return None if stored is None else cast(Document, json.loads(stored))

    def save(self, call: str, document: Document, expected: int) -> None:
        """Store a document unless a turn after `expected` is stored."""
        turn = _turn(document)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        found = cast(int, self._save(keys=[self.key(call)], args=[expected, turn, text, KEEP]))
        if found != -1:
            raise StaleTurn(f"call {call}: turn {expected} is over, {found} is open")


class SturdySessions:
    """Redis while it answers, else the worker's memory: a call goes on either way.

    The memory always holds the calls of this worker, so nothing is lost at the moment Redis dies.
    After a failure Redis is left alone for `pause` seconds. It may come back empty, or knowing
    less than the memory: the later turn counts.
    """

    def __init__(
        self,
        shared: RedisSessions,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._own = MemorySessions(limit=OWN)
        self._pause = pause
        self._clock = clock
        self._until = 0.0

    def load(self, call: str, turn: int = 0) -> Document | None:
        """Return the document of a call from Redis or from memory, whichever is later."""
        own = self._own.load(call)
        if not self._up() or (own is not None and _turn(own) == turn):
            return own
        try:
            shared = self._shared.load(call)
        except redis.RedisError as reason:
            self._down(reason)
            return own
        if shared is None or (own is not None and _turn(own) >= _turn(shared)):
            return own
        self._own.keep(call, shared)
        return shared

    def save(self, call: str, document: Document, expected: int) -> None:
        """Store a document in both places; Redis decides about a stale turn while it answers."""
        if self._up():
            try:
                self._shared.save(call, document, expected)
                self._own.keep(call, document)
                return
            except redis.RedisError as reason:
                self._down(reason)
        self._own.save(call, document, expected)

    def _up(self) -> bool:
        return self._clock() >= self._until

    def _down(self, reason: redis.RedisError) -> None:
        logger.error("redis does not answer (%s); calls go on in this worker's memory", reason)
        self._until = self._clock() + self._pause
