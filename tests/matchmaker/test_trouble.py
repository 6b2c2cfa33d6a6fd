"""The store or an exchange fails at the worst moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from matching import Hall
from sqlalchemy.orm import Session

from ivr.matchmaker import SwitchDown
from ivr.store.models import Callback, Conversation


@contextmanager
def _store_away(hall: Hall) -> Iterator[None]:
    """Let every transaction fail as one does that waited for a lock too long."""

    @contextmanager
    def session(*, read_only: bool = False) -> Iterator[Session]:
        raise TimeoutError("another thread has been writing to the store for too long")
        yield

    hall.store.session, good = session, hall.store.session  # type: ignore[method-assign]
    try:
        yield
    finally:
        hall.store.session = good  # type: ignore[method-assign]


def test_a_talk_is_filed_when_the_store_is_back(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    with _store_away(hall):
        token = hall.answer()
        assert hall.state() == "talking"
        hall.pass_(20)
    hall.pass_(6)
    assert hall.conversation().token == token
    assert hall.details("answered")["waited"] == 0.0


def test_so_is_its_end(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.pass_(10)
    ended = hall.clock()
    with _store_away(hall):
        hall.queue.ended("pbx1-1.1", hall.now)
        hall.pass_(10)
    hall.pass_(6)
    assert hall.conversation().ended_at == ended


def test_callers_are_connected_and_call_backs_wait(hall: Hall) -> None:
    hall.due_callback()
    hall.pass_(6)
    with _store_away(hall):
        hall.operator()
        assert hall.exchange.ringing == []
        hall.operator("taras")
        hall.caller()
        assert hall.exchange.last.ticket.id == "pbx1-1.1"
        hall.pass_(10)
    hall.matchmaker.resync()
    hall.pass_(10)
    assert {ringing.ticket.id for ringing in hall.exchange.ringing} == {"pbx1-1.1", "callback-1"}


def test_a_resync_waits_for_the_store(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.exchange.last.offer.token
    hall.exchange.stand("pbx1-1.1", "operator", token=token)
    hall.pass_(3)
    with _store_away(hall):
        hall.matchmaker.resync()
        hall.matchmaker.step()
    hall.pass_(6)
    assert hall.ticket("pbx1-1.1").state == "talking"
    assert hall.conversation().token == token


@pytest.mark.parametrize("kind", ["call", "callback"])
def test_lost_between_the_claim_and_the_ringing(
    hall: Hall, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks in the very action; the caller stands in the wait as before."""

    def fails(*_given: object) -> None:
        raise SwitchDown("broken pipe")

    name = {"call": "connect", "callback": "call_back"}[kind]
    with monkeypatch.context() as broken:
        broken.setattr(hall.exchange, name, fails)
        if kind == "call":
            hall.caller()
        else:
            hall.due_callback()
            hall.pass_(6)
        hall.operator()
        assert hall.exchange.ringing == []
    hall.pass_(10)
    assert len(hall.exchange.ringing) == 1
    if kind == "callback":
        assert hall.rows(Callback)[0].tries == 0


def test_a_call_back_answered_while_nobody_listened(hall: Hall) -> None:
    hall.due_callback()
    hall.operator()
    hall.pass_(6)
    last = hall.exchange.last
    hall.exchange.stand("callback-1", "operator", token=last.offer.token)
    hall.matchmaker.resync()
    hall.pass_(4)
    assert hall.rows(Callback)[0].state == "done"
    assert hall.ticket("callback-1").state == "talking"
    hall.exchange.live.clear()
    hall.matchmaker.resync()
    hall.pass_(3)
    assert hall.ticket("callback-1").outcome == "answered"


def test_a_talk_whose_caller_is_back_in_the_wait(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.exchange.stand("pbx1-1.1", "wait")
    hall.pass_(3)
    hall.matchmaker.resync()
    hall.matchmaker.step()
    assert hall.ticket("pbx1-1.1").outcome == "answered"
    assert hall.exchange.told == [("pbx1-1.1", "announce")]


def test_one_ticket_that_cannot_be_repaired_keeps_no_other_from_it(hall: Hall) -> None:
    hall.exchange.unsendable.add("op-olena")
    hall.operator(status="paused")
    hall.caller("pbx1-1.1")
    hall.caller("pbx1-2.2", number=None)
    hall.queue.set_status("odesa", "olena", "ready", hall.now)
    (offer,) = hall.queue.offers()
    hall.queue.ring(offer.token, hall.now)
    del hall.exchange.live["pbx1-2.2"]
    hall.clock.pass_(3)
    hall.matchmaker.resync()
    hall.matchmaker.step()
    assert hall.ticket("pbx1-2.2").state == "done"


def test_an_exchange_that_fails_while_callers_are_led_out(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall.caller()
    hall.queue.away_now = True

    def fails(*_given: object) -> None:
        raise SwitchDown("broken pipe")

    with monkeypatch.context() as broken:
        broken.setattr(hall.exchange, "tell", fails)
        hall.pass_(30)
    hall.pass_(1)
    assert hall.exchange.told == [("pbx1-1.1", "unavailable")]


def test_an_answer_that_comes_too_late_opens_nothing(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.exchange.last.offer.token
    hall.queue.unanswered(token, hall.now)
    hall.matchmaker.answered(token)
    hall.matchmaker.answered("odesa.forged.pbx1-1.1")
    assert hall.rows(Conversation) == []


def test_a_caller_put_back_into_another_language_keeps_his_ticket(hall: Hall) -> None:
    hall.caller()
    hall.queue.enter(replace(hall.ticket("pbx1-1.1"), language="en"), hall.now)
    hall.matchmaker.waiting("pbx1-1.1", "pbx1", "PJSIP/pbx1-1.1")
    assert hall.exchange.told == []
    assert hall.ticket("pbx1-1.1").language == "en"
