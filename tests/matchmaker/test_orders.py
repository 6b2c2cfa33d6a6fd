"""What the desk asks the matchmaker for."""

import pytest
from matching import Hall

from ivr.store.models import Audit


def _do(hall: Hall, word: str, **fields: object) -> None:
    hall.queue.send({"do": word, **fields})
    hall.matchmaker.step()


def test_telephones_for_a_shift(hall: Hall) -> None:
    who = {"company": "odesa", "operator": "olena"}
    _do(hall, "admit_phone", **who, digest="d41d8cd98f00b204e9800998ecf8427e", until=hall.now + 60)
    assert hall.exchange.phones == {"op-olena": "d41d8cd98f00b204e9800998ecf8427e"}
    _do(hall, "dismiss_phone", **who)
    assert hall.exchange.phones == {}


def test_a_call_is_told_hung_up_and_recorded_or_not(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    _do(hall, "pause_recording", ticket="pbx1-1.1", paused=True)
    _do(hall, "pause_recording", ticket="pbx1-1.1", paused=False)
    _do(hall, "tell", ticket="pbx1-1.1", outcome="reading")
    _do(hall, "hang_up", ticket="pbx1-1.1")
    assert hall.exchange.paused == [("pbx1-1.1", True), ("pbx1-1.1", False)]
    assert hall.exchange.told == [("pbx1-1.1", "reading")]
    assert hall.exchange.hung_up == ["pbx1-1.1"]
    assert hall.details("hung_up") == {"operator": "olena"}


def test_a_wait_that_was_ended_is_told_so(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None)
    _do(hall, "withdraw", ticket="pbx1-2.2", queue="metering")
    assert hall.exchange.told == [], "he waits in another queue by now"
    assert hall.queue.withdraw("pbx1-2.2", hall.now, "general")
    assert hall.queue.move("pbx1-2.2", "metering", hall.now, "general"), "by somebody else"
    _do(hall, "withdraw", ticket="pbx1-2.2", queue="general")
    assert hall.exchange.told == [("pbx1-2.2", "withdrawn")]
    assert hall.ticket("pbx1-2.2").state == "away", "his place is kept while he decides"


@pytest.mark.parametrize("priority", ["danger", "priority_site"])
def test_who_comes_first_waits_on(hall: Hall, priority: str) -> None:
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None, priority=priority)
    _do(hall, "withdraw", ticket="pbx1-2.2", queue="general")
    assert ("pbx1-2.2", "withdrawn") not in hall.exchange.told
    assert hall.ticket("pbx1-2.2").state == "waiting"


def test_who_cannot_be_told_waits_on_and_is_told_later(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller("pbx1-2.2", number=None)
    hall.exchange.fall("pbx1")
    assert hall.queue.withdraw("pbx1-2.2", hall.now, "general")
    _do(hall, "withdraw", ticket="pbx1-2.2", queue="general")
    assert hall.ticket("pbx1-2.2").state == "waiting"
    hall.exchange.down.clear()
    hall.pass_(5)
    assert ("pbx1-2.2", "withdrawn") in hall.exchange.told


def test_to_an_outside_number_that_is_allowed(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    _do(hall, "send_out", ticket="pbx1-1.1", number="067 111 00 09")
    assert hall.exchange.sent_out == [("pbx1-1.1", "+380671110009")]
    assert hall.state() == "wrap_up"
    assert hall.kinds()[-1] == "transferred"


@pytest.mark.parametrize("number", ["+380900123456", "+12025550123", "call me", "1,2", ""])
def test_to_no_other(hall: Hall, number: str) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    _do(hall, "send_out", ticket="pbx1-1.1", number=number)
    assert hall.exchange.sent_out == []
    assert hall.state() == "talking"
    (entry,) = hall.rows(Audit)
    assert (entry.what, entry.allowed, entry.call) == ("transfer", False, "pbx1-1.1")


@pytest.mark.parametrize(
    "order",
    [
        {"do": "dance"}, {}, {"do": "tell"}, {"do": "tell", "ticket": "nobody", "outcome": "x"},
        {"do": "call_back", "callback": "many"}, {"do": "call_back", "callback": 4711},
        {"do": "admit_phone", "company": "odesa", "operator": "olena", "until": "never"},
        {"do": "send_out", "ticket": "nobody", "number": "+380671110009"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(hall: Hall, order: dict[str, object]) -> None:
    hall.queue.send(order)
    hall.queue.send({"do": "dismiss_phone", "company": "odesa", "operator": "olena"})
    hall.matchmaker.step()
    hall.operator()
    hall.caller()
    assert hall.exchange.last.ticket.id == "pbx1-1.1"


def test_an_exchange_that_is_away_gets_it_when_it_is_back(hall: Hall) -> None:
    hall.exchange.fall("pbx1")
    _do(hall, "admit_phone", company="odesa", operator="olena", digest="d", until=hall.now + 60)
    hall.pass_(10)
    hall.exchange.down.clear()
    hall.pass_(2)
    assert hall.exchange.phones == {"op-olena": "d"}


def test_but_not_for_ever(hall: Hall) -> None:
    hall.exchange.fall("pbx1")
    _do(hall, "admit_phone", company="odesa", operator="olena", digest="d", until=hall.now + 60)
    hall.pass_(40)
    hall.exchange.down.clear()
    hall.pass_(5)
    assert hall.exchange.phones == {}
