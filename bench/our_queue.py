"""Our queue on simulated time: the real `AgentQueue` and the real expected wait; the people are
simulated.

As in the product a caller who must wait first hears his position and the wait, then enters the
queue; later announcements do not hold off an offer, which takes him out of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

import simpy

from bench.app_queue_model import SPEECH
from bench.trace import ABSENT, Trace, Visit
from ivr.agent_queue.model import AgentQueue, Offer, Operator, Place, Rules, Ticket
from ivr.expected_wait import estimate, minutes

Waiting = Generator[simpy.Event, Any, Any]
COMPANY = "odesa"
START = 1_800_000_000.0
"""The time of the queue at the beginning of a trace."""
SOON = 0.001
SWEEP = 5.0
"""Seconds until somebody whose wait had not become shorter is looked at again."""


def rules_of(trace: Trace) -> dict[str, dict[str, Rules]]:
    """Return the rules of every queue of a trace, by company."""
    names = {queue for skills in trace.operators.values() for queue in skills}
    rules = Rules(relax=trace.relax, wrap_up=trace.wrap_up)
    return {COMPANY: dict.fromkeys(sorted(names), rules)}


class OurQueue:
    """The queues of one trace; `wait` is the life of one call."""

    def __init__(
        self,
        env: simpy.Environment,
        trace: Trace,
        make: Callable[[Mapping[str, Mapping[str, Rules]]], AgentQueue],
    ) -> None:
        self.env, self.trace = env, trace
        self.rules = rules_of(trace)
        self.queue = make(self.rules)
        self.visits: dict[str, Visit] = {}
        self.answers: dict[str, simpy.Event] = {}
        self.changed = env.event()
        self.serial = 0
        env.process(self.clock())

    def now(self) -> float:
        """Return the queue's time."""
        return START + self.env.now

    # ------------------------------------------------------------------ operators

    def come(self, operator: str) -> None:
        """Sign in and be ready."""
        who = Operator(
            operator, COMPANY, operator, self.trace.operators[operator], node="pbx1", tab="1"
        )
        self.queue.sign_in(who, self.now())
        self.queue.set_status(COMPANY, operator, "ready", self.now())
        self.match()

    def go(self, operator: str) -> None:
        """Go offline; a talk goes on to its end."""
        self.queue.set_status(COMPANY, operator, "offline", self.now())
        self.match()

    # ------------------------------------------------------------------ one call

    def wait(self, visit: Visit) -> Waiting:
        """Be a caller until an operator answers; interrupted when he hangs up."""
        person = visit.person
        place = self.queue.place(COMPANY, person.queue, self.now(), person.priority)
        told = None
        if not place.free or place.position > place.free:
            visit.guess = self.env.now, estimate(place, wrap_up=self.trace.wrap_up)
            told = self.spoken(place)
            visit.told.append((self.env.now, told))
            yield self.env.timeout(SPEECH)
        self.serial += 1
        call = f"pbx1-{self.serial}"
        ticket = Ticket(
            call,
            COMPANY,
            person.queue,
            self.now(),
            person.priority,
            node="pbx1",
            number=f"+38067{person.number:07}",
        )
        self.visits[call], self.answers[call] = visit, self.env.event()
        self.queue.enter(ticket, self.now())
        if told is not None:
            self.queue.promise(call, told, self.now())
        self.match()
        try:
            yield from self.stand(call, visit)
        except simpy.Interrupt:
            self.queue.leave(call, "abandoned", self.now())
            self.match()
            raise

    def stand(self, call: str, visit: Visit) -> Waiting:
        """Wait for the answer; hear of the wait now and then, when it has become shorter."""
        every = self.rules[COMPANY][visit.person.queue].announce
        pause = every
        while visit.answered is None:
            yield self.answers[call] | self.env.timeout(pause)
            if visit.answered is None:
                pause = every if self.announce(call, visit) else SWEEP

    def spoken(self, place: Place) -> float:
        """Return the wait a caller at this place is told, seconds of whole minutes."""
        return minutes(estimate(place, wrap_up=self.trace.wrap_up)) * 60.0

    def announce(self, call: str, visit: Visit) -> bool:
        """Tell the wait again if it is shorter than what was told; True when it was."""
        person = visit.person
        place = self.queue.place(COMPANY, person.queue, self.now(), person.priority, call)
        seconds = self.spoken(place)
        if place.state != "waiting" or (visit.told and seconds >= visit.told[-1][1]):
            return False
        visit.told.append((self.env.now, seconds))
        self.queue.promise(call, seconds, self.now())
        return True

    # ------------------------------------------------------------------ the matchmaker's part

    def match(self) -> None:
        """Ring for every new offer, and let the clock look again."""
        for offer in self.queue.offers():
            ticket = self.queue.ring(offer.token, self.now())
            if ticket is not None:
                self.env.process(self.ring(offer, ticket))
        if not self.changed.triggered:
            self.changed.succeed()

    def clock(self) -> Waiting:
        """Let the queue do what is due, when it is due."""
        while True:
            due = self.queue.tick(self.now())
            self.match()
            self.changed = self.env.event()
            if due is None:
                yield self.changed
            else:
                yield self.changed | self.env.timeout(max(due - self.now(), SOON))

    def ring(self, offer: Offer, ticket: Ticket) -> Waiting:
        """Ring an operator; when he answers, talk to the end."""
        visit = self.visits[ticket.id]
        longest = self.rules[COMPANY][ticket.queue].ring
        delay = self.trace.pick_up_after(visit.person.number, len(visit.rung))
        rung = [self.env.now, self.env.now]
        visit.rung.append(rung)
        missed = delay is None or delay > longest
        until = self.env.now + (longest if missed or delay is None else delay)
        while self.env.now < until and visit.left is None:
            yield self.env.timeout(min(until - self.env.now, 1.0))
            rung[1] = self.env.now
        if visit.left is not None:
            return
        if missed:
            self.queue.unanswered(offer.token, self.now())
            self.env.process(self.absent(offer.operator))
        elif self.queue.answered(offer.token, self.now()):
            visit.answered = self.env.now
            self.answers[ticket.id].succeed()
            self.match()
            yield self.env.timeout(visit.person.talk)
            self.queue.ended(ticket.id, self.now())
        self.match()

    def absent(self, operator: str) -> Waiting:
        """Come back after a while and be ready again."""
        yield self.env.timeout(ABSENT)
        who = self.queue.operator(COMPANY, operator)
        if who is not None and who.status == "paused":
            self.queue.set_status(COMPANY, operator, "ready", self.now())
            self.match()
