"""A call to ourselves every minute: healthy means that one succeeded not long ago.

The call is made of real parts: the exchange answers, a worker leads it, the store and Redis keep
it, the sounds are heard, a key is understood. It takes no operator and stores nothing. It succeeded
when the log of events tells of the key and of what was said after it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from ivr.agent_queue.lease import BEAT, Lease, LeasedRounds, held
from ivr.agent_queue.model import QueueDown
from ivr.store.database import Store
from ivr.store.models import CallEvent
from ivr.store.supervision import SyntheticCall

logger = logging.getLogger(__name__)

KEY = "press2:synthetic:lease"
"""Where who calls is written down."""
PATIENCE = 20.0
"""Seconds for which an exchange that is not there is waited for."""
STORED = 10.0
"""Seconds in which the log must tell of the call."""
KEPT = timedelta(days=7)
STAGES = (
    "no_exchange", "refused", "not_answered", "answered", "heard", "keyed", "done",
)  # fmt: skip
"""How far a call came; `done` is success."""


@dataclass(frozen=True)
class Made:
    """A call that was made. call: its id, "" for none. stage: of STAGES, but `done`."""

    call: str
    stage: str
    reason: str = ""


class SelfCaller(Protocol):
    """What calls a number of ours."""

    def ready(self) -> bool:
        """Tell whether an exchange is there."""

    def call(self, number: str, token: str) -> Made:
        """Call, and return when it is over."""


class Synthetic(LeasedRounds):
    """Calls one number of each company. numbers: by company. every: seconds from the
    beginning of one round to that of the next."""

    def __init__(
        self,
        store: Store,
        caller: SelfCaller,
        numbers: Mapping[str, str],
        lease: Lease,
        clock: Callable[[], datetime],
        stopping: threading.Event,
        every: float,
    ) -> None:
        super().__init__("synthetic", stopping, BEAT, lease)
        self._pause = every
        self._due = float("-inf")
        self._store = store
        self._caller = caller
        self._numbers = numbers
        self._clock = clock

    def round(self) -> None:
        """Call every company once, when it is time and if this process holds the lease."""
        began = time.monotonic()
        try:
            if not self._lease.hold():
                self._due = float("-inf")
                return
        except QueueDown:
            if began >= self._due:
                logger.warning("synthetic: Redis is away; calling all the same")
        if began < self._due:
            return
        self._due = began + self._pause
        with held(self._lease):
            self._call_all(began)

    def _call_all(self, began: float) -> None:
        """Call, the company first whose last success is the oldest."""
        while not self._caller.ready() and time.monotonic() - began < PATIENCE:
            self._stopping.wait(0.2)
        for company in self._order():
            if self._stopping.is_set():
                return
            try:
                self._call(company, self._numbers[company])
            except Exception:  # the thread is the only one; the next call may succeed
                logger.exception("synthetic: the call to %s was not made", company)

    def _order(self) -> list[str]:
        never = datetime.min.replace(tzinfo=UTC)
        try:
            return sorted(self._numbers, key=lambda name: last(self._store, name) or never)
        except (SQLAlchemyError, TimeoutError):
            return list(self._numbers)

    def _call(self, company: str, number: str) -> None:
        at, began = self._clock(), time.monotonic()
        made = self._caller.call(number, secrets.token_hex(8))
        stage = made.stage
        if stage == "keyed" and self._told(made.call):
            stage = "done"
        row = SyntheticCall(
            company=company, at=at, ok=stage == "done", stage=stage,
            seconds=round(time.monotonic() - began, 1),
            details={"call": made.call, "reason": made.reason},
        )  # fmt: skip
        if not row.ok:
            logger.warning("synthetic: the call to %s came as far as %r %s", company, stage, made)
        with self._store.session() as db:
            db.add(row)
            db.execute(delete(SyntheticCall).where(SyntheticCall.at < at - KEPT))

    def _told(self, call: str) -> bool:
        """Tell whether the log has the key, and something that was said after it."""
        deadline = time.monotonic() + STORED
        wanted = (
            select(CallEvent.kind, CallEvent.details)
            .where(CallEvent.call == call)
            .order_by(CallEvent.id)
        )
        while time.monotonic() < deadline and not self._stopping.is_set():
            try:
                with self._store.session(read_only=True) as db:
                    rows = [(kind, details) for kind, details in db.execute(wanted)]
            except SQLAlchemyError:
                return False
            keyed = [at for at, row in enumerate(rows) if row[0] == "heard" and row[1].get("text")]
            if keyed and any(kind == "said" for kind, _ in rows[keyed[0] :]):
                return True
            self._stopping.wait(0.2)
        return False


def last(store: Store, company: str) -> datetime | None:
    """Return when a call to ourselves last succeeded, None where none is known."""
    wanted = (
        select(SyntheticCall.at, SyntheticCall.seconds)
        .where(SyntheticCall.company == company, SyntheticCall.ok.is_(True))
        .order_by(SyntheticCall.at.desc())
    )
    with store.session(read_only=True) as db:
        row = db.execute(wanted.limit(1)).first()
    return None if row is None else row[0] + timedelta(seconds=row[1] or 0.0)
