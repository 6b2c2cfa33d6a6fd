"""A refusal: one code, one sentence in the user's language, and a row of the audit log."""

from __future__ import annotations

from typing import Any

from flask import g, request

from agent_desk.office import office
from ivr.store.models import Audit


class Refused(Exception):
    """Something is not done. code: of a text `error_CODE`. status: HTTP.

    audit: what was tried, where somebody may have to answer for it; "" otherwise.
    details: kept in the audit log, and fill the placeholders of the text.
    """

    def __init__(
        self, code: str, status: int = 400, audit: str = "", call: str | None = None, **details: Any
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.audit = audit
        self.call = call
        self.details = details


def note(what: str, allowed: bool = True, call: str | None = None, **details: Any) -> None:
    """Write a row of the audit log in a transaction of its own."""
    found = g.get("shift")
    row = Audit(
        at=office().now(),
        company=found.company if found else "",
        who=found.login if found else "",
        what=what,
        allowed=allowed,
        call=call,
        address=request.remote_addr,
        details=details,
    )
    with office().store.session() as session:
        session.add(row)
