"""The web side of the Twilio channel: routes below /twilio, each signed, each with a spoken end.

The only file here that knows Flask; what is answered is decided in `calls`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response, abort, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from ivr.channels.twilio.calls import Calls
from ivr.channels.twilio.doctor import answer as examine
from ivr.channels.twilio.hearing import CALL, call_of
from ivr.channels.twilio.rebuild import Seen, arrived, explain
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
    message: takes what Twilio tells of a message: (form, query).
    auth_token: proves to `app.py doctor webhooks` what it is told.
    """

    calls: Calls
    signature: Signature
    excuse: Callable[[], str]
    message: Callable[[Form, Form], None]
    auth_token: str = field(default="", repr=False)


def blueprint(parts: Webhooks) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("twilio", __name__, url_prefix="/twilio")
    calls = parts.calls
    refusals = Refusals()

    @routes.before_request
    def signed() -> None:
        if request.endpoint == "twilio.sound":
            return
        if request.content_length is None or request.content_length > LARGEST:
            abort(413)
        g.seen = arrived(request.environ, request.get_data())
        if request.endpoint == "twilio.doctor":
            return
        if not parts.signature.right(g.seen.path_and_query(), g.seen.form, g.seen.signature):
            _refuse(refusals, parts.signature, g.seen)
        g.posted = readable(g.seen.form)

    @routes.post("/voice")
    def voice() -> Response:
        return spoken(lambda: calls.voice(form()))

    @routes.post("/notice/<int:about>")
    def notice(about: int) -> Response:
        return spoken(lambda: calls.notice(about, form()))

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

    @routes.post("/recording")
    def recording() -> Response:
        calls.recording(form(), query())
        return Response(status=204)

    @routes.post("/leg")
    def leg() -> Response:
        calls.leg(form(), query())
        return Response(status=204)

    @routes.post("/callback")
    def callback() -> Response:
        return spoken(lambda: calls.called_back(form(), query()))

    @routes.post("/message")
    def message() -> Response:
        parts.message(form(), query())
        return Response(status=204)

    @routes.post("/doctor", strict_slashes=False)
    def doctor() -> tuple[Response, int]:
        status, told = examine(parts.signature, parts.auth_token, g.seen, time.time())
        return jsonify(told), status

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
            document = answer() if named() else parts.excuse()
        except HTTPException:
            raise
        except Exception:
            logger.exception("call %s: %s failed", call_of(form()), request.endpoint)
            document = parts.excuse()
        return Response(document, mimetype="text/xml")

    return routes


def application(parts: Webhooks) -> Flask:
    """Return an application of these routes alone, for simulated lines and measurements."""
    app = Flask(__name__)
    app.register_blueprint(blueprint(parts))
    return app


def named() -> bool:
    """Whether a request is about a call that can be one."""
    call = (request.view_args or {}).get("call") or form().get("CallSid", "")
    if CALL.fullmatch(call):
        return True
    logger.error("%s asks about no call: %.100r", request.endpoint, call)
    return False


def form() -> Form:
    """Return the parameters of the request, whose signature was right; the last of each name."""
    posted: Form = g.posted
    return posted


def query() -> Form:
    """Return the parameters of the address."""
    return request.args.to_dict()


def readable(posted: Iterable[tuple[str, str]]) -> Form:
    """Return parameters with bytes that are not UTF-8 replaced."""
    return {
        name: value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for name, value in posted
    }


def _refuse(refusals: Refusals, signature: Signature, seen: Seen) -> None:
    """Say no, and tell in the log why, once a minute a source."""
    source = request.remote_addr or "?"
    if refusals.first(source, time.monotonic()):
        untold = refusals.untold()
        why = " ".join(explain(signature, seen))
        logger.warning(
            "%s: %.200r is not signed by Twilio and was refused (%d more since): %s",
            source, seen.path, untold, why,
        )  # fmt: skip
    abort(403)
