"""While the queue is away: callers keep their place and their music, for a while."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ivr.agent_queue.model import Ticket
from ivr.errors import Press2Error
from ivr.matchmaker.means import Means
from ivr.matchmaker.switch import LiveCall, SwitchDown

logger = logging.getLogger(__name__)

AT_ONCE = 20
"""Callers led out of the wait in one step, so that the workers can keep up."""


class Outage:
    """Leads callers out of the wait, oldest first, when the queue stays away.

    patience: seconds it may be away before.
    """

    def __init__(self, means: Means, patience: float) -> None:
        self._means = means
        self._patience = patience
        self._since: float | None = None
        self._known: dict[str, Ticket] = {}
        self._led: set[str] = set()

    def remember(self, tickets: Sequence[Ticket]) -> None:
        """Keep in mind who waits, for the time when nobody can be asked."""
        self._known = {ticket.id: ticket for ticket in tickets if ticket.kind == "call"}

    def step(self, now: float) -> None:
        """The queue did not answer."""
        if self._since is None:
            logger.error("the queue does not answer; callers keep their places")
            self._since = now
        if now - self._since < self._patience:
            return
        try:
            waiting = [live for live in self._means.switch.calls() if live.where == "wait"]
            for ticket in self._oldest(waiting)[:AT_ONCE]:
                self._lead_out(ticket)
        except SwitchDown:
            logger.warning("neither the queue nor an exchange answers")

    def _oldest(self, waiting: Sequence[LiveCall]) -> list[Ticket]:
        """Return those who are still to be led out; who entered unseen comes last."""
        now = self._means.now()
        tickets = [
            self._known.get(live.call)
            or Ticket(live.call, "", "", now, node=live.node, leg=live.leg)
            for live in waiting
            if live.call not in self._led
        ]
        return sorted(tickets, key=lambda ticket: (ticket.entered, ticket.id))

    def _lead_out(self, ticket: Ticket) -> None:
        try:
            self._means.switch.tell(ticket, "unavailable")
        except Press2Error as reason:
            logger.warning("call %s was not led elsewhere: %s", ticket.id, reason)
        self._led.add(ticket.id)

    def over(self) -> None:
        """The queue answers; those who were led out do not wait in it any more."""
        if self._since is None:
            return
        logger.warning("the queue answers again")
        now = self._means.now()
        for name in list(self._led):
            self._means.queue.leave(name, "deflected", now)
            self._led.discard(name)
        self._since = None
