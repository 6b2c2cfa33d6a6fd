"""What operators and supervisors know of each other: who listens, who asks for help, messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from agent_desk.office import Office, Shift
from ivr.agent_queue.model import Operator
from ivr.store.models import User
from ivr.store.supervision import HelpRequest, Listening, StaffMessage, StaffMessageSeen

NOTE, TEXT = 200, 500
"""Characters of a note to a request for help, and of a message."""


def names(db: Session, company: str) -> dict[str, str]:
    """Return login -> name of everybody who may sign in."""
    rows = db.execute(select(User.login, User.name).where(User.company == company, User.enabled))
    return {row.login: row.name for row in rows}


# ---------------------------------------------------------------------- one desk


def at_desk(office: Office, shift: Shift, operator: Operator) -> dict[str, Any]:
    """Return {"listeners", "listening", "help", "messages"} of the state of one desk.

    listeners: who is in his talk, where the company lets him see it. listening: the talk of a
    colleague that he, a supervisor, is in.
    """
    with office.store.session(read_only=True) as db:
        known = names(db, shift.company)
        rows = listenings(db, shift.company)
        shown = office.companies[shift.company].terms.listening.shown
        return {
            "listeners": [
                {"name": known.get(row.supervisor, row.supervisor), "mode": row.mode}
                for row in rows
                if shown and row.operator == shift.login and row.call == operator.ticket
                if row.heard_at is not None
            ],
            "listening": next(
                (
                    {
                        "token": row.token,
                        "name": known.get(row.operator, row.operator),
                        "mode": row.mode,
                        "heard": row.heard_at is not None,
                    }
                    for row in rows
                    if row.supervisor == shift.login
                ),
                None,
            ),
            "help": _own_help(db, shift, known),
            "messages": [
                {
                    "id": row.id,
                    "name": known.get(row.sender, row.sender),
                    "text": row.text,
                    "to_all": row.receiver == "",
                    "sent_at": row.sent_at.timestamp(),
                    "until": row.until.timestamp(),
                }
                for row in db.scalars(unseen(shift, office.now()))
            ],
        }


def _own_help(db: Session, shift: Shift, known: Mapping[str, str]) -> dict[str, Any] | None:
    wanted = open_help(shift.company).where(HelpRequest.operator == shift.login)
    row = db.scalar(wanted)
    if row is None:
        return None
    taken = known.get(row.taken_by, row.taken_by) if row.taken_by else ""
    return {"id": row.id, "note": row.note, "since": row.asked_at.timestamp(), "taken": taken}


def unseen(shift: Shift, now: datetime) -> Select[StaffMessage]:
    """Return the messages that he is to see: to him or to all, by others, not seen by him yet."""
    seen = select(StaffMessageSeen.message_id).where(StaffMessageSeen.login == shift.login)
    return (
        open_messages(shift.company, now)
        .where(
            or_(StaffMessage.receiver == shift.login, StaffMessage.receiver == ""),
            StaffMessage.sender != shift.login,
            StaffMessage.id.not_in(seen),
        )
        .order_by(StaffMessage.id)
    )


# ---------------------------------------------------------------------- what there is


def listens(office: Office, shift: Shift) -> bool:
    """Tell whether somebody is in a colleague's talk, or is being rung for it."""
    with office.store.session(read_only=True) as db:
        return any(row.supervisor == shift.login for row in listenings(db, shift.company))


def listenings(db: Session, company: str) -> Sequence[Listening]:
    """Return who listens now, or is being rung to."""
    wanted = select(Listening).where(Listening.company == company, Listening.ended_at.is_(None))
    return db.scalars(wanted.order_by(Listening.id)).all()


def open_help(company: str) -> Select[HelpRequest]:
    """Return the requests for help that are not over."""
    wanted = select(HelpRequest).where(HelpRequest.company == company, HelpRequest.live.is_(True))
    return wanted.order_by(HelpRequest.id)


def open_messages(company: str, now: datetime) -> Select[StaffMessage]:
    """Return the messages that are shown now."""
    return select(StaffMessage).where(
        StaffMessage.company == company,
        StaffMessage.until > now,
        StaffMessage.withdrawn_at.is_(None),
    )
