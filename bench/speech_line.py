"""What a telephone does to a sound: a narrow band, 13 bits on a logarithmic scale, noise.

Everything is 8 kHz mono. A sound is an `array("d")` of -1..1 until `frames` makes A-law of it.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator

from ivr.speech import music

RATE = 8000
FRAME = 160
"""Samples of 20 ms, one RTP packet."""
LOW, HIGH = 300.0, 3400.0
"""Hz that a telephone line lets through (ITU-T G.712)."""
BUTTERWORTH = (0.5412, 1.3066)
"""Q of the two sections of a filter of fourth order."""
QUIET = 10 ** (-66 / 20)
"""The noise of a line on which nobody speaks."""
SPEECH = 10 ** (-20 / 20)
"""Level (RMS) callers speak at."""

Sound = array  # of "d"


def band(sound: Sound) -> Sound:
    """Keep 300 to 3400 Hz: Butterworth, 24 dB an octave at both ends."""
    for kind, corner in (("high", LOW), ("low", HIGH)):
        for quality in BUTTERWORTH:
            sound = _section(sound, kind, corner, quality)
    return sound


def _section(sound: Sound, kind: str, corner: float, quality: float) -> Sound:
    """One filter of second order (R. Bristow-Johnson's cookbook), transposed direct form II."""
    turn = math.tau * corner / RATE
    cosine, alpha = math.cos(turn), math.sin(turn) / (2 * quality)
    edge = (1 + cosine if kind == "high" else 1 - cosine) / 2 / (1 + alpha)
    b0, b1 = edge, (-2 if kind == "high" else 2) * edge
    a1, a2 = -2 * cosine / (1 + alpha), (1 - alpha) / (1 + alpha)
    first = second = 0.0
    passed = array("d", bytes(8 * len(sound)))
    for at, value in enumerate(sound):
        out = b0 * value + first
        first = b1 * value - a1 * out + second
        second = b0 * value - a2 * out
        passed[at] = out
    return passed


def level(sound: Sound) -> float:
    """Return the RMS of a sound, 0..1."""
    return math.sqrt(sum(value * value for value in sound) / len(sound)) if sound else 0.0


def spoken(sound: Sound) -> tuple[int, int]:
    """Return where speech begins and ends: steps of 10 ms within 25 dB of the loud ones."""
    step = RATE // 100
    strengths = [level(sound[at : at + step]) for at in range(0, len(sound), step)]
    loud = sorted(strengths)[int(len(strengths) * 0.9)] * 10 ** (-25 / 20)
    places = [place for place, strength in enumerate(strengths) if strength > loud]
    return (places[0] * step, (places[-1] + 1) * step) if places else (0, len(sound))


def levelled(sound: Sound, wanted: float = SPEECH) -> Sound:
    """Bring the spoken part of a sound to a level."""
    begin, end = spoken(sound)
    gain = wanted / (level(sound[begin:end]) or 1.0)
    return array("d", (gain * value for value in sound))


def over(sound: Sound, noise: Sound, ratio: float) -> Sound:
    """Put noise under a sound, its own level `ratio` dB below that of the speech."""
    begin, end = spoken(sound)
    gain = level(sound[begin:end]) / (level(noise) or 1.0) * 10 ** (-ratio / 20)
    size = len(noise)
    return array("d", (value + gain * noise[at % size] for at, value in enumerate(sound)))


def silence(seconds: float, seed: int = 0) -> Sound:
    """Return the noise of a line on which nobody speaks."""
    chance = random.Random(seed)
    return array("d", (QUIET * chance.uniform(-1.7, 1.7) for _ in range(int(seconds * RATE))))


def frames(sound: Sound) -> Iterator[bytes]:
    """Yield A-law packets of 20 ms; the last one is filled with silence."""
    samples = [max(-32768, min(32767, round(32768 * value))) for value in sound]
    for at in range(0, len(samples), FRAME):
        yield bytes(ALAW[sample] for sample in samples[at : at + FRAME]).ljust(FRAME, b"\xd5")


def _encoded(sample: int) -> int:
    """Return the A-law byte (ITU-T G.711) of a 16-bit sample."""
    sign, size = (0x80, sample >> 3) if sample >= 0 else (0, (-sample - 1) >> 3)
    segment = max(0, size.bit_length() - 5)
    shown = size >> (segment if segment > 1 else 1) & 0xF
    return (sign | segment << 4 | shown) ^ 0x55


ALAW = [_encoded(sample if sample < 32768 else sample - 65536) for sample in range(65536)]
"""A byte a sample; a negative sample finds its own from the end."""


# ---------------------------------------------------------------- noise


def white(seconds: float, chance: random.Random) -> Sound:
    """Return noise of the same strength at all frequencies."""
    return array("d", (chance.uniform(-0.3, 0.3) for _ in range(int(seconds * RATE))))


def pink(seconds: float, chance: random.Random) -> Sound:
    """Return noise that loses 3 dB an octave: three leaky sums (P. Kellet's economy filter)."""
    a = b = c = 0.0
    sound = array("d")
    for value in white(seconds, chance):
        a = 0.99765 * a + 0.0990460 * value
        b = 0.96300 * b + 0.2965164 * value
        c = 0.57000 * c + 1.0526913 * value
        sound.append((a + b + c + 0.1848 * value) / 4)
    return sound


def hum(seconds: float, chance: random.Random) -> Sound:
    """Return the hum of the mains: 50 Hz and its odd and even companions."""
    parts = [(50 * n, chance.uniform(0.01, 0.1) / n, chance.uniform(0, 6)) for n in range(1, 15)]
    turns = (math.tau * at / RATE for at in range(int(seconds * RATE)))
    return array("d", (sum(a * math.sin(f * turn + b) for f, a, b in parts) for turn in turns))


def melody(seconds: float, chance: random.Random) -> Sound:
    """Return a stretch of the product's own music for the wait."""
    whole = music.loop()
    begin = chance.randrange(len(whole))
    return array("d", (whole[(begin + at) % len(whole)] / 4 for at in range(int(seconds * RATE))))


ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)


