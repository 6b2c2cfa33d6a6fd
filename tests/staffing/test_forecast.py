"""Types of days, forecast, trend, backtest and operators; days of 23 and 25 hours, none, zero."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ivr.company import Company
from ivr.staffing.backtest import backtest, poisson_error, wape
from ivr.staffing.calendar import Calendar, by_weekday
from ivr.staffing.erlang import Target
from ivr.staffing.forecast import FEW, History, NothingKnown, Slot, forecast, trend_of
from ivr.staffing.need import Inputs, hours, lines, paid

MONDAY = date(2026, 9, 7)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""Clocks of Kyiv go on at 03:00, and back at 04:00."""


@pytest.fixture
def odesa(house: object) -> Company:
    return house.companies["odesa"]


def history(
    company: Company, days: Iterable[tuple[date, Sequence[int] | int]], **more: object
) -> History:
    """Days with their calls by half hour, or with as many in each."""
    calendar = Calendar(company, **more)
    calls = {}
    for day, counts in days:
        slots = calendar.half_hours(day)
        each = [counts] * len(slots) if isinstance(counts, int) else counts
        calls[day] = dict(zip(slots, each, strict=True))
    alive = frozenset(day for day, by_slot in calls.items() if any(by_slot.values()))
    return History(calendar, calls, alive)


def range_of(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


# ---------------------------------------------------------------------- types and half hours


def test_types_of_days(odesa: Company) -> None:
    new_year = date(2026, 12, 31)
    calendar = Calendar(odesa, frozenset({date(2026, 11, 4)}), frozenset({date(2026, 11, 5)}))
    kinds = {
        date(2026, 11, 30): "window", date(2026, 12, 3): "window", date(2026, 12, 4): "ordinary",
        date(2026, 11, 9): "monday", date(2026, 11, 7): "weekend", date(2026, 11, 10): "ordinary",
        date(2026, 11, 4): "storm", date(2026, 11, 5): "schedule", new_year: "window",
    }  # fmt: skip
    assert {day: calendar.kind(day) for day in kinds} == kinds
    closed = replace(odesa, opening=replace(odesa.opening, holidays=frozenset({new_year})))
    assert Calendar(closed).kind(new_year) == "holiday"


def test_of_a_long_window_the_last_days_are_the_rush(house: object) -> None:
    kazan = Calendar(house.companies["kazan"])  # from the 1st to the 25th
    found = {day: kazan.kind(date(2026, 9, day)) for day in (2, 22, 23, 25, 29)}
    assert found == {
        2: "ordinary", 22: "ordinary", 23: "window", 25: "window", 29: "ordinary",
    }  # fmt: skip


def test_days_of_23_and_25_hours(odesa: Company) -> None:
    calendar = Calendar(odesa)
    spring, autumn = calendar.half_hours(SPRING), calendar.half_hours(AUTUMN)
    assert (len(spring), len(autumn)) == (46, 50)
    assert "03:00" not in [calendar.clock(each) for each in spring]
    assert [calendar.clock(each) for each in autumn].count("03:30") == 2
    assert spring[0] == datetime(2026, 3, 28, 22, tzinfo=UTC)


# ---------------------------------------------------------------------- forecast


def test_it_stands_on_the_last_days_of_its_type(odesa: Company) -> None:
    days = [(day, 10 if day.weekday() == 0 else 5) for day in range_of(MONDAY, 70)]
    known = history(odesa, days)
    target = MONDAY + timedelta(days=77)  # a Monday
    made = forecast(known, target, 8, trend=False)
    assert made.kind == "monday"
    assert {each.day.weekday() for each in made.used} == {0}
    assert len(made.used) == 8
    assert made.calls == pytest.approx(480)
    assert all(slot.calls == pytest.approx(10) for slot in made.slots)
    assert not made.few


def test_one_odd_day_moves_it_little(odesa: Company) -> None:
    days = [(day, 6) for day in range_of(MONDAY, 28)]
    days[15] = (days[15][0], 60)
    made = forecast(history(odesa, days), MONDAY + timedelta(days=29), 8, trend=False)
    assert made.used[0].day < MONDAY + timedelta(days=29)
    assert any(each.calls == 60 * 48 for each in made.used)
    assert made.calls == pytest.approx(288)
    assert made.slots[0].most == pytest.approx(60)


def test_nights_with_few_calls_keep_them(odesa: Company) -> None:
    quiet = [[1 if (number + slot) % 4 == 0 else 0 for slot in range(48)] for number in range(40)]
    days = list(zip(range_of(MONDAY, 40), quiet, strict=True))
    made = forecast(history(odesa, days), MONDAY + timedelta(days=43), 8, trend=False)
    assert made.calls == pytest.approx(12)  # the median of each half hour would be 0


def test_storms_and_dead_days_are_left_out(odesa: Company) -> None:
    storm, dead = date(2026, 9, 22), date(2026, 9, 23)
    days = [(day, {storm: 90, dead: 0}.get(day, 4)) for day in range_of(MONDAY, 21)]
    known = history(odesa, days, storms=frozenset({storm}))
    made = forecast(known, date(2026, 10, 6), 8, trend=False)
    assert {storm, dead} & {each.day for each in made.used} == set()
    assert made.calls == pytest.approx(4 * 48)
    assert made.dead > 0


def test_what_was_known_later_is_not_looked_at(odesa: Company) -> None:
    known = history(
        odesa, [(day, 3 if day < date(2026, 9, 29) else 9) for day in range_of(MONDAY, 60)]
    )
    made = forecast(known, date(2026, 9, 29), 8, trend=False)
    assert made.calls == pytest.approx(3 * 48)


def test_days_of_readings_are_brought_to_the_weekday(odesa: Company) -> None:
    plain = {"ordinary": 10, "monday": 14, "weekend": 6}
    calendar = Calendar(odesa)
    days = [
        (day, plain[by_weekday(day)] * (2 if calendar.kind(day) == "window" else 1))
        for day in range_of(MONDAY, 80)
    ]
    known = history(odesa, days)
    for target in (date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 2)):
        made = forecast(known, target, 8, trend=False)
        assert made.kind == "window"
        assert made.calls / 48 == pytest.approx(2 * plain[by_weekday(target)])


