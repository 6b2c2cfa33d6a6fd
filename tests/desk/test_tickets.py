"""Forms of reports and requests: each field is checked, a number is told, nothing is lost twice."""

import pytest

from ivr.store.models import Ticket

GOOD = {
    "outage": {"scope": "house", "danger": "no", "since": "07:45", "notify": True},
    "meter_fault": {"supply": "yes", "fault": "the display is dark"},
    "meter_replacement": {"place": "stairwell", "email": "o@example.org", "meter": "00812345"},
    "connection": {"customer": "household", "address": "Садова 5", "power": "10"},
    "appointment": {"office": "Центр", "day": "2026-11-05", "time": "10:30", "topic": "договір"},
    "complaint": {"text": "Noise at night", "topic": "supply", "answer_by": "post"},
    "other": {"text": "A question", "phone": "067 111 00 01"},
}


def register(browser, kind, fields, account="100200301", **more):
    return browser.send("ticket", {"type": kind, "account": account, "fields": fields, **more})


@pytest.mark.parametrize("kind", GOOD)
def test_each_form_is_registered(world, kind):
    browser = world.desk().ready()
    ticket = world.talk()
    told = register(browser, kind, GOOD[kind], ticket=ticket.id)
    assert told.status_code == 200, told.text
    assert told.json["number"].isdecimal()
    row = world.rows(Ticket)[0]
    assert (row.type, row.call, row.caller_number) == (kind, ticket.id, "+380671110001")
    assert row.details["operator"] == "olena"
    assert browser.state(lambda s: s["talk"]["caller"]["accounts"][0]["tickets"])


def test_telephones_are_kept_in_one_form(world):
    register(world.desk(), "other", GOOD["other"])
    assert world.rows(Ticket)[0].details["phone"] == "+380671110001"


@pytest.mark.parametrize(
    ("kind", "change", "error"),
    [
        ("outage", {"scope": None}, "field_empty"),
        ("outage", {"scope": "planet"}, "field"),
        ("outage", {"since": "25:99"}, "field_time"),
        ("outage", {"notify": "yes"}, "field"),
        ("meter_fault", {"supply": ""}, "field_empty"),
        ("meter_fault", {"fault": "x" * 2001}, "field"),
        ("meter_fault", {"fault": "bell\a"}, "field"),
        ("meter_replacement", {"place": "roof"}, "field"),
        ("meter_replacement", {"email": "not an address"}, "field_email"),
        ("appointment", {"day": "2026-02-30"}, "field_day"),
        ("appointment", {"day": "2020-01-01"}, "field_past"),
        ("appointment", {"office": " "}, "field_empty"),
        ("complaint", {"text": 5}, "field"),
        ("complaint", {"answer_by": "owl"}, "field"),
        ("other", {"phone": "call me"}, "field_phone"),
        ("other", {"phone": "0800 CALL"}, "field_phone"),
    ],
)
def test_what_is_wrong_is_named(world, kind, change, error):
    answer = register(world.desk(), kind, GOOD[kind] | change)
    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert next(iter(change)) in answer.json["text"] or error in ("field_phone", "field_email")
    assert world.rows(Ticket) == []


def test_sent_twice_it_is_registered_once(world):
    browser = world.desk()
    first = register(browser, "other", GOOD["other"]).json
    assert register(browser, "other", GOOD["other"]).json == first
    assert register(browser, "other", {"text": "Another question"}).json != first
    keyed = register(browser, "other", {"text": "a"}, key="form-1").json
    assert register(browser, "other", {"text": "a, and more"}, key="form-1").json == keyed
    assert len(world.rows(Ticket)) == 3


def test_priorities(world):
    browser = world.desk()
    register(browser, "outage", GOOD["outage"] | {"danger": "yes"})
    register(browser, "meter_fault", GOOD["meter_fault"] | {"supply": "no"})
    register(browser, "outage", GOOD["outage"], account="200300001")
    register(browser, "outage", GOOD["outage"])
    assert [row.priority for row in world.rows(Ticket)] == [
        "danger", "raised", "priority_site", "normal",
    ]  # fmt: skip


def test_without_an_account_an_address_is_wanted(world):
    browser = world.desk()
    refused = register(browser, "outage", GOOD["outage"], account="")
    assert (refused.status_code, refused.json["error"]) == (400, "no_place")
    told = register(browser, "outage", GOOD["outage"] | {"address": "Дачна 3"}, account=None)
    assert told.status_code == 200
    assert register(browser, "other", GOOD["other"], account=None).status_code == 200
    assert register(browser, "other", GOOD["other"], account="999").status_code == 404
    assert register(browser, "novel", {}).status_code == 400


def test_the_page_knows_the_forms(world):
    forms = world.desk().given["forms"]
    assert set(forms) == set(GOOD)
    assert {"name": "supply", "kind": "choice", "wanted": True, "choices": ["yes", "no"]} in forms[
        "meter_fault"
    ]
