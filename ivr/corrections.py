"""What became of each answer by speech, told from the log of events of one call. Pure.

A visit is one question, put once: from its first prompt until it is answered and something is
looked up, or another question comes. What was said at it is

- right: taken as the answer, and not taken back;
- wrong: refused at "did you say ...?"; or a number that was read back, refused, and given again as
  another one; or a choice of a menu from which the caller went straight back;
- unheard: nothing came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ivr.listening import COMMANDS

DOUBTS = frozenset(("speech_sure_word", "speech_sure_number"))
"""Prompts that ask whether it was heard right: 1 yes, 2 no."""
REFUSALS = frozenset(("2", "no", "change"))
"""Answers that refuse what was read back; every read-back of a number has them."""
CHECKS = frozenset(("yes", "no", "1", "2", "0", "9", *COMMANDS))
"""What answers that question and is no answer to the one before."""
ANSWERS = ("keys", "speech", "silence")
"""Events that come from a question."""


class Logged(Protocol):
    """An event of the log: `ivr.events.Entry`, or a row of the store."""

    @property
    def at(self) -> datetime:
        """When it was."""

    @property
    def kind(self) -> str:
        """What happened."""

    @property
    def flow(self) -> str:
        """Where in the dialogue."""

    @property
    def step(self) -> str:
        """Where in the flow."""

    @property
    def details(self) -> Mapping[str, Any]:
        """The rest, plain JSON."""


@dataclass
class Utterance:
    """One thing said at a question.

    turn: its number, 0: not known. language: it was heard in. text: as it was heard.
    understood: the word, key or number it was taken for, "" nothing. ms: from the end of speech to
    the result, None: not told. verdict: right, wrong or unheard. checks: it answered "did you say
    ...?".
    """

    at: datetime
    turn: int
    language: str
    text: str
    confidence: float
    understood: str
    ms: float | None
    verdict: str = "unheard"
    checks: bool = False


@dataclass
class Visit:
    """One question put once. question: "flow.step". language: of its last answer.

    open: "number" or "key" where it took speech besides the keys, for that; "" where not. answer:
    what was given at last, a word, a key or a number. by: speech, keys or "" (nothing was given).
    back: he went back from it. deaf: why nobody listened, each time. then: the visit in which the
    answer was given again.
    """

    question: str
    at: datetime
    language: str = ""
    open: str = ""
    utterances: list[Utterance] = field(default_factory=list)
    answer: str = ""
    by: str = ""
    back: bool = False
    deaf: list[str] = field(default_factory=list)
    then: Visit | None = None
    starred: bool = False

    @property
    def said(self) -> list[Utterance]:
        """The answers by speech, without those to "did you say ...?"."""
        return [each for each in self.utterances if not each.checks]

    @property
    def confirmed(self) -> str:
        """What the caller gave at the end, "" nothing."""
        return self.then.confirmed if self.then else self.answer

    @property
    def refuses(self) -> bool:
        """Whether he refused what he was told, or went back."""
        return self.back or self.answer in REFUSALS

    def doubt(self) -> None:
        """He is asked whether the last answer was heard right; as yet nothing came of it."""
        if self.said:
            self._judge("unheard")
            self.answer = self.by = ""

    def take(self, event: Logged, doubted: bool) -> None:
        """Take one answer. doubted: to whether the one before was heard right."""
        details = event.details
        self.open = details.get("open") or self.open
        self.language = details.get("language") or self.language
        if details.get("deaf"):
            self.deaf.append(details["deaf"])
        self.back = False
        if details["kind"] == "keys":
            self._keyed(str(details.get("text", "")), doubted)
        elif details["kind"] == "speech" and details.get("outcome"):
            self.deaf.append(str(details["outcome"]))
        elif details["kind"] == "speech":
            self._spoken(_utterance(event), doubted)

    def _keyed(self, text: str, doubted: bool) -> None:
        starred, self.starred = self.starred, text == "*"
        if doubted and text[:1] == "1":
            self._agree()
        elif doubted and text[:1] in ("2", "*"):
            self._judge("wrong")
            self.starred = False
        elif text:
            if doubted and text[0] not in "09":
                self._judge("wrong")
            self.answer = text.rpartition("*")[2].rstrip("#") or "same"
            self.by = "keys"
            self.back = self.starred or (starred and text[0] == "2")

    def _spoken(self, said: Utterance, doubted: bool) -> None:
        said.language = said.language or self.language
        word = said.understood
        heard = word not in ("", "unheard")
        said.verdict = "right" if heard else "unheard"
        said.checks = doubted and (not heard or word in CHECKS or word == self._last)
        if doubted and heard and word in ("yes", "1", self._last):
            self._agree()
        elif doubted and word in ("no", "2", "back"):
            self._judge("wrong")
        elif heard:
            if doubted and not said.checks:
                self._judge("wrong")
            self.answer, self.by = word, "speech"
            self.back = word == "back"
        self.utterances.append(said)

    @property
    def _last(self) -> str:
        return self.said[-1].understood if self.said else ""

    def _agree(self) -> None:
        self._judge("right")
        self.answer, self.by = self._last, "speech"

    def _judge(self, verdict: str) -> None:
        if self.said:
            self.said[-1].verdict = verdict

    def correct(self, then: Visit | None) -> None:
        """Note that the answer was taken back. then: where it was given again, None: nowhere."""
        if self.by == "speech":
            self._judge("wrong")
        self.then = then
        if then is None:
            self.answer = ""


def _utterance(event: Logged) -> Utterance:
    details = event.details
    ms = details.get("ms")
    return Utterance(
        at=event.at,
        turn=int(details.get("turn", 0)),
        language=str(details.get("language") or ""),
        text=str(details.get("text", "")),
        confidence=float(details.get("confidence", 0.0)),
        understood=str(details.get("understood", "")),
        ms=float(ms) if isinstance(ms, int | float) else None,
    )


def visits(events: Iterable[Logged]) -> list[Visit]:
    """Return what was asked in one call, in order. events: all of the call, in order."""
    found: list[Visit] = []
    open_: Visit | None = None
    doubted = False
    for event in events:
        if event.kind == "looked_up":
            open_ = None
        elif event.kind == "said" and found:
            doubted = bool(DOUBTS & set(event.details.get("prompts", ())))
            if doubted:
                found[-1].doubt()
        elif event.kind == "heard":
            question = f"{event.flow}.{event.step}"
            if event.details.get("kind") not in ANSWERS:
                open_ = None
                continue
            if open_ is None or open_.question != question:
                open_ = Visit(question, event.at)
                found.append(open_)
            open_.take(event, doubted)
            doubted = False
    _compare(found)
    return found


def _compare(found: Sequence[Visit]) -> None:
    """Find the answers that the caller took back later."""
    for at in range(1, len(found)):
        before, refusal = found[at - 1], found[at]
        if not refusal.refuses:
            continue
        if before.open == "key" and before.by == "speech" and refusal.back and not before.back:
            after = found[at + 1] if at + 1 < len(found) else None
            before.correct(after if after and after.question == before.question else None)
        else:
            _numbers_again(found, at)


def _numbers_again(found: Sequence[Visit], at: int) -> None:
    """Compare the numbers given before a refusal with those given instead, the last ones first.

    Several numbers of one question are those of several registers.
    """
    first = at
    while first and found[first - 1].question == found[at - 1].question:
        first -= 1
    last = at + 1
    while last < len(found) and found[last].question == found[at - 1].question:
        last += 1
    if found[at].question == found[at - 1].question:  # back to the register before
        first, last = at - 1, min(last, at + 2)
    pairs = zip(reversed(found[first:at]), reversed(found[at + 1 : last]), strict=False)
    for before, after in pairs:
        number = "number" in (before.open, after.open) and before.answer and after.answer
        if number and before.answer.lstrip("0") != after.answer.lstrip("0"):
            before.correct(after)
