"""The auditor finds each kind of damage: keys are corrupted by hand, one case an invariant."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ivr.agent_queue.model import Rules

COMPANY = "odesa"
KEYS = "press2:queue:{odesa}:"
HOME = Path(__file__).parent.parent.parent
RULES = {
    "legal": Rules(relax=((0, 5), (90, 2))),
    "metering": Rules(overflow_to="legal", overflow_after=50),
}


@pytest.fixture
def busy(in_redis):
    """A queue with a ticket in every state and an operator in every state."""
    scene = in_redis(RULES)
    for name in ("offered", "ringing", "talking", "broken", "writing"):
        scene.sign_in(f"op-{name}")
        scene.enter(name)
        if name == "ringing":
            scene.queue.ring(scene.offer(name).token, scene.now)
        elif name != "offered":
            scene.talk(name)
    scene.queue.dropped("broken", scene.now)
    scene.queue.ended("writing", scene.now)
    scene.sign_in("op-asked", {"metering": 2})
    scene.queue.consult(COMPANY, "op-talking", "op-asked", "secret", scene.now)
    scene.sign_in("op-free", {"legal": 1, "other": 3})
    scene.sign_in("op-gone", status="offline")
    scene.enter("held", sticky="op-talking")
    scene.enter("waiting", "legal")
    scene.enter("guest", "metering", ago=60)
    scene.enter("away")
    scene.queue.away("away", scene.now)
    assert scene.audit() == []
    return scene


DAMAGES = {
    # words
    "state": (["HSET ticket:waiting state asleep"], "'asleep'"),
    "priority": (["HSET ticket:waiting priority urgent"], "'urgent'"),
    "status": (["HSET operator:op-free status asleep"], "'asleep'"),
    "unreadable": (["HDEL ticket:waiting entered"], "ticket waiting cannot be read"),
    "unreadable operator": (["HSET operator:op-free since soon"], "operator op-free cannot be"),
    # outcomes
    "outcome of a live one": (["HSET ticket:waiting outcome answered"], "waiting is waiting with"),
    "done without outcome": (["HSET ticket:writing outcome ?"], "writing is done with the outcome"),
    "done for ever": (["PERSIST ticket:writing"], "writing is done and will never be forgotten"),
    # ticket and operator
    "operator of nobody": (["HSET ticket:away operator op-free"], "away is away but has operator"),
    "unknown operator": (["HSET ticket:talking operator x"], "with 'x', whom nobody knows"),
    "other token": (["HSET ticket:talking token odesa.1.talking"], "and another token"),
    "no token": (["HSET ticket:talking token |", "HSET operator:op-talking token |"], "another"),
    "two tickets of one": (["HSET ticket:talking operator op-ringing"], "op-ringing, who has"),
    "two operators of one": (
        ["HSET operator:op-free state talking ticket talking"],
        "op-free is talking with ticket talking, not his",
    ),
    "other state": (["HSET operator:op-talking state offered"], "but op-talking is offered"),
    "busy with nobody": (["HSET operator:op-free state talking"], "op-free is talking with nobody"),
    "idle with a ticket": (["HSET operator:op-free ticket waiting"], "op-free is idle but has"),
    "lost consult": (["HDEL consults secret"], "op-talking asks in a consult that is not there"),
    "forgotten consult": (["HSET operator:op-asked token other"], "op-asked knows nothing of it"),
    # lines
    "missing in line": (["ZREM wait:legal:normal waiting"], "waiting is missing in wait:legal"),
    "at another place": (["ZADD wait:legal:normal 5 waiting"], "waiting stands in wait:legal"),
    "guest is missing": (["ZREM wait:legal:normal guest"], "guest is missing in wait:legal:normal"),
    "one who is away can be matched": (
        ["ZADD wait:general:normal 5 away"],
        "away does not belong into wait:general:normal",
    ),
    "one who talks can be matched": (
        ["ZADD wait:general:normal 5 talking"],
        "talking does not belong into wait:general:normal",
    ),
    "one who hung up can be matched": (
        ["ZADD wait:general:normal 5 writing"],
        "writing does not belong into wait:general:normal",
    ),
    "a stranger can be matched": (
        ["ZADD wait:nowhere:normal 5 stranger"],
        "stranger does not belong into wait:nowhere:normal",
    ),
    "no place kept": (["ZREM rest:general:normal away"], "away is missing in rest"),
    "not held": (["ZREM held:op-talking held"], "held is missing in held:op-talking"),
    "lost": (["ZREM live talking"], "talking is missing in live"),
    "listed after its end": (["ZADD live 5 writing"], "writing does not belong into live"),
    "listed at another place": (["ZADD live 5 talking"], "talking stands in live at 5.0"),
    # sets
    "free but not found": (["ZREM free:legal op-free"], "op-free is missing in free:legal"),
    "found but busy": (["ZADD free:general 5 op-talking"], "op-talking does not belong into free"),
    "free in another order": (["ZADD free:legal 5 op-free"], "op-free stands in free:legal at 5"),
    "serves unnoticed": (["SREM serving:general op-talking"], "is missing in serving:general"),
    "offline but serves": (["SADD serving:general op-gone"], "does not belong into serving"),
    "offer nobody sees": (["SREM offered offered"], "offered is missing in offered"),
    "offer that is none": (["SADD offered waiting"], "waiting does not belong into offered"),
    "operator nobody lists": (["SREM operators op-free"], "op-free is missing in operators"),
    # times
    "without an end": (["ZREM due t:offered"], "the end of t:offered is missing in due"),
    "an end too many": (["ZADD due 9999999999 t:talking"], "t:talking does not belong into due"),
    "another end": (["ZADD due 9999999999 t:offered"], "t:offered stands in due at"),
    "for ever": (["HSET ticket:away until 0", "ZREM due t:away"], "away is away for ever"),
    "wrap-up without an end": (["ZREM due o:op-writing"], "o:op-writing is missing in due"),
    "unnoticed relaxation": (
        ["HSET ticket:waiting until 0", "ZREM due t:waiting"],
        "waiting may be served by more operators",
    ),
    # matching
    "apart": (
        ["HSET operator:op-free skills {\"legal\":5}"],
        "waiting waits though op-free is free for it",
    ),
    "held for nobody": (["HSET operator:op-talking status paused"], "held is held for"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found(busy, redis_client, damage):
    commands, sentence = DAMAGES[damage]
    for command in commands:
        verb, key, *words = command.split(" ")
        redis_client.execute_command(verb, KEYS + key, *(word.replace("|", "") for word in words))
    found = busy.audit()
    assert any(sentence in each for each in found), found


def test_a_queue_that_nobody_ticks_is_found(busy):
    busy.now += 90
    (found,) = [each for each in busy.audit() if "nobody ticks" in each]
    assert "were due more than 60 s ago" in found
    busy.queue.tick(busy.now)
    assert busy.audit() == []


def test_the_twin_in_memory_is_audited_by_the_same_rules(in_memory):
    scene = in_memory()
    scene.sign_in("olena")
    scene.enter("a")
    state = scene.queue._states[COMPANY]
    state.lines.live.remove("a")
    state.offered.clear()
    assert scene.audit() == ["ticket a is missing in live", "a is missing in offered"]


# ---------------------------------------------------------------------- app.py doctor queue


@pytest.fixture
def doctor(redis_server, tmp_path):
    """Run `app.py doctor queue` on the private Redis."""
    settings = tmp_path / "telephony.conf"
    settings.write_text(f"[redis]\nurl = {redis_server.url}\n[press2]\nvar = {tmp_path}\n")

    def run():
        return subprocess.run(
            [sys.executable, "app.py", "doctor", "queue"],
            cwd=HOME,
            env={**os.environ, "PRESS2_CONF": str(settings)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_doctor_says_that_nothing_is_wrong(in_redis, doctor):
    scene = in_redis()
    scene.now = time.time()
    scene.sign_in("olena", {"legal": 1})
    scene.sign_in("ivan", status="paused")
    for name in ("a", "b", "c"):
        scene.enter(name)
    answer = doctor()
    expected = "the queue: 3 tickets, 2 operators, nothing wrong\n"
    assert (answer.stdout, answer.returncode) == (expected, 0), answer.stderr


def test_the_doctor_tells_each_finding(doctor, redis_client):
    redis_client.sadd("press2:companies", "lviv")
    redis_client.zadd("press2:queue:{lviv}:live", {"x": 5})
    answer = doctor()
    assert answer.stdout == "lviv: ticket x does not belong into live\n"
    assert answer.returncode == 1


def test_the_doctor_says_when_redis_does_not_answer(doctor, redis_server):
    redis_server.kill()
    answer = doctor()
    assert answer.returncode == 2
    assert "the queue does not answer" in answer.stderr
