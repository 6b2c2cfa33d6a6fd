"""Posts the documents of the feed (`ivr.services.feed`) to the company's own system, signed.

POST url
Content-Type: application/json
Idempotency-Key: feed/ticket/...     the same when a document is sent again
Press2-Timestamp: 1793430000         seconds since 1970
Press2-Signature: v1=HEX             HMAC-SHA256 of timestamp, ".", body
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from ivr.outbox import Later, Parcel, Permanent, Trouble

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and to wait for the answer."""
AGAIN = (408, 409, 425, 429)
"""Of 4xx: those that pass."""
BUSY = (429, 503)
LONGEST = 3600
"""Seconds that a Retry-After is heeded."""


class Feed:
    """The handler of the outbox. secret: key of the signatures. ca: file that vouches for it.

    section: of the settings, for whoever has to mend them.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        clock: Callable[[], datetime],
        ca: Path | None = None,
        section: str = "feed",
    ) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._section = section
        self._verify: bool | str = str(ca) if ca else True

    def __call__(self, parcel: Parcel) -> Mapping[str, Any]:
        """Post a document; it counts as delivered with any answer of 2xx."""
        content = body(parcel)
        stamp = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "press2",
            "Idempotency-Key": quote(parcel.key, safe="/:.@+-_"),
            "Press2-Timestamp": stamp,
            "Press2-Signature": f"v1={signature(self._secret, stamp, content)}",
        }
        try:
            status, wait = self._post(content, headers)
        except requests.RequestException as reason:
            raise Trouble(f"{type(reason).__name__}: no answer") from None
        if 200 <= status < 300:
            return {"status": status}
        if status in BUSY and wait:
            raise Later(self._clock() + timedelta(seconds=min(wait, LONGEST)), f"HTTP {status}")
        if 300 <= status < 400:
            mend = f"mend [{self._section}] url"
            raise Trouble(f"HTTP {status}: it redirects, which is not followed; {mend}")
        if 400 <= status < 500 and status not in AGAIN:
            raise Permanent(f"HTTP {status}")
        raise Trouble(f"HTTP {status}")

    def _post(self, content: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        """Return the status and the seconds of Retry-After; what is answered is not read."""
        with requests.Session() as session:
            session.trust_env = False  # nobody's netrc, no proxy that is not configured here
            with session.post(
                self._url,
                data=content,
                headers=dict(headers),
                timeout=TIMEOUT,
                allow_redirects=False,
                verify=self._verify,
                stream=True,
            ) as answer:
                wait = answer.headers.get("Retry-After", "")
                return answer.status_code, int(wait) if wait.isascii() and wait.isdigit() else 0


def body(parcel: Parcel) -> bytes:
    """Write a document as it is sent."""
    told = {
        "id": parcel.key,
        "what": parcel.payload["what"],
        "company": parcel.company,
        "created_at": parcel.created_at.isoformat(),
        "document": parcel.payload["document"],
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


def signature(secret: str, stamp: str, content: bytes) -> str:
    """Return the signature of a body, 64 hex digits."""
    signed = stamp.encode() + b"." + content
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
