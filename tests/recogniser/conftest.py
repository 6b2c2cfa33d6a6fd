from __future__ import annotations

from array import array
from collections.abc import Callable

import pytest
from telephone_speech import HOME, MODELS, RATE, silence

from ivr import grammar, prompts
from ivr.grammar import Vocabulary
from ivr.speech.models import Models, load
from ivr.speech.recogniser import CHUNK, Question, Result, Rules, asked

Heard = list[tuple[float, Result]]
"""Seconds of audio, and what came then."""
Listen = Callable[..., Heard]


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """What callers say, of the product."""
    return {name: each.words for name, each in prompts.load(HOME / "prompts").items()}


@pytest.fixture(scope="session")
def models() -> Models:
    """The three small models, loaded."""
    return {
        language: load(language, folder, grammar.number_words(language))
        for language, folder in MODELS.items()
    }


@pytest.fixture
def listen(models: Models, vocabulary: Vocabulary) -> Listen:
    """Feed a question with samples; what came of it, and when."""

    def listened(
        text: str, samples: array[int], rules: Rules | None = None, after: float = 4.0
    ) -> Heard:
        question = Question(models, vocabulary, asked(text), rules or Rules())
        samples = samples + silence(after)
        heard: Heard = []
        for start in range(0, len(samples), CHUNK):
            if question.over:
                break
            result = question.hear(samples[start : start + CHUNK])
            if result:
                heard.append(((start + CHUNK) / RATE, result))
        return heard

    return listened
