"""From the offer to the end of the wrap-up, and what may go wrong on the way."""

from matching import Hall

from ivr.matchmaker.means import moment
from ivr.store.models import Callback, Conversation


def test_offer_connect_answer_end_wrap_up(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    assert hall.exchange.last.operator.endpoint == "op-olena"
    assert hall.ticket("pbx1-1.1").state == "ringing"

    token = hall.answer()
    row = hall.conversation()
    assert (row.token, row.operator, row.queue, row.call) == (
        token, "olena", "general", "pbx1-1.1",
    )  # fmt: skip
    assert row.recording == hall.exchange.last.recording != ""
    assert hall.state() == "talking"

    hall.pass_(90)
    hall.queue.ended("pbx1-1.1", hall.now)
    hall.matchmaker.step()
    assert hall.conversation().ended_at == hall.clock()
    assert hall.state() == "wrap_up"
    hall.pass_(31)
    assert hall.state() == "idle"
    assert hall.kinds() == ["offered", "answered"]


def test_the_log_tells_how_long_he_waited_and_what_he_was_told(hall: Hall) -> None:
    hall.caller()
    hall.queue.promise("pbx1-1.1", 120.0, hall.now)
    told_at = hall.now
    hall.pass_(40)
    hall.operator()
    hall.answer()
    details = hall.details("answered")
    assert details["waited"] == 40.0
    assert (details["told"], details["told_at"]) == (120.0, told_at)
    assert details["operator"] == "olena"


def test_who_is_taken_over_has_waited_as_long_as_before(hall: Hall) -> None:
    """His first answer ended the wait; he leaves the one operator before the other has him."""
    hall.caller()
    hall.pass_(6)
    hall.operator()
    hall.answer()
    hall.pass_(480)
    hall.operator("vira", status="paused")
    assert hall.queue.take_over("pbx1-1.1", "vira", "odesa.secret.pbx1-1.1", hall.now)
    hall.pass_(2)
    told = [each for each in hall.log.entries if each.kind in ("answered", "transferred")]
    assert [(each.kind, each.details["operator"]) for each in told] == [
        ("answered", "olena"), ("transferred", "olena"), ("answered", "vira"),
    ]  # fmt: skip
    assert [each.details["waited"] for each in told if each.kind == "answered"] == [6.0, 6.0]
    assert told[1].at == told[2].at == moment(hall.ticket("pbx1-1.1").since)


def test_reports_that_come_twice_change_nothing(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.answer()
    hall.matchmaker.answered(token)
    hall.matchmaker.unanswered(token, "no_answer")
    assert hall.ticket("pbx1-1.1").state == "talking"
    hall.matchmaker.dropped("pbx1-1.1")
    hall.matchmaker.dropped("pbx1-1.1")
    hall.matchmaker.answered(token)
    hall.matchmaker.step()
    assert hall.kinds() == ["offered", "answered", "dropped"]
    assert hall.conversation().interrupted


def test_no_answer_pauses_the_operator_and_the_next_one_is_rung(hall: Hall) -> None:
    hall.operator()
    hall.operator("taras", skills={"general": 1})
    hall.caller()
    hall.matchmaker.unanswered(hall.exchange.last.offer.token, "no_answer")
    hall.matchmaker.step()
    assert hall.exchange.last.operator.name == "taras"
    first = hall.queue.operator("odesa", "olena")
    assert first is not None and (first.status, first.reason) == ("paused", "no_answer")
    assert hall.details("unanswered")["why"] == "no_answer"
    assert hall.ticket("pbx1-1.1").entered == moment(hall.now).timestamp()


def test_a_worker_that_was_quicker_with_no_answer_is_logged_once(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.exchange.last.offer.token
    hall.queue.unanswered(token, hall.now)  # the dialplan's way, through a worker
    hall.matchmaker.unanswered(token, "declined")
    hall.matchmaker.step()
    assert hall.kinds().count("unanswered") == 1


def test_a_caller_who_hangs_up_while_the_telephone_rings(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    hall.matchmaker.gone("pbx1-1.1")
    hall.matchmaker.gone("pbx1-1.1")
    hall.matchmaker.step()
    assert hall.state() == "idle"
    assert hall.details("unanswered")["why"] == "gone"
    assert hall.ticket("pbx1-1.1").outcome == "abandoned"
    hall.matchmaker.answered(hall.exchange.last.offer.token)
    assert hall.rows(Conversation) == []


def test_who_hung_up_before_the_step_is_not_rung_for(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.caller()
    hall.queue.set_status("odesa", "olena", "ready", hall.now)
    hall.queue.leave("pbx1-1.1", "abandoned", hall.now)
    hall.matchmaker.step()
    assert hall.exchange.ringing == []


def test_an_operator_without_a_telephone_is_not_rung(hall: Hall) -> None:
    hall.operator("ghost", endpoint="", skills={"general": 5})
    hall.operator("taras")
    hall.caller()
    hall.matchmaker.step()
    assert [ringing.operator.name for ringing in hall.exchange.ringing] == ["taras"]
    assert hall.state("ghost") == "disconnected"


def test_a_lost_telephone_gets_no_offer_until_it_is_back(hall: Hall) -> None:
    hall.operator()
    hall.matchmaker.phone_lost("op-olena", "pbx1")
    hall.caller()
    assert hall.exchange.ringing == []
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.matchmaker.step()
    assert hall.exchange.last.operator.name == "olena"


def test_a_telephone_that_moved_to_another_exchange(hall: Hall) -> None:
    hall.exchange.started["pbx2"] = 1.0
    hall.operator()
    hall.matchmaker.phone_found("op-olena", "pbx2")
    hall.matchmaker.phone_lost("op-olena", "pbx1")
    hall.caller()
    assert hall.exchange.last.operator.node == "pbx2"


def test_an_exchange_that_is_away_is_given_no_call(hall: Hall) -> None:
    hall.operator()
    hall.exchange.fall("pbx1")
    hall.caller()
    assert hall.exchange.ringing == []
    assert hall.ticket("pbx1-1.1").state == "offered"
    hall.pass_(6)
    hall.exchange.down.clear()
    hall.matchmaker.step()
    assert hall.exchange.last.ticket.id == "pbx1-1.1"


def test_no_recording_for_who_refused_it(hall: Hall) -> None:
    hall.operator()
    hall.caller(context={"unrecorded": True})
    hall.answer()
    assert hall.exchange.last.recording == ""
    row = hall.conversation()
    assert row.unrecorded and row.recording is None


def test_the_account_the_flow_found_is_filed_with_the_conversation(hall: Hall) -> None:
    hall.operator()
    hall.caller(context={"account": "100200301"})
    hall.answer()
    assert hall.conversation().account_id is not None


def test_who_rang_himself_need_not_be_called_back(hall: Hall) -> None:
    hall.due_callback("+380671110001")
    hall.operator(status="paused")
    hall.caller()
    hall.pass_(6)
    assert hall.ticket("callback-1").outcome == "deflected"
    hall.queue.set_status("odesa", "olena", "ready", hall.now)
    hall.matchmaker.step()
    hall.answer()
    (row,) = hall.rows(Callback)
    assert (row.state, row.live) == ("resumed", None)


def test_what_cannot_be_sent_to_the_exchange_stops_nobody_else(hall: Hall) -> None:
    hall.exchange.unsendable.add("op-bad")
    hall.operator("bad", skills={"general": 5}, endpoint="op-bad")
    hall.operator("olena")
    hall.caller()
    hall.matchmaker.step()
    assert hall.exchange.last.operator.name == "olena"
    assert hall.state("bad") == "disconnected"


def test_the_exchange_knows_better_where_a_telephone_is(hall: Hall) -> None:
    hall.exchange.started["pbx2"] = 1.0
    hall.operator()
    hall.matchmaker.phone_found("op-olena", "pbx2")
    hall.operator()  # the desk signs in anew, with the node it stands next to
    hall.caller()
    assert hall.exchange.last.operator.node == "pbx2"


def test_a_lost_telephone_is_not_rung_though_the_desk_is_back(hall: Hall) -> None:
    hall.operator(status="paused")
    hall.matchmaker.phone_lost("op-olena", "pbx1")
    hall.operator()
    hall.caller()
    assert hall.exchange.ringing == []
    assert hall.state() == "disconnected"
    hall.matchmaker.phone_found("op-olena", "pbx1")
    hall.matchmaker.step()
    assert len(hall.exchange.ringing) == 1
