"""The register of those who come first: by number, by account, for the days it names."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Ticket
from ivr.services import SERVICES, Inquiry, priority, tickets
from ivr.store.models import Account, Audit, Contact, OutboxEntry
from ivr.store.models import Ticket as Registered
from ivr.store.supply import PriorityPhone, PrioritySite

NUMBER = "+380671110001"
"""Of account 100200301, a household."""
STRANGER = "+380501234567"


class Register:
    """Entries of the register, and services that are asked about a caller."""

    def __init__(self, company, store, clock, caller):
        self.company, self.store, self.clock, self.caller = company, store, clock, caller
        self.queue = MemoryQueue({company.id: company.queues})
        self.slots = {"queue": "general"}

    @property
    def today(self):
        return self.clock().astimezone(self.company.zone).date()

    def add(self, kind="priority_site", phone=NUMBER, account=None, **fields):
        with self.store.session() as db:
            about = db.scalar(select(Account).where(Account.number == account))
            given = {
                "number": "P1",
                "name": "Лікарня",
                "note": "генератор на 4 год",
                "approved_by": "ОВА",
            }
            row = PrioritySite(
                company=self.company.id, kind=kind, account=about,
                updated_at=self.clock(), **{**given, **fields},
            )  # fmt: skip
            if phone:
                row.phones = [PriorityPhone(company=self.company.id, number=phone)]
            db.add(row)

    def inquiry(self, db, **slots):
        return Inquiry(
            caller=self.caller, company=self.company, now=self.clock(),
            slots={**self.slots, **slots}, arguments={}, key="call-1/1", db=db, language="uk",
            queue=self.queue,
        )  # fmt: skip

    def __call__(self, service, **slots):
        with self.store.session() as db:
            return SERVICES[service].answer(self.inquiry(db, **slots))

    def of_call(self, **slots):
        with self.store.session() as db:
            return priority.of_call(self.inquiry(db, **slots))

    def calls_from(self, number):
        self.caller = replace(self.caller, number=number)

    def rows(self, table):
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(table)))


@pytest.fixture
def register(house, demo_store, clock, caller):
    terms = replace(house.companies["odesa"].terms, feed=("ticket", "priority"))
    company = replace(house.companies["odesa"], terms=terms)
    found = Register(company, demo_store, clock, caller)
    found.calls_from(NUMBER)
    return found


# ---------------------------------------------------------------------- by the calling number


def test_a_site_gets_the_priority_line(register):
    register.add()
    result = register("callers.welcome")
    assert result.outcome == "priority_site"
    assert (result.values["mark"], result.values["priority"]) == ("priority_site",) * 2


def test_its_account_is_the_one_the_call_is_about(register):
    register.calls_from(STRANGER)
    register.add(phone=STRANGER, account="100200302")
    values = register("callers.welcome").values
    assert (values["account"], values["proved"]) == ("100200302", True)


def test_somebody_vulnerable_hears_the_menu_and_comes_first(register):
    register.add("vulnerable", consent=True)
    result = register("callers.welcome")
    assert result.outcome == "welcome"
    assert result.values["mark"] == "priority_site"


def test_not_without_consent(register):
    register.add("vulnerable", consent=False)
    assert "mark" not in register("callers.welcome").values


@pytest.mark.parametrize(
    ("first", "last", "holds"),
    [
        (None, None, True),
        (0, 0, True),
        (-1, 1, True),
        (1, None, False),
        (None, -1, False),
        (0, None, True),
        (None, 0, True),
        (-9, -2, False),
    ],
)
def test_on_the_days_of_the_entry_both_included(register, first, last, holds):
    day = register.today
    span = {
        "valid_from": None if first is None else day + timedelta(days=first),
        "valid_to": None if last is None else day + timedelta(days=last),
    }
    register.add(**span)
    assert (register("callers.welcome").outcome == "priority_site") is holds


def test_the_days_are_the_company_s(register):
    """Half past ten in the evening in Greenwich is the next day in Odesa."""
    register.add(valid_to=date(2026, 10, 30))
    register.clock.now = register.clock.now.replace(day=30, hour=21, minute=30)
    assert register("callers.welcome").outcome == "priority_site"
    register.clock.now = register.clock.now.replace(day=30, hour=22, minute=30)
    assert register("callers.welcome").outcome == "welcome"


def test_another_number_and_a_withheld_one(register):
    register.add(phone=STRANGER)
    assert register("callers.welcome").outcome == "welcome"
    register.calls_from(None)
    assert register("callers.welcome").outcome == "welcome"


def test_an_entry_of_another_company(register):
    register.add()
    with register.store.session() as db:
        db.scalar(select(PriorityPhone)).company = "kazan"
    assert register("callers.welcome").outcome == "welcome"


def test_the_hospital_of_the_accounts_needs_no_entry(register):
    register.calls_from("+380487110009")
    result = register("callers.welcome")
    assert (result.outcome, result.values["account"]) == ("priority_site", "200300001")


def test_whose_entry_has_expired_has_no_place_before_others(register):
    register.calls_from("+380487110009")
    register.add(phone=None, account="200300001", valid_to=register.today - timedelta(days=1))
    assert register("callers.welcome").outcome == "welcome"
    assert register.of_call(account="200300001", proved=True) == "normal"


# ---------------------------------------------------------------------- by the account


def test_an_account_that_is_proved(register):
    register.add("vulnerable", phone=None, account="100200301", consent=True)
    assert register.of_call(account="100200301", proved=True) == "priority_site"
    assert register.of_call(account="100200301", proved=False) == "normal"
    assert register.of_call(account="100200302", proved=True) == "normal"
    assert register.of_call(account="999", proved=True) == "normal"


def test_a_site_comes_first_by_its_account_alone(register):
    register.calls_from(STRANGER)
    found = register("accounts.find", typed="200300001").values
    assert not found.get("proved")
    assert register.of_call(**found) == "priority_site"


def test_a_site_of_the_register_alone_does_so_too(register):
    register.add("priority_site", phone=None, account="100200301")
    assert register.of_call(account="100200301", proved=False) == "priority_site"
    assert register.of_call(account="100200302", proved=False) == "normal"


def test_of_two_entries_the_site_counts(register):
    register.add("vulnerable", phone=None, account="100200301", consent=True)
    register.add("priority_site", phone=None, account="100200301", number="P2")
    assert register.of_call(account="100200301", proved=False) == "priority_site"


def test_a_site_whose_entry_has_expired_is_keyed_in_vain(register):
    register.add(
        "priority_site",
        phone=None,
        account="200300001",
        valid_to=register.today - timedelta(days=1),
    )
    assert register.of_call(account="200300001", proved=False) == "normal"


def test_chosen_by_its_own_telephone(register):
    register.add("vulnerable", phone=None, account="100200301", consent=True)
    found = register("accounts.by_phone").values
    assert register.of_call(**found) == "priority_site"


def test_chosen_by_a_telephone_that_was_only_kept(register):
    register.add("vulnerable", phone=None, account="200300001", consent=True)
    register.calls_from(STRANGER)
    with register.store.session() as db:
        account = db.scalar(select(Account).where(Account.number == "200300001"))
        db.add(
            Contact(
                company="odesa", number=STRANGER, account=account, source="consent",
                proved=False, created_at=register.clock(),
            )
        )  # fmt: skip
    found = register("accounts.by_phone").values
    assert found["account"] == "200300001"
    assert register.of_call(**found) == "normal"


# ---------------------------------------------------------------------- what it gives


def test_no_gate_holds_him(register):
    register.add("vulnerable", consent=True)
    marks = register("callers.welcome").values
    for name in ("general", "outage", "metering"):
        rules = replace(register.company.queues[name], limit=1, longest=1.0)
        register.company = replace(
            register.company, queues={**register.company.queues, name: rules}
        )
        register.queue.sign_in(
            Operator(f"o-{name}", "odesa", skills={name: 3}, status="paused"),
            register.clock().timestamp(),
        )
        for number in range(5):
            now = register.clock().timestamp()
            register.queue.enter(Ticket(f"{name}{number}", "odesa", name, now - 60), now)
        result = register("queues.ask", **{**marks, "queue": name})
        assert (result.outcome, result.values["priority"]) == ("wait", "priority_site")
        assert result.values["position"] == 1


def test_his_tickets_come_first_and_the_dispatcher_is_told_once(register):
    register.add("vulnerable", consent=True, account="100200301")
    with register.store.session() as db:
        inquiry = register.inquiry(db, mark="priority_site")
        for kind in ("outage", "meter_fault", "danger"):
            tickets.register(inquiry, kind, None, priority="danger" if kind == "danger" else "")
    known = {row.type: row.priority for row in register.rows(Registered)}
    assert known == {"outage": "priority_site", "meter_fault": "priority_site", "danger": "danger"}
    told = [row.payload["document"] for row in register.rows(OutboxEntry) if "priority" in row.key]
    assert len(told) == 1
    assert told[0]["site"]["name"] == "Лікарня"
    assert told[0]["site"]["note"] == "генератор на 4 год"
    assert told[0]["address"]["street"]
    (audit,) = [row for row in register.rows(Audit) if row.what == priority.ALERT]
    assert audit.call == register.caller.call


def test_a_lower_priority_that_a_flow_names_does_not_lower_it(register):
    with register.store.session() as db:
        row = tickets.register(
            register.inquiry(db, mark="priority_site"), "meter_fault", None, priority="raised"
        )
        assert row.priority == "priority_site"


def test_somebody_else_alerts_nobody(register):
    with register.store.session() as db:
        tickets.register(register.inquiry(db), "outage", None)
    assert register.rows(Audit) == []


def test_what_an_operator_raised_holds_for_what_the_call_registers(register):
    now = register.clock().timestamp()
    call = register.caller.call
    register.queue.enter(Ticket(call, "odesa", "general", now, number=NUMBER), now)
    register.queue.raise_to(call, "priority_site", now)
    with register.store.session() as db:
        row = tickets.register(register.inquiry(db), "outage", None)
        assert row.priority == "priority_site"


def test_the_list_of_the_dispatcher(register):
    register.add()
    with register.store.session() as db:
        account = db.scalar(select(Account).where(Account.number == "100200301"))
        for call, why in (("c1", "queue"), ("c1", "ticket"), ("c2", "raised")):
            priority.alert(
                db, register.company, call, register.clock(), number=NUMBER, account=account,
                why=why, queue="outage", who="olena" if why == "raised" else "", reason=why,
            )  # fmt: skip
            db.flush()
        found = priority.calls(db, "odesa", register.clock() - timedelta(hours=1))
        assert [(each.call, each.why, each.who) for each in found] == [
            ("c2", "raised", "olena"), ("c1", "queue", ""),
        ]  # fmt: skip
        assert found[0].site["kind"] == "priority_site"
        assert found[0].account == "100200301"
        assert priority.calls(db, "kazan", register.clock() - timedelta(hours=1)) == []
        assert priority.calls(db, "odesa", register.clock() + timedelta(hours=1)) == []


def test_a_company_that_wants_no_such_documents(register):
    register.company = replace(register.company, terms=replace(register.company.terms, feed=()))
    with register.store.session() as db:
        tickets.register(register.inquiry(db, mark="priority_site"), "outage", None)
    assert register.rows(OutboxEntry) == []
    assert [row.what for row in register.rows(Audit)] == [priority.ALERT]


# ---------------------------------------------------------------------- danger


def test_nobody_on_duty_danger_goes_to_the_dispatcher_at_once(register):
    result = register("queues.ask", queue="danger")
    assert result.outcome == "dispatcher"
    assert (result.values["outside"], result.values["priority"]) == ("dispatcher", "danger")
    assert result.values["promised"] is None


@pytest.mark.parametrize("queue, outcome", [("outage", "dispatcher"), ("metering", "unstaffed")])
def test_nobody_on_duty_a_site_without_supply_goes_there_too(register, queue, outcome):
    result = register("queues.ask", queue=queue, **priority.mark())
    assert result.outcome == outcome
    assert result.values["priority"] == "priority_site"


@pytest.mark.parametrize(
    "slots, outcome",
    [
        ({"queue": "danger"}, "danger"),
        ({"queue": "outage", "priority": "danger"}, "danger"),
        ({"queue": "outage", "priority": "priority_site"}, "site"),
    ],
)
def test_whom_a_silent_dispatcher_leaves_waiting(register, slots, outcome):
    assert register("danger.silent", **slots).outcome == outcome


def test_no_figure_is_promised_to_somebody_in_danger(register):
    now = register.clock().timestamp()
    register.queue.sign_in(Operator("taras", "odesa", skills={"danger": 3}, status="paused"), now)
    result = register("queues.ask", queue="danger")
    assert result.outcome == "urgent"
    assert result.values["promised"] is None
    assert result.values["minutes"] is None


def test_an_operator_of_the_queue_that_serves_it_too_counts(register):
    now = register.clock().timestamp()
    register.queue.sign_in(Operator("taras", "odesa", skills={"outage": 3}, status="paused"), now)
    assert register("queues.ask", queue="danger").outcome == "urgent"


def test_put_through_again_after_a_minute_only(register):
    now = register.clock().timestamp()
    assert register("danger.overdue").outcome == "dispatcher"
    assert register("danger.overdue", outside_at=now - 59).outcome == "none"
    assert register("danger.overdue", outside_at=now - 60).outcome == "dispatcher"
