"""Who may use the API: bearer tokens, each with a name, a company and rights."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """One of them. rights: "events:write", "*:read"; digest: SHA-256 of the secret."""

    name: str
    company: str
    rights: frozenset[str]
    digest: bytes

    def may(self, kind: str, do: str) -> bool:
        """Tell whether it is allowed to read or write a kind of data."""
        return f"{kind}:{do}" in self.rights or f"*:{do}" in self.rights


def token(name: str, company: str, rights: Collection[str], secret: str) -> Token:
    """Make one from its secret, which is not kept."""
    return Token(name, company, frozenset(rights), _digest(secret))


def recognise(tokens: Iterable[Token], header: str) -> Token | None:
    """Return the token of an Authorization header; takes as long whichever it is, or none."""
    scheme, _, secret = header.partition(" ")
    given = _digest(secret.strip() if scheme.lower() == "bearer" else "")
    found = None
    for each in tokens:
        if hmac.compare_digest(each.digest, given):
            found = each
    return found


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
