"""The log of events: each thing that happens to a call, once, typed, with the call's id.

Reports, the wallboard and the replay of a call read this log and nothing else. A turn appends its
events to a Redis stream (`StreamLog`), which `app.py jobs` moves into the store (`drain`); without
Redis they go into the store straight away, from a thread of their own, so no caller waits for it.
The queue notes its changes in a journal of its own (`ivr.agent_queue.keys.journal`), in the step
that makes them; `Journals` moves it into the same table. docs/facts.md has a table of all kinds.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import redis
from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from ivr.agent_queue import keys
from ivr.agent_queue.model import Record
from ivr.agent_queue.record import record_of
from ivr.store.database import Store
from ivr.store.models import CallEvent

logger = logging.getLogger(__name__)

STREAM = "press2:events"
GROUP = "store"
STREAM_LIMIT = 1_000_000
BATCH = 1000


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
        return json.dumps({**vars(self), "at": self.at.isoformat()}, ensure_ascii=False)

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
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            open_ = None not in batch
            try:
                write(self._store, [entry for entry in batch if entry is not None])
            except Exception:
                logger.exception("the event log could not be written")


class StreamLog:
    """Appends to the Redis stream; while Redis does not answer, to the log given as `other`.

    After a failure Redis is left alone for `pause` seconds, so that a hanging one holds up one turn
    and not each.
    """

    def __init__(
        self,
        client: redis.Redis,
        other: EventLog,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._other = other
        self._pause = pause
        self._clock = clock
        self._until = 0.0

    def append(self, entries: Sequence[Entry]) -> None:
        """Append the events of one turn in one round trip."""
        if self._clock() < self._until:
            self._other.append(entries)
            return
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for entry in entries:
                    pipe.xadd(STREAM, {"entry": entry.to_json()}, maxlen=STREAM_LIMIT)
                pipe.execute()
        except redis.RedisError:
            self._until = self._clock() + self._pause
            self._other.append(entries)


def write(store: Store, entries: Sequence[Entry]) -> None:
    """Put events into the store in one transaction."""
    rows = [vars(entry) for entry in entries]
    if rows:
        with store.session() as session:
            session.execute(insert(CallEvent), rows)


# ---------------------------------------------------------------------- from stream to store

Message = tuple[bytes, dict[bytes, bytes] | None]
"""Id and fields; no fields where the stream was cut meanwhile."""


def drain(
    client: redis.Redis,
    store: Store,
    consumer: str,
    wait: int = 1000,
    gather: int = 100,
    idle: int = 60_000,
) -> int:
    """Move events from the stream into the store; how many messages were taken.

    wait: milliseconds for the first one. gather: milliseconds for more to come, because many in one
    transaction cost little more than one, and callers who store a reading wait for it.
    idle: milliseconds after which what another consumer took and did not finish is taken from it:
    it was killed.

    An event is stored once: what is taken is compared with what its call has in the store already,
    because a consumer may be killed after writing, and a turn that gave up waiting for Redis wrote
    to the store itself. (Twice only if that write, or a consumer stalled for longer than `idle`,
    happens in the very moment of the comparison.)
    """
    messages = _messages(client, consumer, wait, gather, idle)
    entries = [entry for _, fields in messages if (entry := _entry(fields)) is not None]
    if entries:
        write(store, _missing(store, entries))
    if messages:
        ids = [message for message, _ in messages]
        client.xack(STREAM, GROUP, *ids)
        client.xdel(STREAM, *ids)
    return len(messages)


def _messages(
    client: redis.Redis, consumer: str, wait: int, gather: int, idle: int
) -> list[Message]:
    """Take what this consumer left, else what a killed one left, else what is new."""
    try:
        client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except redis.ResponseError as reason:
        if "BUSYGROUP" not in str(reason):
            raise
    left = cast(Any, client.xreadgroup(GROUP, consumer, {STREAM: "0"}, count=BATCH))
    if left and left[0][1]:
        return cast("list[Message]", left[0][1])
    claimed = cast(Any, client.xautoclaim(STREAM, GROUP, consumer, idle, count=BATCH))
    if claimed[1]:
        return cast("list[Message]", claimed[1])
    new = _new(client, consumer, BATCH, wait)
    if new and len(new) < BATCH:
        time.sleep(gather / 1000)
        new += _new(client, consumer, BATCH - len(new), None)
    return new


def _new(client: redis.Redis, consumer: str, count: int, block: int | None) -> list[Message]:
    """Take what no consumer was given yet. block: milliseconds to wait for it; None: not at all."""
    taken = cast(Any, client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=count, block=block))
    return cast("list[Message]", taken[0][1]) if taken else []


def _entry(fields: Mapping[bytes, bytes] | None) -> Entry | None:
    try:
        return None if fields is None else Entry.from_json(fields[b"entry"].decode())
    except (KeyError, TypeError, ValueError):
        logger.error("a message of the event log cannot be read and is left out: %r", fields)
        return None


def _missing(store: Store, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that are not in the store yet."""
    since = CallEvent.at >= min(entry.at for entry in entries)
    calls = {entry.call for entry in entries if entry.call}
    wanted = [select(CallEvent).where(CallEvent.call.in_(calls), since)] if calls else []
    if companies := {entry.company for entry in entries if not entry.call}:
        # What is no call's is so much that it is found by its time instead.
        nobodys = func.length(CallEvent.call) == 0
        wanted.append(select(CallEvent).where(CallEvent.company.in_(companies), since, nobodys))
    with store.session(read_only=True) as session:
        stored = Counter(_mark(row) for each in wanted for row in session.scalars(each))
    missing = []
    for entry in entries:
        if stored[_mark(entry)]:
            stored[_mark(entry)] -= 1
        else:
            missing.append(entry)
    return missing


