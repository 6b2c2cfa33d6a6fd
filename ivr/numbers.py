"""How a value is spoken: numbers, units, dates, times, telephone numbers as recorded pieces.

Pure rules, one set a language; the words themselves are data in `prompts/numbers/LANG.yaml`, where
every id returned here stands with its text. Plural classes are those of CLDR (by babel), telephone
numbers are split by libphonenumber. A value that cannot be spoken raises PromptError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date as Date
from functools import lru_cache

import phonenumbers
from babel.core import Locale

from ivr.errors import PromptError
from ivr.model import Value

LANGUAGES = ("uk", "ru", "en", "vi", "tt")
LIMIT = 999_999_999
LAST_ORDINAL = 999
PAUSE = "silence_300ms"
"""The silent piece between two groups of digits; every language folder has it."""

UNITS: dict[str, dict[str, str]] = {
    "kwh": {"uk": "f"},
    "digit": {"uk": "f", "ru": "f"},
    "second": {"uk": "f", "ru": "f"},
    "minute": {"uk": "f", "ru": "f"},
    "hour": {"uk": "f"},
    "day": {},
    "metre": {},
    "try": {"uk": "f", "ru": "f"},
    "reading": {"ru": "n"},
    "person": {"uk": "f"},
}
"""The gender of each unit's noun where a number agrees with it; masculine where none is named."""

_AGREEING = {
    "uk": {"f": {1: "_f", 2: "_f"}},
    "ru": {"f": {1: "_f", 2: "_f"}, "n": {1: "_n"}},
}
"""By language and gender, the last digits whose words differ from the masculine ones."""

_HOME = {"uk": (380,), "ru": (380, 7), "en": (380, 84), "vi": (84,), "tt": (7,)}
"""Country codes whose numbers are told in the national form; others start with plus."""

_UKRAINE = 380

Ids = tuple[str, ...]

_plural = {language: Locale(language).plural_form for language in LANGUAGES}


@lru_cache(maxsize=10_000)
def number(language: str, n: int, gender: str = "m") -> Ids:
    """Returns the pieces of n, 0 to LIMIT. gender: "m", "f" or "n", of what is counted."""
    if language not in LANGUAGES:
        raise PromptError(f"no number rules for language {language!r}; have {', '.join(LANGUAGES)}")
    if not 0 <= n <= LIMIT:
        raise PromptError(f"{n} cannot be spoken; numbers go from 0 to {LIMIT}")
    if n == 0:
        return ("n_0",)
    millions, rest = divmod(n, 1_000_000)
    thousands, below = divmod(rest, 1000)
    return (
        *_millions(language, millions),
        *_thousands(language, thousands, after=millions > 0),
        *_hundreds(language, below, gender, after=n >= 1000),
    )


def _millions(language: str, n: int) -> Ids:
    return (*_hundreds(language, n), f"million_{_plural[language](n)}") if n else ()


def _thousands(language: str, n: int, after: bool) -> Ids:
    """Says up to nine thousand in one piece, the rest as a feminine number and the noun."""
    if n == 0:
        return ()
    if n < 10 and not (after and language == "vi"):
        return (f"thousand_{n}",)
    return (*_hundreds(language, n, "f", after), f"thousand_{_plural[language](n)}")


def _hundreds(language: str, n: int, gender: str = "m", after: bool = False) -> Ids:
    """Says 1 to 999. after: a higher group came before, so Vietnamese names the empty places."""
    if n == 0:
        return ()
    hundreds, rest = divmod(n, 100)
    vietnamese = language == "vi"
    first = (f"n_{hundreds}00",) if hundreds else ("n_000",) if after and vietnamese else ()
    if rest == 0:
        return first
    if vietnamese and first and rest < 10:
        return (*first, f"n_0{rest}")
    return (*first, f"n_{rest}{_ending(language, rest, gender)}")


def _ending(language: str, n: int, gender: str) -> str:
    if n in (11, 12):
        return ""
    return _AGREEING.get(language, {}).get(gender, {}).get(n % 10, "")


@lru_cache(maxsize=10_000)
def quantity(language: str, n: int, unit: str) -> Ids:
    """Returns n and the noun of the unit, agreeing in gender and plural form (nominative)."""
    counted = number(language, n, UNITS[unit].get(language, "m"))
    return (*counted, f"unit_{unit}_{_plural[language](n)}")


def digits(text: str) -> Ids:
    """Returns each digit as a counting word."""
    if not (text.isascii() and text.isdigit()):
        raise PromptError(f"{text!r} is not a row of digits")
    return tuple(f"n_{digit}" for digit in text)


def groups(text: str) -> Ids:
    """Returns single digits with a pause after each three from the left (account numbers)."""
    return _paused([digits(text[start : start + 3]) for start in range(0, len(text) or 1, 3)])


def _paused(parts: list[Ids]) -> Ids:
    first, *rest = parts
    return first + tuple(piece for part in rest for piece in (PAUSE, *part))


def date(language: str, text: str) -> Ids:
    """Returns day and month of "YYYY-MM-DD", without the year."""
    try:
        day = Date.fromisoformat(text)
    except ValueError:
        raise PromptError(f"{text!r} is not a date like 2026-11-03") from None
    pieces = (f"d_{day.day}", f"month_{day.month}")
    return pieces[::-1] if language == "en" else pieces


