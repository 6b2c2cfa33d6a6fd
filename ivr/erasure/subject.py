"""Who is to be erased: a telephone number or an account of a company, and how it is recognised."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberFormat

from ivr.company import Company
from ivr.errors import Press2Error

GONE = "erased"
"""What stands in a text instead of a number or an account."""
BETWEEN = "[ ().-]{0,2}"
"""What people put between the digits of a number."""


class NotErased(Press2Error):
    """Nobody is erased. reason: number, account, own, unknown, calling or busy."""

    def __init__(self, reason: str, **details: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


@dataclass(frozen=True)
class Subject:
    """kind: number (value is E.164) or account."""

    company: str
    kind: str
    value: str
    national: str

    @property
    def digest(self) -> str:
        """What a proof calls him."""
        text = f"{self.company}/{self.kind}/{self.value}"
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """How he is written: a number in any form, with blanks and hyphens within or without."""
        digits = BETWEEN.join(re.escape(each) for each in self.national)
        if self.kind == "account":
            # "pbx1-1763800000.100200" is the name of a call, whoever called.
            return re.compile(rf"(?<![\w+])(?<!\d\.){digits}(?!\w)(?!\.\d)", re.ASCII)
        code = self.value[1 : -len(self.national)]
        spaced = BETWEEN.join(code)
        before = rf"(?:\+?{spaced}{BETWEEN}|[08]{BETWEEN})?"
        return re.compile(rf"(?<!\d){before}{digits}(?!\d)", re.ASCII)

    @property
    def bytes_pattern(self) -> re.Pattern[bytes]:
        """The same for the content of files."""
        return re.compile(self.pattern.pattern.encode(), re.ASCII)

    @property
    def like(self) -> str:
        """What a text is looked through for first, in the database: these digits in this order."""
        return f"%{'%'.join(self.national)}%"

    @property
    def plain(self) -> str:
        """The same without anything between the digits, for tables of many rows."""
        return f"%{self.national}%"

    def found(self, value: Any) -> bool:
        """Whether he stands in a text or in plain JSON."""
        if isinstance(value, str):
            return self.pattern.search(value) is not None
        if isinstance(value, Mapping):
            return any(self.found(each) for pair in value.items() for each in pair)
        if isinstance(value, list | tuple):
            return any(self.found(each) for each in value)
        return isinstance(value, int) and not isinstance(value, bool) and self.found(str(value))

    def masked(self, value: Any) -> Any:
        """Return a text or plain JSON without him."""
        if isinstance(value, str):
            return self.pattern.sub(GONE, value)
        if isinstance(value, Mapping):
            return {self.masked(name): self.masked(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked(each) for each in value]
        return GONE if self.found(value) else value


def number_of(company: Company, companies: Mapping[str, Company], text: str) -> Subject:
    """Return the subject of a telephone number, as somebody writes it. NotErased: it is none."""
    try:
        parsed = phonenumbers.parse(text, company.region)
    except phonenumbers.NumberParseException:
        raise NotErased("number", given=text) from None
    if not phonenumbers.is_possible_number(parsed):
        raise NotErased("number", given=text)
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    for each in companies.values():
        if number in each.numbers:
            raise NotErased("own", owner=each.name)
    return Subject(company.id, "number", number, str(parsed.national_number))


def account_of(company: Company, text: str) -> Subject:
    """Return the subject of an account. NotErased: nothing looks like that."""
    plain = text.strip()
    if not re.fullmatch(r"[\w/-]{5,30}", plain, re.ASCII):
        raise NotErased("account", given=text)
    return Subject(company.id, "account", plain, plain)
