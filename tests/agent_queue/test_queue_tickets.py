"""What becomes of a ticket: entering again, away, leaving, redial, hold."""

from __future__ import annotations

import pytest

from ivr.agent_queue.model import OUTCOMES

COMPANY = "odesa"


def test_a_ticket_is_offered_at_once_if_somebody_is_free(scene):
    scene.sign_in("olena")
    ticket = scene.enter("a")
    offer = scene.offer("a")
    assert (ticket.state, ticket.operator, ticket.token) == ("offered", "olena", offer.token)
    assert (offer.company, offer.until, offer.back) == (COMPANY, scene.now + 5, False)
    operator = scene.operator("olena")
    assert (operator.state, operator.ticket, operator.token) == ("offered", "a", offer.token)


def test_a_token_names_company_and_ticket_and_cannot_be_guessed(scene):
    scene.sign_in("olena")
    scene.enter("pbx1-1700000000.12")
    company, secret, ticket = scene.offer("pbx1-1700000000.12").token.split(".", 2)
    assert (company, ticket) == (COMPANY, "pbx1-1700000000.12")
    assert len(secret) == 40


# ---------------------------------------------------------------------- entering again


def test_entering_again_keeps_the_place_and_renews_what_people_read(scene):
    scene.enter("a", leg="old", context={"n": 1})
    scene.wait(10)
    ticket = scene.enter("a", leg="new", node="pbx2", language="en", context={"n": 2})
    assert (ticket.entered, ticket.since) == (scene.now - 10, scene.now - 10)
    assert (ticket.leg, ticket.node, ticket.language) == ("new", "pbx2", "en")
    assert ticket.context == {"n": 2}


def test_another_queue_moves_a_waiting_ticket(scene):
    scene.enter("a")
    scene.wait(10)
    assert scene.enter("a", "metering").entered == scene.now - 10
    scene.sign_in("olena", {"general": 5})
    assert scene.state("a") == "waiting"
    scene.sign_in("ivan", {"metering": 5})
    assert scene.of("a") == ("offered", "ivan")


def test_another_queue_takes_an_offer_back(scene):
    scene.sign_in("olena", {"general": 5})
    scene.enter("a")
    scene.enter("a", "metering")
    assert scene.of("a") == ("waiting", "")
    assert scene.does("olena") == ("ready", "idle")


@pytest.mark.parametrize(("new", "kept"), [("danger", "danger"), ("normal", "raised")])
def test_a_higher_priority_raises_a_lower_one_does_nothing(scene, new, kept):
    scene.enter("a", priority="raised")
    assert scene.enter("a", priority=new).priority == kept


def test_an_offered_ticket_can_be_raised(scene):
    scene.sign_in("olena")
    scene.enter("a")
    assert scene.enter("a", priority="danger").priority == "danger"
    assert scene.state("a") == "offered"


@pytest.mark.parametrize("state", ["ringing", "talking", "broken"])
def test_one_who_is_served_stays_where_he_is(scene, state):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    scene.queue.ring(token, scene.now)
    if state != "ringing":
        scene.queue.answered(token, scene.now)
    if state == "broken":
        scene.queue.dropped("a", scene.now)
    before = scene.ticket("a")
    after = scene.enter("a", "metering", priority="danger")
    assert (after.state, after.queue, after.priority) == (state, "general", "normal")
    assert (after.token, after.since) == (before.token, before.since)


def test_a_call_that_was_hung_up_cannot_come_again(scene):
    scene.enter("a")
    scene.queue.leave("a", "abandoned", scene.now)
    ticket = scene.enter("a")
    assert (ticket.state, ticket.outcome) == ("done", "abandoned")
    assert scene.queue.waiting(COMPANY) == []


@pytest.mark.parametrize("outcome", ["answered", "deflected", "called_back"])
def test_a_call_that_lives_may_ask_for_an_operator_again(scene, outcome):
    scene.enter("a")
    scene.queue.leave("a", outcome, scene.now)
    scene.wait(5)
    ticket = scene.enter("a")
    assert (ticket.state, ticket.outcome, ticket.entered) == ("waiting", "", scene.now)


def test_a_call_back_may_be_tried_again(scene):
    scene.enter("callback-1", kind="callback")
    scene.queue.leave("callback-1", "abandoned", scene.now)
    assert scene.enter("callback-1", kind="callback").state == "waiting"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("leave", ("a", "vanished")),
        ("set_status", (COMPANY, "olena", "asleep")),
    ],
)
def test_a_word_that_is_none_is_refused(scene, method, arguments):
    scene.enter("a")
    with pytest.raises(ValueError, match="write one of"):
        getattr(scene.queue, method)(*arguments, scene.now)
    with pytest.raises(ValueError, match="write one of"):
        scene.enter("b", priority="urgent")
    with pytest.raises(ValueError, match="write one of"):
        scene.sign_in("b", status="asleep")
    assert scene.state("a") == "waiting"


