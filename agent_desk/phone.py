"""The operator's telephone: an account for one shift, what its page tells of it, the test before he
is ready.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from flask import Blueprint, jsonify, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from agent_desk.body import Body, body
from agent_desk.office import Office, Shift, office, operator, shift
from agent_desk.refusals import Refused, note
from ivr.agent_queue.model import Operator
from ivr.store.models import Audit

TEST = "headset_test"
POOR = {"loss": 2.0, "jitter": 30.0, "round_trip": 300.0}
"""A line is poor from here: loss in percent, jitter and round trip in milliseconds."""

TOKEN_SECONDS = 3600
"""A token of Twilio's lives at most; the page asks for the next one before its end."""

blueprint = Blueprint("phone", __name__)
_tested: set[tuple[int, int]] = set()


@blueprint.post("/phone")
def admit() -> Response:
    """Give the page a telephone account that ends with the shift; it is kept nowhere."""
    return _twilio() if office().twilio_token else _sip()


def kind(parts: Office) -> str:
    """Tell what the telephones are: "sip" or "twilio"."""
    return "twilio" if parts.twilio_token else "sip"


def modules(parts: Office) -> dict[str, str]:
    """Return where the page finds the module that makes a telephone of it."""
    if parts.twilio_token:
        return {"@twilio/voice-sdk": "/voice-sdk/twilio.min.js"}
    return {"sip.js": "/sip.js/index.js"}


def _twilio() -> Response:
    """A token cannot be taken back: it ends with the shift, or within the hour."""
    who, parts = shift(), office()
    left = int(who.ends.timestamp() - parts.clock())
    seconds = max(1, min(TOKEN_SECONDS, left))
    token = parts.twilio_token(f"op-{who.login}", seconds) if parts.twilio_token else ""
    expires = parts.clock() + seconds
    return jsonify(kind="twilio", user=f"op-{who.login}", token=token, expires=expires)


def _sip() -> Response:
    who, parts = shift(), office()
    user, secret = f"op-{who.login}", secrets.token_urlsafe(24)
    # RFC 3261, 22.4: what a server keeps instead of the password
    digest = hashlib.md5(f"{user}:{parts.realm}:{secret}".encode(), usedforsecurity=False)
    until = who.ends.timestamp()
    parts.queue.send(
        {
            "do": "admit_phone",
            "company": who.company,
            "operator": who.login,
            "digest": digest.hexdigest(),
            "until": until,
        }
    )
    return jsonify(
        kind="sip", user=user, secret=secret, realm=parts.realm, url=socket_url(parts),
        expires=until,
    )  # fmt: skip


def socket_url(parts: Office) -> str:
    """Return where the page's telephone connects: the host of the page."""
    host = request.host.rpartition(":")[0] or request.host
    scheme = "wss" if parts.secure else "ws"
    return f"{scheme}://{host}:{parts.websocket_port}/ws"


# ---------------------------------------------------------------------- told by the page


@blueprint.post("/phone/registered")
def registered() -> Response:
    """Take in that the page's telephone is registered, or not; no exchange of ours can tell.

    leaving: the page is closed or loaded anew, which ends the talk it is in.
    """
    parts, known, sent = office(), operator(), body()
    if parts.phone_report is None or known is None:
        raise Refused("not_found", 404)
    if sent.flag("registered"):
        parts.phone_report("phone_found", endpoint=f"op-{known.name}", node=parts.node)
        return jsonify({})
    lost(parts, known)
    if sent.flag("leaving"):
        broken(parts, known)
    return jsonify({})


def lost(parts: Office, who: Operator) -> None:
    """Tell that an operator's telephone is gone, where it is the page that knows."""
    if parts.phone_report is not None:
        parts.phone_report("phone_lost", endpoint=f"op-{who.name}", node=parts.node)


def broken(parts: Office, who: Operator) -> None:
    """Tell that an operator's talk ended with his page: the caller must not count as served."""
    if parts.phone_report is not None and who.state == "talking" and who.ticket:
        parts.phone_report("dropped", ticket=who.ticket)


# ---------------------------------------------------------------------- the test


@blueprint.post("/phone/tested")
def headset_tested() -> Response:
    """Keep what the test found; from now on the operator may be ready in this shift."""
    sent = body()
    found: dict[str, Any] = {"headset": sent.text("headset", longest=200, wanted=False)}
    found |= line(sent)
    who = shift()
    note(TEST, sign_in=who.id, **found)
    office().live.touch(who.company, who.login)
    poor = [name for name, limit in POOR.items() if (found[name] or 0) > limit]
    return jsonify(tested=True, poor=poor)


def line(sent: Body) -> dict[str, float | None]:
    """Read how good the line is: loss %, jitter ms, round trip ms, level 0..1."""
    return {
        "loss": sent.number("loss", 0, 100, wanted=False),
        "jitter": sent.number("jitter", 0, 60_000, wanted=False),
        "round_trip": sent.number("round_trip", 0, 60_000, wanted=False),
        "level": sent.number("level", -200, 1_000, wanted=False),
    }


def tested(parts: Office, who: Shift) -> bool:
    """Tell whether the headset was tested in this shift."""
    key = (id(parts.store), who.id)
    if key not in _tested:
        wanted = select(Audit.details).where(
            Audit.company == who.company,
            Audit.at >= who.began,
            Audit.who == who.login,
            Audit.what == TEST,
        )
        with parts.store.session(read_only=True) as db:
            if not any(details.get("sign_in") == who.id for details in db.scalars(wanted)):
                return False
        _tested.add(key)
    return True
