"""What the switch reports, carried into the queue.

Each report may come twice (the dialplan tells a worker the same), late, or when the queue is away;
the queue refuses what comes too late, and what could not be told to it is found by a re-sync.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from ivr.agent_queue.model import Operator, QueueDown, Ticket
from ivr.errors import Press2Error
from ivr.matchmaker.ledger import Ledger
from ivr.matchmaker.listenings import Listenings
from ivr.matchmaker.means import Means
from ivr.matchmaker.overdue import Overdue
from ivr.matchmaker.promises import Promises
from ivr.matchmaker.resync import FRESH
from ivr.matchmaker.switch import SwitchDown

logger = logging.getLogger(__name__)

NEVER = float("inf")
RUNG = ("offered", "ringing")
BLIND = 4.0
"""Seconds in which a telephone may have come back before its loss in a talk is noticed."""


class Reports:
    """The matchmaker's ear. leading: while False every report is another one's business.

    compare_at: when to re-sync (time of the queue). wake: called when that should be soon.
    """

    def __init__(self, means: Means, wake: Callable[[], None]) -> None:
        self.leading = True
        self.compare_at = NEVER
        self._means = means
        self._wake = wake
        self._ledger = Ledger(means, self._broke)
        self._promises = Promises(means)
        self._overdue = Overdue(means)
        self._listenings = Listenings(means, self._reached)
        self._found: dict[str, tuple[str, float]] = {}
        self._lost: set[str] = set()

    # ------------------------------------------------------------------ the operator's telephone

    def answered(self, token: str) -> None:
        """The operator answered, and the caller hears him."""
        with self._report() as mine:
            ticket = self._by_token(token) if mine else None
            if ticket is None or ticket.kind == "callback":
                return  # a call-back counts as answered by the customer only
            self._talk(ticket, token)

    def unanswered(self, token: str, why: str) -> None:
        """He did not; the caller is back at his place."""
        with self._report() as mine:
            ticket = self._by_token(token) if mine else None
            if ticket is None or ticket.token != token or ticket.state not in RUNG:
                return
            operator, rung = ticket.operator, ticket.since
            self._ledger.reason(token, why)
            unreached = why == "unreached"
            self._means.queue.unanswered(token, self._means.now(), "failed" if unreached else why)
            self._ledger.settle(ticket.id)
            if ticket.kind == "callback":
                self._promises.released(ticket)
            if unreached:
                self._returned(ticket.company, operator)
            elif why == "failed":
                self._back_already(ticket.company, operator, rung)

    def dropped(self, ticket: str) -> None:
        """The operator vanished in the talk."""
        with self._report() as mine:
            if mine:
                self._means.queue.dropped(ticket, self._means.now())
                self._ledger.settle(ticket)

    def called_back(self, token: str, how: str) -> None:
        """How a call-back went."""
        with self._report() as mine:
            ticket = self._by_token(token) if mine else None
            if ticket is None or ticket.kind != "callback" or ticket.token != token:
                return
            if ticket.state not in RUNG:
                return  # it was told before: an operator who leaves does not undo his talk
            self._means.note(
                ticket, "called_back", operator=ticket.operator, queue=ticket.queue, how=how,
                callback=ticket.context.get("callback"), tries=ticket.context.get("tries"),
            )  # fmt: skip
            self._called_back(ticket, token, how)

    def _called_back(self, ticket: Ticket, token: str, how: str) -> None:
        now = self._means.now()
        if how == "answered":
            self._promises.kept(ticket)
            self._talk(ticket, token)
            return
        self._ledger.reason(token, how)
        if how == "operator_failed":
            self._promises.released(ticket)
            self._means.queue.unanswered(token, now, "no_answer")
        elif how == "lost":  # nobody knows any more what became of it; it comes again
            self._promises.released(ticket)
            self._means.queue.leave(ticket.id, "deflected", now)
        else:
            self._promises.missed(ticket)
            self._means.queue.leave(ticket.id, "deflected", now)
        self._ledger.settle(ticket.id)

    def _talk(self, ticket: Ticket, token: str) -> None:
        taken = self._means.queue.answered(token, self._means.now())
        if not taken and not (ticket.token == token and ticket.state == "talking"):
            if ticket.outcome != "answered":  # told again when the talk is over, else
                logger.warning("call %s was answered too late", ticket.id)
            return
        self._ledger.settle(ticket.id)

    # ------------------------------------------------------------------ the caller's call

    def waiting(self, call: str, node: str, leg: str) -> None:
        """A caller stands in the wait; one whom the queue does not know enters again."""
        with self._report() as mine:
            if not mine:
                return
            ticket = self._means.queue.ticket(call)
            if ticket is None or ticket.state == "done":
                place = Ticket(call, "", "", self._means.now(), node=node, leg=leg)
                self._means.switch.tell(place, self._means.way_out(call))
            elif self._overdue.minds(ticket):
                self._overdue.stands(ticket)
                self._wake()

    def outside(self, call: str) -> None:
        """The dispatcher answered; one whom an operator has by now is the operator's."""
        with self._report() as mine:
            ticket = self._means.queue.ticket(call) if mine else None
            if ticket is not None and ticket.state in ("waiting", "offered", "away"):
                self._means.queue.leave(call, "deflected", self._means.now())
                waited = round(self._means.now() - ticket.entered, 1)
                self._means.note(ticket, "put_through", queue=ticket.queue, waited=waited)

    def gone(self, call: str) -> None:
        """A caller's channel is over."""
        with self._report() as mine:
            if mine:
                self._means.queue.leave(call, "abandoned", self._means.now())
                self._ledger.settle(call)

    # ------------------------------------------------------------------ supervisors in talks

    def listening(self, token: str) -> None:
        """A supervisor hears a talk."""
        with self._report() as mine:
            if mine:
                self._listenings.heard(token)

    def listening_over(self, token: str, why: str) -> None:
        """He does not any more, or never did."""
        with self._report() as mine:
            if mine:
                self._listenings.over(token, why)

    def taken_over(self, token: str) -> None:
        """He has the caller."""
        with self._report() as mine:
            call = self._listenings.taken(token) if mine else ""
            if call:
                self._ledger.settle(call)

    # ------------------------------------------------------------------ operators' telephones

    def phone_found(self, endpoint: str, node: str) -> None:
        """An operator's telephone is registered; a broken talk goes on."""
        with self._report() as mine:
            self._found[endpoint] = node, self._means.now()
            self._lost.discard(endpoint)
            for operator in self._owners(endpoint) if mine else ():
                self._placed(operator, endpoint, node)
                if operator.state == "disconnected":
                    self._returned(operator.company, operator.name)

    def phone_lost(self, endpoint: str, node: str) -> None:
        """It is not any more: nothing is rung there. A talk that goes on is not touched."""
        with self._report() as mine:
            if self._found.get(endpoint, (node, 0.0))[0] == node:
                self._found.pop(endpoint, None)
                self._lost.add(endpoint)
            for operator in self._owners(endpoint) if mine else ():
                if operator.endpoint == endpoint and operator.node in ("", node):
                    gone = replace(operator, endpoint="", node="")
                    self._means.queue.sign_in(gone, self._means.now())

    def resync(self) -> None:
        """Reports may have been lost: compare everything at the next step."""
        self.compare_at = 0.0
        self._wake()

    # ------------------------------------------------------------------ inside

    @contextmanager
    def _report(self) -> Iterator[bool]:
        """Take in one report; what cannot be told to the queue now is left to a re-sync."""
        try:
            yield self.leading
        except QueueDown:
            self.compare_at = 0.0
        except (SwitchDown, SQLAlchemyError, TimeoutError):
            logger.exception("a report was taken in only in part")
            self.compare_at = min(self.compare_at, self._means.now() + FRESH)
        except Press2Error:
            logger.exception("a report was taken in only in part")

    def _by_token(self, token: str) -> Ticket | None:
        """Return the ticket that a token belongs, or belonged, to."""
        name = self._ledger.ticket_of(token)
        if name is not None:
            return self._means.queue.ticket(name)
        return next((each for each in self._means.tickets() if each.token == token), None)

    def _owners(self, endpoint: str) -> list[Operator]:
        """Return who has this telephone: it is named after its operator's login."""
        name = endpoint.removeprefix("op-")
        known = (self._means.queue.operator(company, name) for company in self._means.companies)
        return [operator for operator in known if operator is not None]

    def _broke(self, ticket: Ticket, operator: str) -> None:
        """A talk is broken; its operator may have been back before anybody noticed."""
        self._back_already(ticket.company, operator, ticket.since - BLIND)

    def _back_already(self, company: str, name: str, since: float) -> None:
        if self._found.get(f"op-{name}", ("", 0.0))[1] >= since:
            self._returned(company, name)

    def _reached(self, operator: Operator) -> Operator:
        """Return an operator with the telephone where the exchanges know it, not where he says."""
        endpoint = operator.endpoint or f"op-{operator.name}"
        if endpoint in self._found:
            return replace(operator, endpoint=endpoint, node=self._found[endpoint][0])
        return replace(operator, endpoint="") if endpoint in self._lost else operator

    def _phones_again(self) -> None:
        """Tell the queue of telephones that were found while it, or nobody, listened."""
        for endpoint, (node, since) in list(self._found.items()):
            for operator in self._owners(endpoint):
                self._placed(operator, endpoint, node)
                if operator.state == "disconnected" and since >= operator.since - BLIND:
                    self._returned(operator.company, operator.name)

    def _placed(self, operator: Operator, endpoint: str, node: str) -> None:
        if (operator.endpoint, operator.node) != (endpoint, node):
            placed = replace(operator, endpoint=endpoint, node=node)
            self._means.queue.sign_in(placed, self._means.now())

    def _returned(self, company: str, name: str) -> None:
        offer = self._means.queue.returned(company, name, self._means.now())
        ticket = self._means.queue.ticket(offer.ticket) if offer else None
        if ticket is not None:
            self._means.note(ticket, "returned", operator=name, queue=ticket.queue)
