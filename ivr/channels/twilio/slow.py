"""Turns that take long: Twilio gives a webhook 15 seconds, and a caller less.

The work goes on in a thread. A webhook that waited `patience` seconds gets nothing yet, says "one
moment", and Twilio asks again: this process, which looks at the same work, or another one, which
finds in Redis what the caller had answered, and does it anew when the first one seems dead.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import asdict
from typing import Protocol, cast

import redis

from ivr.model import Event, Turn

logger = logging.getLogger(__name__)

PATIENCE = 4.0
"""Seconds a caller hears nothing."""
WORKERS = 64
DEAD = 20.0
"""Seconds after which a process that took a turn counts as dead, if it is not this one."""
KEPT = 90
Key = tuple[str, int]
"""A call and the number of its open turn."""


class Marks(Protocol):
    """Which turns take long, for all processes."""

    def set(self, key: Key, events: list[Event]) -> None:
        """Note what the caller answered, and that it is being worked on from now on."""

    def get(self, key: Key) -> tuple[float, list[Event]] | None:
        """Return seconds since the note, and what the caller answered."""


class RedisMarks:
    """In Redis; while it is away nobody takes over, and the caller is asked again."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock

    def set(self, key: Key, events: list[Event]) -> None:
        """Note what the caller answered."""
        note = json.dumps([self._clock(), [asdict(event) for event in events]])
        try:
            self._client.set(_name(key), note, ex=KEPT)
        except redis.RedisError as reason:
            logger.warning("call %s takes long, which no other process knows: %s", key[0], reason)

    def get(self, key: Key) -> tuple[float, list[Event]] | None:
        """Return what is known of a turn that takes long."""
        try:
            note = cast("bytes | None", self._client.get(_name(key)))
        except redis.RedisError:
            return None
        if note is None:
            return None
        since, events = json.loads(note)
        return self._clock() - since, [Event(**event) for event in events]


class MemoryMarks:
    """The twin in this process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._notes: dict[Key, tuple[float, list[Event]]] = {}
        self._clock = clock

    def set(self, key: Key, events: list[Event]) -> None:
        """Note what the caller answered."""
        self._notes[key] = self._clock(), events

    def get(self, key: Key) -> tuple[float, list[Event]] | None:
        """Return what is known of a turn that takes long."""
        if key not in self._notes:
            return None
        since, events = self._notes[key]
        return self._clock() - since, events


class Work:
    """The turns this process works on. patience: seconds one webhook waits for a turn."""

    def __init__(self, marks: Marks, patience: float = PATIENCE, workers: int = WORKERS) -> None:
        self._marks = marks
        self._patience = patience
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="twilio-turn")
        self._running: dict[Key, Future[Turn]] = {}
        self._lock = threading.Lock()

    def do(self, key: Key, events: list[Event], work: Callable[[], Turn]) -> Turn | None:
        """Return what a turn led to; None while it takes longer than the patience.

        A webhook that comes twice at once looks at one work.
        """
        with self._lock:
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = self._pool.submit(self._run, key, work)
        turn = self._wait(running)
        if turn is None:
            logger.warning("call %s: turn %d takes long", *key)
            self._marks.set(key, events)
        return turn

    def look(self, key: Key, again: Callable[[list[Event]], Turn]) -> tuple[Turn | None, bool]:
        """Return (what a turn led to, None while it takes long; whether anybody works on it).

        again: does the work of a process that died.
        """
        with self._lock:
            running = self._running.get(key)
        if running is not None:
            return self._wait(running), True
        note = self._marks.get(key)
        if note is None:
            return None, False
        age, events = note
        if age < DEAD:
            return None, True
        return self.do(key, events, lambda: again(events)), True

    def close(self) -> None:
        """Let what is being done come to its end."""
        self._pool.shutdown()

    def _wait(self, running: Future[Turn]) -> Turn | None:
        try:
            return running.result(self._patience)
        except Late:
            # Done: it ended just now, or gave up waiting for something itself.
            return running.result() if running.done() else None

    def _run(self, key: Key, work: Callable[[], Turn]) -> Turn:
        try:
            return work()
        finally:
            with self._lock:
                self._running.pop(key, None)


def _name(key: Key) -> str:
    return f"press2:twilio:slow:{key[0]}:{key[1]}"
