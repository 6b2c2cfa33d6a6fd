"""What may happen at each need of a turn, and how a call script says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ivr.check import ENQUEUE_MAY, SENT_INTO
from ivr.flow import KEYS
from ivr.grammar import Grammar, Vocabulary
from ivr.listening import YES_NO
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
HIGH, MIDDLE, LOW = 1.0, 0.6, 0.1
"""Confidence that is enough for everybody, that is doubted, that is not enough."""


@dataclass(frozen=True, eq=False)
class Act:
    """One thing that happens.

    idle: the caller does nothing, or a service answers. service: it is one that answers. number:
    the caller says one. script: the lines of a call script for it, comments where no turn says it.
    name: of the service.
    """

    event: Event
    script: str
    idle: bool = False
    service: bool = False
    number: bool = False
    name: str = ""

    @property
    def failed(self) -> bool:
        """Whether a service failed."""
        return self.service and self.event.outcome == "failed"

    @property
    def told(self) -> tuple[str, str]:
        """What happens, in one word, and with what: ("press", "2"), ("fails", "readings.check")."""
        event = self.event
        if self.service:
            word, outcome = ("fails", "") if self.failed else ("answers", event.outcome)
            return word, f"{self.name} {outcome}".strip()
        if event.kind == "keys":
            return "press", event.text
        if event.kind == "speech":
            return ("say", event.text) if not event.outcome else ("down", "")
        if event.kind == "operator":
            return "operator", event.outcome
        return ("record", "") if event.kind == "recorded" and event.text else (event.kind, "")


ANSWERED = Act(Event("answered"), "")
HANG_UP = Act(Event("hangup"), "- hangup")
SILENCE = Act(Event("silence"), "- silence", idle=True)
DEAF = Act(Event("silence", deaf="full"), "# nobody listens: full\n  - silence", idle=True)
DOWN = Act(Event("speech", outcome="down"), "# the recogniser breaks down")
NOTHING_RECORDED = Act(Event("recorded"), "- silence", idle=True)
RECORDED = Act(Event("recorded", text="1.wav"), "- say: good day")


@lru_cache
def press(keys: str, ended: bool = False) -> Act:
    """Keys of a caller."""
    return Act(Event("keys", text=keys, ended=ended), f'- press: "{keys}"')


@lru_cache
def say(text: str, confidence: float, number: bool = False) -> Act:
    """Words of a caller."""
    event = Event("speech", text=text, confidence=confidence)
    return Act(event, f'- {{say: "{text}", confidence: {confidence:g}}}', number=number)


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
    return Act(Event("result", outcome=outcome), script, idle=True, service=True, name=service)


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
        yield say("?", LOW)
        yield from map(press, KEYS)
        if need.entry == "number":
            yield from (press("1", ended=True), press("1#"))
    else:
        yield NOTHING_RECORDED
        yield RECORDED


def spoken(grammar: Grammar, vocabulary: Vocabulary, everything: bool) -> Iterator[Act]:
    """What may be said at a question, and what may happen to a recogniser.

    everything: each word of the grammar, surely and doubtfully; else yes, no, and the first word.
    """
    yield DEAF
    yield DOWN
    known = vocabulary.get(grammar.languages[0], {})
    for place, word in enumerate(grammar.words):
        if word not in known or not (everything or word in YES_NO or place == 0):
            continue
        yield say(known[word][0], HIGH)
        yield say(known[word][0], MIDDLE)
    if grammar.keys:
        yield say(grammar.keys[0], MIDDLE)
    if grammar.longest:
        yield say("1" * max(grammar.shortest, 1), MIDDLE, number=True)
