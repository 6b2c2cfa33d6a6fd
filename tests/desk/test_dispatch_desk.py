"""The dispatcher's page: who may, what it shows, storm mode by two people at once, events."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from desk_world import refused
from sqlalchemy import select

from ivr.events import Entry, write
from ivr.store.models import Account, Audit, Ticket
from ivr.store.supply import (
    OutageArea,
    OutageEvent,
    OutageReport,
    Storm,
    Subscription,
    SuspectedEvent,
)
from ivr.storm import records
from ivr.storm.rules import Measured


@pytest.fixture
def now(world):
    return datetime.fromtimestamp(world.watch.now, UTC)


@pytest.fixture(autouse=True)
def no_events(world):
    """The demo data have an event of their own."""
    with world.store.session() as db:
        for row in db.scalars(select(OutageEvent)):
            db.delete(row)


@pytest.fixture
def vira(world):
    return world.browser("vira").open("dispatch/")


def propose(world, now):
    with world.store.session() as db:
        company = world.office.companies["odesa"]
        measured = Measured(212, 38.5, 1260.0, "outage", {"E9": 9000})
        row = records.propose(db, company, now, ("wait",), measured, frozenset())
        return row.version


def state(browser):
    answer = browser.get("dispatch/state")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def send(browser, body, path="storm"):
    return browser.send(f"dispatch/{path}", body)


def storms(world):
    return world.rows(Storm)


# ---------------------------------------------------------------------- who may


def test_an_operator_may_not(world):
    olena = world.desk("olena")
    for answer in (
        olena.get("dispatch/"),
        olena.get("dispatch/state"),
        olena.get("dispatch/after.csv"),
        olena.send("dispatch/storm", {"do": "on", "version": 0}),
    ):
        assert answer.status_code == 403
        assert answer.get_json()["error"] == "not_allowed"
    assert storms(world) == []
    assert ("olena", "dispatch", False) in world.audit()


def test_nobody_signed_in_is_led_to_the_form(world):
    client = world.app.test_client()
    assert client.get("/dispatch/").headers["Location"].endswith("/desk/dispatch/")
    assert client.get("/desk/dispatch/").status_code == 303
    assert client.get("/desk/dispatch/state").status_code == 401


def test_a_forged_request_changes_nothing(world, vira):
    vira.csrf = "forged"
    assert send(vira, {"do": "on", "version": 0}).status_code == 400
    assert storms(world) == []


def test_it_needs_no_desk_and_takes_none_the_say(world):
    desk = world.desk("vira")
    other = world.browser("vira").open("dispatch/")
    assert send(other, {"do": "on", "version": 0}).status_code == 200
    assert desk.send("answer", {"token": "x"}).get_json()["error"] != "taken"


# ---------------------------------------------------------------------- storm mode


def test_the_page_knows_regions_messages_and_queues(vira):
    assert vira.given["regions"] == ["Одеса"]
    assert vira.given["messages"][0] == "storm_general"
    assert "danger" not in vira.given["queues"]
    assert "outage" not in vira.given["queues"]


def test_a_proposal_shows_its_figures_and_is_switched_on(world, vira, now):
    version = propose(world, now)
    shown = state(vira)["storm"]
    assert (shown["state"], shown["version"], shown["reasons"]) == ("proposed", version, ["wait"])
    assert shown["measured"]["proposed"]["calls"] == 212
    assert shown["measured"]["proposed"]["threshold"] == 115.5
    sent = {
        "do": "on", "version": version, "hours": 2, "regions": ["Одеса"], "cap": 15,
        "gates": ["connection", "metering"], "callbacks": "calm", "wrap_up": 5,
        "message": "storm_weather", "reason": "gale",
    }  # fmt: skip
    answer = send(vira, sent)
    assert answer.status_code == 200, answer.text
    (row,) = storms(world)
    assert (row.state, row.started_by, row.reason) == ("on", "vira", "gale")
    assert state(vira)["storm"]["started_by"] == "Віра", "people are shown by name"
    assert row.until == now + timedelta(hours=2)
    assert row.rules == {
        "cap": 15.0, "wrap_up": 5.0, "callbacks": "calm", "message": "storm_weather",
        "gates": ["connection", "metering"],
    }  # fmt: skip
    assert row.regions == ["Одеса"]
    audit = [each for each in world.rows(Audit) if each.what == "storm_on"]
    assert [(each.who, each.address) for each in audit] == [("vira", "127.0.0.1")]
    assert audit[0].details["after"]["rules"] == row.rules


def test_of_two_at_once_the_second_is_told(world, vira, now):
    version = propose(world, now)
    other = world.browser("vira").open("dispatch/")
    assert send(vira, {"do": "refuse", "version": version, "reason": "a test"}).status_code == 200
    answer = send(other, {"do": "on", "version": version})
    assert (answer.status_code, answer.get_json()["error"]) == (409, "storm_changed")
    assert [row.state for row in storms(world)] == ["refused"]
    assert ("vira", "storm_on", False) in world.audit()


def test_two_who_switch_on_from_nothing_make_one_storm(world, vira):
    other = world.browser("vira").open("dispatch/")
    assert send(vira, {"do": "on", "version": 0}).status_code == 200
    assert send(other, {"do": "on", "version": 0}).status_code == 409
    assert len(storms(world)) == 1


def test_change_extend_and_end(world, vira, now):
    send(vira, {"do": "on", "version": 0, "hours": 1})
    version = state(vira)["storm"]["version"]
    answer = send(vira, {"do": "change", "version": version, "hours": 4})
    assert answer.status_code == 200, answer.text
    shown = answer.get_json()["storm"]
    assert shown["until"] == (now + timedelta(hours=4)).timestamp()
    assert shown["gates"] == ["connection"]
    stale = send(vira, {"do": "off", "version": version})
    assert stale.status_code == 409
    done = send(vira, {"do": "off", "version": shown["version"], "reason": "calm"})
    assert done.get_json()["storm"]["state"] == "off"
    what = [each["what"] for each in done.get_json()["history"]]
    assert what == ["storm_off", "storm_change", "storm_on"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": 1000}, {"hours": 0}, {"hours": "6"}, {"cap": 0}, {"gates": ["danger"]},
        {"gates": "general"}, {"gates": ["nowhere"]}, {"regions": ["Львів"]},
        {"message": "goodbye"}, {"callbacks": "never"}, {"wrap_up": -1}, {"version": -1},
        {"do": "storm"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(world, vira, wrong):
    answer = send(vira, {"do": "on", "version": 0} | wrong)
    assert answer.status_code == 400, answer.text
    assert storms(world) == []


def test_a_refusal_wants_a_reason(world, vira, now):
    version = propose(world, now)
    assert send(vira, {"do": "refuse", "version": version}).status_code == 400
    assert storms(world)[0].state == "proposed"


def test_a_storm_whose_time_is_over_is_shown_as_over(world, vira):
    send(vira, {"do": "on", "version": 0, "hours": 1})
    world.watch.now += 3601
    assert state(vira)["storm"]["state"] == "expired"


# ---------------------------------------------------------------------- taken back


def undo(browser, nth=0):
    done = state(browser)["history"][nth]
    return send(browser, {}, f"undo/{done['action']}")


def test_each_step_is_taken_back_and_the_list_says_so(world, vira, now):
    version = propose(world, now)
    send(vira, {"do": "on", "version": version, "hours": 1, "reason": "gale"})
    shown = undo(vira).get_json()
    assert (shown["storm"]["state"], shown["storm"]["started_at"]) == ("proposed", None)
    assert shown["counts"] is None
    last, first = shown["history"][:2]
    assert (last["what"], last["undoes"], last["action"]) == ("storm_on", True, None)
    assert (first["undone"], first["action"], first["reason"]) == ("Віра", None, "gale")
    world.watch.now += 600
    call(world, "c1", "+380670000001", "answered")
    send(vira, {"do": "on", "version": shown["storm"]["version"]})
    assert state(vira)["counts"]["calls"] == 1
    send(vira, {"do": "off", "version": state(vira)["storm"]["version"]})
    assert undo(vira).get_json()["storm"]["state"] == "on"
    (row,) = storms(world)
    assert (row.live, row.ended_at) == (True, None)


def test_what_somebody_changed_since_stays(world, vira):
    send(vira, {"do": "on", "version": 0, "hours": 1})
    world.hire("olha", "Ольга")
    olha = world.browser("olha").open("dispatch/")
    first = state(vira)["history"][0]["action"]
    send(olha, {"do": "change", "version": state(olha)["storm"]["version"], "hours": 4})
    shown = state(vira)["history"]
    assert (shown[0]["action"] > first, shown[1]["action"]) == (True, None)
    assert "Ольга" in refused(send(vira, {}, f"undo/{first}"), "changed")
    assert undo(vira).status_code == 200
    assert [each["action"] for each in state(vira)["history"]] == [None, None, first]
    until = storms(world)[0].until.timestamp()
    assert until == world.watch.now + 3600
    for action in (0, 999):
        gone = send(vira, {}, f"undo/{action}")
        assert (gone.status_code, gone.get_json()["error"]) == (409, "undo_gone")


def test_a_time_that_is_over_is_not_put_back(world, vira):
    send(vira, {"do": "on", "version": 0, "hours": 1})
    send(vira, {"do": "off", "version": state(vira)["storm"]["version"]})
    world.watch.now += 3600
    answer = undo(vira)
    assert (answer.status_code, answer.get_json()["error"]) == (409, "undo_late")
    assert answer.get_json()["text"] != "undo_late"
    assert storms(world)[0].state == "off"


# ---------------------------------------------------------------------- counts and lists


def call(world, name, number, *kinds, minutes=1.0):
    at = datetime.fromtimestamp(world.watch.now, UTC) + timedelta(minutes=minutes)
    details = {
        "answered": {"from": number, "to": "", "channel": "agi"},
        "told": {"service": "storms.greeting", "outcome": "storm"},
        "hit": {"service": "outages.hit", "outcome": "hit"},
        "queued": {"queue": "general", "show": {"account": "100200301"}},
        "talked": {"operator": "olena", "queue": "general"},
        "lost": {"outcome": "abandoned"},
    }
    names = {"told": "looked_up", "hit": "looked_up", "talked": "answered", "lost": "left"}
    write(
        world.store,
        [
            Entry("odesa", name, at, names.get(kind, kind), "" if kind == "talked" else "main",
                  "", details[kind])
            for kind in kinds
        ],
    )  # fmt: skip


def test_counts_since_the_storm_began(world, vira):
    call(world, "before", "+380670000000", "answered", "told", minutes=-5)
    send(vira, {"do": "on", "version": 0})
    call(world, "c1", "+380670000001", "answered", "told")
    call(world, "c2", "+380670000002", "answered", "hit", "queued", "talked")
    call(world, "c3", "+380670000003", "answered", "told", "queued", "lost")
    counts = state(vira)["counts"]
    assert counts == {
        "calls": 3, "announced": 3, "queued": 2, "answered": 1, "lost": 1,
        "subscribed": 0, "callbacks": 0, "called_back": 0,
    }  # fmt: skip
    call(world, "c4", "+380670000004", "answered", "queued", "lost", minutes=2)
    assert state(vira)["counts"]["lost"] == 2


def test_whom_the_storm_left_unanswered(world, vira, now):
    send(vira, {"do": "on", "version": 0})
    call(world, "c1", "+380670000001", "answered", "queued", "lost")
    call(world, "c2", "+380670000002", "answered", "queued", "lost")
    call(world, "c3", "+380670000002", "answered", "queued", "talked", minutes=3)
    call(world, "c4", "", "answered", "queued", "lost")
    call(world, "c5", "+380670000001", "answered", "queued", "lost", minutes=4)
    world.watch.now += 600
    version = state(vira)["storm"]["version"]
    send(vira, {"do": "off", "version": version})
    answer = vira.get("dispatch/after.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["what"], row["number"], row["calls"]) for row in rows] == [
        ("lost", "+380670000001", "2")
    ]
    assert ("vira", "storm_after", True) in world.audit()


def test_no_list_without_a_storm(vira):
    assert vira.get("dispatch/after.csv").status_code == 404


# ---------------------------------------------------------------------- events


def suspect(world, now):
    """Three reports of one street, one of whom asked to be told."""
    with world.store.session() as db:
        account = db.scalars(select(Account).limit(1)).one()
        row = SuspectedEvent(
            company="odesa", settlement="Одеса", street="Шевченка", reports=3,
            first_at=now - timedelta(minutes=9), last_at=now,
        )  # fmt: skip
        db.add(row)
        db.flush()
        notice = {
            "number": "+380671110001", "way": "sms", "language": "uk", "account": account.id,
            "call": "c1", "key": "k1",
        }  # fmt: skip
        for number in range(3):
            db.add(
                OutageReport(
                    company="odesa", key=f"r{number}", at=now, call=f"c{number}",
                    account_id=account.id, street="шевченка", settlement="одеса",
                    suspected_id=row.id, answers={"notice": notice} if number == 1 else {},
                )
            )  # fmt: skip
        return row.id


def test_a_suspected_event_is_confirmed_and_callers_hear_of_it(world, vira, now):
    key = suspect(world, now)
    assert state(vira)["suspected"][0]["place"] == "Одеса, Шевченка"
    until = now + timedelta(hours=3)
    body = {"do": "confirm", "cause": "tree", "customers": 80, "restore_by": until.timestamp()}
    answer = send(vira, body, f"suspected/{key}")
    assert answer.status_code == 200, answer.text
    shown = answer.get_json()
    assert shown["suspected"] == []
    (event,) = shown["events"]
    assert (event["customers"], event["cause"], event["fresh"]) == (80, "tree", True)
    assert event["subscribed"] == 1
    (row,) = world.rows(OutageEvent)
    assert (row.restore_by, row.source, row.since) == (until, "vira", now - timedelta(minutes=9))
    assert all(report.event_id == row.id for report in world.rows(OutageReport))
    assert ("vira", "suspected_confirm", True) in world.audit()
    again = send(vira, {"do": "dismiss"}, f"suspected/{key}")
    assert (again.status_code, again.get_json()["error"]) == (409, "too_late")


def test_a_suspected_event_is_dismissed(world, vira, now):
    key = suspect(world, now)
    assert send(vira, {"do": "dismiss"}, f"suspected/{key}").get_json()["suspected"] == []
    assert world.rows(OutageEvent) == []
    (row,) = world.rows(SuspectedEvent)
    assert (row.state, row.decided_by) == ("dismissed", "vira")


@pytest.mark.parametrize(
    "wrong",
    [{"restore_by": 1.0}, {"cause": "dragons"}, {"customers": 0}, {"restore_by": 1e12}],
)
def test_a_wrong_event_is_refused(world, vira, now, wrong):
    key = suspect(world, now)
    assert send(vira, {"do": "confirm"} | wrong, f"suspected/{key}").status_code == 400
    assert world.rows(OutageEvent) == []


def test_an_event_of_another_company_is_nobodys(world, vira, now):
    with world.store.session() as db:
        row = OutageEvent(company="kazan", number="K1", kind="emergency", since=now, updated_at=now)
        db.add(row)
        db.flush()
        key = row.id
    assert send(vira, {"do": "close"}, f"event/{key}").status_code == 404
    assert send(vira, {"do": "dismiss"}, "suspected/77").status_code == 404
    assert state(vira)["events"] == []


def test_an_event_gets_a_new_time_and_is_closed(world, vira, now):
    with world.store.session() as db:
        row = OutageEvent(
            company="odesa", number="E9", kind="emergency", customers=9000,
            since=now - timedelta(hours=3), restore_by=now - timedelta(minutes=1),
            updated_at=now - timedelta(hours=1),
            areas=[OutageArea(company="odesa", street="Шевченка")],
        )  # fmt: skip
        db.add(row)
        db.flush()
        db.add(
            Subscription(
                company="odesa", event_id=row.id, number="+380671110001", language="uk",
                call="c1", key="k1", created_at=now,
            )
        )  # fmt: skip
        key = row.id
    (shown,) = state(vira)["events"]
    assert (shown["fresh"], shown["overdue"], shown["subscribed"]) == (False, True, 1)
    until = now + timedelta(hours=1)
    answer = send(vira, {"do": "renew", "restore_by": until.timestamp()}, f"event/{key}")
    (shown,) = answer.get_json()["events"]
    assert (shown["fresh"], shown["overdue"]) == (True, False)
    assert send(vira, {"do": "close"}, f"event/{key}").get_json()["events"] == []
    assert world.rows(OutageEvent)[0].restored_at == now
    assert send(vira, {"do": "close"}, f"event/{key}").status_code == 409
    assert world.rows(Ticket) == []
