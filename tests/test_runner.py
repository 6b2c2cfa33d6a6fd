"""The runner: whatever breaks, the caller hears a word and has a way out; nothing happens twice."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from ivr.errors import StaleTurn
from ivr.events import MemoryLog
from ivr.model import Ask, Enqueue, Event, Hangup, Result, Turn
from ivr.services import SERVICES, Service
from ivr.sessions import MemorySessions
from ivr.store.database import memory_store, open_store
from ivr.store.models import AccountMiss, Base, Preference, Reading, Receipt
from ivr.store.world import load_world
from ivr.terms import SpeechTerms

READING = ["2", "1", "2421#", "1", "2"]
"""02421 for the account of this telephone, and no other one."""


def press(runner, turn: Turn, *keys: str, call: str = "call-1") -> Turn:
    for pressed in keys:
        event = Event("keys", text=pressed, ended="#" not in pressed)
        turn = runner.advance(call, event, turn.number)
    return turn


def said(turn: Turn) -> list[str]:
    return [say.prompt for say in turn.says]


def readings(store) -> list[tuple[str, str]]:
    with store.session(read_only=True) as session:
        rows = session.scalars(select(Reading).order_by(Reading.id))
        return [(row.value, row.state) for row in rows]


def breaking(name: str, error: Exception, after: bool = False):
    """The services of the product, of which one raises: at once, or when its work is done."""

    def answer(inquiry) -> Result:
        if after:
            SERVICES[name].answer(inquiry)
        raise error

    return {**SERVICES, name: replace(SERVICES[name], answer=answer)}


# ---------------------------------------------------------------------- opening and answering


def test_a_call_begins_with_the_greeting_and_the_menu(worker, caller):
    turn = worker().open(caller)
    assert said(turn)[:2] == ["main_greeting", "main_outage"]
    assert turn.need == Ask("key", 6.0, 5.0)
    assert turn.language == "uk"


HEARS = {"console": ("uk", "ru", "en", "vi")}
"""Languages in which callers of a channel may speak."""


def test_callers_speak_the_languages_that_their_company_and_their_channel_know(worker, caller):
    turn = worker(hears=HEARS).open(caller)
    assert turn.need.grammar.startswith("lang=uk+ru words=")
    assert said(turn)[-1] == "say_it"
    other = replace(caller, call="call-2", channel="agi")
    assert worker(hears=HEARS).open(other).need.grammar == ""


@pytest.mark.parametrize(
    "speech", [SpeechTerms(heard=False), SpeechTerms(without=("+380671110001",))]
)
def test_nobody_listens_where_the_company_or_the_caller_takes_keys(house, worker, caller, speech):
    odesa = house.companies["odesa"]
    quiet = replace(odesa, terms=replace(odesa.terms, speech=speech))
    runner = worker(hears=HEARS)
    runner._companies = {**house.companies, "odesa": quiet}
    assert runner.open(caller).need.grammar == ""


def test_what_was_understood_is_in_the_log(worker, caller):
    log = MemoryLog()
    runner = worker(log=log, hears=HEARS)
    turn = runner.open(caller)
    event = Event("speech", text="показання", confidence=0.9, values={"language": "uk", "ms": 280})
    runner.advance(caller.call, event, turn.number)
    (heard,) = (entry for entry in log.entries if entry.kind == "heard")
    assert (heard.flow, heard.step) == ("main", "menu")
    assert heard.details == {
        "kind": "speech", "text": "показання", "open": "key", "language": "uk", "confidence": 0.9,
        "ms": 280, "turn": turn.number, "understood": "reading",
    }  # fmt: skip


def test_a_call_that_is_known_gets_its_open_turn_again(worker, caller, demo_store):
    log = MemoryLog()
    runner = worker(log=log)
    turn = press(runner, runner.open(caller), "2", "1", "2421#")
    before = readings(demo_store)
    count = len(log.entries)
    assert runner.open(caller) == runner.open(caller) == runner.turn(caller.call) == turn
    assert readings(demo_store) == before
    assert [entry.kind for entry in log.entries[count:]] == ["resumed", "resumed"]


def test_a_reading_goes_through_to_the_store(worker, caller, demo_store):
    runner = worker()
    turn = press(runner, runner.open(caller), *READING[:4])
    assert said(turn) == ["accepted", "another"]
    assert readings(demo_store) == [("02421", "accepted")]
    assert press(runner, turn, "2").need == Hangup("completed")


@pytest.mark.parametrize("number", [0, 1, 2, 4, 99])
def test_a_stale_event_changes_nothing(worker, caller, demo_store, number):
    sessions, log = MemorySessions(), MemoryLog()
    runner = worker(sessions=sessions, log=log)
    turn = press(runner, runner.open(caller), "2", "1")
    assert turn.number > 4
    before = (sessions.load(caller.call), list(log.entries), readings(demo_store))
    with pytest.raises(StaleTurn, match=rf"turn {number} is over, {turn.number} is open"):
        runner.advance(caller.call, Event("keys", text="2421#"), number)
    assert (sessions.load(caller.call), log.entries, readings(demo_store)) == before
    assert runner.open(caller) == turn


def test_a_call_nobody_knows_cannot_be_answered(worker):
    runner = worker()
    with pytest.raises(StaleTurn, match="call other is not known"):
        runner.advance("other", Event("silence"), 1)
    with pytest.raises(StaleTurn, match="call other is not known"):
        runner.turn("other")
    runner.close("other")


def test_a_dialled_number_tells_the_company(worker, house):
    runner = worker()
    for company in house.companies.values():
        for number in company.numbers:
            assert runner.company_of(number) == company.id
    assert runner.company_of("+380440000000") == runner.company_of(None) == "odesa"


def test_a_chosen_language_is_remembered_for_the_number(worker, caller, demo_store):
    runner = worker()
    turn = press(runner, runner.open(caller), "8", "3")
    assert turn.language == "en"
    with demo_store.session(read_only=True) as session:
        assert session.scalars(select(Preference.language)).all() == ["en"]
    again = runner.open(replace(caller, call="call-2"))
    assert again.language == "en"
    assert again.says[0].language == "uk", "the house answers in its own language"
    hidden = runner.open(replace(caller, call="call-3", number=None))
    assert hidden.language == "uk"


# ---------------------------------------------------------------------- the end of a call


def test_a_call_is_closed_once(worker, caller):
    sessions, log = MemorySessions(), MemoryLog()
    runner = worker(sessions=sessions, log=log)
    turn = runner.open(caller)
    runner.close(caller.call)
    closed = (sessions.load(caller.call), list(log.entries))
    runner.close(caller.call)
    assert (sessions.load(caller.call), log.entries) == closed
    assert [entry.kind for entry in log.entries][-1] == "ended"
    with pytest.raises(StaleTurn):
        runner.advance(caller.call, Event("keys", text="2"), turn.number)
    assert runner.turn(caller.call).need == Hangup("caller")


def test_a_call_that_ended_stays_ended(worker, caller, demo_store):
    runner = worker()
    turn = press(runner, runner.open(caller), *READING)
    count = len(readings(demo_store))
    for event in (Event("keys", text="1"), Event("silence"), Event("hangup")):
        assert runner.advance(caller.call, event, turn.number) == turn
    runner.close(caller.call)
    assert runner.open(caller) == turn
    assert len(readings(demo_store)) == count


class Overtaken(MemorySessions):
    """Another worker answers just before the first save of this one after `armed` is set."""

    def __init__(self):
        super().__init__()
        self.armed = None

    def save(self, call, document, expected):
        other, self.armed = self.armed, None
        if other:
            other()
        super().save(call, document, expected)


def test_a_call_is_closed_though_it_was_answered_at_that_moment(worker, caller):
    sessions = Overtaken()
    runner, other = worker(sessions=sessions), worker(sessions=sessions)
    turn = runner.open(caller)
    sessions.armed = lambda: other.advance(caller.call, Event("keys", text="2"), turn.number)
    runner.close(caller.call)
    assert runner.turn(caller.call).need == Hangup("caller")


def test_a_call_that_two_workers_open_at_once_has_one_first_turn(worker, caller):
    sessions, log = Overtaken(), MemoryLog()
    runner, other = worker(sessions=sessions, log=log), worker(sessions=sessions, log=log)
    sessions.armed = lambda: other.open(caller)
    turn = runner.open(caller)
    assert other.turn(caller.call) == turn
    assert [entry.kind for entry in log.entries].count("answered") == 1


def test_of_two_workers_that_answer_at_once_one_is_told_that_it_is_late(worker, caller):
    sessions, log = Overtaken(), MemoryLog()
    runner, other = worker(sessions=sessions, log=log), worker(sessions=sessions, log=log)
    turn = runner.open(caller)
    count = len(log.entries)
    sessions.armed = lambda: other.advance(caller.call, Event("silence"), turn.number)
    with pytest.raises(StaleTurn):
        runner.advance(caller.call, Event("keys", text="0"), turn.number)
    assert said(runner.turn(caller.call))[0] == "silence"
    assert [entry.kind for entry in log.entries[count:]] == ["heard", "said"]


# ---------------------------------------------------------------------- what breaks


GOES_ON = {"outages.hit", "storms.greeting"}
"""What is only told before the menu: without it the menu comes."""


@pytest.mark.parametrize("name", sorted(GOES_ON))
def test_what_is_told_before_the_menu_may_break(worker, caller, name):
    turn = worker(services=breaking(name, RuntimeError("no reason"))).open(caller)
    assert isinstance(turn.need, Ask)
    assert "main_outage" in said(turn)
    assert "service_failed" not in said(turn)


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - GOES_ON))
def test_a_service_that_breaks_sends_the_caller_to_an_operator(worker, caller, name):
    """Wherever this call asks it; a service it does not ask breaks nothing."""
    log = MemoryLog()
    runner = worker(services=breaking(name, RuntimeError("no reason")), log=log)
    turn = runner.open(caller)
    for keys in ("2", "1", "23#", "2300#", "2", "1", "8", "1", "1", "2421#", "1", "2"):
        if isinstance(turn.need, Enqueue | Hangup):
            break
        turn = press(runner, turn, keys)
    asked = [entry.details for entry in log.entries if entry.kind == "looked_up"]
    broken = {"service": name, "outcome": "failed"} in asked
    assert broken == (name in {details["service"] for details in asked})
    assert broken == ("service_failed" in said(turn))
    assert not broken or (isinstance(turn.need, Enqueue) and turn.need.show["reason"] == "failed")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("callers.welcome", []),
        ("readings.window", ["2"]),
        ("accounts.by_phone", ["2"]),
        ("readings.begin", ["2", "1"]),
        ("readings.check", ["2", "1", "2421#"]),
        ("readings.accept", ["2", "1", "2421#", "1"]),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_service_that_breaks_leaves_nothing_behind(
    worker, caller, demo_store, caplog, name, keys, after
):
    runner = worker(services=breaking(name, ValueError("no reason"), after))
    turn = press(runner, runner.open(caller), *keys)
    assert said(turn)[-2:] == ["service_failed", "operator_connecting"]
    assert isinstance(turn.need, Enqueue)
    assert [state for _, state in readings(demo_store) if state != "incomplete"] == []
    assert f"call call-1: service {name} failed" in caplog.text


def test_a_service_that_is_missing_or_talks_nonsense_has_failed(worker, caller):
    turn = worker(services={}).open(caller)
    assert "service_failed" in said(turn)
    nonsense = Service("callers.welcome", lambda _: Result("hello?"), frozenset())
    assert "service_failed" in said(worker(services={"callers.welcome": nonsense}).open(caller))


def test_a_store_that_is_gone_in_mid_call_is_told(house, worker, caller, tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    with store.session() as session:
        load_world(session, "odesa", house.world)
    runner = worker(store=store)
    turn = press(runner, runner.open(caller), "2", "1", "2421#")
    with store.connection() as connection:
        for name in ("readings", "tickets", "contacts"):
            connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO lost_{name}")
        connection.commit()
    turn = press(runner, turn, "1")
    assert said(turn) == ["service_failed", "operator_connecting"]
    assert "accepted" not in said(turn)
    assert isinstance(turn.need, Enqueue)
    again = runner.open(replace(caller, call="call-2"))
    assert isinstance(again.need, Ask | Enqueue)
    store.close()


def test_a_flow_that_cannot_go_on_is_told_and_ends_the_call(worker, caller, flows_of, caplog):
    flows = flows_of(
        """
        flow: main
        start: hello
        otherwise: nowhere
        steps:
          hello: {say: hello, to: menu}
          menu: {menu: choose, options: {"1": {to: lost}}}
        """
    )
    log = MemoryLog()
    runner = worker(flows=flows, log=log)
    turn = press(runner, runner.open(caller), "1")
    assert (said(turn), turn.need) == (["service_failed", "goodbye"], Hangup("failed"))
    assert [entry.kind for entry in log.entries[-3:]] == ["failed", "said", "ended"]
    assert "the flow cannot go on" in caplog.text
    runner.close(caller.call)
    assert runner.turn(caller.call) == turn


def test_a_call_that_stands_where_the_new_version_has_no_step_is_told(worker, caller, flows_of):
    sessions = MemorySessions()
    old = worker(sessions=sessions)
    turn = press(old, old.open(caller), "2")
    new = worker(
        sessions=sessions,
        flows=flows_of(
            """
            flow: main
            start: bye
            steps: {bye: {hangup: completed}}
            """
        ),
    )
    assert new.open(caller) == turn
    turn = press(new, turn, "1")
    assert (said(turn), turn.need) == (["service_failed", "goodbye"], Hangup("failed"))


# ---------------------------------------------------------------------- killed in between


class Killed(Exception):
    """The worker's process is gone."""


