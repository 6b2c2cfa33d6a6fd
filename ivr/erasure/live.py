"""The customer in Redis: whether he is in a call right now, and what is left of earlier calls.

Sessions last six hours, tickets a day, places of who hung up some minutes; none of them is waited
for. The streams are emptied into the store first, where what they hold is counted and cut.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from ivr.agent_queue import keys
from ivr.agent_queue.model import AgentQueue
from ivr.erasure.rows import Plan
from ivr.erasure.subject import Subject
from ivr.events import STREAM, drain, drain_journals
from ivr.store.database import Store

logger = logging.getLogger(__name__)

EVERY = "press2:*"
SESSIONS = "press2:session:"
PATIENCE = 30.0
"""Seconds for Redis to write its file anew."""
POLL = 0.05
ROUNDS = 200
"""Times the streams are emptied before what is left is said to be left."""


@dataclass(frozen=True)
class Hit:
    """Something of his in Redis. member: of a hash, set or sorted set, id in a stream; None: the
    whole key.
    """

    key: str
    kind: str
    member: Any = None


def calling(
    client: redis.Redis | None, queue: AgentQueue | None, subject: Subject, known: Plan
) -> list[str]:
    """Return the calls he is in right now; one who waits to be called back is in none."""
    found = set()
    if queue is not None:
        for ticket in queue.waiting(subject.company):
            whose = (ticket.number, dict(ticket.context))
            waits = ticket.kind == "callback" and ticket.state == "waiting"
            if not waits and (ticket.id in known.calls or subject.found(whose)):
                found.add(ticket.id)
    if client is not None:
        for key in client.scan_iter(f"{SESSIONS}*", count=1000):
            document = _document(client, key)
            caller = document.get("caller") or {}
            if caller.get("company") != subject.company or document.get("session", {}).get("over"):
                continue
            if caller.get("call") in known.calls or subject.found(document):
                found.add(str(caller.get("call")))
    return sorted(found)


def _document(client: redis.Redis, key: bytes) -> Mapping[str, Any]:
    stored = cast("bytes | None", client.hget(key, "document"))
    try:
        document = json.loads(stored or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def settle(client: redis.Redis, store: Store, company: str) -> None:
    """Empty the streams of events into the store; `app.py jobs` may do so at the same time."""
    for _ in range(ROUNDS):
        moved = drain(client, store, "erasure", wait=1, gather=0)
        moved += drain_journals(client, store, [company], wait=1, gather=0)
        if not moved:
            return


def look(client: redis.Redis, subject: Subject, known: Plan) -> tuple[int, list[Hit]]:
    """Return how many keys there are, and what is his."""
    looked, hits = 0, []
    for raw in client.scan_iter(EVERY, count=1000):
        looked += 1
        key = raw.decode()
        if _elsewhere(key, subject):
            continue
        kind = cast(bytes, client.type(raw)).decode()
        if subject.found(key) or _of_call(key, known):
            hits.append(Hit(key, kind))
        else:
            hits.extend(_within(client, key, kind, subject, known))
    return looked, hits


def _elsewhere(key: str, subject: Subject) -> bool:
    """Whether it is a key of another company's queue."""
    return key.startswith("press2:queue:{") and not key.startswith(keys.prefix(subject.company))


def _of_call(key: str, known: Plan) -> bool:
    """Whether a key is named after one of his calls."""
    for begin in (SESSIONS, "press2:twilio:told:", "press2:twilio:slow:"):
        if key.startswith(begin):
            name = key.removeprefix(begin).strip("{}")
            return name in known.calls or name.partition(":")[0] in known.calls
    name = key.partition("}:ticket:")[2]
    return bool(name) and name in known.calls


def _within(
    client: redis.Redis, key: str, kind: str, subject: Subject, known: Plan
) -> Iterator[Hit]:
    if kind == "hash":
        fields = {k.decode(): v.decode() for k, v in cast(Any, client.hgetall(key)).items()}
        if key.startswith((SESSIONS, keys.prefix(subject.company))):
            caller = _document(client, key.encode()).get("caller") or {}
            mine = caller.get("company", subject.company) == subject.company
            if mine and subject.found(fields):
                yield Hit(key, kind)
        else:
            for name, value in fields.items():
                if name in known.calls or subject.found((name, value)):
                    yield Hit(key, kind, name)
    elif kind == "string":
        if subject.found(_text(cast(bytes, client.get(key)))):
            yield Hit(key, kind)
    elif kind in ("set", "zset", "list"):
        for member in _members(client, key, kind):
            if subject.found(_text(member)) or _text(member) in known.calls:
                yield Hit(key, kind, member)
    elif kind == "stream":
        for number, fields in cast(Any, client.xrange(key)):
            if any(subject.found(_text(each)) for pair in fields.items() for each in pair):
                yield Hit(key, kind, number)


def _members(client: redis.Redis, key: str, kind: str) -> list[bytes]:
    if kind == "set":
        return list(cast(Any, client.smembers(key)))
    every = client.zrange(key, 0, -1) if kind == "zset" else client.lrange(key, 0, -1)
    return cast("list[bytes]", every)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def erase(client: redis.Redis, hits: list[Hit]) -> int:
    """Delete what was found, but for events that are not in the store yet; how many things."""
    gone = 0
    for hit in hits:
        if hit.member is None:
            gone += client.delete(hit.key)
        elif hit.kind == "hash":
            gone += client.hdel(hit.key, hit.member)
        elif hit.kind == "set":
            gone += client.srem(hit.key, hit.member)
        elif hit.kind == "zset":
            gone += client.zrem(hit.key, hit.member)
        elif hit.kind == "list":
            gone += client.lrem(hit.key, 0, hit.member)
        elif hit.key != STREAM and not hit.key.endswith("}:journal"):
            gone += client.xdel(hit.key, hit.member)
    return gone


def rewrite(client: redis.Redis) -> str:
    """Have Redis write its file anew, so that what was deleted is not in it; "" or why not."""
    try:
        if cast(Any, client.config_get("appendonly")).get("appendonly") != "yes":
            return ""
        client.bgrewriteaof()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            known = cast(Any, client.info("persistence"))
            if not (known["aof_rewrite_in_progress"] or known["aof_rewrite_scheduled"]):
                return ""
            time.sleep(POLL)
    except redis.RedisError as reason:
        return str(reason)
    return "is still being written anew"
