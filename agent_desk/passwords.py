"""Passwords: argon2 hashes, random new ones, and a check that takes equally long for everybody."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LONGEST = 200
"""Characters of a password; more is not even hashed."""
AT_ONCE = threading.BoundedSemaphore(4)
"""A hash takes 64 MiB and a core for a while: a flood of sign-ins must not take all of both."""
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another."""

_hasher = PasswordHasher()


def hashed(password: str) -> str:
    """Return the hash that is stored."""
    with AT_ONCE:
        return _hasher.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Tell whether a password is the stored one; None (nobody of this name) takes as long."""
    with AT_ONCE, suppress(VerificationError, InvalidHashError):
        _hasher.verify(stored or _nobody(), password)
        return stored is not None
    return False


def outdated(stored: str) -> bool:
    """Tell whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def new_password() -> str:
    """Return a random password that can be read out and typed: 16 letters and digits in fours."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex(16))
