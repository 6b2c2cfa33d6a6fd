"""Callers who come first: an operator raises one, with a reason; supervisors see all of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from flask import Blueprint, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import talks
from agent_desk.body import body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused
from ivr.agent_queue.model import PRIORITIES, Ticket
from ivr.services import priority
from ivr.store.models import Audit

RAISED = "raise_priority"
LONGEST = 400
DAYS = 7

blueprint = Blueprint("priority", __name__)


@blueprint.post("/priority")
def raise_caller() -> Response:
    """Let the caller of a talk come first for the rest of the call.

    Who did it, and why, is stored before it is done.
    """
    sent = body()
    ticket, reason = sent.name("ticket"), sent.text("reason", longest=LONGEST)
    _, found = talks.mine(ticket, RAISED)
    if PRIORITIES.index(found.priority) >= PRIORITIES.index(priority.MARK):
        raise Refused("first_already", 409, audit=RAISED, call=ticket)
    with office().store.session() as db:
        _keep(db, found, reason)
    if not office().queue.raise_to(ticket, priority.MARK, office().clock()):
        raise Refused("too_late", 409, audit=RAISED, call=ticket)
    order = {"do": "raised", "ticket": ticket, "operator": shift().login, "reason": reason}
    office().queue.send(order)
    talks.touch()
    return jsonify({})


def _keep(db: Session, found: Ticket, reason: str) -> None:
    who, now = shift(), office().now()
    db.add(
        Audit(
            at=now, company=who.company, who=who.login, what=RAISED, allowed=True, call=found.id,
            address=request.remote_addr, details={"reason": reason, "was": found.priority},
        )
    )  # fmt: skip
    account = priority.account_of(db, who.company, found.context.get("account"))
    priority.alert(
        db, company(), found.id, now, why="raised", number=found.number, account=account,
        queue=found.queue, who=who.login, reason=reason,
    )  # fmt: skip


def raised(db: Session, company_id: str, call: str) -> dict[str, str] | None:
    """Return who raised a call and why, None where nobody did."""
    wanted = (
        select(Audit)
        .where(
            Audit.company == company_id,
            Audit.call == call,
            Audit.what == RAISED,
            Audit.allowed.is_(True),
        )
        .order_by(Audit.id.desc())
    )
    row = db.scalar(wanted.limit(1))
    return {"who": row.who, "reason": str(row.details.get("reason", ""))} if row else None


@blueprint.get("/priority")
def shown() -> Response:
    """List the calls of the last days that came first, and why; for supervisors."""
    if not shift().may("supervisor"):
        raise Refused("not_allowed", 403, audit="list_priority_calls")
    since = office().now() - timedelta(days=DAYS)
    with office().store.session(read_only=True) as db:
        known = priority.calls(db, shift().company, since)
    return jsonify(calls=[{**asdict(each), "at": each.at.timestamp()} for each in known])
