"""The talks that are to be rated: drawn by chance each month, all complaints, and chosen ones.

The draw is a matter of company, month and operator alone: it can be repeated and checked, and who
draws cannot choose. A talk is drawn once. A draw that is repeated only adds what was missing.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.quality.index import bounds
from ivr.rounds import Rounds
from ivr.store.database import Store
from ivr.store.models import Account, Conversation
from ivr.store.supervision import QualitySample, Scorecard

logger = logging.getLogger(__name__)

WHYS = ("random", "complaint", "chosen")
EVERY = 3600.0
"""Seconds between two looks whether a month is over; what was drawn stays as it is."""


@dataclass(frozen=True)
class Drawn:
    """What a draw came to. drawn: new talks. short: operator -> talks that were missing.

    silent: complaints that cannot be rated, because they have no recording.
    """

    drawn: int = 0
    short: Mapping[str, int] = field(default_factory=dict)
    silent: int = 0


def month_of(moment: date) -> str:
    """Return the month of a day as it is written: "2026-11"."""
    return f"{moment:%Y-%m}"


def days_of(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month. ValueError: it is none."""
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month, re.ASCII):
        raise ValueError("month")
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def draw(db: Session, company: Company, month: str, now: datetime) -> Drawn:
    """Draw the talks of a month. ValueError: it is no month, or has not begun."""
    first, last = days_of(month)
    since, until = bounds(company, first, last)
    if since > now:
        raise ValueError("month")
    terms = company.terms.quality
    wanted = select(Conversation).where(
        Conversation.company == company.id, Conversation.answered_at >= since,
        Conversation.answered_at < until, Conversation.ended_at.is_not(None),
    )  # fmt: skip
    known = {row.conversation_id: row for row in _samples(db, company.id, month)}
    by_operator: dict[str, list[Conversation]] = {}
    silent = 0
    for talk in db.scalars(wanted):
        by_operator.setdefault(talk.operator, [])
        if talk.code in terms.complaints and not talk.recording:
            silent += 1
        elif talk.recording:
            by_operator[talk.operator].append(talk)
    drawn, short = 0, {}
    for operator, talks in sorted(by_operator.items()):
        fresh, missing = _of_operator(talks, company, month, known)
        for talk, why in fresh:
            db.add(_sample(talk, month, why, now))
        drawn += len(fresh)
        if missing:
            short[operator] = missing
    db.flush()
    return Drawn(drawn, short, silent)


def _of_operator(
    talks: Iterable[Conversation], company: Company, month: str, known: Mapping[int, QualitySample]
) -> tuple[list[tuple[Conversation, str]], int]:
    """Return the talks to add with the reason, and how many are missing."""
    terms = company.terms.quality
    complaints = [talk for talk in talks if talk.code in terms.complaints]
    others = [talk for talk in talks if talk.code not in terms.complaints]
    had = sum(1 for talk in others if talk.id in known and known[talk.id].why == "random")
    left = [talk for talk in others if talk.id not in known]
    left.sort(key=lambda talk: lot(company.id, month, talk))
    chosen = left[: max(0, terms.sample - had)]
    fresh = [(talk, "complaint") for talk in complaints if talk.id not in known]
    fresh += [(talk, "random") for talk in chosen]
    return fresh, max(0, terms.sample - had - len(chosen))


def lot(company: str, month: str, talk: Conversation) -> str:
    """Return the lot of a talk: those with the lowest are drawn."""
    text = f"{company}/{month}/{talk.operator}/{talk.token}"
    return hashlib.sha256(text.encode()).hexdigest()


def choose(db: Session, talk: Conversation, month: str, now: datetime) -> bool:
    """Have a talk rated because somebody wants it. False: it is in the list already."""
    wanted = select(QualitySample.id).where(QualitySample.conversation_id == talk.id)
    if db.scalar(wanted.limit(1)) is not None:
        return False
    db.add(_sample(talk, month, "chosen", now))
    return True


def _sample(talk: Conversation, month: str, why: str, now: datetime) -> QualitySample:
    return QualitySample(
        company=talk.company, month=month, operator=talk.operator, conversation_id=talk.id,
        why=why, drawn_at=now,
    )  # fmt: skip


def _samples(db: Session, company: str, month: str) -> list[QualitySample]:
    wanted = select(QualitySample).where(
        QualitySample.company == company, QualitySample.month == month
    )
    return list(db.scalars(wanted))


def listed(db: Session, company: Company, month: str) -> list[dict[str, Any]]:
    """Return what is to be rated in a month as plain JSON, by operator."""
    counted = (
        select(Scorecard.conversation_id, func.count(Scorecard.id).label("cards"))
        .group_by(Scorecard.conversation_id)
        .subquery()
    )
    wanted = (
        select(QualitySample, Conversation, counted.c.cards, Account.number)
        .join(Conversation, Conversation.id == QualitySample.conversation_id)
        .outerjoin(counted, counted.c.conversation_id == Conversation.id)
        .outerjoin(Account, Account.id == Conversation.account_id)
        .where(QualitySample.company == company.id, QualitySample.month == month)
        .order_by(QualitySample.operator, Conversation.answered_at)
    )
    return [
        {
            "talk": row.conversation_id,
            "operator": row.operator,
            "why": row.why,
            "at": talk.answered_at.timestamp(),
            "seconds": (talk.ended_at - talk.answered_at).total_seconds() if talk.ended_at else 0,
            "queue": talk.queue,
            "code": talk.code,
            "number": talk.caller_number,
            "account": account,
            "playable": talk.recording is not None,
            "cards": cards or 0,
        }
        for row, talk, cards, account in db.execute(wanted)
    ]


# ---------------------------------------------------------------------- the thread


class Drawer(Rounds):
    """Draws for each company the month that is over, until `stopping` is set."""

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        stopping: threading.Event,
        every: float = EVERY,
    ) -> None:
        super().__init__("samples", stopping, every)
        self._store = store
        self._companies = companies
        self._clock = clock

    def round(self) -> None:
        """Draw once; of two that draw at once, the second finds nothing to do next time."""
        for company in self._companies.values():
            now = self._clock()
            over = now.astimezone(company.zone).date().replace(day=1) - timedelta(days=1)
            try:
                with self._store.session() as db:
                    done = draw(db, company, month_of(over), now)
            except IntegrityError:
                continue
            except (SQLAlchemyError, TimeoutError) as reason:
                logger.warning("the draw of talks waits: %s", type(reason).__name__)
                return
            if done.drawn:
                logger.info("%s: %d talks of %s to be rated", company.id, done.drawn, over)
