"""A supervisor asks to be let into a talk: who may, when, and what the operator sees of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from desk_world import refused
from sqlalchemy import update

from agent_desk import staff
from ivr.agent_queue.model import Operator
from ivr.store.models import Audit
from ivr.store.supervision import Listening

CALL = "pbx1-1.1"


@pytest.fixture
def talk(world):
    """Olena talks; vira, a supervisor, sits at her desk and has her telephone."""
    olena = world.desk("olena").ready()
    world.talk()
    vira = world.desk("vira")
    assert olena.state(lambda state: state["talk"])
    return olena, vira


def send(browser, path, **fields):
    return browser.send(f"supervisor/listening/{path}", fields)


def begin(vira, mode="listen", operator="olena", ticket=CALL):
    return send(vira, "begin", operator=operator, ticket=ticket, mode=mode)


def hear(world, **values):
    """Do what the matchmaker does when her telephone has answered."""
    values |= {"heard_at": datetime.fromtimestamp(world.watch.now, UTC)}
    with world.store.session() as db:
        db.execute(update(Listening).values(**values))
    for name in ("vira", "olena"):
        world.queue.tell("odesa", name)


@pytest.fixture
def policy(world, monkeypatch):
    """Set whether the operator sees who listens."""

    def set_it(shown):
        profile = world.office.companies["odesa"]
        terms = replace(profile.terms, listening=replace(profile.terms.listening, shown=shown))
        changed = replace(profile, terms=terms)
        monkeypatch.setitem(world.office.companies, "odesa", changed)

    return set_it


def another(world):
    """A second supervisor at her desk."""
    world.promote("marta", "supervisor")
    return world.desk("marta")


# ---------------------------------------------------------------------- who may


def test_an_operator_may_not(world, talk):
    olena, _ = talk
    for answer in (
        begin(olena, operator="ivan"),
        send(olena, "mode", token="x", mode="barge"),
        send(olena, "end", token="x"),
        send(olena, "help", id=1, do="take"),
        send(olena, "message", text="x", minutes=1),
        olena.get("supervisor/listening/state"),
        olena.get("supervisor/listening/events"),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (403, "not_allowed")
    assert world.rows(Listening) == []


def test_a_forged_request_changes_nothing(world, talk):
    _, vira = talk
    vira.csrf = "forged"
    assert begin(vira).status_code == 400
    assert world.rows(Listening) == []


# ---------------------------------------------------------------------- it begins


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge", "take"])
def test_the_matchmaker_is_asked(world, talk, mode):
    _, vira = talk
    answer = begin(vira, mode)
    assert answer.status_code == 200, answer.text
    token = answer.get_json()["token"]
    (row,) = world.rows(Listening)
    assert (row.token, row.supervisor, row.operator, row.call) == (token, "vira", "olena", CALL)
    assert (row.mode, row.heard_at, row.ended_at, row.company) == (mode, None, None, "odesa")
    assert token.startswith("odesa.")
    assert token.endswith(f".{CALL}")
    order = world.queue.commands()[-1]
    assert order == {"do": "listen", "company": "odesa", "token": token}
    assert ("vira", "listen", True) in world.audit("listen")
    audit = [each for each in world.rows(Audit) if each.what == "listen"]
    assert (audit[0].call, audit[0].details) == (CALL, {"operator": "olena", "mode": mode})


@pytest.mark.parametrize("status", ["ready", "paused", "offline"])
def test_no_caller_is_offered_meanwhile(world, talk, status):
    _, vira = talk
    if status == "ready":
        vira.ready()
    else:
        world.queue.set_status("odesa", "vira", status, world.watch.now, reason="meal")
    assert begin(vira).status_code == 200
    me = world.queue.operator("odesa", "vira")
    (row,) = world.rows(Listening)
    assert me.status == "paused"
    assert me.reason == ("meal" if status == "paused" else "listening")
    assert row.before == ("" if status == "paused" else status)
    refused(vira.send("status", {"status": "ready", "version": me.version}), "listen_first")


# ---------------------------------------------------------------------- it does not begin


def test_one_s_own_talk(world, talk):
    _, vira = talk
    refused(begin(vira, operator="vira"), "listen_own")
    assert world.audit("listen") == [("vira", "listen", False)]


def test_a_supervisor_without_a_telephone(world, talk):
    _, vira = talk
    known = world.queue.operator("odesa", "vira")
    world.queue.sign_in(replace(known, endpoint="", node=""), world.watch.now)
    refused(begin(vira), "listen_no_phone")
    page = world.browser("vira")
    page.csrf = vira.csrf
    assert page.get("supervisor/listening/state").get_json()["able"] == "listen_no_phone"


def test_a_supervisor_who_is_in_a_talk_himself(world, talk):
    _, vira = talk
    vira.ready()
    world.talk("pbx1-2.2", number="+380671110002")
    assert world.queue.operator("odesa", "vira").state == "talking"
    refused(begin(vira), "listen_busy")
    world.queue.ended("pbx1-2.2", world.watch.now)
    refused(begin(vira), "listen_busy")
    assert world.rows(Listening) == []


def test_an_operator_who_is_not_in_this_talk_any_more(world, talk):
    _, vira = talk
    refused(begin(vira, ticket="pbx1-9.9"), "listen_no_talk")
    refused(begin(vira, operator="ivan"), "listen_no_talk")
    refused(begin(vira, operator="nobody"), "listen_no_talk")
    world.queue.ended(CALL, world.watch.now)
    refused(begin(vira), "listen_no_talk")
    assert world.rows(Listening) == []
    assert {allowed for _, _, allowed in world.audit("listen")} == {False}


def test_another_company_s_talk(world, talk):
    _, vira = talk
    world.queue.sign_in(
        Operator("olena", "dtek", skills={"general": 5}, status="ready"), world.watch.now
    )
    world.talk("pbx1-7.7", company="dtek")
    refused(begin(vira, ticket="pbx1-7.7"), "listen_no_talk")


def test_telephones_of_twilio_s(world, talk):
    _, vira = talk
    object.__setattr__(world.office, "twilio_token", lambda *_: "token")
    refused(begin(vira), "listen_twilio")
    assert "Twilio" in begin(vira).get_json()["text"]


def test_two_talks_at_once(world, talk):
    _, vira = talk
    assert begin(vira).status_code == 200
    refused(begin(vira), "listen_already")
    assert len(world.rows(Listening)) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"mode": "shout"}, {"mode": ""}, {"operator": ""}, {"operator": "a b"}, {"ticket": "x\ny"},
     {"operator": ["olena"]}, {"ticket": None}],
)  # fmt: skip
def test_what_is_not_as_it_should_be(world, talk, wrong):
    _, vira = talk
    fields = {"operator": "olena", "ticket": CALL, "mode": "listen"} | wrong
    assert send(vira, "begin", **fields).status_code == 400
    assert world.rows(Listening) == []


def test_a_call_back_is_not_taken_over(world):
    world.desk("olena").ready()
    world.talk("callback-1", kind="callback")
    vira = world.desk("vira")
    refused(begin(vira, "take", ticket="callback-1"), "listen_callback")
    assert begin(vira, "listen", ticket="callback-1").status_code == 200


def test_two_may_listen_but_one_takes_over(world, talk):
    _, vira = talk
    marta = another(world)
    assert begin(vira).status_code == 200
    assert begin(marta).status_code == 200
    hear(world)
    tokens = {row.supervisor: row.token for row in world.rows(Listening)}
    with world.store.session() as db:
        db.execute(update(Listening).where(Listening.supervisor == "vira").values(mode="take"))
    refused(send(marta, "mode", token=tokens["marta"], mode="take"), "listen_taken")


# ---------------------------------------------------------------------- it goes on


def test_the_mode_is_changed_and_he_leaves(world, talk):
    _, vira = talk
    token = begin(vira).get_json()["token"]
    refused(send(vira, "mode", token=token, mode="barge"), "listen_rings")
    hear(world)
    assert send(vira, "mode", token=token, mode="barge").status_code == 200
    order = {"do": "listen_as", "company": "odesa", "token": token, "mode": "barge"}
    assert world.queue.commands()[-1] == order
    assert send(vira, "end", token=token).status_code == 200
    order = {"do": "leave_talk", "company": "odesa", "token": token}
    assert world.queue.commands()[-1] == order
    assert [what for _, what, _ in world.audit()][-3:] == ["listen", "listen_mode", "listen_end"]


def test_forged_foreign_and_late_tokens(world, talk):
    _, vira = talk
    marta = another(world)
    token = begin(vira).get_json()["token"]
    hear(world)
    for browser, tried in ((vira, "odesa.forged.x"), (marta, token)):
        refused(send(browser, "mode", token=tried, mode="barge"), "listen_over")
        refused(send(browser, "end", token=tried), "listen_over")
    world.queue.ended(CALL, world.watch.now)
    refused(send(vira, "mode", token=token, mode="barge"), "listen_no_talk")
    with world.store.session() as db:
        db.execute(update(Listening).values(ended_at=datetime.fromtimestamp(1, UTC)))
    refused(send(vira, "mode", token=token, mode="barge"), "listen_over")
    assert world.audit("listen_end") == [
        ("vira", "listen_end", False),
        ("marta", "listen_end", False),
    ]


# ---------------------------------------------------------------------- what is seen of it


@pytest.mark.parametrize("shown", [True, False])
def test_the_operator_sees_who_listens_where_the_company_says_so(world, talk, policy, shown):
    olena, vira = talk
    policy(shown)
    begin(vira, "whisper")
    ringing = vira.state(lambda state: state["listening"])
    assert ringing["listening"]["heard"] is False
    hear(world)
    mine = vira.state(lambda state: state["listening"]["heard"])["listening"]
    assert (mine["name"], mine["mode"]) == ("Олена", "whisper")
    vira_name = name(world, "vira")
    if shown:
        state = olena.state(lambda state: state["listeners"])
        assert state["listeners"] == [{"name": vira_name, "mode": "whisper"}]
        with world.store.session() as db:
            db.execute(update(Listening).values(ended_at=datetime.fromtimestamp(1, UTC)))
        world.queue.tell("odesa", "olena")
        olena.state(lambda state: not state["listeners"])
    else:
        world.queue.tell("odesa", "olena")
        olena.send("help", {"note": "is anybody there?"})
        state = olena.state(lambda state: state["help"])
        assert state["listeners"] == []


def name(world, login):
    with world.store.session(read_only=True) as db:
        return staff.names(db, "odesa")[login]


def test_supervisors_see_each_other_but_not_the_tokens(world, talk):
    _, vira = talk
    token = begin(vira).get_json()["token"]
    hear(world)
    (mine,) = vira.get("supervisor/listening/state").get_json()["listenings"]
    assert (mine["token"], mine["mine"], mine["heard"]) == (token, True, True)
    (other,) = another(world).get("supervisor/listening/state").get_json()["listenings"]
    assert (other["token"], other["mine"], other["supervisor"]) == ("", False, "vira")


def test_the_stream_tells_at_once(world, talk):
    olena, vira = talk
    answer = vira.get("supervisor/listening/events")
    lines = iter(answer.response)
    assert next(lines) == b"retry: 1000\n\n"

    def staff_event(good):
        for _ in range(8):
            text = next(lines).decode()
            if text.startswith("event: staff"):
                data = json.loads(text.split("data: ")[1])
                if good(data):
                    return data
        raise AssertionError("it never came")

    staff_event(lambda data: not data["help"])
    olena.send("help", {"note": "a leak"})
    told = staff_event(lambda data: data["help"])
    assert told["help"][0]["note"] == "a leak"
    answer.close()
    world.office.live.stop()
