"""Words of the vocabulary in an utterance."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ivr.grammar.grammar import Grammar, Heard, Vocabulary
from ivr.grammar.lexicon import Lexicon
from ivr.grammar.spelling import Words, words_of

FEW = {1: 2, 2: 3}
"""Unknown words beside a phrase of so many words; longer phrases have as many as `MANY`."""
MANY = 3


class Phrases(NamedTuple):
    """The phrases of a grammar, each with its id: of a shared one the first id of the grammar."""

    ids: dict[Words, str]
    longest: int

    def goes_on(self, words: Words) -> bool:
        """Whether a longer phrase begins with these words."""
        size = len(words)
        return bool(size) and any(
            len(phrase) > size and phrase[:size] == words for phrase in self.ids
        )

    def spans(self, words: Words) -> list[tuple[int, int, str]]:
        """Return the phrases in a row of words: start, end and id, none inside another."""
        found = [
            (start, end, self.ids[words[start:end]])
            for start in range(len(words))
            for end in range(start + 1, min(len(words), start + self.longest) + 1)
            if words[start:end] in self.ids
        ]
        return [
            span
            for span in found
            if not any(
                other[0] <= span[0] and span[1] <= other[1] and other[:2] != span[:2]
                for other in found
            )
        ]

    def covered(self, words: Words, numbers: Collection[str]) -> frozenset[int]:
        """Return the places of phrases; not of single words that are number words as well."""
        return frozenset(
            place
            for start, end, _ in self.spans(words)
            if end - start > 1 or words[start] not in numbers
            for place in range(start, end)
        )


def phrases_of(grammar: Grammar, vocabulary: Vocabulary) -> Phrases:
    """Return the phrases of a grammar in all its languages, in plain spelling."""
    ids: dict[Words, str] = {}
    for word in grammar.words:
        for language in grammar.languages:
            for phrase in vocabulary.get(language, {}).get(word, ()):
                ids.setdefault(words_of(phrase), word)
    ids.pop((), None)
    return Phrases(ids, max(map(len, ids), default=0))


def exact(known: Phrases, lexical: Lexicon, words: Words) -> str:
    """Return the id of the phrase that all of it is, but for words of politeness; "" for none."""
    if word := known.ids.get(words):
        return word
    own = {phrase[0] for phrase in known.ids if len(phrase) == 1}
    fillers = lexical.polite - own
    rest = tuple(word for word in words if word not in fillers)
    if not rest:
        return ""
    if word := known.ids.get(rest):
        return word
    for phrase, word in known.ids.items():
        if rest == tuple(each for each in phrase if each not in fillers):
            return word
    return ""


def among(known: Phrases, lexical: Lexicon, words: Words) -> Heard | None:
    """Return the one word whose phrases are among others, None where it is none or doubtful."""
    spans = known.spans(words)
    if not spans:
        return None
    ids = {span[2] for span in spans}
    if len(ids) > 1:
        return None
    start, end, word = max(spans, key=lambda span: span[1] - span[0])
    covered = {place for span in spans for place in range(span[0], span[1])}
    rest = [
        place
        for place, each in enumerate(words)
        if place not in covered and each not in lexical.polite
    ]
    denied = [place for place in rest if words[place] in lexical.negations]
    if denied:
        opposite = word == "yes" and "no" in known.ids.values() and denied == [start - 1] == rest
        return Heard(word="no", share=0.9) if opposite else None
    if len(rest) > FEW.get(end - start, MANY):
        return None
    return Heard(word=word, share=1.0 if not rest else round(1 - 0.1 * len(rest), 2))
