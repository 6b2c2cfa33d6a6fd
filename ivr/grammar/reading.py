"""What an utterance means at a question: a word, a key or a number. Pure.

In this order: all of it is a phrase; a key named by its number; a number; a phrase among other
words. Words of politeness and hesitation count for nothing (`lexicon`).

A number may have up to two short unknown words before or behind it, none inside. Of all its splits
those are kept that have as many digits as the question asks for. The likeliest comes first: the
closest to the value expected; without one, the one of the fewest groups, then of the fewest digits.

A question for one digit or more asks for a reading, and meters count up: a value below the expected
one is as far as a quarter more above it, and past the largest value of its digits a meter begins at
zero again, so that 00035 is near 99999.

The second is as likely as the first (`close`) where its distance is at most twice that of the first
and 2 % of the smaller of the first and the expected value; without an expected value, where both
have the same number of groups. Two rows of the same value are never `close`.

Enough digits can be made by breaking numbers: "twenty four" into 20 and 4, as some callers mean it.
Nobody breaks "three hundred forty five" into 340 and 5. Where every row of as many digits as are
asked for does so, the caller may have named another number: the plainest row of all, though too
short, is the second, and close.
"""

from __future__ import annotations

import re

from ivr.grammar.grammar import Grammar, Heard, Vocabulary
from ivr.grammar.lexicon import NUMBERS, Lexicon, expected, key_words, lexicon
from ivr.grammar.numerals import CLOSED, MISHEARD, MOST_WORDS, Chart, whole_hundreds
from ivr.grammar.phrases import Phrases, among, exact, phrases_of
from ivr.grammar.said import Said, number_said, numeral_of
from ivr.grammar.spelling import Words, figures, split, words_of

STRANGE = 0.15
"""What each unknown word takes from the share."""
SLACK = 50
"""A value through this is what two distances may differ by besides."""
BELOW = 1.25
"""How much further a reading below the expected one is than one as much above it."""


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
    number = _number(grammar, lexical, known, words, pauses, near)
    return number or among(known, lexical, words, number=grammar.longest > 0)


def phrases(grammar: Grammar, vocabulary: Vocabulary, language: str) -> tuple[str, ...]:
    """Return every phrase and every number word to be expected in a language.

    Where a number is asked for, words that sound like a digit are left out; what stands on either
    side of them in a phrase is expected: "connect me", "an operator".
    """
    words = vocabulary.get(language, {})
    said = [phrase for word in grammar.words for phrase in words.get(word, ())]
    said += expected(language, "polite")
    if grammar.keys:
        said += key_words(language, grammar.keys) + expected(language, "button")
    if grammar.longest:
        said += number_words(language) + expected(language, "about", "end")
        homophones = frozenset(lexicon((language,)).alike)
        said = [part for phrase in said for part in _parts(phrase, homophones)]
    return tuple(dict.fromkeys(said))


def everything(vocabulary: Vocabulary, language: str) -> tuple[str, ...]:
    """Return all that any question may expect in a language: what a model of it should know."""
    every = Grammar((language,), tuple(vocabulary.get(language, {})), "0123456789", 1, 1)
    return phrases(every, vocabulary, language)


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
    said = number_said(grammar, lexical, known, words, pauses)
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
    said = number_said(grammar, lexical, known, words, pauses)
    if said is None:
        return False
    last = numeral_of(lexical, words[-1])
    if not said.numerals or (last and last.kind in ("and", "times")):
        return True
    chart = _chart(said)
    return not said.ended and chart.readable and chart.most[0] < grammar.shortest


def _split(grammar: Grammar, text: str) -> tuple[Words, frozenset[int]]:
    return split(text, grammar.languages[0] == "en", grammar.longest)


def _parts(phrase: str, without: frozenset[str]) -> list[str]:
    """Return a phrase as it is, or its parts between words that are left out."""
    if without.isdisjoint(words_of(phrase)):
        return [phrase]
    parts = [""]
    for word in phrase.split():
        if not without.isdisjoint(words_of(word)):
            parts.append("")
        else:
            parts[-1] = f"{parts[-1]} {word}".strip()
    return list(filter(None, parts))


