"""Who comes first, who serves whom, where a caller stands."""

from __future__ import annotations

import random

import pytest

from ivr.agent_queue.model import HEAD_STARTS, Rules, Ticket

COMPANY = "odesa"


def test_the_longest_waiting_is_served_first(scene):
    scene.enter("b", ago=5)
    scene.enter("a", ago=9)
    scene.enter("c")
    scene.sign_in("olena")
    assert scene.of("a") == ("offered", "olena")
    assert scene.state("b") == scene.state("c") == "waiting"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"priority": "danger"}, {"priority": "priority_site", "ago": 3600}),
        ({"priority": "priority_site"}, {"priority": "raised", "ago": 3600}),
        ({"priority": "raised"}, {"ago": 599}),
        ({"ago": 601}, {"priority": "raised"}),
        ({"ago": 7201}, {"priority": "priority_site"}),
        ({"priority": "raised", "ago": 2}, {"priority": "raised", "ago": 1}),
    ],
)
def test_priority_is_a_head_start(scene, first, second):
    scene.enter("second", **second)
    scene.enter("first", **first)
    assert [ticket.id for ticket in scene.queue.waiting(COMPANY)] == ["first", "second"]
    scene.sign_in("olena")
    assert (scene.state("first"), scene.state("second")) == ("offered", "waiting")


def test_equal_places_are_ordered_by_the_bytes_of_their_ids(scene):
    for name in ("b-1", "B-1", "a-10", "a-9"):
        scene.enter(name)
    for operator, ticket in (("o1", "B-1"), ("o2", "a-10"), ("o3", "a-9"), ("o4", "b-1")):
        scene.sign_in(operator)
        assert scene.of(ticket) == ("offered", operator)


def test_the_highest_level_serves_and_among_equals_the_longest_idle(scene):
    scene.sign_in("ivan", {"general": 3})
    scene.wait(1).sign_in("olena", {"general": 5})
    scene.wait(1).sign_in("petro", {"general": 5})
    for ticket, operator in (("a", "olena"), ("b", "petro"), ("c", "ivan")):
        scene.enter(ticket)
        assert scene.of(ticket) == ("offered", operator)


def test_levels_are_from_one_to_five(scene):
    scene.sign_in("olena", {"general": 0, "metering": 9})
    assert scene.operator("olena").skills == {"metering": 5}
    scene.enter("a")
    assert scene.state("a") == "waiting"


def test_an_operator_takes_the_best_over_all_his_queues(scene):
    scene.enter("a", "general", ago=5)
    scene.enter("b", "metering", ago=6)
    scene.enter("c", "metering", ago=1, priority="raised")
    scene.sign_in("olena", {"general": 1, "metering": 1})
    assert scene.state("c") == "offered"
    scene.sign_in("ivan", {"general": 1, "metering": 1})
    assert scene.state("b") == "offered"


# ---------------------------------------------------------------------- relaxation, overflow


def test_a_ticket_needs_less_skill_the_longer_it_waits(scene_of):
    scene = scene_of(relax=((0, 4), (30, 2)))
    scene.sign_in("low", {"general": 1})
    scene.sign_in("middle", {"general": 3})
    scene.enter("a")
    assert scene.state("a") == "waiting"
    assert scene.queue.tick(scene.now) == scene.now + 30
    scene.wait(29.999)
    assert scene.state("a") == "waiting"
    scene.wait(0.001)
    assert scene.of("a") == ("offered", "middle")


def test_a_relaxation_that_is_due_is_seen_by_every_change(scene_of):
    """The tick may be late: somebody who comes after the relaxation does not get ahead."""
    scene = scene_of(relax=((0, 4), (30, 1)))
    scene.sign_in("low", {"general": 1, "metering": 1})
    scene.enter("a")
    scene.now += 31
    scene.enter("b", "metering", ago=1)
    assert scene.of("a") == ("offered", "low")
    assert scene.state("b") == "waiting"


