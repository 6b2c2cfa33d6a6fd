"""Who calls: the language he chose and the words of the first sentence."""

from __future__ import annotations

from typing import Any

from ivr import announcements
from ivr.company import Company
from ivr.model import Result
from ivr.services import accounts, priority
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Preference


def house(company: Company, language: str) -> dict[str, Any]:
    """Return the words of a company that any sentence may need, whatever fails in the call."""
    return {
        "company_name": f"company_{company.id}",
        "emergency": f"emergency_{company.id}",
        "dispatcher": company.terms.contacts.dispatcher,
        "dispatcher_line": "dispatcher_number" if company.terms.contacts.dispatcher else "",
        "house_language": company.languages[0],
        "languages": [
            {"language": known, "words": f"language_{known}"} for known in company.languages
        ],
        "account_digits": _digits(company),
        "heard": "",
        "announcements": [],
        "offered": [{"language": known} for known in company.offer if known != language],
    }


def _digits(company: Company) -> str:
    """Return the fewest and most digits of an account number, as an `ask` takes them."""
    whole = [n for n in range(1, 21) if company.account.fullmatch("0" * n)]
    return f"{whole[0]}-{whole[-1]}" if whole else ""


@service(
    "callers.welcome",
    "welcome",
    "priority_site",
    prompts=("company_{company}", "emergency_{company}", "dispatcher_number", *accounts.PLACES),
    words={"languages": ("language_{language}",)},
    reads=True,
)
def welcome(inquiry: Inquiry) -> Result:
    """Tell the company's languages, the one this number chose, and whether a hospital calls.

    Somebody of the register who is no hospital comes first too, and hears the ordinary menu.
    """
    company = inquiry.company
    chosen = _preference(inquiry)
    language = company.languages[0]
    if chosen is not None and chosen.language in company.languages:
        language = chosen.language
    values = {**house(company, language), "language": language}
    values |= _announced(inquiry, language)
    entry = priority.of_number(inquiry.db, company.id, inquiry.caller.number, inquiry.today)
    if entry is not None:
        values |= priority.mark()
    if entry is not None and entry.kind != priority.MARK:
        return Result("welcome", values)
    site = entry.account if entry else None
    if site is None:
        site = accounts.priority_site(inquiry)
        if site is None or not priority.counts(inquiry.db, site, inquiry.today):
            return Result("priority_site" if entry else "welcome", values)
    known = {**accounts.chosen(site, proved=True), **priority.mark()}
    return Result("priority_site", {**values, **known})


@service("callers.choose_language", "chosen")
def choose_language(inquiry: Inquiry) -> Result:
    """Keep the chosen language for the next calls of this number (a withheld one has no memory)."""
    language = inquiry.slots["language_choice"]["language"]
    number = inquiry.caller.number
    if number is not None:
        chosen = _preference(inquiry)
        if chosen is None:
            inquiry.db.add(Preference(company=inquiry.company.id, number=number, language=language))
        else:
            chosen.language = language
    offered = [{"language": known} for known in inquiry.company.offer if known != language]
    return Result(
        "chosen", {"language": language, "offered": offered, **_announced(inquiry, language)}
    )


def _announced(inquiry: Inquiry, language: str) -> dict[str, Any]:
    """What everybody hears before the menu now."""
    said = announcements.said(inquiry.db, inquiry.company, inquiry.now, "greeting", language)
    return {"announcements": said}


def _preference(inquiry: Inquiry) -> Preference | None:
    if inquiry.caller.number is None:
        return None
    return inquiry.db.get(Preference, (inquiry.company.id, inquiry.caller.number))
