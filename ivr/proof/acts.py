"""What may happen at each need of a turn, and how a call script says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ivr.check import ENQUEUE_MAY, SENT_INTO
from ivr.flow import KEYS
from ivr.model import Ask, Enqueue, Event, Lookup, Need
from ivr.services import Service

OPERATORS = {
    "ended": "ends",
    "unavailable": "unreachable",
    "no_answer": "no_answer",
    "dropped": "drops",
    "transferred": "transfers",
    "reading": "sends_to_reading",
    "outage": "sends_to_outage",
}
"""The turn of a call script by the outcome of an Enqueue."""


@dataclass(frozen=True, eq=False)
class Act:
    """One thing that happens.

    idle: the caller does nothing, or a service answers. service: it is one that answers.
    script: the lines of a call script for it, comments where no turn can say it.
    """

    event: Event
    script: str
    idle: bool = False
    service: bool = False

    @property
    def failed(self) -> bool:
        """Whether a service failed."""
        return self.service and self.event.outcome == "failed"


ANSWERED = Act(Event("answered"), "")
HANG_UP = Act(Event("hangup"), "- hangup")
SILENCE = Act(Event("silence"), "- silence", idle=True)
SPEECH = Act(Event("speech", text="?", confidence=0.1), "- {say: hm, confidence: 0.1}")
NOTHING_RECORDED = Act(Event("recorded"), "- silence", idle=True)
RECORDED = Act(Event("recorded", text="1.wav"), "- say: good day")


@lru_cache
def press(keys: str, ended: bool = False) -> Act:
    """Keys of a caller."""
    return Act(Event("keys", text=keys, ended=ended), f'- press: "{keys}"')


@lru_cache
def _operator(outcome: str) -> Act:
    word = OPERATORS.get(outcome)
    script = f"- operator: {word}" if word else f"# the operator's side: {outcome}"
    return Act(Event("operator", outcome=outcome), script)


@lru_cache
def _answer(service: str, outcome: str) -> Act:
    script = f"# {service} answers {outcome}"
    if outcome == "failed":
        script = f"# {service} fails; world: {{broken: [{service}]}}"
    return Act(Event("result", outcome=outcome), script, idle=True, service=True)


def acts(need: Need, services: Mapping[str, Service]) -> Iterator[Act]:
    """Everything that may happen, of keys one at a time or a whole number."""
    if isinstance(need, Lookup):
        service = services.get(need.service)
        for outcome in (*sorted(service.outcomes if service else ()), "failed"):
            yield _answer(need.service, outcome)
        return
    yield HANG_UP
    if isinstance(need, Enqueue):
        yield from map(press, KEYS)
        yield from map(_operator, sorted(ENQUEUE_MAY | SENT_INTO))
    elif isinstance(need, Ask):
        yield SILENCE
        yield SPEECH
        yield from map(press, KEYS)
        if need.entry == "number":
            yield from (press("1", ended=True), press("1#"))
    else:
        yield NOTHING_RECORDED
        yield RECORDED
