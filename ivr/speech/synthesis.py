"""Text to speech: RHVoice where it is installed, else a piper voice file, else espeak-ng.

Each engine is a command that writes a WAV file: a hanging or crashing synthesiser is a process
that is ended, never a stuck worker.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import SetupError

VOICES: Mapping[str, str] = {"uk": "natalia", "ru": "elena", "en": "slt"}
"""RHVoice voices whose licence lets their audio be shipped: LGPL-2.1+ (Debian's copyright file)."""
RHVOICE_VOICES = Path("/usr/share/RHVoice/voices")
ESPEAK_VOICES: Mapping[str, str] = {"en": "en-gb"}
WORDS_A_MINUTE = "150"
LOUDNESS = "70"
"""espeak-ng's amplitude: at its usual 100 some syllables are clipped."""
OUTPUT = "{output}"
LONGEST_SYNTHESIS = 60.0
"""Seconds one piece may take to be synthesised ahead of time."""


@dataclass(frozen=True)
class Engine:
    """A voice of one language. name: changes with everything that changes the sound.

    command: what to run; `OUTPUT` in it stands for the WAV file to write. Text goes to its stdin.
    """

    name: str
    command: Sequence[str]

    def speak(self, text: str, target: Path, limit: float | None = None) -> None:
        """Write `text` as WAV. limit: seconds. SetupError where nothing could be spoken.

        A dash between a choice and its key is spoken as a colon: RHVoice makes a pause of 60 ms at
        a dash and of 150 ms at a colon.
        """
        spoken = text.replace(" — ", ": ")
        command = [str(target) if word == OUTPUT else word for word in self.command]
        try:
            done = subprocess.run(
                command, input=spoken.encode(), capture_output=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            raise SetupError(f"{self.name} took over {limit} s") from None
        except OSError as error:
            raise SetupError(f"{self.name} cannot be started: {error}") from None
        if done.returncode or not target.exists() or not target.stat().st_size:
            reason = done.stderr.decode(errors="replace").strip()[-200:] or "it wrote no sound"
            raise SetupError(f"{self.name} failed: {reason}")


def speak(
    engines: Sequence[Engine], text: str, target: Path, limit: float = LONGEST_SYNTHESIS
) -> None:
    """Write `text` by the first engine that can: RHVoice refuses some foreign words.

    limit: seconds for all. SetupError: the reason of the last engine.
    """
    deadline = time.monotonic() + limit
    for place, engine in enumerate(engines, 1):
        try:
            return engine.speak(text, target, max(0.1, deadline - time.monotonic()))
        except SetupError:
            if place == len(engines):
                raise
    raise SetupError("nothing here synthesises speech; install it with: apt-get install espeak-ng")


@dataclass(frozen=True)
class Synthesiser:
    """Chooses the engine of a language.

    voices: language -> RHVoice voice; piper: language -> voice file (.onnx, its .onnx.json beside).
    limit: seconds after which a synthesis during a call is given up.
    """

    voices: Mapping[str, str] = field(default_factory=lambda: VOICES)
    piper: Mapping[str, Path] = field(default_factory=dict)
    limit: float = 2.0

    def engines(self, language: str) -> tuple[Engine, ...]:
        """Return what speaks the language here, best first. SetupError names the mend for none."""
        choice = (self._rhvoice(language), self._piper(language), _espeak(language))
        found = tuple(engine for engine in choice if engine)
        if not found:
            raise SetupError(
                f"nothing here speaks {language!r}: install espeak-ng (apt-get install espeak-ng), "
                f"RHVoice (make voices) or set piper_{language} in telephony.conf"
            )
        return found

    def _rhvoice(self, language: str) -> Engine | None:
        program = shutil.which("RHVoice-test")
        voice = self.voices.get(language)
        if program is None or voice is None or not (RHVOICE_VOICES / voice).is_dir():
            return None
        return Engine(f"RHVoice {voice}", (program, "-p", voice, "-o", OUTPUT))

    def _piper(self, language: str) -> Engine | None:
        model = self.piper.get(language)
        program = shutil.which("piper") or shutil.which("piper", path=Path(sys.executable).parent)
        if model is None or program is None or not model.is_file():
            return None
        # docs/CLI.md of piper1-gpl; the older piper takes the same two options and stdin
        command = (program, "--model", str(model), "--output_file", OUTPUT)
        return Engine(f"piper {model.name}", command)


def _espeak(language: str) -> Engine | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    voice = ESPEAK_VOICES.get(language, language)
    return Engine(
        f"espeak-ng {voice}",
        (program, "-v", voice, "-s", WORDS_A_MINUTE, "-a", LOUDNESS, "-w", OUTPUT, "--stdin"),
    )
