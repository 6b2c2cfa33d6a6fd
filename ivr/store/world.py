"""Puts accounts written in the World format of call scripts into the store, and the demo data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from ivr.errors import ImportFileError
from ivr.store import fields
from ivr.store.database import Store
from ivr.store.models import Account, Alias, Contact, Meter, Register

T = TypeVar("T")

DEMO = Path(__file__).parents[2] / "deploy" / "demo-data.yaml"
REGISTERED = datetime(2020, 1, 1, tzinfo=UTC)
"""When the contacts of a World were registered: before any call."""
ABSENT = (None, "", "~", "null")
"""How `yaml.BaseLoader` returns a field without a value."""


def load_demo(store: Store, path: Path = DEMO, now: datetime | None = None) -> bool:
    """Fills a store that has no accounts with the demo data; says whether it did.

    It goes to the first company of the file. now: when its known outage was last told of; None:
    only the accounts are wanted.
    """
    from ivr.store.supply_world import load_fresh  # it reads worlds with the means of this module

    document = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506
    companies = list(document["companies"])
    with store.session() as session:
        for company in companies:
            keep_company(session, company)
        if session.scalar(select(Account.id).limit(1)) is not None:
            return False
        load_world(session, companies[0], document["world"])
        if now is not None:
            zone = ZoneInfo(document["companies"][companies[0]]["timezone"])
            load_fresh(session, companies[0], document["world"], zone, now)
    return True


def load_world(session: Session, company: str, world: Mapping[str, Any]) -> None:
    """Adds the accounts of a World with their contacts, meters and registers.

    world: as `yaml.BaseLoader` returns it, every value a text (with types `on` would be true and
    02304 be 1220). ImportFileError names the place and the field that is wrong.
    """
    keep_company(session, company)
    places: dict[str, str] = {}
    for entry in Entry("world", world).entries("accounts"):
        account = _account(company, entry)
        if account.number in places:
            raise entry.error("account", f"{account.number} is at {places[account.number]} too")
        places[account.number] = entry.place
        session.add(account)
    session.flush()


def keep_company(session: Session | Connection, company: str) -> None:
    """Makes the row of a company unless it is there; whoever comes second waits for the first."""
    session.execute(
        text("INSERT INTO companies (id, name) VALUES (:id, :id) ON CONFLICT (id) DO NOTHING"),
        {"id": company},
    )


@dataclass(frozen=True)
class Entry:
    """One mapping of a World and its place ("world.accounts[2]"), which errors name."""

    place: str
    content: Any

    def __post_init__(self) -> None:
        if not isinstance(self.content, Mapping):
            raise ImportFileError(f"{self.place}: is not a mapping of fields")

    def error(self, field: str, reason: object) -> ImportFileError:
        """Makes the error of one field."""
        return ImportFileError(f"{self.place}.{field}: {reason}")

    def know(self, *names: str) -> None:
        """Checks that no field has another name than these."""
        for field in self.content:
            if field not in names:
                raise self.error(field, f"is not known; the fields are {', '.join(names)}")

    def read(self, field: str, parse: Callable[[str], T]) -> T:
        """Returns a field that must be there."""
        value = self.optional(field, parse)
        if value is None:
            raise self.error(field, "is missing")
        return value

    def optional(self, field: str, parse: Callable[[str], T]) -> T | None:
        """Returns a field, None where it is absent."""
        value = self.content.get(field)
        if value in ABSENT:
            return None
        return self._parse(field, value, parse)

    def texts(self, field: str, parse: Callable[[str], T]) -> list[T]:
        """Returns a list of texts, empty where it is absent."""
        items = enumerate(self._list(field))
        return [self._parse(f"{field}[{place}]", item, parse) for place, item in items]

    def entry(self, field: str) -> Entry:
        """Returns the mapping in a field."""
        return Entry(f"{self.place}.{field}", self.content.get(field))

    def entries(self, field: str) -> list[Entry]:
        """Returns the mappings of a list, none where it is absent."""
        items = enumerate(self._list(field))
        return [Entry(f"{self.place}.{field}[{place}]", item) for place, item in items]

    def _list(self, field: str) -> list[Any]:
        value = self.content.get(field)
        if value in ABSENT:
            return []
        if not isinstance(value, list):
            raise self.error(field, "is not a list")
        return value

    def _parse(self, field: str, value: object, parse: Callable[[str], T]) -> T:
        if not isinstance(value, str):
            raise self.error(field, f"{value!r} is not a text, as `yaml.BaseLoader` returns it")
        try:
            return parse(value)
        except ValueError as error:
            raise self.error(field, error) from error


def _account(company: str, entry: Entry) -> Account:
    entry.know(
        "account", "kind", "address", "phones", "meters", "permitted_kw", "schedule_queue",
        "substation", "old_accounts",
    )  # fmt: skip
    address = entry.entry("address")
    address.know("settlement", "street", "house")
    meters = entry.entries("meters")
    return Account(
        company=company,
        number=entry.read("account", fields.name),
        kind=entry.read("kind", fields.kind),
        settlement=address.read("settlement", fields.name),
        street=address.read("street", fields.name),
        house=address.read("house", fields.name),
        permitted_kw=entry.optional("permitted_kw", fields.kilowatts),
        schedule_queue=entry.optional("schedule_queue", fields.name),
        substation=entry.optional("substation", fields.name),
        meters=[_meter(position, meter) for position, meter in enumerate(meters)],
        contacts=[_contact(company, number) for number in entry.texts("phones", fields.e164)],
        aliases=[
            Alias(company=company, alias=alias)
            for alias in entry.texts("old_accounts", fields.name)
        ],
    )


def _contact(company: str, number: str) -> Contact:
    return Contact(
        company=company, number=number, source="register", proved=True, created_at=REGISTERED
    )


def _meter(position: int, entry: Entry) -> Meter:
    entry.know("number", "digits", "registers", "remote")
    digits = entry.read("digits", fields.digits)
    registers = [_register(digits, register) for register in entry.entries("registers")]
    names = [register.name for register in registers]
    try:
        fields.registers(names)
    except ValueError as error:
        raise entry.error("registers", error) from error
    return Meter(
        number=entry.read("number", fields.name),
        digits=digits,
        remote=entry.optional("remote", fields.yes) or False,
        position=position,
        registers=sorted(registers, key=lambda register: fields.REGISTERS.index(register.name)),
    )


def _register(digits: int, entry: Entry) -> Register:
    entry.know("name", "previous", "on", "per_day")
    return Register(
        name=entry.read("name", fields.register),
        previous=entry.read("previous", lambda text: fields.counter(text, digits)),
        previous_on=entry.read("on", fields.day),
        per_day=entry.read("per_day", fields.per_day),
    )
