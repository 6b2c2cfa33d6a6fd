"""The index of recordings: talks of operators and voice messages, by whatever one knows of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Double, Select, and_, exists, func, literal, or_, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from ivr.company import Company
from ivr.store.models import Account, Conversation, VoiceMessage
from ivr.store.supervision import RecordingMark, Scorecard

PAGE = 50
"""Rows of one page."""
LONGEST = 366
"""Days that one search may span."""
CONSENTS = ("recorded", "refused", "without")
"""Recorded; the caller asked for no recording; no recording for another reason, or deleted."""
KINDS = ("talk", "message")


@dataclass(frozen=True)
class Wanted:
    """What is looked for; "" and None: anything.

    first, last: local days, both included. who: a number or an account, or the end of one.
    least, most: seconds of a talk. rated, marked: yes or no.
    """

    first: date
    last: date
    kind: str = ""
    operator: str = ""
    queue: str = ""
    who: str = ""
    code: str = ""
    least: float | None = None
    most: float | None = None
    rated: bool | None = None
    marked: bool | None = None
    consent: str = ""

    def __post_init__(self) -> None:
        """Refuse days the wrong way round, too many of them, and a number without digits."""
        if self.first > self.last:
            raise ValueError("days")
        if (self.last - self.first).days >= LONGEST:
            raise ValueError("span")
        if self.who and len(re.sub(r"\D", "", self.who)) < 3:
            raise ValueError("who")

    @property
    def talks_only(self) -> bool:
        """Whether something is asked for that no voice message has."""
        asked = (self.least, self.most, self.rated, self.marked)
        words = self.operator or self.code
        return bool(words) or any(each is not None for each in asked)


class Seconds(FunctionElement[float]):
    """The seconds from one moment to another, in either database."""

    name = "seconds"
    type = Double()
    inherit_cache = True


@compiles(Seconds, "sqlite")
def _julian(element: Any, compiler: Any, **more: Any) -> str:
    early, late = (compiler.process(each, **more) for each in element.clauses)
    return f"(julianday({late}) - julianday({early})) * 86400"


@compiles(Seconds, "postgresql")
def _epoch(element: Any, compiler: Any, **more: Any) -> str:
    early, late = (compiler.process(each, **more) for each in element.clauses)
    return f"EXTRACT(EPOCH FROM {late} - {early})"


class Found(NamedTuple):
    """One page of what was found, the newest first, and how many there are in all."""

    rows: list[dict[str, Any]]
    total: int


def search(db: Session, company: Company, wanted: Wanted, page: int = 0) -> Found:
    """Return a page of the talks and voice messages that fit."""
    parts: list[Select[str, int, datetime]] = []
    if wanted.kind != "message":
        parts.append(_talks(company, wanted))
    if wanted.kind != "talk" and not wanted.talks_only and wanted.consent in ("", "recorded"):
        parts.append(_messages(company, wanted))
    if not parts:
        return Found([], 0)
    every = union_all(*parts).subquery()
    total = db.scalar(select(func.count()).select_from(every)) or 0
    order = select(every).order_by(every.c.at.desc(), every.c.id.desc())
    keys = db.execute(order.offset(page * PAGE).limit(PAGE)).all()
    talks = _rows(db, [key.id for key in keys if key.kind == "talk"])
    messages = _heard(db, [key.id for key in keys if key.kind == "message"])
    return Found([(talks if key.kind == "talk" else messages)[key.id] for key in keys], total)


def bounds(company: Company, first: date, last: date) -> tuple[datetime, datetime]:
    """Return when the first of these local days begins and when the day after the last does."""
    start = datetime.combine(first, time(), company.zone)
    return start, datetime.combine(last + timedelta(days=1), time(), company.zone)


def _talks(company: Company, wanted: Wanted) -> Select[str, int, datetime]:
    row, (since, until) = Conversation, bounds(company, wanted.first, wanted.last)
    rules: list[ColumnElement[bool]] = [
        row.company == company.id, row.answered_at >= since, row.answered_at < until,
    ]  # fmt: skip
    rules += [
        column == value
        for column, value in (
            (row.operator, wanted.operator), (row.queue, wanted.queue), (row.code, wanted.code)
        )
        if value
    ]  # fmt: skip
    if wanted.who:
        digits = re.sub(r"\D", "", wanted.who)
        account = exists().where(Account.id == row.account_id, Account.number == digits)
        rules.append(or_(_ends(row.caller_number, digits), account))
    if wanted.least is not None:
        rules.append(Seconds(row.answered_at, row.ended_at) >= wanted.least)
    if wanted.most is not None:
        rules.append(Seconds(row.answered_at, row.ended_at) <= wanted.most)
    if wanted.rated is not None:
        rated = exists().where(Scorecard.conversation_id == row.id)
        rules.append(rated if wanted.rated else ~rated)
    if wanted.marked is not None:
        marked = exists().where(RecordingMark.conversation_id == row.id)
        rules.append(marked if wanted.marked else ~marked)
    if wanted.consent:
        rules.append(_consent(wanted.consent))
    return select(literal("talk").label("kind"), row.id, row.answered_at.label("at")).where(*rules)


def _consent(word: str) -> ColumnElement[bool]:
    row = Conversation
    if word == "recorded":
        return row.recording.is_not(None)
    refused = row.unrecorded.is_(True)
    return and_(row.recording.is_(None), refused if word == "refused" else ~refused)


def _ends(column: Any, digits: str) -> ColumnElement[bool]:
    # 067... and 8067... are the same telephone as +38067...
    found: ColumnElement[bool] = column.like(f"%{digits.lstrip('0') or digits}")
    return found


def _messages(company: Company, wanted: Wanted) -> Select[str, int, datetime]:
    row, (since, until) = VoiceMessage, bounds(company, wanted.first, wanted.last)
    rules = [row.company == company.id, row.created_at >= since, row.created_at < until]
    if wanted.queue:
        rules.append(row.queue == wanted.queue)
    if wanted.who:
        rules.append(_ends(row.number, re.sub(r"\D", "", wanted.who)))
    return select(literal("message").label("kind"), row.id, row.created_at.label("at")).where(
        *rules
    )


# ---------------------------------------------------------------------- as the page shows them


def _rows(db: Session, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    if not ids:
        return {}
    counted = {
        table: dict(
            db.execute(
                select(table.conversation_id, func.count(table.id))
                .where(table.conversation_id.in_(ids))
                .group_by(table.conversation_id)
            ).all()
        )
        for table in (RecordingMark, Scorecard)
    }
    talks = select(Conversation, Account.number).outerjoin(Conversation.account)
    return {
        row.id: talk(row, account)
        | {
            "marks": counted[RecordingMark].get(row.id, 0),
            "cards": counted[Scorecard].get(row.id, 0),
        }
        for row, account in db.execute(talks.where(Conversation.id.in_(ids)))
    }


def talk(row: Conversation, account: str | None) -> dict[str, Any]:
    """Return a talk as plain JSON. seconds: None while it lasts. consent: one of CONSENTS."""
    ended = row.ended_at
    silent = "refused" if row.unrecorded else "without"
    return {
        "kind": "talk",
        "id": row.id,
        "call": row.call,
        "at": row.answered_at.timestamp(),
        "seconds": (ended - row.answered_at).total_seconds() if ended else None,
        "operator": row.operator,
        "queue": row.queue,
        "number": row.caller_number,
        "account": account,
        "code": row.code,
        "consent": "recorded" if row.recording else silent,
        "interrupted": row.interrupted,
    }


def _heard(db: Session, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    if not ids:
        return {}
    wanted = select(VoiceMessage).where(VoiceMessage.id.in_(ids))
    return {
        row.id: {
            "kind": "message",
            "id": row.id,
            "call": row.call,
            "at": row.created_at.timestamp(),
            "seconds": None,
            "operator": row.handled_by or "",
            "queue": row.queue,
            "number": row.number,
            "account": None,
            "code": None,
            "consent": "recorded",
            "interrupted": False,
            "marks": 0,
            "cards": 0,
        }
        for row in db.scalars(wanted)
    }
