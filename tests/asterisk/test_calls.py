"""Calls through a real Asterisk: SIP and RTP on one side, worker processes on the other."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.asterisk


def test_keys_answer_question_after_question(serving):
    call = serving.call("1", "2", "1002003001#", "2421#")
    call.hears("menu")
    call.press()
    call.hears("account")
    call.press()
    call.hears("reading")
    call.press()
    call.hears("bye")
    call.over()
    assert [event["text"] for event in serving.state(call)["heard"]] == [
        "2",
        "1002003001#",
        "2421#",
    ]
    assert serving.state(call)["number"] == "+380671110001"


def test_a_key_cuts_a_prompt_of_ten_minutes_short(serving):
    call = serving.call("2", "2", "1#")
    call.hears("long")
    call.press()
    call.hears("account")
    call.press()
    call.over()
    assert serving.keys(call) == "21#"


@pytest.mark.parametrize("every", [60, 80, 100, 150])
def test_no_key_is_lost_however_fast_they_come(serving, every):
    call = serving.call("1", "21002003001#2421#", every=every)
    call.hears("menu")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.keys(call) == "21002003001#2421#"


def test_the_same_key_many_times_over(serving):
    call = serving.call("1", "111111111111111#11111#", every=60)
    call.hears("menu")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.keys(call) == "111111111111111#11111#"


def test_silence_asks_again(serving):
    call = serving.call("3", "1")
    call.hears("menu")
    call.hears("menu")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.state(call)["heard"][0] == {"kind": "silence"}


def test_silence_between_keys_ends_a_number(serving):
    call = serving.call("5", "2421")
    call.hears("account")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.state(call)["heard"] == [{"kind": "keys", "text": "2421", "ended": True}]


def test_a_star_is_passed_on_at_once(serving):
    call = serving.call("1", "2", "24*", "1#", hang_up=True)
    call.hears("menu")
    call.press()
    call.hears("account")
    call.press()
    call.wait(lambda e: e.get("Variable") == "PRESS2_GIVEN" and e["Value"].endswith(":24*"))
    call.listening()
    call.press()
    call.hears("reading")
    call.press()
    call.over()
    assert [event["text"] for event in serving.state(call)["heard"]] == ["2", "24*", "1#"]


def test_prompts_longer_than_a_command_play_in_parts(serving):
    call = serving.call("6", "1")
    call.hears("piece")
    call.press()
    call.hears("bye")
    call.over()
    assert serving.keys(call) == "1"


def two_seconds_said(serving) -> None:  # noqa: ANN001
    """Wait until two seconds of the one recording are on disk."""
    recordings = serving.folder / "recordings"
    deadline = time.monotonic() + 20
    while not [1 for path in recordings.glob("*.wav") if path.stat().st_size > 32_000]:
        assert time.monotonic() < deadline, "nothing was recorded"
        time.sleep(0.05)


def test_a_recording_ends_with_the_hash_key(serving):
    call = serving.call("7", "#", speaks=True)
    call.wait(lambda e: e.get("Event") == "AGIExecStart" and "RECORD FILE" in e["Command"])
    two_seconds_said(serving)
    call.press()
    call.hears("bye")
    call.over()
    (event,) = serving.state(call)["heard"]
    assert event["kind"] == "recorded"
    assert (serving.folder / "recordings" / event["text"]).is_file()


def test_a_recording_of_who_hangs_up_is_kept(serving):
    call = serving.call("7", hang_up=True, speaks=True)
    call.wait(lambda e: e.get("Event") == "AGIExecStart" and "RECORD FILE" in e["Command"])
    two_seconds_said(serving)
    call.press()
    call.over()
    state = serving.state(call)
    (event,) = state["heard"]
    assert (serving.folder / "recordings" / event["text"]).is_file()


def test_turns_that_say_nothing(serving):
    operator = serving.operator(answers=True)
    call = serving.call("9", "2", "#")
    call.listening()
    call.press()
    call.wait(lambda e: e.get("Event") == "AGIExecStart" and "RECORD FILE" in e["Command"])
    call.press()
    call.over()
    assert [event["kind"] for event in serving.state(call)["heard"]] == [
        "keys",
        "operator",
        "recorded",
    ]
    assert "broke" not in serving.logs()
    operator.done()


def test_hanging_up_during_a_prompt_is_noted(serving):
    call = serving.call("2", hang_up=True)
    call.hears("long")
    call.press()
    call.over()
    assert serving.state(call)["closed"] == "hangup"
    assert serving.state(call)["by"] == "caller"
    assert serving.state(call)["heard"] == []


def test_keys_before_a_hang_up_still_count(serving):
    call = serving.call("1", "2", "24", hang_up=True)
    call.hears("menu")
    call.press()
    call.hears("account")
    call.press()
    call.wait(lambda e: e.get("Variable") == "PRESS2_KEYS" and e["Value"] == "24")
    call.press()
    call.over()
    state = serving.state(call)
    assert state["heard"] == [{"kind": "keys", "text": "2"}, {"kind": "keys", "text": "24"}]
    assert state["closed"] == "hangup"


@pytest.mark.parametrize(
    ("caller", "number"),
    [
        (b'"\xd0\x9f\xd0\xb5\xd1" <sip:0671110001@127.0.0.1>', "+380671110001"),
        (b'"\xff\xfe\x01\x7f" <sip:0671110001@127.0.0.1>', "+380671110001"),
        (b'"a\\"b\\\\ ${SHELL(id)} &,;" <sip:380671110001@127.0.0.1>', "+380671110001"),
        (b"<sip:%2B380671110001@127.0.0.1>", "+380671110001"),
        (b'"Anonymous" <sip:anonymous@anonymous.invalid>', None),
        (b'"Anonymous" <sip:Anonymous@127.0.0.1>', None),
        (b"<sip:+@127.0.0.1>", None),
        (b"<sip:127.0.0.1>", None),
        (b"<sip:%0aHANGUP%0a@127.0.0.1>", None),
        (b"<sip:%22%5c%22@127.0.0.1>", None),
        (b"<sip:" + b"1234567890" * 4 + b"@127.0.0.1>", None),
        (b"<sip:unknown@127.0.0.1>", None),
    ],
)
def test_a_bad_caller_name_or_number_spoils_no_call(serving, caller, number):
    text = caller.decode("utf-8", "surrogateescape")
    call = serving.call("1", "2", caller=text, hang_up=True)
    call.hears("menu")
    call.press()
    call.hears("account")
    call.press()
    call.over()
    assert serving.state(call)["number"] == number
    assert "broke" not in serving.logs()


def test_no_log_holds_what_callers_key(serving):
    call = serving.call("1", "21002003001#24217#")
    call.hears("menu")
    call.press()
    call.over()
    run_dir = serving.asterisk.run_dir
    logs = serving.logs() + "".join(
        path.read_text(errors="replace") for path in (run_dir / "log").iterdir()
    )
    assert "100200" not in logs
    assert "24217" not in logs


def test_an_operator_who_does_not_answer(serving):
    operator = serving.operator(answers=False)
    call = serving.call("4", "2", "1")
    call.hears("menu")
    call.press()
    call.hears("please_wait")
    call.hears("after")
    call.press()
    call.over()
    assert serving.state(call)["heard"][1] == {"kind": "operator", "outcome": "unavailable"}
    operator.done()


def test_an_operator_answers_and_the_dialogue_goes_on(serving):
    operator = serving.operator(answers=True)
    call = serving.call("4", "2", "1")
    call.hears("menu")
    call.press()
    call.hears("please_wait")
    call.hears("after")
    call.press()
    call.over()
    assert serving.state(call)["heard"][1] == {"kind": "operator", "outcome": "ended"}
    operator.done()


def test_hanging_up_while_the_operators_telephones_ring_is_noted(serving):
    operator = serving.operator(answers=False)
    call = serving.call("4", "2", hang_up=True)
    call.hears("menu")
    call.press()
    call.wait(lambda e: e.get("Event") == "Newstate" and e["ChannelStateDesc"] == "Ringing")
    call.press()
    call.over()
    assert serving.state(call)["closed"] == "hangup"
    operator.done()
