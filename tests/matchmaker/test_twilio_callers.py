"""Callers whom Twilio holds, under the real matchmaker: its repairs, orders and call-backs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from exchange import Exchange
from matching import Hall, until
from twilio_rest import ACCOUNT, Rest

from ivr.agent_queue.model import Ticket
from ivr.channels.line import Clock
from ivr.channels.switchboard import Switchboard
from ivr.channels.twilio import dialling, lanes, rest
from ivr.channels.twilio.live import HeldCall, MemoryLiveCalls, follow
from ivr.channels.twilio.settings import NODE, TwilioSettings
from ivr.channels.twilio.switch import TwilioSwitch
from ivr.matchmaker import Listener, Matchmaker
from ivr.store.database import Store
from ivr.store.models import Callback, Conversation

A, B = "CA" + "a" * 32, "CA" + "b" * 32


class Asterisk(Exchange):
    """The simulated exchange, as one that reports."""

    def start(self, listener: Listener) -> None:
        """Nothing: the test reports."""

    def stop(self) -> None:
        """Nothing."""


class Calls(MemoryLiveCalls):
    """Calls that may not be readable."""

    away = False

    def all(self) -> Any:
        if self.away:
            raise redis.ConnectionError("no answer")
        return super().all()


class Straight:
    """Reports that reach the one dispatcher there is at once."""

    listener: Any = None

    def publish(self, kind: str, **values: str) -> None:
        getattr(self.listener, kind)(**values)

    def listen(self, listener: Listener, stop: Any) -> None:
        self.listener = listener
        stop.wait()


class Both(Hall):
    """A hall whose callers stand at an Asterisk or at Twilio; `web` does what the webhooks do."""

    def __init__(self, store: Store, clock: Clock, companies: Any) -> None:
        self.rest = Rest()
        self.live = Calls(lambda: clock().timestamp())
        self.settings = TwilioSettings(
            ACCOUNT, "secret", "https://ivr.example.com", self.rest.url,
            sip_address="pbx.example.com", sip_password="word",
        )  # fmt: skip
        self.asterisk = Asterisk()
        self.twilio: TwilioSwitch | None = None
        super().__init__(store, clock, companies)
        self.exchange = self.asterisk

    def another(self) -> Matchmaker:
        if self.twilio is not None:
            self.twilio.stop()
        numbers = {"odesa": "+380487059090"}
        self.reports = Straight()
        self.twilio = TwilioSwitch(
            self.settings, rest.client(self.settings), self.live, self.reports, numbers,
            pause=0.02, clock=lambda: self.now,
        )  # fmt: skip
        board = Switchboard(self.asterisk, self.twilio)
        matchmaker = Matchmaker(self.queue, board, self.store, self.companies, self.log, self.clock)
        board.start(matchmaker)
        assert until(lambda: self.reports.listener is not None)
        return matchmaker

    def close(self) -> None:
        assert self.twilio is not None
        self.rest.gate.set()
        self.twilio.stop()
        self.rest.close()

    def rings(self, call: str, turn: int = 3, number: str | None = "+380671110001") -> None:
        """Let a caller of Twilio's enter and stand in the wait; step."""
        self.live.put(call, HeldCall(turn, "wait"))
        ticket = Ticket(
            call, "odesa", "general", self.now, channel="twilio", node=NODE, number=number,
            dialled="+380487059090", language="uk",
        )  # fmt: skip
        self.queue.enter(ticket, self.now)
        self.matchmaker.step()

    def led(self, call: str, times: int = 1) -> dict[str, str]:
        """Wait until Twilio was asked so often to lead a call elsewhere; the last request."""
        assert until(lambda: len(self.rest.posts(f"/Calls/{call}")) >= times)
        asked = self.rest.posts(f"/Calls/{call}")
        assert len(asked) == times
        return asked[-1]

    def settled(self) -> None:
        """Wait until no request is on its way."""
        assert until(lambda: not self.twilio._whereabouts._expected)  # type: ignore[union-attr]

    def leg(self, status: str, **query: str) -> None:
        """Let Twilio tell the status of a leg."""
        found = dialling.leg_reports(query, {"CallStatus": status})
        follow(self.live, query["call"], found)
        for kind, values in found:
            self.reports.publish(kind, **values)
        self.matchmaker.step()

    def known(self, call: str) -> None:
        """Wait until the switch has seen a call in one of its rounds."""
        assert until(lambda: call in self.twilio._whereabouts._last)  # type: ignore[union-attr]

    def answers(self, call: str) -> str:
        """Let the operator whose telephone rings answer; the token."""
        self.settled()
        token = self.ticket(call).token
        self.leg("in-progress", token=token, call=call)
        return token

    def hangs_up(self, call: str) -> None:
        """Let the caller hang up, as the status of his call tells it."""
        self.live.drop(call)
        self.reports.publish("gone", call=call)
        self.matchmaker.step()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "PAUSES", (0.01, 0.02, 0.05, 0.1, 0.2))


