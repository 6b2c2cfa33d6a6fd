from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from matching import Hall

from ivr.channels.line import Clock
from ivr.store.database import Store, memory_store
from ivr.store.world import load_world


@pytest.fixture
def hall(house: Any, demo_store: Store, clock: Clock) -> Iterator[Hall]:
    hall = Hall(demo_store, clock, house.companies)
    yield hall
    hall.queue.away_now = False
    assert hall.queue.audit("odesa", hall.now) == []
    hall.matchmaker.close()


@pytest.fixture(scope="session")
def new_hall(house: Any) -> Callable[[], AbstractContextManager[Hall]]:
    """Makes a hall of its own for each example of a property."""

    @contextmanager
    def make() -> Iterator[Hall]:
        store = memory_store()
        with store.session() as session:
            load_world(session, "odesa", house.world)
        hall = Hall(store, Clock(datetime(2026, 10, 31, 6, 30, tzinfo=UTC)), house.companies)
        yield hall
        hall.matchmaker.close()
        store.close()

    return make
