"""The rules of plausibility, value by value."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.company import ReadingLimits
from ivr.services.plausibility import Counter, Span, exchange, high_limit, judge, plausible, span

KYIV = ZoneInfo("Europe/Kyiv")
LIMITS = ReadingLimits(high_use=3.0, floor_kwh=20)


def counter(previous: int = 2304, usual: float = 120.0, **fields) -> Counter:
    known = {"id": 1, "meter": 1, "name": "single", "digits": 5, "possible": 7200.0}
    return Counter(
        previous=previous, usual=usual, previous_on=date(2026, 10, 1), **{**known, **fields}
    )


@pytest.mark.parametrize(
    ("typed", "kind", "used", "decimal"),
    [
        ("2304", "equal", 0, None),
        ("2305", "ok", 1, None),
        ("02421", "ok", 117, None),
        ("2664", "ok", 360, None),  # three times the usual use is still usual
        ("2665", "high", 361, None),
        ("9504", "high", 7200, None),  # what the permitted power allows, to the last hour
        ("9505", "impossible", 7201, None),
        ("24217", "impossible", 21913, 2421),  # the digit after the comma was keyed too
        ("002421", "too_long", 117, None),
        ("242170", "too_long", 239866, None),
        ("2303", "low", -1, None),
        ("0", "low", -2304, None),
    ],
)
def test_a_value_of_an_ordinary_meter(typed, kind, used, decimal):
    verdict = judge(typed, counter(), LIMITS)
    assert (verdict.kind, verdict.used, verdict.decimal) == (kind, used, decimal)
    assert verdict.value == int(typed)
    assert verdict.fine == (kind in ("ok", "equal"))


@pytest.mark.parametrize(
    ("typed", "kind", "used"),
    [
        ("99999", "ok", 129),
        ("00000", "rollover", 130),
        ("00320", "rollover", 450),
        ("00321", "low", -99549),
        ("99869", "low", -1),
    ],
)
def test_a_value_after_the_counter_went_through_zero(typed, kind, used):
    verdict = judge(typed, counter(previous=99870, usual=150.0), LIMITS)
    assert (verdict.kind, verdict.used) == (kind, used)


def test_little_use_is_never_high():
    small = counter(usual=1.0)
    assert high_limit(small, LIMITS) == 20
    assert judge("2324", small, LIMITS).kind == "ok"
    assert judge("2325", small, LIMITS).kind == "high"


def test_permitted_power_bounds_the_registers_together():
    assert judge("3304", counter(), LIMITS, others=6200).kind == "high"
    assert judge("3304", counter(), LIMITS, others=6201).kind == "impossible"


def test_an_account_without_permitted_power_has_no_bound():
    assert judge("99999", counter(possible=float("inf")), LIMITS).kind == "high"


def test_swapped_zones_are_put_in_order():
    day = counter(previous=5210, usual=180.0, name="day")
    night = counter(previous=2304, usual=60.0, name="night")
    assert exchange([2360, 5390], [day, night], LIMITS) == [5390, 2360]
    assert exchange([5390, 2360], [day, night], LIMITS) is None, "right as they are"
    assert exchange([7000, 5390], [day, night], LIMITS) is None, "wrong either way"
    assert exchange([2360], [day], LIMITS) is None, "nothing to swap with"


def test_three_zones_are_put_in_order():
    peak, half, night = (counter(previous=p, usual=30.0) for p in (100, 200, 300))
    assert exchange([330, 110, 250], [peak, half, night], LIMITS) == [110, 250, 330]


# ---------------------------------------------------------------------- time since the last value


@pytest.mark.parametrize(
    ("since", "now", "days", "hours"),
    [
        (date(2026, 10, 1), datetime(2026, 10, 31, 6, 0, tzinfo=UTC), 30, 729.0),
        (date(2026, 10, 31), datetime(2026, 10, 31, 6, 0, tzinfo=UTC), 1, 8.0),
        (date(2024, 3, 31), datetime(2024, 3, 31, 21, 0, tzinfo=UTC), 1, 23.0),
        (date(2027, 10, 31), datetime(2027, 10, 31, 22, 0, tzinfo=UTC), 1, 25.0),
        (date(2026, 10, 30), datetime(2026, 10, 29, 22, 30, tzinfo=UTC), 1, 1.0),
        (date(2026, 11, 5), datetime(2026, 10, 31, 6, 0, tzinfo=UTC), 30, 720.0),
    ],
)
def test_days_are_of_the_calendar_and_hours_are_real(since, now, days, hours):
    assert span(since, now, KYIV) == Span(days, hours)


# ---------------------------------------------------------------------- any value


COUNTERS = st.builds(
    counter,
    previous=st.integers(0, 99999),
    usual=st.floats(0, 5000),
    possible=st.floats(1, 1e6) | st.just(float("inf")),
)


@given(typed=st.from_regex(r"[0-9]{1,7}", fullmatch=True), counter=COUNTERS)
def test_every_value_gets_one_verdict_that_agrees_with_itself(typed, counter):
    verdict = judge(typed, counter, LIMITS)
    long = len(typed) > 5
    assert (verdict.kind == "too_long") == long
    if not long:
        assert verdict.fine == plausible(int(typed), counter, LIMITS)
        assert (verdict.kind == "low") <= (verdict.used < 0)
        assert (verdict.kind in ("rollover", "ok", "high", "impossible")) <= (verdict.used > 0)
    if verdict.decimal is not None:
        assert plausible(verdict.decimal, counter, LIMITS)
        assert typed.lstrip("0").startswith(str(verdict.decimal) if verdict.decimal else "")


@given(typed=st.from_regex(r"[0-9]{1,5}", fullmatch=True), counter=COUNTERS)
def test_leading_zeros_make_no_difference(typed, counter):
    assert judge(typed, counter, LIMITS) == judge(typed.zfill(5), counter, LIMITS)
