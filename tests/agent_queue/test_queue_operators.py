"""What becomes of an operator: status, offers, talks, wrap-up, consults, a lost connection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.agent_queue.model import Offer, Operator

COMPANY = "odesa"
DAY = 86400


# ---------------------------------------------------------------------- sign-in, status


def test_signing_in_again_keeps_what_he_does(scene):
    scene.sign_in("olena", tab="one")
    scene.enter("a")
    scene.talk("a")
    before = scene.operator("olena")
    after = scene.wait(5).sign_in("olena", {"metering": 2}, tab="two", shown="Олена", node="pbx1")
    assert (after.state, after.ticket, after.token) == ("talking", "a", before.token)
    assert (after.status, after.since) == ("ready", before.since)
    assert (after.tab, after.shown, after.node) == ("two", "Олена", "pbx1")
    assert after.version > before.version
    assert scene.queue.operators(COMPANY) == [after]


def test_a_new_skill_is_used_at_once_and_an_old_one_no_more(scene):
    scene.sign_in("olena", {"general": 1})
    scene.enter("m", "metering")
    scene.sign_in("olena", {"metering": 1})
    assert scene.of("m") == ("offered", "olena")
    scene.queue.leave("m", "abandoned", scene.now)
    scene.enter("g", "general")
    assert scene.state("g") == "waiting"


def test_an_operator_who_is_not_ready_gets_nothing(scene):
    scene.sign_in("a", status="paused")
    scene.sign_in("b", status="offline")
    scene.enter("x")
    assert scene.state("x") == "waiting"
    scene.status("a", "ready")
    assert scene.of("x") == ("offered", "a")


def test_the_newest_tab_has_the_say(scene):
    scene.sign_in("olena", tab="one")
    scene.sign_in("olena", tab="two")
    assert scene.status("olena", "paused", tab="one") is None
    assert scene.does("olena") == ("ready", "idle")
    assert scene.status("olena", "paused", tab="two").status == "paused"


def test_an_older_version_is_refused(scene):
    version = scene.sign_in("olena").version
    scene.enter("a")
    assert scene.status("olena", "offline", version=version) is None
    assert scene.does("olena") == ("ready", "offered")
    newest = scene.operator("olena").version
    assert scene.status("olena", "offline", version=newest).status == "offline"


def test_a_talk_has_lasted_as_long_whatever_is_chosen_meanwhile(scene):
    scene.sign_in("olena")
    assert scene.operator("olena").since == scene.now
    scene.wait(5).status("olena", "paused", reason="break")
    assert scene.operator("olena").since == scene.now
    scene.wait(5).status("olena", "ready")
    scene.enter("a")
    scene.talk("a")
    began = scene.now
    scene.wait(5).status("olena", "paused", reason="break")
    scene.wait(5).status("olena", "offline")
    assert scene.operator("olena").since == began
    scene.queue.ended("a", scene.now)
    wraps = scene.now
    scene.wait(5).status("olena", "paused", reason="break")
    assert (scene.does("olena"), scene.operator("olena").since) == (("paused", "wrap_up"), wraps)
    scene.wait(60)
    assert scene.operator("olena").since > wraps, "the break begins after it"


def test_what_somebody_else_chose_for_him_names_who_and_ends_no_wrap_up(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    assert scene.status("olena", "paused", reason="break", by="vira").by == "vira"
    scene.queue.ended("a", scene.now)
    until = scene.operator("olena").until
    scene.enter("b")
    assert scene.status("olena", "ready", by="vira").until == until
    assert scene.does("olena") == ("ready", "wrap_up")
    assert scene.of("b") == ("waiting", "")
    assert scene.status("olena", "ready").by == "", "her own choice"
    assert scene.of("b") == ("offered", "olena")


def test_a_pause_for_no_answer_is_nobodys_choice(scene):
    scene.sign_in("olena", status="paused")
    scene.status("olena", "ready", by="vira")
    scene.enter("a")
    scene.queue.unanswered(scene.offer("a").token, scene.now)
    assert (scene.operator("olena").reason, scene.operator("olena").by) == ("no_answer", "")


def test_nobody_has_no_status(scene):
    assert scene.status("nobody", "ready") is None
    assert scene.queue.operator(COMPANY, "nobody") is None
    assert scene.queue.operators(COMPANY) == []


def test_a_pause_has_a_reason_and_a_limit_that_only_informs(scene):
    scene.sign_in("olena")
    operator = scene.status("olena", "paused", reason="break", limit=900)
    assert (operator.reason, operator.until) == ("break", scene.now + 900)
    scene.wait(1000)
    assert scene.does("olena") == ("paused", "idle")
    operator = scene.status("olena", "ready", reason="break", limit=900)
    assert (operator.reason, operator.until, operator.idle_since) == ("", 0.0, scene.now)


@pytest.mark.parametrize("status", ["paused", "offline"])
@pytest.mark.parametrize("rings", [False, True])
def test_leaving_with_an_offer_open_gives_the_ticket_back(scene, status, rings):
    scene.sign_in("olena")
    scene.enter("a")
    if rings:
        scene.queue.ring(scene.offer("a").token, scene.now)
    scene.status("olena", status)
    assert scene.of("a") == ("waiting", "")
    assert scene.ticket("a").priority == "raised"
    assert scene.does("olena") == (status, "idle")


def test_ready_with_an_offer_open_changes_nothing(scene):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    scene.status("olena", "ready")
    assert scene.offer("a").token == token


def test_going_offline_in_a_talk_takes_effect_after_it(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.status("olena", "offline")
    assert scene.does("olena") == ("offline", "talking")
    scene.queue.ended("a", scene.now)
    scene.enter("b")
    scene.wait(30)
    assert scene.does("olena") == ("offline", "idle")
    assert scene.state("b") == "waiting"


def test_who_is_offline_for_a_day_is_forgotten(scene):
    scene.sign_in("olena")
    scene.status("olena", "offline")
    scene.wait(DAY - 1)
    assert scene.operator("olena").status == "offline"
    scene.wait(1)
    assert scene.queue.operators(COMPANY) == []
    assert scene.sign_in("olena").version == 1


# ---------------------------------------------------------------------- offers


def test_an_offer_is_claimed_once(scene):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    ticket = scene.queue.ring(token, scene.now)
    assert (ticket.id, ticket.state, ticket.offers) == ("a", "ringing", 1)
    assert scene.queue.ring(token, scene.now) is None
    assert scene.queue.offers() == []


def test_an_offer_is_answered_once(scene):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    scene.queue.ring(token, scene.now)
    assert scene.queue.answered(token, scene.now)
    assert not scene.queue.answered(token, scene.now)
    assert scene.of("a") == ("talking", "olena")
    assert scene.does("olena") == ("ready", "talking")


def test_an_answer_counts_without_a_ring(scene):
    scene.sign_in("olena")
    scene.enter("a")
    assert scene.queue.answered(scene.offer("a").token, scene.now)
    assert scene.ticket("a").offers == 1


def test_an_offer_that_nobody_claims_returns_after_its_lease(scene):
    scene.sign_in("olena")
    scene.enter("a")
    token = scene.offer("a").token
    scene.wait(4.9)
    assert scene.offer("a").token == token
    scene.wait(0.1)
    assert scene.offer("a").token != token
    assert scene.ticket("a").priority == "raised"
    assert scene.operator("olena").missed == 0


def test_a_ringing_telephone_of_which_nobody_reports_is_given_up(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.queue.ring(scene.offer("a").token, scene.now)
    scene.wait(24.9)
    assert scene.state("a") == "ringing"
    scene.wait(0.1)
    assert scene.state("a") == "waiting"
    assert scene.operator("olena").reason == "no_answer"


def test_a_call_back_may_ring_longer(scene):
    scene.sign_in("olena")
    scene.enter("callback-1", kind="callback")
    scene.queue.ring(scene.offer("callback-1").token, scene.now)
    scene.wait(84)
    assert scene.state("callback-1") == "ringing"


@pytest.mark.parametrize("why", ["no_answer", "declined"])
def test_who_does_not_answer_is_paused_and_the_caller_is_raised(scene, why):
    scene.sign_in("olena")
    scene.enter("a", ago=10)
    token = scene.offer("a").token
    scene.queue.ring(token, scene.now)
    scene.wait(20)
    assert scene.queue.unanswered(token, scene.now, why)
    assert not scene.queue.unanswered(token, scene.now, why)
    assert scene.does("olena") == ("paused", "idle")
    assert (scene.operator("olena").reason, scene.operator("olena").missed) == (why, 1)
    ticket = scene.ticket("a")
    assert (ticket.state, ticket.priority, ticket.entered) == ("waiting", "raised", scene.now - 30)
    assert scene.status("olena", "ready").missed == 0


@pytest.mark.parametrize("priority", ["priority_site", "danger"])
def test_the_urgent_keep_their_priority(scene, priority):
    scene.sign_in("olena")
    scene.enter("a", priority=priority)
    scene.queue.unanswered(scene.offer("a").token, scene.now)
    assert scene.ticket("a").priority == priority


def test_a_telephone_that_cannot_be_reached_is_disconnected(scene):
    scene.sign_in("olena")
    scene.enter("a")
    assert scene.queue.unanswered(scene.offer("a").token, scene.now, "failed")
    assert scene.does("olena") == ("ready", "disconnected")
    assert scene.state("a") == "waiting"
    assert scene.queue.place(COMPANY, "general", scene.now).serving == 0
    assert scene.queue.returned(COMPANY, "olena", scene.now) is None
    assert scene.of("a") == ("offered", "olena")


def test_the_misses_in_a_row_that_pause_are_a_rule(scene_of):
    scene = scene_of(unanswered=2, wrap_up=0)
    scene.sign_in("olena")
    scene.wait(1).sign_in("ivan")
    scene.enter("a")
    scene.queue.unanswered(scene.offer("a").token, scene.wait(1).now)
    assert scene.does("olena") == ("ready", "idle")
    assert scene.offer("a").operator == "ivan"
    scene.status("ivan", "offline")
    assert scene.talk("a") == "olena"
    scene.queue.ended("a", scene.now)
    scene.enter("b")
    scene.queue.unanswered(scene.offer("b").token, scene.now)
    assert scene.does("olena") == ("ready", "offered")
    scene.queue.unanswered(scene.offer("b").token, scene.now)
    assert scene.does("olena") == ("paused", "idle")
    assert scene.audit() == []


def test_taking_a_ticket_out_of_turn(scene):
    scene.sign_in("olena", {"metering": 1})
    scene.enter("a", ago=10)
    scene.enter("b")
    offer = scene.queue.take("b", "olena", scene.now)
    assert isinstance(offer, Offer)
    assert (offer.ticket, offer.operator) == ("b", "olena")
    assert scene.of("b") == ("offered", "olena")
    assert scene.queue.take("a", "olena", scene.now) is None
    assert scene.queue.take("b", "olena", scene.now) is None
    assert scene.queue.take("a", "nobody", scene.now) is None


def test_a_held_ticket_can_be_taken(scene):
    scene.sign_in("ivan")
    scene.enter("x")
    scene.enter("a", sticky="ivan")
    scene.sign_in("olena")
    assert scene.queue.take("a", "olena", scene.now).operator == "olena"


# ---------------------------------------------------------------------- talk, wrap-up


def test_after_a_talk_comes_the_wrap_up_and_then_the_next(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.enter("b")
    scene.wait(60)
    assert scene.queue.ended("a", scene.now)
    assert not scene.queue.ended("a", scene.now)
    operator = scene.operator("olena")
    assert (operator.state, operator.until, operator.ticket) == ("wrap_up", scene.now + 30, "a")
    assert scene.state("b") == "waiting"
    scene.wait(30)
    assert scene.of("b") == ("offered", "olena")


@pytest.mark.parametrize("how", ["finish", "ready"])
def test_a_wrap_up_can_be_ended_early(scene, how):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.queue.ended("a", scene.now)
    scene.enter("b")
    if how == "finish":
        assert scene.queue.finish(COMPANY, "olena", scene.now)
        assert not scene.queue.finish(COMPANY, "olena", scene.now)
    else:
        scene.status("olena", "ready")
    assert scene.of("b") == ("offered", "olena")


def test_a_wrap_up_can_be_extended(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.queue.ended("a", scene.now)
    scene.wait(20)
    assert scene.queue.extend(COMPANY, "olena", 60, scene.now)
    scene.wait(59)
    assert scene.operator("olena").until == scene.now + 1
    scene.wait(1)
    assert scene.does("olena") == ("ready", "idle")
    assert not scene.queue.extend(COMPANY, "olena", 60, scene.now)


def test_a_pause_chosen_in_a_talk_begins_after_the_wrap_up(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.status("olena", "paused", reason="lunch", limit=1800)
    scene.queue.ended("a", scene.now)
    scene.enter("b")
    limit = scene.now + 1800
    assert scene.operator("olena").until == scene.now + 30
    scene.wait(30)
    operator = scene.operator("olena")
    assert (operator.status, operator.state, operator.until) == ("paused", "idle", limit)
    assert scene.state("b") == "waiting"


def test_a_talk_of_which_the_answer_was_not_reported_ends_all_the_same(scene):
    scene.sign_in("olena")
    scene.enter("a")
    scene.queue.ring(scene.offer("a").token, scene.now)
    assert scene.queue.ended("a", scene.now)
    assert scene.ticket("a").outcome == "answered"
    assert scene.queue.place(COMPANY, "general", scene.now).talks == ()


def test_a_ticket_that_waits_does_not_end_or_drop(scene):
    scene.enter("a")
    assert not scene.queue.ended("a", scene.now)
    assert not scene.queue.dropped("a", scene.now)
    assert not scene.queue.transfer("a", scene.now, queue="metering")


# ---------------------------------------------------------------------- a lost connection


def broken(scene):
    """A talk of olena's whose connection breaks after 60 s."""
    scene.sign_in("olena")
    scene.enter("a", ago=30)
    scene.talk("a")
    scene.wait(60)
    assert scene.queue.dropped("a", scene.now)


