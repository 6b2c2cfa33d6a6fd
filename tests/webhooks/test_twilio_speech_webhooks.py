"""What callers say, as Twilio's recogniser tells it: answers, repeats, doubts, and no speech."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select
from twilio_process import CALL, FIRST, LISTENS, SETTINGS, WAITS, kinds, played, verbs

from ivr.channels.twilio.recogniser import LOCALES
from ivr.store.models import Reading

HEARS = {"twilio": tuple(LOCALES)}


@pytest.fixture
def listens(process):
    """A process of an account whose recogniser is switched on."""
    return process(settings=LISTENS, hears=HEARS)


def gather(document):
    assert verbs(document) == ["Gather"]
    return document.verbs[0]


def hints(document):
    return gather(document).get("hints").split(",")


def heard(log):
    return [entry.details for entry in log.entries if entry.kind == "heard"]


def to_a_value(twilio):
    """Go on by speech to the question for the value of a reading; its document."""
    twilio.ask("voice")
    twilio.says("Передати показання")
    return twilio.says("так")


# ---------------------------------------------------------------------- answers


def test_a_reading_is_given_by_speech(listens, log, demo_store):
    menu = gather(listens.ask("voice"))
    assert (menu.get("input"), menu.get("language")) == ("dtmf speech", "uk-UA")
    assert listens.says("Передати показання.").verbs[0].get("numDigits") == "1"
    number = gather(listens.says("Так"))
    assert (number.get("input"), number.get("finishOnKey")) == ("dtmf speech", "#")
    read_back = listens.says("Двадцять чотири, двадцять один")
    assert "n_2+uk.n_4" in played(read_back)
    listens.says("так")
    with demo_store.session() as db:
        assert [row.value for row in db.scalars(select(Reading))] == ["02421"]
    first = heard(log)[0]
    assert (first["kind"], first["text"], first["understood"]) == (
        "speech", "Передати показання.", "reading",
    )  # fmt: skip
    assert (first["confidence"], first["language"]) == (0.9, "uk")


def test_digits_that_twilio_wrote_as_digits(listens, demo_store):
    to_a_value(listens)
    listens.says("24 21")
    listens.says("Так.")
    with demo_store.session() as db:
        assert [row.value for row in db.scalars(select(Reading))] == ["02421"]


def test_speech_and_keys_take_turns(listens, demo_store):
    listens.ask("voice")
    listens.keys("2")
    listens.says("так")
    listens.keys("2421")
    listens.says("так")
    with demo_store.session() as db:
        assert [row.value for row in db.scalars(select(Reading))] == ["02421"]


def test_what_is_expected_is_told_to_twilio(listens):
    menu = hints(listens.ask("voice"))
    assert {"оператор", "показання"} <= set(menu)
    assert "триста" not in menu, "no number is asked for"
    number = hints(to_a_value(listens))
    assert {"двадцять", "триста", "двадцать", "оператор"} <= set(number)
    assert number.index("двадцять") < number.index("двадцать"), "his own language comes first"


def test_a_number_that_is_listened_for_once_more_may_be_said(listens):
    first = gather(to_a_value(listens))
    path = first.get("action").partition("/twilio/")[2]
    assert "rest=" in path
    more = gather(listens.ask(path, Digits=""))
    assert "rest=" not in more.get("action")
    for attribute in ("input", "language", "hints", "speechTimeout"):
        assert more.get(attribute) == first.get(attribute)
    assert not more.children
    assert "n_2+uk.n_4" in played(listens.says("двадцять чотири двадцять один"))


def test_the_language_of_the_call_changes(listens):
    listens.ask("voice")
    assert gather(listens.says("змінити мову")).get("language") == "uk-UA"
    document = listens.says("англійська")
    assert gather(document).get("language") == "en-US"
    assert "operator" in hints(document)
    assert "оператор" not in hints(document)
    number = listens.ask(f"turn/{CALL}/{listens.open}", Digits="2")
    assert gather(number).get("language") == "en-US"


# ---------------------------------------------------------------------- repeats


def test_words_may_come_twice(listens, log, demo_store):
    assert listens.ask("voice") == listens.ask("voice")
    for said in ("показання", "так", "двадцять чотири двадцять один", "так"):
        path = f"turn/{CALL}/{listens.open}"
        form = {"SpeechResult": said, "Confidence": "0.9"}
        assert listens.ask(path, **form) == listens.ask(path, **form), path
    assert len(heard(log)) == 4
    with demo_store.session() as db:
        assert [row.value for row in db.scalars(select(Reading))] == ["02421"]


def test_words_come_to_two_processes_at_once(process, log, demo_store):
    one, two = process(settings=LISTENS, hears=HEARS), process(settings=LISTENS, hears=HEARS)
    to_a_value(one)
    one.says("двадцять чотири двадцять один")
    path = f"turn/{CALL}/{one.open}"
    form = {"SpeechResult": "так", "Confidence": "0.9"}
    threads = [
        threading.Thread(target=each.ask, args=(path,), kwargs=form)
        for each in (one, two, one, two)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.open == two.open
    with demo_store.session() as db:
        assert len(list(db.scalars(select(Reading)))) == 1


def test_words_for_an_older_turn_change_nothing(listens, log):
    to_a_value(listens)
    number, before = listens.open, len(heard(log))
    late = listens.ask(f"turn/{CALL}/{FIRST}", SpeechResult="оператор", Confidence="1")
    assert gather(late).get("action").partition("?")[0].endswith(f"/{number}")
    assert len(heard(log)) == before


# ---------------------------------------------------------------------- keys first


def test_keys_win_over_words_in_one_request(listens, log):
    listens.ask("voice")
    listens.says("оператор", Digits="2")
    assert [(one["kind"], one["text"]) for one in heard(log)] == [("keys", "2")]
    assert listens.runner.turn(CALL).need.entry == "key"


def test_the_key_that_ends_a_number_wins_over_words(listens, log):
    to_a_value(listens)
    listens.says("двадцять", Digits="2421", FinishedOnKey="#")
    assert heard(log)[-1]["text"] == "2421#"


# ---------------------------------------------------------------------- doubts


def test_what_was_not_heard_well_is_asked_again_and_then_for_keys(listens, log):
    listens.ask("voice")
    again = listens.says("показання", "0.2")
    assert "speech_again" in played(again)
    assert gather(again).get("input") == "dtmf speech"
    keys = listens.says("пока зання", "0.2")
    assert "speech_keys" in played(keys)
    assert gather(keys).get("input") == "dtmf"
    assert not gather(keys).get("hints")
    assert not gather(keys).get("language")
    assert [one["understood"] for one in heard(log)] == ["unheard", "unheard"]


def test_a_word_heard_half_is_asked_about(listens):
    listens.ask("voice")
    document = listens.says("показання", "0.6")
    assert "speech_sure_word" in played(document)
    assert gather(document).get("input") == "dtmf speech"
    listens.says("так")
    assert listens.runner.turn(CALL).need.entry == "key"


@pytest.mark.parametrize("confidence", ["0.0", "0", ""])
def test_who_does_not_say_how_sure_he_is_is_believed(listens, log, confidence):
    listens.ask("voice")
    listens.says("показання", confidence)
    assert heard(log)[-1]["understood"] == "reading"


def test_a_recogniser_that_fails_is_a_silence(listens, log):
    listens.ask("voice")
    for form in ({}, {"SpeechResult": "", "Confidence": "0.0"}, {"SpeechResult": " \n"}):
        listens.ask(f"turn/{CALL}/{listens.open}", **form)
    assert {one["kind"] for one in heard(log)} == {"silence"}


def test_what_is_no_result_yet_is_no_answer(listens, log):
    listens.ask("voice")
    listens.ask(f"turn/{CALL}/{listens.open}", UnstableSpeechResult="оператор", Stability="0.9")
    assert [one["kind"] for one in heard(log)] == ["silence"]


@pytest.mark.parametrize("text", ["м" * 5_000, "🤷" * 3000,
                                  "<Hangup/>", "\x00\x1b[2J", "' or 1=1 --"])  # fmt: skip
def test_strange_words_are_not_understood(listens, log, text):
    listens.ask("voice")
    assert verbs(listens.says(text)) == ["Gather"]
    assert heard(log)[-1].get("understood") == "unheard"
    assert len(heard(log)[-1]["text"]) <= 1000


# ---------------------------------------------------------------------- keys only


def test_without_the_setting_twilio_does_not_listen(twilio, log):
    menu = gather(twilio.ask("voice"))
    assert (menu.get("input"), menu.get("hints"), menu.get("language")) == ("dtmf", "", "")
    twilio.says("показання")
    assert [one["kind"] for one in heard(log)] == ["silence"]


def test_nobody_is_invited_to_speak_where_twilio_does_not_listen(process):
    silent = process(settings=SETTINGS, hears=HEARS)  # it was switched off in mid-call
    document = silent.ask("voice")
    assert gather(document).get("input") == "dtmf"
    assert "say_it" not in played(document)


def test_callers_are_invited_to_speak(listens):
    assert "say_it" in played(listens.ask("voice"))


def test_a_question_that_takes_keys_only(process, house):
    main = house.flows.flows["main"]
    deaf = replace(main, steps={**main.steps, "menu": replace(main.steps["menu"], speech=False)})
    flows = replace(house.flows, flows={**house.flows.flows, "main": deaf})
    twilio = process(settings=LISTENS, hears=HEARS, flows=flows)
    document = twilio.ask("voice")
    assert gather(document).get("input") == "dtmf"
    assert "say_it" not in played(document)
    twilio.keys("2")
    assert twilio.runner.turn(CALL).need.grammar, "the next question listens again"


def test_a_language_that_twilio_does_not_know(process):
    twilio = process(settings=LISTENS, hears={"twilio": ("uk", "tt")})
    twilio.ask("voice")
    turn = twilio.runner.turn(CALL)
    tatar = replace(turn, language="tt", need=replace(turn.need, grammar="lang=tt words=yes"))
    twilio.runner.turn = lambda *_: tatar
    document = twilio.ask("fallback")
    assert gather(document).get("input") == "dtmf"
    assert "say_it" not in played(document)


def test_who_waits_is_not_listened_to(process, waiting):
    twilio = process(settings=LISTENS, hears=HEARS)
    music = twilio.ask(f"wait/{CALL}/{WAITS}?said=1", "wait")
    assert music.verbs[0].get("input") == "dtmf"
    before = twilio.open
    twilio.ask(f"turn/{CALL}/{WAITS}?waits=1", "wait", SpeechResult="оператор", Confidence="1")
    assert twilio.open == before


def test_a_call_without_its_answer_hears_the_same_question(listens, log):
    document = to_a_value(listens)
    again = listens.ask("fallback", ErrorCode="13331", ErrorUrl="https://ivr.example.com/x")
    assert gather(again).get("hints") == gather(document).get("hints")
    assert kinds(log).count("heard") == 2
