"""What is asked of the grammar beside the corpus: ranks, endings, what to expect, bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from grammar_house import COMMANDS, VOCABULARY, of_digits
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.grammar import Grammar, number_words, open_ended, phrases, understand, whole
from ivr.grammar.numerals import MOST_ROWS, MOST_WORDS

YES_NO = Grammar(("uk", "ru"), ("yes", "no", *COMMANDS), "12")
MENU = Grammar(("uk", "ru"), ("outage", "reading", "last_reading", *COMMANDS), "1290")
APOSTROPHES = "'’ʼ`´‘"


def numbers_of(text: str, near: str = "", digits: tuple[int, int] = (1, 5)) -> tuple[str, ...]:
    heard = understand(of_digits("uk+ru", *digits), VOCABULARY, text, near)
    assert heard
    return heard.numbers


# ------------------------------------------------------------------ ranks


def test_the_closest_to_what_is_expected_comes_first() -> None:
    assert numbers_of("двадцять чотири двадцять один", "2424") == ("2421", "20421", "24201")
    assert numbers_of("двадцять чотири двадцять один", "24000") == ("24201", "20421", "2421")


def test_without_an_expected_value_the_fewest_groups_come_first() -> None:
    assert numbers_of("двадцять чотири двадцять один") == ("2421", "20421", "24201")


def test_what_is_expected_may_be_no_number() -> None:
    plain = numbers_of("двадцять чотири двадцять один")
    for near in ("", "-", "невідомо", "²"):
        assert numbers_of("двадцять чотири двадцять один", near) == plain
    assert numbers_of("двадцять чотири двадцять один", "2424.5")[0] == "2421"


@pytest.mark.parametrize(
    ("near", "close"),
    [("25", False), ("120", True), ("205", False), ("60", False), ("115", True), ("90000", True)],
)
def test_two_are_close_where_neither_is_clearly_nearer(near: str, close: bool) -> None:
    heard = understand(of_digits("uk+ru", 1, 5), VOCABULARY, "двадцять п'ять", near)
    assert heard and heard.close is close


@pytest.mark.parametrize(
    ("near", "numbers"),
    [("99999", ("35", "305")), ("99990", ("35", "305")), ("100020", ("35", "305"))],
)
def test_a_meter_that_turned_over_begins_at_zero(near: str, numbers: tuple[str, ...]) -> None:
    heard = understand(of_digits("uk+ru", 1, 5), VOCABULARY, "тридцять п'ять", near)
    assert heard and heard.numbers == numbers and not heard.close


def test_an_account_does_not_turn_over() -> None:
    heard = understand(of_digits("uk+ru", 2, 5), VOCABULARY, "тридцять п'ять", "99999")
    assert heard and heard.numbers[0] == "305"


def test_a_reading_above_what_is_expected_is_likelier_than_one_below() -> None:
    assert numbers_of("двадцять п'ять", "115")[0] == "205"
    assert numbers_of("двадцять п'ять", "110")[0] == "205"
    assert numbers_of("двадцять п'ять", "100")[0] == "25"


def test_a_number_that_is_broken_to_have_enough_digits_is_close() -> None:
    text = "нуль нуль вісімсот дванадцять триста сорок п'ять"
    heard = understand(of_digits("uk+ru", 9, 9), VOCABULARY, text)
    assert heard and heard.close
    assert heard.numbers[1] == "00812345"
    heard = understand(of_digits("uk+ru", 8, 9), VOCABULARY, text)
    assert heard and not heard.close
    assert heard.numbers[0] == "00812345"


def test_equal_digits_of_different_splits_are_one() -> None:
    assert numbers_of("сто двадцять три сорок п'ять", digits=(5, 5)) == ("12345",)
    assert numbers_of("сто двісті триста один", digits=(9, 9)) == ("100200301",)


def test_where_nothing_fits_the_plainest_is_told() -> None:
    assert numbers_of("двадцять три", digits=(9, 9)) == ("23",)
    assert numbers_of("сто двісті триста", digits=(1, 5)) == ("100200300",)


# ------------------------------------------------------------------ going on or not


@pytest.mark.parametrize(
    ("digits", "text", "ended"),
    [
        ((5, 5), "два чотири два один нуль", True),
        ((1, 5), "нуль два чотири два один", True),
        ((1, 5), "два чотири два один", False),
        ((1, 5), "два чотири два один готово", True),
        ((1, 5), "двадцять чотири двадцять один", False),
        ((1, 5), "двадцять чотири тисячі двісті один", True),
        ((1, 5), "двадцять чотири тисячі двісті", False),
        ((9, 9), "сто двісті триста", False),
        ((9, 9), "сто двісті триста один", True),
        ((9, 9), "сто двісті триста двадцять", False),
        ((4, 4), "двадцять чотири двадцять один", True),
        ((4, 4), "двадцять чотири двадцять", False),
        ((4, 4), "один два три десять", False),
        ((1, 5), "[unk] нуль два чотири два один", False),
        ((1, 5), "", False),
        ((1, 5), "показання", False),
        ((1, 5), "готово", False),
        ((1, 5), "оператор", True),
        ((1, 5), "оператор будь ласка", True),
        ((1, 5), "з'єднайте", False),
        ((1, 5), "двадцять чотири кома п'ять", False),
    ],
)
def test_a_number_is_whole(digits: tuple[int, int], text: str, ended: bool) -> None:
    assert whole(of_digits("uk+ru", *digits), VOCABULARY, text) is ended


@pytest.mark.parametrize(
    ("grammar", "text", "ended"),
    [
        (YES_NO, "так", True),
        (YES_NO, "ну так", True),
        (YES_NO, "ні", True),
        (YES_NO, "не", False),
        (YES_NO, "один", True),
        (YES_NO, "натискаю два", True),
        (YES_NO, "я", False),
        (MENU, "показання", True),
        (MENU, "немає", False),
        (MENU, "немає світла", True),
        (MENU, "кішка", False),
    ],
)
def test_a_phrase_is_whole(grammar: Grammar, text: str, ended: bool) -> None:
    vocabulary = {
        "uk": {
            "yes": ("так",),
            "no": ("ні", "не так"),
            "reading": ("показання",),
            "outage": ("немає світла",),
        }
    }
    assert whole(grammar, vocabulary, text) is ended


def test_a_phrase_that_begins_another_is_not_whole() -> None:
    vocabulary = {"uk": {"reading": ("показання", "показання лічильника")}}
    assert not whole(MENU, vocabulary, "показання")
    assert not whole(MENU, vocabulary, "будь ласка показання")
    assert whole(MENU, vocabulary, "показання лічильника")


@pytest.mark.parametrize(
    ("digits", "text", "goes_on"),
    [
        ((9, 9), "сто двісті", True),
        ((9, 9), "сто", True),
        ((9, 9), "сто двісті триста", False),
        ((9, 9), "сто двісті готово", False),
        ((4, 4), "два чотири", True),
        ((4, 4), "два чотири два один", False),
        ((1, 5), "двадцять", False),
        ((1, 5), "показання", True),
        ((1, 5), "мій показник", True),
        ((1, 5), "двадцять і", True),
        ((1, 5), "двадцять чотири двічі", True),
        ((9, 9), "оператор", False),
        ((9, 9), "кішка", False),
        ((9, 9), "", False),
    ],
)
def test_an_answer_must_go_on(digits: tuple[int, int], text: str, goes_on: bool) -> None:
    assert open_ended(of_digits("uk+ru", *digits), VOCABULARY, text) is goes_on


def test_half_a_phrase_must_go_on() -> None:
    vocabulary = {"uk": {"outage": ("немає світла",), "reading": ("показання", "показання тут")}}
    assert open_ended(MENU, vocabulary, "немає")
    assert not open_ended(MENU, vocabulary, "показання")
    assert not open_ended(MENU, vocabulary, "немає світла")


# ------------------------------------------------------------------ what to expect


@pytest.mark.parametrize("language", ["uk", "ru", "en", "vi", "tt"])
def test_what_is_expected_is_understood(language: str) -> None:
    grammar = Grammar((language,), ("yes", "no", *COMMANDS), "12", 1, 9)
    told = phrases(grammar, VOCABULARY, language)
    assert set(number_words(language)) <= set(told)
    assert len(told) == len(set(told))
    for word in grammar.words:
        for phrase in VOCABULARY[language][word]:
            assert phrase in told or {"to", "too", "for"} & set(phrase.split()), phrase
    for word in VOCABULARY[language]["operator"]:
        heard = understand(grammar, VOCABULARY, word)
        assert heard and heard.word == "operator"


def test_only_what_is_asked_for_is_expected() -> None:
    words = set(phrases(Grammar(("uk",), ("yes",)), VOCABULARY, "uk"))
    assert not words & set(number_words("uk"))
    keys = set(phrases(Grammar(("uk",), ("yes",), "12"), VOCABULARY, "uk"))
    assert {"один", "два", "перша", "цифра"} <= keys
    assert not keys & {"три", "двадцять", "тисяча"}
    assert {"двадцять", "тисяча", "готово", "п'ять"} <= set(
        phrases(of_digits("uk", 1, 5), VOCABULARY, "uk")
    )


def test_words_that_sound_like_digits_are_not_expected_beside_them() -> None:
    """What stands on either side of them in a phrase still is."""
    told = phrases(of_digits("en", 1, 5), VOCABULARY, "en")
    assert not {"to", "too", "for"} & {word for phrase in told for word in phrase.split()}
    assert {"connect me", "an operator", "two", "four"} <= set(told)
    asked = phrases(Grammar(("en",), COMMANDS, "12"), VOCABULARY, "en")
    assert {"to", "connect me to an operator"} <= set(asked)


@pytest.mark.parametrize("language", ["uk", "ru"])
def test_the_plural_of_a_zero_is_understood_and_not_expected(language: str) -> None:
    told = {*phrases(of_digits(language, 1, 5), VOCABULARY, language), *number_words(language)}
    assert not {"нулі", "нулів", "нуля", "нулей", "ноли", "ноля"} & told
    assert {"нуль", "ноль"} <= told


def test_a_plural_zero_may_be_a_single_one() -> None:
    assert numbers_of("два нулі п'ять") == ("005", "205")
    assert numbers_of("сім два дев'ять дев'ять нулі") == ("72990",)
    assert numbers_of("сім два дев'ять дев'ять нулі", digits=(12, 12))[0] == "729000000000"
    assert numbers_of("два нулі", digits=(2, 2)) == ("00", "20")


def test_a_language_that_nobody_knows_has_no_words() -> None:
    assert number_words("xx") == ()
    assert phrases(Grammar(("xx",), ("yes",), "12", 1, 5), VOCABULARY, "xx") == ()
    assert understand(Grammar(("xx",), ("yes",), "12", 1, 5), VOCABULARY, "24 21").numbers == (
        "2421",
    )


@pytest.mark.parametrize("language", ["uk", "ru", "en", "vi", "tt"])
def test_every_shipped_phrase_means_its_own_word(language: str) -> None:
    """Beside the commands; a command's own phrases stand for the command."""
    for word, spoken in VOCABULARY[language].items():
        grammar = Grammar((language,), tuple(dict.fromkeys((word, *COMMANDS))), "1290")
        for phrase in spoken:
            for text in (phrase, phrase.upper(), f"{phrase}."):
                heard = understand(grammar, VOCABULARY, text)
                assert heard and (heard.word, heard.share) == (word, 1.0), (word, text)


