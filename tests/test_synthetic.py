"""Whose turn it is to call ourselves: the next one after a kill comes within seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from waiting import until

from ivr import synthetic
from ivr.agent_queue.lease import SECONDS, RedisLease
from ivr.store.database import Store, open_store
from ivr.store.supervision import SyntheticCall
from ivr.store.world import keep_company
from ivr.synthetic import Made, Synthetic, last

HOME = Path(__file__).parents[1]
NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
NUMBERS = {"odesa": "+380487059090", "oblenergo": "+380442000000"}
SETTINGS = "[press2]\nvar = {var}\nsynthetic = 60\n[redis]\nurl = {redis}\n"


class Telephone:
    """Calls that last until they are let go. called: the numbers."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.over = threading.Event()

    def ready(self) -> bool:
        return True

    def call(self, number: str, token: str) -> Made:
        self.called.append(number)
        self.over.wait()
        return Made("", "refused")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    with store.session() as db:
        for name in NUMBERS:
            keep_company(db, name)
    yield store
    store.close()


def rows(store: Store) -> list[SyntheticCall]:
    with store.session(read_only=True) as db:
        return list(db.scalars(select(SyntheticCall).order_by(SyntheticCall.id)))


def test_jobs_that_were_killed_call_again_within_seconds(tmp_path, redis_server, store) -> None:
    """There is no exchange here: each call fails, but it is made."""
    conf = tmp_path / "telephony.conf"
    conf.write_text(SETTINGS.format(var=tmp_path, redis=redis_server.url))
    environ = {**os.environ, "PRESS2_CONF": str(conf), "PRESS2_AMI_SECRET": "x" * 20}
    command = [sys.executable, "app.py", "jobs"]
    count = 0
    for _ in range(2):
        jobs = subprocess.Popen(command, env=environ, cwd=HOME)
        try:
            assert until(lambda known=count: len(rows(store)) > known, synthetic.PATIENCE + 40)
        finally:
            jobs.send_signal(signal.SIGKILL)
            jobs.wait()
        count = len(rows(store))


def test_a_turn_is_kept_over_a_long_round_of_calls(redis_server, store) -> None:
    with redis_server.client() as client:
        telephone, stopping = Telephone(), threading.Event()
        lease, other = (RedisLease(client, synthetic.KEY) for _ in range(2))
        calling = Synthetic(store, telephone, NUMBERS, lease, lambda: NOON, stopping, 60.0)
        calling.start()
        assert until(lambda: telephone.called)
        assert not until(other.hold, 2 * SECONDS)
        stopping.set()
        telephone.over.set()
        calling.join()
        assert other.hold()


def test_who_was_called_longest_ago_is_called_first(store, redis_server) -> None:
    with store.session() as db:
        for name, ago in (("odesa", 10), ("oblenergo", 70)):
            at = NOON - timedelta(seconds=ago)
            db.add(SyntheticCall(company=name, at=at, ok=True, stage="done", seconds=6.0))
    assert last(store, "odesa") == NOON - timedelta(seconds=4)
    telephone = Telephone()
    telephone.over.set()
    with redis_server.client() as client:
        lease = RedisLease(client, synthetic.KEY)
        Synthetic(store, telephone, NUMBERS, lease, lambda: NOON, threading.Event(), 60.0).round()
    assert telephone.called == [NUMBERS["oblenergo"], NUMBERS["odesa"]]
