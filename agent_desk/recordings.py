"""Recorded talks: for supervisors, and every listening is noted."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from agent_desk.inbox import play
from agent_desk.office import office, shift
from agent_desk.refusals import Refused, note
from ivr.store.models import Conversation

SHOWN = 100

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
    with office().store.session(read_only=True) as db:
        row = db.get(Conversation, key)
    if row is None or row.company != shift().company or not row.recording:
        raise Refused("gone", 404)
    note("play_recording", call=row.call, recording=key)
    return play(row.recording)
