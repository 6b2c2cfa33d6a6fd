"""One model a kind of data: what its fields may hold, whichever way it comes in.

A model is checked with a `Setting` as pydantic's context: the company's clock and numbering plan,
and the present. A field that is empty ("" or null) is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Any, ClassVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import core_schema

from ivr.services.outage_events import CAUSES as TOLD
from ivr.store import application_words, fields
from ivr.terms import REASONS

CAUSES = (*TOLD, "repair")
"""Why there is no supply; "repair" is stored and not told."""
SKEW = timedelta(minutes=5)
"""How far the sender's clock may be ahead of ours."""
MOST_AREAS = 20_000
MOST_CUSTOMERS = 10_000_000
MOST_ITEMS = 500


@dataclass(frozen=True)
class Setting:
    """Whose data it is. zone: of times without an offset. region: of national numbers ("UA")."""

    zone: tzinfo
    region: str
    now: datetime


# ---------------------------------------------------------------------- fields


def _setting(info: ValidationInfo) -> Setting:
    return cast(Setting, info.context)


def _text(value: Any, parse: Callable[[str], Any]) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text; write it in quotes")
    return parse(value.strip())


def _moment(value: Any, info: ValidationInfo) -> datetime:
    zone = _setting(info).zone
    read: datetime = _text(value, lambda text: fields.moment(text, zone))
    if len(value.strip()) <= len("2026-10-31"):
        raise ValueError(f"{value!r} lacks the time; write 2026-10-31T08:40")
    if not 2000 <= read.year < 2100:
        raise ValueError(f"{value!r} is not a time of this century")
    return read


def _past(value: Any, info: ValidationInfo) -> datetime:
    read = _moment(value, info)
    if read > _setting(info).now + SKEW:
        raise ValueError(f"{value!r} is in the future")
    return read


@dataclass(frozen=True)
class Words:
    """A text that is one of a closed list; others: further words, and which of the list each is."""

    words: tuple[str, ...]
    others: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check it before it is taken for a text."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Tell the list."""
        return {"type": "string", "enum": list(dict.fromkeys((*self.words, *self.others)))}

    def _check(self, value: Any) -> str:
        return str(_text(value, self._known))

    def _known(self, text: str) -> str:
        if self.others:
            text = self.others.get(application_words.plain(text), text)
        if text not in self.words:
            raise ValueError(f"{text!r} is not one of {', '.join(self.words)}")
        return text


def _count(value: Any) -> int:
    text = str(value).strip() if isinstance(value, int | str) else ""
    whole = not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) <= 9
    if not whole or int(text) > MOST_CUSTOMERS:
        raise ValueError(f"{value!r} is not a whole number from 0 to {MOST_CUSTOMERS}")
    return int(text)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else bool(_text(value, fields.yes))


def _phone(value: Any, info: ValidationInfo) -> str:
    region = _setting(info).region
    return str(_text(value, lambda text: fields.phone(text, region)))


def _list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("is not a list")
    if len(value) > MOST_ITEMS:
        raise ValueError(f"holds more than {MOST_ITEMS}")
    return value


def _span(text: str) -> str:
    fields.span(text)
    return text


Name = Annotated[str, BeforeValidator(lambda value: _text(value, fields.name))]
Day = Annotated[date, BeforeValidator(lambda value: _text(value, fields.day))]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Past = Annotated[datetime, BeforeValidator(_past)]
Count = Annotated[int, BeforeValidator(_count)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Phone = Annotated[str, BeforeValidator(_phone)]
Hours = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, _span)),
    WithJsonSchema({"type": "string", "examples": ["11:00-14:30"]}),
]
Listed = BeforeValidator(_list)


class Given(BaseModel):
    """What all kinds have in common.

    updated: when the company last said so; what is older than the stored is passed over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    noun: ClassVar[str] = "entries"
    """How a summary calls many of them."""
    wanted: ClassVar[tuple[str, ...]] = ("number",)
    """Columns that a CSV file may not leave out."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("is not an object with fields")
        return {name: field for name, field in value.items() if field not in ("", None)}

    @property
    def key(self) -> tuple[Any, ...]:
        """What an entry may be named by only once."""
        return (getattr(self, "number"),)  # noqa: B009 - every kind but schedules has one


