"""What is measured from the fact tables: calls, handling, patience; the calendar of the store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from made_days import DAY, calls, put

from ivr.company import Company
from ivr.staffing import calendar, measured, plan
from ivr.staffing.measured import of_waits, still_waiting, survival
from ivr.staffing.plan import Wishes
from ivr.store.database import Store, memory_store
from ivr.store.supply import ScheduleHours
from ivr.store.world import keep_company
from ivr.storm import records

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)
AUTUMN = date(2026, 10, 25)


@pytest.fixture
def odesa(house: object) -> Company:
    return house.companies["odesa"]


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    with store.session() as db:
        keep_company(db, "odesa")
    yield store
    store.close()


def some(count: int) -> list[int]:
    return [count if slot in (20, 21) else 0 for slot in range(48)]


def test_calls_are_counted_by_half_hour_and_queue(odesa: Company, store: Store) -> None:
    double = [1] * 50
    put(
        store,
        calls(odesa, DAY, some(3)),
        calls(odesa, DAY, some(2), "outage"),
        calls(odesa, DAY, some(1), "metering", kind="callback"),
        calls(odesa, AUTUMN, double),
    )
    slot = calendar.Calendar(odesa).half_hours(DAY)[20]
    with store.session(read_only=True) as db:
        every = measured.counts(db, "odesa", AUTUMN, DAY)
        outage = measured.counts(db, "odesa", AUTUMN, DAY, ["outage"])
        other = measured.counts(db, "kazan", AUTUMN, DAY)
    assert every[DAY][slot] == 5  # call-backs do not call
    assert outage == {DAY: {slot: 2, slot + timedelta(minutes=30): 2}}
    assert len(every[AUTUMN]) == 50  # the double hour is two
    assert other == {}


def test_handling_of_calm_days_only(odesa: Company, store: Store) -> None:
    put(
        store,
        calls(odesa, DAY, some(15)),
        calls(odesa, DAY, some(15), "outage", talk=60.0, wrap=0.0),
        calls(odesa, DAY - timedelta(days=1), some(20), storm=True, talk=1000.0),
    )
    with store.session(read_only=True) as db:
        every = measured.handling(db, odesa, DAY + timedelta(days=1))
        outage = measured.handling(db, odesa, DAY + timedelta(days=1), ["outage"])
        before = measured.handling(db, odesa, DAY)
    assert (every.talk, every.wrap, every.seconds, every.talks) == (105.0, 15.0, 120.0, 60)
    assert outage.seconds == 60.0
    assert (before.seconds, before.talks) == (odesa.typical_talk, 0)  # nothing is known


def test_patience_of_censored_data(odesa: Company, store: Store) -> None:
    gone = {"outcome": "abandoned", "waited": None, "left": 90.0, "talk": None, "wrap": None}
    asked = gone | {"outcome": "called_back", "left": 200.0}
    put(
        store,
        calls(odesa, DAY, some(20)),  # 40 answered after 10 s
        calls(odesa, DAY, some(10), "outage", **gone),
        calls(odesa, DAY, some(5), "metering", **asked),
    )
    with store.session(read_only=True) as db:
        found = measured.patience(db, odesa, DAY + timedelta(days=1))
        few = measured.patience(db, odesa, DAY + timedelta(days=1), ["general"])
    assert found.measured
    assert (found.lost, found.callers) == (20, 70)
    assert found.mean == pytest.approx((40 * 10 + 20 * 90 + 10 * 200) / 20)
    assert (few.measured, few.mean) == (False, odesa.terms.staffing.patience)


def test_the_likeliest_patience_is_the_true_one_whatever_is_censored() -> None:
    chance = random.Random(8)
    waits = []
    for _ in range(20_000):
        patience, wait = chance.expovariate(1 / 240), chance.expovariate(1 / 40)
        waits.append((min(patience, wait), patience < wait))
    found = of_waits(waits, 1.0)
    assert found.mean == pytest.approx(240, rel=0.05)
    assert still_waiting(found.curve, 60.0) == pytest.approx(2.718281828 ** (-60 / 240), abs=0.02)


def test_kaplan_and_meier_by_hand() -> None:
    waits = [(5.0, True), (8.0, False), (8.0, True), (12.0, False), (20.0, True)]
    curve = survival(waits)
    assert [round(value, 9) for point in curve for value in point] == [5, 0.8, 8, 0.6, 20, 0]
    shares = [still_waiting(curve, at) for at in (0, 5, 7.9, 8, 100)]
    assert shares == pytest.approx([1.0, 0.8, 0.8, 0.6, 0.0])
    assert survival([]) == ()


def test_the_calendar_knows_storms_and_new_schedules(odesa: Company, store: Store) -> None:
    begun = datetime(2026, 11, 10, 20, tzinfo=UTC)  # 22:00 in Odesa: into the next day
    with store.session() as db:
        records.switch_on(db, odesa, begun, "vira", hours=12)
    with store.session() as db:
        records.switch_off(db, odesa, begun + timedelta(hours=5), "vira")
        db.add(
            ScheduleHours(
                company="odesa", queue="3.2", day=None, starts="10:00", ends="14:00",
                updated_at=datetime(2026, 11, 12, 23, tzinfo=UTC),
            )
        )  # fmt: skip
    with store.session(read_only=True) as db:
        found = calendar.read(db, odesa, NOW)
    assert found.storms == {date(2026, 11, 10), date(2026, 11, 11)}
    assert found.kind(date(2026, 11, 13)) == "schedule"  # local time


def test_a_storm_that_goes_on_lasts_until_now(odesa: Company, store: Store) -> None:
    with store.session() as db:
        records.switch_on(db, odesa, NOW - timedelta(hours=30), "vira", hours=72)
    with store.session(read_only=True) as db:
        found = calendar.read(db, odesa, NOW)
    assert found.storms == {date(2026, 11, 17), date(2026, 11, 18)}


def test_a_plan_from_the_store(odesa: Company, store: Store) -> None:
    put(store, *(calls(odesa, DAY - timedelta(days=n), some(30)) for n in range(21)))
    with store.session(read_only=True) as db:
        known = plan.known(db, odesa, (), DAY + timedelta(days=2), NOW)
    given = plan.inputs(known, Wishes())
    assert (given.handle, given.patience, given.least) == (180.0, 180.0, 2)
    made = plan.day(known, DAY + timedelta(days=2), Wishes(), given)
    assert made.forecast.calls == pytest.approx(60)
    assert [line.operators for line in made.lines[19:22]] == [2, 5, 5]
    wished = plan.inputs(known, Wishes(handle=300.0, level=0.9, least=0))
    assert (wished.handle, wished.target.level, wished.target.lost) == (300.0, 0.9, 0.1)


def test_wishes_that_make_no_sense(odesa: Company, store: Store) -> None:
    with store.session(read_only=True) as db, pytest.raises(ValueError, match="no queue of odesa"):
        plan.known(db, odesa, ("moon",), DAY, NOW)
    with pytest.raises(ValueError, match="no type of day"):
        Wishes(kind="storm")
    with pytest.raises(ValueError, match="1 to 60 days"):
        Wishes(days=0)
