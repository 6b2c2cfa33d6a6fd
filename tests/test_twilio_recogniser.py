"""What Twilio's recogniser is told of a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio_emulator.twiml_rules import hints as documented

from ivr.channels.twilio.recogniser import LONGEST, MOST, ROOM, hints, listening
from ivr.model import Ask, Enqueue, Hangup, Record, Turn

WORDS = {
    "uk": {"yes": ("так", "так, вірно"), "no": ("ні",), "operator": ("оператор",)},
    "ru": {"yes": ("да",), "no": ("нет",), "operator": ("оператор",)},
    "en": {"yes": ("yes",), "no": ("no",)},
}
YES_NO = "lang=uk+ru words=yes.no.operator"


def asked(grammar, entry="key", language="uk", model="", vocabulary=WORDS):
    turn = Turn(4, (), Ask(entry, 5, 3, grammar=grammar), language)
    return listening(turn, vocabulary, model)


def told(grammar, **more):
    return asked(grammar, **more).hints.split(",")


@pytest.mark.parametrize("need", [Ask("key", 5, 3), Ask("number", 5, 3), Record(60), Hangup(),
                                  Enqueue("general")])  # fmt: skip
def test_nobody_listens_where_no_grammar_is(need):
    assert listening(Turn(4, (), need, "uk"), WORDS) is None


@pytest.mark.parametrize(
    ("language", "locale"), [("uk", "uk-UA"), ("ru", "ru-RU"), ("en", "en-US"), ("vi", "vi-VN")]
)
@pytest.mark.parametrize("entry", ["key", "number"])
def test_twilio_listens_in_the_language_of_the_turn(language, locale, entry):
    heard = asked(f"lang={language} words=yes", entry, language)
    assert (heard.locale, heard.model) == (locale, "")


def test_twilio_does_not_listen_in_a_language_that_it_does_not_know():
    assert asked("lang=tt+ru words=yes", language="tt") is None


def test_the_settings_name_a_model():
    assert asked(YES_NO, model="deepgram_nova-2").model == "deepgram_nova-2"


def test_the_pause_in_a_number_is_longer():
    assert asked("lang=uk digits=4-9", "number").pause > asked(YES_NO).pause


def test_every_language_of_the_grammar_is_expected_and_the_callers_own_first():
    found = told(YES_NO)
    assert {"так", "так вірно", "ні", "оператор", "да", "нет"} <= set(found)
    assert found.index("ні") < found.index("да")
    assert len(found) == len(set(found)), "a word of two languages is told once"
    found = told("lang=ru+uk words=yes", language="ru")
    assert found.index("да") < found.index("так")


def test_words_of_other_questions_are_not_expected():
    assert not {"ні", "no", "yes"} & set(told("lang=uk words=yes"))


def test_a_vocabulary_without_the_language():
    assert asked("lang=vi words=yes", language="vi", vocabulary={}).locale == "vi-VN"


def test_hints_are_plain():
    assert hints(["п'ять", "п’ять", "", "!", "двадцять-два,  три", "п'ять", "a_b", "x" * 101]) == (
        "п'ять,п’ять,двадцять-два три,a b"
    )


def test_hints_are_few():
    assert hints(f"w{number}" for number in range(800)).count(",") == MOST - 1


def test_hints_leave_room_in_the_page():
    found = hints(f"{number:03} {'ї' * (LONGEST - 4)}" for number in range(MOST))
    assert ROOM - 200 < len(found.encode()) <= ROOM


@given(st.lists(st.text(max_size=LONGEST + 20), max_size=30))
def test_hints_of_any_texts_are_as_documented(texts):
    found = hints(texts)
    assert not found or documented(found)


def test_hints_of_the_products_words_are_as_documented(house):
    vocabulary = {name: each.words for name, each in house.catalogues.items()}
    every = ".".join(vocabulary["uk"])
    found = asked(f"lang=uk+ru+en words={every} keys=1234567890", vocabulary=vocabulary)
    assert documented(found.hints)
    assert "оператор" in found.hints.split(",")
