"""Asterisk and Twilio behind one switch: who is asked for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.channels.switchboard import Switchboard
from ivr.channels.twilio.settings import NODE
from ivr.destination import Calling, destination
from ivr.errors import Press2Error
from ivr.matchmaker import LiveCall, SwitchDown

OUTSIDE = destination("+380671110009", Calling(allow=("+380",)), "UA")
OFFER = Offer("t", "odesa", "c", "olena", 0.0)
OPERATOR = Operator("olena", "odesa", node="pbx1", endpoint="op-olena")


@dataclass
class Side:
    """An exchange that writes down what it is asked for: (word, call, node)."""

    started: dict[str, float]
    asked: list[tuple[str, ...]] = field(default_factory=list)
    live: list[LiveCall] = field(default_factory=list)

    def _ticket(self, word: str, ticket: Ticket) -> None:
        self.asked.append((word, ticket.id, ticket.node))

    def start(self, listener: Any) -> None:
        self.asked.append(("start", listener))

    def stop(self) -> None:
        self.asked.append(("stop",))

    def connect(self, ticket: Ticket, *given: Any) -> None:
        self._ticket("connect", ticket)

    def tell(self, ticket: Ticket, outcome: str) -> None:
        self._ticket("tell", ticket)

    def send_out(self, ticket: Ticket, destination: Any, ring: float = 60.0) -> None:
        self._ticket("send_out", ticket)

    def call_back(self, ticket: Ticket, *given: Any) -> None:
        self._ticket("call_back", ticket)

    def hang_up(self, ticket: Ticket) -> None:
        self._ticket("hang_up", ticket)

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        self._ticket("pause_recording", ticket)

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        self.asked.append(("admit_phone", operator.name))

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        self.asked.append(("dismiss_phone", operator_endpoint))

    def ears(self) -> Any:
        return self

    def calls(self) -> list[LiveCall]:
        return self.live

    def nodes(self) -> Mapping[str, float]:
        return self.started


@pytest.fixture
def asterisk() -> Side:
    return Side({"pbx1": 5.0, "pbx2": 6.0})


@pytest.fixture
def twilio() -> Side:
    return Side({NODE: 0.0})


def _ticket(node: str, kind: str = "call") -> Ticket:
    name = "callback-17" if kind == "callback" else f"{node}-1"
    return Ticket(name, "odesa", "general", 1.0, node=node, kind=kind)


def _all(board: Switchboard, ticket: Ticket) -> None:
    """Do everything with a call."""
    board.connect(ticket, OPERATOR, OFFER, 20.0, "")
    board.tell(ticket, "announce")
    board.send_out(ticket, OUTSIDE)
    board.hang_up(ticket)
    board.pause_recording(ticket, True)


WORDS = ["connect", "tell", "send_out", "hang_up", "pause_recording"]


def test_whoever_holds_the_call_is_asked(asterisk: Side, twilio: Side) -> None:
    board = Switchboard(asterisk, twilio)
    _all(board, _ticket("pbx2"))
    assert asterisk.asked == [(word, "pbx2-1", "pbx2") for word in WORDS]
    assert twilio.asked == []


def test_a_twilio_caller_is_recorded_by_the_operator_s_asterisk(
    asterisk: Side, twilio: Side
) -> None:
    _all(Switchboard(asterisk, twilio), _ticket(NODE))
    assert twilio.asked == [(word, "twilio-1", NODE) for word in WORDS[:-1]]
    pauses = [("pause_recording", "twilio-1", node) for node in ("pbx1", "pbx2")]
    assert asterisk.asked == pauses


def test_or_by_twilio_where_operators_have_its_browser_phones(asterisk: Side, twilio: Side) -> None:
    _all(Switchboard(asterisk, twilio, recorded=True), _ticket(NODE))
    assert [word for word, *_ in twilio.asked] == WORDS
    assert asterisk.asked == []


@pytest.mark.parametrize(
    ("trunk", "recorded", "there"),
    [(True, False, True), (False, False, False), (True, True, False), (False, True, False)],
)
def test_call_backs_go_over_the_trunk_where_there_is_one(
    asterisk: Side, twilio: Side, trunk: bool, recorded: bool, there: bool
) -> None:
    board = Switchboard(asterisk, twilio, trunk=trunk, recorded=recorded)
    ticket = _ticket("", "callback")
    board.call_back(ticket, OPERATOR, OFFER, OUTSIDE, 20.0, "")
    board.hang_up(ticket)
    at = asterisk if there else twilio
    assert at.asked[0] == ("call_back", "callback-17", "")
    assert [word for word, *_ in at.asked[1:]] == ["hang_up"] * (2 if there else 1)
    assert (twilio if there else asterisk).asked == []


def test_telephones_are_asterisk_s(asterisk: Side, twilio: Side) -> None:
    board = Switchboard(asterisk, twilio)
    board.admit_phone(OPERATOR, "d", 1.0)
    board.dismiss_phone("op-olena", "pbx1")
    assert asterisk.asked == [("admit_phone", "olena"), ("dismiss_phone", "op-olena")]
    assert twilio.asked == []


def test_both_begin_and_end(asterisk: Side, twilio: Side) -> None:
    board = Switchboard(asterisk, twilio)
    listener: Any = "listener"
    board.start(listener)
    board.stop()
    assert asterisk.asked == twilio.asked == [("start", "listener"), ("stop",)]


def test_what_there_is(asterisk: Side, twilio: Side) -> None:
    board = Switchboard(asterisk, twilio)
    asterisk.live = [LiveCall("pbx1-1", "pbx1", "", "wait")]
    twilio.live = [LiveCall("CA1", NODE, "", "wait")]
    assert [live.call for live in board.calls()] == ["pbx1-1", "CA1"]
    assert board.nodes() == {"pbx1": 5.0, "pbx2": 6.0, NODE: 0.0}
    twilio.started = {}
    assert board.nodes() == {"pbx1": 5.0, "pbx2": 6.0}
    asterisk.started = {}
    assert board.nodes() == {}


def test_without_an_asterisk(twilio: Side) -> None:
    board = Switchboard(None, twilio, recorded=True)
    board.admit_phone(OPERATOR, "d", 1.0)
    board.dismiss_phone("op-olena", "")
    _all(board, _ticket(NODE))
    assert [word for word, *_ in twilio.asked] == WORDS
    assert board.nodes() == {NODE: 0.0}
    for do in (lambda: board.tell(_ticket("pbx1"), "ok"), lambda: board.hang_up(_ticket("pbx1"))):
        with pytest.raises(SwitchDown):
            do()


def test_no_exchange_to_pause_at(asterisk: Side, twilio: Side) -> None:
    asterisk.started = {}
    with pytest.raises(SwitchDown):
        Switchboard(asterisk, twilio).pause_recording(_ticket(NODE), True)


def test_an_asterisk_caller_does_not_reach_a_browser_phone_of_twilio_s(
    asterisk: Side, twilio: Side
) -> None:
    there = Operator("olena", "odesa", node=NODE, endpoint="op-olena")
    with pytest.raises(Press2Error):
        Switchboard(asterisk, twilio).connect(_ticket("pbx1"), there, OFFER, 20.0, "")
    assert asterisk.asked == []
