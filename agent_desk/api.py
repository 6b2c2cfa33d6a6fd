"""The API for the company's own systems: `/api/v1/`, told by `/api/v1/openapi.json`.

Whoever asks proves it by a bearer token and by nothing else: no cookie is looked at here. What is
sent goes the way of a file of `app.py import`, and is refused with the same words.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Response, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound, Unauthorized
from werkzeug.exceptions import UnprocessableEntity as Wrong
from werkzeug.exceptions import UnsupportedMediaType as NotJson
from werkzeug.wrappers import Response as AnyResponse

from agent_desk import api_forms, api_rows, tokens
from agent_desk.office import office
from ivr import intake
from ivr.store.models import Audit

logger = logging.getLogger(__name__)

PREFIX = "/api/v1"
LARGEST = 1024 * 1024
"""Bytes of a request; larger lists go by `app.py import`."""
PER_KNOWN = "600/minute"
PER_STRANGER = "30/minute"
COMPLETE = ("events", "works")
OPEN = ("api.page", "api.description")
"""Views that tell nothing of anybody, so that no token is wanted."""

api = APIBlueprint("api", __name__, url_prefix=PREFIX, abp_responses=api_forms.REFUSALS)


# ---------------------------------------------------------------------- who asks


def who() -> str:
    """Return what requests are counted by: a token, else an address."""
    known = _token()
    return f"token:{known.name}" if known else f"address:{request.remote_addr}"


def how_often() -> str:
    """Return how often whoever asks may ask."""
    return PER_KNOWN if _token() else PER_STRANGER


def _token() -> tokens.Token | None:
    if "token" not in g:
        header = request.headers.get("Authorization", "")
        g.token = tokens.recognise(office().tokens, header)
    found: tokens.Token | None = g.token
    return found


@api.before_request
def require() -> None:
    """Let nobody in without a token; what he may do, each view asks."""
    request.max_content_length = LARGEST
    if request.endpoint in OPEN:
        return
    if _token() is None:
        raise Unauthorized("a token is wanted: Authorization: Bearer ...")


def _may(kind: str, do: str) -> tokens.Token:
    known = _token()
    if known is None or not known.may(kind, do):
        raise Forbidden(f"this token has no right {kind}:{do}")
    return known


@api.after_request
def note(response: AnyResponse) -> AnyResponse:
    """Write what was asked, by whom and how it ended into the audit log."""
    response.headers["Cache-Control"] = "no-store"
    if request.endpoint in OPEN or response.status_code == 429:
        return response
    known, parts = _token(), office()
    row = Audit(
        at=parts.now(),
        company=known.company if known else "",
        who=f"api:{known.name}" if known else "api",
        what="api",
        allowed=response.status_code < 400,
        address=request.remote_addr,
        details={
            "method": request.method,
            "path": request.path[:200],
            "status": response.status_code,
            **g.get("done", {}),
        },
    )
    try:
        with parts.store.session() as db:
            db.add(row)
    except (SQLAlchemyError, TimeoutError):
        logger.exception("the audit log could not be written: %s", row.who)
    return response


# ---------------------------------------------------------------------- taking, showing


def _sent() -> Any:
    """Return the JSON document of the request."""
    if request.mimetype != "application/json":
        raise NotJson("send application/json")
    try:
        return json.loads(request.get_data(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"is not JSON: {error}") from None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _take(kind: str, entries: Any) -> Response:
    """Store entries of the token's company, all of them or none."""
    known, parts = _may(kind, "write"), office()
    profile, now = parts.companies[known.company], parts.now()
    setting = intake.Setting(profile.zone, profile.region, now)
    found = intake.check(kind, entries, setting)
    done = intake.take(
        parts.store, profile, kind, found, source=f"api:{known.name}", now=now,
        complete=_complete(kind),
    )  # fmt: skip
    counts = {name: value for name, value in asdict(done).items() if name != "noun"}
    g.done = counts
    return jsonify(**counts, told=str(done))


def _complete(kind: str) -> bool:
    given = request.args.get("complete", "false")
    if given not in ("true", "false") or (given == "true" and kind not in COMPLETE):
        raise Wrong(f"`complete` is true or false, and goes with {' and '.join(COMPLETE)}")
    return given == "true" and request.method == "POST"


def _many(kind: str) -> Callable[..., Response]:
    def take_many(**_described: Any) -> Response:
        _may(kind, "write")
        return _take(kind, intake.of_json(_sent()))

    return take_many


def _one(kind: str) -> Callable[..., Response]:
    def take_one(number: str = "", **_described: Any) -> Response:
        _may(kind, "write")
        entry = _sent()
        if isinstance(entry, dict) and entry.setdefault("number", number) != number:
            wrong = intake.Where(0).problem(("number",), f"is not {number!r}, as in the address")
            raise intake.Refusal([wrong])
        return _take(kind, [(intake.Where(0), entry)])

    return take_one


