"""Visits every state a call can be in.

The engine is asked as little as can be: until a flow is left, what happens is the same whatever
runs the flow, so a `Spot`, which is a state without its stack, is tried once; and what comes of an
end is walked once for each step that runs the flow (`Exit`). The states themselves are all there.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ivr.company import Company
from ivr.engine import Edge, Flows, Left, Session, Trace, begin, resume, step
from ivr.errors import FlowError
from ivr.flow import KEYS, EnqueueStep, Flow, LookupStep, MenuStep, Question, RunStep, SayStep
from ivr.grammar import Grammar
from ivr.model import Ask, Event, Hangup, Need, Say, Turn, Value
from ivr.proof.acts import ANSWERED, LOW, SILENCE, Act, acts, press, say, spoken
from ivr.services import Service

T = TypeVar("T")
Told = Callable[[int, int], object]
"""Is told every now and then how many states were walked on from, and how many are known."""
LENGTHS = (2, 0, 1, 5)
"""Items of a list that a menu names."""
STATES = 38
"""States of a step under one stack, in the mean of the product's flows; for estimates."""
EACH = 500
"""States after which `Told` is told."""
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
class Stack:
    """Steps whose `run` waits, outermost first: the last of them, and the stack below it."""

    frame: tuple[str, str] = ("", "")
    below: Stack | None = None
    depth: int = 0
    above: dict[tuple[str, str], Stack] = field(default_factory=dict)

    def push(self, frame: tuple[str, str]) -> Stack:
        """Return the stack with one more; of equal stacks there is one."""
        if frame not in self.above:
            self.above[frame] = Stack(frame, self, self.depth + 1)
        return self.above[frame]

    @property
    def frames(self) -> list[tuple[str, str]]:
        """All of it."""
        return [*self.below.frames, self.frame] if self.below else []

    @property
    def flows(self) -> list[str]:
        """The flows that wait."""
        return [flow for flow, _ in self.frames]


@dataclass(eq=False)
class Exit:
    """A flow is left by an end. beyond: where that leads, by the step that ran the flow."""

    session: Session
    end: str
    beyond: dict[tuple[str, str], tuple[Hop, ...]] = field(default_factory=dict)


class Hop(NamedTuple):
    """What an act does, whatever stack is below: it leads to a spot, or leaves the flow.

    pushed: steps whose `run` waits then. broken: the engine's complaint; it leads nowhere.
    """

    to: Spot | Exit | None
    pushed: tuple[tuple[str, str], ...] = ()
    says: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    missed: bool = False
    broken: str = ""


@dataclass(eq=False)
class Spot:
    """A state without its stack: what happens there before the flow is left is always the same.

    hops: what acts do, as far as it was tried. numbers: its states, by stack.
    """

    session: Session
    need: Need | None
    hops: dict[Act, tuple[Hop, ...]] = field(default_factory=dict)
    numbers: dict[Stack, int] = field(default_factory=dict)
    acts: tuple[Act, ...] | None = None


@dataclass(eq=False)
class State:
    """Where a call may stand. came: the state before and the act, the shortest way from the start.

    broken: the engine's own complaint about an act in this state.
    """

    spot: Spot
    stack: Stack
    came: tuple[int, Act] | None
    moves: list[Move] = field(default_factory=list)
    broken: list[tuple[Act, str]] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """The session, its stack left out."""
        return self.spot.session

    @property
    def deep(self) -> bool:
        """Whether flows run each other without end."""
        return self.stack.depth > DEPTH

    @property
    def need(self) -> Need | None:
        """What the call needs; nothing is tried where it is too deep."""
        return None if self.deep else self.spot.need

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
    told: Told | None = None,
) -> Map:
    """Visit everything from the start of a flow.

    known: slots of a call as it begins. speech: callers speak, too, where the company listens.
    """
    return _Explorer(flows, company, services, known, speech).run(start, told)


