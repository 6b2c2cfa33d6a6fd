"""Spelling that makes no difference: an utterance as plain words.

Case, apostrophes (' ’ ʼ ` ´ and none), ё and е, hyphens and punctuation are all the same; an accent
over a Cyrillic vowel is dropped. A comma between blanks, ` , `, is a pause of the caller. Figures
are words: "2 421" is two, "24 кВт" is two. One point or comma inside figures is the word `POINT`;
several, as in "067.111.22", only part them.
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
_DECIMAL = re.compile(r"(?<![\d.,])(\d+)[.,](?=\d+(?![\d.,]*\d))", re.ASCII)
_PAUSE = re.compile(r"(?:^|\s),(?=\s|$)")
_WORD = re.compile(r"\[unk\]|\x00|\x01|[0-9]+|[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")

Words = tuple[str, ...]


@lru_cache(maxsize=20_000)
def words_of(text: str) -> Words:
    """Return the words of a phrase, without its pauses."""
    return split(text)[0]


def split(text: str, thousands: bool = False) -> tuple[Words, frozenset[int]]:
    """Return the words of an utterance, and the places before which its caller paused.

    thousands: whether a comma before three figures parts thousands, "2,421", and no decimals.
    """
    plain = unicodedata.normalize("NFC", text[:LONGEST].casefold()).translate(_SAME)
    if thousands:
        plain = _THOUSANDS.sub(lambda row: row[0].replace(",", ""), plain)
    plain = _PAUSE.sub(" \x00 ", _DECIMAL.sub("\\1 \x01 ", plain))
    words: list[str] = []
    pauses: set[int] = set()
    for word in _WORD.findall(plain):
        if word == "\x00":
            pauses.add(len(words))
        else:
            words.append(POINT if word == "\x01" else word)
    return tuple(words), frozenset(pauses - {0, len(words)})
