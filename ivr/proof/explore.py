"""Visits every state a call can be in.

Two sessions are one state where the engine cannot tell them apart: what was said, the pace and
the number of turns count for nothing, the kinds of misses but not their order do, of the slots
only those that name a queue, of a number typed so far only that there is one. Misses left at a
question count until another one is put. A menu of a list is put with lists of several lengths.

Callers speak as well, in the first language of the company, until nobody listens any more: a
question that takes only keys after what was not heard is the one of a call that takes only keys.
Everything that can be said or keyed is, at a question nothing has happened at; later a few words
and keys stand for it, because what is understood leads on in the same way.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from ivr.company import Company
from ivr.engine import Edge, Flows, Session, begin, step
from ivr.errors import FlowError
from ivr.flow import KEYS, EnqueueStep, LookupStep, MenuStep, Question, SayStep
from ivr.grammar import Grammar
from ivr.model import Ask, Event, Hangup, Need, Value
from ivr.proof.acts import ANSWERED, LOW, SILENCE, Act, acts, press, say, spoken
from ivr.services import Service

T = TypeVar("T")
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
    speech: bool = True,
) -> Map:
    """Visit everything from the start of a flow.

    known: slots of a call as it begins. speech: callers speak, too, where the company listens.
    """
    return _Explorer(flows, company, services, known, speech).run(start)


class _Explorer:
    def __init__(
        self,
        flows: Flows,
        company: Company,
        services: Mapping[str, Service],
        known: Mapping[str, Value],
        speech: bool,
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
        spoken_of = {
            saying.each
            for _, _, at in steps
            if isinstance(at, Question | SayStep)
            for saying in at.says
            if saying.each
        }
        self.lists = {slot: known.get(slot, some) for slot in lists | spoken_of}
        self.known = {slot for slot in lists if slot in known}
        self.values: dict[Any, Any] = {}
        self.doubts: dict[str, list[str]] = {}
        listened = speech and company.terms.speech.heard
        self.hears = list(company.languages[:1]) if listened else []

    def run(self, start: str) -> Map:
        began = time.perf_counter()
        language = self.map.company.languages[0]
        first = begin(self.map.flows, language, self.lists, start, self.hears)
        self.add(first, None, None)
        self.try_out(0, ANSWERED)
        while self.waiting:
            number = self.waiting.popleft()
            state = self.map.states[number]
            if state.need is None or isinstance(state.need, Hangup):
                continue
            for act in self.acts(state, state.need):
                self.try_out(number, act)
            for act in self.typed_ahead(state):
                self.try_out(number, act)
        self.map.seconds = time.perf_counter() - began
        return self.map

    def acts(self, state: State, need: Need) -> Iterator[Act]:
        """Everything that may happen here."""
        if self.stands_for_another(state.session):
            yield press("1")
            return
        fresh = state.place not in state.session.misses
        text = need.grammar if isinstance(need, Ask) else ""
        if fresh or not text:
            yield from acts(need, self.map.services)
        else:
            yield from (SILENCE, say("?", LOW), *map(press, "17*"))
        if text:
            yield from spoken(Grammar.parse(text), self.map.flows.vocabulary, fresh)

    def typed_ahead(self, state: State) -> Iterator[Act]:
        """A second key behind each that is understood, at a question nothing has happened at.

        Where nobody listens: what is said then is never typed ahead of.
        """
        session = state.session
        if session.mode or session.typed or session.hears or state.place in session.misses:
            return
        entry = state.need.entry if isinstance(state.need, Ask) else ""
        for move in list(state.moves):
            text = move.act.event.text
            whole = len(text) == (2 if entry == "number" else 1)
            if move.act.event.kind == "keys" and whole and entry and not move.missed:
                yield from (press(text + key) for key in KEYS)

    def stands_for_another(self, session: Session) -> bool:
        """Whether it is asked if another word was heard right than the first one at the question.

        They differ in what a yes leads to, and in nothing else.
        """
        if session.mode != "confirm":
            return False
        place = f"{session.flow}.{session.step}"
        return self.doubts.setdefault(place, session.doubt) != session.doubt

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
        says = self.same(tuple(say.prompt for say in turn.says))
        walked = self.same(tuple(edges))
        for after in self.variants(self.canonical(session, turn.need), turn.need):
            to = self.add(after, turn.need, (number, act))
            state.moves.append(Move(act, to, says, walked, missed))

    def same(self, value: T) -> T:
        """The first one of equal values: there are few of them, and millions of moves."""
        first: T = self.values.setdefault(value, value)
        return first

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
        doubted = after.mode == "confirm" and before.mode != "confirm"
        more = len(after.misses.get(question, ())) > len(before.misses.get(question, ()))
        return left or more or doubted or event.outcome == "down"

    def canonical(self, session: Session, need: Need) -> Session:
        """The one of all sessions of a state that is walked on from."""
        here = f"{session.flow}.{session.step}"
        active = {session.flow, *(flow for flow, _ in session.stack)}
        asked = isinstance(need, Ask)
        unheard = session.misses.get(here, []).count("unheard")
        hears = session.hears and unheard < self.map.company.limits.hearing.misses
        misses = {
            question: sorted(kinds)
            for question, kinds in session.misses.items()
            if question == here
            or (not asked and question in self.asked_again and question.partition(".")[0] in active)
        }
        kept = self.queues | {"unread"}
        slots = {slot: value for slot, value in session.slots.items() if slot in kept}
        return replace(
            session,
            slots={**self.lists, **slots},
            misses=misses,
            turn=1,
            typed="1" if asked and session.typed else session.typed[:1],
            mode="" if session.mode == "waiting" else session.mode,  # it is all about the pace
            repeats=0,
            slow=False,
            language=self.map.company.languages[0],
            hears=self.hears if hears else [],
            unheard=0,
            doubt=session.doubt if session.mode == "confirm" else [],
            taken=[],
            tried={},
            understood="",
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
            bool(session.slots.get("unread")),
            bool(session.hears),
            tuple(session.doubt),
            type(need),
        )
