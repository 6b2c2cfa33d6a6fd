"""What every kind is stored with: the task, what was done, and what is needed again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ivr.company import Company as Profile
from ivr.intake.reading import Entry
from ivr.intake.refusal import Problems
from ivr.store.models import Account

BATCH = 500


@dataclass
class Summary:
    """What was done. older: passed over. closed, reopened: events, among the others too."""

    kind: str
    noun: str
    entries: int
    added: int = 0
    changed: int = 0
    same: int = 0
    older: int = 0
    closed: int = 0
    reopened: int = 0

    def __str__(self) -> str:
        """Write it as one line."""
        counts = {
            "added": self.added, "changed": self.changed, "as they were": self.same,
            "older than stored, passed over": self.older,
            "closed": self.closed, "opened again": self.reopened,
        }  # fmt: skip
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        if not (self.added or self.changed or self.closed or self.reopened):
            told = ", ".join(part for part in (told, "nothing changed") if part)
        return f"{self.entries} {self.noun}; {told}"


@dataclass(frozen=True)
class Task:
    """What a kind is stored with. source: who sent it. complete: what is not named is over."""

    db: Session
    profile: Profile
    source: str
    now: datetime
    complete: bool
    summary: Summary
    problems: Problems = field(default_factory=Problems)

    @property
    def company(self) -> str:
        """Id of the company whose data it is."""
        return self.profile.id

    def accounts(self, entries: Sequence[Entry]) -> dict[str, int]:
        """Return the ids of the accounts that entries name; an unknown one is a problem."""
        named = {each.given.account for each in entries}  # type: ignore[attr-defined]
        wanted = select(Account.number, Account.id).where(
            Account.company == self.company, Account.number.in_(named - {None})
        )
        known: dict[str, int] = {row[0]: row[1] for row in self.db.execute(wanted)}
        for each in entries:
            number = each.given.account  # type: ignore[attr-defined]
            if number is not None and number not in known:
                reason = f"there is no account {number!r}; import the accounts first"
                self.problems.add(each.where.problem(("account",), reason))
        return known


def batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield them by some hundreds, for statements of fair length."""
    rest = iter(entries)
    while batch := list(islice(rest, BATCH)):
        yield batch


def differs(row: Any, wanted: Mapping[str, Any]) -> bool:
    """Tell whether a stored row differs from what it should hold."""
    return any(getattr(row, name) != value for name, value in wanted.items())


def add(db: Session, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows, past the mapper: that takes longer, and the store is locked."""
    if rows:
        db.connection().execute(insert(table), rows)
