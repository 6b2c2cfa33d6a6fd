"""The engine and what callers say: bands of confidence, doubts, splits, misses, a deaf channel."""

from dataclasses import replace
from textwrap import dedent

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import check, flow
from ivr.engine import Limits, Session, begin, step
from ivr.grammar import Grammar
from ivr.listening import Hearing, languages
from ivr.model import Ask, Enqueue, Event, Hangup, Lookup
from ivr.prompts import Catalogue
from ivr.services import SERVICES

WORDS = {
    "uk": {
        "yes": ("так",), "no": ("ні",), "operator": ("оператор",), "repeat": ("повторити",),
        "back": ("назад",), "help": ("допомога",), "keys_only": ("клавіші",),
        "same": ("без змін",), "wait": ("зачекайте",), "go_on": ("продовжити",),
        "light": ("немає світла",), "fire": ("пожежа",), "reading": ("показання",),
        "other": ("інший",), "first_word": ("перше",), "ninth": ("дев'яте",),
    },
    "ru": {"reading": ("показания",), "yes": ("да",), "no": ("нет",)},
    "en": {"reading": ("meter reading",)},
}  # fmt: skip
MAIN = """
flow: main
start: menu
operator: desk
otherwise: desk
steps:
  menu:
    menu: choose
    short: choose_short
    options:
      "1": {say: option_1, to: agree, words: light}
      "2": {to: enter, words: reading}
      "3": {to: danger, words: fire, at_once: yes}
      "4": {to: code}
    invite: say_it
  agree:
    menu: sure
    options: {"1": {to: bye, words: yes}, "2": {to: menu, words: [no, other]}}
    back: menu
  enter:
    ask: number
    short: number_short
    as: entry
    digits: "1-5"
    near: expected
    read_back: yes
    invite: say_digits
    to: check
    empty: same
    back: menu
  check:
    lookup: meters.check
    on: {fine: read}
    retry: {wrong: {ask: enter, say: wrong}}
    again: {low: {ask: enter, say: low}}
  read:
    menu: read_back
    options: {"1": {to: store, words: yes}, "2": {to: enter, words: no}}
  same: {lookup: meters.same, on: {fine: read}}
  store: {lookup: meters.store, on: {stored: bye}}
  code:
    ask: code
    as: code
    digits: "4-4"
    to: check_code
    back: menu
  check_code: {lookup: codes.check, on: {fine: bye}}
  danger: {hangup: danger, say: run}
  desk: {enqueue: general, on: {ended: bye, unavailable: bye}}
  bye: {hangup: completed, say: goodbye}
"""
LIST = """
flow: main
start: menu
operator: desk
otherwise: desk
steps:
  menu: {menu: choose, each: rows, option: row, as: row, to: bye, another: {to: more, words: other}}
  more: {hangup: more, say: more}
  desk: {enqueue: general, on: {ended: bye}}
  bye: {hangup: completed, say: goodbye}
"""
QUIET = MAIN.replace("start: menu", "start: menu\nspeech: off")


class Speech:
    """A call on the pure engine in which somebody listens. said: prompts since the last event."""

    def __init__(self, text=MAIN, hears=("uk", "ru"), slots=None, limits=None):
        document = yaml.load(dedent(text), yaml.BaseLoader)  # noqa: S506
        flows = {document["flow"]: flow.parse(document, "main.yaml", document["flow"])}
        catalogues = {
            language: Catalogue(language, {"speech_heard": "{heard_number:digits}"}, {}, words)
            for language, words in WORDS.items()
        }
        self.flows = check.book(flows, catalogues)
        self.limits = limits
        self.session = begin(self.flows, "uk", slots or {"expected": "2424"}, hears=hears)
        self.give(Event("answered"))

    def give(self, event):
        self.session, self.turn = step(self.flows, self.session, event, self.limits)
        self.session = Session.from_json(self.session.to_json())
        self.said = [say.prompt for say in self.turn.says]
        return self

    def say(self, text, confidence=1.0):
        return self.give(Event("speech", text=text, confidence=confidence))

    def press(self, keys):
        return self.give(Event("keys", text=keys, ended=True))

    def silence(self):
        return self.give(Event("silence"))

    def result(self, outcome):
        return self.give(Event("result", outcome=outcome))

    @property
    def at(self):
        return self.session.step

    @property
    def need(self):
        return self.turn.need

    @property
    def grammar(self):
        return self.need.grammar


@pytest.fixture
def call():
    return Speech()


# ---------------------------------------------------------------------- the grammar