FORGOTTEN = {"taken": [], "tried": {}, "understood": "", "repeats": 0, "slow": False, "unheard": 0}
"""What of a session counts for nothing once its question is left."""


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
        self.spots: dict[object, Spot] = {}
        self.exits: dict[object, Exit] = {}
        self.empty = Stack()
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
        self.kept = self.queues | {"unread"}
        self.lists = {slot: known.get(slot, some) for slot in lists | spoken_of}
        self.known = {slot for slot in lists if slot in known}
        self.values: dict[Any, Any] = {}
        self.doubts: dict[str, list[str]] = {}
        listened = speech and company.terms.speech.heard
        self.hears = list(company.languages[:1]) if listened else []

    def run(self, start: str, told: Told | None) -> Map:
        began = time.perf_counter()
        language = self.map.company.languages[0]
        first = begin(self.map.flows, language, self.lists, start, self.hears)
        self.add(self.spot(first, None, {}), self.empty, None)
        self.try_out(0, ANSWERED)
        while self.waiting:
            number = self.waiting.popleft()
            if told is not None and number % EACH == 0:
                told(number, len(self.map.states))
            state = self.map.states[number]
            if state.need is None or isinstance(state.need, Hangup):
                continue
            for act in self.acts(state.spot):
                self.try_out(number, act)
            for act in self.typed_ahead(state):
                self.try_out(number, act)
        self.map.seconds = time.perf_counter() - began
        return self.map

    def acts(self, spot: Spot) -> tuple[Act, ...]:
        """Everything that may happen at a spot."""
        if spot.acts is None:
            spot.acts = tuple(self.may_happen(spot.session, spot.need))
        return spot.acts

    def may_happen(self, session: Session, need: Need | None) -> Iterator[Act]:
        if need is None:
            return
        if self.stands_for_another(session):
            yield press("1")
            return
        fresh = f"{session.flow}.{session.step}" not in session.misses
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
        """Note where an act leads from a state."""
        state = self.map.states[number]
        hops = state.spot.hops.get(act)
        if hops is None:
            hops = state.spot.hops[act] = self.hops(state.spot, act)
        self.follow(number, act, hops, state.stack)

    def follow(self, number: int, act: Act, hops: tuple[Hop, ...], stack: Stack) -> None:
        state = self.map.states[number]
        for hop in hops:
            target = hop.to
            if isinstance(target, Exit):
                if stack.below is not None:
                    self.follow(number, act, self.beyond(hop, target, stack.frame), stack.below)
                    continue
                hop = Hop(None, broken=f"nothing ran the flow that ends with {target.end!r}")
            if not isinstance(target, Spot):
                state.broken.append((act, hop.broken))
                continue
            over = stack
            for frame in hop.pushed:
                over = over.push(frame)
            if isinstance(target.need, Hangup):
                over = self.empty
            to = target.numbers.get(over)
            if to is None:
                to = self.add(target, over, (number, act))
            state.moves.append(Move(act, to, hop.says, hop.edges, hop.missed))

    def hops(self, spot: Spot, act: Act) -> tuple[Hop, ...]:
        """Have the engine take an act."""
        return self.walked(
            spot.session,
            act.event,
            lambda trace: step(
                self.map.flows, spot.session, act.event, self.map.company.limits, trace
            ),
        )

    def beyond(self, hop: Hop, left: Exit, frame: tuple[str, str]) -> tuple[Hop, ...]:
        """Return what comes of leaving a flow that a step ran, with all that was before."""
        if frame not in left.beyond:
            session = left.session
            session.flow, session.step = frame
            left.beyond[frame] = self.walked(
                session,
                None,
                lambda trace: resume(
                    self.map.flows, session, left.end, self.map.company.limits, trace
                ),
            )
        return tuple(
            Hop(
                each.to, each.pushed, self.same(hop.says + each.says),
                self.same(hop.edges + each.edges), hop.missed, each.broken,
            )
            for each in left.beyond[frame]
        )  # fmt: skip

    def walked(
        self, before: Session, event: Event | None, walk: Callable[[Trace], tuple[Session, Turn]]
    ) -> tuple[Hop, ...]:
        """Walk until something is needed or the flow is left. event: none goes on with one."""
        edges: list[Edge] = []
        says: Sequence[Say]
        ends: Iterable[Spot | Exit]
        try:
            session, turn = walk(edges.append)
            says, ends = turn.says, self.reached(session, turn.need)
        except Left as left:
            session, says, ends = left.session, left.says, [self.exit(left)]
        except FlowError as reason:
            return (Hop(None, broken=str(reason)),)
        pushed = tuple((flow, at) for flow, at in session.stack)
        told = self.same(tuple(say.prompt for say in says))
        missed = event is not None and self.missed(before, session, edges, event)
        taken = self.same(tuple(edges))
        return tuple(Hop(end, pushed, told, taken, missed) for end in ends)

    def exit(self, left: Left) -> Exit:
        """Return the one exit of all sessions that the engine cannot tell."""
        session = left.session
        misses = {
            question: sorted(kinds)
            for question, kinds in session.misses.items()
            if question in self.asked_again and question.partition(".")[0] != session.flow
        }
        kept = {**vars(session), **FORGOTTEN, "misses": misses, "flow": "", "step": "", "stack": []}
        key = left.end, repr(sorted(kept.items()))
        if key not in self.exits:
            self.exits[key] = Exit(Session(**kept), left.end)
        return self.exits[key]

    def same(self, value: T) -> T:
        """The first one of equal values: there are few of them, and millions of moves."""
        first: T = self.values.setdefault(value, value)
        return first

    def reached(self, session: Session, need: Need | None) -> Iterator[Spot]:
        """The spot of a session; at a menu of a list that services fill, one for each length."""
        each = ""
        if isinstance(need, Ask):
            at = self.map.flows.step(session.flow, session.step)
            each = at.each if isinstance(at, MenuStep) else ""
        if each and each not in self.known:
            for length in LENGTHS:
                items: list[Value] = [{}] * length
                yield self.spot(session, need, {each: items})
        else:
            yield self.spot(session, need, {})

    def spot(self, session: Session, need: Need | None, items: Mapping[str, Value]) -> Spot:
        """Return the one spot of all sessions that the engine cannot tell. items: of its list."""
        here, asked = f"{session.flow}.{session.step}", isinstance(need, Ask)
        slots = {slot: value for slot, value in session.slots.items() if slot in self.kept}
        misses = self.counted(session, here, asked) if session.misses else {}
        unheard = session.misses.get(here, []).count("unheard")
        hears = session.hears and unheard < self.map.company.limits.hearing.misses
        typed = "1" if asked and session.typed else session.typed[:1]
        mode = "" if session.mode == "waiting" else session.mode  # it is all about the pace
        doubt = session.doubt if mode == "confirm" else []
        key: object = (
            here,
            mode,
            tuple((question, tuple(kinds)) for question, kinds in sorted(misses.items())),
            typed,
            tuple(map(len, items.values())),  # type: ignore[arg-type]
            tuple(sorted(slots.keys() - {"unread"})),
            bool(slots.get("unread")),
            bool(hears),
            tuple(doubt),
            type(need),
        )
        if isinstance(need, Hangup):
            key = here, need.reason
        found = self.spots.get(key)
        if found is None:
            kept = Session(
                session.flow, session.step, self.map.company.languages[0],
                {**self.lists, **slots, **items}, misses, turn=1, typed=typed, mode=mode,
                over=session.over, hears=self.hears if hears else [], doubt=doubt,
            )  # fmt: skip
            found = self.spots[key] = Spot(kept, need)
        return found

    def counted(self, session: Session, here: str, asked: bool) -> dict[str, list[str]]:
        """Return the misses that count on: of this question, and those left at others."""
        return {
            question: sorted(kinds)
            for question, kinds in session.misses.items()
            if question == here or (not asked and question in self.asked_again)
        }

    def add(self, spot: Spot, stack: Stack, came: tuple[int, Act] | None) -> int:
        number = spot.numbers[stack] = len(self.map.states)
        self.map.states.append(State(spot, stack, came))
        self.waiting.append(number)
        return number

    @staticmethod
    def missed(before: Session, after: Session, edges: list[Edge], event: Event) -> bool:
        if event.kind in ("hangup", "result", "operator"):
            return False
        question = f"{before.flow}.{before.step}"
        left = any(edge.word == "otherwise" for edge in edges[:1])
        doubted = after.mode == "confirm" and before.mode != "confirm"
        more = len(after.misses.get(question, ())) > len(before.misses.get(question, ()))
        return left or more or doubted or event.outcome == "down"


def size(flows: Mapping[str, Flow], start: str, depth: int = 0) -> int:
    """Return about how many states a walk from a flow will find; found in a moment."""
    if start not in flows or depth > DEPTH:
        return 0
    steps = flows[start].steps.values()
    runs = (size(flows, at.flow, depth + 1) for at in steps if isinstance(at, RunStep))
    return len(steps) * STATES + sum(runs)
