"""Orders that the desk and the flows send through the queue (`AgentQueue.send`).

Each is a plain document {"do": WORD, ...}:

    admit_phone     company, operator, digest, until   his browser's telephone may register
    dismiss_phone   company, operator                  and no more
    tell            ticket, outcome                    back to the flow, after queue.away/transfer
    send_out        ticket, number, operator           blind transfer to an outside number
    hang_up         ticket
    pause_recording ticket, paused
    call_back       callback, operator (or "")         a promise is taken now, out of turn
    raised          ticket, operator, reason           he comes first from now on: for the log
    withdraw        ticket, queue                      after queue.withdraw: he is told why
    listen          token                              a supervisor is let into a talk
    listen_as       token, mode                        he goes on so; take: the caller is his
    leave_talk      token                              he is hung up on

One that cannot be done because its exchange is away is tried again for `PATIENCE` seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ivr.agent_queue.model import Operator, Ticket
from ivr.destination import destination
from ivr.errors import Press2Error, RefusedNumber
from ivr.matchmaker.listenings import Listenings
from ivr.matchmaker.means import Means
from ivr.matchmaker.promises import Promises, refusal
from ivr.matchmaker.switch import SwitchDown

logger = logging.getLogger(__name__)

PATIENCE = 30.0
CONNECTED = ("ringing", "talking")
AGAIN = 1.0
"""Seconds between two tries."""

Order = Mapping[str, Any]


class Orders:
    """Carries orders out, one thread at a time."""

    def __init__(self, means: Means, promises: Promises, listenings: Listenings) -> None:
        self._means = means
        self._promises = promises
        self._later: list[tuple[float, Order]] = []
        self._next = 0.0
        self._words: dict[str, Callable[[Order], None]] = {
            "admit_phone": self._admit_phone,
            "dismiss_phone": self._dismiss_phone,
            "tell": self._tell,
            "send_out": self._send_out,
            "hang_up": self._hang_up,
            "pause_recording": self._pause_recording,
            "call_back": self._call_back,
            "raised": self._raised,
            "withdraw": self._withdraw,
            "listen": lambda order: listenings.begin(str(order["token"])),
            "listen_as": lambda order: listenings.change(str(order["token"]), str(order["mode"])),
            "leave_talk": lambda order: listenings.leave(str(order["token"])),
        }

    def carry_out(self) -> float | None:
        """Do what is asked for; when to come again (time of the queue), None: when news comes."""
        now = self._means.now()
        if self._later and now >= self._next:
            again, self._later = self._later, []
            for since, order in again:
                self._try(order, since, now)
        for order in self._means.queue.commands():
            self._try(order, now, now)
        return self._next if self._later else None

    def _try(self, order: Order, since: float, now: float) -> None:
        try:
            self._words[order["do"]](order)
        except SwitchDown as reason:
            if now - since < PATIENCE:
                self._later.append((since, order))
                self._next = now + AGAIN
            else:
                logger.warning("the order %r is given up: %s", order.get("do"), reason)
        except (KeyError, TypeError, ValueError, Press2Error) as reason:
            logger.error("an order cannot be carried out (%r): %r", order.get("do"), reason)

    # ------------------------------------------------------------------ one method a word

    def _ticket(self, order: Order) -> Ticket | None:
        ticket = self._means.queue.ticket(str(order["ticket"]))
        if ticket is None:
            logger.warning("an order names a ticket that is not known")
        return ticket

    def _operator(self, order: Order) -> Operator:
        company, name = str(order["company"]), str(order["operator"])
        known = self._means.queue.operator(company, name)
        return known or Operator(name=name, company=company, endpoint=f"op-{name}")

    def _admit_phone(self, order: Order) -> None:
        digest, until = str(order["digest"]), float(order["until"])
        self._means.switch.admit_phone(self._operator(order), digest, until)

    def _dismiss_phone(self, order: Order) -> None:
        operator = self._operator(order)
        self._means.switch.dismiss_phone(operator.endpoint or f"op-{operator.name}", operator.node)

    def _tell(self, order: Order) -> None:
        ticket, outcome = self._ticket(order), str(order["outcome"])
        if ticket is None or (outcome == "transferred" and ticket.state in CONNECTED):
            return  # the next operator was quicker than the announcement
        self._means.switch.tell(ticket, outcome)

    def _hang_up(self, order: Order) -> None:
        if ticket := self._ticket(order):
            self._means.switch.hang_up(ticket)
            self._means.note(ticket, "hung_up", operator=ticket.operator)

    def _pause_recording(self, order: Order) -> None:
        if ticket := self._ticket(order):
            self._means.switch.pause_recording(ticket, bool(order["paused"]))

    def _raised(self, order: Order) -> None:
        if ticket := self._ticket(order):
            who, why = str(order["operator"]), str(order["reason"])
            self._means.note(ticket, "raised", operator=who, reason=why, priority=ticket.priority)

    def _withdraw(self, order: Order) -> None:
        """Lead a caller whose wait was ended out of it: his flow says why, and offers what it
        offers to who may not wait. One whose exchange is away waits on until it is back.
        """
        ticket, queue, now = self._ticket(order), self._means.queue, self._means.now()
        if ticket is None:
            return
        if ticket.state != "away" and not queue.withdraw(ticket.id, now, str(order["queue"])):
            return
        try:
            self._means.switch.tell(ticket, "withdrawn")
        except (SwitchDown, Press2Error):
            queue.enter(ticket, now)
            raise

    def _send_out(self, order: Order) -> None:
        ticket = self._ticket(order)
        if ticket is None:
            return
        profile, now = self._means.companies[ticket.company], self._means.clock()
        try:
            target = destination(str(order["number"]), profile.calling, profile.region)
        except RefusedNumber as reason:
            logger.warning("call %s: the number is refused (%s)", ticket.id, reason.reason)
            with self._means.store.session() as db:
                refusal(db, ticket.company, "transfer", ticket.id, reason.reason, now)
            return
        self._means.switch.send_out(ticket, target)
        self._means.note(ticket, "transferred", operator=ticket.operator, to="number")
        self._means.queue.ended(ticket.id, self._means.now())

    def _call_back(self, order: Order) -> None:
        ticket = self._promises.bring_forward(int(order["callback"]))
        operator = str(order.get("operator") or "")
        if ticket and operator:
            self._means.queue.take(ticket, operator, self._means.now())
