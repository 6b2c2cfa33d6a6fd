"""Which account a call is about: by calling number, by keys, by meter; and how sure that is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, lazyload

from ivr.model import Result
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Account, AccountMiss, Alias, Contact, Meter

PLACES = ("account_place", "account_settlement")
NAMED = 5
"""Addresses named to a caller with several accounts; the next key is another account."""


@service("accounts.by_phone", "none", "one", "several", "business", prompts=PLACES, reads=True)
def by_phone(inquiry: Inquiry) -> Result:
    """Find the accounts of the calling number that the call has not dealt with yet."""
    contacts = _contacts(inquiry)
    if contacts and all(contact.account.kind == "business" for contact in contacts):
        return Result("business", chosen(contacts[0].account, proved=False))
    return _offer(inquiry, contacts, "one")


@service("accounts.of_phone", "none", "one", "several", prompts=PLACES, reads=True)
def of_phone(inquiry: Inquiry) -> Result:
    """Find all accounts of the calling number, of whatever kind."""
    return _choice(inquiry, _contacts(inquiry), "one")


@service("accounts.another", "one_left", "several", "none", prompts=PLACES, reads=True)
def another(inquiry: Inquiry) -> Result:
    """After one account is done: the one that is left, a choice, or keys."""
    return _offer(inquiry, _contacts(inquiry), "one_left")


def _offer(inquiry: Inquiry, contacts: list[Contact], single: str) -> Result:
    done = inquiry.slots.get("done", [])
    left = [contact for contact in contacts if contact.account.number not in done]
    return _choice(inquiry, left, single)


def _choice(inquiry: Inquiry, left: list[Contact], single: str) -> Result:
    if not left:
        return Result("none")
    items = [
        chosen(contact.account, _proved(inquiry, contact.account, contact))
        for contact in left[:NAMED]
    ]
    if len(left) == 1:
        return Result(single, items[0])
    return Result("several", {"accounts": items})


def _contacts(inquiry: Inquiry) -> list[Contact]:
    if inquiry.caller.number is None:
        return []
    wanted = (
        select(Contact)
        .where(
            Contact.company == inquiry.company.id,
            Contact.number == inquiry.caller.number,
        )
        .order_by(Contact.id)
        .options(joinedload(Contact.account).options(lazyload("*")))
    )
    return list(inquiry.db.scalars(wanted))


def of_number(inquiry: Inquiry) -> list[Account]:
    """Return every account that the calling number belongs to."""
    return [contact.account for contact in _contacts(inquiry)]


def about(inquiry: Inquiry) -> Account | None:
    """Return the account a request is about: of this call, else the caller's only one."""
    if inquiry.slots.get("account"):
        return current(inquiry)
    found = of_number(inquiry)
    return found[0] if len(found) == 1 else None


def chosen(account: Account, proved: bool) -> dict[str, Any]:
    """Return the slots that make an account the one the call is about."""
    return {
        "account": account.number,
        "ending": account.number[-3:],
        "proved": proved,
        "place": _place(account),
        "street": account.street or account.settlement,
    }


def mark(account: Account) -> dict[str, Any]:
    """Return the slot that puts a priority site at the head of every queue of this call.

    The mark comes from the register of accounts only, never from what a caller says.
    """
    if account.kind != "priority_site":
        return {}
    return {"mark": "priority_site", "priority": "priority_site"}


def _place(account: Account) -> str:
    return "account_place" if account.street else "account_settlement"


@service("accounts.choose", "chosen", prompts=PLACES, reads=True)
def choose(inquiry: Inquiry) -> Result:
    """Take the account chosen from the list of several."""
    return Result("chosen", inquiry.slots["account_choice"])


@service("accounts.find", "found", "not_found", prompts=PLACES, reads=True)
def find(inquiry: Inquiry) -> Result:
    """Find the account whose number, old number or meter number was keyed."""
    typed = str(inquiry.slots["typed"])
    account = _keyed(inquiry, typed)
    if account is None:
        return Result("not_found", {"keyed": typed})
    return Result("found", {**chosen(account, proved(inquiry, account)), "keyed": typed})


@service("accounts.miss", "counted", prompts=("pause_guessing",))
def miss(inquiry: Inquiry) -> Result:
    """Count a number of the right form that does not exist.

    After `wrong_accounts` of them within `wrong_minutes` from one calling number the answer is
    slowed down, and the call is marked.
    """
    if inquiry.company.account.fullmatch(str(inquiry.slots["keyed"])):
        _miss(inquiry)
    return Result("counted", _slowed(inquiry))


def guessed(inquiry: Inquiry) -> dict[str, Any]:
    """Count a number of anything else that does not exist; return what slows the answer down."""
    _miss(inquiry)
    return _slowed(inquiry)


