from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hall import Hall

from ivr.channels.line import Clock
from ivr.store.database import Store


@pytest.fixture
def hall(house: Any, demo_store: Store, clock: Clock) -> Iterator[Hall]:
    hall = Hall(demo_store, clock, house.companies)
    yield hall
    if hasattr(hall.queue, "audit"):
        assert hall.queue.audit("odesa", hall.now) == []
    hall.matchmaker.close()
