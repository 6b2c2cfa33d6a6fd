"""A ticket, an operator and the sorted sets, with what only the queue needs to know of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ivr.agent_queue.line import Line
from ivr.agent_queue.model import Operator, Ticket
from ivr.agent_queue.order import DAY, LONGEST_CONSULT

GONE = ("offline", "idle")


@dataclass
class Slip:
    """A ticket and what only the queue needs to know of it.

    until: end of offer, ringing, away or broken. over: queue whose operators serve it besides.
    met: an operator has talked with him. back: the offer brings the same two together again.
    """

    ticket: Ticket
    until: float = 0.0
    over: str = ""
    met: bool = False
    back: bool = False


@dataclass
class Seat:
    """An operator and what only the queue needs to know of him.

    wrap, pause: end of his wrap-up, limit of his pause. asks: token of the consult he began.
    """

    operator: Operator
    wrap: float = 0.0
    pause: float = 0.0
    asks: str = ""

    @property
    def free(self) -> bool:
        """Tell whether he may be offered a ticket."""
        return self.operator.status == "ready" and self.operator.state == "idle"

    @property
    def serving(self) -> bool:
        """Tell whether he counts as one who serves his queues."""
        return self.operator.status != "offline" and self.operator.state != "disconnected"

    @property
    def steady(self) -> bool:
        """Tell whether a ticket may be held for him."""
        return self.operator.status == "ready" and self.operator.state != "disconnected"

    @property
    def until(self) -> float:
        """Return the end of his wrap-up or the limit of his pause, 0: none."""
        if self.operator.state == "wrap_up":
            return self.wrap
        return self.pause if self.operator.status == "paused" else 0.0


@dataclass
class Lines:
    """The sorted sets; see docs/queue.md.

    wait: who may be matched, by queue and priority, scored by `entered`. rest: who keeps a place
    there but is away or held. held: by operator. free: operators by queue. live: all tickets that
    are not done, by rank. due: "t:ID" and "o:NAME" by time.
    """

    wait: defaultdict[tuple[str, str], Line] = field(default_factory=lambda: defaultdict(Line))
    rest: defaultdict[tuple[str, str], Line] = field(default_factory=lambda: defaultdict(Line))
    held: defaultdict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    free: defaultdict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    live: Line = field(default_factory=Line)
    due: Line = field(default_factory=Line)


def ends(seat: Seat) -> float:
    """Return when the state of an operator ends by itself, 0: never."""
    operator = seat.operator
    if operator.state == "wrap_up":
        return seat.wrap
    if operator.state == "talking" and not operator.ticket:
        return operator.since + LONGEST_CONSULT
    if operator.state == "disconnected" or (operator.status, operator.state) == GONE:
        return operator.since + DAY
    return 0.0
