"""When each desk was last open, and which tabs lost the say, as all web processes see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import redis

KEPT = 60
"""Seconds a sign of life is kept."""
RETIRED = 24 * 3600
"""Seconds in which a tab that lost the say does not get it back by itself."""


class Presence(Protocol):
    """Signs of life of desks."""

    def seen(self, company: str, login: str) -> None:
        """Note that a desk is open now."""

    def last(self, company: str, logins: Sequence[str]) -> dict[str, float]:
        """Return when each was last open, seconds since 1970; those long gone are left out."""

    def retire(self, company: str, login: str, tab: str) -> None:
        """Note that a newer tab took the say from this one."""

    def retired(self, company: str, login: str, tab: str) -> bool:
        """Tell whether a tab lost the say."""


class MemoryPresence:
    """For one web process. Who was not seen yet since the start counts as seen at the start."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._began = clock()
        self._seen: dict[tuple[str, str], float] = {}
        self._retired: dict[tuple[str, str, str], None] = {}

    def seen(self, company: str, login: str) -> None:
        """Note that a desk is open now."""
        self._seen[company, login] = self._clock()

    def last(self, company: str, logins: Sequence[str]) -> dict[str, float]:
        """Return when each was last open."""
        return {login: self._seen.get((company, login), self._began) for login in logins}

    def retire(self, company: str, login: str, tab: str) -> None:
        """Note that a newer tab took the say from this one."""
        self._retired[company, login, tab] = None
        while len(self._retired) > 10_000:
            self._retired.pop(next(iter(self._retired)))

    def retired(self, company: str, login: str, tab: str) -> bool:
        """Tell whether a tab lost the say."""
        return (company, login, tab) in self._retired


class RedisPresence:
    """For any number of web processes.

    `press2:desk:COMPANY:LOGIN` holds the moment, `press2:desk:COMPANY:LOGIN:TAB` a retired tab.
    """

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._began = clock()

    def seen(self, company: str, login: str) -> None:
        """Note that a desk is open now."""
        self._client.set(_key(company, login), f"{self._clock():.3f}", ex=KEPT)

    def last(self, company: str, logins: Sequence[str]) -> dict[str, float]:
        """Return when each was last open."""
        with self._client.pipeline(transaction=False) as pipe:
            for login in logins:
                pipe.get(_key(company, login))
            values = pipe.execute()
        # Desks may need a moment to come back after a restart of this process.
        return {
            login: max(float(value or 0.0), self._began)
            for login, value in zip(logins, values, strict=True)
        }

    def retire(self, company: str, login: str, tab: str) -> None:
        """Note that a newer tab took the say from this one."""
        self._client.set(f"{_key(company, login)}:{tab}", 1, ex=RETIRED)

    def retired(self, company: str, login: str, tab: str) -> bool:
        """Tell whether a tab lost the say."""
        return bool(self._client.exists(f"{_key(company, login)}:{tab}"))


def _key(company: str, login: str) -> str:
    return f"press2:desk:{company}:{login}"