def _plain(words: Words, fillers: frozenset[str]) -> Words:
    return tuple(word for word in words if word not in fillers)


def _key(grammar: Grammar, lexical: Lexicon, words: Words) -> str:
    """Return the key that is named, once or again, and nothing else; "" for none."""
    if not grammar.keys:
        return ""
    rest = [word for word in words if word not in lexical.polite and word not in lexical.button]
    if len(set(rest)) != 1:
        return ""
    key = rest[0] if figures(rest[0]) else lexical.keys.get(rest[0], "")
    return key if len(key) == 1 and key in grammar.keys else ""


def _number(
    grammar: Grammar,
    lexical: Lexicon,
    known: Phrases,
    words: Words,
    pauses: frozenset[int],
    near: str,
) -> Heard | None:
    said = number_said(grammar, lexical, known, words, pauses)
    if said is None or not said.numerals:
        return None
    rows: dict[str, int] = {}
    charts = [_chart(said)]
    if said.pauses:
        charts.append(Chart(said.numerals, frozenset()))
    for chart in charts:
        rows = rows or chart.rows(grammar.shortest, grammar.longest)
    fits = bool(rows)
    plainest: dict[str, int] = {}
    for chart in charts:
        plainest = plainest or chart.plainest()
    if not plainest:
        return None
    turn = 10**grammar.longest if grammar.shortest == 1 else 0
    ranked, close = _ranked(rows or plainest, near, turn)
    if fits and not _unbroken(said, grammar):
        others = [row for row in ranked[1:] if row not in plainest]
        ranked, close = (ranked[0], *plainest, *others), True
    return Heard(
        numbers=ranked, close=close and fits, cut=said.cut, share=1 - STRANGE * said.strange
    )


def _chart(said: Said) -> Chart:
    """All groups of what was said; where its pauses cannot be meant, as if there were none."""
    chart = Chart(said.numerals, said.pauses)
    return chart if chart.readable else Chart(said.numerals, frozenset())


def _unbroken(said: Said, grammar: Grammar) -> bool:
    """Whether a row of enough digits leaves each number of hundreds, tens and units whole."""
    numerals, pauses = whole_hundreds(said.numerals, said.pauses)
    return any(
        Chart(numerals, places).rows(grammar.shortest, grammar.longest)
        for places in (pauses, frozenset[int]())
    )


def _ranked(rows: dict[str, int], near: str, turn: int) -> tuple[tuple[str, ...], bool]:
    """Return rows of digits, the likeliest first, and whether the second is as likely.

    turn: the value at which a meter begins at zero again, 0: it is no reading. Rows with a misheard
    plural come last and are never as likely as others.
    """
    wanted = re.match("[0-9]{1,18}", near)
    if not wanted:
        ranked = sorted(rows, key=lambda row: (rows[row], len(row), row))
        close = len(ranked) > 1 and rows[ranked[0]] == rows[ranked[1]]
    else:
        value = int(wanted[0]) % turn if turn else int(wanted[0])
        doubted = {row: rows[row] >= MISHEARD for row in rows}
        far = {row: _distance(int(row), value, turn) for row in rows}
        ranked = sorted(rows, key=lambda row: (doubted[row], far[row], rows[row], len(row), row))
        first, second = (far[row] for row in (ranked * 2)[:2])
        close = len(ranked) > 1 and second <= 2 * first + min(value, int(ranked[0])) / SLACK
        close = close and doubted[ranked[0]] == doubted[ranked[1]]
    different = len(ranked) > 1 and int(ranked[0]) != int(ranked[1])
    return tuple(ranked), close and different


def _distance(number: int, value: int, turn: int) -> float:
    """Return how far a number is from the value expected."""
    if number >= value or not turn:
        return abs(number - value)
    return min(BELOW * (value - number), number - value + turn)