# ------------------------------------------------------------------ bounds

_WORDS = st.sampled_from(
    [
        *("двадцять", "п'ять", "сто", "тисяча", "тисяч", "нуль", "нулі", "десят", "сот", "і"),
        *("кома", "півтори", "половиною", "десятих", "double", "hundred", "and", "mươi", "mười"),
        *("không", "trăm", "linh", "мең", "йөз", "24", "007", "1,5", ",", "[unk]", "готово"),
        *("оператор", "так", "не", "будь", "ласка", "автобус", "²", "ё", "мільйон", "million"),
    ]
)
_GRAMMARS = st.builds(
    Grammar,
    languages=st.sampled_from([("uk", "ru"), ("en",), ("vi",), ("tt",), ("uk", "en", "vi", "tt")]),
    words=st.sampled_from([(), ("yes", "no"), COMMANDS]),
    keys=st.sampled_from(["", "12", "1234567890*#"]),
    shortest=st.integers(0, 5),
    longest=st.integers(0, 14),
)


@given(grammar=_GRAMMARS)
def test_a_grammar_survives_its_text(grammar: Grammar) -> None:
    asked = grammar if grammar.longest else replace(grammar, shortest=0)
    assert Grammar.parse(asked.text() + " prompt=2.5") == asked


@settings(max_examples=600, deadline=None)
@given(
    grammar=_GRAMMARS,
    text=st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=45).map(" ".join)),
    near=st.one_of(st.just(""), st.integers(0, 10**9).map(str), st.text(max_size=10)),
)
def test_anything_may_be_said(grammar: Grammar, text: str, near: str) -> None:
    heard = understand(grammar, VOCABULARY, text, near)
    whole(grammar, VOCABULARY, text)
    open_ended(grammar, VOCABULARY, text)
    if heard:
        assert (heard.word in grammar.words) + bool(heard.key) + bool(heard.numbers) == 1
        assert heard.key in grammar.keys
        assert all(row.isascii() and row.isdigit() for row in heard.numbers)
        assert len(set(heard.numbers)) == len(heard.numbers) <= MOST_ROWS
        assert 0 < heard.share <= 1
        assert grammar.longest or not heard.numbers


