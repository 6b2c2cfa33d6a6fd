"""Key 4, 1: the state of an application by its number, and another day for the crew's visit.

Whoever knows the number hears what it is and how far it got: never a name, an address or an
account. The number may be the company's own one, or one that this system told a caller.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select

from ivr.model import Result
from ivr.services import accounts, notices, slots
from ivr.services.inquiry import Inquiry, service
from ivr.store import application_words as words
from ivr.store.models import FIRST_RECEIPT, Ticket
from ivr.store.supply import Application, Booking
from ivr.terms import REASONS

WHATS = (
    "meter_replacement", "connection", "meter_check", "inspection", "contract", "meter_fault",
    "appointment", "complaint", "outage", "other",
)  # fmt: skip
"""What can be told of an application or a ticket; anything else is "other"."""
STATES = (
    "received", "in_progress", "scheduled", "scheduled_from", "scheduled_later", "visit_over",
    "done", "postponed", "refused", "cancelled", "unknown",
)  # fmt: skip
VISIT = timedelta(hours=4)
"""How long a visit may take where the company did not say until when."""
TOLD = (
    *(f"application_{what}" for what in WHATS),
    *(f"state_{state}" for state in STATES),
    *(f"reason_{reason}" for reason in REASONS),
    *slots.WEEKDAYS,
)


@service(
    "applications.find", "movable", "late", "told", "unknown", prompts=(*TOLD, "pause_guessing")
)
def find(inquiry: Inquiry) -> Result:
    """Tell what was applied for and its state; a number that does not exist counts as a guess."""
    typed = str(inquiry.slots["application_typed"])
    application = _application(inquiry, typed)
    if application is not None:
        values = {"application": application.number, **_told(inquiry, application)}
        return Result(_way(inquiry, application), values)
    ticket = _ticket(inquiry, typed)
    if ticket is not None:
        return Result("told", {"application": typed, **_told_ticket(inquiry, ticket)})
    return Result("unknown", {"application": None, **accounts.guessed(inquiry)})


def _application(inquiry: Inquiry, number: str, for_update: bool = False) -> Application | None:
    """The application of a number as it was typed, or without the zeros in front."""
    for text in dict.fromkeys((number, number.lstrip("0"))):
        wanted = select(Application).where(
            Application.company == inquiry.company.id, Application.number == text
        )
        if for_update:
            wanted = wanted.with_for_update()
        if text and (found := inquiry.db.scalar(wanted)) is not None:
            return found
    return None


def _ticket(inquiry: Inquiry, typed: str) -> Ticket | None:
    """The request that this system registered under the number it told."""
    number = int(typed[:15]) - FIRST_RECEIPT
    wanted = select(Ticket).where(Ticket.company == inquiry.company.id, Ticket.receipt_id == number)
    return inquiry.db.scalar(wanted.order_by(Ticket.id).limit(1)) if number > 0 else None


def _way(inquiry: Inquiry, application: Application) -> str:
    """Whether the caller may move the visit: not when it is near, or not planned at all."""
    state, visit = words.state(application.state), application.visit
    if state != "scheduled" or visit is None or _ends(application) <= inquiry.now:
        return "told"
    notice = timedelta(hours=inquiry.company.terms.visits.notice)
    return "movable" if visit >= inquiry.now + notice else "late"


def _ends(application: Application) -> datetime:
    assert application.visit is not None  # noqa: S101 - asked only of those with a visit
    return application.until or application.visit + VISIT


def _told(inquiry: Inquiry, application: Application) -> dict[str, Any]:
    state, visit = words.state(application.state), application.visit
    hours = {}
    if state == "scheduled" and visit is not None:
        hours = slots.told(inquiry, visit, application.until)
        state = "scheduled" if application.until else "scheduled_from"
        if _ends(application) <= inquiry.now:
            state = "visit_over"
    elif state == "scheduled":
        state = "scheduled_later"
    return _words(words.what(application.what), state, application.reason) | hours


def _told_ticket(inquiry: Inquiry, ticket: Ticket) -> dict[str, Any]:
    state = "received" if ticket.state == "open" else "done"
    decision = ticket.details.get("decision")
    if decision in ("refused", "postponed", "cancelled"):
        state = str(decision)
    booking = inquiry.db.scalar(
        select(Booking).where(Booking.receipt_id == ticket.receipt_id, Booking.live.is_(True))
    )
    if booking is None:
        return _words(ticket.type, state, ticket.reason)
    past = booking.ends <= inquiry.now
    state = "visit_over" if past else "scheduled"
    return _words(ticket.type, state, None) | slots.told(inquiry, booking.starts, booking.ends)


def _words(what: str, state: str, reason: str | None) -> dict[str, Any]:
    """The prompts of an application; a reason only for what did not come about."""
    known = reason if reason in REASONS and state in ("postponed", "refused") else None
    return {
        "what": f"application_{what if what in WHATS else 'other'}",
        "state": f"state_{state if state in STATES else 'unknown'}",
        "why": f"reason_{known}" if known else "",
    }


# ---------------------------------------------------------------------- another day


@service("applications.may_move", "allowed", "prove", "often", "operator")
def may_move(inquiry: Inquiry) -> Result:
    """Let whoever knows the number of an application move its visit, so many times a day.

    Where the company wants proof, the telephone is proved for the account, or the caller gives the
    meter's number; an application without an account has nothing else to ask for than its number.
    """
    application = _application(inquiry, str(inquiry.slots["application"]))
    if application is None:
        return Result("operator", {"slots_after": None})
    if _moves(inquiry, application) >= inquiry.company.terms.visits.moves:
        return Result("often", {"slots_after": None})
    account = application.account
    if account is None or not inquiry.company.terms.visits.proof:
        return Result("allowed", {"slots_after": None})
    values = {"slots_after": None, "account": account.number}
    if accounts.proved(inquiry, account):
        return Result("allowed", values)
    if not account.meters:
        return Result("operator", values)
    return Result("prove", {**values, "proved": False})


def _moves(inquiry: Inquiry, application: Application) -> int:
    """How often callers have moved a visit since midnight."""
    midnight = datetime.combine(inquiry.today, time(), inquiry.company.zone).astimezone(UTC)
    wanted = select(func.count(Booking.id)).where(
        Booking.application_id == application.id, Booking.created_at >= midnight
    )
    return inquiry.db.scalar(wanted) or 0


@service("applications.slots", "offered", "none", prompts=slots.WEEKDAYS, reads=True)
def offer(inquiry: Inquiry) -> Result:
    """Offer the next free slots after those that were offered, or the first ones again."""
    application = _application(inquiry, str(inquiry.slots["application"]))
    but = application.visit if application else None
    table = slots.of_visits(inquiry.company.terms.visits)
    found, more = slots.free(inquiry, table, after=slots.after(inquiry), but=but)
    if not found:
        return Result("none")
    return Result("offered", slots.offered(inquiry, found, more))


@service("applications.move", "moved", "taken", "gone", prompts=slots.WEEKDAYS)
def move(inquiry: Inquiry) -> Result:
    """Take the chosen slot and give up the old one, both or neither.

    taken: somebody was faster. gone: the visit cannot be moved any more.
    """
    application = _application(inquiry, str(inquiry.slots["application"]), for_update=True)
    key = f"{inquiry.key}/visit"
    known = inquiry.db.scalar(select(Booking).where(Booking.key == key))
    if application is None or (known is None and not _movable(inquiry, application)):
        return Result("gone")

    def make() -> Booking:
        return Booking(
            company=inquiry.company.id, application=application, call=inquiry.caller.call,
            caller_number=inquiry.caller.number, created_at=inquiry.now,
        )  # fmt: skip

    table = slots.of_visits(inquiry.company.terms.visits)
    booking = known or slots.take(inquiry, table, slots.chosen(inquiry), key, make)
    if booking is None:
        return Result("taken", {"slots_after": None})
    if known is None:
        _give_up(inquiry, application, booking)
        application.visit, application.until = booking.starts, booking.ends
        application.updated_at = inquiry.now
        slots.hand_over(inquiry, booking, "moved")
        _warn(inquiry, application, booking)
    told = slots.told(inquiry, booking.starts, booking.ends)
    sms = {"text": "visit", "values": _written(inquiry, application, booking)}
    return Result("moved", {**told, "sms": sms})


def _movable(inquiry: Inquiry, application: Application) -> bool:
    most = inquiry.company.terms.visits.moves
    return _way(inquiry, application) == "movable" and _moves(inquiry, application) < most


def _written(inquiry: Inquiry, application: Application, booking: Booking) -> dict[str, str]:
    """The values of a message of a visit's new time."""
    told = slots.told(inquiry, booking.starts, booking.ends)
    return {
        "on": f"{inquiry.local(booking.starts):%d.%m}", "number": application.number,
        "first": told["visit_from"], "last": told["visit_until"],
    }  # fmt: skip


def _warn(inquiry: Inquiry, application: Application, booking: Booking) -> None:
    """Write to the account's own telephones where another one moved its visit unproved."""
    account, visits = application.account, inquiry.company.terms.visits
    if account is None or visits.proof:
        return
    own = [contact for contact in account.contacts if contact.source == "register"]
    if inquiry.caller.number in {contact.number for contact in account.contacts}:
        return
    values = _written(inquiry, application, booking)
    notices.visit(inquiry, f"{booking.key}/moved", [each.number for each in own], values)


def _give_up(inquiry: Inquiry, application: Application, booking: Booking) -> None:
    """Free the seats that the application had before."""
    wanted = select(Booking).where(
        Booking.application_id == application.id, Booking.live.is_(True), Booking.id != booking.id
    )
    for old in inquiry.db.scalars(wanted):
        slots.give_up(inquiry, old)
