"""Telephone speech for tests of the recogniser: shipped recordings joined, and what lines bring."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random

from bench import speech_line
from ivr.speech import audio

HOME = Path(__file__).parents[2]
MODELS = {
    language: HOME / "tests" / "models" / f"tiny-{language}" for language in ("uk", "ru", "en")
}
RATE = 8000


@cache
def recording(name: str) -> array[int]:
    """A shipped recording such as "uk/n_2"."""
    (sound,) = audio.decode([HOME / "prompts" / f"{name}.opus"])
    assert sound
    return array("h", sound.narrow.raw_data)


def silence(seconds: float) -> array[int]:
    """A quiet telephone line: noise at -60 dBFS."""
    chance = Random(seconds)
    return array("h", [round(chance.gauss(0, 30)) for _ in range(round(seconds * RATE))])


def spoken(*names: str | float, gap: float = 0.12) -> array[int]:
    """Recordings after half a second, with gaps between them; a number is seconds of silence."""
    said = silence(0.5)
    for name in names:
        said += silence(name) if isinstance(name, int | float) else recording(name) + silence(gap)
    return said


def digits(language: str, number: str, gap: float = 0.12) -> array[int]:
    """A number, digit by digit."""
    return spoken(*(f"{language}/n_{digit}" for digit in number), gap=gap)


def louder(samples: Iterable[int], decibels: float) -> array[int]:
    """The same at another level."""
    factor = 10 ** (decibels / 20)
    return array("h", [max(-32768, min(32767, round(each * factor))) for each in samples])


def made(seconds: float, wave: Callable[[float, Random], float]) -> array[int]:
    """A sound out of its wave: (time, chance) -> sample."""
    chance = Random(1)
    return array(
        "h",
        [
            max(-32768, min(32767, round(wave(n / RATE, chance) + chance.gauss(0, 20))))
            for n in range(round(seconds * RATE))
        ],
    )


def sine(frequency: float, time: float) -> float:
    return math.sin(2 * math.pi * frequency * time)


def _keys(time: float, _chance: Random) -> float:
    low, high = ((697, 1209), (770, 1336), (852, 1477), (941, 1336))[int(time / 0.4) % 4]
    return 8000 * (sine(low, time) + sine(high, time)) if time % 0.4 < 0.2 else 0


def _dog(time: float, chance: Random) -> float:
    at = time % 1.1
    size = math.exp(-(((at - 0.09) / 0.06) ** 2)) if at < 0.18 else 0.0
    pitch = 450 + 250 * math.sin(math.pi * at / 0.18)
    tones = sum(sine(pitch * part, time) / part for part in (1, 2, 3))
    return 6000 * size * (tones + chance.gauss(0, 0.6))


def _music(time: float, _chance: Random) -> float:
    note, at = (262, 330, 392, 523, 440, 349)[int(time / 0.35) % 6], time % 0.35
    tune = math.exp(-4 * at) * sum(sine(note * part, time) for part in range(1, 7))
    return 4000 * tune + 2000 * sine(131, time)


def _clicks(time: float, chance: Random) -> float:
    at = time % 0.875
    return chance.gauss(0, 6000) * math.exp(-at * 80) if at < 0.05 else 0


NOISES: dict[str, Callable[[float, Random], float]] = {
    "silence": lambda time, chance: 0,
    "hiss": lambda time, chance: chance.gauss(0, 1000),
    "keys": _keys,
    "busy": lambda time, chance: 6000 * sine(425, time) if time % 2 < 1 else 0,
    "dog": _dog,
    "music": _music,
    "clicks": _clicks,
}


def on_a_line(name: str, seed: int, seconds: float = 6.0) -> array[int]:
    """What a generator of the bench makes, at the level of speech, after half a second."""
    sound = getattr(speech_line, name)(seconds, Random(seed))
    loud = speech_line.levelled(speech_line.band(sound))
    return silence(0.5) + array("h", [round(32767 * max(-1.0, min(1.0, each))) for each in loud])
