"""The proof: each rule is broken by its smallest flows, and by nothing of the product."""

from dataclasses import replace

import pytest
import yaml
from small_flows import MAIN

from ivr import callscript, proof
from ivr.check import ENTRANCES, book
from ivr.company import Company
from ivr.engine import Flows, step
from ivr.flow import parse
from ivr.model import Hangup, Result
from ivr.prompts import Catalogue
from ivr.proof import RULES, Proof
from ivr.services import SERVICES, Service
from ivr.services.callers import house as known
from ivr.terms import SpeechTerms

SUB = """\
flow: sub
start: enter
operator: operator
otherwise: operator
ends: [done, operator]
steps:
  enter: {ask: number, as: typed, digits: "1-5", read_back: yes, to: look}
  look: {lookup: words.today, on: {good: read}, retry: {bad: {ask: enter, say: wrong}}}
  read: {menu: reads, options: {"1": {to: keep, words: yes}, "2": {to: enter, words: no}}}
  keep: {lookup: readings.accept, on: {kept: done}}
"""
WORDS = Service("words.today", lambda _: Result("good"), frozenset(("good", "bad")))
KEEP = Service("readings.accept", lambda _: Result("kept"), frozenset(("kept",)))
PROMPTS = {"reads": "{typed:digits}"}
SAID = {"yes": ("так",), "no": ("ні",)}

BROKEN = {
    "stuck": [("to: sub}", "to: nowhere}")],
    "endless-run": [
        ("to: look}", "to: deep}\n  deep: {run: sub, on: {done: done, operator: operator}}"),
    ],
    "silent-circle": [("good: read}", "good: look}")],
    "endless-misses": [("{menu: choose,", "{menu: choose, otherwise: menu,")],
    "no-end": [
        ("ended: bye, unavailable: bye", "ended: desk, unavailable: desk"),
        ("done: bye", "done: desk"),
    ],
    "mute-end": [("bye: {hangup: completed, say: goodbye}", "bye: {hangup: completed}")],
    "mute-failure": [("{good: menu, bad: menu}", "{good: menu, bad: menu, failed: desk}")],
    "unread-number": [("good: read}", "good: keep}")],
}  # fmt: skip
"""Changes of the flows above, by the rule that they break."""


def proof_of(company: Company, *changes: tuple[str, str]) -> Proof:
    book, services = world(*changes)
    return proof.prove(book, company, services, {})


def world(*changes: tuple[str, str]) -> tuple[Flows, dict[str, Service]]:
    flows = {}
    for text in (MAIN, SUB):
        for old, new in changes:
            text = text.replace(old, new)
        document = yaml.load(text, yaml.BaseLoader)
        flows[document["flow"]] = parse(document, "test.yaml", document["flow"])
    services = {service.name: service for service in (WORDS, KEEP)}
    words = Catalogue("uk", PROMPTS, {}, SAID)
    return book(flows, {"uk": words}), services


@pytest.fixture
def odesa(house):
    return house.companies["odesa"]


def test_flows_without_a_mistake_have_no_violation(odesa):
    found = proof_of(odesa)
    assert found.violations == ()
    assert found.misses == 1 + 3  # silence ends a number, then three of the next question
    assert 20 < found.states < 500


def test_every_rule_is_broken_by_an_example():
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_the_smallest_example_breaks_its_rule(odesa, rule):
    found = proof_of(odesa, *BROKEN[rule])
    assert rule in {violation.rule for violation in found.violations}


def test_a_violation_comes_with_the_shortest_way_as_a_script(odesa, tmp_path):
    broken = proof_of(odesa, *BROKEN["mute-end"]).violations
    (found,) = [violation for violation in broken if violation.rule == "mute-end"]
    assert found.place == "main.bye"
    path = tmp_path / "way.yaml"
    path.write_text(found.script(), encoding="utf-8")
    (script,) = callscript.read(path)
    assert script.title == "mute-end at main.bye"
    assert "# words.today fails; world: {broken: [words.today]}" in found.script()
    turns = [dict(turn) for turn in script.calls[0].turns]
    assert turns == [{"operator": "ends"}]


def test_what_is_typed_ahead_and_starred_is_walked_too(odesa):
    hidden = ("operator: operator\n", "operator: nowhere\n")
    ways = {v.script().partition("turns:")[2] for v in proof_of(odesa, hidden).violations}
    assert any('press: "*0"' in way or 'press: "0"' in way for way in ways)


def test_a_number_that_is_read_back_with_other_words_only_is_a_violation(odesa):
    found = proof_of(odesa, ("menu: reads", "menu: is_that_right"))
    (unread,) = [violation for violation in found.violations if violation.rule == "unread-number"]
    assert unread.place == "sub.enter"
    assert unread.script().endswith(
        '- {say: "1", confidence: 0.6}\n  # words.today answers good\n  - press: "1"'
    )


def test_an_account_that_is_not_read_back_is_a_violation(odesa):
    changes = [("ends: [done,", "ends: [found, done,"), ("{done: bye,", "{found: bye, done: bye,")]
    given = proof_of(odesa, *changes, ("good: read}", "good: found}"))
    assert [v.text for v in given.violations if v.rule == "unread-number"] == [
        "whoever ran the flow takes a number that was not read back"
    ]
    read = proof_of(odesa, *changes, ('1": {to: keep', '1": {to: found'))
    assert "unread-number" not in {violation.rule for violation in read.violations}


def test_callers_speak_only_where_the_company_listens(odesa):
    spoken = proof_of(odesa)
    quiet = replace(odesa, terms=replace(odesa.terms, speech=SpeechTerms(heard=False)))
    assert proof_of(quiet).states < spoken.states


TWICE = [
    ("sub: {run: sub, on: {done: bye, operator: desk}}",
     "sub: {run: sub, on: {done: more, operator: desk}}\n"
     "  more: {run: sub, on: {done: bye, operator: menu}}"),
]  # fmt: skip


@pytest.mark.parametrize("changes", [[], TWICE, TWICE + BROKEN["no-end"]])
def test_what_is_tried_under_one_stack_holds_under_every_other(odesa, changes):
    flows, services = world(*changes)
    found = proof.explore(flows, odesa, services, {})
    stacks = set()
    for state in found.states:
        for move in state.moves:
            target = found.states[move.to]
            session = replace(state.session, stack=[list(frame) for frame in state.stack.frames])
            after, turn = step(flows, session, move.act.event, odesa.limits)
            stacks.add(tuple(map(tuple, after.stack)))
            assert f"{after.flow}.{after.step}" == target.place
            assert type(turn.need) is type(target.need)
            assert tuple(each.prompt for each in turn.says) == move.says
            if not isinstance(turn.need, Hangup):
                assert list(map(tuple, after.stack)) == target.stack.frames
                assert after.mode.replace("waiting", "") == target.session.mode
    assert len(stacks) == 2 + (changes != [])


# With speech for one company: the flows are the same for all.
@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("company", ["odesa", "kazan", "nghean"])
def test_every_way_through_the_product_ends_in_words(house, company, entrance):
    profile = house.companies[company]
    slots = known(profile, profile.languages[0])
    speech = company == "odesa"
    found = proof.prove(house.flows, profile, SERVICES, slots, entrance, speech)
    told = [f"{violation}\n{violation.script()}" for violation in found.violations]
    assert not told, "\n\n".join(told)
    assert found.states > 1000
    assert found.misses <= 12
