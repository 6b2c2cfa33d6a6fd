"""What a caller meets in a storm: whom the text is for, who may wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.agent_queue.model import Place
from ivr.services import Inquiry, storms
from ivr.store.models import Account
from ivr.store.world import load_world
from ivr.storm import records
from ivr.storm.rules import Measured

FULL = Place(position=6, waiting=5, serving=2, free=0)
FREE = Place(position=1, waiting=0, serving=2, free=1)


@pytest.fixture
def company(house):
    return house.companies["odesa"]


@pytest.fixture
def ask(company, demo_store, clock, caller):
    """Ask a function about a caller: of a number, with slots."""

    def answer(function, *more, number=caller.number, **slots):
        with demo_store.session() as db:
            inquiry = Inquiry(
                caller=replace(caller, number=number), company=company, now=clock(), slots=slots,
                arguments={}, key="call-1/1", db=db, language="uk",
            )  # fmt: skip
            return function(inquiry, *more)

    return answer


@pytest.fixture
def storm(company, demo_store, clock):
    """Switch a storm on."""

    def on(regions=(), hours=1, **rules):
        with demo_store.session() as db:
            records.switch_on(
                db, company, clock(), "vira", regions=regions, hours=hours, rules=rules
            )

    return on


def village(store):
    """An account elsewhere: +380671119999 in Усатове."""
    world = {
        "accounts": [
            {
                "account": "100200399", "kind": "household", "phones": ["+380671119999"],
                "address": {"settlement": "с. Усатове", "street": "Зелена", "house": "1"},
                "meters": [],
            }
        ]
    }  # fmt: skip
    with store.session() as db:
        load_world(db, "odesa", world)
        assert db.query(Account).filter_by(number="100200399").one()


def test_no_storm_no_text(ask):
    assert ask(storms.greeting).outcome == "none"


def test_a_proposal_is_nothing_yet(ask, company, demo_store, clock):
    with demo_store.session() as db:
        records.propose(db, company, clock(), ("wait",), Measured(wait=900.0), frozenset())
    assert ask(storms.greeting).outcome == "none"


def test_the_message_that_was_chosen(ask, storm):
    storm(message="storm_weather")
    result = ask(storms.greeting)
    assert (result.outcome, result.values) == ("storm", {"storm_message": "storm_weather"})


def test_a_storm_of_a_region_is_about_its_addresses_and_unknown_ones(ask, storm, demo_store):
    village(demo_store)
    storm(regions=["с. Усатове"])
    assert ask(storms.greeting, number="+380671119999").outcome == "storm"
    assert ask(storms.greeting, number="+380671110001").outcome == "none"
    assert ask(storms.greeting, number="+380990000000").outcome == "storm"
    assert ask(storms.greeting, number=None).outcome == "storm"


def test_a_storm_whose_time_is_over_is_over(ask, storm, clock):
    storm(hours=1)
    clock.pass_(3600)
    assert ask(storms.greeting).outcome == "none"
    assert ask(storms.gate, "general", FULL, 9999.0) is None


@pytest.mark.parametrize(
    ("queue", "expected", "place", "slots", "answer"),
    [
        ("general", 1200.0, FULL, {}, ""),
        ("general", 1201.0, FULL, {}, "too_long"),
        ("outage", 1201.0, FULL, {}, "too_long"),
        ("general", 9999.0, FREE, {}, ""),
        ("connection", 60.0, FULL, {}, "gated"),
        ("connection", 60.0, FREE, {}, ""),
        ("metering", 60.0, FULL, {}, ""),
        ("general", 60.0, FULL, {"event": 1}, ""),
        ("general", 60.0, FULL, {"event": 1, "reason": "silence"}, "known"),
        ("outage", 60.0, FULL, {"event": 1, "reason": "misses"}, "known"),
        ("metering", 60.0, FULL, {"event": 1, "reason": "misses"}, ""),
        ("general", 60.0, FULL, {"reason": "silence"}, ""),
    ],
)
def test_who_may_wait(ask, storm, queue, expected, place, slots, answer):
    storm()
    assert ask(storms.gate, queue, place, expected, **slots) == answer


def test_a_cap_and_gates_of_its_own(ask, storm):
    storm(cap=5, gates=["metering"])
    assert ask(storms.gate, "general", FULL, 301.0) == "too_long"
    assert ask(storms.gate, "metering", FULL, 10.0) == "gated"
    assert ask(storms.gate, "connection", FULL, 10.0) == ""


def test_outside_of_a_storm_the_rules_of_the_queue_hold(ask):
    assert ask(storms.gate, "general", FULL, 99999.0) is None
