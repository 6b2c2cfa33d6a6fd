"""A finding, and what a step can lead to and say: what every rule of the check starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.flow import (
    AskStep,
    EnqueueStep,
    Flow,
    HangupStep,
    LookupStep,
    MenuStep,
    Question,
    RecordStep,
    RunStep,
    Saying,
    SayStep,
    Step,
)


@dataclass(frozen=True)
class Finding:
    """One broken rule. place: "flow.step"."""

    rule: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text} [{self.rule}]"


def targets(flow: Flow, step: Step) -> Iterator[str]:
    """Every target an edge of the step names, the flow's own ways out not included."""
    if isinstance(step, SayStep | RecordStep):
        yield step.to
    elif isinstance(step, Question):
        ways = (step.to, step.back, step.operator, step.otherwise)
        yield from (target for target in ways if target)
        if isinstance(step, AskStep) and step.empty:
            yield step.empty
        if isinstance(step, MenuStep):
            yield from (option.to for option in step.options.values())
            if step.another:
                yield step.another.to
    elif isinstance(step, LookupStep):
        yield from step.on.values()
        yield from (retry.ask for retry in (*step.retry.values(), *step.again.values()))
    elif isinstance(step, RunStep | EnqueueStep):
        yield from step.on.values()
        if isinstance(step, EnqueueStep):
            yield from step.keys.values()


def sayings(step: Step) -> Iterator[Saying]:
    """Everything a step can speak."""
    if isinstance(step, HangupStep | EnqueueStep | SayStep | RecordStep):
        yield from step.says
    elif isinstance(step, LookupStep):
        for retry in (*step.retry.values(), *step.again.values()):
            yield from retry.says
    elif isinstance(step, Question):
        yield from (*step.says, *step.short, *step.silence, *step.nomatch, *step.invite)
        if isinstance(step, MenuStep):
            for option in step.options.values():
                yield from option.says
            if step.another:
                yield from step.another.says
            yield from step.closing
            if step.option:
                yield Saying(step.option, step.each)
