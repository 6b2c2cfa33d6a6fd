"""Key 4: requests that people work on: a connection, a meter, a complaint; and their messages.

Every one is a ticket with a number before the caller hears that it is registered. What the caller
says is kept as a voice message, which the ticket names.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ivr.agent_queue.model import QueueDown
from ivr.model import Result
from ivr.services import accounts, messages, notices, slots, tickets
from ivr.services.appointments import contact as number_of
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Ticket
from ivr.terms import PLACES, REASONS

FAULTS = ("dark", "counting", "damaged", "other")
"""What may be wrong with a meter that lets electricity through."""
CUSTOMERS = ("household", "business")


def _choices(kind: str, words: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"word": word, "named": f"{kind}_{word}", "words": f"{kind}_{word}"} for word in words]


def _chosen(inquiry: Inquiry, slot: str) -> str:
    return str(inquiry.slots[slot]["word"])


@service("requests.contact", "known", "unknown", reads=True)
def contact(inquiry: Inquiry) -> Result:
    """A number to reach the caller is wanted where his own one is withheld."""
    return Result("known" if inquiry.caller.number else "unknown")


# ---------------------------------------------------------------------- a message afterwards


@service("requests.offer_sms", "ask", "skip", reads=True)
def offer_sms(inquiry: Inquiry) -> Result:
    """Offer to write what was told, where the company writes and the number can be written to."""
    number = number_of(inquiry)
    fits = notices.wanted(inquiry.company, "request", number) and inquiry.slots.get("sms")
    return Result("ask" if fits else "skip")


@service("requests.send_sms", "sent")
def send_sms(inquiry: Inquiry) -> Result:
    """Write what the slot `sms` holds, {text, values}, to the number of the request."""
    sms = inquiry.slots["sms"]
    notices.request(inquiry, number_of(inquiry), sms["text"], sms["values"])
    return Result("sent", {"sms": None})


def _receipt(ticket: Ticket, text: str = "request", **values: str) -> dict[str, Any]:
    """The slots of a number that is told, and may be written."""
    told = tickets.told(ticket)
    return {**told, "sms": {"text": text, "values": {"number": told["receipt"], **values}}}


# ---------------------------------------------------------------------- connection, complaint


@service(
    "requests.connecting", "operator", "voice",
    prompts=tuple(f"customer_{who}" for who in CUSTOMERS),
    words={"customers": tuple(f"customer_{who}" for who in CUSTOMERS)},
)  # fmt: skip
def connecting(inquiry: Inquiry) -> Result:
    """Register at once that a connection is wanted; an operator who is free hears the rest.

    Else it is told by voice. Whatever comes of the call, there is this one ticket.
    """
    customers = {"customers": _choices("customer", CUSTOMERS)}
    way = "operator" if _free(inquiry, "connection") else "voice"
    return Result(way, {**customers, **tickets.told(_connection(inquiry))})


def _connection(inquiry: Inquiry) -> Ticket:
    """The ticket of the connection that is asked for in this call."""
    documents = inquiry.company.terms.requests.documents
    return tickets.register(
        inquiry, "connection", accounts.about(inquiry), key=messages.connection_key(inquiry),
        details={"documents": documents, "phone": number_of(inquiry)},
    )  # fmt: skip


def _free(inquiry: Inquiry, queue: str) -> bool:
    """Whether an operator would take this caller at once."""
    if inquiry.queue is None:
        return False
    try:
        place = inquiry.queue.place(
            inquiry.company.id, queue, inquiry.now.timestamp(), "normal", inquiry.caller.call
        )
    except QueueDown:
        return False
    return place.free >= place.position


@service("requests.connection", "registered", "empty")
def connection(inquiry: Inquiry) -> Result:
    """Add what was said of a new connection to its ticket: address and name, by voice."""
    documents = inquiry.company.terms.requests.documents
    message = messages.put(inquiry, str(inquiry.slots.get("message") or ""), "connection")
    if message is None:
        return Result("empty")
    ticket, customer = _connection(inquiry), _chosen(inquiry, "customer")
    said = {"customer": customer, "message": message.id, "phone": number_of(inquiry)}
    messages.add(inquiry, ticket, said)
    text = "connection" if documents else "request"
    values = {"documents": documents} if documents else {}
    return Result("registered", _receipt(ticket, text, **values))


@service("requests.complaint_terms", "told", reads=True)
def complaint_terms(inquiry: Inquiry) -> Result:
    """Tell in how many days a complaint is answered."""
    return Result("told", {"days": inquiry.company.terms.requests.complaint_days})


@service("requests.complaint", "registered", "empty")
def complaint(inquiry: Inquiry) -> Result:
    """Register what was said, with the day until which it is answered."""
    due = inquiry.today + timedelta(days=inquiry.company.terms.requests.complaint_days)
    ticket = _spoken(inquiry, "complaint", "general", {"due": due.isoformat()})
    if ticket is None:
        return Result("empty")
    return Result("registered", {**_receipt(ticket), "due": ticket.details["due"]})


def _spoken(inquiry: Inquiry, kind: str, queue: str, details: dict[str, Any]) -> Ticket | None:
    """Keep the message for the operators of a queue, and register the ticket that names it."""
    path = str(inquiry.slots.get("message") or "")
    message = messages.put(inquiry, path, queue)
    if message is None:
        return None
    details = {**details, "message": message.id, "phone": number_of(inquiry)}
    return tickets.register(inquiry, kind, accounts.about(inquiry), details=details)


# ---------------------------------------------------------------------- meters


@service(
    "requests.meter_choices", "told",
    prompts=(*(f"place_{place}" for place in PLACES), *(f"fault_{fault}" for fault in FAULTS)),
    words={
        "places": tuple(f"place_{place}" for place in PLACES),
        "faults": tuple(f"fault_{fault}" for fault in FAULTS),
    },
    reads=True,
)  # fmt: skip
def meter_choices(_: Inquiry) -> Result:
    """Tell where a meter may hang and what may be wrong with it."""
    return Result(
        "told", {"places": _choices("place", PLACES), "faults": _choices("fault", FAULTS)}
    )


@service(
    "requests.meter_replacement", "registered", "postponed", "refused",
    prompts=tuple(f"reason_{reason}" for reason in REASONS),
)  # fmt: skip
def meter_replacement(inquiry: Inquiry) -> Result:
    """Register the replacement of a meter; where it hangs may refuse it or put it off.

    A refused one is registered too, with its reason, and is done with at once.
    """
    terms = inquiry.company.terms.meters
    place = _chosen(inquiry, "place_choice")
    decision, reason = "registered", None
    if place in terms.refuse:
        decision, reason = "refused", terms.refuse[place]  # type: ignore[index]
    elif place in terms.postpone:
        decision, reason = "postponed", terms.postpone[place]  # type: ignore[index]
    due = slots.working_day(inquiry, terms.replacement_days).isoformat()
    details = {"place": place, "decision": decision, "phone": number_of(inquiry)}
    if decision == "registered":
        details["due"] = due
    account = accounts.current(inquiry)
    ticket = tickets.register(inquiry, "meter_replacement", account, reason=reason, details=details)
    if decision == "refused":
        ticket.state = "done"
    why = f"reason_{reason}" if reason else ""
    return Result(decision, {**_receipt(ticket), "why": why, "due": due})


@service("requests.meter_fault", "registered")
def meter_fault(inquiry: Inquiry) -> Result:
    """Register a fault that leaves the supply on, with the day until which somebody comes."""
    fault = _chosen(inquiry, "fault_choice")
    due = slots.working_day(inquiry, inquiry.company.terms.meters.fault_days).isoformat()
    details = {"supply": "yes", "fault": fault, "due": due, "phone": number_of(inquiry)}
    account = accounts.current(inquiry)
    ticket = tickets.register(inquiry, "meter_fault", account, reason=fault, details=details)
    return Result("registered", {**_receipt(ticket), "due": ticket.details["due"]})


@service("requests.meter_emergency", "registered")
def meter_emergency(inquiry: Inquiry) -> Result:
    """Register a fault without supply: it comes before others, as do all outages."""
    account = accounts.current(inquiry)
    priority = accounts.mark(account).get("priority") or inquiry.slots.get("mark") or "raised"
    ticket = tickets.register(
        inquiry, "meter_fault", account, priority=str(priority), reason="no_supply",
        details={"supply": "no", "phone": number_of(inquiry)},
    )  # fmt: skip
    return Result("registered", {**_receipt(ticket), "reason": "no_supply"})
