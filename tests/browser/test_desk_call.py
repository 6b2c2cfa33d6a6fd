"""A caller waits, an operator at his desk answers, they talk, he is passed on, it is filed.

Everything is real: Asterisk, Redis, the store, the parts of `app.py run`, a Chromium for each
person. Who hears whom is measured by the tone each of them speaks with.
"""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path

import pytest
from desk_house import (
    CALLER,
    FIRST,
    MUSIC,
    SECOND,
    House,
    Telephone,
    hear_each_other,
    level_in,
    talk,
)
from playwright.sync_api import expect
from running import until

pytestmark = pytest.mark.browser

SPOKEN = -50.0
"""dB above which a voice counts as recorded."""
TO_READING = {
    "main.menu": "2",
    "reading.window_closed": "1",
    "by_keys.enter": "100200301#",
    "by_keys.read_back": "1",
}


def recording(house: House, call: str) -> Path | None:
    (row,) = house.conversations(call)
    return house.press2.var / "recordings" / row["recording"] if row["recording"] else None


def closed(house: House, call: str, count: int = 1) -> list[sqlite3.Row]:
    """The conversations of a call when all `count` of them are over."""

    def over() -> list[sqlite3.Row]:
        rows = house.conversations(call)
        return rows if len(rows) == count and all(row["ended_at"] for row in rows) else []

    assert until(over), [dict(row) for row in house.conversations(call)]
    return over()


# ---------------------------------------------------------------------- the main road


def test_from_the_wait_to_the_wrap_up(house: House, caller: Telephone) -> None:
    desk = house.seated("olha")
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.press("1")
    desk.becomes("paused")
    caller.ring().through(TO_READING, "reading.enter").press("02310#")
    caller.at("reading.read_back_private").press("0").waits()
    house.told(caller.call, "operator_queue")
    assert caller.hears(MUSIC)

    desk.ready().rings()
    assert house.stands(caller.call, "ringing")
    summary, account = desk.page.locator("#caller .summary"), desk.page.locator("#caller .account")
    expect(account).to_contain_text("Шевченка")
    expect(account).to_contain_text("100200301")
    expect(account).to_contain_text("02304")
    expect(summary).to_contain_text("Number withheld")
    expect(summary).to_contain_text("02310")
    expect(desk.page.locator(".face")).to_contain_text("waiting")
    desk.shot("ringing")
    assert caller.hears(MUSIC), "who waits while the operator is rung hears nothing"

    desk.answer()
    hear_each_other(caller, desk)
    assert caller.silent(MUSIC)
    desk.shot("talking")
    desk.hang_up()
    desk.shot("wrap_up")
    house.told(caller.call, "goodbye")
    caller.state("ended")
    desk.finish("reading", "gave a reading").becomes("ready")

    (row,) = closed(house, caller.call)
    assert (row["operator"], row["queue"]) == ("olha", "metering")
    assert (row["code"], row["note"]) == ("reading", "gave a reading")
    assert row["entered_at"] < row["answered_at"] < row["ended_at"]
    assert not row["interrupted"]
    sound = recording(house, caller.call)
    assert sound
    assert level_in(sound, CALLER) > SPOKEN
    assert level_in(sound, FIRST) > SPOKEN
    kinds = ("queued", "told", "offered", "answered", "ended")
    assert until(lambda: all(house.events(caller.call, kind) for kind in kinds)), {
        kind: house.events(caller.call, kind) for kind in kinds
    }
    (answered,) = house.events(caller.call, "answered")[1:]
    assert (answered["operator"], answered["queue"]) == ("olha", "metering")


def test_key_5_means_no_recording(house: House, caller: Telephone) -> None:
    desk = house.seated("olha")
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.press("1")
    caller.to_operator()
    assert caller.hears(MUSIC)
    caller.press("5")
    house.told(caller.call, "recording_off")
    desk.ready().rings()
    expect(desk.page.locator("#caller .summary")).to_contain_text("asked for no recording")
    desk.answer()
    hear_each_other(caller, desk)
    expect(desk.page.locator(".face .recording")).to_have_class(re.compile("off"))
    caller.hang_up()
    desk.becomes("wrap_up").finish()
    (row,) = closed(house, caller.call)
    assert row["unrecorded"]
    assert row["recording"] is None
    folder = house.press2.var / "recordings"
    assert not [path for path in folder.rglob("*") if caller.call in path.name]


def test_the_headset_is_tested_before_anybody_is_ready(house: House, caller: Telephone) -> None:
    desk = house.desk("olha").sign_in()
    check = desk.page.locator("dialog.check")
    expect(check).to_be_visible()
    desk.shot("headset")
    finish = check.get_by_role("button", name="Done")
    expect(finish).to_be_disabled()
    check.get_by_role("button", name="Record 5 seconds").click()
    echo = check.get_by_role("button", name="Call the exchange")
    expect(echo).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(finish).to_be_enabled(timeout=30_000)
    desk.shot("headset_tested")
    finish.click()
    expect(check).to_be_hidden()
    desk.ready()


# ---------------------------------------------------------------------- offers that come to nothing