def test_who_may_not_serve_the_head_may_serve_another_class(scene_of):
    scene = scene_of(relax=((0, 4), (30, 1)))
    scene.enter("raised", ago=10, priority="raised")
    scene.enter("normal", ago=40)
    scene.sign_in("low", {"general": 1})
    assert scene.of("normal") == ("offered", "low")
    assert scene.state("raised") == "waiting"


def test_a_step_that_asks_for_more_is_no_step(scene_of):
    scene = scene_of(relax=((0, 2), (10, 5), (20, 1)))
    scene.sign_in("olena", {"general": 2})
    scene.enter("a", ago=15)
    assert scene.state("a") == "offered"


@pytest.mark.parametrize("priority", ["danger", "priority_site"])
def test_nothing_holds_off_the_urgent(scene_of, priority):
    scene = scene_of(
        relax=((0, 5),), overflow_to="metering", overflow_after=600, limit=1, longest=1
    )
    scene.sign_in("low", {"metering": 1})
    for name in ("a", "b", "c"):
        scene.enter(name)
    scene.enter("urgent", priority=priority)
    assert scene.of("urgent") == ("offered", "low")
    assert scene.audit() == []


def test_overflow_lets_another_queue_serve_after_its_time(scene_of):
    scene = scene_of(overflow_to="metering", overflow_after=60)
    scene.sign_in("guest", {"metering": 3})
    scene.enter("a")
    scene.wait(59)
    assert scene.state("a") == "waiting"
    scene.wait(1)
    assert scene.of("a") == ("offered", "guest")
    assert scene.ticket("a").queue == "general"


def test_an_overflowed_ticket_stands_in_the_other_queue_and_leaves_both(scene_of):
    scene = scene_of(overflow_to="metering", overflow_after=60)
    scene.enter("a", ago=100)
    scene.enter("b", "metering")
    assert scene.queue.place(COMPANY, "metering", scene.now, ticket="b").position == 2
    scene.sign_in("olena", {"metering": 1})
    assert scene.state("a") == "offered"
    assert scene.queue.place(COMPANY, "metering", scene.now, ticket="b").position == 1
    assert scene.audit() == []


def test_overflow_obeys_the_skills_of_the_queue_it_goes_to(scene_of):
    scene = scene_of(
        {"metering": Rules(relax=((0, 5), (90, 1)))}, overflow_to="metering", overflow_after=60
    )
    scene.sign_in("low", {"metering": 2})
    scene.enter("a")
    scene.wait(60)
    assert scene.state("a") == "waiting"
    scene.wait(30)
    assert scene.of("a") == ("offered", "low")


@pytest.mark.parametrize(
    "rules",
    [
        {"overflow_to": "metering", "overflow_after": 0.0},
        {"overflow_to": "", "overflow_after": 9.0},
        {"overflow_to": "general", "overflow_after": 9.0},
    ],
)
def test_overflow_needs_another_queue_and_a_time(scene_of, rules):
    scene = scene_of(**rules)
    scene.sign_in("olena", {"metering": 5})
    scene.enter("a", ago=100)
    assert scene.state("a") == "waiting"
    assert scene.queue.tick(scene.now) is None
    assert scene.audit() == []


# ---------------------------------------------------------------------- places


def test_positions_count_everybody_who_comes_first(scene):
    scene.enter("late")
    scene.enter("early", ago=30)
    scene.enter("raised", priority="raised")
    scene.enter("other", "metering", ago=100)
    scene.enter("away", ago=20)
    scene.queue.away("away", scene.now)
    expected = {"raised": 1, "early": 2, "away": 3, "late": 4}
    for name, position in expected.items():
        place = scene.queue.place(COMPANY, "general", scene.now, ticket=name)
        assert (place.position, place.waiting) == (position, 4)
    assert scene.queue.place(COMPANY, "general", scene.now).position == 5
    assert scene.queue.place(COMPANY, "general", scene.now, "raised").position == 2
    assert scene.queue.place(COMPANY, "general", scene.now, "danger").position == 1
    assert scene.queue.place(COMPANY, "nowhere", scene.now).position == 1