def test_a_menu_listens_for_its_words_its_keys_and_the_words_of_every_question(call):
    found = Grammar.parse(call.grammar)
    assert found.languages == ("uk", "ru")
    assert found.words[:3] == ("light", "reading", "fire")
    assert found.words[3:] == ("operator", "repeat", "back", "help", "keys_only")
    assert found.keys == "123409"
    assert not found.longest


def test_a_number_is_listened_for_with_its_length(call):
    found = Grammar.parse(call.press("2").grammar)
    assert (found.shortest, found.longest, found.keys) == (1, 5, "")
    assert found.words[-1] == "same"
    assert call.said == ["number", "say_digits"]
    assert [say.invites for say in call.turn.says] == [False, True]


def test_the_length_may_be_in_a_slot_and_may_be_unknown():
    text = MAIN.replace('digits: "4-4"', "digits: length")
    known = Speech(text, slots={"length": "9-13"}).press("4")
    assert Grammar.parse(known.grammar).longest == 13
    assert Grammar.parse(Speech(text, slots={"length": ""}).press("4").grammar).longest == 14


def test_nobody_listens_where_speech_is_off():
    assert Speech(hears=()).grammar == ""
    assert Speech(hears=("en",)).grammar == ""
    assert Speech(QUIET).grammar == ""
    one = MAIN.replace("    ask: number\n", "    ask: number\n    speech: off\n")
    assert Speech(one).grammar
    assert Speech(one).press("2").grammar == ""


def test_who_does_not_listen_invites_nobody():
    assert Speech(hears=()).said == ["choose", "option_1"]
    assert Speech().said == ["choose", "option_1", "say_it"]


def test_after_the_first_digit_only_keys_are_taken(call):
    call.press("2").give(Event("keys", text="24"))
    assert (call.need.typed, call.grammar) == ("24", "")


def test_languages_that_are_mixed_are_listened_for_together():
    hearing = Hearing(together=(("uk", "ru"), ("vi", "en")))
    assert languages(("en", "ru", "uk"), "uk", hearing) == ("uk", "ru")
    assert languages(("en", "ru", "uk"), "ru", hearing) == ("ru", "uk")
    assert languages(("en", "ru", "uk"), "en", hearing) == ("en",)
    assert languages(("ru",), "uk", hearing) == ()


def test_another_language_is_listened_for_from_the_next_question_on(call):
    call.press("2")
    call.session.language = "ru"
    assert Grammar.parse(call.say("назад").grammar).languages == ("ru", "uk")


# ---------------------------------------------------------------------- words


def test_a_word_is_its_key(call):
    assert call.say("показання").at == "enter"
    assert call.session.understood == "reading"
    assert Speech().say("показания").at == "enter"
    assert Speech().say("два").at == "enter"


@pytest.mark.parametrize(
    ("word", "at"),
    [("оператор", "desk"), ("нуль", "desk"), ("повторити", "menu"), ("назад", "menu")],
)
def test_words_that_mean_the_same_everywhere(call, word, at):
    assert call.say(word).at == at


def test_operator_is_heard_at_every_question(call):
    for way in ((), ("2",), ("1",), ("4",)):
        found = Speech()
        for key in way:
            found.press(key)
        assert isinstance(found.say("оператор").need, Enqueue), way
        assert found.session.slots["left"].startswith("main.")


def test_help_is_the_small_menu_which_listens(call):
    call.press("2").say("допомога")
    assert (call.said, call.session.mode) == (["star_menu"], "star")
    assert call.need.entry == "key"
    assert call.say("продовжити").said == ["number_short"]
    assert call.say("допомога").say("допомога").said == ["star_menu"]
    assert isinstance(call.say("оператор").need, Enqueue)


def test_without_change_is_the_lone_hash(call):
    call.press("2").say("без змін", 0.6)
    assert call.need == Lookup("meters.same")


def test_only_keys_for_the_rest_of_the_call(call):
    call.say("клавіші")
    assert call.said == ["speech_off", "choose_short"]
    assert call.grammar == ""
    assert call.press("2").grammar == ""


def test_time_is_granted_to_a_word(call):
    call.press("2").silence().silence()
    assert call.session.mode == "offer"
    assert "wait" in Grammar.parse(call.grammar).words
    assert call.say("зачекайте").said == ["wait_granted"]
    assert call.need.timeout == 30
    assert call.say("двадцять").need == Lookup("meters.check")


def test_a_number_is_an_answer_to_do_you_need_time(call):
    call.press("2").silence().silence().say("сім")
    assert call.session.slots["entry"] == "7"


