"""Call-backs as the queue sees them: a due promise stands in its queue like a caller.

Only when the queue has reserved an operator for it is anybody dialled; so never more customers are
dialled than operators are free.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from ivr import callback_clock, callbacks, hours_changes
from ivr.agent_queue.model import Operator, Ticket
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.matchmaker.means import Means, moment
from ivr.matchmaker.storms import Storms
from ivr.services import notices
from ivr.store.models import Audit, Callback

logger = logging.getLogger(__name__)

NOT_DIALLED = ("waiting", "away")


def ticket_id(callback: int) -> str:
    """Return the id of the ticket of a call-back."""
    return f"callback-{callback}"


def callback_id(ticket: str) -> int:
    """Return the call-back of a ticket of that kind."""
    return int(ticket.removeprefix("callback-"))


class Promises:
    """Puts due call-backs into the queue, and keeps the store's account of the tries."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._storms = Storms(means)

    # ------------------------------------------------------------------ into the queue

    def sweep(self, tickets: Sequence[Ticket]) -> None:
        """Bring store and queue together. tickets: all that are not done."""
        now = self._means.clock()
        places = {ticket.id: ticket for ticket in tickets if ticket.kind == "callback"}
        here = {
            (ticket.company, ticket.number)
            for ticket in tickets
            if ticket.kind == "call" and ticket.number
        }
        with self._means.store.session(read_only=True) as db:
            calling, due = callbacks.calling(db), callbacks.due(db, now)
        for row in calling:
            ticket = places.get(ticket_id(row.id))
            if ticket is None or ticket.state in NOT_DIALLED:
                self._change(row.id, lambda db, row: callbacks.released(row))
        wanted = {
            ticket_id(row.id): row
            for row in due
            if (row.company, row.number) not in here and self._may_call(row, now)
        }
        wanted = self._storms.paced(wanted, places)
        for name, row in wanted.items():
            if name not in places:
                self._enter(row)
        dialled = {ticket_id(row.id) for row in calling}
        for name, ticket in places.items():
            if ticket.state in NOT_DIALLED and name not in wanted and name not in dialled:
                self._means.queue.leave(name, "deflected", now.timestamp())

    def bring_forward(self, callback: int) -> str | None:
        """Put a promise into the queue now; its ticket, None where that may not be."""
        now = self._means.clock()
        with self._means.store.session() as db:
            row = callbacks.of(db, callback)
            if row is None or row.state != "due" or not self._may_call(row, now):
                return None
            row.next_at = min(row.next_at, now)
        self._enter(row)
        return ticket_id(callback)

    def _may_call(self, row: Callback, now: datetime) -> bool:
        profile = self._means.companies.get(row.company)
        return profile is not None and callbacks.may_call(
            row, profile.calling, now, now.astimezone(profile.zone)
        )

    def _enter(self, row: Callback) -> None:
        ticket = Ticket(
            id=ticket_id(row.id), company=row.company, queue=row.queue, priority=row.priority,
            entered=row.entered_at.timestamp(), kind="callback", number=row.number,
            language=row.language,
            context={**row.context, "callback": row.id, "call": row.call, "tries": row.tries},
        )  # fmt: skip
        self._means.queue.enter(ticket, self._means.now())

    # ------------------------------------------------------------------ dialling

    def begin(self, ticket: Ticket, operator: Operator) -> Destination | None:
        """Take a promise on for an operator; None (the ticket has left) where it may not be."""
        now = self._means.clock()
        waiting = self._means.queue.waiting(ticket.company)
        himself = any(other.number == ticket.number and other.kind == "call" for other in waiting)
        with self._means.store.session() as db:
            row = callbacks.of(db, callback_id(ticket.id))
            if row is not None and not himself and self._may_call(row, now):
                target = self._destination(db, row, now)
                if target is not None and callbacks.begin(row, operator.name):
                    return target
        self._means.queue.leave(ticket.id, "deflected", now.timestamp())
        return None

    def _destination(self, db: Session, row: Callback, now: datetime) -> Destination | None:
        """Check the number once more: the list of allowed ones may have changed since."""
        profile = self._means.companies[row.company]
        try:
            return destination(row.number, profile.calling, profile.region)
        except RefusedNumber as reason:
            logger.warning(
                "call-back %d is given up: its number is refused (%s)", row.id, reason.reason
            )
            refusal(db, row.company, "call_back", row.call, reason.reason, now)
            if row.state == "due":
                callbacks.give_up(db, row, now, "refused")
            return None

    def released(self, ticket: Ticket) -> None:
        """The operator did not come to the telephone: nobody was dialled."""
        self._change(callback_id(ticket.id), lambda db, row: callbacks.released(row))

    def kept(self, ticket: Ticket) -> None:
        """The customer answered."""
        now = self._means.clock()
        self._change(callback_id(ticket.id), lambda db, row: callbacks.kept(row, now))

    def missed(self, ticket: Ticket) -> None:
        """The customer was dialled in vain."""
        now, company = self._means.clock(), self._means.companies[ticket.company]

        def missed(db: Session, row: Callback) -> None:
            if callbacks.missed(db, row, company.calling, now) and row.state == "failed":
                notices.unreached(db, company, row, now)

        self._change(callback_id(ticket.id), missed)

    def _change(self, callback: int, change: Callable[[Session, Callback], object]) -> None:
        with self._means.store.session() as db:
            row = callbacks.of(db, callback)
            if row is not None:
                change(db, row)

    # ------------------------------------------------------------------ lost calls

    def promise_lost(self, ticket: Ticket) -> bool:
        """Promise to call somebody back whose exchange died with his call; False: he cannot be."""
        profile, now = self._means.companies[ticket.company], self._means.clock()
        if ticket.number is None:
            return False
        try:
            target = destination(ticket.number, profile.calling, profile.region)
        except RefusedNumber:
            return False
        with self._means.store.session() as db:
            row = callbacks.promise(
                db, company=ticket.company, number=target.number, queue=ticket.queue,
                language=ticket.language or profile.languages[0], call=ticket.id,
                key=f"{ticket.id}/lost", now=now, entered=moment(ticket.entered),
                priority=ticket.priority, context={**ticket.context, "lost": True},
            )  # fmt: skip
            callback_clock.start(db, hours_changes.known(db, profile, now), row)
        return True


def refusal(db: Session, company: str, what: str, call: str, reason: str, now: datetime) -> None:
    """Put a refused number into the audit log."""
    db.add(
        Audit(
            at=now,
            company=company,
            who="",
            what=what,
            allowed=False,
            call=call,
            details={"reason": reason},
        )  # fmt: skip
    )
