"""The product's own parts from the caller to the operator: flows, queue, matchmaker, exchange."""

from __future__ import annotations

import hashlib
import threading

import pytest
from conftest import ROOT
from hall import SECRET, until
from real_worker import clock
from sip_phone import SipPhone
from test_reading_call import odesa, spoken  # noqa: F401 - fixtures

from ivr import company
from ivr.agent_queue.lease import DISPATCH, RedisLease
from ivr.agent_queue.model import Operator
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.asterisk.settings import REALM
from ivr.channels.ami import AsteriskSwitch
from ivr.channels.ami_phones import SIP_PHONE
from ivr.channels.ami_wire import Exchange
from ivr.events import MemoryLog
from ivr.matchmaker import Loop, Matchmaker
from ivr.store.database import open_store

pytestmark = pytest.mark.asterisk


class Floor:
    """The operators' side of the house: the queue, its matchmaker, telephones."""

    def __init__(self, pbx, queue, store, log):
        self.pbx, self.queue, self.ring = pbx, queue, pbx.ring
        self.store, self.log = store, log
        self.phones = []

    @property
    def now(self):
        return clock(self.pbx.folder).timestamp()

    def queue_time(self):
        """Return the time of the house as the store keeps it."""
        return clock(self.pbx.folder)

    def operator(self, name, queue, make=SipPhone):
        """Sign an operator in, whose telephone answers at once."""
        self.queue.sign_in(Operator(name, "odesa", name, {queue: 5}, tab="t"), self.now)
        text = f"op-{name}:{REALM}:{SECRET}"
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        self.queue.send(
            {
                "do": "admit_phone",
                "company": "odesa",
                "operator": name,
                "digest": digest,
                "until": 9e9,
            }
        )
        phone = make(("127.0.0.1", self.pbx.asterisk.settings.sip_port), f"op-{name}", SECRET)
        self.phones.append(phone)
        until(lambda: phone.register() == 200)
        until(lambda: self.queue.operator("odesa", name).endpoint == f"op-{name}")
        self.choose(name, "paused")
        return phone

    def choose(self, name, status):
        """Have him choose his status."""
        assert self.queue.set_status("odesa", name, status, self.now, tab="t")

    def talking(self, call):
        """Wait until the call's ticket is talking; the ticket."""
        until(lambda: (ticket := self.queue.ticket(call)) and ticket.state == "talking")
        return self.queue.ticket(call)


@pytest.fixture
def floor(pbx, odesa, redis_server, tmp_path):  # noqa: F811
    (tmp_path / "began").touch()
    start_worker, _ = odesa
    start_worker(0)
    start_worker(1)
    home = pbx.asterisk.settings
    companies = company.load(ROOT / "flows/companies")
    store = open_store(f"sqlite:///{tmp_path}/press2.db")
    log = MemoryLog()
    with redis_server.client() as client:
        queue = RedisQueue(client, {name: each.queues for name, each in companies.items()})
        exchange = Exchange("pbx1", "127.0.0.1", home.ami_port, "press2", home.ami_secret)
        switch = AsteriskSwitch([exchange], SIP_PHONE)
        matchmaker = Matchmaker(
            queue, switch, store, companies, log, lambda: clock(tmp_path),
            wake=lambda: loop.wake(),
        )  # fmt: skip
        loop = Loop(matchmaker, queue, RedisLease(client, DISPATCH))
        thread = threading.Thread(target=loop.run)
        switch.start(matchmaker)
        thread.start()
        floor = Floor(pbx, queue, store, log)
        try:
            yield floor
        finally:
            for phone in floor.phones:
                phone.close()
                switch.dismiss_phone(phone.user, "pbx1")
            loop.stop()
            thread.join()
            switch.stop()
            matchmaker.close()
            store.close()


def test_a_caller_waits_for_an_operator_and_talks_with_him(floor):
    anna = floor.operator("anna", "general")
    call = floor.ring("+380487059090", "0", hang_up=True)
    call.hears("main_greeting")
    call.press()
    # He is told where he stands and what he can do meanwhile.
    until(lambda: floor.queue.ticket(call.call), 60)
    floor.choose("anna", "ready")
    rung = anna.rung()
    assert rung.token == floor.talking(call.call).token
    assert floor.queue.operator("odesa", "anna").state == "talking"
    anna.hang_up(rung)
    call.hears("goodbye")
    ticket = floor.queue.ticket(call.call)
    assert (ticket.state, ticket.outcome) == ("done", "answered")
    assert floor.queue.operator("odesa", "anna").state == "wrap_up"
    assert floor.queue.audit("odesa", floor.now) == []
    assert "broke" not in floor.pbx.logs()


def test_a_caller_whose_operator_vanishes_hears_of_it_and_keeps_his_place(floor):
    anna = floor.operator("anna", "general")
    registered = floor.now
    floor.choose("anna", "ready")
    call = floor.ring("+380487059090", "0", hang_up=True)
    call.hears("main_greeting")
    call.press()
    anna.rung()
    floor.talking(call.call)
    # A telephone that was found a moment ago is taken for one that is back already.
    until(lambda: floor.now > registered + 5)
    anna.vanish()
    call.hears("operator_dropped")
    until(lambda: floor.queue.ticket(call.call).state == "broken")
    assert floor.queue.operator("odesa", "anna").state == "disconnected"
    anna.alive = True
    anna.register()
    anna.rung(2)
    floor.talking(call.call)
    call.press()
    call.over()
    until(lambda: floor.queue.ticket(call.call).outcome == "answered")
    assert floor.queue.audit("odesa", floor.now) == []
