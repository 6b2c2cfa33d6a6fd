"""Walks through every way a call can take: asked for by people, done one after another.

What becomes of a walk stands in its release (`FlowRelease.walked`), so that any process can tell it
and none has to live to its end; `app.py jobs` does them. A document of it:

    state     waiting -> running -> done, late, broken; cancelled instead of any end
    base      digest of the flow files; found, states, seconds: what `done` came to
    asked     when, by whom: `by`; tries: how often it was begun
    began, seen, runner, done, known, expected: of one that runs; `seen` is renewed every second,
              `since` is when its first states were walked

late: more time or memory than a walk may have. broken: it ended by itself, `TRIES` times.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ivr.errors import Unfit
from ivr.releases import records
from ivr.rounds import Rounds
from ivr.store.database import Store
from ivr.store.supervision import FlowRelease

logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks for a walk that somebody asked for."""
NOTED = 1.0
"""Seconds between two notes of how far a walk is."""
LOST = 60.0
"""Seconds after which a walk that was not heard of is done by nobody; it is begun anew."""
TRIES = 3
"""How often a walk is begun before it is given up."""
OPEN = ("waiting", "running")


class Progress(NamedTuple):
    """How far a walk is: states walked on from, known so far, and expected in the end."""

    done: int = 0
    known: int = 0
    expected: int = 0


Walker = Callable[[str, Mapping[str, str], Callable[[Progress], bool]], dict[str, Any]]
"""Walks the texts of a company; tells how far it is and goes on while it is told to."""


def ask(db: Session, company: str, number: int, base: str, who: str, at: datetime) -> None:
    """Ask for a walk of a release, if none is open."""
    row = records.find(db, company, number)
    if row.walked.get("state") not in OPEN:
        asked = {"asked": at.timestamp(), "by": who, "tries": 0}
        row.walked = {"state": "waiting", "base": base, "found": [], **asked}


def cancel(db: Session, company: str, number: int) -> None:
    """End a walk that waits or runs; who does it hears of it within seconds."""
    row = _locked(db, company, number)
    if row is not None and row.walked.get("state") in OPEN:
        row.walked = {"state": "cancelled", "base": row.walked["base"], "found": []}


def ahead(db: Session, row: FlowRelease) -> int:
    """Return how many walks come before one that waits."""
    asked = row.walked["asked"]
    return sum(
        each.walked["state"] == "running" or each.walked["asked"] < asked
        for each in _open(db)
        if each.id != row.id
    )


def unheard(row: FlowRelease, now: float) -> bool:
    """Whether nobody has taken up an open walk, or gone on with it, for too long."""
    return bool(now > row.walked.get("seen", row.walked["asked"]) + LOST)


def take(db: Session, base: str, runner: str, at: datetime) -> FlowRelease | None:
    """Begin the next walk; None where there is none, or one runs already, on any machine.

    base: of this program; walks that were asked of another one are begun with this one's files.
    """
    now = at.timestamp()
    rows = _open(db, lock=True)
    if any(row.walked["state"] == "running" and not unheard(row, now) for row in rows):
        return None
    for row in rows:
        tries = row.walked["tries"] + 1
        if tries <= TRIES:
            begun = {"began": now, "seen": now, "runner": runner, "tries": tries}
            row.walked = {**row.walked, "state": "running", "base": base, **begun}
            return row
        row.walked = {"state": "broken", "base": row.walked["base"], "found": []}
    return None


def note(
    db: Session, company: str, number: int, runner: str, told: Mapping[str, Any], *, end: bool
) -> bool:
    """Keep how far a walk is, or what it came to; False if it is no longer wanted.

    It was cancelled, or the texts are others by now, or somebody else does it.
    """
    row = _locked(db, company, number)
    if row is None or (row.walked.get("state"), row.walked.get("runner")) != ("running", runner):
        return False
    row.walked = dict(told) if end else {**row.walked, **told}
    return True


def _open(db: Session, lock: bool = False) -> list[FlowRelease]:
    """Return the releases whose walk waits or runs, the first one to be done first."""
    state = FlowRelease.walked["state"].as_string()
    wanted = select(FlowRelease).where(state.in_(OPEN), FlowRelease.state != "discarded")
    rows = db.scalars(wanted.with_for_update() if lock else wanted)
    return sorted(rows, key=lambda row: (row.walked["asked"], row.id))


def _locked(db: Session, company: str, number: int) -> FlowRelease | None:
    wanted = select(FlowRelease).where(
        FlowRelease.company == company, FlowRelease.number == number,
        FlowRelease.state != "discarded",
    )  # fmt: skip
    return db.scalar(wanted.with_for_update().execution_options(populate_existing=True))


class Walks(Rounds):
    """Does one walk after another, each in a process of its own, until `stopping` is set."""

    def __init__(
        self,
        store: Store,
        walker: Walker,
        base: str,
        clock: Callable[[], datetime],
        stopping: threading.Event,
        every: float = EVERY,
    ) -> None:
        super().__init__("walks", stopping, every)
        self._store = store
        self._walker = walker
        self._base = base
        self._clock = clock
        self._runner = f"{socket.gethostname()}/{os.getpid()}"

    def round(self) -> None:
        """Do the next walk, if there is one."""
        try:
            with self._store.session() as db:
                row = take(db, self._base, self._runner, self._clock())
                begun = row and (row.company, row.number, dict(row.changes))
            if begun:
                self._walk(*begun)
        except (SQLAlchemyError, TimeoutError, Unfit) as reason:
            logger.warning("the walks of releases wait: %s", type(reason).__name__)

    def _walk(self, company: str, number: int, changes: Mapping[str, str]) -> None:
        noted = since = 0.0

        def told(progress: Progress) -> bool:
            nonlocal noted, since
            if self._stopping.is_set():
                return False
            if time.monotonic() < noted + NOTED:
                return True
            noted = time.monotonic()
            since = since or (self._clock().timestamp() if progress.known else 0.0)
            return self._note(company, number, {**progress._asdict(), "since": since})

        outcome = self._walker(company, changes, told)
        if self._stopping.is_set() and outcome["state"] == "cancelled":
            # Whoever does walks next begins it anew; it was not its fault.
            self._note(company, number, {"state": "waiting", "tries": 0})
        else:
            self._note(company, number, outcome, end=True)

    def _note(self, company: str, number: int, told: Mapping[str, Any], end: bool = False) -> bool:
        seen = {} if end else {"seen": self._clock().timestamp()}
        try:
            with self._store.session() as db:
                return note(db, company, number, self._runner, {**told, **seen}, end=end)
        except (SQLAlchemyError, TimeoutError) as reason:
            if end:
                raise
            logger.warning("how far a walk is was not noted: %s", type(reason).__name__)
            return True
