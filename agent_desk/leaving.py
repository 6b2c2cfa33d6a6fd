"""How a sign-in ends before its time: he signs out, or a supervisor signs him out.

A supervisor's order is an action of its own. It is carried out at once, but a talk and its wrap-up
come to their end first; until then it can be taken back. Whoever was signed out may sign in again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from agent_desk import phone, staff, steer
from agent_desk.office import Office
from agent_desk.steer import LOG_OUT
from ivr.actions import Undoing, last, undoes
from ivr.agent_queue.model import Operator, QueueDown
from ivr.errors import Unfit
from ivr.store.models import SignIn, User
from ivr.store.supervision import Action, HelpRequest


def busy(known: Operator | None) -> bool:
    """Tell whether an operator is in a talk, cut off from one, or in its wrap-up."""
    if known is None:
        return False
    cut_off = known.state == "disconnected" and bool(known.ticket)
    return known.state in ("talking", "wrap_up") or cut_off


def order(db: Session, company: str, login: str, since: datetime) -> Action | None:
    """Return the log-out that holds for who has been signed in since then."""
    wanted = select(Action).where(
        Action.company == company, Action.at > since, Action.target == login,
        Action.what == LOG_OUT, Action.undoes.is_(None), Action.undone_at.is_(None),
    )  # fmt: skip
    return db.scalar(wanted.order_by(Action.id.desc()).limit(1))


def ordered(parts: Office, company: str, login: str, since: datetime) -> dict[str, Any] | None:
    """Return {"name", "at"} of the log-out that holds for who has been signed in since then.

    name: the supervisor's. at: seconds since 1970.
    """
    with parts.store.session(read_only=True) as db:
        action = order(db, company, login, since)
        if action is None:
            return None
        name = staff.names(db, company).get(action.who, action.who)
    return {"name": name, "at": action.at.timestamp()}


def due(parts: Office, db: Session, row: SignIn) -> bool:
    """Tell whether a supervisor's log-out ends a sign-in now."""
    company, login = row.user.company, row.user.login
    if order(db, company, login, row.created_at) is None:
        return False
    try:
        return not busy(parts.queue.operator(company, login))
    except QueueDown:
        return False  # nobody knows whether he talks


# ---------------------------------------------------------------------- by a supervisor


def log_out(hand: steer.Hand, name: str, seen: Mapping[str, Any]) -> None:
    """Sign an operator out. seen: his status and reason on the supervisor's page. `carry_out`
    comes after the transaction.
    """
    if name == hand.who:
        raise Unfit("floor_yourself")
    steer.choose(hand, LOG_OUT, name, {"status": "offline", "reason": "", "limit": 0.0}, seen)


@undoes(LOG_OUT)
def _called_off(undoing: Undoing) -> None:
    """Let him stay, with the status of before, while his talk still goes on."""
    action, company = undoing.action, undoing.company.id
    newest = last(undoing.db, company, action.target, LOG_OUT)
    known = undoing.queue.operator(company, action.target)
    if newest is not None and newest.id > action.id and newest.undoes != action.id:
        raise undoing.refuse(LOG_OUT)
    if not busy(known):
        raise Unfit("floor_signed_out", operator=known.shown if known else action.target)
    steer.status_back(undoing)


def carry_out(parts: Office, company: str, login: str) -> None:
    """End the sign-ins that a supervisor's log-out ends now; nothing where there is none."""
    with parts.store.session() as db:
        wanted = (
            select(SignIn)
            .join(SignIn.user)
            .options(joinedload(SignIn.user))
            .where(User.company == company, User.login == login, SignIn.ended_at.is_(None))
        )
        over = [row for row in db.scalars(wanted) if due(parts, db, row)]
        for row in over:
            row.ended_at = parts.now()
        if over:
            asking = staff.open_help(company).where(HelpRequest.operator == login)
            for asked in db.scalars(asking):
                asked.live, asked.ended_at = None, parts.now()
    if over:
        dismiss(parts, company, login)
    parts.queue.tell(company, login)  # his desk looks at once, in whatever process it is


# ---------------------------------------------------------------------- his telephone


def dismiss(parts: Office, company: str, login: str) -> None:
    """Let an operator's browser telephone register no more, and be rung no more; a supervisor who
    is in a colleague's talk leaves it.
    """
    with parts.store.session(read_only=True) as db:
        own = [row for row in staff.listenings(db, company) if row.supervisor == login]
    for row in own:
        parts.queue.send({"do": "leave_talk", "company": company, "token": row.token})
    known = parts.queue.operator(company, login)
    if known is not None:
        phone.lost(parts, known)
    parts.queue.send({"do": "dismiss_phone", "company": company, "operator": login})
