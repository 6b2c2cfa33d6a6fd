"""The queue in a real Redis under what goes wrong: many at once, too late, killed, forgotten."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
import redis

from ivr.agent_queue.model import OUTCOMES, Change, Operator, QueueDown, Rules, Ticket
from ivr.agent_queue.redis_queue import RedisQueue

COMPANY = "odesa"
START = 1_795_000_000.0
RULES = {
    COMPANY: {
        "general": Rules(relax=((0, 3), (0.05, 1)), wrap_up=0.02, lease=0.05, ring=0.05, back=0.03),
        "metering": Rules(overflow_to="general", overflow_after=0.05, away=0.1, unanswered=2),
    }
}


class Clock:
    """Real time, from a fixed start."""

    def __init__(self):
        self._begun = time.monotonic()

    def __call__(self):
        return START + time.monotonic() - self._begun


def random_event(chance, queue, clock, seen):
    """Let one random thing happen. seen: tokens so far; returns a token that rang, or None."""
    ticket, name = f"t{chance.randrange(60)}", f"o{chance.randrange(12)}"
    where = chance.choice(["general", "metering"])
    token = chance.choice(seen) if seen else ""
    level = chance.randint(1, 5)
    events = [
        lambda: queue.enter(Ticket(ticket, COMPANY, where, clock(), number=f"+{ticket}"), clock()),
        lambda: queue.enter(
            Ticket(ticket, COMPANY, where, clock(), sticky=name, priority="raised"), clock()
        ),
        lambda: queue.sign_in(
            Operator(name, COMPANY, skills={where: level}, status="ready"), clock()
        ),
        lambda: queue.set_status(COMPANY, name, chance.choice(["ready", "paused"]), clock()),
        lambda: queue.answered(token, clock()),
        lambda: queue.unanswered(token, clock(), chance.choice(["no_answer", "failed"])),
        lambda: queue.ended(ticket, clock()),
        lambda: queue.dropped(ticket, clock()),
        lambda: queue.returned(COMPANY, name, clock()),
        lambda: queue.away(ticket, clock(), chance.choice(["", name])),
        lambda: queue.leave(ticket, chance.choice(OUTCOMES), clock()),
        lambda: queue.transfer(ticket, clock(), where, chance.choice(["", name])),
        lambda: queue.take(ticket, name, clock()),
        lambda: queue.raise_to(ticket, chance.choice(["raised", "priority_site"]), clock()),
        lambda: queue.consult(COMPANY, name, "o1", f"c{chance.randrange(9)}", clock()),
        lambda: queue.consulted(f"c{chance.randrange(9)}", clock(), chance.choice(["", ticket])),
        lambda: queue.take_over(ticket, name, f"{COMPANY}.{chance.random()}.{ticket}", clock()),
        lambda: queue.tick(clock()),
    ]
    for offer in queue.offers():
        if offer.token not in seen:
            seen.append(offer.token)
    if seen and chance.random() < 0.3:
        token = seen[-1]
        return token if queue.ring(token, clock()) else None
    chance.choice(events)()
    return None


def test_a_thousand_events_from_sixteen_threads(redis_server):
    """Each offer is claimed once, at no moment has anybody two, and all fits together."""
    clock, rung, trouble = Clock(), [], []

    def storm(number):
        try:
            with redis_server.client() as client:
                chance, queue, seen = random.Random(number), RedisQueue(client, RULES), []
                for _ in range(63):
                    if token := random_event(chance, queue, clock, seen):
                        rung.append(token)
                    offers = queue.offers()
                    assert len({offer.ticket for offer in offers}) == len(offers)
                    assert len({offer.operator for offer in offers}) == len(offers)
        except BaseException as reason:
            trouble.append(reason)

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert rung
    assert len(set(rung)) == len(rung), "an offer was claimed twice"
    with redis_server.client() as client:
        queue = RedisQueue(client, RULES)
        now = clock()
        queue.tick(now)
        assert queue.audit(COMPANY, now) == []
        assert_everybody_can_leave(queue, now)


def assert_everybody_can_leave(queue, now):
    """Every ticket ends in one outcome, and nothing is left of it."""
    for ticket in queue.waiting(COMPANY):
        queue.leave(ticket.id, "abandoned", now)
        assert not queue.leave(ticket.id, "deflected", now)
    assert queue.waiting(COMPANY) == []
    snapshot = queue.snapshot(COMPANY)
    assert {slip.ticket.state for slip in snapshot.slips.values()} <= {"done"}
    assert all(slip.ticket.outcome in OUTCOMES for slip in snapshot.slips.values())
    assert queue.audit(COMPANY, now) == []


def test_offers_that_many_claim_at_once_go_to_one(redis_server, in_redis):
    scene = in_redis()
    names = [f"t{number}" for number in range(20)]
    for name in names:
        scene.sign_in(f"op-{name}")
        scene.enter(name)
    tokens = [offer.token for offer in scene.queue.offers()]
    assert len(tokens) == 20
    won: list[str] = []

    def claim():
        with redis_server.client() as client:
            queue = RedisQueue(client, {})
            won.extend(token for token in tokens if queue.ring(token, scene.now))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == sorted(tokens)


# ---------------------------------------------------------------------- too late


def too_late(chance, queue, stale, now):
    """Do something that comes too late, or names what is not there."""
    token = chance.choice(
        [*stale, "odesa.0.waiting", "lviv.0.x", "nonsense", "", "odesa..", "...."]
    )
    gone = chance.choice(["done", "unknown", "", "callback-9"])
    waiting = chance.choice(["waiting", gone])
    events = [
        lambda: queue.ring(token, now),
        lambda: queue.answered(token, now),
        lambda: queue.unanswered(token, now, "failed"),
        lambda: queue.consulted(token, now, gone),
        lambda: queue.ended(waiting, now),
        lambda: queue.dropped(waiting, now),
        lambda: queue.transfer(waiting, now, "metering"),
        lambda: queue.away(chance.choice(["talking", gone]), now),
        lambda: queue.leave(gone, "abandoned", now),
        lambda: queue.promise(gone, 5.0, now),
        lambda: queue.take(gone, "free", now),
        lambda: queue.take("waiting", chance.choice(["busy", "nobody"]), now),
        lambda: queue.enter(Ticket("done", COMPANY, "general", now, "danger"), now),
        lambda: queue.set_status(COMPANY, "nobody", "ready", now),
        lambda: queue.set_status(COMPANY, "busy", "offline", now, tab="old"),
        lambda: queue.set_status(COMPANY, "free", "offline", now, version=0),
        lambda: queue.finish(COMPANY, chance.choice(["free", "busy", "nobody"]), now),
        lambda: queue.extend(COMPANY, chance.choice(["free", "busy"]), 9, now),
        lambda: queue.returned(COMPANY, chance.choice(["free", "busy", "nobody"]), now),
        lambda: queue.consult(COMPANY, "free", "busy", "c", now),
        lambda: queue.tick(now - chance.random() * 100),
    ]
    chance.choice(events)()


def test_ten_thousand_events_that_come_too_late_change_nothing(scene_of):
    scene = scene_of()
    stale = []
    scene.sign_in("busy", tab="new")
    for name in ("done", "talking"):
        for _ in range(3):
            scene.enter(name)
            stale.append(scene.offer(name).token)
            scene.queue.unanswered(stale[-1], scene.now)
            scene.status("busy", "ready")
        stale.append(scene.offer(name).token)
        if name == "done":
            scene.queue.leave(name, "abandoned", scene.now)
    scene.status("busy", "paused")
    scene.status("busy", "ready")
    scene.talk("talking")
    scene.sign_in("free", {"legal": 1})
    scene.enter("waiting")
    before, heard, chance = scene.queue.snapshot(COMPANY), scene.heard(), random.Random(7)
    for _ in range(10_000):
        too_late(chance, scene.queue, stale, scene.now)
    assert scene.queue.snapshot(COMPANY) == before
    assert scene.audit() == []
    assert heard == []


# ---------------------------------------------------------------------- Redis goes


def test_a_redis_that_forgot_the_scripts_gets_them_again(in_redis, redis_client):
    scene = in_redis()
    steps = [
        lambda: scene.sign_in("olena"),
        lambda: scene.enter("a"),
        lambda: scene.talk("a"),
        lambda: scene.queue.place(COMPANY, "general", scene.now),
        lambda: scene.queue.ended("a", scene.now),
        lambda: scene.wait(30),
        scene.queue.offers,
        scene.audit,
    ]
    for step in steps:
        redis_client.script_flush()
        step()
    assert scene.does("olena") == ("ready", "idle")


@pytest.mark.parametrize("how", ["kill", "hang"])
def test_a_redis_that_does_not_answer_is_a_queue_that_is_down(redis_server, in_redis, how):
    scene = in_redis()
    scene.enter("a")
    getattr(redis_server, how)()
    try:
        queue, now = scene.queue, scene.now
        calls = [
            lambda: scene.enter("b"),
            lambda: queue.ticket("a"),
            lambda: queue.waiting(COMPANY),
            lambda: queue.place(COMPANY, "general", now),
            lambda: queue.operators(COMPANY),
            lambda: queue.leave("a", "abandoned", now),
            lambda: queue.consulted("c", now),
            lambda: queue.tick(now),
            queue.offers,
            queue.commands,
            lambda: queue.send({}),
            scene.audit,
        ]
        for call in calls:
            with pytest.raises(QueueDown):
                call()
    finally:
        redis_server.go_on()


def test_after_a_break_the_listeners_are_told_that_they_missed_something(
    redis_server, in_redis, eventually
):
    scene = in_redis()
    news = scene.heard()
    scene.enter("a")
    eventually(lambda: bool(news))
    redis_server.kill()
    redis_server.start()
    eventually(lambda: Change("", "all", "") in news)
    news.clear()
    scene.enter("b")
    eventually(lambda: Change(COMPANY, "ticket", "b") in news)


class LastingRedis:
    """A Redis that writes everything down, as the one of `app.py run` does."""

    def __init__(self, folder):
        self._folder = folder
        self.url = f"unix://{folder}/redis.sock"

    def start(self):
        options = "--port 0 --unixsocket redis.sock --appendonly yes --loglevel warning"
        command = ["redis-server", *options.split(), "--save", ""]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)

    def client(self):
        return redis.Redis.from_url(self.url, socket_timeout=1, retry=None)

    def answers(self):
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def lasting_redis(eventually):
    folder = Path(tempfile.mkdtemp(prefix="press2-aof-"))
    server = LastingRedis(folder)
    server.start()
    eventually(server.answers)
    yield server
    server.kill()
    shutil.rmtree(folder)


def test_a_redis_killed_in_mid_run_knows_all_that_it_confirmed(lasting_redis, eventually):
    clock, confirmed, begun = Clock(), [], threading.Barrier(5)

    def storm(number):
        chance, seen = random.Random(number), []
        with lasting_redis.client() as client:
            queue = RedisQueue(client, RULES)
            begun.wait()
            for step in range(100_000):
                try:
                    random_event(chance, queue, clock, seen)
                    name = f"own-{number}-{step}"
                    queue.enter(Ticket(name, COMPANY, "legal", clock()), clock())
                except QueueDown:
                    return
                confirmed.append(name)

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    eventually(lambda: len(confirmed) > 100)
    lasting_redis.kill()
    for thread in threads:
        thread.join()
    lasting_redis.start()
    eventually(lasting_redis.answers)
    with lasting_redis.client() as client:
        queue, now = RedisQueue(client, RULES), clock()
        queue.tick(now)
        assert queue.audit(COMPANY, now) == []
        waiting = {ticket.id for ticket in queue.waiting(COMPANY, "legal")}
        assert set(confirmed) <= waiting
        assert_everybody_can_leave(queue, now)


# ---------------------------------------------------------------------- other rules


@pytest.mark.parametrize("seed", range(3))
def test_processes_with_other_rules_do_not_corrupt_the_queue(redis_server, seed):
    """A deploy changes the profile: for a while both rules are applied to one queue."""
    other = {COMPANY: {"general": Rules(relax=((0, 1),)), "metering": Rules(relax=((0, 5),))}}
    clock, chance, seen = Clock(), random.Random(seed), []
    with redis_server.client() as client:
        queues = RedisQueue(client, RULES), RedisQueue(client, other)
        for _ in range(300):
            random_event(chance, chance.choice(queues), clock, seen)
        for rules in (RULES, other):
            queue, now = RedisQueue(client, rules), clock()
            queue.tick(now)
            assert queue.audit(COMPANY, now) == []
        assert_everybody_can_leave(queue, now)


def test_new_rules_reach_tickets_that_wait_already(redis_client):
    strict = RedisQueue(redis_client, {COMPANY: {"general": Rules(relax=((0, 5),))}})
    strict.sign_in(Operator("olena", COMPANY, skills={"general": 1}, status="ready"), START)
    for number in range(1200):
        strict.enter(Ticket(f"t{number}", COMPANY, "general", START + number), START + 2000)
    strict.tick(START + 2000)
    assert strict.offers() == []
    mild = RedisQueue(redis_client, {COMPANY: {"general": Rules()}})
    mild.tick(START + 2000)
    assert [offer.ticket for offer in mild.offers()] == ["t0"]
