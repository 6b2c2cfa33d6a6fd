"""A shift as the product lives it: callers on the real flows, operators at the real queue (in
memory), on simulated time; and the log of all of it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Record, Ticket
from ivr.channels.line import Clock
from ivr.company import Company
from ivr.events import Entry
from ivr.model import Caller, Enqueue, Event, Hangup
from ivr.runner import Runner

KEYS = ("1", "2", "3", "4", "5", "0", "0", "0", "9", "*", "#", "100200301#", "2034#")
LINES = 12


class Log:
    """Takes what the runner and the queue tell, in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entries: Sequence[Entry]) -> None:
        self.entries.extend(entries)

    def note(self, record: Record) -> None:
        """Take a record of the queue's journal."""
        at = datetime.fromtimestamp(record.at, UTC)
        call = record.id if record.kind == "ticket" else ""
        details = dict(record.details)
        self.entries.append(Entry(record.company, call, at, record.kind, details=details))


@dataclass
class Shift:
    """A company at work. step: lets somebody do something, and time go on."""

    runner: Runner
    queue: MemoryQueue
    log: Log
    clock: Clock
    company: Company
    chance: random.Random
    pace: float = 8.0
    calls: dict[str, Any] = field(default_factory=dict)
    staff: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def now(self) -> float:
        return self.clock().timestamp()

    def run(self, steps: int) -> list[Entry]:
        """Let so many things happen; the log."""
        for name in ("olena", "petro", "taras"):
            self.sign_in(name)
        for _ in range(steps):
            self.clock.pass_(self.chance.expovariate(1 / self.pace))
            self.queue.tick(self.now)
            self.chance.choice(
                (self.caller, self.caller, self.caller, self.operator, self.operator, self.other)
            )()
        return self.log.entries

    # callers

    def caller(self) -> None:
        if len(self.calls) < LINES and self.chance.random() < 0.3 or not self.calls:
            self.dial()
            return
        call = self.chance.choice(list(self.calls))
        ticket = self.queue.ticket(call)
        if self.chance.random() < 0.15:
            self.runner.close(call)
            self.calls.pop(call)
        elif ticket is None or ticket.state in ("waiting", "away", "done"):
            self.give(call, Event("keys", text=self.chance.choice(KEYS), ended=False))

    def dial(self) -> None:
        self.count += 1
        number = f"+38067111{self.chance.randrange(20):04}"
        call = f"pbx1-{self.count}.1"
        self.calls[call] = None
        caller = Caller(call, self.company.id, number, "+380487059090", "console", self.clock())
        self.took(call, self.runner.open(caller))

    def give(self, call: str, event: Event) -> None:
        self.took(call, self.runner.advance(call, event, self.calls[call].number))

    def took(self, call: str, turn: Any) -> None:
        self.calls[call] = turn
        if isinstance(turn.need, Enqueue):
            self.runner.here(call, f"PJSIP/{call}", "pbx1")
        elif isinstance(turn.need, Hangup):
            self.calls.pop(call)

    # operators

    def sign_in(self, name: str) -> None:
        skills = dict.fromkeys(self.company.queues, 3)
        one = Operator(name, self.company.id, name.title(), skills, endpoint=f"op-{name}")
        self.queue.sign_in(one, self.now)
        self.queue.set_status(self.company.id, name, "ready", self.now)
        self.staff.append(name)

    def operator(self) -> None:
        one = self.queue.operator(self.company.id, self.chance.choice(self.staff))
        assert one is not None
        ticket = self.queue.ticket(one.ticket) if one.ticket else None
        if one.state == "offered" and ticket:
            self.offered(one, ticket)
        elif one.state == "talking" and ticket:
            self.talks(one, ticket)
        elif one.state == "wrap_up":
            self.queue.finish(self.company.id, one.name, self.now)
        elif one.state == "disconnected":
            self.queue.returned(self.company.id, one.name, self.now)
        elif one.status == "ready":
            if self.chance.random() < 0.2:
                word, reason = self.chance.choice((("paused", "lunch"), ("offline", "")))
                self.queue.set_status(self.company.id, one.name, word, self.now, reason=reason)
        else:
            self.queue.set_status(self.company.id, one.name, "ready", self.now)

    def offered(self, one: Operator, ticket: Ticket) -> None:
        if self.chance.random() < 0.2:
            self.queue.unanswered(ticket.token, self.now, "declined")
            return
        if ticket.state == "offered":
            self.queue.ring(ticket.token, self.now)
        self.clock.pass_(self.chance.uniform(1, 5))
        if self.queue.answered(ticket.token, self.now):
            told = {"operator": one.name, "queue": ticket.queue, "token": ticket.token}
            self.log.append(
                [Entry(ticket.company, ticket.id, self.clock(), "answered", details=told)]
            )

    def talks(self, one: Operator, ticket: Ticket) -> None:
        what = self.chance.random()
        if what < 0.1:
            self.queue.dropped(ticket.id, self.now)
        elif what < 0.25:
            to = self.chance.choice(list(self.company.queues))
            self.queue.transfer(ticket.id, self.now, queue=to)
        elif ticket.kind == "callback":
            self.queue.ended(ticket.id, self.now)
        elif ticket.id in self.calls:
            self.give(ticket.id, Event("operator", outcome="ended"))

    # the rest

    def other(self) -> None:
        what = self.chance.randrange(5)
        if what == 0:
            self.count += 1
            name, entered = f"callback-{self.count}", self.now - 3600
            self.queue.enter(
                Ticket(name, self.company.id, "general", entered, kind="callback"), self.now
            )
        elif what == 1:
            self.measured(callbacks={"due": self.chance.randrange(9), "late": 1})
        elif what == 2:
            until = self.clock() + timedelta(minutes=20)
            state = self.chance.choice(("proposed", "on", "off"))
            mark = {"storm": 1, "state": state, "by": "vira", "reason": ""}
            mark["until"] = until.isoformat()
            self.log.append([Entry(self.company.id, "", self.clock(), "storm", details=mark)])
        elif what == 3:
            self.measured(speech={"busy": self.chance.randrange(9), "limit": 8, "up": 1, "of": 1})
        else:
            self.synthetic()

    def measured(self, **sections: Any) -> None:
        self.log.append([Entry(self.company.id, "", self.clock(), "measured", details=sections)])

    def synthetic(self) -> None:
        """A call that press2 makes to itself, and one of another company."""
        self.count += 1
        began = {"from": None, "to": None, "channel": "agi", "entrance": "synthetic"}
        first = Entry(
            self.company.id, f"self-{self.count}", self.clock(), "answered", "main", "", began
        )
        held = {"state": "waiting", "queue": "general", "kind": "call", "operator": ""}
        held |= {"priority": "normal", "outcome": ""}
        waits = replace(first, kind="ticket", flow="", details=held | {"entered": self.now})
        other = replace(first, company="other", call=f"other-{self.count}", details={})
        self.log.append([first, waits, other])
