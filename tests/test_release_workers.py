"""Real worker processes (`app.py agi`): what is published while they run; one is killed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from waiting import until

from ivr import recorded
from ivr.judge import Judge
from ivr.releases import records
from ivr.speech import audio, upload
from ivr.store.database import open_store

HOME = Path(__file__).parents[1]
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SPOKEN = "{say: main_reading, to: reading, words: reading}"
SILENT = "{to: reading, words: reading}"


class Workers:
    """A store, sounds, worker processes over them; `call` is Asterisk's side of a question."""

    def __init__(self, folder, redis_url):
        self.folder, self.judge = folder, Judge()
        self.config = folder / "telephony.conf"
        self.config.write_text(f"[press2]\nvar = {folder / 'var'}\n[redis]\nurl = {redis_url}\n")
        self.sounds = folder / "var" / "sounds"
        self.sounds.mkdir(parents=True)
        if (HOME / "var" / "sounds" / "uk").exists():  # else each is made when it is needed
            copy = ["cp", "-rs", str(HOME / "var" / "sounds" / "uk"), str(self.sounds / "uk")]
            subprocess.run(copy, check=True)
        self.store = open_store(f"sqlite:///{folder / 'var' / 'press2.db'}", migrate=True)
        self.running = []
        self.lines = ExitStack()

    def start(self):
        """Start a worker; its port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (self.folder / f"worker-{port}.log").open("w")
        worker = subprocess.Popen(
            [sys.executable, str(HOME / "app.py"), "agi", "--port", str(port)],
            env=os.environ | {"PRESS2_CONF": str(self.config)}, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        self.running.append(worker)

        def answers():
            assert worker.poll() is None, Path(log.name).read_text()
            with closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert until(answers, 60)
        return port, worker

    def call(self, port, call):
        """Names of the sounds up to the first question of a call that comes to this worker."""
        env = {
            "network_script": "agi", "uniqueid": call, "callerid": "+380671110001",
            "callingpres": "0", "dnid": "+380487059090", "channel": "PJSIP/x-1",
        }  # fmt: skip
        heard = []
        line = socket.create_connection(("127.0.0.1", port), 30)
        self.lines.callback(line.close)  # who closes it has hung up
        told = "".join(f"agi_{name}: {value}\n" for name, value in env.items())
        line.sendall(f"{told}\n".encode())
        with line.makefile("r", encoding="utf-8") as commands:
            for command in commands:
                heard += re.findall(r"press2/(uk/[\w-]+)", command)
                if "press2-ask" in command:
                    return heard
                line.sendall(b"200 result=0\n")
        raise AssertionError(f"no question; heard {heard}")

    def hears(self, port, wanted, calls):
        """Wait until a call that begins hears what is wanted."""
        return until(lambda: wanted(self.call(port, next(calls))), 20)

    def close(self):
        for worker in self.running:
            worker.kill()
            worker.wait()
        self.lines.close()
        self.store.close()


@pytest.fixture
def workers(tmp_path, redis_server):
    workers = Workers(tmp_path, redis_server.url)
    yield workers
    workers.close()


def calls():
    number = 0
    while True:
        number += 1
        yield f"pbx1-1763800000.{number}"


def release(workers):
    """A draft whose first menu does not speak of readings."""
    judge, text = workers.judge, workers.judge.files.texts["main"].replace(SPOKEN, SILENT)
    with workers.store.session() as db:
        row = records.new(db, "odesa", "vira", NOW)
        records.edit(db, "odesa", 1, 1, "vira", NOW, files=judge.files, texts={"main": text})
        records.note_check(row, judge.base, judge.found("odesa", row.changes), NOW)
        records.publish(db, "odesa", 1, row.version, records.State(), judge.base, "vira", NOW)


def to_files(workers):
    with workers.store.session() as db:
        seen, base = records.state(db, "odesa"), workers.judge.base
        records.roll_back(db, "odesa", seen, "vira", NOW, base=base, to_files=True)


def record(workers):
    """Another greeting, published; the name of its sound."""
    found = upload.read(audio.wav(audio.tone(1500).wide), "Вітаємо.")
    with workers.store.session() as db:
        recorded.keep(db, "odesa", "main_greeting", "uk", "Вітаємо.", found, "vira", NOW)
        recorded.publish(db, "odesa", "main_greeting", "uk", 1, 1, None, "vira", NOW)
    return f"uk/r_main_greeting_{found.digest}"


def test_what_is_published_is_heard_and_a_call_keeps_its_flows_over_a_kill(workers):
    begins = calls()
    port, worker = workers.start()
    before = next(begins)
    old = workers.call(port, before)
    assert "uk/main_reading" in old
    assert "uk/main_greeting" in old

    release(workers)
    assert workers.hears(port, lambda heard: "uk/main_reading" not in heard, begins)
    during = next(begins)
    new = workers.call(port, during)
    assert "uk/main_reading" not in new

    sound = record(workers)
    assert workers.hears(port, lambda heard: sound in heard, begins)
    assert (workers.sounds / f"{sound}.wav").stat().st_size > 10_000
    assert "uk/main_greeting" not in workers.call(port, next(begins))

    to_files(workers)
    worker.kill()
    worker.wait()
    other, _ = workers.start()
    assert "uk/main_reading" not in workers.call(other, during)
    assert "uk/main_reading" in workers.call(other, before)
    assert "uk/main_reading" in workers.call(other, next(begins))

    with workers.store.session() as db:
        recorded.roll_back(db, "odesa", "main_greeting", "uk", 1, "vira", NOW)
    assert workers.hears(other, lambda heard: "uk/main_greeting" in heard, begins)