def test_clock_changes(odesa: Company) -> None:
    days = [(day, list(range(48))) for day in range_of(date(2026, 9, 5), 49) if day != AUTUMN]
    autumn = forecast(history(odesa, days), AUTUMN, 8, trend=False)
    assert len(autumn.slots) == 50
    hour = [slot.calls for slot in autumn.slots if slot.clock == "03:00"]
    assert hour[0] == hour[1]
    # A day of 25 hours among those it stands on counts its double hour as one.
    long_day = Calendar(odesa).half_hours(AUTUMN)
    long_counts = [int(Calendar(odesa).clock(m)[:2]) * 2 for m in long_day]
    even = [(hour // 2) * 2 for hour in range(48)]
    mixed = [(AUTUMN, long_counts), (AUTUMN - timedelta(days=1), even)]
    made = forecast(history(odesa, mixed), AUTUMN + timedelta(days=14), 8, trend=False)
    assert made.kind == "weekend"
    by_clock = {slot.clock: slot.calls for slot in made.slots}
    assert by_clock["03:00"] / by_clock["06:00"] == pytest.approx(0.5, rel=0.05)
    spring = forecast(history(odesa, days), SPRING + timedelta(days=364), 8, kind="weekend")
    assert len(spring.slots) == 46


def test_too_few_days_are_said(odesa: Company) -> None:
    known = history(odesa, [(day, 4) for day in range_of(MONDAY + timedelta(days=1), FEW - 1)])
    few = forecast(known, MONDAY + timedelta(days=8), 8)
    assert few.few
    assert (len(few.used), few.wanted, few.borrowed) == (FEW - 1, 8, "")
    monday = forecast(known, MONDAY + timedelta(days=14), 8)
    assert (monday.borrowed, monday.few) == ("ordinary", True)
    with pytest.raises(NothingKnown, match="nobody called"):
        forecast(known, MONDAY, 8)


def test_a_queue_nobody_calls_at_all(odesa: Company) -> None:
    days = range_of(MONDAY, 28)
    known = History(Calendar(odesa), {}, frozenset(days))  # others called, this queue was closed
    made = forecast(known, MONDAY + timedelta(days=30), 8)
    assert made.calls == 0
    assert [slot.calls for slot in made.slots] == [0.0] * 48
    needed = lines(made.slots, Inputs(180.0, 180.0, least=0))
    assert {line.operators for line in needed} == {0}
    assert needed[0].level is None


# ---------------------------------------------------------------------- trend


def test_growth_against_the_year_before(odesa: Company) -> None:
    first = date(2025, 6, 2)
    days = [(day, 100 if day < date(2026, 6, 1) else 135) for day in range_of(first, 430)]
    found = trend_of(history(odesa, days), first + timedelta(days=430))
    assert found.kind == "year"
    assert found.yearly == pytest.approx(1.35)
    assert found.factor(date(2026, 8, 3), date(2027, 8, 2)) == pytest.approx(1.35)


def test_growth_over_the_weeks(odesa: Company) -> None:
    known = history(odesa, [(day, 100 + (day - MONDAY).days // 7) for day in range_of(MONDAY, 91)])
    found = trend_of(known, MONDAY + timedelta(days=91))
    assert found.kind == "weeks"
    assert found.weekly == pytest.approx(1.0095, abs=0.0005)
    made = forecast(known, MONDAY + timedelta(days=92), 8)
    assert made.calls / 48 == pytest.approx(113, abs=0.7)


def test_noise_is_no_trend(odesa: Company) -> None:
    chance = random.Random(4)
    known = history(odesa, [(day, chance.randint(95, 105)) for day in range_of(MONDAY, 91)])
    assert trend_of(known, MONDAY + timedelta(days=91)).kind == "none"
    assert trend_of(history(odesa, []), MONDAY).kind == "none"


# ---------------------------------------------------------------------- backtest


def test_the_backtest_prints_what_it_says(odesa: Company) -> None:
    exact = history(odesa, [(day, 7) for day in range_of(MONDAY, 80)])
    (*kinds, whole) = backtest(exact, MONDAY + timedelta(days=80), 28, 8)
    assert whole.half_hours == pytest.approx(0, abs=1e-9)
    assert whole.days == 28 == sum(each.days for each in kinds)
    assert {"ordinary", "monday", "weekend", "window"} == {each.kind for each in kinds}
    assert wape([(8.0, 10.0), (12.0, 10.0)]) == pytest.approx(0.2)
    assert wape([]) is None


def test_the_backtest_of_poisson_calls_comes_near_chance(odesa: Company) -> None:
    chance = random.Random(2)

    def poisson(mean: float) -> int:
        at, count = chance.expovariate(1.0), 0
        while at < mean:
            at, count = at + chance.expovariate(1.0), count + 1
        return count

    def counts(day: date) -> list[int]:
        level = 1.4 if day.weekday() == 0 else 0.6 if day.weekday() > 4 else 1.0
        shape = [1 + 20 * math.sin(math.pi * slot / 48) ** 2 for slot in range(48)]
        if day == AUTUMN:
            shape[8:8] = shape[6:8]
        return [poisson(level * each) for each in shape]

    known = history(odesa, [(day, counts(day)) for day in range_of(MONDAY, 80)])
    whole = backtest(known, MONDAY + timedelta(days=80), 28, 8)[-1]
    assert whole.chance < whole.half_hours < whole.chance * 1.25
    assert whole.whole_days < whole.last_week
    assert abs(whole.bias) < 0.03


def test_the_mean_distance_of_a_poisson_number() -> None:
    for mean in (0.3, 2.0, 7.5):
        numbers = range(80)
        weights = [math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in numbers]
        wanted = math.fsum(abs(n - mean) * w for n, w in zip(numbers, weights, strict=True))
        assert poisson_error(mean) == pytest.approx(wanted)
    assert poisson_error(0.0) == 0.0


# ---------------------------------------------------------------------- operators


def slots(*calls: float) -> list[Slot]:
    begin = datetime(2026, 11, 17, 6, tzinfo=UTC)
    return [
        Slot(begin + number * timedelta(minutes=30), "08:00", each, each, each)
        for number, each in enumerate(calls)
    ]


def test_operators_of_a_half_hour() -> None:
    given = Inputs(210.0, 300.0, Target(30.0, 0.75, 0.1), shrinkage=0.3, least=2)
    busy, quiet = lines(slots(137.0, 0.2), given)
    assert (busy.erlang_c, busy.erlang_a, busy.operators, busy.paid) == (19, 18, 18, 26)
    assert busy.level == pytest.approx(0.801, abs=0.001)
    assert (quiet.erlang_a, quiet.operators, quiet.paid) == (1, 2, 3)
    assert hours([busy, quiet]) == 10.0


def test_nobody_is_needed_while_all_is_closed() -> None:
    given = Inputs(210.0, 300.0, least=2)
    (closed,) = lines(slots(0.0), given, lambda _: False)
    (open_,) = lines(slots(0.0), given)
    assert (closed.operators, open_.operators) == (0, 2)


def test_shrinkage_is_not_rounded_twice() -> None:
    assert paid(7, Inputs(200.0, 100.0, shrinkage=0.3)) == 10
    assert paid(0, Inputs(200.0, 100.0, shrinkage=0.3)) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"handle": 0}, {"handle": math.nan}, {"patience": -5}, {"shrinkage": 1.0}, {"least": -1},
     {"target": Target(level=1.0)}, {"target": Target(lost=0.0)}, {"target": Target(within=-1)}],
)  # fmt: skip
def test_inputs_that_make_no_sense_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r" is .* to .*, found "):
        Inputs(**({"handle": 200.0, "patience": 180.0} | wrong))
