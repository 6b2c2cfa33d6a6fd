"""Callers in danger whom no operator answers: to the dispatcher's telephone. So are those whose
flow led them there once: hospitals, while nobody is signed in.

    waits for `danger.after` s -> tell "overdue" -> his flow says it and lets him wait on, with the
    slot `outside` -> he stands in the wait -> send_out -> answered: he leaves the queue
                                                            -> else: to his flow, which keeps it

He keeps his place all the time: an operator who becomes free first gets him. Whoever was ready
before has had his chance: once somebody was rung in vain, or a talk broke off, no further telephone
keeps the dispatcher's from ringing (`claims`; he is `away` then), and none rings longer than until
it is time for that (`ring`). What was said, and how often, stands in his ticket (`outside`,
`outside_count`), so another matchmaker goes on where this one died; it only counts the time until
the telephone rings again anew.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ivr.agent_queue.model import Ticket
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.matchmaker.means import Means
from ivr.matchmaker.switch import SwitchDown
from ivr.terms import Terms

logger = logging.getLogger(__name__)

DANGER = "danger"
PLACED = ("waiting", "away")
PAUSE = 5.0
"""Seconds between two things done about one caller: he hears the first one out."""
SHORTEST = 5.0
"""Seconds that an operator's telephone rings at least."""
LOOK = 1.0
"""Seconds until a caller is looked for again who does not stand in the wait now."""


class Overdue:
    """Leads them there. `sweep` and `stands` may be called from any thread, `step` from one."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._due: dict[str, float] = {}
        self._acted: dict[str, float] = {}
        self._dialled: dict[str, int] = {}
        self._tried: dict[str, float] = {}
        self._stood: dict[str, float] = {}

    def minds(self, ticket: Ticket) -> bool:
        """Tell whether this caller is put through when no operator answers."""
        profile = self._means.companies.get(ticket.company)
        if profile is None or ticket.kind != "call" or not profile.terms.contacts.dispatcher:
            return False
        led = bool(ticket.context.get("outside_count"))  # a hospital, while nobody was signed in
        return led or ticket.priority == DANGER or profile.word_of(ticket.queue) == DANGER

    def sweep(self, tickets: Sequence[Ticket]) -> None:
        """Look when each is due. tickets: all that are not done."""
        mine = [ticket for ticket in tickets if self.minds(ticket)]
        live = {ticket.id for ticket in mine}
        for known in (self._acted, self._dialled, self._tried, self._stood):
            for name in known.keys() - live:
                known.pop(name, None)
        self._due = {each.id: self._when(each) for each in mine if each.state in PLACED}

    def stands(self, ticket: Ticket) -> None:
        """Take note of a caller who stands in the wait."""
        if self.minds(ticket) and ticket.state in PLACED:
            self._due[ticket.id] = self._when(ticket)

    def claims(self, ticket: Ticket, now: float) -> bool:
        """Tell whether an offer that is not carried out yet is not to be: he waits for the
        dispatcher.
        """
        if not self.minds(ticket):
            return False
        if ticket.context.get("outside"):
            return not self._was_dialled(ticket)
        left = self._when(ticket) - now
        return ticket.offers > 0 and left < SHORTEST

    def ring(self, ticket: Ticket, now: float, usual: float) -> float:
        """Return for how long an operator's telephone rings for him, in seconds."""
        left = self._when(ticket) - now if self.minds(ticket) else usual
        return min(usual, max(left, SHORTEST))

    def step(self, now: float) -> float | None:
        """Act on whoever is due; when the next one is."""
        late = [name for name, at in list(self._due.items()) if at <= now]
        if late:
            try:
                self._act(late, now)
            except SwitchDown as reason:
                logger.warning("callers in danger wait for an exchange: %s", reason)
                self._due.update(dict.fromkeys(late, now + LOOK))
        return min(list(self._due.values()), default=None)

    # ------------------------------------------------------------------ one caller

    def _terms(self, ticket: Ticket) -> Terms:
        profile = self._means.companies.get(ticket.company)
        return profile.terms if profile else Terms()

    def _when(self, ticket: Ticket) -> float:
        terms = self._terms(ticket).danger
        soonest = self._acted.get(ticket.id, 0.0) + PAUSE
        if ticket.context.get("outside"):  # he has heard that he is put through
            return soonest if self._was_dialled(ticket) else 0.0
        again = 0.0
        if _count(ticket):
            again = self._tried.setdefault(ticket.id, self._means.now()) + terms.again
        # He has waited since he stood in the queue, not while he heard the warning before it; of
        # one whom an operator was rung for in vain before this matchmaker knew him, that is all
        # that is known.
        since = ticket.entered if ticket.offers else ticket.since
        return max(self._stood.setdefault(ticket.id, since) + terms.after, again, soonest)

    def _was_dialled(self, ticket: Ticket) -> bool:
        """Whether the dispatcher's telephone has rung since he heard that it would."""
        return self._dialled.get(ticket.id) == _count(ticket)

    def _act(self, late: Sequence[str], now: float) -> None:
        """Do what is due, for those who stand in the wait and hear nothing else."""
        standing = {live.call for live in self._means.switch.calls() if live.where == "wait"}
        for name in late:
            ticket = self._means.queue.ticket(name)
            if ticket is None or ticket.state not in PLACED or not self.minds(ticket):
                self._due.pop(name, None)
            elif (when := self._when(ticket)) > now:
                self._due[name] = when
            elif name not in standing:
                self._due[name] = now + LOOK
            else:
                self._acted[name] = now
                self._due[name] = now + PAUSE
                self._lead(ticket, now)

    def _lead(self, ticket: Ticket, now: float) -> None:
        if not ticket.context.get("outside"):
            self._means.switch.tell(ticket, "overdue")
            return
        target = self._destination(ticket)
        if target is None or self._was_dialled(ticket):  # in vain, and nobody told him
            self._means.switch.tell(ticket, "unavailable")
            return
        ring = self._terms(ticket).danger.ring
        self._means.switch.send_out(ticket, target, ring)
        self._dialled[ticket.id], self._tried[ticket.id] = _count(ticket), now
        waited = round(now - ticket.entered, 1)
        self._means.note(ticket, "sent_out", queue=ticket.queue, to="dispatcher", waited=waited)

    def _destination(self, ticket: Ticket) -> Destination | None:
        profile = self._means.companies[ticket.company]
        try:
            return destination(profile.terms.contacts.dispatcher, profile.calling, profile.region)
        except RefusedNumber as reason:
            logger.error("%s: the dispatcher's number is refused: %s", profile.id, reason.reason)
            return None


def _count(ticket: Ticket) -> int:
    """How often his flow has said that he is put through."""
    count = ticket.context.get("outside_count")
    return count if isinstance(count, int) else 0
