"""Announcements in the wait: who is to hear that his wait has become shorter."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from ivr.agent_queue.model import Place, Ticket
from ivr.errors import Press2Error
from ivr.expected_wait import estimate, minutes
from ivr.matchmaker.means import Means
from ivr.matchmaker.switch import SwitchDown

logger = logging.getLogger(__name__)

AT_ONCE = 50
"""Callers led to an announcement in one sweep; the others have their turn in the next."""


class Announcer:
    """Sends callers to the announcement of their flow, when it would name fewer minutes.

    A caller hears a smaller number than before or nothing: the wait told never rises. spared: who
    is told other things.
    """

    def __init__(self, means: Means, spared: Callable[[Ticket], bool] = lambda _: False) -> None:
        self._means = means
        self._spared = spared
        self._sent: dict[str, float] = {}

    def sweep(self, tickets: Sequence[Ticket]) -> None:
        """Send those whose time has come. tickets: all that are not done, in order of service."""
        now = self._means.now()
        waiting = [ticket for ticket in tickets if ticket.state in ("waiting", "away")]
        live = {ticket.id for ticket in waiting}
        self._sent = {name: at for name, at in self._sent.items() if name in live}
        due = [
            (self._last(ticket), position, ticket)
            for position, ticket in _positions(waiting)
            if self._is_due(ticket, now)
        ]
        due.sort(key=lambda entry: entry[:2])
        places: dict[tuple[str, str], Place] = {}
        sent = 0
        for _, position, ticket in due:
            if sent < AT_ONCE and self._improved(ticket, position, places, now):
                self._send(ticket, now)
                sent += 1

    def _last(self, ticket: Ticket) -> float:
        """When he last heard of his wait."""
        return max(ticket.entered, ticket.told_at, self._sent.get(ticket.id, 0.0))

    def _is_due(self, ticket: Ticket, now: float) -> bool:
        rules = self._means.rules(ticket.company, ticket.queue)
        return (
            ticket.kind == "call"
            and ticket.state == "waiting"
            and not self._spared(ticket)
            and rules.announce > 0
            and now - self._last(ticket) >= rules.announce
        )

    def _improved(
        self,
        ticket: Ticket,
        position: int,
        places: dict[tuple[str, str], Place],
        now: float,
    ) -> bool:
        """Tell whether fewer minutes would be named; the queue's figures are asked once."""
        key = ticket.company, ticket.queue
        if key not in places:
            places[key] = self._means.queue.place(*key, now)
        place = replace(places[key], position=position)
        if place.serving == 0:
            return False
        rules = self._means.rules(*key)
        wait = estimate(place, self._means.companies[ticket.company].typical_talk, rules.wrap_up)
        return ticket.told is None or minutes(wait) < minutes(ticket.told)

    def _send(self, ticket: Ticket, now: float) -> None:
        self._sent[ticket.id] = now
        try:
            self._means.switch.tell(ticket, "announce")
        except (SwitchDown, Press2Error) as reason:
            logger.warning("call %s: no announcement: %s", ticket.id, reason)


def _positions(waiting: Sequence[Ticket]) -> list[tuple[int, Ticket]]:
    """Each ticket with its position in its own queue."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    positions = []
    for ticket in waiting:
        key = ticket.company, ticket.queue
        counted[key] += 1
        positions.append((counted[key], ticket))
    return positions
