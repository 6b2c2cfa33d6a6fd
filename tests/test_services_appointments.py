"""Appointments and offices: what conversations cannot show."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from ivr.model import Result
from ivr.services import SERVICES, Inquiry
from ivr.store.models import Ticket
from ivr.store.supply import Booking
from ivr.terms import Office, OfficeHours, read

NOW = datetime(2026, 10, 31, 8, 0, tzinfo=UTC)
TEN = {"starts": "2026-11-02T08:00:00+00:00"}
NOON = {"starts": "2026-11-02T10:00:00+00:00"}
CENTER = {"office_id": "center"}


@pytest.fixture
def ask(house, demo_store, caller):
    def answer(name, turn=1, now=NOW, company=None, number=caller.number, language="uk", **given):
        who = replace(caller, number=number)
        with demo_store.session() as db:
            args = (who, company or house.companies["odesa"], now, given, {}, f"call-1/{turn}", db)
            result: Result = SERVICES[name].answer(Inquiry(*args, language))
            return result

    return answer


@pytest.fixture
def rows(demo_store):
    def read_all(kind):
        with demo_store.session() as db:
            return list(db.scalars(select(kind).order_by(kind.id)))

    return read_all


def book(ask, turn=1, **given):
    return ask("appointments.book", turn, **{"office_choice": CENTER, "slot_choice": TEN, **given})


def test_a_repeated_turn_books_once(ask, rows):
    first = book(ask)
    assert first.outcome == "booked"
    assert book(ask) == first
    assert len(rows(Booking)) == len(rows(Ticket)) == 1


def test_the_ticket_tells_office_day_time_and_telephone(ask, rows):
    book(ask)
    (ticket,) = rows(Ticket)
    assert ticket.details == {
        "office": "center", "day": "2026-11-02", "time": "10:00", "phone": "+380671110001",
    }  # fmt: skip


def test_a_moved_appointment_keeps_its_number_and_its_ticket(ask, rows):
    number = book(ask).values["receipt"]
    booking = ask("appointments.mine").values["booking"]
    given = {"moving": True, "booking": booking, "slot_choice": NOON}
    moved = book(ask, 2, **given)
    assert moved.outcome == "moved"
    assert book(ask, 2, **given) == moved
    assert moved.values["receipt"] == number
    (ticket,) = rows(Ticket)
    assert ticket.details["time"] == "12:00"
    assert [each.live for each in rows(Booking)] == [None, True]


def test_a_cancelled_seat_is_free_and_the_ticket_is_done(ask, rows, house):
    company = house.companies["odesa"]
    office = replace(company.terms.offices[0], seats=1)
    narrow = replace(company, terms=replace(company.terms, offices=(office,)))
    book(ask, company=narrow)
    assert book(ask, 2, company=narrow, number="+380501234567").outcome == "taken"
    booking = ask("appointments.mine").values["booking"]
    for _ in range(2):
        assert ask("appointments.cancel", 3, booking=booking).outcome == "cancelled"
    assert ask("appointments.mine").outcome == "none"
    assert book(ask, 4, company=narrow, number="+380501234567").outcome == "booked"
    assert [ticket.state for ticket in rows(Ticket)] == ["done", "open"]


def test_nobody_hears_the_appointment_of_another_number(ask):
    book(ask)
    assert ask("appointments.mine", number="+380501234567").outcome == "none"
    assert ask("appointments.mine", number=None).outcome == "none"


def test_an_appointment_that_is_over_is_not_told(ask):
    book(ask)
    assert ask("appointments.mine", now=datetime(2026, 11, 2, 8, 0, tzinfo=UTC)).outcome == "none"


def test_an_office_that_was_closed_is_no_longer_offered(ask, house):
    book(ask)
    booking = ask("appointments.mine").values["booking"]
    company = house.companies["odesa"]
    fewer = replace(company, terms=replace(company.terms, offices=company.terms.offices[1:]))
    assert ask("appointments.mine", company=fewer).values["office"] == ""
    assert ask("appointments.move", company=fewer, booking=booking).outcome == "none"
    given = {"moving": True, "booking": booking, "slot_choice": NOON}
    assert book(ask, 2, company=fewer, **given).outcome == "gone"


def test_an_office_is_named_in_the_language_of_the_caller(ask):
    assert "Troitska" in ask("offices.find", language="en").values["offices"][0]["office"]
    assert "Троїцька" in ask("offices.find", language="vi").values["offices"][0]["office"]


def test_an_office_with_holidays_for_weeks_is_shut(ask, house):
    company = house.companies["odesa"]
    closed = tuple(
        replace(office, hours=(OfficeHours(days=(7,), open=("09:00", "10:00")),))
        for office in company.terms.offices
    )
    sunday = replace(company, terms=replace(company.terms, offices=closed))
    told = ask("offices.hours", company=sunday, office_choice=CENTER)
    assert (told.values["today"], told.values["visit"]) == ("office_next", "2026-11-01")


OFFICE = {
    "id": "a",
    "settlement": "Одеса",
    "address": {"uk": "Троїцька"},
    "hours": [{"days": [1], "open": ["08:00", "17:00"]}],
}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"id": "A b"}, "offices: 0: id"),
        ({"address": {}}, "offices: 0: address"),
        ({"hours": []}, "offices: 0: hours"),
        ({"hours": [{"days": [8], "open": ["08:00", "17:00"]}]}, "offices: 0: hours: 0: days: 0"),
        ({"hours": [{"days": [1], "open": ["8", "17:00"]}]}, "offices: 0: hours: 0: open: 0"),
        ({"seats": 0}, "offices: 0: seats"),
        ({"phone": "1"}, "offices: 0: phone"),
    ],
)
def test_what_is_wrong_with_an_office_is_named(change, place):
    with pytest.raises(ValueError, match=f"`{place}`"):
        read({"offices": [{**OFFICE, **change}]})


def test_an_office_is_read_with_its_defaults():
    (office,) = read({"offices": [OFFICE]}).offices
    assert isinstance(office, Office)
    assert (office.slot, office.seats, office.days) == (30, 1, 14)
