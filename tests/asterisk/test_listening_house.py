"""A supervisor in a talk with the product's own parts: queue, matchmaker, store, exchange."""

from __future__ import annotations

import pytest
from hall import until
from sqlalchemy import select, update
from test_queue_call import floor  # noqa: F401 - fixtures
from test_reading_call import odesa, spoken  # noqa: F401 - fixtures
from tuned_phone import CALLER, OPERATOR, SUPERVISOR, TunedPhone

from ivr.store.models import Conversation
from ivr.store.supervision import Listening

pytestmark = pytest.mark.asterisk


@pytest.fixture
def phone(pbx):
    phone = TunedPhone(("127.0.0.1", pbx.asterisk.settings.sip_port))
    yield phone
    phone.close()


def rows(floor, table):  # noqa: F811
    with floor.store.session(read_only=True) as db:
        return list(db.scalars(select(table).order_by(table.id)))


def listen(floor, call, mode="listen"):  # noqa: F811
    """Do what the desk's server does."""
    token = f"odesa.{mode}.{call}"
    with floor.store.session() as db:
        row = Listening(
            company="odesa", token=token, supervisor="vira", operator="anna", call=call,
            mode=mode, began_at=floor.queue_time(),
        )  # fmt: skip
        db.add(row)
    floor.queue.send({"do": "listen", "company": "odesa", "token": token})
    return token


@pytest.fixture
def talk(floor, phone):  # noqa: F811
    """Anna talks to a caller, vira has her telephone."""
    anna = floor.operator("anna", "general", TunedPhone)
    vira = floor.operator("vira", "business", TunedPhone)
    floor.choose("anna", "ready")
    dialog = phone.call("+380487059090")
    phone.until(lambda: dialog.heard > 20)
    phone.press(dialog, "0")
    # He is told where he stands and what he can do meanwhile.
    anna.until(lambda: anna.dialogs, 60)
    rung = anna.rung()
    phone.tone, anna.tone, vira.tone = CALLER, OPERATOR, SUPERVISOR
    phone.hears(dialog, OPERATOR)
    call = floor.queue.operator("odesa", "anna").ticket
    floor.talking(call)
    return anna, vira, dialog, rung, call


def test_from_listening_to_taking_over(floor, phone, talk):  # noqa: F811
    anna, vira, dialog, rung, call = talk
    token = listen(floor, call)
    spy = vira.rung()
    assert spy.token == token
    vira.hears(spy, CALLER, OPERATOR)
    until(lambda: rows(floor, Listening)[0].heard_at)
    floor.queue.send({"do": "listen_as", "company": "odesa", "token": token, "mode": "whisper"})
    anna.hears(rung, CALLER, SUPERVISOR)
    phone.hears(dialog, OPERATOR)
    until(lambda: rows(floor, Listening)[0].mode == "whisper")
    with floor.store.session() as db:
        db.execute(update(Listening).values(mode="take"))  # the desk has decided
    floor.queue.send({"do": "listen_as", "company": "odesa", "token": token, "mode": "take"})
    phone.hears(dialog, SUPERVISOR)
    vira.hears(spy, CALLER)
    until(lambda: len(rows(floor, Conversation)) == 2)
    ticket = floor.queue.ticket(call)
    assert (ticket.state, ticket.operator, ticket.token) == ("talking", "vira", token)
    assert floor.queue.operator("odesa", "anna").state == "wrap_up"
    first, second = rows(floor, Conversation)
    assert (first.operator, second.operator, second.token) == ("anna", "vira", token)
    assert first.ended_at is not None
    (row,) = rows(floor, Listening)
    assert (row.mode, row.why) == ("take", "taken")
    vira.hang_up(spy)
    until(lambda: floor.queue.ticket(call).outcome == "answered")
    assert floor.queue.operator("odesa", "vira").state == "wrap_up"
    recording = floor.pbx.asterisk.run_dir / "recordings" / second.recording
    until(lambda: recording.exists() and any(recording.read_bytes()[44:]))
    kinds = [entry.kind for entry in floor.log.entries if entry.call == call]
    assert kinds.count("answered") == 2
    assert kinds.count("transferred") == 1
    listened = [entry.details for entry in floor.log.entries if entry.kind == "listened"]
    assert [each["state"] for each in listened] == ["began", "changed", "taken"]
    assert floor.queue.audit("odesa", floor.now) == []


def test_taken_over_at_once(floor, phone, talk):  # noqa: F811
    _, vira, dialog, _, call = talk
    listen(floor, call, "take")
    vira.rung()
    phone.hears(dialog, SUPERVISOR)
    until(lambda: floor.queue.ticket(call).operator == "vira")


def test_a_supervisor_who_vanishes_leaves_the_talk_as_it_was(floor, phone, talk):  # noqa: F811
    anna, vira, dialog, rung, call = talk
    listen(floor, call, "barge")
    spy = vira.rung()
    phone.hears(dialog, OPERATOR, SUPERVISOR)
    vira.hears(spy, CALLER, OPERATOR)
    vira.vanish()
    until(lambda: rows(floor, Listening)[0].why == "lost")
    phone.hears(dialog, OPERATOR)
    anna.hears(rung, CALLER)
    assert floor.queue.ticket(call).operator == "anna"
