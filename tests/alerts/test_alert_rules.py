"""What is wrong: queues as the wallboard marks them, measures against the bounds of the profile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.alerts.rules import BAND, OLD, POINTS, SILENT, Measures, look, unknown
from ivr.board import replay
from ivr.board.marks import BAD, WATCH
from ivr.company import load
from ivr.events import Entry
from ivr.terms import ALERTS

ODESA = load(Path(__file__).parents[2] / "flows" / "companies")["odesa"]
NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
WELL = Measures(outbox=0.0, disk=0.5, called=10.0, figures=0.3, told=20.0, matched=0.5)


def entry(what, call="", second=0.0, **details):
    return Entry("odesa", call, NOON + timedelta(seconds=second), what, "", "", details)


def waits(call, second=0.0, queue="general", state="waiting", **more):
    told = {"kind": "call", "operator": "", "outcome": "", "priority": "normal"} | more
    since = NOON.timestamp() + second
    return entry("ticket", call, second, state=state, queue=queue, entered=since, **told)


def serves(name="olena", **skills):
    told = {"shown": name, "reason": "", "ticket": "", "since": NOON.timestamp()}
    skills = skills or {"general": 3}
    return entry("operator", operator=name, status="ready", state="idle", skills=skills, **told)


def measured(**sections):
    return entry("measured", **sections)


def figures(*entries, second=60.0, company=ODESA):
    return replay(enumerate(entries), company).figures(NOON + timedelta(seconds=second))


def termed(**terms):
    alerts = replace(ODESA.terms.alerts, **terms)
    return replace(ODESA, terms=replace(ODESA.terms, alerts=alerts))


def states(found, measures=WELL, company=ODESA, at=NOON):
    """What is not right."""
    readings = look(found, measures, company, company.opening, at)
    assert len({each.key for each in readings}) == len(readings)
    return {each.key: each.state for each in readings if each.state not in ("right", "few")}


def value(found, kind, target="", measures=WELL, company=ODESA, at=NOON):
    readings = look(found, measures, company, company.opening, at)
    return next(each for each in readings if each.key == (kind, target))


def test_all_is_well():
    assert states(figures(serves(), waits("c1"), second=5)) == {}


@pytest.mark.parametrize(
    ("count", "state"), [(24, None), (25, "near"), (29, "near"), (30, "wrong"), (80, "wrong")]
)
def test_many_wait(count, state):
    found = figures(serves(), *(waits(f"c{each}") for each in range(count)), second=1)
    assert states(found).get(("waiting", "general")) == state
    reading = value(found, "waiting", "general")
    assert (reading.value, reading.bound, reading.level) == (count, 30, "alarm")


@pytest.mark.parametrize(("second", "state"), [(240, None), (241, "near"), (300, "wrong")])
def test_one_waits_for_long(second, state):
    found = figures(serves(), waits("c1"), second=second)
    assert states(found).get(("longest", "general")) == state


def test_nobody_serves_an_open_queue():
    assert states(figures(waits("c1"), second=5)) == {("no_operators", "general"): "wrong"}
    assert states(figures(waits("c1"), serves(), second=5)) == {}
    shut = replace(ODESA.opening, changes={("general", NOON.date()): ()})
    found = figures(waits("c1"), second=5)
    assert found["queues"]["general"]["why"] == {"unserved": BAD}
    assert states(found, company=replace(ODESA, opening=shut)) == {}


def turned_away(call, second=0.0, queue="general", outcome="nobody"):
    told = {"service": "queues.ask", "outcome": outcome, "queue": queue}
    return Entry("odesa", call, NOON + timedelta(seconds=second), "looked_up", "operator", "", told)


def test_nobody_serves_an_open_queue_and_who_asks_is_turned_away():
    away = [turned_away("c1"), turned_away("c1", 20), turned_away("c2", 30)]
    found = figures(*away, second=60)
    assert (found["queues"]["general"]["waiting"], found["queues"]["general"]["turned"]) == (0, 2)
    assert found["queues"]["general"]["mark"] == found["all"]["mark"] == BAD
    assert states(found) == {("no_operators", "general"): "wrong"}
    assert value(found, "no_operators", "general").value == 2
    assert states(figures(*away, serves(), second=60)) == {}
    assert states(figures(*away, second=325))
    assert states(figures(*away, second=331)) == {}


def test_nobody_connects_whom_the_queue_brought_together():
    offered = waits("c1", state="offered", operator="olena")
    reading = value(figures(serves(), waits("c2"), offered), "unmatched", "general")
    assert (reading.state, reading.value, reading.hold) == ("wrong", 2, 10.0)
    rings = waits("c1", 1.0, state="ringing", operator="olena")
    assert value(figures(serves(), offered, rings), "unmatched", "general").state == "right"


@pytest.mark.parametrize("denominator", ["offered", "without_short"])
def test_many_who_hang_up_at_once_are_enough_to_judge_where_they_count(denominator):
    """What is shown, marked and told of one half hour is about the same callers."""
    terms = replace(ODESA.terms.service_level, denominator=denominator)
    company = replace(ODESA, terms=replace(ODESA.terms, service_level=terms))
    short = [waits(f"c{each}") for each in range(20)]
    short += [waits(f"c{each}", 1, state="done", outcome="abandoned") for each in range(20)]
    found = figures(serves(), *short, company=company)
    counted = denominator == "offered"
    assert found["all"]["level_half"] == (0.0 if counted else None)
    for name, queue in {"": found["all"], **found["queues"]}.items():
        if name in ("", "general"):
            bad = {"service": BAD, "lost": BAD} if counted else {}
            assert queue["why"] == bad
            told = value(found, "service_level", name, company=company)
            assert told.state == ("wrong" if counted else "few")


def served(count, late):
    """Visits that were answered, so many of them too late."""
    for each in range(count):
        yield waits(f"c{each}")
        yield waits(f"c{each}", 40 if each < late else 5, state="talking", operator="olena")


@pytest.mark.parametrize(
    ("count", "late", "state"),
    [(9, 9, "few"), (20, 9, "wrong"), (20, 8, "near"), (20, 7, "right"), (0, 0, "few")],
)
def test_the_service_level(count, late, state):
    found = figures(serves(), *served(count, late))
    for target in ("general", ""):
        reading = value(found, "service_level", target)
        assert (reading.state, reading.bound) == (state, 0.6)


def gave_up(count, lost):
    """Visits that were answered, and so many that ended with the caller's hang-up."""
    for each in range(count):
        yield waits(f"c{each}")
        how = {"outcome": "abandoned"} if each < lost else {"operator": "olena"}
        yield waits(f"c{each}", 20, state="done" if each < lost else "talking", **how)