def _show(kind: str) -> Callable[..., Response]:
    def show(**_described: Any) -> Response:
        known = _may(kind, "read")
        asked, limit = request.args, request.args.get("limit", "1000")
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:5]) <= api_rows.MOST):
            raise Wrong(f"`limit` is a number from 1 to {api_rows.MOST}")
        state = asked.get("state", "")
        if state not in ("", "open", "closed") or (state and kind not in COMPLETE):
            raise Wrong(f"`state` is open or closed, and goes with {' and '.join(COMPLETE)}")
        page = api_rows.Page(known.company, asked.get("after", ""), int(limit), state)
        return jsonify(**{kind: _rows(kind, page)})

    return show


def _show_one(kind: str) -> Callable[..., Response]:
    def show_one(number: str = "", **_described: Any) -> Response:
        known = _may(kind, "read")
        rows = _rows(kind, api_rows.Page(known.company, number=number))
        if not rows:
            raise NotFound(f"there is no {number!r}")
        return jsonify(rows[0])

    return show_one


def _rows(kind: str, page: api_rows.Page) -> list[api_rows.Shown]:
    parts = office()
    glass = api_rows.Glass(parts.companies[page.company].zone, parts.now())
    with parts.store.session(read_only=True) as db:
        return api_rows.shown(db, kind, page, glass)


def _described(view: Callable[..., Response], name: str, **parts: Any) -> Callable[..., Response]:
    """Let the description tell what a view takes; it is checked here, not by the library."""
    view.__name__ = view.__qualname__ = name
    view.__annotations__ = {key: part for key, part in parts.items() if part is not None}
    view.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return view


def _routes() -> None:
    for kind, forms in api_forms.FORMS.items():
        marks: dict[str, Any] = {"tags": [forms.tag], "security": [{"token": []}]}
        listing = _described(_show(kind), f"show_{kind}", query=forms.asked)
        taking = _described(_many(kind), f"take_{kind}", body=forms.many, query=forms.complete)
        api.get(
            f"/{kind}", operation_id=f"show_{kind}", summary=f"What is known of {kind}",
            responses={200: forms.listed}, **marks,
        )(listing)  # fmt: skip
        api.post(
            f"/{kind}", operation_id=f"take_{kind}", summary=f"Bring {kind} up to date",
            responses={200: api_forms.Done}, **marks,
        )(taking)  # fmt: skip
        if kind == "schedules":
            continue
        numbered = api_forms.Numbered
        single = _described(_show_one(kind), f"show_one_of_{kind}", path=numbered)
        putting = _described(
            _one(kind), f"put_one_of_{kind}", path=numbered, body=intake.KINDS[kind]
        )
        api.get(
            f"/{kind}/<number>", operation_id=f"show_one_of_{kind}",
            summary=f"One of {kind}", responses={200: forms.shown}, **marks,
        )(single)  # fmt: skip
        api.put(
            f"/{kind}/<number>", operation_id=f"put_one_of_{kind}",
            summary=f"Bring one of {kind} up to date", responses={200: api_forms.Done}, **marks,
        )(putting)  # fmt: skip


_routes()


@api.get("/openapi.json", doc_ui=False)
def description() -> Response:
    """Tell what there is, as OpenAPI 3.1."""
    from agent_desk.api_document import document

    return jsonify(document())


@api.get("/", doc_ui=False)
def page() -> str:
    """Tell a person where to read on."""
    rows = "".join(f"<li><code>{PREFIX}/{kind}</code></li>" for kind in api_forms.FORMS)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>press2: the API</title>"
        f"<h1>press2: the API</h1><ul>{rows}</ul>"
        f'<p><a href="{PREFIX}/openapi.json">OpenAPI description</a>; '
        "columns, examples and tokens: docs/data.md</p>"
    )


# ---------------------------------------------------------------------- refusals (RFC 9457)


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """Return a refusal as a program reads it."""
    response = jsonify(type="about:blank", title=title, status=status, detail=detail, **more)
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="press2"'
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


@api.errorhandler(intake.Refusal)
def refused(error: intake.Refusal) -> Response:
    """Tell what is wrong with which field."""
    errors = [
        {"pointer": one.pointer, "field": one.field, "message": one.message}
        for one in error.problems
    ]
    detail = "nothing was stored; mend the errors and send it again"
    return problem(422, "Unprocessable Content", detail, errors=errors)


@api.errorhandler(HTTPException)
def other(error: HTTPException) -> AnyResponse:
    """Tell any other refusal of the request."""
    status = error.code or 500
    if status < 400:
        return error.get_response()
    response = problem(status, error.name, error.description or error.name)
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response


@api.errorhandler(SQLAlchemyError)
@api.errorhandler(TimeoutError)
def store_down(_error: Exception) -> Response:
    """Tell that it may be tried again."""
    logger.exception("the store did not do what %s %s asked", request.method, request.path)
    return problem(503, "Service Unavailable", "the store is not to be had; try again")


@api.errorhandler(Exception)
def failed(_error: Exception) -> Response:
    """Tell that it is our fault."""
    logger.exception("%s %s failed", request.method, request.path)
    return problem(500, "Internal Server Error", "this is a fault of press2; see its log")
