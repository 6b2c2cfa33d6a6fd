"""The feed to the company's own systems: what was stored here goes out through the outbox.

The company's profile says which kinds of documents it wants (`feed: [ticket, reading]`); what it
does not want is never put in. Each is put in within the transaction of what it tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from ivr import outbox
from ivr.company import Company
from ivr.store.models import Account, Reading, Receipt, Ticket
from ivr.store.supply import OutageReport, SuspectedEvent

KIND = "feed"
WORTH = timedelta(days=30)
"""After it a document that could not be delivered is given up."""


def ticket(db: Session, company: Company, row: Ticket, now: datetime, change: str = "") -> None:
    """Tell of a new ticket, or of what was added to it: `change` names that; it must be flushed."""
    document = {
        "ticket": row.receipt.number if row.receipt else None,
        "type": row.type,
        "priority": row.priority,
        "account": row.account.number if row.account else None,
        "address": _address(row.account),
        "reason": row.reason,
        "details": row.details,
        "caller": row.caller_number,
        "call": row.call,
        "at": row.created_at.isoformat(),
    }
    key = f"{row.key}/{change}" if change else row.key
    put(db, company, "ticket", key, document, now)


def reading(db: Session, company: Company, row: Reading, now: datetime) -> None:
    """Tell of an accepted reading, one document a register."""
    receipt = db.get(Receipt, row.receipt_id or 0)
    before = db.get(Reading, row.replaces_id or 0)
    document = {
        "receipt": receipt.number if receipt else None,
        "account": row.account.number,
        "meter": row.register.meter.number,
        "register": row.register.name,
        "value": row.value,
        "as_of": row.as_of.isoformat() if row.as_of else None,
        "state": row.state,
        "flags": list(row.flags),
        "entered_at": row.entered_at.isoformat(),
        "stored_at": row.stored_at.isoformat(),
        "channel": row.channel,
        "caller": row.caller_number,
        "replaces": before.value if before else None,
    }
    put(db, company, "reading", row.key, document, now)


def report(db: Session, company: Company, row: OutageReport, now: datetime) -> None:
    """Tell that somebody has no supply; it must be flushed."""
    document = {
        "at": row.at.isoformat(),
        "account": row.account.number if row.account else None,
        "substation": row.substation,
        "settlement": row.settlement,
        "street": row.street,
        "scope": row.scope,
        "answers": row.answers,
        "event": row.event.number if row.event else None,
        "ticket": row.ticket.receipt.number if row.ticket and row.ticket.receipt else None,
        "caller": row.caller_number,
        "call": row.call,
    }
    put(db, company, "report", row.key, document, now)


def suspected(db: Session, company: Company, row: SuspectedEvent, now: datetime) -> None:
    """Tell that reports of one place came close together; it must be flushed."""
    document = {
        "suspected": row.id,
        "substation": row.substation,
        "settlement": row.settlement,
        "street": row.street,
        "first_at": row.first_at.isoformat(),
        "last_at": row.last_at.isoformat(),
        "reports": row.reports,
    }
    put(db, company, "suspected", f"{company.id}/{row.id}", document, now)


def priority(
    db: Session,
    company: Company,
    call: str,
    account: Account | None,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Tell of a caller who comes first. details: as `ivr.services.priority` puts them."""
    document = {**details, "call": call, "address": _address(account), "at": now.isoformat()}
    put(db, company, "priority", f"{company.id}/{call}", document, now)


def put(
    db: Session, company: Company, what: str, key: str, document: dict[str, Any], now: datetime
) -> None:
    """Tell of anything the company wants to hear of.

    what: a word of `ivr.terms.FEED`. key: of what it tells; told once however often it is put.
    """
    if what not in company.terms.feed:
        return
    outbox.put(
        db,
        company=company.id,
        kind=KIND,
        key=f"feed/{what}/{key}",
        payload={"what": what, "document": document},
        now=now,
        until=now + WORTH,
    )


def _address(account: Account | None) -> dict[str, str | None] | None:
    if account is None:
        return None
    return {
        "settlement": account.settlement,
        "street": account.street,
        "house": account.house,
        "substation": account.substation,
    }
