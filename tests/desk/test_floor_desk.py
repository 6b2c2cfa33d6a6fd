"""The page floor over HTTP: operators and callers are steered, each step is taken back."""

from __future__ import annotations

import json

import pytest
from desk_world import refused
from sqlalchemy import select

from ivr.agent_queue.model import Ticket
from ivr.store.models import Audit, User
from ivr.store.supervision import Action

CALL = "pbx1-1.1"
NUMBER = "+380671110001"


@pytest.fixture
def vira(world):
    return world.at("floor")


@pytest.fixture
def olha(world):
    """A second supervisor."""
    world.hire("olha", "Ольга")
    return world.at("floor", "olha")


@pytest.fixture
def olena(world):
    return world.desk("olena").ready()


def seen(world, name="olena"):
    known = world.queue.operator("odesa", name)
    return {"status": known.status, "reason": known.reason}


def wait(world, call=CALL, **fields):
    wanted = {"company": "odesa", "queue": "business", "number": NUMBER} | fields
    world.queue.enter(Ticket(id=call, entered=world.watch.now, **wanted), world.watch.now)


def chose(world, name="olena"):
    known = world.queue.operator("odesa", name)
    return known.status, known.reason


def state(browser):
    return browser.get("supervisor/floor/state").json


def undo(browser, what, nth=0):
    rows = [each for each in state(browser)["actions"] if each["what"] == what]
    return browser.send(f"supervisor/floor/undo/{rows[nth]['id']}")


# ---------------------------------------------------------------------- what is shown


def test_operators_may_not(world):
    olena = world.desk("olena")
    assert olena.get("supervisor/floor/").status_code == 403
    assert olena.get("supervisor/floor/state").status_code == 403
    sent = {"operator": "olena", "status": "ready", "seen": {"status": "paused"}}
    assert olena.send("supervisor/floor/status", sent).status_code == 403


def test_who_works_and_who_waits(world, vira, olena):
    world.talk()
    wait(world, "pbx1-1.2", queue="outage", priority="danger")
    world.watch.now += 30
    shown = state(vira)
    (operator,) = [each for each in shown["operators"] if each["name"] == "olena"]
    assert (operator["status"], operator["state"], operator["queue"]) == (
        "ready", "talking", "general",
    )  # fmt: skip
    assert operator["shown"] == "Олена" and operator["caller"] == "+380···001"
    assert shown["time"] - operator["since"] == 30
    (caller,) = shown["waiting"]
    assert (caller["id"], caller["queue"], caller["caller"]) == (
        "pbx1-1.2", "outage", "+380···001",
    )  # fmt: skip
    assert shown["count"] == 1
    (outage,) = [each for each in shown["queues"] if each["queue"] == "outage"]
    assert (outage["waiting"], outage["longest"]) == (1, world.watch.now - 30)
    assert NUMBER not in json.dumps(shown)


# ---------------------------------------------------------------------- operators


def status(browser, world, wanted, reason="", name="olena", saw=None):
    sent = {"operator": name, "status": wanted, "reason": reason, "seen": saw or seen(world, name)}
    return browser.send("supervisor/floor/status", sent)


def test_pause_and_ready_each_with_an_undo(world, vira, olena):
    assert status(vira, world, "paused", "lunch").status_code == 200
    assert chose(world) == ("paused", "lunch")
    assert undo(vira, "operator_status").status_code == 200
    assert chose(world) == ("ready", "")
    assert status(vira, world, "paused", "lunch").status_code == 200
    assert status(vira, world, "ready").status_code == 200
    assert undo(vira, "operator_status").status_code == 200
    assert chose(world) == ("paused", "lunch")
    assert world.audit("operator.status") == [("vira", "operator.status", True)] * 5


def test_a_pause_has_its_limit(world, vira, olena):
    status(vira, world, "paused", "lunch")
    limit = world.office.companies["odesa"].pauses["lunch"] * 60
    assert world.queue.operator("odesa", "olena").until == world.watch.now + limit
    assert status(vira, world, "paused", "holiday").status_code == 400


