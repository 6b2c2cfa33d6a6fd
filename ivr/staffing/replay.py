"""Lives a day again: the product's own queue, with its own rules, on a simulated clock.

Real: who came when, to which queue, with which priority; how long each talk and wrap-up took; when
which operator was there and how soon he picked up; matching (`MemoryQueue`). By chance, drawn for
each caller from the seed: how much longer than his real wait somebody would have waited who was
answered (from the measured patience), and the talk of somebody who never had one (from the talks
of his queue that day). Who hung up, or chose something else, does so after the same time again.

Not lived again: who is let into a queue at all, offers that operators do not answer (their pause
after it is real), and second calls of those who gave up, which come as they came.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import Any

import simpy

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Rules, Ticket
from ivr.staffing.day import GAP, Caller, Day, Stay
from ivr.staffing.measured import Patience, still_waiting

COMPANY = "replayed"
SURE = 100
"""Callers who hung up from which the curve of patience is drawn from, not the exponential one."""
ENDLESS = 1e9
"""Seconds of wrap-up in the rules: how long it lasts is known of each talk."""

Life = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Terms:
    """What a run needs besides the day. rules: of the queues, as they shall be; before: as they
    were. patience: by queue, "" for any other one. handle: factor of talk and wrap-up by queue, ""
    for any other one. talk: seconds where no talk of the day tells.
    """

    rules: Mapping[str, Rules]
    before: Mapping[str, Rules]
    patience: Mapping[str, Patience]
    handle: Mapping[str, float] = field(default_factory=dict)
    talk: float = 180.0


@dataclass
class Fate:
    """What became of a caller. waited, left: as in `Caller`; both None: he still waits.

    operator: who answered, after `rang` seconds. rung: (operator, since when) who was being rung
    when he hung up.
    """

    caller: Caller
    outcome: str = ""
    operator: str = ""
    waited: float | None = None
    left: float | None = None
    rang: float = 0.0
    rung: tuple[str, float] | None = None


@dataclass(frozen=True)
class Lived:
    """One run. worked: (start, end) of talks with their wrap-up, by operator."""

    fates: list[Fate]
    worked: Mapping[str, list[tuple[float, float]]]


def live(day: Day, terms: Terms, seed: int) -> Lived:
    """Live a day once."""
    return Floor(day, terms, seed).run()


class Floor:
    """The callers and operators of one run."""

    def __init__(self, day: Day, terms: Terms, seed: int) -> None:
        self.day, self.terms, self.seed = day, terms, seed
        start = min([day.begins, *(s.start for s in day.stays), *(c.at for c in day.callers)])
        self.env = simpy.Environment(initial_time=start)
        names = {*terms.rules, *(caller.queue for caller in day.callers)}
        rules = {
            name: replace(terms.rules.get(name, Rules()), wrap_up=ENDLESS) for name in sorted(names)
        }
        self.queue = MemoryQueue({COMPANY: rules}, seeds=lambda: "replay")
        self.rules = rules
        self.rings = sorted(day.rings) or [0.0]
        self.talks = _talks(day, terms.talk)
        self.follow = {
            (caller.call, caller.number): caller for caller in day.callers if caller.follows
        }
        self.fates: dict[str, Fate] = {}
        self.answers: dict[str, simpy.Event] = {}
        self.all: list[Fate] = []
        self.worked: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.wakes = math.inf

    def run(self) -> Lived:
        """Let everybody live the day."""
        self.env.process(self.arrive())
        stays = sorted(self.day.stays, key=attrgetter("operator", "start"))
        for _, own in groupby(stays, key=attrgetter("operator")):
            self.env.process(self.work(list(own)))
        self.env.run()
        return Lived(self.all, self.worked)

    # ------------------------------------------------------------------ callers

    def arrive(self) -> Life:
        """Let those call who were passed on by nobody."""
        before: dict[str, Fate] = {}
        for caller in self.day.callers:
            if caller.follows:
                continue
            yield self.env.timeout(max(0.0, caller.at - self.env.now))
            if (last := before.get(caller.call)) is not None and last.waited is not None:
                continue  # this time somebody answered him before he had to come again
            fate = before[caller.call] = Fate(caller)
            self.env.process(self.wait(fate, f"{caller.call}/{caller.number}"))

    def wait(self, fate: Fate, ticket: str, passed_on: bool = False) -> Life:
        """Be a caller until an operator answers or patience ends."""
        env, caller = self.env, fate.caller
        self.fates[ticket] = fate
        self.all.append(fate)
        self.answers[ticket] = answered = env.event()
        if not passed_on:
            place = Ticket(
                ticket, COMPANY, caller.queue, caller.entered, caller.priority,
                caller.kind, language=caller.language,
            )  # fmt: skip
            self.queue.enter(place, env.now)
        self.settle()
        stays = caller.entered + self.patience(caller) - env.now
        if math.isinf(stays):
            return
        yield answered | env.timeout(max(0.0, stays))
        if not answered.triggered:
            outcome = caller.outcome if caller.waited is None else "abandoned"
            fate.outcome, fate.left = outcome, env.now - caller.entered
            self.queue.leave(ticket, outcome, env.now)
            self.settle()

    def patience(self, caller: Caller) -> float:
        """Return the seconds from his entry after which a caller leaves."""
        if caller.waited is None:
            return caller.left if caller.left is not None else math.inf
        if caller.kind != "call":
            return math.inf
        known = self.terms.patience.get(caller.queue) or self.terms.patience[""]
        return longer(known, caller.waited, self.chance("patience", caller).random())

    def chance(self, what: str, caller: Caller) -> random.Random:
        """Return the chance of one caller, the same in every variant of the day."""
        seed = f"{self.seed}:{what}:{caller.call}:{caller.number}"
        return random.Random(seed)  # noqa: S311

    # ------------------------------------------------------------------ operators

    def work(self, stays: Sequence[Stay]) -> Life:
        """Be an operator through the day."""
        for number, stay in enumerate(stays):
            yield self.env.timeout(max(0.0, stay.start - self.env.now))
            known = Operator(stay.operator, COMPANY, skills=stay.skills, tab="1")
            self.queue.sign_in(known, self.env.now)
            self.queue.set_status(COMPANY, stay.operator, "ready", self.env.now)
            self.settle()
            yield self.env.timeout(max(0.0, stay.end - self.env.now))
            if number + 1 == len(stays) or stays[number + 1].start > stay.end + GAP:
                self.queue.set_status(COMPANY, stay.operator, "offline", self.env.now)
                self.settle()

    def settle(self) -> None:
        """Ring for every new offer; let the queue do what is due, now and when it is."""
        while True:
            due = self.queue.tick(self.env.now)
            offers = self.queue.offers()
            for offer in offers:
                if self.queue.ring(offer.token, self.env.now) is not None:
                    self.env.process(self.serve(offer.ticket, offer.operator, offer.token))
            if not offers:
                break
        if due is not None and due < min(self.wakes, self.env.now + ENDLESS / 2):
            self.wakes = due
            self.env.process(self.wake(due))

    def wake(self, due: float) -> Life:
        """Look at the queue when something is due."""
        yield self.env.timeout(max(0.0, due - self.env.now))
        if self.wakes <= due:
            self.wakes = math.inf
        self.settle()

    def serve(self, ticket: str, operator: str, token: str) -> Life:
        """Be an operator with one caller: pick up, talk, wrap up."""
        env, fate = self.env, self.fates[ticket]
        caller, rings = fate.caller, env.now
        yield env.timeout(self.rings_for(caller))
        if not self.queue.answered(token, env.now):
            if fate.left is not None:  # he hung up while it rang; else the operator went
                fate.rung = operator, rings
            return
        begun, fate.operator, fate.rang = env.now, operator, env.now - rings
        fate.outcome, fate.waited = "answered", env.now - caller.entered
        self.answers[ticket].succeed()
        self.settle()
        talk, wrap = self.handling(caller)
        yield env.timeout(talk)
        then = self.follow.get((caller.call, caller.number + 1))
        if then is not None and self.queue.transfer(ticket, env.now, queue=then.queue):
            passed = Fate(replace(then, at=env.now, entered=env.now))
            env.process(self.wait(passed, ticket, True))
        else:
            self.queue.ended(ticket, env.now)
        self.settle()
        yield env.timeout(wrap)
        self.worked[operator].append((begun, env.now))
        now = self.queue.operator(COMPANY, operator)
        if now is not None and now.token == token:
            self.queue.finish(COMPANY, operator, env.now)
            self.settle()

    def rings_for(self, caller: Caller) -> float:
        """Return the seconds until the operator picks up."""
        rang, rings = caller.rang, self.rings
        if rang is not None and caller.waited is None:  # he hung up meanwhile: it was longer
            rings = rings[bisect_right(rings, rang) :] or [rang + GAP]
        if rang is None or caller.waited is None:
            rang = self.chance("ring", caller).choice(rings)
        return min(rang, self.rules[caller.queue].ring)

    def handling(self, caller: Caller) -> tuple[float, float]:
        """Return the seconds of talk and wrap-up."""
        talk, wrap = caller.talk, caller.wrap or 0.0
        if talk is None:
            own = self.talks.get(caller.queue) or self.talks[""]
            talk, wrap = self.chance("talk", caller).choice(own)
        factor = self.terms.handle.get(caller.queue, self.terms.handle.get("", 1.0))
        before, after = self.terms.before.get(caller.queue), self.terms.rules.get(caller.queue)
        if before is not None and after is not None:
            wrap = wrapped(wrap, before.wrap_up, after.wrap_up)
        return talk * factor, wrap * factor


def longer(known: Patience, waited: float, chance: float) -> float:
    """Return how long somebody waits at most of whom is known that he waited so long.

    chance: 0 to 1, drawn evenly; the less, the longer.
    """
    chance = max(chance, 1e-12)
    if known.lost < SURE or not known.curve:
        return waited - known.mean * math.log(chance)
    left = chance * still_waiting(known.curve, waited)
    at = bisect_right(known.curve, -left, key=lambda point: -point[1])
    if at < len(known.curve):
        return max(waited, known.curve[at][0])
    seconds, share = known.curve[-1]
    return max(waited, seconds) - known.mean * math.log(left / share)


def wrapped(wrap: float, before: float, after: float) -> float:
    """Return a wrap-up under another limit: who used all of the old one, or more, does it again."""
    if before == after or wrap > before + GAP:
        return wrap
    return after if wrap >= before - GAP and after > before else min(wrap, after)


def _talks(day: Day, otherwise: float) -> dict[str, list[tuple[float, float]]]:
    """The talks and wrap-ups of the day by queue, "" for all of them."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for caller in day.callers:
        if caller.talk is not None:
            for queue in (caller.queue, ""):
                found[queue].append((caller.talk, caller.wrap or 0.0))
    return dict(found) or {"": [(otherwise, 0.0)]}
