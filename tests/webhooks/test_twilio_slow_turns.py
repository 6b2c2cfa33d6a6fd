"""Turns that take long: one moment, then the result, or an apology."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from twilio_emulator.twiml import Document
from twilio_process import CALL, FIRST, PUBLIC, WAITS, Twilio, kinds, played, verbs

from ivr.channels.line import Clock
from ivr.channels.twilio import slow
from ivr.channels.twilio.dialogue import MOST_PAUSES, TROUBLE
from ivr.services import SERVICES, Service
from ivr.store.database import memory_store
from ivr.store.world import load_world


@pytest.fixture
def stuck() -> Iterator[tuple[threading.Event, dict[str, Service]]]:
    """Services of which one waits for an event; set at the end."""
    free = threading.Event()
    real = SERVICES["readings.window"]

    def slow_window(inquiry: Any) -> Any:
        assert free.wait(30)
        return real.answer(inquiry)

    yield free, {**SERVICES, "readings.window": replace(real, answer=slow_window)}
    free.set()


def _redirected(document: Document) -> str:
    assert verbs(document)[-2:] == ["Pause", "Redirect"]
    return document.verbs[-1].text.removeprefix(f"{PUBLIC}/twilio/")


def test_one_moment_and_then_the_result(process, stuck, log):
    free, services = stuck
    twilio = process(patience=0.05, services=services)
    twilio.ask("voice")
    first = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="2")
    assert "pause_guessing" in played(first)
    second = twilio.ask(_redirected(first))
    assert played(second) == "", "he was asked already"
    free.set()
    path = _redirected(second)
    while verbs(found := twilio.ask(path))[0] == "Pause":
        path = _redirected(found)
    assert verbs(found) == ["Gather"]
    assert found.verbs[0].get("action").startswith(f"{PUBLIC}/twilio/turn/{CALL}/")
    assert kinds(log).count("heard") == 1


def test_a_slow_webhook_that_comes_twice_is_worked_on_once(process, stuck, log):
    free, services = stuck
    twilio = process(patience=0.05, services=services)
    twilio.ask("voice")
    for _ in range(3):
        path = _redirected(twilio.ask(f"turn/{CALL}/{FIRST}", Digits="2"))
    free.set()
    while verbs(twilio.ask(path))[0] == "Pause":
        pass
    assert kinds(log).count("heard") == 1


def test_beyond_a_minute_he_hears_an_apology(process, stuck, log, caplog):
    free, services = stuck
    twilio = process(patience=0.001, services=services)
    twilio.ask("voice")
    document = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="2")
    for _ in range(MOST_PAUSES - 1):
        document = twilio.ask(_redirected(document))
    document = twilio.ask(_redirected(document))
    assert verbs(document)[-1] == "Hangup"
    assert all(say.prompt in played(document) for say in TROUBLE)
    free.set()
    assert kinds(log).count("ended") == 1
    assert [record.levelname for record in caplog.records][-1] == "ERROR"


def test_another_process_goes_on_for_one_that_died(process, stuck, house, clock):
    free, services = stuck
    with closing(memory_store()) as store:  # the dead one holds no lock of the store
        with store.session() as session:
            load_world(session, "odesa", house.world)
        dies, lives = process(patience=0.05, services=services, store=store), process()
        _dies(dies, lives, free, clock)
        dies.close()


def _dies(dies: Twilio, lives: Twilio, free: threading.Event, clock: Clock) -> None:
    dies.ask("voice")
    path = _redirected(dies.ask(f"turn/{CALL}/{FIRST}", Digits="2"))
    path = _redirected(lives.ask(path))
    assert lives.open == FIRST, "the first one may still work"
    clock.pass_(slow.DEAD + 1)
    assert verbs(lives.ask(path)) == ["Gather"]
    lives_at = lives.open
    free.set()
    dies.ask(f"turn/{CALL}/{FIRST}", Digits="2")
    assert dies.open == lives_at


def test_what_the_matchmaker_told_may_take_long_as_well(process, stuck, waiting, log):
    free, services = stuck
    twilio = process(patience=0.05, services=services)
    document = twilio.ask(f"told/{CALL}/{WAITS}?outcome=reading")
    path = _redirected(document)
    free.set()
    while verbs(found := twilio.ask(path))[0] == "Pause":
        path = _redirected(found)
    assert verbs(found) == ["Gather"]
    assert twilio.live.get(CALL).where == "flow"
