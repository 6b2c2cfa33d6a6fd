"""What supervisors do to the queue: move, lift and lower, give, other skills; in both queues."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ivr.agent_queue.model import Rules


@pytest.fixture
def scene_of(scene_of):
    """Makes scenes that are audited at the end of the test."""
    scenes = []

    def made(*args, **kwargs):
        scenes.append(scene_of(*args, **kwargs))
        return scenes[-1]

    yield made
    assert scenes
    for scene in scenes:
        assert scene.audit() == []


def order(scene, queue=""):
    return [each.id for each in scene.queue.waiting("odesa", queue)]


# ---------------------------------------------------------------------- another queue


def test_who_is_moved_keeps_the_place_of_his_first_entry(scene_of):
    scene = scene_of()
    scene.enter("a", ago=60.0)
    scene.enter("b", "metering", ago=30.0)
    assert scene.queue.move("a", "metering", scene.now, "general")
    assert order(scene, "metering") == ["a", "b"]
    assert scene.ticket("a").priority == "normal"
    scene.sign_in("olena", {"metering": 3})
    assert scene.talk("a") == "olena"


def test_moved_to_where_somebody_is_free_he_is_offered_at_once(scene_of):
    scene = scene_of()
    scene.sign_in("olena", {"metering": 3})
    scene.enter("a")
    assert scene.queue.move("a", "metering", scene.now, "general")
    assert scene.of("a") == ("offered", "olena")


def test_an_offer_is_taken_back_and_a_telephone_that_rings_is_not(scene_of):
    scene = scene_of()
    scene.sign_in("olena")
    scene.enter("a")
    assert scene.queue.move("a", "metering", scene.now, "general")
    assert scene.of("a") == ("waiting", "")
    assert scene.does("olena") == ("ready", "idle")
    assert scene.queue.move("a", "general", scene.now, "metering")
    scene.queue.ring(scene.offer("a").token, scene.now)
    assert not scene.queue.move("a", "metering", scene.now, "general")
    assert scene.of("a") == ("ringing", "olena")


def test_the_second_who_moves_him_sees_another_queue_than_he_is_in(scene_of):
    scene = scene_of()
    scene.enter("a")
    assert scene.queue.move("a", "metering", scene.now, "general")
    assert not scene.queue.move("a", "outage", scene.now, "general")
    assert scene.ticket("a").queue == "metering"
    assert not scene.queue.move("nobody", "outage", scene.now, "general")


def test_his_flow_does_not_lead_him_back_but_may_lead_him_on(scene_of):
    scene = scene_of()
    scene.enter("a")
    scene.queue.move("a", "metering", scene.now, "general")
    scene.queue.away("a", scene.now)
    scene.enter("a", "general")
    assert scene.ticket("a").queue == "metering", "the flow knows nothing of it"
    assert scene.ticket("a").moved == ("general",)
    scene.enter("a", "outage")
    assert (scene.ticket("a").queue, scene.ticket("a").moved) == ("outage", ())
    scene.enter("a", "general")
    assert scene.ticket("a").queue == "general"


def test_moved_back_he_is_as_he_was(scene_of):
    scene = scene_of()
    before = scene.enter("a", ago=60.0)
    scene.queue.move("a", "metering", scene.now, "general")
    scene.queue.move("a", "general", scene.now, "metering")
    ticket = scene.ticket("a")
    assert (ticket.queue, ticket.entered, ticket.state) == ("general", before.entered, "waiting")
    scene.queue.away("a", scene.now)
    scene.enter("a", "metering")
    assert scene.ticket("a").queue == "general"


def test_who_is_away_is_moved_and_stays_away(scene_of):
    scene = scene_of()
    scene.sign_in("olena", {"metering": 3})
    scene.enter("a")
    scene.queue.away("a", scene.now)
    assert scene.queue.move("a", "metering", scene.now, "general")
    assert scene.of("a") == ("away", "")
    scene.enter("a")
    assert scene.talk("a") == "olena"


def test_an_operator_who_passes_him_on_decides_anew(scene_of):
    scene = scene_of()
    scene.enter("a")
    scene.queue.move("a", "metering", scene.now, "general")
    scene.sign_in("olena", {"metering": 3})
    scene.talk("a")
    assert scene.queue.transfer("a", scene.now, queue="general")
    assert (scene.ticket("a").queue, scene.ticket("a").moved) == ("general", ())


# ---------------------------------------------------------------------- priority


def test_what_was_lifted_is_lowered_again(scene_of):
    scene = scene_of()
    scene.enter("a", ago=60.0)
    scene.enter("b", ago=30.0)
    assert scene.queue.lift("b", "priority_site", scene.now, "normal")
    assert order(scene) == ["b", "a"]
    assert scene.ticket("b").lifted == "normal"
    assert scene.queue.lower("b", scene.now, "priority_site")
    assert order(scene) == ["a", "b"]
    assert (scene.ticket("b").priority, scene.ticket("b").lifted) == ("normal", "")
    assert not scene.queue.lower("b", scene.now, "normal")


def test_what_he_earned_meanwhile_he_keeps(scene_of):
    scene = scene_of(unanswered=9)
    scene.enter("a")
    scene.queue.lift("a", "priority_site", scene.now, "normal")
    scene.sign_in("olena")
    scene.queue.ring(scene.offer("a").token, scene.now)
    scene.status("olena", "paused")  # his telephone rang in vain: he comes first by himself
    assert scene.ticket("a").lifted == "raised"
    assert scene.queue.lower("a", scene.now, "priority_site")
    assert scene.ticket("a").priority == "raised"


def test_what_an_operator_gives_besides_is_not_taken_back(scene_of):
    scene = scene_of()
    scene.enter("a")
    scene.queue.lift("a", "priority_site", scene.now, "normal")
    scene.queue.raise_to("a", "priority_site", scene.now)
    assert not scene.queue.lower("a", scene.now, "priority_site")
    assert scene.ticket("a").priority == "priority_site"


def test_the_second_who_lifts_him_sees_another_priority(scene_of):
    scene = scene_of()
    scene.enter("a")
    assert scene.queue.lift("a", "raised", scene.now, "normal")
    assert not scene.queue.lift("a", "priority_site", scene.now, "normal")
    assert scene.queue.lift("a", "priority_site", scene.now, "raised")
    assert not scene.queue.lift("a", "raised", scene.now, "priority_site"), "nobody is lowered so"
    assert scene.queue.lower("a", scene.now, "priority_site")
    assert scene.ticket("a").priority == "normal"
    with pytest.raises(ValueError, match="urgent"):
        scene.queue.lift("a", "urgent", scene.now, "normal")


def test_lifted_he_is_served_by_whoever_may_serve_an_urgent_one(scene_of):
    scene = scene_of(relax=((0, 5), (600, 1)))
    scene.sign_in("olena", {"general": 1})
    scene.enter("a")
    assert scene.state("a") == "waiting"
    scene.queue.lift("a", "priority_site", scene.now, "normal")
    assert scene.of("a") == ("offered", "olena")


# ---------------------------------------------------------------------- out of the wait


def test_a_wait_is_ended_once_and_its_place_kept(scene_of):
    scene = scene_of()
    scene.enter("a", ago=60.0)
    scene.enter("b", ago=30.0)
    assert not scene.queue.withdraw("a", scene.now, "metering"), "he waits elsewhere"
    assert scene.queue.withdraw("a", scene.now, "general")
    assert not scene.queue.withdraw("a", scene.now, "general"), "the second comes too late"
    scene.sign_in("olena")
    assert (scene.of("a"), scene.of("b")) == (("away", ""), ("offered", "olena"))
    scene.enter("a")
    assert order(scene) == ["a", "b"]
    assert scene.queue.withdraw("a", scene.now, "general"), "he waits again"
    assert not scene.queue.withdraw("b", scene.now, "general"), "he is being rung"
    assert not scene.queue.withdraw("nobody", scene.now, "general")


def test_who_comes_first_by_himself_waits_on_and_who_was_put_first_does_not(scene_of):
    scene = scene_of()
    scene.enter("a", priority="danger")
    scene.enter("b", priority="priority_site")
    scene.enter("callback-7", kind="callback")
    scene.enter("c")
    scene.queue.lift("c", "priority_site", scene.now, "normal")
    withdrawn = [scene.queue.withdraw(each, scene.now, "general") for each in order(scene)]
    assert dict(zip(order(scene), withdrawn, strict=True)) == {
        "a": False, "b": False, "c": True, "callback-7": False,
    }  # fmt: skip
    scene.queue.raise_to("c", "priority_site", scene.now)
    scene.enter("c")
    assert not scene.queue.withdraw("c", scene.now, "general"), "an operator gave it besides"


# ---------------------------------------------------------------------- a certain operator


def test_given_to_who_is_free_he_is_offered_at_once(scene_of):
    scene = scene_of()
    scene.sign_in("olena", {"metering": 3})
    scene.enter("a")
    assert scene.queue.give("a", "olena", scene.now, 120.0)
    assert scene.of("a") == ("offered", "olena")


def test_given_to_who_is_busy_he_is_the_next(scene_of):
    scene = scene_of(wrap_up=0)
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.enter("b", ago=300.0)
    scene.enter("c", "metering")
    assert scene.queue.give("c", "olena", scene.now, 120.0)
    scene.sign_in("ivan", {"metering": 5})
    assert scene.of("c") == ("waiting", ""), "he is kept for her"
    scene.queue.lift("c", "raised", scene.now, "normal")
    scene.queue.ended("a", scene.now)
    assert scene.of("c") == ("offered", "olena")


def test_what_is_kept_too_long_or_given_up_is_anybodys(scene_of):
    scene = scene_of()
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    for name in ("b", "c"):
        scene.enter(name, "metering")
        assert scene.queue.give(name, "olena", scene.now, 60.0)
    scene.sign_in("ivan", {"metering": 5})
    assert not scene.queue.release("b", "ivan", scene.now)
    assert scene.queue.release("b", "olena", scene.now)
    assert scene.talk("b") == "ivan"
    scene.wait(61)
    assert scene.ticket("c").held == 0.0
    assert not scene.queue.release("c", "olena", scene.now)


def test_who_cannot_be_given(scene_of):
    scene = scene_of()
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    scene.sign_in("ivan", status="paused")
    scene.enter("b", "metering")
    scene.enter("c", "danger", priority="danger")
    assert not scene.queue.give("b", "ivan", scene.now, 60.0)
    assert not scene.queue.give("b", "nobody", scene.now, 60.0)
    assert not scene.queue.give("c", "olena", scene.now, 60.0), "danger is kept for nobody"
    assert not scene.queue.give("a", "olena", scene.now, 60.0)


# ---------------------------------------------------------------------- skills


def skills(scene, name: str, was: Mapping[str, int], **wanted: int):
    return scene.queue.set_skills("odesa", name, wanted, scene.now, was)


def test_with_another_skill_who_waits_is_offered_at_once(scene_of):
    scene = scene_of()
    scene.sign_in("olena", {"metering": 3}, tab="tab-1")
    scene.enter("a")
    changed = skills(scene, "olena", {"metering": 3}, metering=3, general=2)
    assert (changed.skills, changed.tab) == ({"metering": 3, "general": 2}, "tab-1")
    assert scene.of("a") == ("offered", "olena")


def test_without_a_skill_he_gets_nobody_of_that_queue(scene_of):
    scene = scene_of({"metering": Rules()})
    scene.sign_in("olena", {"metering": 3, "general": 3})
    skills(scene, "olena", {"metering": 3, "general": 3}, general=3)
    scene.enter("a", "metering")
    assert scene.state("a") == "waiting"
    assert scene.queue.place("odesa", "metering", scene.now).serving == 0
    assert scene.does("olena") == ("ready", "idle")


def test_a_talk_goes_on_without_the_skill_it_began_by(scene_of):
    scene = scene_of()
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    skills(scene, "olena", {"general": 3}, metering=1)
    assert scene.of("a") == ("talking", "olena")
    scene.queue.ended("a", scene.now)
    scene.enter("b")
    scene.wait(60)
    assert scene.state("b") == "waiting"


def test_the_second_who_changes_his_skills_sees_others(scene_of):
    scene = scene_of()
    scene.sign_in("olena", {"general": 3})
    assert skills(scene, "olena", {"general": 3}, general=5) is not None
    assert skills(scene, "olena", {"general": 3}, metering=5) is None
    assert scene.operator("olena").skills == {"general": 5}
    assert skills(scene, "nobody", {}, general=1) is None
