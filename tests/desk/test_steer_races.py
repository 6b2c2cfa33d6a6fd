"""Two supervisors at one thing: one does it, the other is told who was faster; what is written down
names whom it was done to.
"""

from __future__ import annotations

import json
import re
import threading

import pytest
from sqlalchemy import select, update

from ivr.agent_queue.model import Ticket
from ivr.store.models import Audit, User
from ivr.store.supervision import Action, Listening

CALL = "pbx1-1.1"
NUMBER = "+380671110001"


def page(world, login):
    """A browser with the page open, and nothing else."""
    browser = world.browser(login)
    text = browser.get("supervisor/floor/").text
    browser.csrf = json.loads(re.search(r'id="given"[^>]*>(.*?)</script>', text, re.S)[1])["csrf"]
    return browser


@pytest.fixture
def supervisors(world):
    """Vira and Marta at the page."""
    with world.store.session() as db:
        db.execute(update(User).where(User.login == "marta").values(role="supervisor"))
    return page(world, "vira"), page(world, "marta")


def name(world, login):
    with world.store.session(read_only=True) as db:
        return db.scalars(select(User.name).where(User.login == login)).one()


def wait(world, call=CALL, **fields):
    wanted = {"company": "odesa", "queue": "business", "number": NUMBER} | fields
    world.queue.enter(Ticket(id=call, entered=world.watch.now, **wanted), world.watch.now)


def withdraw(browser, call=CALL, was="business"):
    return browser.send("supervisor/floor/withdraw", {"ticket": call, "was": was})


def lift(browser, call, was="normal"):
    sent = {"ticket": call, "priority": "priority_site", "was": was}
    return browser.send("supervisor/floor/lift", sent)


def move(browser, queue, was, call=CALL):
    return browser.send("supervisor/floor/move", {"ticket": call, "queue": queue, "was": was})


def status(browser, wanted, seen, login="olena", reason="", because=""):
    sent = {"operator": login, "status": wanted, "reason": reason}
    sent["seen"] = {"status": seen, "reason": because}
    return browser.send("supervisor/floor/status", sent)


def state(browser):
    return browser.get("supervisor/floor/state").json


def undo(browser, what):
    (row,) = [each for each in state(browser)["actions"] if each["what"] == what][:1]
    return browser.send(f"supervisor/floor/undo/{row['id']}")


def refused(answer, code):
    assert (answer.status_code, answer.json["error"]) == (409, code), answer.text
    assert answer.json["text"] != code
    return answer.json["text"]


# ---------------------------------------------------------------------- a wait is ended


def test_of_two_who_end_a_wait_the_second_is_told_of_the_first(world, supervisors):
    vira, marta = supervisors
    wait(world)
    assert withdraw(vira).status_code == 200
    assert name(world, "vira") in refused(withdraw(marta), "changed")
    assert [row.who for row in world.rows(Action)] == ["vira"]
    assert world.audit("ticket.withdraw") == [
        ("vira", "ticket.withdraw", True),
        ("marta", "ticket.withdraw", False),
    ]
    assert [order["do"] for order in world.queue.commands()] == ["withdraw"]


def test_at_the_same_moment_too(world, supervisors):
    wait(world)
    ready, answers = threading.Barrier(2), []

    def press(browser):
        ready.wait()
        answers.append(withdraw(browser).status_code)

    threads = [threading.Thread(target=press, args=(each,)) for each in supervisors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]
    assert len(world.rows(Action)) == 1
    told = world.audit("ticket.withdraw")
    assert sorted(allowed for _, _, allowed in told) == [False, True]


def test_who_went_into_the_menu_by_himself_is_there(world, supervisors):
    wait(world)
    world.queue.away(CALL, world.watch.now)
    refused(withdraw(supervisors[0]), "floor_away")
    refused(
        supervisors[0].send("supervisor/floor/give", {"ticket": CALL, "operator": "olena"}),
        "floor_nobody",
    )


def test_who_was_put_first_by_hand_may_be_withdrawn(world, supervisors):
    vira, _ = supervisors
    wait(world)
    wait(world, "pbx1-2.2", priority="priority_site")
    assert lift(vira, CALL).status_code == 200
    assert withdraw(vira).status_code == 200
    refused(withdraw(vira, "pbx1-2.2"), "floor_danger")


def test_the_second_at_the_storm_is_told_of_the_first(world, supervisors):
    vira, marta = supervisors
    on = {"do": "on", "version": 0}
    assert marta.send("dispatch/storm", on).status_code == 200
    assert name(world, "marta") in refused(vira.send("dispatch/storm", on), "storm_changed")


# ---------------------------------------------------------------------- who, whom, where from


