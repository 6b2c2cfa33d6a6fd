"""The vosk models that a process recognises with: loaded once, probed, shared by all recognisers.

Every fault of a folder is one SetupError that names the setting and the mend: vosk itself only says
that it failed, or ends the process.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from ivr.errors import SetupError
from ivr.grammar import UNKNOWN
from ivr.speech.g711 import RATE

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    # before the library is loaded: threads of its own make many streams fall behind
    os.environ.setdefault(_variable, "1")

import vosk  # noqa: E402

vosk.SetLogLevel(-1)

APOSTROPHES = ("'", "\u2019", "\u02bc", "`", "")
"""The ways to write an apostrophe; ours is the first one."""
FOREIGN = 0.3
"""Share of a language's number words below which a model is of another language."""
WARMING = 0.5
"""Seconds of noise that a model hears before it counts as ready."""
LAYOUTS = (
    ("am/final.mdl", ("graph/HCLr.fst", "graph/Gr.fst")),
    ("final.mdl", ("HCLr.fst", "Gr.fst")),
)
"""Acoustic model, and the graph that grammars need: of the new and of the old layout."""


@dataclass(frozen=True)
class Model:
    """One loaded model. rate: samples a second it is fed with."""

    language: str
    folder: Path
    vosk: vosk.Model
    rate: int
    _spelled: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    def spelled(self, word: str) -> str | None:
        """Return how the model writes a word of ours, None where it does not know it."""
        if word not in self._spelled:
            self._spelled[word] = next(
                (
                    form
                    for mark in APOSTROPHES
                    if self.vosk.vosk_model_find_word(form := word.replace("'", mark)) >= 0
                ),
                None,
            )
        return self._spelled[word]

    def lacks(self, phrases: Iterable[str]) -> tuple[str, ...]:
        """Return the words of phrases that the model does not know, in order."""
        words = dict.fromkeys(word for phrase in phrases for word in plain(phrase).split())
        return tuple(word for word in words if self.spelled(word) is None)

    def grammar(self, phrases: Iterable[str]) -> dict[str, str]:
        """Return our spelling by the model's, of the phrases it knows every word of."""
        found = {}
        for phrase in map(plain, phrases):
            spelled = [self.spelled(word) for word in phrase.split()]
            if spelled and None not in spelled:
                found[" ".join(filter(None, spelled))] = phrase
        return found

    def recogniser(self, phrases: Iterable[str]) -> vosk.KaldiRecognizer:
        """Return a recogniser of these phrases, in the model's own spelling."""
        words = json.dumps([*phrases, UNKNOWN], ensure_ascii=False)
        made = vosk.KaldiRecognizer(self.vosk, self.rate, words)
        made.SetWords(True)
        return made

    def fed(self, samples: array[int]) -> bytes:
        """Return telephone samples as the model takes them."""
        return (samples if self.rate == RATE else doubled(samples)).tobytes()


def plain(phrase: str) -> str:
    """Return a phrase in lower case, with our apostrophe and single blanks."""
    for mark in APOSTROPHES[1:-1]:
        phrase = phrase.replace(mark, APOSTROPHES[0])
    return " ".join(phrase.casefold().split())


