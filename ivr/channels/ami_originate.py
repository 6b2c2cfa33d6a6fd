"""Calls that press2 makes by itself: the connections to exchanges, and what becomes of a call."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from ivr.channels.ami_link import Message, event_mark
from ivr.channels.ami_wire import Exchange, Wire
from ivr.errors import Press2Error

TOKEN = re.compile(r"[a-z0-9]{1,80}")
NUMBER = re.compile(r"\+[0-9]{7,15}")


@dataclass
class Flight:
    """One call in the air. stages: what it has told of itself, in order."""

    answered: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    stages: list[str] = field(default_factory=list)

    def tell(self, *, over: bool) -> None:
        """Note that it was answered, or that it is over."""
        if over:
            self.over.set()
        self.answered.set()


class Originator:
    """Knows which exchange is there, and which calls are in the air. Thread-safe.

    action: what the ids of its actions begin with.
    """

    action = "press2-call-"

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._flights: dict[str, Flight] = {}
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

    def line(self) -> Wire | None:
        """Return the first exchange that is there."""
        return next((wire for wire in self._wires if wire.up), None)

    @contextmanager
    def flight(self, token: str) -> Iterator[Flight]:
        """Watch a call while the block lasts."""
        flight = self._flights[token] = Flight()
        try:
            yield flight
        finally:
            del self._flights[token]

    def _take(self, node: str, message: Message) -> None:
        match message.get("Event"):
            case "OriginateResponse":
                flight = self._flights.get(message.get("ActionID").removeprefix(self.action))
                if flight is not None:
                    flight.tell(over=message.get("Response") == "Failure")
            case "UserEvent" if message.get("Mark") == self._marks[node]:
                flight = self._flights.get(message.get("Token"))
                if flight is not None:
                    self.told(flight, message)

    def told(self, flight: Flight, message: Message) -> None:
        """Take an event that the dialplan sent of a call."""
        raise NotImplementedError


def _nothing() -> None:
    """Nothing is kept here that an exchange which is back could tell more about."""


def checked(form: re.Pattern[str], text: str) -> str:
    """Return a text of this form; Press2Error for any other: it is never sent."""
    if not form.fullmatch(text):
        raise Press2Error(f"AMI: {text!r} is not what may be sent")
    return text
