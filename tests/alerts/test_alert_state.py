"""Hysteresis: nothing flaps, nothing is missed, whatever is read at whatever moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ivr.alerts.rules import Reading
from ivr.alerts.state import FEW, Live, State

NOON = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
HOLD, CLEAR = 2.0, 60.0
WORDS = ("wrong", "near", "few", "right", "unknown", "absent")


def reading(state="wrong", kind="waiting", target="general", level="alarm", value=31.0):
    return Reading(kind, target, state, level, value, 30.0)


class Run:
    """A state that is stepped."""

    def __init__(self, hold=HOLD, clear=CLEAR, live=()):
        self.state, self.now = State(hold, clear, live), 1000.0
        self.told = []

    def step(self, *readings, seconds=0.5, unknown=(), storm="off"):
        self.now += seconds
        at = NOON + timedelta(seconds=self.now)
        changes = self.state.step(readings, unknown, self.now, at, storm)
        self.told += changes
        return [each.what for each in changes]

    def last(self, *readings, seconds, every=0.5, **more):
        """What happens while this is read for so long."""
        return [what for _ in range(int(seconds / every)) for what in self.step(*readings, **more)]


def test_raised_after_hold_and_cleared_after_clear():
    run = Run()
    assert run.last(reading(), seconds=2) == []
    assert run.step(reading(), storm="on") == ["raised"]
    alert = run.told[0].alert
    assert alert.since == NOON + timedelta(seconds=1000.5)
    assert (alert.value, alert.bound, alert.worst, alert.storm) == (31.0, 30.0, 31.0, "on")
    assert run.last(reading(value=50.0), seconds=30) == []
    assert run.last(reading("right", value=3.0), seconds=60) == []
    assert run.step(reading("right")) == ["cleared"]
    assert run.told[-1].alert.worst == 50.0
    assert run.state.live == {}


def test_what_is_normal_for_a_moment_must_last_longer():
    run, stuck = Run(), replace(reading(), hold=10.0)
    assert run.last(stuck, seconds=10) == []
    assert run.step(stuck) == ["raised"]
    assert run.told[0].alert.since == NOON + timedelta(seconds=1000.5)


def test_a_break_begins_anew():
    run = Run()
    for _ in range(20):
        assert run.last(reading(), seconds=2) == []
        assert run.step(reading("near")) == []
    assert run.last(reading(), seconds=3) == ["raised"]
    for _ in range(20):
        assert run.last(seconds=55) == []
        assert run.step(reading("near")) == []


def test_without_hold_and_clear():
    run = Run(0, 0)
    assert run.step(reading()) == ["raised"]
    assert run.step() == ["cleared"]


def test_a_warning_that_becomes_an_alarm_is_told_once_and_never_takes_it_back():
    run = Run()
    run.last(reading(level="warning"), seconds=3)
    assert run.last(reading(level="alarm"), seconds=3) == ["worse"]
    assert run.last(reading(level="warning"), reading(level="alarm"), seconds=3) == []
    assert run.told[-1].alert.level == "alarm"


def test_too_few_calls_to_tell_end_it_in_half_an_hour():
    run = Run()
    bad, few = reading(kind="service_level"), reading("few", kind="service_level")
    run.last(bad, seconds=3)
    assert run.last(few, seconds=FEW - 10) == []
    assert run.step(bad) == []
    assert run.last(few, seconds=FEW + 1) == ["cleared"]
    assert run.last(few, seconds=FEW) == []


def test_what_is_unknown_stays():
    run = Run()
    run.last(reading(), seconds=3)
    assert run.last(seconds=9000, unknown=("waiting",)) == []
    assert run.last(reading(), seconds=9, unknown=("waiting",)) == []
    assert run.last(seconds=61) == ["cleared"]
    assert run.last(reading(), seconds=9, unknown=("waiting",)) == []


def test_what_another_process_told_goes_on():
    alert = Live("waiting", "general", "alarm", NOON, 40.0, 30.0, 44.0)
    run = Run(live=[alert])
    assert run.last(reading(value=41.0), seconds=30) == []
    assert run.state.live[alert.key].worst == 44.0
    late = Run()
    late.step(reading())
    late.state.adopt([alert])
    assert late.last(reading(), seconds=30) == []
    assert late.last(seconds=61) == ["cleared"]
    assert late.told[0].alert.since == NOON


def test_the_worst_of_a_service_level_is_the_lowest():
    run = Run()
    for value in (0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0.4):
        run.step(reading(kind="service_level", value=value))
    assert run.state.live["service_level", "general"].worst == 0.2


steps = st.lists(
    st.tuples(
        st.sampled_from([0.1, 0.5, 1.0, 7.0, 59.0, 61.0, 2000.0]),
        st.sampled_from(WORDS),
        st.sampled_from(WORDS),
    ),
    max_size=120,
)


def readings(word, target):
    return [] if word in ("absent", "unknown") else [reading(word, target=target)]


@given(steps, st.sampled_from([0.0, 2.0, 30.0]), st.sampled_from([0.0, 5.0, 60.0]))
def test_nothing_flaps_and_nothing_is_missed(steps, hold, clear):
    run = Run(hold, clear)
    live, past, raised = set(), [], {}
    for seconds, word, other in steps:
        unknown = ("waiting",) if "unknown" in (word, other) else ()
        run.step(
            *readings(word, "general"), *readings(other, "outage"), seconds=seconds, unknown=unknown
        )
        shown = {"general": word, "outage": other}
        if unknown:
            shown = dict.fromkeys(shown, "unknown")
        past.append((run.now, {name: "right" if s == "absent" else s for name, s in shown.items()}))
        for change in run.told:
            target = change.alert.target
            if change.what == "raised":
                assert target not in live, "two of a kind"
                live.add(target)
                assert lasted(past, target, ("wrong",), run.now) >= hold
                assert run.now - raised.get(target, float("-inf")) >= hold + clear
                raised[target] = run.now
            else:
                live.remove(target)
                right = lasted(past, target, ("right",), run.now) >= clear
                few = lasted(past, target, ("right", "few"), run.now) >= max(FEW, clear)
                assert right or few
        run.told.clear()
        assert {target for _, target in run.state.live} == live
        for target in ("general", "outage"):
            if lasted(past, target, ("wrong",), run.now) >= hold:
                assert target in live, "missed"
            if lasted(past, target, ("right",), run.now) >= clear:
                assert target not in live, "kept"


def lasted(past, target, words, now):
    """Seconds since when nothing but these was read; below 0 where the last was something else."""
    since = None
    for moment, shown in reversed(past):
        if shown[target] not in words:
            break
        since = moment
    return -1.0 if since is None else now - since
