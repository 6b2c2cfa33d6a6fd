"""Reports and their groups: one caller is one, three are a suspected event, and exactly one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from reporting import NOON, Callers, account
from sqlalchemy import select

from ivr.model import Caller
from ivr.services import SERVICES, Inquiry, outage_reports, subscriptions
from ivr.store.models import Account, OutboxEntry, Ticket
from ivr.store.supply import (
    OutageArea,
    OutageEvent,
    OutageReport,
    PrioritySite,
    Subscription,
    SuspectedEvent,
)


@pytest.fixture
def callers(house, demo_store):
    people = Callers(house.companies["odesa"], demo_store)
    people.live(*(account(number, "Довга", "TP-9") for number in range(1, 6)))
    return people


def test_three_reports_under_one_substation_are_a_suspected_event(callers):
    for number in (1, 2):
        callers.report(number)
    assert callers.suspected() == []
    callers.report(3)
    (found,) = callers.suspected()
    assert (found.substation, found.street, found.reports) == ("TP-9", None, 3)
    assert found.settlement == "Одеса"
    with callers.store.session() as db:
        assert db.scalars(select(OutageReport.suspected_id)).all() == [found.id] * 3


def test_a_fourth_one_is_counted_to_it(callers):
    for number in (1, 2, 3, 4):
        callers.report(number, after=number)
    (found,) = callers.suspected()
    assert found.reports == 4
    assert found.first_at == NOON + timedelta(minutes=1)
    assert found.last_at == NOON + timedelta(minutes=4)


def test_one_caller_who_phones_three_times_is_one(callers):
    for number in (1, 2, 3):
        callers.report(number, number="+380671110001")
    callers.report(4)
    assert callers.suspected() == []
    callers.report(5)
    assert [each.reports for each in callers.suspected()] == [3]


def test_one_account_is_one_whoever_phones(callers):
    for _ in range(4):
        callers.report(1)
    assert callers.suspected() == []
    assert callers.count(Ticket) == 1
    assert callers.count(OutageReport) == 4


def test_withheld_numbers_are_told_apart_by_their_accounts(callers):
    for number in (1, 2, 3):
        callers.report(number, number="")
    assert [each.reports for each in callers.suspected()] == [3]


def test_reports_that_lie_too_far_apart_are_no_group(callers):
    callers.report(1)
    callers.report(2, after=10)
    callers.report(3, after=16)
    assert callers.suspected() == []
    callers.report(4, after=17)
    assert [each.reports for each in callers.suspected()] == [3]


def test_a_street_is_a_group_where_the_substations_differ(callers):
    callers.live(
        account(11, "вул. Нова", "TP-1"), account(12, "НОВА", "TP-2"), account(13, "Нова"),
        account(14, "Нова", settlement="Київ"),
    )  # fmt: skip
    for number in (14, 11, 12):
        callers.report(number)
    assert callers.suspected() == []
    callers.report(13)
    (found,) = callers.suspected()
    assert (found.substation, found.street, found.settlement) == (None, "Нова", "Одеса")
    callers.live(account(15, "нова", "TP-3"))
    callers.report(15)
    assert [each.reports for each in callers.suspected()] == [4]


def test_after_a_decision_of_the_dispatcher_a_new_group_begins(callers):
    for number in (1, 2, 3):
        callers.report(number)
    with callers.store.session() as db:
        db.scalar(select(SuspectedEvent)).state = "dismissed"
    callers.report(4)
    assert len(callers.suspected()) == 1


def test_who_has_another_cause_than_the_known_event_is_no_sign_of_one(callers):
    with callers.store.session() as db:
        event = OutageEvent(
            company="odesa", number="E5", kind="emergency", since=NOON, updated_at=NOON,
            areas=[OutageArea(company="odesa", substation="TP-9")],
        )  # fmt: skip
        db.add(event)
        db.flush()
        known = event.id
    for number in (1, 2, 3):
        callers.report(number, known_event=known)
    assert callers.suspected() == []
    with callers.store.session() as db:
        assert db.scalar(select(Ticket)).details["event"] == "E5"


def test_the_turn_that_is_repeated_makes_one_ticket_and_one_report(callers):
    first = callers.report(1, call="call-9")
    assert callers.report(1, call="call-9") == first
    assert first.outcome == "registered"
    assert callers.count(Ticket) == callers.count(OutageReport) == 1


def test_a_repeated_report_gets_the_ticket_while_it_is_open(callers):
    first = callers.report(1)
    again = callers.report(1, after=60)
    assert (first.outcome, again.outcome) == ("registered", "again")
    assert again.values["receipt"] == first.values["receipt"]
    with callers.store.session() as db:
        db.scalar(select(Ticket)).state = "done"
    assert callers.report(1, after=61).outcome == "registered"
    assert callers.report(1, after=61 + 6 * 60).outcome == "again"
    assert callers.report(1, after=62 + 6 * 60).outcome == "registered"


def test_a_site_of_the_register_has_its_priority(callers):
    with callers.store.session() as db:
        site = db.scalar(select(Account).where(Account.number == "1"))
        db.add(
            PrioritySite(
                company="odesa", number="7", name="Лікарня", account=site, approved_by="ОВА",
                updated_at=NOON,
            )
        )  # fmt: skip
    callers.report(1)
    callers.report(2)
    with callers.store.session() as db:
        priorities = db.scalars(select(Ticket.priority).order_by(Ticket.id)).all()
    assert priorities == ["priority_site", "normal"]


def test_dispatchers_hear_of_it_where_their_system_is_told(house, demo_store):
    odesa = house.companies["odesa"]
    feed = ("report", "suspected")
    company = replace(odesa, terms=replace(odesa.terms, feed=feed))
    callers = Callers(company, demo_store)
    callers.live(*(account(number, "Довга", "TP-9") for number in range(1, 5)))
    for number in (1, 2, 3, 4):
        callers.report(number)
    with demo_store.session() as db:
        told = [
            row.payload["what"] for row in db.scalars(select(OutboxEntry)) if row.kind == "feed"
        ]
    assert sorted(told) == ["report"] * 4 + ["suspected"]


def test_reports_go_over_to_the_event_behind_them_with_who_wants_to_be_told(callers):
    for number in (1, 2, 3):
        callers.report(number)
    notice = {
        "number": "+380671110001", "way": "sms", "language": "uk", "account": None,
        "call": "call-1", "key": "call-1/9/notice",
    }  # fmt: skip
    with callers.store.session() as db:
        reports = db.scalars(select(OutageReport).order_by(OutageReport.id)).all()
        reports[0].answers = {"notice": notice}
        event = OutageEvent(
            company="odesa", number="E6", kind="emergency", since=NOON, updated_at=NOON, areas=[]
        )
        db.add(event)
        db.flush()
        assert subscriptions.adopt(db, event, reports, NOON) == 3
        assert subscriptions.adopt(db, event, reports, NOON) == 0
    with callers.store.session() as db:
        (row,) = db.scalars(select(Subscription)).all()
        assert (row.number, row.way, row.event.number) == ("+380671110001", "sms", "E6")


def test_answers_are_added_to_the_report_and_its_ticket(callers):
    known = callers.report(1).values
    caller = Caller("call-1", "odesa", None, None, "console", NOON)
    for said in ({"display": "dark"}, {"voltage": "low"}):
        with callers.store.session() as db:
            inquiry = Inquiry(caller, callers.company, NOON, known, said, "call-1/8", db, "uk")
            assert SERVICES["outages.answer"].answer(inquiry).outcome == "kept"
    with callers.store.session() as db:
        details = db.scalar(select(Ticket)).details
        assert details == {"scope": "house", "display": "dark", "voltage": "low"}


def test_distinct_counts_accounts_and_telephones():
    def row(account, number):
        return OutageReport(account_id=account, caller_number=number)

    rows = [row(1, "a"), row(2, "a"), row(1, "b"), row(2, "b"), row(3, None), row(3, None)]
    assert [(each.account_id, each.caller_number) for each in outage_reports.distinct(rows)] == [
        (1, "a"),
        (2, "b"),
        (3, None),
    ]


def test_an_event_that_comes_in_later_claims_the_reports_of_its_addresses(callers):
    callers.report(1, after=-7 * 60)
    for number in (2, 3):
        callers.report(number)
    with callers.store.session() as db:
        known = db.scalars(select(Ticket).order_by(Ticket.id)).all()[-1]
        known.details = {**known.details, "event": "E0"}
        for number, kind in (("W7", "planned"), ("E7", "emergency")):
            area = OutageArea(company="odesa", substation="TP-9")
            event = OutageEvent(
                company="odesa", number=number, kind=kind, since=NOON, updated_at=NOON, areas=[area]
            )
            db.add(event)
        db.flush()
        assert subscriptions.claim(db, callers.company, NOON) == 1
    with callers.store.session() as db:
        reports = db.scalars(select(OutageReport).order_by(OutageReport.id)).all()
        numbers = [row.event.number if row.event else None for row in reports]
        assert numbers == [None, "E7", None]
