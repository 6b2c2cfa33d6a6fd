"""Speech over the emulated Twilio: real webhooks, real web processes, Twilio's recogniser on."""

import json

import pytest
from running import until
from twilio_house import (
    CALLER,
    CLIENT,
    COMPANY_NUMBER,
    give_a_reading,
    house,
    keyed,
    spoken,
)

from ivr.events import STREAM


@pytest.fixture(scope="module")
def talking_house(tmp_path_factory, sounds):
    """A house whose account has Twilio's recogniser switched on."""
    folder = tmp_path_factory.mktemp("speech")
    with house(folder, sounds, f"{CLIENT}\nspeech = yes") as running:
        yield running


@pytest.fixture
def listens(talking_house):
    talking_house.forget()
    return talking_house


@pytest.fixture
def talks(listens):
    """A fresh emulator before that house, whose faults fail the test."""
    with listens.twilio() as emulator:
        yield emulator


def heard(house, call):
    """What a caller did, (kind, text, understood), as far as Redis has it."""
    entries = [json.loads(fields[b"entry"]) for _, fields in house.redis.xrange(STREAM)]
    return [
        (entry["details"]["kind"], entry["details"].get("text"), entry["details"].get("understood"))
        for entry in entries
        if entry["call"] == call.sid and entry["kind"] == "heard"
    ]


def gathered(call):
    """The last Gather that is open."""
    call.wait("Gather")
    return call.open


def test_a_reading_is_given_by_speech(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    give_a_reading(listens, call, "02421", answer=spoken)
    call.wait("completed")
    assert listens.readings() == ["02421"]
    assert {kind for kind, _ in call.heard} == {"play"}, call.story()
    assert all("Digits" not in hook.params for hook in call.requests)


@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "at once"])
def test_each_webhook_comes_twice(talks, listens, together):
    talks.network.repeat("", requests=10**6, together=together)
    call = talks.call(CALLER, COMPANY_NUMBER)
    give_a_reading(listens, call, "02421", answer=spoken)
    call.wait("completed")
    assert listens.readings() == ["02421"]
    said = [text for kind, text, _ in heard(listens, call) if kind == "speech"]
    assert said.count("передати показання") == 1


def test_each_answer_is_lost_and_asked_for_by_another_process(talks, listens):
    listens.web("web2")
    listens.lead(talks, "web", "web2")
    for number in range(2, 30):
        talks.network.lose_answer(f"/{number}", 1)
    call = talks.call(CALLER, COMPANY_NUMBER)
    give_a_reading(listens, call, "02421", answer=spoken)
    call.wait("completed")
    assert listens.readings() == ["02421"]
    listens.stop("web2")


def test_keys_and_speech_by_turns(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)

    def by_turns(call, step, value):
        (keyed if step.endswith((".menu", ".enter")) else spoken)(call, step, value)

    give_a_reading(listens, call, "02421", answer=by_turns)
    call.wait("completed")
    assert listens.readings() == ["02421"]


def test_a_key_while_he_speaks_answers_the_next_question(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    call.wait("Gather").begin_to_speak()
    call.press("0")  # what came first counts
    call.say("графіки відключень")
    call.wait(lambda call: len(heard(listens, call)) > 1)
    first, second = heard(listens, call)[:2]
    assert first == ("speech", "графіки відключень", "schedule")
    assert second[:2] == ("keys", "0")
    call.hang_up()


def test_a_key_that_beats_his_words(talks, listens):
    talks.keys_beat_words = True
    call = talks.call(CALLER, COMPANY_NUMBER)
    call.wait("Gather").begin_to_speak()
    call.press("2")
    assert until(lambda: heard(listens, call))
    assert heard(listens, call)[0] == ("keys", "2", None)
    call.hang_up()


def test_low_confidence_and_then_keys_only(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    for count in (1, 2):
        assert gathered(call).get("input") == "dtmf speech"
        call.say("передати показання", 0.2)
        call.wait(lambda call, count=count: len(heard(listens, call)) == count)
        call.wait(lambda call: call.open and call.open.name == "Gather")
    call.wait(lambda call: any("speech_keys" in what for _, what in call.heard))
    assert gathered(call).get("input") == "dtmf"
    assert [understood for *_, understood in heard(listens, call)] == ["unheard", "unheard"]
    call.press("2")
    assert until(lambda: len(listens.steps(call)) >= 4)
    call.hang_up()


def test_no_confidence_at_all(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    call.wait("Gather").say("передати показання", None)
    assert until(lambda: heard(listens, call))
    assert heard(listens, call)[0][2] == "reading"
    call.hang_up()


def test_the_language_changes(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    assert gathered(call).get("language") == "uk-UA"
    call.press("8")
    call.wait(lambda call: "російська" in _hints(call)).say("російська")
    call.wait(lambda call: call.open and call.open.get("language") == "ru-RU")
    call.wait(lambda call: "показания" in _hints(call)).hang_up()


def _hints(call):
    return call.open.get("hints").split(",") if call.open else []


def test_bytes_that_are_no_words(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    call.wait("Gather").say("так".encode() + b"\xff\x00")
    assert until(lambda: heard(listens, call))
    assert heard(listens, call)[0][:2] == ("speech", "так�")
    call.wait("Gather").hang_up()


def test_an_account_without_speech_is_asked_for_keys(twilio, twilio_house):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    seen = []

    def silent(call, step, value):
        seen.append(call.open.attributes)
        call.say(value)  # nobody listens
        keyed(call, step, value)

    give_a_reading(twilio_house, call, "02421", answer=silent)
    assert twilio_house.readings() == ["02421"]
    assert {one["input"] for one in seen} == {"dtmf"}
    assert not any({"hints", "language", "speechTimeout"} & set(one) for one in seen)
    assert not any("say_it" in what or "say_digits" in what for _, what in call.heard)


def test_a_number_whose_first_digit_comes_late_may_be_said(talks, listens):
    call = talks.call(CALLER, COMPANY_NUMBER)
    give_a_reading(listens, call, "02421", "reading.enter")
    first = gathered(call)
    assert "rest=" in first.get("action")
    call.silence()
    call.wait(lambda call: call.open and call.open.get("action") != first.get("action"))
    assert call.open.get("hints") == first.get("hints")
    spoken(call, "reading.enter", "02421")
    assert until(lambda: "reading.read_back: ask" in listens.steps(call))
    give_a_reading(listens, call, "02421", answer=spoken)
    assert listens.readings() == ["02421"]
