"""Stores the hourly schedules and the flag of the emergency ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select

from ivr.intake.reading import Entry
from ivr.intake.schemas import Schedule
from ivr.intake.task import Task, add, batches
from ivr.store.supply import EmergencySchedules, ScheduleHours

Key = tuple[str, date | None]
NONE = ("00:00", "00:00")
"""Hours that begin and end at once: a day of its own on which the queue is not switched off."""


def take(task: Task, entries: Sequence[Entry]) -> None:
    """Bring schedules up to date: what is sent of a queue and day is the whole truth of it."""
    for batch in batches(entries):
        given: list[Any] = [each.given for each in batch]
        _hours(task, [each for each in given if each.queue is not None])
        for each in given:
            if each.queue is None:
                _flag(task, each)


def _hours(task: Task, wishes: Sequence[Schedule]) -> None:
    stored = _stored(task, {str(wish.queue) for wish in wishes})
    gone: list[Key] = []
    rows: list[dict[str, Any]] = []
    for wish in wishes:
        key = (str(wish.queue), wish.day)
        updated = wish.updated or task.now
        spans = sorted({_span(text) for text in wish.hours})
        if not spans and wish.day is not None:
            spans = [NONE]
        said, known = stored.get(key, (None, []))
        if said is not None and updated < said:
            task.summary.older += 1
            continue
        if spans == known:
            task.summary.same += 1
            if said is None or updated == said:
                continue
        elif known:
            task.summary.changed += 1
        else:
            task.summary.added += 1
        gone.append(key)
        same = {"company": task.company, "queue": key[0], "day": key[1], "updated_at": updated}
        rows += [{**same, "starts": starts, "ends": ends} for starts, ends in spans]
    if gone:
        task.db.execute(delete(ScheduleHours).where(_these(task, gone)))
    if rows:
        add(task.db, ScheduleHours, rows)


def _span(text: str) -> tuple[str, str]:
    starts, _, ends = text.partition("-")
    return starts, ends


def _these(task: Task, keys: Sequence[Key]) -> Any:
    pairs = [
        and_(
            ScheduleHours.queue == queue,
            ScheduleHours.day.is_(None) if day is None else ScheduleHours.day == day,
        )
        for queue, day in keys
    ]
    return and_(ScheduleHours.company == task.company, or_(*pairs))


def _stored(task: Task, queues: set[str]) -> dict[Key, tuple[datetime, list[tuple[str, str]]]]:
    """Return when the hours of each queue and day were said, and the hours."""
    wanted = select(ScheduleHours).where(
        ScheduleHours.company == task.company, ScheduleHours.queue.in_(queues)
    )
    found: dict[Key, tuple[datetime, list[tuple[str, str]]]] = {}
    for row in task.db.scalars(wanted):
        said, spans = found.get((row.queue, row.day), (row.updated_at, []))
        spans = sorted([*spans, (row.starts, row.ends)])
        found[row.queue, row.day] = (max(said, row.updated_at), spans)
    return found


def _flag(task: Task, wish: Schedule) -> None:
    region, updated = wish.region or "", wish.updated or task.now
    row = task.db.get(EmergencySchedules, (task.company, region))
    if row is None:
        task.summary.added += 1
        row = EmergencySchedules(company=task.company, region=region)
        task.db.add(row)
    elif updated < row.updated_at:
        task.summary.older += 1
        return
    elif row.active == wish.emergency:
        task.summary.same += 1
        row.updated_at = updated
        return
    else:
        task.summary.changed += 1
    row.active, row.updated_at, row.changed_by = bool(wish.emergency), updated, task.source
    task.db.flush()
