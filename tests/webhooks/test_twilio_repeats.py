"""Webhooks that come twice, late, after the end, or to another process."""

from __future__ import annotations

import threading
from dataclasses import replace
from urllib.parse import quote

import pytest
from sqlalchemy import select
from twilio_process import CALL, FIRST, PUBLIC, WAITS, kinds, played, verbs

from ivr.channels.twilio.live import HeldCall
from ivr.sessions import RedisSessions, SturdySessions
from ivr.store.models import Reading


def test_every_turn_may_come_twice(twilio, log, demo_store):
    assert twilio.ask("voice") == twilio.ask("voice")
    for keys in KEYED:
        path = f"turn/{CALL}/{twilio.open}"
        assert twilio.ask(path, Digits=keys) == twilio.ask(path, Digits=keys), path
    for _ in range(2):
        assert twilio.post("status", CallStatus="completed").status_code == 204
    with demo_store.session() as db:
        assert [row.value for row in db.scalars(select(Reading))] == ["02421"]
    assert kinds(log).count("answered") == kinds(log).count("ended") == 1


KEYED = ("2", "1", "2421", "1")


def test_an_older_turn_comes_after_a_newer_one(twilio, log):
    number = twilio.to_a_reading()
    heard = kinds(log).count("heard")
    for old in range(FIRST, number):
        document = twilio.ask(f"turn/{CALL}/{old}", Digits="3")
        assert document.verbs[0].get("action").endswith(f"/{number}")
    assert twilio.open == number
    assert kinds(log).count("heard") == heard


def test_a_turn_after_the_hang_up_hears_the_end(twilio, log):
    number = twilio.to_a_reading()
    twilio.post("status", CallStatus="completed")
    before = list(log.entries)
    assert verbs(twilio.ask(f"turn/{CALL}/{number}", Digits="1"))[-1] == "Hangup"
    assert verbs(twilio.ask("voice"))[-1] == "Hangup"
    assert verbs(twilio.ask("fallback"))[-1] == "Hangup"
    assert twilio.live.get(CALL) is None
    assert kinds(log).count("ended") == 1
    assert [entry for entry in log.entries if entry.kind == "heard"] == [
        entry for entry in before if entry.kind == "heard"
    ]


def test_the_log_holds_no_token_of_an_address_that_failed(twilio, caplog):
    failed = f"{PUBLIC}/twilio/over/{CALL}/4?token=secret"
    twilio.ask("fallback", ErrorCode="11200", ErrorUrl=failed)
    assert f"11200' at '{failed.partition('?')[0]}'" in caplog.text
    assert "secret" not in caplog.text


