"""Numbers that callers dial, and the services of a company behind them.

A company may have more than one service (a call-processing centre in working hours, a hot line day
and night), each with its own numbers and, where it wants, its own queues. Flows name queues by one
set of words; the service of the call says which queue of the company a word means.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

LINES = ("landline", "mobile", "short")
"""What a number is reached by: the fixed network, a mobile one, a short or service number."""
E164 = re.compile(r"\+[1-9]\d{5,14}")


@dataclass(frozen=True)
class Number:
    """One access number, E.164. label: what reports call it. line: one of LINES, "" not said."""

    number: str
    label: str = ""
    line: str = ""


@dataclass(frozen=True)
class AccessService:
    """One service. queues: word of the flows -> queue of the company, where they differ."""

    name: str
    label: str = ""
    numbers: tuple[Number, ...] = ()
    queues: Mapping[str, str] = field(default_factory=dict)


def numbers(place: str, given: object) -> tuple[Number, ...]:
    """Read a list of numbers, each a text or `{number, label, line}`. ValueError names it."""
    if not isinstance(given, list):
        raise ValueError(f"`{place}` must be a list, found {given!r}")
    return tuple(_number(place, entry) for entry in given)


def _number(place: str, entry: object) -> Number:
    row = entry if isinstance(entry, Mapping) else {"number": entry}
    if unknown := sorted(set(row) - {"number", "label", "line"}):
        raise ValueError(f"`{place}`: unknown key `{unknown[0]}`")
    number, line = row.get("number"), str(row.get("line") or "")
    if not isinstance(number, str):
        raise ValueError(f"`{place}`: {number!r} must stand in quotes")
    if not E164.fullmatch(number):
        raise ValueError(f"`{place}`: {number} is no number like +380487059090")
    if line and line not in LINES:
        raise ValueError(f"`{place}: line` is one of {', '.join(LINES)}, found {line!r}")
    return Number(number, str(row.get("label") or ""), line)


def services(
    document: Mapping[str, object], words: Collection[str], queues: Collection[str]
) -> tuple[AccessService, ...]:
    """Read `services:`. words: queues that flows name. queues: every queue of the company."""
    return tuple(_service(name, given, words, queues) for name, given in document.items())


def _service(
    name: str, given: object, words: Collection[str], queues: Collection[str]
) -> AccessService:
    place = f"services: {name}"
    if not isinstance(given, Mapping):
        raise ValueError(f"`{place}` must be a mapping, found {given!r}")
    if unknown := sorted(set(given) - {"label", "numbers", "queues"}):
        raise ValueError(f"`{place}`: unknown key `{unknown[0]}`")
    mapped = given.get("queues") or {}
    if not isinstance(mapped, Mapping):
        raise ValueError(f"`{place}: queues` must be a mapping, found {mapped!r}")
    for word, queue in mapped.items():
        if word not in words:
            raise ValueError(f"`{place}: queues`: {word} is none of {', '.join(words)}")
        if word == "danger":
            raise ValueError(f"`{place}: queues`: danger has one queue, whatever was dialled")
        if queue not in queues:
            raise ValueError(f"`{place}: queues: {word}`: {queue} is no queue")
        if queue in mapped and mapped[queue] != queue:
            raise ValueError(f"`{place}: queues: {word}`: {queue} means another queue itself")
    return AccessService(
        name,
        str(given.get("label") or name),
        numbers(f"{place}: numbers", given.get("numbers") or []),
        dict(mapped),
    )
