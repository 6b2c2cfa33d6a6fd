"""Reports and requests registered for people: stored before the caller hears their number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ivr.agent_queue.model import PRIORITIES
from ivr.services import feed
from ivr.services.inquiry import Inquiry
from ivr.services.priority import MARK, alert, of_request
from ivr.store.models import Account, Receipt, Ticket


def register(
    inquiry: Inquiry,
    kind: str,
    account: Account | None,
    *,
    key: str = "",
    priority: str = "",
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
    receipt: Receipt | None = None,
) -> Ticket:
    """Return the ticket of this key, made once however often the turn is repeated.

    key: of the turn where none is given. priority: what the call has, where none is given.
    receipt: the number told to the caller, where it was made before.
    """
    key = key or f"{inquiry.key}/{kind}"
    known = of_key(inquiry, key)
    if known is not None:
        return known
    given = of_request(inquiry)
    ticket = Ticket(
        company=inquiry.company.id,
        receipt=receipt or inquiry.receipt(key),
        type=kind,
        account=account,
        priority=max(priority or given, given, key=PRIORITIES.index),
        reason=reason,
        details=dict(details or {}),
        caller_number=inquiry.caller.number,
        call=inquiry.caller.call,
        key=key,
        created_at=inquiry.now,
    )
    inquiry.db.add(ticket)
    inquiry.db.flush()
    feed.ticket(inquiry.db, inquiry.company, ticket, inquiry.now)
    if MARK in (given, ticket.priority):
        alert(
            inquiry.db, inquiry.company, inquiry.caller.call, inquiry.now, why="ticket",
            number=inquiry.caller.number, account=account,
        )  # fmt: skip
    return ticket


def of_key(inquiry: Inquiry, key: str) -> Ticket | None:
    """Return the ticket of a key, None where there is none."""
    return inquiry.db.scalar(select(Ticket).where(Ticket.key == key))


def told(ticket: Ticket) -> dict[str, Any]:
    """Return the slot of the number that is read to the caller."""
    return {"receipt": str(ticket.receipt.number) if ticket.receipt else ""}
