"""Callers who come first: what the operator sees of them, and raising one."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ivr.services import priority
from ivr.store.models import Account, Audit, Callback
from ivr.store.models import Ticket as Registered
from ivr.store.supply import PriorityPhone, PrioritySite

NUMBER = "+380671110001"
"""Of account 100200301, a household."""


def enter(world, kind="priority_site", phone=NUMBER, account=None, **fields):
    """Put an entry into the register."""
    with world.store.session() as db:
        about = db.scalar(select(Account).where(Account.number == account))
        given = {"name": "Обласна лікарня", "note": "генератор на 4 год", "approved_by": "ОВА"}
        row = PrioritySite(
            company="odesa", number="P1", kind=kind, account=about,
            updated_at=datetime.fromtimestamp(world.watch.now, UTC), **{**given, **fields},
        )  # fmt: skip
        if phone:
            row.phones = [PriorityPhone(company="odesa", number=phone)]
        db.add(row)


def seen(world, browser, **fields):
    world.talk(**fields)
    return browser.state(lambda state: state["talk"])["talk"]["caller"]


# ---------------------------------------------------------------------- what is shown


def test_the_name_the_note_and_the_supply_point_of_a_site(world):
    day = datetime.fromtimestamp(world.watch.now, UTC).date()
    enter(world, account="100200301", valid_from=day, valid_to=day + timedelta(days=30))
    found = seen(world, world.desk().ready(), priority="priority_site")
    assert found["site"] == {
        "site": "P1", "kind": "priority_site", "name": "Обласна лікарня",
        "note": "генератор на 4 год", "valid_from": day.isoformat(),
        "valid_to": (day + timedelta(days=30)).isoformat(), "substation": "TP-118",
    }  # fmt: skip
    assert found["accounts"][0]["priority"] is True


def test_somebody_vulnerable(world):
    enter(world, "vulnerable", consent=True, name="Марія К.", note="апарат ШВЛ")
    found = seen(world, world.desk().ready(), priority="priority_site")
    assert (found["site"]["kind"], found["site"]["note"]) == ("vulnerable", "апарат ШВЛ")


@pytest.mark.parametrize(
    "fields", [{"valid_to": datetime(2026, 10, 30).date()}, {"kind": "vulnerable"}]
)
def test_nothing_of_an_entry_that_does_not_hold(world, fields):
    enter(world, **fields)
    assert seen(world, world.desk().ready())["site"] is None


@pytest.mark.parametrize("kind", ["priority_site", "vulnerable"])
def test_an_account_that_was_only_keyed_shows_a_site_and_no_person(world, kind):
    enter(world, kind, phone=None, account="100200302", consent=True)
    context = {"account": "100200302", "keyed": "100200302", "proved": False}
    found = seen(world, world.desk().ready(), number="+380500000009", context=context)
    assert (found["site"] is not None) == (kind == "priority_site")
    assert found["accounts"][0]["priority"] is True, "but the card of the account says it"


# ---------------------------------------------------------------------- raising


def test_an_operator_raises_a_caller_for_a_reason(world):
    browser = world.desk().ready()
    ticket = world.talk()
    body = {"ticket": ticket.id, "reason": "  вдома апарат ШВЛ, батареї на годину "}
    assert browser.send("priority", body).status_code == 200
    assert world.queue.ticket(ticket.id).priority == "priority_site"
    order = world.queue.commands()[-1]
    assert order == {
        "do": "raised", "ticket": ticket.id, "operator": "olena",
        "reason": "вдома апарат ШВЛ, батареї на годину",
    }  # fmt: skip
    (row,) = [each for each in world.rows(Audit) if each.what == "raise_priority"]
    assert (row.who, row.call, row.allowed) == ("olena", ticket.id, True)
    assert row.details == {"reason": "вдома апарат ШВЛ, батареї на годину", "was": "normal"}
    caller = browser.state(lambda s: s["talk"] and s["talk"]["caller"]["raised"])["talk"]["caller"]
    assert caller["raised"] == {"who": "olena", "reason": row.details["reason"]}
    assert caller["priority"] == "priority_site"


@pytest.mark.parametrize("reason", ["", "   ", None, 5, "x" * 401, "a\x00b"])
def test_never_without_a_reason(world, reason):
    browser = world.desk().ready()
    ticket = world.talk()
    assert browser.send("priority", {"ticket": ticket.id, "reason": reason}).status_code == 400
    assert world.queue.ticket(ticket.id).priority == "normal"
    assert world.audit("raise_priority") == []


def test_only_in_his_own_talk(world):
    browser = world.desk().ready()
    ticket = world.ring()
    body = {"ticket": ticket.id, "reason": "reason"}
    assert browser.send("priority", body).status_code == 409
    assert browser.send("priority", {"ticket": "pbx1-9.9", "reason": "r"}).status_code == 409
    assert {allowed for _, _, allowed in world.audit("raise_priority")} == {False}
    assert world.queue.ticket(ticket.id).priority == "normal"


@pytest.mark.parametrize("given", ["priority_site", "danger"])
def test_not_twice_and_nobody_is_lowered(world, given):
    browser = world.desk().ready()
    ticket = world.talk(priority=given)
    answer = browser.send("priority", {"ticket": ticket.id, "reason": "reason"})
    assert (answer.status_code, answer.json["error"]) == (409, "first_already")
    assert world.queue.ticket(ticket.id).priority == given


def test_it_goes_with_him_when_he_is_passed_on(world):
    browser = world.desk().ready()
    ticket = world.talk()
    browser.send("priority", {"ticket": ticket.id, "reason": "reason"})
    body = {"ticket": ticket.id, "to": "queue", "target": "outage"}
    assert browser.send("transfer", body).status_code == 200
    moved = world.queue.ticket(ticket.id)
    assert (moved.queue, moved.priority) == ("outage", "priority_site")


@pytest.mark.parametrize("raised", [True, False])
def test_a_call_back_promised_with_it(world, raised):
    browser = world.desk().ready()
    ticket = world.talk()
    if raised:
        browser.send("priority", {"ticket": ticket.id, "reason": "reason"})
    body = {"number": "+380671110001", "queue": "outage", "ticket": ticket.id}
    assert browser.send("callback", body).status_code == 200
    (row,) = world.rows(Callback)
    assert row.priority == ("priority_site" if raised else "normal")


def test_a_call_back_to_a_number_of_the_register(world):
    enter(world)
    browser = world.desk().ready()
    assert browser.send("callback", {"number": NUMBER, "queue": "outage"}).status_code == 200
    assert world.rows(Callback)[0].priority == "priority_site"


def test_what_is_registered_for_him(world):
    browser = world.desk().ready()
    ticket = world.talk()
    browser.send("priority", {"ticket": ticket.id, "reason": "reason"})
    body = {
        "ticket": ticket.id, "type": "outage", "account": "100200301",
        "fields": {"scope": "house"},
    }  # fmt: skip
    assert browser.send("ticket", body).status_code == 200
    assert world.rows(Registered)[0].priority == "priority_site"


# ---------------------------------------------------------------------- who has to know


def test_the_dispatcher_is_told_once_and_supervisors_see_it(world):
    browser = world.desk().ready()
    ticket = world.talk()
    browser.send("priority", {"ticket": ticket.id, "reason": "апарат ШВЛ"})
    with world.store.session(read_only=True) as db:
        since = datetime.fromtimestamp(world.watch.now - 60, UTC)
        (call,) = priority.calls(db, "odesa", since)
    assert (call.call, call.why, call.who, call.reason) == (
        ticket.id, "raised", "olena", "апарат ШВЛ",
    )  # fmt: skip
    assert browser.get("priority").status_code == 403


def test_the_list_for_supervisors(world):
    boss = next(login for login in world.passwords if _role(world, login) != "operator")
    browser = world.desk("olena").ready()
    ticket = world.talk()
    browser.send("priority", {"ticket": ticket.id, "reason": "апарат ШВЛ"})
    (call,) = world.browser(boss).get("priority").json["calls"]
    assert (call["call"], call["reason"], call["at"]) == (ticket.id, "апарат ШВЛ", world.watch.now)


def _role(world, login):
    from ivr.store.models import User

    return next(user.role for user in world.rows(User) if user.login == login)
