"""The exchange of a storm, its callers and its operators, on simulated time."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import simpy

from bench.storm_callers import TALK, Caller
from bench.trace import lognormal
from ivr import company
from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.destination import Destination
from ivr.events import Entry, write
from ivr.matchmaker import LiveCall, Matchmaker
from ivr.model import Ask, Enqueue, Event, Hangup, Record, Say, Turn
from ivr.model import Caller as Call
from ivr.prompts import Catalogue, seconds
from ivr.runner import Runner
from ivr.store.database import Store
from ivr.storm import records, watch

COMPANY = "odesa"
START = datetime(2026, 10, 31, 15, 0, tzinfo=UTC)
"""Five in the afternoon in Odesa: readings are taken, call-backs are allowed."""
NODE = "bench"
DECIDES = 30.0
"""Seconds until the supervisor has read a proposal."""
KEY = 0.3
THINKS = 1.0
MESSAGE = 8.0
STEP = 0.5
"""Seconds between two steps of the matchmaker; in the product news wake it at once."""

Life = Generator[simpy.Event, Any, Any]


class Log:
    """Writes events to the store at once: the watch counts them on simulated time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, entries: Sequence[Entry]) -> None:
        """Take events."""
        write(self._store, entries)


@dataclass
class Hall:
    """The exchange, its callers and the operators: a `Switch` on simulated time."""

    env: simpy.Environment
    chance: random.Random
    store: Store
    queue: RedisQueue
    companies: Mapping[str, company.Company]
    catalogues: Mapping[str, Catalogue]
    runner: Runner = field(init=False)
    matchmaker: Matchmaker = field(init=False)
    news: dict[str, simpy.Event] = field(default_factory=dict)
    talking: dict[str, str] = field(default_factory=dict)
    people: dict[str, Caller] = field(default_factory=dict)
    longest: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    most_lines: int = 0
    turns: list[float] = field(default_factory=list)
    proposed_after: float | None = None
    on_after: float | None = None
    called: int = 0

    def clock(self) -> datetime:
        """Return the simulated time."""
        return START + timedelta(seconds=self.env.now)

    @property
    def now(self) -> float:
        """Return it as queues count it."""
        return self.clock().timestamp()

    # ------------------------------------------------------------------ the switch

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        """Ring an operator, who answers after a moment."""
        self.talking[ticket.id] = offer.token
        self.env.process(self._connected(ticket.id, offer.token))

    def _connected(self, call: str, token: str) -> Life:
        yield self.env.timeout(self.chance.uniform(2, 6))
        if call not in self.news:  # he has hung up meanwhile
            self.talking.pop(call, None)
            return
        self.matchmaker.answered(token)
        self._reached(call, "operator")
        yield self.env.timeout(lognormal(self.chance, TALK))
        self._tell(call, "ended")

    def _reached(self, call: str, by: str) -> None:
        person = self.people[call]
        if person.reached_after is None and person.queued_at is not None:
            person.reached_after, person.by = self.env.now - person.queued_at, by

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Lead a caller back to his flow."""
        self._tell(ticket.id, outcome)

    def _tell(self, call: str, outcome: str) -> None:
        self.talking.pop(call, None)
        event = self.news.get(call)
        if event is not None and not event.triggered:
            event.succeed(outcome)

    def call_back(
        self,
        ticket: Ticket,
        operator: Operator,
        offer: Offer,
        destination: Destination,
        ring: float,
        recording: str,
    ) -> None:
        """Ring the operator, then the customer, who is there four times in five."""
        self.env.process(self._called_back(ticket.id, offer.token))

    def _called_back(self, ticket: str, token: str) -> Life:
        yield self.env.timeout(self.chance.uniform(6, 16))
        there = self.chance.random() < 0.8
        self.matchmaker.called_back(token, "answered" if there else "no_answer")
        if there:
            self.called += 1
            yield self.env.timeout(lognormal(self.chance, TALK))
            self.queue.ended(ticket, self.now)

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = 60.0) -> None:
        """Dial the dispatcher, who answers at once and talks for a minute."""
        self.talking[ticket.id] = ""
        self.env.process(self._outside(ticket.id))

    def _outside(self, call: str) -> Life:
        yield self.env.timeout(self.chance.uniform(2, 5))
        if call not in self.news:
            return
        self.matchmaker.outside(call)
        self._reached(call, "dispatcher")
        yield self.env.timeout(60.0)
        self._tell(call, "ended")

    def hang_up(self, ticket: Ticket) -> None:
        """End a call; nobody does."""

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        """Nothing: the telephones are there."""

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        """Nothing: they stay."""

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        """Nothing: there is no sound."""

    def calls(self) -> list[LiveCall]:
        """Return every call that stands or talks."""
        return [
            LiveCall(call, NODE, call, "operator" if call in self.talking else "wait",
                     self.talking.get(call, ""), call in self.talking)
            for call in self.news
        ]  # fmt: skip

    def nodes(self) -> Mapping[str, float]:
        """Return the one exchange."""
        return {NODE: 0.0}

    # ------------------------------------------------------------------ a caller

    def live(self, person: Caller) -> Life:
        """One call from the answer to its end."""
        self.lines += 1
        self.most_lines = max(self.most_lines, self.lines)
        call = Call(person.name, COMPANY, person.number, None, "console", self.clock())
        turn, took = self._timed(lambda: self.runner.open(call))
        self._hear_first(person, turn, took)
        keys = list(person.keys)
        while not isinstance(turn.need, Hangup):
            speech = self._speech(turn)
            person.last = [say.prompt for say in turn.says] or person.last
            if isinstance(turn.need, Enqueue):
                yield self.env.timeout(speech)
                turn = yield from self._wait(person, turn)
                if turn is None:
                    break
                continue
            event = yield from self._act(person, turn, keys, speech)
            if event is None:
                self.runner.close(person.name)
                person.ended = "hung up"
                break
            turn, _ = self._timed(self._advance(person.name, event, turn.number))
            self._mark(person, turn)
        if turn is not None and isinstance(turn.need, Hangup):
            person.last = [say.prompt for say in turn.says]
            yield self.env.timeout(self._speech(turn))
            person.ended = turn.need.reason if person.last else "silent"
        self.lines -= 1

    def _advance(self, call: str, event: Event, number: int) -> Callable[[], Turn]:
        return lambda: self.runner.advance(call, event, number)

    def _timed(self, ask: Callable[[], Turn]) -> tuple[Turn, float]:
        began = time.perf_counter()
        turn = ask()
        took = time.perf_counter() - began
        self.turns.append(took)
        return turn, took

    def _hear_first(self, person: Caller, turn: Turn, took: float) -> None:
        """When the sentence about his event, or the general text, begins."""
        after = took
        for say in turn.says:
            if say.prompt in ("outage_event", "storm_text"):
                if say.prompt == "outage_event":
                    person.told_after = after
                return
            after += self._length(turn, say)

    def _length(self, turn: Turn, say: Say) -> float:
        text = self.catalogues[say.language or turn.language].text(say.prompt, say.values)
        return float(seconds(text))

    def _speech(self, turn: Turn) -> float:
        return sum(self._length(turn, say) for say in turn.says)

    def _act(self, person: Caller, turn: Turn, keys: list[str], speech: float) -> Life:
        """Listen, press what is next; None: he hangs up after hearing all."""
        if isinstance(turn.need, Record):
            yield self.env.timeout(speech + MESSAGE)
            return Event("recorded", text=f"{person.name}.wav")
        if not keys:
            yield self.env.timeout(speech + THINKS)
            return None
        wanted = keys.pop(0)
        text = {"@": f"{person.account}#", "#reading": person.reading}.get(wanted, wanted)
        yield self.env.timeout(speech * person.listens + THINKS + KEY * len(text))
        if wanted == "2" and person.kind == "reading" and person.began_reading is None:
            person.began_reading = self.env.now
        need = turn.need
        assert isinstance(need, Ask)
        if need.entry == "number" and not text.endswith("#"):
            text += "#"
        return Event("keys", text=text)

    def _mark(self, person: Caller, turn: Turn) -> None:
        """Note when a reading was accepted and read out."""
        stored = any(say.prompt.startswith("accepted") for say in turn.says)
        if stored and person.began_reading is not None and person.read_for is None:
            person.read_for = self.env.now - person.began_reading + self._speech(turn)

    def _wait(self, person: Caller, turn: Turn) -> Life:
        """Stand in a queue until somebody comes, he is led away or he gives up."""
        need = turn.need
        assert isinstance(need, Enqueue)
        if person.queued_at is None:
            person.queued_at, person.queue = self.env.now, need.queue
        self.news[person.name] = news = self.env.event()
        self.runner.here(person.name, person.name, NODE)
        self.matchmaker.waiting(person.name, NODE, person.name)
        self._look()
        left = person.queued_at + person.patience - self.env.now
        yield news | self.env.timeout(max(left, 1.0))
        if not news.triggered and person.name in self.talking:
            yield news
        self.news.pop(person.name, None)
        if not news.triggered:
            self.runner.close(person.name)
            person.ended = "gave up"
            return None
        event = Event("operator", outcome=str(news.value))
        turn, _ = self._timed(self._advance(person.name, event, turn.number))
        return turn

    # ------------------------------------------------------------------ everything beside

    def _look(self) -> None:
        for name in self.companies[COMPANY].queues:
            place = self.queue.place(COMPANY, name, self.now)
            self.longest[name] = max(self.longest[name], place.waiting)

    def match(self) -> Life:
        """Step the matchmaker."""
        while True:
            self.matchmaker.step()
            yield self.env.timeout(STEP)

    def supervise(self) -> Life:
        """Look at the figures each half a minute, and switch on what is proposed."""
        profile = self.companies[COMPANY]
        while True:
            done = watch.look(self.store, self.queue, profile, self.clock())
            if done == "propose" and self.proposed_after is None:
                self.proposed_after = self.env.now
                yield self.env.timeout(DECIDES)
                with self.store.session() as db:
                    records.switch_on(db, profile, self.clock(), "bench", reason="bench")
                self.on_after = self.env.now
            yield self.env.timeout(watch.EVERY)
