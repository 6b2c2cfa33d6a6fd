"""A supervisor in an operator's talk: who hears whom, by tones, in every mode."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hall import until
from tuned_phone import CALLER, OPERATOR, OTHER, SUPERVISOR, TunedPhone

from ivr.agent_queue.model import Operator

pytestmark = pytest.mark.asterisk
HEARS = {
    # mode -> what caller, operator and supervisor hear
    "listen": ({OPERATOR}, {CALLER}, {CALLER, OPERATOR}),
    "whisper": ({OPERATOR}, {CALLER, SUPERVISOR}, {CALLER, OPERATOR}),
    "barge": ({OPERATOR, SUPERVISOR}, {CALLER, SUPERVISOR}, {CALLER, OPERATOR}),
}


class Talk:
    """A caller, his operator, and the telephone of a supervisor who is about to listen."""

    def __init__(self, hall, dialled, recording=""):
        hall.make = TunedPhone
        self.hall = hall
        self.anna, self.vira = hall.operator("anna"), hall.operator("vira")
        self.dialog, self.ticket, self.phone = hall.caller(dialled)
        self.token = f"odesa.talk.{self.ticket.id}"
        hall.connect(self.ticket, "anna", self.token, recording=recording)
        self.rung = self.anna.rung()
        self.phone.tone, self.anna.tone, self.vira.tone = CALLER, OPERATOR, SUPERVISOR
        self.operator = Operator("anna", "odesa", endpoint="op-anna", node="pbx1")
        self.supervisor = Operator("vira", "odesa", endpoint="op-vira", node="pbx1")
        self.as_it_was()

    def as_it_was(self):
        self.phone.hears(self.dialog, OPERATOR)
        self.anna.hears(self.rung, CALLER)

    def listen(self, mode, token="odesa.listening.a", supervisor=None, ring=20):
        vira = supervisor or self.supervisor
        self.hall.switch.listen(vira, self.operator, self.token, token, mode, ring)
        return token

    def heard(self, mode, dialog):
        caller, operator, supervisor = HEARS[mode]
        self.vira.hears(dialog, *supervisor)
        self.phone.hears(self.dialog, *caller)
        self.anna.hears(self.rung, *operator)


@pytest.mark.parametrize("mode", HEARS)
def test_who_hears_whom(hall, mode):
    talk = Talk(hall, "4201")
    token = talk.listen(mode)
    spy = talk.vira.rung()
    assert spy.token == token
    hall.reports.wait("listening", token)
    talk.heard(mode, spy)
    talk.vira.hang_up(spy)
    hall.reports.wait("listening_over", token, "supervisor")
    talk.as_it_was()


def test_the_mode_changes_without_ringing_again(hall):
    talk = Talk(hall, "4202")
    token = talk.listen("listen")
    spy = talk.vira.rung()
    for mode in ("listen", "whisper", "barge", "whisper", "listen", "barge", "listen"):
        hall.switch.listen_as(token, mode)
        talk.heard(mode, spy)
    assert len(talk.vira.dialogs) == 1
    assert hall.reports.names().count("listening") == 1
    assert "listening_over" not in hall.reports.names()


@pytest.mark.parametrize("keys", ["456", "*", "#", "0123#"])
def test_keys_of_a_supervisor_change_nothing(hall, keys):
    talk = Talk(hall, "4203")
    token = talk.listen("listen")
    spy = talk.vira.rung()
    talk.heard("listen", spy)
    talk.vira.press(spy, keys)
    talk.heard("listen", spy)
    assert "listening_over" not in hall.reports.names()
    assert hall.switch.listening() == {token: False}


def test_it_ends_with_the_talk(hall):
    talk = Talk(hall, "4204")
    token = talk.listen("whisper")
    spy = talk.vira.rung()
    talk.heard("whisper", spy)
    talk.anna.hang_up(talk.rung)
    hall.reports.wait("listening_over", token, "talk")
    talk.vira.until(lambda: spy.state == "over")
    assert hall.told(talk.ticket)["outcome"] == "ended"
    until(lambda: hall.switch.listening() == {})


@pytest.mark.parametrize("mode", HEARS)
def test_a_supervisor_who_vanishes_does_not_disturb_the_talk(hall, mode):
    talk = Talk(hall, "4205")
    token = talk.listen(mode)
    spy = talk.vira.rung()
    talk.heard(mode, spy)
    talk.vira.vanish()
    hall.reports.wait("listening_over", token, "lost")
    talk.as_it_was()
    assert hall.live(talk.ticket.id).talking


def test_he_is_sent_away(hall):
    talk = Talk(hall, "4206")
    token = talk.listen("barge")
    spy = talk.vira.rung()
    talk.heard("barge", spy)
    hall.switch.leave_talk(token)
    hall.reports.wait("listening_over", token, "supervisor")
    talk.vira.until(lambda: spy.state == "over")
    talk.as_it_was()


def test_two_listen_at_once(hall):
    talk = Talk(hall, "4207")
    nina = hall.operator("nina")
    nina.tone = OTHER
    talk.listen("listen", "odesa.first.a")
    spy = talk.vira.rung()
    other = Operator("nina", "odesa", endpoint="op-nina", node="pbx1")
    talk.listen("whisper", "odesa.second.a", other)
    second = nina.rung()
    talk.vira.hears(spy, CALLER, OPERATOR)
    nina.hears(second, CALLER, OPERATOR)
    talk.anna.hears(talk.rung, CALLER, OTHER)
    talk.phone.hears(talk.dialog, OPERATOR)
    assert hall.switch.listening() == {"odesa.first.a": False, "odesa.second.a": False}
    nina.hang_up(second)
    hall.reports.wait("listening_over", "odesa.second.a", "supervisor")
    talk.heard("listen", spy)


@pytest.mark.parametrize(("how", "why"), [("486 Busy Here", "failed"), ("", "no_answer")])
def test_a_telephone_that_is_not_answered(hall, how, why):
    talk = Talk(hall, "4208")
    talk.vira.answers = False
    token = talk.listen("listen", ring=1)
    if how:
        talk.vira.refuse(talk.vira.rung(), how)
    hall.reports.wait("listening_over", token, why)
    talk.as_it_was()


def test_a_telephone_that_is_not_there(hall):
    talk = Talk(hall, "4209")
    nobody = Operator("nobody", "odesa", endpoint="op-nobody", node="pbx1")
    hall.reports.wait("listening_over", talk.listen("listen", supervisor=nobody), "failed")


def test_a_talk_that_is_over_or_another_one(hall):
    talk = Talk(hall, "4210")
    talk.token = "odesa.older.b"
    # A talk that a colleague handed over has another token; it is the only one of his telephone.
    token = talk.listen("listen")
    talk.heard("listen", talk.vira.rung())
    talk.anna.hang_up(talk.rung)
    hall.reports.wait("listening_over", token, "talk")
    again = talk.listen("listen", "odesa.listening.b")
    hall.reports.wait("listening_over", again, "talk")
    assert len(talk.vira.dialogs) == 1


# ---------------------------------------------------------------------- taking over


@pytest.mark.parametrize("how", ["ended", "dropped"])
def test_a_supervisor_takes_the_caller_over(hall, how):
    talk = Talk(hall, "4211", f"talks/before-{how}.wav")
    nina = hall.operator("nina")
    nina.tone = OTHER
    other = Operator("nina", "odesa", endpoint="op-nina", node="pbx1")
    token = talk.listen("listen")
    spy = talk.vira.rung()
    talk.heard("listen", spy)
    talk.listen("whisper", "odesa.second.a", other)
    second = nina.rung()
    talk.anna.hears(talk.rung, CALLER, OTHER)
    hall.switch.take_over(talk.operator, talk.token, token, f"talks/taken-{how}.wav")
    hall.reports.wait("taken_over", token)
    talk.anna.until(lambda: talk.rung.state == "over")
    talk.phone.hears(talk.dialog, SUPERVISOR)
    talk.vira.hears(spy, CALLER)
    # It is another talk now: who listened to the first one is out of it, and may listen to this.
    hall.reports.wait("listening_over", "odesa.second.a", "talk")
    assert second.state == "over"
    talk.operator, talk.token = talk.supervisor, token
    talk.listen("barge", "odesa.third.a", other)
    talk.phone.hears(talk.dialog, SUPERVISOR, OTHER)
    assert len(talk.vira.dialogs) == 1
    assert hall.live(talk.ticket.id).talking
    assert hall.switch.listening() == {token: True, "odesa.third.a": False}
    hall.switch.pause_recording(replace(talk.ticket, token=token), True)
    heard = spy.heard
    talk.vira.until(lambda: spy.heard > heard + 50)
    hall.switch.pause_recording(replace(talk.ticket, token=token), False)
    if how == "ended":
        talk.vira.hang_up(spy)
    else:
        talk.vira.vanish()
    assert hall.told(talk.ticket)["outcome"] == how
    hall.reports.wait("listening_over", "odesa.third.a", "talk")
    assert not any(each[:2] == ("listening_over", token) for each in hall.reports.all)
    folder = hall.pbx.asterisk.run_dir / "recordings/talks"
    before = (folder / f"before-{how}.wav").read_bytes()[44:]
    taken = (folder / f"taken-{how}.wav").read_bytes()[44:]
    assert any(before)
    assert any(taken)
    assert bytes(4000) in taken
    assert talk.dialog.state == "talking"


def test_a_caller_hangs_up_on_the_supervisor_who_took_him_over(hall):
    talk = Talk(hall, "4212")
    token = talk.listen("listen")
    spy = talk.vira.rung()
    hall.reports.wait("listening", token)
    hall.switch.take_over(talk.operator, talk.token, token, "")
    talk.phone.hears(talk.dialog, SUPERVISOR)
    talk.phone.hang_up(talk.dialog)
    hall.reports.wait("gone", talk.ticket.id)
    talk.vira.until(lambda: spy.state == "over")
    until(lambda: hall.switch.listening() == {})
