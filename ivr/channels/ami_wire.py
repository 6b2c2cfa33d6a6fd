"""A connection to one Asterisk's manager interface that is kept: made anew whenever it is lost."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ivr.channels.ami_link import Answer, Link, LinkLost, Message
from ivr.matchmaker import SwitchDown

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two attempts to connect."""
SAME_START = 5.0
"""Seconds by which two reckonings of one start may differ: Asterisk tells whole seconds."""


@dataclass(frozen=True)
class Exchange:
    """Where one Asterisk is asked. name: of the node, what its call ids begin with."""

    name: str
    host: str
    port: int
    user: str
    secret: str = field(repr=False)


class Wire:
    """The connection to one exchange, in a thread of its own.

    report: called with every event. found: called when the exchange is there (again): events may
    have been lost. up: it is there and has all its modules. started: when it was started, epoch
    seconds.
    """

    def __init__(
        self, exchange: Exchange, report: Callable[[Message], None], found: Callable[[], None]
    ) -> None:
        self.exchange = exchange
        self.started = 0.0
        self.up = False
        self._report = report
        self._found = found
        self._link: Link | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"ami-{exchange.name}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self) -> None:
        """End it for good."""
        self._over.set()
        if self._link is not None:
            self._link.close()
        self._thread.join()

    def ask(
        self, action: str, variables: Mapping[str, str] | None = None, **fields: str
    ) -> Message:
        """Do one action. SwitchDown: nobody can tell whether it was done."""
        head = self._do(Answer(), action, variables or {}, fields).head
        return head or Message([])

    def list(self, action: str, **fields: str) -> list[Message]:
        """Do an action that answers with a list and return its entries."""
        return self._do(Answer(listing=True), action, {}, fields).entries

    def later(self, task: Callable[[], None]) -> None:
        """Have `task` done in the thread that reports, after what is to be reported before."""
        if self._link is not None:
            self._link.later(task)

    def _do(
        self, answer: Answer, action: str, variables: Mapping[str, str], fields: Mapping[str, str]
    ) -> Answer:
        link = self._link
        if link is None:
            raise SwitchDown(f"no connection to {self.exchange.name}")
        try:
            return link.do(answer, {"Action": action, **fields}, variables)
        except LinkLost as error:
            raise SwitchDown(f"{self.exchange.name}: {error}") from error

    def _keep(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            try:
                self._serve()
                pause = FIRST_PAUSE
            except LinkLost as error:
                log.warning("AMI of %s: %s", self.exchange.name, error)
            # Many dispatchers lost it at the same moment; they do not come back at the same one.
            self._over.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def _serve(self) -> None:
        """Connect, and report until the connection is lost."""
        exchange = self.exchange
        link = Link((exchange.host, exchange.port), exchange.user, exchange.secret)
        self._link = link
        log.info("AMI of %s: connected", exchange.name)
        try:
            if not self._over.is_set():
                link.event_dispatch(self._take)
        finally:
            self.up = False
            link.close()
            log.info("AMI of %s: lost", exchange.name)

    def _take(self, message: Message) -> None:
        if message.get("Event") != "FullyBooted":
            self._report(message)
            return
        started = time.time() - float(message.get("Uptime") or 0)
        if abs(started - self.started) > SAME_START:
            self.started = started
        self.up = True
        self._found()
