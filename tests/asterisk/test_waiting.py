"""Callers who wait and are put through, in a real Asterisk; the test is the matchmaker."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import pytest
from hall import until
from sip_caller import Crowd

from ivr.agent_queue.model import Ticket

pytestmark = pytest.mark.asterisk


def test_a_caller_waits_with_music_and_without_a_worker(hall):
    dialog, ticket, phone = hall.caller("4801")
    waits = (hall.pbx.folder / "queue").read_text().split()
    assert waits == [ticket.id, ticket.leg, "pbx1"]
    before = dialog.heard
    phone.until(lambda: dialog.heard > before + 50)
    live = hall.live(ticket.id)
    assert (live.where, live.talking) == ("wait", False)
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
    live = hall.newest()
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
    live = hall.live(ticket.id)
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


def test_an_operator_who_was_away_for_a_moment_is_found_again(hall):
    anna = hall.operator("anna")
    _, ticket, _ = hall.caller("4815")
    hall.connect(ticket, "anna")
    hall.reports.wait("answered")
    anna.until(lambda: anna.rung().heard > 20)
    mark = len(hall.reports.all)
    anna.vanish()
    hall.reports.wait("dropped", ticket.id)
    anna.alive = True
    hall.reports.wait("phone_found", "op-anna", after=mark)


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
    mark = len(hall.reports.all)
    second = hall.operator("anna", answers=False)
    _, ticket, _ = hall.caller("4814")
    hall.connect(ticket, "anna")
    second.rung()
    assert not first.dialogs
    assert "phone_lost" not in hall.reports.names()[mark:]


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
    live = hall.newest()
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


@pytest.mark.parametrize(
    "caller",
    [
        "<sip:%0d%0aEvent%3a%20UserEvent%0d%0aUserEvent%3a%20Press2Gone@127.0.0.1>",
        "<sip:1%0d%0a%0d%0aEvent%3a%20ContactStatus%0d%0aAOR%3a%20op-anna%0d%0a%0d%0a@127.0.0.1>",
        '"a\\"b, ${SHELL(id)}" <sip:op-nobody@127.0.0.2>',
    ],
)
def test_what_a_caller_calls_himself_changes_nothing(hall, caller):
    hall.operator("anna", answers=False)
    mark = len(hall.reports.all)
    call = hall.pbx.call("4", "2", caller=caller, hang_up=True)
    call.hears("menu")
    call.press()
    assert hall.reports.wait("waiting", after=mark)[1] == call.call
    assert hall.live(call.call).where == "wait"
    assert set(hall.reports.names()[mark:]) <= {"waiting", "phone_found"}
    hall.switch.hang_up(Ticket(call.call, "odesa", "general", 0.0, node="pbx1"))
    hall.reports.wait("gone", call.call)


def sockets(pid):
    """Return how many sockets a process has."""
    files = list(Path(f"/proc/{pid}/fd").iterdir())
    return sum(file.is_socket() for file in files)


def test_two_hundred_callers_wait_and_hold_nothing_of_ours(hall):
    workers = [worker.pid for worker in hall.pbx.workers]
    held = [sockets(pid) for pid in workers]
    own = sockets(os.getpid())
    before = {live.call for live in hall.switch.calls()}
    crowd = Crowd(hall.sip[1], 200)
    try:
        until(lambda: hall.reports.names().count("waiting") == 200)
        until(lambda: [sockets(pid) for pid in workers] == held)
        assert [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in workers] == [1, 1]
        assert sockets(os.getpid()) == own
        calls = [live for live in hall.switch.calls() if live.call not in before]
        assert {live.where for live in calls} == {"wait"}
        assert len({live.call for live in calls}) == 200
        for live in calls:
            hall.switch.hang_up(Ticket(live.call, "odesa", "general", 0.0, node="pbx1"))
        until(lambda: hall.reports.names().count("gone") == 200)
        assert crowd.wait() == 0
    finally:
        crowd.close()
