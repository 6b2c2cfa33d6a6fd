"""The codecs of a telephone call, as 16-bit samples (ITU-T G.711)."""

from __future__ import annotations

from array import array
from collections.abc import Callable

RATE = 8000
"""Samples a second."""


def _alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = (mantissa << 4) + 8 if not exponent else ((mantissa << 4) + 0x108) << (exponent - 1)
    return size if code & 0x80 else -size


def _ulaw(code: int) -> int:
    code = ~code & 0xFF
    size = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return -size if code & 0x80 else size


def _decoder(value: Callable[[int], int]) -> Callable[[bytes], array[int]]:
    """Return what decodes by two tables: of the low and the high bytes of the samples."""
    pairs = [value(code).to_bytes(2, "little", signed=True) for code in range(256)]
    low, high = bytes(pair[0] for pair in pairs), bytes(pair[1] for pair in pairs)

    def decode(data: bytes) -> array[int]:
        samples = bytearray(2 * len(data))
        samples[0::2], samples[1::2] = data.translate(low), data.translate(high)
        return array("h", bytes(samples))

    return decode


def _linear(data: bytes) -> array[int]:
    return array("h", data[: len(data) // 2 * 2])


DECODERS: dict[str, Callable[[bytes], array[int]]] = {
    "alaw": _decoder(_alaw),
    "ulaw": _decoder(_ulaw),
    "slin": _linear,
}
"""By Asterisk's name of the codec; little-endian machines only, as vosk's own library."""