class Dying(MemorySessions):
    """The worker is killed at its `at`-th save, when services have done their work."""

    def __init__(self, at: int):
        super().__init__()
        self.left = at

    def save(self, call, document, expected):
        self.left -= 1
        if self.left == 0:
            raise Killed
        super().save(call, document, expected)


@pytest.mark.parametrize("moment", range(1, len(READING) + 2))
def test_a_turn_that_is_replayed_after_a_kill_stores_one_reading(
    worker, caller, demo_store, moment
):
    sessions = Dying(moment)
    turn = None
    for keys in [None, *READING]:
        for attempt in ("first", "again"):
            runner = worker(sessions=sessions)
            try:
                turn = runner.open(caller) if turn is None else press(runner, turn, keys)
            except Killed:
                assert attempt == "first"
                continue
            break
    assert sessions.left <= 0
    assert turn.need == Hangup("completed")
    assert readings(demo_store) == [("02421", "accepted")]
    with demo_store.session(read_only=True) as session:
        assert len(session.scalars(select(Receipt)).all()) == 1


def test_the_number_told_after_a_kill_is_the_one_that_was_given(worker, caller, demo_store):
    sessions = Dying(5)
    runner = worker(sessions=sessions)
    turn = press(runner, runner.open(caller), *READING[:3])
    with pytest.raises(Killed):
        press(runner, turn, "1")
    with demo_store.session(read_only=True) as session:
        given = session.scalars(select(Receipt)).one().number
    turn = press(worker(sessions=sessions), turn, "1")
    assert turn.says[0].values["receipt"] == str(given)