def test_the_second_of_two_supervisors_is_told(world, vira, olha, olena):
    saw = seen(world)
    assert status(olha, world, "paused", "lunch", saw=saw).status_code == 200
    text = refused(status(vira, world, "offline", saw=saw), "changed")
    assert olena.get("inbox").status_code == 200, "she is not signed out"
    assert "Ольга" in text
    assert chose(world) == ("paused", "lunch")
    assert [row.what for row in world.rows(Action)] == ["operator.status"], "nothing is half done"
    (row,) = [row for row in world.rows(Audit) if not row.allowed]
    assert (row.who, row.what) == ("vira", "operator.status")
    assert (row.details["refused"], row.details["who"]) == ("changed", "olha")
    wanted = row.details["wanted"]
    assert (wanted["operator"], wanted["status"]) == ("olena", "offline")


def test_what_the_operator_did_himself_is_not_undone(world, vira, olena):
    status(vira, world, "paused", "lunch")
    world.queue.set_status("odesa", "olena", "paused", world.watch.now, reason="break")
    assert "Олена" in refused(undo(vira, "operator_status"), "changed")
    assert chose(world) == ("paused", "break")
    assert state(vira)["actions"][0]["undoable"], "it may become so again"


def test_what_he_does_besides_does_not_matter(world, vira, olena):
    saw = seen(world)
    world.talk()  # his version is another one; his status is the same
    assert status(vira, world, "paused", "break", saw=saw).status_code == 200


def test_nobody_is_set_ready_who_has_no_desk(world, vira, olena):
    assert refused(
        status(vira, world, "ready", name="taras", saw={"status": "offline"}), "floor_nobody"
    )


def skills(browser, wanted, saw, kept=False, name="olena"):
    sent = {"operator": name, "skills": wanted, "seen": saw, "kept": kept}
    return browser.send("supervisor/floor/skills", sent)


def stored(world, login="olena"):
    with world.store.session(read_only=True) as db:
        return db.scalars(select(User).where(User.login == login)).one().skills


def test_a_skill_for_now_brings_who_waits_and_lasts_for_the_shift(world, vira, olena):
    before = dict(world.queue.operator("odesa", "olena").skills)
    skills(vira, {"general": 3}, before)
    wait(world)
    assert world.queue.ticket(CALL).state == "waiting"
    answer = skills(vira, {"general": 3, "business": 4, "outage": 0}, {"general": 3})
    assert answer.status_code == 200, answer.text
    assert world.queue.ticket(CALL).operator == "olena"
    assert stored(world) == before
    world.browser("olena", other=olena).enter()  # she opens her desk anew
    assert world.queue.operator("odesa", "olena").skills == {"general": 3, "business": 4}
    world.watch.now += 60
    world.desk("olena")  # the next shift
    assert world.queue.operator("odesa", "olena").skills == before


def test_a_skill_that_is_kept_is_there_in_the_next_shift_and_undone(world, vira, olena):
    before = dict(world.queue.operator("odesa", "olena").skills)
    assert skills(vira, {"general": 1}, before, kept=True).status_code == 200
    assert stored(world) == {"general": 1}
    world.watch.now += 60
    world.desk("olena")
    assert world.queue.operator("odesa", "olena").skills == {"general": 1}
    assert undo(vira, "operator_skills").status_code == 200
    assert stored(world) == before
    assert world.queue.operator("odesa", "olena").skills == before


def test_two_change_his_skills(world, vira, olha, olena):
    saw = dict(world.queue.operator("odesa", "olena").skills)
    skills(olha, {"general": 1}, saw, kept=True)
    assert "Ольга" in refused(skills(vira, {"metering": 5}, saw, kept=True), "changed")
    assert stored(world) == {"general": 1}
    skills(vira, {"metering": 5}, {"general": 1})
    assert "Віра" in refused(undo(olha, "operator_skills", nth=1), "changed")
    assert refused(skills(vira, {"moon": 5}, {"metering": 5}), "floor_skill")
    assert skills(vira, {"general": 9}, {"metering": 5}).status_code == 400


# ---------------------------------------------------------------------- callers


def move(browser, queue, was, call=CALL):
    return browser.send("supervisor/floor/move", {"ticket": call, "queue": queue, "was": was})


def test_a_caller_is_moved_and_moved_back(world, vira):
    wait(world)
    assert move(vira, "connection", "business").status_code == 200
    assert world.queue.ticket(CALL).queue == "connection"
    assert undo(vira, "ticket_move").status_code == 200
    assert world.queue.ticket(CALL).queue == "business"
    first, second = world.rows(Action)
    assert (second.undoes, first.undone_by) == (first.id, "vira")
    assert "Віра" in refused(undo(vira, "ticket_move", nth=1), "undo_undone")
    assert refused(undo(vira, "ticket_move"), "undo_never")
    assert refused(vira.send("supervisor/floor/undo/999"), "undo_gone")


