"""Reads what a page sent; whatever is not as it should be is refused by the name of the field."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from flask import request

from agent_desk.refusals import Refused

LONGEST = 4000
"""Characters of a text, where no other bound is given."""
YEARS = range(2000, 2101)
"""Years of a day that somebody may mean."""
NAME = r"[\w.:@+-]{1,120}"
"""What ids of calls, tickets, tokens and names look like."""


class Body:
    """The JSON object of a request, or a part of it."""

    def __init__(self, content: Any) -> None:
        if not isinstance(content, dict):
            raise Refused("body")
        self._content = content

    def text(self, name: str, longest: int = LONGEST, wanted: bool = True) -> str:
        """Return a text without blanks around it; wanted: it must not be empty."""
        value = self._content.get(name)
        if value is None:
            value = ""
        if not isinstance(value, str) or len(value) > longest or not _printable(value):
            raise Refused("field", field=name)
        if wanted and not value.strip():
            raise Refused("field_empty", field=name)
        return value.strip()

    def name(self, name: str, wanted: bool = True) -> str:
        """Return an id or a login."""
        value = self.text(name, wanted=wanted)
        if value and not re.fullmatch(NAME, value):
            raise Refused("field", field=name)
        return value

    def choice(self, name: str, *words: str) -> str:
        """Return one of these words."""
        value = self.text(name)
        if value not in words:
            raise Refused("field", field=name)
        return value

    def day(self, name: str) -> date:
        """Return a day, written as 2026-10-31."""
        return _day(name, self.text(name, 10))

    def flag(self, name: str) -> bool:
        """Return a yes or no; absent is no."""
        value = self._content.get(name, False)
        if not isinstance(value, bool):
            raise Refused("field", field=name)
        return value

    def number(self, name: str, low: float, high: float, wanted: bool = True) -> float | None:
        """Return a number within bounds; None where it may be absent."""
        value = self._content.get(name)
        if value is None and not wanted:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Refused("field", field=name)
        if not low <= value <= high:  # which NaN is not either
            raise Refused("field", field=name)
        return float(value)

    def words(self, name: str, longest: int = 200) -> list[str] | None:
        """Return a list of short texts; None where it is absent."""
        value = self._content.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > longest:
            raise Refused("field", field=name)
        return [Body({name: each}).text(name, longest=120) for each in value]

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object; absent is empty."""
        value = self._content.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Refused("field", field=name)
        return value

    def part(self, name: str) -> Body | None:
        """Return an object as a body of its own, None where it is absent."""
        return None if self._content.get(name) is None else Body(self.mapping(name))


def _printable(text: str) -> bool:
    """Whether a text holds no control characters and no halves of characters."""
    return all(letter in "\n\t\r" or letter.isprintable() or letter.isspace() for letter in text)


def body() -> Body:
    """Return the JSON object that was sent."""
    try:
        return Body(json.loads(request.get_data(), parse_constant=_no_number))
    except (ValueError, RecursionError):
        raise Refused("body") from None


def asked_day(name: str) -> date:
    """Return a day of the query of a request, written as 2026-10-31."""
    return _day(name, request.args.get(name, ""))


def _day(name: str, value: str) -> date:
    """Read a day; a year that nobody means is refused, too."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Refused("field_day", field=name) from None
    if day.year not in YEARS:
        raise Refused("field_day", field=name)
    return day


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