def test_a_place_tells_who_serves_and_who_is_free(scene):
    scene.sign_in("a", {"general": 1})
    scene.sign_in("b", {"general": 1, "metering": 2})
    scene.sign_in("c", {"metering": 2}, status="paused")
    scene.sign_in("d", {"metering": 2}, status="offline")
    scene.enter("x")
    general = scene.queue.place(COMPANY, "general", scene.now)
    metering = scene.queue.place(COMPANY, "metering", scene.now)
    assert (general.serving, general.free) == (2, 1)
    assert (metering.serving, metering.free) == (2, 1)


def test_a_place_tells_the_last_hundred_talks_and_what_was_promised(scene_of):
    scene = scene_of(wrap_up=0)
    scene.sign_in("olena")
    for number in range(102):
        scene.enter(f"t{number}")
        scene.talk(f"t{number}")
        scene.wait(number + 0.5)
        assert scene.queue.ended(f"t{number}", scene.now)
    scene.status("olena", "paused")
    scene.enter("x")
    scene.queue.promise("x", 95.0, scene.now)
    place = scene.queue.place(COMPANY, "general", scene.now, ticket="x")
    assert list(place.talks) == [number + 0.5 for number in range(101, 1, -1)]
    assert (place.state, place.told) == ("waiting", 95.0)
    assert (scene.ticket("x").told, scene.ticket("x").told_at) == (95.0, scene.now)


def test_the_place_of_an_offered_and_of_a_done_ticket(scene):
    scene.sign_in("olena")
    scene.enter("a")
    assert scene.queue.place(COMPANY, "general", scene.now, ticket="a").state == "offered"
    scene.queue.leave("a", "abandoned", scene.now)
    place = scene.queue.place(COMPANY, "general", scene.now, ticket="a")
    assert (place.state, place.position, place.waiting) == ("done", 1, 0)


# ---------------------------------------------------------------------- over a long time


def test_nobody_starves(scene_of):
    """However many raised ones come: only those of the next ten minutes are served before."""
    scene = scene_of(wrap_up=0)
    scene.enter("r0", priority="raised")
    scene.enter("patient")
    scene.sign_in("olena")
    last = scene.ticket("patient").entered + HEAD_STARTS["raised"]
    for number in range(1, 200):
        scene.enter(f"r{number}", priority="raised")
        scene.enter(f"s{number}", priority="raised")
        (offer,) = scene.queue.offers()
        if offer.ticket == "patient":
            break
        assert scene.ticket(offer.ticket).entered <= last
        scene.talk(offer.ticket)
        scene.wait(10)
        scene.queue.ended(offer.ticket, scene.now)
    assert offer.ticket == "patient"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [("in_memory", 3000), ("in_redis", 600)])
def test_nobody_is_overtaken(request, size, seed):
    """No inversion on a long random day: who is offered has nobody before him whom it suits."""
    rules = {
        "general": Rules(relax=((0, 3), (30, 1)), wrap_up=15),
        "metering": Rules(overflow_to="general", overflow_after=45, relax=((0, 2), (20, 1))),
        "legal": Rules(relax=((0, 5), (10, 3), (90, 1)), unanswered=2),
    }
    scene = request.getfixturevalue(size[0])(rules)
    day = random.Random(seed)
    seen: set[str] = set()
    for number in range(size[1]):
        happen(day, scene, number)
        for offer in scene.queue.offers():
            if offer.token not in seen:
                seen.add(offer.token)
                assert_not_overtaking(scene, rules, offer)
        if number % 100 == 0:
            assert scene.audit() == []
    assert len(seen) > size[1] / 10


