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
    kept = put(inquiry, path, str(inquiry.slots.get("queue", "general")))
    return Result("empty" if kept is None else "kept")


def put(inquiry: Inquiry, path: str, queue: str) -> VoiceMessage | None:
    """Return the message of a recording, kept once; None where nothing was recorded."""
    if not path:
        return None
    known = inquiry.db.scalar(select(VoiceMessage).where(VoiceMessage.path == path))
    if known is not None:
        return known
    message = VoiceMessage(
        company=inquiry.company.id,
        call=inquiry.caller.call,
        key=inquiry.key,
        number=inquiry.caller.number,
        queue=queue,
        path=path,
        created_at=inquiry.now,
    )
    inquiry.db.add(message)
    inquiry.db.flush()
    return message
