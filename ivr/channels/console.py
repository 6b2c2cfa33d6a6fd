"""The console channel: turns become lines of text, typed keys become events.

`ConsoleLine` is driven by call scripts; `talk` by a person at a terminal (`app.py console`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from ivr.channels.heard import answer, taken
from ivr.channels.line import BARGE_IN, KEY, OPERATOR, Clock, Heard, Said, act
from ivr.channels.operators import Operators
from ivr.events import Entry
from ivr.model import Ask, Caller, Enqueue, Event, Hangup, Need, Record, Say, Turn
from ivr.prompts import Catalogue, seconds
from ivr.runner import Runner

KEYS = frozenset("0123456789*#")
QUEUE_DOWN = Say("queue_down")


class ConsoleLine:
    """A call to a runner in this process, without any audio. operators: at the other end."""

    def __init__(
        self,
        runner: Runner,
        catalogues: Mapping[str, Catalogue],
        clock: Clock,
        operators: Operators,
    ) -> None:
        self.heard = Heard()
        self._operators = operators
        self._runner = runner
        self._catalogues = catalogues
        self._clock = clock
        self._call = ""
        self._turn: Turn | None = None
        self._speech = 0.0
        self._standing = False
        self._typing = False

    def dial(self, caller: Caller) -> None:
        """Call."""
        self._call = caller.call
        self._perform(self._runner.open(caller))

    def press(self, keys: str) -> None:
        """Press keys, cutting the prompt short."""
        self._clock.pass_(min(self._speech, BARGE_IN) + KEY * len(keys))
        while keys and (turn := self.open) and isinstance(turn.need, Ask | Enqueue):
            count = taken(turn.need.entry, keys) if isinstance(turn.need, Ask) else 1
            if isinstance(turn.need, Enqueue) and not self._may_press():
                return
            self._typing = count < len(keys)
            self._advance(_pressed(turn.need, keys[:count]))
            keys = keys[count:]

    def _may_press(self) -> bool:
        """Enter the queue if he has not; False when an operator has him, who takes no keys."""
        if self._standing:
            return self._operators.hears_keys(self._call)
        self._runner.here(self._call)
        return True

    def speak(self, text: str, confidence: float) -> None:
        """Say something, as the recogniser heard it; a silence where nobody listens."""
        passed = min(self._speech, BARGE_IN) + seconds(text)
        turn = self._turn
        if turn and isinstance(turn.need, Record):
            self._clock.pass_(passed)
            self._answer(Event("recorded", text=f"{self._call}-{turn.number}.wav"))
        elif turn and _listens(turn.need):
            self._clock.pass_(passed)
            heard, known = " ".join(text.split()), {"language": turn.language}
            self._answer(Event("speech", text=heard, confidence=confidence, values=known))
        else:
            self.silence()

    def silence(self) -> None:
        """Do nothing until the question times out."""
        match self._turn and self._turn.need:
            case Ask() as ask:
                self._clock.pass_(self._speech + ask.timeout)
                self._answer(answer(ask, ""))
            case Record():
                self._clock.pass_(self._speech)
                self._answer(Event("recorded"))

    def wait(self, seconds: float) -> None:
        """Wait in a queue."""
        self._stand()
        for outcome in self._operators.pass_(seconds):
            self._hear(outcome)
            self._stand()

    def operator(self, word: str) -> None:
        """The operator answers (nothing changes for the flow), the talk ends, ..."""
        self._stand()
        if self._waits:
            self._hear(self._operators.act(self._call, word))

    def _stand(self) -> None:
        """Hear to its end what is said before the wait, and stand in the queue."""
        if self._waits and not self._standing:
            self._clock.pass_(self._speech)
            self._standing = True
            if self._runner.here(self._call):
                self._operators.stands(self._call)
            else:
                self._ring()

    def _ring(self) -> None:
        """The queue is out of reach, and there is no group of telephones to ring instead."""
        self._say(QUEUE_DOWN, self._turn.language if self._turn else "")
        self._advance(Event("operator", outcome="unavailable"))

    def _hear(self, outcome: str) -> None:
        if outcome and self._waits:
            self._advance(Event("operator", outcome=outcome))
        if outcome == "dropped":
            self._speech = 0.0  # the operator's seconds to come back run while it is said

    @property
    def _waits(self) -> bool:
        return self.open is not None and isinstance(self.open.need, Enqueue)

    def hang_up(self) -> None:
        """Hang up."""
        self._stand()
        if self.heard.ended is None:
            self.heard.ended = "operator" if self._operators.talk(self._call) else "caller"
            self._runner.close(self._call)
            self._look()

    @property
    def open(self) -> Turn | None:
        """The turn that waits for the caller, or None."""
        return self._turn if self.heard.ended is None else None

    def _answer(self, event: Event) -> None:
        if self._turn is not None and isinstance(self._turn.need, Ask | Record):
            self._advance(event)

    def _advance(self, event: Event) -> None:
        if self._turn is not None and self.heard.ended is None:
            self._perform(self._runner.advance(self._call, event, self._turn.number))

    def _perform(self, turn: Turn) -> None:
        self._turn = turn
        self.heard.language = turn.language
        says = [say for say in turn.says if _listens(turn.need) or not say.invites]
        self._speech = sum(self._say(say, turn.language) for say in says)
        self._standing = False
        if isinstance(turn.need, Hangup):
            self._clock.pass_(self._speech)
            self.heard.ended = turn.need.reason
        elif not self._speech and not self._typing:
            self._stand()
        self._look()

    def _say(self, say: Say, language: str) -> float:
        """Let the caller hear a prompt; the seconds it takes."""
        language = say.language or language
        text = self._catalogues[language].text(say.prompt, say.values)
        self.heard.said.append(Said(text, language))
        return seconds(text)

    def _look(self) -> None:
        self.heard.place = self._operators.queue.ticket(self._call)


def _listens(need: Need) -> bool:
    """Whether somebody listens to what is said."""
    return isinstance(need, Ask) and bool(need.grammar)


def _pressed(need: Need, keys: str) -> Event:
    """Return the event of keys pressed at a question, or in a queue."""
    return answer(need, keys) if isinstance(need, Ask) else Event("keys", text=keys)


HELP = """\
Type keys (0-9 * #) and Enter; several at once are typed ahead. Any other line is said aloud where
the question listens; in quotes ("h", "120") it is said whatever it is. An empty line is silence
until the question times out. h hangs up.
While you wait for an operator: keys; w30 lets 30 seconds pass; answers, no_answer, drops, returns
and ends are what the operator does; an empty line ends the talk.
"""
WAIT = re.compile(r"w(?:ait)? ?(\d{1,4})", re.ASCII)
QUOTES = "\"'«» "


def talk(
    line: ConsoleLine,
    caller: Caller,
    lines: TextIO,
    out: TextIO,
    log: Sequence[Entry] = (),
) -> list[dict[str, str]]:
    """Let a person at a terminal be the caller; what he did, as turns of a call script.

    log: of the call, where it is told what his words were taken for.
    """
    done: list[dict[str, str]] = []
    out.write(HELP)
    line.dial(caller)
    shown = logged = 0
    while True:
        out.writelines(_understood(log[logged:]))
        logged = len(log)
        shown = _show(line.heard, shown, out)
        if line.open is None:
            return done
        if isinstance(line.open.need, Enqueue):
            out.write(f"   [in the queue {line.open.need.queue}; keys, w30, answers, ends, h]\n")
        out.write("> ")
        out.flush()
        typed = lines.readline()
        turn = _turn(typed, line.open.need, out)
        if turn:
            done.append(turn)
            act(line, turn)


def _understood(log: Sequence[Entry]) -> Iterator[str]:
    for entry in log:
        if word := entry.details.get("understood"):
            yield f"   [understood: {word}]\n"


def _show(heard: Heard, shown: int, out: TextIO) -> int:
    for said in heard.said[shown:]:
        out.write(f"{said.language}: {said.text}\n")
    if heard.ended is not None:
        out.write(f"   [the call is over: {heard.ended}]\n")
    return len(heard.said)


def _turn(typed: str, need: Need, out: TextIO) -> dict[str, str]:
    word, queued = typed.strip(), isinstance(need, Enqueue)
    if typed == "" or word in ("h", "hangup"):
        return {"hangup": ""}
    if queued and (word == "" or word in OPERATOR):
        return {"operator": word or "ends"}
    if queued and (wait := WAIT.fullmatch(word)):
        return {"wait": wait.group(1)}
    if word == "":
        return {"silence": ""}
    if set(word) <= KEYS:
        return {"press": word}
    if (word[0] in QUOTES or _listens(need)) and (words := word.strip(QUOTES)):
        return {"say": words}
    out.write(HELP)
    return {}
