"""Words of the vocabulary in an utterance."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ivr.grammar.grammar import Grammar, Heard, Vocabulary
from ivr.grammar.lexicon import Lexicon
from ivr.grammar.spelling import Words, figures, words_of

STORES = frozenset({"yes", "confirm"})
"""Words that store something, in any flow: heard only where nothing else is said."""
REFUSALS = frozenset({"other", "change", "anew"})
"""Words that go on from a no: "no, another one" is another one."""
URGENT = frozenset({"operator", "danger"})
"""Words that are heard among more unknown ones than others."""
FEW = {1: 1, 2: 3}
"""Unknown words beside a phrase of so many words; longer phrases have as many as `MANY`."""
MANY = 3
FEW_URGENT = 2
"""Unknown words beside an urgent phrase of one word."""


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
    """Return the id of the phrase that all of it is, but for words of politeness; "" for none.

    The words of `STORES` have few words beside them, those of the tables `assent` and `echo`:
    "so", "now" and "there" are polite anywhere else, and begin a talk with somebody else here.
    """
    if word := known.ids.get(words):
        return word
    spans = known.spans(words)
    ids = {id_ for _, _, id_ in spans}
    if ids and ids <= STORES:
        return "" if _beside_assent(words, spans, lexical) else spans[0][2]
    fillers = _fillers(known, lexical)
    if spans and not _rest(words, spans, fillers):
        refused = ids - {"no"}
        if len(ids) == 1 or (spans[0][2] == "no" and len(refused) == 1 and refused <= REFUSALS):
            return spans[-1][2]
    plain = _plain(words, fillers)
    if not plain or len(plain) > known.longest or lexical.negations.issuperset(plain):
        return ""
    return next(
        (
            id_
            for phrase, id_ in known.ids.items()
            if id_ not in STORES and plain == _plain(phrase, fillers)
        ),
        "",
    )


def among(known: Phrases, lexical: Lexicon, words: Words, number: bool = False) -> Heard | None:
    """Return the one word whose phrases are among others, None where it is none or doubtful.

    "Not" beside a phrase makes it doubtful, "not right" is a no; a word of `STORES` among others
    is none. A no before a number is a correction. number: a number is asked for; no other word is
    heard among number words, but an operator before or behind a single one. The share of a phrase
    among unknown words is 0.7 or 0.6, by how many there are: no caller is taken at his word then,
    he is asked.
    """
    fillers = _fillers(known, lexical)
    spans = known.spans(words)
    if not spans:
        words = _plain(words, fillers)
        spans = known.spans(words)
    if len({id_ for _, _, id_ in spans}) != 1:
        return None
    start, end, word = max(spans, key=lambda span: span[1] - span[0])
    rest = _rest(words, spans, fillers)
    denied = [place for place in rest if words[place] in lexical.negations]
    if denied:
        opposite = word == "yes" and "no" in known.ids.values() and denied == [start - 1] == rest
        return Heard(word="no", share=0.9) if opposite else None
    if word in STORES:
        return None
    numbers = sum(words[place] in lexical.numerals or figures(words[place]) for place in rest)
    if word == "no" and numbers and start == 0:
        return Heard(word="no", share=0.8)
    most = FEW.get(end - start, MANY)
    if number and numbers:
        aside = all(place < start for place in rest) or all(place >= end for place in rest)
        if word != "operator" or numbers > 1 or not aside:
            return None
    unknown = len(rest) - numbers
    if len(rest) > MANY or unknown > (max(most, FEW_URGENT) if word in URGENT else most):
        return None
    return Heard(word=word, share=0.7 if len(rest) <= len(words) - len(rest) else 0.6)


def _fillers(known: Phrases, lexical: Lexicon) -> frozenset[str]:
    """Words of politeness and "and"; those that are a phrase of their own here are none."""
    return (lexical.polite | lexical.joining) - {
        phrase[0] for phrase in known.ids if len(phrase) == 1
    }


def _beside_assent(words: Words, spans: list[tuple[int, int, str]], lexical: Lexicon) -> list[int]:
    """Return the places of words that do not belong beside a yes."""
    first = spans[0][0]
    return [
        place
        for place in _rest(words, spans, lexical.assent)
        if place < first or words[place] not in lexical.echo
    ]


def _plain(words: Words, fillers: frozenset[str]) -> Words:
    return tuple(word for word in words if word not in fillers)


def _rest(words: Words, spans: list[tuple[int, int, str]], fillers: frozenset[str]) -> list[int]:
    """Return the places of words that belong to no phrase and mean something."""
    covered = {place for start, end, _ in spans for place in range(start, end)}
    return [
        place for place, word in enumerate(words) if place not in covered and word not in fillers
    ]
