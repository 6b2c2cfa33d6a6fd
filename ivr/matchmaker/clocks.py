"""Promises to call back whose time is over: supervisors are told, once each."""

from __future__ import annotations

from ivr import callback_clock
from ivr.events import Entry
from ivr.matchmaker.means import Means


class Clocks:
    """Looks for late promises. `sweep` is called every few seconds, from one thread."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def sweep(self) -> None:
        """Escalate what has become late, into the audit log and the log of events."""
        now = self._means.clock()
        with self._means.store.session(read_only=True) as db:
            if not callback_clock.pending(db, now):
                return
        with self._means.store.session() as db:
            entries = [
                Entry(
                    row.company,
                    row.call,
                    now,
                    callback_clock.ESCALATED,
                    details={"callback": row.id, "queue": row.queue},
                )  # fmt: skip
                for row in callback_clock.escalate(db, now)
            ]
        if entries:
            self._means.log.append(entries)
