"""Utterances that are kept to make recognition better: of which calls, where, and for how long.

    var/utterances/pending/CALL-TURN.wav      written by the recogniser, in calls that were chosen
    var/utterances/kept/LANG/CALL-TURN.wav    the caller consented
    var/utterances/kept/LANG/CALL-TURN.json   one line: what was heard, and what he confirmed

A consent is a row of the audit log, stored before the caller is thanked. `sweep` does the rest, in
`app.py jobs` on the machine that has the files, in rounds of bounded length; any number may sweep.
No name and no line has a telephone number: where one is asked for, nothing is kept.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.corrections import visits
from ivr.model import Caller, Turn, stem_of
from ivr.rounds import Rounds
from ivr.shares import drawn
from ivr.store.database import Store
from ivr.store.models import Audit, CallEvent
from ivr.terms import SpeechTerms

logger = logging.getLogger(__name__)

CONSENT = "utterances_consent"
FORGOTTEN = "utterances_forgotten"
"""What the audit log calls them."""
CHANNEL = "agi"
"""The channel whose recogniser is our own."""
PATIENCE = timedelta(hours=1)
"""How long after the last utterance of a call its files wait for a consent."""
LAG = timedelta(minutes=5)
"""How long the events of a call may take into the store."""
EVERY = 60.0
"""Seconds between two rounds."""
BATCH = 200
"""Files that one round moves or deletes."""
TELEPHONES = frozenset(("callback.enter", "contact.enter", "notice.enter"))
"""Questions for a telephone number."""
LANGUAGE = re.compile(r"[a-z]{2,3}")


# ---------------------------------------------------------------------- in the call


def chosen(caller: Caller, company: Company) -> bool:
    """Tell whether what is said in a call may be kept, if the caller consents.

    Every worker and service says the same of one call.
    """
    share = company.terms.speech.kept
    return caller.channel == CHANNEL and drawn(caller.call) < share


def keeps(companies: Mapping[str, Company]) -> Callable[[Caller, Turn], str]:
    """Return what names the file in which the answer to a turn is kept, "": it is not."""

    def name(caller: Caller, turn: Turn) -> str:
        if not chosen(caller, companies[caller.company]):
            return ""
        return f"{stem_of(caller.call)}-{turn.number}"

    return name


def consent(db: Session, caller: Caller, now: datetime, language: str) -> None:
    """Store the caller's consent, once a call."""
    known = select(Audit.id).where(
        Audit.company == caller.company, Audit.at >= caller.arrived, Audit.at <= now,
        Audit.call == caller.call, Audit.what == CONSENT,
    )  # fmt: skip
    if db.scalar(known.limit(1)) is None:
        db.add(
            Audit(
                at=now, company=caller.company, who="", what=CONSENT, allowed=True,
                call=caller.call, details={"language": language},
            )
        )  # fmt: skip


# ---------------------------------------------------------------------- on disk


@dataclass(frozen=True)
class Line:
    """One kept utterance. file: its sound. question: "flow.step". heard: what was recognised.

    confidence: 0..1. confirmed: the word, key or number that the caller gave at that question in
    the end, "" none. when: ISO 8601, UTC.
    """

    file: str
    company: str
    call: str
    question: str
    language: str
    heard: str
    confidence: float
    confirmed: str
    when: str


class Consent(NamedTuple):
    """Given in a call."""

    company: str
    call: str
    at: datetime


@dataclass(frozen=True)
class Swept:
    """What one round did, in files."""

    kept: int = 0
    unasked: int = 0
    expired: int = 0


@dataclass(frozen=True)
class Held:
    """What is kept of one call. until: when it is deleted."""

    call: str
    company: str
    language: str
    files: int
    until: datetime


