"""The page staffing."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("staffing", __name__)


@blueprint.get("/staffing/")
def page() -> str:
    """Show the page."""
    return shell.show("staffing")
