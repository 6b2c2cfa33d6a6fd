"""Key 4, 3: an appointment at an office: booked, moved to another time, cancelled.

Booked for the calling number, or for one that was keyed and read back where that is withheld. Who
calls from the number later hears of the appointment and may change it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from ivr.model import Result
from ivr.services import offices, slots, tickets
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Ticket
from ivr.store.supply import Booking
from ivr.terms import Office

OFFICE = "office:"


@service("appointments.mine", "told", "none", prompts=slots.WEEKDAYS, reads=True)
def mine(inquiry: Inquiry) -> Result:
    """Tell the next appointment of the calling number."""
    if inquiry.caller.number is None:
        return Result("none")
    wanted = _of(inquiry, inquiry.caller.number).order_by(Booking.starts).limit(1)
    booking = inquiry.db.scalar(wanted)
    if booking is None:
        return Result("none")
    return Result("told", {"booking": booking.id, **_told(inquiry, booking)})


def _of(inquiry: Inquiry, number: str | None) -> Any:
    """The appointments a telephone has before it."""
    return select(Booking).where(
        Booking.company == inquiry.company.id,
        Booking.caller_number == number,
        Booking.place.startswith(OFFICE, autoescape=True),
        Booking.live.is_(True),
        Booking.starts > inquiry.now,
    )


def _told(inquiry: Inquiry, booking: Booking) -> dict[str, Any]:
    office = offices.of_id(inquiry, booking.place.removeprefix(OFFICE))
    return {
        **slots.told(inquiry, booking.starts, booking.ends),
        "office": offices.address(inquiry, office) if office else "",
        "receipt": str(booking.receipt.number) if booking.receipt else "",
    }


def _own(inquiry: Inquiry) -> Booking | None:
    """The appointment that was told to the caller; None where it is gone meanwhile."""
    booking = inquiry.db.get(Booking, inquiry.slots.get("booking") or 0, with_for_update=True)
    return booking if booking is not None and booking.live and _ahead(inquiry, booking) else None


def _ahead(inquiry: Inquiry, booking: Booking) -> bool:
    return booking.starts > inquiry.now


# ---------------------------------------------------------------------- free times


@service("appointments.times", "offered", "none", prompts=slots.WEEKDAYS, reads=True)
def times(inquiry: Inquiry) -> Result:
    """Offer the first free times of the chosen office."""
    return _offer(inquiry, moving=False)


@service("appointments.move", "offered", "none", prompts=slots.WEEKDAYS, reads=True)
def move(inquiry: Inquiry) -> Result:
    """Offer the first free times that the caller's appointment could be moved to."""
    return _offer(inquiry, moving=True)


@service("appointments.more", "offered", "none", prompts=slots.WEEKDAYS, reads=True)
def more(inquiry: Inquiry) -> Result:
    """Offer the times after those that were offered, or the first ones again."""
    return _offer(inquiry, bool(inquiry.slots["moving"]), slots.after(inquiry))


def _offer(inquiry: Inquiry, moving: bool, after: datetime | None = None) -> Result:
    booking = _own_read(inquiry) if moving else None
    office = _office(inquiry, booking)
    if office is None:
        return Result("none")
    but = booking.starts if booking else None
    found, further = slots.free(inquiry, slots.of_office(office), after=after, but=but)
    if not found:
        return Result("none")
    return Result("offered", {"moving": moving, **slots.offered(inquiry, found, further)})


def _own_read(inquiry: Inquiry) -> Booking | None:
    return inquiry.db.get(Booking, inquiry.slots.get("booking") or 0)


def _office(inquiry: Inquiry, booking: Booking | None) -> Office | None:
    if booking is None:
        return offices.chosen(inquiry) if inquiry.slots.get("office_choice") else None
    return offices.of_id(inquiry, booking.place.removeprefix(OFFICE))


# ---------------------------------------------------------------------- booking


