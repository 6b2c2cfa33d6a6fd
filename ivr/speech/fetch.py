"""Brings a vosk model from where vosk itself brings them, when a person asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from zipfile import BadZipFile

import requests
import vosk

from ivr.errors import SetupError

LANGUAGES = {"uk": "uk", "ru": "ru", "en": "en-us", "vi": "vn", "tt": "tt"}
"""vosk's own codes of our languages."""


def fetch(language: str, folder: Path, say: Callable[[str], None]) -> Path:
    """Bring the small model of a language into `folder`; returns its folder.

    Raises SetupError: there is none, or the net or the disk does not give it.
    """
    entry = _entry(_listed(), language)
    name = str(entry["name"])
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


def _entry(listed: list[dict[str, Any]], language: str) -> dict[str, Any]:
    """Return the newest small model: only small ones understand grammars."""
    code = LANGUAGES.get(language, language)
    found = [
        each
        for each in listed
        if each["lang"] == code and each["type"] == "small" and each["obsolete"] == "false"
    ]
    if not found:
        raise SetupError(f"vosk has no small model for {language}; docs/speech.md names others")
    return found[-1]


def _reason(error: BaseException) -> str:
    return type(error).__name__