def test_a_vanished_operator_who_returns_gets_his_caller_back(scene):
    broken(scene)
    scene.sign_in("ivan")
    assert scene.of("a") == ("broken", "olena")
    assert scene.does("olena") == ("ready", "disconnected")
    scene.wait(19)
    offer = scene.queue.returned(COMPANY, "olena", scene.now)
    assert (offer.ticket, offer.operator, offer.back) == ("a", "olena", True)
    assert scene.queue.offers() == [offer]
    assert scene.queue.ring(offer.token, scene.now).offers == 1
    assert scene.queue.answered(offer.token, scene.now)
    assert scene.of("a") == ("talking", "olena")


def test_a_caller_whose_operator_does_not_return_comes_first_again(scene):
    broken(scene)
    scene.enter("b", ago=100)
    scene.wait(20)
    ticket = scene.ticket("a")
    assert (ticket.state, ticket.operator, ticket.priority) == ("waiting", "", "raised")
    assert ticket.entered == scene.now - 110
    assert scene.operator("olena").ticket == ""
    scene.sign_in("ivan")
    assert scene.of("a") == ("offered", "ivan")
    scene.sign_in("petro")
    assert scene.of("b") == ("offered", "petro")


def test_a_paused_operator_returns_to_his_caller_and_then_to_his_pause(scene):
    broken(scene)
    scene.status("olena", "paused", reason="break")
    offer = scene.queue.returned(COMPANY, "olena", scene.now)
    assert scene.queue.answered(offer.token, scene.now)
    scene.queue.ended("a", scene.now)
    scene.wait(30)
    assert scene.does("olena") == ("paused", "idle")


