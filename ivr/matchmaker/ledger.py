"""The ledger: who was offered to whom and talked for how long, in the store and in the log.

It looks at what a ticket is now, not at reports, because those may come twice, late or never; the
store itself sees to it that nothing is written twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ivr import callbacks
from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.matchmaker.means import Means, moment, recording_of
from ivr.store.models import Account, Conversation

logger = logging.getLogger(__name__)

FORGOTTEN = timedelta(days=1)
"""A conversation that seems open for longer is no longer looked after."""


@dataclass
class Rung:
    """An operator is being rung. why: reported reason that he did not answer."""

    ticket: str
    operator: str
    why: str = "no_answer"


class Ledger:
    """Keeps the account. Thread-safe.

    broken: called with the ticket and the operator's name when a talk turned out to be broken.
    """

    def __init__(self, means: Means, broken: Callable[[Ticket, str], None]) -> None:
        self._means = means
        self._broken = broken
        self._lock = threading.RLock()
        self._rung: dict[str, Rung] = {}
        self._open: dict[str, tuple[str, str]] = {}
        self._unwritten: set[str] = set()

    def forget(self) -> None:
        """Forget what was open: another matchmaker may have acted meanwhile."""
        with self._lock:
            self._rung.clear()
            self._open.clear()
            self._unwritten.clear()

    def load(self) -> None:
        """Take up what another matchmaker, or an earlier life, left open."""
        since = self._means.clock() - FORGOTTEN
        wanted = select(Conversation).where(
            Conversation.ended_at.is_(None), Conversation.answered_at > since
        )
        try:
            with self._means.store.session(read_only=True) as db:
                rows = list(db.scalars(wanted))
        except SQLAlchemyError:
            logger.exception("the open conversations cannot be read")
            return
        with self._lock:
            for row in rows:
                self._open[row.token] = (row.call, row.operator)

    def watched(self) -> set[str]:
        """Return the tickets that have something open."""
        with self._lock:
            rung = {rung.ticket for rung in self._rung.values()}
            return rung | {ticket for ticket, _ in self._open.values()} | self._unwritten

    def ticket_of(self, token: str) -> str | None:
        """Return the ticket that a token belongs to, if it is open here."""
        with self._lock:
            if rung := self._rung.get(token):
                return rung.ticket
            return self._open[token][0] if token in self._open else None

    def offered(self, ticket: Ticket, operator: Operator, offer: Offer) -> None:
        """Note that an operator is about to be rung."""
        with self._lock:
            self._rung[offer.token] = Rung(ticket.id, operator.name)
        waited = round(self._means.now() - ticket.entered, 1)
        details = {"operator": operator.name, "queue": ticket.queue, "token": offer.token}
        self._means.note(ticket, "offered", **details, waited=waited, back=offer.back)

    def ringing(self, ticket: Ticket) -> None:
        """Take up an operator who is rung since before this matchmaker."""
        with self._lock:
            self._rung.setdefault(ticket.token, Rung(ticket.id, ticket.operator))

    def reason(self, token: str, why: str) -> None:
        """Remember why an operator did not answer."""
        with self._lock:
            if rung := self._rung.get(token):
                rung.why = why

    def settle(self, ticket_id: str) -> None:
        """Compare what is open with what the ticket is now, and write down what has changed."""
        with self._lock:
            ticket = self._means.queue.ticket(ticket_id)
            if ticket is None:
                return
            self._unwritten.discard(ticket_id)
            try:
                self._settle(ticket)
            except (SQLAlchemyError, TimeoutError):
                logger.exception("call %s: its conversation waits to be written", ticket_id)
                self._unwritten.add(ticket_id)

    def _settle(self, ticket: Ticket) -> None:
        for token, rung in list(self._rung.items()):
            if rung.ticket == ticket.id and not _stands(ticket, token, "ringing", "offered"):
                del self._rung[token]
                if not _stands(ticket, token, "talking", "broken"):
                    self._missed(ticket, token, rung)
        for token, (call, operator) in list(self._open.items()):
            if call == ticket.id and not _stands(ticket, token, "talking"):
                self._ended(ticket, token, operator)
                del self._open[token]
        if ticket.state == "talking" and ticket.token and ticket.token not in self._open:
            self._answered(ticket)
            self._open[ticket.token] = (ticket.id, ticket.operator)

    # ------------------------------------------------------------------ what happened

    def _missed(self, ticket: Ticket, token: str, rung: Rung) -> None:
        why = "gone" if ticket.state == "done" else rung.why
        details = {"operator": rung.operator, "queue": ticket.queue, "token": token}
        self._means.note(ticket, "unanswered", **details, why=why)

    def _answered(self, ticket: Ticket) -> None:
        answered_at = moment(ticket.since)
        row = Conversation(
            company=ticket.company, call=ticket.id, token=ticket.token, operator=ticket.operator,
            queue=ticket.queue, caller_number=ticket.number, entered_at=moment(ticket.entered),
            answered_at=answered_at, recording=recording_of(ticket, ticket.token) or None,
        )  # fmt: skip
        row.unrecorded = row.recording is None
        try:
            with self._means.store.session() as db:
                row.account_id = _account(db, ticket)
                db.add(row)
                db.flush()
                if ticket.kind == "call":
                    terms = self._means.companies[ticket.company].calling
                    callbacks.served(db, ticket.company, ticket.number, terms, answered_at)
        except IntegrityError:  # written already
            return
        details = {
            "operator": ticket.operator, "queue": ticket.queue, "token": ticket.token,
            "priority": ticket.priority, "served": ticket.kind, "offers": ticket.offers,
            "waited": round(ticket.waited, 1),
            "told": ticket.told, "told_at": ticket.told_at or None,
        }  # fmt: skip
        self._means.note_at(answered_at, ticket, "answered", details)

    def _ended(self, ticket: Ticket, token: str, operator: str) -> None:
        """Close a conversation; whoever closes it in the store writes the log."""
        broken = _stands(ticket, token, "broken")
        moved = ticket.state != "done" and not broken
        values = {"ended_at": moment(ticket.since)}
        changes = update(Conversation).where(
            Conversation.token == token, Conversation.ended_at.is_(None)
        )
        with self._means.store.session() as db:
            if broken:
                changes = changes.values(interrupted=True)
            closed = db.execute(changes.values(**values)).rowcount  # type: ignore[attr-defined]
        if broken:
            self._broken(ticket, operator)
        if not closed:
            return
        if broken:
            self._means.note(ticket, "dropped", operator=operator, queue=ticket.queue, token=token)
        elif moved:
            to = {"queue": ticket.queue, "to": ticket.operator or ticket.sticky or "queue"}
            if ticket.state == "away":
                to["to"] = "flow"
            details = {"operator": operator, "token": token, **to}
            self._means.note_at(moment(ticket.since), ticket, "transferred", details)


def _stands(ticket: Ticket, token: str, *states: str) -> bool:
    return ticket.token == token and ticket.state in states


def _account(db: Session, ticket: Ticket) -> int | None:
    """The account that the flow found for this caller, by its number."""
    number = ticket.context.get("account")
    if not isinstance(number, str) or not number:
        return None
    wanted = select(Account.id).where(Account.company == ticket.company, Account.number == number)
    return db.scalar(wanted)