def _slowed(inquiry: Inquiry) -> dict[str, Any]:
    guessing = _misses(inquiry) >= inquiry.company.readings.wrong_accounts
    return {"pause": "pause_guessing" if guessing else "", "guessing": guessing or None}


def _keyed(inquiry: Inquiry, typed: str) -> Account | None:
    company = inquiry.company.id
    account = inquiry.db.scalar(
        select(Account).where(Account.company == company, Account.number == typed)
    )
    if account is not None:
        return account
    by_alias = (
        select(Account).join(Alias).where(Alias.company == company, Alias.alias == typed).limit(2)
    )
    by_meter = (
        select(Account)
        .join(Meter)
        .where(Account.company == company, Meter.number == typed)
        .limit(2)
    )
    for query in (by_alias, by_meter):
        accounts = inquiry.db.scalars(query).all()
        if len(accounts) == 1:
            return accounts[0]
    return None


def _miss(inquiry: Inquiry) -> None:
    """Count a guess of this calling number, once however often the turn is repeated."""
    known = inquiry.db.scalar(select(AccountMiss.id).where(AccountMiss.key == inquiry.key))
    if inquiry.caller.number is not None and known is None:
        inquiry.db.add(
            AccountMiss(
                company=inquiry.company.id,
                number=inquiry.caller.number,
                at=inquiry.now,
                key=inquiry.key,
            )
        )


def _misses(inquiry: Inquiry) -> int:
    since = inquiry.now - timedelta(minutes=inquiry.company.readings.wrong_minutes)
    inquiry.db.flush()
    count = inquiry.db.scalar(
        select(func.count(AccountMiss.id)).where(
            AccountMiss.company == inquiry.company.id,
            AccountMiss.number == inquiry.caller.number,
            AccountMiss.at >= since,
        )
    )
    return count or 0


def priority_site(inquiry: Inquiry) -> Account | None:
    """Return the priority site whose registered telephone calls, or None."""
    sites = (
        contact.account
        for contact in _contacts(inquiry)
        if contact.source == "register" and contact.account.kind == "priority_site"
    )
    return next(sites, None)


def current(inquiry: Inquiry) -> Account:
    """Return the account the call is about. LookupError where it is gone meanwhile."""
    wanted = (
        select(Account)
        .where(Account.company == inquiry.company.id, Account.number == inquiry.slots["account"])
        .options(joinedload(Account.meters).joinedload(Meter.registers), lazyload(Account.contacts))
    )
    account = inquiry.db.scalars(wanted).unique().one_or_none()
    if account is None:
        raise LookupError("the account of this call is not in the store any more")
    return account


def _link(inquiry: Inquiry, account: Account) -> Contact | None:
    number = inquiry.caller.number
    return next((c for c in account.contacts if number is not None and c.number == number), None)


def proved(inquiry: Inquiry, account: Account) -> bool:
    """Tell whether the caller may hear what is stored for an account."""
    return _proved(inquiry, account, _link(inquiry, account))


def _proved(inquiry: Inquiry, account: Account, link: Contact | None) -> bool:
    """Whether the caller may hear of the account: by a proved telephone, or the meter's number."""
    shown = account.number in inquiry.slots.get("proved_accounts", [])
    return shown or (link is not None and link.proved)


@service("accounts.prove", "proved", "wrong")
def prove(inquiry: Inquiry) -> Result:
    """Compare the last four digits of a meter's number; a kept telephone is proved from then on."""
    account = current(inquiry)
    digits = str(inquiry.slots["meter_ending"])
    known = {meter.number[-4:] for meter in account.meters}
    if len(digits) != 4 or digits not in known:
        _miss(inquiry)
        return Result("wrong")
    if link := _link(inquiry, account):
        link.proved = True
    shown = [*inquiry.slots.get("proved_accounts", []), account.number]
    return Result("proved", {"proved": True, "proved_accounts": shown})


@service("accounts.offer_phone", "ask", "skip", reads=True)
def offer_phone(inquiry: Inquiry) -> Result:
    """Ask to keep the telephone only where it is not withheld and belongs to no account yet."""
    unknown = inquiry.caller.number is not None and not _contacts(inquiry)
    return Result("ask" if unknown else "skip")


@service("accounts.keep_phone", "kept")
def keep_phone(inquiry: Inquiry) -> Result:
    """Keep the calling number for the account: it is offered next time and proves nothing."""
    account = current(inquiry)
    if inquiry.caller.number is not None and _link(inquiry, account) is None:
        inquiry.db.add(
            Contact(
                company=inquiry.company.id,
                number=inquiry.caller.number,
                account=account,
                source="consent",
                proved=bool(inquiry.slots.get("proved")),
                created_at=inquiry.now,
            )
        )
    return Result("kept")
