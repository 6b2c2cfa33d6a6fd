"""The log of events: each thing that happens to a call, once, typed, with the call's id.

Reports, the wallboard and the replay of a call read this log and nothing else. A turn appends its
events to a Redis stream (`StreamLog`), which `app.py jobs` moves into the store (`drain`); without
Redis they go into the store straight away, from a thread of their own, so no caller waits for it.
Kinds: answered, resumed, entered, said, heard, looked_up, queued, operator, failed, ended.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

import redis

from ivr.store.database import Store
from ivr.store.models import CallEvent

logger = logging.getLogger(__name__)

STREAM = "press2:events"
GROUP = "store"
STREAM_LIMIT = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One event. at: aware datetime. details: plain JSON; keys are masked by whoever shows them."""

    company: str
    call: str
    at: datetime
    kind: str
    flow: str = ""
    step: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps({**asdict(self), "at": self.at.isoformat()}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Entry:
        """Rebuild an entry from its line."""
        fields = json.loads(text)
        return Entry(**{**fields, "at": datetime.fromisoformat(fields["at"])})


class EventLog(Protocol):
    """Where the events of a turn go."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Take the events of one turn, in order. Never raises and never waits for long."""


class MemoryLog:
    """Keeps every event in a list, for call scripts and tests."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entries: Sequence[Entry]) -> None:
        """Take the events of one turn."""
        self.entries.extend(entries)


class StoreLog:
    """Writes to the store from a thread of its own, many events in one transaction."""

    def __init__(self, store: Store, limit: int = 100_000) -> None:
        self._store = store
        self._waiting: queue.Queue[Entry | None] = queue.Queue(limit)
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def append(self, entries: Sequence[Entry]) -> None:
        """Queue the events; when the store is so slow that the queue is full they are dropped."""
        try:
            for entry in entries:
                self._waiting.put_nowait(entry)
        except queue.Full:
            logger.error("the event log is full: events of call %s are lost", entries[0].call)

    def close(self) -> None:
        """Write what is waiting and stop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._waiting.get()]
            while len(batch) < 1000 and not self._waiting.empty():
                batch.append(self._waiting.get())
            open_ = None not in batch
            try:
                write(self._store, [entry for entry in batch if entry is not None])
            except Exception:
                logger.exception("the event log could not be written")


class StreamLog:
    """Appends to the Redis stream; while Redis does not answer, to the log given as `other`."""

    def __init__(self, client: redis.Redis, other: EventLog) -> None:
        self._client = client
        self._other = other

    def append(self, entries: Sequence[Entry]) -> None:
        """Append the events of one turn in one round trip."""
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for entry in entries:
                    pipe.xadd(STREAM, {"entry": entry.to_json()}, maxlen=STREAM_LIMIT)
                pipe.execute()
        except redis.RedisError:
            self._other.append(entries)


def write(store: Store, entries: Sequence[Entry]) -> None:
    """Put events into the store in one transaction."""
    with store.session() as session:
        session.add_all(CallEvent(**asdict(entry)) for entry in entries)


def drain(client: redis.Redis, store: Store, consumer: str, wait: int = 1000) -> int:
    """Move events from the stream into the store; how many. wait: milliseconds for the first one.

    What was read by this consumer and not acknowledged (it was killed) is taken again first.
    """
    try:
        client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except redis.ResponseError as reason:
        if "BUSYGROUP" not in str(reason):
            raise
    for start in ("0", ">"):
        streams = cast(
            "list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]",
            client.xreadgroup(GROUP, consumer, {STREAM: start}, count=1000, block=wait) or [],
        )
        messages = streams[0][1] if streams else []
        if messages:
            write(store, [Entry.from_json(fields[b"entry"].decode()) for _, fields in messages])
            client.xack(STREAM, GROUP, *[message for message, _ in messages])
            client.xdel(STREAM, *[message for message, _ in messages])
            return len(messages)
    return 0
