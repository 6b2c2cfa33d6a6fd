"""What every page of the supervisor begins with."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, g, jsonify, render_template, request
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from agent_desk import staff
from agent_desk.body import NAME
from agent_desk.office import company, office, shift
from agent_desk.refusals import note
from ivr import actions
from ivr.errors import Changed, NotUndone, Unfit
from ivr.store.supervision import Action

EVERYWHERE = (
    "supervisor_",
    "queue_",
    "state_",
    "status_",
    "pause_",
    "error_",
    "alert_",
    "listening_",
)
"""Beginnings of the keys of words that every page may use."""


WORDS = {
    "floor.status": "operator.status",
    "floor.skills": "operator.skills",
    "floor.move": "ticket.move",
    "floor.lift": "ticket.lift",
    "floor.give": "ticket.give",
    "floor.withdraw": "ticket.withdraw",
    "announcements.switch_on": "announcement.on",
    "announcements.change": "announcement.change",
    "announcements.switch_off": "announcement.off",
    "announcements.hours": "hours.change",
    "announcements.restore": "hours.restore",
    "dispatch.take_back": "undo",
    "floor.undo": "undo",
    "announcements.undo": "undo",
    "publish.take_back": "undo",
    "prompts.take_back": "undo",
}
"""What a refused request wanted to do, by its endpoint: the word of the action in the audit log."""
CUT = 80
"""Letters of a text that are kept of what was refused."""


def show(name: str, *words: str, **given: Any) -> str:
    """Render the page `supervisor/NAME.html`. words: beginnings of the keys of its own words.

    given: what its script begins with, besides who is asking and the words.
    """
    begins = (*EVERYWHERE, f"{name}_", *words)
    known = {key: text for key, text in g.desk_words.items() if key.startswith(begins)}
    profile = company()
    start = {
        "csrf": generate_csrf(),
        "words": known,
        "user": {"login": shift().login, "name": shift().user.name, "role": shift().user.role},
        "company": {"id": profile.id, "name": profile.name, "zone": str(profile.zone)},
        "queues": list(profile.queues),
        "page": name,
    }
    return render_template(
        f"supervisor/{name}.html", words=g.desk_words, given=start | given, page=name
    )


def undo(db: Session, action: int, *beginnings: str) -> None:
    """Take back an action of the company whose word begins so: "operator.", "ticket.".

    Raises what `ivr.actions.undo` raises; the caller's transaction must end with it.
    """
    row = db.get(Action, action)
    if row is not None and not row.what.startswith(beginnings):
        raise NotUndone("gone")
    call = row.target if row is not None and row.what.startswith("ticket.") else None
    actions.undo(
        db, office().queue, company(), action, shift().login, office().now(),
        call=call, address=request.remote_addr,
    )  # fmt: skip


def refuse(error: Changed | NotUndone | Unfit) -> tuple[Response, int]:
    """Return the refusal of a change as the pages understand it, and note it."""
    code, status, details = _refusal(error)
    what, call, tried = _tried()
    note(what, allowed=False, call=call, refused=code, wanted=tried, **details)
    if "who" in details:
        details["who"] = named(str(details["who"]))
    text = g.desk_words.get(f"error_{code}", code)
    if "language" in details:
        details["language"] = g.languages.get(details["language"], details["language"])
    shown = text.format(**{name: str(value) for name, value in details.items()})
    return jsonify(error=code, text=shown), status


def _tried() -> tuple[str, str | None, dict[str, Any]]:
    """What was tried: its word, the call it is about, and what was asked for, long texts cut."""
    place = ".".join((request.endpoint or "").split(".")[-2:])
    try:
        sent = request.get_json(silent=True) if request.is_json else None
    except RecursionError:  # arrays in arrays without end
        sent = None
    given = sent if isinstance(sent, dict) else {}
    call = str(given.get("ticket", ""))
    wanted = {
        name[:CUT]: value[:CUT] if isinstance(value, str) else value
        for name, value in (given | (request.view_args or {})).items()
        if isinstance(value, int | float) or (isinstance(value, str) and value.isprintable())
    }
    return WORDS.get(place, place)[:60], call if re.fullmatch(NAME, call) else None, wanted


def _refusal(error: Changed | NotUndone | Unfit) -> tuple[str, int, dict[str, Any]]:
    """The code of a text, the HTTP status, what fills the text."""
    if isinstance(error, Changed) and error.who == shift().login:
        return "changed_self", 409, {}
    if isinstance(error, Changed):
        return ("changed", 409, {"who": error.who}) if error.who else ("changed_since", 409, {})
    if isinstance(error, NotUndone):
        return f"undo_{error.reason}", 409, {"who": error.who}
    return error.reason, 409, dict(error.details)


def named(login: str) -> str:
    """Return the name of a login."""
    with office().store.session(read_only=True) as db:
        return staff.names(db, shift().company).get(login, login)
