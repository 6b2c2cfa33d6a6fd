"""The page records."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("records", __name__)


@blueprint.get("/records/")
def page() -> str:
    """Show the page."""
    return shell.show("records")