# ---------------------------------------------------------------------- away


def test_away_keeps_the_place_and_is_not_offered(scene):
    scene.enter("a")
    scene.wait(10)
    assert scene.queue.away("a", scene.now)
    scene.sign_in("olena")
    assert scene.state("a") == "away"
    scene.wait(100)
    assert scene.enter("a").entered == scene.now - 110
    assert scene.of("a") == ("offered", "olena")


def test_away_takes_back_an_offer_that_does_not_ring(scene):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    assert scene.queue.away("a", scene.now)
    assert scene.does("olena") == ("ready", "idle")
    assert scene.queue.ring(token, scene.now) is None


def test_away_is_refused_while_it_rings_and_in_a_talk(scene):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    scene.queue.ring(token, scene.now)
    assert not scene.queue.away("a", scene.now)
    scene.queue.answered(token, scene.now)
    assert not scene.queue.away("a", scene.now)
    assert scene.state("a") == "talking"


def test_away_twice_is_once(scene):
    scene.enter("a")
    scene.queue.away("a", scene.now)
    scene.wait(5)
    assert scene.queue.away("a", scene.now)
    assert scene.ticket("a").since == scene.now - 5


def test_a_place_is_not_kept_for_ever(scene):
    scene.enter("a")
    scene.queue.away("a", scene.now)
    scene.wait(599)
    assert scene.state("a") == "away"
    scene.wait(1)
    assert (scene.state("a"), scene.ticket("a").outcome) == ("done", "deflected")
    assert scene.enter("a").entered == scene.now


def test_from_a_talk_into_the_menu_and_back_to_the_same_operator(scene):
    scene.sign_in("ivan", {"general": 5})
    scene.enter("a")
    scene.talk("a")
    assert scene.queue.away("a", scene.now, back_to="ivan")
    assert scene.does("ivan") == ("ready", "wrap_up")
    scene.sign_in("olena")
    scene.wait(15)
    scene.enter("a")
    assert (scene.ticket("a").state, scene.ticket("a").held) == ("waiting", scene.now + 20)
    scene.queue.finish(COMPANY, "ivan", scene.now)
    assert scene.of("a") == ("offered", "ivan")
    assert scene.ticket("a").priority == "raised"


