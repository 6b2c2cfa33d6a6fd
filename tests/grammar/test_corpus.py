"""Every phrase of the corpus means what stands beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from grammar_house import COMMANDS

from ivr.grammar import Grammar, Heard, Vocabulary, understand

CORPUS = Path(__file__).with_name("corpus.yaml")
WRITTEN = yaml.load(CORPUS.read_text("utf-8"), yaml.BaseLoader)
SECTIONS: list[dict[str, Any]] = WRITTEN["questions"]
VOCABULARY: Vocabulary = {
    language: {word: tuple(phrases) for word, phrases in words.items()}
    for language, words in WRITTEN["vocabulary"].items()
}
PHRASES = [
    pytest.param(section, text, meant, id=f"{section['name']}: {text}")
    for section in SECTIONS
    for text, meant in section["phrases"].items()
]


def grammar_of(section: dict[str, Any]) -> Grammar:
    words = section.get("words", " ".join(COMMANDS)).split()
    shortest, _, longest = section.get("digits", "0-0").partition("-")
    languages = tuple(section["languages"].split("+"))
    keys = section.get("keys", "")
    return Grammar(languages, tuple(words), keys, int(shortest), int(longest))


def told(heard: Heard | None) -> str:
    """What was understood, as the corpus writes it."""
    if heard is None:
        return "none"
    key = heard.key and f"key {heard.key}"
    said = heard.word or key or heard.numbers[0]
    flags = (("cut", heard.cut), ("close", heard.close), ("partly", heard.share < 1))
    return " ".join([said, *(name for name, there in flags if there)])


@pytest.mark.parametrize(("section", "text", "meant"), PHRASES)
def test_a_phrase_means(section: dict[str, Any], text: str, meant: str) -> None:
    grammar = grammar_of(section)
    assert told(understand(grammar, VOCABULARY, text, section.get("near", ""))) == meant


def test_the_corpus_is_large_and_has_every_language() -> None:
    assert len(PHRASES) >= 600
    spoken = {language for section in SECTIONS for language in section["languages"].split("+")}
    assert spoken == {"uk", "ru", "en", "vi", "tt"}


def test_no_phrase_stands_twice_in_a_section() -> None:
    root = yaml.compose(CORPUS.read_text("utf-8"), yaml.BaseLoader)
    questions = next(value for key, value in root.value if key.value == "questions")
    for section in questions.value:
        keys = {key.value: value for key, value in section.value}
        phrases = [phrase.value for phrase, _ in keys["phrases"].value]
        assert len(phrases) == len(set(phrases)), keys["name"].value
