"""The model of app_queue behaves as its source says, and the figures count what they say."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import simpy

from bench.app_queue_model import AppQueue, Options
from bench.replay import app_queue, figures, ours, overtaken, replay, theory_of
from bench.trace import PROFILE, Person, Shift, Trace, Visit, day, steady, storm
from ivr.staffing.erlang import abandonments, endless_patience

SKILLED = {"general": 5}


def caller(number: int, at: float, talk: float = 100.0, **more: object) -> Person:
    given = {"queue": "general", "priority": "normal", "patiences": (math.inf,), "redials": ()}
    return Person(number, at, talk=talk, **{**given, **more})  # type: ignore[arg-type]


def trace(people: list[Person], operators: dict[str, dict[str, int]], **more: object) -> Trace:
    shifts = [Shift(name, 0.0, math.inf) for name in operators]
    given = {"wrap_up": 0.0, "missed": 0.0, "pick_up": 0.0, "relax": ((0.0, 1),)}
    return Trace("test", people, operators, shifts, 1, **{**given, **more})  # type: ignore[arg-type]


def waits(trace: Trace, **options: object) -> list[float]:
    visits = replay(trace, app_queue(Options(**options)))  # type: ignore[arg-type]
    return [visit.waited for visit in sorted(visits, key=lambda each: each.person.number)]


def test_a_caller_looks_once_a_second_whether_it_is_his_turn() -> None:
    # Position and wait are spoken at 50.5 for 6 s, again 45 s later: he looks at 101.5 + 1.
    first, second = waits(trace([caller(0, 0.0), caller(1, 50.5)], {"op": SKILLED}))
    assert first == 0
    assert second == 52.0


def test_priority_goes_before_and_waiting_never_outweighs_it() -> None:
    important = [caller(n, n * 30.0, priority="raised") for n in range(2, 10)]
    normal = caller(1, 1.0)
    found = waits(trace([caller(0, 0.0), normal, *important], {"op": SKILLED}))
    assert found[1] > max(found[2:])


def test_the_first_one_blocks_those_behind_him_when_nobody_there_may_take_him() -> None:
    # Two are busy. The weak operator comes back first; the head may not have him for 300 s, and
    # with one free only the head is in turn, whatever the second one may have.
    skills = {"weak": {"general": 1}, "strong": {"general": 5}}
    people = [caller(0, 0.0, talk=500.0), caller(1, 1.0, talk=50.0), caller(2, 2.0)]
    blocked = trace(people, skills, relax=((0.0, 3), (300.0, 1)))
    found = replay(blocked, app_queue(Options()))
    assert found[1].answered is not None
    assert found[1].answered >= 300


def test_the_told_wait_is_the_moving_average_without_its_sign() -> None:
    env = simpy.Environment()
    model = AppQueue(env, trace([], {"op": SKILLED}), Options())
    queue = model.queues["general"]
    queue.hold_time, queue.finished = 200, 1
    people = [caller(n, 0.0) for n in range(4)]
    visits = [Visit(person, 0.0, 0.0) for person in people]
    model.come("op")
    env.process(model.wait(visits[0]))
    env.run(until=1)
    for visit in visits[1:]:
        env.process(model.wait(visit))
    env.run(until=90)
    # (200 * 3 + 0) / 4 = 150 after the first was answered at once; the second one is next and
    # hears no time; 150 + 30 s are 3 minutes.
    assert queue.hold_time == 150
    assert visits[1].told == []
    assert visits[2].told[0][1] == 180.0


def test_a_heavier_queue_holds_its_members_back() -> None:
    both = {"general": 5, "outage": 5}
    people = [
        caller(0, 0.0),
        caller(1, 1.0),
        caller(2, 90.0, queue="outage"),
    ]
    found = waits(trace(people, {"op": both}), weights={"outage": 1})
    assert found[2] < 20
    assert found[1] > 190


def test_an_operator_who_missed_a_ring_is_paused_when_told_so() -> None:
    lost = trace([caller(0, 0.0, patiences=(290.0,))], {"a": SKILLED, "b": SKILLED}, missed=1.0)
    paused = replay(lost, app_queue(Options(autopause=True)))
    again = replay(lost, app_queue(Options(autopause=False)))
    # 20 s of ringing, 5 s until the next try; two operators, then nobody is left.
    assert [begin for begin, _ in paused[0].rung] == [0.0, 25.0]
    assert len(again[0].rung) == 12


def test_figures_count_overtaking_and_rises() -> None:
    early = Visit(caller(0, 0.0), 0.0, 0.0, told=[(0.0, 60.0), (45.0, 120.0)], answered=100.0)
    early.rung.append([95.0, 100.0])
    late = Visit(caller(1, 10.0), 10.0, 10.0, told=[(10.0, 60.0)], rung=[[50.0, 52.0]])
    late.answered = 52.0
    other = Visit(caller(2, 20.0, queue="outage"), 20.0, 20.0, rung=[[21.0, 22.0]], answered=22.0)
    found = figures([[early, late, other]])
    assert found.overtaken == 1
    assert found.rises == 1
    assert found.told == [18.0, 40.0]
    assert found.low == 0.5
    assert found.worst == 100.0


def test_a_redial_counts_from_the_first_call() -> None:
    again = Visit(caller(0, 0.0), 100.0, 0.0, answered=200.0, rung=[[199.0, 200.0]])
    between = Visit(caller(1, 50.0), 50.0, 50.0, answered=150.0, rung=[[149.0, 150.0]])
    assert overtaken([again, between], lambda visit: visit.asked) == 0
    assert overtaken([again, between], lambda visit: visit.first) == 1


def test_traces_are_what_they_say() -> None:
    ordinary, bad = day(1), storm(1)
    assert len(ordinary.people) == 2740
    assert day(1).people == ordinary.people
    busiest = sum(1 for person in ordinary.people if 10 * 3600 <= person.at < 11 * 3600)
    assert busiest == pytest.approx(2740 * max(PROFILE) / sum(PROFILE), rel=0.2)
    assert len(bad.people) == 600
    assert max(person.at for person in bad.people) <= 600
    assert len(bad.operators) == 12


def test_the_formulas_agree_with_published_figures() -> None:
    assert endless_patience(20 / 300, 300.0, 24).waits == pytest.approx(0.298, abs=0.001)
    assert abandonments(274 / 3600, 210.0, 300.0, 17).lost == pytest.approx(0.064, abs=0.001)
    assert abandonments(274 / 3600, 210.0, 300.0, 17).within == pytest.approx(0.717, abs=0.001)


@pytest.mark.parametrize("make", [ours, app_queue(Options())], ids=["press2", "app_queue"])
def test_steady_load_is_within_one_operator_of_theory(make) -> None:  # noqa: ANN001
    rate, handle, patience, size = 100 / 3600, 210.0, 300.0, 7
    found = theory_of(replay(steady(rate, handle, patience, size, 12_000, 3), make))
    worse, better = (abandonments(rate, handle, patience, size + each) for each in (-1, 1))
    assert worse.within < found.within < better.within
    assert better.lost < found.lost < worse.lost


def test_our_queue_keeps_the_order_on_a_stormy_minute() -> None:
    bad = storm(2)
    small = replace(bad, people=[person for person in bad.people if person.at < 60])
    visits = replay(small, ours)
    assert all((visit.answered is None) != (visit.left is None) for visit in visits)