def test_a_list_has_nine_keys_and_its_words_go_no_further():
    rows = [{"words": "first_word"}, *({} for _ in range(7)), {"words": "ninth"}, {}]
    nine = Speech(LIST, slots={"rows": rows[:9]})
    assert nine.say("дев'яте").session.slots["row"] == rows[8]
    ten = Speech(LIST, slots={"rows": rows})
    assert "other" not in Grammar.parse(ten.grammar).words
    assert Grammar.parse(ten.grammar).keys == "1234567890"
    eight = Speech(LIST, slots={"rows": rows[:8]})
    assert eight.say("інший").need == Hangup("more")


# ---------------------------------------------------------------------- doubts


def test_a_doubtful_word_is_asked_about(call):
    call.say("показання", 0.6)
    assert call.said == ["speech_sure_word"]
    assert call.session.slots["heard_word"] == "reading"
    assert call.need.entry == "key"
    assert Grammar.parse(call.grammar).keys == "1209"
    assert call.say("так", 0.6).at == "enter"


@pytest.mark.parametrize("answer", ["1", "так", "показання", "один"])
def test_yes_to_a_doubt(call, answer):
    call.say("показання", 0.6)
    found = call.press(answer) if answer == "1" else call.say(answer)
    assert found.at == "enter"


@pytest.mark.parametrize("answer", ["2", "*", "ні", "назад", "нет"])
def test_no_to_a_doubt_asks_again_and_counts(call, answer):
    call.say("показання", 0.6)
    found = call.press(answer) if answer in "2*" else call.say(answer)
    assert found.said == ["speech_again", "choose_short"]
    assert (found.at, found.session.mode) == ("menu", "")
    assert found.session.misses["main.menu"] == ["unheard"]


def test_a_doubt_is_repeated(call):
    call.say("показання", 0.6)
    assert call.press("9").said == ["speech_sure_word"]
    assert call.say("повторити").said == ["speech_sure_word"]
    assert call.press("#").said == []
    assert call.press("1").at == "enter"


def test_operator_at_a_doubt(call):
    assert isinstance(call.say("показання", 0.6).press("0").need, Enqueue)
    assert call.session.mode == ""


def test_silence_at_a_doubt_asks_it_again_and_ends_with_an_operator(call):
    call.say("показання", 0.6)
    assert call.silence().said == ["silence", "speech_sure_word"]
    assert call.silence().said == ["silence", "speech_sure_word"]
    assert isinstance(call.silence().need, Enqueue)
    assert call.session.slots["reason"] == "silence"


def test_noise_at_a_doubt_asks_it_again_then_by_keys(call):
    call.say("показання", 0.6)
    assert call.say("гав").said == ["speech_again", "speech_sure_word"]
    assert call.say("гав").said == ["speech_keys", "speech_sure_word"]
    assert call.grammar == ""
    assert call.press("1").at == "enter"


def test_another_key_at_a_doubt_is_the_answer(call):
    assert call.say("немає світла", 0.6).press("4").at == "code"


def test_keys_behind_a_yes_are_typed_ahead(call):
    call.say("показання", 0.6).press("12421#")
    assert call.need == Lookup("meters.check")
    assert call.session.slots["entry"] == "2421"


def test_a_doubtful_operator_is_asked_about_and_said_again(call):
    call.say("оператор", 0.6)
    assert call.said == ["speech_sure_word"]
    assert isinstance(call.say("оператор", 0.6).need, Enqueue)


def test_a_doubtful_number_of_a_key_is_asked_about(call):
    assert call.say("два", 0.6).said == ["speech_sure_number"]
    assert call.session.slots["heard_number"] == "2"
    assert call.say("так").at == "enter"


@pytest.mark.parametrize("word", ["так", "ні"])
def test_a_doubtful_yes_or_no_is_asked_again_in_the_same_words(call, word):
    call.press("1").say(word, 0.6)
    assert call.said == ["speech_again", "sure"]
    assert call.at == "agree"


@pytest.mark.parametrize("word", ["повторити", "назад", "допомога"])
def test_what_costs_nothing_is_taken_of_middle_confidence(call, word):
    assert "speech_sure_word" not in call.press("2").say(word, 0.6).said


@pytest.mark.parametrize("said", ["пожежа", "три"])
def test_danger_is_taken_at_once(call, said):
    assert call.say(said, 0.5).need == Hangup("danger")


def test_danger_below_the_lower_bound_is_asked_again(call):
    assert call.say("пожежа", 0.4).said == ["speech_again", "choose_short"]


