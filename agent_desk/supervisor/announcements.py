"""The page announcements."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("announcements", __name__)


@blueprint.get("/announcements/")
def page() -> str:
    """Show the page."""
    return shell.show("announcements")
