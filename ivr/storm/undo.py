"""What takes back that somebody switched, changed, refused or ended a storm.

What callers have heard meanwhile, and the marks in the log, stay: for the reports a storm that was
taken back was on as long as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from ivr.actions import Undoing, undoes
from ivr.errors import Changed, NotUndone
from ivr.store.supply import Storm
from ivr.storm import records
from ivr.storm.rules import RULE

WORDS = ("storm_on", "storm_change", "storm_refuse", "storm_off")


@undoes(*WORDS)
def _back(undoing: Undoing) -> None:
    """Put the storm back as it was; one that was made out of nothing ends."""
    db, action, now = undoing.db, undoing.action, undoing.at
    row = db.get(Storm, int(action.target), with_for_update=True, populate_existing=True)
    other = records.live(db, undoing.company.id)
    if row is None or action.after != action.after | records.document(row):
        raise undoing.refuse(*WORDS)
    if other is not None and other is not row:
        raise Changed("" if other.started_by in (None, RULE) else other.started_by)
    if action.before:
        _put(row, action.before, now)
    else:
        records.end(row, "off", now, undoing.who)
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError:  # another one began at this moment
        raise Changed from None
    records.mark(db, row, now, undoing.who)


def _put(row: Storm, before: Mapping[str, Any], now: datetime) -> None:
    until = _moment(before["until"])
    if before["state"] == "on" and until is not None and until <= now:
        raise NotUndone("late")
    row.state, row.live, row.ended_at, row.ended_by = before["state"], True, None, None
    row.reason, row.regions, row.rules = before["reason"], before["regions"], before["rules"]
    row.started_at, row.started_by = _moment(before["started_at"]), before["started_by"]
    row.until = until


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
