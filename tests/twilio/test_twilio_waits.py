"""Callers who wait for an operator in Twilio's queue, or leave a message where nobody is there."""

import re

import pytest
from running import until
from twilio_house import CALLER, COMPANY_NUMBER, PUBLIC

from ivr.channels.twilio.live import RedisLiveCalls


@pytest.fixture
def twilio(twilio_house):
    """Rounds of music that pass at once, and the silence after each."""
    with twilio_house.twilio(haste=50) as emulator:
        yield emulator
        assert not emulator.failures


@pytest.fixture
def queue(twilio_house):
    """The queue of a company whose only operator talks."""
    return twilio_house.busy_operator()


def dial_zero(house, twilio, steps=1):
    call = twilio.call(CALLER, COMPANY_NUMBER)
    call.wait("Gather").press("0")
    assert until(lambda: len(house.steps(call)) > steps), call.story("an operator")
    return call


def rounds(call):
    """Of music, fetched so far."""
    return [hook for hook in call.requests if "/wait/" in hook.path and "said=1" in hook.path]


def heard(call, prompt):
    return sum(prompt in what for _, what in call.heard)


def waits(queue, call):
    ticket = queue.ticket(call.sid)
    return ticket is not None and ticket.state == "waiting"


def test_a_caller_waits(twilio, twilio_house, queue):
    call = dial_zero(twilio_house, twilio)
    call.wait(lambda call: len(rounds(call)) > 2 and call.open and call.open.name == "Gather")
    assert [member.call for member in twilio.queue("press2").members] == [call]
    ticket = queue.ticket(call.sid)
    assert (ticket.state, ticket.channel, ticket.node, ticket.leg) == (
        "waiting",
        "twilio",
        "twilio",
        "",
    )
    assert (ticket.number, ticket.dialled) == (CALLER, COMPANY_NUMBER)
    assert heard(call, "operator_queue_keys") == 1
    assert heard(call, "music.") >= 2
    parts = [hook.path.partition("part=")[2] for hook in rounds(call)]
    assert parts == ["", *(str(number) for number in range(1, len(parts)))]
    assert RedisLiveCalls(twilio_house.redis).get(call.sid).where == "wait"
    call.hang_up()
    call.wait("completed")
    assert until(lambda: queue.ticket(call.sid).state == "done")
    assert queue.ticket(call.sid).outcome == "abandoned"
    assert until(lambda: RedisLiveCalls(twilio_house.redis).get(call.sid) is None)
    assert until(lambda: twilio_house.events(call).count("ended") == 1)


@pytest.mark.parametrize("places", [1000, 0], ids=["in the queue", "Twilio's queue is full"])
def test_keys_of_a_caller_who_waits(twilio, twilio_house, queue, places):
    twilio.queue_size = places
    call = dial_zero(twilio_house, twilio)
    assert until(lambda: waits(queue, call))
    entered = queue.ticket(call.sid).entered
    call.wait(lambda call: len(rounds(call)) > 1)
    call.wait("Gather").press("2")
    assert until(lambda: queue.ticket(call.sid).state == "away")
    steps = ["main.menu: ask", "operator.queue: enqueue"]
    give_while_away(twilio_house, call, len(steps))
    assert until(lambda: waits(queue, call)), "back at his place"
    assert queue.ticket(call.sid).entered == entered
    assert twilio_house.readings() == ["02421"]
    call.wait(lambda call: call.requests[-1].path.count("/wait/") and call.open)
    call.wait("Gather").press("6")
    assert until(lambda: twilio_house.steps(call)[-1] == "callback.this_number: ask")
    call.wait("Gather").press("1")
    call.wait("completed")
    assert twilio_house.asked("select count(*) from callbacks") == [1]
    assert "error" not in {kind for kind, _ in call.heard}
    if not places:
        assert not twilio.queue("press2").members


def give_while_away(house, call, seen):
    """Give a reading, up to the wait that follows it."""
    keys = {"reading.window_closed": "1", "identify.this_one": "1", "reading.enter": "02421#",
            "reading.read_back": "1", "reading.another": "2"}  # fmt: skip
    step = ""
    while step != "operator.queue: enqueue":
        assert until(lambda: len(house.steps(call)) > seen), call.story("the next question")  # noqa: B023
        step = house.steps(call)[seen]
        seen += 1
        if step.endswith(": ask"):
            call.wait("Gather").press(keys[step.partition(":")[0]])


