"""The page floor."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("floor", __name__)


@blueprint.get("/floor/")
def page() -> str:
    """Show the page."""
    return shell.show("floor")
