"""A telephone that sends a tone of its own and knows which tones it hears in which call."""

from __future__ import annotations

import math
import sys
from collections import deque
from pathlib import Path

from sip_phone import Dialog, SipPhone

sys.path.insert(0, str(Path(__file__).parent.parent))

from twilio_emulator import tones

CALLER, OPERATOR, SUPERVISOR, OTHER = 425, 675, 1025, 1425
"""Hertz; each fits whole turns into the piece that is listened to."""
PIECE = 20
"""Frames of 20 ms that are listened to at once."""
LOUD, QUIET = 1500.0, 150.0
"""Amplitudes: a tone is sent with 9000; between the two nobody can tell."""


class TunedPhone(SipPhone):
    """tone: its frequency; 0: it sends what every other one does."""

    tone = 0

    def voice(self, dialog: Dialog) -> bytes:
        if not self.tone:
            return super().voice(dialog)
        return tones.frame(self.tone, self.stamp // tones.FRAME)

    def listen(self, dialog: Dialog, sound: bytes) -> None:
        if sound[1] & 0x7F == 8:
            ear = dialog.__dict__.setdefault("ear", deque(maxlen=PIECE))
            ear.append(sound[12:])

    def hears(self, dialog: Dialog, *frequencies: int) -> None:
        """Wait until exactly these tones are heard; then they are, and no other is, for a while.

        A busy machine may leave a gap in what is heard, but puts no tone into it.
        """
        self.until(lambda: heard(dialog) == set(frequencies))
        for _ in range(3):
            packets = dialog.heard
            self.until(lambda since=packets: dialog.heard >= since + PIECE)
            others = {each for each in heard(dialog) if each > 0} - set(frequencies)
            assert not others, levels(dialog)
            self.until(lambda: heard(dialog) == set(frequencies))


def heard(dialog: Dialog) -> set[int]:
    """Return the tones in the last piece; what is neither loud nor quiet is told as negative."""
    sound = b"".join(dialog.__dict__.get("ear", ()))
    if len(sound) < PIECE * tones.FRAME:
        return set()
    found = set()
    for frequency in (CALLER, OPERATOR, SUPERVISOR, OTHER):
        level = amplitude(sound, frequency)
        if level > QUIET:
            found.add(frequency if level > LOUD else -frequency)
    return found


def levels(dialog: Dialog) -> dict[int, int]:
    """Return how loud each tone is in the last piece."""
    sound = b"".join(dialog.__dict__.get("ear", ()))
    return {f: round(amplitude(sound, f)) for f in (CALLER, OPERATOR, SUPERVISOR, OTHER)}


def amplitude(sound: bytes, frequency: float) -> float:
    """Return how loud a frequency is (Goertzel's filter)."""
    factor, before, last = 2 * math.cos(2 * math.pi * frequency / tones.RATE), 0.0, 0.0
    for code in sound:
        before, last = last, tones.DECODED[code] + factor * last - before
    strength = last * last + before * before - factor * last * before
    return 2 * math.sqrt(max(strength, 0.0)) / len(sound)
