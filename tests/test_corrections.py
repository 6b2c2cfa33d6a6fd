"""What became of an answer by speech, by what the caller did next."""

from datetime import UTC, datetime

import pytest

from ivr.corrections import visits
from ivr.events import Entry

NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
NUMBER = {"reading.enter", "by_keys.enter"}
SURE = ("said", "", ("speech_sure_word",))
LOOKED = ("looked_up", "", ())


def events(*rows):
    """Events of a call, from rows of a question and what was done there.

    "2421" in a row: understood from speech; "key 2421": keys; "-": speech, not understood.
    """
    entries = []
    for row in rows:
        if row is SURE:
            entries.append(Entry("odesa", "c", NOON, "said", details={"prompts": list(row[2])}))
            continue
        if row is LOOKED:
            entries.append(Entry("odesa", "c", NOON, "looked_up"))
            continue
        question, done = row
        if entries and entries[-1].kind == "heard":
            entries.append(Entry("odesa", "c", NOON, "said", details={"prompts": ["any"]}))
        flow, _, step = question.partition(".")
        details = {"open": "number" if question in NUMBER else "key", "language": "uk"}
        if done in ("silence", "hangup"):
            details |= {"kind": done}
        elif done.startswith("key "):
            details |= {"kind": "keys", "text": done[4:]}
        else:
            word = "unheard" if done == "-" else done
            details |= {"kind": "speech", "text": "...", "confidence": 0.9, "understood": word}
        entries.append(Entry("odesa", "c", NOON, "heard", flow, step, details))
    return entries


MENU, ENTER, BACK, ASK = "main.menu", "reading.enter", "reading.read_back", "outage.lit"