def test_an_announcement_is_heard_once(twilio, twilio_house, queue):
    first = dial_zero(twilio_house, twilio)
    assert until(lambda: waits(queue, first))
    call = dial_zero(twilio_house, twilio)
    assert until(lambda: waits(queue, call))
    first.hang_up()
    assert until(lambda: queue.ticket(first.sid).state == "done")
    twilio.network.repeat("/wait/", 2, requests=1000, together=True)
    RedisLiveCalls(twilio_house.redis).pend(call.sid, "announce")
    before = len(rounds(call))
    call.wait(lambda call: heard(call, "operator_improved") and len(rounds(call)) > before + 9)
    assert heard(call, "operator_improved") == 1
    assert waits(queue, call)
    call.hang_up()
    call.wait("completed")


def test_redis_dies_while_a_caller_waits(twilio, twilio_house, queue):
    call = dial_zero(twilio_house, twilio)
    call.wait(lambda call: len(rounds(call)) > 2)
    entered = queue.ticket(call.sid).entered
    twilio_house.kill("redis")
    seen = len(rounds(call))
    call.wait(lambda call: len(rounds(call)) > seen + 5)
    assert heard(call, "queue_down") == 0, "he keeps the music"
    twilio_house.start_redis()
    assert until(lambda: waits(queue, call)), "and his place"
    assert queue.ticket(call.sid).entered == entered
    call.hang_up()
    call.wait("completed")
    assert until(lambda: queue.ticket(call.sid).outcome == "abandoned")


def test_keys_while_redis_is_away(twilio, twilio_house, queue):
    call = dial_zero(twilio_house, twilio)
    call.wait(lambda call: len(rounds(call)) > 2)
    twilio_house.kill("redis")
    call.wait("Gather").press("2")
    assert until(lambda: twilio_house.steps(call)[-1].startswith("reading."))
    call.hang_up()
    call.wait("completed")
    assert "error" not in {kind for kind, _ in call.heard}


def test_nobody_waits_without_redis(twilio, twilio_house):
    twilio_house.kill("redis")
    call = dial_zero(twilio_house, twilio)
    call.wait(lambda call: heard(call, "queue_down"))
    assert not twilio.queue("press2").members
    call.hang_up()
    call.wait("completed")


# ---------------------------------------------------------------------- nobody is there


@pytest.mark.parametrize("end", ["#", "hang up", "hang up, told late"])
def test_a_voice_message(twilio, twilio_house, end):
    twilio.network.repeat("/recording", 3)
    call = dial_zero(twilio_house, twilio)
    call.wait("Gather").press("3")
    call.wait("Record").say("Передзвоніть мені, будь ласка, про показники")
    if end == "#":
        call.press("#")
    else:
        if end.endswith("late"):
            twilio.network.delay("/turn/", 0.5)
        call.hang_up()
    call.wait("completed")
    stored = "select path from voice_messages"
    assert until(lambda: twilio_house.asked(stored)), call.story("the message")
    [name] = twilio_house.asked(stored)
    assert re.fullmatch(rf"{call.sid}-\d+\.wav", name)
    assert until(lambda: len(told_of(twilio)) == 4)
    assert twilio_house.asked("select kind from outbox where kind = 'recording'") == ["recording"]
    assert until(lambda: twilio_house.events(call).count("ended") == 1)
    assert twilio_house.asked(stored) == [name]


def told_of(twilio):
    """Requests that told of a recording, and were answered."""
    asked = twilio.network.requests
    return [hook for hook in asked if "/recording" in hook.path and hook.status == 204]


def test_who_says_nothing_is_asked_again(twilio, twilio_house):
    call = dial_zero(twilio_house, twilio)
    call.wait("Gather").press("3")
    call.wait("Record").silence()
    call.wait(lambda call: heard(call, "message_empty"))
    assert twilio_house.asked("select path from voice_messages") == []
    call.hang_up()
    call.wait("completed")
    assert all(what.startswith(PUBLIC) for kind, what in call.heard if kind == "play")
