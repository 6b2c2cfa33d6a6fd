"""From "operator free" to his telephone ringing, and what a caller who waits costs.

    python -m bench.offer [--waiting 50,200,500] [--seconds 30] [--offers 200]

One Asterisk serves both, one after the other: the same operators (`bench.desk_phones`), the same
callers (SIPp, who send no sound), the same music. Ours is the product: dialplan, AGI worker,
dispatch, Redis. Theirs is `Queue()` with the configuration below.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bench.desk_phones import DeskPhones
from bench.ports import free_ports
from bench.product import dispatched, product
from bench.turn import INVITE, SOUNDS, cpu_of, percentile
from ivr import composition
from ivr.asterisk.process import Asterisk, find_program
from ivr.asterisk.settings import AsteriskSettings

OPERATORS = 5
NATIVE = "7100"
TALK = (1.0, 3.0)
"""Seconds of a talk: drawn, so that it keeps no step with anybody's clock."""
BUSY = 20
"""Callers who wait while offers are measured."""
ROUNDS = 4
RATE = 25
"""Calls a second with which the waiting come."""
MUSIC_SECONDS = 60
FIRST_PHONE = 680_000_000
QUEUES = """
[general]
autofill = yes
shared_lastcall = yes

[bench]
strategy = leastrecent
musicclass = press2
timeout = 20
retry = 1
wrapuptime = 0
ringinuse = no
autopause = no
joinempty = yes
announce-frequency = 0
"""
MANAGER_WORD = "bench-word"
"""Of a private Asterisk on loopback."""
MANAGER = f"""
[bench]
secret = {MANAGER_WORD}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
write = agent
"""


class Side(Protocol):
    """One of the two. dialled: leads to its queue. programs: what works beside Asterisk."""

    name: str
    dialled: str
    programs: dict[str, int]

    def ready(self, operator: str) -> None:
        """Let an operator be rung."""

    def pause(self, operator: str) -> None:
        """Let him not."""

    def waiting(self) -> int:
        """Return how many callers wait."""


# ---------------------------------------------------------------------- app_queue


class Manager:
    """A connection to AMI for the one thing that has no other way: pausing members."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("r", newline="\r\n")
        self.file.readline()
        self.ask(Action="Login", Username="bench", Secret=MANAGER_WORD, Events="off")

    def ask(self, **action: str) -> None:
        """Do something and wait for the answer."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in action.items())
        self.socket.sendall(f"{lines}\r\n".encode())
        answer = list(iter(self.file.readline, "\r\n"))
        assert answer[0].strip() == "Response: Success", answer


class AppQueueSide:
    """`Queue()` of the same Asterisk."""

    name, dialled = "app_queue", NATIVE

    def __init__(self, asterisk: Asterisk, manager: Manager) -> None:
        self.asterisk, self.manager = asterisk, manager
        self.programs: dict[str, int] = {}

    def ready(self, operator: str) -> None:
        """End the member's pause."""
        self.set_paused(operator, "false")

    def pause(self, operator: str) -> None:
        """Pause the member."""
        self.set_paused(operator, "true")

    def set_paused(self, operator: str, paused: str) -> None:
        """Ask AMI for it."""
        self.manager.ask(Action="QueuePause", Interface=f"PJSIP/op-{operator}", Paused=paused)

    def waiting(self) -> int:
        """Ask the command line."""
        first = self.asterisk.command("queue show bench").split("\n")[0]
        return int(first.split(" has ")[1].split()[0]) if " has " in first else 0


# ---------------------------------------------------------------------- the house