def time(language: str, text: str, form: str = "") -> Ids:
    """Returns the hour and the minutes of "HH:MM", up to 24:00. form: "from_" for the genitive."""
    match = re.fullmatch(r"(\d\d?):([0-5]\d)", text, re.ASCII)
    if not match or int(match[1]) * 60 + int(match[2]) > 24 * 60:
        raise PromptError(f"{text!r} is not a time of day like 14:30")
    return _CLOCKS[language](int(match[1]), match[2], form)


def _ukrainian_clock(hour: int, minute: str, form: str) -> Ids:
    return (f"hour_{form}{hour}", f"minute_{minute}")


def _russian_clock(hour: int, minute: str, form: str) -> Ids:
    if hour % 24 == 0 and minute == "00":
        return ("midnight_from" if form else "midnight",)
    return (f"hour_{form}{hour}", f"minute_{form}{minute}")


def _english_clock(hour: int, minute: str, _form: str) -> Ids:
    if hour % 12 == 0 and minute == "00":
        return ("noon" if hour == 12 else "midnight",)
    minutes = () if minute == "00" else (f"minute_{minute}",)
    return (f"hour_{(hour - 1) % 12 + 1}", *minutes, "am" if hour < 12 else "pm")


def _vietnamese_clock(hour: int, minute: str, _form: str) -> Ids:
    return (f"hour_{hour}",) if minute == "00" else (f"hour_{hour}", f"minute_{minute}")


def _tatar_clock(hour: int, minute: str, _form: str) -> Ids:
    if minute != "00":
        return (f"hour_and_{hour}", f"minute_{minute}")
    return (f"hour_{hour}",) if hour % 24 else ("midnight",)


_CLOCKS: dict[str, Callable[[int, str, str], Ids]] = {
    "uk": _ukrainian_clock,
    "ru": _russian_clock,
    "en": _english_clock,
    "vi": _vietnamese_clock,
    "tt": _tatar_clock,
}


def ordinal(language: str, n: int) -> Ids:
    """Returns "the n-th", 1 to LAST_ORDINAL, masculine nominative (a place in the queue)."""
    if not 1 <= n <= LAST_ORDINAL:
        raise PromptError(f"{n} cannot be spoken as an ordinal; they go from 1 to {LAST_ORDINAL}")
    if n < 100:
        return (f"o_{n}",)
    if language == "vi":
        return ("ordinal", *number(language, n))
    hundreds, rest = divmod(n, 100)
    return (f"n_{hundreds}00", f"o_{rest}") if rest else (f"o_{n}",)


def subqueue(language: str, text: str) -> Ids:
    """Returns the numbers of "3.2" with the word for the point between them."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})*", text, re.ASCII):
        raise PromptError(f"{text!r} is not a sub-queue like 3.2")
    first, *rest = (number(language, int(part)) for part in text.split("."))
    return first + tuple(piece for part in rest for piece in ("point", *part))


def phone(language: str, text: str) -> Ids:
    """Returns a telephone number in groups: E.164 in its national form, others as they stand.

    A Ukrainian number is told to a Ukrainian or Russian ear in whole numbers (067, 111, 00, 01),
    every other one digit by digit; a number of another country starts with plus and its code.
    """
    row = re.sub(r"[ ()./-]", "", text)
    local = [digits(part) for part in _short(row.removeprefix("+"))]
    parsed = _parsed(row)
    if parsed is None:
        return _paused(local)
    home = parsed.country_code in _HOME[language]
    style = phonenumbers.PhoneNumberFormat
    written = phonenumbers.format_number(parsed, style.NATIONAL if home else style.INTERNATIONAL)
    code, *rest = re.findall(r"\d+", written)
    parts = [code, *(part for group in rest for part in _short(group))]
    if home and parsed.country_code == _UKRAINE and language in ("uk", "ru"):
        return _paused([_whole(language, part) for part in parts])
    return (() if home else ("plus",)) + _paused([digits(part) for part in parts])


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _short(row: str) -> list[str]:
    """Cuts a row of digits into threes, with pairs for the last four."""
    if len(row) <= 3:
        return [row]
    cut = 2 if len(row) == 4 else 3
    return [row[:cut], *_short(row[cut:])]


def _whole(language: str, part: str) -> Ids:
    """Says the leading zeros one by one and the rest as a number: 067, 00, 01."""
    rest = part.lstrip("0")
    zeros = ("n_0",) * (len(part) - len(rest))
    return zeros + number(language, int(rest)) if rest else zeros


def spoken(language: str, kind: str, value: Value) -> Ids:
    """Returns the pieces of a value by the kind of its placeholder (one of KINDS)."""
    if kind in UNITS:
        return quantity(language, _integer(value), kind)
    if kind in _OF_INTEGERS:
        return _OF_INTEGERS[kind](language, _integer(value))
    if not isinstance(value, str):
        raise PromptError(f"{value!r} is not text")
    return _OF_TEXTS[kind](language, value)


def _integer(value: Value) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        return int(value)
    raise PromptError(f"{value!r} is not a whole number")


_OF_INTEGERS: dict[str, Callable[[str, int], Ids]] = {"number": number, "ordinal": ordinal}
_OF_TEXTS: dict[str, Callable[[str, str], Ids]] = {
    "digits": lambda _language, text: digits(text),
    "groups": lambda _language, text: groups(text),
    "date": date,
    "time": time,
    "time_from": lambda language, text: time(language, text, "from_"),
    "phone": phone,
    "subqueue": subqueue,
}
KINDS = frozenset({*UNITS, *_OF_INTEGERS, *_OF_TEXTS})
