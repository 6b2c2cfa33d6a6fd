"""Small catalogues, sine waves for recordings, scripts that stand for installed programs."""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.prompts import Catalogue
from ivr.speech import audio, build, check, render, sheet
from ivr.speech.synthesis import Synthesiser
from ivr.speech.voice import Voice

DIGITS = {
    "uk": "нуль один два три чотири п'ять шість сім вісім дев'ять",
    "en": "zero one two three four five six seven eight nine",
}
TEXTS = {
    "uk": {
        "greeting": "Добрий день.",
        "reading": "Ви ввели {value:digits}. Дякуємо.",
        "street": "Вулиця {name:text} без світла.",
        "name": "{name:text}",
        "nothing": "{name:prompt}",
        "apology": "Перепрошуємо.",
    },
    "en": {
        "greeting": "Good morning.",
        "reading": "You entered {value:digits}. Thank you.",
        "street": "There is no power in {name:text} street.",
        "name": "{name:text}",
        "nothing": "{name:prompt}",
        "apology": "We are sorry.",
    },
}


def catalogue(language: str = "uk", **changed: str) -> Catalogue:
    words = {f"n_{digit}": word for digit, word in enumerate(DIGITS[language].split())}
    return Catalogue(language, TEXTS[language] | changed, words)


@dataclass
class House:
    """The folders of one installation. voices: RHVoice voices; none, so espeak-ng speaks."""

    folder: Path
    catalogues: Mapping[str, Catalogue] = field(default_factory=lambda: {"uk": catalogue()})
    synthesiser: Synthesiser = field(default_factory=lambda: Synthesiser(voices={}))

    @property
    def recordings(self) -> Path:
        return self.folder / "prompts"

    @property
    def sounds(self) -> Path:
        return self.folder / "sounds"

    def record(self, name: str, **sine: float) -> Path:
        """Put a recording under prompts/: a sine of so many seconds between two silences."""
        path = self.recordings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        export(recorded(**sine), path)
        return path

    def build(self) -> build.Report:
        return build.run(
            self.catalogues, self.recordings, self.sounds, self.synthesiser, io.StringIO()
        )

    def check(self) -> list[check.Finding]:
        return check.run(
            self.catalogues, self.recordings, self.sounds, self.synthesiser, io.StringIO()
        )

    def render(self) -> list[str]:
        return render.run(self.catalogues, self.recordings, self.synthesiser, io.StringIO())

    def sheet(self) -> list[dict[str, str]]:
        out = io.StringIO(newline="")
        sheet.run(self.catalogues, self.recordings, out, {"street": "flow outage, step tell"})
        return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))

    def voice(self) -> Voice:
        return Voice(self.catalogues, self.recordings, self.sounds, self.synthesiser)

    def stand(self, names: list[str]) -> bool:
        return bool(names) and all((self.sounds / f"{name}.wav").exists() for name in names)

    def sound(self, name: str) -> Any:
        return read(self.sounds / f"{name}.wav16")


def recorded(
    seconds: float = 1.0, level: float = -20.0, silence: float = 0.5, rate: float = 44100
) -> Any:
    """A sine of 300 Hz at `level` dBFS (RMS), between two silences."""
    tone = audio.Sine(300, sample_rate=int(rate)).to_audio_segment(int(seconds * 1000))
    still = audio.AudioSegment.silent(int(silence * 1000), int(rate))
    return still + tone.apply_gain(level - tone.dBFS) + still


def export(segment: Any, path: Path) -> None:
    segment.export(str(path), format=path.suffix[1:]).close()


def read(path: Path) -> Any:
    with path.open("rb") as file:
        return audio.AudioSegment.from_wav(file)


def header(path: Path) -> tuple[int, int, int]:
    """Channels, bytes a sample, samples a second."""
    with wave.open(str(path), "rb") as file:
        return file.getnchannels(), file.getsampwidth(), file.getframerate()


def install(programs: Path, name: str, script: str) -> None:
    """Put a shell script into PATH."""
    path = programs / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
