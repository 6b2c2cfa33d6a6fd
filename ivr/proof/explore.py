"""Visits every state a call can be in.

Two sessions are one state where the engine cannot tell them apart: what was said, the pace and
the number of turns count for nothing, the kinds of misses but not their order do, of the slots
only those that name a queue, of a number typed so far only that there is one. Misses left at a
question count until another one is put. A menu of a list is put with lists of several lengths.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ivr.company import Company
from ivr.engine import Edge, Flows, Session, begin, step
from ivr.errors import FlowError
from ivr.flow import KEYS, EnqueueStep, LookupStep, MenuStep
from ivr.model import Ask, Event, Hangup, Need, Value
from ivr.proof.acts import ANSWERED, Act, acts, press
from ivr.services import Service

LENGTHS = (2, 0, 1, 5)
"""Items of a list that a menu names."""
DEPTH = 8
"""Flows that run each other, one inside the other; deeper is without end."""


class Move(NamedTuple):
    """One act in one state. to: the state it leads to. says: prompts of the engine's turn.

    missed: nothing the caller did was understood.
    """

    act: Act
    to: int
    says: tuple[str, ...]
    edges: tuple[Edge, ...]
    missed: bool


@dataclass(eq=False)
class State:
    """Where a call may stand. came: the state before and the act, the shortest way from the start.

    broken: the engine's own complaint about an act in this state.
    """

    session: Session
    need: Need | None
    came: tuple[int, Act] | None
    moves: list[Move] = field(default_factory=list)
    broken: list[tuple[Act, str]] = field(default_factory=list)
    deep: bool = False

    @property
    def place(self) -> str:
        """Flow and step."""
        return f"{self.session.flow}.{self.session.step}"


@dataclass(eq=False)
class Map:
    """All states of a company's calls, the first one before the answer."""

    flows: Flows
    company: Company
    services: Mapping[str, Service]
    states: list[State]
    seconds: float = 0.0

    @property
    def moves(self) -> int:
        """How many acts were tried."""
        return sum(len(state.moves) for state in self.states)

    def way(self, number: int) -> list[Act]:
        """Return the acts that lead to a state, the answer left out."""
        acts_: list[Act] = []
        while came := self.states[number].came:
            number, act = came
            acts_.append(act)
        return acts_[::-1][1:]


def explore(
    flows: Flows,
    company: Company,
    services: Mapping[str, Service],
    known: Mapping[str, Value],
    start: str = "main",
) -> Map:
    """Visit everything from the start of a flow. known: slots of a call as it begins."""
    return _Explorer(flows, company, services, known).run(start)


