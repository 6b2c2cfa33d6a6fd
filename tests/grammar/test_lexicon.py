"""The tables of words: their letters, and that no word stands for two things."""

from __future__ import annotations

import unicodedata

import pytest
from grammar_house import CATALOGUES

from ivr.grammar.lexicon import NUMBERS, TABLES, expected, lexicon
from ivr.grammar.spelling import split, words_of

AROUND = ("polite", "assent", "echo", "about", "end", "button", "not", "alike", "leads")
KINDS = {*NUMBERS, "many", "million", "ordinal", "key", *AROUND}


def lines(language: str) -> list[tuple[str, list[str]]]:
    split_lines = [line.partition(":") for line in TABLES[language].strip().splitlines()]
    return [(head, words.replace("|", " ").split()) for head, _, words in split_lines]


@pytest.mark.parametrize("language", TABLES)
def test_a_word_has_letters_of_one_alphabet(language: str) -> None:
    alphabet = "LATIN" if language in ("en", "vi") else "CYRILLIC"
    for head, words in lines(language):
        for word in words:
            strange = [
                letter
                for letter in word
                if letter.isalpha() and not unicodedata.name(letter).startswith(alphabet)
            ]
            assert not strange, (head, word)
            assert unicodedata.normalize("NFC", word) == word.lower() == word


@pytest.mark.parametrize("language", TABLES)
def test_a_line_is_of_a_known_kind_and_its_words_are_single(language: str) -> None:
    for head, words in lines(language):
        assert head.split()[0] in KINDS, head
        for word in words:
            assert len(words_of(word)) == 1, (head, word)


@pytest.mark.parametrize("language", TABLES)
def test_no_word_is_two_numbers(language: str) -> None:
    seen: dict[str, str] = {}
    for head, words in lines(language):
        if head.split()[0] in NUMBERS and head.split()[0] not in ("point", "part"):
            for word in words:
                assert seen.setdefault(words_of(word)[0], head) == head, word


@pytest.mark.parametrize("languages", [("uk", "ru"), ("uk", "ru", "en"), ("tt", "ru")])
def test_languages_together_agree_on_numbers(languages: tuple[str, ...]) -> None:
    together = lexicon(languages).numerals
    for language in languages:
        for word, numeral in lexicon((language,)).numerals.items():
            assert together[word] == numeral, word


@pytest.mark.parametrize("language", TABLES)
def test_a_word_of_politeness_is_no_number_and_no_negation(language: str) -> None:
    table = lexicon((language,))
    assert not table.polite & table.negations
    assert not table.polite & table.numerals.keys()
    assert not table.about & table.numerals.keys()
    assert not table.assent & table.negations
    assert not table.echo & table.negations
    assert not (table.alike.keys() | table.leads) & table.numerals.keys()


@pytest.mark.parametrize("language", TABLES)
def test_the_words_of_our_own_voice_are_number_words(language: str) -> None:
    said = {
        word
        for piece, text in CATALOGUES[language].fixed().items()
        if piece.startswith(("n_", "thousand_"))
        for word in words_of(text)
    }
    assert said <= {word for each in expected(language, *NUMBERS) for word in words_of(each)}


@pytest.mark.parametrize(
    ("text", "words", "pauses"),
    [
        ("П'ЯТЬ", ("пять",), set()),
        ("п’ять , ше́сть", ("пять", "шесть"), {1}),
        (" , два , , три , ", ("два", "три"), {1}),
        ("ещё", ("еще",), set()),
        ("twenty-one", ("twenty", "one"), set()),
        ("24,5 кВт·год", ("24", ".", "5", "квт", "год"), set()),
        ("067.111.22", ("067", "111", "22"), set()),
        ("2421.", ("2421",), set()),
        ("[unk] два", ("[unk]", "два"), set()),
        ("tiếng Việt", ("tiếng", "việt"), set()),
        (unicodedata.normalize("NFD", "một trăm lẻ năm"), ("một", "trăm", "lẻ", "năm"), set()),
        ("a_b", ("a", "b"), set()),
        ("", (), set()),
    ],
)
def test_plain_spelling(text: str, words: tuple[str, ...], pauses: set[int]) -> None:
    assert split(text) == (words, pauses)


@pytest.mark.parametrize(
    ("text", "longest", "words"),
    [
        ("2,421", 5, ("2421",)),
        ("2.421", 5, ("2421",)),
        ("24,215", 5, ("24215",)),
        ("24,215", 4, ("24", ".", "215")),
        ("02421,500", 5, ("02421", ".", "500")),
        ("2421,50", 6, ("2421", ".", "50")),
        ("1.234.567", 7, ("1234567",)),
        ("1.234,567", 7, ("1234", ".", "567")),
        ("2.421,5", 5, ("2421", ".", "5")),
        ("2,421.", 5, ("2421",)),
    ],
)
def test_three_figures_behind_a_mark_are_of_thousands(
    text: str, longest: int, words: tuple[str, ...]
) -> None:
    assert split(text, longest=longest)[0] == words


def test_a_comma_parts_thousands_in_english_however_many_they_are() -> None:
    assert split("2,421", english=True)[0] == ("2421",)
    assert split("1,234,567.5", english=True)[0] == ("1234567", ".", "5")
