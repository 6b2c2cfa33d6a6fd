"""Re-sync: what the exchanges hold against what the queue believes.

Needed whenever reports may have been lost: another matchmaker takes over, a connection to an
exchange or to the queue is back, an exchange died. Nothing is concluded about the calls of an
exchange that does not answer now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ivr.agent_queue.model import Offer, Ticket
from ivr.errors import Press2Error
from ivr.matchmaker.ledger import Ledger
from ivr.matchmaker.means import Means
from ivr.matchmaker.promises import Promises
from ivr.matchmaker.switch import LiveCall, SwitchDown

logger = logging.getLogger(__name__)

FRESH = 2.0
"""Seconds in which a ticket's state may be newer than what the exchange told of its call."""
PLACED = ("waiting", "away", "offered", "ringing", "broken")


@dataclass(frozen=True)
class Repairs:
    """What a re-sync may do besides changing the queue itself."""

    connect: Callable[[Ticket, Offer], None]
    answered: Callable[[str], None]
    called_back: Callable[[str, str], None]


def resync(means: Means, ledger: Ledger, promises: Promises, repairs: Repairs) -> bool:
    """Repair every ticket whose call is not where the ticket says, and every call without one.

    True: some changed a moment ago and want another look `FRESH` seconds later.
    """
    before, calls, nodes = means.switch.nodes(), means.switch.calls(), means.switch.nodes()
    both = {name: at for name, at in nodes.items() if name in before}  # else its calls are missing
    tickets = means.tickets()
    ledger.load()
    return _Round(means, ledger, promises, repairs, both, calls).run(tickets)


class _Round:
    """One comparison."""

    def __init__(
        self,
        means: Means,
        ledger: Ledger,
        promises: Promises,
        repairs: Repairs,
        nodes: Mapping[str, float],
        calls: Sequence[LiveCall],
    ) -> None:
        self._means = means
        self._ledger = ledger
        self._promises = promises
        self._repairs = repairs
        self._nodes = nodes
        self._calls = {live.call: live for live in calls}
        self._tokens = {live.token: live for live in calls if live.token}
        self._now = means.now()

    def run(self, tickets: Sequence[Ticket]) -> bool:
        fresh = False
        for ticket in tickets:
            if ticket.state == "ringing":
                self._ledger.ringing(ticket)
            if self._now - ticket.since < FRESH:
                fresh = True
            elif ticket.kind == "callback":
                self._guarded(self._callback, ticket)
            elif ticket.node in self._nodes:
                self._guarded(self._call, ticket)
            self._ledger.settle(ticket.id)
        known = {ticket.id for ticket in tickets}
        for live in self._calls.values():
            if live.where == "wait" and live.call not in known:
                self._without_ticket(live)
        for name in self._ledger.watched() - known:
            self._ledger.settle(name)
        return fresh

    def _guarded(self, repair: Callable[[Ticket], None], ticket: Ticket) -> None:
        """Let one ticket that cannot be repaired not keep the others from it."""
        try:
            repair(ticket)
        except (SwitchDown, Press2Error) as reason:
            logger.warning("call %s is left as it is: %s", ticket.id, reason)

    def _call(self, ticket: Ticket) -> None:
        live = self._calls.get(ticket.id)
        if live is None:
            self._lost(ticket)
        else:
            self._compare(ticket, live)

    def _lost(self, ticket: Ticket) -> None:
        """Its call is over and nobody told."""
        queue = self._means.queue
        died = self._nodes[ticket.node] > ticket.entered
        if ticket.state == "talking":
            if queue.ended(ticket.id, self._now) and died:
                self._means.note(ticket, "ended", reason="exchange_lost")
            return
        if died and self._promises.promise_lost(ticket):
            logger.warning("call %s died with %s: to be called back", ticket.id, ticket.node)
        if queue.leave(ticket.id, "abandoned", self._now) and died:
            self._means.note(ticket, "ended", reason="exchange_lost")

    def _compare(self, ticket: Ticket, live: LiveCall) -> None:
        mine = bool(live.token) and live.token == ticket.token
        if ticket.state in ("offered", "ringing") and mine and live.talking:
            self._repairs.answered(ticket.token)
        elif ticket.state == "ringing" and live.where in ("wait", "outside") and not live.talking:
            self._repairs.connect(ticket, _offer(ticket))
        elif ticket.state == "away" and live.where == "wait":
            self._means.queue.enter(ticket, self._now)  # nobody led him out of it
        elif ticket.state == "talking" and live.where == "wait":
            self._means.queue.ended(ticket.id, self._now)
            self._without_ticket(live)
        elif ticket.state in PLACED and (
            live.where == "other" or (live.where == "outside" and live.talking)
        ):
            self._means.queue.leave(ticket.id, "deflected", self._now)

    def _callback(self, ticket: Ticket) -> None:
        """A call-back has a call only while its operator is rung, or talks."""
        if ticket.state not in ("ringing", "talking"):
            return
        live = self._tokens.get(ticket.token) or self._calls.get(ticket.id)
        operator = self._means.queue.operator(ticket.company, ticket.operator)
        if live is not None:
            if live.talking and ticket.state == "ringing":
                self._repairs.called_back(ticket.token, "answered")
        elif operator is None or operator.node not in self._nodes:
            return
        elif ticket.state == "talking":
            self._means.queue.ended(ticket.id, self._now)
        else:
            self._repairs.called_back(ticket.token, "lost")

    def _without_ticket(self, live: LiveCall) -> None:
        """He hears music and nobody knows him: his flow lets him enter again."""
        ticket = Ticket(live.call, "", "", self._now, node=live.node, leg=live.leg)
        try:
            self._means.switch.tell(ticket, self._means.way_out(live.call))
        except (SwitchDown, Press2Error) as reason:
            logger.warning("call %s waits without a ticket: %s", live.call, reason)


def _offer(ticket: Ticket) -> Offer:
    return Offer(ticket.token, ticket.company, ticket.id, ticket.operator, ticket.since)
