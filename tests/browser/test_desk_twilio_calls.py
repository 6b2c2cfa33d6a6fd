"""Callers of two lines and one queue: Asterisk's, and Twilio's behind webhooks, REST and SIP.

Everything is real but Twilio itself, which is emulated: signed webhooks over HTTP, REST, and legs
that call the operators through Asterisk with sound both ways.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_house import FIRST, Desk, House, hear_each_other, level_in, settled
from playwright.sync_api import Browser, expect
from running import Press2, until
from twilio_emulator import Emulator
from twilio_stage import (
    ANNA,
    COMPANY_NUMBER,
    PUBLIC,
    SECRETS,
    SPEED,
    Customer,
    TwilioHouse,
    TwilioTelephone,
    long_music,
    settings,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def twilio() -> Iterator[Emulator]:
    """The emulated Twilio with the company's number."""
    with Emulator(auth_token=SECRETS["PRESS2_TWILIO_TOKEN"], speed=SPEED) as emulator:
        emulator.number(
            COMPANY_NUMBER,
            f"{PUBLIC}/twilio/voice",
            fallback=f"{PUBLIC}/twilio/fallback",
            status_callback=f"{PUBLIC}/twilio/status",
        )
        yield emulator


@pytest.fixture(scope="module")
def twilio_house(
    start: Callable[..., Press2],
    launch: Callable[..., Browser],
    twilio: Emulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TwilioHouse]:
    """A press2 of its own before that Twilio, with two operators."""
    folder = tmp_path_factory.mktemp("lines")
    with pytest.MonkeyPatch.context() as patch:
        for name, secret in SECRETS.items():
            patch.setitem(os.environ, name, secret)
        press2 = start(asterisk=f"music = {long_music(folder / 'music')}\n", rest=settings(twilio))
        twilio.network.resolve[PUBLIC] = press2.page.rstrip("/")
        house = TwilioHouse(press2, press2.var.parent / "telephony.conf", launch, folder)
        house.twilio = twilio
        skills = "general:5,metering:5,outage:5,danger:5"
        house.add_operator("olha", "--role", "supervisor", "--queues", skills)
        house.add_operator("petro", "--queues", skills)
        yield house
        press2.stop()


@pytest.fixture
def house(twilio_house: TwilioHouse) -> Iterator[TwilioHouse]:
    """The press2; afterwards everybody has gone home, and nothing was said that Twilio lacks."""
    yield twilio_house
    twilio_house.clear()
    mishaps, twilio_house.mishaps[:] = list(twilio_house.mishaps), []
    assert not mishaps
    assert not settled(twilio_house)
    twilio_house.twilio.check()


SPOKEN = -50.0
"""dB above which a voice counts as recorded."""
TOLD_WITHIN = 6.0
"""Seconds in which a caller is told that his operator vanished; Asterisk needs two to notice."""
BACK_WITHIN = 20.0
"""Seconds an operator has to come back."""
SECRET = 2180
"""Hertz of what is not to be recorded; no overtone of the others, which the recording has too."""
READING = {
    "reading.window_closed": "1",
    "identify.this_one": "1",
}
"""Keys on the way to a reading; the window may be closed today."""


def pause(desk: Desk) -> Desk:
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.press("1")
    return desk.becomes("paused")


def talk(house: TwilioHouse, caller: TwilioTelephone, login: str = "olha") -> Desk:
    """Bring a Twilio caller together with an operator who came after him."""
    desk = pause(house.seated(login))
    caller.to_operator()
    desk.ready().rings().answer()
    hear_each_other(caller, desk)
    return desk


def kinds(house: House, call: str) -> list[str]:
    """The log of a call, but for what was said and heard, and for who noted first that he left:
    Asterisk tells the matchmaker before the flow, Twilio the flow before the matchmaker. What the
    queue tells of his ticket comes after the rest, for the same reason.
    """
    rows = house.rows("select kind from events where call = ? order by at, id", call)
    told = [row["kind"] for row in rows if row["kind"] not in ("said", "heard", "left")]
    return sorted(told, key=lambda kind: kind == "ticket")


