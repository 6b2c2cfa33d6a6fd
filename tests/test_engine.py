"""The engine: every kind of step, misses, keys that mean the same everywhere, type-ahead."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.engine import Limits, Session, begin, step
from ivr.errors import FlowError
from ivr.model import Ask, Enqueue, Event, Hangup, Lookup, Record, Result, Say, Turn
from ivr.services import SERVICES

DESK = """
  desk:
    enqueue: general
    say: connecting
    show: [reason, entry]
    on: {ended: bye, unavailable: bye}
  bye: {hangup: completed, say: [goodbye]}
"""

MENU = f"""
flow: main
start: first
operator: desk
otherwise: desk
steps:
  first:
    menu: choose
    short: choose_short
    silence: [hush_1]
    nomatch: [wrong_1, wrong_2]
    options:
      "1": {{say: option_1, to: second}}
      "2": {{to: second}}
    closing: closing
  second:
    menu: again
    options: {{"1": {{to: first}}}}
    back: first
    otherwise: bye
{DESK}
"""

NUMBER = f"""
flow: main
start: enter
operator: desk
otherwise: desk
steps:
  enter:
    ask: type_it
    short: type_short
    as: entry
    to: check
    back: bye
  check:
    lookup: meters.check
    on: {{fine: bye}}
    retry: {{low: {{ask: enter, say: [low_1, low_2]}}}}
    again: {{odd: {{ask: enter, say: odd}}}}
{DESK}
"""


# ---------------------------------------------------------------------- kinds of steps


def test_says_go_on_until_the_first_need(talk):
    call = talk(
        """
        flow: main
        start: one
        steps:
          one: {say: [hello, {say: news, in: house_language}], to: two}
          two: {hangup: closed, say: goodbye}
        """,
        slots={"house_language": "en", "name": "x"},
        texts={"hello": "{name:text}", "news": "", "goodbye": "{gone:text}"},
    )
    assert call.turn.says == (
        Say("hello", {"name": "x"}),
        Say("news", {}, "en"),
        Say("goodbye", {}),  # a value nobody gave is left out; the channel tells what it lacks
    )
    assert call.need == Hangup("closed")
    assert call.turn.number == 1


def test_a_prompt_is_said_once_for_each_item(talk):
    call = talk(
        """
        flow: main
        start: one
        steps:
          one: {hangup: completed, say: {say: row, each: rows}}
        """,
        slots={"rows": [{"value": "1"}, {"value": "2", "language": "ru"}], "unit": "kwh"},
        texts={"row": "{key:number} {value:digits} {unit:text}"},
    )
    assert call.turn.says == (
        Say("row", {"key": "1", "value": "1", "unit": "kwh"}),
        Say("row", {"key": "2", "value": "2", "unit": "kwh"}, "ru"),
    )


def test_values_of_prompts_inside_prompts_are_gathered(talk):
    call = talk(
        """
        flow: main
        start: one
        steps: {one: {hangup: completed, say: outer}}
        """,
        slots={"inner": "meter", "number": "345", "nothing": ""},
        texts={"outer": "{inner:prompt} {nothing:prompt}", "meter": "{number:digits}"},
    )
    assert call.turn.says[0].values == {"inner": "meter", "number": "345", "nothing": ""}


def test_a_lookup_hands_its_words_over_and_keeps_the_values(talk):
    call = talk(
        """
        flow: main
        start: ask
        steps:
          ask: {lookup: weather.today, with: {town: Odesa}, on: {fine: told}}
          told: {hangup: completed, say: degrees}
        """,
        slots={"old": "1"},
        texts={"degrees": "{heat:number}"},
    )
    assert call.need == Lookup("weather.today", {"town": "Odesa"})
    call.result("fine", heat=21, old=None, language="ru")
    assert call.turn.says == (Say("degrees", {"heat": 21}),)
    assert call.turn.language == "ru"
    assert "old" not in call.session.slots


def test_a_recording_lands_in_its_slot(talk):
    text = """
        flow: main
        start: leave
        steps:
          leave: {record: after_the_tone, as: message, limit: "90", to: end}
          end: {hangup: completed}
        """
    call = talk(text)
    assert call.need == Record(90.0)
    assert call.give(Event("recorded", text="var/1.wav")).session.slots == {"message": "var/1.wav"}
    assert talk(text).silence().session.slots == {}


def test_the_operator_sees_the_slots_that_are_known(talk):
    text = """
        flow: main
        start: wait
        otherwise: shut
        steps:
          wait:
            enqueue: metering
            priority: danger
            say: connecting
            show: [account, step]
            on: {ended: bye, unavailable: shut}
          bye: {hangup: operator}
          shut: {hangup: nobody, say: nobody}
        """
    call = talk(text, slots={"account": "100200301", "secret": "x"})
    assert call.need == Enqueue("metering", "danger", {"account": "100200301"})
    assert call.said == ["connecting"]
    assert call.operator("ended").need == Hangup("operator")
    assert talk(text).operator("unavailable").said == ["nobody"]
    assert talk(text).operator("dropped").said == ["nobody"], "an outcome without an edge"


@pytest.mark.parametrize(
    ("own", "slot", "priority"),
    [
        ("normal", None, "normal"),
        ("normal", "priority_site", "priority_site"),
        ("danger", "priority_site", "danger"),
    ],
)
def test_a_caller_of_priority_keeps_it_in_every_queue(talk, own, slot, priority):
    call = talk(
        f"""
        flow: main
        start: wait
        steps: {{wait: {{enqueue: general, priority: {own}, on: {{}}}}}}
        """,
        slots={"priority": slot},
    )
    assert call.need == Enqueue("general", priority)


WAIT = """
flow: main
start: ask
operator: wait
otherwise: bye
steps:
  ask: {menu: choose, options: {"1": {to: number}}}
  number: {ask: enter, as: typed, to: wait}
  wait:
    enqueue: {slot: queue}
    say: connecting
    show: [typed]
    keys: {"2": number, "6": ask, "*": ask}
    on: {ended: bye, unavailable: bye, no_answer: wait, dropped: dropped, transferred: wait}
  dropped: {say: sorry, to: wait}
  bye: {hangup: completed, say: goodbye}
