from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ami import Ami
from hall import Hall
from listener import Listener
from scripted import record_tone
from sip_caller import SipCaller
from sip_operator import SipOperator
from sip_phone import SipPhone

from ivr.asterisk.process import Asterisk, find_program
from ivr.asterisk.settings import AsteriskSettings, Trunk
from ivr.channels.ami_wire import Exchange
from ivr.speech import music

ROOT = Path(__file__).parents[2]
YES_NO = "lang=uk words=yes.no.operator keys=12"
NUMBER = "lang=uk words=operator.back digits=3-9"
SCRIPTS = {
    "0": [["", "queue"], ["bye", "hangup"]],
    "1": [["menu", "key"], ["account", "number"], ["reading", "number"], ["bye", "hangup"]],
    "2": [["long", "key"], ["account", "number"], ["bye", "hangup"]],
    "3": [["menu", "key 0.2 0.2"], ["bye", "hangup"]],
    "4": [["menu", "key"], ["please_wait", "queue"], ["after", "key"], ["bye", "hangup"]],
    "5": [["account", "number 20 0.3"], ["bye", "hangup"]],
    "6": [["piece 500", "key"], ["bye", "hangup"]],
    "9": [["", "key"], ["", "queue"], ["", "record"], ["", "hangup"]],
    "8": [["menu", "key 1 1"], ["bye", "hangup"]],
    "7": [["name", "record"], ["bye", "hangup"]],
    "*1": [["long", "key", YES_NO], ["account", "number", NUMBER], ["bye", "hangup"]],
    "*2": [["some", "key 1 1", YES_NO], ["bye", "hangup"]],
    "*3": [["menu", "key", YES_NO], ["", "queue"], ["bye", "hangup"]],
    "*4": [["menu", "key", YES_NO], ["menu", "key", YES_NO], ["bye", "hangup"]],
    "*6": [["long", "number", NUMBER], ["bye", "hangup"]],
    "*7": [["menu", "key 1 1", YES_NO], ["menu", "key", YES_NO], ["bye", "hangup"]],
    "*5": [["piece 500", "key", YES_NO], ["bye", "hangup"]],
}
SERIAL = count(1)


def free_ports(number: int) -> list[int]:
    """Return ports that neither UDP nor TCP uses now.

    They lie below those the kernel gives to clients: one of our own clients could take a worker's
    port while the worker is dead.
    """
    ports = []
    for port in range(20000, 23000):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == number:
            return ports
    raise AssertionError("no free ports")


