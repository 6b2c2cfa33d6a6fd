"""Somebody in danger whom no operator answers: to the dispatcher's telephone, and back."""

from dataclasses import replace

import pytest
from matching import Hall

from ivr.agent_queue.model import Operator, Ticket
from ivr.terms import Contacts, DangerTerms

CALL = "pbx1-1.1"
NUMBER = "+380487059091"


def _caller(hall: Hall, name: str = CALL, **fields: object) -> Ticket:
    return hall.caller(name, **{"queue": "danger", "priority": "danger", "number": None, **fields})


def _said(hall: Hall, name: str = CALL) -> None:
    """His flow has said it, and he stands in the wait again."""
    known = hall.ticket(name)
    context = {"outside": "dispatcher", "outside_count": known.context.get("outside_count", 0) + 1}
    hall.exchange.stand(name)
    hall.queue.enter(replace(known, context=context), hall.now)
    hall.matchmaker.waiting(name, "pbx1", known.leg)
    hall.matchmaker.step()


def _back(hall: Hall, name: str = CALL) -> None:
    """The dispatcher did not answer; his flow has said it."""
    known = hall.ticket(name)
    hall.exchange.stand(name)
    context = {"outside_count": known.context["outside_count"]}
    hall.queue.enter(replace(known, context=context), hall.now)
    hall.matchmaker.waiting(name, "pbx1", known.leg)
    hall.matchmaker.step()


def _operator(hall: Hall) -> None:
    hall.queue.sign_in(
        Operator("taras", "odesa", skills={"danger": 3}, endpoint="op-taras", node="pbx1"), hall.now
    )
    hall.queue.set_status("odesa", "taras", "ready", hall.now)
    hall.matchmaker.step()


def _terms(hall: Hall, dispatcher: str = NUMBER, **danger: float) -> None:
    odesa = hall.companies["odesa"]
    terms = replace(
        odesa.terms, contacts=Contacts(dispatcher=dispatcher), danger=DangerTerms(**danger)
    )
    hall.companies["odesa"] = replace(odesa, terms=terms)
    hall.matchmaker.close()
    hall.matchmaker = hall.another()


def test_after_twenty_seconds(hall: Hall) -> None:
    _caller(hall)
    hall.pass_(19)
    assert hall.exchange.told == []
    hall.pass_(1)
    assert hall.exchange.told == [(CALL, "overdue")]
    hall.pass_(3)
    _said(hall)
    assert hall.exchange.sent_out == [(CALL, NUMBER)]
    assert hall.details("sent_out")["to"] == "dispatcher"
    assert hall.ticket(CALL).state == "waiting"


def test_the_dispatcher_answers(hall: Hall) -> None:
    _caller(hall)
    _said(hall)
    hall.matchmaker.outside(CALL)
    hall.matchmaker.outside(CALL)  # told twice
    assert (hall.ticket(CALL).state, hall.ticket(CALL).outcome) == ("done", "deflected")
    assert hall.kinds(CALL).count("put_through") == 1
    _operator(hall)
    hall.pass_(120)
    assert hall.exchange.ringing == []
    assert len(hall.exchange.sent_out) == 1


def test_he_does_not_and_rings_again_once_a_minute(hall: Hall) -> None:
    _caller(hall)
    began = hall.now
    times = []
    for _ in range(400):
        told, out = len(hall.exchange.told), len(hall.exchange.sent_out)
        hall.pass_(1)
        if len(hall.exchange.told) > told:
            _said(hall)
        if len(hall.exchange.sent_out) > out:
            times.append(hall.now - began)
            _back(hall)
    assert times[0] <= 25
    assert len(times) <= 7
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert min(gaps) >= 60
    assert max(gaps) <= 70
    assert hall.ticket(CALL).state == "waiting"


def test_an_operator_who_is_free_first_gets_him(hall: Hall) -> None:
    _caller(hall)
    _said(hall)
    assert hall.exchange.live[CALL].where == "outside"
    _operator(hall)
    assert hall.exchange.last.ticket.id == CALL
    hall.matchmaker.outside(CALL)  # too late: his telephone was taken from the dispatcher's
    hall.answer()
    assert hall.ticket(CALL).state == "talking"


def test_an_operator_whose_offer_comes_as_the_dispatcher_answers(hall: Hall) -> None:
    _caller(hall)
    _said(hall)
    hall.matchmaker.leading = False
    _operator(hall)
    hall.matchmaker.leading = True
    token = hall.ticket(CALL).token
    if hall.ticket(CALL).state == "offered":
        hall.matchmaker.outside(CALL)
        assert hall.ticket(CALL).outcome == "deflected"
        assert hall.queue.ring(token, hall.now) is None