WAYS = {
    "a reading": READING,
    "a corrected reading": ["2", "1", "2300#", "2421#", "2", "2422#", "1", "2"],
    "to review": ["2", "1", "2300#", "2300#", "2", "2"],
    "same as last time": ["2", "1", "#", "1", "2"],
    "replaced": ["2", "1", "2421#", "1", "1", "1", "2"],
    "two accounts": ["2", "2", "100200302#", "1", "5390#", "2360#", "1", "1", "2"],
    "another language": ["8", "2", "5", "1"],
}


def tables(store) -> dict[str, list]:
    with store.connection() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in Base.metadata.sorted_tables
        }


def talked(house, worker, caller, clock, keys, services):
    """The store after a call."""
    store = memory_store()
    with store.session() as session:
        load_world(session, "odesa", house.world)
    runner = worker(services=services, store=store)
    turn = runner.open(caller)
    for pressed in keys:
        clock.pass_(5)
        turn = press(runner, turn, pressed)
    runner.close(caller.call)
    found = tables(store)
    store.close()
    return found


def twice(service: Service) -> Service:
    """Asks a service two times, as when the worker was killed before it saved."""

    def answer(inquiry) -> Result:
        service.answer(inquiry)
        inquiry.db.commit()
        return service.answer(inquiry)

    return replace(service, answer=answer)


@pytest.mark.parametrize("keys", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("number", ["+380671110001", None, "+380500000100"])
def test_a_service_asked_twice_with_one_key_stores_no_more(
    house, worker, caller, clock, keys, number
):
    caller = replace(caller, number=number)
    start = clock.now
    once = talked(house, worker, caller, clock, keys, SERVICES)
    assert once["readings"] or once["preferences"] or number != "+380671110001"
    clock.now = start
    doubled = {name: twice(service) for name, service in SERVICES.items()}
    assert talked(house, worker, caller, clock, keys, doubled) == once


def test_an_unknown_account_is_counted_once(worker, caller, demo_store):
    caller = replace(caller, number="+380500000100")
    sessions = Dying(3)
    runner = worker(sessions=sessions)
    turn = press(runner, runner.open(caller), "2")
    with pytest.raises(Killed):
        press(runner, turn, "999999999#")
    press(worker(sessions=sessions), turn, "999999999#")
    with demo_store.session(read_only=True) as session:
        assert len(session.scalars(select(AccountMiss)).all()) == 1