CASES = {
    "taken": ([(MENU, "reading"), (ASK, "yes")], [("reading", "right", "reading")]),
    "not heard, then heard": (
        [(MENU, "-"), (MENU, "reading"), (ASK, "yes")],
        [("unheard", "unheard", "reading"), ("reading", "right", "reading")],
    ),
    "not heard, then keyed": (
        [(MENU, "-"), (MENU, "key 2"), (ASK, "yes")],
        [("unheard", "unheard", "2")],
    ),
    "sure: yes": (
        [(MENU, "reading"), SURE, (MENU, "yes"), (ASK, "yes")],
        [("reading", "right", "reading")],
    ),
    "sure: yes by key": (
        [(MENU, "reading"), SURE, (MENU, "key 1"), (ASK, "yes")],
        [("reading", "right", "reading")],
    ),
    "sure: the word again": (
        [(MENU, "reading"), SURE, (MENU, "reading"), (ASK, "yes")],
        [("reading", "right", "reading")],
    ),
    "sure: no, then another word": (
        [(MENU, "reading"), SURE, (MENU, "no"), (MENU, "outage"), (ASK, "yes")],
        [("reading", "wrong", "outage"), ("outage", "right", "outage")],
    ),
    "sure: no by key, then a key": (
        [(MENU, "reading"), SURE, (MENU, "key 2"), (MENU, "key 1"), (ASK, "yes")],
        [("reading", "wrong", "1")],
    ),
    "sure: star": (
        [(MENU, "reading"), SURE, (MENU, "key *"), (MENU, "key 1"), (ASK, "yes")],
        [("reading", "wrong", "1")],
    ),
    "sure: not heard, asked again, yes": (
        [(MENU, "reading"), SURE, (MENU, "-"), SURE, (MENU, "yes"), (ASK, "yes")],
        [("reading", "right", "reading")],
    ),
    "sure: nothing came of it": (
        [(MENU, "reading"), SURE, (MENU, "silence"), SURE, (MENU, "hangup")],
        [("reading", "unheard", "")],
    ),
    "sure: the operator instead": (
        [(MENU, "reading"), SURE, (MENU, "key 0")],
        [("reading", "unheard", "0")],
    ),
    "sure: another key at once": (
        [(MENU, "reading"), SURE, (MENU, "key 3"), (ASK, "yes")],
        [("reading", "wrong", "3")],
    ),
    "read back, right": (
        [(ENTER, "2421"), LOOKED, (BACK, "yes")],
        [("2421", "right", "2421")],
    ),
    "read back, refused, said anew": (
        [(ENTER, "2425"), LOOKED, (BACK, "no"), LOOKED, (ENTER, "2421"), LOOKED, (BACK, "key 1")],
        [("2425", "wrong", "2421"), ("2421", "right", "2421")],
    ),
    "read back, refused by key, keyed": (
        [(ENTER, "2425"), LOOKED, (BACK, "key 2"), LOOKED, (ENTER, "key 2421#"), LOOKED],
        [("2425", "wrong", "2421")],
    ),
    "read back, refused, the same again": (
        [(ENTER, "2421"), LOOKED, (BACK, "change"), LOOKED, (ENTER, "key 02421#"), LOOKED],
        [("2421", "right", "2421")],
    ),
    "read back, refused twice": (
        [(ENTER, "1"), LOOKED, (BACK, "no"), (ENTER, "2"), LOOKED, (BACK, "no"), (ENTER, "3"),
         LOOKED, (BACK, "yes")],
        [("1", "wrong", "3"), ("2", "wrong", "3"), ("3", "right", "3")],
    ),
    "refused and given up": (
        [(ENTER, "2425"), LOOKED, (BACK, "no"), LOOKED, (ENTER, "hangup")],
        [("2425", "right", "2425")],
    ),
    "two registers, the second was wrong": (
        [(ENTER, "100"), LOOKED, (ENTER, "200"), LOOKED, (BACK, "no"), LOOKED,
         (ENTER, "100"), LOOKED, (ENTER, "key 300#"), LOOKED, (BACK, "yes")],
        [("100", "right", "100"), ("200", "wrong", "300"), ("100", "right", "100")],
    ),
    "two registers, back to the first from the second": (
        [(ENTER, "100"), LOOKED, (ENTER, "key *"), (ENTER, "key 2"), LOOKED, (ENTER, "key 111#"),
         LOOKED, (ENTER, "200"), LOOKED, (BACK, "yes")],
        [("100", "wrong", "111"), ("200", "right", "200")],
    ),
    "two registers are no correction": (
        [(ENTER, "100"), LOOKED, (ENTER, "200"), LOOKED, (BACK, "yes")],
        [("100", "right", "100"), ("200", "right", "200")],
    ),
    "the next account is no correction": (
        [(ENTER, "100"), LOOKED, (BACK, "key 1"), LOOKED, (ASK, "key 1"), LOOKED, (ENTER, "200"),
         LOOKED, (BACK, "yes")],
        [("100", "right", "100"), ("200", "right", "200")],
    ),
    "a number that the house refused is no correction": (
        [(ENTER, "24210"), LOOKED, (ENTER, "2421"), LOOKED, (BACK, "yes")],
        [("24210", "right", "24210"), ("2421", "right", "2421")],
    ),
    "a key was wrong": (
        [(ENTER, "key 2425#"), LOOKED, (BACK, "no"), LOOKED, (ENTER, "2421"), LOOKED],
        [("2421", "right", "2421")],
    ),
    "straight back from what was chosen": (
        [(MENU, "outage"), (ASK, "key *"), (MENU, "key 2"), (BACK, "yes")],
        [("outage", "wrong", "2")],
    ),
    "back is said": (
        [(MENU, "outage"), (ASK, "back"), (MENU, "reading"), (BACK, "yes")],
        [("outage", "wrong", "reading"), ("reading", "right", "reading")],
    ),
    "back to somewhere else": (
        [(MENU, "outage"), (ASK, "key *"), ("other.menu", "key 1")],
        [("outage", "wrong", "")],
    ),
    "the small menu, go on": (
        [(MENU, "reading"), LOOKED, (ENTER, "key *"), (ENTER, "key 1"), (ENTER, "key 7#")],
        [("reading", "right", "reading")],
    ),
    "the small menu, back": (
        [(MENU, "reading"), LOOKED, (ENTER, "key *"), (ENTER, "key 2"), LOOKED, (MENU, "key 1")],
        [("reading", "wrong", "1")],
    ),
    "back later": (
        [(MENU, "reading"), (ASK, "yes"), (BACK, "key *"), (ASK, "no")],
        [("reading", "right", "reading")],
    ),
}  # fmt: skip
"""What was done, and of what was said at main.menu and reading.enter: what it was taken for, what
became of it, and what the caller gave in the end."""


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_an_answer(case):
    rows, expected = CASES[case]
    found = [
        (said.understood, said.verdict, visit.confirmed)
        for visit in visits(events(*rows))
        if visit.question in (MENU, ENTER)
        for said in visit.said
    ]
    assert found == expected


def test_keys_after_speech_and_keys_straight_away():
    tried, straight, *_ = visits(events((MENU, "-"), (MENU, "key 2"), (ASK, "key 1")))
    assert (tried.by, len(tried.said)) == ("keys", 1)
    assert (straight.by, straight.said) == ("keys", [])


def test_nobody_listened():
    full = {"kind": "keys", "text": "2", "deaf": "full", "open": "key"}
    down = {"kind": "speech", "outcome": "down", "open": "key", "confidence": 1.0}
    first, second = visits(
        [
            Entry("odesa", "c", NOON, "heard", "main", "menu", full),
            Entry("odesa", "c", NOON, "heard", "outage", "lit", down),
        ]
    )
    assert (first.deaf, second.deaf, second.utterances) == (["full"], ["down"], [])


def test_nothing_of_an_empty_log_or_of_the_wait_for_an_operator():
    assert visits([]) == []
    waits = Entry("odesa", "c", NOON, "heard", "operator", "wait", {"kind": "operator"})
    assert visits([waits]) == []
