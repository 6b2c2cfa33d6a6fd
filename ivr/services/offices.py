"""Offices of the company: which there are, where, when they are open; and the supplier's number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ivr.model import Result
from ivr.services import slots
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Account, Contact
from ivr.terms import Office, OfficeHours

NAMED = 4
"""Offices named at a time; where there are more, the next key names the others."""
DAYS = 7
HOURS = ("office_open", "office_shut", "office_next")


def address(inquiry: Inquiry, office: Office) -> str:
    """Return how an office is called in the caller's language."""
    known = office.address
    return known.get(inquiry.language) or next(iter(known.values()))


def of_id(inquiry: Inquiry, name: str) -> Office | None:
    """Return the office of an id, None where the company has closed it."""
    return next((each for each in inquiry.company.terms.offices if each.id == name), None)


def chosen(inquiry: Inquiry) -> Office:
    """Return the office the caller chose. LookupError where it is gone meanwhile."""
    name = inquiry.slots["office_choice"]["office_id"]
    office = of_id(inquiry, name)
    if office is None:
        raise LookupError(f"{inquiry.company.id} has no office {name}")
    return office


@service("offices.find", "one", "several", reads=True)
def find(inquiry: Inquiry) -> Result:
    """Name the offices, those of the caller's own settlement first. LookupError: there are none."""
    offices = _in_order(inquiry)
    if not offices:
        raise LookupError(f"{inquiry.company.id} has no `offices:` in its profile")
    if len(offices) == 1:
        return Result("one", {"office_choice": _item(inquiry, offices[0])})
    return Result("several", _page(inquiry, offices, 0))


@service("offices.more", "several", reads=True)
def more(inquiry: Inquiry) -> Result:
    """Name the next ones; after the last ones come the first ones again."""
    offices = _in_order(inquiry)
    first = int(inquiry.slots.get("offices_after") or 0)
    return Result("several", _page(inquiry, offices, first if first < len(offices) else 0))


def _in_order(inquiry: Inquiry) -> list[Office]:
    own = _settlement(inquiry)
    return sorted(inquiry.company.terms.offices, key=lambda office: office.settlement != own)


def _page(inquiry: Inquiry, offices: list[Office], first: int) -> dict[str, Any]:
    shown = offices[first : first + NAMED]
    return {
        "offices": [_item(inquiry, office) for office in shown],
        "offices_after": first + NAMED,
        "further": [{}] if len(offices) > NAMED else [],
    }


def _item(inquiry: Inquiry, office: Office) -> dict[str, str]:
    return {"office_id": office.id, "office": address(inquiry, office)}


def _settlement(inquiry: Inquiry) -> str | None:
    """Where the account of this call is, or the only one of the calling number."""
    company = inquiry.company.id
    wanted = select(Account.settlement).where(Account.company == company)
    if number := inquiry.slots.get("account"):
        return inquiry.db.scalar(wanted.where(Account.number == number))
    if inquiry.caller.number is None:
        return None
    known = wanted.join(Contact).where(Contact.number == inquiry.caller.number).distinct()
    places = inquiry.db.scalars(known.limit(2)).all()
    return places[0] if len(places) == 1 else None


# ---------------------------------------------------------------------- hours


@service("offices.hours", "told", prompts=(*HOURS, *slots.WEEKDAYS), reads=True)
def hours(inquiry: Inquiry) -> Result:
    """Tell the address, the hours of today, and those of the week."""
    office = chosen(inquiry)
    rows = [_row(entry) for entry in office.hours]
    values = {"office": address(inquiry, office), "rows": rows}
    return Result("told", {**values, **_today(inquiry, office)})


def _row(entry: OfficeHours) -> dict[str, Any]:
    """One line of the week: the days with the same hours, one after the other."""
    days = [f"weekday_{day}" for day in sorted(entry.days)]
    named = {f"day_{n}": days[n - 1] if n <= len(days) else "" for n in range(1, DAYS + 1)}
    return {**named, "visit_from": entry.open[0], "visit_until": entry.open[1]}


def _today(inquiry: Inquiry, office: Office) -> dict[str, Any]:
    """Today's hours while it is open or will be; else those of the next day on which it is."""
    weekdays, place = slots.weekdays_of(office), slots.place_of(office)
    now = f"{inquiry.local(inquiry.now):%H:%M}"
    for offset in range(DAYS * 3):
        day = inquiry.today + timedelta(days=offset)
        spans = slots.spans_on(inquiry, place, day, weekdays)
        left = [span for span in sorted(spans) if offset or span[1] > now]
        if left:
            known = {"visit": day.isoformat(), "weekday": f"weekday_{day.isoweekday()}"}
            state = "office_next" if offset else "office_open"
            return {**known, "opens": left[0][0], "closes": left[0][1], "today": state}
    return {"today": "office_shut"}


# ---------------------------------------------------------------------- bills


@service("offices.supplier", "told", "none", reads=True)
def supplier(inquiry: Inquiry) -> Result:
    """Tell who answers questions about bills: the supplier, not the company of the grid."""
    number = inquiry.company.terms.contacts.supplier
    return Result("told" if number else "none", {"supplier": number or None})
