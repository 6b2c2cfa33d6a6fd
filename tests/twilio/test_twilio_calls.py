"""Calls over the emulated Twilio: real webhooks over HTTP, signed, with the sounds fetched."""

import pytest
from running import until
from twilio_house import CALLER, COMPANY_NUMBER, PUBLIC, TO_A_READING, give_a_reading


def whole(house, call):
    """One call with one reading, and no error on the line."""
    call.wait("completed")
    assert house.readings() == ["02421"]
    assert until(lambda: "ended" in house.events(call))
    kinds = house.events(call)
    assert (kinds.count("answered"), kinds.count("ended")) == (1, 1)
    assert {kind for kind, _ in call.heard} == {"play"}, call.story()


def test_a_reading_is_given_by_keys(twilio, twilio_house):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421")
    whole(twilio_house, call)


def test_keys_pressed_before_they_are_asked_for(twilio, twilio_house):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    steps = give_a_reading(twilio_house, call, "02421", "reading.enter")
    way = [TO_A_READING.get(step.partition(":")[0], "1") for step in steps[:-1]]
    call.hang_up()
    call.wait("completed")
    twilio_house.forget()
    call = twilio.call(CALLER, COMPANY_NUMBER)
    call.press("".join(way) + "02421#1")
    assert until(lambda: "reading.another: ask" in twilio_house.steps(call))
    give_a_reading(twilio_house, call, "02421")
    whole(twilio_house, call)


# ---------------------------------------------------------------------- repeats and disorder

EACH = 10**6
FAULTS = {
    "each webhook comes twice": lambda net: net.repeat("", requests=EACH),
    "each comes three times at once": lambda net: net.repeat("", 2, requests=EACH, together=True),
    "each comes again after a newer one": lambda net: net.reorder("", times=EACH),
    "each is lost and sent again": lambda net: _each(net.lose, 1),
    "each answer is lost, and it is sent again": lambda net: _each(net.lose_answer, 1),
    "each is lost twice": lambda net: _each(net.lose, 2),
    "each answer is lost twice": lambda net: _each(net.lose_answer, 2),
}


def _each(fault, times):
    for number in range(2, 30):
        fault(f"/{number}", times)


@pytest.mark.parametrize("processes", [("web",), ("web", "web2")], ids=["one", "two"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_reading_over_a_bad_network(twilio, second, processes, name):
    second.lead(twilio, *processes)
    FAULTS[name](twilio.network)
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(second, call, "02421")
    call.wait("completed")
    twilio.do(twilio.network.release)
    whole(second, call)


def test_the_first_request_is_lost(twilio, second):
    second.lead(twilio, "web", "web2")
    twilio.network.lose_answer("/voice", 2)
    twilio.network.lose("/voice", 1)
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(second, call, "02421")
    whole(second, call)


def test_turns_after_the_hang_up(twilio, twilio_house):
    twilio.network.reorder("/turn/", 3)
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421", "reading.enter")
    call.hang_up()
    call.wait("completed")
    assert until(lambda: "ended" in twilio_house.events(call))
    twilio.do(twilio.network.release)
    assert until(lambda: sum(hook.copy and bool(hook.status) for hook in twilio.network.requests))
    late = [hook for hook in twilio.network.requests if hook.copy]
    assert all(hook.status == 200 for hook in late)
    assert twilio_house.events(call).count("ended") == 1
    assert twilio_house.readings() == []


# ---------------------------------------------------------------------- processes die


def test_another_process_takes_over_for_one_that_was_killed(twilio, second):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(second, call, "02421", "reading.enter")
    second.kill("web")
    second.lead(twilio, "web2")
    give_a_reading(second, call, "02421")
    whole(second, call)


def test_a_killed_process_that_starts_again_goes_on(twilio, twilio_house):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421", "reading.enter")
    twilio_house.kill("web")
    twilio_house.web()
    give_a_reading(twilio_house, call, "02421")
    whole(twilio_house, call)


def test_redis_dies_in_mid_call(twilio, twilio_house):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421", "reading.enter")
    twilio_house.kill("redis")
    give_a_reading(twilio_house, call, "02421")
    call.wait("completed")
    assert twilio_house.readings() == ["02421"]
    assert {kind for kind, _ in call.heard} == {"play"}
    stored = f"select kind from events where call = '{call.sid}'"  # noqa: S608
    assert until(lambda: "ended" in twilio_house.asked(stored))


def test_redis_is_back_in_mid_call_and_empty(twilio, twilio_house):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421", "reading.enter")
    twilio_house.kill("redis")
    give_a_reading(twilio_house, call, "02421", "reading.read_back")
    twilio_house.start_redis()
    give_a_reading(twilio_house, call, "02421")
    call.wait("completed")
    assert twilio_house.readings() == ["02421"]


def test_a_call_that_begins_without_redis(twilio, twilio_house):
    twilio_house.kill("redis")
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421")
    call.wait("completed")
    assert twilio_house.readings() == ["02421"]


def test_a_process_that_cannot_know_the_call_begins_it_anew(twilio, second):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(second, call, "02421", "reading.enter")
    second.kill("redis")
    second.lead(twilio, "web2")
    call.press("02421#")
    call.wait(lambda call: sum("main_greeting" in what for _, what in call.heard) == 2)
    assert PUBLIC in call.heard[-1][1]
