"""The loop of `app.py dispatch`: holds the lease, wakes up for news, steps the matchmaker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ivr.agent_queue.lease import BEAT, Lease
from ivr.agent_queue.model import AgentQueue, Change, QueueDown
from ivr.matchmaker.core import Matchmaker

logger = logging.getLogger(__name__)


class Loop:
    """Runs one matchmaker until `stop`. Only who holds the lease acts.

    Whoever held it when the queue went away goes on: somebody must see to the callers who wait.
    beat: seconds between two renewals of the lease; the longest time between two steps, too.
    clock: seconds that never go back.
    """

    def __init__(
        self,
        matchmaker: Matchmaker,
        queue: AgentQueue,
        lease: Lease,
        beat: float = BEAT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._matchmaker = matchmaker
        self._queue = queue
        self._lease = lease
        self._beat = beat
        self._clock = clock
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._renew_at = 0.0
        matchmaker.stand_down()

    def run(self) -> None:
        """Act while the lease is ours, until `stop`; then give it back."""
        unsubscribe = self._queue.subscribe(self._changed)
        try:
            while not self._stopping.is_set():
                self._rest(self._act())
        finally:
            unsubscribe()
            self._resign()

    def stop(self) -> None:
        """End `run`; from any thread."""
        self._stopping.set()
        self._news.set()

    def wake(self) -> None:
        """Let the next step come now; from any thread."""
        self._news.set()

    def _changed(self, _change: Change) -> None:
        self._news.set()

    def _act(self) -> float:
        """Renew the lease when it is time, step if it is ours; seconds to rest at most."""
        self._news.clear()
        if self._clock() >= self._renew_at:
            self._renew()
            self._renew_at = self._clock() + self._beat
        rest = self._renew_at - self._clock()
        if self._matchmaker.leading:
            due = self._step()
            rest = rest if due is None else min(rest, due)
        return max(rest, 0.0)

    def _renew(self) -> None:
        """Take or renew the lease."""
        try:
            held = self._lease.hold()
        except QueueDown:
            return  # whose turn it was, it is
        if held and not self._matchmaker.leading:
            logger.info("this matchmaker acts from now on")
            self._matchmaker.lead()
        elif self._matchmaker.leading and not held:
            logger.warning("another matchmaker acts from now on")
            self._matchmaker.stand_down()

    def _step(self) -> float | None:
        try:
            return self._matchmaker.step()
        except Exception:
            logger.exception("a step of the matchmaker failed")
            self._matchmaker.resync()
            return self._beat

    def _rest(self, seconds: float) -> None:
        """Wait for news, who acts; for the next renewal, who does not."""
        if self._matchmaker.leading:
            self._news.wait(seconds)
        else:
            self._stopping.wait(seconds)

    def _resign(self) -> None:
        if self._matchmaker.leading:
            self._matchmaker.stand_down()
            try:
                self._lease.release()
            except QueueDown:
                logger.warning("the lease was not given back; it ends by itself")
