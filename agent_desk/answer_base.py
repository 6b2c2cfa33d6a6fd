"""The answer base: a folder of Markdown entries, searched as the operator types.

`LANGUAGE/SLUG.md` begins with `# Title`; lines `keywords:` and `steps:` may follow: words callers
use, and the places at which the entry is suggested: a step (`reading.enter`), a flow, a queue, or
the reason why somebody left the menu. The index lives in memory and
is made anew when a file changes.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

logger = logging.getLogger(__name__)

EXCERPT = 160
"""Characters around what was found."""
WORDS = 8
"""Words of a question that are looked for."""
_SCHEMA = """
CREATE VIRTUAL TABLE entries USING fts5(
    title, keywords, body, id UNINDEXED, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3'
)
"""


@dataclass(frozen=True)
class Entry:
    """One answer in one language. id: "uk/reading-window"."""

    id: str
    title: str
    keywords: str
    steps: frozenset[str]
    text: str

    @property
    def language(self) -> str:
        """The language it is written in."""
        return self.id.partition("/")[0]

    @property
    def slug(self) -> str:
        """What its translations share."""
        return self.id.partition("/")[2]


@dataclass(frozen=True)
class _Index:
    """All entries at one moment. made_of: the files, their sizes and times."""

    entries: dict[str, Entry]
    table: sqlite3.Connection
    made_of: tuple[tuple[str, int, int], ...]


class AnswerBase:
    """Searches a folder; safe to ask from many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self._index = _index(folder, _files(folder))

    def refresh(self) -> bool:
        """Make the index anew if a file changed; says whether it did."""
        files = _files(self._folder)
        if files == self._index.made_of:
            return False
        fresh = _index(self._folder, files)
        with self._turn:
            old, self._index = self._index, fresh
            old.table.close()
        return True

    def __len__(self) -> int:
        return len(self._index.entries)

    def search(self, question: str, language: str, limit: int = 10) -> tuple[list[Any], float]:
        """Return {"id", "title", "excerpt"} of the best entries, and how long it took, ms.

        All words must be there, by their beginnings; where nothing has all, any. Of translations
        the one in `language` is shown if it was found too, else the one that was found best.
        """
        begun = time.perf_counter()
        words = _stems(question)[:WORDS]
        with self._turn:
            found = self._ranked(words, " AND ") or self._ranked(words, " OR ")
            entries = self._index.entries
            chosen = _one_a_slug([entries[key] for key in found], language)[:limit]
        shown = [{"id": e.id, "title": e.title, "excerpt": _excerpt(e.text, words)} for e in chosen]
        return shown, round((time.perf_counter() - begun) * 1000, 2)

    def _ranked(self, words: list[str], between: str) -> list[str]:
        if not words:
            return []
        # Words hold letters and digits only (_stems), so that a quoted one is no syntax.
        match = between.join(f'"{word}"*' for word in words)
        rows = self._index.table.execute(
            "SELECT id FROM entries WHERE entries MATCH ? ORDER BY bm25(entries, 10, 6, 1)"
            " LIMIT 60",
            (match,),
        )
        return [row[0] for row in rows]

    def entry(self, key: str) -> dict[str, str] | None:
        """Return {"id", "title", "html"} of an entry."""
        found = self._index.entries.get(key)
        if found is None:
            return None
        html = self._markdown.render(found.text)
        return {"id": found.id, "title": found.title, "html": html}

    def suggested(self, places: Sequence[str], language: str) -> list[dict[str, str]]:
        """Return {"id", "title"} of entries whose `steps` name one of these places, the first
        places first.
        """
        entries = [e for e in self._index.entries.values() if e.language == language]
        near = {
            entry.id: min(places.index(place) for place in entry.steps & set(places))
            for entry in entries
            if entry.steps & set(places)
        }
        chosen = sorted((e for e in entries if e.id in near), key=lambda e: (near[e.id], e.id))
        return [{"id": entry.id, "title": entry.title} for entry in chosen]


