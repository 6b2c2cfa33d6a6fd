"""Accounts as the page asks for them."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from agent_desk import cards
from agent_desk.office import company, office
from agent_desk.refusals import Refused

SHORTEST = 3

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/accounts")
def accounts() -> Response:
    """Find accounts by number, telephone, meter or street."""
    sought = request.args.get("q", "").strip()
    if not SHORTEST <= len(sought) <= 100 or not sought.isprintable():
        raise Refused("field", field="q")
    parts = office()
    with parts.store.session(read_only=True) as db:
        found = cards.search(db, company(), sought)
        shown = cards.cards(db, company(), found, parts.now())
    return jsonify(accounts=shown)
