"""`app.py prompts render`: the maintainer's command that makes the shipped recordings.

It speaks every fixed piece whose text or voice changed since it was rendered and never touches a
recording that is not its own (`rendered.json` knows its own by their content).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TextIO

from ivr.errors import SetupError
from ivr.prompts import Catalogue
from ivr.speech import audio
from ivr.speech.progress import Progress
from ivr.speech.recordings import (
    SHIPPED_ENDING,
    Recording,
    Shipped,
    digest,
    find,
    read_shipped,
    write_shipped,
)
from ivr.speech.synthesis import Engine, Synthesiser

LOT = 20
"""Pieces rendered between two saves."""


def run(
    catalogues: Mapping[str, Catalogue], recordings: Path, synthesiser: Synthesiser, out: TextIO
) -> list[str]:
    """Render what changed; returns "uk/greeting" of each. Only languages with an RHVoice voice."""
    rendered: list[str] = []
    for language, catalogue in catalogues.items():
        if language not in synthesiser.voices:
            out.write(f"prompts, {language}: no voice whose recordings may be shipped; left out\n")
            continue
        engine = synthesiser.engines(language)[0]
        if not engine.name.startswith("RHVoice"):
            raise SetupError("only RHVoice recordings are shipped; install it with: make voices")
        folder = recordings / language
        folder.mkdir(parents=True, exist_ok=True)
        texts = catalogue.fixed()
        _drop_unused(folder, texts)
        pieces = _outdated(folder, texts, engine)
        progress = Progress(out, f"rendering {language}, {engine.name}", len(pieces))
        for start in range(0, len(pieces), LOT):
            lot = {piece: texts[piece] for piece in pieces[start : start + LOT]}
            done = _render(lot, folder, engine, out)
            rendered += [f"{language}/{piece}" for piece in done]
            progress.step(len(lot))
    out.write(f"prompts: {len(rendered)} rendered\n")
    return rendered


def _outdated(folder: Path, texts: Mapping[str, str], engine: Engine) -> list[str]:
    found = find(folder)
    return [piece for piece, text in texts.items() if _is_due(found.get(piece), text, engine)]


def _is_due(recording: Recording | None, text: str, engine: Engine) -> bool:
    if recording is None:
        return True
    shipped = recording.shipped
    return shipped is not None and (shipped.text, shipped.voice) != (digest(text), engine.name)


def _drop_unused(folder: Path, texts: Mapping[str, str]) -> None:
    """Remove shipped recordings of pieces that are gone; a company's own stay."""
    entries = read_shipped(folder)
    gone = [piece for piece in entries if piece not in texts]
    for piece in gone:
        path = folder / f"{piece}.{SHIPPED_ENDING}"
        if path.exists() and digest(path.read_bytes()) == entries[piece].audio:
            path.unlink()
    if gone:
        write_shipped(folder, {piece: entries[piece] for piece in entries if piece in texts})


def _render(texts: Mapping[str, str], folder: Path, engine: Engine, out: TextIO) -> list[str]:
    """Render some pieces; tells of those that the engine cannot speak and returns the others."""
    with tempfile.TemporaryDirectory(prefix="press2-") as scratch:
        spoken = {piece: Path(scratch, f"{piece}.wav") for piece in texts}
        with ThreadPoolExecutor(audio.CORES) as pool:
            reasons = pool.map(partial(_speak, engine), texts.values(), spoken.values())
        for piece, reason in zip(texts, reasons, strict=True):
            if reason:
                out.write(f"left out: {folder.name}/{piece}: {reason}\n")
                del spoken[piece]
        _polish(list(spoken.values()))
        finished = {piece: path.with_suffix(f".{SHIPPED_ENDING}") for piece, path in spoken.items()}
        audio.encode_opus(list(spoken.values()), list(finished.values()))
        _put(finished, texts, folder, engine)
    return list(finished)


def _speak(engine: Engine, text: str, target: Path) -> str:
    """Write one text; returns why the engine could not, or nothing."""
    try:
        engine.speak(text, target)
    except SetupError as error:
        return str(error)
    return ""


def _polish(paths: Sequence[Path]) -> None:
    """Trim and level in place, so that the shipped files are fit to be listened to."""
    for path, sound in zip(paths, audio.decode(paths), strict=True):
        if sound is None:
            raise SetupError(f"{path.name}: the synthesis cannot be read")
        audio.polished(sound).wide.export(path, format="wav").close()


def _put(
    finished: Mapping[str, Path], texts: Mapping[str, str], folder: Path, engine: Engine
) -> None:
    entries = read_shipped(folder)
    for piece, path in finished.items():
        content = path.read_bytes()
        with audio.replacing(folder / f"{piece}.{SHIPPED_ENDING}") as target:
            target.write_bytes(content)
        entries[piece] = Shipped(digest(texts[piece]), engine.name, digest(content))
    write_shipped(folder, entries)