def test_who_hangs_up_while_it_rings_is_gone(hall: Hall) -> None:
    _caller(hall)
    _said(hall)
    hall.matchmaker.gone(CALL)
    hall.exchange.live.pop(CALL)
    hall.pass_(120)
    assert hall.ticket(CALL).outcome == "abandoned"
    assert len(hall.exchange.sent_out) == 1


def test_a_company_without_a_number(hall: Hall) -> None:
    _terms(hall, dispatcher="")
    _caller(hall)
    hall.pass_(120)
    assert hall.exchange.told == []
    assert hall.exchange.sent_out == []


def test_its_own_seconds(hall: Hall) -> None:
    _terms(hall, after=5, again=10)
    _caller(hall)
    hall.pass_(6)
    assert hall.exchange.told == [(CALL, "overdue")]
    _said(hall)
    assert hall.exchange.sent_out


def test_other_queues_wait(hall: Hall) -> None:
    hall.caller("pbx1-2.2", queue="outage", priority="priority_site")
    hall.pass_(60)
    assert hall.exchange.told == []


def test_a_hospital_that_was_led_there_while_nobody_was_signed_in(hall: Hall) -> None:
    hospital = {"queue": "outage", "priority": "priority_site"}
    _caller(hall, **hospital, context={"outside": "dispatcher", "outside_count": 1})
    hall.matchmaker.waiting(CALL, "pbx1", "leg")
    hall.matchmaker.step()
    assert hall.exchange.sent_out == [(CALL, NUMBER)]
    hall.pass_(30)
    _back(hall)
    hall.pass_(40)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_in_danger_by_priority_wherever_he_waits(hall: Hall) -> None:
    _caller(hall, queue="outage")
    hall.pass_(21)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_who_does_not_stand_in_the_wait_is_left_alone(hall: Hall) -> None:
    _caller(hall)
    hall.exchange.stand(CALL, "flow")  # he still hears words
    hall.pass_(30)
    assert hall.exchange.told == []
    hall.exchange.stand(CALL)
    hall.pass_(2)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_he_is_told_once_though_his_flow_is_slow(hall: Hall) -> None:
    _caller(hall)
    hall.pass_(24)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_another_matchmaker_dials_what_the_first_one_said(hall: Hall) -> None:
    _caller(hall)
    hall.pass_(20)
    known = hall.ticket(CALL)
    hall.matchmaker.close()
    hall.matchmaker = hall.another()
    hall.exchange.stand(CALL)
    context = {"outside": "dispatcher", "outside_count": 1}
    hall.queue.enter(replace(known, context=context), hall.now)
    hall.pass_(6)
    assert hall.exchange.sent_out == [(CALL, NUMBER)]
    hall.pass_(30)
    assert len(hall.exchange.sent_out) == 1, "he hears it ring"


def test_another_matchmaker_does_not_ring_again_at_once(hall: Hall) -> None:
    _caller(hall)
    _said(hall)
    _back(hall)
    hall.matchmaker.close()
    hall.matchmaker = hall.another()
    hall.pass_(55)
    assert hall.exchange.told == []
    hall.pass_(10)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_a_telephone_that_cannot_be_dialled_is_not_dialled_for_ever(hall: Hall) -> None:
    _caller(hall)
    _said(hall)
    for _ in range(30):
        hall.exchange.stand(CALL)  # the exchange lets him stand again, and says nothing
        hall.pass_(1)
    assert len(hall.exchange.sent_out) == 1
    assert (CALL, "unavailable") in hall.exchange.told


def test_a_number_that_is_no_longer_allowed(hall: Hall) -> None:
    _terms(hall, dispatcher="+74951234567")
    _caller(hall)
    _said(hall)
    assert hall.exchange.sent_out == []
    assert hall.exchange.told == [(CALL, "unavailable")]


def test_an_exchange_that_is_away_for_a_while(hall: Hall) -> None:
    _caller(hall)
    hall.pass_(15)
    hall.exchange.fall("pbx1")
    hall.pass_(20)
    assert hall.exchange.told == []
    hall.exchange.down.clear()
    hall.matchmaker.resync()
    hall.pass_(3)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_a_queue_that_is_away_for_a_while(hall: Hall) -> None:
    _caller(hall)
    hall.pass_(15)
    hall.queue.away_now = True
    hall.pass_(10)
    hall.queue.away_now = False
    hall.pass_(3)
    assert hall.exchange.told == [(CALL, "overdue")]


@pytest.mark.parametrize("talking", [True, False])
def test_a_resync_knows_who_talks_to_the_dispatcher(hall: Hall, talking: bool) -> None:
    _caller(hall)
    _said(hall)
    hall.exchange.live[CALL] = replace(hall.exchange.live[CALL], talking=talking)
    hall.pass_(5)
    hall.matchmaker.resync()
    hall.pass_(3)
    assert hall.ticket(CALL).outcome == ("deflected" if talking else "")


