"""Facts and the queue's journal on each kind of store; late transactions of PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from ivr.agent_queue.model import Operator, Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.events import Entry, drain_journals, write
from ivr.facts import Keeper, keep, keeper, rebuild
from ivr.store.facts import CallFact, OperatorSpan, VisitFact
from ivr.store.models import CallEvent

BEGAN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
NOW = BEGAN.timestamp()


def call(name: str, reason: str = "completed") -> list[Entry]:
    known = {"from": "+380671110001", "to": None, "channel": "agi"}
    first = Entry("odesa", name, BEGAN, "answered", "main", "welcome", known)
    end = replace(first, at=BEGAN + timedelta(minutes=2), kind="ended", details={"reason": reason})
    return [first, end]


def facts(store) -> list[tuple]:
    with store.session(read_only=True) as db:
        calls = db.execute(select(CallFact.call, CallFact.why, CallFact.interval).order_by("call"))
        visits = db.execute(
            select(VisitFact.call, VisitFact.outcome, VisitFact.talk, VisitFact.wrap)
        )
        spans = select(OperatorSpan.state, OperatorSpan.queue, OperatorSpan.began)
        return [*calls, *visits, *db.execute(spans.order_by(OperatorSpan.began))]


def test_calls_and_the_journal_become_facts(store, house, redis_client):
    queue = RedisQueue(redis_client)
    queue.sign_in(Operator("olena", "odesa", skills={"general": 3}, status="ready"), NOW)
    queue.enter(Ticket("a-1", "odesa", "general", NOW + 10), NOW + 10)
    (offer,) = queue.offers()
    queue.answered(offer.token, NOW + 13)
    queue.ended("a-1", NOW + 73)
    queue.finish("odesa", "olena", NOW + 83)
    queue.close()
    assert drain_journals(redis_client, store, [], wait=1) == 8
    write(store, [*call("a-1"), *call("a-2")])
    while keep(store, house.companies):
        pass
    found = facts(store)
    assert found[:3] == [
        ("a-1", "completed", BEGAN), ("a-2", "completed", BEGAN), ("a-1", "answered", 60.0, 10.0),
    ]  # fmt: skip
    at = [(state, queue, (began - BEGAN).total_seconds()) for state, queue, began in found[3:]]
    assert at == [
        ("idle", "", 0.0), ("offered", "general", 10.0), ("talking", "general", 13.0),
        ("wrap_up", "general", 73.0), ("idle", "", 83.0),
    ]  # fmt: skip
    rebuild(store, house.companies["odesa"])
    assert facts(store) == found


@pytest.mark.postgres
def test_an_event_whose_transaction_ends_late_is_not_passed_over(server_store, house, monkeypatch):
    """Its id was given out before the id of another event, which is stored already."""
    store, late, soon = server_store, call("late-1"), call("soon-1")
    with store.session() as db:
        db.execute(text("TRUNCATE events, call_facts, facts_marks RESTART IDENTITY"))
    with store.session() as db:
        db.execute(CallEvent.__table__.insert(), [vars(entry) for entry in late])
        write(store, soon)
        own = Keeper(store, house.companies["odesa"])
        assert own.keep() == 0, "what comes after the gap waits"
    assert own.keep() == 4
    with store.session(read_only=True) as db:
        assert db.scalar(select(func.count()).select_from(CallFact)) == 2
    # A gap that nobody fills any more is passed over after a while.
    with store.session() as db:
        db.execute(CallEvent.__table__.insert(), [vars(entry) for entry in call("undone-1")])
        db.rollback()
    write(store, call("after-1"))
    assert own.keep() == 0
    monkeypatch.setattr(keeper, "GRACE", 0.0)
    assert own.keep() == 2


def test_two_drain_one_journal_at_once(store, redis_client):
    queue = RedisQueue(redis_client)
    for number in range(300):
        queue.enter(Ticket(f"a-{number}", "odesa", "general", NOW), NOW)
    queue.close()
    both = [
        threading.Thread(target=drain_journals, args=(redis_client, store, [], 1, 0))
        for _ in range(2)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    with store.session(read_only=True) as db:
        assert db.scalar(select(func.count()).where(CallEvent.kind == "ticket")) == 300
