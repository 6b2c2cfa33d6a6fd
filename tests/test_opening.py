"""Opening hours: weekdays, holidays, nights, days of 23 and 25 hours, and hours that are wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import opening
from ivr.opening import Holidays, Opening, Week, daily

KYIV = ZoneInfo("Europe/Kyiv")
ZONES = ("Europe/Kyiv", "Europe/Moscow", "Asia/Ho_Chi_Minh", "America/Sao_Paulo", "Asia/Gaza")
QUEUES = {"general": None, "hotline": None, "outage": None}


def of(hours: object, zone: ZoneInfo = KYIV, **holidays: object) -> Opening:
    return Opening(zone, opening.weeks({"general": hours}, QUEUES), opening.holidays(holidays))


def at(text: str, zone: ZoneInfo = KYIV) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def opens(hours: Opening, text: str) -> str:
    moment = hours.opens_next("general", at(text, hours.zone))
    return f"{moment:%Y-%m-%dT%H:%M}" if moment else ""


WORKING = {"mon-fri": ["08:00", "20:00"], "sat": [["09:00", "12:00"], ["13:00", "15:00"]]}


@pytest.mark.parametrize(
    ("now", "next_"),
    [
        ("2026-10-26T08:00", "2026-10-26T08:00"),  # a Monday
        ("2026-10-26T07:59", "2026-10-26T08:00"),
        ("2026-10-26T20:00", "2026-10-27T08:00"),
        ("2026-10-26T23:59", "2026-10-27T08:00"),
        ("2026-10-30T21:00", "2026-10-31T09:00"),
        ("2026-10-31T12:30", "2026-10-31T13:00"),
        ("2026-10-31T15:00", "2026-11-02T08:00"),
        ("2026-11-01T12:00", "2026-11-02T08:00"),
        ("2026-12-31T20:00", "2027-01-01T08:00"),
    ],
)
def test_a_week(now: str, next_: str) -> None:
    assert opens(of(WORKING), now) == next_


def test_holidays_are_closed_unless_the_hours_say_otherwise() -> None:
    days = {"yearly": ["01-01"], "dates": ["2026-10-27", date(2026, 10, 28)], "working": []}
    assert opens(of(WORKING, **days), "2026-10-26T21:00") == "2026-10-29T08:00"
    assert opens(of(WORKING, **days), "2026-12-31T21:00") == "2027-01-02T09:00"
    short = {**WORKING, "holidays": ["10:00", "12:00"]}
    assert opens(of(short, **days), "2026-10-26T21:00") == "2026-10-27T10:00"
    assert opens(of({**WORKING, "holidays": "open"}, **days), "2026-10-26T21:00") == (
        "2026-10-27T08:00"
    )
    assert opens(of(["08:00", "20:00"], **days), "2026-10-26T21:00") == "2026-10-27T08:00"


def test_public_holidays_by_country() -> None:
    russian = Holidays("RU", yearly=frozenset({(8, 30)}))
    assert [d for d in range(1, 32) if date(2027, 1, d) in russian][:8] == list(range(1, 9))
    assert date(2026, 11, 4) in russian
    assert date(2026, 8, 30) in russian
    assert date(2026, 11, 5) not in russian
    assert date(2026, 8, 24) not in Holidays("UA"), "no days off under martial law"
    assert date(2026, 9, 2) in Holidays("VN")
    moved = Holidays("RU", working=frozenset({date(2026, 11, 4)}))
    assert date(2026, 11, 4) not in moved
    assert "2026-11-04" not in russian


def test_over_midnight_the_span_belongs_to_the_day_it_begins_on() -> None:
    night = of({"fri": ["22:00", "06:00"]}, dates=["2026-10-31"])
    assert night.is_open("general", at("2026-10-31T05:59"))
    assert not night.is_open("general", at("2026-10-31T06:00"))
    assert opens(night, "2026-10-31T06:00") == "2026-11-06T22:00"


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        # 25 October 2026, 04:00 EEST becomes 03:00 EET: the hour from 3 to 4 comes twice
        (["08:00", "20:00"], ["2026-10-25T06:00Z"], ["2026-10-25T05:59Z"]),
        (
            ["03:30", "20:00"],
            ["2026-10-25T00:30Z", "2026-10-25T01:10Z"],
            ["2026-10-25T00:29Z"],
        ),
        (["01:00", "03:30"], ["2026-10-25T01:29Z"], ["2026-10-25T01:30Z"]),
        # 28 March 2027, 03:00 EET becomes 04:00 EEST: the hour from 3 to 4 never comes
        (["03:30", "20:00"], ["2027-03-28T01:00Z"], ["2027-03-28T00:59Z"]),
        (["01:00", "03:30"], ["2027-03-28T00:59Z"], ["2027-03-28T01:00Z"]),
        (["08:00", "20:00"], ["2027-03-28T05:00Z"], ["2027-03-28T04:59Z"]),
    ],
)
def test_nights_of_a_clock_change(hours: list[str], inside: list[str], outside: list[str]) -> None:
    profile = of(hours)
    assert all(profile.is_open("general", at(moment)) for moment in inside)
    assert not any(profile.is_open("general", at(moment)) for moment in outside)


def test_always_open() -> None:
    for hours in (of("24/7"), Opening(KYIV)):
        assert hours.weeks == {}
        now = at("2026-10-25T01:30Z")
        assert hours.is_open("general", now)
        assert hours.opens_next("general", now).astimezone(UTC) == now
        assert hours.after("general", now, timedelta(hours=4)) == now + timedelta(hours=4)
    assert of({"mon-sun": "24/7"}).is_open("general", at("2026-10-25T00:00"))


def test_never_open() -> None:
    never = of({"mon": "closed"})
    assert opens(never, "2026-10-26T10:00") == ""
    assert never.after("general", at("2026-10-26T10:00"), timedelta(hours=1)) is None
    assert never.meets_next("general", daily(0, 1440), at("2026-10-26T10:00")) is None


def test_working_time_is_counted_over_nights_and_weekends() -> None:
    hours = of(WORKING)
    friday = at("2026-10-30T19:00")
    for length, due in ((1, "2026-10-30T20:00"), (4, "2026-10-31T12:00"), (7, "2026-11-02T09:00")):
        assert hours.after("general", friday, timedelta(hours=length)) == at(due)


def test_when_a_queue_is_open_and_people_may_be_called() -> None:
    hours = of({"mon-fri": ["06:00", "22:00"]})
    calls = daily(8 * 60, 20 * 60)
    assert hours.meets_next("general", calls, at("2026-10-30T21:00")) == at("2026-11-02T08:00")
    assert hours.meets_next("general", calls, at("2026-11-02T09:00")) == at("2026-11-02T09:00")
    evening = of({"mon": ["21:00", "23:00"]})
    assert evening.meets_next("general", calls, at("2026-10-26T10:00")) is None


def test_another_queue_takes_over_while_one_is_closed() -> None:
    given = {
        "general": {"mon": ["08:00", "20:00"], "closed_to": "hotline"},
        "hotline": {"mon-sat": ["06:00", "22:00"], "closed_to": "outage"},
    }
    hours = Opening(KYIV, opening.weeks(given, QUEUES))
    assert hours.taken_by("general", at("2026-10-26T10:00")) == "general"
    assert hours.taken_by("general", at("2026-10-26T21:00")) == "hotline"
    assert hours.taken_by("general", at("2026-10-26T23:00")) == "outage"
    shut = {"general": {"mon": "closed", "closed_to": "hotline"}, "hotline": {"mon": "closed"}}
    hours = Opening(KYIV, opening.weeks(shut, QUEUES))
    assert hours.taken_by("general", at("2026-10-26T10:00")) == "general"


# ---------------------------------------------------------------------- any hours, any moment

TIMES = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
SPAN = st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1]).map(list)
OF_DAY = st.one_of(SPAN, st.just("closed"), st.just("24/7"))
DAYS = st.dictionaries(st.sampled_from(opening.WEEKDAYS), OF_DAY, min_size=1)
MOMENTS = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001
    datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
HOURS = st.builds(
    lambda days, zone: of(days, ZoneInfo(zone), country="RU"), DAYS, st.sampled_from(ZONES)
)


def by_the_clock(hours: Opening, moment: datetime) -> bool:
    """What the wall clock says, by plain comparison; not for the night of a clock change."""
    local = moment.astimezone(hours.zone)
    minute = local.hour * 60 + local.minute + local.second / 60 + local.microsecond / 6e7
    week = hours.weeks["general"]
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        spans = week.holidays if day in hours.holidays else week.days[day.weekday()]
        if any(first <= minute + back * 1440 < last for first, last in spans or ()):
            return True
    return False


def clock_change(hours: Opening, moment: datetime) -> bool:
    near = [moment.astimezone(hours.zone) + timedelta(days=n) for n in (-2, 0, 2)]
    return len({each.utcoffset() for each in near}) > 1


@given(HOURS, MOMENTS)
def test_open_is_what_the_clock_says(hours: Opening, moment: datetime) -> None:
    if not clock_change(hours, moment):
        assert hours.is_open("general", moment) == by_the_clock(hours, moment)


@given(HOURS, MOMENTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(hours: Opening, now: datetime) -> None:
    moment = hours.opens_next("general", now)
    if moment is None:
        assert not any(hours.weeks["general"].days)
        return
    assert moment >= now
    assert moment.tzinfo is hours.zone
    assert hours.is_open("general", moment)
    step = max((moment - now) / 50, timedelta(minutes=1))
    before = now
    while before < moment - timedelta(seconds=1):
        assert not hours.is_open("general", before)
        before += step
    if moment > now:
        assert not hours.is_open("general", moment - timedelta(microseconds=1))


@given(HOURS, MOMENTS, st.integers(1, 3000))
def test_working_time_is_never_shorter_than_the_wall(
    hours: Opening, now: datetime, minutes: int
) -> None:
    length = timedelta(minutes=minutes)
    due = hours.after("general", now, length)
    if due is not None:
        assert due >= now + length
        half = hours.after("general", now, length / 2)
        assert half is not None
        assert hours.after("general", half, length - length / 2) == due


# ---------------------------------------------------------------------- what cannot be meant

WRONG = {
    "no queue": ({"lottery": "24/7"}, "`hours: lottery` is no queue"),
    "no day": ({"general": {"moonday": ["08:00", "20:00"]}}, "`moonday` is no day"),
    "half a range": ({"general": {"mon-": "closed", "fri-x": "closed"}}, "`fri-x` is no day"),
    "nothing": ({"general": {}}, "names no day"),
    "twice": ({"general": {"mon-wed": "closed", "wed": "closed"}}, "wed is named twice"),
    "equal ends": ({"general": ["08:00", "08:00"]}, "always is 24/7"),
    "an overlap": ({"general": {"mon": [["08:00", "12:00"], ["11:00", "15:00"]]}}, "overlap"),
    "a word": ({"general": "sometimes"}, "found 'sometimes'"),
    "numbers": ({"general": {"mon": [8, 20]}}, "`hours: general: mon` is"),
    "to nowhere": ({"general": {"mon": "closed", "closed_to": "x"}}, "x is no queue"),
    "to a number": ({"general": {"mon": "closed", "closed_to": 7}}, "the name of a queue"),
    "in a circle": (
        {
            "general": {"mon": "closed", "closed_to": "hotline"},
            "hotline": {"mon": "closed", "closed_to": "general"},
        },
        "leads in a circle",
    ),
}


@pytest.mark.parametrize(("hours", "error"), WRONG.values(), ids=WRONG)
def test_hours_that_cannot_be_meant(hours: dict[str, object], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        opening.weeks(hours, QUEUES)


@pytest.mark.parametrize(
    ("days", "error"),
    [
        ({"land": "RU"}, "unknown key `land`"),
        ({"country": "Russia"}, "ISO code of two letters, found 'Russia'"),
        ({"country": "RU", "part": "XX"}, "`holidays: part`"),
        ({"yearly": ["13-01"]}, "`holidays: yearly`.*13-01"),
        ({"yearly": "01-01"}, "must be a list"),
        ({"dates": ["2026-02-30"]}, "2026-02-30"),
    ],
)
def test_holidays_that_cannot_be_meant(days: dict[str, object], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        opening.holidays(days)


def test_a_week_round_its_end() -> None:
    week = opening.weeks({"general": {"sat-mon": ["10:00", "12:00"]}}, QUEUES)["general"]
    assert week == Week((((600, 720),), (), (), (), (), ((600, 720),), ((600, 720),)), ())
