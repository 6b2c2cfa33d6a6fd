"""News, commands, and what the queue forgets."""

from __future__ import annotations

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Change, Ticket
from ivr.agent_queue.redis_queue import RedisQueue

COMPANY = "odesa"


def test_every_change_is_told(scene, eventually):
    news = scene.heard()
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    expected = {
        Change(COMPANY, "operator", "olena"),
        Change(COMPANY, "ticket", "a"),
        Change(COMPANY, "offer", token),
    }
    eventually(lambda: set(news) == expected)
    news.clear()
    scene.queue.promise("a", 60, scene.now)
    eventually(lambda: news == [Change(COMPANY, "ticket", "a")])


def test_what_falls_due_is_told(scene, eventually):
    scene.enter("a")
    scene.queue.away("a", scene.now)
    news = scene.heard()
    scene.wait(600)
    eventually(lambda: news == [Change(COMPANY, "ticket", "a")])


def test_what_comes_too_late_is_not_told(scene, eventually):
    scene.enter("a")
    news = scene.heard()
    scene.queue.ended("a", scene.now)
    scene.queue.ring("odesa.x.a", scene.now)
    scene.queue.tick(scene.now)
    scene.queue.send({"do": "tell", "company": COMPANY})
    eventually(lambda: bool(news))
    assert news == [Change(COMPANY, "command", "tell")]


def test_what_is_not_the_queue_s_is_told_to_one_desk_or_to_all(scene, eventually):
    news = scene.heard()
    scene.queue.tell(COMPANY, "olena")
    scene.queue.tell(COMPANY)
    eventually(lambda: news == [Change(COMPANY, "staff", "olena"), Change(COMPANY, "staff", "")])


def test_a_listener_can_stop_and_a_failing_one_harms_nobody(scene, eventually):
    def fail(change):
        raise RuntimeError(change)

    scene.queue.subscribe(fail)
    first: list[Change] = []
    stop = scene.queue.subscribe(first.append)
    second = scene.heard()
    scene.enter("a")
    eventually(lambda: len(first) == len(second) == 1)
    stop()
    stop()
    scene.enter("b")
    eventually(lambda: len(second) == 2)
    assert len(first) == 1


def test_a_listener_may_use_the_queue(in_memory):
    scene = in_memory()
    heard = []
    scene.queue.subscribe(lambda change: heard.append(scene.queue.ticket(change.id)))
    scene.enter("a")
    assert [ticket.id for ticket in heard] == ["a"]


def test_commands_are_taken_once_in_their_order(scene):
    for number in range(3):
        scene.queue.send({"do": "hang_up", "ticket": f"t{number}"})
    assert [command["ticket"] for command in scene.queue.commands()] == ["t0", "t1", "t2"]
    assert scene.queue.commands() == []


# ---------------------------------------------------------------------- what is forgotten


def test_memory_forgets_what_was_over_a_day_ago(in_memory):
    scene = in_memory()
    for number in range(30):
        scene.enter(f"t{number}", number=f"+38067{number:07}")
        scene.queue.leave(f"t{number}", "abandoned", scene.now)
    scene.wait(86401)
    for number in range(5):
        scene.enter(f"new{number}")
    assert scene.queue.ticket("t0") is None
    assert scene.queue.ticket("t29") is None
    assert scene.state("new0") == "waiting"
    assert scene.audit() == []


def test_redis_forgets_a_done_ticket_after_a_day(in_redis, redis_client):
    scene = in_redis()
    scene.enter("a", number="+380671110001")
    key = "press2:queue:{odesa}:ticket:a"
    assert redis_client.ttl(key) == -1
    scene.queue.leave("a", "abandoned", scene.now)
    assert 86_000 < redis_client.ttl(key) <= 86_400
    assert 100 < redis_client.ttl("press2:queue:{odesa}:redial:general:+380671110001") <= 180
    scene.enter("b", number="+380671110001")
    scene.queue.leave("b", "answered", scene.now)
    lasting = [key for key in redis_client.scan_iter() if redis_client.ttl(key) == -1]
    assert sorted(lasting) == [b"press2:companies", b"press2:queue:{odesa}:journal"]


def test_a_ticket_that_comes_again_is_not_forgotten(in_redis, redis_client):
    scene = in_redis()
    scene.enter("a")
    scene.queue.leave("a", "deflected", scene.now)
    scene.enter("a")
    assert redis_client.ttl("press2:queue:{odesa}:ticket:a") == -1


def test_all_keys_of_a_company_lie_in_one_slot(in_redis, redis_client):
    scene = in_redis(overflow_to="metering", overflow_after=1)
    scene.sign_in("olena")
    for name in ("a", "b", "c"):
        scene.enter(name, number="+380671110001", sticky="olena")
    scene.queue.away("c", scene.now)
    scene.talk("a")
    scene.queue.leave("b", "abandoned", scene.now)
    keys = set(redis_client.keys()) - {b"press2:companies"}
    assert len(keys) > 8
    assert all(key.startswith(b"press2:queue:{odesa}:") for key in keys)


# ---------------------------------------------------------------------- two processes


def test_two_processes_share_the_queue(redis_server, in_redis):
    scene = in_redis()
    scene.sign_in("olena")
    with redis_server.client() as client:
        other = RedisQueue(client, {})
        other.enter(Ticket("a", COMPANY, "general", scene.now), scene.now)
        assert scene.talk("a") == "olena"
        assert other.ended("a", scene.now)
        assert other.audit(COMPANY, scene.now) == []


def test_a_ticket_of_a_company_without_a_profile_is_found(redis_server, in_redis):
    scene = in_redis()
    with redis_server.client() as client:
        other = RedisQueue(client, {})
        other.enter(Ticket("x", "lviv", "general", scene.now), scene.now)
        other.away("x", scene.now)
    assert scene.ticket("x").company == "lviv"
    scene.wait(600)
    assert scene.ticket("x").outcome == "deflected"


def test_an_empty_queue_answers(redis_client):
    for queue in (MemoryQueue(), RedisQueue(redis_client)):
        assert queue.tick(0.0) is None
        assert queue.offers() == queue.commands() == queue.waiting("nobody") == []
        assert queue.audit("nobody", 0.0) == []
