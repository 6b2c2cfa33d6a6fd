"""Whether Twilio's webhooks reach press2 as they were signed: a request of our own goes their way.

`webhooks` signs a request as Twilio does and sends it to the public URL, through DNS, TLS and every
proxy; `answer` is the other end, which tells what arrived, whatever became of the signature. A
second proof shows that the doctor asks; nobody else is told anything.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from ivr.channels.twilio import rest, setup
from ivr.channels.twilio.rebuild import SETUP, Seen, explain
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.signature import Signature
from ivr.channels.twilio.verdict import (
    PATH,
    PATIENCE,
    Probe,
    Remark,
    Reply,
    digests,
    judge,
    unreached,
)
from ivr.errors import SetupError

PROOF = "x-press2-doctor"
FIELD = "Press2Doctor"
"""The proof is in a header and in a parameter: a proxy may drop either."""
WINDOW = 60.0
"""Seconds a proof is good for, before and after the clock of the web process."""
LONGEST = 100_000
"""Bytes of an answer that are read."""
AGENT = "TwilioProxy/1.1 (press2 doctor)"
SHOWN = re.compile(r"forwarded|x-(forwarded|original|rewrite|real|envoy-original|replaced)-.*|via")
"""Headers that tell the way of a request; no others are shown."""
QUERY = (
    "space=a%20b&plus=1%2B2&word=%D1%81%D0%B2%D1%96%D1%82%D0%BB%D0%BE&slash=a%2Fb"
    "&lower=%c3%a9&blank=&twice=2&twice=1"
)
PARAMETERS = (
    ("CallSid", "CA" + "0" * 32),
    ("From", "+380671110001"),
    ("SpeechResult", "Показник — «12 345», їжак"),
    ("Plus", "1+2 3"),
    ("Spaces", "  two  "),
    ("Lines", "one\r\ntwo"),
    ("Signs", "a=1&b=%41;c"),
    ("Blank", ""),
    ("Twice", "b"),
    ("Twice", "a"),
    ("Long", "press2 " * 1000),
)
"""What has been seen broken on the way: each is restored wrongly by some proxy."""


# ---------------------------------------------------------------------- the other end


def answer(
    signature: Signature, auth_token: str, seen: Seen, now: float
) -> tuple[int, dict[str, Any]]:
    """Answer the doctor: HTTP status and JSON. now: epoch seconds.

    403 for everybody who does not prove to know the auth token.
    """
    if not proved(auth_token, seen, now):
        return 403, {"press2": "refused"}
    return 200, {
        "press2": "doctor",
        "public_url": signature.public_url,
        "right": signature.right(seen.path_and_query(), seen.form, seen.signature),
        "signature": bool(seen.signature),
        "explained": explain(signature, seen),
        "seen": {
            "method": seen.method,
            "scheme": seen.scheme,
            "host": seen.host,
            "path": seen.path,
            "query": seen.query,
            "headers": {name: value for name, value in seen.headers.items() if SHOWN.match(name)},
            "parameters": digests(seen.form),
        },
    }


def proof(auth_token: str, now: float, nonce: str) -> str:
    """Return what shows that the doctor asks: "time.nonce.hex", good for WINDOW seconds."""
    what = f"{int(now)}.{nonce}"
    mac = hmac.new(auth_token.encode(), f"press2 doctor {what}".encode(), hashlib.sha256)
    return f"{what}.{mac.hexdigest()}"


def proved(auth_token: str, seen: Seen, now: float) -> bool:
    """Whether the doctor asks."""
    given = [seen.headers.get(PROOF, ""), *(value for name, value in seen.form if name == FIELD)]
    return any(_good(auth_token, text, now) for text in given[:2])


def _good(auth_token: str, given: str, now: float) -> bool:
    found = re.fullmatch(r"(\d{1,12})\.([0-9a-f]{32})\.[0-9a-f]{64}", given, re.ASCII)
    if not found or abs(now - int(found[1])) > WINDOW:
        return False
    return hmac.compare_digest(proof(auth_token, int(found[1]), found[2]), given)


# ---------------------------------------------------------------------- the request


def probe(settings: TwilioSettings, now: float, nonce: str) -> Probe:
    """Return the request that is sent. now: epoch seconds; nonce: 32 hex digits."""
    shown = proof(settings.auth_token, now, nonce)
    url = f"{settings.public_url}{PATH}?{QUERY}"
    pairs = (*PARAMETERS, (FIELD, shown))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": AGENT,
        "Accept": "*/*",
        "X-Twilio-Signature": Signature(settings.auth_token, settings.public_url).of(url, pairs),
        PROOF: shown,
    }
    return Probe(url, pairs, headers)


def send(asked: Probe) -> Reply:
    """Send it, on its own connection. OSError, HTTPException, ValueError: no answer."""
    return _fetch("POST", asked.url, urlencode(asked.pairs), asked.headers)


def _fetch(method: str, url: str, body: str | None, headers: Mapping[str, str]) -> Reply:
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=PATIENCE)
    started = time.monotonic()
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, dict(headers))
        found = connection.getresponse()
        content = found.read(LONGEST)
    finally:
        connection.close()
    named = {name.lower(): value for name, value in found.getheaders()}
    return Reply(found.status, named, content, time.monotonic() - started)


def sound(url: str) -> Remark:
    """Fetch one of our sounds as Twilio does, and say what came."""
    try:
        reply = _fetch("GET", url, None, {"User-Agent": AGENT, "Accept": "*/*"})
    except (OSError, HTTPException, ValueError) as reason:
        return unreached(url, reason)
    if reply.status == 200 and reply.body.startswith(b"RIFF"):
        return Remark("ok", "sounds", f"Twilio gets them below {url.split('/sounds/')[0]}/sounds/")
    return Remark(
        "problem", "sounds", f"{url.split('?')[0]} answers {reply.status}, no sound: callers hear"
        " nothing", "run `app.py doctor webhooks`",
    )  # fmt: skip


def examine(settings: TwilioSettings, numbers: Collection[str]) -> Iterator[Remark]:
    """Look at how webhooks reach press2, and at what Twilio knows of our numbers (E.164)."""
    yield from webhooks(settings)
    try:
        for remark in setup.look(rest.client(settings), settings, numbers):
            differs = remark.level == "differs"
            yield remark._replace(level="problem", mend=SETUP) if differs else remark
    except SetupError as reason:
        yield Remark("problem", "Twilio", str(reason))


def webhooks(settings: TwilioSettings) -> Iterator[Remark]:
    """Send a request the way of Twilio's webhooks and say what became of it."""
    if urlsplit(settings.public_url).scheme == "http":
        yield Remark(
            "warning", "encryption", "[twilio] public_url begins with http://: anybody on the way"
            " hears what callers key in", "put TLS before press2 and write https://",
        )  # fmt: skip
    asked = probe(settings, time.time(), secrets.token_hex(16))
    try:
        reply = send(asked)
    except (OSError, HTTPException, ValueError) as reason:
        yield unreached(settings.public_url, reason)
        return
    yield from judge(asked, reply)