def music(folder: Path) -> Path:
    """Write a minute of soft sound, 8 kHz."""
    folder.mkdir()
    chance = random.Random(1)
    samples = array("h", (int(chance.gauss(0, 600)) for _ in range(8000 * MUSIC_SECONDS)))
    with wave.open(str(folder / "music.wav"), "wb") as file:
        file.setparams((1, 2, 8000, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    return folder


def phone_endpoints(names: Sequence[str], port: int) -> str:
    """Return the operators' telephones as endpoints that need not register."""
    return "".join(
        f"\n[op-{name}](any)\nallow = alaw\naors = op-{name}\nidentify_by = username\n"
        f"\n[op-{name}]\ntype = aor\ncontact = sip:op-{name}@127.0.0.1:{port}\n"
        for name in names
    )


@dataclass
class House:
    """What both sides need. idle: share of a processor each program uses without a caller."""

    asterisk: Asterisk
    phones: DeskPhones
    sink: socket.socket
    sip_port: int
    folder: Path
    sides: list[Side] = field(default_factory=list)
    idle: dict[str, float] = field(default_factory=dict)


@contextmanager
def house(folder: Path, names: Sequence[str]) -> Iterator[House]:
    """Start Asterisk with both sides' configuration."""
    with ExitStack() as stack:
        # The callers' ears: a socket nobody reads, so that hearing costs nothing.
        sink = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sink.bind(("127.0.0.1", 0))
        phones = DeskPhones([f"op-{name}" for name in names], sink.getsockname()[1], TALK)
        phones.start()
        stack.callback(phones.join)
        stack.callback(phones.over.set)
        sip, http, ami, worker = free_ports(4)
        beside, programs = stack.enter_context(product(folder, worker))
        settings = AsteriskSettings(
            run_dir=folder / "asterisk",
            sounds_dir=SOUNDS,
            workers=(f"127.0.0.1:{worker}",),
            apology="uk/apology",
            sip_port=sip,
            http_port=http,
            ami_port=ami,
            ami_secret=MANAGER_WORD,
            rtp=(10000, 19999),
            music_dir=music(folder / "music"),
        )
        asterisk = Asterisk(find_program(composition.HOME / "var/asterisk-root"), settings)
        stack.enter_context(asterisk)
        add_app_queue(asterisk, names, phones.port)
        built = House(asterisk, phones, sink, sip, folder)
        built.sides.append(AppQueueSide(asterisk, Manager(ami)))
        our_side = dispatched(beside, ami, MANAGER_WORD, programs, list(names))
        built.sides.append(stack.enter_context(our_side))
        yield built


def add_app_queue(asterisk: Asterisk, names: Sequence[str], port: int) -> None:
    """Add to the product's configuration what only this comparison needs."""
    etc = asterisk.run_dir / "etc"
    members = "".join(f"member => PJSIP/op-{name}\n" for name in names)
    (etc / "queues.conf").write_text(QUEUES + members)
    append(etc / "pjsip.conf", phone_endpoints(names, port))
    append(etc / "manager.conf", MANAGER)
    append(
        etc / "extensions.conf",
        f"\n[incoming](+)\nexten => {NATIVE},1,Answer()\n same => n,Queue(bench)\n",
    )
    for command in (
        "module reload res_pjsip.so",
        "manager reload",
        "dialplan reload",
        "module load app_queue.so",
    ):
        asterisk.command(command)
    assert "bench" in asterisk.command("queue show"), "app_queue was not loaded"


def append(path: Path, text: str) -> None:
    """Add text to a file."""
    with path.open("a") as file:
        file.write(text)


# ---------------------------------------------------------------------- callers


@contextmanager
def callers(house: House, side: Side, number: int) -> Iterator[None]:
    """Keep `number` callers in the line; who is served is followed by another."""
    with tempfile.TemporaryDirectory(prefix="press2-run-") as name:
        folder = Path(name)
        scenario = INVITE.replace("PORT", str(house.sink.getsockname()[1]))
        (folder / "scenario.xml").write_text(scenario.replace('"60000"', '"600000"'))
        phones = "\n".join(f"0{FIRST_PHONE + each}" for each in range(20_000))
        (folder / "phones.csv").write_text(f"SEQUENTIAL\n{phones}\n")
        sipp = subprocess.Popen(
            ["sipp", "-sf", "scenario.xml", "-inf", "phones.csv", "-s", side.dialled]
            + ["-l", str(number), "-r", str(RATE), "-m", "1000000", "-i", "127.0.0.1", "-nostdin"]
            + [f"127.0.0.1:{house.sip_port}"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: side.waiting() >= number - OPERATORS, 30 + number / RATE)
            yield
        finally:
            sipp.kill()
            sipp.wait()
            house.asterisk.command("channel request hangup all")
            until(lambda: " 0 active channels" in f" {channels(house.asterisk)}", 30)


def channels(asterisk: Asterisk) -> str:
    """Return what Asterisk says of its channels."""
    return asterisk.command("core show channels count")


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} s in vain")
        time.sleep(0.2)


# ---------------------------------------------------------------------- measurements


def after_talks(house: House, side: Side, names: Sequence[str], offers: int) -> list[float]:
    """Return the seconds from the end of a talk to the next ringing of the same operator."""
    phones = house.phones
    phones.begin(None)
    with callers(house, side, BUSY):
        for name in names:
            side.ready(name)
        until(lambda: len(phones.rung) >= offers, 60 + offers)
        for name in names:
            side.pause(name)
    return phones.rung[:offers]


def after_pauses(house: House, side: Side, names: Sequence[str], offers: int) -> list[float]:
    """Return the seconds from the end of a pause to the ringing; one operator at a time is free."""
    phones, chance = house.phones, random.Random(2)
    phones.begin(lambda _: None)
    with callers(house, side, BUSY):
        for turn in range(offers):
            name = names[turn % len(names)]
            phone = phones.phones[f"op-{name}"]
            until_soon(lambda same=phone: same.call is None, 30)  # type: ignore[misc]
            time.sleep(chance.uniform(0.2, 1.2))
            rings = phones.rings
            phones.freed(phone.name)
            side.ready(name)
            until_soon(lambda before=rings: phones.rings > before, 30)  # type: ignore[misc]
            side.pause(name)
    return phones.rung[:offers]


def until_soon(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds, looking often."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} s in vain")
        time.sleep(0.005)


def cost(house: House, side: Side, waiting: int, seconds: float) -> dict[str, float]:
    """Return the share of a processor one waiting caller costs, by program."""
    programs = {"Asterisk": house.asterisk.pid, **side.programs}
    with callers(house, side, waiting + OPERATORS):
        until(lambda: side.waiting() >= waiting, 30)
        time.sleep(2)
        busy = used(programs, seconds)
        there = side.waiting()
    return {name: (busy[name] - house.idle.get(name, 0.0)) / there for name in programs}


def used(programs: dict[str, int], seconds: float) -> dict[str, float]:
    """Return the share of a processor each program uses over some seconds."""
    before, start = {name: cpu_of(pid) for name, pid in programs.items()}, time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    return {name: (cpu_of(pid) - before[name]) / passed for name, pid in programs.items()}


# ---------------------------------------------------------------------- the report


def report_offers(house: House, names: Sequence[str], offers: int) -> None:
    """Print how long telephones take to ring; the sides take turns."""
    print("| free to ringing | offers | median ms | p90 ms | p99 ms |\n|---|---|---|---|---|")
    for what, measure in (("pause ended", after_pauses), ("talk ended", after_talks)):
        rung: dict[str, list[float]] = {side.name: [] for side in house.sides}
        for _ in range(ROUNDS):
            for side in house.sides:
                rung[side.name] += measure(house, side, names, offers // ROUNDS)
        for name, each in rung.items():
            print(
                f"| {what}, {name} | {len(each)} | {statistics.median(each) * 1000:.1f} |"
                f" {percentile(each, 0.9):.1f} | {percentile(each, 0.99):.1f} |",
                flush=True,
            )


def report_costs(house: House, numbers: Sequence[int], seconds: float) -> None:
    """Print what those who wait cost; the sides take turns."""
    print("\n| waiting | side | CPU ms a second, a caller: Asterisk | others |\n|---|---|---|---|")
    programs = {"Asterisk": house.asterisk.pid}
    for side in house.sides:
        programs |= side.programs
    house.idle = used(programs, 10)
    for waiting in numbers:
        found: dict[str, list[dict[str, float]]] = {side.name: [] for side in house.sides}
        for sides in (house.sides, house.sides[::-1]):
            for side in sides:
                found[side.name].append(cost(house, side, waiting, seconds / 2))
        for name, each in found.items():
            mean = {key: statistics.fmean(one[key] for one in each) * 1000 for key in each[0]}
            asterisk = mean.pop("Asterisk")
            others = ", ".join(f"{key} {value:.3f}" for key, value in mean.items()) or "-"
            print(f"| {waiting} | {name} | {asterisk:.3f} | {others} |", flush=True)
    idle = ", ".join(f"{key} {value * 1000:.1f}" for key, value in house.idle.items())
    print(f"\nWithout callers, ms a second: {idle}")


def main() -> None:
    """Measure both sides and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", default="50,200,500", help="callers, with commas")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each CPU measurement")
    parser.add_argument("--offers", type=int, default=200, help="of each measurement")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends as well
    names = [f"b{number}" for number in range(1, OPERATORS + 1)]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()},"
        f" Python {platform.python_version()}, load before: {os.getloadavg()[0]:.2f}\n"
    )
    with (
        tempfile.TemporaryDirectory(prefix="press2-") as folder,
        house(Path(folder), names) as built,
    ):
        for side in built.sides:
            for name in names:
                side.pause(name)
        report_offers(built, names, options.offers)
        report_costs(built, list(map(int, options.waiting.split(","))), options.seconds)
    print(f"\nload after: {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
