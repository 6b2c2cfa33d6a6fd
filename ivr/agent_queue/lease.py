"""Leases: which of several processes does what only one may do.

A matchmaker acts, a sampler measures, somebody watches and somebody calls ourselves: each has a
lease of its own. It lives for three seconds and is renewed every second.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import redis

from ivr.agent_queue.model import QueueDown
from ivr.rounds import Rounds, beside

logger = logging.getLogger(__name__)

DISPATCH = "press2:dispatch:lease"
"""Where the matchmaker that acts is written down."""
BEAT = 1.0
"""Seconds between two renewals."""
SECONDS = 3.0
"""Life of a lease that is not renewed. Renewed every `BEAT`, a dead holder is succeeded in four."""

# KEYS[1]: the lease. ARGV: token, milliseconds.
_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] or not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Lease(Protocol):
    """What at most one process holds at a time."""

    def hold(self) -> bool:
        """Take or renew it; False: another one holds it. QueueDown: nobody can tell."""

    def release(self) -> None:
        """Give it back, so that the next one need not wait for its end."""


class RedisLease:
    """A key that names its holder and lives for `seconds` after each renewal."""

    def __init__(self, client: redis.Redis, key: str, seconds: float = SECONDS) -> None:
        self.holder = secrets.token_hex(8)
        self._client = client
        self._keys = [key]
        self._milliseconds = int(seconds * 1000)
        self._hold = client.register_script(_HOLD)
        self._release = client.register_script(_RELEASE)

    def hold(self) -> bool:
        """Take or renew it."""
        return self._ask(lambda: bool(self._hold(self._keys, [self.holder, self._milliseconds])))

    def release(self) -> None:
        """Give it back if it is still ours."""
        self._ask(lambda: bool(self._release(self._keys, [self.holder])))

    def _ask(self, question: Callable[[], bool]) -> bool:
        try:
            return question()
        except redis.RedisError as error:
            raise QueueDown(str(error)) from error


class MemoryLease:
    """The lease within one process: the first that asks holds it."""

    def __init__(self, held: list[object] | None = None) -> None:
        """Take the list that all of them share."""
        self._held = [] if held is None else held

    def hold(self) -> bool:
        """Take or renew it."""
        if not self._held:
            self._held.append(self)
        return self._held[0] is self

    def release(self) -> None:
        """Give it back."""
        if self._held and self._held[0] is self:
            self._held.clear()


class LeasedRounds(Rounds):
    """Rounds that many processes are ready for and one does; who ends lets another one."""

    def __init__(self, name: str, stopping: threading.Event, every: float, lease: Lease) -> None:
        super().__init__(name, stopping, every)
        self._lease = lease

    def run(self) -> None:
        """Work until the end, then give the lease back."""
        super().run()
        try:
            self._lease.release()
        except QueueDown:
            logger.info("the lease of %s was not given back; it ends by itself", self.name)


@contextmanager
def held(lease: Lease) -> Iterator[None]:
    """Renew a lease while something longer than its life goes on; whoever has it keeps it."""

    def renew() -> None:
        with suppress(QueueDown):
            lease.hold()

    with beside("lease", BEAT, renew):
        yield