def _one_a_slug(entries: Iterable[Entry], language: str) -> list[Entry]:
    best: dict[str, Entry] = {}
    for entry in entries:
        if entry.slug not in best or (
            entry.language == language and best[entry.slug].language != language
        ):
            best[entry.slug] = entry  # it keeps the better place of the two
    return list(best.values())


# ---------------------------------------------------------------------- reading the folder


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    found = []
    for path in sorted(folder.glob("*/*.md")):
        try:
            known = path.stat()
        except OSError:
            continue  # deleted meanwhile
        found.append((f"{path.parent.name}/{path.stem}", known.st_mtime_ns, known.st_size))
    return tuple(found)


def _index(folder: Path, files: tuple[tuple[str, int, int], ...]) -> _Index:
    table = sqlite3.connect(":memory:", check_same_thread=False)
    table.execute(_SCHEMA)
    entries = {entry.id: entry for entry in _entries(folder, [name for name, *_ in files])}
    table.executemany(
        "INSERT INTO entries VALUES (?, ?, ?, ?)",
        [(_plain(e.title), _plain(e.keywords), _plain(e.text), e.id) for e in entries.values()],
    )
    return _Index(entries, table, files)


def _entries(folder: Path, names: Iterable[str]) -> Iterator[Entry]:
    for name in names:
        try:
            yield read(name, (folder / f"{name}.md").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValueError) as reason:
            logger.warning("answer %s is left out: %s", name, reason)


def read(name: str, text: str) -> Entry:
    """Read one entry. ValueError: it does not begin with `# Title`."""
    first, _, rest = text.lstrip("\ufeff").partition("\n")
    if not first.startswith("# "):
        raise ValueError("the first line must be `# Title`")
    head: dict[str, str] = {}
    while found := re.match(r"\s*(keywords|steps):(.*)(?:\n|$)", rest):
        head[found[1]] = found[2].strip()
        rest = rest[found.end() :]
    steps = frozenset(re.split(r"[,\s]+", head.get("steps", ""))) - {""}
    return Entry(name, first[2:].strip(), head.get("keywords", ""), steps, rest.strip())


# ---------------------------------------------------------------------- words

_SAME = str.maketrans({"ё": "е", "ґ": "г", "’": "", "ʼ": "", "'": "", "`": "", "\u0301": ""})
"""Ways to write one letter, and the apostrophe, which callers and keyboards leave out."""


def _plain(text: str) -> str:
    return text.casefold().translate(_SAME)


def _stems(question: str) -> list[str]:
    """Return the words without their endings, so that each case of a noun finds the others."""
    return [_stem(word) for word in re.findall(r"[^\W_]+", _plain(question))]


_WORDS_END = """
ого ому ими ыми его ему ами ями ові еві ість ості ость ости ing ed es s ах ях ов ів ев ей ий ій ый
ой ая яя ое ее ие ия ом ем ам ям ую юю их ых им ым и ы і ї а я о е є у ю ь й
"""
_ENDINGS = sorted(_WORDS_END.split(), key=len, reverse=True)
"""Endings of nouns and adjectives, the longest first. What is left is sought as a beginning."""


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def _excerpt(text: str, words: list[str]) -> str:
    """Return the beginning of the text, or what stands around the first word found."""
    flat = re.sub(r"[#*_>`|]|\[|\]\([^)]*\)", "", " ".join(text.split()))
    plain = flat.casefold()
    places = [place for word in words if (place := plain.find(word)) >= 0]
    start = max(0, min(places, default=0) - EXCERPT // 3)
    if start:
        start = flat.find(" ", start) + 1
    cut = flat[start : start + EXCERPT]
    if start + EXCERPT < len(flat):
        cut = cut.rpartition(" ")[0] + " …"
    return ("… " if start else "") + cut
