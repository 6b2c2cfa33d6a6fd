"""Rules of menus: few choices, heard soon, and an operator within reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ivr.check.findings import Finding, targets
from ivr.check.ways import after_step, silent_targets
from ivr.flow import (
    EnqueueStep,
    Flow,
    LookupStep,
    MenuStep,
    Question,
    RunStep,
    Saying,
    Sayings,
    SayStep,
    questions,
)
from ivr.prompts import Catalogue, seconds

CHOICES = 5
SPEECH = 20.0
SERVICE_KEYS = frozenset("089*#")
"""Keys with the same meaning everywhere; they do not count as choices of a menu."""
EVERYWHERE = frozenset("9*#")
"""Keys that no menu may give a meaning of its own."""


def of_menus(flow: Flow) -> Iterator[Finding]:
    """Tell menus that speak too many choices."""
    for name, step in flow.steps.items():
        if isinstance(step, MenuStep):
            spoken = [k for k, o in step.options.items() if o.says and k not in SERVICE_KEYS]
            if len(spoken) > CHOICES:
                text = f"speaks {len(spoken)} choices; {CHOICES} at most"
                yield Finding("too-many-choices", f"{flow.name}.{name}", text)


def of_late_keys(
    flow: Flow, flows: Mapping[str, Flow], catalogues: Mapping[str, Catalogue]
) -> Iterator[Finding]:
    """Speech since the last question, up to the end of the first choice, along the longest way."""
    for language, catalogue in catalogues.items():
        before = _speech_before(flow, catalogue)
        for name, step in questions(flow).items():
            first = list(step.says)
            if isinstance(step, MenuStep):
                first += [Saying(step.option)] if step.each else _first_choice(step)
            total = before.get(name, 0.0) + _length(tuple(first), catalogue)
            if total > SPEECH:
                text = f"{total:.0f} s of speech ({language}) before the first key"
                yield Finding("late-key", f"{flow.name}.{name}", text)


def _first_choice(step: MenuStep) -> list[Saying]:
    return next((list(option.says) for option in step.options.values() if option.says), [])


def _speech_before(flow: Flow, catalogue: Catalogue) -> dict[str, float]:
    """Seconds spoken by `say` steps on the longest silent way to each step."""
    longest: dict[str, float] = {}
    waiting: list[tuple[str, float, frozenset[str]]] = [(flow.start, 0.0, frozenset())]
    stops = [name for name, step in flow.steps.items() if isinstance(step, Question | EnqueueStep)]
    waiting += [(target, 0.0, frozenset()) for name in stops for target in after_step(flow, name)]
    while waiting:
        name, spoken, walked = waiting.pop()
        if name not in flow.steps or name in walked or longest.get(name, -1.0) >= spoken:
            continue
        longest[name] = spoken
        step = flow.steps[name]
        if name in stops:
            continue
        spoken += _length(step.says, catalogue) if isinstance(step, SayStep) else 0.0
        waiting += [(target, spoken, walked | {name}) for target in silent_targets(flow, name)]
    return longest


def _length(says: Sayings, catalogue: Catalogue) -> float:
    return sum(seconds(catalogue.texts.get(saying.prompt, "")) for saying in says)


# ---------------------------------------------------------------------- the operator


def of_operators(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[Finding]:
    """Tell questions from which key 0 reaches no queue."""
    for name, step in questions(flow).items():
        operator = step.operator or flow.operator
        if not operator:
            yield Finding(
                "no-operator", f"{flow.name}.{name}", "`operator` is missing: key 0 leads nowhere"
            )
        elif not _connects(flow, operator, flows, frozenset()):
            text = f"key 0 leads to {operator!r}, from where no queue is reached"
            yield Finding("no-operator", f"{flow.name}.{name}", text)


def _connects(
    flow: Flow, target: str, flows: Mapping[str, Flow], seen: frozenset[tuple[str, str]]
) -> bool:
    """Whether a queue is reached from a target without another question."""
    if (flow.name, target) in seen:
        return False
    seen |= {(flow.name, target)}
    if target in flow.ends:
        return all(
            _connects(outer, step.on.get(target, ""), flows, seen)
            for outer, step in _runs_of(flow.name, flows)
        ) and bool(list(_runs_of(flow.name, flows)))
    step = flow.steps.get(target)
    if isinstance(step, EnqueueStep):
        return True
    if isinstance(step, RunStep) and step.flow in flows:
        sub = flows[step.flow]
        return _connects(sub, sub.start, flows, seen)
    if isinstance(step, SayStep | LookupStep):
        return any(_connects(flow, each, flows, seen) for each in targets(flow, step))
    return False


def _runs_of(name: str, flows: Mapping[str, Flow]) -> Iterator[tuple[Flow, RunStep]]:
    for outer in flows.values():
        for step in outer.steps.values():
            if isinstance(step, RunStep) and step.flow == name:
                yield outer, step


def of_keys(flow: Flow) -> Iterator[Finding]:
    """A key means one thing: an option takes none that means the same everywhere, nor an item's."""
    for name, step in flow.steps.items():
        if isinstance(step, MenuStep):
            taken = EVERYWHERE | (set("12345") if step.each else set())
            for key in step.options:
                if key in taken:
                    text = f"key {key} has a meaning already"
                    yield Finding("taken-key", f"{flow.name}.{name}", text)