def test_two_move_a_caller(world, vira, olha):
    wait(world)
    move(olha, "connection", "business")
    assert "Ольга" in refused(move(vira, "general", "business"), "changed")
    move(vira, "general", "connection")
    assert "Віра" in refused(undo(olha, "ticket_move", nth=1), "changed")
    assert world.queue.ticket(CALL).queue == "general"


def test_where_nobody_may_be_moved(world, vira):
    wait(world)
    wait(world, "pbx1-1.2", queue="danger", priority="danger")
    assert refused(move(vira, "danger", "business"), "floor_danger")
    assert refused(move(vira, "general", "danger", "pbx1-1.2"), "floor_danger")
    assert refused(move(vira, "moon", "business"), "floor_queue")
    assert refused(move(vira, "general", "business", "pbx1-9.9"), "floor_gone")
    world.queue.leave(CALL, "abandoned", world.watch.now)
    assert refused(move(vira, "general", "business"), "floor_gone")
    assert not world.rows(Action)


def lift(browser, priority, was, call=CALL):
    return browser.send("supervisor/floor/lift", {"ticket": call, "priority": priority, "was": was})


def test_a_caller_is_raised_and_put_back(world, vira, olha):
    wait(world)
    assert lift(vira, "raised", "normal").status_code == 200
    assert state(vira)["waiting"][0]["lifted"]
    assert "Віра" in refused(lift(olha, "priority_site", "normal"), "changed")
    assert undo(olha, "ticket_lift").status_code == 200
    assert world.queue.ticket(CALL).priority == "normal"
    assert lift(vira, "danger", "normal").status_code == 400
    assert refused(lift(vira, "raised", "raised"), "floor_priority")


def give(browser, operator, call=CALL):
    return browser.send("supervisor/floor/give", {"ticket": call, "operator": operator})


def test_a_caller_is_given_to_who_is_busy_and_let_go(world, vira, olena):
    world.talk()
    skills(vira, {"general": 3}, dict(world.queue.operator("odesa", "olena").skills))
    wait(world, "pbx1-1.2")
    assert give(vira, "olena", "pbx1-1.2").status_code == 200
    assert world.queue.ticket("pbx1-1.2").sticky == "olena"
    assert undo(vira, "ticket_give").status_code == 200
    assert not world.queue.ticket("pbx1-1.2").held
    give(vira, "olena", "pbx1-1.2")
    world.queue.ended(CALL, world.watch.now)
    world.queue.finish("odesa", "olena", world.watch.now)
    assert world.queue.ticket("pbx1-1.2").operator == "olena"
    assert refused(undo(vira, "ticket_give"), "changed_since")


def test_to_whom_nobody_is_given(world, vira, olena):
    wait(world)
    status(vira, world, "paused", "lunch")
    wait(world, "pbx1-1.2")
    assert refused(give(vira, "olena", "pbx1-1.2"), "floor_not_ready")
    assert refused(give(vira, "nobody", "pbx1-1.2"), "floor_nobody")


def test_a_wait_is_ended_by_an_order(world, vira):
    wait(world)
    wait(world, "pbx1-1.2", priority="priority_site")
    wait(world, "callback-7", kind="callback")

    def withdraw(call, was="business"):
        return vira.send("supervisor/floor/withdraw", {"ticket": call, "was": was})

    assert withdraw(CALL).status_code == 200
    order = {"do": "withdraw", "company": "odesa", "ticket": CALL, "queue": "business"}
    assert world.queue.commands() == [order]
    assert refused(withdraw("pbx1-1.2"), "floor_danger")
    assert refused(withdraw("callback-7"), "floor_callback")
    assert refused(withdraw(CALL, "general"), "changed_since")
    assert refused(undo(vira, "ticket_withdraw"), "undo_never")
    assert world.queue.commands() == []


def test_another_companys_callers_are_not_there(world, vira):
    wait(world, company="kazan", queue="general")
    assert refused(move(vira, "metering", "general"), "floor_gone")
    assert world.queue.ticket(CALL).queue == "general"
