"""A line: the caller's end of a call, as a call script or a person at a terminal holds it.

Every channel that call scripts run on has one. Time on a line is simulated: it moves by what is
spoken, keyed and waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from ivr.agent_queue.model import Ticket
from ivr.model import Caller

BARGE_IN = 1.5
"""Seconds a caller listens before he keys an answer he knows."""
KEY = 0.3
"""Seconds a key takes."""


OPERATOR = frozenset(
    (
        "answers", "no_answer", "drops", "returns", "ends", "transfers", "sends_to_reading",
        "sends_to_outage", "unreachable", "announces", "overdue", "withdraws",
    )
)  # fmt: skip
"""What an operator at the other end may do, or the matchmaker tells him: `unreachable`: no
telephone can be rung; `announces`: his place may be a better one; `withdraws`: a supervisor ends
his wait; `overdue`: in danger, and nobody has answered in time."""


class Clock:
    """Simulated time. now: aware datetime."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass (in real seconds, so that a clock change in between is right)."""
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Said:
    """One prompt as the caller heard it; keys may have cut it short."""

    text: str
    language: str


@dataclass
class Heard:
    """All that happened on a line so far.

    ended: None while the call goes on, else "completed", "caller", "operator", ...
    place: his ticket as it stood last, None where he never entered a queue. language: the
    caller's, at the end.
    """

    said: list[Said] = field(default_factory=list)
    ended: str | None = None
    place: Ticket | None = None
    language: str = ""


class Line(Protocol):
    """What a caller (and the operator at the other end) can do. Each call returns when the next
    question is open, the caller stands in a queue or the call is over; after that nothing happens.
    """

    heard: Heard

    def dial(self, caller: Caller) -> None:
        """Call."""

    def press(self, keys: str) -> None:
        """Press keys, cutting the prompt short; those for later questions cut theirs."""

    def speak(self, text: str, confidence: float) -> None:
        """Say something, as the recogniser heard it; a silence where nobody listens."""

    def silence(self) -> None:
        """Do nothing until the question times out."""

    def wait(self, seconds: float) -> None:
        """Wait in a queue."""

    def operator(self, word: str) -> None:
        """The operator answers, ends, ..."""

    def hang_up(self) -> None:
        """Hang up; nothing happens when the call is over."""


def act(line: Line, turn: Mapping[str, Any]) -> None:
    """Do one turn of a call script on a line: {"press": keys}, {"silence": ""}, ..."""
    if "press" in turn:
        line.press(turn["press"])
    elif "say" in turn:
        line.speak(turn["say"], float(turn.get("confidence", 1.0)))
    elif "silence" in turn:
        line.silence()
    elif "wait" in turn:
        line.wait(float(turn["wait"]))
    elif "operator" in turn:
        line.operator(turn["operator"])
    else:
        line.hang_up()
