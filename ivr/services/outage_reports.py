"""Reports of "no supply": counted to an event or kept with a ticket, and grouped for dispatchers.

Everything here runs in the transaction of one service. `hold` makes those of one company take
turns, so that of three reports at one moment exactly one sees that they are three.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from ivr.services import feed, restoration, tickets
from ivr.services.inquiry import Inquiry
from ivr.store import places
from ivr.store.models import Account, Company, Ticket
from ivr.store.supply import OutageEvent, OutageReport, SuspectedEvent

TYPE = "outage"


def hold(db: Session, company: str) -> None:
    """Wait for whoever registers a report of this company; SQLite has one writer anyway."""
    db.scalar(select(Company.id).where(Company.id == company).with_for_update(key_share=True))


def count(inquiry: Inquiry, account: Account, event: OutageEvent) -> OutageReport:
    """Count a report to an event; one a call, an account and an event."""
    key = f"{inquiry.caller.call}/outage/{account.id}/{event.id}"
    return _of_key(inquiry.db, key) or _add(inquiry, key, account, event_id=event.id)


def open_ticket(inquiry: Inquiry, account: Account) -> Ticket | None:
    """Return the open ticket that a report of the last hours made for an account, or None."""
    since = inquiry.now - timedelta(hours=inquiry.company.terms.outages.repeat)
    wanted = (
        select(Ticket)
        .where(
            Ticket.account_id == account.id,
            Ticket.type.in_((TYPE, restoration.NESTED)),
            Ticket.state == "open",
            Ticket.created_at >= since,
        )
        .order_by(Ticket.id.desc())
        .limit(1)
    )
    return inquiry.db.scalar(wanted)


def register(
    inquiry: Inquiry, account: Account, scope: str, priority: str, known: OutageEvent | None
) -> tuple[OutageReport, bool]:
    """Register a report with a ticket; True where the account had one already.

    scope: house or flat. known: the event that hits the account, where the caller said that it is
    something else: his report is no sign of another event then.
    """
    hold(inquiry.db, inquiry.company.id)
    key = f"{inquiry.caller.call}/outage/{account.id}"
    report = _of_key(inquiry.db, key)
    if report is not None:
        return report, bool(report.answers.get("again"))
    ticket = open_ticket(inquiry, account)
    again = ticket is not None
    if ticket is None:
        details = {"scope": scope, **({"event": known.number} if known else {})}
        nested = known is None and restoration.nested(
            inquiry.db, inquiry.company, account, inquiry.now
        )
        kind = restoration.NESTED if nested else TYPE
        ticket = tickets.register(
            inquiry, kind, account, key=key, priority=priority, details=details
        )
    answers = {"again": True} if again else {}
    report = _add(inquiry, key, account, ticket_id=ticket.id, scope=scope, answers=answers)
    inquiry.db.flush()
    if known is None:
        group(inquiry, account, report)
    return report, again


def answer(inquiry: Inquiry, report: OutageReport, said: dict[str, Any]) -> None:
    """Add answers of the caller to his report and to its ticket."""
    report.answers = {**report.answers, **said}
    if report.ticket is not None:
        report.ticket.details = {**report.ticket.details, **said}


def of_slot(inquiry: Inquiry) -> OutageReport | None:
    """Return the report that this call has made, or None."""
    known = inquiry.slots.get("report")
    return inquiry.db.get(OutageReport, known) if isinstance(known, int) else None


def _of_key(db: Session, key: str) -> OutageReport | None:
    return db.scalar(select(OutageReport).where(OutageReport.key == key))


def _add(inquiry: Inquiry, key: str, account: Account, **columns: Any) -> OutageReport:
    report = OutageReport(
        company=inquiry.company.id,
        key=key,
        at=inquiry.now,
        call=inquiry.caller.call,
        caller_number=inquiry.caller.number,
        account_id=account.id,
        substation=places.name(account.substation) if account.substation else None,
        settlement=places.settlement(account.settlement) if account.settlement else None,
        street=places.street(account.street) if account.street else None,
        **columns,
    )
    inquiry.db.add(report)
    inquiry.db.flush()
    feed.report(inquiry.db, inquiry.company, report, inquiry.now)
    return report


# ---------------------------------------------------------------------- suspected events


def group(inquiry: Inquiry, account: Account, report: OutageReport) -> None:
    """Join a report to a suspected event, or make one of it and those that came shortly before."""
    suspected = _open_one(inquiry, report)
    if suspected is not None:
        _join(inquiry, suspected, report)
        return
    found = _together(inquiry, report)
    if found is None:
        return
    by, reports = found
    suspected = SuspectedEvent(
        company=inquiry.company.id,
        substation=account.substation if by == "substation" else None,
        settlement=account.settlement or None,
        street=account.street if by == "street" else None,
        first_at=min(each.at for each in reports),
        last_at=inquiry.now,
        reports=len(distinct(reports)),
    )
    inquiry.db.add(suspected)
    inquiry.db.flush()
    for each in reports:
        each.suspected_id = suspected.id
    feed.suspected(inquiry.db, inquiry.company, suspected, inquiry.now)


def distinct(reports: Iterable[OutageReport]) -> list[OutageReport]:
    """Return the reports that count: of one account, and of one telephone, only the first does."""
    accounts: set[int | None] = set()
    numbers: set[str] = set()
    counted = []
    for report in reports:
        if report.account_id not in accounts and report.caller_number not in numbers:
            counted.append(report)
            accounts.add(report.account_id)
            if report.caller_number is not None:
                numbers.add(report.caller_number)
    return counted


def _together(inquiry: Inquiry, report: OutageReport) -> tuple[str, list[OutageReport]] | None:
    """The reports of the last minutes under one substation, else in one street, if they are enough.

    Those of an event that is known, or of a suspected one that was decided, are none of them.
    """
    terms = inquiry.company.terms.outages
    since = inquiry.now - timedelta(minutes=terms.within)
    for by, near in _near(OutageReport, report):
        wanted = (
            select(OutageReport)
            .where(
                OutageReport.company == inquiry.company.id,
                OutageReport.at >= since,
                OutageReport.event_id.is_(None),
                OutageReport.suspected_id.is_(None),
                OutageReport.ticket_id.is_not(None),
                near,
            )
            .order_by(OutageReport.id)
        )
        reports = list(inquiry.db.scalars(wanted))
        if len(distinct(reports)) >= terms.group:
            return by, reports
    return None


def _near(table: type[OutageReport], report: OutageReport) -> list[tuple[str, ColumnElement[bool]]]:
    found: list[tuple[str, ColumnElement[bool]]] = []
    if report.substation:
        found.append(("substation", table.substation == report.substation))
    if report.street:
        same = and_(table.street == report.street, table.settlement == report.settlement)
        found.append(("street", same))
    return found


def _open_one(inquiry: Inquiry, report: OutageReport) -> SuspectedEvent | None:
    """The suspected event that a further report belongs to, while no dispatcher has decided."""
    since = inquiry.now - timedelta(hours=inquiry.company.terms.outages.repeat)
    wanted = (
        select(SuspectedEvent)
        .where(
            SuspectedEvent.company == inquiry.company.id,
            SuspectedEvent.state == "open",
            SuspectedEvent.last_at >= since,
        )
        .order_by(SuspectedEvent.id)
    )
    return next((each for each in inquiry.db.scalars(wanted) if _belongs(report, each)), None)


def _belongs(report: OutageReport, suspected: SuspectedEvent) -> bool:
    if suspected.substation:
        return report.substation == places.name(suspected.substation)
    same_street = report.street == places.street(suspected.street or "")
    return same_street and report.settlement == places.settlement(suspected.settlement or "")


def _join(inquiry: Inquiry, suspected: SuspectedEvent, report: OutageReport) -> None:
    report.suspected_id = suspected.id
    inquiry.db.flush()
    wanted = (
        select(OutageReport)
        .where(OutageReport.suspected_id == suspected.id)
        .order_by(OutageReport.id)
    )
    reports = len(distinct(inquiry.db.scalars(wanted)))
    if reports > suspected.reports:
        suspected.reports = reports
        suspected.last_at = inquiry.now
