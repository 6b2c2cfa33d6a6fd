"""Calls without an end: their exchange, or all workers, were gone when they ended.

A worker notes most ends itself, also that of a call whose exchange is killed under its hands. What
is left are calls that nobody held at that moment. Each gets one event `ended` with the reason
"exchange_lost", at the time of its last event, once (its source is "lost/CALL").
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ivr.store.database import Store
from ivr.store.facts import FactsMark
from ivr.store.models import CallEvent

Row = dict[str, Any]

logger = logging.getLogger(__name__)

MARGIN = 120.0
"""Seconds besides the longest call for which events may be on their way into the store."""
OVERLAP = timedelta(hours=1)
"""What was looked at before is looked at again: an event may reach the store that much later."""
FIRST = timedelta(days=3)
"""How far the first look of all goes back."""
EVERY = timedelta(seconds=30)
MARK = "lost"
SOME = 500


def end(store: Store, companies: Collection[str], now: datetime, longest: float) -> int:
    """End calls that have had no event for longer than a call may last; how many there were.

    longest: seconds of a call, and of a talk after it. Looks once in `EVERY`.
    """
    until = now - timedelta(seconds=longest + MARGIN)
    with store.session(read_only=True) as db:
        upto = db.scalar(select(FactsMark.upto).where(FactsMark.name == MARK))
        since = until - FIRST if upto is None else datetime.fromtimestamp(upto, UTC)
        if until - since < EVERY:
            return 0
        rows = [row for name in companies for row in _silent(db, name, since - OVERLAP, until)]
    with store.session() as db:
        if rows:
            kind = postgresql if db.get_bind().dialect.name == "postgresql" else sqlite
            db.execute(kind.insert(CallEvent).on_conflict_do_nothing(), rows)
        db.merge(FactsMark(name=MARK, upto=int(until.timestamp()), at=now))
    if rows:
        logger.warning("%d calls had no end; their exchange was lost", len(rows))
    return len(rows)


def _silent(db: Session, company: str, since: datetime, until: datetime) -> Iterator[Row]:
    """Return the ends of calls whose last event lies between the two and is no end."""
    wanted = select(CallEvent.call).where(
        CallEvent.company == company, CallEvent.at > since, CallEvent.at <= until
    )
    names = list(db.scalars(wanted.where(CallEvent.call != "").distinct()))
    for start in range(0, len(names), SOME):
        own = select(CallEvent.call, CallEvent.at, CallEvent.kind, CallEvent.details).where(
            CallEvent.call.in_(names[start : start + SOME]), CallEvent.company == company
        )
        found: dict[str, list[Any]] = defaultdict(list)
        for row in db.execute(own.order_by(CallEvent.id)):
            found[row.call].append(row)
        for name, rows in found.items():
            last = max(row.at for row in rows)
            began = any(row.kind == "answered" and "operator" not in row.details for row in rows)
            if began and last <= until and not any(row.kind == "ended" for row in rows):
                yield {
                    "company": company, "call": name, "at": last, "kind": "ended",
                    "details": {"reason": "exchange_lost"}, "source": f"lost/{name}",
                }  # fmt: skip
