"""Workers that really die while a caller is in the middle of something."""

from __future__ import annotations

import signal

import pytest

pytestmark = pytest.mark.asterisk


def kill(worker):
    worker.kill()
    worker.wait()


def test_a_killed_worker_s_question_is_repeated_by_another(pbx):
    first = pbx.start_worker(0)
    call = pbx.call("8", "1")
    call.hears("menu")
    pbx.start_worker(1)
    kill(first)
    call.hears("menu")
    call.press()
    call.hears("bye")
    call.over()
    assert pbx.keys(call) == "1"


def test_keys_pressed_while_nobody_serves_the_call_are_not_lost(pbx):
    first = pbx.start_worker(0)
    call = pbx.call("1", "2", "1002003", "001#", "2421#")
    call.hears("menu")
    call.press()
    call.hears("account")
    call.press()
    call.wait(lambda e: e.get("Variable") == "PRESS2_KEYS" and e["Value"] == "1002003")
    pbx.start_worker(1)
    kill(first)
    call.press()
    call.hears("reading")
    call.press()
    call.hears("bye")
    call.over()
    assert [event["text"] for event in pbx.state(call)["heard"]] == ["2", "1002003001#", "2421#"]


def test_a_stopped_worker_hands_its_calls_over(pbx):
    first = pbx.start_worker(0)
    call = pbx.call("1", "2", "1#", "2#")
    call.hears("menu")
    pbx.start_worker(1)
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    call.press()
    call.hears("account")
    call.press()
    call.hears("reading")
    call.press()
    call.over()
    assert pbx.keys(call) == "21#2#"
    assert pbx.state(call)["closed"] == ""


def test_all_workers_dead_is_an_apology(pbx):
    call = pbx.call("1")
    call.hears("apology")
    call.over()


def test_all_workers_dying_in_a_call_is_an_apology(pbx):
    only = pbx.start_worker(0)
    call = pbx.call("1", "2")
    call.hears("menu")
    kill(only)
    call.press()
    call.hears("apology")
    call.over()


def test_a_worker_that_comes_back_takes_the_call_again(pbx):
    only = pbx.start_worker(1)
    call = pbx.call("8", "1")
    call.hears("menu")
    kill(only)
    pbx.start_worker(1)
    call.hears("menu")
    call.press()
    call.over()
    assert pbx.keys(call) == "1"


def test_a_bug_is_logged_with_the_call_and_ends_in_an_apology(serving):
    call = serving.call("1", "2", "666#")
    call.hears("menu")
    call.press()
    call.hears("account")
    call.press()
    call.hears("apology")
    call.over()
    assert f"call {call.call}: broke in this worker" in serving.logs()


def test_a_hang_up_while_no_worker_holds_the_call_is_noted(pbx):
    first = pbx.start_worker(0)
    call = pbx.call("2", hang_up=True)
    call.hears("long")
    pbx.start_worker(1)
    kill(first)
    call.press()
    call.over()
    assert pbx.state(call)["closed"] == "hangup"
