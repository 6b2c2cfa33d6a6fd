"""The reading form judges as the menu does; only a supervisor may put a refusal aside."""

import pytest
from sqlalchemy import select

from ivr.store.models import Account, Audit, Draft, Reading, Ticket

SINGLE, TWO_ZONES, TURNS = "100200301", "100200302", "100200303"


def post(browser, values, account=SINGLE, confirm=False, ticket=None, **more):
    body = {"ticket": ticket, "account": account, "values": values, "confirm": confirm, **more}
    answer = browser.send("reading", body)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_reading_is_read_back_and_stored(world):
    browser = world.desk().ready()
    ticket = world.talk()
    told = post(browser, {"single": "02421"}, ticket=ticket.id)
    assert told["outcome"] == "complete"
    row = told["rows"][0]
    assert (row["register"], row["value"], row["used"]) == ("single", "02421", 117)
    assert (row["previous"], row["previous_on"]) == ("02304", "2026-10-01")
    done = post(browser, {"single": "02421"}, ticket=ticket.id, confirm=True)
    assert done["outcome"] == "accepted"
    assert done["receipt"].isdecimal()
    kept = world.rows(Reading)[0]
    assert (kept.state, kept.value, kept.channel, kept.call) == (
        "accepted", "02421", "desk", ticket.id,
    )  # fmt: skip
    assert kept.caller_number == "+380671110001"


def test_ac_25_the_same_refusal_as_in_the_menu(world):
    """2034 for 100200301 is below the previous value: refused, refused again, never accepted."""
    browser = world.desk().ready()
    first = post(browser, {"single": "2034"})
    assert first["outcome"] == "too_low"
    assert first["rows"][0]["question"] == "too_low"
    assert first["rows"][0]["previous"] == "02304"
    assert post(browser, {"single": "2034"}, confirm=True)["outcome"] == "refused"
    assert [row.state for row in world.rows(Reading)] == []


def test_ac_25_an_operator_may_not_override(world):
    browser = world.desk().ready()
    body = {"account": SINGLE, "values": {"single": "2034"}, "override": {"reason": "he insists"}}
    answer = browser.send("reading", body | {"confirm": True})
    assert (answer.status_code, answer.json["error"]) == (403, "not_allowed")
    assert world.rows(Reading) == []
    assert ("olena", "override", False) in world.audit()


def test_ac_25_a_supervisor_overrides_with_a_reason(world):
    browser = world.desk("vira").ready()
    assert post(browser, {"single": "2034"})["outcome"] == "too_low"
    told = post(
        browser, {"single": "2034"}, confirm=True, override={"reason": "photo of the meter"}
    )
    assert told["outcome"] == "accepted"
    kept = world.rows(Reading)[0]
    assert (kept.value, kept.state, kept.flags) == ("02034", "accepted_flagged", ["override"])
    note = next(row for row in world.rows(Audit) if row.what == "override")
    assert (note.who, note.allowed, note.details["reason"]) == ("vira", True, "photo of the meter")


def test_an_override_wants_a_reason(world):
    browser = world.desk("vira").ready()
    body = {"account": SINGLE, "values": {"single": "2034"}, "override": {"reason": " "}}
    assert browser.send("reading", body).status_code == 400


def test_a_high_value_is_taken_the_second_time_with_a_flag(world):
    browser = world.desk().ready()
    told = post(browser, {"single": "03500"})
    assert told["outcome"] == "too_high"
    assert post(browser, {"single": "03500"})["outcome"] == "complete"
    post(browser, {"single": "03500"}, confirm=True)
    kept = world.rows(Reading)[0]
    assert (kept.state, kept.flags) == ("accepted_flagged", ["high_use"])


def test_a_decimal_digit_is_asked_about(world):
    browser = world.desk().ready()
    told = post(browser, {"single": "24210"})
    assert (told["outcome"], told["rows"][0]["suggested"]) == ("decimal", "02421")
    again = post(browser, {"single": "24210"}, confirm=True)
    assert again["outcome"] == "decimal", "a question that was not answered is asked again"
    done = post(browser, {"single": "24210"}, confirm=True, answer="yes")
    assert done["outcome"] == "accepted"
    assert world.rows(Reading)[0].value == "02421"


def test_the_roll_over_is_asked_about(world):
    browser = world.desk().ready()
    told = post(browser, {"single": "00012"}, TURNS)
    assert (told["outcome"], told["rows"][0]["used"]) == ("rollover", 142)
    assert post(browser, {"single": "00012"}, TURNS, confirm=True)["outcome"] == "rollover"
    assert post(browser, {"single": "00012"}, TURNS, answer="no")["outcome"] == "too_low"
    assert post(browser, {"single": "00013"}, TURNS)["outcome"] == "rollover"
    done = post(browser, {"single": "00013"}, TURNS, confirm=True, answer="yes")
    assert done["outcome"] == "accepted"
    assert world.rows(Reading)[0].flags == ["rollover"]


def test_two_zones(world):
    browser = world.desk().ready()
    assert post(browser, {"day": "005400"}, TWO_ZONES)["outcome"] == "next"
    told = post(browser, {"day": "005400", "night": "002360"}, TWO_ZONES)
    assert told["outcome"] == "complete"
    assert [(row["register"], row["used"]) for row in told["rows"]] == [("day", 190), ("night", 56)]
    done = post(browser, {"day": "005400", "night": "002360"}, TWO_ZONES, confirm=True)
    assert done["outcome"] == "accepted"
    assert len(world.rows(Reading)) == 2


