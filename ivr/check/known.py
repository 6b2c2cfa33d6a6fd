"""What the configured models know of the words that callers are expected to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ivr.check.findings import Finding
from ivr.errors import SetupError
from ivr.grammar import Vocabulary, everything, number_words

LISTED = 20
"""Words of a language that its warning names; the rest is counted."""


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
                everything(vocabulary, language)
            )
        except SetupError as reason:
            yield Finding("unknown-to-model", place, str(reason))
            continue
        if unknown:
            words = sorted(unknown)
            more = f" and {len(words) - LISTED} more" * (len(words) > LISTED)
            text = f"does not know {len(words)} words: {', '.join(words[:LISTED])}{more}"
            yield Finding("unknown-to-model", place, text)
