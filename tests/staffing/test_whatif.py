"""What if: more, fewer, other rules, other talks; their figures; a process beside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from made_days import DAY, NONE, PLAIN, SEVERAL, busy_house, keep, moment, plain
from waiting import until

from ivr.agent_queue.model import Rules
from ivr.company import Company
from ivr.staffing import ask
from ivr.staffing.background import Busy, Simulations
from ivr.staffing.calendar import Calendar
from ivr.staffing.day import Caller, Day, EmptyDay, Stay
from ivr.staffing.replay import live
from ivr.staffing.shown import answer_table, figure_rows
from ivr.staffing.whatif import (
    Answer,
    Change,
    Question,
    answer,
    checked,
    interval,
    of_callers,
    parse_rule,
    staffed,
)
from ivr.store.database import Store, memory_store
from ivr.store.world import keep_company
from ivr.terms import ServiceTerms


@pytest.fixture
def odesa(house: object) -> Company:
    return replace(house.companies["odesa"], queues=dict(SEVERAL))


@pytest.fixture
def store(odesa: Company) -> Iterator[Store]:
    """The log of a busy day, which was lived once."""
    store = memory_store()
    with store.session() as db:
        keep_company(db, "odesa")
    made = busy_house(odesa, calls=500)
    keep(store, odesa, made, live(made, plain(SEVERAL), 1))
    yield store
    store.close()


def asked(store: Store, company: Company, change: Change, **more: int) -> Question:
    now = moment(busy_house(company, calls=1).ends) + timedelta(days=1)
    with store.session(read_only=True) as db:
        return ask.question(db, company, DAY, change, now, **({"runs": 2} | more))


def means(found: Answer, queue: str = "") -> dict[str, tuple[float | None, float, float]]:
    return {
        each.name: (each.true, each.was[0], each.changed[0] if each.changed else None)
        for each in found.figures
        if each.queue == queue and each.was
    }


def test_as_it_was_is_the_truth(store: Store, odesa: Company) -> None:
    found = answer(asked(store, odesa, Change()))
    for name, (true, was, changed) in means(found).items():
        assert was == pytest.approx(true, rel=0.02), name
        assert changed is None
    assert {each.queue for each in found.figures} == {"", "general", "outage", "metering"}
    assert not any(word.startswith("off") for word, _ in found.notes)


def test_more_operators_help_and_fewer_harm(store: Store, odesa: Company) -> None:
    skills = {"general": 5, "outage": 5, "metering": 5}
    more = means(answer(asked(store, odesa, Change(4, skills, "08:00", "18:00"))))
    fewer = means(answer(asked(store, odesa, Change(-4, {}, "08:00", "18:00"))))
    assert more["level"][2] > more["level"][1] + 0.02 > fewer["level"][2] + 0.04
    assert more["lost"][2] < more["lost"][1] < fewer["lost"][2]
    assert more["p90"][2] < fewer["p90"][2]
    assert more["busy"][2] < fewer["busy"][2]
    assert more["offered"][2] == pytest.approx(more["offered"][1], rel=0.03)


def test_shorter_talks_are_as_good_as_more_operators(store: Store, odesa: Company) -> None:
    question = asked(store, odesa, Change())
    factor = ask.factor(question.day, "", 90.0)
    assert 0.3 < factor < 0.9
    found = means(answer(replace(question, change=Change(handle={"": factor}))))
    assert found["level"][2] > found["level"][1]
    assert found["busy"][2] < found["busy"][1]
    with pytest.raises(ValueError, match="nobody talked in danger"):
        ask.factor(question.day, "danger", 90.0)


def test_another_rule(store: Store, odesa: Company) -> None:
    rules = {"general": {"relax": ((0.0, 1),)}, "metering": {"wrap_up": 0.0}}
    found = means(answer(asked(store, odesa, Change(rules=rules))), "general")
    assert found["p50"][2] != found["p50"][1]
    sooner = Change(rules={"outage": {"overflow_to": "general", "overflow_after": 1.0}})
    assert means(answer(asked(store, odesa, sooner)), "outage")["p90"][2] is not None


def test_the_same_seed_gives_the_same_answer(store: Store, odesa: Company) -> None:
    change = Change(-2, {}, "09:00", "12:00")
    assert answer(asked(store, odesa, change)) == answer(asked(store, odesa, change))


def test_a_day_is_lived_with_the_skills_it_had(store: Store, odesa: Company) -> None:
    found = asked(store, odesa, Change())
    assert found.day.stays[0].skills == {"general": 1, "outage": 3, "metering": 2}
    assert {stay.operator for stay in found.day.stays} == {f"op{n}" for n in range(12)}


# ---------------------------------------------------------------------- who goes, who comes


def hours(day: Day, change: Change, company: Company, hour: int) -> int:
    at = day.begins + hour * 3600 + 60
    there = staffed(day, change, company.zone, random.Random(1))
    return sum(stay.start <= at < stay.end for stay in there)


def test_so_many_fewer_at_every_moment(odesa: Company) -> None:
    day = busy_house(odesa)
    before = [hours(day, Change(), odesa, hour) for hour in range(7, 18)]
    after = [hours(day, Change(-3, {}, "10:00", "16:00"), odesa, hour) for hour in range(7, 18)]
    within = [10 <= hour < 16 for hour in range(7, 18)]
    assert after == [
        max(0, count - 3) if inside else count for count, inside in zip(before, within, strict=True)
    ]
    more = [hours(day, Change(2, {}, "10:00", "24:00"), odesa, hour) for hour in range(7, 18)]
    assert more == [count + 2 * (hour >= 10) for hour, count in enumerate(before, 7)]


def test_who_goes_has_the_skills(odesa: Company) -> None:
    first, last = (each.timestamp() for each in Calendar(odesa).bounds(DAY))
    stays = (
        Stay("a", first, last, {"general": 3}),
        Stay("b", first, last, {"general": 3, "outage": 4}),
    )
    day = Day(DAY, first, last, (), stays)
    change = Change(-1, {"outage": 1})
    assert staffed(day, change, odesa.zone, random.Random(1)) == (stays[0],)
    with pytest.raises(ValueError, match="nobody can go"):
        staffed(day, Change(-1, {"metering": 1}), odesa.zone, random.Random(1))
    come = staffed(day, Change(1), odesa.zone, random.Random(1))[-1]
    assert (come.operator, dict(come.skills)) == ("+1", {"general": 3, "outage": 4})


def test_more_go_than_are_there(store: Store, odesa: Company) -> None:
    found = answer(asked(store, odesa, Change(-50), runs=1))
    assert means(found)["answered"][2] == 0
    assert {"emptied", "one_run"} <= set(dict(found.notes))
    assert "nobody was left" in answer_table(found)


# ---------------------------------------------------------------------- bad questions

RULES = {"general": Rules(), "outage": Rules()}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Change(501), "at most 500"),
        (Change(1, {"moon": 3}), "moon is no queue"),
        (Change(1, {"general": 9}), "1 to 5"),
        (Change(1, since="8"), "written 08:30"),
        (Change(1, since="25:00"), "00:00 to 24:00"),
        (Change(1, since="09:00", until="09:00"), "no time at all"),
        (Change(rules={"moon": {"wrap_up": 1.0}}), "moon is no queue"),
        (Change(rules={"general": {"limit": 5}}), "limit cannot be tried out"),
        (Change(rules={"general": {"wrap_up": -1.0}}), "0 to 86400"),
        (Change(rules={"general": {"overflow_to": "general"}}), "another queue"),
        (Change(rules={"general": {"relax": ((5.0, 1),)}}), "begins at 0"),
        (Change(rules={"general": {"relax": ((0.0, 9),)}}), "0 to 5"),
        (Change(handle={"": 0.0}), "0.1 to 10 times"),
    ],
)
def test_a_change_that_makes_no_sense_is_named(change: Change, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        checked(change, RULES)


def test_rules_are_read_from_text() -> None:
    assert parse_rule("outage.wrap_up=10") == ("outage", "wrap_up", 10.0)
    assert parse_rule("general.relax=0:3,60:1") == ("general", "relax", ((0.0, 3), (60.0, 1)))
    assert parse_rule("a.overflow_to=b") == ("a", "overflow_to", "b")
    for text in ("outage", "wrap_up=5", "outage.wrap_up=soon", "general.relax=3"):
        with pytest.raises(ValueError, match="write|seconds"):
            parse_rule(text)


def test_days_that_cannot_be_lived_again(store: Store, odesa: Company) -> None:
    now = moment(busy_house(odesa, calls=1).ends)
    with store.session(read_only=True) as db:
        with pytest.raises(ValueError, match="is not over"):
            ask.question(db, odesa, DAY + timedelta(days=9), Change(), now)
        with pytest.raises(EmptyDay, match="nobody called"):
            ask.question(db, odesa, DAY - timedelta(days=9), Change(), now)
    with pytest.raises(ValueError, match="runs are 1 to 50"):
        answer(asked(store, odesa, Change(), runs=0))


# ---------------------------------------------------------------------- figures


def test_figures_by_the_definition_of_the_company() -> None:
    def came(call: str, **fields: object) -> Caller:
        given = {"number": 1, "outcome": "answered", "waited": 10.0, "talk": 60.0}
        return Caller(call, queue="general", at=0.0, entered=0.0, **(given | fields))

    gone = {"outcome": "abandoned", "waited": None, "talk": None}
    callers = [
        came("a"), came("b", waited=31.0), came("c", waited=30.0), came("d", left=2.0, **gone),
        came("e", left=80.0, **gone), came("f", kind="callback"), came("g", counted=False),
        came("h", outcome="deflected", waited=None, left=9.0),
        came("a", number=2, waited=300.0), came("a", number=3, left=20.0, **gone),
    ]  # fmt: skip

    def level(**terms: object) -> float | None:
        return of_callers(callers, ServiceTerms(**terms), "", None).level

    assert level() == pytest.approx(2 / 6)
    assert level(denominator="without_short") == pytest.approx(2 / 5)
    assert level(denominator="answered") == pytest.approx(2 / 3)
    found = of_callers(callers, ServiceTerms(), "", None)
    assert (found.offered, found.answered, found.lost) == (6, 3, pytest.approx(2 / 6))
    assert (found.p50, found.p90) == (30.0, 31.0)
    nobody = of_callers([], ServiceTerms(), "", None)
    assert (nobody.offered, nobody.level, nobody.lost, nobody.p50) == (0, None, None, None)


def test_the_interval_is_that_of_student() -> None:
    assert interval([]) is None
    assert interval([None, 4.0]) == (4.0, 0.0)
    mean, half = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (mean, half) == (3.0, pytest.approx(2.776 * 1.5811 / 5**0.5, rel=1e-3))


# ---------------------------------------------------------------------- beside a web process


def test_a_process_beside_answers_the_same(store: Store, odesa: Company) -> None:
    question = asked(store, odesa, Change(2, {}, "10:00", "12:00"))
    beside = Simulations()
    job = beside.start("odesa", question, {"operators": 2})
    with pytest.raises(Busy):
        beside.start("odesa", question, {})
    assert until(lambda: job.state != "running", 60)
    assert (job.state, job.done, job.of) == ("done", 4, 4)
    rows = figure_rows(answer(question))
    told = [(each["queue"] or "all", each["name"], each["true"]) for each in job.answer["figures"]]
    assert told == [
        (row.queue, row.figure, pytest.approx(row.log, abs=1e-4) if row.log is not None else None)
        for row in rows
    ]
    again = beside.start("odesa", question, {})  # the next one may begin
    assert beside.stop("odesa")
    assert until(lambda: again.process.poll() is not None, 20)
    assert again.state == "stopped"
    assert not beside.stop("odesa")
    assert beside.last("kazan") is None


def test_a_refusal_of_the_process_is_told(odesa: Company) -> None:
    caller = Caller("c", 1, "general", 10.0, 10.0, waited=0.0, talk=5.0)
    day = Day(DAY, 0.0, 86_400.0, (caller,), (Stay("op", 0.0, 86_400.0, {"general": 5}),))
    question = Question(
        day, Change(-1, {"outage": 1}), odesa.zone, PLAIN, NONE, ServiceTerms(), runs=1
    )
    job = Simulations().start("odesa", question, {})
    assert until(lambda: job.state != "running", 60)
    assert job.state == "refused"
    assert "nobody can go" in job.why
