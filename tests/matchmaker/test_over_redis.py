"""The main roads over the queue in Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from matching import RULES, Hall, until

from ivr.agent_queue.redis_queue import RedisQueue
from ivr.channels.line import Clock
from ivr.store.database import Store
from ivr.store.models import Callback, Conversation


@pytest.fixture
def hall(house: Any, demo_store: Store, clock: Clock, redis_client: redis.Redis) -> Iterator[Hall]:
    def queue_of(rules: Any) -> RedisQueue:
        return RedisQueue(redis_client, rules)

    hall = Hall(demo_store, clock, house.companies, RULES, queue_of)
    yield hall
    assert hall.queue.audit("odesa", hall.now) == []
    hall.matchmaker.close()
    assert until(lambda: not any(each.name == "queue-news" for each in threading.enumerate()))


def test_offer_answer_end_wrap_up(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.answer()
    assert hall.conversation().token == token
    hall.pass_(30)
    hall.queue.ended("pbx1-1.1", hall.now)
    ended = hall.clock()
    hall.pass_(6)
    assert hall.conversation().ended_at == ended
    assert hall.state() == "wrap_up"
    hall.pass_(30)
    assert hall.state() == "idle"
    assert hall.kinds() == ["offered", "answered"]


def test_news_reach_the_matchmaker(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.queue.dropped("pbx1-1.1", hall.now)

    def noticed() -> bool:
        hall.matchmaker.step()
        return hall.conversation().interrupted

    assert until(noticed)


def test_broken_and_back(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.pass_(10)
    hall.matchmaker.dropped("pbx1-1.1")
    hall.pass_(10)
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.matchmaker.step()
    assert hall.exchange.last.offer.back
    hall.answer()
    assert len(hall.rows(Conversation)) == 2


def test_a_call_back(hall: Hall) -> None:
    hall.due_callback()
    hall.operator()
    hall.pass_(6)
    hall.matchmaker.called_back(hall.exchange.last.offer.token, "busy")
    hall.pass_(310)
    hall.matchmaker.called_back(hall.exchange.last.offer.token, "answered")
    (row,) = hall.rows(Callback)
    assert (row.state, row.tries) == ("done", 2)
    assert hall.state() == "talking"


def test_another_matchmaker_takes_over(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller()
    hall.queue.set_status("odesa", "olena", "ready", hall.now)
    (offer,) = hall.queue.offers()
    hall.queue.ring(offer.token, hall.now)
    hall.matchmaker.close()
    hall.clock.pass_(4)
    hall.matchmaker = hall.another()
    hall.matchmaker.lead()
    hall.matchmaker.step()
    assert hall.exchange.last.offer.token == offer.token


def test_orders(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.queue.send({"do": "tell", "ticket": "pbx1-1.1", "outcome": "reading"})
    hall.matchmaker.step()
    assert hall.exchange.told == [("pbx1-1.1", "reading")]
