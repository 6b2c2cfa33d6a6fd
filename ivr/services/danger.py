"""Somebody in danger whom no operator answers: the way to the dispatcher's telephone.

A hospital without supply is led there as well, while nobody is signed in.
"""

from __future__ import annotations

from typing import Any

from ivr.company import Company
from ivr.model import Result
from ivr.services.inquiry import Inquiry, service

QUEUE = "danger"
OUTSIDE = "dispatcher"
"""Value of the slot `outside`: whose telephone is to be dialled. Never a number: a session holds
what callers say, and the matchmaker dials only what the company's profile names."""


def meant(company: Company, queue: str) -> bool:
    """Tell whether a queue is the one of those in danger, whatever the company calls it."""
    return company.word_of(queue) == QUEUE


def dispatcher(inquiry: Inquiry) -> dict[str, Any]:
    """Return the slots with which a caller is put through to the dispatcher, now; none where the
    company has no number for that.
    """
    if not inquiry.company.terms.contacts.dispatcher:
        return {}
    count = int(inquiry.slots.get("outside_count", 0)) + 1
    return {"outside": OUTSIDE, "outside_count": count, "outside_at": inquiry.now.timestamp()}


@service("danger.overdue", "dispatcher", "none", reads=True)
def overdue(inquiry: Inquiry) -> Result:
    """Put him through to the dispatcher, unless that was done a moment ago."""
    last = inquiry.slots.get("outside_at")
    again = inquiry.company.terms.danger.again
    recent = isinstance(last, int | float) and inquiry.now.timestamp() - last < again
    values = dispatcher(inquiry)
    return Result("none") if recent or not values else Result("dispatcher", values)


@service("danger.silent", "danger", "site", reads=True)
def silent(inquiry: Inquiry) -> Result:
    """Tell who waits on though the dispatcher is silent: a site may rather be called back."""
    urgent = meant(inquiry.company, str(inquiry.slots.get("queue", "")))
    return Result("danger" if urgent or inquiry.slots.get("priority") == QUEUE else "site")
