"""What the configured models know of the words that callers are expected to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ivr.check.findings import Finding
from ivr.errors import SetupError
from ivr.grammar import Grammar, Vocabulary, number_words, phrases
from ivr.listening import ANY_NUMBER

LISTED = 20
"""Words of a language that its warning names; the rest is counted."""


def expected(language: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return every phrase and number word that a recogniser may be asked for in a language."""
    every = Grammar((language,), tuple(vocabulary.get(language, {})), "0123456789", *ANY_NUMBER)
    return phrases(every, vocabulary, language)


def of_models(models: Mapping[str, Path], vocabulary: Vocabulary) -> Iterator[Finding]:
    """Tell the words that a model does not know, which are never heard, and models that are none.

    models: folder by language. Each is loaded here, one after the other.
    """
    if not models:
        return
    try:
        from ivr.speech import models as loader  # vosk takes a second, and only this needs it
    except ImportError as error:
        yield Finding("unknown-to-model", ", ".join(models), f"nobody can look: {error}")
        return
    for language, folder in models.items():
        place = f"model.{language}"
        try:
            unknown = loader.load(language, folder, number_words(language)).lacks(
                expected(language, vocabulary)
            )
        except SetupError as reason:
            yield Finding("unknown-to-model", place, str(reason))
            continue
        if unknown:
            words = sorted(unknown)
            more = f" and {len(words) - LISTED} more" * (len(words) > LISTED)
            text = f"does not know {len(words)} words: {', '.join(words[:LISTED])}{more}"
            yield Finding("unknown-to-model", place, text)
