"""Puts the operators' desk into the application: its pages, its locks, its way to say no."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, Flask, Response, g, jsonify, redirect, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from agent_desk import api, room, sign_in
from agent_desk.office import Office
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import prompts
from ivr.agent_queue.model import QueueDown
from ivr.errors import SetupError

logger = logging.getLogger(__name__)

LARGEST = 64 * 1024
"""Bytes of a request's body."""
IMPATIENT = {"socket_timeout": 0.5, "socket_connect_timeout": 0.2}
"""Seconds that throttling waits for Redis before it counts in this process."""
KEY = "desk.key"
"""File in `var` that signs the browsers' sessions."""


def set_up(
    app: Flask,
    parts: Office,
    texts: Mapping[str, Mapping[str, str]],
    webhooks: Blueprint | None = None,
) -> None:
    """Add the desk to an application. texts: language -> key -> text.

    webhooks: routes that no browser asks for, so that they need no proof of a page.
    """
    app.extensions["office"] = parts
    app.config |= {
        "SECRET_KEY": secret_key(parts.var),
        "SESSION_COOKIE_NAME": "press2_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "SESSION_COOKIE_SECURE": parts.secure,
        "WTF_CSRF_TIME_LIMIT": None,  # a page is open for a whole shift; the session bounds it
        "WTF_CSRF_SSL_STRICT": False,  # it wants a Referer, and our pages send none
        "MAX_CONTENT_LENGTH": LARGEST,
        "MAX_FORM_MEMORY_SIZE": LARGEST,
        "RATELIMIT_STORAGE_URI": parts.limits,
        "RATELIMIT_STORAGE_OPTIONS": IMPATIENT if "redis" in parts.limits else {},
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
    }

    @app.before_request
    def words() -> None:
        g.desk_words = texts[g.language]
        if request.path in prompts.UPLOADS:
            request.max_content_length = prompts.LARGEST

    csrf = CSRFProtect(app)
    sign_in.limiter.init_app(app)
    if webhooks is not None:
        csrf.exempt(webhooks)
        sign_in.limiter.exempt(webhooks)
    csrf.exempt(api.api)  # it looks at no cookie
    sign_in.limiter.limit(api.how_often, key_func=api.who)(api.api)
    app.register_blueprint(api.api)
    app.register_blueprint(sign_in.entrance)
    app.register_blueprint(room.desk)
    _say_no(app)

    @app.get("/dispatch/")
    def dispatcher() -> AnyResponse:
        return redirect(url_for("desk.dispatch.page"), 303)  # the sign-in is known below /desk only

    @app.get("/supervisor/")
    @app.get("/supervisor")
    def wallboard() -> AnyResponse:
        return redirect(url_for("desk.supervisor.wallboard.page", big=request.args.get("big")), 303)

    @app.after_request
    def headers(response: AnyResponse) -> AnyResponse:
        response.headers["Permissions-Policy"] = "microphone=(self), camera=(), geolocation=()"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if parts.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


def secret_key(var: Path) -> bytes:
    """Return the key of this installation; the first process makes it, for its user's eyes only."""
    path = var / KEY
    var.mkdir(parents=True, exist_ok=True)
    fresh = var / f"{KEY}.{secrets.token_hex(8)}"
    try:
        if not path.exists():
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                f.write(secrets.token_bytes(32))
            os.link(fresh, path)
    except FileExistsError:
        pass  # another process was faster
    except OSError as reason:
        raise SetupError(f"{path}: cannot be made: {reason}") from reason
    finally:
        fresh.unlink(missing_ok=True)
    key = path.read_bytes()
    if len(key) < 32:
        raise SetupError(f"{path}: too short for a key; delete it, and a new one is made")
    return key


# ---------------------------------------------------------------------- refusals


def _say_no(app: Flask) -> None:
    @app.errorhandler(Refused)
    def refused(error: Refused) -> tuple[Response, int]:
        if error.audit:
            _note(error)
        return say(error.code, error.status, **error.details)

    @app.errorhandler(QueueDown)
    def queue_down(_error: QueueDown) -> tuple[Response, int]:
        return say("queue_down", 503)

    @app.errorhandler(SQLAlchemyError)
    @app.errorhandler(TimeoutError)
    def store_down(_error: Exception) -> tuple[Response, int]:
        logger.exception("the store did not do what %s asked", request.path)
        return say("store_down", 503)

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> AnyResponse | tuple[Response, int]:
        note("csrf", allowed=False, path=request.path[:100], reason=error.description)
        if request.endpoint == "entrance.sign_in":
            return redirect(url_for("entrance.page"), 303)
        return say("csrf", 400)

    @app.errorhandler(HTTPException)
    def other(error: HTTPException) -> AnyResponse | HTTPException | tuple[Response, int]:
        if request.path.startswith(api.PREFIX):
            return api.other(error)
        code = {404: "not_found", 405: "not_found", 413: "too_large", 429: "throttled"}
        if not request.path.startswith("/desk/") or error.code is None or error.code < 400:
            return error
        if "desk_words" not in g:  # refused by the host's name
            return error
        return say(code.get(error.code, "body"), error.code)

    @app.errorhandler(Exception)
    def failed(_error: Exception) -> tuple[Response, int]:
        logger.exception("%s %s failed", request.method, request.path)
        return say("failed", 500)


def say(code: str, status: int, **details: object) -> tuple[Response, int]:
    """Return a refusal as the pages understand it."""
    text = g.get("desk_words", {}).get(f"error_{code}", code)
    values = {name: str(value) for name, value in details.items()}
    return jsonify(error=code, text=text.format(**values)), status


def _note(error: Refused) -> None:
    try:
        note(error.audit, allowed=False, call=error.call, refused=error.code, **error.details)
    except (SQLAlchemyError, TimeoutError):
        logger.exception("the audit log could not be written: %s refused", error.audit)
