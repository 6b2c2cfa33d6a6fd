"""A matchmaker with everything around it simulated."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from exchange import Exchange
from sqlalchemy import select

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, QueueDown, Rules, Ticket
from ivr.channels.line import Clock
from ivr.events import MemoryLog
from ivr.matchmaker import Matchmaker
from ivr.store.database import Store
from ivr.store.models import Base, Callback, Conversation

RULES = Rules(wrap_up=30.0, announce=45.0)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until `true()`; the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


class Flaky(MemoryQueue):
    """A queue whose server may be away."""

    away_now = False

    def __getattribute__(self, name: str) -> Any:
        asks = not name.startswith("_") and name not in ("away_now", "subscribe")
        if asks and self.away_now:
            raise QueueDown("no answer")
        return super().__getattribute__(name)


class Hall:
    """A matchmaker over a queue in memory, a simulated exchange and simulated time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        companies: Any,
        rules: Rules = RULES,
        queue_of: Callable[[Any], Any] = Flaky,
    ) -> None:
        self.store, self.clock, self.companies = store, clock, dict(companies)
        odesa = self.companies["odesa"]
        queues = dict.fromkeys(odesa.queues, rules)
        self.companies["odesa"] = replace(odesa, queues=queues)
        self.queue = queue_of({name: each.queues for name, each in self.companies.items()})
        self.exchange = Exchange()
        self.log = MemoryLog()
        self.matchmaker = self.another()

    def another(self) -> Matchmaker:
        """Start a matchmaker, the next one after a crash of the first."""
        return Matchmaker(
            self.queue, self.exchange, self.store, self.companies, self.log, self.clock
        )

    @property
    def now(self) -> float:
        return self.clock().timestamp()

    def pass_(self, seconds: float) -> Hall:
        """Let time pass, with a step every second."""
        for _ in range(int(seconds)):
            self.clock.pass_(1.0)
            self.matchmaker.step()
        return self

    def caller(self, name: str = "pbx1-1.1", **fields: Any) -> Ticket:
        """Let a caller enter and stand in the wait; step."""
        given = {
            "company": "odesa", "queue": "general", "entered": self.now, "node": "pbx1",
            "number": "+380671110001", "language": "uk", "leg": f"PJSIP/{name}",
        }  # fmt: skip
        self.exchange.stand(name)
        self.queue.enter(Ticket(**{"id": name, **given, **fields}), self.now)
        self.matchmaker.step()
        return self.ticket(name)

    def operator(self, name: str = "olena", status: str = "ready", **fields: Any) -> None:
        """Let an operator sign in with a telephone; step."""
        given = {"skills": {"general": 3}, "endpoint": f"op-{name}", "node": "pbx1"}
        self.queue.sign_in(Operator(name, "odesa", **{**given, **fields}), self.now)
        self.queue.set_status("odesa", name, status, self.now)
        self.matchmaker.step()

    def answer(self) -> str:
        """The telephone that rang last is answered; the token."""
        last = self.exchange.last
        self.exchange.stand(last.ticket.id, "operator", token=last.offer.token)
        self.matchmaker.answered(last.offer.token)
        self.matchmaker.step()
        return last.offer.token

    def ticket(self, name: str) -> Ticket:
        ticket = self.queue.ticket(name)
        assert ticket is not None
        return ticket

    def state(self, name: str = "olena") -> str:
        operator = self.queue.operator("odesa", name)
        assert operator is not None
        return operator.state

    def kinds(self, call: str = "") -> list[str]:
        return [entry.kind for entry in self.log.entries if call in ("", entry.call)]

    def details(self, kind: str) -> dict[str, Any]:
        return next(entry.details for entry in reversed(self.log.entries) if entry.kind == kind)

    def rows(self, table: type[Base]) -> list[Any]:
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(table)))

    def conversation(self) -> Conversation:
        (row,) = self.rows(Conversation)
        return row

    def due_callback(self, number: str = "+380671110009", **fields: Any) -> int:
        """Put a promise into the store; its id."""
        now: datetime = self.clock()
        given = {
            "company": "odesa", "queue": "general", "language": "uk", "call": "pbx1-0.9",
            "key": f"k{number}", "entered_at": now, "created_at": now,
            "next_at": now,
        }  # fmt: skip
        with self.store.session() as db:
            row = Callback(number=number, **{**given, **fields})
            db.add(row)
            db.flush()
            return row.id
