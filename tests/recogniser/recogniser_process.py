"""A real recogniser process on a free port, and a client that speaks as Asterisk does."""

from __future__ import annotations

import bisect
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from array import array
from pathlib import Path
from typing import Any

from telephone_speech import HOME, MODELS
from waiting import until
from websockets.sync.client import ClientConnection, connect

from ivr.speech.g711 import DECODERS
from ivr.speech.pool import Server

FRAME = 160
"""Samples of a message: 20 ms."""
_CODES = sorted((DECODERS["alaw"](bytes([code]))[0], code) for code in range(256))
_SIZES = [size for size, _ in _CODES]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alaw(samples: array[int]) -> bytes:
    """Samples as A-law: the next code above each."""
    last = len(_CODES) - 1
    return bytes(_CODES[min(bisect.bisect_left(_SIZES, each), last)][1] for each in samples)


class Process:
    """`app.py speech serve` with the small models; what it writes goes to `log`."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "log.txt"
        rows = [f"model.{language} = {path}" for language, path in MODELS.items()]
        rows += [f"{key} = {value}" for key, value in settings.items()]
        self.settings = folder / "telephony.conf"
        self.settings.write_text(
            f"[press2]\nvar = {folder / 'var'}\n[speech]\n" + "\n".join(rows) + "\n"
        )
        self.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def start(self) -> None:
        ready = f"ready: 127.0.0.1:{self.port}"
        lives = self.text().count(ready) if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, HOME / "app.py", "speech", "serve", "--port", str(self.port)],
                env=os.environ | {"PRESS2_CONF": str(self.settings)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert until(lambda: self.text().count(ready) > lives or self.ended(), 60), self.text()
        assert not self.ended(), self.text()

    def ended(self) -> bool:
        return self.process.poll() is not None

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def load(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/load", timeout=10) as answer:
            return json.load(answer)

    def logs(self, text: str) -> bool:
        """Whether the log has a text, or gets it soon."""
        return until(lambda: text in self.text())

    def server(self, name: str = "press2-0") -> Server:
        return Server(name, "127.0.0.1", self.port)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        if not self.ended():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


class Client:
    """One call: a WebSocket of AEAP."""

    def __init__(self, process: Process) -> None:
        self._opening = connect(
            f"ws://127.0.0.1:{process.port}", subprotocols=["speech_to_text"], compression=None
        )
        self._ids = itertools.count(1)
        self.results: list[dict[str, Any]] = []

    def __enter__(self) -> Client:
        self.socket: ClientConnection = self._opening.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._opening.__exit__(*error)

    def ask(self, request: str, **more: Any) -> dict[str, Any]:
        """Send a request; its answer. Results that come before it are kept."""
        asked = f"c{next(self._ids)}"
        self.socket.send(json.dumps({"request": request, "id": asked, **more}))
        while True:
            answer = self.receive()
            if answer.get("id") == asked:
                return answer
            self._take(answer)

    def setup(self, codec: str = "alaw") -> dict[str, Any]:
        return self.ask("setup", version="0.1.0", codecs=[{"name": codec}])

    def grammar(self, text: str) -> dict[str, Any]:
        return self.ask("set", params={"grammar": text})

    def speak(self, audio: bytes, size: int = FRAME) -> None:
        """Send audio, 20 ms a message."""
        for start in range(0, len(audio), size):
            self.socket.send(audio[start : start + size])

    def result(self) -> dict[str, Any]:
        """The next result."""
        while not self.results:
            self._take(self.receive())
        return self.results.pop(0)

    def receive(self) -> dict[str, Any]:
        return json.loads(self.socket.recv(timeout=30))

    def _take(self, message: dict[str, Any]) -> None:
        assert message["request"] == "set"
        self.results += message["params"]["results"]
        self.socket.send(json.dumps({"response": "set", "id": message["id"]}))
