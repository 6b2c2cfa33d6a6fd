"""What the desk shows of an account: address, meters, last readings, open tickets, last talks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import phonenumbers
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from ivr.company import Company
from ivr.model import Caller
from ivr.services import priority
from ivr.services.form import Form
from ivr.services.inquiry import Inquiry
from ivr.store.models import Account, Alias, Contact, Conversation, Meter, Reading, Ticket
from ivr.store.supply import Application, Booking

READINGS = 5
CONVERSATIONS = 3
FOUND = 10
"""Accounts shown for one search; whoever finds more narrows it."""
NAMED = 5
"""Accounts of a calling number that are shown whole."""


def cards(
    db: Session, company: Company, accounts: Iterable[Account], now: datetime
) -> list[dict[str, Any]]:
    """Return the cards of some accounts in their order."""
    rows = list(accounts)
    ids = [account.id for account in rows]
    readings = _grouped(_readings(db, ids), READINGS)
    tickets = _grouped(_tickets(db, ids), FOUND)
    talks = _grouped(_conversations(db, ids), CONVERSATIONS)
    applications = _grouped(_applications(db, ids), FOUND)
    return [
        {
            **_face(db, account, now.astimezone(company.zone).date()),
            "meters": _meters(db, company, account, now),
            "readings": [_reading(row) for row in readings.get(account.id, [])],
            "tickets": [_ticket(row) for row in tickets.get(account.id, [])],
            "applications": [_application(row) for row in applications.get(account.id, [])],
            "conversations": [conversation(row) for row in talks.get(account.id, [])],
        }
        for account in rows
    ]


def _face(db: Session, account: Account, day: date) -> dict[str, Any]:
    address = [account.settlement, " ".join(filter(None, (account.street, account.house)))]
    return {
        "account": account.number,
        "kind": account.kind,
        "priority": priority.counts(db, account, day),
        "substation": account.substation,
        "address": ", ".join(part for part in address if part),
        "schedule_queue": account.schedule_queue,
        "phones": [contact.number for contact in account.contacts],
    }


def _meters(db: Session, company: Company, account: Account, now: datetime) -> list[dict[str, Any]]:
    """Return the meters with the previous values as the reading form will count from them."""
    nobody = Caller("", company.id, None, None, "desk", now)
    form = Form(Inquiry(nobody, company, now, {"account": account.number}, {}, "", db))
    shown: dict[int, list[dict[str, Any]]] = {}
    for counter in form.counters:
        register = {
            "id": counter.id,
            "name": counter.name,
            "digits": counter.digits,
            "previous": counter.text,
            "previous_on": counter.previous_on.isoformat(),
        }
        shown.setdefault(counter.meter, []).append(register)
    return [
        {"number": meter.number, "remote": meter.remote, "registers": shown.get(meter.id, [])}
        for meter in form.account.meters
    ]


def _readings(db: Session, ids: Sequence[int]) -> Sequence[Reading]:
    wanted = (
        select(Reading)
        .where(Reading.account_id.in_(ids), Reading.state != "incomplete")
        .order_by(Reading.stored_at.desc(), Reading.id.desc())
        .options(selectinload(Reading.register))
        .limit(FOUND * READINGS)
    )
    return db.scalars(wanted).all()


def _tickets(db: Session, ids: Sequence[int]) -> Sequence[Ticket]:
    wanted = (
        select(Ticket)
        .where(Ticket.account_id.in_(ids), Ticket.state == "open")
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .options(selectinload(Ticket.receipt))
        .limit(FOUND * FOUND)
    )
    return db.scalars(wanted).all()


def _applications(db: Session, ids: Sequence[int]) -> Sequence[Application]:
    wanted = (
        select(Application)
        .where(Application.account_id.in_(ids))
        .order_by(Application.updated_at.desc(), Application.id.desc())
        .limit(FOUND * FOUND)
    )
    return db.scalars(wanted).all()


def _conversations(db: Session, ids: Sequence[int]) -> Sequence[Conversation]:
    wanted = (
        select(Conversation)
        .where(Conversation.account_id.in_(ids))
        .order_by(Conversation.answered_at.desc())
        .limit(FOUND * CONVERSATIONS)
    )
    return db.scalars(wanted).all()


def _grouped(rows: Iterable[Any], most: int) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = {}
    for row in rows:
        group = groups.setdefault(row.account_id, [])
        if len(group) < most:
            group.append(row)
    return groups


def _reading(row: Reading) -> dict[str, Any]:
    return {
        "register": row.register.name,
        "value": row.value,
        "state": row.state,
        "flags": list(row.flags),
        "as_of": row.as_of.isoformat() if row.as_of else None,
        "at": row.stored_at.timestamp(),
        "channel": row.channel,
    }


def _ticket(row: Ticket) -> dict[str, Any]:
    return {
        "number": str(row.receipt.number) if row.receipt else None,
        "type": row.type,
        "priority": row.priority,
        "at": row.created_at.timestamp(),
    }


def _application(row: Application) -> dict[str, Any]:
    return {
        "number": row.number,
        "what": row.what,
        "state": row.state,
        "reason": row.reason,
        "visit": row.visit.timestamp() if row.visit else None,
    }


def appointments(
    db: Session, company: Company, number: str | None, now: datetime
) -> list[dict[str, Any]]:
    """Return the appointments at offices that a telephone has before it."""
    if number is None:
        return []
    wanted = (
        select(Booking)
        .where(
            Booking.company == company.id,
            Booking.caller_number == number,
            Booking.live.is_(True),
            Booking.ends > now,
            Booking.receipt_id.is_not(None),
        )
        .order_by(Booking.starts)
        .options(selectinload(Booking.receipt))
        .limit(FOUND)
    )
    return [
        {
            "number": str(row.receipt.number) if row.receipt else None,
            "office": row.place.partition(":")[2],
            "at": row.starts.timestamp(),
        }
        for row in db.scalars(wanted)
    ]


def conversation(row: Conversation) -> dict[str, Any]:
    """Return one line of the talks before."""
    return {
        "at": row.answered_at.timestamp(),
        "operator": row.operator,
        "queue": row.queue,
        "code": row.code,
        "note": row.note,
        "interrupted": row.interrupted,
    }


# ---------------------------------------------------------------------- finding accounts


def of_number(db: Session, company: str, number: str | None) -> list[Contact]:
    """Return the telephones of this number, with their accounts."""
    if number is None:
        return []
    wanted = (
        select(Contact)
        .where(Contact.company == company, Contact.number == number)
        .order_by(Contact.id)
        .options(selectinload(Contact.account))
        .limit(NAMED)
    )
    return list(db.scalars(wanted))


def by_number(db: Session, company: str, number: str) -> Account | None:
    """Return the account of this number."""
    return db.scalar(select(Account).where(Account.company == company, Account.number == number))


def search(db: Session, company: Company, text: str) -> list[Account]:
    """Find accounts by number, old number, meter, telephone or street (with or without house)."""
    digits = re.sub(r"[\s()-]", "", text)
    if re.fullmatch(r"\+?\d{4,20}", digits):
        return _by_digits(db, company, digits)
    return _by_street(db, company.id, text)


def _by_digits(db: Session, company: Company, digits: str) -> list[Account]:
    numbers = [
        select(Account.id).where(Account.company == company.id, Account.number == digits),
        select(Alias.account_id).where(Alias.company == company.id, Alias.alias == digits),
        select(Meter.account_id)
        .join(Account)
        .where(Account.company == company.id, Meter.number == digits),
    ]
    if number := e164(digits, company.region):
        numbers.append(
            select(Contact.account_id).where(
                Contact.company == company.id, Contact.number == number
            )
        )
    wanted = (
        select(Account)
        .where(or_(*(Account.id.in_(found) for found in numbers)))
        .order_by(Account.number)
        .limit(FOUND)
    )
    return list(db.scalars(wanted))


def _by_street(db: Session, company: str, text: str) -> list[Account]:
    """SQLite folds no Cyrillic: the street is sought as it is usually written, capitalised."""
    words = text.replace(",", " ").split()
    house = words.pop() if len(words) > 1 and words[-1][:1].isdigit() else ""
    street = " ".join(words)
    ways = {way for way in (street, street.capitalize(), street.title()) if way}
    wanted = (
        select(Account)
        .where(
            Account.company == company,
            or_(
                *(Account.street.startswith(way, autoescape=True) for way in ways),
                *(Account.settlement.startswith(way, autoescape=True) for way in ways),
            ),
        )
        .order_by(Account.street, func.length(Account.house), Account.house)
        .limit(FOUND)
    )
    if house:
        wanted = wanted.where(Account.house == house)
    return list(db.scalars(wanted))


def e164(text: str, region: str) -> str | None:
    """Return a telephone number in E.164, None where it is none."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
