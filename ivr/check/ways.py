"""Rules of ways: every step and flow is reached, and none leads round in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ivr.check.findings import Finding, targets
from ivr.flow import (
    EnqueueStep,
    Flow,
    HangupStep,
    LookupStep,
    Question,
    RecordStep,
    RunStep,
)

MAIN = "main"
ENTRANCES = (MAIN, "restored")
"""Flows in which calls begin: those of callers, and those to people who asked to be told."""


def after_step(flow: Flow, name: str) -> list[str]:
    """The steps of the same flow a step can lead to."""
    step = flow.steps[name]
    found = list(targets(flow, step))
    if isinstance(step, Question):
        found += [flow.operator, flow.otherwise]
    if isinstance(step, LookupStep):
        found.append(flow.otherwise)
    return [target for target in found if target in flow.steps]


def runs(flows: Mapping[str, Flow], start: str) -> set[str]:
    """Return a flow and all that it runs, one inside the other."""
    seen: set[str] = set()
    waiting = [start] if start in flows else []
    while waiting:
        name = waiting.pop()
        if name not in seen and name in flows:
            seen.add(name)
            steps = flows[name].steps.values()
            waiting += [at.flow for at in steps if isinstance(at, RunStep)]
    return seen


def _reached(flow: Flow, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start] if start in flow.steps else []
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(after_step(flow, name))
    return seen


def of_reach(flow: Flow) -> Iterator[Finding]:
    """Tell steps that no way leads to."""
    reached = _reached(flow, flow.start)
    for name in flow.steps:
        if name not in reached:
            yield Finding("unreachable-step", f"{flow.name}.{name}", "no way leads here")


def of_flows(flows: Mapping[str, Flow]) -> Iterator[Finding]:
    """Tell flows that no call comes to."""
    if MAIN not in flows:
        yield Finding("unknown-flow", MAIN, "there is no such flow; every call begins in it")
        return
    reached = set[str]().union(*(runs(flows, entrance) for entrance in ENTRANCES))
    for name in sorted(set(flows) - reached):
        yield Finding("unreachable-flow", name, "no way leads here from main")


def _asks(flow: Flow, name: str, flows: Mapping[str, Flow]) -> bool:
    """Whether the caller is always asked (or the call leaves the flow's walk) at this step."""
    step = flow.steps[name]
    if isinstance(step, RunStep) and step.flow in flows:
        sub = flows[step.flow]
        return not _silent_end(sub, sub.start, flows, frozenset((flow.name,)))
    return isinstance(step, Question | RecordStep | EnqueueStep | HangupStep)


def _silent_end(flow: Flow, start: str, flows: Mapping[str, Flow], inside: frozenset[str]) -> bool:
    """Whether a subflow can end without a question."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in flow.ends:
            return True
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        step = flow.steps[name]
        if isinstance(step, RunStep) and step.flow in flows and step.flow not in inside:
            sub = flows[step.flow]
            if not _silent_end(sub, sub.start, flows, inside | {flow.name}):
                continue
        elif isinstance(step, Question | RecordStep | EnqueueStep | HangupStep):
            continue
        elif isinstance(step, LookupStep):
            waiting.extend((*step.on.values(), flow.otherwise))
            continue
        waiting.extend(targets(flow, step))
    return False


def of_recursions(flows: Mapping[str, Flow]) -> Iterator[Finding]:
    """Flows that run each other before a question is put."""
    after = {
        name: [run for run in _run_silently(flow, flows) if run in flows]
        for name, flow in flows.items()
    }
    done: set[str] = set()
    for start in after:
        if path := _circle(start, after, done):
            way = " -> ".join(path)
            yield Finding("silent-cycle", start, f"flows run each other silently: {way}")


def _run_silently(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[str]:
    """The flows that may be run before the caller was asked anything."""
    seen: set[str] = set()
    waiting = [flow.start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        step = flow.steps[name]
        if isinstance(step, RunStep):
            yield step.flow
        if not _asks(flow, name, flows):
            waiting.extend(silent_targets(flow, name))


def of_cycles(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[Finding]:
    """Tell circles of steps without a question."""
    silent = {name for name in flow.steps if not _asks(flow, name, flows)}
    after = {
        name: [t for t in silent_targets(flow, name) if t in silent] for name in sorted(silent)
    }
    done: set[str] = set()
    for start in after:
        path = _circle(start, after, done)
        if path:
            way = " -> ".join(path)
            yield Finding("silent-cycle", f"{flow.name}.{path[0]}", f"goes round silently: {way}")


def silent_targets(flow: Flow, name: str) -> Iterator[str]:
    """The targets of a step at which the caller does nothing."""
    step = flow.steps[name]
    if isinstance(step, LookupStep):
        yield from step.on.values()
        if flow.otherwise in flow.steps:
            yield flow.otherwise
    else:
        yield from targets(flow, step)


def _circle(start: str, after: Mapping[str, list[str]], done: set[str]) -> list[str]:
    """A way from `start` back to itself, or nothing. done: steps of circles told before."""
    waiting = [[start]]
    seen = set()
    while waiting:
        path = waiting.pop()
        for name in after[path[-1]]:
            if name == start and not done & set(path):
                done.update(path)
                return [*path, start]
            if name not in seen:
                seen.add(name)
                waiting.append([*path, name])
    return []