def sweep(
    store: Store, folder: Path, companies: Mapping[str, Company], now: datetime, batch: int = BATCH
) -> Swept:
    """Move what the callers consented to, delete what they did not, and what is too old.

    folder: var/utterances. batch: files at most.
    """
    pending = folder / "pending"
    kept = unasked = 0
    waiting = sorted(_files(pending), key=lambda each: (_call_of(each[0]), each[1]))
    consents = _consents(store, companies, min(at for _, at in waiting)) if waiting else {}
    for call, of_call in groupby(waiting, key=lambda each: _call_of(each[0])):
        files = list(of_call)
        if kept + unasked >= batch:
            break
        if call in consents:
            lines = _lines(store, consents[call], now)
            if lines is not None:
                done = [_keep(pending / name, folder / "kept", lines) for name, _ in files]
                kept += sum(done)
                unasked += len(done) - sum(done)
        elif now - max(at for _, at in files) > PATIENCE:
            unasked += sum(_delete(pending / name) for name, _ in files)
    expired = _expire(folder / "kept", companies, now, batch - kept - unasked)
    return Swept(kept, unasked, expired)


def _files(folder: Path) -> Iterator[tuple[str, datetime]]:
    """Names in a folder with the time of their last change; none where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, datetime.fromtimestamp(entry.stat().st_mtime, UTC)
                except FileNotFoundError:  # another sweep was faster
                    continue
    except FileNotFoundError:
        return


def _call_of(name: str) -> str:
    """The call that a file is of, as its name has it."""
    return name.partition(".wav")[0].rpartition("-")[0]


def _turn_of(name: str) -> int:
    turn = name.partition(".wav")[0].rpartition("-")[2]
    return int(turn) if turn.isascii() and turn.isdecimal() else 0


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _consents(store: Store, companies: Iterable[str], oldest: datetime) -> dict[str, Consent]:
    """Return the consents by their calls as names have them. oldest: change of a file."""
    wanted = select(Audit.company, Audit.call, Audit.at).where(
        Audit.company.in_(list(companies)), Audit.what == CONSENT, Audit.at >= oldest - PATIENCE
    )
    with store.session(read_only=True) as db:
        rows = [Consent(company, call or "", at) for company, call, at in db.execute(wanted)]
    return {stem_of(given.call): given for given in rows}


def _lines(store: Store, given: Consent, now: datetime) -> dict[int, Line] | None:
    """Return the lines of a call by turn, None while its last events are on their way."""
    company, call, at = given
    wanted = select(CallEvent).where(CallEvent.call == call, CallEvent.company == company)
    with store.session(read_only=True) as db:
        events = db.scalars(wanted.order_by(CallEvent.at, CallEvent.id)).all()
        if now - at < LAG and not any(event.kind == "ended" for event in events):
            return None
        return {
            said.turn: Line(
                file=f"{stem_of(call)}-{said.turn}.wav",
                company=company,
                call=call,
                question=visit.question,
                language=said.language,
                heard=said.text,
                confidence=said.confidence,
                confirmed=said.understood if said.checks else visit.confirmed,
                when=said.at.isoformat(timespec="seconds"),
            )
            for visit in visits(events)
            if visit.question not in TELEPHONES
            for said in visit.utterances
        }


def _keep(path: Path, kept: Path, lines: Mapping[int, Line]) -> bool:
    """Move a file to where it is kept, its line first; what has no line is deleted."""
    line = lines.get(_turn_of(path.name)) if path.suffix == ".wav" else None
    if line is None:
        _delete(path)
        return False
    folder = kept / (line.language if LANGUAGE.fullmatch(line.language) else "other")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = (folder / path.name).with_suffix(".json")
    text = json.dumps(asdict(line), ensure_ascii=False)
    partial = beside.with_suffix(".part")
    partial.write_text(f"{text}\n", encoding="utf-8")
    partial.replace(beside)
    try:
        path.replace(folder / path.name)
    except FileNotFoundError:
        if not (folder / path.name).exists():
            _delete(beside)
        return False
    return True


def _expire(kept: Path, companies: Mapping[str, Company], now: datetime, batch: int) -> int:
    """Delete what was kept long enough, at most `batch` files."""
    shortest = min((each.terms.speech.days for each in companies.values()), default=0)
    count = 0
    for folder in _folders(kept):
        for name, at in _files(folder):
            if count >= batch:
                return count
            if now - at > timedelta(days=shortest):
                line = _read((folder / name).with_suffix(".json"))
                if now > _until(line, at, companies):
                    _delete((folder / name).with_suffix(".json"))
                    count += _delete((folder / name).with_suffix(".wav"))
    return count


def _folders(kept: Path) -> list[Path]:
    return sorted(each for each in kept.iterdir() if each.is_dir()) if kept.is_dir() else []


def _read(path: Path) -> Mapping[str, Any]:
    """Return the line of an utterance; an empty one where it cannot be read."""
    try:
        line = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return line if isinstance(line, dict) else {}


def _until(line: Mapping[str, Any], at: datetime, companies: Mapping[str, Company]) -> datetime:
    company = companies.get(str(line.get("company")))
    terms = company.terms.speech if company else SpeechTerms()
    return at + timedelta(days=terms.days)


# ---------------------------------------------------------------------- what is kept, and erased


def held(folder: Path, companies: Mapping[str, Company], company: str) -> list[Held]:
    """Return what is kept of a company's calls, the oldest first."""
    found: dict[tuple[str, str], Held] = {}
    for place, line, at in _kept(folder):
        if line.get("company") == company:
            call, language = str(line["call"]), place.parent.name
            until = _until(line, at, companies)
            known = found.get((call, language), Held(call, company, language, 0, until))
            known = replace(known, files=known.files + 1, until=min(known.until, until))
            found[call, language] = known
    return sorted(found.values(), key=lambda each: (each.until, each.call))


