"""Notices to callers by SMS: which there are, when a company sends them, and their texts.

A notice goes into the outbox in the transaction of what it tells. It is sent only where the
company's profile wants it (`notices:`) and to a mobile number that the company may call; how it is
sent, the outbox's handler knows. Every one is worth nothing after a while and is not sent then.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import phonenumbers
import yaml
from phonenumbers import PhoneNumberType
from sqlalchemy.orm import Session

from ivr import callbacks, outbox
from ivr.company import Company
from ivr.destination import destination
from ivr.errors import PromptError, RefusedNumber
from ivr.services.inquiry import Inquiry
from ivr.store.models import Callback

KIND = "sms"
SOON = timedelta(hours=1)
"""How long the confirmation of what a caller just did is worth anything."""
DAY = timedelta(hours=24)
GATHER = timedelta(minutes=2)
"""Readings of one call go into one message: it waits for the next account so long."""
MOST = 3
"""Receipts in one message: with more it would not fit into two parts."""
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


# ---------------------------------------------------------------------- what is told


def unreached(db: Session, company: Company, callback: Callback, now: datetime) -> None:
    """Tell somebody who was called back in vain, once, in the hours in which people are called."""
    if not company.numbers:
        return
    values = {**_moment(company, now), "number": company.numbers[0]}
    key = callbacks.notice_key(callback)
    language = callback.language
    _tell(db, company, "unreached", key, callback.number, language, values, now, DAY, hours=True)


def promised(inquiry: Inquiry, callback: Callback) -> None:
    """Confirm a promise to call back, with the hours in which that may be."""
    terms, now = inquiry.company.calling, inquiry.now
    if callback.next_at > now:
        _promised_later(inquiry, callback)
        return
    local = inquiry.local(now)
    at_night = callbacks.may_call(callback, terms, now, local) and not callbacks.allowed(
        terms, local
    )
    first, last = terms.hours
    _tell(
        inquiry.db, inquiry.company, "callback", f"callback-{callback.id}/promised",
        callback.number, callback.language, {} if at_night else {"first": first, "last": last},
        now, SOON, text="promised_soon" if at_night else "promised",
    )  # fmt: skip


def _promised_later(inquiry: Inquiry, callback: Callback) -> None:
    """Confirm a promise for the time from which his queue is open."""
    _tell(
        inquiry.db, inquiry.company, "callback", f"callback-{callback.id}/promised",
        callback.number, callback.language, _moment(inquiry.company, callback.next_at),
        inquiry.now, SOON, text="promised_later",
    )  # fmt: skip


def reading(inquiry: Inquiry, receipt: str) -> None:
    """Confirm a reading to the calling number; those of one call in one message."""
    if not wanted(inquiry.company, "reading", inquiry.caller.number):
        return
    key = f"{inquiry.caller.call}/reading"
    entry = outbox.of_key(inquiry.db, key)
    receipts = list(entry.payload["values"]["receipts"]) if entry else []
    if receipt in receipts:
        return
    if entry is not None and outbox.untouched(entry) and len(receipts) < MOST:
        values = {**entry.payload["values"], "receipts": [*receipts, receipt]}
        entry.payload = {**entry.payload, "values": values}
        entry.due_at = entry.next_at = inquiry.now + GATHER
        return
    values = {**_moment(inquiry.company, inquiry.now), "receipts": [receipt]}
    _tell(
        inquiry.db, inquiry.company, "reading", f"{key}/{receipt}" if entry else key,
        inquiry.caller.number, inquiry.language, values, inquiry.now, SOON, after=GATHER,
    )  # fmt: skip


def request(inquiry: Inquiry, number: str | None, text: str, values: Mapping[str, Any]) -> None:
    """Confirm a request of this call by one of the texts of requests, because he asked for it."""
    values = {**_moment(inquiry.company, inquiry.now), **values}
    key = f"{inquiry.key}/request"
    _tell(
        inquiry.db, inquiry.company, "request", key, number, inquiry.language, values,
        inquiry.now, SOON, text=text,
    )  # fmt: skip


def visit(inquiry: Inquiry, key: str, numbers: Iterable[str], values: Mapping[str, str]) -> None:
    """Tell an account's own telephones that another one moved its visit, and whom to ring."""
    company = inquiry.company
    if not company.numbers:
        return
    for number in dict.fromkeys(numbers):
        _tell(
            inquiry.db, company, "visit", f"{key}/{number}", number, company.languages[0],
            {**values, "phone": company.numbers[0]}, inquiry.now, SOON, text="visit_moved",
        )  # fmt: skip


