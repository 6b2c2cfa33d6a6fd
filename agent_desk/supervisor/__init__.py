"""The supervisor's pages, below /desk/supervisor: a module, a template and a script each.

Who is no supervisor is let in nowhere here; what operators ask for besides (help, messages, their
own scorecards) has routes of its own beside the desk's.
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask import Response as Answer
from werkzeug.wrappers import Response

from agent_desk.office import shift
from agent_desk.refusals import Refused
from agent_desk.supervisor import (
    alerts,
    announcements,
    floor,
    listening,
    publish,
    quality,
    records,
    reports,
    shell,
    staffing,
    wallboard,
)
from ivr.errors import Changed, NotUndone, Unfit

PAGES = (
    wallboard, floor, announcements, publish, reports, staffing, quality, alerts, records,
)  # fmt: skip
"""In the order of the navigation."""

supervisor = Blueprint("supervisor", __name__, url_prefix="/supervisor")
for each in (*PAGES, listening):
    supervisor.register_blueprint(each.blueprint)


@supervisor.before_request
def supervisors() -> None:
    """Let only supervisors and administrators in."""
    if not shift().may("supervisor"):
        raise Refused("not_allowed", 403, audit="supervisor")


@supervisor.errorhandler(Changed)
@supervisor.errorhandler(NotUndone)
@supervisor.errorhandler(Unfit)
def not_done(error: Changed | NotUndone | Unfit) -> tuple[Answer, int]:
    """Say why a change is not made; it is in the audit log that somebody wanted it."""
    return shell.refuse(error)


@supervisor.get("/")
def first() -> Response:
    """Show the wallboard."""
    return redirect(url_for("desk.supervisor.wallboard.page", big=request.args.get("big")), 303)
