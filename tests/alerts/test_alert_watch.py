"""The watch over a real store and its boards: rows, the log, the outbox; one process at a time."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import select
from waiting import until

from ivr import outbox
from ivr.agent_queue.lease import DISPATCH, MemoryLease, RedisLease
from ivr.alerts import Watch
from ivr.alerts.watch import KEY, lateness
from ivr.board import Feed
from ivr.board.sampler import Sampler
from ivr.company import load
from ivr.events import Entry, write
from ivr.outbox import Later, Trouble
from ivr.services.restoration import CALL
from ivr.store.database import open_store
from ivr.store.models import CallEvent, OutboxEntry
from ivr.store.supervision import Alert, HoursChange
from ivr.store.world import keep_company

COMPANIES = load(Path(__file__).parents[2] / "flows" / "companies")
ODESA = {"odesa": COMPANIES["odesa"]}
OFF = {"state": "off", "until": None}
NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


class House:
    """A store, its boards, and watches over them; the time is set."""

    def __init__(self, folder):
        self.folder, self.url = folder, f"sqlite:///{folder}/press2.db"
        self.store = open_store(self.url, migrate=True)
        with self.store.session() as db:
            keep_company(db, "odesa")
        self.now, self.shared, self.called = NOON, [], NOON
        self.feed = Feed(self.store, ODESA, lambda: self.now.timestamp(), 0.01)
        self.feed.start()
        self.stopping = threading.Event()

    def watch(self, lease=None, companies=ODESA, webhook=True, matched=None):
        return Watch(
            self.store, companies, self.feed, lease or MemoryLease(self.shared), lambda: self.now,
            self.stopping, self.folder, webhook, lambda name: self.called,
            lambda: self.now.timestamp(), matched,
        )  # fmt: skip

    def look(self, *watches, seconds=1.0, rounds=1):
        """So many looks of all of them; the boards have read everything before each."""
        for _ in range(rounds):
            self.now += timedelta(seconds=seconds)
            self.called = self.now
            assert until(lambda: self.feed.shown("odesa").at == self.now.timestamp())
            for watch in watches:
                watch.round()

    def write(self, *entries):
        write(self.store, entries)
        wanted = len(self.rows(CallEvent))
        assert until(lambda: self.feed.shown("odesa").upto >= wanted)

    def caller(self, state="waiting", call="c1", outcome=""):
        told = {"kind": "call", "operator": "", "outcome": outcome, "priority": "normal"}
        told |= {"state": state, "queue": "general", "entered": self.now.timestamp()}
        self.write(Entry("odesa", call, self.now, "ticket", details=told))

    def rows(self, table):
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(table).order_by(table.id)))

    def told(self):
        return [
            (row.details["kind"], row.details["state"])
            for row in self.rows(CallEvent)
            if row.kind == "alert"
        ]

    def sent(self):
        return [row.key for row in self.rows(OutboxEntry)]


@pytest.fixture
def house(tmp_path, caplog):
    house = House(tmp_path)
    yield house
    assert "not looked" not in caplog.text
    house.feed.stop()
    house.store.close()


RAISED, CLEARED = ("no_operators", "raised"), ("no_operators", "cleared")


def test_rows_the_log_and_the_outbox(house):
    watch = house.watch()
    house.look(watch, rounds=3)
    assert house.rows(Alert) == []
    house.caller()
    began = house.now + timedelta(seconds=1)
    house.look(watch, rounds=3)
    [row] = house.rows(Alert)
    assert (row.company, row.kind, row.target, row.level) == (
        "odesa", "no_operators", "general", "alarm",
    )  # fmt: skip
    assert (row.since, row.value, row.bound, row.live, row.storm) == (began, 1.0, None, True, "off")
    house.look(watch, rounds=20)
    assert house.told() == [RAISED]
    house.caller("done", outcome="abandoned")
    house.look(watch, rounds=61)
    [row] = house.rows(Alert)
    assert row.live is None and row.ended_at == house.now
    assert house.told() == [RAISED, CLEARED]
    assert house.sent() == [f"alert/{row.id}/raised", f"alert/{row.id}/cleared"]
    [first, last] = house.rows(OutboxEntry)
    assert first.payload["what"] == "alert" and first.until == first.created_at + timedelta(hours=6)
    document = {"alert": row.id, "state": "cleared", "kind": "no_operators", "target": "general"}
    assert document.items() <= last.payload["document"].items()


def test_without_a_webhook_nothing_is_put_out(house):
    watch = house.watch(webhook=False)
    house.caller()
    house.look(watch, rounds=4)
    assert (house.told(), house.sent()) == ([RAISED], [])


def test_who_starts_again_goes_on(house):
    house.caller()
    house.look(house.watch(), rounds=4)
    house.shared.clear()  # killed: it gave nothing back but its lease's time
    watch = house.watch()
    house.look(watch, rounds=10)
    assert house.told() == [RAISED]
    house.caller("done", outcome="abandoned")
    house.look(watch, rounds=61)
    assert house.told() == [RAISED, CLEARED]


def test_one_of_several_watches_and_the_next_takes_over(house):
    first, second = house.watch(), house.watch()
    house.caller()
    house.look(first, second, rounds=5)
    assert house.told() == [RAISED]
    house.shared.clear()
    house.look(second, first, rounds=5)
    house.caller("done", outcome="abandoned")
    house.look(second, first, rounds=62)
    assert house.told() == [RAISED, CLEARED]


def test_without_redis_all_watch_and_tell_once(house, redis_server):
    with redis_server.client() as client:
        watches = [house.watch(RedisLease(client, KEY)), house.watch(RedisLease(client, KEY))]
        house.look(*watches)
        redis_server.kill()
        house.caller()
        house.look(*watches, rounds=5)
        assert house.told() == [RAISED]
        house.caller("done", outcome="abandoned")
        house.look(*watches, rounds=62)
    assert house.told() == [RAISED, CLEARED]
    assert len(house.sent()) == 2


def rename(house, before, after):
    with closing(sqlite3.connect(house.folder / "press2.db", timeout=5)) as file, file:
        file.execute("PRAGMA legacy_alter_table = ON")
        file.execute(f"ALTER TABLE {before} RENAME TO {after}")


def test_without_the_store_it_goes_on_in_memory_and_writes_later(house, caplog):
    watch = house.watch()
    house.look(watch, rounds=2)
    house.caller()
    house.look(watch)
    rename(house, "outbox", "away")
    house.look(watch, rounds=5)
    raised = house.now
    house.caller("done", outcome="abandoned")
    house.look(watch, rounds=70)
    house.caller(call="c2")
    house.look(watch, rounds=5)
    assert house.told() == []
    rename(house, "away", "outbox")
    house.look(watch)
    assert house.told() == [RAISED, CLEARED, RAISED]
    rows = house.rows(Alert)
    assert [row.live for row in rows] == [None, True]
    assert rows[0].since < raised < rows[0].ended_at < rows[1].since
    said = [each.message for each in caplog.records if "the store is" in each.message]
    away = "alerts: the store is away (OperationalError); going on in memory"
    assert said == [away, "alerts: the store is back"]


def test_a_log_that_cannot_be_read_is_told_once_the_store_is_back(house):
    watch = house.watch()
    house.look(watch, rounds=2)
    rename(house, "events", "away")
    assert until(lambda: house.feed.shown("odesa").state == "away")
    for _ in range(20):
        house.now += timedelta(seconds=1)
        watch.round()
    rename(house, "away", "events")
    assert until(lambda: house.feed.shown("odesa").state == "live")
    house.look(watch)
    assert house.told() == [("figures_old", "raised")]


def test_hours_that_a_supervisor_changed_count(house):
    watch = house.watch()
    with house.store.session() as db:
        day = NOON.astimezone(COMPANIES["odesa"].zone).date()
        db.add(
            HoursChange(
                company="odesa", service="general", day=day, closed=True, made_by="vira",
                made_at=NOON,
            )
        )  # fmt: skip
    house.caller()
    house.look(watch, rounds=5)
    assert house.told() == []


def test_calls_to_ourselves_that_fail(house):
    watch = house.watch()
    house.look(watch)
    for _ in range(95):
        house.now += timedelta(seconds=1)
        assert until(lambda: house.feed.shown("odesa").at == house.now.timestamp())
        watch.round()
    assert house.told() == [("calls_fail", "raised")]
    house.look(watch, rounds=62)
    assert house.told()[-1] == ("calls_fail", "cleared")


def test_what_stood_still_before_the_watch_began_is_no_alert(house):
    house.write(Entry("odesa", "", NOON - timedelta(days=3), "measured", details={"storm": OFF}))
    house.now += timedelta(days=3)
    watch = house.watch()
    house.look(watch, rounds=30)
    assert house.told() == []


def test_a_disk_that_is_full(house):
    terms = COMPANIES["odesa"].terms
    full = replace(terms, alerts=replace(terms.alerts, disk=1e-6))
    watch = house.watch(companies={"odesa": replace(COMPANIES["odesa"], terms=full)})
    house.look(watch, rounds=4)
    assert house.told() == [("disk_full", "raised")]


def put(house, key, kind="feed", **fields):
    with house.store.session() as db:
        after = fields.pop("after", None)
        outbox.put(db, company="odesa", kind=kind, key=key, payload={}, now=NOON, after=after)
        db.flush()
        row = outbox.of_key(db, key)
        for name, value in fields.items():
            setattr(row, name, value)


def late(house, minutes):
    with house.store.session(read_only=True) as db:
        return lateness(db, NOON + timedelta(minutes=minutes)).get("odesa", 0.0)


def test_an_entry_of_the_outbox_is_late_when_it_should_have_gone(house):
    assert late(house, 20) == 0
    put(house, "tomorrow", after=NOON + timedelta(hours=20))
    assert late(house, 20) == 0
    put(house, "nobody took it")
    assert late(house, 20) == 1200


def test_an_entry_that_was_tried_in_vain_is_late_since_it_was_put_in(house):
    put(house, "refused", tries=5, next_at=NOON + timedelta(hours=1))
    assert late(house, 12) == 720
    assert late(house, 600) == 36000


def test_who_is_not_at_home_is_not_late(house):
    put(house, "not at home", kind=CALL, tries=9, next_at=NOON + timedelta(hours=1))
    assert late(house, 600) == 0


REFUSALS = {
    "by itself": Trouble("HTTP 503"),
    "for ten minutes each time": Later(NOON + timedelta(minutes=10), "HTTP 503"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_system_that_refuses_for_long_is_told_of_and_shown(house, refusal):
    """The alert and the tile of the wallboard are about the same entry."""

    def refuse(_parcel):
        raise refusal

    watch = house.watch(webhook=False)
    sampler = Sampler(house.store, ODESA, None, MemoryLease(), lambda: house.now, house.stopping)
    put(house, "refused")
    for _ in range(16):
        outbox.deliver(house.store, {"feed": refuse}, lambda: house.now)
        sampler.round()
        house.look(watch, seconds=60)
        if isinstance(refusal, Later):
            refusal.at = house.now + timedelta(minutes=10)
    house.look(watch, rounds=3)
    assert ("outbox_stuck", "raised") in house.told()
    told = house.feed.figures("odesa")["outbox"]
    assert told == {"due": 1, "dead": 0, "oldest": NOON.isoformat()}


def test_the_outbox_is_stuck(house):
    watch = house.watch(webhook=False)
    put(house, "nobody took it")
    house.now += timedelta(minutes=14)
    house.look(watch, rounds=5)
    assert house.told() == []
    house.look(watch, seconds=30, rounds=4)
    assert house.told() == [("outbox_stuck", "raised")]


def test_how_bad_it_is_is_written_while_it_lasts(house):
    watch = house.watch()
    house.caller()
    house.look(watch, rounds=4)
    for number in range(2, 5):
        house.caller(call=f"c{number}")
    house.look(watch, rounds=6)
    [row] = house.rows(Alert)
    assert (row.live, row.value, row.worst) == (True, 1.0, 4.0)


def test_nobody_brings_callers_and_operators_together(house, redis_server):
    with redis_server.client() as client:
        lease = RedisLease(client, DISPATCH)

        def matched():
            try:
                return bool(client.exists(DISPATCH))
            except redis.RedisError:
                return None

        watch = house.watch(matched=matched)
        assert lease.hold()
        house.look(watch, rounds=30)
        assert house.told() == []
        lease.release()
        house.look(watch, rounds=11)
        assert house.told() == []
        house.look(watch, rounds=3)
        assert house.told() == [("matchmaker", "raised")]
        assert lease.hold()
        house.look(watch, rounds=62)
        assert house.told()[-1] == ("matchmaker", "cleared")
        redis_server.kill()
        house.look(watch, rounds=30)
        assert len(house.told()) == 2