def closed(house: House, call: str, count: int = 1) -> list[sqlite3.Row]:
    """The conversations of a call when all `count` of them are over."""

    def over() -> list[sqlite3.Row]:
        rows = house.conversations(call)
        return rows if len(rows) == count and all(row["ended_at"] for row in rows) else []

    assert until(over), [dict(row) for row in house.conversations(call)]
    return over()


def recording(house: House, row: sqlite3.Row) -> Path:
    path = house.press2.var / "recordings" / row["recording"]
    assert until(path.exists)
    return path


# ---------------------------------------------------------------------- one queue


def test_one_desk_answers_both_lines_in_the_order_they_came(house: TwilioHouse) -> None:
    assert f"{PUBLIC}/twilio/voice" in house.press2.screen.read_text()
    desk = pause(house.seated("olha"))
    anna = house.twilio_telephone(ANNA).to_operator().press("#").waits()
    first = house.telephone().to_operator()  # presses # as well, which means nothing here
    second = house.telephone("other", 750).to_operator()
    borys = house.twilio_telephone().to_operator().press("#").waits()
    came = [anna, first, second, borys]
    assert [house.ticket(each.call).channel for each in came] == ["twilio", "agi", "agi", "twilio"]
    assert [each.id for each in house.queue.waiting("odesa")] == [each.call for each in came]
    desk.ready()
    for caller in came:
        desk.rings()
        assert house.stands(caller.call, "ringing"), house.queue.waiting("odesa")
        if caller is anna:
            summary = desk.page.locator("#caller .summary")
            expect(summary).to_contain_text("+380 67 111 00 01")
            expect(summary).to_contain_text("Ukrainian")
            expect(summary).to_contain_text("main menu")
            expect(desk.page.locator("#caller .account")).to_contain_text("100200301")
        desk.answer()
        hear_each_other(caller, desk)
        desk.shot(f"twilio_{came.index(caller)}")
        if caller in (anna, first):  # the operator hangs up, then the callers do
            desk.hang_up()
            house.told(caller.call, "goodbye")
        else:
            caller.hang_up()
            desk.becomes("wrap_up")
        desk.finish("other", f"talk {came.index(caller)}")
    anna.over().plays("uk.goodbye")
    for place, caller in enumerate(came):
        (row,) = closed(house, caller.call)
        assert (row["operator"], row["note"]) == ("olha", f"talk {place}")
        assert (row["interrupted"], row["unrecorded"]) == (0, 0)
        assert row["entered_at"] < row["answered_at"] < row["ended_at"]
    for pair in ((anna, first), (borys, second)):
        until(lambda pair=pair: len({tuple(kinds(house, each.call)) for each in pair}) == 1)
        assert kinds(house, pair[0].call) == kinds(house, pair[1].call)
    (row,) = house.conversations(anna.call)
    assert row["caller_number"] == ANNA
    sound = recording(house, row)
    assert level_in(sound, anna.hertz) > SPOKEN
    assert level_in(sound, FIRST) > SPOKEN


# ---------------------------------------------------------------------- the operator is missing


def test_an_operator_who_does_not_answer_costs_no_place(house: TwilioHouse) -> None:
    desk = pause(house.seated("olha"))
    anna = house.twilio_telephone().to_operator()
    borys = house.twilio_telephone().to_operator()
    entered = house.ticket(anna.call).entered
    desk.ready().rings()
    heard = len(anna.line.heard)
    house.leg("olha").no_answer()  # Twilio's time for it is over
    desk.becomes("paused")
    assert desk.operator()["reason"] == "no_answer"
    anna.plays("uk.operator_no_answer", heard).plays("music.", heard).waits()
    assert house.ticket(anna.call).entered == entered
    (missed,) = house.events(anna.call, "unanswered")
    assert (missed["operator"], missed["why"]) == ("olha", "no_answer")
    desk.ready().rings()
    assert house.stands(anna.call, "ringing")
    assert house.ticket_state(borys.call) == "waiting"
    desk.page.get_by_role("button", name="I cannot answer").click()
    desk.becomes("paused")
    assert house.stands(anna.call, "waiting")
    desk.ready().rings().answer()
    hear_each_other(anna, desk)


