"""A running press2, seen from outside."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


def until(true: Callable[[], object], seconds: float = 20) -> object:
    """Poll until `true()`; the answer of the last poll."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def free_ports(count: int) -> list[int]:
    """Ports that neither TCP nor UDP uses now, one after the other."""
    for first in range(23000, 33000, 50):
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for port in range(first, first + count):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return list(range(first, first + count))
    raise AssertionError("no free ports")


@dataclass
class Press2:
    """A running `app.py run`. page: address of the start page."""

    process: subprocess.Popen[bytes]
    var: Path
    screen: Path
    page: str

    def log(self) -> str:
        path = self.var / "log" / "press2.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def health(self) -> dict[str, tuple[int, int]]:
        """(up, of) of each part."""
        try:
            with urllib.request.urlopen(self.page + "health", timeout=10) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        return {part["name"]: (part["up"], part["of"]) for part in told["parts"]}

    def pids(self, part: str = r"\w+") -> list[int]:
        """Process ids of a part, in the order of its starts."""
        found = re.findall(rf" {part} +\| ready, process (\d+)", self.log())
        return [int(pid) for pid in found]

    def questions(self) -> list[str]:
        """Return the step of every question that a worker asked, "main.menu"."""
        return re.findall(r"turn \d+ ([\w.]+): ask", self.log())

    def readings(self) -> list[str]:
        """Value of every reading in the store."""
        with closing(sqlite3.connect(self.var / "press2.db")) as store:
            return [row[0] for row in store.execute("select value from readings order by id")]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)
