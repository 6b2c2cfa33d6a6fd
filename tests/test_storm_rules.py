"""When a storm is proposed and when it is over: figures in, one word out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.storm.rules import LIVE, Measured, Memory, calm, judge, reasons, threshold
from ivr.terms import StormTerms

TERMS = StormTerms()
START = datetime(2026, 10, 31, 21, tzinfo=UTC)
QUIET = Measured(calls=3, forecast=4.0, wait=30.0)
LONG = Measured(calls=3, forecast=4.0, wait=700.0)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def walk(terms, memory, *moments):
    """Judge one measurement after the other: (minute, figures); returns the words and the end."""
    done = []
    for minute, measured in moments:
        verdict = judge(terms, memory, measured, at(minute))
        memory = verdict.memory
        if verdict.do:
            done.append((minute, verdict.do))
    return done, memory


def test_three_times_the_forecast_is_a_reason_but_never_a_handful_of_calls():
    assert threshold(TERMS, 30.0) == 90.0
    assert threshold(TERMS, 1.0) == TERMS.least
    assert reasons(TERMS, Measured(calls=91, forecast=30.0), frozenset()) == ("arrivals",)
    assert reasons(TERMS, Measured(calls=90, forecast=30.0), frozenset()) == ()
    assert reasons(TERMS, Measured(calls=19, forecast=0.0), frozenset()) == ()


def test_where_nothing_is_known_a_number_of_the_profile_counts():
    assert reasons(TERMS, Measured(calls=TERMS.calls + 1), frozenset()) == ("arrivals",)
    assert reasons(TERMS, Measured(calls=TERMS.calls), frozenset()) == ()


def test_a_wait_over_ten_minutes_and_an_event_over_5000_customers_are_reasons():
    assert reasons(TERMS, LONG, frozenset()) == ("wait",)
    big = Measured(events={"E9": 9000})
    assert reasons(TERMS, big, frozenset()) == ("customers",)
    assert reasons(TERMS, big, frozenset({"E9"})) == ()
    assert reasons(TERMS, Measured(events={"E9": 5000}), frozenset()) == ()


def test_a_proposal_ends_after_a_quarter_of_an_hour_of_calm():
    done, memory = walk(TERMS, Memory(), (0, LONG), (1, QUIET), (15, QUIET), (16, QUIET))
    assert done == [(0, "propose"), (16, "withdraw")]
    assert memory.state == "withdrawn"


def test_a_wait_between_five_and_ten_minutes_is_neither_storm_nor_calm():
    between = Measured(calls=3, forecast=4.0, wait=400.0)
    assert not calm(TERMS, between)
    assert not reasons(TERMS, between, frozenset())
    moments = [(minute, between) for minute in range(1, 60)]
    assert walk(TERMS, Memory(), (0, LONG), *moments)[0] == [(0, "propose")]


def test_calm_begins_anew_when_it_was_broken():
    done, _ = walk(TERMS, Memory(), (0, LONG), (1, QUIET), (14, LONG), (15, QUIET), (29, QUIET))
    assert done == [(0, "propose")]


@pytest.mark.parametrize("state", ["refused", "off"])
def test_what_a_person_decided_is_not_proposed_again_before_a_calm(state):
    memory = Memory(state)
    done, memory = walk(TERMS, memory, *((minute, LONG) for minute in range(120)))
    assert done == []
    done, _ = walk(TERMS, memory, (120, QUIET), (136, QUIET), (137, LONG))
    assert done == [(137, "propose")]


def test_another_event_is_news_even_after_a_refusal():
    old, new = {"E1": 6000}, {"E1": 6000, "E2": 7000}
    memory = Memory("refused", seen=frozenset({"E1"}))
    assert judge(TERMS, memory, Measured(wait=700.0, events=old), START).do == ""
    verdict = judge(TERMS, memory, Measured(wait=700.0, events=new), START)
    assert verdict.do == "propose"
    assert "customers" in verdict.reasons
    assert verdict.memory.seen == {"E1", "E2"}


def test_an_event_that_stays_open_for_days_is_proposed_once():
    big = Measured(calls=3, forecast=4.0, wait=10.0, events={"E9": 9000})
    done, _ = walk(TERMS, Memory(), *((minute, big) for minute in range(0, 3000, 5)))
    assert done == [(0, "propose"), (20, "withdraw")]


def test_a_storm_ends_at_its_time_and_is_proposed_anew_if_it_goes_on():
    memory = Memory("on", until=at(60))
    done, _ = walk(TERMS, memory, (59, LONG), (60, LONG), (61, LONG))
    assert done == [(60, "expire"), (61, "propose")]


def test_what_a_person_switched_on_only_a_person_or_its_time_ends():
    memory = Memory("on", until=at(600))
    assert walk(TERMS, memory, *((minute, QUIET) for minute in range(600)))[0] == []


def test_where_the_profile_allows_it_the_rule_switches_on_and_off():
    terms = replace(TERMS, automatic=True)
    done, memory = walk(terms, Memory(), (0, LONG), (1, QUIET), (17, QUIET))
    assert done == [(0, "start"), (17, "end")]
    assert memory.state == "off"


def test_terms_that_would_flap_are_refused():
    with pytest.raises(ValueError, match="calm"):
        StormTerms(wait=5, calm=5)
    with pytest.raises(ValueError, match="danger"):
        StormTerms(gates=("danger",))


figures = st.builds(
    Measured,
    calls=st.integers(0, 300),
    forecast=st.none() | st.floats(0, 100),
    wait=st.floats(0, 3600),
    events=st.dictionaries(st.sampled_from(["E1", "E2"]), st.integers(5001, 90_000)),
)
moments = st.lists(st.tuples(st.floats(0.1, 10), figures), min_size=1, max_size=120)


@given(moments, st.booleans())
def test_no_flapping_whatever_the_figures_do(steps, automatic):
    """Two proposals are at least a calm apart, but for another event (of which there are two)."""
    terms, memory, now = replace(TERMS, automatic=automatic), Memory(), START
    began: list[datetime] = []
    for minutes, measured in steps:
        now += timedelta(minutes=minutes)
        before = memory
        verdict = judge(terms, memory, measured, now)
        memory = verdict.memory
        if verdict.do in ("propose", "start"):
            assert before.state not in LIVE
            assert verdict.reasons
            began.append(now)
        if verdict.do in ("withdraw", "end"):
            assert calm(terms, measured)
            assert before.state in LIVE
        assert (memory.state in LIVE) == (
            verdict.do in ("propose", "start") or (before.state in LIVE and not verdict.do)
        )
    lasting = timedelta(minutes=terms.calm_for)
    for first, second in zip(began, began[1:], strict=False):
        assert second - first >= lasting


@given(moments, st.integers(0, 119))
def test_after_a_refusal_nothing_comes_without_a_calm_or_another_event(steps, when):
    memory, now, refused, rest = Memory(), START, None, None
    for number, (minutes, measured) in enumerate(steps):
        now += timedelta(minutes=minutes)
        verdict = judge(TERMS, memory, measured, now)
        if verdict.do == "propose" and refused:
            fresh = set(measured.events) - memory.seen
            assert fresh or (rest and now - rest >= timedelta(minutes=TERMS.calm_for))
        memory = verdict.memory
        rest = memory.calm_since
        if number == when and memory.state == "proposed":
            memory, refused = replace(memory, state="refused"), True
        elif verdict.do == "propose":
            refused = None
