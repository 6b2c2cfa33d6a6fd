"""The store is locked: "one moment", then the result, or an apology; and a killed process."""

import json
import sqlite3
import time
from contextlib import closing, contextmanager

import pytest
from running import until
from twilio_house import CALLER, COMPANY_NUMBER, give_a_reading

OTHER = "+380671110005"
PATIENT = 5.0
"""Seconds within which a caller hears something."""


@contextmanager
def locked(house):
    """Another program writes to the store; readers may go on."""
    with closing(sqlite3.connect(house.store, timeout=10, isolation_level=None)) as store:
        store.execute("begin exclusive")
        yield
        if store.in_transaction:
            store.execute("rollback")


def at_the_value(house, twilio, number):
    call = twilio.call(number, COMPANY_NUMBER)
    give_a_reading(house, call, "", "reading.enter")
    return call


def looks(call):
    return [hook for hook in call.requests if "slow=" in hook.path]


def spoken(call, prompt):
    return any(prompt in what for _, what in call.heard)


@pytest.fixture
def twilio(twilio_house):
    """Pauses last, so that Twilio's questions are not all asked at once."""
    with twilio_house.twilio(speed=20) as emulator:
        yield emulator
        assert all(hook.seconds < PATIENT for hook in emulator.network.requests)
        assert not emulator.failures


def test_a_locked_store(twilio, twilio_house):
    first = at_the_value(twilio_house, twilio, CALLER)
    with locked(twilio_house):
        first.press("02421#")
        first.wait(lambda call: len(looks(call)) == 2, 20)
        assert spoken(first, "pause_guessing")
        assert ("pause", "2") in first.heard
        # The first one's wait ends before that of another caller, who comes later.
        second = twilio.call(OTHER, COMPANY_NUMBER)
        steps = give_a_reading(twilio_house, second, "", "reading.enter")
        first.wait(lambda call: spoken(call, "service_failed"), 20)
        second.press("07900#")
        second.wait(lambda call: looks(call), 20)
    assert until(lambda: len(twilio_house.steps(second)) > len(steps))
    give_a_reading(twilio_house, second, "07900")
    second.wait("completed")
    assert twilio_house.readings() == ["07900"]
    assert not spoken(second, "service_failed")
    assert "error" not in {kind for kind, _ in first.heard + second.heard}


def test_the_process_that_works_on_a_turn_is_killed(twilio, second):
    house = second
    call = at_the_value(house, twilio, CALLER)
    number, steps = _open(house, call), house.steps(call)
    with locked(house):
        call.press("02421#")
        call.wait(lambda call: looks(call), 20)
        _let_time_pass(house, call, number, 60.0)
        house.lead(twilio, "web2")
        house.kill("web")
    assert until(lambda: len(house.steps(call)) > len(steps))
    give_a_reading(house, call, "02421")
    call.wait("completed")
    assert house.readings() == ["02421"]
    kinds = house.events(call)
    assert (kinds.count("answered"), kinds.count("ended")) == (1, 1)


def _open(house, call):
    document = json.loads(house.redis.hget(f"press2:session:{{{call.sid}}}", "document"))
    return document["turn"]["number"]


def _let_time_pass(house, call, number, seconds):
    """Let the note of a slow turn be older."""
    name = f"press2:twilio:slow:{call.sid}:{number}"
    since, events = json.loads(house.redis.get(name))
    assert time.time() - since < 60.0
    house.redis.set(name, json.dumps([since - seconds, events]), ex=90)