def test_returning_without_having_been_away_does_nothing(scene):
    scene.sign_in("olena")
    assert scene.queue.returned(COMPANY, "olena", scene.now) is None
    assert scene.queue.returned(COMPANY, "nobody", scene.now) is None
    assert scene.does("olena") == ("ready", "idle")


def test_who_is_disconnected_gets_nothing_whatever_he_chooses(scene):
    broken(scene)
    scene.status("olena", "ready")
    scene.sign_in("olena")
    scene.enter("b")
    assert scene.state("b") == "waiting"
    assert scene.does("olena") == ("ready", "disconnected")


# ---------------------------------------------------------------------- transfer


def test_a_transfer_into_a_queue_is_raised_with_the_old_place(scene):
    scene.sign_in("olena")
    scene.enter("a", ago=50)
    scene.talk("a")
    assert scene.queue.transfer("a", scene.now, queue="metering")
    ticket = scene.ticket("a")
    assert (ticket.queue, ticket.priority, ticket.entered) == ("metering", "raised", scene.now - 50)
    assert scene.does("olena") == ("ready", "wrap_up")
    scene.sign_in("ivan", {"metering": 1})
    assert scene.of("a") == ("offered", "ivan")


def test_a_transfer_to_an_operator_waits_for_him_and_then_for_anybody(scene):
    scene.sign_in("ivan", {"metering": 1})
    scene.enter("m", "metering")
    scene.talk("m")
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    assert scene.queue.transfer("a", scene.now, operator="ivan")
    scene.sign_in("petro")
    assert scene.state("a") == "waiting"
    scene.wait(19)
    assert scene.state("a") == "waiting"
    scene.wait(1)
    assert scene.of("a") == ("offered", "petro")


