"""What a company promises and how it decides, beyond its queues: sections of its profile.

Each is a frozen dataclass with the defaults; `read` fills them from the plain document of
`flows/companies/NAME.yaml` and complains about the key that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")
Phone = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=_STRICT)
class Contacts:
    """Numbers that callers are told or put through to. dispatcher: for danger; "" where there is
    none. supplier: who answers questions about bills.
    """

    dispatcher: Phone | str = ""
    supplier: Phone | str = ""


@dataclass(frozen=True, config=_STRICT)
class OutageTerms:
    """Key 1. fresh: minutes for which what the company said of an event is told as a fact.

    group, within: so many reports of one substation or street within so many minutes make a
    suspected event for the dispatcher.
    """

    fresh: Positive = 30
    group: Count = 3
    within: Positive = 15


@dataclass(frozen=True, config=_STRICT)
class Terms:
    """All of these sections of one company."""

    contacts: Contacts = Field(default_factory=Contacts)
    outages: OutageTerms = Field(default_factory=OutageTerms)


SECTIONS = tuple(Terms.__dataclass_fields__)
"""Keys of a profile that are read here."""
_TERMS = TypeAdapter(Terms)


def read(document: Mapping[str, Any]) -> Terms:
    """Read the sections of a profile. ValueError names the key and what is wrong with it."""
    given = {section: document[section] for section in SECTIONS if section in document}
    try:
        return _TERMS.validate_python(given)
    except ValidationError as reason:
        first = reason.errors()[0]
        place = ": ".join(str(part) for part in first["loc"])
        raise ValueError(f"`{place}`: {first['msg'].lower()}, found {first['input']!r}") from None
