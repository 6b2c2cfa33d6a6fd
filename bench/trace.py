"""Arrival traces: who calls when, for how long he waits and talks, who works; all drawn beforehand.

Two systems that replay one trace meet the same people: patience, talk and redials belong to the
person, the time an operator needs to pick up belongs to the person and the attempt. Times are
seconds from the beginning of the trace.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from ivr.staffing.erlang import abandonments

HOUR = 3600.0
HANDLE = 210.0
"""Mean seconds an operator is busy with a call, the wrap-up included."""
WRAP_UP = 30.0
SPREAD = 0.6
"""Sigma of the logarithm of the talk times."""
PATIENCE = 300.0
"""Mean seconds a caller waits before he hangs up."""
REDIALS = 0.4
"""Share of those who hung up that call again within `REDIAL`, at most twice."""
REDIAL = 180.0
MISSED = 0.01
"""Share of the rings that no operator answers."""
ABSENT = 300.0
"""Seconds an operator who missed a ring stays away."""
PROFILE = (1.0, 0.8, 0.7, 0.7, 0.8, 1.2, 2.2, 4.0, 7.0, 9.3, 9.8, 9.2, 7.6, 7.2, 7.0, 6.5, 5.6)
PROFILE += (5.0, 4.4, 3.6, 2.6, 1.8, 1.2, 0.8)
"""Per cent of a day's calls by hour, from midnight."""
CALLS_A_DAY = 2740
STORM = (600, 600.0, 12)
"""Callers, seconds in which they come, operators they meet."""
QUEUES = {"general": 0.5, "outage": 0.3, "metering": 0.2}
STORM_QUEUES = {"general": 0.2, "outage": 0.7, "metering": 0.1}
PRIORITIES = {"normal": 0.90, "raised": 0.05, "priority_site": 0.03, "danger": 0.02}
SKILLS = (
    {"general": 5, "metering": 3, "outage": 2},
    {"outage": 5, "general": 3, "metering": 2},
    {"metering": 5, "general": 4, "outage": 3},
    {"general": 4, "outage": 4, "metering": 4},
)
"""Skill levels by queue, one set an operator in turn."""
RELAX = ((0.0, 3), (30.0, 1))
"""Least level of the operator by seconds waited."""


@dataclass(frozen=True)
class Person:
    """Somebody who calls at `at`. patiences: of his first call and his redials; redials: seconds
    between a lost call and the next. talk: seconds without the wrap-up.
    """

    number: int
    at: float
    queue: str
    priority: str
    talk: float
    patiences: tuple[float, ...]
    redials: tuple[float, ...]


@dataclass(frozen=True)
class Shift:
    """An operator's presence."""

    operator: str
    start: float
    end: float


@dataclass(frozen=True)
class Trace:
    """Everything that is the same for every system. operators: name -> skills."""

    name: str
    people: Sequence[Person]
    operators: dict[str, dict[str, int]]
    shifts: Sequence[Shift]
    seed: int
    wrap_up: float = WRAP_UP
    missed: float = MISSED
    pick_up: float = 3.0
    relax: tuple[tuple[float, int], ...] = RELAX

    def pick_up_after(self, person: int, rings: int) -> float | None:
        """Return after how many seconds of ringing an operator answers; None: he does not."""
        chance = random.Random(f"{self.seed}:{person}:{rings}")
        if chance.random() < self.missed:
            return None
        return self.pick_up * chance.lognormvariate(0, 0.5) if self.pick_up else 0.0


@dataclass
class Visit:
    """One call as it went. first: when the person called first, were it a redial in time.

    guess: (when, seconds) the system's own figure for somebody who must wait, spoken or not.
    told: (when, seconds) of each wait that was spoken. rung: beginning and end of each ringing.
    """

    person: Person
    asked: float
    first: float
    guess: tuple[float, float] | None = None
    told: list[tuple[float, float]] = field(default_factory=list)
    rung: list[list[float]] = field(default_factory=list)
    answered: float | None = None
    left: float | None = None

    @property
    def waited(self) -> float:
        """Seconds until he was answered or hung up."""
        end = self.answered if self.answered is not None else self.left
        return (end if end is not None else math.inf) - self.asked