@pytest.fixture
def both(house: Any, demo_store: Store, clock: Clock) -> Iterator[Both]:
    both = Both(demo_store, clock, house.companies)
    yield both
    both.queue.away_now = False
    assert both.queue.audit("odesa", both.now) == []
    both.matchmaker.close()
    both.close()


def _killed(both: Both, seconds: float = 4.0) -> None:
    """The matchmaker dies; another one acts some seconds later."""
    both.matchmaker.close()
    both.clock.pass_(seconds)
    both.matchmaker = both.another()
    both.matchmaker.lead()
    both.matchmaker.step()


# ---------------------------------------------------------------------- the main road


def test_one_queue_and_one_order(both: Both) -> None:
    both.rings(A)
    both.clock.pass_(5)
    both.caller("pbx1-1.1")
    both.clock.pass_(5)
    both.rings(B)
    both.operator()
    assert "sip:op-olena@pbx.example.com?" in both.led(A)["Twiml"]
    assert both.asterisk.ringing == []
    both.answers(A)
    assert both.state() == "talking"
    both.hangs_up(A)
    assert both.ticket(A).outcome == "answered"
    both.pass_(31)
    assert both.exchange.last.ticket.id == "pbx1-1.1"
    both.answer()
    both.queue.ended("pbx1-1.1", both.now)
    both.pass_(31)
    both.led(B)
    assert [row.call for row in both.rows(Conversation)] == [A, "pbx1-1.1"]


def test_two_callers_at_once(both: Both) -> None:
    both.rings(A)
    both.rings(B)
    both.operator("olena", status="paused")
    both.operator("taras", status="paused")
    for name in ("olena", "taras"):
        both.queue.set_status("odesa", name, "ready", both.now)
    both.matchmaker.step()
    rung = both.led(A)["Twiml"] + both.led(B)["Twiml"]
    assert "sip:op-olena@" in rung and "sip:op-taras@" in rung


