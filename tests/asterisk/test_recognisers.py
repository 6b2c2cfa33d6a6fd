"""What is told to a recogniser, and what its answers become."""

from __future__ import annotations

import pytest

from ivr.channels.recognisers import Said, picked_of, request, variable_of
from ivr.errors import Press2Error
from ivr.model import Event
from ivr.speech.pool import Picked


@pytest.mark.parametrize(
    ("variable", "kind", "event"),
    [
        (
            "3|answer.uk.240|91|так",
            "answer",
            Event("speech", "так", confidence=0.91, values={"language": "uk", "ms": 240}),
        ),
        ("3|answer|100|a|b", "answer", Event("speech", "a|b")),
        ("3|answer.uk|100|", "answer", Event("speech", values={"language": "uk"})),
        ("3|answer.UK.-1|a|x\x07\u202ey", "answer", Event("speech", "xy", confidence=0.0)),
        ("3|answer||x", "answer", Event("speech", "x", confidence=0.0)),
        ("3|answer|999|x", "answer", Event("speech", "x")),
        ("3|nothing.uk.80|40|x", "nothing", Event("speech", confidence=0.0)),
        ("3|began.uk.0|0|", "began", Event("speech", confidence=0.0)),
        ("3|broken||", "broken", Event("speech", confidence=0.0)),
    ],
)
def test_a_result_becomes_an_event(variable, kind, event):
    assert Said.parse(variable, 3) == Said(kind, event)


@pytest.mark.parametrize("variable", ["", "3", "2|answer|91|x", "33|answer|91|x", "3|answer"])
def test_what_is_no_result_of_this_turn(variable):
    assert Said.parse(variable, 3) is None


def test_a_long_text_is_cut():
    said = Said.parse("1|answer|50|" + "ї" * 5000, 1)
    assert said
    assert len(said.event.text) == 500


def test_what_a_recogniser_is_told():
    grammar = "lang=uk+ru words=yes.no keys=12 digits=4-9"
    assert request(grammar, 2.5) == f"{grammar} prompt=2.50"
    assert request(grammar, 0, "pbx1-17.3-4") == f"{grammar} prompt=0.00 keep=pbx1-17.3-4"
    assert request("lang=uk", 7200) == "lang=uk prompt=599.00"


@pytest.mark.parametrize("keep", ["a,b", 'a"', "a\nb", "a|b", "${a}", "ї", "a/b"])
def test_a_character_of_the_dialplan_is_not_sent(keep):
    with pytest.raises(Press2Error, match="none of a grammar"):
        request("lang=uk", 0, keep)


def test_the_channel_knows_who_listens():
    picked = Picked("press2-0", "3f9a")
    assert picked_of(variable_of(picked)) == picked
    assert picked_of("") is None
    assert variable_of(Picked("press2-0", "a,b")) == ""
