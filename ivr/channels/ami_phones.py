"""Operators' telephones: accounts that an Asterisk has for a shift.

They stand in Asterisk's own database, where its SIP channel looks them up (sorcery.conf): no file,
no reload, no secret, and nothing left of them after its next start.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from ivr.channels.ami_wire import Wire

SIP_PHONE = {
    "allow": "opus,alaw,ulaw",
    "context": "desk",
    "direct_media": "no",
    "dtmf_mode": "rfc4733",
    "moh_suggest": "press2",
    "rtp_timeout": "2",
    "rtp_timeout_hold": "10",
}
"""An operator's telephone, as pjsip.conf would have it.

rtp_timeout: it sends sound all the time, muted or not; two seconds without any mean that its
operator is gone.
"""
BROWSER_PHONE = {**SIP_PHONE, "webrtc": "yes"}
CONTACTS = {
    "max_contacts": "1",
    "remove_existing": "yes",
    "maximum_expiration": "120",
    "qualify_frequency": "10",
    "qualify_timeout": "3.0",
}
BACK_SECONDS, ASK_SECONDS = 20.0, 0.5
"""How long, and how often, a telephone that fell silent is asked whether it is back."""
KINDS = ("auth", "aor", "endpoint")
UNTIL, REGISTRAR = "press2-until", "registrar/contact"
"""Families of the database: when each account ends; the registrar's contacts."""


def admit(wire: Wire, endpoint: str, digest: str, until: float, phone: Mapping[str, str]) -> None:
    """Make an account, or give it another secret. digest: MD5 of user:realm:secret.

    The endpoint comes last: it is no account before.
    """
    account = {
        "auth": {"auth_type": "md5", "username": endpoint, "md5_cred": digest},
        "aor": CONTACTS,
        "endpoint": {**phone, "auth": endpoint, "aors": endpoint},
    }
    wire.ask("DBPut", Family=UNTIL, Key=endpoint, Val=str(round(until)))
    for kind in KINDS:
        value = json.dumps(account[kind])
        wire.ask("DBPut", Family=f"press2/{kind}", Key=endpoint, Val=value)


def dismiss(wire: Wire, endpoint: str) -> None:
    """Take the account away, and the place where it was reached."""
    for kind in reversed(KINDS):
        wire.ask("DBDel", Family=f"press2/{kind}", Key=endpoint)
    wire.ask("DBDel", Family=UNTIL, Key=endpoint)
    # Without its account a contact would stay, and be rung in the next shift: its time is over now,
    # and the registrar lets it go.
    for contact in wire.list("DBGetTree", Family=REGISTRAR):
        key = contact.get("Key").rpartition("/")[2]
        if key.startswith(f"{endpoint};@"):
            over = {**json.loads(contact.get("Val")), "expiration_time": "1", "user_agent": ""}
            wire.ask("DBPut", Family=REGISTRAR, Key=key, Val=json.dumps(over))


def over(wire: Wire, now: float) -> list[str]:
    """Return the accounts whose shift is over."""
    entries = wire.list("DBGetTree", Family=UNTIL)
    return [entry.get("Key").rpartition("/")[2] for entry in entries if int(entry.get("Val")) < now]


def answers_again(wire: Wire, endpoint: str, seconds: float = BACK_SECONDS) -> bool:
    """Ask a telephone that fell silent until it answers; False when it does not in `seconds`.

    One that was away for a moment keeps its registration, so nothing else tells that it is back.
    """
    before = _round_trips(wire, endpoint)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        wire.ask("PJSIPQualify", Endpoint=endpoint)
        time.sleep(ASK_SECONDS)
        if _round_trips(wire, endpoint) - before:
            return True
    return False


def _round_trips(wire: Wire, endpoint: str) -> set[tuple[str, str]]:
    """Return (address, microseconds) of each place that answered when it was last asked."""
    return {
        (contact.get("Uri"), contact.get("RoundtripUsec"))
        for contact in wire.list("PJSIPShowContacts")
        if contact.get("Endpoint") == endpoint and contact.get("Status") == "Reachable"
    }
