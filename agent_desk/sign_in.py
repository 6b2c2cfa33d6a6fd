"""Signing in and out: the sign-in lives in the store, the cookie holds a random token of it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from agent_desk import leaving, passwords
from agent_desk.office import Shift, office, shift
from agent_desk.refusals import Refused, note
from ivr.agent_queue.model import QueueDown
from ivr.store.models import SignIn, User

COOKIE = "press2_desk"
PER_ADDRESS = "30/minute;300/hour"
PER_LOGIN = "8/minute;60/hour"
"""Failed attempts; those that succeed do not count."""

entrance = Blueprint("entrance", __name__, url_prefix="/desk")
limiter = Limiter(get_remote_address, key_prefix="press2:throttle")

PAGES = ("desk.room", ".page")
"""Endings of the endpoints that show a page."""


def _name_typed() -> str:
    return f"login:{request.form.get('login', '')[:64].strip().lower()}"


def _failed(response: Response) -> bool:
    return response.status_code != 303


@entrance.get("/sign-in")
def page() -> str | Response:
    """Show the form; who is signed in already goes to his desk."""
    if recognise(request.cookies.get(COOKIE, "")) is not None:
        return redirect(url_for("desk.room"), 303)
    return _form(signed_out=_signed_out())


@entrance.post("/sign-in")
@limiter.limit(PER_ADDRESS, deduct_when=_failed)
@limiter.limit(PER_LOGIN, key_func=_name_typed, deduct_when=_failed)
def sign_in() -> Response | tuple[str, int]:
    """Check login and password and begin a shift."""
    login = request.form.get("login", "")[:64].strip().lower()
    user = _user(login, request.form.get("password", ""))
    if user is None:
        note("sign_in", allowed=False, login=login)
        return _form("sign_in", login), 401
    token = secrets.token_urlsafe(32)
    _begin(user, token)
    session.clear()
    answer = redirect(url_for("desk.room"), 303)
    _set_cookie(answer, token)
    return answer


def _user(login: str, password: str) -> User | None:
    """Return the user whose password this is; keeps a stronger hash where today's is stronger."""
    with office().store.session(read_only=True) as db:
        user = db.scalar(select(User).where(User.login == login))
    right = len(password) <= passwords.LONGEST and passwords.fits(
        user.password if user else None, password
    )
    if user is None or not right or not user.enabled or user.company not in office().companies:
        return None
    if passwords.outdated(user.password):
        stronger = passwords.hashed(password)
        with office().store.session() as db:
            db.get_one(User, user.id).password = stronger
    return user


def _begin(user: User, token: str) -> None:
    now = office().now()
    row = SignIn(
        user_id=user.id,
        token=_fingerprint(token),
        address=request.remote_addr or "",
        created_at=now,
        ends_at=now + timedelta(hours=office().hours),
    )
    with office().store.session() as db:
        db.add(row)
        db.flush()
        g.shift = Shift(row.id, user, row.created_at, row.ends_at)
    note("sign_in")


def _set_cookie(answer: Response, token: str) -> None:
    answer.set_cookie(
        COOKIE,
        token,
        max_age=office().hours * 3600,
        path="/desk",
        secure=office().secure,
        httponly=True,
        samesite="Strict",
    )


def _form(error: str = "", login: str = "", signed_out: dict[str, str] | None = None) -> str:
    words = g.desk_words
    told = words[f"error_{error}"] if error else ""
    return render_template(
        "sign_in.html", words=words, error=told, login=login, signed_out=signed_out,
        csrf=generate_csrf(),
    )  # fmt: skip


@entrance.errorhandler(429)
def too_often(_error: Exception) -> tuple[str, int]:
    """Say that this was tried too often."""
    login = request.form.get("login", "")[:64]
    note("sign_in_throttled", allowed=False, login=login)
    return _form("throttled", login), 429


# ---------------------------------------------------------------------- who is asking


def recognise(token: str) -> Shift | None:
    """Return the shift a cookie stands for; None for a forged, ended or expired one."""
    if not token:
        return None
    wanted = (
        select(SignIn).where(SignIn.token == _fingerprint(token)).options(joinedload(SignIn.user))
    )
    with office().store.session(read_only=True) as db:
        row = db.scalar(wanted)
        return Shift.of(row) if row is not None and _lasts(db, row) else None


def _lasts(db: Session, row: SignIn) -> bool:
    current = row.ended_at is None and row.ends_at > office().now()
    known = row.user.enabled and row.user.company in office().companies
    return current and known and not leaving.due(office(), db, row)


def _signed_out() -> dict[str, str] | None:
    """Return {"name", "at"} for who sees the form because a supervisor signed him out."""
    token = request.cookies.get(COOKIE, "")
    wanted = select(SignIn).where(SignIn.token == _fingerprint(token))
    with office().store.session(read_only=True) as db:
        row = db.scalar(wanted.options(joinedload(SignIn.user))) if token else None
    profile = office().companies.get(row.user.company) if row is not None else None
    if row is None or profile is None:
        return None
    by = leaving.ordered(office(), profile.id, row.user.login, row.created_at)
    if by is None:
        return None
    at = datetime.fromtimestamp(by["at"], profile.zone)
    return {"name": by["name"], "at": f"{at:%H:%M}"}


def require() -> Response | None:
    """Let only those through who are signed in; a page sends the others to the form."""
    token = request.cookies.get(COOKIE, "")
    found = recognise(token)
    if found is not None:
        g.shift = found
        return None
    tried = "forged_cookie" if token else ""
    if request.method == "GET" and (request.endpoint or "").endswith(PAGES):
        if tried:
            note(tried, allowed=False)
        return redirect(url_for("entrance.page"), 303)
    raise Refused("signed_out", 401, audit=tried)


def sign_out() -> Response:
    """End the shift: offline, the telephone dismissed, the cookie worth nothing."""
    going, now = shift(), office().clock()
    queue = office().queue
    try:
        known = queue.operator(going.company, going.login)
        if known is not None and known.state == "talking":
            raise Refused("in_talk", 409)
        if known is not None:
            queue.set_status(going.company, going.login, "offline", now, tab=known.tab)
        leaving.dismiss(office(), going.company, going.login)
    except QueueDown:
        pass  # the telephone's account ends with the shift by itself
    with office().store.session() as db:
        db.get_one(SignIn, going.id).ended_at = office().now()
    note("sign_out")
    office().live.end(going.id)
    session.clear()
    answer = redirect(url_for("entrance.page"), 303)
    answer.delete_cookie(COOKIE, path="/desk", secure=office().secure, httponly=True)
    return answer


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