def happen(day, scene, number):
    """Let one thing happen, as on a busy day; more callers than operators."""
    scene.now += day.expovariate(0.5)
    tickets = {state: [] for state in ("waiting", "offered", "ringing", "talking", "away")}
    for ticket in scene.queue.waiting(COMPANY):
        tickets.get(ticket.state, []).append(ticket)
    queue = day.choice(["general", "metering", "legal"])
    kind = day.randrange(12)
    if kind < 4:
        priority = day.choice(["normal"] * 5 + ["raised", "priority_site", "danger"])
        scene.enter(f"t{number}", queue, priority=priority)
    elif kind < 5:
        skills = {q: day.randint(1, 5) for q in day.sample(["general", "metering", "legal"], 2)}
        scene.sign_in(f"o{day.randrange(5)}", skills)
    elif kind < 7 and tickets["offered"]:
        scene.queue.answered(day.choice(tickets["offered"]).token, scene.now)
    elif kind < 9 and tickets["talking"]:
        scene.queue.ended(day.choice(tickets["talking"]).id, scene.now)
    elif kind < 10 and tickets["offered"]:
        scene.queue.unanswered(day.choice(tickets["offered"]).token, scene.now)
    elif kind < 11:
        scene.status(f"o{day.randrange(5)}", day.choice(["ready", "ready", "paused"]))
    elif tickets["waiting"]:
        scene.queue.leave(day.choice(tickets["waiting"]).id, "abandoned", scene.now)


def assert_not_overtaking(scene, rules, offer):
    """Nobody who still waits comes before the one offered and could have had the operator."""
    offered, operator = scene.ticket(offer.ticket), scene.operator(offer.operator)
    for other in scene.queue.waiting(COMPANY):
        if other.state != "waiting" or place(other) > place(offered):
            continue
        assert not suits(operator, other, rules, scene.now), (offered, other, operator)


def place(ticket):
    return ticket.entered - HEAD_STARTS[ticket.priority], ticket.id


def suits(operator, ticket, rules, now):
    """Say the rule of matching once more, in other words than the queue does."""
    waited = now - ticket.entered
    urgent = ticket.priority in ("danger", "priority_site")
    queues = [ticket.queue]
    own = rules[ticket.queue]
    if own.overflow_to and (urgent or ticket.entered + own.overflow_after <= now):
        queues.append(own.overflow_to)
    for queue in queues:
        reached = [level for seconds, level in rules[queue].relax if waited >= seconds]
        needed = 1 if urgent else min(reached)
        if operator.skills.get(queue, 0) >= needed:
            return True
    return False


def test_a_ticket_is_found_by_its_id_alone(scene):
    scene.enter("a")
    other = Ticket("x", "lviv", "general", scene.now)
    scene.queue.enter(other, scene.now)
    assert scene.ticket("a").company == COMPANY
    assert scene.ticket("x").company == "lviv"
    assert [ticket.id for ticket in scene.queue.waiting("lviv")] == ["x"]
    assert scene.queue.leave("x", "abandoned", scene.now)
    assert scene.queue.ticket("nobody") is None
    assert scene.queue.audit("lviv", scene.now) == []


def test_a_ticket_comes_back_as_it_went_in(scene):
    given = {
        "kind": "callback",
        "channel": "twilio",
        "node": "pbx1",
        "leg": "PJSIP/trunk-00000012",
        "number": "+380671110001",
        "dialled": "+380487059090",
        "language": "uk",
        "context": {"slots": {"account": "100200301"}, "why": "п'ять\n", "list": [1, 0.5, None]},
        "told": 12.25,
        "told_at": 3.125,
    }
    scene.now += 0.123456
    entered = scene.enter("callback-17", ago=0.1, **given)
    at = {"since": scene.now, "began": scene.now}
    expected = Ticket("callback-17", COMPANY, "general", scene.now - 0.1, **at, **given)
    assert entered == expected
    assert scene.ticket("callback-17") == expected
    assert scene.queue.waiting(COMPANY, "general") == [expected]
