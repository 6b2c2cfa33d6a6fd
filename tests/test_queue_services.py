"""What the services say of a queue: who may wait, what is told, which number is called back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from ivr import opening
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Rules, Ticket
from ivr.model import Result
from ivr.services import SERVICES, Inquiry
from ivr.store.models import Callback


class Asker:
    """Asks services about a caller; the queue and the profile can be changed before."""

    def __init__(self, company, store, clock, caller):
        self.company = company
        self.store = store
        self.clock = clock
        self.caller = caller
        self.slots = {"queue": "general"}
        self.queue = MemoryQueue({company.id: company.queues})
        self.asked = 0

    @property
    def now(self):
        return self.clock().timestamp()

    def change(self, **fields):
        self.company = replace(self.company, **fields)

    def open(self, hours, holidays=None):
        weeks = opening.weeks(hours, self.company.queues)
        days = opening.holidays(holidays or {})
        self.change(opening=opening.Opening(self.company.zone, weeks, days))

    def rules(self, queue="general", **fields):
        self.change(queues={**self.company.queues, queue: Rules(**fields)})

    def operators(self, count, queue="general", status="paused"):
        for number in range(count):
            name = f"operator{number}"
            self.queue.sign_in(
                Operator(name, self.company.id, skills={queue: 3}, status=status), self.now
            )

    def waits(self, count, queue="general"):
        for number in range(count):
            ticket = Ticket(f"other-{number}", self.company.id, queue, self.now - 60)
            self.queue.enter(ticket, self.now)

    def __call__(self, service, **slots) -> Result:
        self.asked += 1
        with self.store.session() as db:
            result = SERVICES[service].answer(
                Inquiry(
                    caller=self.caller,
                    company=self.company,
                    now=self.clock(),
                    slots={**self.slots, **slots},
                    arguments={},
                    key=f"call-1/{self.asked}",
                    db=db,
                    language="uk",
                    queue=self.queue,
                )
            )
        assert result.outcome in SERVICES[service].outcomes
        return result


@pytest.fixture
def ask(house, demo_store, clock, caller):
    return Asker(house.companies["odesa"], demo_store, clock, caller)


# ---------------------------------------------------------------------- who may wait


def test_a_free_operator(ask):
    ask.operators(1, status="ready")
    result = ask("queues.ask")
    assert result.outcome == "free"
    assert result.values["position"] is None
    assert result.values["promised"] is None


def test_as_many_free_operators_as_the_place(ask):
    ask.operators(2)
    ask.waits(1)
    ask.queue.set_status("odesa", "operator0", "ready", ask.now)
    ask.queue.set_status("odesa", "operator1", "ready", ask.now)
    assert ask("queues.ask").outcome == "free", "the one before him has an operator already"


@pytest.mark.parametrize(
    ("waiting", "serving", "position", "minutes"),
    [(0, 1, 1, 4), (1, 1, 2, 8), (2, 3, 3, 4), (3, 3, 4, 6), (4, 1, 5, 20)],
)
def test_place_and_wait(ask, waiting, serving, position, minutes):
    ask.operators(serving)
    ask.waits(waiting)
    values = ask("queues.ask").values
    assert (values["position"], values["minutes"]) == (position, minutes)
    assert (values["queue_position"], values["queue_wait"]) == ("queue_position", "queue_wait")


def test_the_wait_at_the_cap_is_allowed_and_over_it_is_not(ask):
    ask.operators(1)
    ask.rules(longest=1200)
    ask.waits(4)
    assert ask("queues.ask").outcome == "wait"
    ask.queue.enter(Ticket("one-more", "odesa", "general", ask.now), ask.now)
    assert ask("queues.ask").outcome == "too_long"


def test_outside_of_a_storm_a_long_wait_is_told_and_nobody_is_held_off(ask):
    ask.operators(1)
    ask.waits(60)
    result = ask("queues.ask")
    assert result.outcome == "wait"
    assert result.values["minutes"] > 60


def test_a_full_queue(ask):
    ask.operators(1)
    ask.rules(limit=2)
    ask.waits(1)
    assert ask("queues.ask").outcome == "wait"
    ask.queue.enter(Ticket("one-more", "odesa", "general", ask.now), ask.now)
    assert ask("queues.ask").outcome == "full"


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [
        (("08:30", "20:00"), "wait"),
        (("08:31", "20:00"), "closed"),
        (("06:00", "08:30"), "closed"),
        (("22:00", "09:00"), "wait"),
        (("22:00", "08:00"), "closed"),
    ],
)
def test_hours_of_a_queue(ask, hours, outcome):
    ask.operators(1)
    ask.open({"general": hours})
    result = ask("queues.ask")
    assert result.outcome == outcome
    if outcome == "closed":
        assert result.values["opens_at"] == hours[0]


@pytest.mark.parametrize("slots", [{"queue": "danger"}, {"mark": "priority_site"}])
def test_no_gate_for_danger_and_priority_sites(ask, slots):
    ask.open({"general": ("03:00", "03:01"), "danger": ("03:00", "03:01")})
    ask.rules(limit=1, longest=1.0)
    ask.waits(5)
    result = ask("queues.ask", **slots)
    assert result.outcome == ("unstaffed" if "mark" in slots else "dispatcher")
    assert result.values["minutes"] is None, "nobody is there: no number is told"
    assert result.values["queue_wait"] == ""
    assert result.values["position"] == 1


def test_nobody_signed_in(ask):
    assert ask("queues.ask").outcome == "nobody"
    assert ask("queues.ask", queue="outage").outcome == "nobody_outage"
    ask.operators(1, status="offline")
    assert ask("queues.ask").outcome == "nobody"


def test_a_place_that_no_word_tells(ask):
    ask.operators(1)
    ask.rules()
    ask.waits(999)
    values = ask("queues.ask").values
    assert values["position"] == 1000
    assert values["queue_position"] == ""


def test_whoever_has_a_place_keeps_it_whatever_the_limits(ask):
    ask.operators(1)
    ask.waits(1)
    ask.queue.enter(Ticket("call-1", "odesa", "general", ask.now), ask.now)
    ask.rules(limit=1, longest=1.0)
    result = ask("queues.ask", queue="metering")
    assert (result.outcome, result.values["queue"]) == ("wait", "general")
    assert result.values["position"] == 2
    assert result.values["recording"] == "", "he was told already"
    assert ask("queues.ask", queue="business").values["queue"] == "business"


def test_the_notice_of_the_recording(ask):
    ask.operators(1)
    assert ask("queues.ask").values["recording"] == "recording_refusable"
    assert ask("queues.ask", queue="danger").values["recording"] == "recording_notice"
    assert ask("queues.ask", unrecorded=True).values["recording"] == ""
    assert ask("queues.unrecorded").outcome == "agreed"
    ask.change(recording=replace(ask.company.recording, refusal=False))
    assert ask("queues.ask").values["recording"] == "recording_notice"
    assert ask("queues.unrecorded").outcome == "refused"


def test_a_place_to_go_back_to(ask):
    assert ask("queues.kept").outcome == "none"
    ask.queue.enter(Ticket("call-1", "odesa", "general", ask.now), ask.now)
    assert ask("queues.kept").outcome == "kept"
    ask.queue.leave("call-1", "abandoned", ask.now)
    assert ask("queues.kept").outcome == "none"


# ---------------------------------------------------------------------- call-backs


def test_the_calling_number_is_proposed_where_it_can_be_called(ask):
    assert ask("callbacks.number").values == {"callback_number": "+380671110001"}
    for number in (None, "+48221234567", "+380900300400"):
        ask.caller = replace(ask.caller, number=number)
        assert ask("callbacks.number").outcome == "unknown"


@pytest.mark.parametrize(
    ("typed", "outcome"),
    [
        ("0500000777", "right"),
        ("0900300400", "premium"),
        ("0048221234567", "foreign"),
        ("050", "impossible"),
        ("0500000777AB", "impossible"),
        ("9" * 64, "impossible"),
    ],
)
def test_a_number_that_was_keyed(ask, typed, outcome):
    assert ask("callbacks.check", callback_typed=typed).outcome == outcome


def rows(ask):
    with ask.store.session(read_only=True) as db:
        return list(db.scalars(select(Callback).order_by(Callback.id)))


def test_a_promise_has_what_the_operator_needs(ask):
    ask.slots |= {"account": "100200301", "step": "reading", "secret": "x"}
    assert ask("callbacks.promise", callback_number="+380671110001").outcome == "noted"
    (row,) = rows(ask)
    assert row.context == {"account": "100200301", "step": "reading"}
    assert (row.queue, row.priority, row.language) == ("general", "normal", "uk")
    assert row.entered_at == ask.clock()


def test_a_promise_to_a_number_that_is_not_called_is_none(ask):
    with pytest.raises(Exception, match="premium"):
        ask("callbacks.promise", callback_number="+380900300400")
    assert rows(ask) == []


def test_a_promise_keeps_place_queue_and_priority(ask):
    entered = ask.now - 300
    ask.queue.enter(Ticket("call-1", "odesa", "metering", entered, "raised"), ask.now)
    ask("callbacks.promise", callback_number="+380671110001")
    (row,) = rows(ask)
    assert (row.queue, row.priority) == ("metering", "raised")
    assert row.entered_at.timestamp() == entered


def test_outside_the_hours_the_time_is_told(ask):
    ask.clock.pass_(15 * 3600)
    result = ask("callbacks.promise", callback_number="+380671110001")
    told = result.values
    assert (result.outcome, told["calls"], told["calls_at"]) == (
        "noted_later",
        "calls_tomorrow",
        "08:00",
    )


def test_once_a_number(ask):
    assert ask("callbacks.promise", callback_number="+380671110001").outcome == "noted"
    assert ask("callbacks.promise", callback_number="+380671110001").outcome == "already"
    assert len(rows(ask)) == 1


def test_who_rings_himself_gets_the_place_of_his_call_back(ask):
    ask("callbacks.promise", callback_number="+380671110001")
    asked = ask.now
    ask.clock.now += timedelta(minutes=90)
    ask.operators(1)
    ask.rules(longest=1200)
    ask.waits(50)
    result = ask("queues.ask")
    assert result.outcome == "promised", "however long the queue is"
    assert (result.values["entered"], result.values["position"]) == (asked, 1)
    ask.clock.now += timedelta(minutes=31)
    assert ask("queues.ask").outcome == "too_long"


def test_a_call_back_is_still_due_when_nobody_is_there(ask):
    ask("callbacks.promise", callback_number="+380671110001")
    assert ask("queues.ask").outcome == "nobody"
    assert [row.state for row in rows(ask)] == ["due"]
