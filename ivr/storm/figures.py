"""What became of the callers of a storm, counted from the log of events as it grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ivr.model import SYNTHETIC
from ivr.store.models import Callback, CallEvent
from ivr.store.supply import Subscription

BATCH = 5000
BEFORE = timedelta(hours=1)
"""How long before a storm a call to ourselves may have begun that comes into it."""
KINDS = ("answered", "looked_up", "queued", "left", "said")
TOLD = {"storms.greeting": "storm", "outages.hit": "hit"}
"""Services, and the outcome with which they tell a caller of the storm or of his event."""


@dataclass
class Figures:
    """Counts since a storm began; `count` adds what is new in the log.

    calls: that came. announced: heard their event or the general text. queued: entered a queue.
    answered: talked to an operator. lost: hung up in a queue. ours: calls to ourselves, in none.
    """

    company: str
    since: datetime
    calls: set[str] = field(default_factory=set)
    announced: set[str] = field(default_factory=set)
    queued: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    ours: set[str] = field(default_factory=set)
    upto: int = 0

    def count(self, db: Session) -> None:
        """Read the events that came since the last time, a batch at a time."""
        if not self.upto:
            self.ours |= self._ours_before(db)
        while rows := self._next(db):
            self.add(rows)
            self.upto = rows[-1].id

    def _ours_before(self, db: Session) -> set[str]:
        wanted = select(CallEvent.call).where(
            CallEvent.company == self.company,
            CallEvent.at >= self.since - BEFORE,
            CallEvent.at < self.since,
            CallEvent.kind == "answered",
            CallEvent.details["entrance"].as_string() == SYNTHETIC,
        )
        return set(db.scalars(wanted))

    def _next(self, db: Session) -> list[CallEvent]:
        wanted = (
            select(CallEvent)
            .where(CallEvent.company == self.company, CallEvent.at >= self.since)
            .where(CallEvent.id > self.upto, CallEvent.kind.in_(KINDS))
            .order_by(CallEvent.id)
            .limit(BATCH)
        )
        return list(db.scalars(wanted))

    def add(self, events: Iterable[CallEvent]) -> None:
        """Count events; each call once."""
        for event in events:
            details = event.details
            if details.get("entrance") == SYNTHETIC:
                self.ours.add(event.call)
            if event.call in self.ours:
                continue
            if event.kind == "answered":
                (self.answered if "operator" in details else self.calls).add(event.call)
            elif event.kind == "queued":
                self.queued.add(event.call)
            elif event.kind == "left":
                if details.get("outcome") == "abandoned":
                    self.lost.add(event.call)
            elif event.kind == "looked_up" and _tells(details):
                self.announced.add(event.call)

    def to_json(self) -> dict[str, int]:
        """Return the counts. Who was lost and called again later is counted as lost."""
        sets = {
            "calls": self.calls,
            "announced": self.announced,
            "queued": self.queued,
            "answered": self.answered,
            "lost": self.lost - self.answered,
        }
        return {name: len(calls) for name, calls in sets.items()}


def _tells(details: dict[str, Any]) -> bool:
    return TOLD.get(str(details.get("service"))) == details.get("outcome")


def promises(db: Session, company: str, since: datetime) -> dict[str, int]:
    """Return the subscriptions and call-backs asked for since a moment, and those made."""
    asked = select(func.count(Subscription.id)).where(
        Subscription.company == company, Subscription.created_at >= since
    )
    by_state = (
        select(Callback.state, func.count(Callback.id))
        .where(Callback.company == company, Callback.created_at >= since)
        .group_by(Callback.state)
    )
    states: dict[str, int] = {state: count for state, count in db.execute(by_state)}  # noqa: C416
    return {
        "subscribed": db.scalar(asked) or 0,
        "callbacks": sum(states.values()),
        "called_back": states.get("done", 0) + states.get("resumed", 0),
    }
