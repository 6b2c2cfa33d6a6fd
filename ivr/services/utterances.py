"""May what the caller said be kept? Asked once, at the end of a call that was chosen for it."""

from __future__ import annotations

from ivr import utterances
from ivr.model import Result
from ivr.services.inquiry import Inquiry, service


@service("utterances.ask", "ask", "none", reads=True)
def ask(inquiry: Inquiry) -> Result:
    """Tell whether the caller is to be asked: something he said was kept so far."""
    spoke = bool(inquiry.slots.get("spoke"))
    asked = spoke and utterances.chosen(inquiry.caller, inquiry.company)
    return Result("ask" if asked else "none")


@service("utterances.consent", "kept")
def consent(inquiry: Inquiry) -> Result:
    """Store his consent; only then is anything kept."""
    utterances.consent(inquiry.db, inquiry.caller, inquiry.now, inquiry.language)
    return Result("kept")
