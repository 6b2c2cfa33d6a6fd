"""`app.py prompts build`: every fixed piece of every language as sounds for Asterisk.

What was built from what stands in `built.json` of each language folder, so a second build only
compares digests. Builds started at the same time wait for each other.
"""

from __future__ import annotations

import fcntl
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

from ivr.errors import SetupError
from ivr.prompts import Catalogue
from ivr.speech import audio, music
from ivr.speech.progress import Progress
from ivr.speech.recordings import Recording, digest, find
from ivr.speech.synthesis import Engine, Synthesiser, speak

CHAIN = f"{audio.LEVEL} {audio.PEAK} {audio.QUIET} {audio.EDGE} {audio.FADE}"
"""What the audio chain does to every sound; another figure builds all sounds anew."""
SILENCES = {"silence_300ms": 300, "silence_1s": 1000}
MUSIC = "music"
"""Folder of the sounds with the music for the wait."""
TONES = "tones"
BUILT_LIST = "built.json"
DYNAMIC_DAYS = 90
"""Days after which a text synthesised during a call is dropped; the next call makes it again."""


@dataclass(frozen=True)
class Built:
    """One built sound. text: digest of what its recording was first built for; source: see `Job`.

    seconds, level, peak (dBFS), clipped (share of samples): of the source, before levelling.
    """

    fingerprint: str
    text: str
    source: str
    seconds: float
    level: float
    peak: float
    clipped: float


@dataclass
class Report:
    """What a build did, by names as "uk/greeting".

    failed: name -> why; sounds: language -> piece -> what stands there.
    """

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    sounds: dict[str, dict[str, Built]] = field(default_factory=dict)


class Job(NamedTuple):
    """One piece and what it is made from: a recording, else a synthesis of `text` by `engines`."""

    piece: str
    text: str
    recording: Recording | None
    engines: tuple[Engine, ...]

    @property
    def source(self) -> str:
        """File name of the recording, or name of the engine."""
        if self.recording:
            return self.recording.path.name
        return self.engines[0].name if self.engines else "nothing"

    @property
    def fingerprint(self) -> str:
        """Digest of everything that changes the sound."""
        content = self.recording.audio if self.recording else f"{self.source}|{self.text}"
        return digest(f"{CHAIN}|{content}")


def run(
    catalogues: Mapping[str, Catalogue],
    recordings: Path,
    sounds: Path,
    synthesiser: Synthesiser,
    out: TextIO,
) -> Report:
    """Bring `sounds/LANG/` up to date. recordings: the folder that holds `LANG/ID.*`."""
    report = Report()
    with _alone(sounds, out):
        for language, catalogue in catalogues.items():
            jobs = plan(language, catalogue, recordings / language, synthesiser)
            _build(language, jobs, sounds / language, report, out)
        music.make(sounds / MUSIC)
        music.make_tones(sounds / TONES)
    _summary(report, out)
    return report


def plan(
    language: str, catalogue: Catalogue, recordings: Path, synthesiser: Synthesiser
) -> list[Job]:
    """Choose for every fixed piece what it is made from."""
    found = find(recordings)
    try:
        engines = synthesiser.engines(language)
    except SetupError:
        engines = ()
    jobs = []
    for piece, text in catalogue.fixed().items():
        recording = found.get(piece)
        usable = recording if recording and (recording.speaks(text) or not engines) else None
        jobs.append(Job(piece, text, usable, engines))
    return jobs


def _build(language: str, jobs: Sequence[Job], folder: Path, report: Report, out: TextIO) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for piece, milliseconds in SILENCES.items():
        if not _stands(folder / piece):
            audio.write(audio.silence(milliseconds), folder / piece)
    built = _read(folder)
    due = [job for job in jobs if not _up_to_date(job, built, folder)]
    report.sounds[language] = built
    waiting = {job.piece for job in due}
    report.kept += [f"{language}/{job.piece}" for job in jobs if job.piece not in waiting]
    progress = Progress(out, f"prompts, {language}", len(due))
    batches = [due[start : start + audio.AT_ONCE] for start in range(0, len(due), audio.AT_ONCE)]
    with ThreadPoolExecutor(audio.CORES) as pool:
        for made in pool.map(partial(_make, folder), batches):
            _note(made, language, report)
            _save(folder, built)
            progress.step(len(made))
    _drop_old_dynamic(folder)


