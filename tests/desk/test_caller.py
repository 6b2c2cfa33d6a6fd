"""What is known of a caller before he is answered, and finding accounts."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ivr.store.models import Account, Contact, Conversation, Receipt, Register
from ivr.store.supply import Application, Booking
from ivr.store.world import keep_company


def caller(world, browser, **fields):
    world.ring(**fields)
    return browser.state(lambda s: s["offer"])["offer"]["caller"]


def test_a_known_telephone(world):
    found = caller(world, world.desk().ready(), dialled="+380487059090", language="ru")
    assert (found["match"], found["proved"]) == ("one", True)
    card = found["accounts"][0]
    assert card["address"] == "Одеса, Шевченка 27"
    assert (card["kind"], card["priority"]) == ("household", False)
    register = card["meters"][0]["registers"][0]
    assert (card["meters"][0]["number"], register["previous"]) == ("00812345", "02304")
    assert (found["dialled"], found["language"], found["queue"]) == (
        "+380487059090", "ru", "general",
    )  # fmt: skip


def test_who_was_cut_off_from_another_operator(world):
    browser, at = world.desk().ready(), datetime.now(UTC)
    with world.store.session() as db:
        db.add(
            Conversation(
                company="odesa", call="pbx1-1.1", token="t", operator="taras", queue="general",
                entered_at=at, answered_at=at, ended_at=at, interrupted=True,
            )
        )  # fmt: skip
    assert caller(world, browser)["interrupted"] is True


def test_several_accounts_of_one_telephone(world):
    found = caller(world, world.desk().ready(), number="+380671110002")
    assert found["match"] == "several"
    assert [card["account"] for card in found["accounts"]] == ["100200302", "100200303"]
    assert found["proved"] is False


@pytest.mark.parametrize("number", ["+380671119999", None])
def test_a_stranger(world, number):
    found = caller(world, world.desk().ready(), number=number)
    assert (found["match"], found["accounts"], found["proved"]) == ("none", [], False)


def test_what_was_keyed_is_not_asked_again(world):
    with world.store.session(read_only=True) as db:
        day, night = db.scalars(
            select(Register).join(Register.meter).join(Account, Account.number == "100200302")
            .where(Register.meter.has(account_id=Account.id)).order_by(Register.id)
        ).all()  # fmt: skip
    context = {
        "account": "100200302", "keyed": "100200302", "proved": False,
        "flow": "reading", "step": "enter", "reason": "misses", "current": night.id,
        "values": {str(day.id): {"value": 5400, "used": 190, "flags": []}},
        "tries": {str(night.id): [{"typed": "000100", "kind": "low"}]},
    }  # fmt: skip
    found = caller(world, world.desk().ready(), number="+380671119999", context=context)
    assert (found["match"], found["proved"]) == ("keyed", False)
    assert (found["why"], found["flow"], found["step"]) == ("misses", "reading", "enter")
    assert {"what": "account", "value": "100200302"} in found["keyed"]
    assert found["values"] == {"day": "005400"}
    assert found["tries"] == [{"register": "night", "value": "000100", "kind": "low"}]
    assert found["accounts"][0]["account"] == "100200302"


@pytest.mark.parametrize(
    "context",
    [
        {"account": "999", "values": "x", "tries": [1], "reason": None},
        {"account": ["100200301"], "values": {"1": 5, "x": {}}, "tries": {"1": [5, {}]}},
        {"keyed": {"a": 1}, "flow": 7, "step": None},
    ],
)
def test_odd_slots_do_no_harm(world, context):
    assert caller(world, world.desk().ready(), context=context)["number"] == "+380671110001"


def test_a_priority_site(world):
    found = caller(
        world, world.desk().ready(), number="+380487110009", priority="priority_site",
        queue="outage",
    )  # fmt: skip
    assert found["priority"] == "priority_site"
    assert found["accounts"][0]["priority"] is True


def test_the_last_three_talks(world):
    now = datetime.fromtimestamp(world.watch.now, UTC)
    with world.store.session() as db:
        for day in range(1, 6):
            at = now - timedelta(days=day)
            db.add(
                Conversation(
                    company="odesa",
                    call=f"old-{day}",
                    token=f"old-{day}",
                    operator="taras",
                    queue="general",
                    caller_number="+380671110001",
                    entered_at=at,
                    answered_at=at,
                    code="meter",
                    note=f"day {day}",
                )  # fmt: skip
            )
    found = caller(world, world.desk().ready())
    assert [talk["note"] for talk in found["contacts"]] == ["day 1", "day 2", "day 3"]


def test_his_waiting_time(world):
    browser = world.desk()
    world.ring()
    world.watch.now += 95
    browser.ready()
    ticket = world.queue.ticket("pbx1-1.1")
    world.queue.ring(ticket.token, world.watch.now)
    offer = browser.state(lambda s: s["offer"])["offer"]
    assert world.watch.now - offer["caller"]["entered"] == 95
    world.queue.answered(ticket.token, world.watch.now)
    world.watch.now += 300
    world.queue.ended("pbx1-1.1", world.watch.now)
    state = browser.state(lambda s: s["operator"]["state"] == "wrap_up")
    assert state["talk"]["caller"]["waited"] == 95


def test_answers_are_suggested_by_where_he_left(world):
    context = {"flow": "reading", "step": "enter", "reason": "misses"}
    found = caller(world, world.desk().ready(), context=context)
    assert 0 < len(found["answers"]) <= 4
    assert all(answer["id"].startswith("uk/") for answer in found["answers"])


# ---------------------------------------------------------------------- finding accounts


@pytest.mark.parametrize(
    ("sought", "accounts"),
    [
        ("100200301", ["100200301"]),
        ("067 111 00 01", ["100200301"]),
        ("+380671110002", ["100200302", "100200303"]),
        ("00812345", ["100200301"]),
        ("Шевченка", ["100200301"]),
        ("шевченка 27", ["100200301"]),
        ("Шевченка 28", []),
        ("%_%", []),
        ("999999999", []),
    ],
)
def test_finding_accounts(world, sought, accounts):
    found = world.desk().get("accounts", query_string={"q": sought})
    assert [card["account"] for card in found.json["accounts"]] == accounts


@pytest.mark.parametrize("sought", ["", "12", "x" * 101, "abc\0def"])
def test_a_search_for_nothing(world, sought):
    assert world.desk().get("accounts", query_string={"q": sought}).status_code == 400


def test_another_companys_accounts_are_not_found(world):
    with world.store.session() as db:
        keep_company(db, "kazan")
        account = db.scalars(select(Account).where(Account.number == "100200301")).one()
        account.company = "kazan"
        for contact in db.scalars(select(Contact).where(Contact.account_id == account.id)):
            contact.company = "kazan"
    browser = world.desk()
    for sought in ("100200301", "0671110001", "00812345", "Шевченка"):
        assert browser.get("accounts", query_string={"q": sought}).json["accounts"] == []
    body = {"account": "100200301", "values": {"single": "02421"}}
    assert browser.send("reading", body).status_code == 404


def test_his_applications_and_appointments(world):
    starts = datetime(2026, 11, 2, 8, tzinfo=UTC)
    with world.store.session() as db:
        account = db.scalar(select(Account).where(Account.number == "100200301"))
        db.add(
            Application(
                company="odesa", number="4599", account=account, what="inspection",
                state="scheduled", visit=starts, updated_at=starts,
            )
        )  # fmt: skip
        for day, month in ((2, 11), (3, 11), (1, 10)):
            at = starts.replace(month=month, day=day)
            booking = Booking(
                company="odesa", place="office:center", starts=at, call="c", key=f"b{day}",
                ends=at + timedelta(minutes=30), caller_number="+380671110001",
                receipt=Receipt(company="odesa", key=f"r{day}", created_at=starts),
                created_at=starts,
            )  # fmt: skip
            db.add(booking)
            db.flush()
            booking.live = None if day == 3 else True
    found = caller(world, world.desk().ready())
    shown = {"number": "4599", "what": "inspection", "state": "scheduled", "reason": None}
    assert {**shown, "visit": starts.timestamp()} in found["accounts"][0]["applications"]
    (appointment,) = found["appointments"]
    assert (appointment["office"], appointment["at"]) == ("center", starts.timestamp())
    assert appointment["number"].isdecimal()
