"""One utterance out of what the recognisers of several languages heard in it. Pure.

Callers mix languages in one number. Each language is recognised by itself over the whole utterance;
where one hears unknown words and the other one sure words, the words of both are put together: the
best row of words that do not overlap, with a price on each change of language.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ivr.grammar import UNKNOWN

CHANGE = 0.25
"""Price of a change of language, in seconds of sure words."""
OVERLAP = 0.4
"""Share of the shorter of two words that may overlap: recognisers differ about the borders."""
STRETCHED = 0.75
"""The same with the pauses before them: more, and both are one word as two languages hear it."""
LETTER = 0.08
"""Seconds a letter takes at most: the pause before a word is often taken for a part of it."""
SHORTEST = 0.1
"""Seconds a word counts for at least."""


class Word(NamedTuple):
    """One word. begin, end: seconds heard so far. confidence: 0..1, of the recogniser."""

    text: str
    begin: float
    end: float
    confidence: float
    language: str

    @property
    def known(self) -> bool:
        """Whether it is a word of the grammar."""
        return self.text != UNKNOWN

    @property
    def seconds(self) -> float:
        """How long it was spoken, without a pause before it."""
        return max(SHORTEST, min(self.end - self.begin, LETTER * len(self.text)))

    @property
    def worth(self) -> float:
        """Seconds of sure words it counts for; an unknown one counts against those around it."""
        return self.seconds * (self.confidence - 0.3 if self.known else -0.1)


Row = tuple[Word, ...]
"""Words in order."""


def merged(rows: Sequence[Row]) -> Row:
    """Return the best row of words out of the rows of several languages."""
    words = sorted((word for row in rows for word in row), key=lambda word: word.end)
    best: list[tuple[float, Row]] = []
    for index, word in enumerate(words):
        before: tuple[float, Row] = (0.0, ())
        for (worth, row), last in zip(best, words[:index], strict=True):
            price = CHANGE if last.language != word.language else 0.0
            if worth - price > before[0] and not _overlap(last, word):
                before = worth - price, row
        best.append((before[0] + word.worth, (*before[1], word)))
    return max(best, key=lambda each: each[0], default=(0.0, ()))[1]


def _overlap(earlier: Word, later: Word) -> bool:
    spoken = earlier.end - (later.end - later.seconds)
    shared = earlier.end - max(earlier.begin, later.begin)
    shorter = min(earlier.end - earlier.begin, later.end - later.begin)
    return spoken > OVERLAP * min(earlier.seconds, later.seconds) or shared > STRETCHED * shorter


def worth(row: Row) -> float:
    """Return what a row of words is worth, in seconds of sure words."""
    changes = sum(before.language != after.language for before, after in pairwise(row))
    return sum(word.worth for word in row) - CHANGE * changes


def unknown_share(row: Row) -> float:
    """Return how much of a row is unknown words, 0..1."""
    return sum(not word.known for word in row) / len(row) if row else 1.0


def confidence(row: Row) -> float:
    """Return the mean confidence of the known words, lowered by the share of unknown ones."""
    known = [word.confidence for word in row if word.known]
    return sum(known) / len(known) * (1 - unknown_share(row)) if known else 0.0


def language(row: Row) -> str:
    """Return the language most of the known words are of."""
    spoken = [word.language for word in row if word.known]
    return max(dict.fromkeys(spoken), key=spoken.count, default="")
