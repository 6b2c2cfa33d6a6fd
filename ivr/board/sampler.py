"""Writes into the log what no call, ticket or operator tells of; of several processes, one does.

An entry `measured` has only what changed since the last one, each minute everything:

    speech      {busy, limit, up, of}: connections, processes that answer and that there are
    callbacks   {due, late}: promises to be kept, and those whose time is over
    storm       {state, until}: off, proposed or on; ISO 8601
    outbox      {due, dead, oldest}: not delivered for `GRACE` seconds, tried or not, and given up;
                since when the oldest is late, ISO 8601
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ivr import outbox
from ivr.agent_queue.lease import Lease, LeasedRounds
from ivr.agent_queue.model import QueueDown
from ivr.company import Company
from ivr.events import Entry, write
from ivr.services.restoration import CALL
from ivr.speech.pool import Load, Server
from ivr.store.database import Store
from ivr.store.models import Callback, OutboxEntry
from ivr.store.supply import CallbackClock
from ivr.storm import records

logger = logging.getLogger(__name__)

KIND = "measured"
KEY = "press2:board:lease"
"""Where who measures is written down."""
EVERY = 1.0
"""Seconds between two looks."""
WHOLE = 60.0
"""Seconds after which everything is written again: a sign of life; nobody need look far back."""
BREATH = 5.0
"""Seconds between two entries for no more than how busy the recognisers are."""
GRACE = 5
"""Seconds in which an entry of the outbox is delivered without being late."""

Loads = Callable[[], Mapping[Server, Load | None]]


class Sampler(LeasedRounds):
    """Measures for all companies. loads: asks the recognisers, None: there are none."""

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        loads: Loads | None,
        lease: Lease,
        clock: Callable[[], datetime],
        stopping: threading.Event,
    ) -> None:
        super().__init__("sampler", stopping, EVERY, lease)
        self._store = store
        self._companies = companies
        self._loads = loads
        self._clock = clock
        self._written: dict[str, dict[str, Any]] = {}
        self._whole = self._spoke = float("-inf")

    def round(self) -> None:
        """Measure, and write what changed, if it is this process's turn."""
        try:
            if not self._lease.hold():
                self._written = {}
                return
            self._measure()
        except QueueDown:
            self._written = {}
        except (SQLAlchemyError, TimeoutError) as reason:
            logger.warning("nothing measured: %s", type(reason).__name__)
        except Exception:  # the thread is the only one; the next round may succeed
            logger.exception("nothing measured")

    def _measure(self) -> None:
        now, moment = self._clock().astimezone(UTC), time.monotonic()
        whole = moment - self._whole >= WHOLE or not self._written
        speech = self._speech(moment)
        with self._store.session(read_only=True) as db:
            found = _of_store(db, self._companies, now)
        entries, written = [], {}
        for company, sections in found.items():
            known = self._written.get(company, {})
            sections["speech"] = speech or known.get("speech") or _load({})
            changed = {k: v for k, v in sections.items() if whole or known.get(k) != v}
            if changed:
                entries.append(Entry(company, "", now, KIND, details=changed))
            written[company] = sections
        write(self._store, entries)
        self._written = written
        if whole:
            self._whole = moment

    def _speech(self, moment: float) -> dict[str, int] | None:
        """Return how busy the recognisers are, None while it is too soon to tell it again."""
        told = _load(self._loads() if self._loads else {})
        known = next(iter(self._written.values()), {}).get("speech")
        calm = known is not None and _edges(known) == _edges(told)
        if calm and moment - self._spoke < BREATH:
            return None
        if told != known:
            self._spoke = moment
        return told


def _load(loads: Mapping[Server, Load | None]) -> dict[str, int]:
    known = [each for each in loads.values() if each is not None and each.ready]
    return {
        "busy": sum(each.busy for each in known),
        "limit": sum(each.limit for each in known),
        "up": len(known),
        "of": len(loads),
    }


def _edges(speech: Mapping[str, int]) -> tuple[object, ...]:
    """Return what of the recognisers is told at once: one came or went, all are busy, none is."""
    full = speech["busy"] >= speech["limit"]
    return speech["up"], speech["of"], speech["limit"], full, speech["busy"] == 0


def _of_store(
    db: Session, companies: Mapping[str, Company], now: datetime
) -> dict[str, dict[str, Any]]:
    """Return what the store tells of each company."""
    callbacks, outbox = _callbacks(db, now), _outbox(db, now)
    return {
        company: {
            "callbacks": callbacks.get(company, {"due": 0, "late": 0}),
            "outbox": outbox.get(company, {"due": 0, "dead": 0, "oldest": None}),
            "storm": _storm(db, company, now),
        }
        for company in companies
    }


def _callbacks(db: Session, now: datetime) -> dict[str, dict[str, int]]:
    late = func.count(CallbackClock.callback_id)
    counted = (
        select(Callback.company, func.count(Callback.id), late)
        .outerjoin(
            CallbackClock,
            (CallbackClock.callback_id == Callback.id) & (CallbackClock.due_at <= now),
        )
        .where(Callback.live.is_(True))
        .group_by(Callback.company)
    )
    return {row[0]: {"due": row[1], "late": row[2]} for row in db.execute(counted)}


def _outbox(db: Session, now: datetime) -> dict[str, dict[str, Any]]:
    late = outbox.late(db, now - timedelta(seconds=GRACE), but=(CALL,))
    found: dict[str, dict[str, Any]] = {
        company: {"due": count, "dead": 0, "oldest": oldest.isoformat()}
        for company, (count, oldest) in late.items()
    }
    dead = select(OutboxEntry.company, func.count()).where(OutboxEntry.state == "dead")
    for company, count in db.execute(dead.group_by(OutboxEntry.company)):
        found.setdefault(company, {"due": 0, "oldest": None})["dead"] = count
    return found


def _storm(db: Session, company: str, now: datetime) -> dict[str, Any]:
    row = records.live(db, company)
    if row is None or (row.until is not None and row.until <= now):
        return {"state": "off", "until": None}
    return {"state": row.state, "until": row.until.isoformat() if row.until else None}
