"""While storm mode is on: wrap-ups are shorter, call-backs go by what was decided."""

from __future__ import annotations

from typing import Any

import pytest
from matching import Hall

from ivr.storm import records


def storm(hall: Hall, **rules: Any) -> None:
    with hall.store.session() as db:
        company = hall.companies["odesa"]
        records.switch_on(db, company, hall.clock(), "vira", hours=1, rules=rules)


def calm(hall: Hall) -> None:
    with hall.store.session() as db:
        records.switch_off(db, hall.companies["odesa"], hall.clock(), "vira")


def talked(hall: Hall) -> None:
    """A talk that has just ended: wrap-up."""
    hall.operator()
    hall.caller()
    hall.answer()
    hall.queue.ended("pbx1-1.1", hall.now)
    hall.matchmaker.step()
    assert hall.state() == "wrap_up"


def test_a_wrap_up_is_cut_to_that_of_the_storm(hall: Hall) -> None:
    storm(hall, wrap_up=10)
    talked(hall)
    hall.pass_(8)
    assert hall.state() == "wrap_up"
    hall.pass_(8)
    assert hall.state() == "idle"


def test_without_a_storm_it_lasts_as_the_queue_says(hall: Hall) -> None:
    talked(hall)
    hall.pass_(28)
    assert hall.state() == "wrap_up"
    hall.pass_(4)
    assert hall.state() == "idle"


def test_whoever_asked_for_more_time_keeps_it(hall: Hall) -> None:
    storm(hall, wrap_up=10)
    talked(hall)
    hall.queue.extend("odesa", "olena", 60.0, hall.now)
    hall.pass_(55)
    assert hall.state() == "wrap_up"


def waiting(hall: Hall) -> set[str]:
    return {ticket.id for ticket in hall.queue.waiting("odesa")}


def due(hall: Hall, count: int = 5) -> None:
    for number in range(count):
        hall.due_callback(f"+38067111001{number}")


def test_as_ever_each_has_its_place(hall: Hall) -> None:
    storm(hall, callbacks="place")
    due(hall)
    hall.pass_(6)
    assert len(waiting(hall)) == 5


def test_only_after_the_storm_but_for_those_who_come_first(hall: Hall) -> None:
    storm(hall, callbacks="calm")
    due(hall)
    hall.due_callback("+380671110019", priority="priority_site")
    hall.pass_(6)
    assert waiting(hall) == {"callback-6"}
    calm(hall)
    hall.pass_(6)
    assert len(waiting(hall)) == 6


def test_who_stood_in_the_queue_already_steps_back_and_keeps_his_place(hall: Hall) -> None:
    hall.due_callback()
    hall.pass_(6)
    entered = hall.ticket("callback-1").entered
    storm(hall, callbacks="calm")
    hall.pass_(6)
    assert waiting(hall) == set()
    calm(hall)
    hall.pass_(6)
    assert hall.ticket("callback-1").entered == entered


@pytest.mark.parametrize(("operators", "standing"), [(0, 0), (3, 1), (8, 2)])
def test_a_few_at_a_time(hall: Hall, operators: int, standing: int) -> None:
    for number in range(operators):
        hall.operator(f"o{number}", status="paused")
    storm(hall, callbacks="spread")
    due(hall)
    hall.pass_(12)
    assert len(waiting(hall)) == standing
    assert waiting(hall) <= {f"callback-{number}" for number in range(1, standing + 1)}