@pytest.mark.parametrize(
    ("count", "lost", "state"),
    [(9, 9, "few"), (20, 3, "wrong"), (20, 2, "near"), (20, 1, "right"), (0, 0, "few")],
)
def test_the_share_that_hung_up(count, lost, state):
    found = figures(serves(), *gave_up(count, lost))
    for target in ("general", ""):
        reading = value(found, "lost", target)
        assert (reading.state, reading.bound) == (state, 0.1)
    if count:
        assert reading.value == pytest.approx(lost / count, abs=1e-4)


def test_a_loss_over_the_yearly_figure_is_watched_below_the_alarm():
    company = termed(lost=0.3)
    found = figures(serves(), *gave_up(20, 3), company=company)
    assert found["queues"]["general"]["why"]["lost"] == WATCH
    assert value(found, "lost", "general", company=company).state == "right"
    found = figures(serves(), *gave_up(20, 7), company=company)
    assert value(found, "lost", "general", company=company).state == "wrong"


@pytest.mark.parametrize(
    ("speech", "expected"),
    [
        ({"busy": 0, "limit": 8, "up": 2, "of": 2}, {}),
        ({"busy": 0, "limit": 4, "up": 1, "of": 2}, {"": ("wrong", "warning")}),
        ({"busy": 0, "limit": 0, "up": 0, "of": 2}, {"": ("wrong", "alarm")}),
        ({"busy": 8, "limit": 8, "up": 2, "of": 2}, {"busy": ("wrong", "warning")}),
        ({"busy": 38, "limit": 40, "up": 2, "of": 2}, {"busy": ("near", "warning")}),
        ({"busy": 0, "limit": 0, "up": 0, "of": 0}, {}),
    ],
)
def test_recognisers(speech, expected):
    readings = look(figures(measured(speech=speech)), WELL, ODESA, ODESA.opening, NOON)
    found = [each for each in readings if each.kind == "recogniser_down" and each.state != "right"]
    assert {each.target: (each.state, each.level) for each in found} == expected


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        ({"outbox": 720.0}, {}),
        ({"outbox": 721.0}, {("outbox_stuck", ""): "near"}),
        ({"outbox": 900.0}, {("outbox_stuck", ""): "wrong"}),
        ({"disk": 0.88}, {}),
        ({"disk": 0.89}, {("disk_full", ""): "near"}),
        ({"disk": 0.9}, {("disk_full", ""): "wrong"}),
        ({"called": 89.0}, {}),
        ({"called": 90.0}, {("calls_fail", ""): "wrong"}),
        ({"called": None}, {}),
        ({"matched": 9.0}, {}),
        ({"matched": 10.0}, {("matchmaker", ""): "wrong"}),
        ({"told": SILENT}, {("figures_old", "measures"): "wrong"}),
        ({"figures": OLD, "told": SILENT}, {
            ("figures_old", ""): "wrong", ("figures_old", "measures"): "near"
        }),
    ],
)  # fmt: skip
def test_measures(measures, expected):
    assert states(figures(serves()), replace(WELL, **measures)) == expected


