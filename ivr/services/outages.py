"""Key 1: danger, no supply, what is known of it."""

from __future__ import annotations

from ivr.model import Result
from ivr.services import tickets
from ivr.services.inquiry import Inquiry, service


@service("outages.danger", "registered")
def danger(inquiry: Inquiry) -> Result:
    """Register the danger before anything is said: he may hang up at once."""
    ticket = tickets.register(inquiry, "danger", None, priority="danger")
    return Result("registered", tickets.told(ticket))
