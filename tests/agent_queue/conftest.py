"""The queue in memory and the queue in Redis behind the same tests."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import pytest

from ivr.agent_queue.audit import Snapshot
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import AgentQueue, Change, Offer, Operator, Rules, Ticket
from ivr.agent_queue.redis_queue import RedisQueue

START = 1_795_000_000.0
COMPANY = "odesa"


class Audited(AgentQueue, Protocol):
    def snapshot(self, company: str) -> Snapshot: ...


def counted() -> Callable[[], str]:
    """Return seeds that are the same in every run."""
    numbers = itertools.count()
    return lambda: f"seed-{next(numbers)}"


class Scene:
    """A queue on a clock of its own, with short words for what happens. `now`: seconds from 0."""

    def __init__(self, queue: Audited) -> None:
        self.queue = queue
        self.now = START

    def wait(self, seconds: float) -> Scene:
        """Let time pass and do what falls due."""
        self.now += seconds
        self.queue.tick(self.now)
        return self

    def enter(self, name: str, queue: str = "general", ago: float = 0.0, **fields: Any) -> Ticket:
        ticket = Ticket(name, COMPANY, queue, self.now - ago, **fields)
        return self.queue.enter(ticket, self.now)

    def sign_in(
        self, name: str, skills: Mapping[str, int] | None = None, **fields: Any
    ) -> Operator:
        fields = {"status": "ready", **fields}
        operator = Operator(name, COMPANY, skills=skills or {"general": 3}, **fields)
        return self.queue.sign_in(operator, self.now)

    def offer(self, ticket: str) -> Offer:
        """Return the one open offer of a ticket."""
        (offer,) = [each for each in self.queue.offers() if each.ticket == ticket]
        return offer

    def talk(self, ticket: str) -> str:
        """Let the operator who was offered a ticket answer; his name."""
        offer = self.offer(ticket)
        assert self.queue.ring(offer.token, self.now) is not None
        assert self.queue.answered(offer.token, self.now)
        return offer.operator

    def ticket(self, name: str) -> Ticket:
        ticket = self.queue.ticket(name)
        assert ticket is not None
        return ticket

    def operator(self, name: str) -> Operator:
        operator = self.queue.operator(COMPANY, name)
        assert operator is not None
        return operator

    def status(self, name: str, status: str, **fields: Any) -> Operator | None:
        return self.queue.set_status(COMPANY, name, status, self.now, **fields)

    def state(self, ticket: str) -> str:
        return self.ticket(ticket).state

    def of(self, ticket: str) -> tuple[str, str]:
        """Return state and operator of a ticket."""
        return self.ticket(ticket).state, self.ticket(ticket).operator

    def does(self, operator: str) -> tuple[str, str]:
        """Return status and state of an operator."""
        return self.operator(operator).status, self.operator(operator).state

    def audit(self) -> list[str]:
        return self.queue.audit(COMPANY, self.now)

    def heard(self) -> list[Change]:
        """Return the list into which all news go from now on."""
        news: list[Change] = []
        self.queue.subscribe(news.append)
        return news


class SceneMaker(Protocol):
    """Makes a scene; rules of queues by name, or changes to those of `general`."""

    def __call__(self, rules: Mapping[str, Rules] | None = None, **general: Any) -> Scene: ...


def rules_of(rules: Mapping[str, Rules] | None, general: Mapping[str, Any]) -> dict[str, Rules]:
    return {"general": replace(Rules(), **general), **(rules or {})}


@pytest.fixture
def in_memory() -> SceneMaker:
    def make(rules: Mapping[str, Rules] | None = None, **general: Any) -> Scene:
        return Scene(MemoryQueue({COMPANY: rules_of(rules, general)}, counted()))

    return make


@pytest.fixture
def in_redis(redis_client) -> Iterator[SceneMaker]:
    queues: list[RedisQueue] = []

    def make(rules: Mapping[str, Rules] | None = None, **general: Any) -> Scene:
        queues.append(RedisQueue(redis_client, {COMPANY: rules_of(rules, general)}, counted()))
        return Scene(queues[-1])

    yield make
    for queue in queues:
        queue.close()


@pytest.fixture(params=["in_memory", "in_redis"])
def scene_of(request) -> SceneMaker:
    return request.getfixturevalue(request.param)


@pytest.fixture
def scene(scene_of):
    """A queue with the default rules; every invariant holds at the end of the test."""
    scene = scene_of()
    yield scene
    assert scene.audit() == []


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is true; fail if it does not become so."""

    def wait(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.005)

    return wait
