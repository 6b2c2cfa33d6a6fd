"""Recordings in `prompts/LANG/`: whose they are, which of them counts, which were shipped.

A company's own file always wins over the shipped one: it may stand beside it
(`greeting.wav` next to `greeting.opus`) or take its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ivr.errors import SetupError
from ivr.speech.audio import replacing

ENDINGS = (
    *("wav", "flac", "aif", "aiff", "au", "mp3", "m4a", "aac"),
    *("ogg", "oga", "opus", "wma", "webm", "amr", "3gp"),
)
"""File name endings taken for audio; the first one wins where a piece has several files."""
SHIPPED_LIST = "rendered.json"
SHIPPED_ENDING = "opus"


@dataclass(frozen=True)
class Shipped:
    """One rendered recording. text, audio: digests of what was spoken and of the file."""

    text: str
    voice: str
    audio: str


@dataclass(frozen=True)
class Recording:
    """One recorded piece. shipped: what it was rendered from, None for a company's own.

    others: further files of the same piece that are not used.
    """

    path: Path
    audio: str
    shipped: Shipped | None
    others: tuple[Path, ...] = ()

    def speaks(self, text: str) -> bool:
        """Tell whether this may be played for `text`: a shipped one only for its own text."""
        return self.shipped is None or self.shipped.text == digest(text)


def digest(content: str | bytes) -> str:
    """Return 16 hexadecimal digits that stand for a text or a file."""
    octets = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(octets).hexdigest()[:16]


def find(folder: Path, piece: str = "*") -> dict[str, Recording]:
    """Read `prompts/LANG/`, or one piece of it: piece id -> the recording that counts."""
    shipped = read_shipped(folder)
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f"{piece}.*")):
        if path.suffix[1:].lower() in ENDINGS:
            files.setdefault(path.stem, []).append(path)
    return {piece: _choose(paths, shipped.get(piece)) for piece, paths in files.items()}


def _choose(paths: list[Path], shipped: Shipped | None) -> Recording:
    ranked = sorted(paths, key=lambda path: ENDINGS.index(path.suffix[1:].lower()))
    found = [_recording(path, shipped) for path in ranked]
    own = [recording for recording in found if recording.shipped is None]
    best = (own or found)[0]
    others = tuple(each.path for each in own[1:])
    return Recording(best.path, best.audio, best.shipped, others)


def _recording(path: Path, shipped: Shipped | None) -> Recording:
    audio = digest(path.read_bytes())
    return Recording(path, audio, shipped if shipped and shipped.audio == audio else None)


def read_shipped(folder: Path) -> dict[str, Shipped]:
    """Read which recordings of `folder` were rendered, by piece. SetupError: a damaged list."""
    path = folder / SHIPPED_LIST
    if not path.exists():
        return {}
    try:
        return {piece: Shipped(**entry) for piece, entry in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError):
        raise SetupError(f"{path} is damaged; restore it, or render anew without it") from None


def write_shipped(folder: Path, entries: Mapping[str, Shipped]) -> None:
    """Write the list that `read_shipped` reads, one field a line for readable diffs."""
    document = {piece: asdict(entries[piece]) for piece in sorted(entries)}
    with replacing(folder / SHIPPED_LIST) as path:
        path.write_text(json.dumps(document, indent=0) + "\n")