def test_a_transfer_to_a_free_operator_is_offered_to_him(scene):
    scene.sign_in("olena", {"general": 5})
    scene.enter("a", priority="danger")
    scene.talk("a")
    scene.sign_in("petro", {"general": 5})
    scene.sign_in("ivan", {"metering": 1})
    assert scene.queue.transfer("a", scene.now, operator="ivan")
    assert scene.of("a") == ("offered", "ivan")


@pytest.mark.parametrize("to", [{}, {"operator": "olena"}, {"operator": "nobody"}])
def test_a_transfer_to_nobody_is_refused(scene, to):
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    assert not scene.queue.transfer("a", scene.now, **to)
    assert scene.of("a") == ("talking", "olena")


# ---------------------------------------------------------------------- consults


@pytest.fixture
def consult(scene):
    """Olena, who talks with a, asks ivan."""
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.sign_in("ivan")
    assert scene.queue.consult(COMPANY, "olena", "ivan", "secret", scene.now)
    return scene


def test_who_is_consulted_gets_no_call(consult):
    consult.enter("b")
    assert consult.state("b") == "waiting"
    assert consult.does("ivan") == ("ready", "talking")
    assert consult.operator("ivan").token == "secret"
    assert not consult.queue.consult(COMPANY, "olena", "ivan", "other", consult.now)
    consult.wait(5)
    assert consult.queue.consulted("secret", consult.now)
    assert not consult.queue.consulted("secret", consult.now)
    assert consult.of("b") == ("offered", "ivan")
    assert consult.of("a") == ("talking", "olena")


