"""The talk an operator has, and the row that is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent_desk.office import company, office, operator, shift
from agent_desk.refusals import Refused
from ivr.agent_queue.model import Operator, Ticket
from ivr.store.models import Account, Conversation

TALK = ("talking",)
ABOUT = ("talking", "wrap_up", "disconnected")
"""States of an operator who may write down what a call is about."""


def mine(ticket: str, what: str, states: tuple[str, ...] = TALK) -> tuple[Operator, Ticket]:
    """Return operator and ticket of his talk; whatever is not his is refused and noted."""
    known = operator()
    if known is None or known.ticket != ticket or known.state not in states:
        raise Refused("not_yours", 409, audit=what, call=ticket)
    found = office().queue.ticket(ticket)
    if found is None:
        raise Refused("not_yours", 409, audit=what, call=ticket)
    return known, found


def holder(token: str, what: str, *states: str) -> Operator:
    """Return the operator if this is the token of his offer or talk and he is in such a state."""
    known = operator()
    if known is None or not token or known.token != token or known.state not in states:
        raise Refused("too_late", 409, audit=what, token=token)
    return known


def conversation(db: Session, known: Operator) -> Conversation:
    """Return the row of the talk he has or had; made here if nobody wrote it yet."""
    row = db.scalar(select(Conversation).where(Conversation.token == known.token))
    if row is None:
        row = Conversation(**_facts(db, known))
        db.add(row)
    return row


def _facts(db: Session, known: Operator) -> dict[str, Any]:
    ticket = office().queue.ticket(known.ticket)
    since = datetime.fromtimestamp(known.since, UTC)
    facts: dict[str, Any] = {"company": known.company, "call": known.ticket, "token": known.token}
    facts |= {"operator": known.name, "queue": "", "entered_at": since, "answered_at": since}
    if ticket is None:
        return facts
    account = str(ticket.context.get("account") or "")
    row = db.scalar(
        select(Account.id).where(Account.company == known.company, Account.number == account)
    )
    return facts | {
        "queue": ticket.queue,
        "caller_number": ticket.number,
        "entered_at": datetime.fromtimestamp(ticket.entered, UTC),
        "account_id": row,
    }


def account(db: Session, number: str) -> Account:
    """Return an account of the company by its number."""
    wanted = select(Account).where(Account.company == company().id, Account.number == number)
    found = db.scalar(wanted)
    if found is None:
        raise Refused("no_account", 404)
    return found


def touch() -> None:
    """Let the page show anew what was just stored."""
    office().live.touch(shift().company, shift().login)
