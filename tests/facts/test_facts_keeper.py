"""The facts follow the log: in whatever portions it comes, they are those of the whole log."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select
from test_callscript import SCRIPTS

from ivr.events import Entry, write
from ivr.facts import Keeper, keep, lost, rebuild
from ivr.store.database import memory_store, open_store
from ivr.store.facts import CallFact, FlowFact, OperatorSpan, VisitFact
from ivr.store.models import CallEvent, Conversation

HOME = Path(__file__).parents[2]
TABLES = (CallFact, VisitFact, FlowFact, OperatorSpan)
MANY = [name for name in sorted(SCRIPTS) if SCRIPTS[name].company == "odesa"][::9]


def rows(store, company="odesa") -> list[list[tuple]]:
    """Return all facts of a company, without the numbers of rows."""
    found = []
    with store.session(read_only=True) as db:
        for table in TABLES:
            columns = [column for column in table.__table__.columns if column.name != "id"]
            wanted = select(*columns).where(table.company == company)
            found.append(sorted(map(repr, db.execute(wanted))))
    return found


@pytest.fixture(scope="module")
def calls(logged) -> list[list[Entry]]:
    """Return many calls, each script's with its own callers and operators, in order of time."""
    found = []
    for number, name in enumerate(MANY):
        _, entries = logged(SCRIPTS[name])
        found.append([own(entry, number) for entry in entries])
    return found


def own(entry: Entry, number: int) -> Entry:
    details = dict(entry.details)
    for field in ("operator", "ticket"):
        if details.get(field):
            details[field] = f"{details[field]}-{number}"
    return replace(entry, call=entry.call and f"{entry.call}-{number}", details=details)


def of_writers(entries: list[Entry], chance: random.Random) -> list[Entry]:
    """Return events in an order in which they may reach the store: each writer's in its order."""
    journal = [e for e in entries if e.kind in ("ticket", "operator")]
    others = [e for e in entries if e.kind not in ("ticket", "operator")]
    found = []
    while journal or others:
        writer = journal if not others or (journal and chance.random() < 0.5) else others
        found.append(writer.pop(0))
    return found


def mixed(calls: list[list[Entry]], chance: random.Random) -> list[Entry]:
    """Return the events of many calls that go on at once."""
    open_, found = [list(each) for each in calls], []
    while open_:
        each = chance.choice(open_)
        found.append(each.pop(0))
        if not each:
            open_.remove(each)
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9), size=st.integers(1, 400))
def test_facts_in_portions_are_those_of_the_whole_log(house, calls, seed, size):
    chance, company = random.Random(seed), house.companies["odesa"]
    some = chance.sample(calls, 8)
    log = mixed([of_writers(each, chance) for each in some], chance)
    store = memory_store()
    keepers = [Keeper(store, company), Keeper(store, company)]
    while log:
        count = chance.randint(1, size)
        write(store, log[:count])
        del log[:count]
        for _ in range(chance.randint(0, 3)):
            chance.choice(keepers).keep(chance.randint(1, size))
    while keepers[0].keep(size):
        pass
    followed = rows(store)
    assert len(followed[0]) >= 8
    rebuild(store, company)
    assert rows(store) == followed
    store.close()


def test_an_event_that_comes_late_makes_the_fact_anew(house, calls):
    store, company = memory_store(), house.companies["odesa"]
    entries = next(own for own in calls if any(e.kind == "ended" for e in own))
    end = next(place for place, e in enumerate(entries) if e.kind == "ended")
    rated = replace(entries[end], kind="rated", details={"rating": 4})
    write(store, entries)
    keep(store, house.companies)
    with store.session() as db:  # an id that was given out before, and is stored now
        first = db.scalar(select(func.min(CallEvent.id)).where(CallEvent.kind == "ended"))
        kinds = (CallEvent.id >= first, CallEvent.call == entries[end].call)
        later = db.execute(select(CallEvent.__table__).where(*kinds)).mappings().all()
        db.execute(delete(CallEvent).where(*kinds))
        db.execute(insert(CallEvent), [{**vars(rated), "id": first}])
        db.execute(insert(CallEvent), [{**row, "id": 100_000 + row["id"]} for row in later])
    keep(store, house.companies)
    with store.session(read_only=True) as db:
        assert db.get(CallFact, entries[end].call).survey == 4
    followed = rows(store)
    rebuild(store, company)
    assert rows(store) == followed
    store.close()


def test_spans_tile_the_time_from_the_first_sign_in_on(house, calls):
    """Checked against the records themselves: everybody has one span at each moment."""
    store = memory_store()
    entries = [entry for each in calls for entry in each]
    write(store, entries)
    while keep(store, house.companies):
        pass
    with store.session(read_only=True) as db:
        spans = list(db.scalars(select(OperatorSpan).order_by(OperatorSpan.began)))
    assert len(spans) > 50
    assert {"talking", "wrap_up", "idle"} <= {span.state for span in spans}
    for name in {span.operator for span in spans}:
        own = [span for span in spans if span.operator == name]
        records = [e for e in entries if e.kind == "operator" and e.details["operator"] == name]
        there = [e for e in records if not away(e)]
        assert own[0].began == there[0].at
        for one, other in zip(own, own[1:], strict=False):
            assert one.ended is not None
            assert one.began < one.ended == other.began
        assert own[-1].ended is None
        gone = [e.at for e in records if away(e) and e.at > there[0].at]
        left = {span.began for span in own if (span.status, span.state) == ("offline", "idle")}
        assert left <= set(gone)
        assert not gone or gone[-1] in left or not away(records[-1])


