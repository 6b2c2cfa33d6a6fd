"""Recordings of prompts that supervisors upload, in the store: versions, the live one, what was.

A version is the recording of one piece ("reading_enter-1") in one language, for the callers of one
company; its sound never changes. It lies in the store, some hundred kilobytes, because every
machine that answers calls must have it and shares nothing else with the others; `ivr.speech.placed`
puts what is live beside the other sounds of a machine. Without a live version the program's own
sound is played.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from ivr.actions import Undoing, done, flush, undoes
from ivr.errors import Changed, Unfit
from ivr.store.supervision import PromptVersion

SERVING = ("prompt.publish", "prompt.rollback")
"""Actions that change what is played."""
MOST = 100
"""Versions of one piece."""


@dataclass(frozen=True)
class Recording:
    """A recording as it is kept. sound, wide: WAV, 8 and 16 kHz. level, peak: dBFS, as it came."""

    sound: bytes
    wide: bytes
    digest: str
    seconds: float
    level: float
    peak: float
    findings: Sequence[str] = ()


# ---------------------------------------------------------------------- what is


def live(db: Session, company: str | None = None) -> list[PromptVersion]:
    """Return every version that is played, of one company or of all, without the sounds."""
    wanted = select(PromptVersion).where(PromptVersion.state == "live")
    if company is not None:
        wanted = wanted.where(PromptVersion.company == company)
    return list(db.scalars(wanted))


def live_number(
    db: Session, company: str, prompt: str, language: str, *, lock: bool = False
) -> int | None:
    """Return the number of the version that is played, None for the program's own sound."""
    row = _live(db, company, prompt, language, lock)
    return row.number if row else None


def history(db: Session, company: str, prompt: str, language: str) -> list[PromptVersion]:
    """Return the versions of a piece, newest first, without those that were thrown away."""
    wanted = select(PromptVersion).where(
        PromptVersion.company == company, PromptVersion.prompt == prompt,
        PromptVersion.language == language, PromptVersion.state != "discarded",
    )  # fmt: skip
    return list(db.scalars(wanted.order_by(PromptVersion.number.desc())))


def find(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    number: int,
    version: int | None = None,
    *,
    sounds: bool = False,
) -> PromptVersion:
    """Return a version, locked where its `version` is named. sounds: they are wanted, too."""
    wanted = select(PromptVersion).where(
        PromptVersion.company == company, PromptVersion.prompt == prompt,
        PromptVersion.language == language, PromptVersion.number == number,
        PromptVersion.state != "discarded",
    )  # fmt: skip
    if sounds:
        wanted = wanted.options(undefer(PromptVersion.sound), undefer(PromptVersion.wide))
    row = db.scalar(wanted.with_for_update() if version is not None else wanted)
    if row is None:
        raise Unfit("recording_gone", number=number)
    if version is not None and row.version != version:
        raise Changed(row.published_by or row.made_by)
    return row


# ---------------------------------------------------------------------- changes


def keep(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    text: str,
    recording: Recording,
    who: str,
    at: datetime,
) -> PromptVersion:
    """Keep an upload as a draft; the same sound once more is the version that is there."""
    of_piece = (
        PromptVersion.company == company, PromptVersion.prompt == prompt,
        PromptVersion.language == language,
    )  # fmt: skip
    known = select(PromptVersion).where(
        *of_piece, PromptVersion.digest == recording.digest, PromptVersion.state != "discarded"
    )
    if (row := db.scalar(known)) is not None:
        return row
    highest = db.scalar(select(func.max(PromptVersion.number)).where(*of_piece)) or 0
    if highest >= MOST:
        raise Unfit("recordings_many", most=MOST)
    row = PromptVersion(
        company=company, prompt=prompt, language=language, number=highest + 1, text=text,
        digest=recording.digest, sound=recording.sound, wide=recording.wide,
        seconds=recording.seconds, level=recording.level, peak=recording.peak,
        findings=list(recording.findings), made_by=who, made_at=at,
    )  # fmt: skip
    db.add(row)
    flush(db)
    told = {"number": row.number, "digest": row.digest, "seconds": round(row.seconds, 2)}
    done(db, company, who, "prompt.upload", _target(prompt, language), {}, told, at)
    return row


