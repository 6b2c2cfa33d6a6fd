"""An operator is signed out by a supervisor: at once, or after the talk; taken back until then."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ivr.store.models import SignIn, User
from ivr.store.supervision import HelpRequest

CALL = "pbx1-1.1"


@pytest.fixture
def olena(world):
    desk = world.desk("olena").ready()
    world.watch.now += 60
    return desk


@pytest.fixture
def vira(world):
    return world.desk("vira")


def log_out(browser, world, name="olena"):
    known = world.queue.operator("odesa", name)
    seen = {"status": known.status, "reason": known.reason}
    sent = {"operator": name, "status": "offline", "seen": seen}
    return browser.send("supervisor/floor/status", sent)


def undo(browser):
    (row,) = [
        each
        for each in browser.get("supervisor/floor/state").json["actions"]
        if each["what"] == "operator_log_out" and not each["undoes"] and not each["undone"]
    ]
    return browser.send(f"supervisor/floor/undo/{row['id']}")


def sign_ins(world, login="olena"):
    with world.store.session(read_only=True) as db:
        wanted = select(SignIn).join(SignIn.user).where(User.login == login)
        return list(db.scalars(wanted))


def end_talk(world):
    world.queue.ended(CALL, world.watch.now)
    world.queue.finish("odesa", "olena", world.watch.now)


def bye(browser):
    """Wait until the page is told that its sign-in is over."""
    for _ in range(20):
        name, _data = browser.event()
        if name == "bye":
            return True
        assert name == "state", name
    return False


def test_his_sign_in_ends_and_the_form_says_who_ended_it(world, olena, vira):
    other = world.browser("olena")
    world.watch.now += 60
    assert log_out(vira, world).status_code == 200
    assert bye(olena)
    for browser in (olena, other):
        assert browser.get("inbox").status_code == 401
    assert all(row.ended_at is not None for row in sign_ins(world))
    assert world.queue.operator("odesa", "olena").status == "offline"
    order = {"do": "dismiss_phone", "company": "odesa", "operator": "olena"}
    assert order in world.queue.commands()
    page = olena.client.get("/desk/", follow_redirects=True).text
    assert "Віра" in page and "08:32" in page
    assert world.audit("operator.log_out") == [("vira", "operator.log_out", True)]


def test_he_may_sign_in_again_by_himself(world, olena, vira):
    log_out(vira, world)
    answer = undo(vira)
    assert (answer.status_code, answer.json["error"]) == (409, "floor_signed_out")
    assert "Олена" in answer.json["text"]
    world.watch.now += 60
    assert olena.sign_in(world.passwords["olena"]).status_code == 303
    olena.enter().ready()
    assert olena.get("inbox").status_code == 200
    assert olena.get("sign-in").status_code == 303, "she is signed in"


def test_in_a_talk_it_holds_after_the_wrap_up(world, olena, vira):
    world.talk()
    with world.store.session() as db:
        db.add(
            HelpRequest(
                company="odesa", operator="olena", call=CALL, note="", asked_at=world.office.now()
            )
        )  # fmt: skip
    assert log_out(vira, world).status_code == 200
    assert olena.state(lambda state: state["leaving"])["leaving"]["name"] == "Віра"
    assert olena.get("inbox").status_code == 200
    version = olena.version()
    refused = olena.send("status", {"status": "ready", "version": version})
    assert (refused.status_code, refused.json["error"]) == (409, "leaving")
    world.queue.ended(CALL, world.watch.now)
    assert world.queue.operator("odesa", "olena").state == "wrap_up"
    assert olena.get("inbox").status_code == 200, "she writes down what it was about"
    world.queue.finish("odesa", "olena", world.watch.now)
    assert bye(olena)
    assert olena.get("inbox").status_code == 401
    assert all(row.ended_at is not None for row in sign_ins(world))
    assert [row.live for row in world.rows(HelpRequest)] == [None]


def test_without_a_page_it_holds_all_the_same(world, olena, vira):
    world.talk()
    log_out(vira, world)
    olena.stream.close()
    end_talk(world)
    assert olena.get("inbox").status_code == 401


def test_while_she_talks_it_is_taken_back(world, olena, vira):
    world.talk()
    log_out(vira, world)
    assert undo(vira).status_code == 200
    assert world.queue.operator("odesa", "olena").status == "ready"
    end_talk(world)
    assert olena.get("inbox").status_code == 200
    assert olena.state(lambda state: state["operator"]["state"] == "idle")["leaving"] is None
    assert [row.ended_at for row in sign_ins(world)] == [None]


def test_what_she_chose_since_is_not_undone(world, olena, vira):
    world.talk()
    log_out(vira, world)
    world.queue.set_status("odesa", "olena", "paused", world.watch.now, reason="break")
    answer = undo(vira)
    assert (answer.status_code, answer.json["error"]) == (409, "changed")
    assert olena.state(lambda state: state["leaving"])


def test_nobody_signs_himself_out_here(world, vira):
    answer = log_out(vira, world, "vira")
    assert (answer.status_code, answer.json["error"]) == (409, "floor_yourself")
    assert vira.get("inbox").status_code == 200


def test_the_same_over_redis(shared):
    olena, vira = shared.desk("olena").ready(), shared.desk("vira")
    shared.watch.now += 60
    assert log_out(vira, shared).status_code == 200
    assert bye(olena)
