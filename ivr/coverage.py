"""Which edges of the flows calls have walked: every way out of a step, by its word.

    say, record      to
    ask              to, empty (`#` alone), back (`*`), operator (0), otherwise (three misses)
    menu             its keys, each (an item of the list), another, back, operator, otherwise
    lookup           its outcomes, those that ask again too, and failed
    run              the ends of the flow that was run
    enqueue          what an operator did, and the keys; otherwise (an outcome without an edge)

The words come from the engine, which tells them to its `trace`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ivr.engine import Edge
from ivr.flow import (
    AskStep,
    EnqueueStep,
    Flow,
    HangupStep,
    LookupStep,
    MenuStep,
    Question,
    RecordStep,
    SayStep,
    Step,
)


class Coverage:
    """Counts the edges of published flows that are walked; `walked` is a trace of the engine."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.edges = {name: list(edges(flow)) for name, flow in flows.items()}
        self.seen: Counter[Edge] = Counter()

    def walked(self, edge: Edge) -> None:
        """Take note of an edge."""
        self.seen[edge] += 1

    def missing(self, flow: str = "") -> list[Edge]:
        """Return the edges nobody walked, of one flow or of all, in the order of the files."""
        names = [flow] if flow else self.edges
        return [edge for name in names for edge in self.edges[name] if edge not in self.seen]

    def unknown(self) -> list[Edge]:
        """Return what was walked and is no edge of a flow; there is none unless this file errs."""
        known = {edge for found in self.edges.values() for edge in found}
        return sorted(set(self.seen) - known)

    def table(self) -> list[str]:
        """Return the lines of a table by flow, and those of the edges that are missing."""
        lines = [f"{'flow':<16} {'edges':>6} {'walked':>7}"]
        for name in self.edges:
            lines.append(_row(name, len(self.edges[name]), len(self.missing(name))))
        every = sum(map(len, self.edges.values()))
        lines.append(_row("all", every, len(self.missing())))
        return lines + [f"missing: {edge}" for edge in self.missing()]


def _row(name: str, every: int, missing: int) -> str:
    walked = every - missing
    # Not rounded up: 100 % means all of them.
    return f"{name:<16} {every:>6} {walked:>7} {walked * 100 // max(every, 1):>4} %"


def edges(flow: Flow) -> Iterator[Edge]:
    """Every edge of a flow."""
    for name, step in flow.steps.items():
        for word in dict.fromkeys(_words(flow, step)):
            yield Edge(flow.name, name, word)


def _words(flow: Flow, step: Step) -> Iterator[str]:
    if isinstance(step, SayStep | RecordStep):
        yield "to"
    elif isinstance(step, Question):
        yield from _answers(step)
        keys = step.options if isinstance(step, MenuStep) else {}
        if (step.back or "back" in flow.ends) and "*" not in keys:
            yield "back"
        if "0" not in keys:
            yield "operator"
        yield "otherwise"
    elif isinstance(step, LookupStep):
        yield from (*step.on, *step.retry, *step.again, "failed")
    elif not isinstance(step, HangupStep):
        yield from step.on
        if isinstance(step, EnqueueStep):
            yield from step.keys


def _answers(step: Question) -> Iterator[str]:
    if isinstance(step, MenuStep):
        yield from step.options
        if step.each:
            yield "each"
        if step.another:
            yield "another"
    else:
        yield "to"
        if isinstance(step, AskStep) and step.empty:
            yield "empty"
