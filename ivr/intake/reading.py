"""From what was sent to checked entries: the words of every refusal are made here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ivr.intake.refusal import Problem, Problems, Refusal
from ivr.intake.schemas import KINDS, Area, Given, Setting

LARGEST = 100_000
"""Entries that come in at once."""

Place = tuple[int | str, ...]
"""Where a field is within its entry: ("areas", 0, "street")."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where an entry stands. number: its place, from 1; 0 where it came alone.

    line, area_lines: of a CSV file, where its fields and each of its areas stand.
    """

    number: int
    line: int | None = None
    area_lines: Sequence[int] = ()

    def problem(self, place: Place, message: str) -> Problem:
        """Name a place in the entry."""
        parts = (self.number - 1, *place) if self.number else place
        pointer = "".join(f"/{_escaped(part)}" for part in parts)
        if self.line is None:
            return Problem(None, max(self.number, 1), pointer, _dotted(place), message)
        line = self.line
        if place[:1] == ("areas",) and len(place) > 1:
            line, place = self.area_lines[int(place[1])], place[2:] or ("area",)
        return Problem(line, self.number, pointer, str(place[0]) if place else "", message)


Sent = tuple[Where, Any]
"""An entry as it was sent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One that is well: where it stood, and what was read from it."""

    where: Where
    given: Given


def of_json(document: Any) -> Iterator[Sent]:
    """Take a JSON document apart: a list of entries. Refusal where it is none."""
    if not isinstance(document, list):
        raise Refusal([Problem(None, 1, "", "", "is not a list of entries")])
    yield from ((Where(number), content) for number, content in enumerate(document, 1))


def check(
    kind: str, sent: Iterable[Sent], setting: Setting, problems: Problems | None = None
) -> list[Entry]:
    """Read every entry; Refusal tells what is wrong with up to twenty of their fields.

    problems: where those go that are found while `sent` is read.
    """
    model, problems = KINDS[kind], problems or Problems()
    found: list[Entry] = []
    seen: dict[Any, Where] = {}
    for where, content in sent:
        if len(found) >= LARGEST:
            problems.add(where.problem((), f"is one of more than {LARGEST}; send them in parts"))
            break
        try:
            given = model.model_validate(content, context=setting)
        except ValidationError as error:
            for place, message in _told(error, model):
                problems.add(where.problem(place, message))
            continue
        first = seen.setdefault(given.key, where)
        if first is not where:
            there = f"line {first.line}" if first.line else f"entry {first.number}"
            problems.add(where.problem((_named(given),), f"stands in {there} already"))
        found.append(Entry(where, given))
    problems.settle()
    return found


def _named(given: Given) -> str:
    names = ("number", "queue", "emergency")
    return next(name for name in names if getattr(given, name, None) is not None)


def _told(error: ValidationError, model: type[Given]) -> Iterator[tuple[Place, str]]:
    """Say in our words what pydantic found."""
    for found in error.errors(include_url=False):
        place, kind = tuple(found["loc"]), found["type"]
        if kind == "value_error":
            message = str(found["ctx"]["error"])
        elif kind == "missing":
            message = "is missing"
        elif kind == "extra_forbidden":
            known = list((Area if place[0] == "areas" else model).model_fields)
            near = difflib.get_close_matches(str(place[-1]), known, 1)
            mend = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"
            message = f"is not known; {mend}"
        else:
            message = found["msg"][:1].lower() + found["msg"][1:]
        yield place, message


def _dotted(place: Place) -> str:
    """Write ("areas", 0, "street") as "areas[0].street"."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
