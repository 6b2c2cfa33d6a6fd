"""The visits of one ticket to queues, from the records of the queue's journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ivr.facts.model import Happening

RUNG = ("offered", "ringing")
QUEUED = ("waiting", *RUNG)


@dataclass
class Visit:
    """One life of a ticket in a queue. answered, over: when, None: not yet.

    talk: seconds in talks; talking: since when, None: nobody talks. rings: since when.
    """

    queue: str
    kind: str
    priority: str
    entered: datetime
    answered: datetime | None = None
    operator: str = ""
    over: datetime | None = None
    outcome: str = ""
    talk: float = 0.0
    talking: datetime | None = None
    rings: datetime | None = None


@dataclass
class Stay:
    """All visits of one ticket. began: of the call; who waited before it began waited elsewhere.

    state: the last one of the ticket, done apart.
    """

    ticket: str
    began: datetime | None = None
    visits: list[Visit] = field(default_factory=list)
    state: str = ""
    done: datetime | None = None

    def take(self, record: Happening) -> None:
        """Take the next record of the ticket."""
        details, at = record.details, record.at
        state, visit = details["state"], self.open
        if state == "done":
            self.done = at
            if visit is not None:
                self._end(visit, details, at)
            return
        self.done = None
        if visit is not None and not self._goes_on(visit, state, details):
            self._end(visit, {"outcome": "deflected"}, at)
            visit = None
        if visit is None and state in (*QUEUED, "talking"):
            visit = self._enter(details, at)
            self.visits.append(visit)
        if visit is not None:
            self._change(visit, state, details, at)
        self.state = state

    @property
    def open(self) -> Visit | None:
        """The visit that goes on."""
        return self.visits[-1] if self.visits and self.visits[-1].over is None else None

    @staticmethod
    def _goes_on(visit: Visit, state: str, details: Mapping[str, Any]) -> bool:
        """Tell whether this is the same visit; whoever was answered and waits again is in a new
        one, but for the operator of a broken talk who is back.
        """
        if visit.answered is None or state in ("talking", "broken"):
            return True
        return state in RUNG and visit.talking is None and details["operator"] == visit.operator

    def _enter(self, details: Mapping[str, Any], at: datetime) -> Visit:
        entered = datetime.fromtimestamp(details["entered"], UTC)
        first = not self.visits and details["kind"] == "call"
        own = first and entered <= at and (self.began is None or entered >= self.began)
        return Visit(details["queue"], details["kind"], details["priority"], entered if own else at)

    def _change(self, visit: Visit, state: str, details: Mapping[str, Any], at: datetime) -> None:
        if visit.answered is None:
            visit.queue, visit.priority = details["queue"], details["priority"]
        if visit.talking is not None and state != "talking":
            visit.talk += seconds(visit.talking, at)
            visit.talking = None
        visit.rings = (visit.rings or at) if state == "ringing" else None
        if state == "talking":
            if visit.answered is None:
                visit.answered, visit.operator = at, details["operator"]
                visit.outcome = "answered"
            visit.talking = visit.talking or at

    def _end(self, visit: Visit, details: Mapping[str, Any], at: datetime) -> None:
        if visit.answered is None and details["outcome"] == "answered":
            # The answer was lost with whoever was to report it.
            visit.answered = visit.talking = visit.rings or at
        if visit.talking is not None:
            visit.talk += seconds(visit.talking, at)
            visit.talking = None
        visit.over = at
        visit.outcome = "answered" if visit.answered else details["outcome"]


def stay(records: Sequence[Happening], began: datetime | None = None) -> Stay:
    """Return the visits of one ticket. records: of its journal, in order."""
    found = Stay(records[0].call if records else "", began)
    for record in records:
        found.take(record)
    return found


def seconds(since: datetime, until: datetime) -> float:
    """Return how long it was, to the millisecond; never below 0, should a clock go back."""
    return max(0.0, round((until - since).total_seconds(), 3))
