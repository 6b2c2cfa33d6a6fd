"""Voice messages of callers whom nobody can answer now: each has a ticket, and so a number."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ivr.model import Result
from ivr.services import accounts, feed, tickets
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Ticket, VoiceMessage


@service("messages.keep", "kept", "empty")
def keep(inquiry: Inquiry) -> Result:
    """Put what was recorded into the operators' inbox and register it, once a turn.

    Where a connection was asked for in this call the first message is about that: it has a ticket.
    """
    path = str(inquiry.slots.get("message") or "")
    kept = put(inquiry, path, str(inquiry.slots.get("queue", "general")))
    if kept is None:
        return Result("empty")
    ticket = tickets.of_key(inquiry, connection_key(inquiry))
    if ticket is not None and ticket.details.get("message") in (None, kept.id):
        add(inquiry, ticket, {"message": kept.id})
    else:
        details = {"message": kept.id, "queue": kept.queue, "phone": inquiry.caller.number}
        account = accounts.about(inquiry)
        ticket = tickets.register(inquiry, "other", account, details=details)
    return Result("kept", tickets.told(ticket))


def connection_key(inquiry: Inquiry) -> str:
    """Return the key of the ticket of a new connection: a call has one, however it goes on."""
    return f"{inquiry.caller.call}/connection"


def add(inquiry: Inquiry, ticket: Ticket, details: dict[str, Any]) -> None:
    """Add what was said later to a ticket, once, and tell the company's system of it."""
    wanted = {**ticket.details, **details}
    if wanted != ticket.details:
        ticket.details = wanted
        inquiry.db.flush()
        feed.ticket(inquiry.db, inquiry.company, ticket, inquiry.now, inquiry.key)


def put(inquiry: Inquiry, path: str, queue: str) -> VoiceMessage | None:
    """Return the message of a recording, kept once; None where nothing was recorded."""
    if not path:
        return None
    known = inquiry.db.scalar(select(VoiceMessage).where(VoiceMessage.path == path))
    if known is not None:
        return known
    message = VoiceMessage(
        company=inquiry.company.id,
        call=inquiry.caller.call,
        key=inquiry.key,
        number=inquiry.caller.number,
        queue=queue,
        path=path,
        created_at=inquiry.now,
    )
    inquiry.db.add(message)
    inquiry.db.flush()
    return message
