"""What every channel hears in the same way: keys that answer a question, telephone numbers."""

from __future__ import annotations

import re

import phonenumbers

from ivr.model import Ask, Event


def dialled_keys(keys: str) -> str:
    """Return `keys` without those no telephone has (RFC 4733 also knows A to D and flash)."""
    return re.sub(r"[^0-9*#]", "", keys)


def answer(ask: Ask, keys: str) -> Event:
    """Return the event of a question that ended with `keys`, "" for a silence."""
    if ask.entry == "key" and keys:
        return Event("keys", text=keys)
    if keys or ask.typed:
        return Event("keys", text=keys, ended=not set(keys) & set("#*"))
    return Event("silence")


def taken(entry: str, keys: str) -> int:
    """How many of the keys typed ahead a question takes; the rest wait for the next one.

    entry: of the Ask; "key" takes one, "number" all up to the first # or *.
    """
    if entry == "key":
        return 1
    marks = [index for index, key in enumerate(keys) if key in "#*"]
    return marks[0] + 1 if marks else len(keys)


def e164(text: str, region: str) -> str | None:
    """Return a telephone number in E.164, None for anything that cannot be one."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