"""


def waiting(talk, queue="general"):
    call = talk(WAIT, slots={"queue": queue})
    call.press("0")
    assert call.need == Enqueue(queue)
    return call


def test_a_slot_may_name_the_queue(talk):
    assert waiting(talk, "metering").need == Enqueue("metering")


@pytest.mark.parametrize("queue", [None, 7, ["general"]])
def test_a_queue_that_no_slot_names_ends_the_flow(talk, queue):
    with pytest.raises(FlowError, match="no slot queue names the queue"):
        talk(WAIT, slots={"queue": queue}).press("0")


@pytest.mark.parametrize(
    ("keys", "at"), [("2", "main.number"), ("6", "main.ask"), ("*", "main.ask")]
)
def test_a_key_leads_on_while_the_caller_waits(talk, keys, at):
    call = waiting(talk).press(keys)
    assert call.at == at
    assert isinstance(call.need, Ask)


@pytest.mark.parametrize(
    "event",
    [
        Event("keys", text="1"),
        Event("keys", text="#"),
        Event("keys", text="D"),
        Event("keys", text=""),
        Event("silence"),
        Event("speech", text="оператор"),
        Event("nonsense"),
    ],
)
def test_anything_else_changes_nothing_while_the_caller_waits(talk, event):
    call = waiting(talk)
    before = call.session.slots
    call.give(event)
    assert call.need == Enqueue("general")
    assert call.said == []
    assert call.session.slots == before


def test_keys_after_the_one_that_means_something_are_typed_ahead(talk):
    call = waiting(talk).press("423")
    assert call.said == []
    assert call.at == "main.number"
    assert call.session.typed == "3"
    typed = waiting(talk).press("2345#")
    assert typed.session.slots["typed"] == "345"
    assert typed.need == Enqueue("general", show={"typed": "345"})
    assert typed.said == ["connecting"]


def test_what_an_operator_did_brings_values(talk):
    call = waiting(talk)
    call.give(Event("operator", outcome="transferred", values={"queue": "outage"}))
    assert call.need == Enqueue("outage")
    call.give(Event("operator", outcome="transferred", values={"typed": None, "more": 1}))
    assert call.session.slots["more"] == 1
    assert "typed" not in call.session.slots


def test_a_lost_operator_is_told_and_the_caller_waits_on(talk):
    call = waiting(talk).operator("dropped")
    assert call.said == ["sorry", "connecting"]
    assert call.need == Enqueue("general")
    assert call.operator("no_answer").need == Enqueue("general")
    assert call.operator("something new").need == Hangup("completed"), "otherwise"


def test_where_the_caller_left_the_dialogue_is_known(talk):
    assert waiting(talk).session.slots["left"] == "main.ask"
    call = waiting(talk).press("6").silence().silence().silence()
    assert call.session.slots["left"] == "main.ask"
    assert call.session.slots["reason"] == "silence"


OUTER = """
flow: main
start: go
otherwise: bye
operator: bye
steps:
  go: {run: sub, on: {done: told, back: bye}}
  told: {hangup: completed, say: "told"}
  bye: {hangup: completed, say: bye}