class Area(BaseModel):
    """A part of what is hit: every field that is given must be the customer's.

    houses: those of the street, none: all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    _without_empty = model_validator(mode="before")(Given._without_empty.__func__)

    settlement: Name | None = None
    street: Name | None = None
    houses: Annotated[tuple[Name, ...], Listed] = ()
    substation: Name | None = None
    account: Name | None = None

    @field_validator("houses")
    @classmethod
    def _of_a_street(cls, houses: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if houses and not info.data.get("street") and "street" in info.data:
            raise ValueError("needs the street")
        return houses

    @model_validator(mode="after")
    def _somewhere(self) -> Area:
        if not (self.settlement or self.street or self.substation or self.account):
            raise ValueError("names nothing: write a settlement, street, substation or account")
        return self


def _areas(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("is not a list")
    if len(value) > MOST_AREAS:
        raise ValueError(f"holds more than {MOST_AREAS}")
    return value


Areas = Annotated[tuple[Area, ...], BeforeValidator(_areas)]


def _after(moment: datetime | None, info: ValidationInfo, first: str) -> datetime | None:
    """Check that a moment comes after that of the field `first`."""
    begin = info.data.get(first)
    if moment is not None and begin is not None and moment <= begin:
        raise ValueError(f"is not after `{first}`")
    return moment


# ---------------------------------------------------------------------- kinds


class Event(Given):
    """An accident or planned works, known to the company. Without `restore_by` nobody can tell.

    restored_at: of a closed one, default: when it came in. Closed without areas: those known stay.
    """

    noun: ClassVar[str] = "events"
    wanted: ClassVar[tuple[str, ...]] = ("number", "kind", "since")

    number: Name
    kind: Annotated[str, Words(("emergency", "planned"))]
    cause: Annotated[str, Words(CAUSES)] | None = None
    since: Moment
    restore_by: Moment | None = None
    customers: Count | None = None
    updated: Past | None = None
    state: Annotated[str, Words(("open", "closed"))] = "open"
    restored_at: Past | None = None
    areas: Annotated[Areas, Field(validate_default=True)] = ()

    @field_validator("since")
    @classmethod
    def _begun(cls, since: datetime, info: ValidationInfo) -> datetime:
        if info.data.get("kind") == "emergency" and since > _setting(info).now + SKEW:
            raise ValueError("is in the future; only planned works are announced")
        return since

    @field_validator("restore_by")
    @classmethod
    def _restored_after(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        return _after(moment, info, "since")

    @field_validator("restored_at")
    @classmethod
    def _closed_after(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        if moment is not None and info.data.get("state") == "open":
            raise ValueError("belongs to a closed event; write the state `closed`")
        return _after(moment, info, "since")

    @field_validator("areas")
    @classmethod
    def _hit(cls, areas: tuple[Area, ...], info: ValidationInfo) -> tuple[Area, ...]:
        if not areas and info.data.get("state") == "open":
            raise ValueError("is missing: an open event hits some area")
        return areas


class Works(Given):
    """Planned works, announced ahead. state: announced, done, or cancelled: nobody is told then."""

    noun: ClassVar[str] = "works"
    wanted: ClassVar[tuple[str, ...]] = ("number", "start", "end")

    number: Name
    start: Moment
    end: Moment
    cause: Annotated[str, Words(CAUSES)] | None = None
    customers: Count | None = None
    state: Annotated[str, Words(("announced", "done", "cancelled"))] = "announced"
    updated: Past | None = None
    areas: Annotated[Areas, Field(validate_default=True)] = ()

    @field_validator("end")
    @classmethod
    def _ends_after(cls, moment: datetime, info: ValidationInfo) -> datetime | None:
        return _after(moment, info, "start")

    @field_validator("areas")
    @classmethod
    def _hit(cls, areas: tuple[Area, ...], info: ValidationInfo) -> tuple[Area, ...]:
        if not areas and info.data.get("state") == "announced":
            raise ValueError("is missing: announced works hit some area")
        return areas


class Schedule(Given):
    """The hours of a queue on a day, or on every day without one of its own; or `emergency`:
    whether emergency schedules are on in a region (a settlement; none: everywhere).
    """

    noun: ClassVar[str] = "schedules"
    wanted: ClassVar[tuple[str, ...]] = ()

    queue: Name | None = None
    day: Day | None = None
    hours: Annotated[tuple[Hours, ...], Listed] = ()
    emergency: Flag | None = None
    region: Name | None = None
    updated: Past | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Schedule:
        if (self.queue is None) == (self.emergency is None):
            raise ValueError("write either `queue` with its hours, or `emergency`")
        if self.queue is None and (self.day or self.hours):
            raise ValueError("`day` and `hours` belong to a queue")
        if self.queue is not None and self.region is not None:
            raise ValueError("`region` belongs to `emergency`")
        return self

    @property
    def key(self) -> tuple[Any, ...]:
        """The queue and the day, or the region."""
        return ("queue", self.queue, self.day) if self.queue else ("region", self.region)


class Priority(Given):
    """An entry of the register of those who come first; never made by a caller.

    vulnerable: a person who needs power to live; wants consent. valid_from, valid_to: both days
    included.
    """

    noun: ClassVar[str] = "entries of the register"
    wanted: ClassVar[tuple[str, ...]] = ("number", "kind", "name", "approved_by")

    number: Name
    kind: Annotated[str, Words(("priority_site", "vulnerable"))]
    name: Name
    account: Name | None = None
    phones: Annotated[tuple[Phone, ...], Listed, Field(validate_default=True)] = ()
    note: Name | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    approved_by: Name
    consent: Annotated[Flag, Field(validate_default=True)] = False
    updated: Past | None = None

    @field_validator("phones")
    @classmethod
    def _known_by(cls, phones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not phones and not info.data.get("account") and "account" in info.data:
            raise ValueError("is missing: write a telephone or an account")
        return phones

    @field_validator("valid_to")
    @classmethod
    def _ends(cls, day: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("valid_from")
        if day and first and day < first:
            raise ValueError("is before `valid_from`")
        return day

    @field_validator("consent")
    @classmethod
    def _asked(cls, consent: bool, info: ValidationInfo) -> bool:
        if not consent and info.data.get("kind") == "vulnerable":
            raise ValueError("is missing: a vulnerable person must have agreed")
        return consent


class Application(Given):
    """Something a customer applied for; whoever keys its number hears its state."""

    noun: ClassVar[str] = "applications"
    wanted: ClassVar[tuple[str, ...]] = ("number", "what", "state")

    number: Name
    account: Name | None = None
    what: Annotated[
        str,
        Words(tuple(application_words.WHATS), application_words.WHAT_OF),
    ]
    state: Annotated[
        str,
        Words(tuple(application_words.STATES), application_words.STATE_OF),
    ]
    reason: Annotated[str, Words(REASONS)] | None = None
    visit: Annotated[Moment | None, Field(validate_default=True)] = None
    until: Moment | None = None
    updated: Past | None = None

    @model_validator(mode="before")
    @classmethod
    def _reasoned(cls, value: Any) -> Any:
        """Take the reason from a state that tells it."""
        if not isinstance(value, dict) or not isinstance(state := value.get("state"), str):
            return value
        return {"reason": application_words.reason(state), **value}

    @field_validator("reason")
    @classmethod
    def _why(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason and info.data.get("state") not in (None, "postponed", "refused"):
            raise ValueError("belongs to the states postponed and refused")
        return reason

    @field_validator("visit")
    @classmethod
    def _when(cls, visit: datetime | None, info: ValidationInfo) -> datetime | None:
        if visit is None and info.data.get("state") == "scheduled":
            raise ValueError("is missing: the state is `scheduled`")
        return visit

    @field_validator("until")
    @classmethod
    def _until(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        if until and "visit" in info.data and info.data["visit"] is None:
            raise ValueError("needs `visit`")
        return _after(until, info, "visit")


KINDS: dict[str, type[Given]] = {
    "events": Event,
    "works": Works,
    "schedules": Schedule,
    "priority": Priority,
    "applications": Application,
}
