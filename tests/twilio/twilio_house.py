"""press2's web processes over a private Redis, and the emulator before them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import redis
from running import free_ports, until
from twilio_emulator import Emulator
from twilio_emulator.call import Call

from ivr import company
from ivr.agent_queue.model import Operator, Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.events import STREAM

HOME = Path(__file__).parents[2]
PUBLIC = "https://ivr.example.com"
COMPANY_NUMBER = "+380487059090"
CALLER = "+380671110001"
SID, TOKEN = "AC" + "5" * 32, "token of the tests"


@dataclass
class House:
    """The processes. ports: of web processes by name. conf: telephony.conf of each."""

    folder: Path
    environ: dict[str, str]
    api_port: int
    redis: redis.Redis
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, name: str = "web") -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def store(self) -> Path:
        return self.folder / "var" / "press2.db"

    def log(self, name: str = "web") -> str:
        path = self.folder / f"{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def logs(self) -> str:
        return "".join(self.log(name) for name in self.ports)

    # ------------------------------------------------------------------ processes

    def web(self, name: str = "web") -> None:
        """Start a web process on its port and wait until it answers; its log is NAME.log."""
        conf = self.folder / f"{name}.conf"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, str(HOME / "app.py"), "web"],
                cwd=self.folder, env={**self.environ, "PRESS2_CONF": str(conf)},
                stdout=log, stderr=log,
            )  # fmt: skip
        assert until(lambda: _listens(self.ports[name]), 60), self.log(name)

    def start_redis(self) -> None:
        """Start Redis, empty."""
        self.processes["redis"] = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", f"{self.folder}/redis.sock",
             "--save", "", "--dir", str(self.folder), "--loglevel", "warning"]
        )  # fmt: skip
        assert until(lambda: _pings(self.redis))

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        process.wait(20)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(20)

    # ------------------------------------------------------------------ what there is

    def steps(self, call: Call) -> list[str]:
        """Every need a call had so far, by its turns, "reading.enter: ask"."""
        told = re.findall(rf"call {call.sid} turn (\d+) ([\w.]+: \w+)", self.logs())
        return [step for _, step in sorted({int(number): step for number, step in told}.items())]

    def asked(self, query: str) -> list[Any]:
        """The first column of a question to the store."""
        with closing(sqlite3.connect(self.store)) as store:
            return [row[0] for row in store.execute(query)]

    def readings(self) -> list[str]:
        return self.asked("select value from readings order by id")

    def forget(self) -> None:
        """Take what tests before this one left in the store and in Redis."""
        with closing(sqlite3.connect(self.store, timeout=10)) as store, store:
            for table in (
                "readings",
                "receipts",
                "drafts",
                "events",
                "callbacks",
                "voice_messages",
                "outbox",
            ):
                store.execute(f"delete from {table}")  # noqa: S608 - names of our own
        self.redis.flushall()

    def events(self, call: Call) -> list[str]:
        """The kinds of a call's events, in Redis and in the store."""
        rows = self.redis.xrange(STREAM)
        entries = [json.loads(fields[b"entry"]) for _, fields in rows]
        kinds = [entry["kind"] for entry in entries if entry["call"] == call.sid]
        query = f"select kind from events where call = '{call.sid}' order by id"  # noqa: S608
        return [*kinds, *self.asked(query)]

    # ------------------------------------------------------------------ Twilio and the desk

    def emulator(self, **how: Any) -> Emulator:
        """A Twilio that knows the company's number; it listens where press2 looks for its REST."""
        given = {"speed": 0, "resolve": {PUBLIC: self.url()}, "port": self.api_port, **how}
        emulator = Emulator(SID, TOKEN, **given)
        emulator.number(
            COMPANY_NUMBER,
            f"{PUBLIC}/twilio/voice",
            fallback=f"{PUBLIC}/twilio/fallback",
            status_callback=f"{PUBLIC}/twilio/status",
        )
        return emulator

    @contextmanager
    def twilio(self, **how: Any) -> Iterator[Emulator]:
        """The same, running; nothing of ours is undocumented, and all its requests are answered."""
        with self.emulator(**how) as emulator:
            yield emulator
            emulator.check()
            asked = emulator.network.requests
            until(lambda: all(hook.status or hook.code or hook.words for hook in list(asked)), 5)

    def lead(self, emulator: Emulator, *names: str) -> None:
        """Let the proxy before the web processes send each request to the next of these."""
        emulator.network.resolve = Turns(PUBLIC, [self.url(name) for name in names])

    def queue(self) -> RedisQueue:
        companies = company.load(HOME / "flows" / "companies")
        return RedisQueue(self.redis, {name: each.queues for name, each in companies.items()})

    def busy_operator(self, queue: str = "general") -> RedisQueue:
        """Let the only operator talk with somebody, so that callers wait; the queue."""
        found, now = self.queue(), time.time()
        found.sign_in(Operator("olena", "odesa", skills={queue: 5}, status="ready"), now)
        talk = found.enter(Ticket("talk-olena", "odesa", queue, now), now)
        assert found.answered(talk.token, now)
        return found


