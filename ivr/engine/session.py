"""Where a call stands in its flows, and the bounds of a dialogue: plain values, a JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ivr.errors import FlowError
from ivr.flow import Flow, Step
from ivr.grammar import Vocabulary
from ivr.listening import Hearing
from ivr.model import Value


@dataclass(frozen=True)
class Limits:
    """Bounds of a dialogue; a company profile may set others.

    first, again, more: seconds of silence at a question, after a miss, after "wait for me".
    between: seconds between two keys of a number; between_slow: after a no-match or at slow pace.
    misses: silences, no-matches and answers not heard, in all, at one question before it is left.
    keys: keys kept of what is typed at once; no number of any flow is as long.
    turns: turns of a call before it is led to the way out; `spare` more and it is ended.
    steps: steps walked within one turn (a flow that turns in a circle).
    hearing: of answers by speech.
    """

    first: float = 6.0
    again: float = 10.0
    more: float = 30.0
    between: float = 5.0
    between_slow: float = 8.0
    misses: int = 3
    keys: int = 64
    turns: int = 200
    spare: int = 20
    steps: int = 100
    hearing: Hearing = field(default_factory=Hearing)


DEFAULT_LIMITS = Limits()


@dataclass
class Session:
    """Where a call stands: all that survives a turn. JSON by `to_json` and `from_json`.

    slots: what is known of the call. misses: by question, kinds of misses since it was entered.
    stack: the steps whose `run` waits, outermost first. typed: keys not yet used.
    mode: "" the question itself; "star": the small menu of an empty `*`; "offer": "do you need
    time?" was asked; "waiting": the caller asked for time; "confirm": was it heard right?
    hears: languages in which speech is understood in this call, none: keys only. unheard: how often
    it was not, in all. doubt: in "confirm", the word and the keys or number that were heard. taken:
    the question and the number of the last answer that could have been several. tried: by question,
    those numbers of it that were wrong. understood: what the last event was taken for where it was
    speech, for the log.
    """

    flow: str
    step: str
    language: str
    slots: dict[str, Value] = field(default_factory=dict)
    misses: dict[str, list[str]] = field(default_factory=dict)
    stack: list[list[str]] = field(default_factory=list)
    turn: int = 0
    typed: str = ""
    mode: str = ""
    repeats: int = 0
    slow: bool = False
    over: bool = False
    hears: list[str] = field(default_factory=list)
    unheard: int = 0
    doubt: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    tried: dict[str, list[str]] = field(default_factory=dict)
    understood: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the document that `from_json` reads; it shares the session's values."""
        return dict(vars(self))

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Session:
        """Rebuild a session from its document."""
        return Session(**document)

    def copy(self) -> Session:
        """Return a session that can be walked without changing this one (values are shared)."""
        return Session(
            **{
                **vars(self),
                "slots": dict(self.slots),
                "misses": dict(self.misses),
                "stack": list(self.stack),
                "tried": dict(self.tried),
            }
        )


@dataclass(frozen=True)
class Flows:
    """All flows of a company and what their prompts want.

    placeholders: by prompt id, the slots its texts mention and the kind of each. vocabulary: what
    callers may say.
    """

    flows: Mapping[str, Flow]
    placeholders: Mapping[str, Mapping[str, str]]
    vocabulary: Vocabulary = field(default_factory=dict)

    def step(self, flow: str, step: str) -> Step:
        """Return one step of one flow; FlowError for a call of an older version that had it."""
        found = self.flow(flow).steps.get(step)
        if found is None:
            raise FlowError(f"flow {flow}: no step {step}")
        return found

    def flow(self, name: str) -> Flow:
        """Return one flow."""
        if name not in self.flows:
            raise FlowError(f"no flow {name}")
        return self.flows[name]


def begin(
    flows: Flows,
    language: str,
    slots: Mapping[str, Value],
    flow: str = "main",
    hears: Sequence[str] = (),
) -> Session:
    """A session before its first event, at the start of `flow`. hears: languages of its speech."""
    start = flows.flows[flow].start
    return Session(flow, start, language, dict(slots), hears=list(hears))
