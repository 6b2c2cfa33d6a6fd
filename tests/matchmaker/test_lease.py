"""One matchmaker acts; when it dies another one does, soon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from matching import Hall, until

from ivr.agent_queue.lease import DISPATCH, Lease, MemoryLease, RedisLease
from ivr.agent_queue.model import QueueDown
from ivr.matchmaker import Loop


@pytest.fixture(params=["memory", "redis"])
def two(request: pytest.FixtureRequest) -> tuple[Lease, Lease]:
    """Two who want the same lease."""
    if request.param == "memory":
        shared: list[object] = []
        return MemoryLease(shared), MemoryLease(shared)
    client = request.getfixturevalue("redis_client")
    return RedisLease(client, DISPATCH), RedisLease(client, DISPATCH)


def test_only_one_holds_it(two: tuple[Lease, Lease]) -> None:
    one, other = two
    assert one.hold() and one.hold()
    assert not other.hold()
    other.release()
    assert not other.hold()
    one.release()
    assert other.hold()
    assert not one.hold()


def test_it_ends_by_itself(redis_client: redis.Redis) -> None:
    dead = RedisLease(redis_client, DISPATCH, seconds=0.1)
    other = RedisLease(redis_client, DISPATCH)
    assert dead.hold()
    assert until(other.hold)
    dead.release()
    assert redis_client.get(DISPATCH) == other.holder.encode()
    assert 0 < redis_client.pttl(DISPATCH) <= 3000


def test_nobody_can_tell_while_redis_is_away(redis_server: Any) -> None:
    with redis_server.client() as client:
        lease = RedisLease(client, DISPATCH)
        assert lease.hold()
        redis_server.kill()
        with pytest.raises(QueueDown):
            lease.hold()
        redis_server.start()
        assert lease.hold()


@contextmanager
def _running(loop: Loop) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield thread
    finally:
        loop.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_a_loop_acts_on_news_and_gives_the_lease_back(
    hall: Hall, redis_client: redis.Redis
) -> None:
    hall.matchmaker.leading = False
    matchmaker = hall.another()
    loop = Loop(matchmaker, hall.queue, RedisLease(redis_client, DISPATCH))
    with _running(loop):
        assert until(lambda: matchmaker.leading)
        assert redis_client.get(DISPATCH) is not None
        hall.matchmaker = _Idle()
        hall.operator()
        hall.caller()
        assert until(lambda: bool(hall.exchange.ringing))
    assert redis_client.get(DISPATCH) is None
    hall.matchmaker = matchmaker


def test_another_one_takes_over(hall: Hall, redis_client: redis.Redis) -> None:
    first = RedisLease(redis_client, DISPATCH, seconds=0.3)
    assert first.hold()  # and is killed
    matchmaker = hall.another()
    loop = Loop(matchmaker, hall.queue, RedisLease(redis_client, DISPATCH, seconds=0.3), beat=0.1)
    with _running(loop):
        assert until(lambda: matchmaker.leading)
    matchmaker.close()


def test_who_lost_the_lease_stops_acting(hall: Hall, redis_client: redis.Redis) -> None:
    matchmaker = hall.another()
    loop = Loop(matchmaker, hall.queue, RedisLease(redis_client, DISPATCH), beat=0.05)
    with _running(loop):
        assert until(lambda: matchmaker.leading)
        redis_client.set(DISPATCH, "another one")
        assert until(lambda: not matchmaker.leading)
        redis_client.delete(DISPATCH)
        assert until(lambda: matchmaker.leading)
    matchmaker.close()


def test_whoever_held_it_goes_on_while_redis_is_away(hall: Hall, redis_server: Any) -> None:
    with redis_server.client() as client:
        matchmaker = hall.another()
        loop = Loop(matchmaker, hall.queue, RedisLease(client, DISPATCH), beat=0.05)
        with _running(loop):
            assert until(lambda: matchmaker.leading)
            redis_server.kill()
            hall.queue.away_now = True
            hall.exchange.stand("pbx1-1.1")
            hall.clock.pass_(1)
            assert until(lambda: _passes(hall) and bool(hall.exchange.told))
            assert matchmaker.leading
        redis_server.start()
        matchmaker.close()


def _passes(hall: Hall) -> bool:
    """Let a second pass on the simulated clock at each look."""
    hall.clock.pass_(1)
    return True


def test_a_step_that_fails_is_not_the_last(hall: Hall) -> None:
    matchmaker = hall.another()
    hall.matchmaker = _Idle()
    good = hall.companies.pop("odesa")
    loop = Loop(matchmaker, hall.queue, MemoryLease(), beat=0.05)
    with _running(loop):
        hall.due_callback()
        hall.operator()
        hall.queue.send({"do": "call_back", "callback": 1})
        hall.companies["odesa"] = good
        hall.clock.pass_(10)
        hall.queue.send({"do": "call_back", "callback": 1})
        assert until(lambda: bool(hall.exchange.ringing))
    hall.matchmaker = matchmaker


class _Idle:
    """Nobody steps but the loop."""

    def step(self) -> None:
        pass

    def close(self) -> None:
        pass
