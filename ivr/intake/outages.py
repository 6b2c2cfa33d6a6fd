"""Stores events and planned works, which are events too; closing one has people told.

`complete`: the file names everything that is going on. Open events of its kind that it lacks, that
came in by a file or the API before, and are no newer than the file, are closed; planned works are
cancelled, of which nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import lazyload

from ivr.intake.reading import Entry
from ivr.intake.schemas import Area, Works
from ivr.intake.task import BATCH, Task, add, differs
from ivr.services import restoration, subscriptions
from ivr.store.supply import OutageArea, OutageEvent

OURS = ("file", "api")
"""How the source of an event begins that came in this way."""
TOLD, UNTOLD = "told", "untold"


@dataclass(frozen=True)
class Wanted:
    """What an event shall be. ends: "" for open; told or untold for closed."""

    entry: Entry
    number: str
    updated: datetime
    ends: str
    restored_at: datetime | None
    columns: dict[str, Any]
    areas: tuple[Area, ...]


def take_events(task: Task, entries: Sequence[Entry]) -> None:
    """Bring events up to date."""
    _take(task, [_event(task, each) for each in entries])
    if task.complete:
        _end_others(task, "emergency", entries)
    if not task.problems:
        subscriptions.claim(task.db, task.profile, task.now)


def take_works(task: Task, entries: Sequence[Entry]) -> None:
    """Bring planned works up to date; a number that an accident has is a problem."""
    _take(task, [_works(task, each) for each in entries])
    if task.complete:
        _end_others(task, "planned", entries)


def _event(task: Task, entry: Entry) -> Wanted:
    given: Any = entry.given
    names = ("kind", "cause", "since", "restore_by", "customers")
    return Wanted(
        entry,
        given.number,
        given.updated or task.now,
        TOLD if given.state == "closed" else "",
        given.restored_at,
        {name: getattr(given, name) for name in names},
        given.areas,
    )


def _works(task: Task, entry: Entry) -> Wanted:
    given: Any = entry.given
    ends = {"announced": "", "done": TOLD, "cancelled": UNTOLD}
    columns = {
        "kind": "planned",
        "cause": given.cause,
        "since": given.start,
        "restore_by": given.end,
        "customers": given.customers,
    }
    updated = given.updated or task.now
    return Wanted(entry, given.number, updated, ends[given.state], None, columns, given.areas)


def _take(task: Task, wishes: Sequence[Wanted]) -> None:
    for start in range(0, len(wishes), BATCH):
        _Batch(task, wishes[start : start + BATCH]).store()


class _Batch:
    """Some hundreds of events, compared with what is stored, and written together."""

    def __init__(self, task: Task, wishes: Sequence[Wanted]) -> None:
        self.task = task
        self.wishes = wishes
        numbers = [wish.number for wish in wishes]
        chosen = select(OutageEvent.__table__).where(
            OutageEvent.company == task.company, OutageEvent.number.in_(numbers)
        )
        # Plain rows: objects of the mapper would take longer, and the store is locked.
        self.stored = {row.number: row for row in task.db.execute(chosen)}
        self.known_areas = self._areas()
        self.fresh: list[dict[str, Any]] = []
        self.changes: dict[int, dict[str, Any]] = {}
        self.moved: list[Wanted] = []
        self.turned: list[tuple[int, Wanted]] = []

    def store(self) -> None:
        """Compare and write."""
        for wish in self.wishes:
            row = self.stored.get(wish.number)
            if row is None:
                self._add(wish)
            elif isinstance(wish.entry.given, Works) and row.kind != "planned":
                reason = f"{wish.number!r} is the number of an accident; works need another"
                self.task.problems.add(wish.entry.where.problem(("number",), reason))
            elif wish.updated < max(row.updated_at, row.restored_at or row.updated_at):
                self.task.summary.older += 1
            else:
                self._compare(row, wish)
        self._write()

    def _add(self, wish: Wanted) -> None:
        self.task.summary.added += 1
        closed = wish.restored_at or wish.updated if wish.ends else None
        row = {
            "company": self.task.company,
            "number": wish.number,
            **wish.columns,
            "state": "closed" if wish.ends else "open",
            "restored_at": closed,
            "updated_at": wish.updated,
            "source": self.task.source,
        }
        self.fresh.append(row)
        self.moved.append(wish)

    def _compare(self, row: Row[Any], wish: Wanted) -> None:
        summary, state = self.task.summary, "closed" if wish.ends else "open"
        areas = self.known_areas.get(row.id, set())
        moved = bool(wish.areas) and areas != {_area(area) for area in wish.areas}
        other_end = bool(wish.restored_at) and row.restored_at != wish.restored_at
        turned = state != row.state
        if moved:
            self.moved.append(wish)
        if turned:
            self.turned.append((row.id, wish))
        if turned or moved or other_end or differs(row, wish.columns):
            summary.changed += 1
            change = {**wish.columns, "updated_at": wish.updated, "source": self.task.source}
            if other_end:
                change["restored_at"] = wish.restored_at
            self.changes[row.id] = change
        else:
            summary.same += 1
            if wish.updated > row.updated_at:
                self.changes[row.id] = {"updated_at": wish.updated}

    def _write(self) -> None:
        db = self.task.db
        if self.fresh:
            add(db, OutageEvent, self.fresh)
        for width in sorted({len(change) for change in self.changes.values()}):
            alike = [{"id": id, **c} for id, c in self.changes.items() if len(c) == width]
            db.execute(update(OutageEvent), alike)
        if self.moved:
            self._write_areas()
        for event, wish in self.turned:
            self._turn(db.get_one(OutageEvent, event), wish)

    def _turn(self, row: OutageEvent, wish: Wanted) -> None:
        """Close an event, or open it again: the services know who is to be told."""
        task = self.task
        if not wish.ends:
            task.summary.reopened += 1
            restoration.reopen(task.db, row)
        else:
            task.summary.closed += 1
            row.restored_at = wish.restored_at or min(wish.updated, task.now)
            close(task, row, told=wish.ends == TOLD)

    def _areas(self) -> dict[int, set[Any]]:
        ids = [row.id for row in self.stored.values()]
        wanted = select(OutageArea.__table__).where(OutageArea.event_id.in_(ids))
        found: dict[int, set[Any]] = {}
        for row in self.task.db.execute(wanted):
            found.setdefault(row.event_id, set()).add(_area(row))
        return found

    def _write_areas(self) -> None:
        db, company = self.task.db, self.task.company
        numbers = [wish.number for wish in self.moved]
        chosen = select(OutageEvent.number, OutageEvent.id).where(
            OutageEvent.company == company, OutageEvent.number.in_(numbers)
        )
        ids: dict[str, int] = {row[0]: row[1] for row in db.execute(chosen)}
        db.execute(delete(OutageArea).where(OutageArea.event_id.in_(ids.values())))
        rows = [
            {
                "company": company,
                "event_id": ids[wish.number],
                "settlement": area.settlement,
                "street": area.street,
                "houses": list(area.houses),
                "substation": area.substation,
                "account": area.account,
            }
            for wish in self.moved
            for area in wish.areas
        ]
        if rows:
            add(db, OutageArea, rows)


def _area(area: Any) -> tuple[Any, ...]:
    """Return what makes two areas the same, of the store and of what was sent."""
    place = (area.settlement, area.street, area.substation, area.account)
    return (*place, tuple(area.houses))


def close(task: Task, row: OutageEvent, *, told: bool) -> None:
    """Close an event at its `restored_at`; told: whoever waits for it hears of it."""
    if told:
        restoration.close(task.db, task.profile, row, task.now)
    else:
        row.state, row.restored_at = "closed", row.restored_at or task.now
        task.db.flush()


def _end_others(task: Task, kind: str, entries: Iterable[Entry]) -> None:
    """Close what the sender does not name any more."""
    given: list[Any] = [each.given for each in entries]
    named = {each.number for each in given}
    told = [each.updated for each in given]
    newest = max((each for each in told if each), default=task.now)
    horizon = task.now if None in told else newest
    chosen = select(OutageEvent).where(
        OutageEvent.company == task.company,
        OutageEvent.state == "open",
        OutageEvent.kind == kind,
        OutageEvent.updated_at <= horizon,
    )
    for row in task.db.scalars(chosen.options(lazyload(OutageEvent.areas))).all():
        if row.number not in named and row.source.partition(":")[0] in OURS:
            task.summary.closed += 1
            row.restored_at = task.now
            close(task, row, told=kind == "emergency")