def away(entry: Entry) -> bool:
    return (entry.details["status"], entry.details["state"]) == ("offline", "idle")


def test_wrap_up_and_code_belong_to_the_call(house, calls, tmp_path):
    store = memory_store()
    entries, wrap = next(
        (each, e)
        for each in calls
        for e in each
        if e.details.get("state") == "wrap_up"
        and any(o.kind == "ended" and o.call == e.details["ticket"] for o in each)
        and sum(o.kind == "answered" and o.call == e.details["ticket"] for o in each) == 2
    )
    ticket, operator = wrap.details["ticket"], wrap.details["operator"]
    idle = {**wrap.details, "state": "idle", "ticket": ""}
    until = replace(wrap, at=wrap.at + timedelta(seconds=17.5), details=idle)
    entries = [e for e in entries if not (e.details.get("operator") == operator and e.at > wrap.at)]
    write(store, entries)
    keep(store, house.companies)
    with store.session() as db:
        visit = db.scalars(select(VisitFact).where(VisitFact.call == ticket)).one()
        assert (visit.operator, visit.wrap) == (operator, None)
        db.add(
            Conversation(
                company="odesa", call=ticket, token="t", operator=operator, queue=visit.queue,
                entered_at=wrap.at, answered_at=wrap.at, code="complaint",
            )
        )  # fmt: skip
    write(store, [until])
    keep(store, house.companies)
    with store.session(read_only=True) as db:
        assert db.scalars(select(VisitFact.wrap).where(VisitFact.call == ticket)).one() == 17.5
        assert db.get(CallFact, ticket).topic == "complaint"
    store.close()


# ---------------------------------------------------------------------- processes


KILLED = """
import os, signal, sys
from ivr import company
from ivr.facts import keeper
from ivr.store.database import Store, open_store
from pathlib import Path

database, moment = sys.argv[1:]
store = open_store(database)
companies = company.load(Path("flows/companies"))
insert = keeper.insert

def die(table):
    if table is keeper.FLOWS:
        os.kill(os.getpid(), signal.SIGKILL)
    return insert(table)

keeper.insert = die
keeper.keep(store, companies)
"""


def test_a_keeper_that_is_killed_has_done_nothing(house, calls, tmp_path):
    database = f"sqlite:///{tmp_path}/press2.db"
    store = open_store(database, migrate=True)
    write(store, [entry for each in calls for entry in each])
    died = subprocess.run(
        [sys.executable, "-c", KILLED, database, ""],
        cwd=HOME, env=os.environ | {"PYTHONPATH": str(HOME)}, check=False, capture_output=True,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert rows(store) == [[], [], [], []]
    while keep(store, house.companies):
        pass
    followed = rows(store)
    assert all(followed)
    rebuild(store, house.companies["odesa"])
    assert rows(store) == followed
    store.close()


def both_at_once(store, house, calls) -> None:
    """Let two keepers follow what a third thread writes; the facts are those of the log."""
    company, log = house.companies["odesa"], mixed(calls, random.Random(1))
    written = threading.Event()

    def follow() -> None:
        keeper = Keeper(store, company)
        while not written.is_set() or keeper.keep(100):
            keeper.keep(100)

    followers = [threading.Thread(target=follow) for _ in range(2)]
    for each in followers:
        each.start()
    for start in range(0, len(log), 20):
        write(store, log[start : start + 20])
    written.set()
    for each in followers:
        each.join(120)
    last = Keeper(store, company)
    while last.keep(1000):
        pass
    followed = rows(store)
    assert all(followed)
    rebuild(store, company)
    assert rows(store) == followed


def test_two_keepers_at_once(house, calls, tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    both_at_once(store, house, calls)
    store.close()


# ---------------------------------------------------------------------- calls without an end


def test_a_call_without_an_end_gets_one_once(house, calls):
    store = memory_store()
    entries = next(each for each in calls if len({e.call for e in each if e.call}) == 1)
    entries = entries[: next(place for place, e in enumerate(entries) if e.kind == "ended")]
    write(store, entries)
    last = max(entry.at for entry in entries if entry.call)
    too_early = last + timedelta(seconds=3600 + lost.MARGIN - 1)
    assert lost.end(store, house.companies, too_early, 3600) == 0
    assert lost.end(store, house.companies, too_early + timedelta(hours=1), 3600) == 1
    assert lost.end(store, house.companies, too_early + timedelta(hours=2), 3600) == 0
    keep(store, house.companies)
    with store.session(read_only=True) as db:
        fact = db.scalars(select(CallFact)).one()
    assert (fact.why, fact.ended_by, fact.ended) == ("exchange_lost", "network", last)
    store.close()


def test_a_call_that_goes_on_or_is_over_gets_no_end(house, calls):
    store = memory_store()
    write(store, [entry for each in calls for entry in each])
    now = datetime(2026, 12, 24, tzinfo=UTC)
    assert lost.end(store, house.companies, now, 3600) == 0
    store.close()