def test_a_broken_talk_may_be_left_for_the_menu(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.queue.dropped("a", scene.now)
    assert scene.queue.away("a", scene.now)
    assert scene.operator("olena").ticket == ""
    assert scene.queue.returned(COMPANY, "olena", scene.now) is None


# ---------------------------------------------------------------------- hold


def test_a_ticket_is_held_for_its_operator_and_then_for_anybody(scene):
    scene.sign_in("ivan", status="ready")
    scene.enter("x")
    scene.talk("x")
    scene.sign_in("olena", status="paused")
    scene.enter("a", sticky="ivan")
    scene.enter("b")
    scene.status("olena", "ready")
    assert scene.of("b") == ("offered", "olena")
    scene.sign_in("petro")
    assert scene.state("a") == "waiting"
    assert scene.queue.place(COMPANY, "general", scene.now, ticket="a").position == 1
    assert scene.queue.place(COMPANY, "general", scene.now).position == 2
    scene.wait(20)
    assert scene.of("a") == ("offered", "petro")


def test_a_held_ticket_goes_to_its_operator_without_the_skill(scene):
    scene.sign_in("ivan", {"metering": 2})
    scene.enter("a", "general", sticky="ivan")
    assert scene.of("a") == ("offered", "ivan")


@pytest.mark.parametrize("status", ["paused", "offline"])
def test_nobody_is_held_for_one_who_does_not_come(scene, status):
    scene.sign_in("ivan", status=status)
    scene.sign_in("olena")
    scene.enter("a", sticky="ivan")
    assert scene.of("a") == ("offered", "olena")


def test_a_hold_ends_when_its_operator_pauses(scene):
    scene.sign_in("ivan")
    scene.enter("x")
    scene.talk("x")
    scene.sign_in("olena")
    scene.enter("a", sticky="ivan")
    assert scene.state("a") == "waiting"
    scene.status("ivan", "paused")
    assert scene.of("a") == ("offered", "olena")


def test_urgent_tickets_prefer_their_operator_but_are_not_held(scene):
    scene.sign_in("ivan", {"metering": 1})
    scene.sign_in("olena", {"general": 5})
    scene.enter("a", sticky="ivan", priority="danger")
    assert scene.of("a") == ("offered", "ivan")
    scene.enter("b", sticky="ivan", priority="danger")
    assert scene.of("b") == ("offered", "olena")


def test_raising_a_held_ticket_to_danger_ends_its_hold(scene):
    scene.sign_in("ivan")
    scene.enter("x")
    scene.sign_in("olena")
    scene.enter("a", sticky="ivan")
    assert scene.state("a") == "waiting"
    scene.enter("a", priority="danger")
    assert scene.of("a") == ("offered", "olena")


# ---------------------------------------------------------------------- leaving


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_leaving_ends_a_ticket_once(scene, outcome):
    scene.enter("a")
    assert scene.queue.leave("a", outcome, scene.now)
    assert not scene.queue.leave("a", "deflected", scene.now)
    assert (scene.state("a"), scene.ticket("a").outcome) == ("done", outcome)
    assert scene.queue.waiting(COMPANY) == []


@pytest.mark.parametrize("rings", [False, True])
def test_a_caller_who_hung_up_is_never_offered(scene, rings):
    scene.sign_in("olena")
    scene.wait(3).enter("a")
    token = scene.offer("a").token
    if rings:
        scene.queue.ring(token, scene.now)
    scene.queue.leave("a", "abandoned", scene.now)
    assert scene.does("olena") == ("ready", "idle")
    assert scene.operator("olena").idle_since == scene.now - 3
    assert scene.queue.ring(token, scene.now) is None
    assert not scene.queue.answered(token, scene.now)
    assert not scene.queue.unanswered(token, scene.now)


def test_the_next_one_gets_the_operator_of_a_caller_who_hung_up(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.enter("b")
    scene.queue.leave("a", "abandoned", scene.now)
    assert scene.of("b") == ("offered", "olena")


def test_leaving_a_talk_is_its_end(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.wait(30)
    assert scene.queue.leave("a", "abandoned", scene.now)
    assert scene.ticket("a").outcome == "answered"
    assert scene.does("olena") == ("ready", "wrap_up")
    assert scene.queue.place(COMPANY, "general", scene.now).talks == (30.0,)


def test_leaving_a_broken_talk_frees_the_one_who_vanished(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.queue.dropped("a", scene.now)
    assert scene.queue.leave("a", "abandoned", scene.now)
    assert scene.queue.returned(COMPANY, "olena", scene.now) is None
    assert scene.does("olena") == ("ready", "idle")


# ---------------------------------------------------------------------- redial

NUMBER = "+380671110001"


def hang_up(scene, name="a", **fields):
    """Wait 60 s and hang up."""
    scene.enter(name, **{"number": NUMBER, **fields})
    scene.wait(60)
    scene.queue.leave(name, "abandoned", scene.now)


def test_who_rings_again_soon_regains_his_place(scene):
    hang_up(scene, priority="raised")
    scene.wait(179)
    ticket = scene.enter("b", number=NUMBER)
    assert (ticket.entered, ticket.priority) == (scene.now - 239, "raised")
    assert scene.enter("c", number=NUMBER).entered == scene.now


def test_a_place_can_be_regained_again_and_again(scene):
    hang_up(scene)
    hang_up(scene, "b")
    assert scene.enter("c", number=NUMBER).entered == scene.now - 120


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"wait": 180}),
        ({}, {"number": "+380671110002"}),
        ({}, {"queue": "metering"}),
        ({}, {"kind": "callback"}),
        ({"number": None}, {"number": None}),
        ({"number": ""}, {"number": ""}),
        ({"kind": "callback"}, {}),
    ],
)
def test_no_other_ticket_gets_the_place(scene, first, then):
    hang_up(scene, **first)
    fields = {"number": NUMBER, **then}
    scene.wait(fields.pop("wait", 1))
    assert scene.enter("b", **fields).entered == scene.now


@pytest.mark.parametrize("outcome", ["called_back", "deflected", "answered"])
def test_who_left_with_an_answer_has_no_place(scene, outcome):
    scene.enter("a", number=NUMBER)
    scene.queue.leave("a", outcome, scene.now)
    assert scene.wait(1).enter("b", number=NUMBER).entered == scene.now


def test_who_has_talked_has_no_place(scene):
    scene.sign_in("olena")
    scene.enter("a", number=NUMBER)
    scene.talk("a")
    scene.queue.dropped("a", scene.now)
    scene.queue.leave("a", "abandoned", scene.now)
    assert scene.wait(1).enter("b", number=NUMBER).entered == scene.now


def test_who_hangs_up_in_the_menu_keeps_his_place_for_a_redial(scene):
    scene.enter("a", number=NUMBER)
    scene.queue.away("a", scene.now)
    scene.wait(5)
    scene.queue.leave("a", "abandoned", scene.now)
    assert scene.enter("b", number=NUMBER).entered == scene.now - 5