def _note(made: Sequence[tuple[Job, Built | str]], language: str, report: Report) -> None:
    built = report.sounds[language]
    for job, outcome in made:
        name = f"{language}/{job.piece}"
        if isinstance(outcome, str):
            built.pop(job.piece, None)
            report.failed[name] = outcome
        else:
            built[job.piece] = outcome
            report.made.append(name)


def _make(folder: Path, jobs: Sequence[Job]) -> list[tuple[Job, Built | str]]:
    """Build some pieces; a text instead of the result tells why one could not be built."""
    made: list[tuple[Job, Built | str]] = []
    sources: dict[Job, Path] = {}
    with tempfile.TemporaryDirectory(prefix="press2-") as scratch:
        for number, job in enumerate(jobs):
            try:
                sources[job] = _source(job, Path(scratch, f"{number}.wav"))
            except SetupError as error:
                made.append((job, str(error)))
        decoded = audio.decode(list(sources.values()))
    for job, sound in zip(sources, decoded, strict=True):
        if sound is None:
            made.append((job, f"{job.source} holds no readable audio"))
            continue
        audio.write(audio.polished(sound), folder / job.piece)
        figures = _rounded(audio.measure(sound))
        made.append((job, Built(job.fingerprint, digest(job.text), job.source, *figures)))
    return made


def _source(job: Job, scratch: Path) -> Path:
    """Return the recording of a piece, or synthesise it into `scratch`."""
    if job.recording:
        return job.recording.path
    speak(job.engines, job.text, scratch)
    return scratch


def _rounded(found: audio.Measure) -> tuple[float, float, float, float]:
    """Keep dBFS finite: digital silence has -inf, which JSON lacks."""
    level, peak = (round(max(value, -99.0), 1) for value in (found.level, found.peak))
    return round(found.seconds, 2), level, peak, round(found.clipped, 5)


def _up_to_date(job: Job, built: Mapping[str, Built], folder: Path) -> bool:
    entry = built.get(job.piece)
    return bool(entry and entry.fingerprint == job.fingerprint and _stands(folder / job.piece))


def _stands(sound: Path) -> bool:
    return all(sound.with_name(sound.name + suffix).exists() for suffix in audio.SUFFIXES.values())


def _read(folder: Path) -> dict[str, Built]:
    path = folder / BUILT_LIST
    if not path.exists():
        return {}
    try:
        return {piece: Built(**entry) for piece, entry in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError):  # of an older press2, or cut: build anew
        return {}


def _save(folder: Path, built: Mapping[str, Built]) -> None:
    with audio.replacing(folder / BUILT_LIST) as path:
        path.write_text(json.dumps({piece: asdict(entry) for piece, entry in built.items()}))


def _drop_old_dynamic(folder: Path) -> None:
    before = time.time() - DYNAMIC_DAYS * 24 * 3600
    for path in folder.glob("t_*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


@contextmanager
def _alone(sounds: Path, out: TextIO) -> Iterator[None]:
    """Hold the lock of `sounds`; the system frees it when this process ends in whatever way."""
    sounds.mkdir(parents=True, exist_ok=True)
    with (sounds / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            out.write("another build is at work on these prompts; waiting for it\n")
            out.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _summary(report: Report, out: TextIO) -> None:
    out.write(f"prompts: {len(report.made)} built, {len(report.kept)} up to date")
    out.write(f", {len(report.failed)} failed\n" if report.failed else "\n")
    for name, reason in report.failed.items():
        out.write(f"  {name}: {reason}\n")
    out.flush()
