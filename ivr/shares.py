"""Choosing a share of calls so that every process chooses the same ones."""

import hashlib


def drawn(key: str) -> float:
    """Return where a key stands between 0 and 1; keys are spread evenly."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
