"""Promises to call back: dialled when an operator is free, in allowed hours, once a number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from matching import Hall

from ivr.store.models import Audit, Callback, Conversation, Ticket

NIGHT = datetime(2026, 10, 31, 20, 30, tzinfo=UTC)  # half past ten in the evening in Odesa


def _row(hall: Hall) -> Callback:
    (row,) = hall.rows(Callback)
    return row


def _dialled(hall: Hall) -> str:
    """Let a promise be due and an operator be there; the token of the offer."""
    hall.due_callback()
    hall.operator()
    hall.pass_(6)
    return hall.exchange.last.offer.token


def test_the_operator_first_then_the_customer(hall: Hall) -> None:
    token = _dialled(hall)
    last = hall.exchange.last
    assert last.destination is not None and last.destination.number == "+380671110009"
    assert (last.operator.name, last.ticket.kind) == ("olena", "callback")
    assert _row(hall).state == "calling"
    hall.matchmaker.answered(token)  # the operator's own telephone: not yet the customer
    assert hall.ticket("callback-1").state == "ringing"
    hall.matchmaker.called_back(token, "answered")
    hall.matchmaker.step()
    assert hall.state() == "talking"
    assert (_row(hall).state, _row(hall).tries, _row(hall).live) == ("done", 1, None)
    assert hall.conversation().call == "callback-1"
    hall.queue.ended("callback-1", hall.now)
    hall.matchmaker.step()
    assert hall.conversation().ended_at is not None
    assert hall.kinds("callback-1") == ["offered", "called_back", "answered"]


def test_nobody_is_dialled_before_an_operator_is_free(hall: Hall) -> None:
    for number in ("+380671110007", "+380671110008", "+380671110009"):
        hall.due_callback(number)
    hall.pass_(10)
    assert hall.exchange.ringing == []
    hall.operator()
    hall.pass_(10)
    assert len(hall.exchange.ringing) == 1


def test_the_place_of_the_promise_is_kept(hall: Hall) -> None:
    hall.due_callback(entered_at=hall.clock() - timedelta(seconds=60))
    hall.caller("pbx1-5.5", entered=hall.now - 10)
    hall.pass_(6)
    hall.operator()
    assert hall.exchange.ringing[0].ticket.id == "callback-1"


def test_three_tries_five_minutes_apart_then_a_task(hall: Hall) -> None:
    _dialled(hall)
    for tries, how in enumerate(("busy", "no_answer", "failed"), start=1):
        token = hall.exchange.last.offer.token
        hall.matchmaker.called_back(token, how)
        hall.matchmaker.called_back(token, how)  # told twice
        assert hall.state() == "idle"
        assert len(hall.exchange.ringing) == tries
        assert _row(hall).tries == tries
        if tries < 3:
            assert _row(hall).next_at == hall.clock() + timedelta(seconds=300)
            hall.pass_(290)
            assert len(hall.exchange.ringing) == tries
            hall.pass_(20)
    row = _row(hall)
    assert (row.state, row.live) == ("failed", None)
    (task,) = hall.rows(Ticket)
    assert (task.type, task.reason, task.caller_number) == ("other", "callback_failed", row.number)
    hall.pass_(400)
    assert len(hall.exchange.ringing) == 3


def test_an_operator_who_does_not_come_costs_no_try(hall: Hall) -> None:
    token = _dialled(hall)
    hall.matchmaker.called_back(token, "operator_failed")
    hall.matchmaker.step()
    assert (_row(hall).state, _row(hall).tries) == ("due", 0)
    hall.operator("taras")
    hall.pass_(6)
    assert hall.exchange.last.operator.name == "taras"


def test_an_operator_who_declines_at_the_desk_costs_no_try(hall: Hall) -> None:
    token = _dialled(hall)
    hall.queue.unanswered(token, hall.now, "declined")
    hall.pass_(6)
    assert (_row(hall).state, _row(hall).tries) == ("due", 0)


def test_only_in_allowed_hours(hall: Hall) -> None:
    hall.clock.now = NIGHT
    _id = hall.due_callback()
    hall.operator()
    hall.pass_(30)
    assert hall.exchange.ringing == [] and hall.queue.ticket("callback-1") is None
    hall.clock.pass_(10 * 3600)
    hall.matchmaker.step()
    hall.matchmaker.step()
    assert hall.exchange.last.ticket.id == "callback-1"


def test_who_waited_at_night_and_chose_a_call_back_is_called_the_same_night(hall: Hall) -> None:
    hall.clock.now = NIGHT
    hall.due_callback(entered_at=NIGHT - timedelta(minutes=3))
    hall.pass_(6)
    assert hall.ticket("callback-1").state == "waiting"
    hall.pass_(2 * 3600)
    assert hall.ticket("callback-1").state == "done", "by now he sleeps again"


def test_at_closing_time_it_leaves_the_queue_and_comes_back_with_its_place(hall: Hall) -> None:
    hall.clock.now = datetime(2026, 10, 31, 17, 59, tzinfo=UTC)
    hall.due_callback()
    hall.pass_(10)
    entered = hall.ticket("callback-1").entered
    hall.pass_(60)
    assert hall.ticket("callback-1").outcome == "deflected"
    hall.clock.pass_(12 * 3600 + 3600)
    hall.matchmaker.step()
    assert hall.ticket("callback-1").state == "waiting"
    assert hall.ticket("callback-1").entered == entered


def test_a_number_that_is_not_allowed_any_more_is_given_up(hall: Hall) -> None:
    hall.due_callback("+380900123456")
    hall.operator()
    hall.pass_(6)
    assert hall.exchange.ringing == []
    assert _row(hall).state == "failed"
    assert hall.state() == "idle"
    (entry,) = hall.rows(Audit)
    assert (entry.what, entry.allowed, entry.details) == (
        "call_back", False, {"reason": "premium"},
    )  # fmt: skip


def test_a_cancelled_one_leaves_the_queue(hall: Hall) -> None:
    number = hall.due_callback()
    hall.pass_(6)
    with hall.store.session() as db:
        row = db.get(Callback, number)
        assert row is not None
        row.state, row.live = "cancelled", None
    hall.pass_(6)
    assert hall.ticket("callback-1").state == "done"


def test_taken_out_of_turn_by_an_operator(hall: Hall) -> None:
    number = hall.due_callback(next_at=hall.clock() + timedelta(seconds=200))
    hall.operator("taras", skills={"general": 5})
    hall.operator("olena", skills={"metering": 1})
    hall.queue.send({"do": "call_back", "callback": number, "operator": "olena"})
    hall.matchmaker.step()
    assert hall.exchange.last.ticket.id == "callback-1"


def test_a_promise_that_was_begun_by_a_matchmaker_that_died(hall: Hall) -> None:
    _dialled(hall)
    hall.matchmaker.close()
    hall.pass_(0)
    hall.matchmaker = hall.another()
    hall.clock.pass_(3)
    hall.matchmaker.lead()
    hall.matchmaker.step()
    assert _row(hall).state in ("due", "calling")
    hall.pass_(10)
    assert len(hall.exchange.ringing) == 2
    assert hall.exchange.last.ticket.id == "callback-1"


def test_once_a_number_even_when_the_conversation_is_over(hall: Hall) -> None:
    token = _dialled(hall)
    hall.matchmaker.called_back(token, "answered")
    hall.queue.ended("callback-1", hall.now)
    hall.pass_(60)
    assert len(hall.rows(Conversation)) == 1
    assert len(hall.exchange.ringing) == 1


def test_a_company_that_calls_at_other_hours(hall: Hall) -> None:
    odesa = hall.companies["odesa"]
    calling = replace(odesa.calling, hours=("22:00", "06:00"))
    hall.companies["odesa"] = replace(odesa, calling=calling)
    hall.due_callback()
    hall.operator()
    hall.pass_(6)
    assert hall.exchange.ringing == []
    hall.clock.now = NIGHT
    hall.pass_(6)
    assert len(hall.exchange.ringing) == 1
