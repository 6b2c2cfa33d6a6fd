"""The runner between a call and the queue: nobody loses his place, nobody has two."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, QueueDown, Ticket
from ivr.errors import StaleTurn
from ivr.events import MemoryLog
from ivr.model import Ask, Enqueue, Event, Hangup, Turn
from ivr.sessions import MemorySessions
from ivr.store.models import Callback

CALL = "call-1"


def said(turn: Turn) -> list[str]:
    return [say.prompt for say in turn.says]


def value(turn: Turn, prompt: str, slot: str):
    return next(say.values[slot] for say in turn.says if say.prompt == prompt)


class Desk:
    """A call to a runner, the queue behind it, and operators who can be told what to do."""

    def __init__(self, worker, house, clock, caller):
        rules = {name: company.queues for name, company in house.companies.items()}
        self.queue = MemoryQueue(rules)
        self.log = MemoryLog()
        self.sessions = MemorySessions()
        self.runner = worker(queue=self.queue, log=self.log, sessions=self.sessions)
        self.clock = clock
        self.caller = caller

    @property
    def now(self):
        return self.clock().timestamp()

    def sign_in(self, name, *queues, status="ready"):
        skills = dict.fromkeys(queues or ["general"], 3)
        operator = Operator(name, "odesa", skills=skills, status=status, endpoint=f"op-{name}")
        self.queue.sign_in(operator, self.now)

    def busy(self, name, *queues):
        """An operator with somebody on the line."""
        self.sign_in(name, *queues)
        queue = (queues or ["general"])[0]
        talk = self.queue.enter(Ticket(f"talk-{name}", "odesa", queue, self.now), self.now)
        assert self.queue.answered(talk.token, self.now)

    def waits(self, count, queue="general"):
        for number in range(count):
            entered = self.now - 60 + number
            self.queue.enter(Ticket(f"other-{number}", "odesa", queue, entered), self.now)

    def dial(self, *keys, call=CALL, number="+380671110001"):
        caller = replace(self.caller, call=call, number=number)
        self.turn = self.runner.open(caller)
        return self.press(*keys)

    def press(self, *keys):
        for pressed in keys:
            self.give(Event("keys", text=pressed, ended="#" not in pressed))
        return self.turn

    def give(self, event):
        self.clock.pass_(2.0)
        self.turn = self.runner.advance(CALL, event, self.turn.number)
        return self.turn

    def operator(self, outcome, **values):
        return self.give(Event("operator", outcome=outcome, values=values))

    def here(self):
        return self.runner.here(CALL, "PJSIP/trunk-1", "pbx1")

    @property
    def ticket(self):
        return self.queue.ticket(CALL)

    @property
    def left(self):
        return [entry.details["outcome"] for entry in self.log.entries if entry.kind == "left"]


@pytest.fixture
def desk(worker, house, clock, caller):
    desk = Desk(worker, house, clock, caller)
    yield desk
    assert desk.queue.audit("odesa", desk.now) == []


# ---------------------------------------------------------------------- into the queue


def test_a_caller_enters_when_he_stands_there_and_not_before(desk):
    desk.busy("olena")
    turn = desk.dial("0")
    assert said(turn) == ["operator_queue", "operator_queue_keys"]
    assert turn.need == Enqueue("general", show={})
    assert desk.ticket is None
    assert desk.here()
    ticket = desk.ticket
    assert (ticket.queue, ticket.priority, ticket.state) == ("general", "normal", "waiting")
    assert (ticket.number, ticket.dialled) == ("+380671110001", "+380487059090")
    assert (ticket.node, ticket.leg, ticket.channel) == ("pbx1", "PJSIP/trunk-1", "console")
    assert ticket.language == "uk"
    assert ticket.context == {"flow": "main", "step": "menu", "reason": "asked"}
    assert ticket.entered == desk.now


def test_what_he_was_told_is_noted(desk):
    desk.busy("olena")
    desk.waits(2)
    turn = desk.dial("0")
    assert value(turn, "operator_queue", "position") == 3
    assert value(turn, "operator_queue", "minutes") == 12
    desk.here()
    assert desk.ticket.told == 720.0
    (told,) = [entry for entry in desk.log.entries if entry.kind == "told"]
    assert told.details == {"seconds": 720.0, "position": 3}


def test_a_second_here_changes_nothing(desk):
    desk.busy("olena")
    desk.dial("0")
    desk.here()
    before = desk.ticket
    desk.clock.pass_(30)
    assert desk.here()
    assert desk.ticket == before


def test_the_screen_shows_why_and_where_he_left(desk):
    desk.sign_in("olena", "metering")
    desk.dial("2", "1", "2034#", "2034#", "1")
    desk.here()
    shown = desk.ticket.context
    assert (shown["account"], shown["step"]) == ("100200301", "reading")
    assert shown["tries"]
    assert desk.ticket.queue == "metering"


def test_three_misses_are_a_reason(desk):
    desk.sign_in("olena")
    desk.dial()
    for _ in range(3):
        desk.give(Event("silence"))
    desk.here()
    assert desk.ticket.context == {"flow": "main", "step": "menu", "reason": "silence"}


def test_without_a_session_or_a_queue_the_telephones_ring(desk, worker, caller):
    assert not desk.runner.here("unknown")
    alone = worker()
    turn = alone.open(caller)
    turn = alone.advance(CALL, Event("keys", text="0"), turn.number)
    assert said(turn) == ["operator_connecting"]
    assert isinstance(turn.need, Enqueue)
    assert not alone.here(CALL)
    assert not alone.taken(CALL)
    turn = alone.advance(CALL, Event("operator", outcome="unavailable"), turn.number)
    assert said(turn)[:2] == ["operator_nobody", "callback_offer"]


def test_here_after_another_worker_went_on_enters_nothing(desk):
    desk.busy("olena")
    desk.dial("0", "6")
    assert isinstance(desk.turn.need, Ask)
    before = desk.ticket
    assert desk.here()
    assert desk.ticket == before


# ---------------------------------------------------------------------- keys


def test_a_key_leads_into_the_flow_with_the_place_kept(desk):
    desk.busy("olena")
    desk.dial("0")
    desk.here()
    turn = desk.press("6")
    assert said(turn) == ["callback_this"]
    assert desk.ticket.state == "away"
    turn = desk.press("*")
    assert isinstance(turn.need, Enqueue)
    assert desk.ticket.state == "away", "until he stands there again"
    desk.here()
    assert desk.ticket.state == "waiting"


def test_a_key_in_what_is_said_before_the_wait_keeps_the_place_as_well(desk):
    desk.busy("olena")
    desk.dial("0")
    desk.press("2")
    assert desk.ticket.state == "away"
    entered = desk.ticket.entered
    desk.clock.pass_(60)
    desk.press("*")
    desk.here()
    assert (desk.ticket.state, desk.ticket.entered) == ("waiting", entered)


def test_a_key_without_meaning_says_nothing_and_moves_nothing(desk):
    desk.busy("olena")
    desk.dial("0")
    desk.here()
    before = desk.ticket
    turn = desk.press("7")
    assert (said(turn), turn.need) == ([], Enqueue("general", show={}))
    assert desk.here()
    assert desk.ticket == before


@pytest.mark.parametrize("answered", [False, True])
def test_a_key_pressed_too_late_gives_the_open_turn_back(desk, answered):
    desk.sign_in("olena")
    desk.dial("0")
    desk.here()
    token = desk.ticket.token
    desk.queue.ring(token, desk.now)
    if answered:
        desk.queue.answered(token, desk.now)
    document, before, count = desk.sessions.load(CALL), desk.turn, len(desk.log.entries)
    turn = desk.press("6")
    assert turn == replace(before, says=())
    assert desk.sessions.load(CALL) == document
    assert len(desk.log.entries) == count
    assert desk.ticket.token == token
    desk.turn = before
    assert desk.operator("ended").need == Hangup("operator")


def test_an_offer_that_does_not_ring_yet_is_taken_back(desk):
    desk.sign_in("olena")
    desk.dial("0")
    desk.here()
    assert desk.ticket.state == "offered"
    assert desk.runner.taken(CALL)
    desk.press("*")
    assert desk.ticket.state == "away"
    assert not desk.runner.taken(CALL)
    assert desk.queue.operator("odesa", "olena").state == "idle"


def test_without_a_recording(desk):
    desk.sign_in("olena")
    turn = desk.dial("0")
    assert value(turn, "operator_free", "recording") == "recording_refusable"
    desk.here()
    turn = desk.press("5")
    assert said(turn) == ["recording_off"]
    rung = desk.queue.ring(desk.ticket.token, desk.now)
    assert rung.context["unrecorded"] is True, "he is rung while the caller still hears the answer"
    assert (rung.leg, rung.node) == ("PJSIP/trunk-1", "pbx1")
    desk.here()
    assert desk.ticket.context["unrecorded"] is True
    assert said(desk.press("5")) == [], "once is enough"


def test_of_two_workers_with_one_key_one_is_late(desk):
    desk.busy("olena")
    desk.dial("0")
    desk.here()
    event, number = Event("keys", text="6"), desk.turn.number
    desk.runner.advance(CALL, event, number)
    with pytest.raises(StaleTurn):
        desk.runner.advance(CALL, event, number)
    assert desk.ticket.state == "away"


def test_keys_of_many_callers_at_once_lose_nobody(desk):
    desk.busy("olena")
    calls = [f"call-{number}" for number in range(20)]
    turns = {}
    for call in calls:
        turn = desk.runner.open(replace(desk.caller, call=call, number=None))
        turns[call] = desk.runner.advance(call, Event("keys", text="7"), turn.number)
        turns[call] = desk.runner.turn(call)
    desk.sign_in("bohdan", "business")
    for call in calls:
        if isinstance(turns[call].need, Ask):
            turns[call] = desk.runner.advance(call, Event("keys", text="0"), turns[call].number)

    def live(call):
        desk.runner.here(call)
        turn = desk.runner.advance(call, Event("keys", text="*"), turns[call].number)
        turn = desk.runner.advance(call, Event("keys", text="0"), turn.number)
        desk.runner.here(call)

    threads = [threading.Thread(target=live, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [desk.queue.ticket(call).state for call in calls]
    assert set(states) <= {"waiting", "offered"}


# ---------------------------------------------------------------------- the operator's side


def talk(desk):
    desk.sign_in("olena")
    desk.dial("0")
    desk.here()
    desk.queue.answered(desk.ticket.token, desk.now)


def test_the_talk_is_over(desk):
    talk(desk)
    turn = desk.operator("ended")
    assert turn.need == Hangup("operator")
    assert (desk.ticket.state, desk.ticket.outcome) == ("done", "answered")
    assert desk.queue.operator("odesa", "olena").state == "wrap_up"
    assert desk.left == []


def test_a_lost_operator(desk):
    talk(desk)
    turn = desk.operator("dropped")
    assert said(turn) == ["operator_dropped"]
    assert isinstance(turn.need, Enqueue)
    assert desk.ticket.state == "broken"
    desk.here()
    assert desk.ticket.state == "broken", "he waits for his operator first"
    desk.clock.pass_(30)
    desk.queue.tick(desk.now)
    assert (desk.ticket.state, desk.ticket.priority) == ("waiting", "raised")


def test_an_operator_who_does_not_answer(desk):
    desk.sign_in("olena")
    desk.dial("0")
    desk.here()
    token = desk.ticket.token
    desk.queue.ring(token, desk.now)
    desk.clock.pass_(20)
    turn = desk.operator("no_answer")
    assert said(turn) == ["operator_no_answer"]
    assert (desk.ticket.state, desk.ticket.priority) == ("waiting", "raised")
    assert desk.queue.operator("odesa", "olena").status == "paused"
    desk.here()
    assert desk.ticket.priority == "raised"


def test_the_next_operator_is_not_blamed_for_the_last_one(desk):
    desk.sign_in("olena")
    desk.dial("0")
    desk.here()
    desk.sign_in("iryna")
    first = desk.ticket.token
    desk.queue.ring(first, desk.now)
    desk.clock.pass_(20)
    desk.queue.unanswered(first, desk.now)  # the matchmaker was told before the call came back
    desk.queue.ring(desk.ticket.token, desk.now)
    event = Event("operator", outcome="no_answer")
    desk.turn = desk.runner.advance(CALL, event, desk.turn.number)
    assert (desk.ticket.state, desk.ticket.operator) == ("ringing", "iryna")
    desk.operator("no_answer", token=first)
    assert (desk.ticket.state, desk.ticket.operator) == ("ringing", "iryna")
    desk.operator("no_answer", token=desk.ticket.token)
    assert desk.ticket.state == "waiting"


def test_passed_on_to_another_queue(desk):
    talk(desk)
    assert desk.queue.transfer(CALL, desk.now, queue="metering")
    turn = desk.operator("transferred")
    assert said(turn) == ["operator_transferred"]
    assert turn.need == Enqueue("metering", show={})
    desk.here()
    assert (desk.ticket.queue, desk.ticket.priority) == ("metering", "raised")


def test_passed_on_to_one_who_does_not_answer(desk):
    talk(desk)
    desk.sign_in("iryna", "metering")
    assert desk.queue.transfer(CALL, desk.now, queue="metering")
    assert desk.queue.ring(desk.ticket.token, desk.now)
    turn = desk.operator("no_answer", token=desk.ticket.token)
    assert turn.need == Enqueue("metering", show={}), "nobody announced it: she was free"
    desk.here()
    assert (desk.ticket.queue, desk.ticket.state) == ("metering", "waiting")


def test_sent_into_the_readings_and_back(desk):
    talk(desk)
    assert desk.queue.away(CALL, desk.now, back_to="olena")
    turn = desk.operator("reading")
    assert said(turn) == ["account_this"]
    turn = desk.press("1", "2421#", "1", "2")
    assert said(turn) == ["operator_connecting"]
    assert isinstance(turn.need, Enqueue)
    desk.here()
    assert (desk.ticket.state, desk.ticket.sticky) == ("waiting", "olena")
    assert desk.ticket.context["account"] == "100200301"


def test_sent_to_the_outages(desk):
    talk(desk)
    assert desk.queue.away(CALL, desk.now, back_to="olena")
    assert said(desk.operator("outage"))[0] == "outage_danger"


def test_a_shorter_wait_is_told_and_a_longer_one_never(desk):
    desk.busy("olena")
    desk.waits(3)
    assert value(desk.dial("0"), "operator_queue", "minutes") == 16
    desk.here()
    assert said(desk.operator("announce")) == []
    desk.queue.leave("other-0", "abandoned", desk.now)
    turn = desk.operator("announce")
    assert said(turn) == ["operator_improved"]
    assert value(turn, "operator_improved", "minutes") == 12
    assert value(turn, "operator_improved", "position") == 3
    desk.here()
    assert desk.ticket.told == 720.0
    assert said(desk.operator("announce")) == []
    for number in range(40):
        urgent = Ticket(f"urgent-{number}", "odesa", "general", desk.now, "danger")
        desk.queue.enter(urgent, desk.now)
    assert said(desk.operator("announce")) == []
    desk.press("*")
    assert value(desk.press("0"), "operator_queue", "minutes") == 12, "never more than before"


# ---------------------------------------------------------------------- the end


@pytest.mark.parametrize(
    ("ends", "outcome", "noted"),
    [
        (lambda desk: desk.runner.close(CALL), "abandoned", ["abandoned"]),
        (lambda desk: desk.press("6", "1"), "called_back", ["called_back"]),
        (lambda desk: (desk.press("6"), desk.runner.close(CALL)), "abandoned", ["abandoned"]),
    ],
    ids=["hung up", "called back", "hung up in the call-back"],
)
def test_every_ticket_ends_once(desk, ends, outcome, noted):
    desk.busy("olena")
    desk.dial("0")
    desk.here()
    ends(desk)
    assert (desk.ticket.state, desk.ticket.outcome) == ("done", outcome)
    assert desk.left == noted
    desk.runner.close(CALL)
    desk.runner.close(CALL)
    assert desk.left == noted


def test_who_hangs_up_in_a_talk_was_answered(desk):
    talk(desk)
    desk.runner.close(CALL)
    assert (desk.ticket.state, desk.ticket.outcome) == ("done", "answered")


def test_a_call_that_never_asked_for_an_operator_asks_the_queue_nothing(
    worker, house, clock, caller
):
    runner = worker(queue=Down())
    turn = runner.open(caller)
    for keys in ("2", "1", "2421#", "1", "2"):
        turn = runner.advance(CALL, Event("keys", text=keys), turn.number)
    assert turn.need == Hangup("completed")
    runner.close(CALL)


# ---------------------------------------------------------------------- call-backs


def callbacks(store):
    with store.session(read_only=True) as session:
        return list(session.scalars(select(Callback).order_by(Callback.id)))


def test_the_place_of_a_call_back_counts_from_the_queue(desk, demo_store):
    desk.busy("bohdan", "business")
    desk.dial("7")
    desk.here()
    entered = desk.ticket.entered
    desk.clock.pass_(120)
    turn = desk.press("6", "1")
    assert said(turn) == ["callback_noted", "goodbye"]
    (row,) = callbacks(demo_store)
    assert (row.number, row.queue, row.state) == ("+380671110001", "business", "due")
    assert row.entered_at.timestamp() == entered
    assert row.language == "uk"


def test_a_call_back_repeated_after_a_kill_is_one(desk, demo_store, worker):
    desk.busy("olena")
    turn = desk.dial("6")
    number = turn.number
    forgetful = MemorySessions()
    forgetful.keep(CALL, desk.sessions.load(CALL))
    desk.press("1")
    again = worker(queue=desk.queue, sessions=forgetful)
    turn = again.advance(CALL, Event("keys", text="1"), number)
    assert said(turn) == ["callback_noted", "goodbye"], "the same turn hears the same"
    assert len(callbacks(demo_store)) == 1


def test_the_place_is_kept_for_two_hours(desk, demo_store):
    desk.busy("olena")
    desk.dial("6", "1")
    asked = callbacks(demo_store)[0].entered_at.timestamp()
    desk.clock.pass_(5000)
    desk.waits(2)
    caller = replace(desk.caller, call="call-2")
    turn = desk.runner.open(caller)
    turn = desk.runner.advance("call-2", Event("keys", text="0"), turn.number)
    assert said(turn) == ["place_resumed", "operator_queue_keys"]
    assert value(turn, "place_resumed", "position") == 1
    desk.runner.here("call-2")
    assert desk.queue.ticket("call-2").entered == asked
    assert callbacks(demo_store)[0].state == "due", "until an operator talks to him"


# ---------------------------------------------------------------------- the queue does not answer


class Down:
    """A queue whose Redis is gone."""

    def __getattr__(self, name):
        def fail(*_args, **_more):
            raise QueueDown("no connection")

        return fail


class Weak(MemoryQueue):
    """A queue that can be cut off."""

    down = False

    def _check(self):
        if self.down:
            raise QueueDown("no connection")


for method in ("enter", "away", "leave", "ticket", "place", "promise", "ended", "dropped",
               "unanswered"):  # fmt: skip

    def _cut(name):
        whole = getattr(MemoryQueue, name)

        def cut(self, *args, **more):
            self._check()
            return whole(self, *args, **more)

        return cut

    setattr(Weak, method, _cut(method))


@pytest.fixture
def weak(desk, worker):
    desk.queue = Weak(desk.queue._rules)
    desk.runner = worker(queue=desk.queue, log=desk.log, sessions=desk.sessions)
    desk.busy("olena")
    return desk


def test_no_queue_at_all_rings_the_telephones(weak):
    weak.queue.down = True
    turn = weak.dial("0")
    assert said(turn) == ["operator_connecting"]
    assert turn.need == Enqueue("general", show={})
    assert not weak.here()
    turn = weak.operator("unavailable")
    assert said(turn) == [
        "operator_nobody",
        "callback_offer",
        "callback_offer_reading",
        "menu_back",
    ]
    turn = weak.press("6", "1")
    assert said(turn) == ["callback_noted", "goodbye"], "the store is there"
    weak.queue.down = False


@pytest.mark.parametrize("outcome", ["ended", "dropped", "no_answer", "transferred", "announce"])
def test_a_queue_that_breaks_in_the_wait_stops_no_call(weak, outcome):
    weak.dial("0")
    weak.here()
    weak.queue.down = True
    turn = weak.operator(outcome)
    assert isinstance(turn.need, Hangup if outcome == "ended" else Enqueue)
    weak.runner.close(CALL)
    weak.queue.down = False


@pytest.mark.parametrize("key", ["2", "6", "*", "9", "5", "1"])
def test_keys_work_without_the_queue(weak, key):
    weak.dial("0")
    weak.here()
    weak.queue.down = True
    turn = weak.press(key)
    assert isinstance(turn.need, Ask if key in "26*" else Enqueue)
    weak.queue.down = False
    weak.runner.close(CALL)
    assert weak.ticket.state == "done"
