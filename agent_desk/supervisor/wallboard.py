"""The page wallboard: what goes on, live, for a desk and for a display on the wall."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from agent_desk.office import Office, Shift, company, office, shift
from agent_desk.refusals import Refused
from agent_desk.supervisor import shell
from ivr.board import Feed
from ivr.store.models import SignIn

SCREENS = 40
"""Wallboards that may be open at once; each keeps a thread of the server as a desk does."""
BEAT = 1.0
"""Seconds between two messages where nothing changes: how old the figures are."""
RECHECK = 20.0
"""Seconds between two looks whether the sign-in still counts."""
STALE = 5
"""Seconds after which a page says how old its figures are."""
SILENT = 150
"""Seconds without a measure after which a page says that the log has fallen silent."""

blueprint = Blueprint("wallboard", __name__)


@blueprint.get("/wallboard/")
def page() -> str:
    """Show the page. `?big`: for a display on the wall, without navigation."""
    terms, alerts = company().terms.service_level, company().terms.alerts
    return shell.show(
        "wallboard",
        "flow_",
        big="big" in request.args,
        ends=shift().ends.timestamp(),
        limits={
            "within": terms.within,
            "target": terms.target,
            "lost": terms.lost,
            "short": terms.short,
            "service": alerts.service,
            "waiting": alerts.waiting,
            "longest": alerts.longest,
            "stale": STALE,
            "silent": SILENT,
        },
    )


@blueprint.get("/wallboard/figures")
def figures() -> Response:
    """Return the figures of this moment."""
    return jsonify(feed().figures(shift().company))


@blueprint.get("/wallboard/events")
def events() -> Response:
    """Open the stream of a page."""
    found = feed()
    if found.listeners >= SCREENS:
        raise Refused("wallboard_full", 409, count=SCREENS)
    screen = Screen(office(), found, shift())
    answer = Response(screen.messages(), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"  # nginx would keep the events back
    answer.call_on_close(screen.close)
    return answer


def feed() -> Feed:
    """Return the boards of this process."""
    found = office().board
    if found is None:
        raise Refused("not_found", 404)
    return found


class Screen:
    """One open page: figures when they change, and a sign of life each second."""

    def __init__(self, parts: Office, board: Feed, who: Shift) -> None:
        self._office = parts
        self._board = board
        self._shift = who
        self._news = threading.Event()
        self._checked = parts.clock()
        self.close = board.subscribe(who.company, self._news.set)

    def messages(self) -> Iterator[str]:
        """Yield events until the page is closed, the shift is over or the server stops."""
        yield "retry: 1000\n\n"
        sent = -1
        try:
            while not self._board.stopped:
                self._news.clear()
                if not self._on_shift():
                    yield "event: bye\ndata: {}\n\n"
                    return
                shown = self._board.shown(self._shift.company)
                if shown.version != sent:
                    sent = shown.version
                    yield self._event("figures", shown.text)
                else:
                    told = shown.figures.get("told", 0)
                    yield self._event("tick", json.dumps({**shown.mark(), "told": told}))
                self._news.wait(BEAT)
        finally:
            self.close()

    def _event(self, name: str, text: str) -> str:
        """Return an event whose data are an object, with the time on the server in it."""
        return f'event: {name}\ndata: {{"time":{self._office.clock():.3f},{text[1:]}\n\n'

    def _on_shift(self) -> bool:
        """Look from time to time whether the sign-in was ended from elsewhere, or is too old."""
        now = self._office.now()
        if now >= self._shift.ends:
            return False
        if now.timestamp() - self._checked < RECHECK:
            return True
        self._checked = now.timestamp()
        with (
            suppress(SQLAlchemyError, TimeoutError),
            self._office.store.session(read_only=True) as db,
        ):
            row = db.get(SignIn, self._shift.id, options=[joinedload(SignIn.user)])
            return (
                row is not None
                and row.ended_at is None
                and row.user.enabled
                and self._shift.may("supervisor")
            )
        return True
