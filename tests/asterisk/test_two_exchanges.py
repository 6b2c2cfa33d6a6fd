"""Two real Asterisks share the queues: a caller at one, his operator at the other."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from dataclasses import replace

import pytest
from conftest import ROOT, SCRIPTS, free_ports
from hall import Hall
from scripted import record_tone
from tuned_phone import CALLER, OPERATOR, SUPERVISOR, TunedPhone

from ivr.agent_queue.model import Operator
from ivr.asterisk.process import Asterisk, find_program
from ivr.asterisk.settings import AsteriskSettings, Node
from ivr.channels.ami_wire import Exchange

pytestmark = pytest.mark.asterisk


class House:
    """Both exchanges and the one worker of the first."""

    def __init__(self, folder, first, second):
        self.folder, self.asterisk, self.second = folder, first, second


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    sounds = folder / "sounds"
    record_tone(sounds / "uk/apology.wav", 0.2)
    record_tone(sounds / "music/loop.wav", 5)
    sip, http1, http2, ami1, ami2, worker = free_ports(6)
    first = AsteriskSettings(
        run_dir=folder / "1",
        sounds_dir=sounds,
        workers=(f"127.0.0.1:{worker}",),
        apology="uk/apology",
        node="pbx1",
        sip_port=sip,
        http_port=http1,
        ami_port=ami1,
        ami_secret="of-both",
        music_dir=sounds / "music",
        nodes=(Node("pbx2", "127.0.0.2", sip),),
        softphones=("127.0.0.1/32",),
    )
    second = replace(
        first,
        run_dir=folder / "2",
        node="pbx2",
        sip_address="127.0.0.2",
        http_port=http2,
        ami_port=ami2,
        rtp=(11000, 11999),
        nodes=(Node("pbx1", "127.0.0.1", sip),),
        softphones=("127.0.0.2/32",),
    )
    program = find_program(ROOT / "var/asterisk-root")
    with Asterisk(program, first) as one, Asterisk(program, second) as other:
        yield one, other


@pytest.fixture
def hall(exchanges, tmp_path):
    one, other = exchanges
    (tmp_path / "queue").touch()
    port = one.settings.workers[0].rpartition(":")[2]
    command = [sys.executable, str(ROOT / "tests/asterisk/worker.py"), port, str(tmp_path)]
    command += [str(one.settings.sounds_dir), json.dumps(SCRIPTS)]
    worker = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert worker.stdout.readline() == "ready\n"
    connections = [
        Exchange(each.settings.node, "127.0.0.1", each.settings.ami_port, "press2", "of-both")
        for each in exchanges
    ]
    here = ("127.0.0.1", one.settings.sip_port)
    try:
        hall = Hall(here, connections, "pbx1", House(tmp_path, one, other))
        yield hall
        hall.close()
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()


@pytest.fixture
def anna(hall, exchanges):
    """An operator who is registered with the second exchange."""
    return hall.operator("anna", at=("127.0.0.2", exchanges[1].settings.sip_port), answers=False)


def test_a_caller_is_put_through_to_the_other_exchange(hall, anna):
    dialog, ticket, phone = hall.caller("4101")
    hall.connect(ticket, "anna", "call-1.a", node="pbx2", recording="talks/far.wav")
    rung = anna.rung()
    assert rung.token == "call-1.a"
    assert "0671110001" in rung.remote
    anna.answer(rung)
    hall.reports.wait("answered", "call-1.a")
    heard = dialog.heard
    anna.until(lambda: rung.heard > 50)
    phone.until(lambda: dialog.heard > heard + 50)
    assert [(live.call, live.node) for live in hall.switch.calls()] == [(ticket.id, "pbx1")]
    anna.hang_up(rung)
    assert hall.told(ticket)["outcome"] == "ended"
    with wave.open(str(hall.pbx.asterisk.run_dir / "recordings/talks/far.wav")) as sound:
        assert any(sound.readframes(8000))


@pytest.mark.parametrize("at", ["pbx1", "pbx2"])
def test_a_supervisor_here_or_there_is_let_into_a_talk(hall, exchanges, at):
    """The caller's exchange is the first, his operator's the second."""
    hall.make = TunedPhone
    there = ("127.0.0.2", exchanges[1].settings.sip_port)
    anna = hall.operator("anna", at=there)
    vira = hall.operator("vira", at=there if at == "pbx2" else None)
    dialog, ticket, phone = hall.caller("4104")
    token = f"odesa.talk.{ticket.id}"
    hall.connect(ticket, "anna", token, node="pbx2")
    rung = anna.rung()
    phone.tone, anna.tone, vira.tone = CALLER, OPERATOR, SUPERVISOR
    phone.hears(dialog, OPERATOR)
    operator = Operator("anna", "odesa", endpoint="op-anna", node="pbx2")
    supervisor = Operator("vira", "odesa", endpoint="op-vira", node=at)
    mine = f"odesa.ear.{ticket.id}"
    hall.switch.listen(supervisor, operator, token, mine, "listen", 20)
    spy = vira.rung()
    assert spy.token == mine
    vira.hears(spy, CALLER, OPERATOR)
    hall.switch.listen_as(mine, "barge")
    phone.hears(dialog, OPERATOR, SUPERVISOR)
    anna.hears(rung, CALLER, SUPERVISOR)
    hall.switch.listen_as(mine, "whisper")
    phone.hears(dialog, OPERATOR)
    anna.hears(rung, CALLER, SUPERVISOR)
    hall.switch.take_over(operator, token, mine, "")
    hall.reports.wait("taken_over", mine)
    anna.until(lambda: rung.state == "over")
    phone.hears(dialog, SUPERVISOR)
    vira.hears(spy, CALLER)
    vira.hang_up(spy)
    assert hall.told(ticket)["outcome"] == "ended"


def test_the_network_of_an_operator_there_is_gone(hall, anna):
    _, ticket, _ = hall.caller("4102")
    hall.connect(ticket, "anna", "call-2.a", node="pbx2")
    rung = anna.rung()
    anna.answer(rung)
    anna.until(lambda: rung.heard > 20)
    anna.vanish()
    hall.reports.wait("dropped", ticket.id)
    assert hall.told(ticket)["outcome"] == "dropped"


@pytest.mark.parametrize(
    ("status", "why"), [("486 Busy Here", "declined"), ("480 Unavailable", "failed")]
)
def test_one_there_who_does_not_come(hall, anna, status, why):
    _, ticket, _ = hall.caller("4103")
    hall.connect(ticket, "anna", "call-3.a", node="pbx2")
    anna.refuse(anna.rung(), status)
    assert hall.reports.wait("unanswered", "call-3.a")[2] in {why, "no_answer"}
    assert hall.told(ticket)["outcome"] == "no_answer"


def test_operators_of_two_exchanges_talk(hall, anna):
    anna.answers = True
    boris = hall.operator("boris")
    talk = boris.call("op-anna", "X-Press2-Token: consult-1")
    assert talk.state == "talking"
    assert anna.rung().token == "consult-1"
    boris.hang_up(talk)


def test_a_stranger_is_not_the_other_exchange(hall, anna):
    stranger = hall.phone("node-pbx2")
    assert stranger.call("op-anna").status in {401, 403, 404, 0}
    assert not anna.dialogs


def test_an_exchange_that_is_away_is_named(hall):
    assert hall.switch.nodes().keys() == {"pbx1", "pbx2"}
    assert all(hall.switch.nodes().values())
