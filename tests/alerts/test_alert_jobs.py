"""`app.py jobs` with a real Redis and a webhook: callers come, alerts are told; jobs are killed."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_hook import SECRET, Hook
from sqlalchemy import select
from waiting import until

from ivr import company
from ivr.agent_queue.model import Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.events import GROUP, STREAM
from ivr.store.database import open_store
from ivr.store.models import CallEvent, OutboxEntry
from ivr.store.supervision import Alert
from ivr.store.world import load_demo

HOME = Path(__file__).parents[2]
logger = logging.getLogger(__name__)
SETTINGS = """
[press2]
var = {var}
synthetic = 0
[redis]
url = {redis}
[alerts]
url = {url}
secret = PRESS2_ALERTS
"""
JOBS = """
import sys
from pathlib import Path
from ivr import composition
composition.COMPANIES = Path(sys.argv[1])
import app
sys.exit(app.main(["jobs"]))
"""
"""Jobs with the profiles of a folder of their own."""


class House:
    """Settings, a store, a queue, the jobs and who is told. clear: seconds."""

    def __init__(self, folder: Path, redis_server: Any, hook: Hook, clear: float = 1.0) -> None:
        self.folder, self.hook, self.process = folder, hook, None
        self.path = folder / "telephony.conf"
        self.path.write_text(SETTINGS.format(var=folder, redis=redis_server.url, url=hook.url))
        shutil.copytree(HOME / "flows", folder / "flows")
        self.profiles = folder / "flows" / "companies"
        with (self.profiles / "odesa.yaml").open("a") as file:
            file.write(f"\nalerts: {{clear: {clear}}}\n")
        self.store = open_store(f"sqlite:///{folder}/press2.db", migrate=True)
        load_demo(self.store)
        self.client = redis_server.client()
        rules = {name: each.queues for name, each in company.load(self.profiles).items()}
        self.queue = RedisQueue(self.client, rules)

    def start(self) -> None:
        environ = {**os.environ, "PRESS2_CONF": str(self.path), "PRESS2_ALERTS": SECRET}
        command = [sys.executable, "-c", JOBS, str(self.profiles)]
        self.process = subprocess.Popen(command, env=environ, cwd=HOME)
        assert until(lambda: f"jobs-{self.process.pid}" in self.workers(), 30)

    def workers(self) -> list[str]:
        """The jobs that have begun; what they do beside the events, they do by then."""
        if not self.client.exists(STREAM):
            return []
        return [each["name"].decode() for each in self.client.xinfo_consumers(STREAM, GROUP)]

    def kill(self) -> None:
        self.process.kill()
        assert self.process.wait(20) == -signal.SIGKILL

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(20) == 0

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.client.close()
        self.store.close()

    def comes(self, number: int, queue: str) -> float:
        now = time.time()
        wanted = {"company": "odesa", "queue": queue, "number": "+380671110001"}
        self.queue.enter(Ticket(f"pbx1-{number}.1", entered=now, **wanted), now)
        return now

    def leaves(self, number: int) -> None:
        assert self.queue.leave(f"pbx1-{number}.1", "abandoned", time.time())

    def rows(self, table: Any) -> list[Any]:
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(table).order_by(table.id)))

    def alerts(self, target: str) -> list[Alert]:
        found = self.rows(Alert)
        return [row for row in found if (row.kind, row.target) == ("no_operators", target)]

    def told(self) -> list[tuple[str, str, str]]:
        rows = [row.details for row in self.rows(CallEvent) if row.kind == "alert"]
        return [(each["state"], each["kind"], each["target"]) for each in rows]


@pytest.fixture
def house(tmp_path: Path, redis_server: Any) -> Iterator[House]:
    with Hook() as hook:
        house = House(tmp_path, redis_server, hook)
        yield house
        house.close()


def test_from_the_caller_to_the_row_and_the_webhook(house: House) -> None:
    house.start()
    began = house.comes(1, "general")
    assert until(lambda: house.alerts("general"), 20)
    row = time.time() - began
    assert until(lambda: house.hook.told() == [("raised", "no_operators", "general")], 20)
    logger.warning("alert: row %.2f s, webhook %.2f s", row, house.hook.got[0][0] - began)
    house.leaves(1)
    assert until(lambda: len(house.hook.told()) == 2, 20)
    assert house.hook.told()[1] == ("cleared", "no_operators", "general")
    assert house.hook.told() == house.told()
    [alert] = house.alerts("general")
    [_, key, body] = house.hook.got[0]
    assert key == body["id"] == f"alert/{alert.id}/raised"
    assert (body["what"], body["company"]) == ("alert", "odesa")
    told = {"alert": alert.id, "level": "alarm", "value": 1.0, "bound": None, "storm": "off"}
    assert told.items() <= body["document"].items()
    assert body["document"]["since"] == alert.since.isoformat()
    assert house.hook.refused == 0
    house.stop()


@pytest.mark.parametrize("after", [0.3, 2.3, 3.0])
def test_jobs_killed_in_the_middle_tell_once(house: House, after: float) -> None:
    house.start()
    began = house.comes(1, "general")
    assert until(lambda: time.time() - began > after)
    house.kill()
    house.start()
    assert until(lambda: ("raised", "no_operators", "general") in house.hook.told(), 30)
    house.comes(2, "outage")
    assert until(lambda: ("raised", "no_operators", "outage") in house.hook.told(), 30)
    house.kill()
    house.leaves(1)
    house.start()
    assert until(lambda: ("cleared", "no_operators", "general") in house.hook.told(), 30)
    assert sorted(house.told()) == sorted(set(house.told())) == sorted(house.hook.told())
    assert [row.live for row in house.alerts("general")] == [None]
    assert [row.live for row in house.alerts("outage")] == [True]
    keys = [row.key for row in house.rows(OutboxEntry)]
    assert len(keys) == len(set(keys)) == len(house.told())
    house.stop()


def test_two_jobs_tell_once(house: House) -> None:
    house.start()
    first = house.process
    house.start()
    house.comes(1, "general")
    assert until(lambda: ("raised", "no_operators", "general") in house.hook.told(), 20)
    first.kill()
    first.wait()
    house.leaves(1)
    assert until(lambda: ("cleared", "no_operators", "general") in house.hook.told(), 30)
    assert sorted(house.told()) == sorted(set(house.told()))
    house.stop()
