"""What became of the doctor's request, in words: what stands in the way, and the mend."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from ivr.channels.twilio.rebuild import Seen, address, causes, checked

PATH = "/twilio/doctor"
PATIENCE = 15.0
"""Seconds Twilio waits for an answer, and so does the doctor."""
SLOW = 5.0
ADDRESS = ("method", "scheme", "host", "path", "query", "headers")


class Remark(NamedTuple):
    """What was seen. level: ok, warning or problem; mend: what to do, "" when ok."""

    level: str
    subject: str
    text: str
    mend: str = ""


@dataclass(frozen=True)
class Probe:
    """A request as Twilio would send it. url: what is signed."""

    url: str
    pairs: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What came back. seconds: until its end. headers: by name in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def judge(asked: Probe, reply: Reply) -> Iterator[Remark]:
    """Say what an answer to the doctor's request means."""
    told = _told(reply)
    if told.get("press2") == "doctor":
        yield from _compared(asked, told)
    elif told.get("press2") == "refused":
        yield _refused()
    else:
        yield _not_press2(asked, reply)
    if reply.seconds > SLOW:
        yield Remark(
            "warning", "time", f"the answer took {reply.seconds:.0f} s",
            f"Twilio gives up after {PATIENCE:.0f} s: see what the proxy waits for",
        )  # fmt: skip


def _told(reply: Reply) -> dict[str, Any]:
    try:
        told = json.loads(reply.body)
    except ValueError:
        return {}
    return told if reply.status in (200, 403) and isinstance(told, dict) else {}


def _refused() -> Remark:
    return Remark(
        "problem", "doctor", "press2 refuses its own doctor: the web process was started with"
        " another auth token, its clock differs by more than a minute, or the proxy drops both"
        " the body and the header X-Press2-Doctor",
        "start press2 again; compare the clocks",
    )  # fmt: skip


# ---------------------------------------------------------------------- no answer


def unreached(public_url: str, reason: Exception) -> Remark:
    """Say why no answer came. reason: what `send` raised."""
    host = urlsplit(public_url).netloc
    for kind, (subject, text, mend) in UNREACHED.items():
        if isinstance(reason, kind):
            more = getattr(reason, "verify_message", "") or str(reason) or kind.__name__
            return Remark("problem", subject, text.format(host=host, reason=more), mend)
    return Remark("problem", "connection", f"{host}: {reason}", "see the network and the proxy")


UNREACHED: Mapping[type[Exception], tuple[str, str, str]] = {
    socket.gaierror: (
        "name", "DNS knows no address of {host}", "write its A record, or correct public_url",
    ),
    ssl.SSLCertVerificationError: (
        "certificate", "the certificate of {host} is refused: {reason}",
        "Twilio refuses it too: take one of a public authority, with its whole chain",
    ),
    ssl.SSLError: ("TLS", "{host} does not speak TLS: {reason}", "see the port and the proxy"),
    ConnectionRefusedError: (
        "connection", "{host} refuses the connection: nothing listens there",
        "start the proxy, or correct the port in public_url",
    ),
    TimeoutError: (
        "connection", "{host} does not answer within " + f"{PATIENCE:.0f} s, and Twilio waits no"
        " longer", "see the firewall and what the proxy waits for; a router may not lead its own"
        " address back: then run this from outside",
    ),
    HTTPException: (
        "connection", "{host} ends the connection without an answer: {reason}",
        "see the log of the proxy",
    ),
    ConnectionError: (
        "connection", "{host} breaks the connection: {reason}", "see the log of the proxy",
    ),
}  # fmt: skip


# ---------------------------------------------------------------------- somebody else's answer


def _not_press2(asked: Probe, reply: Reply) -> Remark:
    if 300 <= reply.status < 400:
        return _redirected(asked, reply.headers.get("location", ""))
    text, mend = STATUS.get(reply.status, (f"answers {reply.status}", "see the log of the proxy"))
    if reply.status < 300:
        text, mend = "is answered by something else than press2", "lead /twilio/ to [web] port"
    server = reply.headers.get("server", "")
    if reply.status == 404 and server == "press2":
        text, mend = "comes to press2 with another path", "take away no more than public_url has"
    page = "a page of HTML" if b"<html" in reply.body[:2000].lower() else ""
    known = ", ".join(filter(None, (page, server[:40])))
    shown = f"{_short(asked.url)} {text}" + (f" ({known})" if known else "")
    return Remark("problem", "proxy", shown, mend)


