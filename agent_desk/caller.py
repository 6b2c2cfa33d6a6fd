"""Who is calling: all that the operator sees before he says hello."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from agent_desk import cards
from agent_desk import priority as first
from agent_desk.answer_base import AnswerBase
from ivr.agent_queue.model import Ticket
from ivr.company import Company
from ivr.services import priority
from ivr.store.models import Account, Contact, Conversation

SUGGESTED = 4
"""Answers offered beside a call."""
KEYED = (
    "account", "keyed", "typed", "meter_ending", "number_typed", "application", "receipt",
)  # fmt: skip
"""Slots of a flow that hold what the caller typed, and the number he was told."""


def caller(
    db: Session, company: Company, ticket: Ticket, answers: AnswerBase, language: str, now: float
) -> dict[str, Any]:
    """Return the caller of a ticket as the page shows him. language: of the operator."""
    context, moment = ticket.context, datetime.fromtimestamp(now, company.zone)
    contacts = cards.of_number(db, company.id, ticket.number)
    keyed = _keyed_account(db, company, context)
    accounts = _accounts(contacts, keyed)
    proved = _proved(contacts, context, keyed)
    flow, step = str(context.get("flow") or ""), str(context.get("step") or "")
    why = str(context.get("reason") or "")
    places = [place for place in (f"{flow}.{step}", step, why, flow, ticket.queue) if place]
    return {
        "number": ticket.number,
        "match": _match(contacts, keyed),
        "proved": proved,
        "accounts": cards.cards(db, company, accounts, moment),
        "appointments": cards.appointments(db, company, ticket.number, moment),
        "language": ticket.language,
        "queue": ticket.queue,
        "priority": ticket.priority,
        "site": _site(db, company, ticket, proved, keyed, moment),
        "raised": first.raised(db, company.id, ticket.id),
        "entered": ticket.began,
        "waited": ticket.waited,
        "dialled": ticket.dialled,
        "why": why,
        "flow": flow,
        "step": step,
        "keyed": _keyed(context),
        "values": _values(accounts, context),
        "tries": _tries(accounts, context),
        "interrupted": _interrupted(db, ticket.id),
        "unrecorded": bool(context.get("unrecorded")),
        "contacts": _contacts(db, company.id, ticket, accounts),
        "answers": answers.suggested(places, language)[:SUGGESTED],
    }


def _site(
    db: Session,
    company: Company,
    ticket: Ticket,
    proved: bool,
    keyed: Account | None,
    now: datetime,
) -> dict[str, Any] | None:
    """What the register of those who come first says of him; an account that he only keyed tells of
    a site, and of nobody vulnerable.
    """
    entry = priority.entry_of(db, company.id, ticket.number, keyed, now.date())
    by_number = priority.of_number(db, company.id, ticket.number, now.date())
    if entry is None or not (proved or by_number or entry.kind == priority.MARK):
        return None  # keyed alone tells nothing of somebody vulnerable
    return priority.shown(entry)


def _interrupted(db: Session, call: str) -> bool:
    """Whether an operator of this call vanished while they talked."""
    wanted = select(Conversation.id).where(
        Conversation.call == call, Conversation.interrupted.is_(True)
    )
    return db.scalar(wanted.limit(1)) is not None


def _keyed_account(db: Session, company: Company, context: Mapping[str, Any]) -> Account | None:
    number = context.get("account")
    return cards.by_number(db, company.id, str(number)) if number else None


def _accounts(contacts: list[Contact], keyed: Account | None) -> list[Account]:
    """The account of the call first, then those of the calling number."""
    known = [contact.account for contact in contacts]
    if keyed is None:
        return known
    return [keyed, *(account for account in known if account.id != keyed.id)]


def _match(contacts: list[Contact], keyed: Account | None) -> str:
    numbers = [contact.account_id for contact in contacts]
    if keyed is not None and keyed.id not in numbers:
        return "keyed"
    return {0: "none", 1: "one"}.get(len(numbers), "several")


def _proved(contacts: list[Contact], context: Mapping[str, Any], keyed: Account | None) -> bool:
    """Whether he may hear what is stored: as the flow found out, else by a proved telephone."""
    if keyed is not None and "proved" in context:
        return bool(context["proved"])
    if keyed is not None:
        return any(link.proved for link in contacts if link.account_id == keyed.id)
    return len(contacts) == 1 and contacts[0].proved


def _keyed(context: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"what": slot, "value": str(context[slot])}
        for slot in KEYED
        if isinstance(context.get(slot), str | int) and context[slot] != ""
    ]


def _names(accounts: list[Account]) -> dict[str, tuple[str, int]]:
    """Return name and digits of each register by its id as the slots write it."""
    return {
        str(register.id): (register.name, meter.digits)
        for account in accounts
        for meter in account.meters
        for register in meter.registers
    }


def _values(accounts: list[Account], context: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a half-made reading by the name of the register."""
    names, given = _names(accounts), context.get("values")
    if not isinstance(given, Mapping):
        return {}
    return {
        names[key][0]: f"{value['value']:0{names[key][1]}d}"
        for key, value in given.items()
        if key in names and isinstance(value, Mapping) and isinstance(value.get("value"), int)
    }


def _tries(accounts: list[Account], context: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the refused values, with the reason of each."""
    names, given = _names(accounts), context.get("tries")
    if not isinstance(given, Mapping):
        return []
    return [
        {"register": names[key][0], "value": str(entry["typed"]), "kind": str(entry["kind"])}
        for key, entries in given.items()
        if key in names
        for entry in entries
        if isinstance(entry, Mapping) and {"typed", "kind"} <= set(entry)
    ]


def _contacts(
    db: Session, company: str, ticket: Ticket, accounts: list[Account]
) -> list[dict[str, Any]]:
    """Return the last talks with this number or about these accounts, newest first."""
    about: list[ColumnElement[bool]] = [
        Conversation.account_id.in_([account.id for account in accounts])
    ]
    if ticket.number:
        about.append(Conversation.caller_number == ticket.number)
    wanted = (
        select(Conversation)
        .where(Conversation.company == company, Conversation.call != ticket.id, or_(*about))
        .order_by(Conversation.answered_at.desc())
        .limit(cards.CONVERSATIONS)
    )
    return [cards.conversation(row) for row in db.scalars(wanted)]
