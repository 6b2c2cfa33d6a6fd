"""Announcements: texts that supervisors let callers hear, until they expire.

A greeting is said to everybody before the menu; one of a queue to who begins to wait there (all
queues where none is named). A text is there in every language of the company; where nothing here
speaks a language, its words must have been recorded before: a recording (`ivr.recorded`) of the
piece `prompts.free(language, text)` is played instead of a voice.

The lookups that a call makes anyhow hand them over (`callers.welcome`, `queues.ask`), so the next
call hears what is on now.

Who is in danger, or calls from a hospital, hears none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr import prompts
from ivr.actions import Undoing, done, last, undoes
from ivr.company import Company
from ivr.errors import Changed, Unfit
from ivr.store.supervision import Announcement, PromptVersion

PLACES = ("greeting", "queue")
SECONDS = 25.0
"""How long one may be to say: whoever waits for the menu has little patience."""
LASTS = timedelta(minutes=1), timedelta(days=14)
AHEAD = timedelta(days=30)
"""How far ahead one may begin."""
AT_ONCE = 3
"""Announcements of one place that may be on at a time."""
NEVER = "danger"
"""Queue whose callers hear none."""
ON, CHANGED, OFF = "announcement.on", "announcement.change", "announcement.off"

_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщьюя"
LETTERS = {
    "uk": _CYRILLIC + "єіїґ",
    "ru": _CYRILLIC + "ъыэё",
    "tt": _CYRILLIC + "ъыэёәөүҗңһ",
    "en": "abcdefghijklmnopqrstuvwxyz",
    "vi": "abcdefghijklmnopqrstuvwxyzđ",
}
"""Small letters that a language is written with, accents apart."""
_MARKS = re.compile(r"[\d\s.,:;!?()«»„“”\"'’ʼ%№+/–—-]")
_ACCENTS = {"vi"}


# ---------------------------------------------------------------------- what callers hear


def said(
    db: Session, company: Company, now: datetime, place: str, language: str, queue: str = ""
) -> list[dict[str, Any]]:
    """Return the announcements of a place as items of a prompt with `each`, oldest first."""
    rows = [
        row
        for row in on(db, company.id, now)
        if row.place == place and (not row.queues or queue in row.queues)
    ]
    return [{"announcement": row.texts[language]} for row in rows if language in row.texts]


def on(db: Session, company: str, now: datetime) -> list[Announcement]:
    """Return the announcements that are on now, oldest first."""
    return [row for row in listed(db, company, now) if row.starts_at <= now]


def listed(db: Session, company: str, now: datetime) -> list[Announcement]:
    """Return the announcements that are on or will be, oldest first."""
    wanted = select(Announcement).where(
        Announcement.company == company, Announcement.ended_at.is_(None), Announcement.until > now
    )
    return list(db.scalars(wanted.order_by(Announcement.starts_at, Announcement.id)))


# ---------------------------------------------------------------------- changes


def switch_on(
    db: Session,
    company: Company,
    who: str,
    at: datetime,
    *,
    place: str,
    texts: Mapping[str, str],
    until: datetime,
    queues: Sequence[str] = (),
    starts: datetime | None = None,
    silent: Collection[str] = (),
    address: str | None = None,
) -> Announcement:
    """Let callers hear something from `starts` (None: now) until a moment.

    silent: languages that nothing here speaks. Raises `Unfit` (announcement_ and place, queue,
    empty, letters, long, recording, time, many).
    """
    row = Announcement(
        company=company.id, place=place, queues=list(queues), texts=_texts(company, texts),
        starts_at=starts or at, until=until, made_by=who,
        made_at=at,
    )  # fmt: skip
    _check(db, company, row, at, silent)
    db.add(row)
    db.flush()
    done(db, company.id, who, ON, str(row.id), {}, values(row), at, address=address)
    return row


def change(
    db: Session,
    company: Company,
    who: str,
    at: datetime,
    key: int,
    version: int,
    *,
    texts: Mapping[str, str],
    until: datetime,
    queues: Sequence[str] = (),
    silent: Collection[str] = (),
    address: str | None = None,
) -> Announcement:
    """Change one that is on or will be. version: that was seen. Raises as `switch_on`, `Changed`
    where somebody was faster or it is over.
    """
    row = _seen(db, company.id, key, version, at)
    before = values(row)
    row.texts, row.queues, row.until = _texts(company, texts), list(queues), until
    row.version += 1
    _check(db, company, row, at, silent)
    done(db, company.id, who, CHANGED, str(key), before, values(row), at, address=address)
    return row


def switch_off(
    db: Session,
    company: Company,
    who: str,
    at: datetime,
    key: int,
    version: int,
    address: str | None = None,
) -> None:
    """Let callers hear it no more. Raises `Changed` where somebody was faster or it is over."""
    row = _seen(db, company.id, key, version, at)
    row.ended_at, row.version = at, row.version + 1
    done(db, company.id, who, OFF, str(key), values(row), {}, at, address=address)


def values(row: Announcement) -> dict[str, Any]:
    """Return what an action keeps of an announcement."""
    return {
        "place": row.place, "queues": list(row.queues), "texts": dict(row.texts),
        "starts": row.starts_at.isoformat(),
        "until": row.until.isoformat(),
    }  # fmt: skip


def _seen(db: Session, company: str, key: int, version: int, at: datetime) -> Announcement:
    row = db.get(Announcement, key, with_for_update=True)
    if row is None or row.company != company:
        raise Unfit("announcement_gone")
    if row.version != version:
        raise Changed(last_by(db, row))
    if row.ended_at is not None or row.until <= at:
        raise Changed
    return row


def last_by(db: Session, row: Announcement) -> str:
    """Return who made or changed an announcement last."""
    action = last(db, row.company, str(row.id), ON, CHANGED, OFF)
    return action.who if action else row.made_by


# ---------------------------------------------------------------------- what may be said


def _texts(company: Company, texts: Mapping[str, str]) -> dict[str, str]:
    return {
        language: unicodedata.normalize("NFC", " ".join(texts[language].split()))
        for language in company.languages
        if texts.get(language, "").strip()
    }


def _check(
    db: Session, company: Company, row: Announcement, at: datetime, silent: Collection[str]
) -> None:
    if row.place not in PLACES or (row.place == "greeting" and row.queues):
        raise Unfit("announcement_place")
    for queue in row.queues:
        if queue not in company.queues or company.word_of(queue) == NEVER:
            raise Unfit("announcement_queue", queue=queue)
    row.prompts = {}
    for language in company.languages:
        text = row.texts.get(language, "")
        _check_text(text, language)
        if recorded(db, company.id, language, text):
            row.prompts = {**row.prompts, language: prompts.free(language, text)}
        elif language in silent:
            raise Unfit("announcement_recording", language=language)
    begins = max(row.starts_at, at)
    if not (row.starts_at <= at + AHEAD and LASTS[0] <= row.until - begins <= LASTS[1]):
        raise Unfit("announcement_time")
    others = [each for each in listed(db, company.id, at) if each.id != row.id]
    same = [each for each in others if each.place == row.place and _meet(each, row)]
    if len(same) >= AT_ONCE:
        raise Unfit("announcement_many", most=AT_ONCE)


def _meet(one: Announcement, other: Announcement) -> bool:
    """Tell whether a caller could hear both."""
    if not (one.starts_at < other.until and other.starts_at < one.until):
        return False
    return not one.queues or not other.queues or bool({*one.queues} & {*other.queues})


def _check_text(text: str, language: str) -> None:
    if not any(map(str.isalpha, text)):
        raise Unfit("announcement_empty", language=language)
    if letters := foreign(text, language):
        raise Unfit("announcement_letters", language=language, letters=letters)
    if prompts.seconds(text) > SECONDS:
        seconds = round(prompts.seconds(text))
        raise Unfit("announcement_long", language=language, seconds=seconds, most=round(SECONDS))


def foreign(text: str, language: str) -> str:
    """Return the letters of a text that its language is not written with; its voice would spell
    them out, or leave them out.
    """
    known = LETTERS.get(language)
    if known is None:
        return ""
    plain = text.lower()
    if language in _ACCENTS:
        decomposed = unicodedata.normalize("NFD", plain)
        plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    strange = (each for each in plain if each not in known and not _MARKS.fullmatch(each))
    return "".join(dict.fromkeys(strange))


def recorded(db: Session, company: str, language: str, text: str) -> bool:
    """Tell whether a recording of exactly these words is played."""
    wanted = select(PromptVersion.id).where(
        PromptVersion.company == company, PromptVersion.language == language,
        PromptVersion.prompt == prompts.free(language, text), PromptVersion.state == "live",
    )  # fmt: skip
    return db.scalar(wanted) is not None


# ---------------------------------------------------------------------- undoing


@undoes(ON, CHANGED, OFF)
def _put_back(undoing: Undoing) -> None:
    """Let it be as it was before, unless it was changed since; what is over stays over."""
    db, action, at = undoing.db, undoing.action, undoing.at
    row = db.get(Announcement, int(action.target), with_for_update=True)
    if row is None:
        raise undoing.refuse(ON, CHANGED, OFF)
    now = values(row) if row.ended_at is None and row.until > at else {}
    if now != action.after:
        raise undoing.refuse(ON, CHANGED, OFF)
    before = action.before
    row.version += 1
    if not before:
        row.ended_at = at
        return
    row.ended_at = None
    row.texts, row.queues = before["texts"], before["queues"]
    row.until = datetime.fromisoformat(before["until"])
    if row.until <= at:
        raise Unfit("announcement_time")
