"""The vocabulary as it is shipped, and grammars of the tests."""

from __future__ import annotations

from pathlib import Path

from ivr import prompts
from ivr.grammar import Grammar, Vocabulary

CATALOGUES = prompts.load(Path(__file__).parents[2] / "prompts")
VOCABULARY: Vocabulary = {language: each.words for language, each in CATALOGUES.items()}
COMMANDS = ("operator", "repeat", "back", "help", "keys_only")


def of_digits(languages: str, shortest: int, longest: int) -> Grammar:
    return Grammar(tuple(languages.split("+")), COMMANDS, "", shortest, longest)