def test_an_operator_whose_tab_or_computer_dies(house: TwilioHouse) -> None:
    """Who is back in time has the caller again; else the next one has."""
    other = pause(house.seated("petro"))
    anna = house.twilio_telephone()
    desk = talk(house, anna)
    since, heard = time.time(), len(anna.line.heard)
    desk.crash()
    told = house.told(anna.call, "operator_dropped", since)
    assert told - since < TOLD_WITHIN, f"told after {told - since:.1f} s"
    anna.plays("uk.operator_dropped", heard)
    again = house.tab(desk).open().becomes("talk")
    hear_each_other(anna, again)
    assert house.ticket(anna.call).operator == "olha"
    since, heard = time.time(), len(anna.line.heard)
    again.machine.kill()
    told = house.told(anna.call, "operator_dropped", since)
    assert told - since < TOLD_WITHIN, f"told after {told - since:.1f} s"
    anna.plays("uk.operator_dropped", heard).plays("music.", heard)
    other.ready()
    other.becomes("offer", seconds=BACK_WITHIN + 10)
    assert time.time() - told > BACK_WITHIN - 3, "the operator had no time to come back"
    expect(other.page.locator("#caller .summary .warn")).to_contain_text("nterrupted")
    other.answer()
    hear_each_other(anna, other)
    anna.hang_up()
    other.becomes("wrap_up").finish()
    rows = closed(house, anna.call, 3)
    assert [(row["operator"], row["interrupted"]) for row in rows] == [
        ("olha", 1), ("olha", 1), ("petro", 0),
    ]  # fmt: skip


# ---------------------------------------------------------------------- while he waits


def test_keys_in_the_wait_and_a_transfer(house: TwilioHouse) -> None:
    other = pause(house.seated("petro"))
    desk = pause(house.seated("olha"))
    anna = house.twilio_telephone(ANNA).to_operator()
    borys = house.twilio_telephone().to_operator()
    entered = house.ticket(anna.call).entered
    anna.press("2").plays("uk.place_kept").through(READING, "reading.enter")
    assert house.stands(anna.call, "away")
    anna.press("02421#").through({"reading.read_back": "1"}, "reading.another").press("2").waits()
    assert "02421" in house.press2.readings()
    assert house.ticket(anna.call).entered == entered
    desk.ready().rings()
    assert house.stands(anna.call, "ringing")
    desk.answer()
    hear_each_other(anna, desk)
    desk.page.keyboard.press("Alt+t")
    desk.page.locator("dialog[open]").get_by_role("button", name=re.compile("^Outages")).click()
    desk.becomes("wrap_up")
    house.told(anna.call, "operator_transferred")
    assert house.stands(anna.call, "waiting")
    ticket = house.ticket(anna.call)
    assert (ticket.queue, ticket.priority, ticket.entered) == ("outage", "raised", entered)
    other.ready().rings()
    assert house.stands(anna.call, "ringing")
    assert house.ticket_state(borys.call) == "waiting"
    other.answer()
    hear_each_other(anna, other)
    other.hang_up().finish()
    first, second = closed(house, anna.call, 2)
    assert (first["operator"], first["handed_to"]) == ("olha", "outage")
    assert (second["operator"], second["queue"]) == ("petro", "outage")
    anna.over()


def test_a_place_is_announced_while_a_talk_is_recorded_in_part(house: TwilioHouse) -> None:
    anna, borys, vira = (house.twilio_telephone() for _ in range(3))
    desk = talk(house, anna)
    for caller in (vira, borys):
        caller.ring().at("main.menu").press("0").waits()
    heard = len(borys.line.heard)
    vira.hang_up()
    assert house.stands(vira.call, "done")
    state = desk.page.locator(".face .recording")
    expect(state).to_have_class(re.compile("on"))
    desk.page.keyboard.press("Alt+v")
    expect(state).to_have_class(re.compile("paused"))
    anna.line.tone = float(SECRET)
    assert desk.hears(SECRET)
    anna.line.tone = float(anna.hertz)
    assert desk.silent(SECRET)
    desk.page.keyboard.press("Alt+v")
    expect(state).to_have_class(re.compile("on"))
    hear_each_other(anna, desk)
    borys.plays("queue_position", since=heard, seconds=120)
    house.told(borys.call, "operator_improved")
    assert house.ticket_state(borys.call) == "waiting"
    hear_each_other(anna, desk)
    desk.hang_up().finish()
    desk.rings().answer()
    hear_each_other(borys, desk)
    (row,) = closed(house, anna.call)
    sound = recording(house, row)
    assert level_in(sound, anna.hertz) > SPOKEN
    assert level_in(sound, SECRET) < level_in(sound, anna.hertz) - 15