"""
SUB = """
flow: sub
start: ask
otherwise: back
operator: back
ends: [done, back]
steps:
  ask: {ask: number, as: entry, to: deeper}
  deeper: {run: deep, on: {out: done}}
"""
DEEP = """
flow: deep
start: menu
otherwise: out
operator: out
ends: [out]
steps:
  menu: {menu: choose, options: {"1": {to: out}}}
"""


def test_flows_run_inside_flows_and_return(talk):
    call = talk(OUTER, SUB, DEEP)
    assert call.session.stack == [["main", "go"]]
    call.press("12#")
    assert (call.at, call.session.stack) == ("deep.menu", [["main", "go"], ["sub", "deeper"]])
    assert call.press("1").said == ["told"]
    assert call.session.stack == []


def test_star_leaves_a_subflow_that_can_be_left(talk):
    call = talk(OUTER, SUB, DEEP)
    assert call.press("*").press("2").said == ["bye"]


def test_an_end_without_an_edge_takes_the_way_out_of_the_flow_around(talk):
    call = talk(OUTER.replace("done: told, ", ""), SUB, DEEP)
    assert call.press("12#1").said == ["bye"]


# ---------------------------------------------------------------------- misses


def test_prompts_taper_and_options_are_spoken_once(talk):
    call = talk(MENU)
    assert call.said == ["choose", "option_1", "closing"]
    assert call.silence().said == ["hush_1", "choose_short"]
    call = talk(MENU)
    assert call.press("5").said == ["wrong_1", "choose_short"]
    assert call.press("5").said == ["wrong_2", "choose_short"]


def test_a_question_without_words_of_its_own_for_a_miss_takes_the_common_ones(talk):
    call = talk(NUMBER)
    assert call.silence().said == ["silence", "type_short"]
    call = talk(NUMBER)
    assert call.speak("двадцять п'ять").said == ["nomatch", "type_short"]


@pytest.mark.parametrize(
    ("misses", "reason"),
    [("sss", "silence"), ("nnn", "misses"), ("sns", "misses"), ("nss", "misses")],
)
def test_three_misses_of_any_kind_leave_a_question(talk, misses, reason):
    call = talk(MENU)
    for miss in misses:
        call = call.silence() if miss == "s" else call.speak("?")
    assert call.need == Enqueue("general", show={"reason": reason})
    assert call.said == ["connecting"]


@pytest.mark.parametrize(
    ("keys", "queue", "left"),
    [("0", "general", "main.menu"), ("10", "outage", "main.outage")],
)
def test_a_question_may_have_an_operator_of_its_own(talk, keys, queue, left):
    call = talk("main")
    call.press(keys)
    assert call.at == "operator.ask"
    assert call.session.slots["queue"] == queue
    assert call.session.slots["left"] == left


def test_three_silences_in_the_first_menu_reach_an_operator(talk):
    call = talk("main")
    call.silence().silence().silence()
    assert call.at == "operator.ask"
    call.result("down")
    assert call.said == ["operator_connecting"]
    assert call.need == Enqueue("general", show={"reason": "silence"})


def test_a_question_may_have_a_way_out_of_its_own(talk):
    call = talk(MENU).press("1").press("7").press("7").press("7")
    assert call.need == Hangup("completed")


def test_misses_count_for_each_question_and_from_its_last_entry(talk):
    call = talk(MENU).silence().press("7")
    assert call.press("1").silence().silence().at == "main.second"
    assert call.press("1").silence().silence().at == "main.first"
    assert call.silence().need == Enqueue("general", show={"reason": "silence"})


def test_a_refused_value_is_a_miss_and_an_odd_one_is_not(talk):
    call = talk(NUMBER).press("1#")
    assert call.result("low").said == ["low_1"]
    assert call.press("2#").result("odd").said == ["odd"]
    assert call.press("3#").result("low").said == ["low_2"]
    assert call.press("4#").result("low").need == Enqueue(
        "general", show={"reason": "misses", "entry": "4"}
    )


@pytest.mark.parametrize("outcome", ["failed", "never_heard_of"])
def test_a_service_that_fails_is_told_and_leads_to_the_way_out(talk, outcome):
    call = talk(NUMBER).press("1#5").result(outcome)
    assert call.said == ["service_failed", "connecting"]
    assert call.need == Enqueue("general", show={"reason": "failed", "entry": "1"})


def test_a_caller_gets_more_time_after_a_miss(talk):
    call = talk(NUMBER, limits=Limits(first=6, again=10, between=5, between_slow=8))
    assert call.need == Ask("number", 6, 5)
    assert call.silence().need == Ask("number", 10, 5)
    assert call.speak("?").need == Ask("number", 10, 8)


# ---------------------------------------------------------------------- "do you need time?"


def test_after_two_silences_any_key_gives_more_time(talk):
    call = talk(NUMBER).silence().silence()
    assert call.said == ["wait_offer"]
    call.press("5")
    assert (call.said, call.need) == (["wait_granted"], Ask("number", 30.0, 5.0))
    assert call.press("100200301#").need == Lookup("meters.check")
    assert call.session.slots["entry"] == "100200301"


@pytest.mark.parametrize("key", "0123456789*#")
def test_whatever_the_key_is_in_a_number(talk, key):
    assert talk(NUMBER).silence().silence().press(key).said == ["wait_granted"]


def test_several_keys_after_the_offer_are_the_answer(talk):
    call = talk(NUMBER).silence().silence().press("24#")
    assert call.session.slots["entry"] == "24"


def test_a_wait_does_not_outlast_the_answer(talk):
    call = talk(NUMBER).silence().silence().press("5").press("24#").result("odd")
    assert call.need == Ask("number", 10.0, 5.0)


def test_the_third_silence_after_a_wait_leaves_the_question(talk):
    call = talk(NUMBER).silence().silence().press("5").silence()
    assert call.need == Enqueue("general", show={"reason": "silence"})


def test_a_menu_is_offered_again_with_the_wait(talk):
    call = talk(MENU).silence().silence()
    assert call.said == ["wait_offer", "choose_short"]
    assert call.press("7").said == ["wait_granted"]
    assert call.press("1").at == "main.second"


def test_a_menu_without_a_short_form_speaks_its_options_again(talk):
    call = talk(MENU.replace("short: choose_short", "")).silence().silence()
    assert call.said == ["wait_offer", "choose", "option_1", "closing"]


# ---------------------------------------------------------------------- keys of a menu


@pytest.mark.parametrize("key", ["1", "2"])
def test_an_option_leads_on_whether_it_is_spoken_or_not(talk, key):
    assert talk(MENU).press(key).at == "main.second"


def test_zero_reaches_the_operator_and_drops_what_was_typed(talk):
    call = talk(MENU).press("011")
    assert call.need == Enqueue("general")
    assert call.session.typed == ""


def test_nine_repeats_and_the_second_time_slower(talk):
    call = talk(MENU).press("9")
    assert (call.said, call.turn.slow) == (["choose", "option_1", "closing"], False)
    call.press("9")
    assert (call.said, call.turn.slow) == (["choose", "option_1", "closing"], True)
    assert call.need == Ask("key", 10.0, 8.0)
    assert call.press("1").turn.slow, "the pace stays for the rest of the call"


def test_keys_typed_behind_a_nine_answer_the_repeated_question(talk):
    assert talk(MENU).press("91").at == "main.second"


def test_nines_at_different_questions_do_not_add_up(talk):
    assert not talk(MENU).press("9").press("1").press("9").turn.slow


def test_star_goes_one_step_back(talk):
    assert talk(MENU).press("1").press("*").at == "main.first"


def test_star_where_there_is_no_step_back_asks_again(talk):
    call = talk(MENU).press("*")
    assert (call.said, call.at) == (["choose_short"], "main.first")
    assert call.session.misses == {}


def test_hash_skips_nothing_of_a_menu_but_the_prompt(talk):
    call = talk(MENU).press("#")
    assert (call.said, call.need) == ([], Ask("key", 6.0, 5.0))
    assert call.press("#1").at == "main.second"


def test_an_option_of_the_flow_comes_before_the_common_meaning(talk):
    call = talk(MENU.replace('"2":', '"9":').replace('"1":', '"0":')).press("9")
    assert call.at == "main.second"


LIST = f"""
flow: main
start: first
operator: desk
otherwise: desk
steps:
  first:
    menu: several
    each: accounts
    option: account
    another: {{say: other, to: bye}}
    as: choice
    to: chosen
  chosen: {{hangup: completed, say: chosen}}
{DESK}
"""


def test_items_of_a_list_take_the_first_keys(talk):
    accounts = [{"name": "a"}, {"name": "b"}]
    texts = {"account": "{key:number} {name:text}", "other": "{key:number}"}
    call = talk(LIST, slots={"accounts": accounts}, texts=texts)
    assert call.turn.says == (
        Say("several"),
        Say("account", {"key": "1", "name": "a"}),
        Say("account", {"key": "2", "name": "b"}),
        Say("other", {"key": "3"}),
    )
    assert call.press("2").said == ["chosen"]
    assert call.session.slots["choice"] == {"name": "b"}
    assert talk(LIST, slots={"accounts": accounts}).press("3").at == "main.bye"
    assert talk(LIST, slots={"accounts": accounts}).press("4").said[0] == "nomatch"


def test_the_key_after_a_list_is_named_only_where_its_own_list_says_so(talk):
    flow = LIST.replace("{say: other, to: bye}", "{say: {say: other, each: further}, to: bye}")
    texts = {"account": "{key:number}", "other": "{key:number}"}
    slots = {"accounts": [{"name": "a"}], "further": [{}]}
    assert talk(flow, slots=slots, texts=texts).turn.says[-1] == Say("other", {"key": "2"})
    assert talk(flow, slots={**slots, "further": []}, texts=texts).said == ["several", "account"]


def test_a_list_that_nobody_gave_is_empty(talk):
    call = talk(LIST)
    assert call.said == ["several", "other"]
    assert call.press("1").at == "main.bye"


# ---------------------------------------------------------------------- keys of a number


@pytest.mark.parametrize("keys", ["2421#", "2421", "99*2421#", "99*1*2421", "*12421#"])
def test_a_number_ends_with_hash_or_a_pause_and_star_erases(talk, keys):
    call = talk(NUMBER).press(keys).silence()
    assert call.session.slots["entry"] == "2421"


def test_zero_and_nine_are_digits_of_a_number(talk):
    assert talk(NUMBER).press("0909#").session.slots["entry"] == "0909"


def test_hash_alone_has_its_own_way_or_is_a_miss(talk):
    assert talk(NUMBER).press("#").said == ["nomatch", "type_short"]
    call = talk(NUMBER.replace("to: check", "to: check\n    empty: bye")).press("#")
    assert call.need == Hangup("completed")


def test_a_number_may_come_in_parts(talk):
    call = talk(NUMBER).give(Event("keys", text="24"))
    assert call.need == Ask("number", 6.0, 5.0, typed="24")
    assert call.said == []
    call.give(Event("keys", text="21"))
    assert call.silence().session.slots["entry"] == "2421"


def test_a_part_that_ends_with_the_last_key_known_is_the_number(talk):
    call = talk(NUMBER).give(Event("keys", text="24"))
    assert call.give(Event("keys", text="", ended=True)).session.slots["entry"] == "24"


def test_star_on_an_empty_entry_opens_the_small_menu(talk):
    call = talk(NUMBER).press("*")
    assert (call.said, call.need) == (["star_menu"], Ask("key", 6.0, 5.0))


@pytest.mark.parametrize(
    ("key", "said", "at"),
    [
        ("1", ["type_short"], "main.enter"),
        ("*", ["type_short"], "main.enter"),
        ("#", ["type_short"], "main.enter"),
        ("2", ["goodbye"], "main.bye"),
        ("9", ["type_it"], "main.enter"),
        ("0", ["connecting"], "main.desk"),
        ("5", ["nomatch", "type_short"], "main.enter"),
    ],
)
def test_the_small_menu(talk, key, said, at):
    call = talk(NUMBER).press("*").press(key)
    assert (call.said, call.at) == (said, at)
    assert talk(NUMBER).press("*" + key).at == at


def test_back_where_there_is_no_step_back_asks_again(talk):
    call = talk(NUMBER.replace("    back: bye\n", "")).press("*2")
    assert (call.said, call.at) == (["type_short"], "main.enter")


def test_silence_in_the_small_menu_is_a_silence_of_the_question(talk):
    call = talk(NUMBER).press("*").silence()
    assert call.said == ["silence", "type_short"]
    assert call.need == Ask("number", 10.0, 5.0)


def test_a_number_longer_than_any_is_cut(talk):
    entry = talk(NUMBER).press("9" * 5000 + "#").silence().session.slots["entry"]
    assert entry == "9" * 64


# ---------------------------------------------------------------------- keys typed ahead


def test_keys_answer_the_questions_they_were_meant_for(talk):
    call = talk(OUTER, SUB, DEEP).press("12#1")
    assert call.said == ["told"], "the questions in between were not spoken"


def test_a_number_typed_ahead_in_part_is_gone_on_with(talk):
    text = NUMBER.replace("start: enter", "start: first").replace(
        "steps:", 'steps:\n  first: {menu: choose, options: {"1": {to: enter}}}'
    )
    call = talk(text).press("124")
    assert (call.said, call.need) == ([], Ask("number", 6.0, 5.0, typed="24"))
    assert call.press("21#").session.slots["entry"] == "2421"


def test_a_number_typed_ahead_waits_for_its_service(talk):
    call = talk(NUMBER).press("1#2#")
    assert (call.need, call.session.typed) == (Lookup("meters.check"), "2#")
    assert call.result("fine").need == Hangup("completed")


@pytest.mark.parametrize("keys", ["51", "5551"])
def test_a_miss_drops_what_was_typed_behind_it(talk, keys):
    call = talk(MENU).press(keys)
    assert (call.at, call.session.typed) == ("main.first", "")
    assert call.session.misses == {"main.first": ["nomatch"]}


def test_a_refused_value_drops_what_was_typed_behind_it(talk):
    call = talk(NUMBER).press("1#2#").result("low")
    assert call.need == Ask("number", 10.0, 8.0, typed="")


# ---------------------------------------------------------------------- bounds and bad input


@pytest.mark.parametrize("text", ["", "A", "flash", "²", "٣", "\N{DIGIT ONE}\n"])
@pytest.mark.parametrize("flow", [MENU, NUMBER])
def test_keys_no_telephone_has_are_no_keys(talk, flow, text):
    call = talk(flow).give(Event("keys", text=text, ended=True))
    assert isinstance(call.need, Ask | Lookup)
    assert set(call.session.slots.get("entry", "")) <= set("0123456789")


def test_nothing_is_not_an_answer(talk):
    assert talk(MENU).give(Event("keys", text="")).said == ["hush_1", "choose_short"]


def test_a_call_is_led_out_after_many_turns_and_ended_with_a_word(talk):
    limits = Limits(turns=4, spare=3)
    call = talk(MENU, limits=limits).press("*").press("*").press("*")
    assert call.turn.number == 4
    assert call.press("*").need == Enqueue("general", show={"reason": "limit"})
    assert call.operator("ended").need == Hangup("completed")

    around = MENU.replace("otherwise: desk", "otherwise: second").replace(
        "otherwise: bye", "otherwise: first"
    )
    call = talk(around, limits=limits)
    while not isinstance(call.need, Hangup):
        call.press("*")
    assert (call.turn.number, call.need, call.said) == (8, Hangup("limit"), ["goodbye"])


def test_the_bound_of_turns_does_not_swallow_what_a_service_answered(talk):
    call = talk(NUMBER, limits=Limits(turns=2, spare=3)).press("1#")
    assert call.turn.number == 2
    assert call.result("fine").said == ["goodbye"]


def test_a_circle_without_a_question_is_an_error(talk):
    with pytest.raises(FlowError, match=r"main.yaml: step one: a circle without a question"):
        talk(
            """
            flow: main
            start: one
            steps:
              one: {say: x, to: two}
              two: {say: y, to: one}
            """
        )


@pytest.mark.parametrize("flow", [MENU, NUMBER])
def test_a_hangup_ends_the_call_and_nothing_comes_after_it(talk, flow):
    call = talk(flow).hang_up()
    assert (call.need, call.said, call.session.over) == (Hangup("caller"), [], True)
    assert call.press("1").need == Hangup("caller")


@pytest.mark.parametrize(
    ("flow", "step", "stack", "error"),
    [
        ("gone", "first", [], "no flow gone"),
        ("main", "told", [], "step told waits for no event"),
        ("main", "gone", [], "no step gone"),
        ("sub", "ask", [], "no step or end 'back'"),
        ("sub", "ask", [["main", "gone"]], "no step gone"),
        ("sub", "ask", [["main", "told"]], "main.told ran no flow"),
    ],
)
def test_a_call_of_an_older_version_whose_step_is_gone_is_an_error(
    flows_of, flow, step, stack, error
):
    flows = flows_of(OUTER, SUB, DEEP)
    session = Session(flow, step, "uk", stack=stack, turn=3, typed="*2")
    with pytest.raises(FlowError, match=error):
        advance(flows, session, Event("keys", text="*2"))


def test_asking_again_what_is_no_question_is_an_error(talk):
    call = talk(NUMBER.replace("odd: {ask: enter", "odd: {ask: bye")).press("1#")
    with pytest.raises(FlowError, match=r"main.yaml: step bye is no question to ask again"):
        call.result("odd")


def advance(flows, session, event) -> Turn:
    return step(flows, session, event)[1]


# ---------------------------------------------------------------------- any event, any flow

EVENTS = st.one_of(
    st.builds(Event, kind=st.just("keys"), text=st.text("0123456789*#A²", max_size=12)),
    st.builds(Event, kind=st.just("keys"), text=st.text("019*#", max_size=4), ended=st.just(True)),
    st.builds(
        Event,
        kind=st.sampled_from(["silence", "speech", "recorded", "operator", "hangup", "nonsense"]),
        text=st.text(max_size=5),
        outcome=st.sampled_from(["ended", "unavailable", "no_answer", ""]),
    ),
)
OUTCOMES = st.sampled_from(sorted({o for s in SERVICES.values() for o in s.outcomes} | {"failed"}))


@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENTS, max_size=30), data=st.data())
def test_any_event_leads_to_a_need(house, events, data):
    """Services answer with any outcome, right or wrong, and no values."""
    flows = house.flows
    session, turn = step(flows, begin(flows, "uk", {}), Event("answered"))
    for event in events:
        while isinstance(turn.need, Lookup):
            known = SERVICES[turn.need.service].outcomes
            outcome = data.draw(st.sampled_from(sorted(known)) | OUTCOMES)
            session, turn = step(flows, session, Event("result", outcome=outcome))
        session, turn = step(flows, session, event)
        assert len(session.typed) <= 64
    for _ in range(Limits().turns + Limits().spare + 2):
        if session.over:
            break
        silent = Event("result", outcome="failed")
        session, turn = step(flows, session, silent)
    assert isinstance(turn.need, Hangup)


def test_answers_of_services_can_be_given_beforehand(talk):
    """The fixture's own promise, on which other tests stand."""
    call = talk(NUMBER, answers={"meters.check": Result("low")}).press("1#")
    assert (call.said, call.at) == (["low_1"], "main.enter")
