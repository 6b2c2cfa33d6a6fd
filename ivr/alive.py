"""Signs of life in Redis: a part that is frozen or dead gives none."""

from __future__ import annotations

import contextlib
import threading

import redis

from ivr.rounds import Rounds

EVERY = 2.0
"""Seconds between two signs."""
LIFE = 30.0
"""Seconds that a part counts as alive after its last one: what is killed is started again."""


def key(name: str) -> str:
    """Return where the sign of a part is."""
    return f"press2:alive:{name}"


class Alive(Rounds):
    """Gives signs of life of one process. name: of the part, "jobs" or "worker 5040"."""

    def __init__(self, client: redis.Redis, name: str, stopping: threading.Event) -> None:
        super().__init__("alive", stopping, EVERY)
        self._client = client
        self._key = key(name)

    def round(self) -> None:
        """Give one; without Redis nobody asks for it."""
        with contextlib.suppress(redis.RedisError):
            self._client.set(self._key, 1, px=int(1000 * LIFE))


def found(client: redis.Redis, key: str) -> bool | None:
    """Tell whether a key is there, None: Redis does not answer."""
    try:
        return bool(client.exists(key))
    except redis.RedisError:
        return None
