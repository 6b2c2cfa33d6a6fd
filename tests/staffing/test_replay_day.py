"""A day lived again: like Erlang on steady load, like itself when nothing is changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made_days import DAY, NONE, PLAIN, SEVERAL, busy_house, keep, lost, moment, plain, steady

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Rules
from ivr.company import Company
from ivr.events import Entry, entry_of, write
from ivr.facts import keep as keep_facts
from ivr.staffing import day as days
from ivr.staffing.calendar import Calendar
from ivr.staffing.day import Caller, Day, Stay
from ivr.staffing.erlang import Target, needed_a, needed_c
from ivr.staffing.measured import Patience, survival
from ivr.staffing.replay import COMPANY, Floor, Lived, live, longer, wrapped
from ivr.staffing.whatif import occupancy, of_callers
from ivr.store.database import Store, memory_store
from ivr.store.models import User
from ivr.store.world import keep_company
from ivr.terms import ServiceTerms

TARGET = Target(30.0, 0.75, 0.1)
GRID = [
    (40, 150, 120), (40, 150, math.inf), (120, 210, 300), (120, 210, math.inf),
    (274, 210, 120), (274, 180, math.inf), (600, 90, 60),
]  # fmt: skip
"""Calls an hour, seconds of handling, mean patience."""


def reaches(lived: Lived, target: Target) -> bool:
    """Whether a run kept the target; its beginning, when nobody was there yet, is left out."""
    fates = lived.fates[len(lived.fates) // 20 :]
    within = sum(f.waited is not None and f.waited <= target.within for f in fates)
    gone = sum(f.outcome == "abandoned" for f in fates)
    return within / len(fates) >= target.level and gone / len(fates) <= target.lost


@pytest.mark.parametrize(("per_hour", "handle", "patience"), GRID)
def test_steady_load_needs_what_erlang_says_within_one(
    per_hour: float, handle: float, patience: float
) -> None:
    endless = math.isinf(patience)
    rate = per_hour / 3600
    wanted = needed_c(rate, handle, TARGET) if endless else needed_a(rate, handle, patience, TARGET)
    calls = 5000

    def enough(size: int) -> bool:
        day = steady(per_hour, handle, size, calls, 7, patience)
        return reaches(live(day, plain(), 1), TARGET)

    # The least number that is enough lies within one of Erlang's: one more is enough, and two
    # fewer, one below that band, are not.
    assert enough(wanted + 1)
    assert not enough(wanted - 2)


@pytest.fixture
def odesa(house: object) -> Company:
    return replace(house.companies["odesa"], queues=dict(SEVERAL))


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    with store.session() as db:
        keep_company(db, "odesa")
    yield store
    store.close()


def test_a_simulated_log_is_reproduced(odesa: Company, store: Store) -> None:
    made = busy_house(odesa)
    first = live(made, plain(SEVERAL), 1)
    keep(store, odesa, made, first)
    with store.session(read_only=True) as db:
        read = days.read(db, odesa, Calendar(odesa), DAY, moment(made.ends) + timedelta(days=1))
    again = live(read, plain(SEVERAL), 99)  # another chance: nothing is left to it

    def told(lived: Lived) -> dict[tuple[str, int], tuple[str, float | None, float | None]]:
        return {
            (f.caller.call, f.caller.number): (f.outcome, _round(f.waited), _round(f.left))
            for f in lived.fates
        }

    assert told(again) == told(first)
    outcomes = {f.outcome for f in first.fates}
    assert outcomes == {"answered", "abandoned"}
    assert sum(f.caller.number == 2 for f in first.fates) > 20
    service = ServiceTerms()
    truth = of_callers(read.callers, service, "", read.busy)
    callers = [
        replace(f.caller, outcome=f.outcome, waited=f.waited, left=f.left) for f in again.fates
    ]
    found = of_callers(callers, service, "", occupancy(read, again))
    assert found.level == pytest.approx(truth.level)
    assert found.lost == pytest.approx(truth.lost)
    assert found.p90 == pytest.approx(truth.p90, abs=0.01)
    assert found.busy == pytest.approx(truth.busy, abs=0.005)


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def test_the_same_seed_lives_the_same_day_and_another_one_another() -> None:
    callers = tuple(
        Caller(f"c{n}", 1, "general", 1e9 + 20 * n, 1e9 + 20 * n, waited=5.0, talk=150.0, rang=2.0)
        for n in range(400)
    )
    stays = tuple(Stay(f"op{n}", 1e9, 1e9 + 9000, {"general": 5}) for n in range(6))
    day = Day(DAY, 1e9, 1e9 + 8000, callers, stays)

    def fates(seed: int) -> list[tuple[str, float | None]]:
        return [(f.outcome, f.waited) for f in live(day, plain(), seed).fates]

    assert fates(3) == fates(3) != fates(4)


def one_operator(*callers: Caller, skills: dict[str, int], rules: dict[str, Rules]) -> Lived:
    stay = Stay("op", 1e9, 1e9 + 5000, skills)
    return live(Day(DAY, 1e9, 1e9 + 5000, callers, (stay,)), plain(rules), 1)


def test_the_rules_of_the_queue_are_the_real_ones() -> None:
    callers = (
        lost("first", 1e9, "general", None, 100.0),
        lost("second", 1e9 + 1, "general", None, 100.0),
        lost("danger", 1e9 + 50, "general", None, 100.0, priority="danger"),
    )
    found = one_operator(*callers, skills={"general": 5}, rules=PLAIN)
    assert {f.caller.call: f.waited for f in found.fates} == pytest.approx(
        {"first": 0.0, "second": 199.0, "danger": 50.0}
    )
    slow = {"general": Rules(relax=((0.0, 3), (60.0, 1)))}
    weak = one_operator(callers[0], skills={"general": 1}, rules=slow)
    assert weak.fates[0].waited == pytest.approx(60.0, abs=0.01)


def test_a_caller_passed_on_waits_in_the_other_queue() -> None:
    first = Caller("c", 1, "general", 1e9, 1e9, waited=0.0, talk=30.0, wrap=10.0, rang=0.0)
    then = replace(first, number=2, queue="outage", at=1e9 + 30, entered=1e9 + 30, follows=True)
    rules = {"general": Rules(), "outage": Rules()}
    found = one_operator(first, then, skills={"general": 5, "outage": 5}, rules=rules)
    assert [(f.caller.queue, f.waited) for f in found.fates] == [
        ("general", 0.0), ("outage", pytest.approx(10.0)),  # until the wrap-up is over
    ]  # fmt: skip


def test_who_is_answered_sooner_need_not_come_again() -> None:
    early = Caller(
        "c", 1, "general", 1e9, 1e9, outcome="deflected", waited=None, left=50.0, talk=None
    )
    again = Caller("c", 2, "general", 1e9 + 90, 1e9 + 90, waited=0.0, talk=30.0, rang=0.0)
    found = one_operator(early, again, skills={"general": 5}, rules=PLAIN)
    assert [f.caller.number for f in found.fates] == [1]
    nobody = live(Day(DAY, 1e9, 1e9 + 99, (early, again), ()), plain(), 1)
    assert [(f.caller.number, f.outcome) for f in nobody.fates][0] == (1, "deflected")
    assert len(nobody.fates) == 2


def test_patience_is_drawn_above_the_wait_that_was_borne() -> None:
    measured = Patience(100.0, 150, 400, True, survival([(float(n), True) for n in range(1, 201)]))
    assert longer(NONE[""], 60.0, math.exp(-1)) == pytest.approx(60.0 + 180.0)
    for chance in (0.001, 0.3, 0.7, 0.999):
        assert longer(measured, 150.0, chance) >= 150.0
    # Evenly over 1..200: of those who bore 100 s, half are gone at 150.
    assert longer(measured, 100.0, 0.5) == pytest.approx(150.0, abs=1.5)
    few = replace(measured, lost=20)
    assert longer(few, 0.0, math.exp(-2)) == pytest.approx(200.0)


def test_a_wrap_up_under_another_limit() -> None:
    assert wrapped(12.0, 30.0, 20.0) == 12.0
    assert wrapped(30.0, 30.0, 20.0) == 20.0
    assert wrapped(30.0, 30.0, 60.0) == 60.0
    assert wrapped(12.0, 30.0, 60.0) == 12.0
    assert wrapped(90.0, 30.0, 20.0) == 90.0  # somebody who asked for more


# ---------------------------------------------------------------------- reading a day


def test_presence_is_readiness_without_talks_of_ones_own(odesa: Company, store: Store) -> None:
    from ivr.store.facts import OperatorSpan

    begin = Calendar(odesa).bounds(DAY)[0] + timedelta(hours=9)

    def span(
        start: int, end: int | None, status: str, state: str, ticket: str = ""
    ) -> OperatorSpan:
        ended = None if end is None else begin + timedelta(minutes=end)
        return OperatorSpan(
            company="odesa", operator="olena", began=begin + timedelta(minutes=start), ended=ended,
            status=status, state=state, ticket=ticket, reason="", queue="",
        )  # fmt: skip

    with store.session() as db:
        db.add(
            User(
                company="odesa", login="olena", name="Олена", role="operator", password="",
                skills={"general": 4}, languages=["uk"], created_at=begin,
            )
        )  # fmt: skip
        db.add_all(
            [
                span(0, 10, "ready", "idle"), span(10, 12, "ready", "talking", "c1"),
                span(12, 13, "paused", "wrap_up", "c1"), span(13, 20, "paused", "idle"),
                span(20, 25, "ready", "idle"), span(25, 30, "ready", "talking"),
                span(30, 40, "ready", "disconnected"), span(40, None, "ready", "idle"),
            ]
        )  # fmt: skip
        for each in _visits_of(odesa, begin):
            db.add(each)
    now = begin + timedelta(hours=1)
    with store.session(read_only=True) as db:
        found = days.read(db, odesa, Calendar(odesa), DAY, now)
    minutes = [
        ((s.start - begin.timestamp()) / 60, (s.end - begin.timestamp()) / 60) for s in found.stays
    ]
    assert minutes == [(0, 12), (20, 25), (40, 60)]
    assert found.stays[0].skills == {"general": 4}
    # 2 min of talk, 1 of wrap-up, against 10 + 5 + 20 min of being ready.
    assert found.busy == pytest.approx(3 / 38)


def _visits_of(company: Company, begin: object) -> list[object]:
    from made_days import calls

    from ivr.store.facts import VisitFact

    counts = [1 if slot == begin else 0 for slot in Calendar(company).half_hours(DAY)]
    return [VisitFact(**row) for row in calls(company, DAY, counts)]


def test_a_day_without_calls_or_operators_is_said(odesa: Company, store: Store) -> None:
    calendar = Calendar(odesa)
    begin, end = calendar.bounds(DAY)
    with store.session() as db, pytest.raises(days.EmptyDay, match="nobody called"):
        days.read(db, odesa, calendar, DAY, end)
    with store.session() as db:
        db.add_all(_visits_of(odesa, begin + timedelta(hours=9)))
    with store.session() as db, pytest.raises(days.EmptyDay, match="no operator"):
        days.read(db, odesa, calendar, DAY, end)


# ---------------------------------------------------------------------- from the product's own log


def test_what_the_queue_writes_is_lived_again(odesa: Company, store: Store) -> None:
    """The journal of the real queue, folded into facts, read, lived: the same day."""
    made = busy_house(odesa, calls=300)
    floor, records = Floor(made, plain(SEVERAL), 1), []
    floor.queue = MemoryQueue({COMPANY: floor.rules}, journal=records.append)
    first = floor.run()
    journal = [replace(entry_of(each), company="odesa") for each in records]
    began: dict[str, datetime] = {}
    for entry in journal:
        if entry.kind == "ticket":
            began.setdefault(entry.call, entry.at)
    caller = {"from": None, "to": "+380487059090", "channel": "agi", "language": "uk"}
    calls = [Entry("odesa", call, at, "answered", details=caller) for call, at in began.items()]
    over = moment(made.ends) + timedelta(hours=2)
    calls += [Entry("odesa", call, over, "ended") for call in began]
    log = sorted([*journal, *calls], key=lambda entry: (entry.at, entry.kind != "answered"))
    write(store, log)
    while keep_facts(store, {"odesa": odesa}):
        pass

    with store.session(read_only=True) as db:
        read = days.read(db, odesa, Calendar(odesa), DAY, over)
    again = live(read, plain(SEVERAL), 5)
    service = ServiceTerms()
    callers = [
        replace(f.caller, outcome=f.outcome, waited=f.waited, left=f.left) for f in first.fates
    ]
    lived = of_callers(callers, service, "", occupancy(made, first))
    truth = of_callers(read.callers, service, "", read.busy)
    assert truth.offered == lived.offered
    assert (truth.level, truth.lost) == pytest.approx((lived.level, lived.lost))
    assert truth.busy == pytest.approx(lived.busy, abs=0.01)
    callers = [
        replace(f.caller, outcome=f.outcome, waited=f.waited, left=f.left) for f in again.fates
    ]
    found = of_callers(callers, service, "", occupancy(read, again))
    assert found.level == pytest.approx(truth.level, abs=0.005)
    assert found.lost == pytest.approx(truth.lost, abs=0.005)
    assert found.p90 == pytest.approx(truth.p90, rel=0.02)
    assert found.busy == pytest.approx(truth.busy, abs=0.01)
