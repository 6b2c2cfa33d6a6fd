"""Raising a ticket: it comes first from then on, in whatever state it is."""

import pytest


def test_who_waits_comes_first(scene_of):
    scene = scene_of()
    scene.enter("a", ago=60.0)
    scene.enter("b", ago=30.0)
    assert scene.queue.raise_to("b", "priority_site", scene.now)
    assert [each.id for each in scene.queue.waiting("odesa")] == ["b", "a"]
    assert scene.queue.place("odesa", "general", scene.now, ticket="b").position == 1
    scene.sign_in("olena")
    assert scene.talk("b") == "olena"


def test_it_is_kept_when_he_is_passed_on_and_comes_back(scene_of):
    scene = scene_of()
    scene.sign_in("olena")
    scene.enter("a")
    scene.talk("a")
    assert scene.queue.raise_to("a", "priority_site", scene.now)
    assert scene.queue.transfer("a", scene.now, queue="outage")
    scene.enter("b", "outage", ago=900.0)
    assert [each.id for each in scene.queue.waiting("odesa", "outage")] == ["a", "b"]
    assert scene.ticket("a").priority == "priority_site"
    assert scene.queue.away("a", scene.now)
    scene.enter("a", "outage")  # the flow knows nothing of it
    assert scene.ticket("a").priority == "priority_site"


def test_while_he_is_away(scene_of):
    scene = scene_of()
    scene.enter("a", ago=60.0)
    scene.enter("b", ago=30.0)
    assert scene.queue.away("b", scene.now)
    assert scene.queue.raise_to("b", "priority_site", scene.now)
    assert scene.ticket("b").state == "away"
    assert scene.queue.place("odesa", "general", scene.now, ticket="a").position == 2


@pytest.mark.parametrize("state", ["offered", "ringing", "talking", "broken"])
def test_in_the_hands_of_an_operator(scene_of, state):
    scene = scene_of()
    scene.sign_in("olena")
    scene.enter("a")
    if state != "offered":
        scene.queue.ring(scene.offer("a").token, scene.now)
    if state in ("talking", "broken"):
        scene.queue.answered(scene.ticket("a").token, scene.now)
    if state == "broken":
        scene.queue.dropped("a", scene.now)
    assert scene.queue.raise_to("a", "priority_site", scene.now)
    ticket = scene.ticket("a")
    assert (ticket.state, ticket.priority, ticket.operator) == (state, "priority_site", "olena")


def test_nobody_is_lowered(scene_of):
    scene = scene_of()
    scene.enter("a", "danger", priority="danger")
    assert scene.queue.raise_to("a", "priority_site", scene.now)
    assert scene.ticket("a").priority == "danger"


def test_who_is_not_there(scene_of):
    scene = scene_of()
    assert not scene.queue.raise_to("nobody", "priority_site", scene.now)
    scene.enter("a")
    scene.queue.leave("a", "abandoned", scene.now)
    assert not scene.queue.raise_to("a", "priority_site", scene.now)
    with pytest.raises(ValueError, match="urgent"):
        scene.queue.raise_to("a", "urgent", scene.now)
