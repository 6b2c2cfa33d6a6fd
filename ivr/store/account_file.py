"""Reads the CSV file of accounts: UTF-8, comma or semicolon, a header, one line for a register.

    account;kind;settlement;street;house;phones;meter;digits;register;previous;on;per_day;
    permitted_kw;schedule_queue;substation;remote;old_accounts

The columns may stand in any order; none may be missing, because an empty field means that there is
nothing. `phones` and `old_accounts` hold several values with spaces between them. An account
without a meter has one line whose fields from `meter` to `per_day` are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.errors import ImportFileError
from ivr.store import csv_file, fields

ACCOUNT: Mapping[str, Callable[[str], Any]] = {
    "account": fields.name,
    "kind": fields.kind,
    "settlement": fields.name,
    "street": fields.name,
    "house": fields.name,
}
METER: Mapping[str, Callable[[str], Any]] = {
    "meter": fields.name,
    "digits": fields.digits,
    "register": fields.register,
    "previous": str,
    "on": fields.day,
    "per_day": fields.per_day,
}
OPTIONAL: Mapping[str, Callable[[str], Any]] = {
    "permitted_kw": fields.kilowatts,
    "schedule_queue": fields.name,
    "substation": fields.name,
    "remote": fields.yes,
}
COLUMNS = [*ACCOUNT, "phones", *METER, *OPTIONAL, "old_accounts"]
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Line:
    """One good line of the file: values by column, None where a field is empty."""

    number: int
    values: Mapping[str, Any]
    phones: list[str]
    old_accounts: list[str]


class Problems:
    """What is wrong in a file; the twentieth problem ends the reading of it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, field: str, reason: object) -> None:
        """Notes a problem of one field."""
        self._found.append((line, f"line {line}, {field}: {reason}"))
        if len(self._found) == MOST_PROBLEMS:
            self.settle()

    def settle(self) -> None:
        """Raises ImportFileError when there are any."""
        if not self._found:
            return
        more = " (and perhaps more)" if len(self._found) == MOST_PROBLEMS else ""
        found = "\n".join(f"  {text}" for _, text in sorted(self._found))
        raise ImportFileError(f"{self.file}: nothing was imported, mend{more}:\n{found}")


def read(path: Path, region: str, problems: Problems) -> Iterator[Line]:
    """Yields the good lines of a file one by one and notes what is wrong with the others.

    region: the country of national telephone numbers ("UA"). ImportFileError for a file that is
    no such table at all.
    """
    for number, row in csv_file.rows(path, COLUMNS, COLUMNS, problems.add):
        fault = _Faults(number, problems)
        values = {name: fault.parse(row, name, parse) for name, parse in ACCOUNT.items()}
        values |= _meter(row, fault)
        values |= {
            name: fault.parse(row, name, parse) if row[name] else None
            for name, parse in OPTIONAL.items()
        }
        phones = fault.parse_each(row, "phones", lambda text: fields.phone(text, region))
        old_accounts = fault.parse_each(row, "old_accounts", fields.name)
        if not fault.found:
            yield Line(number, values, phones, old_accounts)


def _meter(row: Mapping[str, str], fault: _Faults) -> dict[str, Any]:
    if not any(row[name] for name in METER):
        return dict.fromkeys(METER)
    values = {name: fault.parse(row, name, parse) for name, parse in METER.items()}
    digits = values["digits"]
    if digits is not None:
        values["previous"] = fault.parse(row, "previous", lambda t: fields.counter(t, digits))
    return values


class _Faults:
    """Parses the fields of one line and notes what cannot be parsed."""

    def __init__(self, line: int, problems: Problems) -> None:
        self.line = line
        self.found = False
        self._problems = problems

    def parse(self, row: Mapping[str, str], field: str, parse: Callable[[str], Any]) -> Any:
        return self._try(field, row[field], parse)

    def parse_each(
        self, row: Mapping[str, str], field: str, parse: Callable[[str], str]
    ) -> list[str]:
        return [self._try(field, text, parse) for text in row[field].split()]

    def _try(self, field: str, text: str, parse: Callable[[str], Any]) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            self.found = True
            self._problems.add(self.line, field, error)
            return None
