"""One question after a talk: how was it, 1 to 5? Asked of a share of the callers."""

from __future__ import annotations

from ivr.model import Caller, Result
from ivr.services.inquiry import Inquiry, service
from ivr.shares import drawn


def asked(caller: Caller, share: float) -> bool:
    """Tell whether a call is one of those that are asked; every process says the same of it."""
    return drawn(f"survey/{caller.call}") < share


@service("surveys.chosen", "ask", "none", reads=True)
def chosen(inquiry: Inquiry) -> Result:
    """Tell whether this caller is to be asked."""
    share = inquiry.company.terms.survey.share
    return Result("ask" if asked(inquiry.caller, share) else "none")


@service("surveys.keep", "kept")
def keep(inquiry: Inquiry) -> Result:
    """Take the answer, 1 to 5: it goes into the log of events, which is where it is counted."""
    return Result("kept", {"rated": int(str(inquiry.arguments["rating"]))})
