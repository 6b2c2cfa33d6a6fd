"""Twilio's signature (twilio.com/docs/usage/security#validating-requests), from its description."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus

Params = Mapping[str, bytes]


def raw(values: Mapping[str, str | bytes]) -> dict[str, bytes]:
    """Give parameters as the bytes that go over the wire."""
    return {
        name: value if isinstance(value, bytes) else value.encode()
        for name, value in values.items()
    }


def sign(token: str, url: str, params: Params) -> str:
    """Return X-Twilio-Signature: HMAC-SHA1 of the address and the sorted POST parameters.

    url: complete, with its query, without the fragment. params: {} for GET.
    """
    text = url.encode() + b"".join(name.encode() + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), text, hashlib.sha1).digest()).decode()


def form(params: Params) -> bytes:
    """Encode as application/x-www-form-urlencoded."""
    return "&".join(_pairs(params)).encode()


def _pairs(params: Params) -> Iterable[str]:
    return (f"{quote_plus(name)}={quote_plus(value)}" for name, value in params.items())