class _Explorer:
    def __init__(
        self,
        flows: Flows,
        company: Company,
        services: Mapping[str, Service],
        known: Mapping[str, Value],
    ) -> None:
        self.map = Map(flows, company, services, [])
        self.numbers: dict[object, int] = {}
        self.waiting: deque[int] = deque()
        steps = [(f.name, name, s) for f in flows.flows.values() for name, s in f.steps.items()]
        self.asked_again = {
            f"{flow}.{retry.ask}"
            for flow, _, at in steps
            if isinstance(at, LookupStep)
            for retry in (*at.retry.values(), *at.again.values())
        }
        lists = {at.each for _, _, at in steps if isinstance(at, MenuStep) and at.each}
        self.queues = {at.slot for _, _, at in steps if isinstance(at, EnqueueStep) and at.slot}
        some: list[Value] = [{}] * LENGTHS[0]
        self.lists = {slot: known.get(slot, some) for slot in lists}
        self.known = {slot for slot in lists if slot in known}

    def run(self, start: str) -> Map:
        began = time.perf_counter()
        first = begin(self.map.flows, self.map.company.languages[0], self.lists, start)
        self.add(first, None, None)
        self.try_out(0, ANSWERED)
        while self.waiting:
            number = self.waiting.popleft()
            state = self.map.states[number]
            if state.need is None or isinstance(state.need, Hangup):
                continue
            for act in acts(state.need, self.map.services):
                self.try_out(number, act)
            for act in self.typed_ahead(state):
                self.try_out(number, act)
        self.map.seconds = time.perf_counter() - began
        return self.map

    def typed_ahead(self, state: State) -> Iterator[Act]:
        """A second key behind each that is understood, at a question nothing has happened at."""
        session = state.session
        here = f"{session.flow}.{session.step}"
        if session.mode or session.typed or here in session.misses:
            return
        entry = state.need.entry if isinstance(state.need, Ask) else ""
        for move in list(state.moves):
            text = move.act.event.text
            whole = len(text) == (2 if entry == "number" else 1)
            if move.act.event.kind == "keys" and whole and entry and not move.missed:
                yield from (press(text + key) for key in KEYS)

    def try_out(self, number: int, act: Act) -> None:
        state = self.map.states[number]
        edges: list[Edge] = []
        try:
            session, turn = step(
                self.map.flows, state.session, act.event, self.map.company.limits, edges.append
            )
        except FlowError as reason:
            state.broken.append((act, str(reason)))
            return
        missed = self.missed(state.session, session, edges, act.event)
        says = tuple(say.prompt for say in turn.says)
        for after in self.variants(self.canonical(session, turn.need), turn.need):
            to = self.add(after, turn.need, (number, act))
            state.moves.append(Move(act, to, says, tuple(edges), missed))

    def variants(self, session: Session, need: Need) -> Iterator[Session]:
        """The session; at a menu of a list that services fill, with several such lists."""
        at = self.map.flows.step(session.flow, session.step)
        each = at.each if isinstance(need, Ask) and isinstance(at, MenuStep) else ""
        if not each or each in self.known:
            yield session
        else:
            for length in LENGTHS:
                items: list[Value] = [{}] * length
                slots = {**session.slots, each: items}
                yield replace(session, slots=slots)

    def add(self, session: Session, need: Need | None, came: tuple[int, Act] | None) -> int:
        key = self.key(session, need)
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.map.states)
            deep = len(session.stack) > DEPTH
            self.map.states.append(State(session, None if deep else need, came, deep=deep))
            self.waiting.append(found)
        return found

    @staticmethod
    def missed(before: Session, after: Session, edges: list[Edge], event: Event) -> bool:
        if event.kind in ("hangup", "result", "operator"):
            return False
        question = f"{before.flow}.{before.step}"
        left = any(edge.word == "otherwise" for edge in edges[:1])
        return left or len(after.misses.get(question, ())) > len(before.misses.get(question, ()))

    def canonical(self, session: Session, need: Need) -> Session:
        """The one of all sessions of a state that is walked on from."""
        here = f"{session.flow}.{session.step}"
        active = {session.flow, *(flow for flow, _ in session.stack)}
        asked = isinstance(need, Ask)
        misses = {
            question: sorted(kinds)
            for question, kinds in session.misses.items()
            if question == here
            or (not asked and question in self.asked_again and question.partition(".")[0] in active)
        }
        queues = {slot: value for slot, value in session.slots.items() if slot in self.queues}
        return replace(
            session,
            slots={**self.lists, **queues},
            misses=misses,
            turn=1,
            typed=session.typed[:1],
            mode="" if session.mode == "waiting" else session.mode,  # it is all about the pace
            repeats=0,
            slow=False,
            language=self.map.company.languages[0],
        )

    def key(self, session: Session, need: Need | None) -> object:
        if isinstance(need, Hangup):
            return session.flow, session.step, need.reason
        at = self.map.flows.step(session.flow, session.step)
        each = at.each if isinstance(at, MenuStep) else ""
        return (
            session.flow,
            session.step,
            tuple(map(tuple, session.stack)),
            session.mode,
            tuple((question, tuple(kinds)) for question, kinds in sorted(session.misses.items())),
            session.typed,
            len(session.slots[each]) if each else 0,  # type: ignore[arg-type]
            frozenset(slot for slot in session.slots if slot in self.queues),
            type(need),
        )