def test_who_does_not_answer_is_paused_and_the_next_one_gets_the_caller(
    house: House, caller: Telephone
) -> None:
    desk = house.seated("olha").ready()
    caller.ring().at("main.menu").press("1").at("main.outage").press("1").waits()
    desk.rings()
    entered = house.ticket(caller.call).entered
    next_one = house.seated("petro").ready()
    desk.becomes("paused", seconds=30)
    assert desk.operator()["reason"] == "no_answer"
    assert desk.page.locator(".top .status").inner_text().lower().count("answer")
    next_one.rings()
    assert house.ticket(caller.call).entered == entered
    next_one.answer()
    hear_each_other(caller, next_one)
    caller.hang_up()
    next_one.becomes("wrap_up")
    (missed,) = house.events(caller.call, "unanswered")
    assert (missed["operator"], missed["why"]) == ("olha", "no_answer")


def test_a_caller_who_hangs_up_while_he_is_offered_leaves_no_ghost(
    house: House, caller: Telephone
) -> None:
    desk = house.seated("olha").ready()
    caller.to_operator()
    desk.rings()
    caller.hang_up()
    desk.becomes("ready")
    assert house.stands(caller.call, "done")
    assert until(lambda: desk.operator()["state"] == "idle")
    expect(desk.page.locator(".face .big.answer")).to_have_count(0)
    assert house.conversations(caller.call) == []
    assert house.ticket(caller.call).outcome == "abandoned"


def test_an_offer_that_is_declined_goes_to_the_next_one(house: House, caller: Telephone) -> None:
    desk = house.seated("olha").ready()
    caller.to_operator()
    desk.rings()
    next_one = house.seated("petro").ready()
    token = house.ticket(caller.call).token
    desk.page.get_by_role("button", name="I cannot answer").click()
    desk.becomes("paused")
    next_one.rings()
    status, told = desk.post("answer", {"token": token})
    assert (status, told["error"]) == (409, "too_late")
    assert told["text"]
    assert [row["who"] for row in house.refusals("answer")] == ["olha"]
    next_one.answer()
    hear_each_other(caller, next_one)
    assert desk.mode == "paused"


# ---------------------------------------------------------------------- in the talk


