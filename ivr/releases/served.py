"""Which flows a call gets: chosen once when it begins, found again at each of its turns.

`look` asks the store once in a while, beside the calls, and makes ready what new calls get: a
choice costs a hash and no question. A release is checked against the program that serves it when it
is loaded; one that does not fit, because the program is a newer one, is left out and the files are
taken. While the store is away everything goes on with what was loaded.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ivr.engine import Flows
from ivr.errors import FlowError
from ivr.flow import Flow
from ivr.releases.texts import Files, parse
from ivr.rounds import Rounds
from ivr.store.database import Store
from ivr.store.supervision import FlowFiles, FlowRelease

logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks: a caller hears what was published a second before."""
KEPT = 32
"""Releases of calls that began earlier, kept ready by one process."""
PAUSE = 5.0
"""Seconds in which flows that could not be loaded are not asked for again."""

Fits = Callable[[str, Mapping[str, Flow]], Sequence[object]]
"""Tells what speaks against the flows of a company; nothing: they fit this program."""


class Pin(NamedTuple):
    """What a call began with. release: None for the files. files: digest of the program's, "" where
    an older program began the call.
    """

    release: int | None = None
    files: str = ""


@dataclass(frozen=True)
class Chosen:
    """The flows of a new call. unfit: number of the release it should have had."""

    pin: Pin
    flows: Flows
    unfit: int | None = None


class _Row(NamedTuple):
    """A release that new calls get. ready: None, it does not fit this program."""

    number: int
    share: float
    ready: Flows | None


class Served:
    """The flows of all releases, for one process. Thread-safe.

    own: the program's flows, made of `files`. fits: the check of a release that is loaded.
    """

    def __init__(
        self,
        store: Store,
        files: Files,
        own: Flows,
        fits: Fits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._files = files
        self._digest = files.digest
        self._own = own
        self._fits = fits
        self._clock = clock
        self._noted = False
        self._rows: Mapping[str, Mapping[str, _Row]] = {}
        self._ready: dict[tuple[str, int], Flows | None] = {}
        self._old: OrderedDict[tuple[str, Pin], Flows] = OrderedDict()
        self._failed: dict[tuple[str, Pin], float] = {}
        self._lock = threading.Lock()

    # ------------------------------------------------------------------ new calls

    def choose(self, company: str, call: str) -> Chosen:
        """Choose for a call that begins; the same again for the same call while nothing changes."""
        rows, unfit = self._rows.get(company, {}), None
        for state in ("canary", "live"):
            row = rows.get(state)
            if row is None or (state == "canary" and fraction(row.number, call) >= row.share):
                continue
            if row.ready is not None:
                return Chosen(Pin(row.number, self._digest), row.ready, unfit)
            unfit = row.number
        return Chosen(Pin(None, self._digest), self._own, unfit)

    def look(self) -> None:
        """Ask the store what new calls get, and make it ready. Never raises."""
        try:
            self._note_files()
            with self._store.session(read_only=True) as db:
                wanted = select(
                    FlowRelease.company, FlowRelease.number, FlowRelease.state, FlowRelease.share
                ).where(FlowRelease.state.in_(("canary", "live")))
                found = db.execute(wanted).all()
            for company, number, _, _ in found:
                if (company, number) not in self._ready:
                    self._ready[company, number] = self._make_ready(company, number)
        except (SQLAlchemyError, TimeoutError) as reason:
            logger.warning("releases: the store does not answer (%s)", type(reason).__name__)
            return
        rows: dict[str, dict[str, _Row]] = {}
        for company, number, state, share in found:
            row = _Row(number, share, self._ready[company, number])
            rows.setdefault(company, {})[state] = row
        self._rows = rows
        served = {(company, number) for company, number, _, _ in found}
        self._ready = {key: flows for key, flows in self._ready.items() if key in served}

    def _make_ready(self, company: str, number: int) -> Flows | None:
        """Load and check a release, laid over this program's files; None: it does not fit."""
        row = self._load(company, number)
        try:
            flows = parse(self._files.with_(row.changes if row else {}))
        except FlowError as reason:
            logger.error("%s: release %d cannot be read: %s", company, number, reason)
            return None
        if wrong := self._fits(company, flows):
            logger.error("%s: release %d does not fit this program: %s", company, number, wrong[0])
            return None
        made = replace(self._own, flows=flows)
        self._keep((company, Pin(number, self._digest)), made)
        return made

    def _note_files(self) -> None:
        """Keep this program's files for calls that outlive it."""
        if self._noted:
            return
        try:
            with self._store.session() as db:
                if db.get(FlowFiles, self._digest) is None:
                    row = FlowFiles(digest=self._digest, texts=dict(self._files.texts))
                    row.seen_at = datetime.now(UTC)
                    db.add(row)
        except IntegrityError:
            pass  # another process of the same program was faster
        self._noted = True

    # ------------------------------------------------------------------ calls that began

    def flows(self, company: str, pin: Pin) -> Flows:
        """Return the flows that a call began with.

        Where they cannot be had this program's own are taken, for this turn: the caller is there.
        """
        if pin.release is None and pin.files in ("", self._digest):
            return self._own
        key = company, pin
        with self._lock:
            if (known := self._old.get(key)) is not None:
                self._old.move_to_end(key)
                return known
            if self._clock() < self._failed.get(key, 0.0):
                return self._own
        try:
            made = self._load_old(company, pin)
        except (SQLAlchemyError, TimeoutError, FlowError) as reason:
            logger.error("%s: the flows of %s cannot be had: %s", company, pin, reason)
            with self._lock:
                self._failed[key] = self._clock() + PAUSE
            return self._own
        self._keep(key, made)
        return made

    def _load_old(self, company: str, pin: Pin) -> Flows:
        files = self._files
        if pin.files not in ("", self._digest):
            with self._store.session(read_only=True) as db:
                kept = db.get(FlowFiles, pin.files)
            if kept is None:
                logger.error("no files %s in the store; this program's are taken", pin.files)
            else:
                files = Files(kept.texts)
        changes = {}
        if pin.release is not None:
            row = self._load(company, pin.release)
            if row is None:
                raise FlowError(f"no release {pin.release}")
            changes = row.changes
        return replace(self._own, flows=parse(files.with_(changes)))

    def _load(self, company: str, number: int) -> FlowRelease | None:
        wanted = select(FlowRelease).where(
            FlowRelease.company == company, FlowRelease.number == number
        )
        with self._store.session(read_only=True) as db:
            return db.scalar(wanted)

    def _keep(self, key: tuple[str, Pin], made: Flows) -> None:
        with self._lock:
            self._failed.pop(key, None)
            self._old[key] = made
            self._old.move_to_end(key)
            while len(self._old) > KEPT:
                self._old.popitem(last=False)


class Looks(Rounds):
    """Looks again and again, beside the calls."""

    def __init__(self, served: Served, stopping: threading.Event, every: float = EVERY) -> None:
        super().__init__("releases", stopping, every)
        self._served = served

    def round(self) -> None:
        """Look."""
        self._served.look()


def fraction(number: int, call: str) -> float:
    """Return where a call stands for a release, 0 to 1; evenly spread, and always the same."""
    told = hashlib.sha256(f"{number}/{call}".encode()).digest()
    return int.from_bytes(told[:8]) / 2**64