class Turns(dict[str, str]):
    """Resolves the public address to each of several places in turn."""

    def __init__(self, public: str, urls: list[str]) -> None:
        self._public, self._next = public, cycle(urls)

    def items(self) -> Any:
        return {self._public: next(self._next)}.items()


TO_A_READING = {
    "main.menu": "2",
    "reading.window_closed": "1",
    "identify.this_one": "1",
    "reading.read_back": "1",
    "reading.another": "2",
}
"""What to press at each question on the way; the window for readings may be closed today."""
BY_SPEECH = {
    "main.menu": "передати показання",
    "reading.window_closed": "продовжити",
    "identify.this_one": "так",
    "reading.read_back": "так",
    "reading.another": "ні",
}
"""What to say there."""


def keyed(call: Call, step: str, value: str) -> None:
    """Answer a question by keys."""
    call.press(f"{value}#" if step.endswith(".enter") else TO_A_READING.get(step, "1"))


def spoken(call: Call, step: str, value: str) -> None:
    """Answer a question by speech; the digits of the value one by one."""
    call.say(" ".join(value) if step.endswith(".enter") else BY_SPEECH.get(step, "так"))


def give_a_reading(
    house: House,
    call: Call,
    value: str,
    until_step: str = "",
    answer: Callable[[Call, str, str], None] = keyed,
) -> list[str]:
    """Give a reading for the account that the caller's number belongs to, and say goodbye.

    A question that is asked again is answered again. until_step: the question that is not answered
    any more ("reading.enter"). answer: (call, step, value). The steps so far.
    """
    steps: list[str] = []
    asked_again = -1
    for _ in range(30):
        steps = _more(house, call, len(steps), asked_again)
        step, _, need = steps[-1].partition(": ")
        if need == "hangup":
            return steps
        call.wait("Gather")
        asked_again = _fallbacks(call)
        if step == until_step:
            return steps
        answer(call, step, value)
    raise AssertionError(call.story("the end"))


def _more(house: House, call: Call, seen: int, fallbacks: int) -> list[str]:
    def there() -> list[str]:
        steps = house.steps(call)
        return steps if len(steps) > seen or 0 <= fallbacks < _fallbacks(call) else []

    steps = until(there)
    assert isinstance(steps, list), call.story("the next question")
    assert steps, call.story("the next question")
    return steps


def _fallbacks(call: Call) -> int:
    return sum(hook.path.endswith("/fallback") and bool(hook.status) for hook in call.requests)


CONF = """
[press2]
var = {folder}/var
[web]
port = {port}
[redis]
url = unix://{folder}/redis.sock
[twilio]
account_sid = {sid}
auth_token = PRESS2_TWILIO_TOKEN
public_url = {public}
api_url = http://127.0.0.1:{api}
{more}
"""
CLIENT = "operators = client\napi_key = SK" + "6" * 32 + "\napi_secret = PRESS2_TWILIO_SECRET"
NAMES = ("web", "web2")


@contextmanager
def house(folder: Path, sounds: Path, more: str = CLIENT) -> Iterator[House]:
    """Start Redis and a web process. sounds: built before. more: lines of [twilio]."""
    held = [_held(port) for port in free_ports(len(NAMES) + 1)]
    *ports, api = [one.getsockname()[1] for one in held]
    (folder / "var").mkdir()
    (folder / "var" / "sounds").symlink_to(sounds)
    for name, port in zip(NAMES, ports, strict=True):
        text = CONF.format(folder=folder, port=port, api=api, sid=SID, public=PUBLIC, more=more)
        (folder / f"{name}.conf").write_text(text, "utf-8")
    environ = {
        **os.environ,
        "PRESS2_TWILIO_TOKEN": TOKEN,
        "PRESS2_TWILIO_SECRET": "secret of the tests",
    }
    client = redis.Redis.from_url(f"unix://{folder}/redis.sock")
    running = House(folder, environ, api, client, dict(zip(NAMES, ports, strict=True)))
    try:
        running.start_redis()
        running.web()
        yield running
    finally:
        for name in list(running.processes)[::-1]:
            running.stop(name)
        client.close()
        for one in held:
            one.close()


def _held(port: int) -> socket.socket:
    """Keep a port from others who look for a free one, though nobody listens there yet."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _pings(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False
