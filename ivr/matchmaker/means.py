"""What every part of the matchmaker works with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ivr.agent_queue.model import AgentQueue, Rules, Ticket
from ivr.company import Company
from ivr.events import Entry, EventLog
from ivr.matchmaker.switch import Switch
from ivr.store.database import Store


@dataclass(frozen=True)
class Means:
    """The parts, handed over by whoever builds the matchmaker. clock: aware datetimes."""

    queue: AgentQueue
    switch: Switch
    store: Store
    companies: Mapping[str, Company]
    log: EventLog
    clock: Callable[[], datetime]

    def now(self) -> float:
        """Return the time as queues count it: seconds since 1970."""
        return self.clock().timestamp()

    def rules(self, company: str, queue: str) -> Rules:
        """Return how a queue is served."""
        profile = self.companies.get(company)
        return (profile.queues.get(queue) if profile else None) or Rules()

    def tickets(self) -> list[Ticket]:
        """Return every ticket that is not done, each company's in the order of service."""
        return [ticket for company in self.companies for ticket in self.queue.waiting(company)]

    def way_out(self, call: str) -> str:
        """Return what to tell a caller who waits and has no ticket: enter again, if he may."""
        ticket = self.queue.ticket(call)
        lost = ticket is not None and ticket.outcome == "abandoned"  # closed for good
        return "unavailable" if lost else "announce"

    def note(self, ticket: Ticket, kind: str, **details: Any) -> None:
        """Put what happens to a ticket now into the log of events."""
        self.note_at(self.clock(), ticket, kind, details)

    def note_at(self, at: datetime, ticket: Ticket, kind: str, details: dict[str, Any]) -> None:
        """Put what happened to a ticket at that time into the log of events."""
        self.log.append([Entry(ticket.company, ticket.id, at, kind, details=details)])


def moment(seconds: float) -> datetime:
    """Turn the queue's time into the store's."""
    return datetime.fromtimestamp(seconds, UTC)


def recording_of(ticket: Ticket, token: str) -> str:
    """Return the file (below the folder of recordings) of a talk; "" for one not recorded.

    The name follows from the talk alone: whoever connects it and whoever files it agree, even when
    the one was killed in between.
    """
    if ticket.context.get("unrecorded") in (True, "yes", "1", "true"):
        return ""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{ticket.id}-{token}")
    return f"talks/{moment(ticket.entered):%Y-%m-%d}/{plain}.wav"