def test_a_consult_may_end_with_the_caller_at_the_one_consulted(consult):
    old = consult.ticket("a").token
    assert consult.queue.consulted("secret", consult.now, ticket="a")
    assert consult.of("a") == ("talking", "ivan")
    assert consult.ticket("a").token not in (old, "secret")
    assert consult.operator("ivan").ticket == "a"
    assert consult.does("olena") == ("ready", "wrap_up")
    assert consult.queue.ended("a", consult.now)
    assert consult.does("ivan") == ("ready", "wrap_up")


def test_a_talk_is_taken_over_by_one_who_is_idle_whatever_his_status(consult):
    consult.sign_in("vira", status="paused")
    assert consult.queue.take_over("a", "vira", "grid.secret.a", consult.now)
    assert consult.of("a") == ("talking", "vira")
    assert consult.ticket("a").token == consult.operator("vira").token == "grid.secret.a"
    assert consult.does("vira") == ("paused", "talking")
    assert consult.does("olena") == ("ready", "wrap_up")
    assert consult.does("ivan") == ("ready", "idle")
    assert consult.queue.ended("a", consult.now)
    assert consult.does("vira") == ("paused", "wrap_up")


def test_a_talk_is_not_taken_over_twice_by_somebody_busy_or_when_it_is_over(consult):
    consult.sign_in("vira", status="paused")
    for name in ("olena", "ivan", "nobody"):
        assert not consult.queue.take_over("a", name, "grid.secret.a", consult.now)
    assert consult.of("a") == ("talking", "olena")
    consult.queue.ended("a", consult.now)
    assert not consult.queue.take_over("a", "vira", "grid.secret.a", consult.now)
    assert consult.does("vira") == ("paused", "idle")


