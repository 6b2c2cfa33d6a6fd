"""The page alerts."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts/")
def page() -> str:
    """Show the page."""
    return shell.show("alerts")
