"""Sounds of <Play>: fetched as twilio.com/docs/voice/twiml/play tells, and kept as HTTP allows."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp

from .twiml import TwimlError, Verb
from .twiml_rules import names

if TYPE_CHECKING:
    from .call import Call
    from .emulator import Emulator

TYPES = names(
    "audio/mpeg audio/wav audio/wave audio/x-wav audio/aiff audio/x-aifc audio/x-aiff audio/x-gsm "
    "audio/gsm audio/ulaw"
)


class Unplayable(Exception):
    """A sound that Twilio cannot play. code: 11200 or 13420."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass
class Sound:
    """One fetched sound. until: monotonic time to which it may be used unasked."""

    seconds: float
    etag: str
    until: float


class Media:
    """Fetches sounds. fetched: GETs answered by the sound, by address; asked: all GETs."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.fetched: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self._kept: dict[str, Sound] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def fetch(self, call: Call, verb: Verb) -> tuple[str, float]:
        """Return address and seconds of a <Play>'s sound; raise Broken."""
        from .line import Broken  # noqa: PLC0415 - calls know media

        url = urljoin(verb.base, verb.text)
        try:
            async with self._locks.setdefault(url, asyncio.Lock()):
                return url, await self._seconds(url)
        except Unplayable as error:
            fault = TwimlError(error.code, f"<Play>{url}: {error}")
            self._emulator.fault(fault, call, verb.base)
            raise Broken(error.code, url) from error

    async def _seconds(self, url: str) -> float:
        kept = self._kept.get(url)
        if kept is not None and time.monotonic() < kept.until:
            return kept.seconds
        headers = {"If-None-Match": kept.etag} if kept is not None and kept.etag else {}
        self.asked[url] += 1
        try:
            async with asyncio.timeout(self._emulator.network.timeout):
                async with self._emulator.network.ask("GET", url, headers) as answer:
                    return self._keep(url, kept, answer, await answer.read())
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unplayable(11200, repr(error)) from error

    def _keep(
        self, url: str, kept: Sound | None, answer: aiohttp.ClientResponse, body: bytes
    ) -> float:
        if answer.status == 304 and kept is not None:
            seconds = kept.seconds
        elif answer.status != 200:
            raise Unplayable(11200, f"status {answer.status}")
        elif answer.content_type not in TYPES:
            raise Unplayable(13420, f"content type {answer.content_type}")
        else:
            self.fetched[url] += 1
            seconds = length(body)
        control = answer.headers.get("Cache-Control", "")
        age = re.search(r"max-age=([0-9]+)", control)
        fresh = float(age[1]) if age and not re.search("no-store|no-cache", control) else 0.0
        if "no-store" not in control:
            etag = answer.headers.get("ETag", kept.etag if kept else "")
            self._kept[url] = Sound(seconds, etag, time.monotonic() + fresh)
        return seconds


def length(body: bytes) -> float:
    """Return the seconds of a WAV file of PCM, A-law or u-law; raise Unplayable."""
    if len(body) < 12 or body[:4] != b"RIFF" or body[8:12] != b"WAVE":
        raise Unplayable(13420, f"no WAV file: {body[:12]!r}")
    at, rate = 12, 0
    while at + 8 <= len(body):
        name, size = struct.unpack_from("<4sI", body, at)
        if name == b"fmt ":
            kind, channels, _, rate = struct.unpack_from("<HHII", body, at + 8)
            if kind not in (1, 6, 7) or channels not in (1, 2) or not rate:
                raise Unplayable(13420, f"WAV of format {kind} with {channels} channels")
        if name == b"data":
            if not rate or at + 8 + size > len(body):
                raise Unplayable(13420, "WAV cut off")
            return float(size / rate)
        at += 8 + size + size % 2
    raise Unplayable(13420, "WAV without data")
