"""The log of events: complete, in order, each event once, whatever dies."""

import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import select
from waiting import until

from ivr.agent_queue.keys import journal as journal_of
from ivr.agent_queue.model import Operator, Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.channels.line import Clock
from ivr.errors import StaleTurn
from ivr.events import (
    GROUP,
    STREAM,
    Entry,
    Journals,
    MemoryLog,
    StoreLog,
    StreamLog,
    drain,
    drain_journals,
)
from ivr.model import Event, Result
from ivr.services import Service
from ivr.store.database import memory_store, open_store
from ivr.store.models import CallEvent

HOME = Path(__file__).parents[1]
NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)


def entry(number: int, call: str = "call", **details) -> Entry:
    at = NOON + timedelta(seconds=number)
    return Entry("odesa", call, at, "heard", "main", "menu", {"text": str(number), **details})


def numbers(store) -> list[str]:
    with store.session(read_only=True) as session:
        return [row.details["text"] for row in session.scalars(select(CallEvent).order_by("id"))]


@pytest.fixture
def store():
    store = memory_store()
    yield store
    store.close()


def emptied(client, store, consumer="one", **patience) -> int:
    """Drain until nothing is left; how many messages."""
    total = 0
    while count := drain(client, store, consumer, wait=1, **patience):
        total += count
    return total


# ---------------------------------------------------------------------- what is logged


def test_a_call_is_logged_from_its_beginning_to_its_end(worker, caller):
    log = MemoryLog()
    runner = worker(log=log)
    turn = runner.open(caller)
    for keys in ("2", "1", "2421#", "1", "2"):
        turn = runner.advance(caller.call, Event("keys", text=keys), turn.number)
    runner.close(caller.call)
    told = [
        (e.kind, f"{e.flow}.{e.step}", next(iter(e.details.values()), None)) for e in log.entries
    ]
    assert told == [
        ("answered", "main.welcome", "+380671110001"),
        ("looked_up", "main.welcome", "callers.welcome"),
        ("looked_up", "main.hit", "outages.hit"),
        ("looked_up", "main.storm", "storms.greeting"),
        ("said", "main.menu", told[4][2]),
        ("heard", "main.menu", "keys"),
        ("looked_up", "reading.window", "readings.window"),
        ("looked_up", "reading.draft", "readings.draft"),
        ("looked_up", "identify.by_phone", "accounts.by_phone"),
        ("said", "identify.this_one", ["account_this"]),
        ("heard", "identify.this_one", "keys"),
        ("looked_up", "reading.begin", "readings.begin"),
        ("said", "reading.enter", ["reading_enter"]),
        ("heard", "reading.enter", "keys"),
        ("looked_up", "reading.check", "readings.check"),
        ("said", "reading.read_back", told[15][2]),
        ("heard", "reading.read_back", "keys"),
        ("looked_up", "reading.accept", "readings.accept"),
        ("looked_up", "reading.offer_phone", "accounts.offer_phone"),
        ("said", "reading.another", ["accepted", "another"]),
        ("heard", "reading.another", "keys"),
        ("looked_up", "main.finish", "queues.kept"),
        ("looked_up", "main.may_keep", "utterances.ask"),
        ("said", "main.goodbye", ["goodbye"]),
        ("ended", "main.goodbye", "completed"),
    ]
    assert {e.call for e in log.entries} == {"call-1"}


def test_a_queue_and_a_hang_up_are_logged(worker, caller):
    log = MemoryLog()
    runner = worker(log=log)
    turn = runner.advance(caller.call, Event("keys", text="0"), runner.open(caller).number)
    assert [e.kind for e in log.entries[-4:]] == ["heard", "looked_up", "said", "queued"]
    assert log.entries[-1].details["queue"] == "general"
    runner.close(caller.call)
    assert [(e.kind, e.details) for e in log.entries[-2:]] == [
        ("heard", {"kind": "hangup", "text": "caller"}),
        ("ended", {"reason": "caller"}),
    ]
    assert turn.number > 0


def test_an_event_of_a_turn_that_is_over_leaves_no_trace(worker, caller):
    log = MemoryLog()
    runner = worker(log=log)
    runner.open(caller)
    before = list(log.entries)
    with pytest.raises(StaleTurn):
        runner.advance(caller.call, Event("keys", text="2"), 99)
    assert log.entries == before