@dataclass
class Pbx:
    """The Asterisk all tests here share, and the worker processes of one test."""

    asterisk: Asterisk
    ami: Ami
    ports: list[int]
    folder: Path
    sounds: Path
    workers: list[subprocess.Popen[str]] = field(default_factory=list)
    callers: list[SipCaller] = field(default_factory=list)
    operators: list[SipOperator] = field(default_factory=list)
    listener: Listener | None = None

    def start_worker(self, place: int, *how: str) -> subprocess.Popen[str]:
        """Start a worker on port number `place` of Asterisk's; return when it takes calls.

        how: the program and its last argument, when not the scripted dialogues.
        """
        program, last = how or ("worker.py", json.dumps(SCRIPTS))
        command = [sys.executable, str(Path(__file__).parent / program)]
        arguments = [self.ports[place], self.folder, self.sounds, last]
        listeners = self.listener.address if self.listener else ""
        log = (self.folder / f"worker{next(SERIAL)}.log").open("w")
        worker = subprocess.Popen(
            command + [str(argument) for argument in arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PRESS2_TEST_RECOGNISERS": listeners},
        )
        log.close()
        self.workers.append(worker)
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n", self.logs()
        return worker

    def call(self, script: str, *keys: str | bytes, **how: object) -> SipCaller:
        """Call a scripted dialogue: what the dialled number begins with chooses it."""
        return self.ring(f"{script}{next(SERIAL):03}", *keys, **how)

    def ring(self, dialled: str, *keys: str | bytes, **how: object) -> SipCaller:
        """Call a number."""
        caller = SipCaller(self.ami, self.asterisk.settings.sip_port, dialled, keys, **how)
        self.callers.append(caller)
        caller.ring()
        return caller

    def operator(self, *, answers: bool) -> SipOperator:
        """Be the telephone of the ring group."""
        port = int(self.asterisk.settings.ring_group[0].rpartition(":")[2])
        operator = SipOperator(self.folder, port, answers=answers)
        self.operators.append(operator)
        return operator

    def state(self, caller: SipCaller) -> dict[str, object]:
        """Return what the runner knows of a call."""
        return json.loads((self.folder / f"{caller.call}.json").read_text())

    def keys(self, caller: SipCaller) -> str:
        """Return all keys the runner heard in a call, in one."""
        return "".join(event.get("text", "") for event in self.state(caller)["heard"])

    def logs(self) -> str:
        """Return what the workers of this test logged."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("worker*.log")))

    def clean(self) -> None:
        for caller in self.callers:
            caller.close()
        for operator in self.operators:
            operator.close()
        self.kill_workers()

    def kill_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
            assert worker.stdout
            worker.stdout.close()
        self.workers.clear()


@pytest.fixture(scope="session")
def asterisk() -> Iterator[tuple[Asterisk, list[int], Path]]:
    with tempfile.TemporaryDirectory(prefix="press2-") as folder:
        sounds = Path(folder) / "sounds"
        record_tone(sounds / "uk/apology.wav", 0.2)
        record_tone(sounds / "music/loop.wav", 5)
        music.make_tones(sounds / "tones")
        sip, operator, http, ami, first, second, outside, listener = free_ports(8)
        settings = AsteriskSettings(
            run_dir=Path(folder) / "asterisk",
            sounds_dir=sounds,
            workers=(f"127.0.0.1:{first}", f"127.0.0.1:{second}"),
            apology="uk/apology",
            sip_port=sip,
            http_port=http,
            ami_port=ami,
            ami_secret="of-the-tests",
            softphones=("127.0.0.1/32",),
            phone_secret="of-the-phone",
            twilio_password="of-twilio",
            trunks=(Trunk("company", f"127.0.0.9:{outside}", qualify=0),),
            ring_group=(f"sip:operator@127.0.0.1:{operator}",),
            ring_seconds=2,
            music_dir=sounds / "music",
            recognisers=(f"127.0.0.1:{listener}",),
            debug=True,
        )
        with Asterisk(find_program(ROOT / "var/asterisk-root"), settings) as running:
            yield running, [first, second], sounds
            log = (running.run_dir / "log/messages").read_text(errors="replace")
            wrong = [line for line in log.splitlines() if "WARNING" in line and " pbx" in line]
            assert not wrong, "the dialplan is at fault"


@pytest.fixture
def pbx(asterisk: tuple[Asterisk, list[int], Path], tmp_path: Path) -> Iterator[Pbx]:
    running, ports, sounds = asterisk
    ami = Ami(running.settings.ami_port, "press2-debug", "of-the-tests")
    house = Pbx(running, ami, ports, tmp_path, sounds)
    yield house
    house.clean()
    ami.close()


@pytest.fixture
def hall(serving: Pbx) -> Iterator[Hall]:
    """Two workers, a queue, and the switch to the Asterisk they serve."""
    (serving.folder / "queue").touch()
    settings = serving.asterisk.settings
    exchange = Exchange("pbx1", "127.0.0.1", settings.ami_port, "press2", settings.ami_secret)
    hall = Hall(("127.0.0.1", settings.sip_port), [exchange], "pbx1", serving)
    yield hall
    hall.close()


@pytest.fixture
def outside(pbx: Pbx) -> Iterator[SipPhone]:
    """The telephone company: whatever number is dialled rings here."""
    host, _, port = pbx.asterisk.settings.trunks[0].host.partition(":")
    settings = pbx.asterisk.settings
    phone = SipPhone(("127.0.0.1", settings.sip_port), "trunk", address=host, port=int(port))
    yield phone
    phone.close()


@pytest.fixture(scope="session")
def lives(asterisk: tuple[Asterisk, list[int], Path]) -> Iterator[Listener]:
    """The recogniser that Asterisk knows; runs from the first test that needs it."""
    running, _, sounds = asterisk
    (address,) = running.settings.recognisers
    listener = Listener(int(address.partition(":")[2]), sounds.parent)
    yield listener
    listener.kill()


@pytest.fixture
def listener(lives: Listener, pbx: Pbx) -> Listener:
    """A recogniser that listens to four callers; workers that are started now ask it."""
    if lives.process is None:
        lives.start()
    pbx.listener = lives
    return lives


@pytest.fixture
def mortal(listener: Listener) -> Iterator[Listener]:
    """A recogniser that the test breaks."""
    yield listener
    listener.kill()


@pytest.fixture
def serving(pbx: Pbx) -> Pbx:
    """Two workers take calls."""
    pbx.start_worker(0)
    pbx.start_worker(1)
    return pbx
