"""What operators and supervisors know of each other: who listens, who asks for help, messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from agent_desk.office import Office, Shift
from ivr.agent_queue.model import Operator
from ivr.store.models import User
from ivr.store.supervision import HelpRequest, Listening, StaffMessage, StaffMessageSeen

NOTE, TEXT = 200, 500
"""Characters of a note to a request for help, and of a message."""
TOLD = timedelta(minutes=1)
"""How long it is told why somebody is in a talk no more."""


def names(db: Session, company: str) -> dict[str, str]:
    """Return login -> name of everybody, also of who may not sign in any more."""
    rows = db.execute(select(User.login, User.name).where(User.company == company))
    return {row.login: row.name or row.login for row in rows}


def receivers(db: Session, company: str) -> Sequence[str]:
    """Return the logins of those who may sign in."""
    wanted = select(User.login).where(User.company == company, User.enabled)
    return db.scalars(wanted.order_by(User.login)).all()


# ---------------------------------------------------------------------- one desk


def at_desk(office: Office, shift: Shift, operator: Operator) -> dict[str, Any]:
    """Return {"listeners", "listening", "left", "taken_by", "chosen_by", "help", "messages"} of the
    state of one desk.

    listeners: who is in his talk, where the company lets him see it. listening: the talk of a
    colleague that he, a supervisor, is in; left: see `left`. taken_by: who took his last caller
    over, while he wraps up. chosen_by: who chose his status for him, "" himself.
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
            "left": left(db, office, shift, known),
            "taken_by": _taken_by(db, operator, known),
            "chosen_by": known.get(operator.by, operator.by) if operator.by != shift.login else "",
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


def left(
    db: Session, office: Office, shift: Shift, known: Mapping[str, str]
) -> dict[str, str] | None:
    """Return {"token", "name", "why", "by"} of the talk that a supervisor is in no more although
    he did not leave it; None where there was none a moment ago.

    name: the operator's. why: "taken" over by somebody else (`by`), "broken" off while the caller
    is still the operator's, "talk": it is over or was passed on; "lost", "no_answer", "failed": his
    own telephone.
    """
    own = select(Listening).where(
        Listening.company == shift.company, Listening.supervisor == shift.login,
        Listening.ended_at > office.now() - TOLD,
    )  # fmt: skip
    row = db.scalar(own.order_by(Listening.ended_at.desc(), Listening.id.desc()).limit(1))
    if row is None or row.why in ("supervisor", "taken"):
        return None
    why, by = row.why, ""
    ticket = office.queue.ticket(row.call) if why == "talk" else None
    if why == "talk" and (by := _taker(db, row.call, row.operator, row.began_at)):
        why = "taken"
    elif ticket is not None and ticket.state != "done" and ticket.operator == row.operator:
        why = "broken"
    name = known.get(row.operator, row.operator)
    return {"token": row.token, "name": name, "why": why, "by": known.get(by, by)}


def _taken_by(db: Session, operator: Operator, known: Mapping[str, str]) -> str:
    """Return who took the caller over whose talk an operator wraps up, "" where nobody did."""
    if operator.state != "wrap_up" or not operator.ticket:
        return ""
    began = datetime.fromtimestamp(operator.since, UTC) - TOLD
    by = _taker(db, operator.ticket, operator.name, began)
    return known.get(by, by)


def _taker(db: Session, call: str, operator: str, since: datetime) -> str:
    """Return who took a caller over from an operator since then, or is about to; "": nobody."""
    wanted = select(Listening.supervisor).where(
        Listening.call == call, Listening.operator == operator, Listening.mode == "take",
        or_(Listening.ended_at.is_(None), Listening.ended_at >= since),
        or_(Listening.why == "taken", Listening.ended_at.is_(None)),
    )  # fmt: skip
    return db.scalar(wanted.order_by(Listening.id.desc()).limit(1)) or ""


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
