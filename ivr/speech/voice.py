"""What a call plays: the sounds of a prompt, every one of them on disk.

A sound that stands is found by one look at the disk (some microseconds). One that is missing is
made on the spot: a fixed piece from its recording or its text, a free text by synthesis. The time
for that is bounded, it is done once for all callers who wait for the same sound, and a failure is
remembered for a while, so that a broken synthesiser cannot hold up call after call.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from ivr.errors import PromptError, SetupError
from ivr.model import Say
from ivr.prompts import Catalogue, Piece
from ivr.speech import audio
from ivr.speech.recordings import Recording, digest, find
from ivr.speech.synthesis import Engine, Synthesiser, speak

log = logging.getLogger(__name__)

SLOW_PAUSE = Piece("silence_300ms", "")
EXCUSES = ("pause_guessing", "apology")
"""Prompts that may stand for one that cannot be spoken at all; the first one that is there."""
TONE = Piece("tone", "")
"""Heard where not even an excuse can be made: better than a silent line."""
AFTER_FAILURE = 30.0
"""Seconds before a sound that could not be made is tried again."""
AT_ONCE = 2
"""Sounds one worker makes at the same time."""
HEAD = 44
"""Bytes before the samples of a wav file."""
LATIN = ("en", "vi")
_CYRILLIC = re.compile("[а-яА-ЯіїєґІЇЄҐ]")
_RUSSIAN = re.compile("[ыэъёЫЭЪЁ]")
_SILENCE = re.compile(r"silence_(\d+)(ms|s)")


Uploaded = Callable[[str, str, str], str | None]


class Voice:
    """Turns what the engine says into names of sounds; safe to share between threads.

    catalogues: by language, the company's first language first. recordings: the folder of
    `LANG/ID.*`; sounds: the folder of `LANG/ID.wav`, written to. uploaded: names the sound that a
    company has put in the place of a piece, None where it has none: (company, language, piece).
    """

    def __init__(
        self,
        catalogues: Mapping[str, Catalogue],
        recordings: Path,
        sounds: Path,
        synthesiser: Synthesiser,
        uploaded: Uploaded | None = None,
    ) -> None:
        self._catalogues = catalogues
        self._recordings = recordings
        self._sounds = sounds
        self._uploaded = uploaded or (lambda company, language, piece: None)
        self._limit = synthesiser.limit
        self._engines = {language: _engines(synthesiser, language) for language in catalogues}
        self._making: dict[str, Future[bool]] = {}
        self._making_lock = threading.Lock()
        self._makers = threading.BoundedSemaphore(AT_ONCE)
        self._failed: dict[str, float] = {}

    def files(self, say: Say, language: str, slow: bool = False, company: str = "") -> list[str]:
        """Return the sounds of `say` in order, as "uk/greeting"; each stands on disk.

        slow: a pause between the pieces. company: whose callers hear it. A piece that cannot be had
        in the language is taken from another one (a digit read back must not be left out), a free
        text is left out, and where nothing remains the caller hears an excuse. Empty only for a
        prompt that says nothing.
        """
        language = say.language or language
        try:
            pieces = self._catalogues[language].pieces(say.prompt, say.values)
        except KeyError:
            log.error("no prompts in language %r", language)
            return [self._excuse(next(iter(self._catalogues)))]
        except PromptError:  # its text may hold the caller's values: not for a log
            log.error("prompt %r cannot be spoken in language %r", say.prompt, language)
            return [self._excuse(language)]
        if not pieces:
            return []
        deadline = time.monotonic() + self._limit  # for all syntheses: the caller waits
        names = [
            name
            for piece in pieces
            if (name := self._own_of(company, piece, language))
            or (name := self._name(piece, language, deadline))
        ]
        if all(_SILENCE.search(name) for name in names):
            return [self._excuse(language)]
        return self._slowly(names, language) if slow else names

    def seconds(self, names: Sequence[str]) -> float:
        """Return how long sounds play that `files` named."""
        bytes_played = 0
        for name in names:
            with contextlib.suppress(OSError):
                bytes_played += max(0, os.stat(f"{self._sounds}/{name}.wav").st_size - HEAD)  # noqa: PTH116
        return bytes_played / (2 * audio.NARROW)

    def lacks(self, say: Say, language: str, company: str = "") -> bool:
        """Tell whether a sound of `say` is neither on disk nor recorded: it would be synthesised.

        Also true where the prompt cannot be spoken at all.
        """
        language = say.language or language
        try:
            pieces = self._catalogues[language].pieces(say.prompt, say.values)
        except (KeyError, PromptError):
            return True
        return not all(
            _SILENCE.fullmatch(piece.id)
            or self._own_of(company, piece, language)
            or self._stands(f"{language}/{self._file(piece, language)}")
            or self._recording(piece, language)
            for piece in pieces
        )

    def _own_of(self, company: str, piece: Piece, language: str) -> str | None:
        """Return the sound that a company has put in the place of a piece, where it stands."""
        if not company:
            return None
        name = self._uploaded(company, language, piece.id)
        return name if name and self._stands(name) else None

    def _name(self, piece: Piece, language: str, deadline: float) -> str | None:
        """Return the sound of a piece, made now if need be; None where there is no way to it."""
        name = f"{language}/{self._file(piece, language)}"
        if self._stands(name) or self._made(name, piece, language, deadline):
            return name
        if piece.dynamic:
            log.error("a free text is left out: %s", name)
            return None
        for other in self._catalogues:
            if self._stands(f"{other}/{piece.id}"):
                log.error("sound %s is missing; played in language %r", name, other)
                return f"{other}/{piece.id}"
        log.error("sound %s is missing and cannot be made", name)
        return None

    def _file(self, piece: Piece, language: str) -> str:
        """Return the file name without ending; a free text's tells the voice and the text."""
        if not piece.dynamic:
            return piece.id
        names = "|".join(engine.name for engine in self._engines_for(piece.text, language))
        return "t_" + digest(f"{language}|{names}|{piece.text}")[:12]

    def _engines_for(self, text: str, language: str) -> tuple[Engine, ...]:
        """Return the engines for a text; a Cyrillic name in an English sentence is no English."""
        if language not in LATIN or not _CYRILLIC.search(text):
            return self._engines[language]
        spoken = "ru" if _RUSSIAN.search(text) else "uk"
        return self._engines.get(spoken) or self._engines[language]

    def _stands(self, name: str) -> bool:
        try:
            os.stat(f"{self._sounds}/{name}.wav")  # noqa: PTH116 (half the time of a Path)
        except OSError:
            return False
        return True

    def _made(self, name: str, piece: Piece, language: str, deadline: float) -> bool:
        """Make a missing sound, once for all who ask at the same time."""
        now = time.monotonic()
        if now < self._failed.get(name, 0.0):
            return False
        if now > deadline and not self._recording(piece, language):
            return False
        mine: Future[bool] = Future()
        with self._making_lock:
            making = self._making.setdefault(name, mine)
        if making is not mine:
            return _result(making, self._limit)
        done = False
        try:
            done = self._make(name, piece, language, deadline)
        finally:
            with self._making_lock:
                del self._making[name]
                self._remember(name, done)
            mine.set_result(done)
        return done

    def _remember(self, name: str, done: bool) -> None:
        """Keep the failures of the last while."""
        now = time.monotonic()
        self._failed = {each: until for each, until in self._failed.items() if until > now}
        if not done:
            self._failed[name] = now + AFTER_FAILURE

    def _make(self, name: str, piece: Piece, language: str, deadline: float) -> bool:
        if not self._makers.acquire(timeout=self._limit):
            log.error("sound %s: too many others are being made", name)
            return False
        try:
            sound = self._sound(piece, language, deadline)
            audio.write(sound, self._sounds / name)
        except (SetupError, OSError) as error:
            log.error("sound %s cannot be made: %s", name, error)
            return False
        finally:
            self._makers.release()
        return True

    def _sound(self, piece: Piece, language: str, deadline: float) -> audio.Sound:
        if piece is TONE:
            return audio.tone(400)
        if silence := _SILENCE.fullmatch(piece.id):
            return audio.silence(int(silence[1]) * (1000 if silence[2] == "s" else 1))
        if recording := self._recording(piece, language):
            return _polished(recording.path, self._limit)
        with tempfile.TemporaryDirectory(prefix="press2-") as scratch:
            spoken = Path(scratch, "spoken.wav")
            speak(
                self._engines_for(piece.text, language),
                piece.text,
                spoken,
                deadline - time.monotonic(),
            )
            return _polished(spoken, max(0.1, deadline - time.monotonic()))

    def _recording(self, piece: Piece, language: str) -> Recording | None:
        if piece.dynamic:
            return None
        try:
            recording = find(self._recordings / language, piece.id).get(piece.id)
        except (SetupError, OSError) as error:
            log.error("recordings of %r cannot be read: %s", language, error)
            return None
        usable = recording and (recording.speaks(piece.text) or not self._engines[language])
        return recording if usable else None

    def _own(self, piece: Piece, language: str) -> str | None:
        """Return a sound that needs neither recording nor synthesis."""
        return self._name(piece, language, time.monotonic() + self._limit)

    def _excuse(self, language: str) -> str:
        """Return what is played for a prompt of which nothing is left."""
        for excuse in EXCUSES:
            for each in (language, *self._catalogues):
                if self._stands(f"{each}/{excuse}"):
                    return f"{each}/{excuse}"
        return self._own(TONE, language) or f"{language}/{TONE.id}"

    def _slowly(self, names: list[str], language: str) -> list[str]:
        pause = self._own(SLOW_PAUSE, language)
        if pause is None:
            return names
        return [name for each in names for name in (pause, each)][1:]


def _engines(synthesiser: Synthesiser, language: str) -> tuple[Engine, ...]:
    try:
        return synthesiser.engines(language)
    except SetupError as error:
        log.warning("%s", error)
        return ()


def _result(future: Future[bool], limit: float) -> bool:
    try:
        return future.result(limit)
    except TimeoutError:
        return False


def _polished(path: Path, limit: float) -> audio.Sound:
    decoded = audio.decode([path], limit)[0]
    if decoded is None:
        raise SetupError(f"{path.name} holds no readable audio")
    return audio.polished(decoded)
