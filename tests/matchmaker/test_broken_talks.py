"""The operator vanishes in the middle of a talk, and comes back or not."""

from matching import Hall

from ivr.store.models import Conversation


def _talking(hall: Hall) -> str:
    hall.operator()
    hall.caller()
    token = hall.answer()
    hall.pass_(60)
    return token


def _vanish(hall: Hall) -> None:
    """His tab is killed; the dialplan leads the caller to his flow and back into the wait."""
    hall.matchmaker.phone_lost("op-olena", "pbx1")
    hall.matchmaker.dropped("pbx1-1.1")
    hall.matchmaker.step()
    hall.queue.enter(hall.ticket("pbx1-1.1"), hall.now)
    hall.exchange.stand("pbx1-1.1")
    hall.matchmaker.waiting("pbx1-1.1", "pbx1", "PJSIP/pbx1-1.1")


def test_back_in_time_the_same_two_talk_on(hall: Hall) -> None:
    first = _talking(hall)
    _vanish(hall)
    assert hall.ticket("pbx1-1.1").state == "broken"
    hall.pass_(15)
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.matchmaker.step()
    assert hall.exchange.last.offer.back
    assert hall.exchange.last.operator.name == "olena"
    second = hall.answer()
    assert second != first
    rows = hall.rows(Conversation)
    assert [row.interrupted for row in rows] == [True, False]
    assert [row.ended_at is None for row in rows] == [False, True]
    assert hall.kinds() == ["offered", "answered", "dropped", "returned", "offered", "answered"]


def test_too_late_somebody_else_takes_the_head_of_the_queue(hall: Hall) -> None:
    _talking(hall)
    _vanish(hall)
    hall.operator("taras", skills={"general": 1})
    hall.caller("pbx1-2.2", number=None)
    assert hall.exchange.last.ticket.id == "pbx1-2.2"
    hall.matchmaker.unanswered(hall.exchange.last.offer.token, "no_answer")
    hall.pass_(25)
    hall.queue.set_status("odesa", "taras", "ready", hall.now)
    hall.matchmaker.step()
    assert hall.exchange.last.ticket.id == "pbx1-1.1"
    assert hall.exchange.last.operator.name == "taras"
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.matchmaker.step()
    assert hall.exchange.last.ticket.id == "pbx1-2.2"


def test_a_tab_that_was_back_before_the_silence_was_noticed(hall: Hall) -> None:
    _talking(hall)
    hall.matchmaker.phone_lost("op-olena", "pbx1")
    hall.pass_(1)
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.pass_(1)
    hall.matchmaker.dropped("pbx1-1.1")
    hall.matchmaker.step()
    assert hall.exchange.last.offer.back
    hall.answer()
    assert hall.state() == "talking"


def test_a_drop_that_only_the_worker_reported(hall: Hall) -> None:
    _talking(hall)
    hall.queue.dropped("pbx1-1.1", hall.now)
    hall.matchmaker.step()
    assert hall.conversation().interrupted
    assert hall.kinds().count("dropped") == 1


def test_the_caller_hangs_up_while_he_waits_for_the_operator(hall: Hall) -> None:
    _talking(hall)
    _vanish(hall)
    hall.matchmaker.gone("pbx1-1.1")
    hall.pass_(25)
    assert hall.ticket("pbx1-1.1").state == "done"
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.matchmaker.step()
    assert hall.state() == "idle"
    assert len(hall.exchange.ringing) == 1


def test_passed_on_to_another_queue(hall: Hall) -> None:
    _talking(hall)
    hall.operator("taras", skills={"metering": 3})
    hall.queue.transfer("pbx1-1.1", hall.now, queue="metering")
    hall.queue.send({"do": "tell", "ticket": "pbx1-1.1", "outcome": "transferred"})
    hall.matchmaker.step()
    assert hall.exchange.told == [("pbx1-1.1", "transferred")]
    assert hall.details("transferred")["queue"] == "metering"
    assert hall.exchange.last.operator.name == "taras"
    hall.answer()
    assert [row.operator for row in hall.rows(Conversation)] == ["olena", "taras"]
    assert hall.rows(Conversation)[0].ended_at is not None


def test_passed_on_to_somebody_who_is_free_at_once(hall: Hall) -> None:
    _talking(hall)
    hall.operator("taras", skills={"metering": 3})
    hall.queue.transfer("pbx1-1.1", hall.now, queue="metering")
    hall.matchmaker.step()
    assert hall.exchange.last.operator.name == "taras"
    hall.queue.send({"do": "tell", "ticket": "pbx1-1.1", "outcome": "transferred"})
    hall.matchmaker.step()
    assert hall.exchange.told == []


def test_the_one_consulted_keeps_the_caller(hall: Hall) -> None:
    _talking(hall)
    hall.operator("taras")
    assert hall.queue.consult("odesa", "olena", "taras", "talk-1", hall.now)
    assert hall.queue.consulted("talk-1", hall.now, "pbx1-1.1")
    hall.matchmaker.step()
    assert [row.operator for row in hall.rows(Conversation)] == ["olena", "taras"]
    assert hall.state("taras") == "talking"
    assert hall.state("olena") == "wrap_up"
