"""The console as a person at a terminal uses it: keys, words, and what they were taken for."""

from __future__ import annotations

from io import StringIO

import pytest

from ivr.channels.console import ConsoleLine, talk
from ivr.channels.operators import Operators
from ivr.events import MemoryLog


@pytest.fixture
def log():
    return MemoryLog()


@pytest.fixture
def line(worker, house, demo_store, clock, log):
    """Makes lines; hears: languages in which somebody listens."""

    def make(*hears):
        odesa = house.companies["odesa"]
        operators = Operators(odesa, house.companies, demo_store, log, clock)
        operators.arrive(house.world)
        runner = worker(log=log, queue=operators.reached, hears={"console": hears})
        return ConsoleLine(runner, house.catalogues, clock, operators)

    return make


@pytest.fixture
def typed(line, caller, log):
    """Types lines; (turns, what the screen shows)."""

    def type_(text, *hears):
        out = StringIO()
        turns = talk(line(*hears), caller, StringIO(text), out, log.entries)
        return turns, out.getvalue()

    return type_


def test_a_line_that_is_no_key_is_said(typed):
    turns, shown = typed("показання\nтак\n2421#\n1\nh\n", "uk", "ru")
    assert turns[:2] == [{"say": "показання"}, {"say": "так"}]
    assert "[understood: reading]" in shown
    assert "[understood: yes]" in shown
    assert "для іншого рахунку" in shown


@pytest.mark.parametrize("given", ['"h"', "'h'", "«h»", '"h', '" h "'])
def test_in_quotes_everything_is_said(typed, given):
    turns, shown = typed(f"{given}\n", "uk")
    assert turns[0] == {"say": "h"}
    assert "[understood: unheard]" in shown


def test_digits_in_quotes_are_said(typed):
    turns, shown = typed('"2"\n', "uk")
    assert turns[0] == {"say": "2"}
    assert "[understood: 2]" in shown


@pytest.mark.parametrize("given", ['"', "«»", "''", "показання"])
def test_where_nobody_listens_help_is_shown(typed, given):
    turns, shown = typed(f"{given}\n")
    assert turns == [{"hangup": ""}]
    assert shown.count("Any other line is said aloud") == 2


def test_what_nobody_listens_to_is_a_silence(typed, log):
    turns, shown = typed('"показання"\n')
    assert turns[0] == {"say": "показання"}
    assert "uk: Ми вас не чуємо." in shown
    assert [entry.details["kind"] for entry in log.entries if entry.kind == "heard"][0] == "silence"


def test_callers_are_invited_to_speak_where_somebody_listens(typed):
    assert "Можна сказати" in typed("h\n", "uk")[1]


def test_no_caller_is_invited_where_nobody_does(typed):
    assert "Можна сказати" not in typed("h\n")[1]


def test_who_waits_is_not_listened_to(typed, log):
    turns, _ = typed("0\nоператор\n7\nh\n", "uk")
    assert {"say": "оператор"} not in turns


def test_the_language_of_what_was_heard_is_logged(typed, log):
    typed("показання\n", "uk", "ru")
    heard = [entry.details for entry in log.entries if entry.kind == "heard"][0]
    assert (heard["text"], heard["confidence"], heard["language"]) == ("показання", 1.0, "uk")
