"""The answer base as the page asks it."""

from __future__ import annotations

from flask import Blueprint, g, jsonify, request
from werkzeug.wrappers import Response

from agent_desk.office import office
from agent_desk.refusals import Refused

MOST = 50

blueprint = Blueprint("answers", __name__)


@blueprint.get("/answers")
def search() -> Response:
    """Search by words; `limit` bounds what is found."""
    question = request.args.get("q", "")[:200]
    limit = request.args.get("limit", "10")
    if not limit.isdecimal():
        raise Refused("field", field="limit")
    most = max(1, min(int(limit[:4]), MOST))
    found, milliseconds = office().answers.search(question, g.language, most)
    return jsonify(found=found, ms=milliseconds)


@blueprint.get("/answers/<path:key>")
def entry(key: str) -> Response:
    """Return one entry as HTML; no HTML of its own is let through."""
    found = office().answers.entry(key)
    if found is None:
        raise Refused("no_entry", 404)
    return jsonify(found)
