"""The AGI side without an Asterisk: what is sent, and what any answer becomes."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedRunner

from ivr.channels.agi import caller_of
from ivr.channels.agi_session import Line, parts
from ivr.channels.heard import answer, dialled_keys, e164
from ivr.errors import CallerGone, Press2Error
from ivr.model import Ask, Event


def line(*replies: str) -> Line:
    text = "agi_uniqueid: pbx1-1.0\n\n" + "".join(f"{reply}\n" for reply in replies)
    return Line(io.StringIO(text), io.StringIO())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0671110001", "+380671110001"),
        ("380671110001", "+380671110001"),
        ("+380671110001", "+380671110001"),
        ("+442071838750", "+442071838750"),
        ("anonymous", None),
        ("unknown", None),
        ("", None),
        ("+", None),
        ("1" * 40, None),
        ("'; DROP TABLE readings; --", None),
        ("\N{REPLACEMENT CHARACTER}", None),
    ],
)
def test_calling_numbers(text, number):
    assert e164(text, "UA") == number


@given(st.dictionaries(st.sampled_from(["callerid", "dnid", "callingpres"]), st.text(), min_size=3))
def test_whatever_the_network_says_about_a_caller_is_a_caller(tmp_path_factory, fields):
    env = {f"agi_{name}": text for name, text in fields.items()} | {"agi_uniqueid": "1.0"}
    caller = caller_of(env, ScriptedRunner(tmp_path_factory.getbasetemp(), {}), "UA", {})
    assert caller.number is None or re.fullmatch(r"\+\d{5,15}", caller.number)
    assert caller.dialled is None or re.fullmatch(r"[0-9+*#]{1,32}", caller.dialled)


def test_a_withheld_number_is_not_used(tmp_path):
    env = {"agi_uniqueid": "1.0", "agi_callerid": "0671110001", "agi_callingpres": "35"}
    assert caller_of(env, ScriptedRunner(tmp_path, {}), "UA", {}).number is None


def test_a_national_number_is_of_the_company_s_country(tmp_path):
    env = {"agi_uniqueid": "1.0", "agi_callerid": "89171110001"}
    runner = ScriptedRunner(tmp_path, {})
    assert caller_of(env, runner, "UA", {"demo": "RU"}).number == "+79171110001"


def test_a_short_dialled_number_stays(tmp_path):
    env = {"agi_uniqueid": "1.0", "agi_dnid": "104"}
    assert caller_of(env, ScriptedRunner(tmp_path, {}), "UA", {}).dialled == "104"


def test_a_value_stays_one_argument():
    agi = line("200 result=1")
    agi.set("NAME", 'a" "b\\')
    assert agi.stdout.getvalue() == 'SET VARIABLE "NAME" "a\\" \\"b\\\\"\n'


@pytest.mark.parametrize("text", ["a\nHANGUP", "a\rb", "\x00", "\x7f", "a\u2028b"])
def test_a_control_character_is_not_sent(text):
    agi = line("200 result=1")
    with pytest.raises(Press2Error, match="control character"):
        agi.set("NAME", text)
    assert agi.stdout.getvalue() == ""


@pytest.mark.parametrize(
    "replies",
    [
        (),
        ("HANGUP",),
        ("511 Command Not Permitted on a dead channel or intercept routine",),
        ("200 result=-1", "HANGUP", "200 result=0"),
        ("HANGUP", "200 result=-1", "200 result=0"),
    ],
)
def test_every_way_to_hang_up_is_caller_gone(replies):
    with pytest.raises(CallerGone):
        line(*replies).call_routine("press2-ask", "x")


@pytest.mark.parametrize(
    "replies",
    [
        ("200 result=-1", "200 result=0"),
        ("510 Invalid or unknown command",),
        ("520-Invalid command syntax.  Proper usage follows:", "Usage", "520 End of proper usage."),
        ("nonsense",),
    ],
)
def test_any_other_refusal_is_an_error_of_ours(replies):
    with pytest.raises(Press2Error, match="agi: Asterisk"):
        line(*replies).call_routine("press2-ask", "x")


def test_a_variable_keeps_its_parentheses_and_hash():
    assert line("200 result=1 (3:24(21)#)").get("X") == "3:24(21)#"
    assert line("200 result=0").get("X") == ""


def test_nothing_is_traced(capsys):
    line("200 result=1 (1002003001#)").get("PRESS2_GIVEN")
    assert capsys.readouterr() == ("", "")


def test_sounds_are_split_where_a_command_would_be_too_long():
    sounds = [f"press2/uk/n_{number}" for number in range(500)]
    lines = parts(sounds)
    assert "&".join(lines).split("&") == sounds
    assert max(map(len, lines)) <= 1800
    assert parts([]) == []


@pytest.mark.parametrize("name", ["", "a&b", "a,b", "a b", "../etc", '"', "a\nb"])
def test_a_name_that_is_no_sound_is_refused(name):
    with pytest.raises(Press2Error, match="no name of a sound"):
        parts([name])


@pytest.mark.parametrize(
    ("entry", "typed", "keys", "event"),
    [
        ("key", "", "", Event("silence")),
        ("key", "", "2", Event("keys", "2")),
        ("key", "", "2421#", Event("keys", "2421#")),
        ("number", "", "", Event("silence")),
        ("number", "", "2421#", Event("keys", "2421#")),
        ("number", "", "24*", Event("keys", "24*")),
        ("number", "", "24", Event("keys", "24", ended=True)),
        ("number", "24", "", Event("keys", "", ended=True)),
        ("number", "24", "21#", Event("keys", "21#")),
    ],
)
def test_what_was_keyed_becomes_an_event(entry, typed, keys, event):
    assert answer(Ask(entry, 5, 2, typed), keys) == event


def test_keys_no_telephone_has_are_dropped():
    assert dialled_keys("1A*B#D2") == "1*#2"
