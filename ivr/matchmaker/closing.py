"""Callers who wait in a queue that has closed, or that nobody serves any more.

They are led back to their flow, which says so and offers what it offers to whoever comes then: a
call-back, a message. Their place is kept meanwhile. Danger and priority sites wait on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from ivr import hours_changes
from ivr.agent_queue.model import Ticket
from ivr.errors import Press2Error
from ivr.matchmaker.means import Means
from ivr.matchmaker.switch import SwitchDown
from ivr.opening import Opening
from ivr.services.queues import AHEAD

logger = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds a queue may be without operators: one who lost his connection may come back."""
AT_ONCE = 50
"""Callers led out in one sweep; the others have their turn in the next."""


class Closing:
    """Leads them out of the wait. `sweep` is called every few seconds, from one thread."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._empty: dict[tuple[str, str], float] = {}
        self._opening: dict[str, Opening] = {}

    def sweep(self, tickets: Sequence[Ticket]) -> None:
        """Lead those out who wait in vain. tickets: all that are not done, in order of service."""
        now = self._means.now()
        waiting = [
            ticket
            for ticket in tickets
            if ticket.kind == "call"
            and ticket.state == "waiting"
            and ticket.priority not in AHEAD
            and ticket.held <= now
        ]
        queues = {(ticket.company, ticket.queue) for ticket in waiting}
        self._opening = self._openings({company for company, _ in queues})
        self._empty = {key: at for key, at in self._empty.items() if key in queues}
        shut = {key for key in queues if self._shut(*key, now)}
        for ticket in [each for each in waiting if (each.company, each.queue) in shut][:AT_ONCE]:
            self._lead_out(ticket, now)

    def _openings(self, companies: set[str]) -> dict[str, Opening]:
        """Return when the queues of these companies are open, as far as the store tells: without
        it the profiles alone count.
        """
        found = {name: self._means.companies.get(name) for name in companies}
        profiles = {name: profile for name, profile in found.items() if profile is not None}
        now = self._means.clock()
        try:
            with self._means.store.session(read_only=True) as db:
                return {
                    name: hours_changes.read(db, profile, now) for name, profile in profiles.items()
                }
        except (SQLAlchemyError, TimeoutError) as reason:
            logger.warning("changes of hours are not known now: %s", type(reason).__name__)
            return {name: profile.opening for name, profile in profiles.items()}

    def _shut(self, company: str, queue: str, now: float) -> bool:
        if company not in self._opening:
            return False
        if not self._opening[company].is_open(queue, self._means.clock()):
            return True
        other = self._means.rules(company, queue).overflow_to
        names = [queue, other] if other else [queue]
        if any(self._means.queue.place(company, name, now).serving for name in names):
            self._empty.pop((company, queue), None)
            return False
        return now - self._empty.setdefault((company, queue), now) >= PATIENCE

    def _lead_out(self, ticket: Ticket, now: float) -> None:
        """Tell one. An operator who is free at this moment has him already: `away` fails then."""
        if not self._means.queue.away(ticket.id, now):
            return
        try:
            self._means.switch.tell(ticket, "shut")
        except (SwitchDown, Press2Error) as reason:
            logger.warning("call %s waits on in a queue that is shut: %s", ticket.id, reason)
            self._means.queue.enter(ticket, now)