def test_bounds_are_the_companys():
    limits = Limits(hearing=Hearing(accept=0.9, confirm=0.8))
    assert Speech(limits=limits).say("показання", 0.85).said == ["speech_sure_word"]
    assert Speech(limits=limits).say("показання", 0.75).said == ["speech_again", "choose_short"]
    assert Speech(limits=limits).say("показання", 0.9).at == "enter"


# ---------------------------------------------------------------------- numbers


@pytest.mark.parametrize("confidence", [0.45, 0.6, 0.75, 1.0])
def test_a_number_that_the_flow_reads_back_is_handed_on(call, confidence):
    call.press("2").say("дві тисячі чотириста двадцять один", confidence)
    assert call.need == Lookup("meters.check")
    assert call.session.slots["entry"] == "2421"
    assert (call.session.slots["heard"], call.session.slots["heard_number"]) == (
        "speech_heard", "2421",
    )  # fmt: skip
    assert call.result("fine").said == ["read_back"]
    assert call.session.slots["heard"] == ""


def test_below_the_lower_bound_no_number_is_kept_anywhere(call):
    call.press("2").say("дві тисячі", 0.44)
    assert call.said == ["speech_again_number", "number_short"]
    assert "2000" not in str(call.session.to_json())


def test_another_number_is_read_back_by_the_engine_however_sure(call):
    call.press("4").say("чотири п'ять один два")
    assert call.said == ["speech_sure_number"]
    assert "code" not in call.session.slots
    call.say("так")
    assert call.session.slots["code"] == "4512"
    assert call.need == Lookup("codes.check")


def test_another_number_that_is_refused_is_asked_again(call):
    call.press("4").say("чотири п'ять один два").press("2")
    assert call.said == ["speech_again_number", "code"]
    assert call.need.entry == "number"


def test_a_digit_at_the_doubt_of_a_number_begins_the_number_itself(call):
    call.press("4").say("чотири п'ять один два").press("7")
    assert (call.need.entry, call.need.typed) == ("number", "7")


def test_the_second_split_is_taken_after_the_first_was_refused(call):
    call.press("2").say("двадцять три сорок")
    assert call.session.slots["entry"] == "2340"
    call.result("fine").say("ні").say("двадцять три сорок")
    assert call.session.slots["entry"] == "20340"
    call.result("fine").say("ні").say("двадцять три сорок")
    assert call.session.slots["entry"] == "2340"


def test_the_second_split_is_taken_after_the_first_was_no_answer(call):
    call.press("2").say("двадцять три сорок").result("wrong").say("двадцять три сорок")
    assert call.session.slots["entry"] == "20340"


def test_who_insists_is_understood_the_same(call):
    call.press("2").say("двадцять три сорок").result("low").say("двадцять три сорок")
    assert call.session.slots["entry"] == "2340"


def test_what_was_keyed_in_between_refuses_no_split(call):
    call.press("2").say("двадцять три сорок").result("low").press("7#").result("fine")
    call.press("2").say("двадцять три сорок")
    assert call.session.slots["entry"] == "2340"


def test_what_was_refused_for_one_meter_is_not_for_another(call):
    call.press("2").say("двадцять три сорок").result("fine").press("2")
    call.session.slots["expected"] = "2300"
    assert call.say("двадцять три сорок").session.slots["entry"] == "2340"


def test_two_splits_as_likely_are_asked_digit_by_digit():
    text = MAIN.replace('digits: "1-5"', 'digits: "9-9"')
    call = Speech(text, slots={"expected": ""}).press("2")
    call.say("двадцять двадцять п'ять тридцять двадцять один")
    assert call.said == ["speech_digits", "number_short"]
    assert "entry" not in call.session.slots
    call.say("два нуль два п'ять три нуль два нуль один")
    assert call.session.slots["entry"] == "202530201"


def test_a_fraction_is_left_out_and_told(call):
    call.press("2").say("дві тисячі чотириста двадцять один кома п'ять")
    assert call.said == ["speech_cut"]
    assert call.session.slots["entry"] == "2421"


def test_a_number_that_was_said_is_read_back_to_who_types_ahead(call):
    """The key that agrees is pressed before he can have heard what it agrees to."""
    call.press("2").say("двадцять три сорок")
    call.session.typed = "1"
    assert call.result("fine").said == ["read_back"]
    assert call.at == "read"
    assert call.press("1").need == Lookup("meters.store")


# ---------------------------------------------------------------------- misses


def test_not_heard_twice_is_keys_at_this_question(call):
    assert call.say("гав").said == ["speech_again", "choose_short"]
    assert call.grammar
    assert call.say("гав").said == ["speech_keys", "choose_short"]
    assert call.grammar == ""
    assert call.press("2").grammar


