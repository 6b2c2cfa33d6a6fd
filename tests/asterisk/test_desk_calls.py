"""Operators' telephones besides taking callers: sound test, consultation, transfer, call-back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.agent_queue.model import Offer, Operator, Ticket

pytestmark = pytest.mark.asterisk


def test_the_sound_test_sends_back_what_is_said(hall):
    anna = hall.operator("anna")
    talk = anna.call("echo")
    assert talk.state == "talking"
    anna.until(lambda: talk.heard > 50)
    anna.hang_up(talk)


@pytest.mark.parametrize("number", ["0501234567", "+380501234567", "100", "op-", "s"])
def test_an_operator_s_telephone_dials_no_numbers(hall, number):
    assert hall.operator("anna").call(number).status in {404, 484}


def test_operators_talk_with_each_other_and_the_token_goes_along(hall):
    anna, boris = hall.operator("anna"), hall.operator("boris")
    talk = anna.call("op-boris", "X-Press2-Token: consult-1")
    rung = boris.rung()
    assert rung.token == "consult-1"
    boris.until(lambda: rung.heard > 20)
    anna.until(lambda: talk.heard > 20)
    anna.hang_up(talk)
    boris.until(lambda: rung.state == "over")


def talk_with(hall, operator, dialled, token="call-1"):
    dialog, ticket, phone = hall.caller(dialled)
    hall.connect(ticket, operator.user.removeprefix("op-"), token)
    number = len(operator.dialogs) + 1
    rung = operator.rung(number)
    operator.until(lambda: rung.heard > 20)
    return dialog, ticket, phone, rung


@pytest.mark.parametrize("how", ["ended", "dropped"])
def test_a_caller_is_handed_over_and_comes_back_to_his_flow(hall, how):
    anna, boris = hall.operator("anna"), hall.operator("boris")
    dialog, ticket, phone, rung = talk_with(hall, anna, "4901")
    anna.hold(rung)
    consult = anna.call("op-boris", "X-Press2-Token: consult-1")
    other = boris.rung()
    assert anna.refer(rung, consult) == 202
    anna.until(lambda: any("200 OK" in body for body in rung.notified))
    anna.until(lambda: consult.state == "over")
    anna.hang_up(rung)
    heard, said = other.heard, dialog.heard
    boris.until(lambda: other.heard > heard + 20)
    phone.until(lambda: dialog.heard > said + 20)
    if how == "ended":
        boris.hang_up(other)
    else:
        boris.vanish()
    assert hall.told(ticket)["outcome"] == how


def test_a_caller_is_taken_from_his_operator_by_a_word(hall):
    anna = hall.operator("anna")
    _, ticket, _, rung = talk_with(hall, anna, "4902")
    hall.switch.tell(ticket, "transferred")
    anna.until(lambda: rung.state == "over")
    assert hall.told(ticket)["outcome"] == "transferred"


def test_a_recording_pauses(hall):
    anna = hall.operator("anna")
    dialog, ticket, phone = hall.caller("4903")
    hall.connect(ticket, "anna", "call-1", recording="talks/paused.wav")
    rung = anna.rung()
    anna.until(lambda: rung.heard > 20)
    talking = replace(ticket, token="call-1")
    hall.switch.pause_recording(talking, True)
    heard = rung.heard
    anna.until(lambda: rung.heard > heard + 50)
    hall.switch.pause_recording(talking, False)
    heard = rung.heard
    anna.until(lambda: rung.heard > heard + 50)
    anna.hang_up(rung)
    hall.told(ticket)
    sound = (hall.pbx.asterisk.run_dir / "recordings/talks/paused.wav").read_bytes()[44:]
    pause = sound.find(bytes(12_000), len(sound) - len(sound.lstrip(bytes(1))))
    assert pause > 0, "three quarters of a second of silence, after the talk was heard"
    assert any(sound[pause + 12_000 :]), "and the talk goes on to be recorded"


# ---------------------------------------------------------------------- outside


class Number:
    """A number that may be dialled."""

    def __init__(self, number):
        self.number = number


def test_a_caller_is_sent_out(hall, outside):
    anna = hall.operator("anna")
    dialog, ticket, phone, rung = talk_with(hall, anna, "4904")
    hall.switch.send_out(ticket, Number("+380501234567"))
    far = outside.rung()
    assert "sip:+380501234567@" in far.invite.first
    anna.until(lambda: rung.state == "over")
    outside.until(lambda: far.heard > 20)
    outside.hang_up(far)
    assert hall.told(ticket)["outcome"] == "ended"


def call_back(hall, token="callback-1.general.anna-1"):
    ticket = Ticket(
        "callback-1", "odesa", "general", 0.0, kind="callback", dialled="+380487059090", token=token
    )
    operator = Operator("anna", "odesa", endpoint="op-anna", node="pbx1")
    offer = Offer(token, "odesa", ticket.id, "anna", 0.0)
    hall.switch.call_back(ticket, operator, offer, Number("+380501234567"), 5, "talks/back.wav")
    return token


def test_a_call_back_rings_the_operator_first_then_the_customer(hall, outside):
    anna = hall.operator("anna", answers=False)
    token = call_back(hall)
    rung = anna.rung()
    assert rung.token == token
    assert not outside.dialogs
    anna.answer(rung)
    far = outside.rung()
    assert "sip:+380501234567@" in far.invite.first
    assert "+380487059090" in far.invite.headers["from"]
    hall.reports.wait("called_back", token, "answered")
    outside.until(lambda: far.heard > 20)
    live = hall.live("callback-1")
    assert (live.where, live.talking, live.token) == ("operator", True, token)
    outside.hang_up(far)
    anna.until(lambda: rung.state == "over")
    hall.reports.wait("gone", "callback-1")
    assert (hall.pbx.asterisk.run_dir / "recordings/talks/back.wav").stat().st_size > 4000


@pytest.mark.parametrize(
    ("status", "how"), [("486 Busy Here", "busy"), ("503 Service Unavailable", "failed")]
)
def test_a_customer_who_cannot_be_reached(hall, outside, status, how):
    outside.answers = False
    anna = hall.operator("anna")
    token = call_back(hall)
    outside.refuse(outside.rung(), status)
    hall.reports.wait("called_back", token, how)
    anna.until(lambda: anna.dialogs[0].state == "over")


def test_an_operator_who_does_not_answer_a_call_back(hall, outside):
    anna = hall.operator("anna", answers=False)
    token = call_back(hall)
    anna.refuse(anna.rung())
    hall.reports.wait("called_back", token, "operator_failed")
    assert not outside.dialogs


def test_an_operator_who_hangs_up_before_the_customer_is_there(hall, outside):
    outside.answers = False
    anna = hall.operator("anna")
    token = call_back(hall)
    far = outside.rung()
    anna.hang_up(anna.rung())
    hall.reports.wait("called_back", token, "operator_failed")
    outside.until(lambda: far.state == "over")
