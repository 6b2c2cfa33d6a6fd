"""Operators' time: stretches that tile it from the first sign-in on, without gap or overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ivr.facts.model import Happening


@dataclass
class Span:
    """A stretch in which an operator did the same. ended: None while it lasts."""

    company: str
    operator: str
    began: datetime
    status: str
    reason: str
    state: str
    ticket: str
    queue: str = ""
    ended: datetime | None = None

    @property
    def away(self) -> bool:
        """Tell whether he is not there at all."""
        return self.status == "offline" and self.state == "idle"

    def like(self, other: Span) -> bool:
        """Tell whether this is the same occupation."""
        return self._what() == other._what()

    def _what(self) -> tuple[str, ...]:
        return self.status, self.reason, self.state, self.ticket


def span_of(company: str, record: Happening, queues: Mapping[str, str]) -> Span:
    """Return the stretch that begins with a record of the journal. queues: of tickets."""
    details = record.details
    ticket = str(details["ticket"])
    return Span(
        company=company,
        operator=str(details["operator"]),
        began=record.at,
        status=str(details["status"]),
        reason=str(details["reason"]),
        state=str(details["state"]),
        ticket=ticket,
        queue=queues.get(ticket, "") if ticket else "",
    )


def follow(last: Span | None, new: Span) -> tuple[Span | None, Span | None]:
    """Let `new` follow an operator's last stretch: the one that ended, the one that lasts now.

    The records of one queue come in the order of its changes; where clocks of two processes differ,
    a stretch does not begin before the one before it. Who was never there has no stretch.
    """
    if last is None:
        return None, None if new.away else new
    if last.like(new):
        return None, last
    new.began = max(new.began, last.began)
    last.ended = new.began
    return last, new
