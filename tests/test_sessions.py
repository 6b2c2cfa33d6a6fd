"""Where calls stand between two turns: in memory, in a real Redis, in both while Redis dies."""

import json
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from ivr.engine import Session
from ivr.errors import StaleTurn
from ivr.events import MemoryLog
from ivr.model import Ask, Enqueue, Event, Hangup, Turn
from ivr.sessions import KEEP, MemorySessions, RedisSessions, SturdySessions
from ivr.store.models import Reading


class Hand:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def sturdy(redis_client, hand):
    """The sessions of one worker."""
    return SturdySessions(RedisSessions(redis_client), pause=1.0, clock=hand)


@pytest.fixture(params=["memory", "redis", "sturdy"])
def sessions(request):
    if request.param == "memory":
        return MemorySessions()
    if request.param == "redis":
        return RedisSessions(request.getfixturevalue("redis_client"))
    return request.getfixturevalue("sturdy")


def document(turn: int, **slots):
    """What a runner stores at a turn."""
    session = Session("main", "menu", "uk", slots=slots, turn=turn)
    asked = Turn(turn, (), Ask("key", 6.0, 5.0), "uk")
    return json.loads(json.dumps({"session": session.to_json(), "turn": asked.to_json()}))


# ---------------------------------------------------------------------- all three


def test_a_call_nobody_knows_is_none(sessions):
    assert sessions.load("nobody") is None


def test_what_is_saved_is_loaded(sessions):
    first = document(1, street="Шевченка", rows=[{"used": 117, "flags": []}], gone=None)
    sessions.save("call", first, 0)
    assert sessions.load("call") == first
    sessions.save("call", document(4), 1)
    assert sessions.load("call") == document(4)


@pytest.mark.parametrize("call", ["1760000000.17", "a b", "{x}", 'a"b\n', "дзвінок", "*", ""])
def test_calls_may_have_any_id(sessions, call):
    sessions.save(call, document(1), 0)
    sessions.save("other", document(7), 0)
    assert sessions.load(call) == document(1)


@pytest.mark.parametrize("expected", [0, 1, 2])
def test_a_turn_that_is_over_cannot_be_answered_again(sessions, expected):
    sessions.save("call", document(1), 0)
    sessions.save("call", document(2), 1)
    sessions.save("call", document(3), 2)
    with pytest.raises(StaleTurn, match=rf"call call: turn {expected} is over, 3 is open"):
        sessions.save("call", document(9), expected)
    assert sessions.load("call") == document(3)


