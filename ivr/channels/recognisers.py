"""What a worker says to a recogniser for a question, and what comes back of it, as an event."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ivr.errors import Press2Error
from ivr.model import Event, Value
from ivr.speech.pool import Picked, Refused

LONGEST_TEXT = 500
"""Characters of an utterance."""
LONGEST_PROMPT = 599.0
"""Seconds; a recogniser believes no more."""
GRAMMAR = re.compile(r"[\w.+= -]*", re.ASCII)
LIFE = re.compile(r"(?P<name>[\w.-]+) (?P<instance>[\w.-]+)", re.ASCII)
LANGUAGE = re.compile(r"[a-z]{2,3}")
MILLISECONDS = re.compile(r"[0-9]{1,6}")


class Pool(Protocol):
    """The recogniser processes, as `ivr.speech.pool` knows them."""

    def pick(self, languages: Sequence[str]) -> Picked | Refused:
        """Return who listens to a call from now on."""

    def alive(self, picked: Picked) -> bool:
        """Tell whether that process still listens."""

    def avoid(self, picked: Picked) -> None:
        """Leave a process alone for a while, which Asterisk did not reach."""


def request(grammar: str, prompt: float, keep: str = "") -> str:
    """Return what a recogniser is told of a question.

    prompt: seconds for which it is spoken. keep: file stem for what is said; "": it is not kept.
    """
    text = f"{grammar} prompt={min(prompt, LONGEST_PROMPT):.2f}" + (f" keep={keep}" if keep else "")
    if not GRAMMAR.fullmatch(text):
        raise Press2Error(f"the grammar {text!r} holds a character that is none of a grammar's")
    return text


def picked_of(variable: str) -> Picked | None:
    """Return who listens to a call, from the channel's variable; None: nobody."""
    known = LIFE.fullmatch(variable)
    return Picked(known["name"], known["instance"]) if known else None


def variable_of(picked: Picked) -> str:
    """Return the value of the channel's variable; "" where it would not be one word each."""
    text = f"{picked.name} {picked.instance}"
    return text if LIFE.fullmatch(text) else ""


@dataclass(frozen=True)
class Said:
    """One result of a recogniser. kind: answer, began, nothing, full or broken."""

    kind: str
    event: Event

    @staticmethod
    def parse(variable: str, turn: int) -> Said | None:
        """Read "TURN|KIND.LANGUAGE.MS|SCORE|TEXT"; None where it is no result of this turn."""
        asked, *result = variable.split("|", 3)
        if asked != str(turn) or len(result) != 3:
            return None
        (kind, *details), score, text = result[0].split("."), result[1], result[2]
        if kind != "answer":
            return Said(kind, Event("speech", confidence=0.0))
        values: dict[str, Value] = {}
        if details and LANGUAGE.fullmatch(details[0]):
            values["language"] = details[0]
        if len(details) > 1 and MILLISECONDS.fullmatch(details[1]):
            values["ms"] = int(details[1])
        heard = "".join(filter(str.isprintable, text))[:LONGEST_TEXT]
        sure = min(int(score), 100) / 100 if MILLISECONDS.fullmatch(score) else 0.0
        return Said(kind, Event("speech", text=heard, confidence=sure, values=values))
