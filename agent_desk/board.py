"""What the page shows, as JSON texts: one part for each operator, one for all of a company.

The two are put together for every desk, so that the common part is made once for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent_desk import leaving, staff
from agent_desk.caller import caller
from agent_desk.office import Office, Shift
from agent_desk.phone import tested
from ivr.agent_queue.model import Operator, Rules, Ticket
from ivr.company import Company
from ivr.store.models import Audit, Callback, Conversation, Draft, VoiceMessage
from ivr.store.supply import CallbackClock

RINGING = ("offered", "ringing")
JUST_NOW = 60
"""Seconds since a talk broke off in which its two are brought together without a question."""
KEPT = "reading/"
"""Drafts whose form begins so are the server's own (`agent_desk.readings`)."""


# ---------------------------------------------------------------------- one operator


def own(office: Office, shift: Shift, operator: Operator, language: str) -> dict[str, Any]:
    """Return {"operator", "offer", "talk", "leaving"} of one desk, and what `staff` adds.

    leaving: who signed him out from the end of his talk on.
    """
    ticket = office.queue.ticket(operator.ticket) if operator.ticket else None
    return {
        "operator": face(office, shift, operator),
        "offer": _offer(office, operator, ticket, language),
        "talk": _talk(office, operator, ticket, language),
        "leaving": leaving.ordered(office, shift.company, shift.login, shift.began),
        **staff.at_desk(office, shift, operator),
    }


def face(office: Office, shift: Shift, operator: Operator) -> dict[str, Any]:
    """Return what the page knows of the operator himself."""
    return {
        "name": operator.name,
        "shown": operator.shown,
        "status": operator.status,
        "reason": operator.reason,
        "state": operator.state,
        "since": operator.since,
        "until": operator.until,
        "version": operator.version,
        "tested": tested(office, shift),
        "skills": dict(operator.skills),
    }


def _offer(
    office: Office, operator: Operator, ticket: Ticket | None, language: str
) -> dict[str, Any] | None:
    if ticket is None or ticket.state not in RINGING or ticket.token != operator.token:
        return None
    rules = office.companies[operator.company].queues.get(ticket.queue, Rules())
    wait = rules.lease if ticket.state == "offered" else rules.ring
    return {
        "token": ticket.token,
        "ticket": ticket.id,
        "kind": ticket.kind,
        "back": any(o.back for o in office.queue.offers() if o.token == ticket.token)
        or _cut_off(office, operator, ticket),
        "until": ticket.since + wait,
        "caller": _caller(office, ticket, language),
    }


def _cut_off(office: Office, operator: Operator, ticket: Ticket) -> bool:
    """Tell whether the operator's last talk with this caller broke off a moment ago."""
    soon = office.now() - timedelta(seconds=JUST_NOW)
    wanted = select(Conversation.id).where(
        Conversation.call == ticket.id,
        Conversation.operator == operator.name,
        Conversation.interrupted.is_(True),
        Conversation.ended_at > soon,
    )
    with office.store.session(read_only=True) as db:
        return db.scalar(wanted.limit(1)) is not None


def _talk(
    office: Office, operator: Operator, ticket: Ticket | None, language: str
) -> dict[str, Any] | None:
    states = {"talking": "talking", "disconnected": "broken", "wrap_up": "wrap_up"}
    if ticket is None or operator.state not in states:
        return None
    with office.store.session(read_only=True) as db:
        row = db.scalar(select(Conversation).where(Conversation.token == operator.token))
        recording = _recording(db, ticket, row)
        drafts = {draft.form: draft.values for draft in _drafts(db, ticket.id)}
    return {
        "token": operator.token,
        "ticket": ticket.id,
        "kind": ticket.kind,
        "since": operator.since if row is None else row.answered_at.timestamp(),
        "state": states[operator.state],
        "code": row.code if row else None,
        "note": row.note if row else None,
        "recording": recording,
        "drafts": drafts,
        "caller": _caller(office, ticket, language),
    }


def _drafts(db: Session, call: str) -> Sequence[Draft]:
    wanted = select(Draft).where(Draft.call == call, ~Draft.form.startswith(KEPT))
    return db.scalars(wanted).all()


def _recording(db: Session, ticket: Ticket, row: Conversation | None) -> str:
    """Tell "on", "paused" or "off"; the last word about a pause stands in the audit log."""
    if bool(ticket.context.get("unrecorded")) or (row is not None and row.recording is None):
        return "off"
    wanted = select(Audit.details).where(
        Audit.company == ticket.company, Audit.what == "pause_recording", Audit.call == ticket.id
    )
    details = db.scalar(wanted.order_by(Audit.id.desc()).limit(1))
    return "paused" if details and details.get("paused") else "on"


def _caller(office: Office, ticket: Ticket, language: str) -> dict[str, Any]:
    company = office.companies[ticket.company]
    with office.store.session(read_only=True) as db:
        return caller(db, company, ticket, office.answers, language, office.clock())


# ---------------------------------------------------------------------- all of a company


def figures(office: Office, company: Company, operators: Sequence[Operator]) -> str:
    """Return {"queues", "inbox", "colleagues"} as JSON."""
    waiting = [t for t in office.queue.waiting(company.id) if t.state in ("waiting", *RINGING)]
    with office.store.session(read_only=True) as db:
        inbox = _inbox(db, company.id, office.now())
    shown = {
        "queues": [_queue(name, waiting, operators) for name in company.queues],
        "inbox": inbox,
        "colleagues": [_colleague(o) for o in operators if o.status != "offline"],
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _queue(name: str, waiting: Sequence[Ticket], operators: Sequence[Operator]) -> dict[str, Any]:
    """longest: when the one who waits longest came in, null where nobody waits."""
    tickets = [ticket for ticket in waiting if ticket.queue == name]
    serving = [o for o in operators if name in o.skills and o.status != "offline"]
    return {
        "queue": name,
        "waiting": len(tickets),
        "longest": min((ticket.entered for ticket in tickets), default=None),
        "serving": len(serving),
        "free": sum(o.status == "ready" and o.state == "idle" for o in serving),
    }


def _colleague(operator: Operator) -> dict[str, str]:
    return {
        "name": operator.name,
        "shown": operator.shown,
        "status": operator.status,
        "state": operator.state,
    }


def _inbox(db: Session, company: str, now: datetime) -> Mapping[str, int]:
    """late: promises to call back whose time is over."""
    callbacks = select(func.count(Callback.id)).where(
        Callback.company == company, Callback.live.is_(True)
    )
    messages = select(func.count(VoiceMessage.id)).where(
        VoiceMessage.company == company, VoiceMessage.state == "new"
    )
    late = callbacks.join(CallbackClock, CallbackClock.callback_id == Callback.id).where(
        CallbackClock.due_at <= now
    )
    counts = {"callbacks": callbacks, "messages": messages, "late": late}
    return {name: db.scalar(wanted) or 0 for name, wanted in counts.items()}
