"""What the API shows of the store: the fields it takes, when the company said so, and the age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ivr.store.supply import (
    Application,
    EmergencySchedules,
    OutageArea,
    OutageEvent,
    PrioritySite,
    ScheduleHours,
)

Shown = dict[str, Any]
MOST = 1000
"""Rows of one answer."""


@dataclass(frozen=True)
class Glass:
    """How rows are looked at. zone: the company's. now: for the age."""

    zone: tzinfo
    now: datetime

    def time(self, moment: datetime | None) -> str | None:
        """Write a moment on the company's clock."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds") if moment else None

    def told(self, updated: datetime) -> Shown:
        """Write when the company said something, and how many seconds ago."""
        return {"updated": self.time(updated), "age": int((self.now - updated).total_seconds())}


@dataclass(frozen=True)
class Page:
    """Which rows are asked for. after: the number before the first one. number: only this one."""

    company: str
    after: str = ""
    limit: int = MOST
    state: str = ""
    number: str = ""


def shown(db: Session, kind: str, page: Page, glass: Glass) -> list[Shown]:
    """Return the rows of a page, in the order of their numbers."""
    if kind == "schedules":
        return _schedules(db, page.company, glass)
    table, write = _TABLES[kind]
    wanted: Select[Any] = select(table).where(table.company == page.company)
    if kind == "works":
        wanted = wanted.where(OutageEvent.kind == "planned")
    if page.state:
        wanted = wanted.where(table.state == page.state)
    if page.number:
        wanted = wanted.where(table.number == page.number)
    if page.after:
        wanted = wanted.where(table.number > page.after)
    rows = db.scalars(wanted.order_by(table.number).limit(page.limit))
    return [write(row, glass) for row in rows]


def _event(row: OutageEvent, glass: Glass) -> Shown:
    return {
        "number": row.number,
        "kind": row.kind,
        "cause": row.cause,
        "since": glass.time(row.since),
        "restore_by": glass.time(row.restore_by),
        "customers": row.customers,
        "state": row.state,
        "restored_at": glass.time(row.restored_at),
        "areas": [_area(area) for area in row.areas],
        "source": row.source,
        **glass.told(row.updated_at),
    }


def _works(row: OutageEvent, glass: Glass) -> Shown:
    return {
        "number": row.number,
        "start": glass.time(row.since),
        "end": glass.time(row.restore_by),
        "cause": row.cause,
        "customers": row.customers,
        "state": "announced" if row.state == "open" else "done",
        "areas": [_area(area) for area in row.areas],
        "source": row.source,
        **glass.told(row.updated_at),
    }


def _area(row: OutageArea) -> Shown:
    names = ("settlement", "street", "substation", "account")
    return {**{name: getattr(row, name) for name in names}, "houses": list(row.houses)}


def _site(row: PrioritySite, glass: Glass) -> Shown:
    return {
        "number": row.number,
        "kind": row.kind,
        "name": row.name,
        "account": row.account.number if row.account else None,
        "phones": [phone.number for phone in row.phones],
        "note": row.note,
        "valid_from": row.valid_from.isoformat() if row.valid_from else None,
        "valid_to": row.valid_to.isoformat() if row.valid_to else None,
        "approved_by": row.approved_by,
        "consent": row.consent,
        **glass.told(row.updated_at),
    }


def _application(row: Application, glass: Glass) -> Shown:
    return {
        "number": row.number,
        "account": row.account.number if row.account else None,
        "what": row.what,
        "state": row.state,
        "reason": row.reason,
        "visit": glass.time(row.visit),
        "until": glass.time(row.until),
        **glass.told(row.updated_at),
    }


def _schedules(db: Session, company: str, glass: Glass) -> list[Shown]:
    """Return one entry for each queue and day, then one for each region."""
    hours = select(ScheduleHours).where(ScheduleHours.company == company)
    days: dict[tuple[str, str], Shown] = {}
    for row in db.scalars(hours.order_by(ScheduleHours.queue, ScheduleHours.starts)):
        day = row.day.isoformat() if row.day else None
        fresh = {"queue": row.queue, "day": day, "hours": [], **glass.told(row.updated_at)}
        entry = days.setdefault((row.queue, day or ""), fresh)
        if row.starts != row.ends:
            entry["hours"].append(f"{row.starts}-{row.ends}")
    flags = select(EmergencySchedules).where(EmergencySchedules.company == company)
    return [
        *(days[key] for key in sorted(days)),
        *(
            {"emergency": row.active, "region": row.region, **glass.told(row.updated_at)}
            for row in db.scalars(flags.order_by(EmergencySchedules.region))
        ),
    ]


_TABLES: dict[str, tuple[Any, Callable[[Any, Glass], Shown]]] = {
    "events": (OutageEvent, _event),
    "works": (OutageEvent, _works),
    "priority": (PrioritySite, _site),
    "applications": (Application, _application),
}