def test_a_failing_service_is_logged_as_failed(worker, caller):
    def fail(_inquiry) -> Result:
        raise OSError("the disk is gone")

    log = MemoryLog()
    services = {"callers.welcome": Service("callers.welcome", fail, frozenset(["welcome"]))}
    worker(log=log, services=services).open(caller)
    looked_up = [e.details for e in log.entries if e.kind == "looked_up"]
    assert looked_up[0] == {"service": "callers.welcome", "outcome": "failed"}


def test_an_entry_survives_its_line_of_json():
    one = entry(1, rows=[{"used": 117, "street": "Шевченка"}], none=None)
    assert Entry.from_json(one.to_json()) == one
    assert "\n" not in one.to_json()


# ---------------------------------------------------------------------- from stream to store


def test_events_reach_the_store_in_order(redis_client, store):
    log = StreamLog(redis_client, MemoryLog())
    for start in range(0, 2500, 5):
        log.append([entry(number) for number in range(start, start + 5)])
    assert emptied(redis_client, store) == 2500
    assert numbers(store) == [str(number) for number in range(2500)]
    assert redis_client.xlen(STREAM) == 0
    assert redis_client.xpending(STREAM, GROUP)["pending"] == 0


def test_an_event_is_stored_as_it_was(redis_client, store):
    StreamLog(redis_client, MemoryLog()).append([entry(1, street="Шевченка")])
    drain(redis_client, store, "one", wait=1)
    with store.session(read_only=True) as session:
        row = session.scalars(select(CallEvent)).one()
    assert (row.company, row.call, row.kind, row.flow, row.step) == (
        "odesa", "call", "heard", "main", "menu",
    )  # fmt: skip
    assert (row.at, row.details) == (
        NOON + timedelta(seconds=1),
        {"text": "1", "street": "Шевченка"},
    )


def test_two_consumers_share_the_stream(redis_client, store):
    StreamLog(redis_client, MemoryLog()).append([entry(number) for number in range(1500)])
    first = drain(redis_client, store, "one", wait=1)
    second = drain(redis_client, store, "two", wait=1)
    assert (first, second) == (1000, 500)
    assert sorted(map(int, numbers(store))) == list(range(1500))


def taken(client) -> int:
    """How many messages consumers have and did not finish."""
    try:
        return client.xpending(STREAM, GROUP)["pending"]
    except redis.ResponseError:  # no consumer has come yet
        return 0


def test_what_comes_soon_after_is_stored_with_it(redis_client, store):
    log = StreamLog(redis_client, MemoryLog())
    log.append([entry(1)])
    with ThreadPoolExecutor() as threads:
        taking = threads.submit(drain, redis_client, store, "one", gather=1000)
        while not taken(redis_client):
            pass
        log.append([entry(2)])
        assert taking.result() == 2
    assert numbers(store) == ["1", "2"]


