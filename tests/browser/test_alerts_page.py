"""Alerts in Chromium: a caller waits, the strip tells of it, a supervisor sees to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from looks import SHOTS, looks
from playwright.sync_api import Browser, expect
from wall import COMPANIES, Wall, open_wall

from ivr.agent_queue.lease import MemoryLease
from ivr.alerts import Watch
from ivr.events import Entry
from ivr.store.supervision import Alert, SyntheticCall

pytestmark = pytest.mark.browser


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[Wall]:
    """A wallboard, and a watch over the same store."""
    with open_wall(tmp_path) as wall:
        wall.write([Entry("odesa", "", datetime.now(UTC), "measured", details={"storm": {}})])
        stopping = threading.Event()
        watch = Watch(
            wall.store, COMPANIES, wall.feed, MemoryLease(), lambda: datetime.now(UTC), stopping,
            tmp_path,
        )  # fmt: skip
        watch.start()
        yield wall
        stopping.set()
        watch.join(20)


def caller(wall: Wall) -> float:
    now = time.time()
    told = {"kind": "call", "operator": "", "outcome": "", "priority": "normal", "entered": now}
    told |= {"state": "waiting", "queue": "outage"}
    wall.write([Entry("odesa", "c1", datetime.fromtimestamp(now, UTC), "ticket", details=told)])
    return now


def test_the_strip_tells_and_a_supervisor_sees_to_it(wall: Wall, chromium: Browser) -> None:
    with wall.store.session() as db:
        now = datetime.now(UTC)
        for minutes in range(1, 9):
            at, ok = now - timedelta(minutes=minutes), minutes != 3
            stage = "done" if ok else "answered"
            db.add(SyntheticCall(company="odesa", at=at, ok=ok, stage=stage, seconds=6.0))
        past = Alert(
            company="odesa", kind="waiting", target="general", level="alarm",
            since=now - timedelta(minutes=50), value=31, worst=44, bound=30,
            ended_at=now - timedelta(minutes=20),
        )  # fmt: skip
        db.add(past)
        db.flush()
        past.live = None
    page = wall.board(chromium)
    expect(page.locator("#alarms[data-state=live]")).to_be_attached()
    expect(page.locator("#alarms li")).to_have_count(0)
    began = caller(wall)
    line = page.locator("#alarms li[data-kind=no_operators]")
    expect(line).to_be_visible()
    if SHOTS:
        (Path(SHOTS) / "alerts-seconds.txt").write_text(f"{time.time() - began:.2f}")
    expect(line).to_contain_text("An open queue without operators: ")
    expect(line).to_have_class("alarm")
    looks(page, "alerts-wallboard")
    page.goto(f"{wall.page}desk/supervisor/alerts/")
    expect(line).to_be_visible()
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    expect(page.locator("#calls .bad-call")).to_have_count(1)
    line.get_by_role("button").click()
    expect(line).to_have_class("alarm taken")
    expect(page.locator("#rows tbody tr").first).to_contain_text("goes on")
    looks(page, "alerts-page")
    page.get_by_label("A sound for each new alert").check()
    page.reload()
    expect(page.get_by_label("A sound for each new alert")).to_be_checked()


def test_without_the_server_nothing_is_known(wall: Wall, chromium: Browser) -> None:
    page = wall.board(chromium)
    expect(page.locator("#alarms[data-state=live]")).to_be_attached()
    page.route("**/alerts/live", lambda route: route.abort())
    expect(page.locator("#alarms[data-state=lost] li")).to_contain_text("Alerts are not known")
    page.unroute("**/alerts/live")
    expect(page.locator("#alarms[data-state=live]")).to_be_attached()
    wall.forgive("ERR_FAILED")
