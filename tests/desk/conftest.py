"""A desk without a network: the real application over a real store and the queue in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import demo_staff
import pytest
from desk_world import Watch, World

from agent_desk.answer_base import AnswerBase
from agent_desk.desk import Desk, create_app
from agent_desk.live import Live
from agent_desk.office import Office
from agent_desk.presence import RedisPresence
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.store.database import Store

HOME = Path(__file__).parents[2]


def _world(house: Any, store: Store, var: Path, watch: Watch, queue: Any, **more: Any) -> World:
    parts = Office(
        store=store,
        queue=queue,
        companies=house.companies,
        answers=AnswerBase(HOME / "agent_desk" / "answers"),
        live=more.pop("live", None) or Live(limit=20),
        var=var,
        node="pbx1",
        clock=watch,
        **more,
    )
    passwords = demo_staff.seat(store, house.companies["odesa"])
    app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), parts)
    parts.live.start(parts)
    return World(app, parts, queue, store, watch, passwords, var)


@pytest.fixture
def rules(house: Any) -> dict[str, Any]:
    """The rules of the queues of every company."""
    return {name: profile.queues for name, profile in house.companies.items()}


@pytest.fixture
def world(house: Any, demo_store: Store, tmp_path: Path, rules: Any) -> Iterator[World]:
    """The desk over the queue in memory."""
    found = _world(house, demo_store, tmp_path, Watch(), MemoryQueue(rules))
    yield found
    found.office.live.stop()


@pytest.fixture
def shared(
    house: Any, demo_store: Store, tmp_path: Path, rules: Any, redis_server: Any
) -> Iterator[World]:
    """The desk over the queue in Redis, where attempts are counted and desks are seen as well."""
    watch = Watch()
    found = _world(
        house, demo_store, tmp_path, watch,
        RedisQueue(redis_server.client(), rules),
        live=Live(20, RedisPresence(redis_server.client(), watch)),
        limits=redis_server.url.replace("unix://", "redis+unix://"),
    )  # fmt: skip
    yield found
    found.office.live.stop()
