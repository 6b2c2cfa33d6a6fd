"""Steps a second of the pure engine, and sessions a second of a FastAGI worker.

    python -m bench.engine [--seconds 5]

The engine plays one reading call over and over with the service results of a real one. The worker
is a process with a runner that hangs up at once ("bare") or the whole runner up to the first
question ("first question": SQLite, Redis, every sound named); a second process plays Asterisk.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import socket
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import redis

from ivr import composition, engine
from ivr.channels.agi import AgiServer
from ivr.channels.named_voice import NamedVoice
from ivr.engine import Flows, Session
from ivr.events import StoreLog, StreamLog
from ivr.model import Caller, Event, Hangup, Say, Turn
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import MemorySessions, RedisSessions, SturdySessions
from ivr.store.database import memory_store, open_store
from ivr.store.world import load_demo

KEYS = ("2", "1", "02421#", "1", "2")
ASTERISKS = 16


def conversation() -> tuple[Flows, list[tuple[Session, Event]]]:
    """Play one reading call and return every step of it: the session before, and the event."""
    flows, companies, _ = composition.house()
    steps: list[tuple[Session, Event]] = []

    class Spy:
        """The engine's `step`, taking notes."""

        def __call__(self, flows, session, event, limits=None):  # type: ignore[no-untyped-def]
            steps.append((session, event))
            return engine.step(flows, session, event, limits)

    store = memory_store()
    load_demo(store)
    import ivr.runner

    plain, ivr.runner.step = ivr.runner.step, Spy()
    try:
        now = datetime(2026, 10, 31, 8, tzinfo=UTC)
        runner = Runner(
            flows, companies, SERVICES, store, MemorySessions(), NoLog(), lambda: now, "odesa"
        )
        caller = Caller("bench", "odesa", "+380671110001", None, "bench", now)
        turn = runner.open(caller)
        for keys in KEYS:
            turn = runner.advance("bench", Event("keys", keys, ended=True), turn.number)
        assert turn.need == Hangup("completed"), turn
    finally:
        ivr.runner.step = plain
    return flows, steps


class NoLog:
    """Takes no notes."""

    def append(self, entries: object) -> None:
        """Drop them."""


def engine_rate(seconds: float) -> tuple[float, int]:
    """Steps a second on one core, and how many steps the conversation has."""
    flows, steps = conversation()
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        for session, event in steps:
            engine.step(flows, session, event)
        count += len(steps)
    return count / passed, len(steps)


class Bare:
    """A runner that ends every call at once: what is left is the server."""

    def open(self, caller: Caller) -> Turn:
        """Say goodbye."""
        return Turn(1, (Say("goodbye"),), Hangup(), "uk")

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        """Never called."""
        raise NotImplementedError

    def close(self, call: str) -> None:
        """Nothing is kept."""

    def company_of(self, dialled: str | None) -> str:
        """One company."""
        return "odesa"


def worker(kind: str, folder: str, port: multiprocessing.SimpleQueue[int]) -> None:
    """Serve until killed."""
    flows, companies, catalogues = composition.house()
    if kind == "bare":
        runner: Runner | Bare = Bare()
    else:
        store = open_store(f"sqlite:///{folder}/bench.db", migrate=True)
        load_demo(store)
        client = redis.Redis(unix_socket_path=f"{folder}/redis.sock")
        log = StreamLog(client, StoreLog(store))
        sessions = SturdySessions(RedisSessions(client))
        clock = lambda: datetime.now(UTC)  # noqa: E731
        runner = Runner(flows, companies, SERVICES, store, sessions, log, clock, "odesa")
    voice = NamedVoice(catalogues)
    server = AgiServer(
        "127.0.0.1", 0, runner, voice, region="UA", recordings=Path(folder) / "recordings"
    )
    server.serve(ready=lambda: port.put(server.port))


def session(port: int, number: int) -> float:
    """Be Asterisk for one session, up to its first question or its end; the seconds it took."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        stream = connection.makefile("rw", encoding="utf-8", newline="\n")
        stream.write(
            "agi_network: yes\nagi_network_script: talk\nagi_callingpres: 0\nagi_dnid: \n"
            f"agi_callerid: +380671110001\nagi_uniqueid: bench-{start}-{number}\n\n"
        )
        stream.flush()
        while (command := stream.readline()) and "press2-ask" not in command:
            stream.write("200 result=1\n")
            stream.flush()
    return time.perf_counter() - start


def agi_rate(kind: str, seconds: float) -> tuple[float, float]:
    """Sessions a second of one worker process, and the median seconds of one."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        while not Path(f"{folder}/redis.sock").exists():
            time.sleep(0.01)
        port: multiprocessing.SimpleQueue[int] = multiprocessing.SimpleQueue()
        process = multiprocessing.Process(target=worker, args=(kind, folder, port))
        process.start()
        try:
            number = port.get()
            until = time.perf_counter() + seconds

            def asterisk(which: int) -> list[float]:
                took = []
                while time.perf_counter() < until:
                    took.append(session(number, which * 1_000_000 + len(took)))
                return took

            start = time.perf_counter()
            with ThreadPoolExecutor(ASTERISKS) as threads:
                took = [t for each in threads.map(asterisk, range(ASTERISKS)) for t in each]
            return len(took) / (time.perf_counter() - start), statistics.median(took)
        finally:
            process.kill()
            process.join()
            server.kill()
            server.wait()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    seconds = parser.parse_args().seconds
    print(f"{platform.machine()}, Python {platform.python_version()}, {seconds:g} s each\n")
    rate, steps = engine_rate(seconds)
    print("| what | a second | |\n|---|---|---|")
    print(f"| engine: steps (a reading call has {steps}) | {rate:,.0f} | one core |")
    for kind in ("bare", "first question"):
        rate, median = agi_rate(kind, seconds)
        print(
            f"| FastAGI worker: sessions, {kind} | {rate:,.0f} |"
            f" median {median * 1000:.1f} ms with {ASTERISKS} at once |"
        )


if __name__ == "__main__":
    main()
