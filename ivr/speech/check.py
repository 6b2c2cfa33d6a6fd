"""`app.py prompts check`: what a caller would hear wrong, before one hears it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from ivr.prompts import Catalogue
from ivr.speech import audio, build
from ivr.speech.build import Built, Job
from ivr.speech.recordings import Recording, digest, find
from ivr.speech.synthesis import Synthesiser

LONGEST = 20.0
"""Seconds a piece may take."""
QUIETEST = -40.0
"""dBFS a recording may have: under it, levelling lifts the noise of the room."""
HELD_DOWN = 10.0
"""dB under the common level at which a sound is too quiet although it was levelled."""
CLIPPED = 0.0005
"""Share of samples at full scale that is heard as a rattle."""
CYRILLIC_LANGUAGES = frozenset({"uk", "ru", "tt"})

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LOOKALIKE = re.compile(r"[aceiopxyABCEHIKMOPTX]")


class Finding(NamedTuple):
    """One thing to mend."""

    language: str
    piece: str
    problem: str
    mend: str


def run(
    catalogues: Mapping[str, Catalogue],
    recordings: Path,
    sounds: Path,
    synthesiser: Synthesiser,
    out: TextIO,
) -> list[Finding]:
    """Build what is not up to date, then look at texts, recordings and sounds."""
    report = build.run(catalogues, recordings, sounds, synthesiser, out)
    findings = []
    for language, catalogue in catalogues.items():
        folder = recordings / language
        jobs = build.plan(language, catalogue, folder, synthesiser)
        out.write(f"prompts, {language}: {_origins(jobs)}\n")
        findings += [
            Finding(language, *found)
            for found in (
                *_texts(language, catalogue),
                *_missing(jobs, report.failed, language),
                *_sounds(jobs, report.sounds[language], report.failed, language),
                *_files(folder, catalogue),
            )
        ]
    _table(findings, out)
    return findings


def _origins(jobs: list[Job]) -> str:
    """Tell where the voice of a language comes from: two voices in a sentence sound broken."""
    recorded = [job.recording for job in jobs if job.recording]
    shipped = sum(recording.shipped is not None for recording in recorded)
    parts = [f"{len(recorded) - shipped} own recordings, {shipped} shipped"]
    if spoken := [job for job in jobs if not job.recording]:
        parts.append(f"{len(spoken)} spoken by {spoken[0].source}")
    return ", ".join(parts)


def _texts(language: str, catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Find letters of the wrong alphabet, which a synthesiser spells out or drops."""
    said = ((f"words: {word}", text) for word, each in catalogue.words.items() for text in each[1:])
    for piece, text in (*catalogue.fixed().items(), *said):
        for word in _WORD.findall(text):
            if letters := _foreign(word, language):
                yield (
                    piece,
                    f"{word!r} has {letters}",
                    f"type the word anew in prompts/{language}.yaml",
                )


def _foreign(word: str, language: str) -> str:
    latin, cyrillic = _LATIN.findall(word), _CYRILLIC.findall(word)
    if cyrillic and language not in CYRILLIC_LANGUAGES:
        return f"Cyrillic {' '.join(cyrillic)}"
    if latin and cyrillic:
        return f"Latin {' '.join(latin)} among Cyrillic letters"
    if latin and language in CYRILLIC_LANGUAGES and _LOOKALIKE.fullmatch(word):
        return f"a Latin {word} that looks Cyrillic"
    return ""


def _missing(
    jobs: list[Job], failed: Mapping[str, str], language: str
) -> Iterator[tuple[str, str, str]]:
    """Find pieces without a fitting recording; a language that has none at all is left alone."""
    if not any(job.recording for job in jobs):
        return
    for job in jobs:
        if not job.recording and f"{language}/{job.piece}" not in failed:
            yield (
                job.piece,
                f"missing: no recording of its text, {job.source} speaks it",
                f"record prompts/{language}/{job.piece}.wav or run: app.py prompts render",
            )


def _sounds(
    jobs: list[Job], built: Mapping[str, Built], failed: Mapping[str, str], language: str
) -> Iterator[tuple[str, str, str]]:
    for job in jobs:
        if reason := failed.get(f"{language}/{job.piece}"):
            yield job.piece, f"missing: {reason}", "the caller hears a stand-in until it is mended"
        elif job.piece in built:
            yield from _sound(job, built[job.piece])


def _sound(job: Job, entry: Built) -> Iterator[tuple[str, str, str]]:
    if entry.seconds > LONGEST:
        yield job.piece, f"too long: {entry.seconds:.1f} s", f"keep it under {LONGEST:.0f} s"
    if job.recording:
        yield from _recording(job, job.recording, entry)


def faults(found: audio.Measure) -> list[str]:
    """Return words for what is wrong with a recording: too_long, too_quiet, held_down, clipped."""
    levelled = min(audio.LEVEL, found.level + audio.PEAK - found.peak)
    quiet = found.level < QUIETEST
    words = {
        "too_long": found.seconds > LONGEST,
        "too_quiet": quiet,
        "held_down": not quiet and levelled < audio.LEVEL - HELD_DOWN,
        "clipped": found.clipped > CLIPPED,
    }
    return [word for word, true in words.items() if true]


def _recording(job: Job, recording: Recording, entry: Built) -> Iterator[tuple[str, str, str]]:
    source = entry.source
    wrong = faults(audio.Measure(entry.seconds, entry.level, entry.peak, entry.clipped))
    if "too_quiet" in wrong:
        yield job.piece, f"too quiet: {entry.level:.0f} dBFS", f"record {source} nearer and louder"
    elif "held_down" in wrong:
        levelled = entry.level + audio.PEAK - entry.peak
        yield job.piece, f"too quiet: {levelled:.0f} dBFS", f"cut the click out of {source}"
    if "clipped" in wrong:
        yield job.piece, "clipped", f"record {source} with less gain, peaks under -3 dBFS"
    if not recording.speaks(job.text):
        yield job.piece, "stale: its text changed", "install a voice, or app.py prompts render"
    elif not recording.shipped and entry.text != digest(job.text):
        yield job.piece, f"stale: the text changed after {source}", "record it anew"


def _files(folder: Path, catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Find recordings that nothing plays: a mistyped name, a second file of a piece."""
    known = catalogue.fixed()
    for piece, recording in find(folder).items():
        if piece not in known:
            near = difflib.get_close_matches(piece, known, 1)
            mend = f"did you mean {near[0]}?" if near else "remove it"
            yield piece, f"{recording.path.name} belongs to no prompt", mend
        for other in recording.others:
            yield piece, f"{other.name} is not played: {recording.path.name} is", "keep one of them"


def _table(findings: list[Finding], out: TextIO) -> None:
    """Write the findings in columns as wide as their longest entry."""
    if not findings:
        out.write("prompts: nothing to mend\n")
        return
    rows = [("language", "piece", "problem", "mend"), *findings]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        out.write("  ".join([*cells, row[3]]).rstrip() + "\n")
