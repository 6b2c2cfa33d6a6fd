"""Our sounds, as Twilio fetches them: one file for all that is said in a row.

Their addresses cannot be guessed: a sound may hold a name or an address.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.twiml import Spoken
from ivr.model import Say, Turn
from ivr.prompts import Catalogue

WORD = re.compile(r"[\w-]+")
PARTS = re.compile(r"[\w-]+(?:\.[\w-]+){1,2}")
TOGETHER = 60
"""Sounds in one file at most: an address stays below 4,000 characters."""
MUSIC = "music"
MUSIC_SECONDS = 30
"""Of one part of the music. A caller who waits is asked for after each."""
SAMPLES = 8000
"""A second."""


class Voice(Protocol):
    """What the channel needs of `ivr.speech`."""

    def files(self, say: Say, language: str, slow: bool = False, company: str = "") -> list[str]:
        """Return the sounds of `say`, "uk/n_5", every one of them on disk."""

    def lacks(self, say: Say, language: str, company: str = "") -> bool:
        """Tell whether a sound of `say` is neither on disk nor recorded."""


class Sounds:
    """The sounds below one folder. key: what makes their addresses unguessable."""

    def __init__(self, folder: Path, music: Path, public_url: str, key: str) -> None:
        self._folder = folder
        self._music = music
        self._base = f"{public_url}/twilio/sounds"
        self._key = key.encode()

    def urls(self, names: Sequence[str]) -> list[str]:
        """Return where sounds ("uk/n_5") are fetched, several of them as one file."""
        return [
            self._url([name.replace("/", ".") for name in names[start : start + TOGETHER]])
            for start in range(0, len(names), TOGETHER)
        ]

    def music(self, part: int) -> str:
        """Return where a part of the music is fetched, "" where there is none."""
        pieces = self._pieces()
        if not pieces:
            return ""
        lengths = [self._parts(piece) for piece in pieces]
        part %= sum(lengths)
        for piece, length in zip(pieces, lengths, strict=True):
            if part < length:
                return self._url([f"{MUSIC}.{piece.stem}.{part}"])
            part -= length
        return ""

    def _pieces(self) -> list[Path]:
        return [path for path in sorted(self._music.glob("*.wav")) if WORD.fullmatch(path.stem)]

    def _parts(self, piece: Path) -> int:
        seconds = piece.stat().st_size / (2 * SAMPLES)
        return max(1, round(seconds / MUSIC_SECONDS))

    def _url(self, parts: Sequence[str]) -> str:
        joined = "+".join(parts)
        return f"{self._base}/{self._mark(joined)}/{joined}.wav"

    def _mark(self, joined: str) -> str:
        """Return what proves that an address was made here for the files as they are now."""
        told = "|".join((joined, *map(self._version, joined.split("+"))))
        return hmac.new(self._key, told.encode(), hashlib.sha256).hexdigest()[:24]

    def _version(self, part: str) -> str:
        """Return a word that changes with the file: caches keep a sound for a day."""
        try:
            return str(self._path(part).stat().st_mtime_ns)
        except OSError:
            return ""

    def _path(self, part: str) -> Path:
        folder, name, *_ = part.split(".")
        return (self._music if folder == MUSIC else self._folder / folder) / f"{name}.wav"

    def read(self, mark: str, joined: str) -> bytes | None:
        """Return the file of an address, None where it was not made here."""
        parts = joined.split("+")
        if len(parts) > TOGETHER or not all(PARTS.fullmatch(part) for part in parts):
            return None
        if not hmac.compare_digest(self._mark(joined).encode(), mark.encode("utf-8", "replace")):
            return None
        try:
            return wav(b"".join(self._samples(part) for part in parts))
        except (OSError, EOFError, wave.Error):
            return None

    def _samples(self, part: str) -> bytes:
        with wave.open(str(self._path(part)), "rb") as sound:
            _, _, *piece = part.split(".")
            if not piece:
                return sound.readframes(sound.getnframes())
            first = int(piece[0]) * MUSIC_SECONDS * SAMPLES
            sound.setpos(min(first, sound.getnframes()))
            last = int(piece[0]) + 1 >= self._parts(self._path(part))
            return sound.readframes(sound.getnframes() if last else MUSIC_SECONDS * SAMPLES)


def wav(samples: bytes) -> bytes:
    """Return samples (16 bits, mono, 8 kHz) as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLES)
        sound.writeframes(samples)
    return file.getvalue()


class Speaker:
    """Says what a turn says: by our sounds, or by Twilio's voice where the settings name one."""

    def __init__(
        self,
        settings: TwilioSettings,
        voice: Voice,
        sounds: Sounds,
        catalogues: Mapping[str, Catalogue],
    ) -> None:
        self.sounds = sounds
        self._settings = settings
        self._voice = voice
        self._catalogues = catalogues

    def of(self, turn: Turn, company: str = "") -> list[Spoken]:
        """Return everything a turn says to the callers of a company."""
        return self.say(turn.says, turn.language, turn.slow, company)

    def say(
        self, says: Sequence[Say], language: str, slow: bool = False, company: str = ""
    ) -> list[Spoken]:
        """Return says in order; an empty one (a prompt without words) is left out."""
        spoken = (self._one(say, say.language or language, slow, company) for say in says)
        return [each for said in spoken for each in said]

    def _one(self, say: Say, language: str, slow: bool, company: str) -> list[Spoken]:
        voice = self._settings.voices.get(language, "")
        if voice and self._voice.lacks(say, language, company):
            text = self._catalogues[language].text(say.prompt, say.values)
            return [Spoken(text=text, voice=voice, language=language)] if text else []
        files = self._voice.files(say, language, slow, company)
        return [Spoken(url=url, language=language) for url in self.sounds.urls(files)]
