"""What an utterance means at a question: a word, a key or a number. Pure.

In this order: all of it is a phrase; a key named by its number; a number; a phrase among other
words. Words of politeness and hesitation count for nothing (`lexicon`).

A number may have up to two short unknown words before or behind it, none inside. Of all its splits
those are kept that have as many digits as the question asks for. The likeliest comes first: the
closest to the value expected; without one, the one of the fewest groups, then of the fewest digits.
The second is as likely as the first where its distance is under twice that of the first and 2 % of
the expected value; without one, where both have the same number of groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ivr.grammar.grammar import Grammar, Heard, Vocabulary
from ivr.grammar.lexicon import NUMBERS, Lexicon, expected, key_words, lexicon
from ivr.grammar.numerals import CLOSED, MOST_WORDS, Chart, Numeral
from ivr.grammar.phrases import Phrases, among, exact, phrases_of
from ivr.grammar.spelling import UNKNOWN, Words, split

SHORT = 4
"""Letters of an unknown word that a number may have beside it."""
STRANGE = 0.15
"""What each unknown word takes from the share."""
SLACK = 50
"""The expected value through this is what two distances may differ by besides."""


class _Said(NamedTuple):
    """The number words of an utterance. strange: unknown words; ended: a finishing word came."""

    numerals: tuple[Numeral, ...]
    pauses: frozenset[int]
    cut: bool
    strange: int
    ended: bool


def understand(grammar: Grammar, vocabulary: Vocabulary, text: str, near: str = "") -> Heard | None:
    """Return what an utterance means at a question, None where it means nothing there."""
    words, pauses = _split(grammar, text)
    if not words or len(words) > MOST_WORDS:
        return None
    lexical = lexicon(grammar.languages)
    known = phrases_of(grammar, vocabulary)
    if word := exact(known, lexical, words):
        return Heard(word=word)
    if key := _key(grammar, lexical, words):
        return Heard(key=key)
    return _number(grammar, lexical, known, words, pauses, near) or among(known, lexical, words)


def phrases(grammar: Grammar, vocabulary: Vocabulary, language: str) -> tuple[str, ...]:
    """Return every phrase and every number word to be expected in a language."""
    words = vocabulary.get(language, {})
    said = [phrase for word in grammar.words for phrase in words.get(word, ())]
    said += expected(language, "polite")
    if grammar.keys:
        said += key_words(language, grammar.keys) + expected(language, "button")
    if grammar.longest:
        said += number_words(language) + expected(language, "about", "end")
    return tuple(dict.fromkeys(said))


def number_words(language: str) -> tuple[str, ...]:
    """Return the words numbers are said with in a language."""
    return expected(language, *NUMBERS)


def whole(grammar: Grammar, vocabulary: Vocabulary, text: str) -> bool:
    """Whether what was said answers the question and nothing can follow it."""
    words, pauses = _split(grammar, text)
    if not words or len(words) > MOST_WORDS:
        return False
    lexical = lexicon(grammar.languages)
    known = phrases_of(grammar, vocabulary)
    if exact(known, lexical, words) or _key(grammar, lexical, words):
        return not known.goes_on(words) and not known.goes_on(_plain(words, lexical.polite))
    said = _said(grammar, lexical, known, words, pauses)
    if said is None or not said.numerals or said.strange:
        return False
    chart = _chart(said)
    if said.ended:
        return bool(chart.rows(grammar.shortest, grammar.longest))
    return chart.fewest[0] == grammar.longest and said.numerals[-1].kind in CLOSED


def open_ended(grammar: Grammar, vocabulary: Vocabulary, text: str) -> bool:
    """Whether what was said is the beginning of an answer that must go on."""
    words, pauses = _split(grammar, text)
    if not words or len(words) > MOST_WORDS:
        return False
    lexical = lexicon(grammar.languages)
    known = phrases_of(grammar, vocabulary)
    if exact(known, lexical, words) or _key(grammar, lexical, words):
        return False
    if known.goes_on(words) or known.goes_on(_plain(words, lexical.polite)):
        return True
    said = _said(grammar, lexical, known, words, pauses)
    if said is None:
        return False
    last = _numeral(lexical, words[-1])
    if not said.numerals or (last and last.kind in ("and", "times")):
        return True
    chart = _chart(said)
    return not said.ended and chart.readable and chart.most[0] < grammar.shortest


def _split(grammar: Grammar, text: str) -> tuple[Words, frozenset[int]]:
    return split(text, thousands=grammar.languages[0] == "en")


def _plain(words: Words, fillers: frozenset[str]) -> Words:
    return tuple(word for word in words if word not in fillers)


def _key(grammar: Grammar, lexical: Lexicon, words: Words) -> str:
    """Return the key that is named, once or again, and nothing else; "" for none."""
    if not grammar.keys:
        return ""
    rest = [word for word in words if word not in lexical.polite and word not in lexical.button]
    if len(set(rest)) != 1:
        return ""
    key = rest[0] if _figures(rest[0]) else lexical.keys.get(rest[0], "")
    return key if len(key) == 1 and key in grammar.keys else ""


def _number(
    grammar: Grammar,
    lexical: Lexicon,
    known: Phrases,
    words: Words,
    pauses: frozenset[int],
    near: str,
) -> Heard | None:
    said = _said(grammar, lexical, known, words, pauses)
    if said is None or not said.numerals:
        return None
    rows: dict[str, int] = {}
    charts = [_chart(said)]
    if said.pauses:
        charts.append(Chart(said.numerals, frozenset()))
    for chart in charts:
        rows = rows or chart.rows(grammar.shortest, grammar.longest)
    fits = bool(rows)
    for chart in charts:
        rows = rows or chart.plainest()
    if not rows:
        return None
    ranked, close = _ranked(rows, near)
    return Heard(
        numbers=ranked, close=close and fits, cut=said.cut, share=1 - STRANGE * said.strange
    )


def _chart(said: _Said) -> Chart:
    """All groups of what was said; where its pauses cannot be meant, as if there were none."""
    chart = Chart(said.numerals, said.pauses)
    return chart if chart.readable else Chart(said.numerals, frozenset())


def _ranked(rows: dict[str, int], near: str) -> tuple[tuple[str, ...], bool]:
    """Return rows of digits, the likeliest first, and whether the second is as likely."""
    wanted = re.match("[0-9]{1,18}", near)
    if not wanted:
        ranked = sorted(rows, key=lambda row: (rows[row], len(row), row))
        close = len(ranked) > 1 and rows[ranked[0]] == rows[ranked[1]]
    else:
        value = int(wanted[0])
        ranked = sorted(rows, key=lambda row: (abs(int(row) - value), rows[row], len(row), row))
        first, second = (abs(int(row) - value) for row in (ranked * 2)[:2])
        close = len(ranked) > 1 and second <= 2 * first + value / SLACK
    different = len(ranked) > 1 and int(ranked[0]) != int(ranked[1])
    return tuple(ranked), close and different


def _said(
    grammar: Grammar, lexical: Lexicon, known: Phrases, words: Words, pauses: frozenset[int]
) -> _Said | None:
    """Return the number words of an utterance, None where it is no number."""
    if not grammar.longest:
        return None
    commands = known.covered(words, lexical.numerals.keys())
    numerals: list[Numeral] = []
    breaks: set[int] = set()
    strange: list[int] = []
    cut_at = -1
    ended = False
    for place, word in enumerate(words):
        if place in pauses:
            breaks.add(len(numerals))
        if place in commands:
            return None
        numeral = _numeral(lexical, word)
        if word in lexical.points and numerals and cut_at < 0:
            cut_at = len(numerals)
        elif numeral:
            numerals.append(numeral)
            ended = False
        elif word in lexical.parts and numerals:
            if cut_at < 0:
                cut_at = len(numerals) - _fraction(numerals, lexical.parts[word])
        elif word in lexical.end:
            ended = bool(numerals)
        elif word not in lexical.about and word not in lexical.polite:
            strange.append(len(numerals))
            if len(strange) > 2 or not (word == UNKNOWN or len(word) <= SHORT):
                return None
    return _trimmed(numerals, breaks, strange, cut_at, ended)


def _trimmed(
    numerals: Sequence[Numeral], breaks: set[int], strange: Sequence[int], cut_at: int, ended: bool
) -> _Said | None:
    """Leave out the fraction and loose ends; None where unknown words outweigh the number."""
    size = len(numerals)
    end = size if cut_at < 0 else cut_at
    for place in range(end):
        half = numerals[place].kind == "half"
        alone = numerals[place].kind == "one_and_half"
        after = numerals[place + 1].kind if place + 1 < end else ""
        if (half or alone) and after not in ("thousand", "million"):
            if alone and place == 0:
                return _Said((Numeral("unit", 1),), frozenset(), True, len(strange), ended)
            end = place
            break
    cut = end < size
    if any(0 < place < size and place < end for place in strange):
        return None
    start = 0
    while start < end and numerals[start].kind == "and":
        start += 1
    while end > start and numerals[end - 1].kind == "and":
        end -= 1
    kept = tuple(numerals[start:end])
    if (size and not kept) or 2 * len(strange) > len(kept):
        return None
    pauses = frozenset(place - start for place in breaks if start < place < end)
    return _Said(kept, pauses, cut, len(strange), ended)


def _numeral(lexical: Lexicon, word: str) -> Numeral | None:
    return Numeral("figures", 0, word) if _figures(word) else lexical.numerals.get(word)


def _figures(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _fraction(numerals: Sequence[Numeral], digits: int) -> int:
    """Return how many words before "tenths" are their number: of tenths one, of hundredths two."""
    if digits == 1 or len(numerals) < 2:
        return 1
    pair = numerals[-2].kind in ("tens", "ten") and numerals[-1].kind == "unit"
    return 2 if pair else 1
