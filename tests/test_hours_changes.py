"""Other hours on single days: one place to set them, and everybody who asks for hours knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from ivr import callback_clock, callbacks, hours_changes
from ivr.actions import lately, undo
from ivr.agent_queue.memory import MemoryQueue
from ivr.errors import Changed, Unfit
from ivr.services import SERVICES, Inquiry
from ivr.store.models import Audit
from ivr.store.supervision import HoursChange
from ivr.store.supply import Booking

FRIDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""Noon in Kazan, eleven in Odesa."""
MONDAY = date(2026, 11, 23)
SATURDAY = date(2026, 11, 21)
QUEUE = MemoryQueue()


@pytest.fixture
def kazan(house):
    return house.companies["kazan"]


@pytest.fixture
def odesa(house):
    return house.companies["odesa"]


@pytest.fixture
def change(demo_store):
    def make(company, service, day, *span, who="vira", **more):
        with demo_store.session() as db:
            opens, closes = span or (None, None)
            row = hours_changes.change(
                db, company, who, more.pop("at", FRIDAY), service=service, day=day, opens=opens,
                closes=closes, **more,
            )  # fmt: skip
            return row.version

    return make


@pytest.fixture
def opening(demo_store):
    def read(company):
        with demo_store.session(read_only=True) as db:
            return hours_changes.read(db, company, FRIDAY)

    return read


@pytest.fixture
def ask(demo_store, caller):
    def answer(company, name, now=FRIDAY, **slots):
        with demo_store.session() as db:
            known = hours_changes.known(db, company, now)
            key = f"call-1/{len(slots)}"
            return SERVICES[name].answer(Inquiry(caller, known, now, slots, {}, key, db, "uk"))

    return answer


def at(company, day, clock):
    hours, minutes = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day, hours, minutes, tzinfo=company.zone)


# ---------------------------------------------------------------------- hours of queues


def test_a_closed_day_is_closed_and_no_other(kazan, change, opening):
    change(kazan, "general", MONDAY)
    hours = opening(kazan)
    assert not hours.is_open("general", at(kazan, MONDAY, "12:00"))
    assert hours.is_open("metering", at(kazan, MONDAY, "12:00"))
    assert hours.is_open("general", at(kazan, MONDAY + timedelta(days=1), "12:00"))
    assert hours.opens_next("general", at(kazan, MONDAY, "07:00")).date() == date(2026, 11, 24)
    assert kazan.opening.is_open("general", at(kazan, MONDAY, "12:00")), "the profile stays"


def test_other_hours_go_before_the_weekday_and_the_holiday(kazan, change, opening):
    day = date(2027, 1, 1)
    assert not kazan.opening.is_open("general", at(kazan, day, "12:00"))
    change(kazan, "general", day, "11:00", "13:00")
    hours = opening(kazan)
    assert hours.opens_next("general", at(kazan, day, "07:00")) == at(kazan, day, "11:00")
    assert not hours.is_open("general", at(kazan, day, "13:00"))


def test_all_is_every_queue_that_has_hours(kazan, change, opening):
    change(kazan, "*", MONDAY)
    change(kazan, "metering", MONDAY, "10:00", "12:00")
    hours, noon = opening(kazan), at(kazan, MONDAY, "11:00")
    assert not hours.is_open("general", noon)
    assert hours.is_open("metering", noon), "a change of its own goes before"
    assert hours.is_open("outage", noon) and hours.is_open("danger", noon)


def test_a_queue_that_is_always_open_is_closed_by_its_name(odesa, change, opening):
    change(odesa, "business", MONDAY)
    hours = opening(odesa)
    assert not hours.is_open("business", at(odesa, MONDAY, "12:00"))
    assert hours.is_open("business", at(odesa, MONDAY + timedelta(days=1), "00:00"))
    assert hours.opens_next("business", at(odesa, MONDAY, "12:00")) == at(
        odesa, MONDAY + timedelta(days=1), "00:00"
    )
    assert hours.taken_by("business", at(odesa, MONDAY, "12:00")) == "business"


def test_hours_over_midnight_belong_to_the_day_they_begin_on(odesa, change, opening):
    change(odesa, "general", MONDAY, "20:00", "02:00")
    change(odesa, "general", MONDAY + timedelta(days=1))
    hours = opening(odesa)
    assert hours.is_open("general", at(odesa, MONDAY + timedelta(days=1), "01:59"))
    assert not hours.is_open("general", at(odesa, MONDAY + timedelta(days=1), "02:00"))
    assert not hours.is_open("general", at(odesa, MONDAY, "19:59"))