CONSUMER = """
import os, signal, sys
import redis
from ivr import events
from ivr.store.database import open_store

url, database, moment = sys.argv[1:]
client, store = redis.Redis.from_url(url), open_store(database)
write = events.write

def die(store, entries):
    if moment == "after":
        write(store, entries)
    print("dying", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

events.write = die
events.drain(client, store, "victim", wait=1)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_killed_consumer_had_taken_is_neither_lost_nor_doubled(
    redis_server, redis_client, tmp_path, moment
):
    database = f"sqlite:///{tmp_path}/press2.db"
    store = open_store(database, migrate=True)
    log = StreamLog(redis_client, MemoryLog())
    log.append([entry(number) for number in range(10)])
    died = subprocess.run(
        [sys.executable, "-c", CONSUMER, redis_server.url, database, moment],
        cwd=HOME, env=os.environ | {"PYTHONPATH": str(HOME)}, check=False, capture_output=True,
    )  # fmt: skip
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, b"dying\n"), died.stderr.decode()
    assert redis_client.xpending(STREAM, GROUP)["pending"] == 10
    log.append([entry(10)])
    assert emptied(redis_client, store, idle=60_000) == 1, "what somebody else works on is his"
    assert emptied(redis_client, store, idle=0) == 10
    assert sorted(map(int, numbers(store))) == list(range(11))
    store.close()


def test_a_store_that_refuses_gets_the_events_later(redis_client, store, tmp_path):
    StreamLog(redis_client, MemoryLog()).append([entry(1)])
    broken = open_store(f"sqlite:///{tmp_path}/p.db", migrate=True)
    with broken.session() as session:
        CallEvent.__table__.drop(session.connection())
    with pytest.raises(Exception, match="no such table: events"):
        drain(redis_client, broken, "one", wait=1)
    broken.close()
    assert emptied(redis_client, store) == 1
    assert numbers(store) == ["1"]


def test_an_event_that_was_stored_already_is_not_stored_again(redis_client, store):
    """A turn that gave up waiting wrote to the store, and Redis had taken the event after all."""
    with store.session() as session:
        session.add(CallEvent(**vars(entry(1))))
    StreamLog(redis_client, MemoryLog()).append([entry(1), entry(2), entry(1, "other")])
    assert emptied(redis_client, store) == 3
    assert numbers(store) == ["1", "2", "1"]


def test_events_that_only_look_alike_are_all_stored(redis_client, store):
    same = [entry(1), entry(1)]
    StreamLog(redis_client, MemoryLog()).append(same)
    emptied(redis_client, store)
    assert numbers(store) == ["1", "1"]


def test_a_message_nobody_can_read_does_not_block_the_rest(redis_client, store, caplog):
    for fields in ({"entry": "{"}, {"entry": '{"at": "noon"}'}, {"entry": "[]"}, {"x": "y"}):
        redis_client.xadd(STREAM, fields)
    StreamLog(redis_client, MemoryLog()).append([entry(1)])
    with caplog.at_level(logging.ERROR):
        assert emptied(redis_client, store) == 5
    assert numbers(store) == ["1"]
    assert len(caplog.records) == 4


# ---------------------------------------------------------------------- without Redis


def test_without_redis_events_go_into_the_store(redis_server, redis_client, store):
    direct = StoreLog(store)
    log = StreamLog(redis_client, direct)
    redis_server.kill()
    log.append([entry(1), entry(2)])
    log.append([entry(3)])
    direct.close()
    assert numbers(store) == ["1", "2", "3"]


def test_redis_that_failed_is_left_alone_for_a_while(redis_server, redis_client):
    clock = Clock(NOON)
    other = MemoryLog()
    log = StreamLog(redis_client, other, pause=1.0, clock=lambda: clock.now.timestamp())
    redis_server.kill()
    log.append([entry(1)])
    redis_server.start()
    log.append([entry(2)])
    clock.pass_(1.0)
    log.append([entry(3)])
    assert [e.details["text"] for e in other.entries] == ["1", "2"]
    assert redis_client.xlen(STREAM) == 1


def test_a_reading_by_a_caller_is_logged_though_redis_died_in_between(
    worker, caller, redis_server, redis_client, store
):
    direct = StoreLog(store)
    runner = worker(log=StreamLog(redis_client, direct, pause=0.0))
    turn = runner.open(caller)
    for keys in ("2", "1", "2421#"):
        turn = runner.advance(caller.call, Event("keys", text=keys), turn.number)
    assert emptied(redis_client, store) == 16
    redis_server.kill()
    turn = runner.advance(caller.call, Event("keys", text="1"), turn.number)
    redis_server.start()
    runner.advance(caller.call, Event("keys", text="2"), turn.number)
    assert emptied(redis_client, store) == 5
    direct.close()
    with store.session(read_only=True) as session:
        kinds = session.execute(select(CallEvent.kind, CallEvent.step).order_by(CallEvent.id)).all()
    assert len(kinds) == 25
    assert ("looked_up", "accept") in kinds


def test_the_store_log_writes_what_waits_before_it_closes(store):
    log = StoreLog(store)
    for number in range(3000):
        log.append([entry(number)])
    log.close()
    assert numbers(store) == [str(number) for number in range(3000)]


def test_a_full_store_log_drops_and_says_so(store, caplog):
    """The store is held by somebody else all the time."""
    with store.session(), caplog.at_level(logging.ERROR):
        log = StoreLog(store, limit=5)
        for number in range(3000):
            log.append([entry(number)])
    log.close()
    assert "the event log is full: events of call call are lost" in caplog.text
    assert 5 <= len(numbers(store)) <= 1005, "one batch in hand, and what waits"


def test_a_store_log_outlives_a_store_that_fails(store, caplog):
    log = StoreLog(store)
    with store.connection() as connection:
        CallEvent.__table__.drop(connection)
        connection.commit()
    log.append([entry(1)])
    log.close()
    assert "the event log could not be written" in caplog.text


def test_nobody_waits_for_a_redis_that_is_not_there():
    client = redis.Redis(unix_socket_path="/nowhere/redis.sock", retry=None)
    other = MemoryLog()
    StreamLog(client, other).append([entry(1)])
    assert len(other.entries) == 1


# ---------------------------------------------------------------------- the queue's journal


def sourced(store) -> list[tuple]:
    with store.session(read_only=True) as session:
        rows = session.scalars(select(CallEvent).order_by(CallEvent.id))
        return [(row.kind, row.call, row.at, row.details, row.source) for row in rows]


@pytest.fixture
def journal(redis_client):
    """A queue that has noted: somebody waits, Olena signs in, he is hers."""
    queue = RedisQueue(redis_client)
    queue.enter(Ticket("a-1.1", "odesa", "general", 1_795_000_000.25), 1_795_000_000.25)
    skills = {"general": 3}
    olena = Operator("olena", "odesa", "Олена", skills=skills, status="ready")
    queue.sign_in(olena, 1_795_000_001.123457)
    yield queue
    queue.close()


def test_the_journal_of_the_queue_reaches_the_store(redis_client, store, journal):
    assert drain_journals(redis_client, store, ["odesa", "kazan"], wait=1) == 3
    first, olena, hers = sourced(store)
    at = datetime.fromtimestamp(1_795_000_000.25, UTC)
    assert first[:4] == (
        "ticket", "a-1.1", at,
        {"state": "waiting", "queue": "general", "priority": "normal", "kind": "call",
         "operator": "", "entered": 1_795_000_000.25, "outcome": "", "token": "", "number": None},
    )  # fmt: skip
    assert (hers[3]["state"], hers[3]["operator"]) == ("offered", "olena")
    assert hers[2] == olena[2] == datetime.fromtimestamp(1_795_000_001.123457, UTC)
    assert (olena[0], olena[1]) == ("operator", "")
    assert olena[3] == {
        "operator": "olena", "shown": "Олена", "status": "ready", "reason": "", "state": "offered",
        "ticket": "a-1.1", "skills": {"general": 3}, "since": 1_795_000_001.123457,
    }  # fmt: skip
    assert redis_client.xlen(journal_of("odesa")) == 0
    assert drain_journals(redis_client, store, [], wait=1) == 0


def test_a_record_moved_twice_is_stored_once(redis_client, store, journal):
    """Whoever moved it was killed before he took it away; two may move it at once."""
    noted = redis_client.xrange(journal_of("odesa"))
    assert drain_journals(redis_client, store, [], wait=1) == 3
    before = sourced(store)
    redis_client.delete(journal_of("odesa"))
    for message, fields in noted:
        redis_client.xadd(journal_of("odesa"), fields, id=message)
    assert drain_journals(redis_client, store, [], wait=1) == 3
    assert sourced(store) == before


MOVER = """
import os, signal, sys
import redis
from ivr import events
from ivr.store.database import open_store