def _short(url: str) -> str:
    return url.partition("?")[0]


def _redirected(asked: Probe, location: str) -> Remark:
    target = _short(urljoin(asked.url, location))
    there, here = address(target), address(_short(asked.url))
    if (here.scheme, there.scheme) == ("http", "https"):
        mend = "write https:// in [twilio] public_url"
    elif there.host != here.host:
        mend = f"write the host {there.host} in [twilio] public_url"
    else:
        mend = "switch that off for /twilio/"
    return Remark(
        "problem", "redirect", f"the proxy sends Twilio on to {target}: the second request is a GET"
        " without parameters, and its signature covers the first URL", mend,
    )  # fmt: skip


STATUS: Mapping[int, tuple[str, str]] = {
    400: (
        "is refused as no good request: perhaps the proxy sends a Host that press2 does not know",
        "pass Host on as it came (nginx: proxy_set_header Host $host)",
    ),
    401: ("asks for a password", "let /twilio/ through without one: the signature is the proof"),
    403: ("is forbidden by the proxy", "let /twilio/ through for all addresses"),
    404: (
        "is not found: the proxy does not lead it to press2, or with another path",
        "lead /twilio/ to [web] port, taking away what public_url has behind the host",
    ),
    405: ("takes no POST", "lead /twilio/ to [web] port"),
    411: ("needs a length of the body", "see the log of the proxy"),
    413: ("takes no body of 10 kB", "allow 64 kB there (nginx: client_max_body_size)"),
    414: ("takes no URL so long", "allow 8 kB there"),
    429: ("is limited to fewer requests", "set no limit for /twilio/"),
    502: ("finds no press2 behind the proxy", "start `app.py run` or `app.py web`"),
    503: ("finds no press2 behind the proxy", "start `app.py run` or `app.py web`"),
    504: ("finds press2 too slow", "see the log of press2"),
}


# ---------------------------------------------------------------------- our own answer


def _compared(asked: Probe, told: Mapping[str, Any]) -> Iterator[Remark]:
    if told["right"]:
        yield Remark("ok", "signature", f"right behind {_short(asked.url)}")
        return
    found = list(_differences(asked, told))
    for cause, mend in found:
        yield Remark("problem", "signature", cause, mend)
    if not found:
        yield Remark("problem", "signature", "; ".join(told["explained"]) or "wrong", "see above")


def _differences(asked: Probe, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    base, seen = told["public_url"], told["seen"]
    if not asked.url.startswith(f"{base}{PATH}?"):
        yield (
            f"the running press2 has [twilio] public_url = {base}",
            "start it again after a change of the settings",
        )
        return
    if not told["signature"]:
        yield "the proxy drops the header X-Twilio-Signature", "let it pass"
    if seen["method"] != "POST":
        yield f"the proxy makes a {seen['method']} of the POST", "switch that off there"
    arrived = Seen(form=(), signature="", **{name: seen[name] for name in ADDRESS})
    yield from causes(checked(base, arrived), address(asked.url))
    yield from _parameters(asked.pairs, [tuple(pair) for pair in seen["parameters"]])


def _parameters(
    sent: tuple[tuple[str, str], ...], came: list[tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """Compare what was sent with the names and digests of what came."""
    wanted, found = Counter(map(tuple, digests(sent))), Counter(came)
    if not found:
        yield "the proxy drops the body", "let it pass"
        return
    lost = sorted({str(name) for name, _ in wanted - found})
    new = sorted({str(name) for name, *_ in found - wanted})
    changed = [name for name in lost if name in new]
    for names, what in (
        (changed, "changes"),
        ([name for name in lost if name not in new], "drops"),
        ([name for name in new if name not in lost], "adds"),
    ):
        if names:
            yield f"the proxy {what} parameters ({', '.join(names)})", "let the body pass unchanged"


def digests(pairs: tuple[tuple[str, str], ...]) -> list[list[str]]:
    """Return names and the SHA-256 of the values, in the order in which they came."""
    return [[_clean(name), _sha256(value)] for name, value in pairs]


def _sha256(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:100]
