"""The number words of an utterance, without the words around them and without a fraction."""

from __future__ import annotations

from typing import NamedTuple

from ivr.grammar.grammar import Grammar
from ivr.grammar.lexicon import Lexicon
from ivr.grammar.numerals import Numeral
from ivr.grammar.phrases import Phrases
from ivr.grammar.spelling import UNKNOWN, Words, figures

SHORT = 4
"""Letters of an unknown word that a number may have beside it."""
MOST_STRANGE = 2
"""Unknown words that a number may have beside it; it must have twice as many of its own."""


class Said(NamedTuple):
    """Number words. pauses: places before which the caller paused. cut: a fraction was left out.

    strange: unknown words beside them. ended: a finishing word came last.
    """

    numerals: tuple[Numeral, ...]
    pauses: frozenset[int]
    cut: bool
    strange: int
    ended: bool


def number_said(
    grammar: Grammar, lexical: Lexicon, known: Phrases, words: Words, pauses: frozenset[int]
) -> Said | None:
    """Return the number words of an utterance, None where it cannot be a number.

    Words around a number alone are a `Said` without numerals.
    """
    if not grammar.longest or known.covered(words, lexical.numerals.keys()):
        return None
    words = _digits_alike(lexical, words)
    numerals: list[Numeral] = []
    breaks: set[int] = set()
    strange: list[int] = []
    point = -1
    ended = unclear = False
    for place, word in enumerate(words):
        if place in pauses:
            breaks.add(len(numerals))
        if point < 0 and numerals and word in lexical.points:
            point = len(numerals)
        elif numeral := numeral_of(lexical, word):
            numerals.append(numeral)
            ended = False
        elif numerals and word in lexical.parts:
            point = point if point >= 0 else _before_part(numerals, lexical.parts[word])
        elif word in lexical.end:
            ended = bool(numerals)
        elif word not in lexical.about and word not in lexical.polite:
            if word != UNKNOWN and len(word) > SHORT:
                return None
            strange.append(len(numerals))
            unclear = unclear or point >= 0
    end = _before_half(numerals, len(numerals) if point < 0 else point)
    if len(strange) > MOST_STRANGE or any(0 < place < end for place in strange):
        return None
    cut = end < len(numerals) or unclear
    kept, start = _without_and(numerals[:end])
    if (numerals and not kept) or 2 * len(strange) > len(kept):
        return None
    parted = frozenset(place - start for place in breaks if 0 < place - start < len(kept))
    return Said(kept, parted, cut, len(strange), ended)


def numeral_of(lexical: Lexicon, word: str) -> Numeral | None:
    """Return what a word is in the grammar of numbers, None where it is no number word."""
    if not figures(word):
        return lexical.numerals.get(word)
    if len(word) > 1:
        return Numeral("figures", 0, word)
    return Numeral("unit" if int(word) else "zero", int(word))


def _digits_alike(lexical: Lexicon, words: Words) -> Words:
    """Return words with the digits for words that sound like them: "zero to four", 0 2 4.

    They stand beside a number word, or another one of them that does. Before the number they are no
    digits where the word before takes them, "comes to two"; behind it, where talk goes on.
    """
    if lexical.alike.keys().isdisjoint(words):
        return words
    read = list(words)
    start = 0
    while start < len(read):
        end = start
        while end < len(read) and read[end] in lexical.alike:
            end += 1
        if start < end:
            before = bool(start) and numeral_of(lexical, read[start - 1]) is not None
            behind = end < len(read) and numeral_of(lexical, read[end]) is not None
            first = not start or read[start - 1] not in lexical.leads
            last = end == len(read) or read[end] in lexical.end | lexical.points
            if (before and (behind or last)) or (behind and first):
                read[start:end] = [lexical.alike[word] for word in read[start:end]]
        start = end + 1
    return tuple(read)


def _before_part(numerals: list[Numeral], digits: int) -> int:
    """Return where the number before "tenths" begins; of hundredths it may have two words."""
    pair = len(numerals) > 1 and numerals[-2].kind in ("tens", "ten")
    return len(numerals) - (2 if digits > 1 and pair and numerals[-1].kind == "unit" else 1)


def _before_half(numerals: list[Numeral], end: int) -> int:
    """Return where the whole number ends before "and a half"; halves of a thousand are whole."""
    for place in range(end):
        kind = numerals[place].kind
        noun = numerals[place + 1].kind if place + 1 < end else ""
        if kind in ("half", "one_and_half") and noun not in ("thousand", "million"):
            if kind == "one_and_half" and place == 0:
                numerals[:1] = [Numeral("unit", 1), numerals[0]]
                return 1
            return place
    return end


def _without_and(numerals: list[Numeral]) -> tuple[tuple[Numeral, ...], int]:
    """Return the numerals without "and" at either end, and where the first one was."""
    real = [place for place, numeral in enumerate(numerals) if numeral.kind != "and"]
    return (tuple(numerals[real[0] : real[-1] + 1]), real[0]) if real else ((), 0)