url, database = sys.argv[1:]
client, store = redis.Redis.from_url(url), open_store(database)
client.xdel = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
events.drain_journals(client, store, [], wait=1)
"""


def test_what_a_killed_mover_had_stored_is_not_stored_again(
    redis_server, redis_client, tmp_path, journal
):
    database = f"sqlite:///{tmp_path}/press2.db"
    store = open_store(database, migrate=True)
    died = subprocess.run(
        [sys.executable, "-c", MOVER, redis_server.url, database],
        cwd=HOME, env=os.environ | {"PYTHONPATH": str(HOME)}, check=False, capture_output=True,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert len(sourced(store)) == 3
    journal.leave("a-1.1", "abandoned", 1_795_000_002.0)
    assert drain_journals(redis_client, store, [], wait=1) == 5
    assert [state["state"] for *_, state, _ in sourced(store)] == [
        "waiting", "offered", "offered", "idle", "done",
    ]  # fmt: skip
    store.close()


def test_a_record_nobody_can_read_does_not_block_the_rest(redis_client, store, journal, caplog):
    redis_client.xadd(journal_of("odesa"), {"kind": "ticket", "id": "x", "at": "noon"})
    with caplog.at_level(logging.ERROR):
        assert drain_journals(redis_client, store, [], wait=1) == 4
    assert len(sourced(store)) == 3
    assert "cannot be read" in caplog.text


def test_journals_are_moved_until_told_to_stop(redis_client, store, journal):
    stopping = threading.Event()
    mover = Journals(redis_client, store, [], stopping)
    mover.start()
    journal.sign_in(Operator("ivan", "odesa"), 1_795_000_003.0)
    assert until(lambda: len(sourced(store)) == 4)
    stopping.set()
    mover.join(10)
    assert not mover.is_alive()