def keys(seconds: float, chance: random.Random) -> Sound:
    """Return keys that are pressed: 0.1 to 0.3 s of two tones each, pauses between."""
    sound = array("d")
    while len(sound) < seconds * RATE:
        row, column = chance.choice(ROWS), chance.choice(COLUMNS)
        for at in range(int(chance.uniform(0.1, 0.3) * RATE)):
            turn = math.tau * at / RATE
            sound.append(0.2 * (math.sin(row * turn) + math.sin(column * turn)))
        sound.extend(silence(chance.uniform(0.1, 0.8)))
    return sound[: int(seconds * RATE)]


def barking(seconds: float, chance: random.Random) -> Sound:
    """Return bursts like a dog's: 0.2 s of a falling tone with its partials and breath."""
    sound = array("d")
    while len(sound) < seconds * RATE:
        pitch, length = chance.uniform(450, 750), int(chance.uniform(0.15, 0.25) * RATE)
        turn = 0.0
        for at in range(length):
            turn += math.tau * pitch * (1 - 0.35 * at / length) / RATE
            shape = math.sin(math.pi * at / length) ** 0.5
            tones = sum(math.sin(n * turn) / n for n in range(1, 6))
            sound.append(0.2 * shape * (tones + chance.uniform(-0.8, 0.8)))
        sound.extend(silence(chance.choice((0.15, 0.25, 0.8))))
    return sound[: int(seconds * RATE)]


def babble(seconds: float, chance: random.Random, voices: list[Sound]) -> Sound:
    """Return five people at once in another room: shreds of speech, shuffled, one on the other."""
    size = int(seconds * RATE)
    sound = array("d", bytes(8 * size))
    for _ in range(5):
        at = 0
        while at < size:
            voice = chance.choice(voices)
            length = min(int(chance.uniform(0.2, 0.5) * RATE), len(voice), size - at)
            begin = chance.randrange(len(voice) - length + 1)
            for place in range(length):
                sound[at + place] += 0.4 * voice[begin + place]
            at += length
    return sound