def test_no_announcements_besides(hall: Hall) -> None:
    _caller(hall, "pbx1-2.2")
    _caller(hall)
    hall.queue.leave("pbx1-2.2", "abandoned", hall.now)
    hall.pass_(19)
    assert hall.exchange.told == []


def test_many_at_once(hall: Hall) -> None:
    for number in range(40):
        _caller(hall, f"pbx1-1.{number}")
    hall.pass_(20)
    assert len(hall.exchange.told) == 40
    assert {word for _, word in hall.exchange.told} == {"overdue"}


def test_a_call_that_an_operator_raised_is_in_the_log(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.queue.raise_to(CALL, "priority_site", hall.now)
    hall.queue.send({"do": "raised", "ticket": CALL, "operator": "olena", "reason": "ШВЛ"})
    hall.matchmaker.step()
    assert hall.details("raised") == {
        "operator": "olena", "reason": "ШВЛ", "priority": "priority_site",
    }  # fmt: skip


# ---------------------------------------------------------------------- somebody is ready


def _silent(hall: Hall) -> None:
    """The telephone that rings is given up; the caller hears so and stands again."""
    hall.matchmaker.unanswered(hall.exchange.last.offer.token, "no_answer")
    hall.exchange.stand(CALL)
    hall.queue.enter(hall.ticket(CALL), hall.now)
    hall.matchmaker.waiting(CALL, "pbx1", "leg")
    hall.matchmaker.step()


def _ready(hall: Hall, count: int) -> None:
    for number in range(count):
        hall.operator(f"op{number}", skills={"danger": 3})


def test_others_who_are_ready_do_not_keep_him_from_the_dispatcher(hall: Hall) -> None:
    _ready(hall, 5)
    _caller(hall)
    hall.pass_(10)
    _silent(hall)
    hall.pass_(10)
    assert len(hall.exchange.ringing) == 2
    _silent(hall)
    hall.pass_(5)
    assert (CALL, "overdue") in hall.exchange.told
    _said(hall)
    assert hall.exchange.sent_out == [(CALL, NUMBER)]
    assert len(hall.exchange.ringing) == 2, "nobody's telephone takes him from there"
    assert hall.ticket(CALL).operator == ""
    assert {hall.state(f"op{number}") for number in range(2, 5)} == {"idle"}
    hall.matchmaker.outside(CALL)
    assert hall.ticket(CALL).outcome == "deflected"


def test_they_are_rung_again_when_the_dispatcher_has_not_answered(hall: Hall) -> None:
    _ready(hall, 4)
    _caller(hall)
    for _ in range(2):
        hall.pass_(10)
        _silent(hall)
    hall.pass_(5)
    _said(hall)
    hall.pass_(30)
    _back(hall)
    assert len(hall.exchange.ringing) == 3
    hall.answer()
    assert hall.ticket(CALL).state == "talking"


def test_a_telephone_rings_no_longer_than_until_it_is_time(hall: Hall) -> None:
    overdue = hall.matchmaker._overdue
    _ready(hall, 2)
    _caller(hall)
    assert overdue.ring(hall.ticket(CALL), hall.now, 10.0) == 10.0
    hall.pass_(12)
    _silent(hall)
    assert overdue.ring(hall.ticket(CALL), hall.now, 10.0) == 8.0
    hall.pass_(8)
    assert overdue.ring(hall.ticket(CALL), hall.now, 10.0) == 5.0


def test_in_other_queues_it_rings_as_ever(hall: Hall) -> None:
    hall.caller(entered=hall.now - 300)
    assert hall.matchmaker._overdue.ring(hall.ticket(CALL), hall.now, 20.0) == 20.0


def test_after_a_talk_that_broke_off(hall: Hall) -> None:
    _ready(hall, 2)
    _caller(hall)
    hall.answer()
    hall.pass_(30)
    hall.matchmaker.dropped(CALL)
    hall.exchange.stand(CALL)
    hall.pass_(19)
    assert hall.exchange.told == []
    hall.pass_(7)
    assert hall.exchange.told == [(CALL, "overdue")]


def test_who_comes_back_in_time_goes_on_with_him(hall: Hall) -> None:
    _ready(hall, 1)
    _caller(hall)
    hall.answer()
    hall.pass_(30)
    hall.matchmaker.dropped(CALL)
    hall.exchange.stand(CALL)
    hall.pass_(10)
    hall.matchmaker.phone_found("op-op0", "pbx1")
    hall.pass_(3)
    assert hall.exchange.told == []
    assert hall.exchange.last.ticket.id == CALL
