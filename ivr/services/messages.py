"""Voice messages of callers whom nobody can answer now."""

from __future__ import annotations

from sqlalchemy import select

from ivr.model import Result
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import VoiceMessage


@service("messages.keep", "kept", "empty")
def keep(inquiry: Inquiry) -> Result:
    """Put what was recorded into the operators' inbox; a repeated turn puts it there once."""
    path = str(inquiry.slots.get("message") or "")
    if not path:
        return Result("empty")
    known = select(VoiceMessage.id).where(VoiceMessage.path == path)
    if inquiry.db.scalar(known) is None:
        inquiry.db.add(
            VoiceMessage(
                company=inquiry.company.id,
                call=inquiry.caller.call,
                key=inquiry.key,
                number=inquiry.caller.number,
                queue=str(inquiry.slots.get("queue", "general")),
                path=path,
                created_at=inquiry.now,
            )
        )
    return Result("kept")
