"""What supervisors change, and how each of it is taken back.

A change is three things in one transaction: itself, a row of `actions` with what was before and
after, and a row of `audit`. What lies in the queue is changed last, before the end of the
transaction, so that nothing is done that is not written down.

    with store.session() as db:
        ...
        done(db, "oblenergo", "vira", "announcement.on", "12", before={}, after={...}, at=now)

    @undoes("announcement.on")
    def off_again(undoing: Undoing) -> None: ...   # puts back `before`, or raises Changed

An action is undone once; an undo is an action of its own (`undoes`), which is not undone: whoever
wants it back does it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.agent_queue.model import AgentQueue
from ivr.company import Company
from ivr.errors import Changed, NotUndone
from ivr.store.models import Audit
from ivr.store.supervision import Action


@dataclass(frozen=True)
class Undoing:
    """An action that is being taken back, and what to do it with. who: takes it back."""

    db: Session
    queue: AgentQueue
    company: Company
    action: Action
    who: str
    at: datetime

    def refuse(self, *what: str) -> Changed:
        """Return the refusal that names who changed the same thing since. what: see `changer`."""
        return Changed(changer(self.db, self.action, *what))


Undoer = Callable[[Undoing], None]

UNDO: dict[str, Undoer] = {}
"""What was done -> what puts it back; it raises `Changed` where that would undo somebody else."""


APART: dict[str, str] = {}
"""What was done -> key of `before` that tells the things of one target apart."""


def undoes(*what: str, apart: str = "") -> Callable[[Undoer], Undoer]:
    """Mark a function as the one that takes back these actions. apart: see `APART`."""

    def mark(function: Undoer) -> Undoer:
        UNDO.update(dict.fromkeys(what, function))
        if apart:
            APART.update(dict.fromkeys(what, apart))
        return function

    return mark


def flush(db: Session) -> None:
    """Write; of two who do the same at one moment the second is told (`Changed`)."""
    try:
        db.flush()
    except IntegrityError:
        raise Changed() from None


def done(
    db: Session,
    company: str,
    who: str,
    what: str,
    target: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
    *,
    call: str | None = None,
    address: str | None = None,
    undoes: int | None = None,
) -> Action:
    """Write down what was changed, and return it with its id. call: id of the call it is about."""
    row = Action(
        company=company, at=at, who=who, what=what, target=target, before=dict(before),
        after=dict(after), undoes=undoes,
    )  # fmt: skip
    db.add(row)
    db.flush()
    details: dict[str, Any] = {"action": row.id, "target": target, "before": dict(before)}
    details |= {"after": dict(after)}
    if undoes is not None:
        details["undoes"] = undoes
    db.add(
        Audit(
            at=at, company=company, who=who, what=what, allowed=True, call=call, address=address,
            details=details,
        )
    )  # fmt: skip
    db.flush()
    return row


def undo(
    db: Session,
    queue: AgentQueue,
    company: Company,
    action: int,
    who: str,
    at: datetime,
    *,
    call: str | None = None,
    address: str | None = None,
) -> Action:
    """Take an action back, in the caller's transaction, and return the action that did it.

    Raises `Changed` where somebody changed the same thing since, `NotUndone` where there is nothing
    to take back; the caller's transaction must end with them.
    """
    row = db.get(Action, action, with_for_update=True)
    if row is None or row.company != company.id:
        raise NotUndone("gone")
    if row.undone_at is not None:
        raise NotUndone("undone", row.undone_by or "")
    if not undoable(row):
        raise NotUndone("never")
    row.undone_at, row.undone_by = at, who
    undone = done(
        db, row.company, who, row.what, row.target, row.after, row.before, at,
        call=call, address=address, undoes=row.id,
    )  # fmt: skip
    UNDO[row.what](Undoing(db, queue, company, row, who, at))
    return undone


def undoable(row: Action) -> bool:
    """Tell whether an action may be taken back, as far as it alone says."""
    return row.undone_at is None and row.undoes is None and row.what in UNDO


def standing(rows: Iterable[Action]) -> set[int]:
    """Return the ids of those that can be taken back now, as far as actions say: of each thing the
    last one that was not undone. rows: newest first, with all that came after the oldest of them.
    """
    found: dict[tuple[Undoer, str, Any], int] = {}
    for row in rows:
        if undoable(row):
            key = row.before.get(APART[row.what]) if row.what in APART else None
            found.setdefault((UNDO[row.what], row.target, key), row.id)
    return set(found.values())


def changer(db: Session, action: Action, *what: str) -> str:
    """Return who changed the same thing last after an action; "" where no supervisor did.

    what: the actions that count; the same word without any.
    """
    wanted = select(Action.who).where(
        Action.company == action.company,
        Action.target == action.target,
        Action.what.in_(what or (action.what,)),
        Action.id > action.id,
        Action.undoes.is_distinct_from(action.id),
    )
    return db.scalar(wanted.order_by(Action.id.desc()).limit(1)) or ""


def last(db: Session, company: str, target: str, *what: str) -> Action | None:
    """Return the newest action of these words on a target."""
    wanted = select(Action).where(
        Action.company == company, Action.target == target, Action.what.in_(what)
    )
    return db.scalar(wanted.order_by(Action.id.desc()).limit(1))


def lately(db: Session, company: str, since: datetime, *beginnings: str) -> list[Action]:
    """Return the actions since a moment, newest first. beginnings: "operator.", "ticket."."""
    wanted = select(Action).where(Action.company == company, Action.at >= since)
    rows = db.scalars(wanted.order_by(Action.id.desc()).limit(200))
    return [row for row in rows if not beginnings or row.what.startswith(beginnings)]
