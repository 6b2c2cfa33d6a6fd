"""How long a caller waited: from the beginning of this wait to its answer; in both queues."""

from __future__ import annotations


def waited(scene):
    return scene.ticket("a").waited


def served(scene):
    """A caller who waited 6 s and has talked for 90 s."""
    scene.enter("a")
    scene.wait(6)
    scene.sign_in("olena")
    assert (waited(scene), scene.talk("a")) == (0, "olena")
    scene.wait(90)
    assert waited(scene) == 6


def test_the_wait_is_fixed_once_it_is_answered(scene):
    served(scene)
    scene.queue.ended("a", scene.now)
    assert waited(scene) == 6


def test_a_take_over_is_the_same_wait(scene):
    served(scene)
    scene.sign_in("vira")
    assert scene.queue.take_over("a", "vira", "odesa.secret.a", scene.now)
    assert (scene.ticket("a").operator, waited(scene)) == ("vira", 6)


def test_the_operator_who_comes_back_goes_on_with_the_same_wait(scene):
    served(scene)
    scene.queue.dropped("a", scene.now)
    scene.wait(3)
    assert scene.queue.returned("odesa", "olena", scene.now)
    scene.talk("a")
    assert waited(scene) == 6


def test_who_is_passed_on_waits_anew(scene):
    served(scene)
    assert scene.queue.transfer("a", scene.now, queue="metering")
    assert waited(scene) == 0
    scene.wait(14)
    scene.sign_in("ivan", {"metering": 3})
    assert (scene.talk("a"), waited(scene)) == ("ivan", 14)
    assert scene.ticket("a").began > scene.ticket("a").entered


def test_a_place_regained_is_no_wait_of_this_call(scene):
    scene.enter("z", number="+380671110001")
    scene.wait(60)
    scene.queue.leave("z", "abandoned", scene.now)
    scene.wait(30)
    scene.enter("a", number="+380671110001")
    scene.wait(5)
    scene.sign_in("olena")
    scene.talk("a")
    assert waited(scene) == 5
    assert scene.ticket("a").entered == scene.ticket("z").entered
