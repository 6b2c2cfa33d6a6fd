"""The desk's page, and the door in front of all that it asks for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, g, render_template
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from agent_desk import (
    accounts,
    answer_search,
    calls,
    dispatch,
    drafts,
    help,
    inbox,
    live,
    phone,
    priority,
    quality,
    readings,
    recordings,
    scorecards,
    sign_in,
    status,
    tabs,
    tickets,
    undelivered,
)
from agent_desk.office import company, office, shift
from agent_desk.supervisor import supervisor
from ivr.agent_queue.model import QueueDown

NOUNS = (
    accounts, answer_search, calls, dispatch, drafts, help, inbox, live, phone, priority, quality,
    readings, recordings, scorecards, status, tickets, undelivered,
)  # fmt: skip

desk = Blueprint("desk", __name__, url_prefix="/desk")
for noun in NOUNS:
    desk.register_blueprint(noun.blueprint)
desk.register_blueprint(supervisor)
desk.before_request(sign_in.require)
desk.before_request(tabs.require)


@desk.get("/")
def room() -> str:
    """Show the desk."""
    words = g.desk_words
    imports = phone.modules(office())
    return render_template("desk.html", words=words, given=given(words), imports=imports)


def given(words: dict[str, str]) -> dict[str, Any]:
    """Collect what the page's scripts begin with."""
    who, profile, parts = shift(), company(), office()
    return {
        "user": {"login": who.login, "name": who.user.name, "shown": who.user.name},
        "role": who.user.role,
        "company": {"id": profile.id, "name": profile.name, "zone": str(profile.zone)},
        "ends": who.ends.timestamp(),
        "csrf": generate_csrf(),
        "language": g.language,
        "languages": g.languages,
        "words": words,
        "pauses": dict(profile.pauses),
        "codes": list(profile.wrap_up_codes),
        "forms": tickets.shown(),
        "queues": list(profile.queues),
        "flows": list(calls.FLOWS),
        "phone": {
            "kind": phone.kind(parts),
            "url": phone.socket_url(parts),
            "realm": parts.realm,
            "user": f"op-{who.login}",
        },
        "limits": {"loss": 10.0, "for": 10, **{f"test_{k}": v for k, v in phone.POOR.items()}},
    }


@desk.post("/sign-out")
def leave() -> Response:
    """End the shift."""
    answer = sign_in.sign_out()
    with suppress(QueueDown):  # who asked is gone all the same
        help.left(shift())
    return answer
