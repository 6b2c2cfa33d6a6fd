"""Somebody in danger and the dispatcher's telephone, over a real Asterisk and SIP."""

from __future__ import annotations

import pytest
from hall import until
from test_queue_call import floor  # noqa: F401 - a fixture
from test_reading_call import odesa, spoken  # noqa: F401 - fixtures

from ivr.destination import Calling, destination

pytestmark = pytest.mark.asterisk

DISPATCHER = destination("+380487059091", Calling(allow=("+380",)), "UA")


def test_he_is_put_through_and_they_hear_each_other(hall, outside):
    outside.answers = False
    dialog, ticket, phone = hall.caller("4911")
    hall.switch.send_out(ticket, DISPATCHER, 20)
    far = outside.rung()
    assert "sip:+380487059091@" in far.invite.first
    assert (hall.live(ticket.id).where, hall.live(ticket.id).talking) == ("outside", False)
    assert "outside" not in hall.reports.names()
    outside.answer(far)
    hall.reports.wait("outside", ticket.id)
    said = dialog.heard
    outside.until(lambda: far.heard > 20)
    phone.until(lambda: dialog.heard > said + 20)
    assert hall.live(ticket.id).talking
    outside.hang_up(far)
    assert hall.told(ticket)["outcome"] == "ended"


def test_the_dispatcher_is_busy(hall, outside):
    outside.answers = False
    _, ticket, _ = hall.caller("4912")
    hall.switch.send_out(ticket, DISPATCHER, 20)
    outside.refuse(outside.rung())
    assert hall.told(ticket)["outcome"] == "unavailable"
    assert "outside" not in hall.reports.names()


def test_the_dispatcher_does_not_answer(hall, outside):
    outside.answers = False
    _, ticket, _ = hall.caller("4913")
    hall.switch.send_out(ticket, DISPATCHER, 2)
    far = outside.rung()
    assert hall.told(ticket)["outcome"] == "unavailable"
    outside.until(lambda: far.state == "over")


def test_an_operator_who_is_free_first_gets_him(hall, outside):
    outside.answers = False
    anna = hall.operator("anna")
    dialog, ticket, phone = hall.caller("4914")
    hall.switch.send_out(ticket, DISPATCHER, 20)
    far = outside.rung()
    hall.connect(ticket, "anna", "call-1")
    rung = anna.rung()
    anna.until(lambda: rung.heard > 20)
    said = dialog.heard
    phone.until(lambda: dialog.heard > said + 20)
    outside.until(lambda: far.state == "over")
    anna.hang_up(rung)
    assert hall.told(ticket)["outcome"] == "ended"


def test_he_hangs_up_while_it_rings(hall, outside):
    outside.answers = False
    dialog, ticket, phone = hall.caller("4915")
    hall.switch.send_out(ticket, DISPATCHER, 20)
    far = outside.rung()
    phone.hang_up(dialog)
    hall.reports.wait("gone", ticket.id)
    outside.until(lambda: far.state == "over")


def test_nobody_answers_in_time(floor, outside):  # noqa: F811
    floor.operator("anna", "danger")  # on duty, and busy with something else
    call = floor.ring("+380487059090", "1", "1", hang_up=False)
    call.hears("main_greeting")
    call.press()
    call.hears("outage_danger")
    call.press()
    # The warning, twenty seconds in the queue, and the words that name the number.
    outside.until(lambda: outside.dialogs, 90)
    far = outside.rung()
    assert "sip:+380487059091@" in far.invite.first
    until(lambda: floor.queue.ticket(call.call).state == "done")
    assert floor.queue.ticket(call.call).outcome == "deflected"
    outside.hang_up(far)
    call.hears("goodbye")