def _mark(event: Entry | CallEvent) -> tuple[str, datetime, str]:
    """What makes an event the same one."""
    rest = [event.company, event.kind, event.flow, event.step, event.details]
    return event.call, event.at, json.dumps(rest, sort_keys=True)


# ---------------------------------------------------------------------- from the queue's journals


class Journals(threading.Thread):
    """Moves the journals of the companies' queues into the store until `stopping` is set.

    Any number of these may run, and each may be killed: an event is told by its company and the id
    of its message, and the message is taken away only when the event is stored.
    companies: ids besides those that Redis knows.
    """

    def __init__(
        self,
        client: redis.Redis,
        store: Store,
        companies: Collection[str],
        stopping: threading.Event,
    ) -> None:
        super().__init__(name="journals", daemon=True)
        self._client = client
        self._store = store
        self._companies = companies
        self._stopping = stopping

    def run(self) -> None:
        """Move what comes; while Redis or the store does not answer the journals wait."""
        while not self._stopping.is_set():
            try:
                drain_journals(self._client, self._store, self._companies)
            except (redis.RedisError, SQLAlchemyError, TimeoutError) as reason:
                logger.warning("the queue's journals wait (%s)", type(reason).__name__)
                self._stopping.wait(1.0)


def drain_journals(
    client: redis.Redis,
    store: Store,
    companies: Collection[str],
    wait: int = 1000,
    gather: int = 50,
) -> int:
    """Move what the queues noted into the store; how many records were taken.

    wait: milliseconds for the first one. gather: milliseconds for more of them to come.
    """
    known = cast("set[bytes]", client.smembers(keys.COMPANIES))
    names = sorted({*companies, *(name.decode() for name in known)})
    streams = {keys.journal(name): "0" for name in names}
    if not streams or not client.xread(cast(Any, streams), count=1, block=wait):
        return 0
    time.sleep(gather / 1000)
    return sum(_drain_journal(client, store, name) for name in names)


def _drain_journal(client: redis.Redis, store: Store, company: str) -> int:
    stream = keys.journal(company)
    messages = cast("list[tuple[bytes, Mapping[bytes, bytes]]]", client.xrange(stream, count=BATCH))
    rows = []
    for message, fields in messages:
        texts = {name.decode(): text.decode() for name, text in fields.items()}
        try:
            entry = entry_of(record_of(company, texts))
        except (KeyError, ValueError):
            logger.error("a record of the queue of %s cannot be read and is left out", company)
        else:
            rows.append({**vars(entry), "source": f"{company}/{message.decode()}"})
    if rows:
        with store.session() as session:
            kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
            session.execute(kind.insert(CallEvent).on_conflict_do_nothing(), rows)
    if messages:
        client.xdel(stream, *(message for message, _ in messages))
    return len(messages)


def entry_of(record: Record) -> Entry:
    """Return the event that a record of the queue's journal is."""
    at = datetime.fromtimestamp(record.at, UTC)
    call = record.id if record.kind == "ticket" else ""
    return Entry(record.company, call, at, record.kind, details=dict(record.details))
