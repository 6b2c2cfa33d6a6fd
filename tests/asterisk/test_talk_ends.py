"""Who hung up first in a talk, on a real exchange: what the facts of the call say."""

from __future__ import annotations

import pytest
from hall import until
from sqlalchemy import select
from test_queue_call import floor  # noqa: F401 - fixture
from test_reading_call import odesa, spoken  # noqa: F401 - fixtures

from ivr import company, facts
from ivr.composition import COMPANIES
from ivr.events import drain, drain_journals, write
from ivr.store.facts import CallFact, VisitFact

pytestmark = pytest.mark.asterisk

LINE = "+380487059090"


@pytest.fixture
def talk(floor):  # noqa: F811
    """Let a caller talk to anna: returns his call and her side of it."""

    def talk(**how):
        anna = floor.operator("anna", "general")
        call = floor.ring(LINE, "0", **how)
        call.hears("main_greeting")
        call.press()
        until(lambda: floor.queue.ticket(call.call), 60)
        floor.choose("anna", "ready")
        rung = anna.rung()
        floor.talking(call.call)
        return call, lambda: anna.hang_up(rung)

    return talk


@pytest.fixture
def told(floor, redis_server):  # noqa: F811
    """Fold everything that was logged: returns who ended a call and why, and its only visit."""
    profiles = company.load(COMPANIES)

    def fold(call):
        with redis_server.client() as client:
            drain(client, floor.store, "test", wait=10)
            drain_journals(client, floor.store, profiles, wait=10)
        entries, floor.log.entries = floor.log.entries, []
        write(floor.store, entries)
        facts.keep(floor.store, profiles)
        with floor.store.session(read_only=True) as db:
            return db.get(CallFact, call)

    def told(call):
        until(lambda: fold(call.call) is not None)
        row = fold(call.call)
        with floor.store.session(read_only=True) as db:
            (visit,) = db.scalars(select(VisitFact).where(VisitFact.call == call.call))
        return row.ended_by, row.why, row.served, (visit.outcome, visit.operator)

    return told


def test_the_caller_hangs_up_first(talk, told):
    call, _ = talk(hang_up=True)
    call.press()
    call.over()
    assert told(call) == ("caller", "caller_in_talk", True, ("answered", "anna"))


def test_the_operator_hangs_up_first(talk, told):
    call, hang_up = talk()
    hang_up()
    call.hears("goodbye")
    call.over()
    assert told(call) == ("operator", "operator_hung_up", True, ("answered", "anna"))


def test_the_caller_hangs_up_in_the_goodbye_after_the_operator(talk, told):
    call, hang_up = talk(hang_up=True)
    hang_up()
    call.hears("goodbye")
    call.press()
    call.over()
    assert told(call) == ("operator", "operator_hung_up", True, ("answered", "anna"))
