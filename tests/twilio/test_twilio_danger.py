"""Somebody in danger over Twilio, whom no operator answers: the dispatcher's telephone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from running import until
from twilio_emulator import Emulator
from twilio_emulator.call import Call
from twilio_house import CALLER, COMPANY_NUMBER, HOME, PUBLIC, SID, TOKEN, House

from ivr import company
from ivr.agent_queue.lease import DISPATCH, RedisLease
from ivr.agent_queue.model import Operator
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.channels.twilio import rest
from ivr.channels.twilio.live import RedisLiveCalls, RedisReports
from ivr.channels.twilio.settings import NODE, TwilioSettings
from ivr.channels.twilio.switch import TwilioSwitch
from ivr.events import MemoryLog
from ivr.matchmaker import Loop, Matchmaker
from ivr.store.database import open_store
from ivr.terms import DangerTerms

DISPATCHER = "+380487059091"
AFTER = 1.0
"""Seconds that who is in danger waits for an operator here."""


@pytest.fixture
def twilio(twilio_house: House) -> Iterator[Emulator]:
    with twilio_house.twilio(haste=50) as emulator:
        yield emulator
        assert not emulator.failures


@pytest.fixture
def queue(twilio_house: House, twilio: Emulator) -> Iterator[RedisQueue]:
    """The queue, and a matchmaker that serves it; who is in danger waits a second."""
    companies = company.load(HOME / "flows" / "companies")
    odesa = companies["odesa"]
    terms = replace(odesa.terms, danger=DangerTerms(after=AFTER, ring=20))
    companies["odesa"] = replace(odesa, terms=terms)
    settings = TwilioSettings(
        SID, TOKEN, PUBLIC, f"http://127.0.0.1:{twilio_house.api_port}", operators="client",
        api_key="SK" + "6" * 32, api_secret="secret of the tests",
    )  # fmt: skip
    found = twilio_house.queue()
    reports = RedisReports(twilio_house.redis)
    switch = TwilioSwitch(
        settings, rest.client(settings), RedisLiveCalls(twilio_house.redis), reports,
        {"odesa": COMPANY_NUMBER},
    )  # fmt: skip
    store = open_store(f"sqlite:///{twilio_house.store}")
    matchmaker = Matchmaker(
        found, switch, store, companies, MemoryLog(), lambda: datetime.now(UTC),
        wake=lambda: loop.wake(),
    )  # fmt: skip
    loop = Loop(matchmaker, found, RedisLease(twilio_house.redis, DISPATCH))
    thread = threading.Thread(target=loop.run)
    switch.start(matchmaker)
    thread.start()
    yield found
    loop.stop()
    thread.join()
    switch.stop()
    matchmaker.close()
    store.close()


def danger(twilio: Emulator) -> Call:
    """Call, and say that there is danger."""
    call = twilio.call(CALLER, COMPANY_NUMBER)
    call.wait("Gather").press("1")
    call.wait(lambda call: any("outage_danger" in what for _, what in call.heard))
    call.wait("Gather").press("1")
    return call


def heard(call: Call, prompt: str) -> int:
    return sum(prompt in what for _, what in call.heard)


def on_duty(queue: RedisQueue, status: str = "paused", **fields: Any) -> None:
    now = datetime.now(UTC).timestamp()
    operator = Operator("taras", "odesa", skills={"danger": 3}, node=NODE, endpoint="op-taras")
    queue.sign_in(replace(operator, **fields), now)
    queue.set_status("odesa", "taras", status, now)


def test_he_is_put_through_and_leaves_the_queue(twilio, queue):
    on_duty(queue)
    call = danger(twilio)
    leg = twilio.leg(DISPATCHER, 30)
    assert heard(call, "dispatcher_busy")
    assert queue.ticket(call.sid).state == "waiting", "his place is kept while it rings"
    leg.answer()
    assert until(lambda: queue.ticket(call.sid).state == "done")
    assert queue.ticket(call.sid).outcome == "deflected"
    leg.hang_up()
    call.wait("completed", 20)
    assert heard(call, "goodbye")


def test_nobody_on_duty_at_all(twilio, queue):
    call = danger(twilio)
    twilio.leg(DISPATCHER, 30).answer()
    assert heard(call, "dispatcher_unstaffed") and not heard(call, "operator_urgent")
    assert until(lambda: queue.ticket(call.sid).outcome == "deflected")
    call.hang_up()
    call.wait("completed")


@pytest.mark.parametrize("how", ["busy", "no_answer", "fail"])
def test_the_dispatcher_does_not_answer(twilio, queue, how):
    on_duty(queue)
    call = danger(twilio)
    getattr(twilio.leg(DISPATCHER, 30), how)()
    call.wait(lambda call: heard(call, "dispatcher_silent"), 20)
    assert until(lambda: queue.ticket(call.sid).context.get("outside") is None)
    assert queue.ticket(call.sid).state == "waiting"
    call.hang_up()
    call.wait("completed")
    assert until(lambda: queue.ticket(call.sid).outcome == "abandoned")


def test_an_operator_who_is_free_first_gets_him(twilio, queue):
    on_duty(queue)
    call = danger(twilio)
    leg = twilio.leg(DISPATCHER, 30)
    on_duty(queue, "ready")
    desk = twilio.leg("op_taras", 20)
    leg.wait("over")
    desk.answer()
    assert until(lambda: queue.ticket(call.sid).state == "talking")
    assert not heard(call, "dispatcher_silent")
    desk.hang_up()
    call.wait("completed", 20)
    assert queue.ticket(call.sid).outcome == "answered"


def test_he_hangs_up_while_it_rings(twilio, queue):
    on_duty(queue)
    call = danger(twilio)
    leg = twilio.leg(DISPATCHER, 30)
    call.hang_up()
    call.wait("completed")
    leg.wait("over")
    assert until(lambda: queue.ticket(call.sid).outcome == "abandoned")
