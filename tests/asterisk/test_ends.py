"""Who ended a call: the caller, the longest time of a call, or an exchange that died."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ami import Ami
from conftest import ROOT, Pbx, free_ports
from waiting import until

from ivr.asterisk.process import Asterisk, find_program

pytestmark = pytest.mark.asterisk


def ended_by(pbx, call):
    """Wait until the runner knows that the call is over; who ended it."""
    assert until(lambda: "by" in pbx.state(call), 20)
    return pbx.state(call)["by"]


def at_once(call):
    """Let the call have the longest time that it may have, from now on."""
    call.ami.send(Action="Setvar", Channel=call.channel, Variable="TIMEOUT(absolute)", Value="1")


def test_the_longest_time_of_a_call_ends_it_in_a_question(serving):
    call = serving.call("2")
    call.hears("long")
    at_once(call)
    assert ended_by(serving, call) == "limit"


def test_the_longest_time_of_a_call_ends_it_while_telephones_ring(serving):
    operator = serving.operator(answers=False)
    call = serving.call("4", "2")
    call.hears("menu")
    call.press()
    call.wait(lambda e: e.get("Event") == "Newstate" and e["ChannelStateDesc"] == "Ringing")
    at_once(call)
    assert ended_by(serving, call) == "limit"
    operator.done()


def test_who_hangs_up_while_telephones_ring_did_it_himself(serving):
    operator = serving.operator(answers=False)
    call = serving.call("4", "2", hang_up=True)
    call.hears("menu")
    call.press()
    call.wait(lambda e: e.get("Event") == "Newstate" and e["ChannelStateDesc"] == "Ringing")
    call.press()
    call.over()
    assert ended_by(serving, call) == "caller"
    operator.done()


@pytest.fixture
def mortal_exchange(asterisk, tmp_path):
    """An exchange of its own for the workers of one test."""
    running, _, sounds = asterisk
    sip, http, ami, *ports = free_ports(5)
    settings = replace(
        running.settings,
        run_dir=tmp_path / "asterisk",
        workers=tuple(f"127.0.0.1:{port}" for port in ports),
        sip_port=sip,
        http_port=http,
        ami_port=ami,
        rtp=(12000, 12999),
        trunks=(),
    )
    with Asterisk(find_program(ROOT / "var/asterisk-root"), settings) as mortal:
        manager = Ami(ami, "press2-debug", "of-the-tests")
        pbx = Pbx(mortal, manager, ports, tmp_path, sounds)
        pbx.start_worker(0)
        pbx.start_worker(1)
        yield pbx
        manager.close()
        pbx.clean()


def test_an_exchange_that_dies_ends_its_calls(mortal_exchange):
    call = mortal_exchange.call("2")
    call.hears("long")
    mortal_exchange.asterisk.process.kill()
    assert ended_by(mortal_exchange, call) == "exchange_lost"
