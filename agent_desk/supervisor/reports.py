"""The page reports."""

from __future__ import annotations

from flask import Blueprint

from agent_desk.supervisor import shell

blueprint = Blueprint("reports", __name__)


@blueprint.get("/reports/")
def page() -> str:
    """Show the page."""
    return shell.show("reports")
