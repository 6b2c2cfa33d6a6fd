"""The feed to the company's own systems: what was stored here goes out through the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ivr import outbox
from ivr.store.models import Ticket

KIND = "feed"


def ticket(db: Session, row: Ticket, now: datetime) -> None:
    """Hand a new ticket to the dispatcher's system."""
    document = {
        "ticket": row.receipt.number if row.receipt else None,
        "type": row.type,
        "priority": row.priority,
        "account": row.account.number if row.account else None,
        "reason": row.reason,
        "details": row.details,
        "caller": row.caller_number,
        "at": row.created_at.isoformat(),
    }
    _put(db, row.company, "ticket", row.key, document, now)


def _put(
    db: Session, company: str, what: str, key: str, document: dict[str, Any], now: datetime
) -> None:
    payload = {"what": what, "document": document}
    outbox.put(db, company=company, kind=KIND, key=f"feed/{what}/{key}", payload=payload, now=now)
