"""What if: a day lived again as it was and with a change, beside what the log says.

Each variant is lived several times, with the same seeds for both, so that the difference is that of
the change. A figure is the mean of the runs, with half the width of its 95 % confidence interval
(Student); of a change, the interval is that of the differences.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.agent_queue.model import Rules
from ivr.figures import quantile
from ivr.staffing.day import Caller, Day, Stay
from ivr.staffing.measured import Patience
from ivr.staffing.replay import Fate, Lived, Terms, live
from ivr.terms import ServiceTerms

ALL = ""
"""Stands for all queues."""
RUNS = 5
MOST_RUNS = 50
MOST_OPERATORS = 500
RULES = ("relax", "overflow_to", "overflow_after", "wrap_up")
"""Rules of a queue that can be tried out; the others decide who gets into a queue at all, or what
is done about operators who do not answer, and neither is lived again.
"""
OFF = 0.05
"""Distance of a share lived again from the true one that is worth a warning."""
STUDENT = (
    12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""97.5 % quantiles of Student's t with 1 to 30 degrees of freedom; above them 1.96 is close."""


@dataclass(frozen=True)
class Change:
    """What is tried out; the defaults change nothing.

    operators: more, or below 0 fewer, between `since` and `until` ("08:00", the whole day).
    skills: of those who come, {} the commonest ones of the day; of those who go, all of these.
    rules: by queue, what is otherwise (of `RULES`). handle: factor of talk and wrap-up by queue,
    "" for every other one.
    """

    operators: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    since: str = "00:00"
    until: str = "24:00"
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    handle: Mapping[str, float] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Tell whether it changes nothing."""
        return not (self.operators or self.rules or self.handle)


@dataclass(frozen=True)
class Measures:
    """Figures of a day. Shares, and seconds of those who were answered; None: of nobody.

    offered, answered: callers. busy: share of the operators' time, only of the whole day.
    """

    offered: float
    answered: float
    level: float | None
    lost: float | None
    p50: float | None
    p90: float | None
    busy: float | None = None


SHARES = ("level", "lost", "busy")
FIGURES = tuple(each.name for each in fields(Measures))


@dataclass(frozen=True)
class Figure:
    """One figure of one queue. was, changed: (mean, half of the interval) of the runs.

    true: of the log. difference: changed - was. None: there is none.
    """

    queue: str
    name: str
    true: float | None
    was: tuple[float, float] | None
    changed: tuple[float, float] | None
    difference: tuple[float, float] | None


@dataclass(frozen=True)
class Answer:
    """figures: of all queues first. notes: what to know of them, (word, value). runs: of each."""

    figures: list[Figure]
    notes: list[tuple[str, float]]
    runs: int


# ---------------------------------------------------------------------- the question


def checked(change: Change, rules: Mapping[str, Rules]) -> Change:
    """Return a change that can be tried out. ValueError says what is wrong with it."""
    if abs(change.operators) > MOST_OPERATORS:
        raise ValueError(f"operators are at most {MOST_OPERATORS} more or fewer")
    queues = {*change.skills, *change.rules, *change.handle} - {ALL}
    if unknown := sorted(queues - set(rules)):
        raise ValueError(f"{unknown[0]} is no queue; there are {', '.join(rules)}")
    for queue, level in change.skills.items():
        if not 1 <= level <= 5:
            raise ValueError(f"a level of skill is 1 to 5, found {level} for {queue}")
    for factor in change.handle.values():
        if not 0.1 <= factor <= 10:
            raise ValueError(f"the time of a call is 0.1 to 10 times what it was, found {factor:g}")
    for queue, given in change.rules.items():
        for name, value in given.items():
            _sensible(queue, name, value, rules)
    _minutes(change.since), _minutes(change.until)
    if change.since == change.until:
        raise ValueError(f"from {change.since} to {change.until} is no time at all")
    return change


def _sensible(queue: str, name: str, value: Any, rules: Mapping[str, Rules]) -> None:
    if name not in RULES:
        raise ValueError(f"{name} cannot be tried out; these can: {', '.join(RULES)}")
    if name == "overflow_to":
        if value and (value not in rules or value == queue):
            raise ValueError(f"{queue}: overflow_to is another queue, found {value!r}")
    elif name == "relax":
        steps = list(value)
        rising = [seconds for seconds, _ in steps] == sorted({seconds for seconds, _ in steps})
        if not steps or steps[0][0] != 0 or not rising:
            raise ValueError(f"{queue}: relax begins at 0 and rises, found {value!r}")
        if not all(0 <= level <= 5 for _, level in steps):
            raise ValueError(f"{queue}: relax: a level is 0 to 5, found {value!r}")
    elif not 0 <= value <= 86_400:
        raise ValueError(f"{queue}: {name} is 0 to 86400 seconds, found {value!r}")


def parse_rule(text: str) -> tuple[str, str, Any]:
    """Read "outage.wrap_up=10" or "general.relax=0:3,60:1". ValueError says how it is written."""
    left, equals, value = text.partition("=")
    queue, dot, name = left.strip().partition(".")
    if not (equals and dot and queue and name):
        raise ValueError(f"{text!r}: write QUEUE.RULE=VALUE, as in outage.wrap_up=10")
    try:
        return queue, name, rule_value(name, value.strip())
    except ValueError:
        raise ValueError(f"{text!r}: relax is 0:3,60:1, the others are seconds") from None


def rule_value(name: str, text: str) -> Any:
    """Read the value of a rule from text."""
    if name == "overflow_to":
        return text
    if name == "relax":
        steps = (step.partition(":") for step in text.split(","))
        return tuple((float(seconds), int(level)) for seconds, _, level in steps)
    return float(text)


def ruled(rules: Mapping[str, Rules], change: Change) -> dict[str, Rules]:
    """Return the rules of the queues with the change."""
    return {name: replace(own, **change.rules.get(name, {})) for name, own in rules.items()}


# ---------------------------------------------------------------------- more or fewer operators


def staffed(day: Day, change: Change, zone: ZoneInfo, chance: random.Random) -> tuple[Stay, ...]:
    """Return who is there with the change. Who goes is drawn by chance of those who have `skills`;
    where fewer are there than shall go, all of them go. ValueError: nobody is there to go.
    """
    start, end = _span(day, change, zone)
    if change.operators >= 0:
        skills = dict(change.skills) or commonest(day)
        names = (f"+{number + 1}" for number in range(change.operators))
        return (*day.stays, *(Stay(name, start, end, skills) for name in names))
    wanted = [stay for stay in day.stays if set(change.skills) <= set(stay.skills)]
    if not any(stay.start < end and stay.end > start for stay in wanted):
        raise ValueError("nobody with these skills was there then, so nobody can go")
    others = tuple(stay for stay in day.stays if stay not in wanted)
    return others + tuple(_fewer(wanted, -change.operators, start, end, chance))


def fewest(day: Day, change: Change, zone: ZoneInfo) -> int:
    """Return how many of those who may go were there at the emptiest moment somebody was."""
    start, end = _span(day, change, zone)
    wanted = [stay for stay in day.stays if set(change.skills) <= set(stay.skills)]
    moments = {start, *(stay.end for stay in wanted), *(stay.start for stay in wanted)}
    there = (
        sum(stay.start <= moment < stay.end for stay in wanted)
        for moment in moments
        if start <= moment < end
    )
    return min((count for count in there if count), default=0)


def commonest(day: Day) -> dict[str, int]:
    """Return the skills that most hours of the day were worked with."""
    hours: dict[tuple[tuple[str, int], ...], float] = {}
    for stay in day.stays:
        own = tuple(sorted(stay.skills.items()))
        hours[own] = hours.get(own, 0.0) + stay.end - stay.start
    most = max(hours, key=lambda each: (hours[each], each))
    return dict(most)


def _fewer(
    stays: Sequence[Stay], count: int, start: float, end: float, chance: random.Random
) -> Iterable[Stay]:
    """Take `count` of those who are there away, at every moment of a time.

    Who goes stays away as long as he would have been there; then another one goes.
    """
    edges = {start, end} | {edge for stay in stays for edge in (stay.start, stay.end)}
    ordered = sorted(edge for edge in edges if start <= edge <= end)
    gone: list[Stay] = []
    away: dict[int, list[tuple[float, float]]] = {}
    for first, last in zip(ordered, ordered[1:], strict=False):
        there = [stay for stay in stays if stay.start <= first and stay.end >= last]
        gone = [stay for stay in gone if stay in there]
        rest = [stay for stay in there if stay not in gone]
        gone += chance.sample(rest, min(count - len(gone), len(rest)))
        for stay in gone:
            away.setdefault(id(stay), []).append((first, last))
    for stay in stays:
        yield from _without(stay, away.get(id(stay), ()))


def _without(stay: Stay, away: Iterable[tuple[float, float]]) -> Iterable[Stay]:
    at = stay.start
    for first, last in away:
        if first > at:
            yield replace(stay, start=at, end=first)
        at = last
    if stay.end > at:
        yield replace(stay, start=at)


def _span(day: Day, change: Change, zone: ZoneInfo) -> tuple[float, float]:
    """The seconds between which the operators change; one before the other: over midnight."""
    start, end = (_moment(day, text, zone) for text in (change.since, change.until))
    return (start, end) if end > start else (start, day.ends)


def _moment(day: Day, text: str, zone: ZoneInfo) -> float:
    minutes = _minutes(text)
    if minutes == 1440:
        return day.ends
    return datetime.combine(day.day, time(minutes // 60, minutes % 60), zone).timestamp()


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise ValueError(f"a time of day is written 08:30, found {text!r}")
    found = timedelta(hours=int(hours), minutes=int(minutes)) // timedelta(minutes=1)
    if int(minutes) > 59 or found > 1440:
        raise ValueError(f"a time of day is 00:00 to 24:00, found {text!r}")
    return found


# ---------------------------------------------------------------------- the answer


@dataclass(frozen=True)
class Question:
    """A day with all that a run needs; may be sent to another process."""

    day: Day
    change: Change
    zone: ZoneInfo
    rules: Mapping[str, Rules]
    patience: Mapping[str, Patience]
    service: ServiceTerms
    talk: float = 180.0
    runs: int = RUNS
    seed: int = 1


def answer(question: Question, progress: Callable[[int, int], None] = lambda *_: None) -> Answer:
    """Live the day again and again. progress: told the runs that are done, and of how many."""
    day, change, runs = question.day, question.change, question.runs
    if not 1 <= runs <= MOST_RUNS:
        raise ValueError(f"runs are 1 to {MOST_RUNS}, found {runs}")
    queues = [ALL, *sorted({caller.queue for caller in day.callers if caller.counted})]
    truth = {queue: of_callers(day.callers, question.service, queue, day.busy) for queue in queues}
    whole = runs * (1 if change.empty else 2)
    was: list[dict[str, Measures]] = []
    changed: list[dict[str, Measures]] = []
    for number in range(runs):
        seed = question.seed + number
        was.append(_once(question, day, question.rules, {}, seed, queues))
        progress(len(was) + len(changed), whole)
        if not change.empty:
            chance = random.Random(f"staff:{seed}")  # noqa: S311
            there = replace(day, stays=staffed(day, change, question.zone, chance))
            rules = ruled(question.rules, change)
            changed.append(_once(question, there, rules, change.handle, seed, queues))
            progress(len(was) + len(changed), whole)
    found = [
        _figure(queue, name, truth[queue], [r[queue] for r in was], [r[queue] for r in changed])
        for queue in queues
        for name in FIGURES
    ]
    return Answer(found, list(_notes(question, found)), runs)


def _once(
    question: Question,
    day: Day,
    rules: Mapping[str, Rules],
    handle: Mapping[str, float],
    seed: int,
    queues: Sequence[str],
) -> dict[str, Measures]:
    terms = Terms(rules, question.rules, question.patience, handle, question.talk)
    lived = live(day, terms, seed)
    callers = [_as_caller(fate) for fate in lived.fates]
    busy = occupancy(day, lived)
    return {queue: of_callers(callers, question.service, queue, busy) for queue in queues}


def _as_caller(fate: Fate) -> Caller:
    return replace(fate.caller, outcome=fate.outcome, waited=fate.waited, left=fate.left)


def of_callers(
    callers: Iterable[Caller], service: ServiceTerms, queue: str, busy: float | None
) -> Measures:
    """Count the callers of the day itself, of one queue or `ALL`; call-backs do not wait.

    Who is passed on is offered once, as in the reports: what comes after an answer does not count.
    """
    callers = list(callers)
    answers: dict[str, int] = {}
    for each in callers:
        if each.waited is not None:
            answers[each.call] = min(each.number, answers.get(each.call, each.number))
    mine = [
        each
        for each in callers
        if each.counted and each.kind == "call" and queue in (ALL, each.queue)
        if each.number <= answers.get(each.call, each.number)
    ]
    waits = sorted(each.waited for each in mine if each.waited is not None)
    lost = [each.left or 0.0 for each in mine if each.outcome == "abandoned"]
    short = sum(left < service.short for left in lost)
    offered, of = len(mine), len(mine)
    if service.denominator == "without_short":
        of -= short
    elif service.denominator == "answered":
        of = len(waits)
    within = sum(wait <= service.within for wait in waits)
    return Measures(
        offered=offered,
        answered=len(waits),
        level=within / of if of else None,
        lost=len(lost) / offered if offered else None,
        p50=quantile(waits, 0.5),
        p90=quantile(waits, 0.9),
        busy=busy if queue == ALL else None,
    )


def occupancy(day: Day, lived: Lived) -> float | None:
    """Return the share of the time of work or readiness that was work."""
    stays: dict[str, list[tuple[float, float]]] = {}
    for stay in day.stays:
        stays.setdefault(stay.operator, []).append((stay.start, stay.end))
    work = there = 0.0
    for name in stays.keys() | lived.worked.keys():
        worked = lived.worked.get(name, [])
        work += _length(worked, day)
        there += _length([*worked, *stays.get(name, [])], day)
    return work / there if there else None


def _length(spans: Iterable[tuple[float, float]], day: Day) -> float:
    """The seconds of the day that spans cover, those covered twice once."""
    whole, upto = 0.0, day.begins
    for start, end in sorted(spans):
        start, end = max(start, upto), min(end, day.ends)
        if end > start:
            whole, upto = whole + end - start, end
    return whole


def _figure(
    queue: str, name: str, truth: Measures, was: Sequence[Measures], changed: Sequence[Measures]
) -> Figure:
    first = [getattr(each, name) for each in was]
    second = [getattr(each, name) for each in changed]
    both = [
        after - before
        for before, after in zip(first, second, strict=False)
        if before is not None and after is not None
    ]
    return Figure(
        queue, name, getattr(truth, name), interval(first), interval(second), interval(both)
    )


def interval(values: Iterable[float | None]) -> tuple[float, float] | None:
    """Return mean and half width of the 95 % interval; 0 wide of one value, None of none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if len(known) == 1:
        return float(known[0]), 0.0
    free = len(known) - 1
    quantile = STUDENT[free - 1] if free <= len(STUDENT) else 1.96
    half = quantile * statistics.stdev(known) / math.sqrt(len(known))
    return statistics.fmean(known), half


def _notes(question: Question, figures: Sequence[Figure]) -> Iterable[tuple[str, float]]:
    change = question.change
    for share in (each for each in figures if each.queue == ALL and each.name in SHARES):
        if share.was and share.true is not None and abs(share.was[0] - share.true) > OFF:
            yield f"off_{share.name}", share.was[0] - share.true
    if not any(each.measured for each in question.patience.values()):
        yield "patience", question.patience[ALL].mean
    if change.operators > 0:
        yield "no_pauses", change.operators
    if change.operators < 0:
        least = fewest(question.day, change, question.zone)
        if least < -change.operators:
            yield "emptied", least
    if question.service.clock != "queue":
        yield "clock", 0.0
    if question.runs == 1:
        yield "one_run", 1.0