@settings(max_examples=300, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["п'ять", "дев'ять", "п'ятсот", "дев'яносто", "п'ятнадцять", "двадцять"]),
        min_size=1,
        max_size=6,
    ),
    marks=st.lists(st.sampled_from([*APOSTROPHES, ""]), min_size=6, max_size=6),
)
def test_apostrophes_make_no_difference(words: list[str], marks: list[str]) -> None:
    grammar = of_digits("uk+ru", 1, 14)
    other = [word.replace("'", mark) for word, mark in zip(words, marks, strict=False)]
    plain = understand(grammar, VOCABULARY, " ".join(words))
    assert understand(grammar, VOCABULARY, " ".join(other)) == plain
    assert plain and plain.numbers


def test_the_splits_of_long_talk_are_bounded() -> None:
    grammar = of_digits("uk+ru", 1, 60)
    longest = understand(grammar, VOCABULARY, " ".join(["двадцять п'ять"] * (MOST_WORDS // 2)))
    assert longest and len(longest.numbers) == MOST_ROWS
    assert longest.numbers[0] == "25" * (MOST_WORDS // 2)
    assert understand(grammar, VOCABULARY, "двадцять " * (MOST_WORDS + 1)) is None
    assert understand(grammar, VOCABULARY, "1" * 100_000)