def test_a_call_that_begins_twice_at_once(twilio, log):
    threads = [threading.Thread(target=twilio.ask, args=("voice",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(log).count("answered") == 1
    assert twilio.open == FIRST


def test_two_processes_take_the_same_turn_at_once(process, log, demo_store):
    one, two = process(), process()
    number = one.to_a_reading()
    form = {"Digits": "1"}
    threads = [
        threading.Thread(target=each.ask, args=(f"turn/{CALL}/{number}",), kwargs=form)
        for each in (one, two, one, two)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with demo_store.session() as db:
        assert len(list(db.scalars(select(Reading)))) == 1
    assert one.open == two.open > number


def test_keys_typed_ahead_come_again_to_a_process_that_knows_an_older_turn(process, redis_server):
    one, two = (
        process(sessions=SturdySessions(RedisSessions(client)))
        for client in (redis_server.client(), redis_server.client())
    )
    one.ask("voice")
    one.keys("2")
    two.keys("2")  # another account, whose number is asked for
    number = two.open
    keys = {"Digits": "100200301*100200305*"}  # erased twice: two turns
    one.ask(f"turn/{CALL}/{number}", **keys)
    after = one.open
    assert after == number + 2
    two.ask(f"turn/{CALL}/{number}", **keys)
    assert two.open == one.open == after


def test_a_full_queue_at_twilio_lets_the_caller_wait_outside(waiting, queue):
    document = waiting.ask(f"left/{CALL}/{WAITS}", QueueResult="queue-full")
    assert verbs(document) == ["Gather", "Redirect"]
    assert document.verbs[1].text.endswith("?said=1&held=1")
    music = waiting.ask(f"wait/{CALL}/{WAITS}?said=1&held=1")
    assert verbs(music) == ["Gather", "Redirect"]
    reading = waiting.ask(f"turn/{CALL}/{WAITS}?waits=1&held=1", Digits="2")
    assert verbs(reading) == ["Gather"], "no Leave outside a queue"
    assert queue.ticket(CALL).state == "away"


def test_an_announcement_is_heard_once(waiting, queue, clock):
    assert queue.leave("before", "abandoned", clock().timestamp())
    path = f"wait/{CALL}/{WAITS}?said=1&part=3"
    waiting.live.pend(CALL, "announce")
    document = waiting.ask(path, "wait")
    assert "operator_improved" in played(document)
    assert waiting.ask(path, "wait") == document
    after = waiting.ask(f"wait/{CALL}/{waiting.open}?said=1", "wait")
    assert "operator_improved" not in played(after)
    assert waiting.live.pended(CALL) == ""


@pytest.mark.parametrize("outcome", ["", "Announce", "a b", "a" * 41, "\n"])
def test_what_is_no_word_for_a_flow_is_not_told(waiting, outcome):
    waiting.live.pend(CALL, outcome)
    assert verbs(waiting.ask(f"wait/{CALL}/{WAITS}?said=1", "wait")) == ["Gather", "Redirect"]
    document = waiting.ask(f"told/{CALL}/{WAITS}?outcome={quote(outcome)}")
    assert verbs(document) == ["Enqueue"]
    assert waiting.open == WAITS


def test_a_word_that_comes_late_does_not_take_him_from_the_operator(waiting, log):
    talking = HeldCall(waiting.open, "operator", "T1", talking=True)
    waiting.live.put(CALL, talking)
    for path, form in (
        ("turn/{}/4", {"Digits": "0"}),
        ("left/{}/1", {"QueueResult": "leave"}),
        ("told/{}/1?outcome=no_answer", {}),
        ("wait/{}/4?said=1", {}),
    ):
        waiting.post(path.format(CALL), **form)
        assert replace(waiting.live.get(CALL), since=0.0) == talking, path
    over = waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="completed")
    assert verbs(over) == ["Play", "Hangup"]
    assert "goodbye" in played(over)
    assert kinds(log).count("ended") == 1


def test_the_end_of_a_talk_is_told_again_when_its_answer_was_lost(waiting, log):
    waiting.live.put(CALL, HeldCall(waiting.open, "operator", "T1", talking=True))
    first = waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="completed")
    assert waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="completed") == first
    assert kinds(log).count("ended") == 1


def test_an_operator_who_did_not_answer_is_told_again(waiting):
    waiting.live.put(CALL, HeldCall(waiting.open, "operator", "T1"))
    first = waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="no-answer")
    assert verbs(first) == ["Enqueue"]
    assert waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="no-answer") == first
    assert waiting.open == WAITS + 1


def test_telephones_of_the_ring_group_ring_one_after_another(process):
    group = ("sip:shift@pbx.example.com", "sip:night@pbx.example.com")
    calls = process(ring_group=group, queue=None)
    calls.ask("voice")
    calls.ask(f"turn/{CALL}/{FIRST}", Digits="0")
    number = calls.open
    assert verbs(calls.ask(f"wait/{CALL}/{number}?said=1", "wait")) == ["Leave"]
    document = calls.ask(f"left/{CALL}/{number}", QueueResult="leave")
    rung = []
    while verbs(document)[-1] == "Dial":
        dial = document.verbs[-1]
        rung.append(dial.children[0].text)
        path = dial.get("action").removeprefix(f"{PUBLIC}/twilio/")
        document = calls.ask(path, DialCallStatus="no-answer")
        assert calls.ask(path, DialCallStatus="no-answer") == document
    assert rung == list(group)
    assert verbs(document) == ["Gather"]
    assert "operator_nobody" in played(document)
