"""Callers who wait and are put through, in a real Asterisk; the test is the matchmaker."""

from __future__ import annotations

import wave

import pytest
from hall import until

from ivr.agent_queue.model import Ticket

pytestmark = pytest.mark.asterisk


def test_a_caller_waits_with_music_and_without_a_worker(hall):
    dialog, ticket, phone = hall.caller("4801")
    waits = (hall.pbx.folder / "queue").read_text().split()
    assert waits == [ticket.id, ticket.leg, "pbx1"]
    before = dialog.heard
    phone.until(lambda: dialog.heard > before + 50)
    (live,) = hall.switch.calls()
    assert (live.call, live.where, live.talking) == (ticket.id, "wait", False)
    hall.pbx.kill_workers()
    before = dialog.heard
    phone.until(lambda: dialog.heard > before + 50)


def test_a_key_in_the_wait_answers_the_open_turn(hall):
    _, ticket, phone = hall.caller("4802")
    phone.press(phone.dialogs[0], "6")
    assert hall.told(ticket) == {"kind": "keys", "text": "6"}


def test_keys_typed_ahead_are_not_lost(hall):
    phone = hall.phone()
    dialog = phone.call("4803")
    phone.until(lambda: dialog.heard > 3)
    phone.press(dialog, "26")
    (live,) = hall.switch.calls()
    assert [event["text"] for event in hall.heard(live.call, 2)] == ["2", "6"]


def test_an_operator_talks_with_the_caller_and_hangs_up(hall):
    anna = hall.operator("anna", answers=False)
    dialog, ticket, phone = hall.caller("4804")
    hall.connect(ticket, "anna", recording="talks/a.wav")
    rung = anna.rung()
    assert rung.token == "call-1.general.a-1"
    assert "0671110001" in rung.remote
    anna.answer(rung)
    hall.reports.wait("answered", "call-1.general.a-1")
    before = dialog.heard
    anna.until(lambda: rung.heard > 50)
    phone.until(lambda: dialog.heard > before + 50)
    (live,) = hall.switch.calls()
    assert (live.where, live.talking, live.token) == ("operator", True, "call-1.general.a-1")
    anna.hang_up(rung)
    assert hall.told(ticket) == {"kind": "operator", "outcome": "ended"}
    assert dialog.state == "talking"
    path = hall.pbx.asterisk.run_dir / "recordings/talks/a.wav"
    with wave.open(str(path)) as sound:
        assert sound.getframerate() == 8000
        assert sound.getnframes() > 4000
        assert any(sound.readframes(4000))


def test_one_who_does_not_answer(hall):
    anna = hall.operator("anna", answers=False)
    _, ticket, _ = hall.caller("4805")
    hall.connect(ticket, "anna", ring=1)
    rung = anna.rung()
    hall.reports.wait("unanswered", "call-1.general.a-1", "no_answer")
    assert hall.told(ticket) == {"kind": "operator", "outcome": "no_answer"}
    anna.until(lambda: rung.state == "over")


def test_one_who_declines(hall):
    anna = hall.operator("anna", answers=False)
    _, ticket, _ = hall.caller("4806")
    hall.connect(ticket, "anna")
    anna.refuse(anna.rung())
    hall.reports.wait("unanswered", "call-1.general.a-1", "declined")
    assert hall.told(ticket)["outcome"] == "no_answer"


def test_one_whose_telephone_is_not_there(hall):
    _, ticket, _ = hall.caller("4807")
    hall.connect(ticket, "nobody")
    hall.reports.wait("unanswered", "call-1.general.a-1", "failed")
    assert hall.told(ticket)["outcome"] == "no_answer"


def test_an_operator_whose_network_is_gone_is_missed_at_once(hall):
    anna = hall.operator("anna")
    _, ticket, _ = hall.caller("4808")
    hall.connect(ticket, "anna")
    rung = anna.rung()
    anna.until(lambda: rung.heard > 20)
    anna.vanish()
    hall.reports.wait("dropped", ticket.id)
    assert hall.told(ticket)["outcome"] == "dropped"


