"""Calls over releases: each keeps the flows it began with, on every channel and in every worker."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from waiting import until

from ivr.channels.agi_line import AgiExchange
from ivr.channels.console import ConsoleLine
from ivr.channels.operators import Operators
from ivr.channels.twilio.line import TwilioExchange
from ivr.events import MemoryLog
from ivr.judge import Judge
from ivr.model import Event
from ivr.releases import Served, records
from ivr.releases.served import Looks
from ivr.releases.texts import Files, parse
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import MemorySessions, RedisSessions, SturdySessions

SPOKEN = '      "2": {say: main_reading, to: reading, words: reading}\n'
SILENT = '      "2": {to: reading, words: reading}\n'
"""The choice of readings in the first menu, spoken and not."""


class Relay:
    """What a call reaches: one worker now, another one at the next turn."""

    def __init__(self, worker):
        self.worker = worker

    def __getattr__(self, name):
        return getattr(self.worker, name)


class Hall:
    """Workers, each with what it has loaded, over one store and the same sessions."""

    def __init__(self, house, store, clock, sessions):
        self.house, self.store, self.clock = house, store, clock
        self.judge = Judge()
        self.log = MemoryLog()
        self.sessions = sessions
        self.operators = Operators(
            house.companies["odesa"], house.companies, store, self.log, clock
        )
        self.relay = Relay(self.worker())

    def worker(self, flows=None, files=None):
        """A worker that has just started."""
        files = files or self.judge.files
        served = Served(self.store, files, flows or self.house.flows, self.judge.fits)
        served.look()
        runner = Runner(
            flows or self.house.flows, self.house.companies, SERVICES, self.store, self.sessions(),
            self.log, self.clock, "odesa", queue=self.operators.queue, releases=served,
        )  # fmt: skip
        runner.served = served
        return runner

    def other_worker(self, **how):
        """The worker is killed; another one goes on."""
        self.relay.worker = self.worker(**how)

    def release(self, change):
        """A checked draft with another first menu; its number."""
        changed = change(self.judge.files.texts["main"])
        assert changed != self.judge.files.texts["main"]
        found = self.judge.found("odesa", {"main": changed})
        assert not [each for each in found if not each.hint], found
        now = self.clock()
        with self.store.session() as db:
            row = records.new(db, "odesa", "vira", now)
            texts = {"main": changed}
            records.edit(
                db, "odesa", row.number, row.version, "vira", now,
                files=self.judge.files, texts=texts,
            )  # fmt: skip
            records.note_check(row, self.judge.base, found, now)
            return row.number

    def publish(self, number):
        with self.store.session() as db:
            row, seen = records.find(db, "odesa", number), records.state(db, "odesa")
            base, now = self.judge.base, self.clock()
            records.publish(db, "odesa", number, row.version, seen, base, "vira", now)
        self.relay.worker.served.look()

    def to_files(self):
        with self.store.session() as db:
            seen, now = records.state(db, "odesa"), self.clock()
            records.roll_back(db, "odesa", seen, "vira", now, base=self.judge.base, to_files=True)
        self.relay.worker.served.look()

    def answered(self, call):
        (entry,) = [e for e in self.log.entries if (e.call, e.kind) == (call, "answered")]
        return entry.details


def silent(text):
    return text.replace(SPOKEN, SILENT)


@pytest.fixture
def sessions(request):
    """Sessions that all workers share: of this process, or in Redis."""
    shared = MemorySessions()
    return lambda: shared


@pytest.fixture
def hall(house, demo_store, clock, sessions):
    return Hall(house, demo_store, clock, sessions)


@pytest.fixture(params=["console", "agi", "twilio"])
def dial(request, hall, house, clock, caller):
    """Begins calls on a channel, one at a time or several."""
    number = iter(range(1, 100))
    if request.param == "agi":
        exchange = AgiExchange(house.catalogues)
    elif request.param == "twilio":
        exchange = TwilioExchange(house.catalogues, house.companies)
    else:
        exchange = None

    lines = []

    def begin():
        call = f"CA{next(number):032x}" if request.param == "twilio" else f"call-{next(number)}"
        if exchange is None:
            line = ConsoleLine(hall.relay, house.catalogues, clock, hall.operators)
        else:
            line = exchange.line(hall.relay, clock, hall.operators)
        line.dial(replace(caller, call=call, channel=request.param, arrived=clock()))
        line.call = call
        lines.append(line)
        return line

    yield begin
    for line in lines:
        line.hang_up()
    if exchange is not None:
        exchange.close()


def menu_of(line, house):
    """Whether the line has heard the choice of readings in the menu since the last look."""
    text = house.catalogues["uk"].text("main_reading", {"key": "2"})
    said = " ".join(said.text for said in line.heard.said)
    line.heard.said.clear()
    return text in said


def test_a_call_keeps_its_flows_over_publish_kill_and_roll_back(hall, dial, house):
    """The one that began before hears the old menu to its end, the next one the new one."""
    before = dial()
    assert menu_of(before, house)
    number = hall.release(silent)
    hall.publish(number)
    before.press("9")
    assert menu_of(before, house)
    during = dial()
    assert not menu_of(during, house)
    assert hall.answered(during.call)["release"] == number
    assert "release" not in hall.answered(before.call)

    hall.other_worker()
    before.press("9")
    assert menu_of(before, house)
    during.press("9")
    assert not menu_of(during, house)

    hall.to_files()
    during.press("9")
    assert not menu_of(during, house)
    after = dial()
    assert menu_of(after, house)

    hall.other_worker()
    during.press("9")
    assert not menu_of(during, house)
    for line in (before, during, after):
        line.hang_up()
        assert line.heard.ended == "caller"


def test_a_call_keeps_its_flows_over_a_deploy(hall, dial, house):
    """The next program has other flow files; who began with the old ones goes on with them."""
    before = dial()
    number = hall.release(silent)
    hall.publish(number)
    released = dial()
    hall.to_files()
    assert menu_of(before, house)
    menu_of(released, house)

    files = Files({**hall.judge.files.texts, "main": silent(hall.judge.files.texts["main"])})
    hall.other_worker(flows=replace(house.flows, flows=parse(files.texts)), files=files)
    before.press("9")
    assert menu_of(before, house)
    released.press("9")
    assert not menu_of(released, house)
    after = dial()
    assert not menu_of(after, house)
    assert "release" not in hall.answered(after.call)


def test_a_release_that_does_not_fit_is_told_in_the_event(hall, dial, house):
    number = hall.release(silent)
    hall.publish(number)
    hall.judge.fits = lambda company, flows: ["the service is gone"]
    hall.other_worker()
    line = dial()
    assert menu_of(line, house)
    assert hall.answered(line.call)["release_unfit"] == number
    assert "release" not in hall.answered(line.call)


def test_the_events_of_calls_without_a_release_are_as_ever(hall, dial, house):
    line = dial()
    assert set(hall.answered(line.call)) == {"from", "to", "channel"}


class TestInRedis:
    """The same calls where workers share a Redis, which may go away."""

    @pytest.fixture
    def sessions(self, redis_server):
        return lambda: SturdySessions(RedisSessions(redis_server.client()))

    def test_another_worker_knows_the_release(self, hall, dial, house):
        hall.publish(hall.release(silent))
        line = dial()
        assert not menu_of(line, house)
        hall.to_files()
        hall.other_worker()
        line.press("9")
        assert not menu_of(line, house)

    def test_the_worker_goes_on_while_redis_is_away(self, hall, dial, house, redis_server):
        hall.publish(hall.release(silent))
        line = dial()
        menu_of(line, house)
        hall.to_files()
        redis_server.kill()
        line.press("9")
        assert not menu_of(line, house)


def test_a_session_of_an_older_version_goes_on(hall, house, caller, sessions):
    """Its document says nothing of releases."""
    hall.publish(hall.release(silent))
    runner = hall.relay.worker
    turn = runner.open(caller)
    document = dict(sessions().load(caller.call))
    assert (document.pop("release"), document.pop("files")) == (1, hall.judge.base)
    sessions().keep(caller.call, document)
    said = [say.prompt for say in runner.advance(caller.call, Event("keys", "9"), turn.number).says]
    assert "main_reading" in said


def test_a_publish_is_heard_without_a_restart(hall):
    """A worker looks by itself."""
    served, stopping = hall.relay.worker.served, threading.Event()
    looks = Looks(served, stopping, every=0.02)
    looks.start()
    other = Hall(hall.house, hall.store, hall.clock, lambda: MemorySessions())
    number = other.release(silent)
    other.publish(number)
    assert until(lambda: served.choose("odesa", "call-1").pin.release == number)
    other.to_files()
    assert until(lambda: served.choose("odesa", "call-1").pin.release is None)
    stopping.set()
    looks.join(5)
