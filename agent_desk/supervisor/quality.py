"""The page quality."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("quality", __name__)


@blueprint.get("/quality/")
def page() -> str:
    """Show the page."""
    return shell.show("quality")
