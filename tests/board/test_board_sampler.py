"""What is measured: by one process at a time, only what changed, each minute all of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from waiting import until

from ivr.agent_queue.lease import MemoryLease, RedisLease
from ivr.board import sampler
from ivr.board.sampler import Sampler
from ivr.company import load
from ivr.outbox import entries as outbox
from ivr.speech.pool import Load, Server
from ivr.store.database import memory_store
from ivr.store.models import Callback, CallEvent
from ivr.store.supply import CallbackClock
from ivr.store.world import keep_company
from ivr.storm import records

COMPANIES = load(Path(__file__).parents[2] / "flows" / "companies")
ODESA = {"odesa": COMPANIES["odesa"]}
NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
FIRST, SECOND = Server("one", "127.0.0.1", 1), Server("two", "127.0.0.1", 2)
ALL = {
    "callbacks": {"due": 0, "late": 0},
    "outbox": {"due": 0, "dead": 0, "oldest": None},
    "storm": {"state": "off", "until": None},
    "speech": {"busy": 0, "limit": 0, "up": 0, "of": 0},
}


@pytest.fixture
def store():
    store = memory_store()
    with store.session() as db:
        keep_company(db, "odesa")
    yield store
    store.close()


class House:
    """A sampler, and what it has written."""

    def __init__(self, store, lease=None, loads=None, companies=ODESA):
        self.store, self.now, self.loads = store, NOON, loads
        self.stopping = threading.Event()
        asked = None if loads is None else lambda: self.loads
        self.sampler = Sampler(
            store, companies, asked, lease or MemoryLease(), lambda: self.now, self.stopping
        )

    def look(self, seconds=1.0):
        """What one more look writes."""
        before = len(self.told())
        self.now += timedelta(seconds=seconds)
        self.sampler.round()
        return self.told()[before:]

    def told(self):
        with self.store.session(read_only=True) as db:
            return [row.details for row in db.scalars(select(CallEvent).order_by(CallEvent.id))]


@pytest.fixture
def house(store):
    return House(store)


def promise(db, number, due, live=True):
    row = Callback(
        company="odesa", number=number, queue="general", language="uk", call="c", key=number,
        entered_at=NOON, created_at=NOON, next_at=NOON,
    )  # fmt: skip
    db.add(row)
    db.flush()
    row.live = live or None
    if due is not None:
        db.add(
            CallbackClock(callback_id=row.id, company="odesa", since=NOON, red_at=due, due_at=due)
        )


def test_first_everything_then_what_changed(house):
    assert house.look() == [ALL]
    assert house.look() == []
    with house.store.session() as db:
        promise(db, "+380671110001", None)
        promise(db, "+380671110002", NOON + timedelta(seconds=30))
        promise(db, "+380671110003", NOON, live=False)
    assert house.look() == [{"callbacks": {"due": 2, "late": 0}}]
    assert house.look(60) == [{"callbacks": {"due": 2, "late": 1}}]
    with house.store.session(read_only=True) as db:
        row = db.scalars(select(CallEvent)).first()
    assert (row.company, row.call, row.kind) == ("odesa", "", "measured")


def test_each_minute_everything(house, monkeypatch):
    house.look()
    monkeypatch.setattr(sampler, "WHOLE", 0.0)
    assert house.look() == [ALL]


def test_the_outbox_counts_what_is_late_and_what_is_dead(house):
    house.look()
    with house.store.session() as db:
        for name, after in (("a", 0), ("b", 0), ("c", 600)):
            outbox.put(
                db, company="odesa", kind="sms", key=name, payload={}, now=NOON,
                after=NOON + timedelta(seconds=after),
            )  # fmt: skip
    (told,) = house.look(10)
    assert told == {"outbox": {"due": 2, "dead": 0, "oldest": NOON.isoformat()}}
    with house.store.session() as db:
        outbox.bury(outbox.of_key(db, "a"), "no such number", NOON)
        outbox.finish(outbox.of_key(db, "b"), {}, NOON)
    assert house.look() == [{"outbox": {"due": 0, "dead": 1, "oldest": None}}]


def test_a_storm_is_told_with_its_end(house):
    house.look()
    with house.store.session() as db:
        records.switch_on(db, ODESA["odesa"], NOON, "vira", hours=1)
    until_ = (NOON + timedelta(hours=1)).isoformat()
    storm = {"storm": {"state": "on", "until": until_}}
    assert [told for told in house.look() if "storm" in told and "state" not in told] == [storm]
    assert house.look(3600) == [{"storm": {"state": "off", "until": None}}]


def load_of(busy, limit=8, ready=True):
    return Load(busy, limit, "life-1", ("uk",), ready, False)


def test_recognisers_are_told_at_once_when_one_goes_and_calmly_when_one_is_busier(store):
    house = House(store, loads={FIRST: load_of(3), SECOND: load_of(2)})
    (first,) = house.look()
    assert first["speech"] == {"busy": 5, "limit": 16, "up": 2, "of": 2}
    house.loads = {FIRST: load_of(4), SECOND: load_of(2)}
    assert house.look() == []  # soon enough with the next
    house.loads = {FIRST: load_of(4), SECOND: None}
    assert house.look() == [{"speech": {"busy": 4, "limit": 8, "up": 1, "of": 2}}]
    house.loads = {FIRST: load_of(8), SECOND: None}
    assert house.look() == [{"speech": {"busy": 8, "limit": 8, "up": 1, "of": 2}}]


def test_recognisers_that_become_busier_are_told_after_a_breath(store, monkeypatch):
    monkeypatch.setattr(sampler, "BREATH", 0.0)
    house = House(store, loads={FIRST: load_of(3)})
    house.look()
    house.loads = {FIRST: load_of(4)}
    assert house.look() == [{"speech": {"busy": 4, "limit": 8, "up": 1, "of": 1}}]


def test_every_company_has_its_own(store):
    house = House(store, companies=COMPANIES)
    with store.session() as db:
        promise(db, "+380671110001", None)
    house.look()
    with store.session(read_only=True) as db:
        rows = {row.company: row.details for row in db.scalars(select(CallEvent))}
    assert rows.keys() == COMPANIES.keys()
    assert [c for c, told in rows.items() if told["callbacks"]["due"]] == ["odesa"]


def test_one_of_two_writes_and_the_other_one_when_it_is_gone(store, redis_client):
    one, two = (House(store, RedisLease(redis_client, sampler.KEY, 60.0)) for _ in range(2))
    assert one.look() == [ALL] and two.look() == []
    assert one.look() == [] and two.look() == []
    redis_client.pexpire(sampler.KEY, 1)  # the first one is dead: nobody renews its lease
    assert until(lambda: two.look() == [ALL])
    assert one.look() == []


def test_nobody_measures_while_nobody_can_tell_whose_turn_it_is(store, redis_server):
    house = House(store, RedisLease(redis_server.client(), sampler.KEY, 3.0))
    house.look()
    redis_server.kill()
    assert house.look() == []
    redis_server.start()
    assert house.look() == [ALL]


def test_the_next_one_need_not_wait_for_who_ends_in_order(store, redis_client):
    one, two = (House(store, RedisLease(redis_client, sampler.KEY, 30.0)) for _ in range(2))
    one.sampler.start()
    assert until(lambda: one.told() == [ALL])
    one.stopping.set()
    one.sampler.join(20)
    assert two.look() == [ALL]
