"""One of several supervisors takes a caller over; the others are told who, and why they are out."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from ivr.store.models import Audit, User
from ivr.store.supervision import HelpRequest, Listening

CALL = "pbx1-1.1"


@pytest.fixture
def talk(world):
    """Olena talks; vira and marta, supervisors, are in her talk."""
    with world.store.session() as db:
        db.execute(update(User).where(User.login == "marta").values(role="supervisor"))
    olena = world.desk("olena").ready()
    world.talk()
    vira, marta = world.desk("vira"), world.desk("marta")
    for each in (vira, marta):
        answer = send(each, "begin", operator="olena", ticket=CALL, mode="barge")
        assert answer.status_code == 200, answer.text
    with world.store.session() as db:
        db.execute(update(Listening).values(heard_at=world.office.now()))
    world.watch.now += 1
    return olena, vira, marta


def send(browser, path, **fields):
    return browser.send(f"supervisor/listening/{path}", fields)


def name(world, login):
    with world.store.session(read_only=True) as db:
        return db.scalars(select(User.name).where(User.login == login)).one()


def row(world, login):
    (found,) = [each for each in world.rows(Listening) if each.supervisor == login]
    return found


def take(world, browser):
    return send(browser, "mode", token=row(world, browser.login).token, mode="take")


def over(world, login, why, mode="barge"):
    """Do what the matchmaker does when somebody is in the talk no more."""
    with world.store.session() as db:
        ended = update(Listening).where(Listening.supervisor == login, Listening.ended_at.is_(None))
        db.execute(ended.values(ended_at=world.office.now(), why=why, mode=mode))
    for each in (login, "olena"):
        world.queue.tell("odesa", each)


def taken(world, login):
    """Do what the matchmaker does when somebody has the caller."""
    found = row(world, login)
    assert world.queue.take_over(CALL, login, found.token, world.watch.now)
    over(world, login, "taken", "take")


def refused(answer, code):
    assert (answer.status_code, answer.json["error"]) == (409, code), answer.text
    return answer.json["text"]


def floor(browser):
    return browser.get("supervisor/listening/state").json


# ---------------------------------------------------------------------- the caller


def test_of_two_who_take_over_the_second_is_told_of_the_first(world, talk):
    _, vira, marta = talk
    assert take(world, vira).status_code == 200
    assert name(world, "vira") in refused(take(world, marta), "listen_taken")
    assert world.audit("listen_mode") == [
        ("vira", "listen_mode", True),
        ("marta", "listen_mode", False),
    ]
    tried = [each.details for each in world.rows(Audit) if each.what == "listen_mode"]
    assert tried[1]["refused"] == "listen_taken"
    assert [order for order in world.queue.commands() if order["do"] == "listen_as"] == [
        {"do": "listen_as", "company": "odesa", "token": row(world, "vira").token, "mode": "take"}
    ]
    assert {each["mode"] for each in floor(marta)["listenings"]} == {"take", "barge"}


def test_at_the_same_moment_too(world, talk):
    ready, answers = threading.Barrier(2), []
    tokens = {each.login: row(world, each.login).token for each in talk[1:]}

    def press(browser):
        ready.wait()
        answer = send(browser, "mode", token=tokens[browser.login], mode="take")
        answers.append(answer.status_code)

    threads = [threading.Thread(target=press, args=(each,)) for each in talk[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]
    assert sorted(each.mode for each in world.rows(Listening)) == ["barge", "take"]
    assert sorted(allowed for _, _, allowed in world.audit("listen_mode")) == [False, True]


def test_who_takes_over_at_once_is_told_too_and_goes_on_with_his_work(world, talk):
    _, vira, marta = talk
    take(world, vira)
    over(world, "marta", "supervisor")
    world.queue.set_status("odesa", "marta", "ready", world.watch.now)
    answer = send(marta, "begin", operator="olena", ticket=CALL, mode="take")
    assert name(world, "vira") in refused(answer, "listen_taken")
    assert world.queue.operator("odesa", "marta").status == "ready", "she was not paused for it"
    taken(world, "vira")
    refused(send(marta, "begin", operator="olena", ticket=CALL, mode="take"), "listen_no_talk")


def test_who_thinks_better_of_it_lets_others(world, talk):
    _, vira, marta = talk
    take(world, vira)
    assert take(world, vira).status_code == 200, "her own"
    assert send(vira, "mode", token=row(world, "vira").token, mode="listen").status_code == 200
    assert take(world, marta).status_code == 200


# ---------------------------------------------------------------------- why he is out


def test_the_other_is_told_who_has_the_caller(world, talk):
    _, vira, marta = talk
    take(world, vira)
    assert floor(marta)["left"] is None
    taken(world, "vira")
    over(world, "marta", "talk")
    told = {"token": row(world, "marta").token, "name": name(world, "olena"), "why": "taken"}
    assert floor(marta)["left"] == {**told, "by": name(world, "vira")}
    assert marta.state(lambda state: state["left"])["left"]["why"] == "taken"
    assert floor(vira)["left"] is None, "she has him herself"
    world.watch.now += 61
    assert floor(marta)["left"] is None


@pytest.mark.parametrize(
    ("ends", "why", "told"),
    [("ended", "talk", "talk"), ("dropped", "talk", "broken"), ("", "lost", "lost"),
     ("", "supervisor", None)],
)  # fmt: skip
def test_why_he_is_out_of_the_talk(world, talk, ends, why, told):
    _, vira, _ = talk
    if ends:
        getattr(world.queue, ends)(CALL, world.watch.now)
    over(world, "vira", why)
    left = floor(vira)["left"]
    assert (left and left["why"]) == told


def test_the_operator_is_told_who_took_his_caller(world, talk):
    olena, vira, _ = talk
    assert olena.state(lambda state: state["talk"])["taken_by"] == ""
    take(world, vira)
    taken(world, "vira")
    told = olena.state(lambda state: state["operator"]["state"] == "wrap_up" and state["taken_by"])
    assert told["taken_by"] == name(world, "vira")
    world.queue.finish("odesa", "olena", world.watch.now)
    olena.state(lambda state: state["operator"]["state"] == "idle" and not state["taken_by"])


# ---------------------------------------------------------------------- help


def test_help_shows_the_talk_that_goes_on_and_that_it_is_over(world, talk):
    olena, vira, _ = talk
    olena.send("help", {"note": "a leak"})
    (asked,) = floor(vira)["help"]
    assert (asked["talk"], asked["call"]) == (CALL, CALL)
    world.queue.ended(CALL, world.watch.now)
    (asked,) = floor(vira)["help"]
    assert (asked["talk"], asked["call"]) == ("", CALL)
    assert [each.call for each in world.rows(HelpRequest)] == [CALL]


def test_help_outside_of_a_talk(world, talk):
    olena, vira, _ = talk
    world.queue.ended(CALL, world.watch.now)
    olena.send("help", {"note": ""})
    (asked,) = floor(vira)["help"]
    assert (asked["talk"], asked["call"]) == ("", None)


def test_whoever_went_has_a_name(world, talk):
    _, vira, _ = talk
    with world.store.session() as db:
        db.add(
            HelpRequest(
                company="odesa", operator="taras", asked_at=datetime.fromtimestamp(1, UTC)
            )
        )  # fmt: skip
        db.execute(update(User).where(User.login == "taras").values(enabled=False))
    (asked,) = [each for each in floor(vira)["help"] if each["operator"] == "taras"]
    assert asked["shown"] == name(world, "taras")
