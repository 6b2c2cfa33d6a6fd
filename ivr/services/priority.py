"""Who comes first: the register of priority sites and vulnerable customers, and what it gives.

The mark comes from the register alone: by the calling number, or by the account that the call is
about. A site (a hospital) comes first from whatever telephone its account is keyed; a vulnerable
person only when the account is proved (a telephone of its own, or its meter). Nothing a caller says
gives the mark; an operator may raise a call, with a reason.

An entry of kind `priority_site` also opens the priority line, by its number; one of kind
`vulnerable` (a ventilator at home; only with consent) goes the ordinary way. In a queue both have
the priority `priority_site`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.agent_queue.model import QueueDown
from ivr.company import Company
from ivr.services import feed
from ivr.services.inquiry import Inquiry
from ivr.store.models import Account, Audit
from ivr.store.supply import PriorityPhone, PrioritySite

MARK = "priority_site"
"""The priority of both kinds in a queue, and of their tickets."""
VULNERABLE = "vulnerable"
ALERT = "priority_call"
"""What the audit log calls it that the dispatcher was told of such a caller."""


# ---------------------------------------------------------------------- the register


def valid(entry: PrioritySite, day: date) -> bool:
    """Tell whether an entry holds on a local day."""
    if entry.kind == VULNERABLE and not entry.consent:
        return False
    begun = entry.valid_from is None or entry.valid_from <= day
    return begun and (entry.valid_to is None or day <= entry.valid_to)


def of_number(db: Session, company: str, number: str | None, day: date) -> PrioritySite | None:
    """Return the entry that a calling number belongs to on this day, a site before a person."""
    if number is None:
        return None
    wanted = (
        select(PrioritySite)
        .join(PriorityPhone)
        .where(PriorityPhone.company == company, PriorityPhone.number == number)
    )
    return _first(db.scalars(wanted).unique().all(), day)


def of_account(db: Session, account: Account, day: date) -> PrioritySite | None:
    """Return the entry of an account that holds on this day."""
    wanted = select(PrioritySite).where(PrioritySite.account_id == account.id)
    return _first(db.scalars(wanted).unique().all(), day)


def account_of(db: Session, company: str, number: object) -> Account | None:
    """Return the account that a slot names; None for one that is not known, or no number."""
    if not isinstance(number, str) or not number:
        return None
    return db.scalar(select(Account).where(Account.company == company, Account.number == number))


def counts(db: Session, account: Account, day: date, *, proved: bool = True) -> bool:
    """Tell whether an account comes first on this day. proved: by a telephone or a meter of its
    own; one that is only keyed is enough for a site, not for a vulnerable person.

    Where the register has entries of the account they decide, else the kind of the account does.
    """
    wanted = select(PrioritySite).where(PrioritySite.account_id == account.id)
    entries = db.scalars(wanted).unique().all()
    first = _first(entries, day)  # a site before a person
    if first is None:
        return not entries and account.kind == MARK
    return proved or first.kind == MARK


def _first(entries: Any, day: date) -> PrioritySite | None:
    known = [entry for entry in entries if valid(entry, day)]
    return min(known, key=lambda entry: (entry.kind != MARK, entry.id), default=None)


# ---------------------------------------------------------------------- a call


def mark() -> dict[str, str]:
    """Return the slots that put a caller at the head of every queue of this call."""
    return {"mark": MARK, "priority": MARK}


def of_call(inquiry: Inquiry) -> str:
    """Return the priority that the register gives this call: `MARK` or "normal"."""
    if inquiry.slots.get("mark"):
        return str(inquiry.slots["mark"])
    account = account_of(inquiry.db, inquiry.company.id, inquiry.slots.get("account"))
    if account is None:
        return "normal"
    proved = bool(inquiry.slots.get("proved"))
    return MARK if counts(inquiry.db, account, inquiry.today, proved=proved) else "normal"


def of_request(inquiry: Inquiry) -> str:
    """Return the priority of what this call registers: as `of_call`, or raised by an operator."""
    given = of_call(inquiry)
    if given == "normal" and inquiry.queue is not None:
        with suppress(QueueDown):
            place = inquiry.queue.ticket(inquiry.caller.call)
            return MARK if place is not None and place.priority == MARK else given
    return given


# ---------------------------------------------------------------------- who has to know


@dataclass(frozen=True)
class PriorityCall:
    """A call of somebody who comes first, as the dispatcher sees it.

    why: queue (he entered one), ticket (he registered something) or raised (by an operator, `who`,
    for the reason). site: what the register says of him, {} where it says nothing.
    """

    at: datetime
    call: str
    number: str | None
    why: str
    site: Mapping[str, Any]
    account: str | None
    queue: str
    who: str
    reason: str


def shown(entry: PrioritySite) -> dict[str, Any]:
    """Return an entry as screens and systems see it."""
    return {
        "site": entry.number,
        "kind": entry.kind,
        "name": entry.name,
        "note": entry.note,
        "valid_from": entry.valid_from.isoformat() if entry.valid_from else None,
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
        "substation": entry.account.substation if entry.account else None,
    }


def entry_of(
    db: Session, company: str, number: str | None, account: Account | None, day: date
) -> PrioritySite | None:
    """Return the entry by which a call of this number, about this account, comes first."""
    found = of_number(db, company, number, day)
    if found is None and account is not None:
        found = of_account(db, account, day)
    return found


def alert(
    db: Session,
    company: Company,
    call: str,
    now: datetime,
    *,
    number: str | None,
    account: Account | None,
    why: str,
    queue: str = "",
    who: str = "",
    reason: str = "",
) -> None:
    """Tell the dispatcher of a caller who comes first, once a call."""
    told = select(Audit.id).where(
        Audit.company == company.id, Audit.call == call, Audit.what == ALERT
    )
    if db.scalar(told.limit(1)) is not None:
        return
    entry = entry_of(db, company.id, number, account, now.astimezone(company.zone).date())
    known = shown(entry) if entry else {}
    about = account or (entry.account if entry else None)
    details = {
        "number": number, "why": why, "site": known, "queue": queue, "reason": reason,
        "account": about.number if about else None,
    }  # fmt: skip
    db.add(
        Audit(
            at=now, company=company.id, who=who, what=ALERT, allowed=True, call=call,
            details=details,
        )
    )  # fmt: skip
    feed.priority(db, company, call, about, details, now)


def calls(db: Session, company: str, since: datetime) -> list[PriorityCall]:
    """Return the calls since then of which the dispatcher was told, newest first."""
    wanted = (
        select(Audit)
        .where(Audit.company == company, Audit.what == ALERT, Audit.at >= since)
        .order_by(Audit.at.desc(), Audit.id.desc())
    )
    return [
        PriorityCall(
            at=row.at,
            call=row.call or "",
            number=row.details.get("number"),
            why=str(row.details.get("why", "")),
            site=row.details.get("site") or {},
            account=row.details.get("account"),
            queue=str(row.details.get("queue", "")),
            who=row.who,
            reason=str(row.details.get("reason", "")),
        )
        for row in db.scalars(wanted)
    ]