def test_swapped_zones(world):
    browser = world.desk().ready()
    told = post(browser, {"day": "002360", "night": "005400"}, TWO_ZONES)
    assert told["outcome"] == "swapped"
    assert [row["suggested"] for row in told["rows"]] == ["005400", "002360"]
    values = {"day": "002360", "night": "005400"}
    assert post(browser, values, TWO_ZONES, confirm=True)["outcome"] == "swapped"
    done = post(browser, values, TWO_ZONES, confirm=True, answer="yes")
    assert done["outcome"] == "accepted"
    assert sorted(row.value for row in world.rows(Reading)) == ["002360", "005400"]


def test_a_corrected_value_replaces_the_one_before(world):
    browser = world.desk().ready()
    post(browser, {"single": "02421"})
    told = post(browser, {"single": "02430"})
    assert (told["outcome"], told["rows"][0]["value"]) == ("complete", "02430")
    post(browser, {"single": "02430"}, confirm=True)
    assert [row.value for row in world.rows(Reading)] == ["02430"]


def test_too_many_digits(world):
    browser = world.desk().ready()
    told = post(browser, {"single": "024215"})
    assert told["outcome"] == "too_long"


def test_the_second_reading_of_a_window(world):
    browser = world.desk().ready()
    post(browser, {"single": "02421"}, confirm=True)
    told = post(browser, {"single": "02425"})
    assert told["outcome"] == "already"
    assert told["rows"][0]["suggested"] == "02421"
    assert post(browser, {"single": "02425"}, answer="no")["outcome"] == "kept"
    post(browser, {"single": "02426"})
    done = post(browser, {"single": "02426"}, answer="yes", confirm=True)
    assert done["outcome"] == "accepted"
    kept = world.rows(Reading)
    assert [row.value for row in kept if row.state == "accepted"] == ["02421", "02426"]
    assert kept[-1].flags == ["replaces"]


def test_sent_twice_it_is_stored_once(world):
    browser = world.desk().ready()
    first = post(browser, {"single": "02421"}, confirm=True)
    assert post(browser, {"single": "02421"}, confirm=True) == first
    assert len(world.rows(Reading)) == 1


def test_a_refused_value_goes_to_people(world):
    browser = world.desk().ready()
    post(browser, {"single": "2034"})
    assert post(browser, {"single": "2034"})["outcome"] == "refused"
    told = post(browser, {"single": "2034"}, answer="yes")
    assert told["outcome"] == "registered"
    assert world.rows(Reading)[0].state == "to_review"
    ticket = world.rows(Ticket)[0]
    assert (ticket.type, str(ticket.receipt_id + 100_000)) == ("reading_review", told["receipt"])


def test_outside_the_window_it_is_taken_for_adjustment(world):
    world.watch.now += 10 * 86400
    browser = world.desk().ready()
    told = post(browser, {"single": "02421"}, confirm=True)
    assert (told["outcome"], told["window"]) == ("accepted_outside", None)
    assert world.rows(Reading)[0].state == "outside_window"


def test_accounts_without_readings_by_telephone(world):
    with world.store.session() as db:
        db.scalars(select(Account).where(Account.number == TURNS)).one().kind = "business"
    browser = world.desk().ready()
    assert post(browser, {}, "200300001")["outcome"] == "no_meter"
    assert post(browser, {"single": "00012"}, TURNS, confirm=True)["outcome"] == "business"
    assert world.rows(Reading) == []


@pytest.mark.parametrize(
    "values",
    [{"single": "12a"}, {"single": "-1"}, {"single": "١٢"}, {"night": "1"}, {"x" * 99: "1"}],
)
def test_what_is_no_reading_is_refused(world, values):
    browser = world.desk().ready()
    answer = browser.send("reading", {"account": SINGLE, "values": values})
    assert answer.status_code == 400, answer.text
    assert world.rows(Reading) == []


def test_a_reading_for_somebody_elses_call_is_refused(world):
    olena = world.desk().ready()
    ticket = world.talk()
    taras = world.desk("taras").ready()
    body = {"ticket": ticket.id, "account": SINGLE, "values": {"single": "02421"}, "confirm": True}
    answer = taras.send("reading", body)
    assert (answer.status_code, answer.json["error"]) == (409, "not_yours")
    assert world.rows(Reading) == []
    assert ("taras", "reading", False) in world.audit()
    assert olena.send("reading", body).status_code == 200


def test_whoever_gets_the_caller_next_goes_on_with_the_form(world):
    world.desk().ready()
    ticket = world.talk()
    olena = world.desk()
    olena_told = post(olena, {"day": "005400"}, TWO_ZONES, ticket=ticket.id)
    assert olena_told["outcome"] == "next"
    taras = world.desk("taras").ready()
    world.queue.transfer(ticket.id, world.watch.now, operator="taras")
    moved = world.queue.ticket(ticket.id)
    world.queue.ring(moved.token, world.watch.now)
    world.queue.answered(moved.token, world.watch.now)
    told = post(taras, {"night": "002360"}, TWO_ZONES, ticket=ticket.id)
    assert told["outcome"] == "complete"
    assert [row["value"] for row in told["rows"]] == ["005400", "002360"]
    assert len(world.rows(Draft)) == 1
