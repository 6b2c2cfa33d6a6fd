"""The operator's telephone: an account for one shift, and the test before he is ready."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from flask import Blueprint, jsonify, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from agent_desk.body import Body, body
from agent_desk.office import Office, Shift, office, shift
from agent_desk.refusals import note
from ivr.store.models import Audit

TEST = "headset_test"
POOR = {"loss": 2.0, "jitter": 30.0, "round_trip": 300.0}
"""A line is poor from here: loss in percent, jitter and round trip in milliseconds."""

blueprint = Blueprint("phone", __name__)
_tested: set[tuple[int, int]] = set()


@blueprint.post("/phone")
def admit() -> Response:
    """Give the page a telephone account that ends with the shift; it is kept nowhere."""
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
        user=user, secret=secret, realm=parts.realm, url=socket_url(parts), expires=until
    )


def socket_url(parts: Office) -> str:
    """Return where the page's telephone connects: the host of the page."""
    host = request.host.rpartition(":")[0] or request.host
    scheme = "wss" if parts.secure else "ws"
    return f"{scheme}://{host}:{parts.websocket_port}/ws"


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
