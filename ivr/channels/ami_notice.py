"""Calls to people who asked to be told something, over an Asterisk's trunk.

The dialplan's [press2-notice] takes whoever answers to a worker, who begins the flow `restored`.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ivr.channels.ami_link import Message, event_mark
from ivr.channels.ami_wire import Exchange, Wire
from ivr.errors import Press2Error
from ivr.matchmaker import SwitchDown
from ivr.services.telling import NoLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ivr.destination import Destination

log = logging.getLogger(__name__)

ACTION = "press2-notice-"
TOKEN = re.compile(r"[a-z0-9]{1,80}")
ABOUT = re.compile(r"[0-9]{1,18}")
NUMBER = re.compile(r"\+[0-9]{7,15}")
TALK = 120.0
"""Seconds somebody who answered is waited for; a talk with an operator goes on without."""
GRACE = 5.0
"""Seconds after the ringing in which Asterisk tells how it ended."""


@dataclass
class _Flight:
    """One call in the air."""

    answered: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class AsteriskDialler:
    """Dials over the trunk of the first exchange that answers. Thread-safe.

    trunk: name of it in Asterisk's configuration.
    """

    def __init__(self, exchanges: Iterable[Exchange], trunk: str = "trunk") -> None:
        self._trunk = trunk
        self._flights: dict[str, _Flight] = {}
        self._marks = {}
        self._wires = []
        for exchange in exchanges:
            self._marks[exchange.name] = event_mark(exchange.secret)
            self._wires.append(Wire(exchange, partial(self._take, exchange.name), _nothing))

    def start(self) -> None:
        """Connect."""
        for wire in self._wires:
            wire.start()

    def stop(self) -> None:
        """Disconnect; the calls go on."""
        for wire in self._wires:
            wire.stop()

    def call(self, target: Destination, source: str, about: str, token: str, ring: float) -> None:
        """Call, and return when the call is over, or when nothing was heard of it for long."""
        wire = next((wire for wire in self._wires if wire.up), None)
        if wire is None:
            raise NoLine("no exchange answers")
        with self._flight(_checked(TOKEN, token)) as flight:
            try:
                answer = wire.ask(
                    "Originate",
                    {
                        "PRESS2_NOTICE": _checked(ABOUT, about),
                        "PRESS2_TOKEN": token,
                        "PRESS2_NUMBER": _checked(NUMBER, target.number),
                        "PRESS2_FROM": _checked(NUMBER, source),
                    },
                    Channel=f"PJSIP/{target.number}@{self._trunk}",
                    # The head of a call's id is the name of its exchange.
                    ChannelId=f"{wire.exchange.name}-{token}",
                    Context="press2-notice",
                    Exten="s",
                    Priority="1",
                    Timeout=str(round(ring * 1000)),
                    CallerID=f"<{source}>",
                    Async="true",
                    ActionID=f"{ACTION}{token}",
                )
            except SwitchDown as reason:  # it may ring all the same
                log.warning("notice %s: %s", token, reason)
            else:
                if answer.refused:
                    raise NoLine(f"{wire.exchange.name} refuses: {answer.get('Message')}")
            if flight.answered.wait(ring + GRACE):
                flight.over.wait(TALK)

    @contextmanager
    def _flight(self, token: str) -> Iterator[_Flight]:
        flight = self._flights[token] = _Flight()
        try:
            yield flight
        finally:
            del self._flights[token]

    def _take(self, node: str, message: Message) -> None:
        match message.get("Event"):
            case "OriginateResponse":
                self._tell(
                    message.get("ActionID").removeprefix(ACTION),
                    over=message.get("Response") == "Failure",
                )
            case "UserEvent" if message.get("Mark") == self._marks[node]:
                if message.get("UserEvent") == "Press2NoticeOver":
                    self._tell(message.get("Token"), over=True)

    def _tell(self, token: str, *, over: bool) -> None:
        flight = self._flights.get(token)
        if flight is not None:
            if over:
                flight.over.set()
            flight.answered.set()


def _nothing() -> None:
    """Nothing is kept here that an exchange which is back could tell more about."""


def _checked(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise Press2Error(f"AMI: {text!r} is not what may be sent")
    return text