def _kept(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any], datetime]]:
    """Every kept sound with its line and the time of its last change."""
    for place in _folders(folder / "kept"):
        for name, at in _files(place):
            if name.endswith(".wav"):
                yield place / name, _read((place / name).with_suffix(".json")), at


def forget(store: Store, folder: Path, company: str, whose: str, who: str, now: datetime) -> int:
    """Delete what is kept of a call, or of all calls of a telephone (E.164); how many files.

    who: did it, for the audit log.
    """
    lines = [(path, line) for path, line, _ in _kept(folder) if line.get("company") == company]
    calls = {whose}
    if whose.startswith("+"):
        calls = _calls_from(store, company, whose, {str(line["call"]) for _, line in lines})
    count = 0
    for path, line in lines:
        if line["call"] in calls:
            _delete(path.with_suffix(".json"))
            count += _delete(path)
    stems = {stem_of(call) for call in calls}
    for name, _ in _files(folder / "pending"):
        if _call_of(name) in stems:
            count += _delete(folder / "pending" / name)
    with store.session() as db:
        for call in sorted(calls):
            db.add(Audit(at=now, company=company, who=who, what=FORGOTTEN, allowed=True, call=call))
    return count


def _calls_from(store: Store, company: str, number: str, calls: set[str]) -> set[str]:
    """Return those of the calls that came from a number."""
    wanted = select(CallEvent).where(
        CallEvent.company == company, CallEvent.call.in_(calls), CallEvent.kind == "answered"
    )
    with store.session(read_only=True) as db:
        return {each.call for each in db.scalars(wanted) if each.details.get("from") == number}


# ---------------------------------------------------------------------- the thread


class Keeper(Rounds):
    """Sweeps until `stopping` is set. folder: var/utterances."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        stopping: threading.Event,
        every: float = EVERY,
    ) -> None:
        super().__init__("utterances", stopping, every)
        self._store = store
        self._folder = folder
        self._companies = companies
        self._clock = clock

    def round(self) -> None:
        """Sweep once; what cannot be done now is done in the next round."""
        try:
            done = sweep(self._store, self._folder, self._companies, self._clock())
        except (OSError, SQLAlchemyError, TimeoutError) as reason:
            logger.warning("the utterances wait: %s", type(reason).__name__)
            return
        if done != Swept():
            logger.info(
                "utterances: %d kept, %d deleted without a consent or an answer, %d too old",
                done.kept, done.unasked, done.expired,
            )  # fmt: skip
