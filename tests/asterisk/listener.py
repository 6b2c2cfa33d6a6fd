"""A recogniser process of the product with the test model, and what callers say to it."""

from __future__ import annotations

import bisect
import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from array import array
from functools import cache
from pathlib import Path

from sip_caller import SipCaller

from ivr.speech import audio
from ivr.speech.g711 import DECODERS

ROOT = Path(__file__).parents[2]
DECODED = sorted((DECODERS["alaw"](bytes([code]))[0], code) for code in range(256))
VALUES = [value for value, _ in DECODED]


class Listener:
    """`app.py speech` on a port of its own; `start` after `kill` is another life of it."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self, limit: int = 4) -> None:
        """Listen to `limit` callers at once; return when the first may come."""
        settings = self.folder / "speech.conf"
        settings.write_text(
            f"[press2]\nvar = {self.folder}\n[speech]\nmodel.uk = {ROOT}/tests/models/tiny-uk\n"
            f"recognisers = {limit}\n"
        )
        with (self.folder / "speech.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "speech", "serve", "--port", str(self.port)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PRESS2_CONF": str(settings)},
            )
        assert self.process.stdout
        said = self.process.stdout.readline()
        assert said.startswith("ready"), self.logs()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def busy(self) -> int:
        """Return how many callers are listened to."""
        with urllib.request.urlopen(f"http://{self.address}/load", timeout=20) as answer:
            return json.load(answer)["busy"]

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None

    def logs(self) -> str:
        return (self.folder / "speech.log").read_text()


def alaw(samples: array[int]) -> bytes:
    """Return samples as A-law, each the nearest code's."""
    codes = bytearray()
    for sample in samples:
        at = bisect.bisect(VALUES, sample)
        around = DECODED[max(0, at - 1) : at + 1]
        codes.append(min(around, key=lambda known: abs(known[0] - sample))[1])
    return bytes(codes)


def silence(seconds: float) -> array[int]:
    """Return the samples of a quiet line."""
    chance = random.Random(1)
    return array("h", (chance.randint(-8, 8) for _ in range(int(seconds * 8000))))


def noise(seconds: float) -> bytes:
    """Return A-law of a line that hisses and crackles, as loud as a caller speaks."""
    chance = random.Random(2)
    hiss = array("h", (round(chance.gauss(0, 1500)) for _ in range(int(seconds * 8000))))
    for at in range(0, len(hiss), 2000):
        hiss[at] = 20000
    return alaw(hiss)


@cache
def say(*recordings: str, pause: float = 0.15, before: float = 0.2, after: float = 2.0) -> bytes:
    """Return A-law of shipped Ukrainian recordings, one after another, in the line's quiet.

    before, after: seconds of quiet; packets end with it.
    """
    paths = [ROOT / f"prompts/uk/{name}.opus" for name in recordings]
    line = silence(before)
    for place, sound in enumerate(audio.decode(paths)):
        assert sound, f"{paths[place]} holds no audio"
        line.extend(silence(pause) if place else ())
        line.extend(array("h", audio.polished(sound).narrow.raw_data))
    return alaw(line + silence(after))


def yes() -> bytes:
    """Return A-law of a caller who says yes again and again: under a prompt one is too short."""
    return say(*("word_yes",) * 6, pause=2.2)


def listened(event: dict[str, str]) -> bool:
    """Tell whether an event reports that a call is listened to."""
    return event.get("Event") == "Newexten" and event["Application"] == "SpeechBackground"


def hears_nothing_more(call: SipCaller) -> None:
    """Wait until speech has cut the prompt short and the caller is listened to in silence."""
    call.wait(
        lambda e: e.get("Uniqueid") == call.call and listened(e) and "tones/silence" in e["AppData"]
    )
