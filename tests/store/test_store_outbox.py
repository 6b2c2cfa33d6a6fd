"""Claims on real databases: many at once, and one that is killed in the middle."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import select

from ivr import outbox
from ivr.outbox import Parcel
from ivr.store.database import Store, open_store
from ivr.store.models import OutboxEntry

HOME = Path(__file__).parents[2]
NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)

WORKER = dedent(
    """
    import sys, time
    from datetime import datetime, UTC
    from pathlib import Path
    from ivr import outbox
    from ivr.store.database import open_store

    def hang(parcel):
        Path(sys.argv[2]).write_text(parcel.key)
        time.sleep(600)

    now = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
    outbox.deliver(open_store(sys.argv[1]), {"sms": hang}, lambda: now)
    """
)


@pytest.fixture
def shared(url: str) -> Iterator[Store]:
    """A store that several processes open."""
    store = open_store(url, migrate=True)
    yield store
    store.close()


def put(store: Store, key: str) -> None:
    with store.session() as db:
        outbox.put(db, company="odesa", kind="sms", key=key, payload={}, now=NOW)


def states(store: Store) -> Counter[str]:
    with store.session(read_only=True) as db:
        return Counter(db.scalars(select(OutboxEntry.state)))


def test_the_same_key_from_many_at_once_is_put_once(shared: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: put(shared, "one"), range(16)))
    assert states(shared) == {"due": 1}


def test_many_at_once_deliver_each_entry_once(shared: Store, url: str) -> None:
    """Two processes' stores, six threads: nothing twice, nothing left."""
    for number in range(60):
        put(shared, f"k{number}")
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def handler(parcel: Parcel) -> dict[str, Any]:
        with lock:
            seen[parcel.key] += 1
        return {}

    other = open_store(url)

    def work(store: Store) -> int:
        done = 0
        while count := outbox.deliver(store, {"sms": handler}, lambda: NOW, batch=5):
            done += count
        return done

    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(work, [shared, other] * 3))
    other.close()
    assert sum(counts) == 60
    assert set(seen.values()) == {1} and len(seen) == 60
    assert states(shared) == {"done": 60}


def test_nobody_waits_for_an_entry_that_another_is_taking(shared: Store) -> None:
    """PostgreSQL passes over a locked row, SQLite has one writer: the second one is had."""
    put(shared, "first")
    put(shared, "second")
    one = outbox.claim(shared, "sms", NOW)
    two = outbox.claim(shared, "sms", NOW)
    assert one and two and (one.key, two.key) == ("first", "second")
    assert outbox.claim(shared, "sms", NOW) is None


def test_an_entry_comes_again_when_its_worker_was_killed(
    shared: Store, url: str, tmp_path: Path
) -> None:
    put(shared, "one")
    marker = tmp_path / "marker"
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, url, str(marker)], cwd=HOME, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 30
        while not marker.exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert marker.exists()
    parcels: list[Parcel] = []

    def handler(parcel: Parcel) -> dict[str, Any]:
        parcels.append(parcel)
        return {}

    soon, later = NOW + outbox.LEASE - timedelta(seconds=1), NOW + outbox.LEASE
    assert outbox.deliver(shared, {"sms": handler}, lambda: soon) == 0
    assert outbox.deliver(shared, {"sms": handler}, lambda: later) == 1
    assert (parcels[0].fresh, parcels[0].tries) == (False, 2)
    assert states(shared) == {"done": 1}


def test_expiring_beside_a_claim(shared: Store) -> None:
    with shared.session() as db:
        outbox.put(
            db, company="odesa", kind="sms", key="one", payload={}, now=NOW,
            until=NOW + timedelta(seconds=1),
        )  # fmt: skip
    outbox.claim(shared, "sms", NOW)
    assert outbox.expire(shared, NOW + timedelta(seconds=2)) == 0
    assert outbox.expire(shared, NOW + outbox.LEASE) == 1
    assert outbox.survey(shared, NOW).dead == {"sms": 1}
