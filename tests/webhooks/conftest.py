"""Web processes of the Twilio channel over one store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twilio_process import CALL, FIRST, WAITS, Twilio, verbs

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Ticket
from ivr.channels.line import Clock
from ivr.channels.named_voice import NamedVoice
from ivr.channels.twilio import recordings
from ivr.channels.twilio.live import MemoryLiveCalls
from ivr.channels.twilio.slow import MemoryMarks, Work
from ivr.events import MemoryLog
from ivr.services import SERVICES
from ivr.sessions import MemorySessions, Sessions
from ivr.store.database import Store


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def sessions() -> MemorySessions:
    return MemorySessions()


@pytest.fixture
def queue(house: Any) -> MemoryQueue:
    return MemoryQueue({name: each.queues for name, each in house.companies.items()})


@pytest.fixture
def marks(clock: Clock) -> MemoryMarks:
    return MemoryMarks(lambda: clock().timestamp())


@pytest.fixture
def process(
    worker: Any,
    house: Any,
    demo_store: Store,
    clock: Clock,
    log: MemoryLog,
    sessions: MemorySessions,
    queue: MemoryQueue,
    marks: MemoryMarks,
) -> Iterator[Any]:
    """Makes web processes over one store, one queue and the same sessions."""
    works: list[Work] = []
    live = MemoryLiveCalls(lambda: clock().timestamp())

    def fetch(company: str, call: str, name: str, sid: str) -> None:
        with demo_store.session() as db:
            recordings.keep(db, company, call, name, sid, clock())

    def make(
        patience: float = 60.0,
        services: Any = SERVICES,
        store: Store | None = None,
        queue: MemoryQueue | None = queue,
        sessions: Sessions = sessions,
        flows: Any = None,
        hears: Any = None,
        **parts: Any,
    ) -> Twilio:
        works.append(Work(marks, patience, workers=4))
        shared = {"sessions": sessions, "log": log, "services": services, "store": store}
        runner = worker(**shared, queue=queue, flows=flows, hears=hears)
        given = {"live": live, "fetch": fetch, "clock": clock, "work": works[-1]} | parts
        return Twilio(runner, NamedVoice(house.catalogues), house, **given)

    yield make
    for work in works:
        work.close()


@pytest.fixture
def twilio(process: Any) -> Twilio:
    return process()


@pytest.fixture
def waiting(twilio: Twilio, queue: MemoryQueue, clock: Clock) -> Twilio:
    """A caller who waits, the second one, while the operator talks with somebody."""
    now = clock().timestamp()
    queue.sign_in(Operator("olena", "odesa", skills={"general": 5}, status="ready"), now)
    talk = queue.enter(Ticket("talk-olena", "odesa", "general", now), now)
    assert queue.answered(talk.token, now)
    queue.enter(Ticket("before", "odesa", "general", now), now)
    twilio.ask("voice")
    document = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="0")
    assert verbs(document) == ["Enqueue"]
    assert twilio.open == WAITS
    twilio.ask(f"wait/{CALL}/{WAITS}", "wait")
    twilio.ask(f"wait/{CALL}/{WAITS}?said=1", "wait")
    ticket = queue.ticket(CALL)
    assert (ticket.channel, ticket.node, ticket.leg, ticket.state) == (
        "twilio",
        "twilio",
        "",
        "waiting",
    )
    return twilio
