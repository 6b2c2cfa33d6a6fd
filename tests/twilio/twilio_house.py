"""press2's web process and dispatcher over a private Redis, and the emulator before them."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from running import free_ports, until
from twilio_emulator import Emulator
from twilio_emulator.call import Call

HOME = Path(__file__).parents[2]
PUBLIC = "https://ivr.example.com"
COMPANY_NUMBER = "+380487059090"
CALLER = "+380671110001"
SID, TOKEN = "AC" + "5" * 32, "token of the tests"


@dataclass
class House:
    """The processes. url: of the web process."""

    folder: Path
    conf: Path
    environ: dict[str, str]
    port: int
    api_port: int
    redis: redis.Redis
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Path:
        return self.folder / "var" / "press2.db"

    def log(self, name: str = "web") -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a process of press2; its log is NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(HOME / "app.py"), *words],
                cwd=self.folder, env=self.environ, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes[name] = process
        return process

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        process.wait(20)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(20)

    def steps(self, call: Call) -> list[str]:
        """Every need a call had so far, "reading.enter: ask"."""
        return re.findall(rf"call {call.sid} turn \d+ ([\w.]+: \w+)", self.log())

    def emulator(self, **how: object) -> Emulator:
        """A Twilio that knows the company's number; it listens where press2 looks for its REST."""
        given = {"speed": 0, "resolve": {PUBLIC: self.url}, "port": self.api_port, **how}
        emulator = Emulator(SID, TOKEN, **given)
        emulator.number(
            COMPANY_NUMBER,
            f"{PUBLIC}/twilio/voice",
            fallback=f"{PUBLIC}/twilio/fallback",
            status_callback=f"{PUBLIC}/twilio/status",
        )
        return emulator


TO_A_READING = {
    "main.menu": "2",
    "reading.window_closed": "1",
    "reading.offer": "1",
    "reading.single": "1",
    "reading.confirm": "1",
    "reading.keep_phone": "2",
    "reading.another": "2",
}
"""What to press at each question on the way; the window for readings may be closed today."""


def give_a_reading(house: House, call: Call, value: str) -> None:
    """Key a reading for the account that the caller's number belongs to, and say goodbye."""
    seen = 0
    while seen < 15:
        steps = until(lambda: found if len(found := house.steps(call)) > seen else [])
        assert steps, call.story("the next question")
        seen = len(steps)
        step, _, need = steps[-1].partition(": ")
        if need == "hangup":
            return
        call.wait("Gather")
        call.press(f"{value}#" if step.endswith(".enter") else TO_A_READING.get(step, "1"))
    raise AssertionError(call.story("the end"))


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


@contextmanager
def house(folder: Path, more: str = CLIENT) -> Iterator[House]:
    """Start Redis and the web process. more: lines of [twilio]."""
    port, api = free_ports(2)
    conf = folder / "telephony.conf"
    (folder / "var").mkdir()
    (folder / "var" / "sounds").symlink_to(HOME / "var" / "sounds")
    text = CONF.format(folder=folder, port=port, api=api, sid=SID, public=PUBLIC, more=more)
    conf.write_text(text, "utf-8")
    environ = {
        **os.environ,
        "PRESS2_CONF": str(conf),
        "PRESS2_TWILIO_TOKEN": TOKEN,
        "PRESS2_TWILIO_SECRET": "secret of the tests",
    }
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", "",
         "--dir", str(folder), "--loglevel", "warning"]
    )  # fmt: skip
    client = redis.Redis.from_url(f"unix://{folder}/redis.sock")
    running = House(folder, conf, environ, port, api, client)
    try:
        until(lambda: _pings(client))
        running.start("web", "web")
        assert until(running.answers), running.log()
        yield running
    finally:
        for name in list(running.processes):
            running.stop(name)
        client.close()
        server.terminate()
        server.wait(20)


def _pings(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False
