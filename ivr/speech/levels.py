"""How loud a caller is, against the noise of his line: where his speech begins and where it ends.

Loudness alone says nothing of words: the recogniser decides what was speech, this one when.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from operator import mul

RATE = 8000
FRAME = RATE // 50
"""Samples of a frame: 20 ms."""
SECOND = RATE // FRAME
"""Frames."""
FLOOR = 2 * SECOND
"""Frames whose quietest is the noise of the line; speech pauses more often than that."""
ABOVE = 12.0
"""dB above the quietest frame from which one is voiced."""
FAINT = -50.0
"""dBFS below which nothing is voiced, however quiet the line is."""
JOINED = 0.3
"""Seconds of silence within one run of voice: a stop, a breath."""
KEPT = 30
"""Silences that are remembered."""


def level(samples: array[int]) -> float:
    """Return how loud samples are. dBFS (RMS), -100 of digital silence."""
    power = sum(map(mul, samples, samples)) / max(1, len(samples))
    return 10 * math.log10(power / 32768**2) if power > 0.1 else -100.0


class Levels:
    """The loudness of one caller while a question is open. Times: seconds heard so far.

    began: where the present run of voice began, or the last one. voiced: end of the last voiced
    frame. silences: (begin, end) of those between runs.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.began = 0.0
        self.voiced = 0.0
        self.silences: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.frames: deque[tuple[float, float]] = deque(maxlen=60 * SECOND)
        self._recent: deque[float] = deque(maxlen=FLOOR)
        self._rest = array("h")

    def hear(self, samples: array[int]) -> None:
        """Take the next samples."""
        self._rest.extend(samples)
        whole = len(self._rest) // FRAME * FRAME
        for start in range(0, whole, FRAME):
            self._frame(level(self._rest[start : start + FRAME]))
        del self._rest[:whole]

    def _frame(self, loud: float) -> None:
        self._recent.append(loud)
        self.now += 1 / SECOND
        if loud < max(FAINT, min(self._recent) + ABOVE):
            return
        silent = self.now - 1 / SECOND - self.voiced
        if silent > JOINED:
            self.silences.append((self.voiced, self.now - 1 / SECOND))
            self.began = self.now - 1 / SECOND
        self.voiced = self.now
        self.frames.append((self.now, loud))

    def since(self, begin: float) -> tuple[float, float]:
        """Return the seconds voiced since `begin`, and how loud they are (dBFS, median)."""
        loud = sorted(each for at, each in self.frames if at > begin)
        return len(loud) / SECOND, loud[len(loud) // 2] if loud else -100.0

    def pause(self, begin: float, end: float, least: float) -> bool:
        """Whether there was a silence of `least` seconds between two times."""
        return any(
            min(end, stop) - max(begin, start) >= least - 1 / SECOND
            for start, stop in self.silences
        )
