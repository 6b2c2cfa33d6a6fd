"""After an outage: whoever asked is told that the supply is back, and says where it is not.

    close -> outbox "restored", one a subscription -> jobs: "sms", or "notice_call"
                                                            (`ivr.services.telling`)
    waiting --SMS handed over, or the call heard--> told --2, or nothing--> answered
       |---nobody answers, no SMS either---> failed |--1--> still_out, a ticket `nested_fault`

A subscription is told once. What lies in the outbox says which closing it is about: an event that
is opened again takes it back, and what was taken by then finds the event open and does nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr import outbox
from ivr.company import Company
from ivr.destination import destination
from ivr.errors import RefusedNumber
from ivr.model import Result
from ivr.services import accounts, notices, tickets
from ivr.services.inquiry import Inquiry, service
from ivr.services.outage_events import covers
from ivr.store.models import Account, Ticket
from ivr.store.supply import OutageArea, OutageEvent, OutageReport, Subscription

RESTORED = "restored"
"""Kind of the outbox's entries, and the name of the flow of the call."""
CALL = "notice_call"
"""Kind of the entries that are calls."""
NESTED = "nested_fault"
"""Type of the ticket of a fault behind the one that was mended."""


# ---------------------------------------------------------------------- closing, opening again


def close(db: Session, company: Company, event: OutageEvent, now: datetime) -> None:
    """Close an event and have everybody told who waits for it; a second time changes nothing.

    The one way to close an event. `restored_at` is kept where it is set already, and not later
    than now.
    """
    event.state = "closed"
    event.restored_at = min(event.restored_at or now, now)
    db.flush()
    until = now + timedelta(hours=company.terms.restoration.worth)
    for subscription in _waiting(db, event):
        outbox.put(
            db, company=company.id, kind=RESTORED, key=key(subscription, event),
            payload={"subscription": subscription.id}, now=now, until=until,
        )  # fmt: skip


def reopen(db: Session, event: OutageEvent) -> None:
    """Open a closed event again because of newer data; nobody is told who was not told yet."""
    if event.state == "open":
        return
    for subscription in _waiting(db, event):
        first = key(subscription, event)
        for each in (first, f"{first}/{notices.KIND}", f"{first}/{CALL}"):
            outbox.withdraw(db, each)
    event.state, event.restored_at = "open", None
    db.flush()


def key(subscription: Subscription, event: OutageEvent) -> str:
    """Return the key of what is told because of this closing."""
    at = int(event.restored_at.timestamp()) if event.restored_at else 0
    return f"subscription-{subscription.id}/{RESTORED}/{at}"


def _waiting(db: Session, event: OutageEvent) -> list[Subscription]:
    wanted = select(Subscription).where(
        Subscription.event_id == event.id, Subscription.state == "waiting"
    )
    return list(db.scalars(wanted.order_by(Subscription.id)))


def way(company: Company, number: str) -> str:
    """Return how a number is told: sms or call, "" where the company may do neither."""
    if notices.wanted(company, RESTORED, number):
        return "sms"
    try:
        destination(number, company.calling, company.region)
    except RefusedNumber:
        return ""
    return "call"


# ---------------------------------------------------------------------- nested faults


def nested(db: Session, company: Company, account: Account, now: datetime) -> bool:
    """Tell whether the supply of an account was said to be back lately: no supply now is a fault
    behind the one that was mended.
    """
    since = now - timedelta(hours=company.terms.restoration.nested)
    closed = (
        select(OutageEvent.id)
        .where(
            OutageEvent.company == company.id,
            OutageEvent.state == "closed",
            OutageEvent.restored_at > since,
            OutageEvent.restored_at <= now,
        )
        .scalar_subquery()
    )
    for table in (Subscription, OutageReport):
        theirs = select(table.id).where(table.account_id == account.id, table.event_id.in_(closed))
        if db.scalar(theirs.limit(1)) is not None:
            return True
    areas = select(OutageArea).where(OutageArea.event_id.in_(closed))
    return any(covers(area, account) for area in db.scalars(areas))


# ---------------------------------------------------------------------- the call


@service("restoration.announce", "restored", "open_again", prompts=accounts.PLACES)
def announce(inquiry: Inquiry) -> Result:
    """Tell when and where the supply came back: the call was answered, and counts as told.

    Neither name nor account number is spoken: anybody may have picked up. An event that was opened
    again while it rang is not told; he is called when it is closed.
    """
    subscription = _asked(inquiry)
    language = {"language": _language(inquiry.company, subscription)}
    event = subscription.event
    if event.state != "closed" or event.restored_at is None:
        return Result("open_again", language)
    if subscription.state == "waiting":
        subscription.state, subscription.told_at = "told", inquiry.now
    known: dict[str, Any] = {"place": ""}
    if subscription.account is not None:
        known = {**accounts.chosen(subscription.account, proved=False)}
    at = f"{inquiry.local(event.restored_at):%H:%M}"
    return Result("restored", {**known, **language, "restored_at": at, "event": event.id})


@service("restoration.still_out", "registered")
def still_out(inquiry: Inquiry) -> Result:
    """Register that his supply is not back: once, however often he was called.

    Where somebody of his account has reported it since the restoration, that ticket is told.
    """
    subscription = _asked(inquiry)
    subscription.state = "still_out"
    subscription.told_at = subscription.told_at or inquiry.now
    ticket = _reported(inquiry.db, subscription) or tickets.register(
        inquiry,
        NESTED,
        subscription.account,
        key=f"subscription-{subscription.id}/{NESTED}",
        details={"event": subscription.event.number},
    )
    return Result("registered", tickets.told(ticket))


def _reported(db: Session, subscription: Subscription) -> Ticket | None:
    since = subscription.event.restored_at
    if subscription.account_id is None or since is None:
        return None
    wanted = select(Ticket).where(
        Ticket.account_id == subscription.account_id,
        Ticket.type == NESTED,
        Ticket.state == "open",
        Ticket.created_at >= since,
    )
    return db.scalar(wanted.order_by(Ticket.id).limit(1))


@service("restoration.heard", "noted")
def heard(inquiry: Inquiry) -> Result:
    """Note that he heard it to the end, and said nothing else."""
    subscription = _asked(inquiry)
    if subscription.state == "told":
        subscription.state = "answered"
    return Result("noted")


def _asked(inquiry: Inquiry) -> Subscription:
    """Return the subscription that the call is about; LookupError where there is none."""
    about = str(inquiry.slots.get("about", ""))
    row = inquiry.db.get(Subscription, int(about)) if about.isdecimal() else None
    if row is None or row.company != inquiry.company.id:
        raise LookupError(f"no subscription {about!r}")
    return row


def _language(company: Company, subscription: Subscription) -> str:
    known = subscription.language in company.languages
    return subscription.language if known else company.languages[0]
