"""Brings a vosk model from where vosk itself brings them, when a person asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from zipfile import BadZipFile

import requests
import vosk

from ivr.errors import SetupError

LANGUAGES = {
    "uk": ("uk", "ua"),
    "ru": ("ru",),
    "en": ("en-us",),
    "vi": ("vn", "vi"),
    "tt": ("tt",),
}
"""vosk's own codes of our languages; its list has changed some."""


def fetch(language: str, folder: Path, say: Callable[[str], None]) -> Path:
    """Bring the small model of a language into `folder`; returns its folder.

    Raises SetupError: there is none, or the net or the disk does not give it.
    """
    found = entries(_listed(), language)
    entry, name = found[0], str(found[0]["name"])
    if len(found) > 1:
        others = ", ".join(str(each["name"]) for each in found[1:])
        say(f"Taken: {name}. There are also: {others}")
    target = folder / name
    if target.is_dir():
        say(f"{target}: is there already")
        return target
    say(f"{name}, {entry.get('size_text', '?')}, from {vosk.MODEL_PRE_URL}")
    say("Its licence stands at https://alphacephei.com/vosk/models (mostly Apache 2.0).")
    bring = vosk.Model.__new__(vosk.Model)  # the downloader is a method; no model is loaded yet
    bring._handle = vosk.vosk_cffi.ffi.NULL
    try:
        bring.download_model(target)
    except (OSError, URLError, BadZipFile) as error:
        Path(f"{target}.zip").unlink(missing_ok=True)
        raise SetupError(f"{name} cannot be brought ({_reason(error)}); try again") from error
    return target


def _listed() -> list[dict[str, Any]]:
    try:
        answer = requests.get(vosk.MODEL_LIST_URL, timeout=10)
        answer.raise_for_status()
        listed: list[dict[str, Any]] = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise SetupError(
            f"{vosk.MODEL_LIST_URL} does not answer ({_reason(error)}); bring a model by hand: "
            "docs/speech.md"
        ) from error
    return listed


def entries(listed: Iterable[Mapping[str, Any]], language: str) -> list[Mapping[str, Any]]:
    """Return the small models of a language, the one to take first. Raises SetupError: none.

    Only small ones understand grammars. The first one is of the highest version; of several of the
    same version, the one that is named "small".
    """
    codes = LANGUAGES.get(language, (language,))
    found = [
        each
        for each in listed
        if each.get("lang") in codes
        and each.get("type") == "small"
        and str(each.get("obsolete", "false")).lower() == "false"
    ]
    if not found:
        raise SetupError(f"vosk has no small model for {language}; docs/speech.md names others")
    return sorted(found, key=lambda each: _merit(str(each["name"])), reverse=True)


def _merit(name: str) -> tuple[tuple[int, ...], int]:
    """Return the version a name ends with, and how often it says that the model is small."""
    version = re.search(r"-v?([0-9]+(?:\.[0-9]+)*)(?=-|$)", name)
    numbers = tuple(map(int, version[1].split("."))) if version else ()
    return numbers, name.count("small")


def _reason(error: BaseException) -> str:
    return type(error).__name__
