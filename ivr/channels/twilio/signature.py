"""Whether Twilio signed a request, and how often a refusal is told.

Twilio signs the URL it was given and the POST parameters, with the account's auth token. The URL is
built here from the settings alone: no header of a proxy, or of an attacker, takes part.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

FIELDS = 500
"""Parameters a request may have; Twilio sends some 40."""
LONGEST = 100
"""Characters of a signature that is looked at; a right one has 28."""
USUAL_PORTS = {"https": 443, "http": 80}
MINUTE = 60.0
LINES = 30
"""Refusals told in a minute, of all sources together."""

Form = Mapping[str, str] | Iterable[tuple[str, str]]
"""Parameters of a request; pairs, where a name may come twice."""


class Signature:
    """The signature of one account below one public URL."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        self.public_url = public_url
        self._validator = Validator(auth_token)
        self._bases = spellings(public_url)

    def right(self, path_and_query: str, form: Form, given: str | None) -> bool:
        """Whether Twilio signed this request.

        path_and_query: below the public URL, as it came ("/twilio/voice?a=%20b"), never decoded.
        form: the POST parameters, all of them. given: the header X-Twilio-Signature.
        Never raises; a nearly right one takes as long as a wrong one.
        """
        tail = path_and_query + parameters(form)
        return plausible(given) and any(self.signs(base + tail, given) for base in self._bases)

    def signs(self, text: str, given: str | None) -> bool:
        """Whether `given` is the signature of a whole URL with its `parameters` behind it."""
        return given is not None and self._validator.signs(text, given)

    def of(self, url: str, form: Form) -> str:
        """Return the signature Twilio gives a URL and its POST parameters."""
        return self._validator.compute_signature(url + parameters(form), {})


class Validator(RequestValidator):  # type: ignore[misc]
    """Twilio's own, which also signs bytes that are not UTF-8 (as surrogates, from `form`)."""

    def compute_signature(self, uri: str, params: Any, algorithm: str | None = None) -> str:
        """Return the signature. Raises UnicodeError for what no bytes can have been."""
        try:
            return str(super().compute_signature(uri, params, algorithm))
        except UnicodeEncodeError:
            signed = (uri + parameters(params)).encode("utf-8", "surrogateescape")
            digest = hmac.new(self.token, signed, hashlib.sha1).digest()
            return base64.b64encode(digest).decode("ascii")

    def signs(self, signed: str, given: str) -> bool:
        """Whether `given` is the signature of a text; takes as long for a nearly right one."""
        try:
            right = self.compute_signature(signed, {})
            return hmac.compare_digest(right.encode(), given.encode())
        except UnicodeError:
            return False


def plausible(given: str | None) -> bool:
    """Whether a header is worth a look: there, and not longer than a signature can be."""
    return bool(given) and len(given or "") <= LONGEST and (given or "").isascii()


def form(body: bytes) -> list[tuple[str, str]]:
    """Read a body of x-www-form-urlencoded; blank values stay, other bytes than UTF-8 too.

    Such bytes are lone surrogates (`surrogateescape`). A body of more than FIELDS parameters, which
    Twilio never sends, counts as empty: its signature is wrong then.
    """
    text = body.decode("utf-8", "surrogateescape")
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=FIELDS
        )
    except ValueError:
        return []


def parameters(form: Form) -> str:
    """Return the part of the signed text that is behind the URL: names with values, sorted."""
    pairs = form.items() if isinstance(form, Mapping) else form
    return "".join(name + value for name, value in sorted(set(pairs)))


def spellings(url: str) -> list[str]:
    """Return a URL as it is, without its port and with the usual one: Twilio signs any of these."""
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}")
    rest = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    port = parts.port or USUAL_PORTS.get(parts.scheme)
    bare, full = f"{parts.scheme}://{host}{rest}", f"{parts.scheme}://{host}:{port}{rest}"
    return list(dict.fromkeys((url, bare, full)))


class Refusals:
    """Which refusals are told: one a minute of a source, LINES a minute of all.

    Only what is told is remembered, so no number of sources fills the memory or the log.
    """

    def __init__(self) -> None:
        self._told: deque[tuple[float, str]] = deque()
        self._untold = 0
        self._lock = threading.Lock()

    def first(self, source: str, now: float) -> bool:
        """Whether this one is told. source: an address. now: seconds of a clock that only rises."""
        with self._lock:
            while self._told and now - self._told[0][0] >= MINUTE:
                self._told.popleft()
            if len(self._told) >= LINES or any(source == other for _, other in self._told):
                self._untold += 1
                return False
            self._told.append((now, source))
            return True

    def untold(self) -> int:
        """Take the number of refusals that were not told since this was last asked."""
        with self._lock:
            count, self._untold = self._untold, 0
            return count
