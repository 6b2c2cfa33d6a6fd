"""Forms an operator has begun: kept with the call, so that whoever gets the caller goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import talks
from agent_desk.board import KEPT
from agent_desk.body import body
from agent_desk.office import office, shift
from agent_desk.refusals import Refused
from ivr.agent_queue.model import QueueDown
from ivr.store.models import Draft

LONGEST = 16_000
"""Characters of one draft."""
BEFORE = ("offered", *talks.ABOUT)

blueprint = Blueprint("drafts", __name__)


@blueprint.put("/draft")
def draft() -> Response:
    """Keep what stands in a form now."""
    sent = body()
    call, form, values = sent.name("call"), sent.name("form"), sent.mapping("values")
    if form.startswith(KEPT) or len(json.dumps(values)) > LONGEST:
        raise Refused("field", field="form" if form.startswith(KEPT) else "values")
    with suppress(QueueDown):  # whose call it is cannot be seen then; nothing typed may be lost
        talks.mine(call, "draft", BEFORE)
    with office().store.session() as db:
        write(db, call, form, values)
    return jsonify({})


def write(db: Session, call: str, form: str, values: dict[str, Any]) -> None:
    """Keep a draft in place of the one before."""
    row = db.get(Draft, (call, form))
    if row is None:
        row = Draft(call=call, form=form)
        db.add(row)
    row.values, row.operator, row.saved_at = values, shift().login, office().now()