def restored(
    db: Session,
    company: Company,
    key: str,
    subscription: int,
    number: str,
    language: str,
    at: datetime,
    now: datetime,
    until: datetime,
) -> bool:
    """Tell that the supply is back since `at`, and what to ring where it is not, at any hour.

    subscription: of which the handler looks whether it waits still. False: it may not be sent to
    this number.
    """
    if not company.numbers or not wanted(company, "restored", number):
        return False
    values = {**_moment(company, at), "number": company.numbers[0]}
    _tell(
        db, company, "restored", key, number, language, values, now, until - now,
        about={"subscription": subscription},
    )  # fmt: skip
    return True


def _tell(
    db: Session,
    company: Company,
    notice: str,
    key: str,
    number: str | None,
    language: str,
    values: Mapping[str, Any],
    now: datetime,
    worth: timedelta,
    *,
    text: str = "",
    hours: bool = False,
    after: timedelta = timedelta(),
    about: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Put a notice into the outbox. hours: only in the company's hours of calling.

    about: what else the entry keeps in mind.
    """
    if not wanted(company, notice, number):
        return
    payload = {
        "to": number, "language": language, "text": text or notice, "values": dict(values),
        "hours": hours, **about,
    }  # fmt: skip
    outbox.put(
        db, company=company.id, kind=KIND, key=key, payload=payload, now=now, after=now + after,
        until=now + worth,
    )  # fmt: skip


def wanted(company: Company, notice: str, number: str | None) -> bool:
    """Tell whether a company sends a notice, and to this number: a mobile one that it may call."""
    if company.notices.get(notice) != KIND:
        return False
    try:
        found = destination(number or "", company.calling, company.region)
    except RefusedNumber:
        return False
    return phonenumbers.number_type(phonenumbers.parse(found.number)) in MOBILE


def _moment(company: Company, now: datetime) -> dict[str, str]:
    local = now.astimezone(company.zone)
    return {"day": f"{local:%d}", "month": f"{local:%m}", "time": f"{local:%H:%M}"}


# ---------------------------------------------------------------------- texts


class Texts:
    """The texts of messages by language and id, with the companies' names among them."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self._texts = texts

    def write(self, company: Company, language: str, text: str, values: Mapping[str, Any]) -> str:
        """Return a message; in the company's first language where `language` has none.

        PromptError: the text is unknown, or a value for it is missing.
        """
        texts = self._texts.get(language) or self._texts.get(company.languages[0]) or {}
        given = {name: _written(value) for name, value in values.items()}
        given["company"] = texts.get(f"company_{company.id}", company.name)
        try:
            return texts[text].format_map(given)
        except KeyError as missing:
            raise PromptError(f"message {text} in {language}: no {missing}") from None


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def load(folder: Path) -> Texts:
    """Read every `LANG.yaml` of a folder; PromptError where they do not say the same."""
    texts = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    if not texts:
        raise PromptError(f"{folder} holds no messages; a language is a file like uk.yaml")
    first, *others = texts
    for language in others:
        if unlike := _unlike(texts[first], texts[language]):
            raise PromptError(
                f"{folder / language}.yaml: {unlike}: not there, or with other placeholders than"
                f" in {first}.yaml"
            )
    return Texts(texts)


def _read(path: Path) -> dict[str, str]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as reason:
        raise PromptError(f"{path}: cannot be read: {' '.join(str(reason).split())}") from reason
    if not isinstance(document, dict) or not all(isinstance(t, str) for t in document.values()):
        raise PromptError(f"{path} is not a mapping of ids to texts")
    for name, text in document.items():
        try:
            placeholders(text)
        except ValueError as reason:
            raise PromptError(f"{path}: {name}: {reason}") from reason
    return document


def placeholders(text: str) -> set[str]:
    """Return the names in braces; ValueError: a brace is alone."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _unlike(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The first text that is not in both with the same placeholders."""
    for name in sorted(one.keys() | other.keys()):
        if (
            name not in one
            or name not in other
            or placeholders(one[name]) != placeholders(other[name])
        ):
            return name
    return ""
