"""The storm in the store: one at a time, by whom, its marks in the log, what is measured."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ivr import actions
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, QueueDown, Ticket
from ivr.errors import Changed, NotUndone, StormChanged
from ivr.events import Entry, write
from ivr.store.database import open_store
from ivr.store.models import Audit, CallEvent
from ivr.store.supervision import Action
from ivr.store.supply import OutageEvent, Storm
from ivr.storm import after, figures, records, shown, undo, watch
from ivr.storm.rules import Measured

NOW = datetime(2026, 10, 31, 19, 40, tzinfo=UTC)
HIGH = Measured(200, 20.0, 900.0, "outage")


def later(**span):
    return NOW + timedelta(**span)


@pytest.fixture
def company(house):
    return house.companies["odesa"]


@pytest.fixture
def store(demo_store):
    with demo_store.session() as db:
        for row in db.scalars(select(OutageEvent)):
            db.delete(row)
    return demo_store


@pytest.fixture
def queue(company):
    return MemoryQueue({company.id: company.queues})


def rows(store, table):
    with store.session(read_only=True) as db:
        return list(db.scalars(select(table).order_by(table.id)))


def only(store):
    (row,) = rows(store, Storm)
    return row


# ---------------------------------------------------------------------- changes


def test_a_proposal_is_switched_on_with_rules_of_its_own(store, company):
    with store.session() as db:
        records.propose(db, company, NOW, ("wait",), HIGH, frozenset())
        assert records.rules_now(db, company, NOW) is None
    with store.session() as db:
        rules = {"cap": 12.0, "message": "storm_grid"}
        records.switch_on(db, company, later(minutes=1), "vira", regions=["одеса"], rules=rules)
        found = records.rules_now(db, company, later(minutes=2))
    assert (found.cap, found.message, found.regions) == (12.0, "storm_grid", ("Одеса",))
    assert (found.gates, found.wrap_up) == (company.terms.storm.gates, company.terms.storm.wrap_up)
    row = only(store)
    assert row.until == later(minutes=1, hours=company.terms.storm.hours)
    assert row.reason == "wait=15min"


def test_it_is_over_at_its_time_even_when_nobody_writes_that_down(store, company):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=1)
        assert records.rules_now(db, company, later(minutes=59))
        assert records.rules_now(db, company, later(hours=1)) is None


def test_who_names_an_old_version_is_refused(store, company):
    with store.session() as db:
        version = records.switch_on(db, company, NOW, "vira", version=0).version
    with store.session() as db:
        assert records.change(db, company, NOW, "vira", version=version, hours=3).version > version
    for act in (records.change, records.switch_off):
        with pytest.raises(StormChanged), store.session() as db:
            act(db, company, NOW, "olha", version=version)
    with pytest.raises(StormChanged), store.session() as db:
        records.switch_on(db, company, NOW, "olha")
    with pytest.raises(StormChanged), store.session() as db:
        records.refuse(db, company, NOW, "olha")


def test_figures_do_not_disturb_who_decides(store, company):
    with store.session() as db:
        version = records.propose(db, company, NOW, ("wait",), HIGH, frozenset()).version
    with store.session() as db:
        row = records.live(db, company.id)
        records.remember(row, records.memory_of(row), HIGH, later(seconds=30))
    with store.session() as db:
        records.switch_on(db, company, later(minutes=1), "vira", version=version)


def test_one_storm_a_company_whoever_is_faster(tmp_path, company):
    """Twenty processes would propose and switch at the same moment."""
    store = open_store(f"sqlite:///{tmp_path}/storm.db", migrate=True)
    start, done = threading.Barrier(8), []

    def act(number):
        start.wait()
        try:
            with store.session() as db:
                if number % 2:
                    records.propose(db, company, NOW, ("wait",), HIGH, frozenset())
                else:
                    records.switch_on(db, company, NOW, f"v{number}", version=0)
                    done.append(number)
        except StormChanged:
            pass

    threads = [threading.Thread(target=act, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(store, Storm)) == 1
    assert len(done) <= 1
    store.close()


def test_every_change_is_in_the_audit_and_marks_the_log(store, company):
    with store.session() as db:
        records.propose(db, company, NOW, ("wait",), HIGH, frozenset())
        records.switch_on(db, company, later(minutes=1), "vira", reason="gale", address="10.0.0.1")
        records.change(db, company, later(minutes=2), "vira", hours=2)
        records.switch_off(db, company, later(minutes=30), "olha", reason="calm")
    noted = [(row.who, row.what, row.allowed) for row in rows(store, Audit)]
    assert noted == [
        ("rule", "storm_propose", True), ("vira", "storm_on", True),
        ("vira", "storm_change", True), ("olha", "storm_off", True),
    ]  # fmt: skip
    marks = [row for row in rows(store, CallEvent) if row.kind == "storm"]
    assert [row.details["state"] for row in marks] == ["proposed", "on", "on", "off"]
    assert {row.call for row in marks} == {""}
    with store.session(read_only=True) as db:
        (interval,) = records.intervals(db, company.id)
    assert (interval.started, interval.ended) == (later(minutes=1), later(minutes=30))
    assert (interval.reason, interval.by) == ("gale", "vira")
    assert interval.holds(later(minutes=29)) and not interval.holds(later(minutes=30))


# ---------------------------------------------------------------------- taken back


def last_action(store, *what):
    with store.session(read_only=True) as db:
        wanted = select(Action).where(Action.what.in_(what or undo.WORDS), Action.undoes.is_(None))
        return db.scalars(wanted.order_by(Action.id.desc())).first()


def take_back(store, company, at, who="olha", *what):
    action = last_action(store, *what)
    with store.session() as db:
        actions.undo(db, MemoryQueue(), company, action.id, who, at)


def test_switching_a_proposal_on_is_taken_back_to_the_proposal(store, company):
    with store.session() as db:
        records.propose(db, company, NOW, ("wait",), HIGH, frozenset())
        records.switch_on(db, company, later(minutes=1), "vira", reason="gale", regions=["Одеса"])
    take_back(store, company, later(minutes=3))
    row = only(store)
    assert (row.state, row.live, row.reason, row.regions) == ("proposed", True, "wait=15min", [])
    assert (row.started_at, row.started_by, row.until, row.rules) == (None, None, None, {})
    with store.session() as db:
        assert records.rules_now(db, company, later(minutes=3)) is None
        records.switch_on(db, company, later(minutes=10), "vira", version=row.version, hours=1)
    with store.session(read_only=True) as db:
        found = records.intervals(db, company.id)
    assert [(each.started, each.ended) for each in found] == [
        (later(minutes=1), later(minutes=3)), (later(minutes=10), later(minutes=70)),
    ]  # fmt: skip


def test_a_storm_out_of_nothing_is_taken_back_to_none(store, company):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira")
    take_back(store, company, later(minutes=1))
    row = only(store)
    assert (row.state, row.live, row.ended_by) == ("off", None, "olha")
    with store.session(read_only=True) as db:
        (interval,) = records.intervals(db, company.id)
    assert interval.ended == later(minutes=1)
    noted = [(each.who, each.what) for each in rows(store, Audit)]
    assert noted == [("vira", "storm_on"), ("olha", "storm_on")]


def test_changed_rules_are_put_back(store, company):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=2, rules={"cap": 12.0})
        rules = {"cap": 30.0, "message": "storm_grid"}
        records.change(
            db, company, later(minutes=5), "vira", hours=8, regions=["Одеса"], rules=rules
        )
    take_back(store, company, later(minutes=6))
    row = only(store)
    assert (row.rules, row.regions, row.until) == ({"cap": 12.0}, [], later(hours=2))
    assert (row.state, row.started_at) == ("on", NOW)


def test_an_ended_storm_goes_on_and_a_refused_proposal_stands_again(store, company):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=2, rules={"cap": 12.0})
        records.switch_off(db, company, later(minutes=30), "vira", reason="calm")
    take_back(store, company, later(minutes=40))
    row = only(store)
    assert (row.state, row.live, row.ended_at, row.ended_by) == ("on", True, None, None)
    assert (row.until, row.rules) == (later(hours=2), {"cap": 12.0})
    with store.session() as db:
        found = records.intervals(db, company.id)
        assert [(each.started, each.ended) for each in found] == [
            (NOW, later(minutes=30)), (later(minutes=40), later(hours=2)),
        ]  # fmt: skip
        assert found[1].by == "olha"
        records.switch_off(db, company, later(minutes=50), "vira")
        records.propose(db, company, later(hours=3), ("wait",), HIGH, frozenset())
        records.refuse(db, company, later(hours=3), "vira", reason="a drill")
    take_back(store, company, later(hours=3, minutes=1))
    row = rows(store, Storm)[1]
    assert (row.state, row.live, row.ended_at) == ("proposed", True, None)


def test_what_was_changed_since_is_not_taken_back(store, company):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=1)
        records.change(db, company, later(minutes=1), "vira", hours=2)
        records.change(db, company, later(minutes=2), "olha", hours=3)
    before = only(store)
    for who, what in (("olha", "storm_on"), ("vira", "storm_on")):
        with pytest.raises(Changed) as refused:
            take_back(store, company, later(minutes=3), who, what)
        assert refused.value.who == "olha"
    assert only(store).version == before.version and only(store).until == before.until


def test_steps_are_taken_back_one_after_another(store, company):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=3)
        records.change(db, company, later(minutes=1), "vira", hours=6)
        records.switch_off(db, company, later(minutes=2), "vira", reason="calm")
    for minute, what in enumerate(("storm_off", "storm_change"), 3):
        take_back(store, company, later(minutes=minute), "vira", what)
    assert (only(store).state, only(store).until) == ("on", later(hours=3))
    take_back(store, company, later(minutes=5), "vira", "storm_on")
    assert only(store).state == "off"


def test_one_that_ended_by_itself_or_was_followed_by_another_is_not_taken_back(
    store, company, queue
):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=1)
    assert watch.look(store, queue, company, later(hours=1)) == "expire"
    with pytest.raises(Changed) as refused:
        take_back(store, company, later(hours=1), "vira", "storm_on")
    assert refused.value.who == ""
    with store.session() as db:
        records.switch_on(db, company, later(hours=2), "vira", hours=1)
        records.switch_off(db, company, later(hours=2), "vira")
    with pytest.raises(NotUndone, match="late"):
        take_back(store, company, later(hours=3), "vira", "storm_off")
    with store.session() as db:
        records.switch_on(db, company, later(hours=2), "olha")
    with pytest.raises(Changed) as refused:
        take_back(store, company, later(hours=2, minutes=5), "vira", "storm_off")
    assert refused.value.who == "olha"


def test_what_the_rule_did_is_nobodys_action(store, company):
    with store.session() as db:
        row = records.propose(db, company, NOW, ("wait",), HIGH, frozenset(), start=True)
        records.end_by_rule(db, row, "off", later(hours=1))
    assert last_action(store) is None
    assert [each.who for each in rows(store, Audit)] == ["rule", "rule"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": 0.1}, {"hours": 73}, {"rules": {"cap": 0.5}}, {"rules": {"wrap_up": 601}},
        {"rules": {"gates": ["outage"]}}, {"rules": {"gates": ["x"]}}, {"rules": {"arrivals": 1}},
        {"rules": {"message": "goodbye"}}, {"rules": {"callbacks": "no"}}, {"regions": ["Львів"]},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named(store, company, wrong):
    with pytest.raises(ValueError, match=r"`\w+"), store.session() as db:
        records.switch_on(db, company, NOW, "vira", **wrong)
    assert rows(store, Storm) == []


# ---------------------------------------------------------------------- what is measured


def calls(store, count, at, company="odesa"):
    """So many calls in 200 seconds, the first one at a moment."""
    step = timedelta(seconds=200 / count)
    moments = [at + step * number for number in range(count)]
    write(
        store,
        [
            Entry(company, f"call-{moment.isoformat()}", moment, "answered", "main", "welcome")
            for moment in moments
        ],
    )


def test_the_forecast_is_the_mean_of_the_same_minutes_of_the_days_before(store, company):
    begin = later(minutes=-5)
    for days, count in ((1, 10), (2, 20)):  # and none on the third
        calls(store, count, begin - timedelta(days=days))
    calls(store, 1, begin - timedelta(days=3, hours=1))  # the log begins here
    with store.session(read_only=True) as db:
        assert watch.forecast(db, company, NOW) == 10.0


def test_the_forecast_follows_the_local_clock_over_its_change(store, company):
    """Clocks went back on 2026-10-25: the same time of day is another hour in UTC."""
    now = datetime(2026, 10, 25, 19, 40, tzinfo=UTC)  # 21:40 in Kyiv, winter
    calls(store, 8, datetime(2026, 10, 24, 18, 36, tzinfo=UTC))  # 21:36, summer
    calls(store, 1, datetime(2026, 10, 24, 10, 0, tzinfo=UTC))
    with store.session(read_only=True) as db:
        assert watch.forecast(db, company, now) == 8.0


def test_nothing_is_forecast_from_an_empty_log_or_from_storms(store, company):
    with store.session(read_only=True) as db:
        assert watch.forecast(db, company, NOW) is None
    day = timedelta(days=1)
    calls(store, 1, NOW - 2 * day)
    calls(store, 300, later(minutes=-5) - day)
    with store.session() as db:
        records.switch_on(db, company, later(hours=-1) - day, "vira", hours=3)
    with store.session(read_only=True) as db:
        assert watch.forecast(db, company, NOW) is None


def test_calls_to_ourselves_are_in_no_figure_of_a_storm(store, company):
    told_of_it = {"service": "storms.greeting", "outcome": "storm"}

    def call(name, at, **details):
        begun = details | {"from": "+380671110001"}
        return [
            Entry("odesa", name, at, "answered", "main", "welcome", begun),
            Entry("odesa", name, at, "looked_up", "main", "welcome", told_of_it),
            Entry("odesa", name, at, "queued", "operator", "wait", {"queue": "general"}),
            Entry("odesa", name, at, "left", "operator", "wait", {"outcome": "abandoned"}),
        ]  # fmt: skip

    ours = {"entrance": "synthetic"}
    early = call("vm-2", later(seconds=-5), **ours)
    moved = [replace(each, at=later(seconds=5)) for each in early[1:]]
    write(store, [*call("vm-1", NOW, **ours), early[0], *moved, *call("pbx1-1.1", NOW)])
    with store.session(read_only=True) as db:
        told = figures.Figures("odesa", NOW)
        told.count(db)
        assert set(told.to_json().items()) >= {
            ("calls", 1),
            ("announced", 1),
            ("queued", 1),
            ("lost", 1),
        }
        assert watch.arrivals(db, "odesa", later(minutes=-5), later(minutes=5)) == 1
        assert [each.calls for each in after.lists(db, "odesa", NOW, later(hours=1))] == [1]


def test_a_mark_without_the_number_of_its_storm_is_understood(store, company):
    """As docs of the log named it once: an interval all the same, and no traceback."""
    marks = [{"state": "on", "until": None, "reason": "wind", "by": "vira"}, {"state": "over"}]
    write(store, [
        Entry("odesa", "", later(minutes=number), "storm", details=mark)
        for number, mark in enumerate(marks)
    ])  # fmt: skip
    with store.session(read_only=True) as db:
        (found,) = records.intervals(db, "odesa")
    assert (found.started, found.ended, found.reason) == (NOW, later(minutes=1), "wind")


def test_the_terminal_names_the_zone_of_its_clock(store, company):
    with store.session() as db:
        row = records.switch_on(db, company, NOW, "vira", hours=1)
        lines = shown.state(row, None, company.zone, NOW)
    assert "until 2026-10-31 22:40 EET" in lines


def test_an_answer_of_an_operator_is_no_arrival(store, company):
    calls(store, 3, later(minutes=-4))
    write(store, [Entry("odesa", "x", later(minutes=-1), "answered", details={"operator": "o"})])
    calls(store, 5, later(minutes=-4), company="kazan")
    with store.session(read_only=True) as db:
        assert watch.measure(db, company, NOW).calls == 3


def waiting(queue, company, count, name="outage"):
    now = NOW.timestamp()
    skills = {name: 3}
    queue.sign_in(Operator("olena", company.id, skills=skills, status="ready", endpoint="op"), now)
    for number in range(count):
        queue.enter(Ticket(f"w{number}", company.id, name, now - 1), now)


def test_a_long_wait_is_proposed_and_goes_with_the_calm(store, company, queue):
    waiting(queue, company, 20)
    assert watch.look(store, queue, company, NOW) == "propose"
    assert watch.look(store, queue, company, later(seconds=30)) == ""
    row = only(store)
    assert (row.state, row.measured["reasons"]) == ("proposed", ["wait"])
    assert row.measured["proposed"]["queue"] == "outage"
    for number in range(20):
        queue.leave(f"w{number}", "abandoned", NOW.timestamp())
    for minute in range(1, 16):
        assert watch.look(store, queue, company, later(minutes=minute)) == ""
    assert watch.look(store, queue, company, later(minutes=16)) == "withdraw"
    assert (only(store).state, only(store).live) == ("withdrawn", None)


def test_nobody_on_duty_at_night_is_no_storm(store, company, queue):
    assert watch.longest_wait(queue, company, NOW) == (0.0, "")
    assert watch.look(store, queue, company, NOW) == ""
    assert rows(store, Storm) == []


def test_arrivals_far_over_the_forecast_are_proposed(store, company, queue):
    for days in (1, 2):
        calls(store, 10, later(minutes=-4) - timedelta(days=days))
    calls(store, 31, later(minutes=-4))
    assert watch.look(store, queue, company, NOW) == "propose"
    assert only(store).measured["reasons"] == ["arrivals"]


def test_a_big_accident_is_proposed_and_big_works_are_not(store, company, queue):
    def event(number, kind):
        with store.session() as db:
            db.add(
                OutageEvent(company="odesa", number=number, kind=kind, since=NOW,
                            customers=9000, updated_at=NOW)
            )  # fmt: skip

    event("P1", "planned")
    assert watch.look(store, queue, company, NOW) == ""
    event("E1", "emergency")
    assert watch.look(store, queue, company, later(seconds=30)) == "propose"
    with store.session() as db:
        records.refuse(db, company, later(minutes=1), "vira", reason="a drill")
    assert watch.look(store, queue, company, later(hours=5)) == ""
    event("E2", "emergency")
    assert watch.look(store, queue, company, later(hours=6)) == "propose"
    assert [row.state for row in rows(store, Storm)] == ["refused", "proposed"]


def test_a_storm_expires_by_the_watch(store, company, queue):
    with store.session() as db:
        records.switch_on(db, company, NOW, "vira", hours=1)
    assert watch.look(store, queue, company, later(minutes=59)) == ""
    assert watch.look(store, queue, company, later(minutes=60)) == "expire"
    row = only(store)
    assert (row.state, row.ended_by, row.live) == ("expired", "rule", None)


def test_where_the_profile_says_so_the_rule_switches_on(store, company, queue):
    terms = replace(company.terms, storm=replace(company.terms.storm, automatic=True))
    company = replace(company, terms=terms)
    waiting(queue, company, 20)
    assert watch.look(store, queue, company, NOW) == "start"
    with store.session(read_only=True) as db:
        assert records.rules_now(db, company, NOW) is not None
    row = only(store)
    assert (row.state, row.started_by) == ("on", "rule")
    assert row.until == later(hours=company.terms.storm.hours)


def test_without_a_queue_nothing_is_concluded(store, company, caplog):
    class Down(MemoryQueue):
        def place(self, *_args, **_more):
            raise QueueDown

    stopping = threading.Event()
    found = watch.Watch(store, Down(), {"odesa": company}, lambda: NOW, stopping)
    found.round()
    assert "not measured: QueueDown" in caplog.text
    assert rows(store, Storm) == []
