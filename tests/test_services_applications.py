"""Applications, requests and messages: what conversations cannot show."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr.model import Result
from ivr.services import SERVICES, Inquiry, notices, slots
from ivr.store.models import FIRST_RECEIPT, OutboxEntry, Ticket, VoiceMessage
from ivr.store.supply import Application, Booking
from ivr.terms import Visits

HOME = Path(__file__).parents[1]
NOW = datetime(2026, 10, 31, 8, 0, tzinfo=UTC)
FIRST = "2026-11-02T07:00:00+00:00"


@pytest.fixture
def ask(house, demo_store, caller):
    """Asks a service; company, caller, now, turn and language say who, the rest are slots."""

    def answer(name: str, **given: Any) -> Result:
        own = {
            "caller": caller, "company": house.companies["odesa"], "now": NOW, "turn": 1,
            "language": "uk",
        }  # fmt: skip
        who = {key: given.pop(key, value) for key, value in own.items()}
        key = f"{who['caller'].call}/{who['turn']}"
        with demo_store.session() as db:
            args = (who["caller"], who["company"], who["now"], given, {}, key, db)
            return SERVICES[name].answer(Inquiry(*args, who["language"]))

    return answer


@pytest.fixture
def rows(demo_store):
    def read(kind: Any) -> list[Any]:
        with demo_store.session() as db:
            return list(db.scalars(select(kind).order_by(kind.id)))

    return read


# ---------------------------------------------------------------------- slots


def free(house, demo_store, caller, terms: Visits, now: datetime) -> list[tuple[str, str]]:
    company = house.companies["odesa"]
    with demo_store.session() as db:
        inquiry = Inquiry(caller, company, now, {}, {}, "k", db)
        found, _ = slots.free(inquiry, slots.of_visits(terms))
        return [tuple(str(inquiry.local(m)) for m in (s.starts, s.ends)) for s in found]  # type: ignore[misc]


def test_slots_have_the_same_hours_before_and_after_the_clock_changes(house, demo_store, caller):
    terms = Visits(weekdays=(6, 7), windows=(("09:00", "13:00"),), notice=0)
    friday = datetime(2026, 10, 23, 12, tzinfo=UTC)
    assert free(house, demo_store, caller, terms, friday) == [
        ("2026-10-24 09:00:00+03:00", "2026-10-24 13:00:00+03:00"),
        ("2026-10-25 09:00:00+02:00", "2026-10-25 13:00:00+02:00"),
        ("2026-10-31 09:00:00+02:00", "2026-10-31 13:00:00+02:00"),
    ]


def test_a_window_may_end_at_midnight(house, demo_store, caller):
    terms = Visits(weekdays=(1,), windows=(("20:00", "24:00"),), notice=0)
    assert free(house, demo_store, caller, terms, NOW)[0] == (
        "2026-11-02 20:00:00+02:00", "2026-11-03 00:00:00+02:00",
    )  # fmt: skip


def test_notice_is_kept_to_the_minute(house, demo_store, caller):
    terms = Visits(notice=24)
    at = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)  # nine o'clock of the day before
    assert free(house, demo_store, caller, terms, at)[0][0] == "2026-11-02 09:00:00+02:00"
    later = at.replace(minute=1)
    assert free(house, demo_store, caller, terms, later)[0][0] == "2026-11-02 13:00:00+02:00"


def test_working_days_skip_the_weekend(house, demo_store, caller):
    with demo_store.session() as db:
        inquiry = Inquiry(caller, house.companies["odesa"], NOW, {}, {}, "k", db)
        assert slots.working_day(inquiry, 1) == date(2026, 11, 2)
        assert slots.working_day(inquiry, 5) == date(2026, 11, 6)
        assert slots.working_day(inquiry, 6) == date(2026, 11, 9)


def test_days_off_skip_the_holidays_of_the_company(house, demo_store, caller):
    with demo_store.session() as db:
        eve = datetime(2026, 12, 30, 12, tzinfo=UTC)
        inquiry = Inquiry(caller, house.companies["kazan"], eve, {}, {}, "k", db)
        assert slots.working_day(inquiry, 1) > date(2027, 1, 8)


# ---------------------------------------------------------------------- moving


def move(ask, turn=1, **slots_: Any) -> Result:
    given = {"application": "4512", "slot_choice": {"starts": FIRST}, **slots_}
    return ask("applications.move", turn=turn, **given)


def test_a_repeated_turn_moves_once(ask, rows):
    first = move(ask)
    assert first.outcome == "moved"
    assert move(ask) == first
    assert len(rows(Booking)) == 1
    (application,) = rows(Application)
    assert application.visit == datetime.fromisoformat(FIRST)
    assert application.until == datetime(2026, 11, 2, 11, tzinfo=UTC)


def test_moving_again_frees_the_first_seat(ask, rows):
    move(ask)
    assert move(ask, 2, slot_choice={"starts": "2026-11-02T11:00:00+00:00"}).outcome == "moved"
    assert [booking.live for booking in rows(Booking)] == [None, True]


def test_a_time_that_is_no_slot_is_not_taken(ask, rows):
    assert move(ask, slot_choice={"starts": "2026-11-02T07:30:00+00:00"}).outcome == "taken"
    assert move(ask, slot_choice={"starts": "2026-11-01T07:00:00+00:00"}).outcome == "taken"
    assert rows(Booking) == []


def test_the_crews_system_hears_of_a_move(ask, rows, house):
    company = house.companies["odesa"]
    listening = replace(company, terms=replace(company.terms, feed=("booking",)))
    move(ask, company=listening)
    (entry,) = rows(OutboxEntry)
    document = entry.payload["document"]
    assert entry.payload["what"] == "booking"
    assert (document["change"], document["application"]) == ("moved", "4512")
    assert document["starts"] == FIRST


def test_the_account_hears_of_a_move_from_another_telephone(ask, rows, caller, house):
    company = house.companies["odesa"]
    other = replace(caller, number="+380500000100")
    move(ask, company=replace(company, notices={}), caller=other)
    move(ask, 2, slot_choice={"starts": "2026-11-02T11:00:00+00:00"})
    assert rows(OutboxEntry) == []
    for _ in range(2):
        move(ask, 3, caller=other)
    (entry,) = rows(OutboxEntry)
    assert (entry.payload["to"], entry.payload["text"]) == ("+380671110001", "visit_moved")
    assert entry.payload["values"]["phone"] == company.numbers[0]


def test_a_company_that_wants_proof_writes_to_nobody_else(ask, rows, caller, house):
    company = house.companies["odesa"]
    terms = replace(company.terms, visits=replace(company.terms.visits, proof=True))
    other = replace(caller, number=None)
    assert ask("applications.may_move", application="4512").outcome == "allowed"
    asked = ask(
        "applications.may_move", application="4512", caller=other,
        company=replace(company, terms=terms),
    )  # fmt: skip
    assert asked.outcome == "prove"
    move(ask, company=replace(company, terms=terms), caller=other)
    assert rows(OutboxEntry) == []


def test_a_visit_is_moved_only_so_often_a_day(ask, house):
    company = house.companies["odesa"]
    visits = replace(company.terms.visits, moves=1)
    once = replace(company, terms=replace(company.terms, visits=visits))
    assert move(ask, company=once).outcome == "moved"
    assert move(ask, company=once).outcome == "moved"  # the same turn again
    assert ask("applications.may_move", application="4512", company=once).outcome == "often"
    assert move(ask, 2, company=once).outcome == "gone"
    later = datetime(2026, 10, 31, 22, 0, tzinfo=UTC)  # midnight in Kyiv
    assert ask("applications.may_move", application="4512", company=once, now=later).outcome == (
        "allowed"
    )


def test_nothing_of_the_account_is_told(ask):
    values = ask("applications.find", application_typed="4512").values
    assert "account" not in values
    assert not any("Шевченка" in str(value) for value in values.values())


def test_a_very_long_number_is_unknown(ask):
    assert ask("applications.find", application_typed="9" * 60).outcome == "unknown"


# ---------------------------------------------------------------------- requests


def test_what_was_said_is_a_message_and_a_ticket_that_names_it(ask, rows):
    given = {"message": "call-1-7.wav", "customer": {"word": "business"}}
    first = ask("requests.connection", **given)
    assert ask("requests.connection", turn=9, **given) == first
    (message,) = rows(VoiceMessage)
    (ticket,) = rows(Ticket)
    assert (message.path, message.queue) == ("call-1-7.wav", "connection")
    assert ticket.type == "connection"
    assert ticket.details["message"] == message.id
    assert ticket.details["customer"] == "business"
    assert ticket.details["phone"] == "+380671110001"


def test_a_connection_has_one_ticket_in_a_call_and_its_system_hears_what_is_added(ask, rows, house):
    company = house.companies["odesa"]
    listening = replace(company, terms=replace(company.terms, feed=("ticket",)))
    told = ask("requests.connecting", company=listening).values["receipt"]
    assert ask("requests.connecting", turn=2, company=listening).values["receipt"] == told
    for _ in range(2):
        kept = ask("messages.keep", turn=3, company=listening, message="a.wav")
        assert (kept.outcome, kept.values["receipt"]) == ("kept", told)
    (ticket,) = rows(Ticket)
    assert ticket.details["message"] == rows(VoiceMessage)[0].id
    sent = [entry.payload["document"]["details"].get("message") for entry in rows(OutboxEntry)]
    assert sent == [None, ticket.details["message"]]


def test_a_message_nobody_could_take_is_a_ticket_once(ask, rows):
    first = ask("messages.keep", message="a.wav", queue="general")
    assert ask("messages.keep", message="a.wav", queue="general") == first
    (ticket,) = rows(Ticket)
    (message,) = rows(VoiceMessage)
    assert (ticket.type, ticket.account_id is not None) == ("other", True)
    assert first.values["receipt"] == str(ticket.receipt_id + FIRST_RECEIPT)
    assert ticket.details == {
        "message": message.id, "queue": "general", "phone": "+380671110001",
    }  # fmt: skip
    assert ask("messages.keep", turn=2, message="").outcome == "empty"


def test_a_number_that_was_keyed_is_kept_where_his_own_is_withheld(ask, rows, caller):
    hidden = replace(caller, number=None)
    ask("requests.complaint", caller=hidden, message="m.wav", callback_number="+380501234567")
    (ticket,) = rows(Ticket)
    assert ticket.account_id is None
    assert ticket.details["phone"] == "+380501234567"
    assert ticket.details["due"] == "2026-11-30"


def test_a_refused_replacement_is_registered_and_done(ask, rows):
    given = {"account": "100200301", "place_choice": {"word": "flat"}}
    result = ask("requests.meter_replacement", **given)
    assert result.outcome == "refused"
    (ticket,) = rows(Ticket)
    assert (ticket.reason, ticket.state) == ("common_place", "done")
    told = ask("applications.find", application_typed=result.values["receipt"])
    assert (told.values["state"], told.values["why"]) == ("state_refused", "reason_common_place")


SMS = {
    "request": {"number": "100001"},
    "connection": {"number": "100001", "documents": "docs@odesa.example"},
    "visit": {"number": "4512", "on": "02.11", "first": "09:00", "last": "13:00"},
    "visit_moved": {
        "number": "4512",
        "on": "02.11",
        "first": "09:00",
        "last": "13:00",
        "phone": "+380487059090",
    },
    "appointment": {"number": "100001", "on": "02.11", "first": "09:00", "office": "Троїцька, 21"},
}


@pytest.mark.parametrize("text", SMS)
def test_a_message_is_sent_once_and_reads_well(ask, rows, house, text):
    sms = {"text": text, "values": SMS[text]}
    assert ask("requests.offer_sms", sms=sms).outcome == "ask"
    for _ in range(2):
        assert ask("requests.send_sms", sms=sms).outcome == "sent"
    (entry,) = rows(OutboxEntry)
    assert entry.payload["to"] == "+380671110001"
    texts = notices.load(HOME / "prompts" / "sms")
    for language in ("uk", "ru", "en", "vi", "tt"):
        written = texts.write(
            house.companies["odesa"], language, entry.payload["text"], entry.payload["values"]
        )
        assert len(written) <= 134
        assert all(value in written for value in SMS[text].values())


@pytest.mark.parametrize("number", ["+380487110009", None, "+4915112345678"])
def test_who_cannot_be_written_to_is_not_asked(ask, caller, number):
    sms = {"text": "request", "values": {"number": "1"}}
    there = replace(caller, number=number)
    assert ask("requests.offer_sms", caller=there, sms=sms).outcome == "skip"


def test_a_company_that_writes_nothing_does_not_ask(ask, house):
    silent = replace(house.companies["odesa"], notices={})
    sms = {"text": "request", "values": {"number": "1"}}
    assert ask("requests.offer_sms", company=silent, sms=sms).outcome == "skip"