# ---------------------------------------------------------------------- what callers notice


def test_the_promise_to_call_back_and_its_clock_know(kazan, change, demo_store):
    change(kazan, "general", MONDAY)
    saturday = at(kazan, SATURDAY, "19:00").astimezone(UTC)
    with demo_store.session() as db:
        known = hours_changes.known(db, kazan, saturday)
        row = callbacks.promise(
            db, company="kazan", number="+78431110001", queue="general", language="ru",
            call="call-1", key="call-1/1", now=saturday,
            not_before=known.may_call_from("general", saturday).astimezone(UTC),
        )  # fmt: skip
        clock = callback_clock.start(db, known, row)
    assert clock.since == at(kazan, date(2026, 11, 24), "08:00")


def test_an_office_tells_the_hours_of_the_day(odesa, change, ask):
    center = {"office_choice": {"office_id": "center"}}
    assert ask(odesa, "offices.hours", **center).values["closes"] == "16:00"
    change(odesa, "office:center", FRIDAY.date(), "10:00", "12:30")
    told = ask(odesa, "offices.hours", **center).values
    assert (told["today"], told["opens"], told["closes"]) == ("office_open", "10:00", "12:30")
    change(odesa, "office:center", FRIDAY.date(), version=1)
    told = ask(odesa, "offices.hours", **center).values
    assert (told["today"], told["visit"]) == ("office_next", "2026-11-23")


def test_no_appointment_on_a_closed_day_and_some_on_one_that_is_open_for_once(odesa, change, ask):
    center = {"office_choice": {"office_id": "center"}}
    late = at(odesa, FRIDAY.date(), "15:30").astimezone(UTC)

    def offered():
        found = ask(odesa, "appointments.times", late, **center).values["slots"]
        return [(slot["visit"], slot["visit_from"]) for slot in found]

    assert offered()[0] == ("2026-11-23", "08:00")
    change(odesa, "*", MONDAY)
    assert offered()[0][0] == "2026-11-24"
    change(odesa, "office:center", SATURDAY, "10:00", "11:00")
    assert offered()[:2] == [("2026-11-21", "10:00"), ("2026-11-21", "10:30")]


def test_crews_do_not_come_on_a_closed_day(odesa, change, demo_store, caller):
    from ivr.services import slots

    def first_days():
        with demo_store.session() as db:
            known = hours_changes.known(db, odesa, FRIDAY)
            inquiry = Inquiry(caller, known, FRIDAY, {}, {}, "call-1/1", db, "uk")
            table = slots.of_visits(odesa.terms.visits)
            free, _ = slots.free(inquiry, table)
            return free[0].starts.astimezone(odesa.zone).date(), slots.working_day(inquiry, 1)

    booked, worked = first_days()
    change(odesa, "visits", booked)
    change(odesa, "visits", worked) if worked != booked else None
    later, working = first_days()
    assert later > booked and working > worked


def test_appointments_that_a_closed_day_meets_are_listed(odesa, change, ask, demo_store):
    center = {"office_choice": {"office_id": "center"}}
    for start, turn in (("08:00", 1), ("14:00", 2)):
        moment = at(odesa, MONDAY, start).astimezone(UTC).isoformat()
        turned = {"a": 1} if turn == 2 else {}
        booked = ask(odesa, "appointments.book", slot_choice={"starts": moment}, **center, **turned)
        assert booked.outcome == "booked"
    assert _unmet(demo_store, odesa) == []
    change(odesa, "office:center", MONDAY, "08:00", "12:00")
    assert _unmet(demo_store, odesa) == ["14:00"]
    change(odesa, "*", MONDAY)
    assert _unmet(demo_store, odesa) == ["14:00"], "the office's own hours go before"
    change(odesa, "office:center", MONDAY, version=1)
    assert _unmet(demo_store, odesa) == ["08:00", "14:00"]
    with demo_store.session() as db:
        assert len(list(db.scalars(select(Booking).where(Booking.live.is_(True))))) == 2


def _unmet(store, company):
    with store.session(read_only=True) as db:
        known = hours_changes.known(db, company, FRIDAY)
        rows = hours_changes.unmet(db, known, "*", MONDAY)
    assert all(row["number"] == "+380671110001" and row["receipt"] for row in rows)
    return [f"{row['starts'].astimezone(company.zone):%H:%M}" for row in rows]


