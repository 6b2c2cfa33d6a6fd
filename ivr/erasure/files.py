"""The customer in files: recordings, voice messages, kept utterances, logs, the rest of `var`."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ivr import utterances
from ivr.erasure.rows import Plan
from ivr.erasure.subject import Subject
from ivr.model import stem_of
from ivr.store.database import Store

AUDIO = frozenset({".wav", ".sln", ".gsm", ".ulaw", ".alaw"})
"""Sound: nothing is written in it. It is found by its name."""
STORED = frozenset({".db", ".db-wal", ".db-shm", ".sqlite3", ".aof", ".rdb", ".incr", ".base"})
"""What a database writes: never changed here, only looked through."""


@dataclass(frozen=True)
class Seen:
    """What was found in files. sounds: of his calls. texts: files, with how many places."""

    looked: int
    sounds: tuple[Path, ...]
    texts: tuple[tuple[Path, int], ...]


def look(var: Path, subject: Subject, known: Plan) -> Seen:
    """Look through every file below `var`."""
    looked, sounds, texts = 0, [], []
    names = _names(known)
    for path in _walk(var):
        looked += 1
        below = str(path.relative_to(var / "recordings")) if _recorded(var, path) else ""
        if below in known.files or _of_call(path, names):
            sounds.append(path)
        elif path.suffix not in AUDIO and (places := _places(path, subject)):
            texts.append((path, places))
    return Seen(looked, tuple(sounds), tuple(texts))


def _walk(var: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(var):
        if Path(folder) == var:
            below[:] = [name for name in below if name not in ("sounds", "asterisk-root")]
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _recorded(var: Path, path: Path) -> bool:
    return path.is_relative_to(var / "recordings")


def _names(known: Plan) -> set[str]:
    """How the files of his calls begin: as recordings, messages and utterances are named."""
    return {stem_of(call) for call in known.calls} | {
        "".join(each if each.isalnum() or each in ".-" else "-" for each in call)
        for call in known.calls
    }


def _of_call(path: Path, names: Set[str]) -> bool:
    """Whether a sound is named CALL-TOKEN or CALL-TURN after one of his calls."""
    stem = path.name.partition(".wav")[0]
    if stem == path.name and path.suffix not in (*AUDIO, ".json", ".part"):
        return False
    while stem:
        if stem in names:
            return True
        stem = stem.rpartition("-")[0]
    return False


def _places(path: Path, subject: Subject) -> int:
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return 0
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return sum(1 for _ in subject.bytes_pattern.finditer(content))
    except (OSError, ValueError):  # it was rotated away meanwhile, or cannot be read
        return 0


def stored(path: Path) -> bool:
    """Whether a file belongs to a database."""
    return path.suffix in STORED or of_redis(path)


def of_redis(path: Path) -> bool:
    """Whether a file is Redis's own."""
    return path.suffix == ".rdb" or path.name.startswith("appendonly")


def erase(
    store: Store, var: Path, subject: Subject, known: Plan, who: str, now: datetime
) -> tuple[int, int]:
    """Delete his sounds and cut him out of the logs; files deleted, places cut."""
    kept = var / "utterances"
    gone = 0
    for call in sorted(_with_utterances(kept, known)):
        gone += utterances.forget(store, kept, subject.company, call, who, now)
    found = look(var, subject, known)
    for path in found.sounds:
        path.unlink(missing_ok=True)
        gone += 1
    places = sum(_cut(path, subject) for path, _ in found.texts if not stored(path))
    return gone, places


def _with_utterances(kept: Path, known: Plan) -> set[str]:
    stems = {path.name.partition(".wav")[0].rpartition("-")[0] for path in kept.rglob("*.wav*")}
    return {call for call in known.calls if stem_of(call) in stems}


def _cut(path: Path, subject: Subject) -> int:
    """Write stars over him: in place, so that a process that writes there is not disturbed."""
    try:
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
            places = [match.span() for match in subject.bytes_pattern.finditer(content)]
            for start, end in places:
                content[start:end] = b"*" * (end - start)
            content.flush()
            return len(places)
    except (OSError, ValueError):
        return 0
