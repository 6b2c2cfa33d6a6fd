"""Hours of the schedules and announced works, as they are told."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from ivr.services import SERVICES, Inquiry, schedules
from ivr.store.models import Account
from ivr.store.supply import EmergencySchedules, OutageArea, OutageEvent, ScheduleHours

DAY = date(2026, 10, 31)
TOMORROW = DAY + timedelta(days=1)


def row(hours, day=None):
    starts, ends = hours.split("-")
    return ScheduleHours(company="odesa", queue="3.2", day=day, starts=starts, ends=ends)


def rows(*hours, day=None):
    return [row(each, day) for each in hours]


def at(clock, day=DAY):
    return datetime.combine(day, time.fromisoformat(clock))


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (["11:00-14:30"], "10:59", None),
        (["11:00-14:30"], "11:00", "14:30"),
        (["11:00-14:30"], "14:29", "14:30"),
        (["11:00-14:30"], "14:30", None),
        (["11:00-13:00", "13:00-14:30"], "12:00", "14:30"),
        (["22:00-02:00"], "01:59", "02:00"),
        (["22:00-02:00"], "23:00", "02:00"),
        (["22:00-24:00", "00:00-03:00"], "23:00", "03:00"),
        (["22:00-24:00"], "23:59", "00:00"),
        ([], "12:00", None),
    ],
)
def test_off_until_the_end_of_the_hours(hours, now, until):
    found = schedules.off_until(rows(*hours), at(now))
    assert (f"{found:%H:%M}" if found else None) == until


def test_the_rows_of_a_day_stand_instead_of_those_of_every_day():
    known = [*rows("11:00-14:30"), *rows("16:00-18:00", day=DAY)]
    assert schedules.off_until(known, at("12:00")) is None
    assert schedules.off_until(known, at("17:00")) == at("18:00")
    assert schedules.off_until(known, at("12:00", TOMORROW)) == at("14:30", TOMORROW)


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (["11:00-14:30"], [("11:00", "14:30")]),
        (["20:00-24:00"], [("20:00", "24:00")]),
        (["14:00-16:00", "09:00-12:00", "11:00-13:00"], [("09:00", "13:00"), ("14:00", "16:00")]),
        (["23:00-02:30"], [("00:00", "02:30"), ("23:00", "02:30")]),
        (["00:00-24:00"], [("00:00", "24:00")]),
        ([], []),
    ],
)
def test_hours_of_a_day_in_order(hours, told):
    assert schedules.hours_of(rows(*hours), DAY) == told


clocks = st.integers(0, 24 * 4 - 1).map(lambda q: f"{q // 4:02}:{q % 4 * 15:02}")
spans = st.tuples(clocks, clocks).filter(lambda span: span[0] != span[1]).map("-".join)


@given(st.lists(spans, max_size=6), st.integers(0, 24 * 60 - 1))
def test_by_the_schedule_he_is_off_exactly_in_the_hours_that_are_told(hours, minute):
    known = rows(*hours)
    now = at("00:00") + timedelta(minutes=minute)
    clock = f"{now:%H:%M}"

    def within(starts, ends):
        # an end before the start is on the next day
        return starts <= clock and (clock < ends or ends <= starts)

    told = any(within(*span) for span in schedules.hours_of(known, DAY))
    assert (schedules.off_until(known, now) is not None) == told


# ---------------------------------------------------------------------- the service of key 3


@pytest.fixture
def lines(house, demo_store, caller):
    def tell(account="100200301", now="10:00", company="odesa"):
        profile = house.companies[company]
        moment = at(now).replace(tzinfo=profile.zone).astimezone(UTC)
        with demo_store.session(read_only=True) as db:
            inquiry = Inquiry(caller, profile, moment, {"account": account}, {}, "call/1", db)
            return SERVICES["schedules.tell"].answer(inquiry).values["lines"]

    return tell


def test_tomorrow_is_told_where_it_is_known(lines, demo_store):
    with demo_store.session() as db:
        for hours, day in (("16:00-18:00", TOMORROW), ("19:00-20:00", TOMORROW)):
            starts, ends = hours.split("-")
            db.add(
                ScheduleHours(
                    company="odesa", queue="3.2", day=day, starts=starts, ends=ends,
                    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
                )
            )  # fmt: skip
    told = [(line["line"], line.get("off_from")) for line in lines()]
    assert told == [
        ("schedule_queue_is", None),
        ("schedule_today", "11:00"),
        ("schedule_now_on", None),
        ("schedule_tomorrow", "16:00"),
        ("schedule_also", "19:00"),
        ("works_none", None),
    ]


def test_a_day_without_rows_while_another_day_has_some_is_without_hours(lines, demo_store):
    with demo_store.session() as db:
        db.execute(delete(ScheduleHours))
        db.add(
            ScheduleHours(
                company="odesa", queue="3.2", day=TOMORROW, starts="16:00", ends="18:00",
                updated_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    assert [line["line"] for line in lines()][1:3] == ["schedule_today_none", "schedule_tomorrow"]


def test_all_hours_of_the_day_are_told_at_any_hour_of_it(lines, demo_store):
    with demo_store.session() as db:
        db.execute(update(ScheduleHours).values(starts="22:00", ends="02:00"))
    for clock, word in (("01:59", "off"), ("02:00", "on"), ("21:59", "on"), ("23:30", "off")):
        told = [
            (line["line"], line.get("off_from"), line.get("off_until")) for line in lines(now=clock)
        ]
        assert told[1:4] == [
            ("schedule_today", "00:00", "02:00"),
            ("schedule_also", "22:00", "02:00"),
            (f"schedule_now_{word}", None, None),
        ]


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (["00:00-24:00"], "12:00", "24:00"),
        (["00:00-24:00"], "00:00", "24:00"),
        (["00:00-12:00", "12:00-00:00"], "23:59", "24:00"),
        (["00:00-23:00"], "12:00", "23:00"),
        (["22:00-23:30", "23:30-21:00"], "21:30", None),
        (["22:00-23:30", "23:30-21:00"], "22:00", "21:00"),
    ],
)
def test_a_whole_day_off_lasts_to_its_end(house, demo_store, caller, hours, now, until):
    profile = house.companies["odesa"]
    with demo_store.session() as db:
        db.execute(delete(ScheduleHours))
        for each in rows(*hours):
            each.updated_at = datetime(2026, 1, 1, tzinfo=UTC)
            db.add(each)
        db.flush()
        moment = at(now).replace(tzinfo=profile.zone).astimezone(UTC)
        inquiry = Inquiry(caller, profile, moment, {}, {}, "call/1", db)
        account = db.query(Account).filter_by(number="100200301").one()
        outcome, values = schedules.at_present(inquiry, account)
    assert (outcome, values.get("off_until")) == (
        ("by_schedule", until) if until else ("should_be_on", None)
    )


@pytest.mark.parametrize(("since", "first"), [(-1, "outage_event"), (1, "schedule_queue_is")])
def test_an_accident_is_told_before_the_hours(lines, demo_store, since, first):
    noon = at("12:00").replace(tzinfo=UTC)
    with demo_store.session() as db:
        db.add(
            OutageEvent(
                company="odesa", number="E7", kind="emergency", cause="cable",
                since=noon + timedelta(hours=since), updated_at=noon,
                areas=[OutageArea(company="odesa", street="Шевченка")],
            )
        )  # fmt: skip
    told = lines(now="14:00")
    assert told[0]["line"] == first
    assert [line["line"] for line in told].count("outage_event") == (since < 0)
    assert "schedule_today" in [line["line"] for line in told]


@pytest.mark.parametrize(
    ("region", "active", "told"),
    [("", True, True), ("м. Одеса", True, True), ("Київ", True, False), ("", False, False)],
)
def test_emergency_schedules_hold_in_their_region(lines, demo_store, region, active, told):
    with demo_store.session() as db:
        db.add(
            EmergencySchedules(
                company="odesa", region=region, active=active,
                updated_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    named = [line["line"] for line in lines()]
    assert ("schedule_emergency" in named) == told
    assert ("schedule_today" in named) != told


def test_no_more_works_are_told_than_anybody_remembers(lines, demo_store):
    with demo_store.session() as db:
        for number in range(1, 12):
            since = datetime(2026, 11, number, 7, tzinfo=UTC)
            db.add(
                OutageEvent(
                    company="odesa", number=f"W{number}", kind="planned", since=since,
                    restore_by=since + timedelta(hours=8), updated_at=since,
                    areas=[OutageArea(company="odesa", street="Шевченка")],
                )
            )  # fmt: skip
    dates = [line["works_date"] for line in lines() if line["line"] == "works_day"]
    assert dates == [f"2026-11-0{number}" for number in range(1, schedules.MOST + 1)]


def test_a_queue_with_a_name_that_cannot_be_spoken_is_not_named(lines, demo_store):

    with demo_store.session() as db:
        db.execute(update(Account).values(schedule_queue="A-7"))
    assert [line["line"] for line in lines()] == ["schedule_unknown", "works_none"]
