"""How loud a caller is, against the noise of his line: where his speech begins and where it ends.

Loudness alone says nothing of words: the recogniser decides what was speech, this one when. What
never grows quiet (music, a hum) is the noise of the line; what does not change is a tone.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from operator import mul
from typing import NamedTuple

from ivr.speech.g711 import RATE

FRAME = RATE // 50
"""Samples of a frame: 20 ms."""
SECOND = RATE // FRAME
"""Frames."""
FLOOR = 2 * SECOND
"""Frames whose quietest is the noise of the line; speech pauses more often than that."""
ABOVE = 10.0
"""dB above the quietest frame from which one is voiced."""
FAINT = -50.0
"""dBFS below which nothing is voiced, however quiet the line is."""
JOINED = 0.3
"""Seconds of silence within one run of voice: a stop, a breath."""
STOP = 0.06
"""Seconds of silence inside a word, before a `t` or a `k`, that break no stretch of voice."""
KEPT = 60
"""Seconds of voiced frames, and silences, that are remembered."""
LAGS = (1, 2, 3, 5, 8)
"""Samples between the two copies of a frame that are compared: a rough shape of its spectrum."""
ALIKE = 0.04
"""By how much the shapes of a tone differ at most, in 40 ms; vowels differ by more."""


def level(samples: array[int]) -> float:
    """Return how loud samples are. dBFS (RMS), -100 of digital silence."""
    power = sum(map(mul, samples, samples)) / max(1, len(samples))
    return 10 * math.log10(power / 32768**2) if power > 0.1 else -100.0


def shape(samples: array[int]) -> tuple[float, ...]:
    """Return a rough shape of the spectrum: the normalised autocorrelation at `LAGS`."""
    power = sum(map(mul, samples, samples)) or 1
    return tuple(sum(map(mul, samples[lag:], samples)) / power for lag in LAGS)


class Frame(NamedTuple):
    """A voiced frame. end: seconds heard. loud: dBFS. steady: it sounds as 40 ms before."""

    end: float
    loud: float
    steady: bool


class Voice(NamedTuple):
    """What is voiced. loud: dBFS, median; steady: share of it that does not change, 0..1.

    run: seconds of the longest stretch without a break longer than `STOP`.
    """

    seconds: float
    loud: float
    steady: float
    run: float


class Levels:
    """The loudness of one caller while a question is open. Times: seconds heard so far.

    began: where the last run of voice began. voiced: end of the last voiced frame.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.began = 0.0
        self.voiced = 0.0
        self._silences: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._frames: deque[Frame] = deque(maxlen=KEPT * SECOND)
        self._recent: deque[float] = deque(maxlen=FLOOR)
        self._shapes: deque[tuple[float, ...]] = deque([(), ()], maxlen=2)
        self._rest = array("h")

    def hear(self, samples: array[int]) -> None:
        """Take the next samples."""
        self._rest.extend(samples)
        whole = len(self._rest) // FRAME * FRAME
        for start in range(0, whole, FRAME):
            self._frame(self._rest[start : start + FRAME])
        del self._rest[:whole]

    def _frame(self, samples: array[int]) -> None:
        begin, loud = self.now, level(samples)
        self.now += 1 / SECOND
        self._recent.append(loud)
        if loud < max(FAINT, min(self._recent) + ABOVE):
            self._shapes.append(())
            return
        if begin - self.voiced > JOINED:
            self._silences.append((self.voiced, begin))
            self.began = begin
        self.voiced = self.now
        before, here = self._shapes[0], shape(samples)
        self._shapes.append(here)
        steady = bool(before) and max(map(_distance, before, here)) < ALIKE
        self._frames.append(Frame(self.now, loud, steady))

    def since(self, begin: float) -> Voice:
        """Return what was voiced after a time."""
        frames = [each for each in self._frames if each.end > begin]
        if not frames:
            return Voice(0.0, -100.0, 0.0, 0.0)
        loud = sorted(each.loud for each in frames)[len(frames) // 2]
        steady = sum(each.steady for each in frames) / len(frames)
        return Voice(len(frames) / SECOND, loud, steady, _longest(frames))

    def pause(self, begin: float, end: float, least: float) -> bool:
        """Whether there was a silence of `least` seconds between two times."""
        return any(
            min(end, stop) - max(begin, start) >= least - 1 / SECOND
            for start, stop in self._silences
        )


def _longest(frames: list[Frame]) -> float:
    """Return how long voice lasts at most without a break, in seconds."""
    longest, last, begin = 0.0, -1.0, 0.0
    for frame in frames:
        if frame.end - last > STOP + 1.5 / SECOND:
            begin = frame.end - 1 / SECOND
        longest, last = max(longest, frame.end - begin), frame.end
    return longest


def _distance(one: float, other: float) -> float:
    return abs(one - other)
