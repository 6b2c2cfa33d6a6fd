"""Every number our own voice speaks is understood as itself."""

from __future__ import annotations

from functools import lru_cache

import pytest
from grammar_house import CATALOGUES, VOCABULARY, of_digits
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import numbers
from ivr.grammar import Grammar, understand
from ivr.grammar.reading import BELOW

LANGUAGES = numbers.LANGUAGES
TOGETHER = {"uk": "uk+ru", "ru": "ru+uk", "en": "en", "vi": "vi", "tt": "tt"}
"""What is listened to beside a language in a call."""


@lru_cache
def pieces(language: str) -> dict[str, str]:
    """The texts of the number words, and a pause as a recogniser writes it."""
    return {**CATALOGUES[language].fixed(), numbers.PAUSE: ","}


def spoken(language: str, ids: tuple[str, ...]) -> str:
    texts = pieces(language)
    return " ".join(texts[piece] for piece in ids)


def likeliest(grammar: Grammar, text: str, near: str = "") -> str:
    heard = understand(grammar, VOCABULARY, text, near)
    assert heard, text
    assert not heard.cut and heard.share == 1, text
    return heard.numbers[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_numbers_below_ten_thousand(language: str) -> None:
    grammar = of_digits(TOGETHER[language], 1, 6)
    for n in range(10_000):
        assert likeliest(grammar, spoken(language, numbers.number(language, n))) == str(n)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_thousands(language: str) -> None:
    """Each count of thousands, alone and before each kind of rest."""
    grammar = of_digits(TOGETHER[language], 1, 6)
    for thousands in range(1000):
        for rest in (0, 1, 10, 12, 25, 100, 207, 519, 840, 999):
            n = thousands * 1000 + rest
            assert likeliest(grammar, spoken(language, numbers.number(language, n))) == str(n)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=400, deadline=None)
@given(n=st.integers(0, 999_999), gender=st.sampled_from("mfn"))
def test_any_number_in_any_gender(language: str, n: int, gender: str) -> None:
    grammar = of_digits(TOGETHER[language], 1, 6)
    text = spoken(language, numbers.number(language, n, gender))
    assert likeliest(grammar, text) == str(n)
    assert likeliest(grammar, text, near=str(n)) == str(n)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=100, deadline=None)
@given(n=st.integers(0, 999_999))
def test_a_reading_with_its_unit(language: str, n: int) -> None:
    grammar = of_digits(TOGETHER[language], 1, 6)
    assert likeliest(grammar, spoken(language, numbers.quantity(language, n, "kwh"))) == str(n)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=200, deadline=None)
@given(row=st.text("0123456789", min_size=1, max_size=14))
def test_digits_one_by_one(language: str, row: str) -> None:
    grammar = of_digits(TOGETHER[language], len(row), len(row))
    assert likeliest(grammar, spoken(language, numbers.digits(row))) == row
    assert likeliest(grammar, spoken(language, numbers.groups(row))) == row


@settings(max_examples=100, deadline=None)
@given(row=st.text("0123456789", min_size=9, max_size=9).map(lambda row: "0" + row))
def test_telephone_numbers(row: str) -> None:
    grammar = of_digits("uk+ru", 9, 12)
    for language in ("uk", "ru"):
        assert likeliest(grammar, spoken(language, numbers.phone(language, row))) == row


@settings(max_examples=200, deadline=None)
@given(n=st.integers(0, 999_999), shown=st.integers(0, 999_999))
def test_a_number_is_among_the_splits_whatever_is_expected(n: int, shown: int) -> None:
    grammar = of_digits("uk+ru", 1, 6)
    text = spoken("uk", numbers.number("uk", n))
    heard = understand(grammar, VOCABULARY, text, str(shown))
    assert heard and str(n) in heard.numbers
    over = [(int(row) - shown) % 1_000_000 for row in heard.numbers]
    below = [BELOW * max(shown - int(row), 0) for row in heard.numbers]
    far = [min(each) if each[1] else each[0] for each in zip(over, below, strict=True)]
    assert far == sorted(far)
