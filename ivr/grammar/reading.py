"""Words, keys and numbers out of an utterance."""

from __future__ import annotations

from ivr.grammar.grammar import Grammar, Heard, Vocabulary


def understand(grammar: Grammar, vocabulary: Vocabulary, text: str, near: str = "") -> Heard | None:
    """Return what an utterance means at a question, None where it means nothing there."""
    spoken = " ".join(text.casefold().split())
    for word in grammar.words:
        for language in grammar.languages:
            if spoken in vocabulary.get(language, {}).get(word, ()):
                return Heard(word=word)
    return None


def phrases(grammar: Grammar, vocabulary: Vocabulary, language: str) -> tuple[str, ...]:
    """Return every phrase and every number word to be expected in a language."""
    words = vocabulary.get(language, {})
    return tuple(phrase for word in grammar.words for phrase in words.get(word, ()))


def number_words(language: str) -> tuple[str, ...]:
    """Return the words numbers are said with in a language."""
    return ()


def whole(grammar: Grammar, vocabulary: Vocabulary, text: str) -> bool:
    """Whether what was said answers the question and nothing can follow it."""
    return False


def open_ended(grammar: Grammar, vocabulary: Vocabulary, text: str) -> bool:
    """Whether what was said is the beginning of an answer that must go on."""
    return False
