"""The page floor: operators and waiting callers as they are now, and what can be done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import leaving, staff, steer
from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused
from agent_desk.supervisor import shell
from ivr import actions, hours_changes
from ivr.agent_queue.model import STATUSES, Operator, Ticket
from ivr.services.queues import AHEAD
from ivr.store.models import Company
from ivr.store.supervision import Action

SHOWN = 200
"""Callers shown at once, in the order of service; the page tells how many there are."""
BACK = timedelta(hours=4)
"""How far back the list of what was done reaches."""
KINDS = ("operator.", "ticket.")
SUPERVISOR = "supervisor"
"""Reason of a pause where the company has no other one."""

blueprint = Blueprint("floor", __name__)


@blueprint.get("/floor/")
def page() -> str:
    """Show the page."""
    profile = company()
    queues = [queue for queue in profile.queues if profile.word_of(queue) != steer.DANGER]
    return shell.show(
        "floor", "listen_", "help_", "message_", "priority_",
        pauses=list(profile.pauses) or [SUPERVISOR], lifted=list(steer.LIFTED), into=queues,
    )  # fmt: skip


# ---------------------------------------------------------------------- what is


@blueprint.get("/floor/state")
def state() -> Response:
    """Return everything the page shows."""
    return jsonify(_state())


def _state() -> dict[str, Any]:
    parts, profile, now = office(), company(), office().now()
    operators = parts.queue.operators(profile.id)
    tickets = parts.queue.waiting(profile.id)
    by_id = {ticket.id: ticket for ticket in tickets}
    waiting = [ticket for ticket in tickets if ticket.state != "talking"]
    with parts.store.session(read_only=True) as db:
        opening = hours_changes.known(db, profile, now).opening
        closed = [queue for queue in profile.queues if not opening.is_open(queue, now)]
        people = staff.names(db, profile.id)
        done = actions.lately(db, profile.id, now - BACK, *KINDS)
    moved, standing = _moved(done), actions.standing(done)
    return {
        "time": now.timestamp(),
        "operators": [_operator(o, by_id.get(o.ticket)) for o in operators if _shown(o)],
        "queues": [_queue(name, waiting, operators, closed) for name in profile.queues],
        "waiting": [
            _waiting(each, moved.get((each.id, each.queue), "")) for each in waiting[:SHOWN]
        ],
        "count": len(waiting),
        "actions": [_done(row, people, row.id in standing) for row in done],
        "people": {name: people[name] for name in _concerned(done) if name in people},
    }


def _moved(done: Sequence[Action]) -> dict[tuple[str, str], str]:
    """Return call and queue he was moved to -> queue he was moved out of. done: newest first."""
    stands = [
        row for row in done if row.what == steer.MOVE and not row.undoes and not row.undone_at
    ]
    return {(row.target, row.after["queue"]): row.before["queue"] for row in reversed(stands)}


def _concerned(done: Sequence[Action]) -> set[str]:
    """Return the logins of the operators to whom something was done; they may have gone home."""
    given = {values.get("operator", "") for row in done for values in (row.before, row.after)}
    return given | {row.target for row in done}


def _shown(operator: Operator) -> bool:
    return operator.status != "offline" or operator.state != "idle"


def _operator(operator: Operator, ticket: Ticket | None) -> dict[str, Any]:
    return {
        "name": operator.name,
        "shown": operator.shown or operator.name,
        "status": operator.status,
        "reason": operator.reason,
        "state": operator.state,
        "since": operator.since,
        "until": operator.until,
        "skills": dict(operator.skills),
        "desk": bool(operator.tab and operator.endpoint),
        "ticket": operator.ticket,
        "token": operator.token,
        "queue": ticket.queue if ticket else "",
        "caller": steer.masked(ticket.number) if ticket else "",
    }


def _waiting(ticket: Ticket, moved: str) -> dict[str, Any]:
    """moved: the queue a supervisor took him out of, "" where none has."""
    return {
        "id": ticket.id,
        "kind": ticket.kind,
        "queue": ticket.queue,
        "state": ticket.state,
        "entered": ticket.entered,
        "priority": ticket.priority,
        "lifted": bool(ticket.lifted),
        "moved": moved,
        "caller": steer.masked(ticket.number),
        "language": ticket.language,
        "reason": str(ticket.context.get("reason") or ""),
        "operator": ticket.operator or (ticket.sticky if ticket.held else ""),
        "first": ticket.priority in AHEAD,
    }


def _queue(
    name: str, waiting: Sequence[Ticket], operators: Sequence[Operator], closed: Sequence[str]
) -> dict[str, Any]:
    """longest: when the one who waits longest came in, None where nobody waits."""
    mine = [ticket for ticket in waiting if ticket.queue == name]
    serving = [o for o in operators if name in o.skills and o.status != "offline"]
    return {
        "queue": name,
        "waiting": len(mine),
        "longest": min((ticket.entered for ticket in mine), default=None),
        "serving": sum(o.state != "disconnected" for o in serving),
        "free": sum(o.status == "ready" and o.state == "idle" for o in serving),
        "closed": name in closed,
    }


def _done(row: Action, people: Mapping[str, str], standing: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.timestamp(),
        "who": people.get(row.who, row.who),
        "what": row.what.replace(".", "_"),
        "target": row.target,
        "caller": row.before.get("caller") or row.after.get("caller"),
        "before": row.before,
        "after": row.after,
        "undoes": row.undoes,
        "undone": people.get(row.undone_by or "", row.undone_by or ""),
        "undoable": standing,
    }


# ---------------------------------------------------------------------- what is done


def _hand(db: Session) -> steer.Hand:
    """Those who steer come one after the other: who comes second finds who was first."""
    db.scalar(select(Company.id).where(Company.id == company().id).with_for_update(key_share=True))
    return steer.Hand(
        db, office().queue, company(), shift().login, office().now(), request.remote_addr
    )


@blueprint.post("/floor/status")
def status() -> Response:
    """Set an operator ready, paused for a reason, or sign him out."""
    sent, parts = body(), office()
    name, wanted = sent.name("operator"), sent.choice("status", *STATUSES)
    reason = _reason(sent) if wanted == "paused" else ""
    seen = sent.part("seen") or Body({})
    before = {"status": seen.choice("status", *STATUSES), "reason": seen.name("reason", False)}
    limit = company().pauses.get(reason, 0.0) * 60.0 if reason else 0.0
    with parts.store.session() as db:
        if wanted == "offline":
            leaving.log_out(_hand(db), name, before)
        else:
            steer.set_status(_hand(db), name, wanted, reason, limit, before)
    if wanted == "offline":
        leaving.carry_out(parts, company().id, name)
    return jsonify(_state())


def _reason(sent: Body) -> str:
    reason = sent.name("reason")
    if reason not in (company().pauses or {SUPERVISOR: 0}):
        raise Refused("field", field="reason")
    return reason


@blueprint.post("/floor/skills")
def skills() -> Response:
    """Let an operator serve other queues, for this shift or from now on."""
    sent = body()
    name, kept = sent.name("operator"), sent.flag("kept")
    wanted, seen = _levels(sent, "skills"), _levels(sent, "seen")
    with office().store.session() as db:
        steer.set_skills(_hand(db), name, wanted, kept, seen)
    return jsonify(_state())


def _levels(sent: Body, name: str) -> dict[str, int]:
    """Read queue -> level; level 0 is none."""
    given = sent.mapping(name)
    levels = {queue: int(Body(given).number(queue, 0, 5) or 0) for queue in given}
    return {queue: level for queue, level in levels.items() if level}


@blueprint.post("/floor/move")
def move() -> Response:
    """Let a caller go on in another queue."""
    sent = body()
    call, queue, was = sent.name("ticket"), sent.text("queue", 60), sent.text("was", 60)
    with office().store.session() as db:
        steer.move(_hand(db), call, queue, was)
    return jsonify(_state())


@blueprint.post("/floor/lift")
def lift() -> Response:
    """Give a caller a higher priority."""
    sent = body()
    call, was = sent.name("ticket"), sent.name("was")
    priority = sent.choice("priority", *steer.LIFTED)
    with office().store.session() as db:
        steer.lift(_hand(db), call, priority, was)
    return jsonify(_state())


@blueprint.post("/floor/give")
def give() -> Response:
    """Offer a caller to one operator."""
    sent = body()
    call, operator = sent.name("ticket"), sent.name("operator")
    with office().store.session() as db:
        steer.give(_hand(db), call, operator)
    return jsonify(_state())


@blueprint.post("/floor/withdraw")
def withdraw() -> Response:
    """End a caller's wait; he hears why."""
    sent = body()
    call, was = sent.name("ticket"), sent.text("was", 60)
    with office().store.session() as db:
        steer.withdraw(_hand(db), call, was)
    return jsonify(_state())


@blueprint.post("/floor/undo/<int(max=2147483647):action>")
def undo(action: int) -> Response:
    """Take back what was done."""
    with office().store.session() as db:
        shell.undo(db, action, *KINDS)
    return jsonify(_state())
