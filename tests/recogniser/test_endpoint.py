"""How long a caller is waited for after what he said."""

import pytest

from ivr import grammar
from ivr.grammar import Grammar
from ivr.speech import endpoint
from ivr.speech.endpoint import Waits

READING = "lang=uk+ru words=operator.repeat digits=1-5"
ACCOUNT = "lang=uk+ru words=operator.repeat digits=7-9"
MENU = "lang=uk+ru words=yes.no.operator keys=1209"
USUAL = 0.7


@pytest.fixture
def waits(vocabulary):
    def made(text):
        asked = Grammar.parse(text)
        words = {
            word
            for language in asked.languages
            for phrase in grammar.phrases(asked, vocabulary, language)
            for word in phrase.split()
        }
        return Waits(asked, vocabulary, words, USUAL)

    return made


@pytest.mark.parametrize(
    ("asked", "said", "seconds"),
    [
        (READING, "два", endpoint.SPELLED),
        (READING, "два чотири", endpoint.SPELLED),
        (READING, "двадцять чотири", USUAL),
        (READING, "дві тисячі", endpoint.GROUPED),
        (READING, "двадцять", endpoint.GROUPED),
        (READING, "вісімдесят три тисячі вісімсот тридцять", USUAL),
        (READING, "оператор", endpoint.SPELLED),
        (ACCOUNT, "два чотири", endpoint.MUST),
        (ACCOUNT, "один два три чотири один два три", endpoint.GROUPED),
        (MENU, "два", USUAL),
        (MENU, "оператор", USUAL),
    ],
)
def test_the_wait_depends_on_what_may_follow(waits, asked, said, seconds):
    assert waits(asked).after(said) == seconds


@pytest.mark.parametrize(
    ("asked", "said", "begun"),
    [
        (READING, "вісімдесят три тисячі вісімсот три", True),
        (READING, "семьдесят четыре тысячи две", True),
        (READING, "два чотири два один три", False),
        ("lang=en words=operator digits=1-5", "two", True),
        ("lang=en words=operator digits=1-2", "four two", False),
        (MENU, "два", False),
    ],
)
def test_the_beginning_of_a_longer_word_is_known(waits, asked, said, begun):
    """Only where the longer one would be an answer, too."""
    assert waits(asked).begun(said) is begun


@pytest.mark.parametrize(
    ("asked", "said", "whole"),
    [
        (READING, "два чотири два один три", True),
        (READING, "два чотири", False),
        (READING, "оператор", False),
        (MENU, "оператор", True),
    ],
)
def test_a_word_among_numbers_is_not_taken_at_once(waits, asked, said, whole):
    assert waits(asked).whole(said) is whole
