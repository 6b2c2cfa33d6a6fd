"""The fold of the wallboard: whatever the log, its figures are those of a count from scratch."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recount import compared, recount
from simulated import Log, Shift

from ivr.agent_queue.memory import MemoryQueue
from ivr.board import Board, replay
from ivr.board.fold import FORGOTTEN, REMEMBERED
from ivr.company import load
from ivr.events import Entry
from ivr.terms import ServiceTerms

COMPANIES = load(Path(__file__).parents[2] / "flows" / "companies")
ODESA = COMPANIES["odesa"]
NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


def entry(what, call="", second=0.0, flow="", **details):
    return Entry("odesa", call, NOON + timedelta(seconds=second), what, flow, "", details)


def begins(call, second=0.0, **more):
    told = {"from": None, "to": None, "channel": "agi", **more}
    return entry("answered", call, second, "main", **told)


def ticket(call, state, second=0.0, queue="general", entered=None, **more):
    since = NOON.timestamp() + (second if entered is None else entered)
    told = {"kind": "call", "operator": "", "outcome": "", "priority": "normal", **more}
    return entry("ticket", call, second, state=state, queue=queue, entered=since, **told)


def operator(name, second=0.0, status="ready", state="idle", skills=None, **more):
    told = {"shown": name, "reason": "", "ticket": "", "since": NOON.timestamp() + second, **more}
    skills = {"general": 3} if skills is None else skills
    return entry(
        "operator", "", second, operator=name, status=status, state=state, skills=skills, **told
    )


def figures(*entries, second=60.0, company=ODESA):
    board = replay(enumerate(entries), company)
    return board.figures(NOON + timedelta(seconds=second))


def same(board, entries, at, company=ODESA):
    assert compared(board.figures(at)) == compared(recount(entries, company, at))


# ---------------------------------------------------------------------- against a count by hand


@pytest.fixture
def shift(worker, house, clock):
    """Shifts that begin at a moment."""

    def make(seed, begin, company=ODESA, pace=8.0):
        clock.pass_((begin - clock()).total_seconds())
        log = Log()
        queue = MemoryQueue(
            {company.id: company.queues}, seeds=itertools.count().__str__, journal=log.note
        )
        runner = worker(queue=queue, log=log)
        return Shift(runner, queue, log, clock, company, random.Random(seed), pace)

    return make


BEGINS = {
    "an ordinary noon": datetime(2026, 11, 3, 10, 0, tzinfo=UTC),
    "midnight": datetime(2026, 11, 3, 21, 30, tzinfo=UTC),
    "the hour that comes twice": datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
    "the hour that is left out": datetime(2027, 3, 28, 0, 15, tzinfo=UTC),
}


@pytest.mark.parametrize("name", BEGINS)
def test_a_shift_is_counted_as_by_hand(shift, name):
    entries = shift(name, BEGINS[name]).run(700)
    kinds = {each.kind for each in entries}
    assert {"answered", "ended", "ticket", "operator", "queued", "measured", "storm"} <= kinds
    outcomes = {each.details.get("outcome") for each in entries if each.kind == "ticket"}
    assert {"answered", "abandoned"} <= outcomes
    board, chance, at = Board(ODESA), random.Random(name), entries[0].at
    for number, each in enumerate(entries, 1):
        board.apply(each)
        at = max(at, each.at)
        if chance.random() < 0.03 or number == len(entries):
            same(board, entries[:number], at)
            same(board, entries[:number], at + timedelta(seconds=chance.uniform(0, 90)))


@pytest.mark.parametrize("denominator", ["offered", "without_short", "answered"])
@pytest.mark.parametrize("clock_begins", ["queue", "call"])
def test_each_formula_is_counted_as_by_hand(shift, denominator, clock_begins):
    service = ServiceTerms(within=240, short=90, clock=clock_begins, denominator=denominator)
    company = replace(ODESA, terms=replace(ODESA.terms, service_level=service))
    entries = shift("offered", BEGINS["an ordinary noon"], company).run(700)
    board = replay(enumerate(entries), company)
    at = entries[-1].at + timedelta(seconds=1)
    same(board, entries, at, company)
    day = board.figures(at)["all"]
    assert 0 < day["within"] < day["answered"] and day["short"] and day["lost"]


CALLS = st.sampled_from([f"c{n}" for n in range(4)])
STATES = st.sampled_from(
    ["waiting", "away", "offered", "ringing", "talking", "broken", "done", "waiting", "talking"]
)


@st.composite
def logs(draw):
    """Entries that no product would write: any state after any other, and out of order."""
    found, second = [], 0.0
    for _ in range(draw(st.integers(1, 40))):
        second += draw(st.floats(0, 20))
        at = max(0.0, second - draw(st.sampled_from([0.0, 0.0, 0.0, 5.0, 30.0])))
        call, what = draw(CALLS), draw(st.integers(0, 9))
        who = draw(st.sampled_from(["", "olena", "petro"]))
        if what < 5:
            state = draw(STATES)
            outcomes = ["answered", "abandoned", "called_back", "deflected"]
            outcome = draw(st.sampled_from(outcomes)) if state == "done" else ""
            queue = draw(st.sampled_from(["general", "outage", "of its own"]))
            found.append(ticket(call, state, at, queue, at, operator=who, outcome=outcome))
        elif what == 5:
            found.append(begins(call, at))
        elif what == 6:
            found.append(entry("said", call, at, draw(st.sampled_from(["reading", "outage"]))))
        elif what == 7:
            found.append(entry("ended", call, at, "main"))
        elif who:
            status = draw(st.sampled_from(["ready", "paused", "offline"]))
            state = draw(st.sampled_from(["idle", "talking", "wrap_up"]))
            found.append(operator(who, at, status, state))
        else:
            found.append(entry("measured", "", at, callbacks={"due": what, "late": 0}))
    return found


@given(logs(), st.integers(0, 40))
def test_any_log_is_counted_as_by_hand(entries, cut):
    entries = entries[: cut or None]
    at = max(each.at for each in entries) + timedelta(seconds=1)
    same(replay(enumerate(entries), ODESA), entries, at)


@given(logs(), st.lists(st.integers(0, 40), max_size=6))
def test_looking_at_the_figures_in_between_changes_nothing(entries, looks):
    board = Board(ODESA)
    for number, each in enumerate(entries):
        board.apply(each)
        if number in looks:
            before = board.figures(each.at)
            assert board.figures(each.at) == before
    at = entries[-1].at + timedelta(minutes=1)
    assert board.figures(at) == replay(enumerate(entries), ODESA).figures(at)


def test_a_replay_ends_where_it_is_told_to():
    log = [(7, begins("a")), (9, begins("b")), (12, begins("c"))]
    at = NOON + timedelta(seconds=1)
    assert [replay(log, ODESA, upto).figures(at)["calls"]["open"] for upto in (6, 9, None)] == [
        0,
        2,
        3,
    ]


# ---------------------------------------------------------------------- calls


def test_a_caller_is_in_one_place():
    told = [begins("a"), entry("said", "a", 1, "outage"), ticket("a", "waiting", 2)]
    assert figures(told[0])["ivr"] == {"main": 1}
    assert figures(*told[:2])["ivr"] == {"outage": 1}
    waiting = figures(*told)
    assert waiting["ivr"] == {} and waiting["calls"]["waiting"] == 1
    assert waiting["calls"]["open"] == waiting["calls"]["used"] == 1
    talking = figures(*told, ticket("a", "talking", 3, operator="olena"))["calls"]
    assert (talking["ivr"], talking["waiting"], talking["talking"]) == (0, 0, 1)
    after = figures(*told, ticket("a", "done", 3, outcome="deflected"))
    assert after["ivr"] == {"outage": 1} and after["calls"]["open"] == 1
    over = figures(*told, ticket("a", "done", 3, outcome="abandoned"), entry("ended", "a", 3))
    assert over["calls"]["open"] == 0 and over["ivr"] == {}


def test_what_comes_late_opens_no_call_again():
    over = [begins("a"), entry("ended", "a", 5, "main")]
    assert figures(*over, entry("left", "a", 5, "main"))["calls"]["open"] == 0
    assert figures(*reversed(over))["calls"]["open"] == 0
    assert figures(entry("offered", "b", operator="olena"))["calls"]["open"] == 0


def test_older_news_of_a_ticket_or_an_operator_changes_nothing():
    told = figures(ticket("a", "talking", 9, operator="olena"), ticket("a", "waiting", 3))
    assert told["calls"]["waiting"] == 0 and told["calls"]["talking"] == 1
    told = figures(operator("olena", 9, "paused"), operator("olena", 3, "ready"))
    assert told["faces"] == {"paused": 1}


def test_calls_to_ourselves_are_in_no_figure():
    told = figures(
        begins("self", entrance="synthetic"),
        ticket("self", "waiting", 1),
        entry("said", "self", 2, "main"),
    )
    assert told["calls"]["open"] == told["calls"]["waiting"] == told["all"]["offered"] == 0


def test_call_backs_wait_apart_and_hold_a_line_when_they_talk():
    waits = ticket("callback-1", "waiting", 1, kind="callback", entered=-7200)
    told = figures(waits)
    general = told["queues"]["general"]
    assert (general["waiting"], general["callbacks"], general["offered"]) == (0, 1, 0)
    assert told["all"]["longest"] == 0
    talks = ticket("callback-1", "talking", 2, kind="callback", operator="olena")
    assert figures(waits, talks)["calls"]["used"] == 1


# ---------------------------------------------------------------------- visits


def test_who_is_passed_on_waits_again_but_is_offered_once():
    talk = [ticket("a", "waiting", 0), ticket("a", "talking", 10, operator="olena", entered=0)]
    passed = figures(*talk, ticket("a", "waiting", 100, "outage", entered=0), second=130)
    outage = passed["queues"]["outage"]
    assert passed["all"]["offered"] == passed["all"]["answered"] == 1
    assert passed["all"]["late"] == 0 and passed["all"]["level"] == 1.0
    assert (outage["offered"], outage["waiting"], outage["longest"]) == (0, 1, 30.0)
    broken = [*talk, ticket("a", "broken", 50, operator="olena", entered=0)]
    back = [
        ticket("a", "offered", 55, operator="olena", entered=0),
        ticket("a", "talking", 56, operator="olena", entered=0),
    ]
    assert figures(*broken, *back, second=99)["all"]["offered"] == 1
    another = figures(*broken, ticket("a", "waiting", 70, entered=0), second=99)
    assert another["all"]["offered"] == 1 and another["all"]["longest"] == 29.0
    gone = ticket("a", "done", 120, "outage", entered=0, outcome="abandoned")
    lost = figures(*talk, ticket("a", "waiting", 100, "outage", entered=0), gone, second=130)
    assert lost["all"]["lost"] == lost["all"]["short"] == 0


def test_who_comes_into_a_queue_again_much_later_is_in_another_visit():
    later = REMEMBERED + 600
    told = [
        begins("a"),
        ticket("a", "waiting", 5),
        ticket("a", "done", 40, entered=5, outcome="deflected"),
        begins("b", later - 60),
        ticket("a", "waiting", later, entered=5),
    ]
    all_ = figures(*told, second=later + 10)["all"]
    assert (all_["offered"], all_["deflected"], all_["longest"]) == (2, 1, 10.0)


@pytest.mark.parametrize(("denominator", "bad"), [("offered", True), ("without_short", False)])
def test_the_share_lost_is_that_of_the_report(denominator, bad):
    """Short abandons are lost calls there, or in no figure."""
    service = ServiceTerms(denominator=denominator)
    company = replace(ODESA, terms=replace(ODESA.terms, service_level=service))
    told = [operator("olena")]
    for number in range(30):
        ends = ("talking", {}) if number > 3 else ("done", {"outcome": "abandoned"})
        told.append(ticket(f"c{number}", "waiting", number))
        told.append(ticket(f"c{number}", ends[0], number + 2, entered=number, **ends[1]))
    why = figures(*told, company=company)["queues"]["general"]["why"]
    assert ("lost" in why) == bad


def test_who_can_be_in_time_no_more_lowers_the_level_before_he_is_answered():
    good = [ticket("a", "waiting"), ticket("a", "talking", 5, operator="olena", entered=0)]
    waits = ticket("b", "waiting", 6)
    assert figures(*good, waits, second=30)["all"]["level_half"] == 1.0
    assert figures(*good, waits, second=36.0)["all"]["level_half"] == 1.0
    late = figures(*good, waits, second=37)["all"]
    assert (late["level_half"], late["late"], late["offered"]) == (0.5, 1, 2)


def test_a_short_abandon_is_no_lost_caller():
    def gone(call, after):
        return [
            ticket(call, "waiting"),
            ticket(call, "done", after, entered=0, outcome="abandoned"),
        ]

    told = figures(*gone("a", 4.9), *gone("b", 5.0))["all"]
    assert (told["short"], told["lost"], told["offered"], told["level"]) == (1, 1, 2, 0.0)


def test_midnight_begins_new_counts_and_keeps_what_is():
    at = datetime(2026, 11, 3, 22, 10, tzinfo=UTC)  # 00:10 in Kyiv
    second = (at - NOON).total_seconds()
    told = [
        begins("a", second - 1200),
        ticket("a", "waiting", second - 1190),
        operator("olena", second - 9000, "paused"),
        ticket("b", "waiting", second - 9000),
        ticket("b", "talking", second - 8990, operator="olena", entered=second - 9000),
    ]
    before = figures(*told, second=second - 620)
    after = figures(*told, second=second)
    assert before["all"]["offered"] == 2 and after["all"]["offered"] == 0
    assert after["calls"]["open"] == after["calls"]["waiting"] == 1
    assert after["all"]["longest"] == 1190 and after["faces"] == {"paused": 1}
    assert len(before["history"]) == 48 and len(after["history"]) == 1


@pytest.mark.parametrize(
    ("day", "halves"), [((2026, 10, 25), 50), ((2027, 3, 28), 46), ((2026, 11, 3), 48)]
)
def test_a_day_has_the_half_hours_it_has(day, halves):
    end = datetime(*day, 23, 59, tzinfo=ODESA.zone).astimezone(UTC)
    history = Board(ODESA).figures(end)["history"]
    starts = [each["since"] for each in history]
    assert len(starts) == halves
    assert {b - a for a, b in itertools.pairwise(starts)} == {1800}


def test_the_chart_of_the_last_hour_is_what_was():
    told = [
        ticket("a", "waiting", -600),
        ticket("b", "waiting", -330),
        ticket("a", "talking", -290, operator="olena"),
        ticket("b", "done", -70, outcome="abandoned"),
    ]
    waits = figures(*told, second=0)["waits"]
    assert waits["minute"] == NOON.timestamp()
    assert waits["counts"][-12:] == [0, 1, 1, 1, 1, 1, 2, 1, 1, 1, 0, 0]


# ---------------------------------------------------------------------- operators, storm, marks


def test_operators_are_shown_with_what_they_do_and_since_when():
    told = figures(
        operator("olena", 1, state="talking", ticket="a", skills={"general": 5}),
        ticket("a", "talking", 1, operator="olena"),
        operator("petro", 2, "paused", reason="lunch"),
        operator("taras", 3, "offline"),
        operator("vira", 4, "offline", state="talking"),
    )
    assert told["faces"] == {"talking": 2, "paused": 1}
    olena, petro, _ = told["operators"]
    assert (olena["face"], olena["queue"], olena["since"]) == (
        "talking",
        "general",
        NOON.timestamp() + 1,
    )
    assert (petro["face"], petro["reason"]) == ("paused", "lunch")
    general = told["queues"]["general"]
    assert (general["serving"], general["free"]) == (2, 0)


def test_a_storm_is_over_at_its_end_whoever_writes_it_down():
    until = (NOON + timedelta(minutes=5)).isoformat()
    on = entry("storm", "", 0, state="on", until=until)
    assert figures(on, second=60)["storm"]["state"] == "on"
    assert figures(on, second=300)["storm"] == {"state": "off", "until": None}
    measured = entry("measured", "", 1, storm={"state": "off", "until": None})
    assert figures(on, measured)["storm"]["state"] == "off"
    assert figures(measured, on)["storm"]["state"] == "off"


@pytest.mark.parametrize(
    ("second", "serving", "mark", "why"),
    [
        (20, True, "", {}),
        (31, True, "watch", {"longest": "watch"}),
        (301, True, "bad", {"longest": "bad"}),
        (31, False, "bad", {"unserved": "bad", "longest": "watch"}),
    ],
)
def test_a_wait_that_grows_is_marked(second, serving, mark, why):
    told = [ticket("a", "waiting")] + ([operator("olena")] if serving else [])
    general = figures(*told, second=second)["queues"]["general"]
    assert (general["mark"], general["why"]) == (mark, why)


def test_a_half_hour_that_goes_wrong_is_marked():
    told = [operator("olena")]
    for number in range(20):
        told += [ticket(f"c{number}", "waiting", number)]
        if number < 13:
            told += [ticket(f"c{number}", "talking", number + 5, entered=number)]
        else:
            told += [ticket(f"c{number}", "done", number + 9, entered=number, outcome="abandoned")]
    general = figures(*told)["queues"]["general"]
    assert general["why"] == {"lost": "bad", "service": "watch"}
    assert figures(*told[:27])["queues"]["general"]["why"] == {}


# ---------------------------------------------------------------------- memory


def test_a_shift_leaves_nothing_behind(shift):
    """What is over is dropped, by the time of the log."""
    one = shift("long", BEGINS["an ordinary noon"], pace=40.0)
    board = Board(ODESA)
    seen = 0
    for _ in range(12):
        entries = one.run(60)
        for each in entries[seen:]:
            board.apply(each)
        seen = len(entries)
        newest = max(each.at for each in entries).timestamp()
        old = newest - REMEMBERED - 120
        assert all(call.open or call.at > old for call in board.calls.values())
        open_ = {name for name, call in board.calls.items() if call.open}
        done = [(name, p) for name, p in board.places.items() if p.state == "done"]
        assert all(name in open_ or p.at > old for name, p in done)
    assert one.clock() - BEGINS["an ordinary noon"] > timedelta(hours=6)
    assert len({each.call for each in one.log.entries}) > 3 * len(board.calls)


def test_a_call_without_an_end_is_dropped_in_the_end():
    late = FORGOTTEN + 120
    assert figures(begins("a"), begins("b", late), second=late)["calls"]["open"] == 1


def test_who_was_turned_away_is_counted_once_for_five_minutes():
    told = {"service": "queues.ask", "outcome": "nobody", "queue": "general"}
    entries = [
        begins("c1"),
        entry("looked_up", "c1", 5, "operator", **told),
        entry("looked_up", "c1", 25, "operator", **told),
        begins("c2", 30),
        entry("looked_up", "c2", 35, "operator", **told | {"outcome": "nobody_outage"}),
        begins("ours", 40, entrance="synthetic"),
        entry("looked_up", "ours", 45, "operator", **told),
        ticket("c3", "offered", 50, operator="olena"),
    ]
    board = replay(enumerate(entries), ODESA)
    for second, count in ((50, 2), (325, 2), (326, 1), (336, 0)):
        at = NOON + timedelta(seconds=second)
        found = board.figures(at)["queues"]["general"]
        assert (found["turned"], found["unclaimed"]) == (count, 1)
        same(board, entries, at)
