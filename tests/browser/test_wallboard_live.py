"""The wallboard of a running press2 while people call, wait, talk and rest: whatever it shows, at
any moment, is what the log of events says, replayed up to the entry that the page names.

Everything is real: Asterisk, Redis, the workers, the matchmaker, the jobs, the store, a Chromium
for each operator and one for the wall; callers are SIP telephones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desk_house import House
from desk_stage import admit
from playwright.sync_api import Browser, Page
from sip_phone import Dialog, SipPhone
from sqlalchemy import delete
from wall import COMPANIES, SHOWN
from wall_words import written

from ivr.board import replay
from ivr.board.feed import stored
from ivr.store.database import Store, open_store
from ivr.store.models import Callback

from recount import recount  # isort: skip

pytestmark = pytest.mark.browser

ODESA = COMPANIES["odesa"]
NUMBER = "+380487059090"
PATIENCE = 40


class Callers:
    """Telephones that call press2, each by a number of its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.phones: list[SipPhone] = []

    def call(self, keys: str = "") -> tuple[SipPhone, Dialog]:
        """Call, hear something, press keys."""
        phone = SipPhone(self.house.sip, f"06711100{len(self.phones):02}")
        self.phones.append(phone)
        dialog = phone.call(NUMBER)
        phone.until(lambda: dialog.heard > 5)
        phone.press(dialog, keys)
        return phone, dialog

    def close(self) -> None:
        for phone in self.phones:
            phone.close()


class Watcher:
    """Looks at the wall all the time, and keeps what it saw."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seen: list[dict[str, Any]] = []

    def look(self) -> dict[str, Any]:
        """What the page shows now."""
        self.seen.append(self.page.evaluate(SHOWN))
        return self.seen[-1]

    def until(self, path: str, good: Callable[[str], bool]) -> None:
        """Look until a figure is as wanted."""
        deadline, now = time.monotonic() + PATIENCE, ""
        while time.monotonic() < deadline:
            now = self.look()["figures"].get(path, "")
            if now and good(now):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{path} stays {now!r}: {self.seen[-1]}")

    def shows(self, path: str, text: str) -> None:
        self.until(path, lambda now: now == text)


@pytest.fixture
def store(house: House) -> Iterator[Store]:
    store = open_store(f"sqlite:///{house.press2.var}/press2.db")
    yield store
    store.close()


@pytest.fixture
def callers(house: House) -> Iterator[Callers]:
    callers = Callers(house)
    yield callers
    callers.close()


@pytest.fixture
def wall(house: House, chromium: Browser) -> Iterator[Watcher]:
    """The wallboard, opened by a supervisor who takes no calls herself."""
    if "wall" not in house.passwords:
        house.add_operator("wall", "--role", "supervisor")
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.on("pageerror", lambda error: house.mishaps.append(f"wall: {error}"))
    admit(page, house.press2.page, "wall", house.passwords["wall"])
    page.goto(house.press2.page + "supervisor")
    page.wait_for_selector("#board[data-state=live]", timeout=1000 * PATIENCE)
    yield Watcher(page)
    context.close()


def test_every_figure_on_the_wall_is_the_replay_of_the_log(
    house: House, store: Store, callers: Callers, wall: Watcher
) -> None:
    desks = {login: house.seated(login).automatic() for login in ("olha", "petro")}
    house.queue.set_status("odesa", "petro", "paused", time.time(), reason="lunch")
    wall.shows("operators.petro.face", "Lunch")
    begun = int(wall.look()["figures"]["all"].split("/")[1].split()[0])

    in_the_menu = callers.call()
    wall.until("ivr.main", lambda now: int(now) >= 1)
    waiting = callers.call("0#")
    wall.shows("queues.general.waiting", "1")
    in_the_reading = callers.call("2")
    wall.until("calls.ivr", lambda now: int(now) >= 2)

    wall.until("queues.general.why", lambda now: now == "a wait over 30 s")
    desks["olha"].ready()
    wall.shows("calls.talking", "1")
    wall.until("operators.olha.face", lambda now: now == "Talking · General")
    wall.shows("queues.general.waiting", "0")
    leaves = callers.call("0#")
    wall.shows("queues.general.waiting", "1")
    house.command("storm", "on", "--reason", "gale", "--hours", "1")
    wall.shows("storm.state", "ON")
    promised = int(wall.look()["figures"]["callbacks.due"])
    with promise(store):
        wall.shows("callbacks.due", str(promised + 1))
    wall.shows("callbacks.due", str(promised))
    leaves[0].hang_up(leaves[1])
    wall.shows("queues.general.waiting", "0")

    waiting[0].hang_up(waiting[1])
    wall.shows("calls.talking", "0")
    wall.until("operators.olha.face", lambda now: now.startswith(("Wrap-up", "Ready")))
    house.queue.finish("odesa", "olha", time.time())
    wall.shows("operators.olha.face", "Ready")
    for phone, dialog in (in_the_menu, in_the_reading):
        phone.hang_up(dialog)
    wall.shows("calls.ivr", "0")
    house.command("storm", "off")
    wall.shows("storm.state", "off")

    offered = int(wall.look()["figures"]["all"].split("/")[1].split()[0])
    assert offered == begun + 2
    compare(store, wall.seen)


@contextmanager
def promise(store: Store) -> Iterator[None]:
    """Somebody is to be called back, tomorrow; then it is not so any more."""
    now = datetime.now(UTC)
    with store.session() as db:
        db.add(
            Callback(
                company="odesa", number="+380671119999", queue="general", language="uk",
                call="other", key="wallboard", entered_at=now, created_at=now,
                next_at=now + timedelta(days=1),
            )
        )  # fmt: skip
    yield
    with store.session() as db:
        db.execute(delete(Callback).where(Callback.key == "wallboard"))


def compare(store: Store, seen: list[dict[str, Any]]) -> None:
    """Compare all that was seen with the log, folded anew and counted by another way."""
    log = list(stored(store, "odesa"))
    moments = 0
    shown: dict[str, set[str]] = {}
    for each in seen:
        if each["state"] != "live":
            continue
        moments += 1
        upto, at, now = int(each["upto"]), float(each["at"]), float(each["now"])
        instant = datetime.fromtimestamp(at, UTC)
        figures = replay(log, ODESA, upto).figures(instant)
        assert each["figures"] == written(figures, now, ODESA)
        counted = recount([entry for number, entry in log if number <= upto], ODESA, instant)
        counted["all"] = counted["queues"].pop("", None) or counted["all"]
        by_hand = written(counted, now, ODESA)
        assert {path: each["figures"].get(path) for path in by_hand} == by_hand
        left = {path for path in each["figures"] if path not in by_hand}
        assert all(path.endswith(".why") for path in left)
        for path, text in each["figures"].items():
            shown.setdefault(path, set()).add(text)
    assert moments > 30, "too few looks to prove anything"
    for path in ("calls.ivr", "calls.talking", "queues.general.waiting", "all.longest", "all"):
        assert len(shown[path]) > 1, f"{path} never changed: {shown[path]}"
