"""Which tab of an operator has the say: the newest; what an older one asks for is not done."""

from __future__ import annotations

from flask import request

from agent_desk.office import office, operator, shift
from agent_desk.refusals import Refused
from ivr.agent_queue.model import QueueDown

WITHOUT_QUEUE = frozenset({"desk.readings.reading", "desk.tickets.ticket", "desk.drafts.draft"})
"""What goes on while the queue is down: a talk in progress is not held up."""
ANY_TAB = frozenset({"desk.leave"})
OTHER_PAGES = ("desk.dispatch.", "desk.supervisor.")
"""Pages that are open beside the desk; what they change has versions of its own."""


def require() -> None:
    """Refuse a change that an older tab asks for."""
    if request.method in ("GET", "HEAD", "OPTIONS") or request.endpoint in ANY_TAB:
        return
    if (request.endpoint or "").startswith(OTHER_PAGES):
        return
    tab = request.headers.get("X-Tab", "")
    if not _has_the_say(tab):
        raise Refused("taken", 409, audit="stale_tab", endpoint=request.path)


def _has_the_say(tab: str) -> bool:
    try:
        known = operator()
    except QueueDown:
        here = office().live.has(shift().company, shift().login, tab)
        if here and request.endpoint in WITHOUT_QUEUE:
            return True
        raise
    return known is not None and bool(tab) and known.tab == tab
