"""The page wallboard."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("wallboard", __name__)


@blueprint.get("/wallboard/")
def page() -> str:
    """Show the page."""
    return shell.show("wallboard")