def discard(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    number: int,
    version: int,
    who: str,
    at: datetime,
) -> None:
    """Throw a draft away."""
    row = find(db, company, prompt, language, number, version)
    if row.state != "draft":
        raise Unfit("recording_fixed", number=number)
    row.state, row.version = "discarded", row.version + 1
    shown = {"number": number, "state": "draft"}, {"number": number, "state": "discarded"}
    done(db, company, who, "prompt.discard", _target(prompt, language), *shown, at)


def publish(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    number: int,
    version: int,
    seen: int | None,
    who: str,
    at: datetime,
) -> None:
    """Have a version played. seen: number of the one that was, as far as is known."""
    row = find(db, company, prompt, language, number, version)
    now = _seen(db, company, prompt, language, seen)
    if row.state == "live":
        raise Unfit("recording_live", number=number)
    row.replaced = now
    _serve(db, company, prompt, language, now, number, "prompt.publish", who, at)


def roll_back(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    seen: int | None,
    who: str,
    at: datetime,
    *,
    to_own: bool = False,
) -> int | None:
    """Have the version played that was before, or the program's own sound; its number."""
    now = _seen(db, company, prompt, language, seen)
    if now is None:
        raise Unfit("recording_none")
    replaced = find(db, company, prompt, language, now).replaced
    then = None if to_own else replaced
    _serve(db, company, prompt, language, now, then, "prompt.rollback", who, at)
    return then


def _seen(db: Session, company: str, prompt: str, language: str, seen: int | None) -> int | None:
    row = _live(db, company, prompt, language, lock=True)
    if (row.number if row else None) != seen:
        raise Changed(row.published_by or "" if row else "")
    return seen


def _live(
    db: Session, company: str, prompt: str, language: str, lock: bool = False
) -> PromptVersion | None:
    wanted = select(PromptVersion).where(
        PromptVersion.company == company, PromptVersion.prompt == prompt,
        PromptVersion.language == language, PromptVersion.state == "live",
    )  # fmt: skip
    return db.scalar(wanted.with_for_update() if lock else wanted)


def _serve(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    now: int | None,
    then: int | None,
    what: str,
    who: str,
    at: datetime,
) -> None:
    _put(db, company, prompt, language, now, then, who, at)
    done(db, company, who, what, _target(prompt, language), _told(now), _told(then), at)


def _put(
    db: Session,
    company: str,
    prompt: str,
    language: str,
    now: int | None,
    then: int | None,
    who: str,
    at: datetime,
) -> None:
    if now is not None:
        row = find(db, company, prompt, language, now)
        row.state, row.retired_at, row.version = "retired", at, row.version + 1
        flush(db)
    if then is not None:
        row = find(db, company, prompt, language, then)
        row.state, row.version = "live", row.version + 1
        row.published_by, row.published_at, row.retired_at = who, at, None
    flush(db)


def _target(prompt: str, language: str) -> str:
    return f"{language}/{prompt}"


def _told(number: int | None) -> dict[str, Any]:
    return {"live": number}


@undoes(*SERVING)
def _played_again(undoing: Undoing) -> None:
    """Have played what was before."""
    action, company = undoing.action, undoing.company.id
    language, _, prompt = action.target.partition("/")
    row = _live(undoing.db, company, prompt, language, lock=True)
    now = row.number if row else None
    if now != action.after["live"]:
        raise undoing.refuse(*SERVING)
    before = action.before["live"]
    _put(undoing.db, company, prompt, language, now, before, undoing.who, undoing.at)


@undoes("prompt.discard", apart="number")
def _draft_again(undoing: Undoing) -> None:
    language, _, prompt = undoing.action.target.partition("/")
    wanted = select(PromptVersion).where(
        PromptVersion.company == undoing.company.id, PromptVersion.prompt == prompt,
        PromptVersion.language == language,
        PromptVersion.number == undoing.action.before["number"],
    )  # fmt: skip
    row = undoing.db.scalar(wanted.with_for_update())
    if row is None or row.state != "discarded":
        raise undoing.refuse("prompt.discard")
    row.state, row.version = "draft", row.version + 1
