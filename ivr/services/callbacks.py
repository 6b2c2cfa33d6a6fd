"""Call-backs as a caller asks for one: which number, and the promise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ivr import callbacks
from ivr.agent_queue.model import QueueDown, Ticket
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.model import Result
from ivr.services import notices, priority
from ivr.services.inquiry import Inquiry, service
from ivr.services.queues import kept_ticket

SHOWN = ("account", "keyed", "step", "reason", "left", "current", "tries", "values")
"""Slots that the operator who calls back sees."""


@service("callbacks.number", "known", "unknown", reads=True)
def number(inquiry: Inquiry) -> Result:
    """Propose the calling number, unless it is withheld or none that the company calls."""
    try:
        found = _destination(inquiry, inquiry.caller.number or "")
    except RefusedNumber:
        return Result("unknown")
    return Result("known", {"callback_number": found.number})


@service("callbacks.check", "right", "premium", "foreign", "impossible", reads=True)
def check(inquiry: Inquiry) -> Result:
    """Check a number that was keyed."""
    try:
        found = _destination(inquiry, str(inquiry.slots["callback_typed"]))
    except RefusedNumber as refusal:
        return Result(refusal.reason)
    return Result("right", {"callback_number": found.number})


def _destination(inquiry: Inquiry, text: str) -> Destination:
    return destination(text, inquiry.company.calling, inquiry.company.region)


@service("callbacks.promise", "noted", "noted_later", "already")
def promise(inquiry: Inquiry) -> Result:
    """Promise to call back; the place in the queue counts from when he entered it."""
    found = _destination(inquiry, str(inquiry.slots["callback_number"]))
    ticket = _ticket(inquiry)
    noted = callbacks.promise(
        inquiry.db,
        company=inquiry.company.id,
        number=found.number,
        queue=ticket.queue if ticket else str(inquiry.slots["queue"]),
        language=inquiry.language,
        call=inquiry.caller.call,
        key=inquiry.key,
        now=inquiry.now,
        entered=_entered(inquiry, ticket),
        priority=ticket.priority if ticket else priority.of_call(inquiry),
        context=_context(inquiry),
    )
    if noted.key != inquiry.key:
        return Result("already")
    notices.promised(inquiry, noted)
    terms = inquiry.company.calling
    if callbacks.may_call(noted, terms, inquiry.now, inquiry.local(inquiry.now)):
        return Result("noted")
    return Result("noted_later", {"call_from": terms.hours[0]})


def _ticket(inquiry: Inquiry) -> Ticket | None:
    try:
        return kept_ticket(inquiry)
    except QueueDown:
        return None


def _entered(inquiry: Inquiry, ticket: Ticket | None) -> datetime | None:
    seconds = ticket.entered if ticket else inquiry.slots.get("entered")
    return None if seconds is None else datetime.fromtimestamp(float(seconds), UTC)


def _context(inquiry: Inquiry) -> dict[str, Any]:
    return {slot: inquiry.slots[slot] for slot in SHOWN if slot in inquiry.slots}
