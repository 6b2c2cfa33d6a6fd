"""The words of a call: what a turn says and needs, what an event reports, who is calling.

Pure data. Nothing here does I/O, asks the clock or knows a channel. Everything is JSON-able
(`to_json`, `from_json`), because a session lives as one small document between two turns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Value = str | int | float | bool | None | Sequence[Any] | Mapping[str, Any]
"""What a slot or a placeholder may hold: plain JSON. Dates are ISO strings, times are "HH:MM"."""


@dataclass(frozen=True)
class Say:
    """One prompt to be spoken: its id in `prompts/LANG.yaml` and the values of its placeholders.

    language: when not the caller's own (the first sentence of the greeting, the language menu).
    invites: asks the caller to speak; a channel leaves it out where nobody listens.
    """

    prompt: str
    values: Mapping[str, Value] = field(default_factory=dict)
    language: str | None = None
    invites: bool = False


@dataclass(frozen=True)
class Ask:
    """Collect keys, or speech, after the says; either cuts the says short.

    entry: "key" ends with the first key; "number" ends with `#` or with silence between keys.
    timeout: seconds of silence after the last prompt (VoiceXML 2.1, 4.1.7).
    between: seconds of silence between two keys that end a number.
    typed: keys already typed for this question; when not empty the prompt is not played.
    grammar: what may be said instead, as `ivr.grammar.Grammar.text` writes it; "": keys only.
    """

    entry: str
    timeout: float
    between: float
    typed: str = ""
    grammar: str = ""


@dataclass(frozen=True)
class Record:
    """Record the caller after the says. limit: seconds at most; `#` ends it."""

    limit: float


@dataclass(frozen=True)
class Lookup:
    """Ask a service ("readings.check"); the runner answers, a channel never sees it."""

    service: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Enqueue:
    """Put the caller into `queue` and let him wait; a key that he presses ends the turn as well.

    show: slots for the operator's screen.
    """

    queue: str
    priority: str = "normal"
    show: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Hangup:
    """The call is over after the says. reason: "completed" after a goodbye."""

    reason: str = "completed"


Need = Ask | Record | Lookup | Enqueue | Hangup
NEEDS: dict[str, type[Need]] = {
    kind.__name__.lower(): kind for kind in (Ask, Record, Lookup, Enqueue, Hangup)
}


@dataclass(frozen=True)
class Turn:
    """What a channel performs: play every say in order, then the one need.

    number: counts the turns of a call from 1; an event names the turn it answers.
    language: of every say that names none (uk, ru, en, ...).
    slow: the caller asked for a slower pace.
    """

    number: int
    says: tuple[Say, ...]
    need: Need
    language: str
    slow: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the document that `from_json` reads."""
        kind = type(self.need).__name__.lower()
        return {
            **vars(self),
            "says": [vars(say) for say in self.says],
            "need": {"kind": kind, **vars(self.need)},
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Turn:
        """Rebuild a turn from its document."""
        need = dict(document["need"])
        kind = NEEDS[need.pop("kind")]
        says = tuple(Say(**say) for say in document["says"])
        return Turn(**{**document, "says": says, "need": kind(**need)})


@dataclass(frozen=True)
class Event:
    """What came back from the caller, a service or an operator.

    kind: one of
      "answered"  the call begins
      "keys"      text = the keys pressed ("2", "2421#"); ended = no more keys came in time
      "silence"   nothing until the timeout
      "speech"    text = what the recogniser heard ("": speech that it could not understand),
                  confidence 0..1; values: language, and ms from the end of speech to the result;
                  outcome = "down": no more is heard, the recogniser broke while it listened
      "recorded"  text = file of the recording, "" where nothing was said
      "result"    outcome and values of the service asked by a Lookup
      "operator"  after an Enqueue, outcome = "ended" | "unavailable" | "no_answer" | "dropped" |
                  "announce" | "overdue" | "shut" | "transferred" | "withdrawn" | the name of a flow
                  an operator sends the caller into; values go into the slots
      "hangup"    the caller hung up
    deaf: why nobody listened beside the keys to a question with a grammar, "full" or "down"; the
    channel has told the caller (`speech_full`, `speech_down`).
    """

    kind: str
    text: str = ""
    ended: bool = False
    confidence: float = 1.0
    outcome: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    deaf: str = ""


SYNTHETIC = "synthetic"
"""Entrance of a call that press2 makes to itself: it is in no figure but its own health."""


@dataclass(frozen=True)
class Caller:
    """Who calls: fixed for the whole call.

    call: id of the call, unique for ever (Asterisk's uniqueid with the node, Twilio's CallSid).
    company: id of the company profile, chosen by the dialled number.
    number: calling number in E.164, or None where withheld or unusable.
    dialled: dialled number in E.164, or None.
    channel: "agi", "console", "twilio", ...
    arrived: aware datetime, UTC.
    entrance: flow in which the call begins; not `main` where press2 called him, and `SYNTHETIC`
    where it called itself. about: why it did, the id of his subscription.
    """

    call: str
    company: str
    number: str | None
    dialled: str | None
    channel: str
    arrived: datetime
    entrance: str = "main"
    about: str = ""

    @property
    def begins(self) -> str:
        """The flow in which the call begins."""
        return "main" if self.entrance == SYNTHETIC else self.entrance


def stem_of(call: str) -> str:
    """Return a call's id as the stem of a file's name."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", call)


@dataclass(frozen=True)
class Result:
    """What a service answers: one outcome word and values for the slots."""

    outcome: str
    values: Mapping[str, Value] = field(default_factory=dict)
