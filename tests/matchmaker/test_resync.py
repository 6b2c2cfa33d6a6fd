"""Matchmaker, exchange or queue were away: what is true afterwards."""

from matching import Hall

from ivr.store.models import Callback, Conversation


def _killed(hall: Hall, seconds: float = 4.0) -> None:
    """The matchmaker dies; another one acts some seconds later."""
    hall.matchmaker.close()
    hall.clock.pass_(seconds)
    hall.matchmaker = hall.another()
    hall.matchmaker.lead()
    hall.matchmaker.step()


def test_waiting_callers_keep_their_places(hall: Hall) -> None:
    hall.caller("pbx1-1.1")
    hall.caller("pbx1-2.2", number=None)
    _killed(hall)
    assert [ticket.id for ticket in hall.queue.waiting("odesa")] == ["pbx1-1.1", "pbx1-2.2"]
    assert hall.exchange.told == []
    hall.operator()
    assert hall.exchange.last.ticket.id == "pbx1-1.1"


def test_killed_before_he_was_told_that_his_wait_is_over(hall: Hall) -> None:
    hall.caller()
    assert hall.queue.withdraw("pbx1-1.1", hall.now, "general")
    _killed(hall)
    assert hall.ticket("pbx1-1.1").state == "waiting", "he hears music, so he waits"


def test_killed_between_the_claim_and_the_ringing(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller()
    hall.queue.set_status("odesa", "olena", "ready", hall.now)
    (offer,) = hall.queue.offers()
    hall.queue.ring(offer.token, hall.now)  # and dead
    _killed(hall)
    assert hall.exchange.last.offer.token == offer.token
    hall.answer()
    assert hall.conversation().operator == "olena"


def test_answered_while_nobody_listened(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    last = hall.exchange.last
    hall.exchange.stand("pbx1-1.1", "operator", token=last.offer.token)
    _killed(hall)
    assert hall.ticket("pbx1-1.1").state == "talking"
    assert hall.conversation().token == last.offer.token


def test_answered_but_not_filed(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    last = hall.exchange.last
    hall.exchange.stand("pbx1-1.1", "operator", token=last.offer.token)
    hall.queue.answered(last.offer.token, hall.now)
    _killed(hall)
    assert hall.conversation().token == last.offer.token


def test_talk_ended_while_nobody_listened(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    del hall.exchange.live["pbx1-1.1"]
    _killed(hall)
    assert hall.ticket("pbx1-1.1").outcome == "answered"
    assert hall.state() == "wrap_up"
    assert hall.conversation().ended_at == hall.clock()


def test_ended_in_the_queue_and_not_filed(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.answer()
    hall.matchmaker.leading = False
    hall.pass_(30)
    hall.queue.ended("pbx1-1.1", hall.now)
    at = hall.clock()
    _killed(hall)
    assert hall.conversation().ended_at == at


def test_hung_up_while_nobody_listened(hall: Hall) -> None:
    hall.caller()
    hall.exchange.live.clear()
    _killed(hall)
    assert hall.ticket("pbx1-1.1").outcome == "abandoned"
    assert "ended" not in hall.kinds(), "a worker knows why"
    assert hall.rows(Callback) == []


def test_a_dead_exchange_s_callers_are_called_back_once(hall: Hall) -> None:
    hall.operator()
    hall.caller("pbx1-0.0", number="+380671110005")
    hall.answer()
    hall.caller("pbx1-1.1")
    entered = hall.ticket("pbx1-1.1").entered
    hall.caller("pbx1-2.2", number=None)
    hall.caller("pbx1-3.3", number="+380900111222")
    hall.pass_(30)
    hall.exchange.die("pbx1", again=hall.now)
    for _ in range(3):
        hall.matchmaker.resync()
        hall.pass_(3)
    assert [row.number for row in hall.rows(Callback)] == ["+380671110001"]
    assert hall.rows(Callback)[0].entered_at.timestamp() == entered
    for call in ("pbx1-1.1", "pbx1-2.2", "pbx1-3.3"):
        assert hall.ticket(call).outcome == "abandoned"
    assert hall.ticket("pbx1-0.0").outcome == "answered"
    for call in ("pbx1-0.0", "pbx1-1.1", "pbx1-2.2", "pbx1-3.3"):
        assert hall.kinds(call).count("ended") == 1
    assert hall.details("ended") == {"reason": "exchange_lost"}


def test_nothing_is_concluded_about_an_exchange_that_does_not_answer(hall: Hall) -> None:
    hall.caller()
    hall.exchange.fall("pbx1")
    _killed(hall)
    assert hall.ticket("pbx1-1.1").state == "waiting"


def test_an_unknown_caller_in_the_wait_enters_again(hall: Hall) -> None:
    hall.exchange.stand("pbx1-7.7")
    hall.matchmaker.resync()
    hall.matchmaker.step()
    assert hall.exchange.told == [("pbx1-7.7", "announce")]


def test_one_whose_ticket_is_closed_for_good_is_led_elsewhere(hall: Hall) -> None:
    hall.caller()
    hall.queue.leave("pbx1-1.1", "abandoned", hall.now)
    hall.matchmaker.waiting("pbx1-1.1", "pbx1", "PJSIP/pbx1-1.1")
    assert hall.exchange.told == [("pbx1-1.1", "unavailable")]


def test_a_caller_who_is_in_the_ring_group_waits_no_more(hall: Hall) -> None:
    hall.caller()
    hall.exchange.stand("pbx1-1.1", "other")
    _killed(hall)
    assert hall.ticket("pbx1-1.1").outcome == "deflected"


def test_what_changed_a_moment_ago_is_looked_at_again(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.exchange.last.offer.token
    hall.exchange.stand("pbx1-1.1", "operator", token=token)
    hall.matchmaker.resync()
    hall.matchmaker.step()
    assert hall.ticket("pbx1-1.1").state == "ringing"
    hall.pass_(3)
    assert hall.ticket("pbx1-1.1").state == "talking"


def test_a_telephone_that_was_found_while_nobody_led(hall: Hall) -> None:
    hall.operator(endpoint="", node="")
    hall.matchmaker.stand_down()
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.caller()
    hall.matchmaker.lead()
    hall.matchmaker.step()
    assert hall.exchange.last.operator.endpoint == "op-olena"


def test_who_does_not_lead_does_nothing(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.exchange.last.offer.token
    standby = hall.another()
    standby.stand_down()
    standby.answered(token)
    standby.unanswered(token, "no_answer")
    standby.gone("pbx1-1.1")
    assert hall.ticket("pbx1-1.1").state == "ringing"
    standby.close()


def test_two_who_lead_for_a_moment_write_once(hall: Hall) -> None:
    other = hall.another()
    hall.operator()
    hall.caller()
    other.step()
    token = hall.exchange.last.offer.token
    assert len(hall.exchange.ringing) == 1
    for each in (hall.matchmaker, other):
        each.answered(token)
        each.step()
    hall.queue.dropped("pbx1-1.1", hall.now)
    for each in (hall.matchmaker, other):
        each.step()
    assert len(hall.rows(Conversation)) == 1
    assert hall.kinds().count("answered") == 1
    assert hall.kinds().count("dropped") == 1
    other.close()
