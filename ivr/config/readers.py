"""Readers of `telephony.conf`: text of a setting to its value, or a word on what would be right."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Source(NamedTuple):
    """Where a value may look things up: the folder of the file and the environment variables."""

    folder: Path
    environ: Mapping[str, str]


Reader = Callable[[str, Source], Any]
"""Turns the text of a setting into its value; raises ValueError that says what would be right."""


@dataclass(frozen=True)
class Secret:
    """A value that stands in an environment variable and never in a file or a log."""

    variable: str = ""
    value: str = field(default="", repr=False)


def plain(text: str, source: Source) -> str:
    """Take the text as it is."""
    return text


def filled(text: str, source: Source) -> str:
    """Read a text that is not empty."""
    if not text:
        raise ValueError("empty; write a value")
    return text


def host(text: str, source: Source) -> str:
    """Read an address to listen on."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", text):
        raise ValueError("not an address; write one such as 127.0.0.1 or 0.0.0.0")
    return text


def whole(low: int, high: int, text: str, source: Source) -> int:
    """Read a whole number from low to high."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise ValueError(f"not a whole number from {low} to {high}")
    return int(text)


def seconds(low: float, high: float, text: str, source: Source) -> float:
    """Read seconds from low to high."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not low <= float(text) <= high:
        raise ValueError(f"not a number of seconds from {low:g} to {high:g}")
    return float(text)


port = partial(whole, 1, 65535)


def word(words: tuple[str, ...], text: str, source: Source) -> str:
    """Read one of the words."""
    if text not in words:
        near = difflib.get_close_matches(text, words, 1)
        mend = f'; did you mean "{near[0]}"?' if near else ""
        raise ValueError(f"not one of {', '.join(words)}{mend}")
    return text


def many(text: str, source: Source) -> tuple[str, ...]:
    """Read a list with blanks or commas between."""
    return tuple(text.replace(",", " ").split())


def path(text: str, source: Source) -> Path:
    """Read a path; a relative one begins at the folder of the file."""
    return source.folder / Path(filled(text, source)).expanduser()


def file(text: str, source: Source) -> Path | None:
    """Read the path of a file that is there; empty: None."""
    if not text:
        return None
    found = path(text, source)
    if not found.is_file():
        raise ValueError("no such file; write the path of a file or leave it empty")
    return found


def folder(text: str, source: Source) -> Path | None:
    """Read the path of a folder that is there; empty: None."""
    if not text:
        return None
    found = path(text, source)
    if not found.is_dir():
        raise ValueError("no such folder; write the path of a folder or leave it empty")
    return found


def model(text: str, source: Source) -> Path | None:
    """Read the folder of a vosk model."""
    if text and not path(text, source).is_dir():
        raise ValueError("no such folder; `app.py speech fetch` brings a model, empty is keys only")
    return folder(text, source)


def places(text: str, source: Source) -> tuple[str, ...]:
    """Read places of servers, 10.0.0.5:9099."""
    for place in many(text, source):
        given, _, port = place.rpartition(":")
        if not given or not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
            raise ValueError(f"{place} is not address:port; write one such as 10.0.0.5:9099")
    return many(text, source)


def yes(text: str, source: Source) -> bool:
    """Read yes or no."""
    return word(("yes", "no"), text, source) == "yes"


def networks(text: str, source: Source) -> tuple[str, ...]:
    """Read networks, 192.168.1.0/24."""
    for network in many(text, source):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError(
                f"{network} is not a network; write one such as 192.168.1.0/24"
            ) from None
    return many(text, source)


def url(schemes: tuple[str, ...], text: str, source: Source) -> str:
    """Read an address with one of the schemes and without a password; empty: none."""
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in schemes:
        starts = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"does not begin with one of {starts}")
    if parts.password is not None:
        raise Hidden(
            "holds a password; take it out and name the environment variable that holds it"
            " in the setting `password`"
        )
    return text


def secret(text: str, source: Source) -> Secret:
    """Read the name of the environment variable that holds a secret; empty: none."""
    if not text:
        return Secret()
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", text):
        raise Hidden(
            "not the name of an environment variable; put the secret into one such as PRESS2_SECRET"
            " and write that name here"
        )
    if not source.environ.get(text):
        raise ValueError(
            f"the environment variable is not set; export {text} or leave the setting empty"
        )
    return Secret(text, source.environ[text])


@dataclass(frozen=True)
class ApiToken:
    """Somebody who may use the API. rights: "events:write", "*:read"."""

    name: str
    company: str
    rights: tuple[str, ...]
    secret: Secret


_TOKEN = re.compile(r"([a-z0-9_-]{1,40})@([a-z0-9_-]+)=([A-Z][A-Z0-9_]*)/(\S+)")
_RIGHT = re.compile(r"(events|works|schedules|priority|applications|\*):(read|write)")
SHORTEST = 32
"""Characters of a secret that nobody guesses."""


def tokens(text: str, source: Source) -> tuple[ApiToken, ...]:
    """Read who may use the API."""
    found = tuple(_token(item, source) for item in many(text, source))
    names, secrets = [token.name for token in found], [token.secret.value for token in found]
    for what, known in (("name", names), ("secret", secrets)):
        again = [name for name, own in zip(names, known, strict=True) if known.count(own) > 1]
        if again:
            raise Hidden(f"{', '.join(again)}: two tokens have the same {what}")
    return found


def _token(item: str, source: Source) -> ApiToken:
    match = _TOKEN.fullmatch(item)
    rights = tuple(match[4].split("+")) if match else ()
    if not match or not all(_RIGHT.fullmatch(right) for right in rights):
        raise Hidden(
            "not of the form name@company=VARIABLE/rights; write one such as"
            " oms@odesa=PRESS2_API_OMS/events:write+events:read"
        )
    return ApiToken(match[1], match[2], rights, strong(match[3], source))


def strong(text: str, source: Source) -> Secret:
    """Read a secret that nobody guesses."""
    given = secret(text, source)
    if given.variable and len(given.value) < SHORTEST:
        raise Hidden(
            f"{given.variable} is shorter than {SHORTEST} characters; `openssl rand -hex 32`"
            " makes one that nobody guesses"
        )
    return given


class Hidden(ValueError):
    """A bad value that may be a secret: the error does not repeat it."""
