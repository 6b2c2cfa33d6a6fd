"""Operators ask supervisors for help; supervisors write to operators."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from desk_world import refused
from sqlalchemy import update

from ivr.agent_queue.model import QueueDown
from ivr.store.models import Audit
from ivr.store.supervision import HelpRequest, StaffMessage, StaffMessageSeen


@pytest.fixture
def olena(world):
    return world.desk("olena")


@pytest.fixture
def vira(world):
    return world.at("floor")


def seen(browser, what):
    return browser.get("supervisor/listening/state").get_json()[what]


def send(browser, path, **fields):
    return browser.send(f"supervisor/listening/{path}", fields)


def ok(answer):
    assert answer.status_code == 200, answer.text
    return answer.get_json()


# ---------------------------------------------------------------------- help


def test_help_is_asked_for_seen_taken_and_over(world, olena, vira):
    key = ok(olena.send("help", {"note": "  the gas company's number? "}))["id"]
    mine = olena.state(lambda state: state["help"])["help"]
    assert (mine["note"], mine["taken"]) == ("the gas company's number?", "")
    (ask,) = seen(vira, "help")
    assert (ask["id"], ask["operator"], ask["shown"], ask["call"]) == (key, "olena", "Олена", None)
    ok(olena.send("help", {"note": "he is angry"}))
    noted = [each for each in world.rows(Audit) if "note" in each.details]
    asked = [(each.what, each.details["note"]) for each in noted]
    assert asked == [("help_asked", mine["note"]), ("help_noted", "he is angry")]
    ok(send(vira, "help", id=key, do="take"))
    assert olena.state(lambda state: state["help"]["taken"])["help"]["taken"] == "Віра"
    assert seen(vira, "help")[0]["taken_by"] == "vira"
    ok(olena.send("help/end"))
    olena.state(lambda state: state["help"] is None)
    assert seen(vira, "help") == []
    (row,) = world.rows(HelpRequest)
    assert (row.live, row.taken_by) == (None, "vira")
    assert row.ended_at is not None
    done = [(who, what) for who, what, _ in world.audit() if what.startswith("help")]
    assert done == [
        ("olena", "help_asked"), ("olena", "help_noted"),
        ("vira", "help_taken"), ("olena", "help_ended"),
    ]  # fmt: skip


def test_in_a_talk_the_call_goes_along(world, olena, vira):
    olena.ready()
    world.talk()
    ok(olena.send("help", {}))
    assert seen(vira, "help")[0]["call"] == "pbx1-1.1"


def test_it_survives_a_reload_and_is_asked_for_once(world, olena, vira):
    first = ok(olena.send("help", {"note": "first"}))["id"]
    again = world.browser("olena", other=olena).enter()
    assert again.state(lambda state: state["help"])["help"]["id"] == first
    assert ok(again.send("help", {"note": "second"}))["id"] == first
    assert [row.note for row in world.rows(HelpRequest)] == ["second"]
    assert len(seen(vira, "help")) == 1


def test_an_older_tab_asks_for_nothing(world, olena):
    world.browser("olena", other=olena).enter()
    refused(olena.send("help", {}), "taken")
    assert world.rows(HelpRequest) == []


def test_of_two_who_come_the_second_is_told_who_comes(world, olena, vira):
    world.promote("marta", "supervisor")
    marta = world.at("floor", "marta")
    key = ok(olena.send("help", {}))["id"]
    ok(send(marta, "help", id=key, do="take"))
    answer = send(vira, "help", id=key, do="take")
    refused(answer, "help_taken")
    assert "Марта" in answer.get_json()["text"]
    ok(send(marta, "help", id=key, do="take"))
    assert world.rows(HelpRequest)[0].taken_by == "marta"
    assert ("vira", "help_take", False) in world.audit()


def test_it_is_withdrawn(world, olena, vira):
    key = ok(olena.send("help", {}))["id"]
    ok(olena.send("help/end"))
    refused(olena.send("help/end"), "too_late")
    refused(send(vira, "help", id=key, do="take"), "help_over")
    assert ("olena", "help_withdrawn", True) in world.audit()
    assert ok(olena.send("help", {}))["id"] != key


def test_a_supervisor_ends_it(world, olena, vira):
    key = ok(olena.send("help", {}))["id"]
    ok(send(vira, "help", id=key, do="end"))
    olena.state(lambda state: state["help"] is None)
    assert ("vira", "help_ended", True) in world.audit()


def test_who_goes_home_needs_no_help(world, olena, vira):
    ok(olena.send("help", {}))
    assert olena.send("sign-out").status_code == 303
    assert seen(vira, "help") == []


def test_he_goes_home_though_the_queue_is_down(world, olena, monkeypatch):
    ok(olena.send("help", {}))

    def down(*_):
        raise QueueDown("no answer")

    known = world.queue.operator("odesa", "olena")
    monkeypatch.setattr(world.queue, "tell", down)
    monkeypatch.setattr(world.queue, "send", down)
    assert known.tab == olena.tab
    assert olena.send("sign-out").status_code == 303
    assert [row.live for row in world.rows(HelpRequest)] == [None]


@pytest.mark.parametrize("note", ["x" * 201, 7, "a\x00b", ["x"]])
def test_a_note_is_a_short_text(world, olena, note):
    assert olena.send("help", {"note": note}).status_code == 400
    assert world.rows(HelpRequest) == []


@pytest.mark.parametrize(
    "wrong",
    [{"id": 0}, {"id": "1"}, {"id": None}, {"id": 10**12}, {"do": "dance"}],
)
def test_what_a_supervisor_may_not_send(olena, vira, wrong):
    key = ok(olena.send("help", {}))["id"]
    assert send(vira, "help", **{"id": key, "do": "take"} | wrong).status_code == 400


def test_another_company_s_help_is_none_of_his(world, olena, vira):
    key = ok(olena.send("help", {}))["id"]
    with world.store.session() as db:
        db.execute(update(HelpRequest).values(company="dtek"))
    refused(send(vira, "help", id=key, do="take"), "gone", 404)
    assert seen(vira, "help") == []
    assert olena.get("supervisor/listening/state").status_code == 403


# ---------------------------------------------------------------------- messages


def test_a_message_to_all_is_shown_until_it_is_seen(world, olena, vira):
    taras = world.desk("taras")
    text = "<b>Storm</b> from 18:00 & on"
    key = ok(send(vira, "message", text=text, minutes=30))["id"]
    for browser in (olena, taras):
        (message,) = browser.state(lambda state: state["messages"])["messages"]
        assert (message["text"], message["name"], message["to_all"]) == (text, "Віра", True)
    ok(olena.send("messages/seen", {"id": key}))
    ok(olena.send("messages/seen", {"id": key}))
    olena.state(lambda state: not state["messages"])
    (sent,) = seen(vira, "messages")
    assert [each["login"] for each in sent["seen"]] == ["olena"]
    assert world.browser("taras", other=taras).enter().state()["messages"][0]["id"] == key
    assert len(world.rows(StaffMessageSeen)) == 1
    assert ("vira", "message", True) in world.audit()


def test_a_message_to_one_is_nobody_else_s(world, olena, vira):
    taras = world.desk("taras")
    key = ok(send(vira, "message", receiver="olena", text="Come to me", minutes=5))["id"]
    assert olena.state(lambda state: state["messages"])["messages"][0]["id"] == key
    assert taras.state()["messages"] == []
    refused(taras.send("messages/seen", {"id": key}), "gone", 404)
    assert world.rows(StaffMessageSeen) == []


def test_who_wrote_it_is_not_told_himself(world, vira):
    send(vira, "message", text="x", minutes=5)
    assert world.desk("vira").state()["messages"] == []


def test_it_is_withdrawn_or_its_time_is_over(world, olena, vira):
    key = ok(send(vira, "message", text="wrong", minutes=30))["id"]
    olena.state(lambda state: state["messages"])
    ok(send(vira, "message/withdraw", id=key))
    olena.state(lambda state: not state["messages"])
    refused(send(vira, "message/withdraw", id=key), "too_late")
    assert ("vira", "message_withdrawn", False) in world.audit()
    second = ok(send(vira, "message", text="soon over", minutes=1))["id"]
    world.watch.now += 61
    assert seen(vira, "messages") == []
    assert world.desk("taras").state()["messages"] == []
    refused(send(vira, "message/withdraw", id=second), "too_late")
    until = world.rows(StaffMessage)[1].until
    assert until == datetime.fromtimestamp(world.watch.now - 1, UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""}, {"text": " "}, {"text": "x" * 501}, {"text": 5}, {"text": "a\x07"},
        {"minutes": 0}, {"minutes": 721}, {"minutes": "5"}, {"minutes": None},
        {"receiver": "nobody"}, {"receiver": "vira"}, {"receiver": "o l"},
    ],
)  # fmt: skip
def test_a_message_is_as_it_should_be(world, vira, wrong):
    fields = {"text": "hello", "minutes": 5, "receiver": "olena"} | wrong
    assert send(vira, "message", **fields).status_code == 400
    assert world.rows(StaffMessage) == []


def test_desks_are_not_flooded(world, vira):
    for _ in range(20):
        ok(send(vira, "message", text="again", minutes=5))
    refused(send(vira, "message", text="again", minutes=5), "message_many")


def test_another_company_s_message(world, olena, vira):
    key = ok(send(vira, "message", text="x", minutes=5))["id"]
    with world.store.session() as db:
        db.execute(update(StaffMessage).values(company="dtek"))
    refused(olena.send("messages/seen", {"id": key}), "gone", 404)
    refused(send(vira, "message/withdraw", id=key), "gone", 404)


# ---------------------------------------------------------------------- several web processes


def test_news_reach_the_desks_of_other_processes(shared):
    """The queue carries them: what one process stores, the desk of another one shows."""
    olena = shared.desk("olena")
    olena.state()
    with shared.store.session() as db:
        row = StaffMessage(
            company="odesa", sender="vira", text="from elsewhere",
            sent_at=datetime.fromtimestamp(shared.watch.now, UTC),
            until=datetime.fromtimestamp(shared.watch.now + 60, UTC),
        )  # fmt: skip
        db.add(row)
    shared.queue.tell("odesa")
    (message,) = olena.state(lambda state: state["messages"])["messages"]
    assert message["text"] == "from elsewhere"
