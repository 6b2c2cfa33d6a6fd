"""Call-backs and voice messages in one list: the oldest promise first."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, jsonify, send_file
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk.body import Body, body
from agent_desk.office import office, operator, shift
from agent_desk.refusals import Refused, note
from ivr import callback_clock, callbacks
from ivr.store.models import Callback, VoiceMessage
from ivr.store.supply import CallbackClock

SHOWN = 200

blueprint = Blueprint("inbox", __name__)


@blueprint.get("/inbox")
def inbox() -> Response:
    """List what is still to be done."""
    with office().store.session(read_only=True) as db:
        rows, now = _callbacks(db), office().now()
        clocks = callback_clock.clocks(db, rows)
        promises = [_callback(row, clocks.get(row.id), now) for row in rows]
        items = [*promises, *map(_message, _messages(db))]
    return jsonify(items=sorted(items, key=lambda item: (item["since"], item["id"]))[:SHOWN])


def _callbacks(db: Session) -> list[Callback]:
    wanted = select(Callback).where(Callback.company == shift().company, Callback.live.is_(True))
    return list(db.scalars(wanted.order_by(Callback.entered_at).limit(SHOWN)))


def _messages(db: Session) -> list[VoiceMessage]:
    wanted = select(VoiceMessage).where(
        VoiceMessage.company == shift().company, VoiceMessage.state == "new"
    )
    return list(db.scalars(wanted.order_by(VoiceMessage.created_at).limit(SHOWN)))


def _callback(row: Callback, clock: CallbackClock | None, now: datetime) -> dict[str, Any]:
    """red, due: when it is pressing and late, null where there is no such rule; clock: which."""
    return {
        "kind": "callback",
        "id": row.id,
        "number": row.number,
        "queue": row.queue,
        "priority": row.priority,
        "state": row.state,
        "since": row.entered_at.timestamp(),
        "tries": row.tries,
        "next_at": row.next_at.timestamp(),
        "operator": row.operator,
        "account": row.context.get("account"),
        "red": clock.red_at.timestamp() if clock else None,
        "due": clock.due_at.timestamp() if clock else None,
        "clock": callback_clock.mark(clock, now),
    }


def _message(row: VoiceMessage) -> dict[str, Any]:
    return {
        "kind": "message",
        "id": row.id,
        "number": row.number,
        "queue": row.queue,
        "since": row.created_at.timestamp(),
        "tries": 0,
        "next_at": None,
        "account": None,
    }


@blueprint.post("/inbox/callback/<int(max=2147483647):key>")
def callback(key: int) -> Response:
    """Take a call-back now, or end it: done, or cancelled for a reason."""
    sent = body()
    do = sent.choice("do", "take", "done", "cancel")
    {"take": _take, "done": _done, "cancel": _cancel}[do](key, sent)
    office().live.refresh(shift().company)
    return jsonify({})


def _take(key: int, _sent: Body) -> None:
    known = operator()
    if known is None or known.status != "ready" or known.state != "idle":
        raise Refused("not_free", 409)
    with office().store.session(read_only=True) as db:
        row = _mine(db.get(Callback, key))
        if row.state != "due":
            raise Refused("too_late", 409)
    office().queue.send({"do": "call_back", "callback": key, "operator": shift().login})


def _done(key: int, _sent: Body) -> None:
    parts = office()
    with parts.store.session() as db:
        row = _mine(callbacks.of(db, key))
        if row.state != "due":
            raise Refused("too_late", 409)
        row.state, row.live, row.ended_at = "done", None, parts.now()
        row.operator = shift().login
    _leave(key, "called_back")
    note("callback_done", callback=key)


def _cancel(key: int, sent: Body) -> None:
    reason = sent.text("reason", longest=400)
    parts = office()
    with parts.store.session() as db:
        if not callbacks.cancel(_mine(callbacks.of(db, key)), parts.now()):
            raise Refused("too_late", 409)
    _leave(key, "deflected")
    note("callback_cancel", callback=key, reason=reason)


def _leave(key: int, outcome: str) -> None:
    """Take the call-back out of the queue, where it waits for a free operator."""
    office().queue.leave(f"callback-{key}", outcome, office().clock())


def _mine(row: Callback | None) -> Callback:
    if row is None or row.company != shift().company:
        raise Refused("gone", 404)
    return row


# ---------------------------------------------------------------------- voice messages


@blueprint.post("/inbox/message/<int(max=2147483647):key>")
def message(key: int) -> Response:
    """Note that a voice message was dealt with."""
    body().choice("do", "done")
    parts = office()
    with parts.store.session() as db:
        row = _message_of(db, key)
        if row.state != "new":
            raise Refused("too_late", 409)
        row.state, row.handled_by, row.handled_at = "done", shift().login, parts.now()
    office().live.refresh(shift().company)
    return jsonify({})


@blueprint.get("/inbox/message/<int(max=2147483647):key>/sound")
def sound(key: int) -> Response:
    """Return the sound of a voice message; each listening is noted."""
    with office().store.session(read_only=True) as db:
        row = _message_of(db, key)
    note("play_message", call=row.call, message=key)
    return play(row.path)


def _message_of(db: Session, key: int) -> VoiceMessage:
    row = db.get(VoiceMessage, key)
    if row is None or row.company != shift().company:
        raise Refused("gone", 404)
    return row


def play(path: str) -> Response:
    """Return a sound below the folder of recordings, and nothing that is elsewhere."""
    folder = office().recordings.resolve()
    found = (folder / Path(path)).resolve()
    if not found.is_relative_to(folder) or not found.is_file():
        raise Refused("gone", 404)
    answer = send_file(found, mimetype="audio/wav", conditional=True, max_age=0)
    answer.headers["Content-Disposition"] = "inline"
    return answer
