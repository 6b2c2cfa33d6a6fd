"""Tones in A-law (ITU-T G.711), made and found again (Goertzel's filter)."""

from __future__ import annotations

import math
from functools import lru_cache

RATE = 8000
FRAME = 160
ENDS = (0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF, 0x3FFF, 0x7FFF)


def encode(sample: int) -> int:
    """Write a sample of 16 bits as one of A-law."""
    mask, size = (0xD5, sample) if sample >= 0 else (0x55, -sample - 1)
    segment = next((place for place, end in enumerate(ENDS) if size <= end), 7)
    shift = 4 if segment < 2 else segment + 3
    return ((segment << 4) | (size >> shift & 0x0F)) ^ mask


def decode(code: int) -> int:
    """Read one sample of A-law as 16 bits."""
    code ^= 0x55
    size, segment = (code & 0x0F) << 4, code >> 4 & 7
    size = size + 8 if segment == 0 else (size + 0x108) << (segment - 1)
    return size if code & 0x80 else -size


DECODED = [decode(code) for code in range(256)]


@lru_cache
def second(frequency: int) -> bytes:
    """Return one second of a tone; any number of them joined have no click."""
    turn = 2 * math.pi * frequency / RATE
    return bytes(encode(int(9000 * math.sin(turn * place))) for place in range(RATE))


def frame(frequency: int, number: int) -> bytes:
    """Return the 20 ms with this number of an endless tone."""
    at = number * FRAME % RATE
    return second(frequency)[at : at + FRAME]


def share(sound: bytes, frequency: float) -> float:
    """Return how much of a sound's power has this frequency: 0.0 to 1.0; of silence 0.0."""
    samples = [DECODED[code] for code in sound]
    power = sum(sample * sample for sample in samples)
    if power < len(samples) * 100**2:
        return 0.0
    factor, before, last = 2 * math.cos(2 * math.pi * frequency / RATE), 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    strength = last * last + before * before - factor * last * before
    return 2 * strength / (power * len(samples))
