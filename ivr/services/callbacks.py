"""Call-backs as a caller asks for one: which number, and the promise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ivr import callback_clock, callbacks
from ivr.agent_queue.model import QueueDown, Ticket
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.model import Result
from ivr.services import hours, notices, priority
from ivr.services.inquiry import Inquiry, service
from ivr.services.queues import kept_ticket, queue_meant

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


@service("callbacks.promise", "noted", "noted_later", "already", prompts=hours.CALLS)
def promise(inquiry: Inquiry) -> Result:
    """Promise to call back; the place in the queue counts from when he entered it.

    While the queue is closed he is called from its opening on, or from the first hour after it in
    which people are called. "noted_later" says when that is.
    """
    found = _destination(inquiry, str(inquiry.slots["callback_number"]))
    ticket = _ticket(inquiry)
    queue = inquiry.company.opening.taken_by(ticket.queue, inquiry.now) if ticket else ""
    queue = queue or queue_meant(inquiry)
    noted = callbacks.promise(
        inquiry.db,
        company=inquiry.company.id,
        number=found.number,
        queue=queue,
        language=inquiry.language,
        call=inquiry.caller.call,
        key=inquiry.key,
        now=inquiry.now,
        entered=_entered(inquiry, ticket),
        not_before=_not_before(inquiry, queue),
        priority=ticket.priority if ticket else priority.of_call(inquiry),
        context=_context(inquiry),
    )
    callback_clock.start(inquiry.db, inquiry.company, noted)
    if noted.key != inquiry.key:
        return Result("already")
    notices.promised(inquiry, noted)
    terms = inquiry.company.calling
    local = inquiry.local(inquiry.now)
    if noted.next_at <= inquiry.now and callbacks.may_call(noted, terms, inquiry.now, local):
        return Result("noted")
    first = inquiry.company.may_call_from(queue, inquiry.now)
    return Result("noted_later", hours.calls(inquiry.company, first, inquiry.now))


def _not_before(inquiry: Inquiry, queue: str) -> datetime | None:
    if inquiry.company.opening.is_open(queue, inquiry.now):
        return None
    return inquiry.company.may_call_from(queue, inquiry.now).astimezone(UTC)


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
