"""Which URL Twilio signed, where it is not the one press2 checks, and what stands in the way.

A signature tells only right or wrong. So the URLs that Twilio may have called are rebuilt from what
a request still shows of its way through proxies; the one whose signature is right names the cause.
Nothing here decides whether a request is served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ivr.channels.twilio.signature import Signature, form, parameters, plausible

MOST = 1000
"""URLs that are tried for one request; the likely ones come first."""
EACH = 20
"""Values that are tried for one part of the URL."""
LONGEST = 300
"""Characters of a header that is looked at."""
HOSTS = ("x-forwarded-host", "x-original-host", "x-host")
PLACES = ("x-original-uri", "x-original-url", "x-rewrite-url", "x-forwarded-uri", "x-replaced-path",
          "x-envoy-original-path", "x-request-uri")  # fmt: skip
"""Headers in which proxies keep path and query as they came."""
PORTS = ("", "443", "80", "8080")
SETUP = "run `app.py twilio setup`"


@dataclass(frozen=True)
class Seen:
    """A request as it reached press2.

    scheme, host: of the connection to press2; the host with its port. path, query: undecoded, the
    query without "?". headers: by name in small letters. form: the POST parameters. signature: the
    header X-Twilio-Signature, "" where there is none.
    """

    method: str
    scheme: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    form: tuple[tuple[str, str], ...]
    signature: str

    def path_and_query(self) -> str:
        """Return both as they were asked for."""
        return self.path + (f"?{self.query}" if self.query else "")


def arrived(environ: Mapping[str, Any], body: bytes) -> Seen:
    """Read a request from what a WSGI server knows of it; path and query as they came."""
    whole = str(environ.get("REQUEST_URI", "")).encode("latin-1").decode("utf-8", "surrogateescape")
    path, _, query = re.sub(r"^https?://[^/?]*", "", whole).partition("?")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    scheme, method = environ["wsgi.url_scheme"], environ["REQUEST_METHOD"]
    given = headers.get("x-twilio-signature", "")
    host = headers.get("host", "")
    return Seen(method, scheme, host, path, query, headers, tuple(form(body)), given)


@dataclass(frozen=True)
class Address:
    """The parts of a URL that can be changed on the way. port: "" where none is written."""

    scheme: str
    host: str
    port: str
    path: str
    query: str

    def __str__(self) -> str:
        """Write it as one URL."""
        place = self.host + (f":{self.port}" if self.port else "")
        return f"{self.scheme}://{place}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True)
class Candidate:
    """A URL that Twilio may have signed. changed: the parts that differ from what is checked."""

    address: Address
    changed: tuple[str, ...]


def checked(public_url: str, seen: Seen) -> Address:
    """Return the URL whose signature press2 checks for a request."""
    base = address(public_url)
    return replace(base, path=base.path + seen.path, query=seen.query)


def address(url: str) -> Address:
    """Take a URL apart."""
    parts = urlsplit(url)
    return Address(parts.scheme, *_place(parts.netloc), parts.path, parts.query)


def candidates(seen: Seen, public_url: str) -> Iterator[Candidate]:
    """Yield the URLs Twilio may have signed, those with few changes first, not more than MOST."""
    right = checked(public_url, seen)
    others = _others(right, seen, urlsplit(public_url).path)
    return islice(_combined(right, others), MOST)


def _combined(right: Address, others: Mapping[str, list[str]]) -> Iterator[Candidate]:
    for count in range(len(others) + 1):
        for parts in combinations(others, count):
            for values in product(*(others[part] for part in parts)):
                yield Candidate(replace(right, **dict(zip(parts, values, strict=True))), parts)


def explain(signature: Signature, seen: Seen) -> list[str]:
    """Say why Twilio's signature of a request is wrong here: what broke it, and the mend.

    One sentence a cause; [] where it is right.
    """
    if signature.right(seen.path_and_query(), seen.form, seen.signature):
        return []
    if not plausible(seen.signature):
        return [_no_signature(seen)]
    found = _signed(signature, seen)
    if found is None:
        return [_nothing_fits(seen)]
    right = checked(signature.public_url, seen)
    return [
        f"Twilio signed {found.address}: {': '.join(why)}" for why in causes(right, found.address)
    ]


def causes(right: Address, signed: Address) -> list[tuple[str, str]]:
    """Say what made a signed URL another one than what press2 checks: (cause, mend) of each."""
    changed = [part for part in CAUSES if getattr(right, part) != getattr(signed, part)]
    return [CAUSES[part](right, signed) for part in changed]


def _signed(signature: Signature, seen: Seen) -> Candidate | None:
    tail = parameters(seen.form)
    for candidate in candidates(seen, signature.public_url):
        if signature.signs(f"{candidate.address}{tail}", seen.signature):
            return candidate
    return None


def _no_signature(seen: Seen) -> str:
    if seen.signature:
        return "the header X-Twilio-Signature holds no signature: Twilio did not send this"
    return (
        "no header X-Twilio-Signature: Twilio did not send this,"
        " or the proxy drops the header: let it pass"
    )


def _nothing_fits(seen: Seen) -> str:
    if "x-twilio-webhooks-signature-settings" in seen.headers:
        return (
            "signed with a shared key: press2 checks the auth token's signature;"
            " take the webhook rule away at Twilio"
        )
    if seen.method != "POST":
        return (
            f"came as {seen.method}: a redirect (http to https, a slash) loses the POST,"
            f" or the number's method at Twilio is not POST: {SETUP}"
        )
    if not seen.form:
        return "came without parameters: the proxy drops the body: let it pass"
    return (
        "no combination fits: the auth token is another account's or an older one,"
        " the proxy changed the body, or this is not Twilio"
    )


# ---------------------------------------------------------------------- the parts


def _place(netloc: str) -> tuple[str, str]:
    """Split "host:8443" into host and port, "" for none."""
    found = re.fullmatch(r"(.*?)(?::(\d*))?", netloc, re.DOTALL)
    return (found[1], found[2] or "") if found else (netloc, "")


def _short(seen: Seen, name: str) -> str:
    """Return the first value of a header that is a list."""
    value = seen.headers.get(name, "")
    return value.split(",")[0].strip() if len(value) <= LONGEST else ""


def _others(right: Address, seen: Seen, prefix: str) -> Mapping[str, list[str]]:
    """What each part may have been instead, in the order in which causes are told."""
    found = {
        "host": _hosts(right, seen),
        "path": _paths(right, seen, prefix),
        "query": _queries(right, seen),
        "scheme": ["https", "http"],
        "port": _ports(seen),
    }
    return {part: _unlike(getattr(right, part), texts) for part, texts in found.items()}


def _unlike(right: str, texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text != right][:EACH]


def _named(seen: Seen) -> list[str]:
    """Return host and port as every header that knows them gives them."""
    forwarded = re.search(r'\bhost="?([^";,]+)', _short(seen, "forwarded"), re.IGNORECASE)
    found = [seen.host, *(_short(seen, name) for name in HOSTS), forwarded[1] if forwarded else ""]
    return [place for place in found if place]


def _hosts(right: Address, seen: Seen) -> list[str]:
    return [*(_place(place)[0] for place in _named(seen)), right.host.lower()]


def _ports(seen: Seen) -> list[str]:
    named = [_place(place)[1] for place in _named(seen)]
    given = [port for port in (_short(seen, "x-forwarded-port"), *named) if port.isdecimal()]
    return [*given, *PORTS]


def _kept(seen: Seen) -> Iterator[tuple[str, str]]:
    """Path and query as the headers of proxies keep them."""
    for name in PLACES:
        found = re.fullmatch(r"(?:https?://[^/]*)?(/[^?#]*)(?:\?([^#]*))?", _short(seen, name))
        if found:
            yield found[1], found[2] or ""


def _paths(right: Address, seen: Seen, prefix: str) -> list[str]:
    """Paths Twilio may have called: with and without each prefix, slash and decoding."""
    before = "/" + _short(seen, "x-forwarded-prefix").strip("/")
    bases = [right.path, seen.path, *(path for path, _ in _kept(seen))]
    bases += [before + seen.path] if before != "/" else []
    bases += [prefix + path for path, _ in _kept(seen)] if prefix else []
    if prefix and seen.path.startswith(f"{prefix}/"):
        bases.append(seen.path.removeprefix(prefix))
    slashed = [other for path in bases for other in (path, _other_slash(path))]
    return [*slashed, *(other for path in bases for other in codings(path))]


def _other_slash(path: str) -> str:
    return path.rstrip("/") if path.endswith("/") else f"{path}/"


def _queries(right: Address, seen: Seen) -> list[str]:
    bases = [right.query, *(query for _, query in _kept(seen))]
    return [*bases, "", *(other for query in bases for other in codings(query))]


def codings(text: str) -> list[str]:
    """Return other ways to write the same characters in a URL."""
    plain = unquote(text, errors="surrogateescape")
    safe = "/?:@!$&'()*+,;=~"
    return [
        plain,
        re.sub("//+", "/", text),
        quote(text, safe=safe + "%", errors="surrogateescape"),
        quote(plain, safe=safe, errors="surrogateescape"),
        text.replace("+", "%20"),
        text.replace("%20", "+"),
        re.sub(r"%[0-9a-fA-F]{2}", lambda found: found[0].lower(), text),
        re.sub(r"%[0-9a-fA-F]{2}", lambda found: found[0].upper(), text),
    ]


# ---------------------------------------------------------------------- the words


Cause = tuple[str, str]
"""What was changed, and the mend."""


def _scheme(right: Address, signed: Address) -> Cause:
    if signed.scheme == "http":
        return "the number's URL at Twilio begins with http://, not https://", SETUP
    return "[twilio] public_url begins with http://, not https://", "write https:// there"


def _host(right: Address, signed: Address) -> Cause:
    return (
        f"the number's URL at Twilio has the host {signed.host}, [twilio] public_url {right.host}",
        f"write {signed.host} there, or {SETUP}",
    )


def _port(right: Address, signed: Address) -> Cause:
    there, here = (f"port {port}" if port else "no port" for port in (signed.port, right.port))
    return (
        f"the number's URL at Twilio has {there}, [twilio] public_url {here}",
        f"write the same there, or {SETUP}",
    )


def _path(right: Address, signed: Address) -> Cause:
    if right.path == f"{signed.path}/":
        return "the proxy adds a slash at the end of the path", "switch that off there"
    if signed.path == f"{right.path}/":
        return "the proxy takes the slash at the end of the path away", f"{SETUP}: none is needed"
    if signed.path.endswith(right.path):
        cut = signed.path.removesuffix(right.path)
        return (
            f"the proxy strips {cut} from the path",
            "write it at the end of [twilio] public_url",
        )
    if right.path.endswith(signed.path):
        extra = right.path.removesuffix(signed.path)
        return (
            f"the path had no {extra} before it: the proxy adds that, or [twilio] public_url does",
            f"take it away there, or {SETUP}",
        )
    return _rewritten("path", right.path, signed.path)


def _query(right: Address, signed: Address) -> Cause:
    if not right.query:
        return "the proxy drops the query", "let it pass"
    if not signed.query:
        return "the proxy adds a query", "switch that off there"
    return _rewritten("query", right.query, signed.query)


def _rewritten(part: str, here: str, signed: str) -> Cause:
    same = unquote(here.replace("+", " ")) == unquote(signed.replace("+", " "))
    what = f"writes the characters of the {part} another way" if same else f"rewrites the {part}"
    mend = "let it pass unchanged (nginx: proxy_pass without a path)"
    return f"the proxy {what} ({here})", mend


CAUSES: Mapping[str, Callable[[Address, Address], Cause]] = {
    "host": _host, "path": _path, "query": _query, "scheme": _scheme, "port": _port,
}  # fmt: skip
