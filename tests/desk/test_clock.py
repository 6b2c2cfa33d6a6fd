"""The clock of call-backs on the desk: promised by an operator, red, late."""

from dataclasses import replace

from ivr.store.supply import CallbackClock
from ivr.terms import CallbackTerms


def test_an_operators_promise_has_a_clock_and_becomes_red_and_late(world, monkeypatch):
    odesa = world.office.companies["odesa"]
    terms = replace(odesa.terms, callbacks=CallbackTerms(hours=4))
    monkeypatch.setitem(world.office.companies, "odesa", replace(odesa, terms=terms))
    browser = world.desk().ready()
    assert browser.send("callback", {"number": "067 111 00 01", "queue": "metering"}).json["id"]
    (clock,) = world.rows(CallbackClock)

    def item():
        (found,) = browser.get("inbox").json["items"]
        return found

    assert (item()["clock"], item()["due"]) == ("", clock.due_at.timestamp())
    world.watch.now = clock.red_at.timestamp()
    assert item()["clock"] == "red"
    world.watch.now = clock.due_at.timestamp()
    assert item()["clock"] == "late"
    assert browser.state(lambda s: s["inbox"].get("late"))["inbox"]["late"] == 1


def test_no_clock_where_the_company_has_no_rule(world):
    browser = world.desk().ready()
    browser.send("callback", {"number": "067 111 00 01", "queue": "metering"})
    (item,) = browser.get("inbox").json["items"]
    assert (item["red"], item["due"], item["clock"]) == (None, None, "")