def test_a_disk_that_is_nearly_full_is_an_alarm():
    found = figures(serves())
    for disk, level in ((0.94, "warning"), (0.95, "alarm")):
        assert value(found, "disk_full", measures=replace(WELL, disk=disk)).level == level


def test_nothing_is_said_of_figures_that_are_old():
    found = figures(*(waits(f"c{each}") for each in range(90)), second=900)
    old = replace(WELL, figures=OLD)
    assert set(states(found, old)) == {("figures_old", ""), ("figures_old", "measures")}
    of_figures = {
        "service_level", "lost", "waiting", "longest", "no_operators", "recogniser_down",
        "unmatched",
    }  # fmt: skip
    assert unknown(found, old) == of_figures
    assert unknown({}, WELL) == of_figures
    assert unknown(found, WELL) == {"recogniser_down"}
    speech = {"busy": 0, "limit": 0, "up": 0, "of": 0}
    assert unknown(figures(measured(speech=speech)), Measures()) == {
        "outbox_stuck", "disk_full", "matchmaker",
    }  # fmt: skip


def test_quiet_kinds_are_not_judged():
    bad = Measures(outbox=9e9, disk=1.0, called=9e9, figures=0.0, told=9e9, matched=9e9)
    found = figures(*(waits(f"c{each}") for each in range(90)), second=900)
    kinds = {kind for kind, _ in states(found, bad)}
    assert kinds == set(ALERTS) - {"recogniser_down", "lost", "unmatched"}  # nobody hung up
    assert states(found, bad, termed(quiet=ALERTS)) == {}


def test_a_storm_silences_nothing():
    storm = {"state": "on", "until": None}
    found = figures(measured(storm=storm), waits("c1"), second=400)
    assert found["storm"]["state"] == "on"
    assert set(states(found)) == {("longest", "general"), ("no_operators", "general")}


@given(
    st.lists(st.tuples(st.sampled_from(["general", "outage"]), st.floats(0, 500)), max_size=60),
    st.booleans(),
    st.integers(0, 25),
    st.integers(0, 25),
)
def test_wrong_is_what_the_wallboard_marks_bad(waiting, staffed, count, late):
    entries = [serves(general=1, outage=1)] if staffed else []
    entries += served(count, min(late, count))
    entries += [waits(f"w{n}", second, queue) for n, (queue, second) in enumerate(waiting)]
    found = figures(*sorted(entries, key=lambda each: each.at), second=500)
    marked = {
        (kind, name)
        for name, queue in found["queues"].items()
        for kind, how in queue["why"].items()
        if how == BAD and kind != "lost"
    }
    names = {"service_level": "service", "no_operators": "unserved"}
    wrong = {
        (names.get(kind, kind), target)
        for (kind, target), state in states(found).items()
        if state == "wrong" and target
    }
    assert wrong == marked


def test_bands_lie_on_the_right_side():
    assert 0 < BAND < 1 and POINTS > 0
