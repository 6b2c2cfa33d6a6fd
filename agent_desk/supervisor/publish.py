"""The page publish."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("publish", __name__)


@blueprint.get("/publish/")
def page() -> str:
    """Show the page."""
    return shell.show("publish")