def test_a_caller_who_hung_up_meanwhile_cannot_be_handed_over(consult):
    consult.queue.leave("a", "abandoned", consult.now)
    assert not consult.queue.consulted("secret", consult.now, ticket="a")
    assert consult.queue.consulted("secret", consult.now)
    assert consult.does("ivan") == ("ready", "idle")
    assert consult.does("olena") == ("ready", "wrap_up")


def test_a_consult_ends_when_the_one_who_asked_vanishes(consult):
    consult.queue.dropped("a", consult.now)
    assert consult.does("ivan") == ("ready", "idle")


@pytest.mark.parametrize("who", ["olena", "ivan"])
def test_a_consult_ends_when_one_of_the_two_opens_another_tab(consult, who):
    known = consult.operator(who)
    consult.queue.sign_in(replace(known, endpoint="op-x"), consult.now)
    assert consult.does("ivan") == ("ready", "talking")
    consult.queue.sign_in(replace(known, tab="another"), consult.now)
    assert consult.does("ivan") == ("ready", "idle")
    assert consult.of("a") == ("talking", "olena")
    assert consult.queue.consult(COMPANY, "olena", "ivan", "other", consult.now)


def test_two_idle_operators_who_talk_are_both_busy(scene):
    scene.sign_in("olena")
    scene.sign_in("ivan")
    assert scene.queue.consult(COMPANY, "olena", "ivan", "secret", scene.now)
    scene.enter("a")
    assert scene.state("a") == "waiting"
    scene.queue.consulted("secret", scene.now)
    assert scene.state("a") == "offered"
    assert {scene.does("olena")[1], scene.does("ivan")[1]} == {"offered", "idle"}


def test_a_forgotten_consult_ends_after_an_hour(consult):
    consult.wait(3599)
    assert consult.does("ivan") == ("ready", "talking")
    consult.wait(1)
    assert consult.does("ivan") == ("ready", "idle")


@pytest.mark.parametrize("pair", [("olena", "olena"), ("nobody", "ivan"), ("olena", "nobody")])
def test_a_consult_needs_two(scene, pair):
    scene.sign_in("olena")
    scene.sign_in("ivan")
    assert not scene.queue.consult(COMPANY, *pair, "secret", scene.now)
    assert scene.does("ivan") == ("ready", "idle")


def test_an_operator_comes_back_as_he_went_in(scene):
    given = {"shown": "Олена Коваль", "node": "pbx1", "endpoint": "op-olena", "tab": "t1"}
    operator = scene.sign_in("olena", {"general": 3, "metering": 5}, **given)
    assert operator == Operator(
        "olena",
        COMPANY,
        skills={"general": 3, "metering": 5},
        status="ready",
        since=scene.now,
        idle_since=scene.now,
        version=1,
        **given,
    )
    assert scene.operator("olena") == operator