def test_what_was_done_names_the_caller(world, supervisors):
    vira, _ = supervisors
    wait(world)
    wait(world, "pbx1-2.2", number=None, queue="general")
    move(vira, "connection", "business")
    lift(vira, "pbx1-2.2")
    withdraw(vira, "pbx1-2.2", "general")
    undo(vira, "ticket_move")
    shown = [(each["what"], each["caller"]) for each in reversed(state(vira)["actions"])]
    first = {"number": "+380···001", "queue": "business", "entered": world.watch.now}
    other = {"number": "", "queue": "general", "entered": world.watch.now}
    assert shown == [
        ("ticket_move", first), ("ticket_lift", other), ("ticket_withdraw", other),
        ("ticket_move", first),
    ]  # fmt: skip
    assert NUMBER not in json.dumps(state(vira))
    audit = [row for row in world.rows(Audit) if row.what == "ticket.move"]
    assert [row.call for row in audit] == [CALL, CALL]


def test_moved_back_he_is_from_nowhere(world, supervisors):
    vira, _ = supervisors
    wait(world)
    assert state(vira)["waiting"][0]["moved"] == ""
    move(vira, "connection", "business")
    assert state(vira)["waiting"][0]["moved"] == "business"
    undo(vira, "ticket_move")
    assert state(vira)["waiting"][0]["moved"] == ""


def test_people_who_went_home_have_names(world, supervisors):
    vira, _ = supervisors
    world.desk("olena").ready()
    status(vira, "offline", "ready")
    world.watch.now += 2 * 86400
    world.queue.tick(world.watch.now)
    world.watch.now -= 2 * 86400
    assert world.queue.operator("odesa", "olena") is None
    assert state(vira)["people"]["olena"] == name(world, "olena")


def test_his_own_later_change_is_not_somebody_elses(world, supervisors):
    vira, _ = supervisors
    wait(world)
    move(vira, "connection", "business")
    text = refused(move(vira, "general", "business"), "changed_self")
    assert name(world, "vira") not in text


# ---------------------------------------------------------------------- what the operator is told


def test_an_operator_is_told_who_paused_him(world, supervisors):
    vira, _ = supervisors
    olena = world.desk("olena").ready()
    assert olena.state(lambda found: found["operator"]["status"] == "ready")["chosen_by"] == ""
    status(vira, "paused", "ready", reason="lunch")
    told = olena.state(lambda found: found["operator"]["status"] == "paused")
    assert told["chosen_by"] == name(world, "vira")
    olena.send("status", {"status": "ready", "version": olena.version()})
    assert olena.state(lambda found: found["operator"]["status"] == "ready")["chosen_by"] == ""


def test_a_log_out_that_is_taken_back_leaves_the_wrap_up(world, supervisors):
    vira, _ = supervisors
    world.desk("olena").ready()
    world.talk()
    world.queue.ended(CALL, world.watch.now)
    until = world.queue.operator("odesa", "olena").until
    assert status(vira, "offline", "ready").status_code == 200
    assert undo(vira, "operator_log_out").status_code == 200
    known = world.queue.operator("odesa", "olena")
    assert (known.status, known.state, known.until) == ("ready", "wrap_up", until)


def test_the_talk_lasts_as_long_as_it_does_on_the_floor(world, supervisors):
    vira, _ = supervisors
    world.desk("olena").ready()
    world.talk()
    began = world.watch.now
    world.watch.now += 289
    status(vira, "paused", "ready", reason="lunch")
    (olena,) = [each for each in state(vira)["operators"] if each["name"] == "olena"]
    assert (olena["state"], olena["since"]) == ("talking", began)


# ---------------------------------------------------------------------- who listens


def listens(world, supervisor="marta"):
    world.desk("olena").ready()
    world.talk()
    marta = world.desk(supervisor)
    sent = {"operator": "olena", "ticket": CALL, "mode": "whisper"}
    answer = marta.send("supervisor/listening/begin", sent)
    assert answer.status_code == 200, answer.text
    return marta


def test_who_listens_does_not_go_off_duty(world, supervisors):
    vira, _ = supervisors
    marta = listens(world)
    for wanted in ("offline", "ready"):
        refused(
            marta.send("status", {"status": wanted, "version": marta.version()}), "listen_first"
        )
    for wanted in ("paused", "ready"):
        answer = status(vira, wanted, "paused", "marta", "lunch", "listening")
        assert name(world, "marta") in refused(answer, "floor_listens")
    known = world.queue.operator("odesa", "marta")
    assert (known.status, known.reason) == ("paused", "listening")
    assert world.rows(Action) == []


@pytest.mark.parametrize("who", ["herself", "another"])
def test_signed_out_she_leaves_the_talk(world, supervisors, who):
    vira, _ = supervisors
    marta = listens(world)
    (row,) = world.rows(Listening)
    world.watch.now += 1
    if who == "herself":
        assert marta.send("sign-out").status_code == 303
    else:
        assert status(vira, "offline", "paused", "marta", because="listening").status_code == 200
    left = {"do": "leave_talk", "company": "odesa", "token": row.token}
    assert left in world.queue.commands()
