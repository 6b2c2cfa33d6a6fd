"""What must hold in every state of a call, whoever does whatever."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass

from ivr.company import Company
from ivr.engine import Edge, Flows
from ivr.flow import AskStep, RunStep
from ivr.model import Enqueue, Hangup, Lookup, Value
from ivr.proof.acts import Act
from ivr.proof.explore import DEPTH, Map, Move, Told, explore
from ivr.services import Service

RULES = {
    "stuck": "the flow cannot go on: a target, an end or a queue's name is missing",
    "endless-run": f"flows run each other more than {DEPTH} deep",
    "silent-circle": "services are asked round and round, and nobody is asked anything",
    "endless-misses": "a caller who is silent or not understood is never led to an end or a queue",
    "no-end": "from here the call cannot end with words",
    "mute-end": "the call is ended without a word in the same turn",
    "mute-failure": "a service fails and the caller hears nothing of it",
    "unread-number": "a number that was said counts before the caller has heard it read back",
}


COUNTS = frozenset(
    ("readings.accept", "readings.review", "callbacks.promise", "subscriptions.typed")
)
"""Services by which a number counts."""
GIVEN = ("found", "known")
"""Ends of a flow by which the number that it has asked for counts."""
FORGETS = frozenset(("readings.begin",))
"""Services after which no number counts that was given before."""
READ = frozenset(("digits", "groups", "phone"))
"""Kinds of placeholders that read a number back."""
PUT_IN = frozenset(("heard", "said"))
"""Slots that put a prompt which does into another one."""


@dataclass(frozen=True)
class Violation:
    """One rule that does not hold. place: "flow.step". way: what leads there."""

    rule: str
    place: str
    text: str
    company: str
    way: tuple[Act, ...]

    def __str__(self) -> str:
        return f"{self.place}: {self.text} [{self.rule}]"

    def script(self) -> str:
        """Return the way as a call script, which a person can play (`app.py console`, `call`)."""
        turns = [f"  {act.script}" for act in self.way if act.script]
        head = [f'script: "{self.rule} at {self.place}"', f"company: {self.company}"]
        return "\n".join([*head, "now: 2026-10-31T10:00", "turns:", *turns])


@dataclass(frozen=True)
class Proof:
    """What one company's flows came to.

    misses: a caller's silences, or what was not understood, at most until an end or a queue.
    """

    company: str
    states: int
    moves: int
    seconds: float
    misses: int
    violations: tuple[Violation, ...]

    def __str__(self) -> str:
        return (
            f"{self.company}: {self.states:,} states, {self.moves:,} moves in {self.seconds:.1f} s;"
            f" an end or a queue after {self.misses} misses at most"
        )


def prove(
    flows: Flows,
    company: Company,
    services: Mapping[str, Service],
    known: Mapping[str, Value],
    start: str = "main",
    speech: bool = True,
    told: Told | None = None,
) -> Proof:
    """Walk everything and judge it. Of each rule one violation a place, the nearest one.

    speech: callers speak, too, where the company listens.
    """
    with _unswept():
        return _judged(explore(flows, company, services, known, start, speech, told))


@contextmanager
def _unswept() -> Iterator[None]:
    """Look for no garbage: there is none, and a look goes through millions of moves."""
    swept = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if swept:
            gc.enable()


def _judged(found: Map) -> Proof:
    circles, misses = _longest(found, lambda move: move.act.idle or move.missed)
    violations = [
        *_stuck(found),
        *_mute(found),
        *_circles(found, circles),
        *_without_end(found),
        *_unread(found),
    ]
    nearest: dict[tuple[str, str], Violation] = {}
    for violation in violations:
        place = violation.rule, violation.place
        if place not in nearest or len(violation.way) < len(nearest[place].way):
            nearest[place] = violation
    return Proof(
        found.company.id,
        len(found.states),
        found.moves,
        found.seconds,
        misses,
        tuple(nearest.values()),
    )


def _violation(
    found: Map, rule: str, number: int, text: str, more: Iterable[Act] = (), place: str = ""
) -> Violation:
    way = (*found.way(number), *more)
    return Violation(rule, place or found.states[number].place, text, found.company.id, way)


def _stuck(found: Map) -> Iterator[Violation]:
    for number, state in enumerate(found.states):
        for act, reason in state.broken:
            yield _violation(found, "stuck", number, reason, [act])
        if state.deep:
            runs = " -> ".join(state.stack.flows)
            yield _violation(found, "endless-run", number, f"runs {runs}", place=state.session.flow)


def _mute(found: Map) -> Iterator[Violation]:
    for number, state in enumerate(found.states):
        for move in state.moves:
            target = found.states[move.to]
            ended = isinstance(target.need, Hangup) and move.act.event.kind != "hangup"
            if ended and not move.says:
                text = "the call is ended without a word"
                yield _violation(found, "mute-end", number, text, [move.act], target.place)
            # Who has typed ahead hears none of the questions he answers.
            untyped = not state.session.typed
            if move.act.failed and untyped and not _heard(found, move, set()):
                service = state.need.service if isinstance(state.need, Lookup) else ""
                text = f"{service} fails, and the caller hears nothing"
                yield _violation(found, "mute-failure", number, text, [move.act])


def _heard(found: Map, move: Move, seen: set[int]) -> bool:
    """Whether a caller hears something after a move before anything is asked of him."""
    target = found.states[move.to]
    if move.says or not isinstance(target.need, Lookup) or move.to in seen:
        return bool(move.says)
    seen.add(move.to)
    return all(_heard(found, onward, seen) for onward in target.moves)


# ---------------------------------------------------------------------- doing nothing


Circle = list[tuple[int, Move]]


def _longest(found: Map, counts: Callable[[Move], bool]) -> tuple[list[Circle], int]:
    """Follow some moves from every state up to an end or a queue.

    Returns the circles among them, and the most acts of callers on the longest way.
    """
    length: dict[int, int] = {}
    circles: list[Circle] = []
    for start in range(len(found.states)):
        path: Circle = []
        on_path: dict[int, int] = {}
        stack = [(start, _moves(found, start, counts))]
        on_path[start] = 0
        while stack:
            number, moves = stack[-1]
            move = None if number in length else next(moves, None)
            if move is None:
                stack.pop()
                on_path.pop(number, None)
                if number not in length:
                    length[number] = max(
                        (
                            length.get(each.to, 0) + _counts(found, number, each)
                            for each in _moves(found, number, counts)
                        ),
                        default=0,
                    )
                if path:
                    path.pop()
                continue
            if move.to in on_path:
                circles.append([*path[on_path[move.to] :], (number, move)])
            elif move.to not in length:
                path.append((number, move))
                on_path[move.to] = len(path)
                stack.append((move.to, _moves(found, move.to, counts)))
    return circles, max(length.values(), default=0)


def _counts(found: Map, number: int, move: Move) -> bool:
    """Whether it is a miss of the caller: no answer of a service, no question for a yes."""
    doubted = found.states[move.to].session.mode == "confirm" != found.states[number].session.mode
    return not (move.act.service or doubted or move.act.event.outcome == "down")


def _moves(found: Map, number: int, counts: Callable[[Move], bool]) -> Iterator[Move]:
    state = found.states[number]
    if isinstance(state.need, Enqueue | Hangup):
        return iter(())
    return (move for move in state.moves if counts(move))


def _circles(found: Map, circles: list[Circle]) -> Iterator[Violation]:
    told: set[str] = set()
    for circle in circles:
        places = sorted({found.states[number].place for number, _ in circle})
        silent = all(move.act.service for _, move in circle)
        rule = "silent-circle" if silent else "endless-misses"
        if set(places) <= told:
            continue
        told.update(places)
        text = f"goes round: {', '.join(places)}"
        yield _violation(found, rule, circle[0][0], text, [move.act for _, move in circle])


# ---------------------------------------------------------------------- a spoken end


def _without_end(found: Map) -> Iterator[Violation]:
    before: dict[int, list[int]] = {}
    ends: list[int] = []
    for number, state in enumerate(found.states):
        for move in state.moves:
            before.setdefault(move.to, []).append(number)
            if isinstance(found.states[move.to].need, Hangup) and move.says:
                ends.append(number)
    reached = set(ends)
    while ends:
        for number in before.get(ends.pop(), ()):
            if number not in reached:
                reached.add(number)
                ends.append(number)
    for number, state in enumerate(found.states):
        if number not in reached and not isinstance(state.need, Hangup) and not state.deep:
            yield _violation(found, "no-end", number, "the call cannot end with words from here")


# ---------------------------------------------------------------------- numbers that were said


def _unread(found: Map) -> Iterator[Violation]:
    """Follow every number that was said until the caller hears it, or the flow is left."""
    prompts = {prompt for prompt, slots in found.flows.placeholders.items() if _reads(slots)}
    said: dict[str, list[tuple[int, Move]]] = {}
    for number, state in enumerate(found.states):
        at = found.flows.step(state.session.flow, state.session.step)
        if isinstance(at, AskStep) and at.read_back:
            moves = [move for move in state.moves if move.act.number]
            said.setdefault(state.place, []).extend((number, move) for move in moves)
    for place, starts in said.items():
        yield from _followed(found, place, starts, prompts)


def _followed(
    found: Map, place: str, starts: list[tuple[int, Move]], prompts: Set[str]
) -> Iterator[Violation]:
    """Go on from each number that is said at one place."""
    flow = place.partition(".")[0]
    seen: set[int] = set()
    waiting: deque[tuple[int, tuple[Act, ...], Move]] = deque((n, (), move) for n, move in starts)
    while waiting:
        start, way, move = waiting.popleft()
        if prompts & {*move.says}:
            continue
        target, way = found.states[move.to], (*way, move.act)
        service = target.need.service if isinstance(target.need, Lookup) else ""
        by = service if service in COUNTS else ""
        if any(_gives(found, edge, flow) for edge in move.edges):
            by = "whoever ran the flow"
        if by:
            text = f"{by} takes a number that was not read back"
            yield _violation(found, "unread-number", start, text, way, place)
        inside = flow in (target.session.flow, *target.stack.flows)
        over = by or service in FORGETS or isinstance(target.need, Enqueue | Hangup)
        if inside and not over and move.to not in seen:
            seen.add(move.to)
            waiting.extend((start, way, onward) for onward in target.moves)


def _gives(found: Map, edge: Edge, flow: str) -> bool:
    """Whether a flow hands on the number that it has asked for."""
    at = found.flows.step(edge.flow, edge.step)
    return isinstance(at, RunStep) and at.flow == flow and edge.word in GIVEN


def _reads(placeholders: Mapping[str, str]) -> bool:
    return bool(READ & {*placeholders.values()} or PUT_IN & placeholders.keys())
