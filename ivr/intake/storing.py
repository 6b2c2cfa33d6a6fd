"""From checked entries to the store: one transaction, one import of a company at a time.

What is not named stays as it is. An entry older than what is stored is passed over; one that says
the same again changes nothing but the age of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from ivr.company import Company as Profile
from ivr.intake import outages, registers, schedules
from ivr.intake.reading import Entry
from ivr.intake.task import Summary, Task
from ivr.store.database import Store
from ivr.store.models import Company
from ivr.store.world import keep_company

TAKERS = {
    "events": outages.take_events,
    "works": outages.take_works,
    "schedules": schedules.take,
    "priority": registers.take_priority,
    "applications": registers.take_applications,
}


def take(
    store: Store,
    profile: Profile,
    kind: str,
    entries: Sequence[Entry],
    *,
    source: str,
    now: datetime,
    complete: bool = False,
) -> Summary:
    """Store entries of a kind, all of them or none.

    source: "file", or "api:" and the name of a token. complete: for events and works, see
    `ivr.intake.outages`. Raises Refusal; TimeoutError and SQLAlchemyError: the store is not to be
    had.
    """
    noun = entries[0].given.noun if entries else "entries"
    summary = Summary(kind, noun, len(entries))
    with store.session() as db:
        keep_company(db, profile.id)
        # One import of a company at a time; SQLite has one writer anyway.
        row = select(Company.id).where(Company.id == profile.id)
        db.execute(row.with_for_update(key_share=True))
        task = Task(db, profile, source, now, complete, summary)
        TAKERS[kind](task, entries)
        task.problems.settle()
    return summary
