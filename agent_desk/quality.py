"""How good the line of each talk is: the last and the worst figures, written now and then."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy import select
from werkzeug.wrappers import Response

from agent_desk import talks
from agent_desk.body import body
from agent_desk.office import Office, office
from agent_desk.phone import line
from ivr.store.models import Conversation

BETWEEN = 20.0
"""Seconds between two writes of one talk: three hundred talks measure all the time."""
MOST = 2000
"""Talks whose figures are held at once."""

blueprint = Blueprint("quality", __name__)


@blueprint.post("/quality")
def quality() -> Response:
    """Take the figures of a talk: loss %, jitter and round trip ms, level."""
    sent = body()
    token, found = sent.name("token"), line(sent)
    talks.holder(token, "quality", "talking", "wrap_up", "disconnected")
    parts = office()
    if _add(parts, token, found):
        with parts.store.session() as db:
            row = db.scalar(select(Conversation).where(Conversation.token == token))
            if row is not None:
                keep(row, parts)
    return jsonify({})


def _add(parts: Office, token: str, found: dict[str, float | None]) -> bool:
    """Join the figures with those before; tells whether it is time to write them."""
    now = parts.clock()
    with parts.lock:
        known = parts.quality.setdefault(token, {"worst": {}, "written": 0.0, "times": 0})
        while len(parts.quality) > MOST:
            parts.quality.pop(next(iter(parts.quality)))
        known["last"], known["times"] = found, known["times"] + 1
        for name, value in found.items():
            if value is not None and name != "level":
                known["worst"][name] = max(value, known["worst"].get(name, 0.0))
        due = bool(now - known["written"] >= BETWEEN)
        if due:
            known["written"] = now
        return due


def keep(row: Conversation, parts: Office) -> None:
    """Write the figures of a talk into its row, beside those of earlier processes."""
    with parts.lock:
        known = parts.quality.get(row.token)
        if known is None:
            return
        worst: dict[str, Any] = dict((row.quality or {}).get("worst") or {})
        for name, value in known["worst"].items():
            worst[name] = max(value, worst.get(name, 0.0))
        row.quality = {"last": known["last"], "worst": worst, "times": known["times"]}