def lognormal(chance: random.Random, mean: float, spread: float = SPREAD) -> float:
    """Draw a time with this mean."""
    return chance.lognormvariate(math.log(mean) - spread * spread / 2, spread)


def pick(chance: random.Random, shares: dict[str, float]) -> str:
    """Draw a name by its share."""
    return chance.choices(list(shares), list(shares.values()))[0]


def person(number: int, at: float, chance: random.Random, queues: dict[str, float]) -> Person:
    """Draw everything about somebody who calls at `at`."""
    queue = pick(chance, queues)
    priority = pick(chance, PRIORITIES)
    if priority == "danger":
        queue = "outage"
    redials = []
    while chance.random() < REDIALS and len(redials) < 2:
        redials.append(chance.uniform(10, REDIAL))
    return Person(
        number,
        at,
        queue,
        priority,
        lognormal(chance, HANDLE - WRAP_UP),
        tuple(chance.expovariate(1 / PATIENCE) for _ in range(len(redials) + 1)),
        tuple(redials),
    )


def people(ats: Sequence[float], seed: int, queues: dict[str, float]) -> list[Person]:
    """Draw the people of a trace."""
    chance = random.Random(seed)
    return [person(number, at, chance, queues) for number, at in enumerate(sorted(ats))]


def team(size: int) -> dict[str, dict[str, int]]:
    """Return operators with skills."""
    return {f"op{number:02}": dict(SKILLS[number % len(SKILLS)]) for number in range(size)}


def staff(calls: float, handle: float = HANDLE) -> int:
    """Return how many operators an hour of `calls` needs: at most 4 % lost, never below two."""
    size = 2
    while abandonments(calls / HOUR, handle, PATIENCE, size).lost > 0.04:
        size += 1
    return size


def day(seed: int = 1) -> Trace:
    """An ordinary day."""
    chance = random.Random(seed)
    hours = chance.choices(range(24), PROFILE, k=CALLS_A_DAY)
    ats = [(hour + chance.random()) * HOUR for hour in hours]
    needed = [staff(CALLS_A_DAY * share / sum(PROFILE)) for share in PROFILE]
    operators = team(max(needed))
    names = list(operators)
    shifts = []
    for place, name in enumerate(names):
        present = [hour for hour, number in enumerate(needed) if place < number]
        shifts += [Shift(name, *each) for each in stretches(present)]
    return Trace("ordinary day", people(ats, seed + 1, QUEUES), operators, shifts, seed)


def stretches(hours: Sequence[int]) -> list[tuple[float, float]]:
    """Return the beginning and end, seconds, of each run of hours without a gap."""
    runs: list[list[int]] = []
    for hour in hours:
        if runs and runs[-1][1] == hour:
            runs[-1][1] = hour + 1
        else:
            runs.append([hour, hour + 1])
    return [(start * HOUR, end * HOUR) for start, end in runs]


def storm(seed: int = 1) -> Trace:
    """Six hundred callers in ten minutes meet twelve operators."""
    callers, seconds, size = STORM
    chance = random.Random(seed)
    ats = [chance.uniform(0, seconds) for _ in range(callers)]
    operators = team(size)
    shifts = [Shift(name, 0.0, math.inf) for name in operators]
    return Trace("storm", people(ats, seed + 1, STORM_QUEUES), operators, shifts, seed)


def steady(rate: float, handle: float, patience: float, size: int, calls: int, seed: int) -> Trace:
    """One queue, one skill, nothing but chance: what Erlang's formulas speak of."""
    chance = random.Random(seed)
    at, callers = 0.0, []
    for number in range(calls):
        at += chance.expovariate(rate)
        talk = chance.expovariate(1 / handle)
        waits = (chance.expovariate(1 / patience) if patience else math.inf,)
        callers.append(Person(number, at, "general", "normal", talk, waits, ()))
    operators = {f"op{number:02}": {"general": 5} for number in range(size)}
    shifts = [Shift(name, 0.0, math.inf) for name in operators]
    return Trace("steady", callers, operators, shifts, seed, 0.0, 0.0, 0.0, ((0.0, 1),))