@pytest.mark.parametrize("mode", ["sendonly", "inactive"])
def test_a_caller_on_hold_hears_music_and_is_kept(hall, mode):
    anna = hall.operator("anna")
    dialog, ticket, phone = hall.caller("4809")
    hall.connect(ticket, "anna")
    rung = anna.rung()
    anna.until(lambda: rung.heard > 20)
    anna.hold(rung, mode)
    before = dialog.heard
    phone.until(lambda: dialog.heard > before + 150)
    anna.hold(rung, "sendrecv")
    heard = rung.heard
    anna.until(lambda: rung.heard > heard + 20)
    anna.hang_up(rung)
    assert hall.told(ticket)["outcome"] == "ended"


def test_hanging_up_in_the_wait_is_told(hall):
    dialog, ticket, phone = hall.caller("4810")
    phone.hang_up(dialog)
    hall.reports.wait("gone", ticket.id)
    until(lambda: hall.state(ticket)["closed"] == "hangup")
    mark = len(hall.reports.all)
    hall.connect(ticket, "anna")
    hall.reports.wait("gone", ticket.id, after=mark)


def test_a_word_from_outside_leads_back_to_the_flow(hall):
    _, ticket, _ = hall.caller("4811")
    hall.switch.tell(ticket, "announce")
    assert hall.told(ticket) == {"kind": "operator", "outcome": "announce"}


def test_a_call_can_be_ended(hall):
    dialog, ticket, phone = hall.caller("4812")
    hall.switch.hang_up(ticket)
    phone.until(lambda: dialog.state == "over")


def test_a_shift_ends_for_the_telephone_too(hall):
    anna = hall.operator("anna")
    hall.admit("anna", until=-1.0)
    hall.reports.wait("phone_lost", "op-anna")
    assert anna.register() in {401, 403}


def test_a_new_secret_makes_the_old_one_void(hall):
    anna = hall.operator("anna")
    hall.admit("anna", "of-another-shift")
    assert anna.register() == 401
    anna.secret = "of-another-shift"
    assert anna.register() == 200


def test_a_second_tab_takes_the_telephone_over(hall):
    first = hall.operator("anna", answers=False)
    second = hall.operator("anna", answers=False)
    _, ticket, _ = hall.caller("4814")
    hall.connect(ticket, "anna")
    second.rung()
    assert not first.dialogs
    assert "phone_lost" not in hall.reports.names()


def test_without_a_queue_the_ring_group_is_rung(hall):
    (hall.pbx.folder / "queue").unlink()
    operator = hall.pbx.operator(answers=True)
    call = hall.pbx.call("4", "2", "1")
    call.hears("menu")
    call.press()
    call.hears("please_wait")
    call.hears("queue_down")
    call.hears("after")
    call.press()
    call.over()
    assert hall.pbx.state(call)["heard"][1] == {"kind": "operator", "outcome": "ended"}
    operator.done()


def test_a_session_that_ends_because_he_is_put_through_closes_nothing(hall):
    """He is led away while a worker speaks to him."""
    anna = hall.operator("anna", answers=False)
    phone = hall.phone()
    dialog = phone.call("4813")
    phone.until(lambda: dialog.heard > 3)
    (live,) = hall.switch.calls()
    (hall.pbx.folder / f"{live.call}.taken").touch()
    ticket = Ticket(live.call, "odesa", "general", 0.0, node="pbx1", leg=live.leg)
    phone.press(dialog, "2")
    hall.connect(ticket, "anna")
    rung = anna.rung()
    anna.answer(rung)
    hall.reports.wait("answered")
    assert hall.state(ticket)["closed"] == ""
    phone.hang_up(dialog)
    hall.reports.wait("gone", ticket.id)
