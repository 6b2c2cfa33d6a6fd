"""How long a caller is waited for after what he said. Pure; seconds of silence.

Callers pause between the digits they read off a meter, and inside a word before a `t` or a `k`.
What was said so far tells how likely more is to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ivr import grammar as grammars
from ivr.grammar import Grammar, Vocabulary
from ivr.grammar.lexicon import lexicon
from ivr.grammar.numerals import CLOSED, Numeral
from ivr.grammar.said import numeral_of
from ivr.grammar.spelling import words_of

HUSH = 0.2
"""Silence after an answer that nothing can follow."""
BEGUN = 0.4
"""The same where its last word may be the beginning of a longer one: "three" of "thirty"."""
SPELLED = 1.0
"""Silence after digits said one by one, and after a word where a number is asked for."""
GROUPED = 1.2
"""Silence after a number that may go on: "two thousand", seven digits of up to nine."""
MUST = 1.8
"""Silence that an answer may have that must go on: he reads it off his meter."""
ALIKE = 2
"""Letters a word and the beginning of a longer one share at least, as many as that is longer."""
KEPT = 200
"""Texts whose waits are remembered."""


class Waits:
    """The waits at one question. end_of_speech: after an answer of which nothing else is known.

    words: all that may be heard.
    """

    def __init__(
        self, grammar: Grammar, vocabulary: Vocabulary, words: Iterable[str], end_of_speech: float
    ) -> None:
        self._grammar = grammar
        self._vocabulary = vocabulary
        self._words = frozenset(words)
        self._usual = end_of_speech
        self.begun = lru_cache(KEPT)(self._begun)
        self.whole = lru_cache(KEPT)(self._whole)
        self.must_go_on = lru_cache(KEPT)(self._must_go_on)
        self.after = lru_cache(KEPT)(self._after)

    def _must_go_on(self, text: str) -> bool:
        """Whether this is the beginning of an answer that must go on."""
        return grammars.open_ended(self._grammar, self._vocabulary, text)

    def _whole(self, text: str) -> bool:
        """Whether this answers the question and nothing can follow.

        A word among those of a number is often a digit that was misheard: the others follow it.
        """
        if not grammars.whole(self._grammar, self._vocabulary, text):
            return False
        return not self._grammar.longest or any(self._numerals(text))

    def _begun(self, text: str) -> bool:
        """Whether the last word may be the beginning of a longer one that is an answer, too."""
        before, _, last = text.rpartition(" ")
        return any(
            word[:ALIKE] == last[:ALIKE]
            and len(word) >= len(last) + ALIKE
            and self._answers(f"{before} {word}")
            for word in self._words
        )

    def _answers(self, text: str) -> bool:
        heard = grammars.understand(self._grammar, self._vocabulary, text)
        if heard is None or not heard.numbers:
            return heard is not None
        return any(
            self._grammar.shortest <= len(row) <= self._grammar.longest for row in heard.numbers
        )

    def _after(self, text: str) -> float:
        """Return the wait after this."""
        if self.must_go_on(text):
            return max(self._usual, MUST)
        numerals = self._numerals(text)
        if not numerals or self._full(text):
            return self._usual
        if not any(numerals):
            return max(self._usual, SPELLED)
        if numerals[-1] is None:
            return self._usual
        if self._grammar.shortest > 1 or numerals[-1].kind not in CLOSED:
            return max(self._usual, GROUPED)
        spelled = all(each and each.kind in ("unit", "zero") for each in numerals[-2:])
        return max(self._usual, SPELLED) if spelled else self._usual

    def _full(self, text: str) -> bool:
        """Whether it is a number behind which no digit has room."""
        heard = grammars.understand(self._grammar, self._vocabulary, text)
        numbers = heard.numbers if heard else ()
        return bool(numbers) and all(len(row) >= self._grammar.longest for row in numbers)

    def _numerals(self, text: str) -> list[Numeral | None]:
        """Return what each word is among the words of numbers, at a question for one."""
        if not self._grammar.longest:
            return []
        lexical = lexicon(self._grammar.languages)
        return [numeral_of(lexical, word) for word in words_of(text)]
