"""Who wants to be told when the supply is back: of an event, or of a ticket until there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.model import Result
from ivr.services import outage_events, outage_reports, restoration
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Account
from ivr.store.supply import OutageEvent, OutageReport, Subscription

STORED = ("sms", "call", "noted", "noted_call", "already")
"""How it was stored: of an event, by message or call; with the ticket, until there is an event."""
Notice = Mapping[str, Any]
"""Whom to tell and how: number, way, language, account (its id or None), call, key, at_night."""


@service("subscriptions.own", *STORED, "unknown")
def own(inquiry: Inquiry) -> Result:
    """Tell the calling number. unknown: it is withheld, or none that the company may call."""
    try:
        found = _destination(inquiry, inquiry.caller.number or "")
    except RefusedNumber:
        return Result("unknown")
    return _add(inquiry, found)


@service("subscriptions.typed", *STORED)
def typed(inquiry: Inquiry) -> Result:
    """Tell the number that was keyed, checked and read back."""
    return _add(inquiry, _destination(inquiry, str(inquiry.slots["callback_number"])))


def _add(inquiry: Inquiry, found: Destination) -> Result:
    """Store that somebody wants to be told, before he hears that he will be."""
    notice = _notice(inquiry, found)
    first, last = inquiry.company.terms.restoration.hours
    values = {"notice_number": found.number, "call_from": first, "call_until": last}
    event = _event(inquiry)
    if event is None:
        return Result(_on_ticket(inquiry, notice), {**values, "subscription": None})
    row, new = store(inquiry.db, event, notice, inquiry.now)
    if event.state != "open":  # closed while he listened: he is told like the others
        restoration.close(inquiry.db, inquiry.company, event, inquiry.now)
    return Result(row.way if new else "already", {**values, "subscription": row.id})


@service("subscriptions.at_night", "agreed")
def at_night(inquiry: Inquiry) -> Result:
    """Note that he may be called at any hour."""
    row = inquiry.db.get(Subscription, inquiry.slots.get("subscription") or 0)
    report = outage_reports.of_slot(inquiry)
    if row is not None:
        row.at_night = True
    elif report is not None and "notice" in report.answers:
        notice = {**report.answers["notice"], "at_night": True}
        report.answers = {**report.answers, "notice": notice}
    return Result("agreed")


def store(
    db: Session, event: OutageEvent, notice: Notice, now: datetime
) -> tuple[Subscription, bool]:
    """Return the subscription of a number to an event; False where it was there already."""
    known = _known(db, event, notice)
    if known is None:
        row = Subscription(
            company=event.company,
            event_id=event.id,
            number=notice["number"],
            way=notice["way"],
            at_night=bool(notice.get("at_night")),
            language=notice["language"],
            account_id=notice.get("account"),
            call=notice["call"],
            key=f"{notice['key']}/{event.id}",
            created_at=now,
        )
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError:  # the same number, in another call at this moment
            known = _known(db, event, notice)
            if known is None:
                raise
        else:
            return row, True
    if known.state == "waiting":
        return known, known.key == f"{notice['key']}/{event.id}"
    known.state, known.told_at = "waiting", None  # the event was closed and is open again
    return known, True


def adopt(db: Session, event: OutageEvent, reports: Iterable[OutageReport], now: datetime) -> int:
    """Count reports to the event that turned out to be behind them; returns how many are new to it.

    Who asked with his ticket to be told is told of this event from now on. For whoever makes an
    event of what callers reported: the dispatcher's page, an import.
    """
    taken = 0
    for report in reports:
        if report.event_id is not None:
            continue
        report.event_id = event.id
        taken += 1
        if notice := report.answers.get("notice"):
            store(db, event, notice, now)
    db.flush()
    return taken


def claim(db: Session, company: Company, now: datetime) -> int:
    """Count the reports of the last hours to the events that hit their accounts by now.

    Planned works claim none, and no event a report whose caller said that it is something else.
    For whoever brings events in.
    """
    since = now - timedelta(hours=company.terms.outages.repeat)
    wanted = (
        select(OutageReport)
        .where(
            OutageReport.company == company.id,
            OutageReport.at >= since,
            OutageReport.event_id.is_(None),
            OutageReport.ticket_id.is_not(None),
        )
        .order_by(OutageReport.id)
    )
    reports = [
        row for row in db.scalars(wanted) if row.ticket and "event" not in row.ticket.details
    ]
    owners = {row.account_id: row.account for row in reports if row.account is not None}
    hits = outage_events.hitting(db, company.id, list(owners.values()))
    taken = 0
    for row in reports:
        own = [hit for hit in hits if hit[0].id == row.account_id and hit[1].kind != "planned"]
        found = outage_events.chosen(own, now, company.terms.outages)
        taken += adopt(db, found[1], [row], now) if found else 0
    return taken


def _known(db: Session, event: OutageEvent, notice: Notice) -> Subscription | None:
    return db.scalar(
        select(Subscription).where(
            Subscription.company == event.company,
            Subscription.event_id == event.id,
            Subscription.number == notice["number"],
        )
    )


def _destination(inquiry: Inquiry, text: str) -> Destination:
    return destination(text, inquiry.company.calling, inquiry.company.region)


def _notice(inquiry: Inquiry, found: Destination) -> dict[str, Any]:
    account = inquiry.db.scalar(
        select(Account.id).where(
            Account.company == inquiry.company.id,
            Account.number == str(inquiry.slots.get("event_account") or ""),
        )
    )
    return {
        "number": found.number,
        "way": restoration.way(inquiry.company, found.number),
        "language": inquiry.language or inquiry.company.languages[0],
        "account": account,
        "call": inquiry.caller.call,
        "key": f"{inquiry.key}/notice",
    }


def _event(inquiry: Inquiry) -> OutageEvent | None:
    known = inquiry.slots.get("event")
    return inquiry.db.get(OutageEvent, known) if isinstance(known, int) else None


def _on_ticket(inquiry: Inquiry, notice: Notice) -> str:
    """Keep the wish with the report of this call: there is no event yet that could end."""
    report = outage_reports.of_slot(inquiry)
    if report is None:
        raise LookupError("this call has neither an event nor a report to be told of")
    report.answers = {**report.answers, "notice": dict(notice)}
    return "noted" if notice["way"] == "sms" else "noted_call"
