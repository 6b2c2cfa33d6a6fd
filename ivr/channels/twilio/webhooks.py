"""The web side of the Twilio channel: routes below /twilio, each signed, each with a spoken end.

The only file here that knows Flask; what is answered is decided in `calls`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from ivr.channels.twilio import signature as signatures
from ivr.channels.twilio.calls import Calls
from ivr.channels.twilio.hearing import call_of
from ivr.channels.twilio.signature import Refusals, Signature

logger = logging.getLogger(__name__)

LARGEST = 64 * 1024
"""Bytes of a body; more is refused unread."""
DAY = 24 * 3600
Form = dict[str, str]


@dataclass(frozen=True)
class Webhooks:
    """What the routes need.

    excuse: a whole document for a caller whom nothing else can be said to.
    leg, message: take the reports on an operator's leg, and on a message: (query, form).
    refused: the words for the log about a request that Twilio did not sign.
    examine: answers `app.py doctor webhooks`, (status, JSON).
    """

    calls: Calls
    signature: Signature
    excuse: Callable[[], str]
    leg: Callable[[Form, Form], str | None]
    message: Callable[[Form, Form], None]


def blueprint(parts: Webhooks) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("twilio", __name__, url_prefix="/twilio")
    calls = parts.calls
    refusals = Refusals()

    @routes.before_request
    def signed() -> None:
        if request.endpoint == "twilio.sound":
            return
        if (request.content_length or 0) > LARGEST or request.content_length is None:
            abort(413)
        if request.endpoint == "twilio.doctor":
            return
        posted = signatures.form(request.get_data(cache=True))
        if not parts.signature.right(asked(), posted, request.headers.get("X-Twilio-Signature")):
            _refuse(refusals)
        g.posted = readable(posted)

    @routes.post("/voice")
    def voice() -> Response:
        return spoken(lambda: calls.voice(form()))

    @routes.post("/turn/<call>/<int:number>")
    def turn(call: str, number: int) -> Response:
        return spoken(lambda: calls.turn(call, number, form(), query()))

    @routes.post("/wait/<call>/<int:number>")
    def wait(call: str, number: int) -> Response:
        return spoken(lambda: calls.wait(call, number, form(), query()))

    @routes.post("/left/<call>/<int:number>")
    def left(call: str, number: int) -> Response:
        return spoken(lambda: calls.left(call, number, form(), query()))

    @routes.post("/told/<call>/<int:number>")
    def told(call: str, number: int) -> Response:
        return spoken(lambda: calls.told(call, number, form(), query()))

    @routes.post("/over/<call>/<int:number>")
    def over(call: str, number: int) -> Response:
        return spoken(lambda: calls.over(call, number, form(), query()))

    @routes.post("/out/<call>/<int:number>")
    def out(call: str, number: int) -> Response:
        return spoken(lambda: calls.out(call, number, form(), query()))

    @routes.post("/fallback")
    def fallback() -> Response:
        return spoken(lambda: calls.fallback(form()))

    @routes.post("/status")
    def status() -> Response:
        calls.status(form())
        return Response(status=204)

    @routes.post("/recording/<call>/<int:number>")
    def recording(call: str, number: int) -> Response:
        calls.recording(call, number, form())
        return Response(status=204)

    @routes.post("/message")
    def message() -> Response:
        parts.message(query(), form())
        return Response(status=204)

    @routes.get("/sounds/<mark>/<names>.wav")
    def sound(mark: str, names: str) -> AnyResponse:
        found = calls.sound(mark, names)
        if found is None:
            abort(404)
        response = Response(found, mimetype="audio/wav")
        response.headers["Cache-Control"] = f"public, max-age={DAY}, immutable"
        response.set_etag(mark)
        return response.make_conditional(request.environ)

    def spoken(answer: Callable[[], str]) -> Response:
        """Answer with TwiML, whatever happens: a caller is on the line."""
        try:
            document = answer()
        except HTTPException:
            raise
        except Exception:
            logger.exception("call %s: %s failed", call_of(form()), request.path)
            document = parts.excuse()
        return Response(document, mimetype="text/xml")

    return routes


def application(parts: Webhooks) -> Flask:
    """Return an application of these routes alone, for simulated lines and measurements."""
    app = Flask(__name__)
    app.register_blueprint(blueprint(parts))
    return app


def form() -> Form:
    """Return the parameters of the request, whose signature was right; the last of each name."""
    posted: Form = g.posted
    return posted


def query() -> Form:
    """Return the parameters of the address."""
    return request.args.to_dict()


def asked() -> str:
    """Return path and query as they came."""
    path = quote(request.path, safe="/+")
    raw = request.environ.get("QUERY_STRING", "")
    return f"{path}?{raw}" if raw else path


def readable(posted: Any) -> Form:
    """Return parameters with bytes that are not UTF-8 replaced."""
    return {
        name: value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for name, value in posted
    }


def _refuse(refusals: Refusals) -> None:
    """Say no, and tell it in the log, once a minute a source."""
    source = request.remote_addr or "?"
    if refusals.first(source, time.monotonic()):
        logger.warning("%s: not signed by Twilio, refused: %s", source, request.path[:200])
    abort(403)
