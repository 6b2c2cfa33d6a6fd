"""What could not be delivered to the outside world: supervisors see it and have it tried again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from agent_desk.body import body
from agent_desk.office import office, shift
from agent_desk.refusals import Refused, note
from ivr import outbox
from ivr.store.models import OutboxEntry

SHOWN = 200

blueprint = Blueprint("undelivered", __name__)


def count() -> int:
    """Return how many entries of the company are dead."""
    dead = (OutboxEntry.company == shift().company, OutboxEntry.state == "dead")
    with office().store.session(read_only=True) as db:
        return db.scalar(select(func.count(OutboxEntry.id)).where(*dead)) or 0


@blueprint.get("/outbox")
def listed() -> Response:
    """List what is dead, the newest first; never what is in it."""
    _only_supervisors()
    wanted = select(OutboxEntry).where(
        OutboxEntry.company == shift().company, OutboxEntry.state == "dead"
    )
    with office().store.session(read_only=True) as db:
        rows = db.scalars(wanted.order_by(OutboxEntry.id.desc()).limit(SHOWN)).all()
    return jsonify(dead=[_shown(row) for row in rows])


def _shown(row: OutboxEntry) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "what": row.payload.get("what", ""),
        "tries": row.tries,
        "error": row.last_error,
        "since": row.created_at.timestamp(),
        "died": row.done_at.timestamp() if row.done_at else None,
        "late": row.until is not None and row.until <= office().now(),
    }


@blueprint.post("/outbox/retry")
def retry() -> Response:
    """Have an entry tried again at once, unless it is too late for it."""
    _only_supervisors()
    entry = int(body().number("id", 1, 2**31 - 1) or 0)
    with office().store.session(read_only=True) as db:
        row = db.get(OutboxEntry, entry)
    if row is None or row.company != shift().company:
        raise Refused("not_found", 404)
    if not outbox.retry(office().store, office().now(), entry):
        raise Refused("too_late", 409)
    note("outbox_retry", entry=entry, kind=row.kind)
    return jsonify({})


def _only_supervisors() -> None:
    if not shift().may("supervisor"):
        raise Refused("not_allowed", 403, audit="outbox")
