"""Scorecards: how raters judged a talk, and what the operator answers.

A talk has one card of each rater. Two raters of one talk show how far they are apart (calibration).
Whoever changes a card names the version he saw; an older one is refused (`Changed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.errors import Changed
from ivr.store.models import Conversation
from ivr.store.supervision import Scorecard
from ivr.terms import Criterion, QualityTerms

EDITED = timedelta(hours=24)
"""How long an operator may reword his answer; after that it stands."""


@dataclass(frozen=True)
class Judged:
    """The sum of a card. failed: something that must not be missing was given no point."""

    total: int
    failed: bool


def judge(criteria: Sequence[Criterion], points: Mapping[str, int]) -> Judged:
    """Add a card up. ValueError names the criterion that is missing, unknown or out of bounds."""
    known = {each.name: each for each in criteria}
    for name in (*known, *points):
        if name not in known or not 0 <= points.get(name, -1) <= known[name].points:
            raise ValueError(name)
    failed = any(each.fail and points[each.name] == 0 for each in criteria)
    return Judged(0 if failed else sum(points.values()), failed)


def rate(
    db: Session,
    terms: QualityTerms,
    talk: Conversation,
    *,
    rater: str,
    points: Mapping[str, int],
    note: str,
    at: datetime,
    version: int,
) -> Scorecard:
    """Keep a rater's card of a talk. version: of the one he saw, 0: none.

    Changed: it is another one by now. ValueError: the points are not those of the form, or the talk
    is the rater's own ("own").
    """
    if rater == talk.operator:
        raise ValueError("own")
    judged = judge(terms.criteria, points)
    wanted = select(Scorecard).where(Scorecard.conversation_id == talk.id, Scorecard.rater == rater)
    row = db.scalar(wanted.with_for_update())
    if (row.version if row else 0) != version:
        raise Changed(rater if row else "")
    if row is None:
        row = Scorecard(
            company=talk.company, conversation_id=talk.id, operator=talk.operator, rater=rater,
            version=0,
        )  # fmt: skip
        db.add(row)
    row.at, row.note = at, note
    row.points = {each.name: points[each.name] for each in terms.criteria}
    row.criteria = {each.name: each.points for each in terms.criteria}
    row.total, row.failed = judged.total, judged.failed
    row.version += 1
    db.flush()
    return row


def answer(row: Scorecard, text: str, at: datetime, version: int) -> None:
    """Keep the operator's answer. Changed: the card is another one by now.

    ValueError ("answered"): his answer is too old to be reworded, and the card was not changed
    after it.
    """
    if row.version != version:
        raise Changed(row.rater)
    if not answerable(row, at):
        raise ValueError("answered")
    row.answer, row.answered_at = text, at
    row.version += 1


def answerable(row: Scorecard, at: datetime) -> bool:
    """Whether the operator may still write or reword his answer."""
    if row.answered_at is None or row.at > row.answered_at:
        return True
    return at - row.answered_at <= EDITED


def cards(db: Session, talk: Conversation) -> list[Scorecard]:
    """Return the cards of a talk, the oldest first."""
    wanted = select(Scorecard).where(Scorecard.conversation_id == talk.id)
    return list(db.scalars(wanted.order_by(Scorecard.id)))


def apart(found: Sequence[Scorecard]) -> dict[str, int]:
    """Return how far raters of one talk are apart, by criterion and in "total"; {} for fewer
    than two.
    """
    if len(found) < 2:
        return {}
    names = [name for name in found[0].points if all(name in card.points for card in found)]
    sheets = [{name: int(card.points[name]) for name in names} for card in found]
    spread = {name: max(s[name] for s in sheets) - min(s[name] for s in sheets) for name in names}
    totals = [card.total for card in found]
    return spread | {"total": max(totals) - min(totals)}


def shown(row: Scorecard, at: datetime) -> dict[str, Any]:
    """Return a card as plain JSON. criteria: criterion -> most points; order: of the form."""
    return {
        "id": row.id,
        "talk": row.conversation_id,
        "operator": row.operator,
        "rater": row.rater,
        "at": row.at.timestamp(),
        "points": row.points,
        "criteria": row.criteria,
        "order": list(row.criteria),
        "total": row.total,
        "failed": row.failed,
        "note": row.note,
        "answer": row.answer,
        "answered": row.answered_at.timestamp() if row.answered_at else None,
        "answerable": answerable(row, at),
        "version": row.version,
    }
