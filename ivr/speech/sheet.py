"""`app.py prompts sheet`: the list for the voice artist, as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from ivr.prompts import Catalogue, seconds
from ivr.speech.recordings import Recording, find

COLUMNS = ("id", "language", "text", "note", "seconds", "recorded", "file")
NO_USES: Mapping[str, str] = {}


def run(
    catalogues: Mapping[str, Catalogue],
    recordings: Path,
    out: TextIO,
    uses: Mapping[str, str] = NO_USES,
) -> None:
    """Write one line a piece. uses: id of a prompt, or of a word's piece -> where it is heard.

    recorded: "yes" for a company's own recording, "shipped", or "no". out: opened with newline="".
    """
    table = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    table.writerow(COLUMNS)
    for language, catalogue in catalogues.items():
        found = find(recordings / language)
        for piece, text in catalogue.fixed().items():
            recorded = _recorded(found.get(piece), text)
            note = _note(piece, catalogue, uses)
            length = f"{seconds(text):.1f}"
            file = f"{recordings.name}/{language}/{piece}.wav"
            table.writerow((piece, language, text, note, length, recorded, file))


def _recorded(recording: Recording | None, text: str) -> str:
    if recording is None or not recording.speaks(text):
        return "no"
    return "shipped" if recording.shipped else "yes"


def _note(piece: str, catalogue: Catalogue, uses: Mapping[str, str]) -> str:
    """Tell where a piece is heard: alone, inside a sentence, said back, or as a part of numbers."""
    prompt, _, number = piece.rpartition("-")
    if number.isdigit() and prompt in catalogue.texts:
        whole = f"part {number} of: {catalogue.texts[prompt]}"
        return "; ".join(filter(None, (uses.get(prompt), whole)))
    if piece in catalogue.texts:
        return uses.get(piece, "")
    if piece.removeprefix("word_") in catalogue.words:
        heard = [text for text in catalogue.texts.values() if ":word}" in text]
        return "; ".join(
            filter(None, (uses.get(piece), *(f"said back in: {text}" for text in heard)))
        )
    return "part of numbers, dates and times: read evenly, other words come before and after"
