"""The feed: the boards follow the table of events, whatever its order, and say how old they are."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulated import Log, Shift
from sqlalchemy import delete, insert, text
from waiting import until

from ivr.agent_queue.memory import MemoryQueue
from ivr.board import Feed, replay
from ivr.board.feed import stored
from ivr.company import load
from ivr.events import Entry, write
from ivr.store.database import open_store
from ivr.store.models import CallEvent

COMPANIES = load(Path(__file__).parents[2] / "flows" / "companies")
NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


def begins(call, second=0.0, company="odesa"):
    told = {"from": None, "to": None, "channel": "agi"}
    at = NOON + timedelta(seconds=second)
    return Entry(company, call, at, "answered", "main", "", told)


class Watch:
    """A clock that tests set."""

    def __init__(self):
        self.now = NOON.timestamp() + 60

    def __call__(self):
        return self.now


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/p.db", migrate=True)
    yield store
    store.close()


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def feed(store, watch):
    feed = Feed(store, COMPANIES, watch, every=0.01)
    yield feed
    feed.stop()


def put(store, number, entry):
    with store.session() as db:
        db.execute(insert(CallEvent), [{"id": number, **vars(entry)}])


def live(feed):
    feed.start()
    assert until(lambda: feed.shown("odesa").state == "live")
    return feed


def opened(feed):
    return feed.figures("odesa")["calls"]["open"]


def test_what_was_before_and_what_comes_is_shown(store, feed):
    write(store, [begins("a"), begins("b", 1)])
    assert feed.figures("odesa")["feed"]["state"] == "loading"
    live(feed)
    assert opened(feed) == 2
    write(store, [begins("c", 2), begins("x", 2, company="kharkiv")])
    assert until(lambda: opened(feed) == 3)
    assert feed.shown("odesa").upto == 4


def test_one_shift_read_at_any_moment_is_the_replay_of_it(store, watch, worker, clock):
    log = Log()
    queue = MemoryQueue(
        {"odesa": COMPANIES["odesa"].queues},
        seeds=itertools.count().__str__,
        journal=log.note,
    )
    shift = Shift(
        worker(queue=queue, log=log), queue, log, clock, COMPANIES["odesa"], random.Random(7)
    )
    entries, taken = shift.run(500), 0
    for part in (0.0, 0.3, 0.6, 1.0):
        end = int(len(entries) * part)
        write(store, entries[taken:end])
        taken = end
        watch.now = max((each.at for each in entries[:end]), default=NOON).timestamp() + 1
        fresh = live(Feed(store, COMPANIES, watch, every=0.01))
        shown = fresh.figures("odesa")
        mark = shown.pop("feed")
        fresh.stop()
        assert mark == {"state": "live", "at": watch.now, "upto": end, "missing": []}
        board = replay(stored(store, "odesa", end), COMPANIES["odesa"], end)
        assert board.figures(datetime.fromtimestamp(watch.now, UTC)) == shown


def test_an_entry_that_was_overtaken_is_taken_when_it_comes(store, feed):
    put(store, 5, begins("a"))
    live(feed)
    put(store, 9, begins("b"))
    assert until(lambda: opened(feed) == 2)
    mark = feed.figures("odesa")["feed"]
    assert mark["upto"] == 9 and mark["missing"] == [6, 7, 8]
    put(store, 7, begins("c"))
    assert until(lambda: opened(feed) == 3)
    assert feed.figures("odesa")["feed"]["missing"] == [6, 8]


def test_an_entry_that_was_overtaken_before_the_feed_began_is_taken(store, feed):
    put(store, 5, begins("a"))
    put(store, 8, begins("b"))
    live(feed)
    put(store, 7, begins("c"))
    assert until(lambda: opened(feed) == 3)


def test_a_skipped_number_is_given_up(store, feed, watch):
    put(store, 5, begins("a"))
    live(feed)
    put(store, 7, begins("b"))
    assert until(lambda: feed.shown("odesa").missing == (6,))
    watch.now += 61
    assert until(lambda: feed.shown("odesa").missing == ())


def test_numbers_that_are_given_again_are_no_trap(store, feed):
    write(store, [begins("a"), begins("b"), begins("c")])
    live(feed)
    with store.session() as db:
        db.execute(delete(CallEvent).where(CallEvent.call != "a"))
    assert until(lambda: opened(feed) == 1)
    write(store, [begins("d")])
    assert until(lambda: opened(feed) == 2)


def test_figures_stay_and_say_that_they_are_old_while_the_store_is_away(store, feed, watch):
    write(store, [begins("a")])
    live(feed)
    before = feed.shown("odesa").version
    with store.session() as db:
        db.execute(text("ALTER TABLE events RENAME TO away"))
    assert until(lambda: feed.shown("odesa").state == "away")
    old = feed.shown("odesa")
    watch.now += 30
    assert opened(feed) == 1 and feed.shown("odesa").at == old.at
    assert old.version > before
    with store.session() as db:
        db.execute(text("ALTER TABLE away RENAME TO events"))
    assert until(lambda: feed.shown("odesa").state == "live")
    assert feed.shown("odesa").at == watch.now
    write(store, [begins("b")])
    assert until(lambda: opened(feed) == 2)


def test_who_listens_hears_of_changes_and_of_no_more(store, feed, watch):
    live(feed)
    heard = []
    stop = feed.subscribe("odesa", lambda: heard.append(feed.shown("odesa").version))
    others = []
    feed.subscribe("kharkiv", lambda: others.append(1))
    assert feed.listeners == 2
    write(store, [begins("a")])
    assert until(lambda: opened(feed) == 1)
    quiet = len(heard)
    assert quiet and not others
    at = feed.shown("odesa").at
    watch.now += 2.5
    assert until(lambda: feed.shown("odesa").at > at)
    assert len(heard) == quiet  # two seconds later, and nothing else
    stop()
    write(store, [begins("b")])
    assert until(lambda: opened(feed) == 2)
    assert len(heard) == quiet and feed.listeners == 1


def test_a_wait_that_becomes_too_long_is_news_without_an_entry(store, feed, watch):
    told = {"state": "waiting", "queue": "general", "kind": "call", "operator": ""}
    told["entered"] = watch.now
    at = datetime.fromtimestamp(watch.now, UTC)
    write(store, [Entry("odesa", "a", at, "ticket", details=told)])
    live(feed)
    heard = threading.Event()
    feed.subscribe("odesa", heard.set)
    assert feed.figures("odesa")["all"]["late"] == 0
    watch.now += 31
    assert heard.wait(10)
    assert until(lambda: feed.figures("odesa")["all"]["late"] == 1)


def test_the_end_is_told(feed):
    live(feed)
    heard = threading.Event()
    feed.subscribe("odesa", heard.set)
    assert not feed.stopped
    feed.stop()
    assert heard.is_set() and feed.stopped
