"""Spelling that makes no difference: an utterance as plain words.

Case, apostrophes (' ’ ʼ ` ´ and none), ё and е, hyphens and punctuation are all the same; an accent
over a Cyrillic vowel is dropped. A comma between blanks, ` , `, is a pause of the caller. Figures
are words: "2 421" is two, "24 кВт" is two. One point or comma inside figures is the word `POINT`;
several, as in "067.111.22", only part them. Before three figures it parts thousands and is nothing,
"2,421", "2.421": a reading has two decimals at most. But where the figures together are more than
the question asks for it is a `POINT`; a comma in English parts thousands always.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

UNKNOWN = "[unk]"
"""A word that the recogniser could not name."""
POINT = "."
"""A decimal point inside figures, "1,5"."""
LONGEST = 2000
"""Characters of an utterance that are read; half a minute of talk has fewer."""

_SAME = str.maketrans(dict.fromkeys("'’ʼ`´‘′ʹ\N{COMBINING ACUTE ACCENT}", "") | {"ё": "е"})
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_PARTED = re.compile(r"(?<![\d,.])\d{1,3}(?:(,|\.)\d{3})(?:\1\d{3})*(?!\1?\d)", re.ASCII)
_DECIMAL = re.compile(r"(?<![\d.,])(\d+)[.,](?=\d+(?![\d.,]*\d))", re.ASCII)
_PAUSE = re.compile(r"(?:^|\s),(?=\s|$)")
_WORD = re.compile(r"\[unk\]|\x00|\x01|[0-9]+|[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")

Words = tuple[str, ...]


@lru_cache(maxsize=20_000)
def words_of(text: str) -> Words:
    """Return the words of a phrase, without its pauses."""
    return split(text)[0]


def split(text: str, english: bool = False, longest: int = 0) -> tuple[Words, frozenset[int]]:
    """Return the words of an utterance, and the places before which its caller paused.

    longest: digits of the number that is asked for.
    """
    plain = unicodedata.normalize("NFC", text[:LONGEST].casefold()).translate(_SAME)
    if english:
        plain = _THOUSANDS.sub(_joined, plain)
    plain = _PARTED.sub(lambda row: _joined(row, longest), plain)
    plain = _PAUSE.sub(" \x00 ", _DECIMAL.sub("\\1 \x01 ", plain))
    words: list[str] = []
    pauses: set[int] = set()
    for word in _WORD.findall(plain):
        if word == "\x00":
            pauses.add(len(words))
        else:
            words.append(POINT if word == "\x01" else word)
    return tuple(words), frozenset(pauses - {0, len(words)})


def figures(word: str) -> bool:
    """Whether a word is written in figures."""
    return word.isascii() and word.isdigit()


def _joined(row: re.Match[str], longest: int = LONGEST) -> str:
    """Return figures without what parts their thousands, as they are where they are too many."""
    digits = re.sub("[,.]", "", row[0])
    return digits if len(digits) <= longest else row[0]