def doubled(samples: Sequence[int]) -> array[int]:
    """Return samples at twice the rate; between two of them lies a cubic curve."""
    if len(samples) < 2:
        return array("h", [each for each in samples for _ in (0, 1)])
    before = [samples[0], *samples[:-1]]
    after = [*samples[1:], samples[-1]]
    beyond = [*samples[2:], samples[-1], samples[-1]]
    made = array("h", bytes(4 * len(samples)))
    made[0::2] = array("h", samples)
    made[1::2] = array(
        "h",
        [
            max(-32768, min(32767, (9 * (here + right) - left - far) // 16))
            for left, here, right, far in zip(before, samples, after, beyond, strict=True)
        ],
    )
    return made


@dataclass(frozen=True)
class Measured:
    """What a model is and takes. size, memory: bytes; seconds: of loading; lacks: unknown words."""

    size: int
    seconds: float
    memory: int
    rate: int
    lacks: tuple[str, ...]


def measure(
    language: str, folder: Path, number_words: Sequence[str], phrases: Sequence[str]
) -> Measured:
    """Load a model in a process of its own, and tell what that took. Raises SetupError.

    phrases: all it should know.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        try:
            return process.submit(_measure, language, folder, number_words, phrases).result()
        except BrokenProcessPool as error:
            raise SetupError(
                f"[speech] model.{language} = {folder}: the process that loads it dies; "
                "unpack the model anew, or give the machine more memory"
            ) from error


def _measure(
    language: str, folder: Path, number_words: Sequence[str], phrases: Sequence[str]
) -> Measured:
    memory, begun = _memory(), time.monotonic()
    model = load(language, folder, number_words)
    seconds, taken = time.monotonic() - begun, _memory() - memory
    return Measured(size(folder), seconds, taken, model.rate, model.lacks(phrases))


def size(folder: Path) -> int:
    """Return the bytes of a folder on disk."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def load(language: str, folder: Path, number_words: Sequence[str] = ()) -> Model:
    """Load, probe and warm a model. Raises SetupError: it is none, or not fit for grammars.

    number_words: of the language; a model that knows hardly any of them is of another one.
    """
    setting = f"[speech] model.{language} = {folder}"
    _look(setting, folder)
    try:
        loaded = vosk.Model(str(folder))
    except Exception as error:  # vosk raises nothing narrower
        raise SetupError(f"{setting}: vosk cannot load it; unpack the model anew") from error
    model = Model(language, folder, loaded, _rate(setting, loaded))
    missing = len(model.lacks(number_words))
    known = len(set(number_words)) - missing
    if number_words and known < FOREIGN * len(set(number_words)):
        raise SetupError(
            f"{setting}: knows {known} of the {known + missing} number words of this language; "
            "name a model for it"
        )
    _warm(model, number_words)
    return model


def _look(setting: str, folder: Path) -> None:
    """Raise SetupError where the folder is no model that understands grammars."""
    if not folder.is_dir():
        raise SetupError(f"{setting}: no such folder; `app.py speech fetch` brings a model")
    layout = next((each for each in LAYOUTS if (folder / each[0]).is_file()), None)
    if layout is None:
        inner = sorted(each.parent.parent for each in folder.glob("*/am/final.mdl"))
        mend = f"did you mean {inner[0]}?" if inner else "`app.py speech fetch` brings one"
        raise SetupError(f"{setting}: no vosk model (am/final.mdl is missing); {mend}")
    acoustic, graph = layout
    if not all((folder / part).is_file() for part in graph):
        raise SetupError(
            f"{setting}: a model with a static graph, which cannot be restricted to a grammar "
            f"({' and '.join(graph)} are missing); take a small model of the language"
        )
    empty = [part for part in (acoustic, *graph) if not (folder / part).stat().st_size]
    if empty:
        raise SetupError(f"{setting}: {empty[0]} is empty; unpack the model anew")


def _rate(setting: str, loaded: vosk.Model) -> int:
    """Return the rate at which a model takes a silent frame: the telephone's, else twice that."""
    for rate in (RATE, 2 * RATE):
        try:
            # without a grammar: with one, a broken graph ends the process
            recogniser = vosk.KaldiRecognizer(loaded, rate)
        except Exception as error:  # vosk raises nothing narrower
            raise SetupError(f"{setting}: its graph is broken; unpack the model anew") from error
        try:
            recogniser.AcceptWaveform(bytes(rate // 5))
        except Exception:  # noqa: S112 - vosk raises nothing narrower: it takes another rate
            continue
        return rate
    raise SetupError(f"{setting}: takes neither 8 nor 16 kHz; take another model")


def _warm(model: Model, words: Sequence[str]) -> None:
    """Let the model hear noise once: what it makes at its first use is made before a call."""
    chance = Random(1)  # noqa: S311 - noise
    noise = array("h", [chance.randint(-500, 500) for _ in range(int(WARMING * RATE))])
    recogniser = model.recogniser(model.grammar(words))
    recogniser.AcceptWaveform(model.fed(noise))
    recogniser.FinalResult()


def _memory() -> int:
    """Return the bytes of memory this process has (proc(5))."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


Models = Mapping[str, Model]
"""The loaded models by language."""