def test_not_heard_is_a_miss_like_silence(call):
    call.say("гав").say("гав")
    assert call.at == "menu"
    assert isinstance(call.silence().need, Enqueue)
    assert call.session.slots["reason"] == "misses"


def test_speech_where_nobody_listens_is_a_miss():
    call = Speech(hears=())
    assert call.say("показання").said == ["nomatch", "choose_short"]
    call.say("показання")
    assert isinstance(call.say("показання").need, Enqueue)


def test_whoever_is_never_understood_comes_to_an_operator(call):
    for _ in range(3):
        assert isinstance(call.need, Ask)
        call.say("", 0.0)
    assert isinstance(call.need, Enqueue)


def test_a_noisy_call_goes_on_with_keys():
    limits = Limits(hearing=Hearing(noisy=3))
    call = Speech(limits=limits).say("гав").say("гав").press("2").say("гав")
    assert call.said == ["speech_keys", "number_short"]
    assert call.session.hears == []
    assert call.grammar == ""


def test_a_question_that_is_entered_again_listens_again(call):
    call.press("2").say("гав").say("гав")
    assert call.grammar == ""
    assert call.press("5#").result("fine").press("2").grammar


def test_silences_and_what_was_not_heard_mix(call):
    call.silence().say("гав").silence().say("гав")
    assert isinstance(call.silence().need, Enqueue)


# ---------------------------------------------------------------------- nobody listens any more


def test_a_recogniser_that_breaks_is_told_of_once(call):
    call.give(Event("speech", outcome="down"))
    assert call.said == ["speech_down", "choose_short"]
    assert call.session.understood == "down"
    assert call.grammar == ""
    assert call.session.misses == {}
    assert call.give(Event("speech", outcome="down")).said == ["nomatch", "choose_short"]


def test_a_recogniser_that_breaks_at_a_doubt_leaves_its_keys(call):
    call.say("показання", 0.6).give(Event("speech", outcome="down"))
    assert call.said == ["speech_down", "speech_sure_word"]
    assert call.press("1").at == "enter"


@pytest.mark.parametrize("deaf", ["full", "down"])
def test_the_channel_told_that_nobody_listens(call, deaf):
    call.give(Event("keys", text="2", deaf=deaf))
    assert (call.at, call.said, call.grammar) == ("enter", ["number"], "")
    silent = Speech().give(Event("silence", deaf=deaf))
    assert (silent.said, silent.grammar) == (["silence", "choose_short"], "")


# ---------------------------------------------------------------------- anything at all

TEXTS = st.sampled_from(
    ["так", "ні", "показання", "оператор", "повторити", "назад", "допомога", "клавіші", "без змін",
     "зачекайте", "продовжити", "два", "двадцять три сорок", "нуль", "гав", "", "немає світла"]
)  # fmt: skip
SPOKEN = st.builds(
    Event, kind=st.just("speech"), text=TEXTS, confidence=st.sampled_from([0.0, 0.3, 0.6, 0.9])
)
EVENTS = st.one_of(
    SPOKEN,
    SPOKEN.map(lambda event: replace(event, outcome="down")),
    st.builds(Event, kind=st.just("silence"), deaf=st.sampled_from(["", "", "full"])),
    st.builds(Event, kind=st.just("keys"), text=st.text("0123456789*#", max_size=6)),
)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENTS, max_size=30), data=st.data())
def test_whatever_is_said_leads_to_a_need(house, events, data):
    flows = house.flows
    begun = begin(flows, "uk", {"heard": ""}, hears=["uk", "ru"])
    session, turn = step(flows, begun, Event("answered"))
    for event in events:
        while isinstance(turn.need, Lookup):
            outcomes = sorted(SERVICES[turn.need.service].outcomes)
            outcome = data.draw(st.sampled_from([*outcomes, "failed"]))
            session, turn = step(flows, session, Event("result", outcome=outcome))
        session, turn = step(flows, session, event)
        kinds = [kind for kinds in session.misses.values() for kind in kinds]
        assert kinds.count("unheard") <= 4 * len(session.misses)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([("гав", 0.9), ("показання", 0.3), ("показання", 0.6), ("", 0)])))
def test_who_is_never_surely_understood_comes_to_an_operator(said):
    """He answers no "did you say ...?" either."""
    call = Speech()
    for text, confidence in (*said, *[("гав", 0.9)] * 20):
        if call.at == "menu":
            call.say(text, confidence)
    assert call.at in ("desk", "enter")
