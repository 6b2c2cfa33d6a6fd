"""Who waits in a queue that closes, or that nobody serves any more, is led out of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from matching import Hall

from ivr import hours_changes
from ivr.opening import Opening, daily
from ivr.store.models import Audit, Callback
from ivr.store.supply import CallbackClock


def _close(hall: Hall, minutes: int, queue: str = "general") -> None:
    """Let a queue close in so many minutes."""
    odesa = hall.companies["odesa"]
    local = hall.clock().astimezone(odesa.zone)
    end = local.hour * 60 + local.minute + minutes
    opening = Opening(odesa.zone, {queue: daily(0, end)})
    hall.companies["odesa"] = replace(odesa, opening=opening)
    hall.matchmaker = hall.another()


def test_the_queue_closes_while_he_waits(hall: Hall) -> None:
    _close(hall, 2)
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None)
    hall.pass_(110)
    assert ("pbx1-2.2", "shut") not in hall.exchange.told
    hall.pass_(20)
    assert hall.exchange.told[-1] == ("pbx1-2.2", "shut")
    assert hall.ticket("pbx1-2.2").state == "away", "his place is kept while he decides"


def test_a_supervisor_closes_the_day_while_he_waits(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None)
    hall.pass_(10)
    assert ("pbx1-2.2", "shut") not in hall.exchange.told
    odesa, now = hall.companies["odesa"], hall.clock()
    with hall.store.session() as db:
        day = now.astimezone(odesa.zone).date()
        hours_changes.change(db, odesa, "vira", now, service="general", day=day)
    hall.pass_(10)
    assert hall.exchange.told[-1] == ("pbx1-2.2", "shut")


def test_nobody_serves_him_any_more(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None)
    hall.pass_(100)
    told = list(hall.exchange.told)
    hall.queue.set_status("odesa", "olena", "offline", hall.now)
    hall.pass_(55)
    assert hall.exchange.told == told
    hall.pass_(15)
    assert hall.exchange.told == [*told, ("pbx1-2.2", "shut")]


def test_an_operator_who_comes_back_in_time_serves_him(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None)
    for _ in range(3):
        hall.queue.set_status("odesa", "olena", "offline", hall.now)
        hall.pass_(40)
        hall.queue.set_status("odesa", "olena", "paused", hall.now)
        hall.pass_(10)
    assert ("pbx1-2.2", "shut") not in hall.exchange.told


@pytest.mark.parametrize("priority", ["danger", "priority_site"])
def test_danger_and_priority_sites_wait_on(hall: Hall, priority: str) -> None:
    _close(hall, 1)
    hall.caller("pbx1-2.2", number=None, priority=priority)
    hall.pass_(200)
    assert ("pbx1-2.2", "shut") not in hall.exchange.told


def test_operators_of_the_queue_it_overflows_to_are_enough(hall: Hall) -> None:
    odesa = hall.companies["odesa"]
    rules = replace(odesa.queues["general"], overflow_to="outage", overflow_after=600)
    hall.companies["odesa"] = replace(odesa, queues={**odesa.queues, "general": rules})
    hall.matchmaker = hall.another()
    hall.operator(status="paused", skills={"outage": 3})
    hall.caller("pbx1-2.2", number=None)
    hall.pass_(200)
    assert ("pbx1-2.2", "shut") not in hall.exchange.told


def test_an_exchange_that_is_away_is_told_again(hall: Hall) -> None:
    _close(hall, 1)
    hall.caller("pbx1-2.2", number=None)
    hall.exchange.fall("pbx1")
    hall.pass_(80)
    assert hall.exchange.told == []
    hall.exchange.down.clear()
    hall.pass_(10)
    assert hall.exchange.told == [("pbx1-2.2", "shut")]


# ---------------------------------------------------------------------- the clock of call-backs


def test_a_late_promise_is_escalated_once(hall: Hall) -> None:
    key = hall.due_callback(next_at=hall.clock() + timedelta(days=1))
    now = hall.clock()
    with hall.store.session() as db:
        times = {"since": now, "red_at": now + timedelta(seconds=30)}
        due = now + timedelta(seconds=60)
        db.add(CallbackClock(callback_id=key, company="odesa", due_at=due, **times))
    hall.pass_(55)
    assert hall.rows(Audit) == []
    hall.pass_(60)
    (note,) = hall.rows(Audit)
    assert (note.what, note.details["callback"]) == ("callback_late", key)
    assert hall.kinds("pbx1-0.9") == ["callback_late"]
    (clock,) = hall.rows(CallbackClock)
    assert clock.escalated_at is not None


def test_a_kept_promise_is_not(hall: Hall) -> None:
    now = hall.clock()
    key = hall.due_callback(next_at=now + timedelta(days=1))
    with hall.store.session() as db:
        db.add(CallbackClock(callback_id=key, company="odesa", since=now, red_at=now, due_at=now))
        row = db.get(Callback, key)
        assert row is not None
        row.state, row.live, row.ended_at = "done", None, now
    hall.pass_(30)
    assert hall.rows(Audit) == []