# ---------------------------------------------------------------------- called back


def test_a_call_back_over_twilio(house: TwilioHouse) -> None:
    """The operator first, then the customer: one of them answers, the other one is busy."""
    desk = pause(house.seated("olha"))
    anna, borys = house.twilio_telephone(), house.twilio_telephone()
    for caller in (anna, borys):
        caller.to_operator().press("6").at("callback.this_number").press("1").over()
    desk.ready().rings()
    desk.shot("twilio_callback")
    desk.page.keyboard.press("F2")
    leg = house.twilio.leg(anna.number, 20)
    customer = Customer(leg, 640)
    assert desk.silent(640, 3)
    leg.answer()
    desk.becomes("talk")
    hear_each_other(customer, desk)
    desk.hang_up().finish()
    leg.wait("over")
    desk.rings()
    desk.page.keyboard.press("F2")
    house.twilio.leg(borys.number, 20).busy()
    promises = "select number, state, tries, id from callbacks order by id"
    assert until(lambda: [row["tries"] for row in house.rows(promises)] == [1, 1])
    kept, missed = house.rows(promises)
    assert (kept["number"], kept["state"]) == (anna.number, "done")
    assert (missed["number"], missed["state"]) == (borys.number, "due")
    for row, how in ((kept, "answered"), (missed, "busy")):
        call = f"callback-{row['id']}"
        assert until(lambda call=call: house.events(call, "called_back"))
        (told,) = house.events(call, "called_back")
        assert (told["operator"], told["how"]) == ("olha", how)
    (row,) = closed(house, f"callback-{kept['id']}")
    sound = recording(house, row)
    assert level_in(sound, 640) > SPOKEN
    assert level_in(sound, FIRST) > SPOKEN
    desk.becomes("ready")


# ---------------------------------------------------------------------- our own side dies


def test_a_dispatcher_killed_in_the_talk(house: TwilioHouse) -> None:
    anna = house.twilio_telephone()
    desk = talk(house, anna)
    borys = house.twilio_telephone().to_operator()
    acts = house.press2.log().count("this matchmaker acts from now on")
    house.kill("dispatch")
    hear_each_other(anna, desk)
    desk.hang_up().finish()
    anna.over().plays("uk.goodbye")
    assert until(lambda: house.press2.log().count("this matchmaker acts from now on") > acts)
    desk.rings()
    assert house.stands(borys.call, "ringing")
    house.kill("dispatch")
    desk.answer()
    hear_each_other(borys, desk)
    assert house.stands(borys.call, "talking")
    borys.hang_up()
    desk.becomes("wrap_up").finish().becomes("ready")
    for caller in (anna, borys):
        (row,) = closed(house, caller.call)
        assert row["operator"] == "olha"


def test_redis_started_again_while_a_twilio_caller_waits(house: TwilioHouse) -> None:
    """Who waits hears music all the while, and keeps his place."""
    anna, borys = house.twilio_telephone(), house.twilio_telephone()
    desk = talk(house, anna)
    borys.to_operator()
    entered = house.ticket(borys.call).entered
    house.signal("redis", signal.SIGSTOP)  # `app.py run` starts a dead one again at once
    try:
        heard = len(borys.line.heard)
        assert until(lambda: len(borys.line.heard) >= heard + 2, 15), borys.line.story()
        hear_each_other(anna, desk)
    finally:
        house.kill("redis")
    assert until(house.queue_answers, 30)
    assert house.stands(borys.call, "waiting"), borys.line.story()
    assert house.ticket(borys.call).entered == entered
    borys.plays("music.", len(borys.line.heard))
    assert {kind for kind, _ in borys.line.heard[heard:]} == {"play"}
    assert all("music." in what for _, what in borys.line.heard[heard:]), borys.line.story()
    assert house.stands(anna.call, "talking")
    desk.becomes("talk").hang_up().finish().rings()
    assert house.stands(borys.call, "ringing")
    desk.answer()
    hear_each_other(borys, desk)
