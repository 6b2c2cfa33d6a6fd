"""Marks in recordings: at which second something is worth hearing, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.store.models import Audit, Conversation
from ivr.store.supervision import HOLD, RecordingMark

KINDS = ("complaint", "good", "training", HOLD, "other")
PAUSE = "pause_recording"
"""What the audit log calls the pause of a recording, with `paused` in its details."""


def mark(
    db: Session, talk: Conversation, who: str, at: datetime, second: float, kind: str, note: str
) -> RecordingMark:
    """Set a mark. ValueError: the talk is shorter than that, or has no recording."""
    if not talk.recording:
        raise ValueError("without")
    if talk.ended_at is not None and second > (talk.ended_at - talk.answered_at).total_seconds():
        raise ValueError("second")
    row = RecordingMark(
        conversation_id=talk.id, who=who, at=at, second=round(second, 1), kind=kind, note=note
    )
    db.add(row)
    db.flush()
    return row


def marks(db: Session, talk: Conversation) -> list[dict[str, Any]]:
    """Return the marks of a talk in their order, as plain JSON."""
    wanted = select(RecordingMark).where(RecordingMark.conversation_id == talk.id)
    return [
        {
            "id": row.id,
            "who": row.who,
            "at": row.at.timestamp(),
            "second": row.second,
            "kind": row.kind,
            "note": row.note,
        }
        for row in db.scalars(wanted.order_by(RecordingMark.second, RecordingMark.id))
    ]


def pauses(db: Session, talk: Conversation) -> list[tuple[float, float | None]]:
    """Return when the recording was paused: seconds from its beginning, None: until its end."""
    wanted = select(Audit).where(
        Audit.company == talk.company, Audit.at >= talk.answered_at, Audit.call == talk.call,
        Audit.what == PAUSE, Audit.who == talk.operator, Audit.allowed.is_(True),
    )  # fmt: skip
    if talk.ended_at is not None:
        wanted = wanted.where(Audit.at <= talk.ended_at)
    orders = db.scalars(wanted.order_by(Audit.at, Audit.id)).all()
    return _spans(
        [
            ((row.at - talk.answered_at).total_seconds(), bool(row.details.get("paused")))
            for row in orders
        ]
    )


def _spans(orders: Sequence[tuple[float, bool]]) -> list[tuple[float, float | None]]:
    found: list[tuple[float, float | None]] = []
    begun: float | None = None
    for second, paused in orders:
        if paused and begun is None:
            begun = second
        elif not paused and begun is not None:
            found.append((begun, second))
            begun = None
    return found if begun is None else [*found, (begun, None)]