def test_hold_and_mute(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    desk.page.keyboard.press("F9")
    assert caller.silent(FIRST)
    assert caller.hears(MUSIC), "a caller who is held hears nothing"
    assert desk.silent(CALLER)
    desk.page.keyboard.press("F9")
    hear_each_other(caller, desk)
    assert caller.silent(MUSIC)
    desk.page.keyboard.press("F8")
    assert caller.silent(FIRST)
    assert desk.hears(CALLER)
    assert desk.mode == "talk", "a muted operator was taken for one who vanished"
    desk.page.keyboard.press("F8")
    assert caller.hears(FIRST)


@pytest.mark.parametrize(
    ("number", "refused"), [("+380900123456", "premium"), ("067CALLME", "letters")]
)
def test_numbers_that_may_not_be_dialled_are_refused_on_the_page(
    house: House, caller: Telephone, number: str, refused: str
) -> None:
    desk = talk(house, caller)
    before = len(house.refusals("transfer"))
    desk.page.keyboard.press("Alt+t")
    desk.page.locator("#transfer-number").fill(number)
    desk.page.keyboard.press("Enter")
    problem = desk.page.locator("dialog[open] .problem")
    expect(problem).not_to_be_empty()
    desk.shot(f"refused_{refused}")
    desk.page.keyboard.press("Escape")
    hear_each_other(caller, desk)
    assert len(house.refusals("transfer")) == before + 1


def test_a_caller_is_passed_to_a_queue(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    other = house.seated("petro").ready()
    desk.page.keyboard.press("Alt+t")
    desk.page.locator("dialog[open]").get_by_role("button", name=re.compile("^Outages")).click()
    desk.becomes("wrap_up")
    other.rings().answer()
    hear_each_other(caller, other)
    desk.finish()
    other.hang_up().finish()
    first, second = closed(house, caller.call, 2)
    assert (first["operator"], first["handed_to"]) == ("olha", "outage")
    assert (second["operator"], second["queue"]) == ("petro", "outage")


def test_a_caller_who_is_passed_to_a_queue_is_told_and_waits(
    house: House, caller: Telephone
) -> None:
    other = house.seated("petro")
    desk = talk(house, caller)
    entered = house.ticket(caller.call).entered
    desk.page.keyboard.press("Alt+t")
    desk.page.locator("dialog[open]").get_by_role("button", name=re.compile("^Outages")).click()
    desk.becomes("wrap_up")
    house.told(caller.call, "operator_transferred")
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.press("1")
    assert house.stands(caller.call, "waiting")
    assert caller.hears(MUSIC, 30)
    ticket = house.ticket(caller.call)
    assert (ticket.queue, ticket.priority, ticket.entered) == ("outage", "raised", entered)
    other.ready().rings().answer()
    hear_each_other(caller, other)


def test_a_caller_is_passed_to_a_colleague(house: House, caller: Telephone) -> None:
    other = house.seated("petro")
    desk = talk(house, caller)
    other.ready()
    desk.sees_free("Petro")
    desk.page.keyboard.press("Alt+t")
    desk.page.get_by_role("button", name="Transfer: Petro").click()
    desk.becomes("wrap_up")
    other.rings().answer()
    hear_each_other(caller, other)
    assert desk.silent(CALLER)
    caller.hang_up()
    other.becomes("wrap_up")


def test_a_colleague_is_asked_first_and_then_has_the_caller(
    house: House, caller: Telephone
) -> None:
    other = house.seated("petro")
    desk = talk(house, caller)
    other.ready()
    desk.sees_free("Petro")
    desk.page.keyboard.press("Alt+t")
    desk.page.get_by_role("button", name="Ask first: Petro").click()
    expect(other.page.locator(".face .big.answer")).to_be_visible()
    other.shot("consulted")
    other.page.keyboard.press("F2")
    assert desk.hears(SECOND)
    assert other.hears(FIRST)
    assert caller.hears(MUSIC)
    assert caller.silent(FIRST)
    desk.shot("consulting")
    desk.page.get_by_role("button", name="Hand the caller over").click()
    desk.becomes("wrap_up")
    other.becomes("talk")
    hear_each_other(caller, other)
    assert other.silent(FIRST)
    assert desk.silent(CALLER)
    expect(other.page.locator("#caller .summary")).to_contain_text("Number withheld")
    desk.finish()
    other.hang_up()
    caller.state("ended")
    other.finish()
    assert house.ticket(caller.call).outcome == "answered"


def test_a_colleague_is_asked_and_the_caller_stays(house: House, caller: Telephone) -> None:
    other = house.seated("petro")
    desk = talk(house, caller)
    other.ready()
    desk.sees_free("Petro")
    desk.page.keyboard.press("Alt+t")
    desk.page.get_by_role("button", name="Ask first: Petro").click()
    expect(other.page.locator(".face .big.answer")).to_be_visible()
    other.page.keyboard.press("F2")
    assert desk.hears(SECOND)
    desk.page.keyboard.press("F4")
    hear_each_other(caller, desk)
    assert desk.silent(SECOND)
    other.becomes("ready")


def test_a_caller_gives_a_reading_in_the_menu_and_comes_back(
    house: House, caller: Telephone
) -> None:
    desk = talk(house, caller)
    desk.page.keyboard.press("Alt+t")
    desk.page.locator("dialog[open]").get_by_role(
        "button", name=re.compile("^Submit a reading")
    ).click()
    desk.becomes("wrap_up")
    caller.through(TO_READING, "reading.enter").press("02500#")
    caller.at("reading.read_back_private").press("1").at("reading.another").press("2")
    desk.finish().becomes("offer", "talk")
    desk.answer()
    hear_each_other(caller, desk)
    assert "02500" in house.press2.readings()
    closed_first = house.conversations(caller.call)[0]
    assert closed_first["handed_to"] == "reading"


# ---------------------------------------------------------------------- bad input


def test_of_two_tabs_the_newer_one_has_the_say(house: House, caller: Telephone) -> None:
    old = house.seated("olha").ready()
    new = house.tab(old).open()
    expect(old.page.locator("body")).to_have_attribute("data-over", "taken")
    before = len(house.refusals("stale_tab"))
    status, told = old.post("status", {"status": "paused", "reason": "break"})
    assert (status, told["error"]) == (409, "taken")
    assert len(house.refusals("stale_tab")) == before + 1
    caller.to_operator()
    new.rings().answer()
    hear_each_other(caller, new)
    expect(old.page.locator(".face .big.answer")).to_have_count(0)
    old.shot("taken")


def test_a_forged_cookie_opens_nothing(house: House, caller: Telephone) -> None:
    before = len(house.refusals("forged_cookie"))
    page = caller.page
    cookie = {"name": "press2_desk", "value": "Zm9yZ2Vk" * 6, "url": f"{house.press2.page}desk"}
    page.context.add_cookies([{**cookie}])
    page.goto(f"{house.press2.page}desk/")
    assert page.url.endswith("/desk/sign-in")
    status = page.evaluate("fetch('/desk/events?tab=12345678').then((answer) => answer.status)")
    assert status == 401
    assert len(house.refusals("forged_cookie")) == before + 2


def test_a_token_of_another_talk_changes_nothing(house: House, caller: Telephone) -> None:
    desk = talk(house, caller)
    for path, body in (
        ("answer", {"token": "0123456789abcdef"}),
        ("wrap-up", {"token": "0123456789abcdef", "code": "other", "note": ""}),
        ("transfer", {"ticket": "pbx-1.1", "to": "queue", "target": "outage"}),
        ("record", {"ticket": "pbx-1.1", "paused": True}),
    ):
        status, told = desk.post(path, body)
        assert status in (403, 404, 409), (path, told)
        assert told["error"]
    hear_each_other(caller, desk)
    assert house.stands(caller.call, "talking")
    assert time.time() - house.ticket(caller.call).since < 60
