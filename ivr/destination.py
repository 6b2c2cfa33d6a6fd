"""Where press2 may dial out: a number that passed the company's rules, and nothing else.

A `Destination` is the only thing a dial string is built from. There is one way to get one:
`destination` reads what a caller keyed or an operator typed, as national or international number,
and refuses what is no telephone number, what costs extra and what the company does not call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from ivr.errors import RefusedNumber

WRITTEN = re.compile(r"\+?[0-9][0-9 ().-]{1,30}", re.ASCII)
"""How people write a number; a letter, an @ or a comma has no place in one."""
COSTLY = frozenset((PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.UAN))


@dataclass(frozen=True)
class Calling:
    """Whom a company calls, and how. Data of its profile (`calling:`).

    allow: prefixes in E.164 ("+380") of numbers that may be dialled, none: nobody is called.
    premium: prefixes of numbers that cost extra, refused even where `allow` has them.
    hours: first and last local time of day ("08:00") at which call-backs are dialled.
    tries: times a call-back is dialled; between: seconds between two of them.
    resume: seconds in which somebody who waits for a call-back and rings himself gets his place.
    """

    allow: tuple[str, ...] = ()
    premium: tuple[str, ...] = ()
    hours: tuple[str, str] = ("08:00", "20:00")
    tries: int = 3
    between: float = 300.0
    resume: float = 7200.0


_KEY: Any = object()


@dataclass(frozen=True)
class Destination:
    """A number that may be dialled, made by `destination` only. number: E.164, plus and digits."""

    number: str
    _key: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse whoever builds one by himself."""
        if self._key is not _KEY:
            raise TypeError("a Destination is made by ivr.destination.destination only")

    def __str__(self) -> str:
        return self.number


def destination(text: str, rules: Calling, region: str) -> Destination:
    """Return the destination that `text` names. region: ISO country of national forms ("UA").

    RefusedNumber tells why there is none: "impossible" (no telephone number), "premium" (costs
    extra) or "foreign" (the company calls no such numbers).
    """
    parsed = _parsed(text, region)
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    kind = phonenumbers.number_type(parsed)
    if kind in COSTLY or number.startswith(tuple(rules.premium)):
        raise RefusedNumber("premium")
    if not phonenumbers.is_valid_number(parsed):
        raise RefusedNumber("impossible")
    if not number.startswith(tuple(rules.allow)):
        raise RefusedNumber("foreign")
    return Destination(number, _KEY)


def _parsed(text: str, region: str) -> PhoneNumber:
    if not WRITTEN.fullmatch(text):
        raise RefusedNumber("impossible")
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as reason:
        raise RefusedNumber("impossible") from reason
