"""What an operator chooses: ready, a pause, offline; to answer or not; the end of the wrap-up."""

from __future__ import annotations

from flask import Blueprint, jsonify
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import leaving, quality, staff, talks
from agent_desk.board import face
from agent_desk.body import Body, body
from agent_desk.office import company, office, operator, shift
from agent_desk.phone import tested
from agent_desk.refusals import Refused
from ivr.agent_queue.model import STATUSES, Operator
from ivr.store.models import Conversation

LONGEST_MORE = 600
"""Seconds by which a wrap-up is made longer at most at once."""
OWN_REASONS = ("connection",)
"""Reasons of a pause that the page may give by itself."""

blueprint = Blueprint("status", __name__)


@blueprint.post("/status")
def status() -> Response:
    """Change the status; a page that knows an older state of things changes nothing."""
    sent = body()
    wanted = sent.choice("status", *STATUSES)
    reason = sent.name("reason", wanted=False) if wanted == "paused" else ""
    version = sent.number("version", 0, 2**53, wanted=False)
    limit = _limit(reason) if wanted == "paused" else 0.0
    who = shift()
    if wanted != "paused" and staff.listens(office(), who):
        raise Refused("listen_first", 409, audit="status", wanted=wanted)
    if wanted == "ready":
        _may_be_ready()
    changed = office().queue.set_status(
        who.company,
        who.login,
        wanted,
        office().clock(),
        reason=reason,
        limit=limit,
        tab=_tab(),
        version=None if version is None else int(version),
    )
    if changed is None:
        raise Refused("stale", 409, audit="status", wanted=wanted, version=version)
    return jsonify(face(office(), who, changed))


def _tab() -> str:
    known = operator()
    return known.tab if known else ""


def _limit(reason: str) -> float:
    """Return the seconds a pause may last, 0: any time."""
    pauses = company().pauses
    if reason in OWN_REASONS:
        return 0.0
    if reason not in pauses:
        raise Refused("field", field="reason")
    return pauses[reason] * 60.0


def _may_be_ready() -> None:
    known, who = operator(), shift()
    if by := leaving.ordered(office(), who.company, who.login, who.began):
        raise Refused("leaving", 409, name=by["name"])
    if not tested(office(), who):
        raise Refused("not_tested", 409)
    if known is not None and known.state == "wrap_up" and not _has_code(known):
        raise Refused("code_missing", 409)


def _has_code(known: Operator) -> bool:
    wanted = select(Conversation.code).where(Conversation.token == known.token)
    with office().store.session(read_only=True) as db:
        return bool(db.scalar(wanted)) or not company().wrap_up_codes


# ---------------------------------------------------------------------- offers


@blueprint.post("/answer")
def answer() -> Response:
    """Tell whether the telephone that rings may be answered."""
    token = body().name("token")
    known = talks.holder(token, "answer", "offered", "talking")
    if not known.ticket:
        return jsonify({})  # a colleague asks for advice: there is no caller in it
    ticket = office().queue.ticket(known.ticket)
    if ticket is None or ticket.token != token or ticket.state not in _OPEN:
        raise Refused("too_late", 409, audit="answer", call=known.ticket, token=token)
    return jsonify({})


_OPEN = ("offered", "ringing", "talking")


@blueprint.post("/decline")
def decline() -> Response:
    """Let the offer go back to the queue."""
    token = body().name("token")
    known = talks.holder(token, "decline", "offered")
    if not office().queue.unanswered(token, office().clock(), "declined"):
        raise Refused("too_late", 409, audit="decline", call=known.ticket, token=token)
    return jsonify({})


# ---------------------------------------------------------------------- after the talk


@blueprint.post("/wrap-up")
def wrap_up() -> Response:
    """Keep code and note of a talk, and end the wrap-up if it still runs."""
    sent, codes, parts = body(), company().wrap_up_codes, office()
    if codes:
        sent.choice("code", *codes)
    with parts.store.session() as db:
        row = _written(db, sent)
        row.wrapped_at = parts.now()
        quality.keep(row, parts)
        token = row.token
    known = operator()
    if known is not None and known.token == token:
        parts.queue.finish(shift().company, shift().login, parts.clock())
    return jsonify({})


@blueprint.put("/wrap-up")
def write() -> Response:
    """Keep what is written of a talk so far: a wrap-up may run out in the middle of a word."""
    sent = body()
    with office().store.session() as db:
        _written(db, sent)
    return jsonify({})


def _written(db: Session, sent: Body) -> Conversation:
    """Write code, note and account of a talk of his down."""
    token, remark = sent.name("token"), sent.text("note", wanted=False)
    code, codes = sent.text("code", longest=60, wanted=False), company().wrap_up_codes
    if code and codes and code not in codes:
        raise Refused("field", field="code")
    about, known = sent.name("account", wanted=False), operator()
    if known is not None and known.token == token and known.state in talks.ABOUT:
        row: Conversation | None = talks.conversation(db, known)
    else:
        row = db.scalar(_of_mine(token))
    if row is None:
        raise Refused("too_late", 409, audit="wrap_up", token=token)
    row.code, row.note = code or None, remark or None
    if about:
        row.account_id = talks.account(db, about).id
    return row


def _of_mine(token: str) -> Select[Conversation]:
    who = shift()
    return select(Conversation).where(
        Conversation.token == token,
        Conversation.operator == who.login,
        Conversation.company == who.company,
    )


@blueprint.post("/wrap-up/more")
def more() -> Response:
    """Give the wrap-up more time, counted from now."""
    seconds = body().number("seconds", 1, LONGEST_MORE)
    who = shift()
    now = office().clock()
    if not office().queue.extend(who.company, who.login, float(seconds or 0), now):
        raise Refused("too_late", 409, audit="wrap_up_more")
    return jsonify({})
