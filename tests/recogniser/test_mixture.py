"""Words of two languages become one utterance."""

from ivr.grammar import UNKNOWN
from ivr.speech.mixture import Word, confidence, language, merged, unknown_share


def row(spoken, *words):
    """Words as (text, begin, end) or with a confidence."""
    return tuple(
        Word(text, begin, end, sure[0] if sure else 1.0, spoken)
        for text, begin, end, *sure in words
    )


def texts(words):
    return " ".join(word.text for word in words)


def test_one_language_alone_stays_as_it_is():
    one = row("uk", ("два", 0.0, 0.4), ("три", 0.4, 0.9))
    assert merged([one]) == one


def test_the_first_language_wins_where_both_hear_the_same():
    uk = row("uk", ("два", 0.0, 0.4), ("три", 0.4, 0.9))
    ru = row("ru", ("два", 0.0, 0.4), ("три", 0.4, 0.9))
    assert {word.language for word in merged([uk, ru])} == {"uk"}


def test_each_part_comes_from_the_language_that_knows_it():
    uk = row(
        "uk", ("двадцять", 0.0, 0.96), (UNKNOWN, 0.96, 1.14), ("двадцять", 1.15, 2.22),
        ("один", 2.22, 2.43),
    )  # fmt: skip
    ru = row(
        "ru", ("двадцать", 0.0, 1.02), ("четыре", 1.02, 1.44), (UNKNOWN, 1.44, 1.74, 0.7),
        ("день", 1.74, 2.52, 0.4),
    )  # fmt: skip
    assert texts(merged([uk, ru])) == "двадцать четыре двадцять один"


def test_one_word_that_both_hear_is_not_heard_twice():
    """The recognisers do not agree where it ends."""
    uk = row("uk", ("двадцять", 0.0, 1.5))
    ru = row("ru", ("двадцать", 0.0, 1.2))
    assert len(merged([uk, ru])) == 1


def test_a_change_of_language_for_a_little_gain_is_not_made():
    uk = row("uk", ("два", 0.0, 0.3), ("п'ять", 0.3, 0.7, 0.8), ("три", 0.7, 1.0))
    ru = row("ru", ("два", 0.0, 0.3), ("пять", 0.3, 0.7, 0.95), ("три", 0.7, 1.0, 0.6))
    assert texts(merged([uk, ru])) == "два п'ять три"


def test_nothing_heard_is_nothing():
    assert merged([(), ()]) == ()
    assert (unknown_share(()), confidence(()), language(())) == (1.0, 0.0, "")


def test_unknown_words_lower_the_confidence():
    words = row("uk", ("два", 0, 0.3, 0.9), (UNKNOWN, 0.3, 0.6), ("три", 0.6, 0.9, 0.7))
    assert confidence(words) == (0.9 + 0.7) / 2 * (1 - 1 / 3)
    assert confidence(row("uk", (UNKNOWN, 0, 1))) == 0.0


def test_the_language_is_that_of_most_words():
    mixed = (*row("ru", ("два", 0, 1)), *row("uk", ("три", 1, 2), ("сто", 2, 3)))
    assert language(mixed) == "uk"