def test_of_workers_that_answer_one_turn_at_once_one_wins(sessions):
    sessions.save("call", document(1), 0)
    start = threading.Barrier(8)
    won = []

    def answer(number):
        start.wait()
        try:
            sessions.save("call", document(number), 1)
        except StaleTurn:
            return
        won.append(number)

    workers = [threading.Thread(target=answer, args=(number,)) for number in range(10, 18)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(won) == 1
    assert sessions.load("call") == document(won[0])


# ---------------------------------------------------------------------- each one


def test_memory_forgets_the_call_that_was_quiet_for_longest():
    sessions = MemorySessions(limit=2)
    sessions.save("first", document(1), 0)
    sessions.save("second", document(1), 0)
    sessions.save("first", document(2), 1)
    sessions.save("third", document(1), 0)
    assert sessions.load("second") is None
    assert sessions.load("first") == document(2)


def test_redis_forgets_a_call_after_its_time(redis_client):
    sessions = RedisSessions(redis_client)
    sessions.save("call", document(1), 0)
    redis_client.expire(sessions.key("call"), 10)
    sessions.save("call", document(2), 1)
    assert KEEP - 5 <= redis_client.ttl("press2:session:{call}") <= KEEP


def test_two_workers_share_a_call_in_redis(redis_server):
    with redis_server.client() as one, redis_server.client() as other:
        first, second = RedisSessions(one), RedisSessions(other)
        first.save("call", document(1), 0)
        assert second.load("call") == document(1)
        second.save("call", document(2), 1)
        with pytest.raises(StaleTurn):
            first.save("call", document(5), 1)
        assert first.load("call") == document(2)


# ---------------------------------------------------------------------- Redis dies


def test_a_worker_remembers_its_calls_when_redis_is_killed(sturdy, redis_server):
    sturdy.save("call", document(1), 0)
    redis_server.kill()
    assert sturdy.load("call") == document(1)
    sturdy.save("call", document(2), 1)
    assert sturdy.load("call") == document(2)
    with pytest.raises(StaleTurn):
        sturdy.save("call", document(9), 1)
    sturdy.save("new", document(1), 0)
    assert sturdy.load("new") == document(1)


def test_redis_that_comes_back_empty_gets_the_call_with_its_next_turn(
    sturdy, redis_server, redis_client, hand
):
    sturdy.save("call", document(1), 0)
    redis_server.kill()
    sturdy.save("call", document(2), 1)
    redis_server.start()
    assert sturdy.load("call") == document(2), "left alone for a while after a failure"
    sturdy.save("call", document(3), 2)
    assert RedisSessions(redis_client).load("call") is None
    hand.now += 1.0
    assert sturdy.load("call") == document(3)
    sturdy.save("call", document(4), 3)
    assert RedisSessions(redis_client).load("call") == document(4)


def test_redis_that_missed_some_turns_does_not_throw_the_call_back(
    sturdy, redis_server, redis_client, hand
):
    """It hangs, the call goes on, and it comes back with what it knew."""
    sturdy.save("call", document(1), 0)
    redis_server.hang()
    try:
        sturdy.save("call", document(2), 1)
        sturdy.save("call", document(3), 2)
    finally:
        redis_server.go_on()
    hand.now += 1.0
    assert sturdy.load("call") == document(3)
    sturdy.save("call", document(4), 3)
    assert RedisSessions(redis_client).load("call") == document(4)


def test_a_call_taken_over_just_before_redis_dies_goes_on(sturdy, redis_server, redis_client, hand):
    sturdy.save("call", document(3), 0)
    other = SturdySessions(RedisSessions(redis_client), clock=hand)
    assert other.load("call") == document(3)
    redis_server.kill()
    assert other.load("call") == document(3)
    other.save("call", document(4), 3)
    assert other.load("call") == document(4)


def test_a_call_that_went_on_elsewhere_is_not_answered_from_old_memory(sturdy, redis_client, hand):
    sturdy.save("call", document(1), 0)
    other = SturdySessions(RedisSessions(redis_client), clock=hand)
    other.save("call", document(2), 1)
    assert sturdy.load("call") == document(2)
    with pytest.raises(StaleTurn):
        sturdy.save("call", document(9), 1)


# ---------------------------------------------------------------------- a whole call


KEYS = ["2", "1", "2421#", "1", "2"]
"""A reading of 02421 for the account of this telephone, and no other one."""


@pytest.mark.parametrize("moment", range(len(KEYS) + 1))
@pytest.mark.parametrize("again", [False, True], ids=["for good", "and comes back"])
def test_a_reading_is_taken_whenever_redis_dies(
    worker, caller, clock, sturdy, hand, redis_server, demo_store, moment, again
):
    runner = worker(sessions=sturdy)
    turn = runner.open(caller)
    for number, keys in enumerate([*KEYS, None]):
        if number == moment:
            redis_server.kill()
        if number == moment + 1 and again:
            redis_server.start()
            hand.now += 1.0
        if keys:
            turn = runner.advance(caller.call, Event("keys", text=keys), turn.number)
    assert turn.need == Hangup("completed")
    assert sturdy.load(caller.call)["session"]["over"]
    assert accepted(demo_store) == ["02421"]


def test_another_worker_goes_on_where_the_dead_one_stood(worker, caller, redis_server, demo_store):
    with redis_server.client() as one, redis_server.client() as other:
        first = worker(sessions=SturdySessions(RedisSessions(one)))
        turn = first.open(caller)
        for keys in KEYS[:2]:
            turn = first.advance(caller.call, Event("keys", text=keys), turn.number)
        log = MemoryLog()
        second = worker(sessions=SturdySessions(RedisSessions(other)), log=log)
        assert second.open(caller) == turn, "the open question is asked again"
        assert [entry.kind for entry in log.entries] == ["resumed"]
        for keys in KEYS[2:]:
            turn = second.advance(caller.call, Event("keys", text=keys), turn.number)
    assert turn.need == Hangup("completed")
    assert accepted(demo_store) == ["02421"]


def test_a_caller_in_the_queue_stays_there_when_redis_dies(worker, caller, sturdy, redis_server):
    runner = worker(sessions=sturdy)
    turn = runner.advance(caller.call, Event("keys", text="0"), runner.open(caller).number)
    redis_server.kill()
    assert runner.open(caller) == turn
    assert isinstance(turn.need, Enqueue)
    ended = runner.advance(caller.call, Event("operator", outcome="ended"), turn.number)
    assert ended.need == Hangup("operator")


def test_a_call_unknown_to_a_worker_begins_when_redis_is_dead(worker, caller, sturdy, redis_server):
    redis_server.kill()
    runner = worker(sessions=sturdy)
    assert runner.open(caller).number > 0
    with pytest.raises(StaleTurn, match="call other is not known"):
        runner.advance("other", Event("silence"), 1)
    assert runner.open(replace(caller, call="other")).number > 0


def accepted(store):
    with store.session(read_only=True) as session:
        return list(session.scalars(select(Reading.value).where(Reading.state == "accepted")))