# ---------------------------------------------------------------------- who may, and undoing


@pytest.mark.parametrize(
    ("service", "day", "span", "reason"),
    [
        ("general", date(2026, 11, 19), (), "past"),
        ("general", date(2028, 1, 1), (), "far"),
        ("nobody", MONDAY, (), "service"),
        ("danger", MONDAY, (), "service"),
        ("office:moon", MONDAY, (), "service"),
        ("general", MONDAY, ("12:00", "12:00"), "span"),
        ("general", MONDAY, ("25:00", "26:00"), "span"),
        ("general", MONDAY, ("9", "10"), "span"),
        ("office:center", MONDAY, ("20:00", "02:00"), "span"),
    ],
)
def test_what_cannot_be(odesa, change, demo_store, service, day, span, reason):
    with pytest.raises(Unfit) as refused:
        change(odesa, service, day, *span)
    assert refused.value.reason == f"hours_{reason}"
    with demo_store.session(read_only=True) as db:
        assert not list(db.scalars(select(HoursChange))) + list(db.scalars(select(Audit)))


def test_today_on_the_companys_own_clock_may_be_changed(odesa, change):
    midnight = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)  # half past midnight in Odesa
    change(odesa, "general", SATURDAY, at=midnight)
    with pytest.raises(Unfit, match="past"):
        change(odesa, "general", FRIDAY.date(), at=midnight)


def test_hours_that_the_clock_skips_are_refused(odesa, change):
    spring = date(2027, 3, 28)  # 03:00 is 04:00
    with pytest.raises(Unfit, match="skipped"):
        change(odesa, "general", spring, "03:30", "03:45")
    assert change(odesa, "general", spring, "03:30", "05:00") == 1


def test_hours_that_there_are_twice_last_from_the_first_to_the_second(odesa, change, opening):
    autumn = date(2027, 10, 31)
    change(odesa, "general", autumn, "03:30", "03:45", at=datetime(2027, 10, 1, tzinfo=UTC))
    opens = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    known = opening(odesa)
    wanted = {-1: False, 0: True, 40: True, 74: True, 75: False}
    found = {each: known.is_open("general", opens + timedelta(minutes=each)) for each in wanted}
    assert found == wanted


def test_the_second_of_two_is_told_who_was_faster(odesa, change):
    assert change(odesa, "general", MONDAY, who="olha") == 1
    with pytest.raises(Changed) as refused:
        change(odesa, "general", MONDAY, "10:00", "12:00")
    assert refused.value.who == "olha"
    assert change(odesa, "general", MONDAY, "10:00", "12:00", version=1) == 2


def take_back(store, company, at=FRIDAY, nth=0):
    with store.session() as db:
        action = lately(db, company.id, FRIDAY - timedelta(days=1), "hours.")[nth]
        undo(db, QUEUE, company, action.id, "olha", at)


def test_undoing_puts_back_what_held_before(odesa, change, opening, demo_store):
    change(odesa, "general", MONDAY, "10:00", "12:00")
    change(odesa, "general", MONDAY, version=1)
    take_back(demo_store, odesa)
    assert opening(odesa).changed("general", MONDAY) == ((600, 720),)
    take_back(demo_store, odesa, nth=2)
    assert opening(odesa).changed("general", MONDAY) is None


def test_a_restored_day_comes_back_by_undoing(odesa, change, opening, demo_store):
    change(odesa, "general", MONDAY, "10:00", "12:00")
    with demo_store.session() as db:
        hours_changes.restore(db, odesa, "vira", FRIDAY, service="general", day=MONDAY, version=1)
    assert opening(odesa).changed("general", MONDAY) is None
    take_back(demo_store, odesa)
    assert opening(odesa).changed("general", MONDAY) == ((600, 720),)


def test_what_was_changed_since_is_not_undone(odesa, change, opening, demo_store):
    change(odesa, "general", MONDAY)
    change(odesa, "general", MONDAY, "10:00", "12:00", version=1, who="petro")
    with pytest.raises(Changed) as refused:
        take_back(demo_store, odesa, nth=1)
    assert refused.value.who == "petro"
    with pytest.raises(Unfit, match="past"):
        take_back(demo_store, odesa, at=FRIDAY + timedelta(days=5))
    assert opening(odesa).changed("general", MONDAY) == ((600, 720),)
