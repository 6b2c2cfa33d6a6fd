"""A model of Asterisk's app_queue that runs on simulated time.

Written after reading apps/app_queue.c of Asterisk 22.10.1; numbers in brackets are its lines.

- A caller is a thread that looks once a second whether it is his turn (6121-6203, RECHECK 1745). It
  is while more members are available, whatever they may take, than callers who ring nobody stand
  before him (5977-6018, 4731-4760).
- Then he rings the best member he may ring (5142-5199) for `timeout` seconds. When nobody could be
  rung or nobody answered he waits `retry` seconds (7736, 9181) and looks again (9193).
- Priority is fixed when he joins, behind all of the same or a higher one (4315-4341); no waiting
  time changes it.
- Penalties choose among members, rules widen them with time (6026-6109, 6295-6371); a heavier queue
  holds a member back from a lighter one (4764-4796).
- The wait he is told is the moving average of the waits of those answered (4571-4587, called at
  7477) less what he has waited, without its sign (4488), in whole minutes, and nothing when it
  rounds to none (4502). While it is spoken nobody looks whether it is his turn (6159).

Not modelled: ringall, linear, random; realtime members; periodic announcements; joining and leaving
an empty queue.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from bench.trace import ABSENT, Trace, Visit

Waiting = Generator[simpy.Event, Any, Any]
LONG_AGO = 0
RANK = {"normal": 0, "raised": 1, "priority_site": 2, "danger": 3}
"""QUEUE_PRIO of a caller."""
SPEECH = 6.0
"""Seconds an announcement of position and wait takes."""
BEST = 5


@dataclass(frozen=True)
class Options:
    """queues.conf as far as the model has it; names as there (defaults 3162-3203).

    weights: of the queues. force_longest: "no", "yes" or "prio" (4829-4839). The numbers that
    differ from Asterisk's defaults are what an administrator of such a centre would set.
    """

    strategy: str = "rrmemory"
    timeout: float = 20
    retry: float = 5
    announce_frequency: int = 45
    min_announce_frequency: int = 15
    autopause: bool = True
    weights: dict[str, int] = field(default_factory=lambda: {"outage": 1})
    force_longest: str = "no"


@dataclass(eq=False)
class Operator:
    """An operator and his telephone. busy: it rings, or he talks (2813-2845, 4928-4966)."""

    name: str
    present: bool = False
    busy: bool = False
    paused: bool = False
    calls: int = 0
    last_call: int = LONG_AGO


@dataclass(eq=False)
class Member:
    """An operator's place in one queue. calls and last_call are shared by his queues, as with
    shared_lastcall=yes (6237-6252).
    """

    operator: Operator
    penalty: int
    place: int


@dataclass(eq=False)
class Entry:
    """A caller in a queue (1888-1921)."""

    visit: Visit
    prio: int
    start: int
    rules: list[tuple[float, int]]
    pending: bool = False
    max_penalty: int = BEST
    last_told: int = 0
    position_told: int = 0
    rings: int = 0


@dataclass(eq=False)
class Queue:
    """One queue: callers in order, members, the averages (2060-2130)."""

    name: str
    weight: int
    members: list[Member]
    callers: list[Entry] = field(default_factory=list)
    hold_time: int = 0
    finished: int = 0
    round_robin: int = 0
    wrapped: bool = False


class AppQueue:
    """The queues of one trace; `wait` is the life of one call."""

    def __init__(
        self, env: simpy.Environment, trace: Trace, options: Options | None = None
    ) -> None:
        self.env, self.trace, self.options = env, trace, options
        self.operators = {name: Operator(name) for name in trace.operators}
        names = sorted({queue for skills in trace.operators.values() for queue in skills})
        self.queues = {name: self.queue(name) for name in names}

    def queue(self, name: str) -> Queue:
        """Return a queue of all who have the skill; a high level is a low penalty."""
        having = [
            (who, skills[name]) for who, skills in self.trace.operators.items() if name in skills
        ]
        members = [
            Member(self.operators[who], BEST - level, place)
            for place, (who, level) in enumerate(having)
        ]
        return Queue(name, self.options.weights.get(name, 0), members)

    def now(self) -> int:
        """Return the time as time(NULL) does, in whole seconds."""
        return int(self.env.now)

    # ------------------------------------------------------------------ operators

    def come(self, operator: str) -> None:
        """Sign in."""
        self.operators[operator].present = True

    def go(self, operator: str) -> None:
        """Sign out; a talk goes on to its end."""
        self.operators[operator].present = False

    def available(self, member: Member) -> bool:
        """Tell whether a member could be rung (2813-2845, with ringinuse=no)."""
        who = member.operator
        return who.present and not who.busy and not who.paused and not self.wrapping_up(who)

    def wrapping_up(self, who: Operator) -> bool:
        """Tell whether the wrap-up still lasts (4904-4914)."""
        return bool(who.last_call) and self.now() - who.last_call < self.trace.wrap_up

    # ------------------------------------------------------------------ whose turn

    def join(self, queue: Queue, entry: Entry) -> None:
        """Stand behind all of the same or a higher priority (4315-4341)."""
        place = next(
            (i for i, other in enumerate(queue.callers) if entry.prio > other.prio),
            len(queue.callers),
        )
        queue.callers.insert(place, entry)

    def our_turn(self, queue: Queue, entry: Entry) -> bool:
        """Tell whether enough members are available for all who stand before (5977-6018)."""
        spare = sum(map(self.available, queue.members))
        for other in queue.callers:
            if not spare:
                return False
            if other is entry:
                return True
            spare -= not other.pending
        return False

    def may_ring(self, queue: Queue, entry: Entry, member: Member) -> bool:
        """Tell whether this member may be rung now (4889-4969)."""
        if not self.available(member) or self.heavier(queue, member):
            return False
        return self.options.force_longest == "no" or not self.longer(queue, entry, member)

    def heavier(self, queue: Queue, member: Member) -> bool:
        """Tell whether a heavier queue with enough callers has this member too (4781)."""
        return any(
            other.weight > queue.weight
            and other.callers
            and any(each.operator is member.operator for each in other.members)
            and len(other.callers) >= sum(map(self.available, other.members))
            for other in self.queues.values()
        )

    def longer(self, queue: Queue, entry: Entry, member: Member) -> bool:
        """Tell whether the first of another queue of this member comes before (4798-4856)."""
        for other in self.queues.values():
            if other is queue or other.weight != queue.weight:
                continue
            if all(each.operator is not member.operator for each in other.members):
                continue
            head = next((each for each in other.callers if not each.pending), None)
            if head is None:
                continue
            if head.prio != entry.prio and self.options.force_longest == "prio":
                if head.prio > entry.prio:
                    return True
            elif head.start < entry.start:
                return True
        return False

    # ------------------------------------------------------------------ one call

    def wait(self, visit: Visit) -> Waiting:
        """Be a caller until an operator answers; interrupted when he hangs up."""
        queue = self.queues[visit.person.queue]
        rules = [(seconds, BEST - level) for seconds, level in self.trace.relax]
        entry = Entry(visit, RANK[visit.person.priority], self.now(), rules)
        self.widen(entry)
        self.join(queue, entry)
        if not self.our_turn(queue, entry):
            visit.guess = self.env.now, float(queue.hold_time)
        try:
            while True:
                yield from self.wait_our_turn(queue, entry)
                while True:
                    self.widen(entry)
                    if (yield from self.try_calling(queue, entry)):
                        return
                    yield self.env.timeout(self.options.retry)
                    if not self.our_turn(queue, entry):
                        break
        except simpy.Interrupt:
            queue.finished += 1
            raise
        finally:
            queue.callers.remove(entry)

    def wait_our_turn(self, queue: Queue, entry: Entry) -> Waiting:
        """Look once a second; speak in between (6126-6200)."""
        while not self.our_turn(queue, entry):
            if self.tell(queue, entry):
                yield self.env.timeout(SPEECH)
            self.widen(entry)
            yield self.env.timeout(1)

    def widen(self, entry: Entry) -> None:
        """Admit members with a higher penalty when it is time (6026-6049, called at 6176, 9138)."""
        while entry.rules and self.now() - entry.start >= entry.rules[0][0]:
            entry.max_penalty = entry.rules.pop(0)[1]

    def tell(self, queue: Queue, entry: Entry) -> bool:
        """Say position and wait if it is time (4429-4569); True when something is said."""
        now, position = self.now(), queue.callers.index(entry) + 1
        if now - entry.last_told < self.options.min_announce_frequency and entry.last_told:
            return False
        same = entry.position_told == position
        if same and now - entry.last_told < self.options.announce_frequency:
            return False
        minutes = abs(queue.hold_time + 30 - (now - entry.start)) // 60
        entry.last_told, entry.position_told = now, position
        # The next one in line hears that he is next, and no time (4463-4466).
        if minutes and position > 1:
            entry.visit.told.append((self.env.now, minutes * 60.0))
        return True

    def try_calling(self, queue: Queue, entry: Entry) -> Waiting:
        """Ring the best member who may be rung; True when the caller was answered (7266-7480)."""
        metrics = self.metrics(queue, entry)
        entry.pending = True
        try:
            member = None
            while metrics and member is None:
                best = min(metrics, key=metrics.__getitem__)
                del metrics[best]
                if self.may_ring(queue, entry, best):
                    member = best
            answered = member is not None and (yield from self.ring(queue, entry, member.operator))
            self.next_in_turn(queue, metrics)
            return answered
        finally:
            entry.pending = False

    def ring(self, queue: Queue, entry: Entry, who: Operator) -> Waiting:
        """Ring one operator (5437-5951); no answer pauses him (5342-5396)."""
        visit = entry.visit
        delay = self.trace.pick_up_after(visit.person.number, len(visit.rung))
        missed = delay is None or delay > self.options.timeout
        rung = [self.env.now, self.env.now]
        visit.rung.append(rung)
        who.busy = True
        try:
            yield self.env.timeout(self.options.timeout if missed or delay is None else delay)
        except simpy.Interrupt:
            who.busy = False
            raise
        finally:
            rung[1] = self.env.now
        if missed:
            who.busy = False
            if self.options.autopause:
                who.paused = True
                self.env.process(self.absent(who))
            return False
        visit.answered = self.env.now
        held = self.now() - entry.start
        queue.hold_time = (3 * queue.hold_time + held) // 4 if queue.finished else held
        self.env.process(self.talk(queue, visit, who))
        return True

    def talk(self, queue: Queue, visit: Visit, who: Operator) -> Waiting:
        """Talk, then wrap up (6209-6286)."""
        yield self.env.timeout(visit.person.talk)
        who.busy = False
        who.calls += 1
        who.last_call = self.now()
        queue.finished += 1

    def absent(self, who: Operator) -> Waiting:
        """Come back after a while and end the pause."""
        yield self.env.timeout(ABSENT)
        who.paused = False

    # ------------------------------------------------------------------ strategies

    def metrics(self, queue: Queue, entry: Entry) -> dict[Member, int]:
        """Return the members the caller may have, with their metric (6295-6371)."""
        return {
            member: self.metric(queue, member) + member.penalty * 1_000_000
            for member in reversed(queue.members)
            if member.penalty <= entry.max_penalty
        }

    def metric(self, queue: Queue, member: Member) -> int:
        """Return what the strategy says of a member; the lowest is rung (6333-6365)."""
        if self.options.strategy == "fewestcalls":
            return member.operator.calls
        if self.options.strategy == "leastrecent":
            last = member.operator.last_call
            return 1_000_000 - (self.now() - last) if last else 0
        if member.place > queue.round_robin:
            queue.wrapped = True
        return member.place + (1000 if member.place < queue.round_robin else 0)

    def next_in_turn(self, queue: Queue, metrics: dict[Member, int]) -> None:
        """Note who is the next one of the round (5202-5223)."""
        if self.options.strategy != "rrmemory":
            return
        if metrics:
            queue.round_robin = min(metrics.values()) % 1000
        else:
            queue.round_robin = 0 if queue.wrapped else queue.round_robin + 1
        queue.wrapped = False
