"""What the fields of an account may hold, wherever the account comes from.

Each function takes the text of one field and returns its value, or raises ValueError with the
reason in words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo

import phonenumbers

KINDS = ("household", "business", "priority_site")
REGISTERS = ("single", "day", "peak", "half_peak", "night")
"""Names of registers, in the order in which a caller is asked for them."""
SETS_OF_REGISTERS = (("single",), ("day", "night"), ("peak", "half_peak", "night"))
LONGEST_TEXT = 200
MOST_DIGITS = 12

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOCAL_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_LOCAL_MOMENT = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})[ T](\d{1,2}:\d\d)(?::00)?", re.ASCII)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_TRUNK_EIGHT = re.compile(r"80\d{9}", re.ASCII)


def name(text: str) -> str:
    """Returns a text of one line that is not empty."""
    if not text.strip():
        raise ValueError("is empty")
    if _CONTROL.search(text):
        raise ValueError("holds a line break or another control character")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT} characters")
    return text.strip()


def kind(text: str) -> str:
    """Returns the kind of an account."""
    return _one_of(text, KINDS)


def register(text: str) -> str:
    """Returns the name of a register."""
    return _one_of(text, REGISTERS)


def registers(names: Sequence[str]) -> None:
    """Checks that a meter with exactly these registers exists."""
    if sorted(names) not in [sorted(known) for known in SETS_OF_REGISTERS]:
        raise ValueError(f"the registers of a meter are {known_registers()}")


def known_registers() -> str:
    """Tells the sets of registers that a meter may have."""
    return ", or ".join(" and ".join(known) for known in SETS_OF_REGISTERS)


def digits(text: str) -> int:
    """Returns the number of digits of a meter before the comma."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_DIGITS:
        raise ValueError(f"{text!r} is not a number of digits from 1 to {MOST_DIGITS}")
    return int(text)


def counter(text: str, width: int) -> str:
    """Returns a value of a register with all its digits: "2304" of five digits is "02304"."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a whole number of kWh")
    if len(text.lstrip("0")) > width:
        raise ValueError(f"{text!r} has more than the meter's {width} digits")
    return text.lstrip("0").zfill(width)


def day(text: str) -> date:
    """Returns a date written 2026-10-31 or 31.10.2026."""
    local = _LOCAL_DATE.fullmatch(text)
    try:
        if local:
            return date(int(local[3]), int(local[2]), int(local[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date; write 2026-10-31") from None


def per_day(text: str) -> float:
    """Returns a daily consumption in kWh; the comma may be a comma."""
    return _amount(text)


def kilowatts(text: str) -> int:
    """Returns a power in whole kilowatts, rounded up: what is permitted stays permitted."""
    return math.ceil(_amount(text))


def yes(text: str) -> bool:
    """Returns the answer of a yes-or-no field."""
    return _one_of(text.lower(), ("yes", "no", "true", "false")) in ("yes", "true")


def e164(text: str) -> str:
    """Returns a telephone number that is in E.164 already."""
    if not _E164.fullmatch(text):
        raise ValueError(f"{text!r} is not a telephone number like +380671110001")
    return text


def phone(text: str, region: str) -> str:
    """Returns a telephone number in E.164.

    region: the country whose national form is understood (ISO 3166, "UA"). A number with its
    country code must have a possible length; one without must exist in the numbering plan, else a
    missing digit would make another number of it.
    """
    if region == "UA" and _TRUNK_EIGHT.fullmatch(text):
        text = f"+3{text}"  # 8, then 0 and the area: the trunk prefix of Ukraine until 2009
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise ValueError(f"{text!r} is not a telephone number") from None
    known = text.startswith("+") and phonenumbers.is_possible_number(number)
    if number.extension or not (known or phonenumbers.is_valid_number(number)):
        raise ValueError(f"{text!r} is not a telephone number that can be called from {region}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _one_of(text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise ValueError(f"{text!r} is not one of {', '.join(known)}")
    return text


def _amount(text: str) -> float:
    try:
        amount = float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 <= amount < math.inf:
        raise ValueError(f"{text!r} is not a number from 0 up")
    return amount


def moment(text: str, zone: tzinfo) -> datetime:
    """Returns "2026-10-31T08:40" or "31.10.2026 08:40" as an aware datetime.

    zone: of a text without an offset.
    """
    local = _LOCAL_MOMENT.fullmatch(text.strip())
    iso = f"{local[3]}-{local[2]:0>2}-{local[1]:0>2}T{local[4]:0>5}" if local else text.strip()
    try:
        read = datetime.fromisoformat(iso)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date and time like 2026-10-31T08:40") from None


def span(text: str) -> tuple[str, str]:
    """Returns "11:00-14:30" as its two times; one that ends at 24:00 lasts to midnight."""
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)", text)
    first, _, last = text.partition("-")
    if not match or first == last:
        raise ValueError(f"{text!r} are no hours like 11:00-14:30")
    return first, last
