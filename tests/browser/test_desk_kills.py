"""What dies in the middle of a call: tab, browser, network, matchmaker, Redis, web server.

Each is really killed, and the callers' and operators' sounds tell what it did to them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from desk_house import (
    CALLER,
    HOME,
    MUSIC,
    PATIENCE,
    SECOND,
    Desk,
    House,
    Telephone,
    hear_each_other,
    talk,
)
from playwright.sync_api import expect
from running import until
from sip_phone import Dialog, SipPhone

from ivr.parts import AMI_SECRET

pytestmark = pytest.mark.browser

TOLD_WITHIN = 3.0
"""Seconds in which a caller is told that his operator vanished."""
BACK_WITHIN = 20.0
"""Seconds an operator has to come back."""
NUMBER = "+380487059090"


def told_in_time(house: House, call: str, since: float) -> float:
    """The caller is told that the talk was interrupted; when."""
    told = house.told(call, "operator_dropped", since)
    assert told - since < TOLD_WITHIN, f"told after {told - since:.1f} s"
    return told


def pause(desk: Desk) -> None:
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.press("1")
    desk.becomes("paused")


# ---------------------------------------------------------------------- the operator's side


def test_a_reloaded_tab_has_its_caller_back(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    since = time.time()
    desk.page.reload()
    desk.opened().becomes("talk")
    hear_each_other(caller, desk)
    assert time.time() - since < BACK_WITHIN
    assert house.ticket(caller.call).operator == "olha"
    caller.hang_up()
    desk.becomes("wrap_up").finish()
    assert {row["operator"] for row in house.conversations(caller.call)} == {"olha"}


def test_a_crashed_tab_is_told_of_and_opened_again(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    since = time.time()
    desk.crash()
    told_in_time(house, caller.call, since)
    assert house.stands(caller.call, "broken", "offered", "ringing", "talking")
    again = house.tab(desk).open().becomes("talk")
    hear_each_other(caller, again)
    assert time.time() - since < BACK_WITHIN
    caller.hang_up()
    again.becomes("wrap_up")


def test_of_a_killed_browser_the_next_operator_takes_caller_and_draft(
    house: House, caller: Telephone
) -> None:
    desk = talk(house, caller)
    next_one = house.seated("petro")
    pause(next_one)
    desk.page.locator("#tab-other").click()
    field = desk.page.locator("#panel-other textarea, #panel-other input[type=text]").first
    field.fill("no light in the hall")
    assert until(lambda: house.rows("select * from drafts where call = ?", caller.call))
    since = time.time()
    desk.machine.kill()
    told = told_in_time(house, caller.call, since)
    second = house.telephone("other", 750).to_operator()
    assert house.stands(caller.call, "waiting", seconds=BACK_WITHIN + 5)
    assert time.time() - told > BACK_WITHIN - 3, "the operator had no time to come back"
    assert house.ticket(caller.call).priority == "raised"
    assert caller.hears(MUSIC)
    next_one.ready().rings()
    assert house.ticket_state(second.call) == "waiting", "who was interrupted is not at the head"
    expect(next_one.page.locator("#caller .summary .warn")).to_contain_text("nterrupted")
    next_one.shot("interrupted")
    next_one.answer()
    hear_each_other(caller, next_one)
    kept = next_one.page.locator("#panel-other textarea, #panel-other input[type=text]").first
    expect(kept).to_have_value("no light in the hall")
    caller.hang_up()
    second.hang_up()
    next_one.becomes("wrap_up").finish()
    first, last = house.conversations(caller.call)
    assert (first["operator"], first["interrupted"]) == ("olha", 1)
    assert (last["operator"], last["interrupted"]) == ("petro", 0)


def test_a_network_cut_for_10_seconds(house: House, caller: Telephone) -> None:
    desk = talk(house, caller, "petro")
    since = time.time()
    with desk.machine.network_cut():
        told_in_time(house, caller.call, since)
        assert until(lambda: time.time() - since > 10)
    assert caller.hears(SECOND, BACK_WITHIN), "the caller does not have his operator back"
    desk.becomes("talk")
    hear_each_other(caller, desk)
    assert house.stands(caller.call, "talking")
    assert house.ticket(caller.call).operator == "petro"
    caller.hang_up()
    desk.becomes("wrap_up")


def test_a_network_cut_for_40_seconds(house: House, caller: Telephone) -> None:
    next_one = house.seated("petro")
    desk = talk(house, caller)
    next_one.ready()
    since = time.time()
    with desk.machine.network_cut():
        told_in_time(house, caller.call, since)
        next_one.becomes("offer", seconds=BACK_WITHIN + 10)
        next_one.answer()
        hear_each_other(caller, next_one)
        assert until(lambda: time.time() - since > 40, 45)
    desk.registered()
    assert until(lambda: desk.operator()["state"] == "idle"), desk.operator()
    desk.becomes("ready", "paused")
    desk.shot("after_40_seconds")
    hear_each_other(caller, next_one)
    assert desk.silent(CALLER)
    assert house.ticket(caller.call).operator == "petro"
    caller.hang_up()
    next_one.becomes("wrap_up")
    desk.ready()
    again = house.telephone().to_operator()
    desk.rings().answer()
    hear_each_other(again, desk)


# ---------------------------------------------------------------------- our own side


def test_a_killed_matchmaker_costs_no_place(house: House, caller: Telephone) -> None:
    desk = house.seated("olha")
    pause(desk)
    caller.to_operator()
    second = house.telephone("other", 750).to_operator()
    entered = [house.ticket(each.call).entered for each in (caller, second)]
    acts = house.press2.log().count("this matchmaker acts from now on")
    house.kill("dispatch")
    assert until(lambda: house.press2.log().count("this matchmaker acts from now on") > acts)
    assert caller.hears(MUSIC)
    assert [house.ticket(each.call).entered for each in (caller, second)] == entered
    desk.ready().rings()
    assert house.stands(caller.call, "ringing")
    desk.answer()
    hear_each_other(caller, desk)
    assert second.hears(MUSIC)
    caller.hang_up()
    desk.becomes("wrap_up").finish().rings().answer()
    hear_each_other(second, desk)


def test_a_matchmaker_killed_while_it_rings_and_while_they_talk(
    house: House, caller: Telephone
) -> None:
    desk = house.seated("olha").ready()
    caller.to_operator()
    desk.rings()
    house.kill("dispatch")
    desk.answer()
    hear_each_other(caller, desk)
    assert house.stands(caller.call, "talking")
    house.kill("dispatch")
    desk.hang_up()
    caller.state("ended")
    assert house.stands(caller.call, "done")
    desk.finish().becomes("ready")
    assert until(lambda: [row["ended_at"] for row in house.conversations(caller.call)] != [None])
    assert len(house.conversations(caller.call)) == 1


def test_redis_killed_and_started_again(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    second = house.telephone("other", 750).to_operator()
    entered = house.ticket(second.call).entered
    assert second.hears(MUSIC)
    house.signal("redis", signal.SIGSTOP)  # `app.py run` starts a dead one again at once
    try:
        expect(desk.page.locator(".notice[data-notice=down]")).to_be_visible()
        desk.shot("redis_down")
        hear_each_other(caller, desk)
    finally:
        house.kill("redis")
    assert until(lambda: house.queue_answers(), 30)
    expect(desk.page.locator(".notice[data-notice=down]")).to_have_count(0)
    assert house.ticket(second.call).entered == entered
    assert house.stands(caller.call, "talking")
    assert desk.mode == "talk"
    hear_each_other(caller, desk)
    assert second.hears(MUSIC)
    desk.hang_up().finish().rings()
    assert house.stands(second.call, "ringing")
    desk.answer()
    hear_each_other(second, desk)


def test_a_killed_web_server_ends_no_talk(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    house.kill("web")
    expect(desk.page.locator(".notice[data-notice=live]")).to_be_visible()
    hear_each_other(caller, desk)
    expect(desk.page.locator(".notice[data-notice=live]")).to_have_count(0, timeout=30_000)
    assert desk.mode == "talk"
    hear_each_other(caller, desk)
    desk.hang_up().finish().becomes("ready")
    again = house.telephone().to_operator()
    desk.rings().answer()
    hear_each_other(again, desk)


def test_a_killed_exchange_makes_call_backs_and_desks_come_back(
    house: House, caller: Telephone
) -> None:
    desk = house.seated("olha")
    pause(desk)
    caller.to_operator()
    house.kill("asterisk")
    expect(desk.page.locator(".top .lamp")).to_have_class("lamp lost")
    assert house.stands(caller.call, "done", seconds=30)
    desk.registered()
    desk.ready()
    again = house.telephone().to_operator()
    desk.rings().answer()
    hear_each_other(again, desk)


# ---------------------------------------------------------------------- several dispatchers


@pytest.fixture
def second_dispatcher(house: House, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another `app.py dispatch` on the same press2."""
    pid = house.press2.pids("dispatch")[-1]
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    given = dict(word.partition("=")[::2] for word in words if word)
    environ = os.environ | {"PRESS2_CONF": str(house.conf), AMI_SECRET: given[AMI_SECRET]}
    with (tmp_path / "dispatch.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(HOME / "app.py"), "dispatch"],
            env=environ, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_of_two_dispatchers_nobody_is_served_twice(
    house: House, second_dispatcher: subprocess.Popen[bytes]
) -> None:
    desks = [house.seated(login) for login in ("olha", "petro")]
    for desk in desks:
        desk.automatic().ready()
    numbers = [f"067222000{place}" for place in range(6)]
    with ExitStack() as stack:
        phones = [
            stack.enter_context(closing(SipPhone(house.sip, user=number))) for number in numbers
        ]
        known = len(house.calls())
        dialogs: list[Dialog] = [phone.call(NUMBER) for phone in phones]
        assert until(lambda: len(house.calls()) == known + len(phones))
        calls = house.calls()[known:]
        assert until(lambda: all("main.menu" in house.questions(call) for call in calls))
        for phone, dialog in zip(phones, dialogs, strict=True):
            phone.press(dialog, "0")
        served: set[str] = set()
        for place in range(len(calls)):
            if place == 3:
                house.kill("dispatch")
            talking = _somebody(house, desks, set(calls) - served)
            call = talking.operator()["ticket"]
            assert call not in served
            served.add(call)
            talking.hang_up().finish()
        assert served == set(calls)
    for call in calls:
        assert len(house.conversations(call)) == 1
        tokens = [event["token"] for event in house.events(call, "answered") if "token" in event]
        assert len(tokens) == 1


def _somebody(house: House, desks: list[Desk], calls: set[str]) -> Desk:
    """Wait until one of the desks talks with one of these callers."""

    def talking() -> Desk | None:
        for desk in desks:
            with suppress(KeyError):
                if desk.mode == "talk" and desk.operator()["ticket"] in calls:
                    return desk
        return None

    found = until(talking, PATIENCE)
    assert isinstance(found, Desk), [house.ticket_state(call) for call in calls]
    return found
