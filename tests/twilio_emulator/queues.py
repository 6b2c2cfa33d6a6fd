"""Queues and <Enqueue> (twilio.com/docs/voice/twiml/enqueue, /docs/voice/api/queue-resource)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .twiml import Document, Verb

if TYPE_CHECKING:
    from .call import Call


@dataclass
class Member:
    """One call that waits. taken: who dequeues it through <Dial><Queue>."""

    call: Call
    since: float = field(default_factory=time.monotonic)
    since_wall: float = field(default_factory=time.time)
    taken: asyncio.Future[asyncio.Event] | None = None

    @property
    def seconds(self) -> int:
        return int(time.monotonic() - self.since)


@dataclass
class Queue:
    """One queue. most: members it takes."""

    sid: str
    name: str
    most: int
    members: list[Member] = field(default_factory=list)
    created: float = field(default_factory=time.time)

    @property
    def average(self) -> int:
        waits = [member.seconds for member in self.members]
        return sum(waits) // len(waits) if waits else 0


Perform = Callable[["Call", Document], Awaitable[str]]


async def enqueue(call: Call, verb: Verb, perform: Perform) -> Document | None:
    """Let the call wait; its action is told why it left."""
    queue = call.emulator.queue(verb.text)
    if len(queue.members) >= queue.most:
        return await _answer(call, verb, {"QueueResult": "queue-full"})
    member = Member(call)
    queue.members.append(member)
    call.opened(verb)
    result = "system-error"
    try:
        result = await _wait(call, verb, queue, member, perform)
    except asyncio.CancelledError:
        result = "redirected" if call.ending == "redirected" else "hangup"
        raise
    finally:
        queue.members.remove(member)
        call.closed(verb)
        told = {"QueueResult": result, "QueueSid": queue.sid, "QueueTime": str(member.seconds)}
        if result in ("redirected", "hangup", "system-error"):
            call.tell(verb.url("action"), told, verb.get("method", "POST"))
    return None if result == "hangup" else await _answer(call, verb, told)


async def _answer(call: Call, verb: Verb, told: dict[str, str]) -> Document | None:
    url = verb.url("action")
    return await call.fetch(url, told, verb.get("method", "POST")) if url else None


async def _wait(call: Call, verb: Verb, queue: Queue, member: Member, perform: Perform) -> str:
    member.taken = asyncio.get_running_loop().create_future()
    music = asyncio.create_task(_music(call, verb, queue, member, perform))
    try:
        await asyncio.wait({music, member.taken}, return_when=asyncio.FIRST_COMPLETED)
        if member.taken.done():
            music.cancel()
            await member.taken.result().wait()
            return "bridged"
        return music.result()
    finally:
        music.cancel()


async def _music(call: Call, verb: Verb, queue: Queue, member: Member, perform: Perform) -> str:
    """Run the document of the waitUrl again and again; why it ended."""
    if "waitUrl" not in verb.attributes:
        call.hear("music", queue.name)
        await asyncio.Event().wait()
    while True:
        began = time.monotonic()
        told = {
            "QueueSid": queue.sid,
            "QueuePosition": str(queue.members.index(member) + 1),
            "QueueTime": str(member.seconds),
            "AvgQueueTime": str(queue.average),
            "CurrentQueueSize": str(len(queue.members)),
        }
        method = verb.get("waitUrlMethod", "POST")
        outcome = await perform(call, await call.fetch(verb.url("waitUrl"), told, method, "wait"))
        if outcome == "left":
            return "leave"
        if outcome == "over":
            return "hangup"
        # A document without sounds must not become a storm of requests.
        await asyncio.sleep(max(0.0, call.emulator.wait_round - (time.monotonic() - began)))