def test_nobody_answers_and_nobody_tells(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.operator("taras")
    both.pass_(26)
    assert (both.ticket(A).state, both.ticket(A).operator) == ("ringing", "taras")
    assert "sip:op-taras@" in both.led(A, 2)["Twiml"]
    olena = both.queue.operator("odesa", "olena")
    assert olena is not None and (olena.status, olena.reason) == ("paused", "no_answer")


def test_an_operator_declines(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.settled()
    both.leg("busy", token=both.ticket(A).token, call=A)
    assert both.ticket(A).state == "waiting"
    assert both.details("unanswered")["why"] == "declined"


def test_an_announcement(both: Both) -> None:
    both.operator(status="paused")
    both.rings(A)
    both.queue.promise(A, 600.0, both.now)
    both.queue.set_status("odesa", "olena", "ready", both.now)
    both.queue.set_status("odesa", "olena", "paused", both.now)
    both.pass_(60)
    assert both.live.pended(A) == "announce"
    assert both.rest.posts() == []


def test_passed_on_to_another_queue(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.answers(A)
    both.queue.transfer(A, both.now, queue="emergency")
    both.queue.send({"do": "tell", "ticket": A, "outcome": "transferred"})
    both.matchmaker.step()
    assert both.led(A, 2)["Url"].endswith(f"/twilio/told/{A}/3?outcome=transferred")
    both.settled()
    assert both.live.all()[A].where == "flow"
    assert both.ticket(A).state == "waiting" and both.state() == "wrap_up"
    both.operator("taras", skills={"emergency": 3})
    assert "sip:op-taras@" in both.led(A, 3)["Twiml"]


def test_passed_on_to_a_number(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.answers(A)
    both.queue.send({"do": "send_out", "ticket": A, "number": "067 111 00 09"})
    both.matchmaker.step()
    assert "+380671110009" in both.led(A, 2)["Twiml"]
    assert both.ticket(A).outcome == "answered" and both.kinds()[-1] == "transferred"


def test_the_operator_vanishes_and_returns(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.answers(A)
    both.pass_(10)
    both.matchmaker.phone_lost("op-olena", "pbx1")
    both.matchmaker.dropped(A)
    assert both.ticket(A).state == "broken"
    both.live.put(A, HeldCall(4, "wait"))  # his flow let him wait again
    both.matchmaker.phone_found("op-olena", "pbx1")
    both.matchmaker.step()
    assert f"/twilio/over/{A}/4?" in both.led(A, 2)["Twiml"]
    both.answers(A)
    assert len(both.rows(Conversation)) == 2


# ---------------------------------------------------------------------- Twilio says no, or nothing


def test_a_refused_connection_goes_on_to_the_next_operator(both: Both) -> None:
    both.rest.faults.append((400, 21218))
    both.rings(A)
    both.operator()
    both.led(A)
    assert until(lambda: both.ticket(A).state == "waiting")
    assert both.state() == "disconnected"
    both.operator("taras")
    assert "sip:op-taras@" in both.led(A, 2)["Twiml"]


def test_rest_out_of_reach_is_no_fault_of_the_operator(both: Both) -> None:
    both.rest.broken = True
    both.rings(A)
    both.operator()
    assert until(lambda: "unanswered" in both.kinds(A))
    assert both.details("unanswered")["why"] == "unreached"
    olena = both.queue.operator("odesa", "olena")
    assert olena is not None and olena.status == "ready"
    assert olena.state in ("idle", "offered")
    entered = both.ticket(A).entered
    both.pass_(8)  # offered, but not claimed: it goes back by itself
    assert both.ticket(A).state in ("waiting", "offered")
    asked = len(both.rest.posts())
    both.rest.broken = False
    assert until(lambda: bool(both.twilio.nodes()))  # type: ignore[union-attr]
    both.pass_(6)
    assert until(lambda: len(both.rest.posts()) == asked + 1)
    both.answers(A)
    assert both.state() == "talking" and both.ticket(A).entered == entered


def test_an_operator_serves_the_others_meanwhile(both: Both) -> None:
    both.operator()
    both.operator("taras")
    both.rest.broken = True
    both.rings(A)
    assert until(lambda: "unanswered" in both.kinds(A))
    both.caller("pbx1-1.1")
    assert both.exchange.last.ticket.id == "pbx1-1.1"


def test_who_hung_up_before_he_was_connected(both: Both) -> None:
    both.rest.over.add(A)
    both.rings(A)
    both.operator()
    both.led(A)
    assert until(lambda: both.ticket(A).outcome == "abandoned")
    both.matchmaker.step()
    assert both.state() == "idle"


def test_a_hang_up_that_nobody_told(both: Both) -> None:
    both.rings(A)
    both.rest.over.add(A)
    both.pass_(200)
    assert until(lambda: both.ticket(A).outcome == "abandoned")
    assert both.rows(Callback) == []


# ---------------------------------------------------------------------- what is repaired


def test_killed_between_the_claim_and_the_request(both: Both) -> None:
    both.operator(status="paused")
    both.rings(A)
    both.queue.set_status("odesa", "olena", "ready", both.now)
    (offer,) = both.queue.offers()
    both.queue.ring(offer.token, both.now)  # and dead
    _killed(both)
    assert f"token={offer.token}" in both.led(A)["Twiml"]


def test_a_request_that_waits_is_not_made_twice(both: Both) -> None:
    both.rest.gate.clear()
    both.rings(A)
    both.operator()
    both.pass_(3)
    both.matchmaker.resync()
    both.pass_(3)
    both.rest.gate.set()
    both.led(A)
    both.settled()
    both.led(A)


def test_answered_while_nobody_listened(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.settled()
    both.live.put(A, HeldCall(3, "operator", both.ticket(A).token, talking=True))
    _killed(both)
    assert both.ticket(A).state == "talking"
    assert both.conversation().operator == "olena"


def test_an_answer_that_was_lost_is_told_by_the_end_of_the_talk(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.settled()
    token = both.ticket(A).token
    both.pass_(10)
    for kind, values in dialling.over_reports({"token": token}, {"DialCallStatus": "completed"}):
        both.reports.publish(kind, **values)
    both.queue.ended(A, both.now)
    both.matchmaker.step()
    both.pass_(6)
    assert both.conversation().token == token
    assert both.conversation().ended_at == both.conversation().answered_at


def test_a_talk_that_ended_while_nobody_listened(both: Both) -> None:
    both.rings(A)
    both.operator()
    both.led(A)
    both.answers(A)
    both.live.drop(A)
    _killed(both)
    assert both.ticket(A).outcome == "answered" and both.state() == "wrap_up"
    assert both.rows(Callback) == []


def test_one_who_waits_without_a_ticket_enters_again(both: Both) -> None:
    both.live.put(A, HeldCall(3, "wait"))
    both.matchmaker.resync()
    both.matchmaker.step()
    assert both.live.pended(A) == "announce"


def test_nothing_is_concluded_of_calls_that_cannot_be_read(both: Both) -> None:
    both.rings(A)
    both.caller("pbx1-1.1")
    both.live.away = True
    both.live.drop(A)
    both.asterisk.live.clear()
    _killed(both)
    assert both.ticket(A).state == "waiting"
    assert both.ticket("pbx1-1.1").outcome == "abandoned"
    both.live.away = False

    def noticed() -> bool:
        both.matchmaker.step()
        return both.ticket(A).outcome == "abandoned"

    assert until(noticed)


def test_an_exchange_that_comes_up_while_its_calls_are_read(both: Both) -> None:
    """Its list was made before it was there: nothing is concluded of it in this round."""
    both.caller("pbx1-1.1")
    both.clock.pass_(4)
    kept, found = both.asterisk.live, iter([{}, {"pbx1": 1.0}])
    both.asterisk.live = {}
    both.asterisk.nodes = lambda: next(found)  # type: ignore[method-assign]
    both.matchmaker.resync()
    both.matchmaker.step()
    assert both.ticket("pbx1-1.1").state == "waiting"
    both.asterisk.live = kept
    del both.asterisk.nodes


def test_the_queue_is_away_for_long(both: Both) -> None:
    both.rings(A)
    both.caller("pbx1-1.1")
    both.pass_(6)
    both.known(A)
    both.queue.away_now = True
    both.live.away = True
    both.pass_(22)
    assert both.led(A)["Url"].endswith(f"/told/{A}/3?outcome=unavailable")
    assert both.asterisk.told == [("pbx1-1.1", "unavailable")]
    both.queue.away_now = both.live.away = False
    both.pass_(1)
    assert both.ticket(A).outcome == both.ticket("pbx1-1.1").outcome == "deflected"


# ---------------------------------------------------------------------- call-backs


def _dialled(both: Both) -> dict[str, str]:
    """Let a promise fall due with an operator free; how Twilio names it to us."""
    both.due_callback()
    both.operator()
    both.pass_(6)
    assert until(lambda: len(both.rest.posts("/Calls")) == 1)
    both.settled()
    return {"token": both.ticket("callback-1").token, "call": "callback-1"}


def test_a_call_back(both: Both) -> None:
    query = _dialled(both)
    both.leg("in-progress", kind="callback", **query)
    assert both.ticket("callback-1").state == "ringing"
    both.leg("in-progress", kind="customer", **query)
    assert both.ticket("callback-1").state == "talking"
    assert both.rows(Callback)[0].state == "done"
    both.pass_(60)
    both.leg("completed", kind="customer", **query)
    both.leg("completed", kind="callback", **query)
    assert both.ticket("callback-1").outcome == "answered" and both.state() == "wrap_up"
    assert both.kinds().count("called_back") == 1
    assert both.live.all() == {}


@pytest.mark.parametrize("lost", ["customer", "dial"])
def test_a_customer_who_is_busy(both: Both, lost: str) -> None:
    query = _dialled(both)
    both.leg("in-progress", kind="callback", **query)
    if lost != "customer":
        both.leg("busy", kind="customer", **query)
    if lost != "dial":
        for kind, values in dialling.callback_reports(query, {"DialCallStatus": "busy"}):
            both.reports.publish(kind, **values)
    both.leg("completed", kind="callback", **query)
    (row,) = both.rows(Callback)
    assert (row.state, row.tries) == ("due", 1)
    assert both.details("called_back")["how"] == "busy"
    assert both.kinds().count("called_back") == 1
    assert both.state() == "idle"


def test_an_operator_who_does_not_come(both: Both) -> None:
    query = _dialled(both)
    both.leg("no-answer", kind="callback", **query)
    (row,) = both.rows(Callback)
    assert (row.state, row.tries) == ("due", 0)
    olena = both.queue.operator("odesa", "olena")
    assert olena is not None and olena.status == "paused"


def test_a_call_back_answered_while_nobody_listened(both: Both) -> None:
    query = _dialled(both)
    both.live.put("callback-1", HeldCall(0, "operator", query["token"], talking=True))
    _killed(both)
    assert both.ticket("callback-1").state == "talking"
    both.live.drop("callback-1")
    both.clock.pass_(3)
    _killed(both)
    assert both.ticket("callback-1").outcome == "answered"


def test_a_call_back_over_twilio_that_cannot_be_read_is_not_given_up(both: Both) -> None:
    _dialled(both)
    both.live.away = True
    both.clock.pass_(3)
    both.matchmaker.resync()
    both.matchmaker.step()
    assert both.ticket("callback-1").state == "ringing"


def test_a_call_back_that_twilio_refuses_becomes_a_task_in_the_end(both: Both) -> None:
    both.rest.faults.extend([(400, 21210)] * 3)
    both.due_callback()
    both.operator()
    for tries in (1, 2, 3):
        both.pass_(6)
        assert until(lambda tries=tries: both.rows(Callback)[0].tries == tries)
        both.clock.pass_(301)
    assert both.rows(Callback)[0].state != "due"
    assert both.state() == "idle"
