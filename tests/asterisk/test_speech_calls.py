"""Calls answered by speech: SIP and RTP, Asterisk, AEAP, a recogniser process with a model."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from listener import alaw, hears_nothing_more, listened, noise, say, silence, yes
from scripted_listener import ScriptedListener, closes, tells

pytestmark = pytest.mark.asterisk

DIGITS = ("n_2", "n_4", "n_2", "n_1")


def reaches(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing tells of."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_speech_answers_question_after_question(listener, serving):
    call = serving.call("*1", yes(), say(*DIGITS))
    call.hears("long")
    call.press()
    call.hears("account")
    call.press()
    call.hears("bye")
    call.over()
    first, number = serving.state(call)["heard"]
    assert (first["kind"], first["text"], first["values"]["language"]) == ("speech", "так", "uk")
    assert (number["kind"], number["text"]) == ("speech", "два чотири два один")
    assert "broke" not in serving.logs()


def test_a_prompt_of_ten_minutes_is_cut_short_by_speech_and_the_number_is_heard_whole(
    listener, serving
):
    call = serving.call("*6", say(*DIGITS))
    call.hears("long")
    call.press()
    hears_nothing_more(call)
    call.hears("bye")
    call.over()
    assert serving.state(call)["heard"][0]["text"] == "два чотири два один"


def test_noise_does_not_cut_a_prompt_short(listener, serving):
    call = serving.call("*2", noise(3), "1")
    call.hears("some")
    call.press()
    call.hears("some")
    call.press()
    call.hears("bye")
    call.over()
    kinds = [event["kind"] for event in serving.state(call)["heard"]]
    assert kinds == ["silence", "keys"]


def test_a_key_wins_while_the_caller_speaks(listener, serving):
    call = serving.call("*1", say(*DIGITS * 3), "1", "5#")
    call.hears("long")
    call.press()
    call.wait(lambda e: e.get("Uniqueid") == call.call and listened(e))
    call.press()
    call.hears("account")
    call.press()
    call.over()
    assert serving.state(call)["heard"] == [
        {"kind": "keys", "text": "1"},
        {"kind": "keys", "text": "5#"},
    ]


def test_keys_typed_ahead_of_questions_that_listen_are_not_lost(listener, serving):
    call = serving.call("*1", "21002003001#", every=60)
    call.hears("long")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.keys(call) == "21002003001#"


def test_prompts_longer_than_a_command_listen_in_their_last_part(listener, serving):
    call = serving.call("*5", "1")
    call.hears("piece")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.keys(call) == "1"


def test_who_hangs_up_while_he_is_listened_to_is_noted(listener, serving):
    call = serving.call("*1", hang_up=True)
    call.wait(lambda e: e.get("Uniqueid") == call.call and listened(e))
    call.press()
    call.over()
    assert serving.state(call)["closed"] == "hangup"
    reaches(lambda: listener.busy() == 0)


def test_a_caller_who_waits_for_an_operator_holds_no_recogniser(listener, serving):
    (serving.folder / "queue").touch()
    call = serving.call("*3", yes(), hang_up=True)
    call.hears("menu")
    assert listener.busy() == 1
    call.press()
    call.sees("MusicOnHoldStart")
    reaches(lambda: listener.busy() == 0)
    call.press()
    call.over()


def test_what_was_heard_survives_the_worker(listener, pbx):
    first = pbx.start_worker(0)
    call = pbx.call("*1", yes(), say(*DIGITS))
    call.wait(lambda e: e.get("Uniqueid") == call.call and listened(e))
    first.send_signal(19)
    call.press()
    call.wait(lambda e: e.get("Variable") == "PRESS2_SAID" and "|answer" in e["Value"])
    pbx.start_worker(1)
    first.kill()
    call.hears("account")
    call.press()
    call.hears("bye")
    call.over()
    assert [event["text"] for event in pbx.state(call)["heard"]] == ["так", "два чотири два один"]


def test_the_next_worker_goes_on_with_the_same_recogniser(listener, pbx):
    first = pbx.start_worker(0)
    call = pbx.call("*7", yes(), yes())
    call.hears("menu")
    pbx.start_worker(1)
    first.kill()
    call.hears("menu")
    call.press()
    call.wait(lambda e: e.get("Variable") == "PRESS2_SAID" and "|answer" in e["Value"])
    call.hears("menu")
    assert listener.busy() == 1
    call.press()
    call.hears("bye")
    call.over()
    assert [event["kind"] for event in pbx.state(call)["heard"]] == [
        "silence",
        "speech",
        "speech",
    ]


def test_a_recogniser_killed_in_mid_utterance_is_told_and_keys_go_on(mortal, serving):
    call = serving.call("*1", say(*DIGITS * 3), "1", "5#")
    call.hears("long")
    call.press()
    hears_nothing_more(call)
    mortal.kill()
    call.hears("long")
    call.press()
    call.hears("account")
    call.press()
    call.over()
    down, *keys = serving.state(call)["heard"]
    assert down == {"kind": "speech", "outcome": "down"}
    assert [event["text"] for event in keys] == ["1", "5#"]


def test_a_recogniser_that_froze_before_the_call(mortal, serving):
    mortal.freeze()
    call = serving.call("*4", "1", "2")
    call.hears("speech_down")
    call.press()
    call.hears("menu")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.state(call)["heard"] == [
        {"kind": "keys", "text": "1", "deaf": "down"},
        {"kind": "keys", "text": "2"},
    ]


def test_a_recogniser_that_freezes_while_it_listens(mortal, serving):
    call = serving.call("*4", "1", "2")
    call.wait(lambda e: e.get("Uniqueid") == call.call and listened(e))
    mortal.freeze()
    call.press()
    call.hears("speech_down")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.state(call)["heard"] == [
        {"kind": "keys", "text": "1"},
        {"kind": "keys", "text": "2", "deaf": "down"},
    ]


def test_a_recogniser_that_freezes_is_noticed_by_a_silence(mortal, serving):
    call = serving.call("*2", "1")
    call.wait(lambda e: e.get("Uniqueid") == call.call and listened(e))
    mortal.freeze()
    call.hears("some")
    call.press()
    call.over()
    down, key = serving.state(call)["heard"]
    assert down == {"kind": "speech", "outcome": "down"}
    assert key == {"kind": "keys", "text": "1"}


def test_the_caller_after_the_last_recogniser_has_keys(mortal, serving):
    mortal.kill()
    mortal.start(limit=1)
    first = serving.call("*1", "1", "5#")
    first.wait(lambda e: e.get("Uniqueid") == first.call and listened(e))
    second = serving.call("*4", "1", "2")
    second.hears("speech_full")
    second.press()
    second.hears("menu")
    second.press()
    second.over()
    assert serving.state(second)["heard"][0] == {"kind": "keys", "text": "1", "deaf": "full"}
    first.press()
    first.hears("account")
    first.press()
    first.over()
    reaches(lambda: mortal.busy() == 0)
    third = serving.call("*4", yes(), "1")
    third.wait(lambda e: e.get("Uniqueid") == third.call and listened(e))
    third.press()
    third.hears("menu")
    third.press()
    third.over()
    assert serving.state(third)["heard"][0]["text"] == "так"


@pytest.fixture
def scripted(lives, pbx):
    """Starts a recogniser that the test plays itself."""
    lives.kill()
    pbx.listener = lives
    return lambda *acts, **how: ScriptedListener(lives.port, *acts, **how)


def test_a_recogniser_that_asterisk_cannot_reach_is_left_alone(scripted, pbx):
    with scripted(refuses=True):
        pbx.start_worker(0)
        for _ in range(2):
            call = pbx.call("*4", "1", "2")
            call.hears("speech_down")
            call.press()
            call.hears("menu")
            call.press()
            call.over()
            assert pbx.state(call)["heard"][0]["deaf"] == "down"
    assert pbx.logs().count("Asterisk cannot reach press2-0") == 1


def test_what_was_heard_cannot_become_a_line_of_the_protocol(scripted, serving):
    heard = 'nor \n200 result=1 (x)\r\nHANGUP\n, "так" ${EPOCH})|'
    with scripted(tells(heard)):
        call = serving.call("*4", alaw(silence(3)), "1")
        call.hears("menu")
        call.press()
        call.hears("menu")
        call.press()
        call.over()
    said = serving.state(call)["heard"][0]
    assert said["text"] == heard.replace("\n", "").replace("\r", "")
    assert "broke" not in serving.logs()


@pytest.mark.parametrize("act", [closes, tells("", "broken..0", 0), tells("", "full..0", 0)])
def test_a_connection_that_ends_while_it_listens_leaves_the_keys(scripted, serving, act):
    with scripted(act):
        call = serving.call("*4", alaw(silence(3)), "1", "2")
        call.hears("menu")
        call.press()
        call.hears("menu")
        call.press()
        call.hears("menu")
        call.press()
        call.over()
    assert [event.get("outcome", "") for event in serving.state(call)["heard"]] == ["down", "", ""]


def test_speech_that_is_no_words_is_told_as_unheard(scripted, serving):
    with scripted(tells("", "nothing.uk.40", 12)):
        call = serving.call("*4", alaw(silence(3)), "1")
        call.hears("menu")
        call.press()
        call.hears("menu")
        call.press()
        call.over()
    assert serving.state(call)["heard"][0] == {"kind": "speech"}


def test_who_speaks_when_the_time_is_over_is_heard_out(scripted, serving):
    with scripted(lambda _: None, tells("так"), speaking="1"):
        call = serving.call("*7", alaw(silence(9)), "1")
        call.hears("menu")
        call.press()
        hears_nothing_more(call)
        call.hears("menu")
        call.press()
        call.over()
    assert serving.state(call)["heard"][0]["text"] == "так"