@service("appointments.book", "booked", "moved", "taken", "many", "gone", prompts=slots.WEEKDAYS)
def book(inquiry: Inquiry) -> Result:
    """Book the chosen time, or move the appointment there: the new seat and the old one, or none.

    taken: somebody was faster. many: the telephone has as many as it may. gone: what was to be
    moved is there no more.
    """
    key = f"{inquiry.key}/appointment"
    known = inquiry.db.scalar(select(Booking).where(Booking.key == key))
    old = _own(inquiry) if inquiry.slots.get("moving") and known is None else None
    if inquiry.slots.get("moving") and known is None and old is None:
        return Result("gone")
    number = old.caller_number if old else contact(inquiry)
    office = _office(inquiry, old)
    if office is None:
        return Result("gone")
    if known is None and old is None and _count(inquiry, number) >= _most(inquiry):
        return Result("many")

    def make() -> Booking:
        return Booking(
            company=inquiry.company.id, caller_number=number, call=inquiry.caller.call,
            created_at=inquiry.now,
        )  # fmt: skip

    table = slots.of_office(office)
    booking = known or slots.take(inquiry, table, slots.chosen(inquiry), key, make)
    if booking is None:
        return Result("taken", {"slots_after": None})
    if known is None:
        _register(inquiry, office, booking, old, number)
    told = _told(inquiry, booking)
    moved = bool(inquiry.slots.get("moving"))
    return Result("moved" if moved else "booked", {**told, "sms": _sms(inquiry, booking, told)})


def contact(inquiry: Inquiry) -> str | None:
    """Return the number of whom a request is: the calling one, else the one that was keyed."""
    return inquiry.caller.number or inquiry.slots.get("callback_number")


def _count(inquiry: Inquiry, number: str | None) -> int:
    had = _of(inquiry, number).subquery()
    return inquiry.db.scalar(select(func.count()).select_from(had)) or 0


def _most(inquiry: Inquiry) -> int:
    return inquiry.company.terms.requests.bookings


def _register(
    inquiry: Inquiry, office: Office, booking: Booking, old: Booking | None, number: str | None
) -> None:
    """Give a new booking its ticket; a moved one keeps its own, which tells the new time."""
    local = inquiry.local(booking.starts)
    details = {
        "office": office.id, "day": local.date().isoformat(), "time": f"{local:%H:%M}",
        "phone": number,
    }  # fmt: skip
    if old is None:
        ticket = tickets.register(inquiry, "appointment", None, details=details)
        booking.receipt = ticket.receipt
        slots.hand_over(inquiry, booking, "booked")
        return
    slots.give_up(inquiry, old)
    booking.receipt = old.receipt
    _note(inquiry, old, details)
    slots.hand_over(inquiry, booking, "moved")


def _note(inquiry: Inquiry, booking: Booking, details: dict[str, Any], over: bool = False) -> None:
    """Write into the ticket of a booking what became of it."""
    ticket = inquiry.db.scalar(select(Ticket).where(Ticket.receipt_id == booking.receipt_id))
    if ticket is not None:
        ticket.details = {**ticket.details, **details}
        ticket.state = "done" if over else ticket.state


def _sms(inquiry: Inquiry, booking: Booking, told: dict[str, Any]) -> dict[str, Any]:
    values = {
        "on": f"{inquiry.local(booking.starts):%d.%m}", "first": told["visit_from"],
        "office": told["office"], "number": told["receipt"],
    }  # fmt: skip
    return {"text": "appointment", "values": values}


@service("appointments.cancel", "cancelled", "gone")
def cancel(inquiry: Inquiry) -> Result:
    """Give the appointment up; a repeated turn says so again."""
    booking = inquiry.db.get(Booking, inquiry.slots.get("booking") or 0, with_for_update=True)
    if booking is None or not _ahead(inquiry, booking):
        return Result("gone")
    if booking.live:
        slots.give_up(inquiry, booking)
        _note(inquiry, booking, {"decision": "cancelled"}, over=True)
        slots.hand_over(inquiry, booking, "cancelled")
    return Result("cancelled")
