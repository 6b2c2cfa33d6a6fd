"""How many callers a recogniser process listens to, how soon they hear of it, what memory it takes.

The process is the product's (`app.py speech`), on one core of its own; callers are WebSockets that
send A-law frames at the pace of speech, as Asterisk does.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench import speech_corpus as corpus
from bench import speech_line as line
from ivr.grammar import number_words
from ivr.speech import models as vosk_models
from ivr.speech import recogniser

HOME = Path(__file__).parents[1]
LEVELS = (4, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 128, 160, 200)
"""Callers at once, one level after the other."""
SECONDS = 8.0
"""How long a level is held."""
TOO_LATE = 0.1
"""Seconds behind the audio at p99 from which callers are too many."""
QUESTIONS = 20
"""Recognisers that are opened to see what one takes."""


@dataclass(frozen=True)
class Utterance:
    """What a caller says. at: when the result is due, end: when the speech ends, in seconds."""

    grammar: str
    frames: tuple[bytes, ...]
    at: float
    end: float


@dataclass
class Level:
    """What happened with so many callers. Seconds: lags behind the audio, from end of speech."""

    callers: int
    lags: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    failed: int = 0
    slipped: float = 0.0
    """Seconds the bench itself was late with a frame, at most."""
    cpu: float = 0.0
    """Share of its core that the process used."""

    @property
    def too_many(self) -> bool:
        """Whether so many callers hear of their results too late, or not at all."""
        return bool(self.failed) or self.p(0.99) > TOO_LATE

    def p(self, share: float) -> float:
        """Return a percentile of the lags."""
        return sorted(self.lags)[int(len(self.lags) * share)] if self.lags else 99.0


@contextmanager
def served(models: Mapping[str, Path], core: int | None = None) -> Iterator[tuple[str, int]]:
    """Run a recogniser process, on one core where it is named: its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="press2-bench-") as name:
        named = "".join(f"model.{each} = {path.resolve()}\n" for each, path in models.items())
        settings = Path(name, "telephony.conf")
        settings.write_text(
            f"[press2]\nvar = {name}/var\nlog_level = warning\n"
            f"[speech]\nport = {port}\nrecognisers = 1000\n{named}"
        )
        command = [sys.executable, "app.py", "speech"]
        pinned = ["taskset", "-c", str(core), *command] if core is not None else command
        with Path(name, "log").open("wb") as log:
            process = subprocess.Popen(
                pinned,
                cwd=HOME,
                env={**os.environ, "PRESS2_CONF": str(settings)},
                stdout=subprocess.PIPE,
                stderr=log,
            )
            try:
                assert process.stdout
                if not process.stdout.readline().startswith(b"ready"):
                    raise SystemExit(Path(name, "log").read_text()[-500:])
                yield f"ws://127.0.0.1:{port}", process.pid
            finally:
                process.terminate()
                process.wait()


async def call(address: str, said: Sequence[Utterance], level: Level, until: float) -> None:
    """Be one caller: say one thing after the other until the time is over."""
    async with connect(address, subprotocols=["speech_to_text"], compression=None) as line_:
        await ask(line_, {"request": "setup", "version": "0.1.0", "codecs": [{"name": "alaw"}]})
        for utterance in said:
            if time.monotonic() > until:
                return
            await ask(line_, {"request": "set", "params": {"grammar": utterance.grammar}})
            await speak(line_, utterance, level)


async def ask(line_: ClientConnection, request: Mapping[str, Any]) -> None:
    """Send a request and wait for its response."""
    await line_.send(json.dumps({**request, "id": "b"}))
    while "response" not in json.loads(await line_.recv()):
        pass


async def speak(line_: ClientConnection, utterance: Utterance, level: Level) -> None:
    """Say one thing at the pace of speech, and note when the result comes."""
    begun = time.monotonic()
    sending = asyncio.create_task(send(line_, utterance, begun, level))
    try:
        async with asyncio.timeout(len(utterance.frames) / 50 + 5):
            told = json.loads(await line_.recv())["params"]["results"][0]
    except TimeoutError:
        told = {"grammar": "none"}
    finally:
        sending.cancel()
    took = time.monotonic() - begun
    if told["grammar"].startswith("answer"):
        level.lags.append(took - utterance.at)
        level.late.append(took - utterance.end)
    else:
        level.failed += 1


async def send(line_: ClientConnection, utterance: Utterance, begun: float, level: Level) -> None:
    """Send a frame every 20 ms."""
    for number, frame in enumerate(utterance.frames, 1):
        await asyncio.sleep(begun + number / 50 - time.monotonic())
        level.slipped = max(level.slipped, time.monotonic() - begun - number / 50)
        await line_.send(frame)


async def held(address: str, pid: int, said: Sequence[Utterance], callers: int) -> Level:
    """Hold one level of callers for a while."""
    level = Level(callers)
    until = time.monotonic() + SECONDS
    before = cpu(pid)

    async def begin(number: int) -> None:
        await asyncio.sleep(number / callers)
        turned = [said[(number + place) % len(said)] for place in range(99)]
        await call(address, turned, level, until)

    begun = time.monotonic()
    await asyncio.gather(*(begin(number) for number in range(callers)))
    level.cpu = (cpu(pid) - before) / (time.monotonic() - begun)
    return level


def capacity(models: Mapping[str, Path], said: Sequence[Utterance]) -> Iterator[Level]:
    """Yield levels of callers on one core, until two of them are too many."""
    cores = sorted(os.sched_getaffinity(0))
    with served(models, cores[0]) as (address, pid):
        os.sched_setaffinity(0, cores[1:] or cores)
        over = 0
        try:
            for callers in LEVELS:
                level = asyncio.run(held(address, pid, said, callers))
                yield level
                over = over + 1 if level.too_many else 0
                if over == 2:
                    return
        finally:
            os.sched_setaffinity(0, cores)


def cpu(pid: int) -> float:
    """Return the seconds of processor time a process has used (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory() -> int:
    """Return the bytes of memory this process has (proc(5))."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Weight:
    """What a model takes. size, model, question: bytes on disk, in memory, of one question."""

    size: int
    seconds: float
    model: int
    question: int


def weigh(language: str, folder: Path) -> Weight:
    """Load a model in a process of its own, and open questions with it in another one."""
    taken = vosk_models.measure(language, folder, number_words(language), ())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        question = pool.apply(_weigh, (language, folder))
    return Weight(taken.size, taken.seconds, taken.memory, question)


def _weigh(language: str, folder: Path) -> int:
    """Return the bytes that an open question takes."""
    loaded = vosk_models.load(language, folder, number_words(language))
    asked = recogniser.asked(corpus.question("account", language, [language]).grammar.text())
    sound = corpus.joined(language, ["n_5", "n_2", "n_7"], [300, 300, 300])
    samples = array("h", (round(32000 * value) for value in line.levelled(line.band(sound))))

    def opened() -> recogniser.Question:
        made = recogniser.Question(
            {language: loaded}, corpus.product()[0], asked, recogniser.Rules()
        )
        for at in range(0, len(samples), recogniser.CHUNK):
            made.hear(samples[at : at + recogniser.CHUNK])
        return made

    kept = [opened() for _ in range(3)]
    before = memory()
    kept += [opened() for _ in range(QUESTIONS)]
    return (memory() - before) // QUESTIONS
