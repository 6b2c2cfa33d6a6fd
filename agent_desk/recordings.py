"""Recorded talks: for supervisors, and every listening is noted."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, jsonify, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from agent_desk.inbox import play
from agent_desk.office import office, shift
from agent_desk.refusals import Refused, note
from ivr.store.models import Audit, Conversation

SHOWN = 100
AGAIN = timedelta(minutes=5)
"""A player asks for a recording piece by piece: what he asks for so soon is the same listening."""

blueprint = Blueprint("recordings", __name__)


def _supervisor(what: str, call: str | None = None, **details: object) -> None:
    if not shift().may("supervisor"):
        raise Refused("not_allowed", 403, audit=what, call=call, **details)


@blueprint.get("/recordings")
def recordings() -> Response:
    """List the recorded talks of a call, else the latest ones."""
    call = request.args.get("call", "")[:120]
    _supervisor("list_recordings", call or None)
    wanted = (
        select(Conversation)
        .where(Conversation.company == shift().company, Conversation.recording.is_not(None))
        .order_by(Conversation.answered_at.desc())
        .limit(SHOWN)
    )
    if call:
        wanted = wanted.where(Conversation.call == call)
    with office().store.session(read_only=True) as db:
        rows = [
            {
                "id": row.id,
                "call": row.call,
                "operator": row.operator,
                "queue": row.queue,
                "number": row.caller_number,
                "at": row.answered_at.timestamp(),
                "ended": row.ended_at.timestamp() if row.ended_at else None,
                "code": row.code,
            }
            for row in db.scalars(wanted)
        ]
    return jsonify(recordings=rows)


@blueprint.get("/recordings/<int(max=2147483647):key>/sound")
def sound(key: int) -> Response:
    """Return the sound of a talk."""
    _supervisor("play_recording", recording=key)
    return heard(key)


def heard(key: int, operator: str = "") -> Response:
    """Return the sound of a talk, or the piece that is asked for, and note who hears it.

    operator: only a talk of his.
    """
    with office().store.session(read_only=True) as db:
        row = db.get(Conversation, key)
    if row is None or row.company != shift().company or operator not in ("", row.operator):
        raise Refused("gone", 404, audit="play_recording", recording=key)
    if not row.recording:
        raise Refused("gone", 404)
    answer = play(row.recording)
    if not _noted(key):
        note("play_recording", call=row.call, recording=key)
    return answer


def _noted(key: int) -> bool:
    """Whether this listening of his stands in the audit log."""
    since = office().now() - AGAIN
    wanted = select(Audit.details).where(
        Audit.company == shift().company, Audit.at >= since, Audit.who == shift().login,
        Audit.what == "play_recording", Audit.allowed.is_(True),
    )  # fmt: skip
    with office().store.session(read_only=True) as db:
        return any(details.get("recording") == key for details in db.scalars(wanted))
