"""One turn: from the event to the next need, step by step.

Keys typed ahead stay in `session.typed` and answer the questions they were meant for; the prompt of
a question that has keys waiting is not spoken. A miss (silence, no match) empties them.

Answers by speech are in `ivr.engine.speech`; what they stand for comes back here as keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ivr.engine import speech
from ivr.engine.session import Flows, Limits, Session
from ivr.errors import FlowError
from ivr.flow import (
    KEYS,
    AskStep,
    EnqueueStep,
    Flow,
    LookupStep,
    MenuStep,
    Question,
    RecordStep,
    Retry,
    RunStep,
    Saying,
    Sayings,
    SayStep,
    Step,
)
from ivr.model import Ask, Enqueue, Event, Hangup, Lookup, Need, Record, Say, Turn, Value


class Edge(NamedTuple):
    """One way out of a step. word: an outcome, a key, or what `ivr.coverage` lists besides."""

    flow: str
    step: str
    word: str

    def __str__(self) -> str:
        return f"{self.flow}.{self.step} {self.word}"


Trace = Callable[[Edge], object]
"""Is told of the edges that a call walks, in order."""


class Left(FlowError):
    """A flow was left by an end, and none had run it; the session as it was then."""

    def __init__(self, path: str, end: str, session: Session, says: Sequence[Say]) -> None:
        super().__init__(f"{path}: no step or end {end!r}")
        self.end, self.session, self.says = end, session, says


class Walk:
    """One turn: says are gathered until a step has a need."""

    def __init__(
        self,
        flows: Flows,
        session: Session,
        limits: Limits,
        trace: Trace | None = None,
        ways: list[str] | None = None,
    ) -> None:
        self.flows = flows
        self.session = session
        self.limits = limits
        self.trace = trace
        self.ways = [] if ways is None else ways
        self.says: list[Say] = []
        self.need: Need | None = None
        self.walked = 0

    # ------------------------------------------------------------------ the turn

    def turn(self) -> Turn:
        """Return the turn; FlowError where no step has a need."""
        if self.need is None:
            raise FlowError(f"flow {self.session.flow}, step {self.session.step}: no need")
        session = self.session
        session.turn += 1
        session.over = isinstance(self.need, Hangup)
        if session.slots.get("heard") and isinstance(self.need, Ask):
            session.slots["heard"] = ""  # it was told, or is told otherwise
        return Turn(session.turn, tuple(self.says), self.need, session.language, session.slow)

    def take(self, event: Event) -> None:
        """Hand the event to the step that waits for it."""
        session = self.session
        session.understood = ""
        if event.kind == "hangup" or session.over:
            self.need = Hangup("caller")
            return
        if session.turn >= self.limits.turns + self.limits.spare:
            self.speak((Saying("goodbye"),))
            self.need = Hangup("limit")
            return
        at = self.flows.step(session.flow, session.step)
        if event.kind == "answered":
            self.enter(session.step)
        elif isinstance(at, Question) and session.turn >= self.limits.turns:
            session.slots["reason"] = "limit"
            self.otherwise(at)
        elif isinstance(at, Question):
            self.answer(at, event)
        elif isinstance(at, LookupStep):
            self.result(at, event)
        elif isinstance(at, EnqueueStep):
            self.waited(at, event)
        elif isinstance(at, RecordStep):
            self.recorded(at, event)
        else:
            raise FlowError(f"flow {session.flow}, step {session.step} waits for no event")

    @property
    def flow(self) -> Flow:
        """The flow the session is in."""
        return self.flows.flow(self.session.flow)

    # ------------------------------------------------------------------ walking

    def by(self, word: str, target: str) -> None:
        """Leave the step the session is at by the edge `word`."""
        if self.trace is not None:
            self.trace(Edge(self.session.flow, self.session.step, word))
        self.go(target)

    def go(self, target: str) -> None:
        """Go to a step, or leave the flow by one of its ends."""
        if target in self.flow.steps:
            self.enter(target)
            return
        if target not in self.flow.ends:
            raise FlowError(f"{self.flow.path}: no step or end {target!r}")
        if not self.session.stack:
            raise Left(self.flow.path, target, self.session, self.says)
        self.ways.append(f"-{self.session.flow}.{target}")
        self.session.flow, self.session.step = self.session.stack.pop()
        self.back_from(target)

    def back_from(self, end: str) -> None:
        """Go on from the step that ran a flow, by the end that the flow was left by."""
        runner = self.flows.step(self.session.flow, self.session.step)
        if not isinstance(runner, RunStep):
            raise FlowError(f"{self.session.flow}.{self.session.step} ran no flow")
        self.by(end, runner.on.get(end) or self.flow.otherwise)

    def enter(self, name: str) -> None:
        """Do what the step does; stop at the first need."""
        self.walked += 1
        if self.walked > self.limits.steps:
            raise FlowError(f"{self.flow.path}: step {name}: a circle without a question")
        session = self.session
        session.step = name
        at = self.flows.step(session.flow, name)
        if isinstance(at, SayStep):
            self.speak(at.says)
            self.by("to", at.to)
        elif isinstance(at, Question):
            session.misses.pop(self.question, None)
            session.mode, session.repeats = "", 0
            speech.was_wrong(self, at)
            self.ask(at, at.says)
        elif isinstance(at, LookupStep):
            self.need = Lookup(at.service, at.arguments)
        elif isinstance(at, RunStep):
            session.stack.append([session.flow, name])
            session.slots.update(at.slots)
            session.flow = at.flow
            self.ways.append(f"+{at.flow}")
            self.enter(self.flow.start)
        elif isinstance(at, RecordStep):
            self.speak(at.says)
            self.need = Record(at.limit)
        elif isinstance(at, EnqueueStep):
            self.speak(at.says)
            session.typed = ""
            self.stand(at)
        else:
            self.speak(at.says)
            self.need = Hangup(at.reason)

    def speak(self, says: Sayings) -> None:
        """Say these; one for each of a list of items says it once for each."""
        for saying in says:
            if not saying.each:
                self.say(saying, {})
                continue
            for number, item in enumerate(self.items(saying.each), start=1):
                self.say(saying, {**item, "key": str(number)})

    def say(self, saying: Saying, item: Mapping[str, Any], invites: bool = False) -> None:
        """Say one prompt. item: values that count more than the slots."""
        known = {**self.session.slots, **item}
        language = item.get("language") or known.get(saying.language)
        values: dict[str, Value] = {}
        self.gather(saying.prompt, known, values)
        self.says.append(Say(saying.prompt, values, language, invites))

    def gather(self, prompt: str, known: Mapping[str, Value], values: dict[str, Value]) -> None:
        """Pick what the placeholders of a prompt, and of the prompts put into it, want."""
        for slot, kind in self.flows.placeholders.get(prompt, {}).items():
            if slot in known:
                values[slot] = known[slot]
            if kind == "prompt" and values.get(slot):
                self.gather(str(values[slot]), known, values)

    def items(self, slot: str) -> list[Mapping[str, Any]]:
        """Return the list of items that a slot holds."""
        items = self.session.slots.get(slot) or []
        return list(items)  # type: ignore[arg-type]

    def items_of(self, at: Question) -> list[Mapping[str, Any]]:
        """Return the items that a menu lists."""
        return self.items(at.each) if isinstance(at, MenuStep) and at.each else []

    # ------------------------------------------------------------------ questions

    @property
    def question(self) -> str:
        """What misses are counted by."""
        return f"{self.session.flow}.{self.session.step}"

    def missed(self) -> list[str]:
        """Return the kinds of misses at this question so far."""
        return self.session.misses.get(self.question, [])

    def ask(self, at: Question, says: Sayings) -> None:
        """Put the question, or answer it at once with keys typed ahead.

        A `#` after a menu's key ended that one; it answers no menu that comes next. What was said
        and is not yet read back is read back, whatever is typed ahead.
        """
        session = self.session
        if isinstance(at, MenuStep):
            session.typed = "" if session.slots.get("unread") else session.typed.lstrip("#")
        if session.typed:
            self.keys(at, ended=False)
            return
        self.speak(says)
        if isinstance(at, MenuStep):
            session.slots.pop("unread", None)
            if says == at.says:
                self.speak_options(at)
        self.listen(at)
        if says == at.says and isinstance(self.need, Ask) and self.need.grammar:
            for saying in at.invite:
                self.say(saying, {}, invites=True)

    def speak_options(self, at: MenuStep) -> None:
        """Say the items and the options of a menu."""
        if at.each:
            self.speak((Saying(at.option, each=at.each),))
            if at.another:
                key = {"key": str(len(self.items(at.each)) + 1)}
                for saying in at.another.says:
                    for item in self.items(saying.each) if saying.each else [{}]:
                        self.say(saying, {**item, **key})
        for option in at.options.values():
            self.speak(option.says)
        self.speak(at.closing)

    def listen(self, at: Question) -> None:
        """Need keys; the pace follows what happened at this question so far."""
        session, limits = self.session, self.limits
        missed = self.missed()
        patient = session.slow or bool(missed)
        timeout = limits.again if patient else limits.first
        if session.mode == "waiting":
            timeout = limits.more
        between = limits.between_slow if session.slow or "nomatch" in missed else limits.between
        number = isinstance(at, AskStep) and session.mode not in ("star", "confirm")
        grammar = None if session.typed else speech.grammar_at(self, at)
        text = grammar.text() if grammar else ""
        self.need = Ask("number" if number else "key", timeout, between, session.typed, text)

    def again(self, at: Question, before: Sayings = ()) -> None:
        """Ask the same question once more, shorter, after `before`."""
        self.session.typed = ""
        self.session.mode = ""
        self.speak(before)
        self.ask(at, at.short or at.says)

    def asked_anew(self, at: Question, before: Sayings) -> None:
        """Ask once more what the caller did not answer, after `before`."""
        if self.session.mode == "confirm":
            self.speak(before)
            speech.doubt(self, at, *self.session.doubt)
        else:
            self.again(at, before)

    def answer(self, at: Question, event: Event) -> None:
        """Take what the caller said or keyed at a question, or that he did neither."""
        session = self.session
        if event.deaf:
            session.hears = []
        if event.kind == "speech" and not session.typed:
            speech.spoken(self, at, event)
            return
        if event.kind == "keys":
            keys = "".join(key for key in event.text if key in KEYS)
            session.typed = (session.typed + keys)[: self.limits.keys]
        if event.kind == "keys" and session.typed:
            self.keys(at, event.ended)
        elif event.kind == "silence" and session.typed:
            self.keys(at, ended=True)
        elif event.kind == "silence" or (event.kind == "keys" and not event.text):
            self.silence(at)
        else:
            self.nomatch(at)

    def keys(self, at: Question, ended: bool) -> None:
        """Answer with what was keyed. ended: no more of it comes now."""
        if self.session.mode == "star":
            self.small_menu(at)
        elif self.session.mode == "confirm":
            speech.confirm(self, at)
        elif isinstance(at, AskStep):
            self.number(at, ended)
        else:
            assert isinstance(at, MenuStep)  # noqa: S101 - a question is an ask or a menu
            self.key(at)

    def take_key(self) -> str:
        """Take the first key of what was keyed."""
        key, self.session.typed = self.session.typed[0], self.session.typed[1:]
        return key

    def key(self, at: MenuStep) -> None:
        """One key of a menu; the keys that mean the same everywhere come last."""
        session = self.session
        key = self.take_key()
        items = self.items(at.each) if at.each else []
        if key in at.options:
            self.by(key, at.options[key].to)
        elif key.isdigit() and 1 <= int(key) <= len(items):
            session.slots[at.slot] = dict(items[int(key) - 1])
            self.by("each", at.to)
        elif at.another and key == str(len(items) + 1):
            self.by("another", at.another.to)
        elif key == "0":
            self.operator(at)
        elif key == "9":
            self.repeat(at)
        elif key == "*":
            self.back(at)
        elif key == "#":
            if session.typed:
                self.key(at)
            else:
                self.listen(at)
        elif session.mode == "offer":
            self.wait(at)
        else:
            self.nomatch(at)

    def number(self, at: AskStep, ended: bool) -> None:
        """Digits up to `#`; `*` erases them, and with nothing typed opens the small menu."""
        session = self.session
        session.taken = []
        if session.mode == "offer":
            if len(session.typed) == 1:
                self.wait(at)
                return
            session.mode = ""
        while session.typed:
            end = _first(session.typed, "#*")
            if end < 0:
                break
            entry, mark = session.typed[:end], session.typed[end]
            session.typed = session.typed[end + 1 :]
            if mark == "#":
                self.entered(at, entry)
                return
            if not entry:
                session.mode = "star"
                self.small_menu(at)
                return
        if ended and session.typed:
            entry, session.typed = session.typed, ""
            self.entered(at, entry)
        else:
            self.listen(at)

    def entered(self, at: AskStep, entry: str) -> None:
        """Take a number."""
        if entry:
            self.session.slots[at.slot] = entry
            self.by("to", at.to)
        elif at.empty:
            self.by("empty", at.empty)
        else:
            self.nomatch(at)

    def small_menu(self, at: Question) -> None:
        """`*` on an empty entry: 1 go on, 2 back, 9 repeat, 0 operator."""
        session = self.session
        if not session.typed:
            self.speak((Saying("star_menu"),))
            self.listen(at)
            return
        key = self.take_key()
        if key in "1*#":
            session.mode = ""
            self.ask(at, at.short or at.says)
        elif key == "2":
            self.back(at)
        elif key == "9":
            self.repeat(at)
        elif key == "0":
            self.operator(at)
        else:
            self.nomatch(at)

    def operator(self, at: Question) -> None:
        """Key 0."""
        self.session.typed = self.session.mode = ""
        self.session.slots["left"] = self.question
        self.by("operator", at.operator or self.flow.operator)

    def back(self, at: Question) -> None:
        """Go back from a question, or ask it again where nothing is behind it."""
        self.session.mode = ""
        if at.back:
            self.by("back", at.back)
        elif "back" in self.flow.ends:
            self.by("back", "back")
        else:
            self.again(at)

    def repeat(self, at: Question) -> None:
        """Key 9: the whole question again; the second time at a slower pace."""
        session = self.session
        session.repeats += 1
        session.slow = session.slow or session.repeats >= 2
        session.mode = ""
        self.ask(at, at.says)

    def wait(self, at: Question) -> None:
        """The caller asked for time: no key is taken as an answer, and none is missed."""
        self.session.typed, self.session.mode = "", "waiting"
        self.speak((Saying("wait_granted"),))
        self.listen(at)

    # ------------------------------------------------------------------ misses

    def silence(self, at: Question) -> None:
        """Nothing came: ask again, from the second time on offer time."""
        silences = self.miss(at, "silence")
        if silences == 0:
            return
        if silences >= 2 and self.session.mode != "confirm":
            self.speak((Saying("wait_offer"),))
            if isinstance(at, MenuStep):
                self.speak(at.short or at.says)
                if not at.short:
                    self.speak_options(at)
            self.session.mode = "offer"
            self.listen(at)
        else:
            self.asked_anew(at, _nth(at.silence, silences) or (Saying("silence"),))

    def nomatch(self, at: Question) -> None:
        """What came means nothing here: ask again."""
        nomatches = self.miss(at, "nomatch")
        if nomatches:
            self.asked_anew(at, _nth(at.nomatch, nomatches) or (Saying("nomatch"),))

    def miss(self, at: Question, kind: str) -> int:
        """Count a miss; how many of this kind so far, or 0 when the question is left."""
        missed = [*self.missed(), kind]
        self.session.misses[self.question] = missed
        self.session.typed = ""
        if len(missed) >= self.limits.misses:
            self.session.slots["reason"] = "silence" if set(missed) == {"silence"} else "misses"
            self.otherwise(at)
            return 0
        return missed.count(kind)

    def otherwise(self, at: Step | Question) -> None:
        """Leave a question that the caller did not answer."""
        self.session.mode = ""
        self.session.typed = ""
        self.session.slots["left"] = self.question
        self.ways.append(f"!{self.session.slots['reason']}")
        own = at.otherwise if isinstance(at, Question) else ""
        self.by("otherwise", own or self.flow.otherwise)

    # ------------------------------------------------------------------ waiting for an operator

    def stand(self, at: EnqueueStep) -> None:
        """Need an operator."""
        slots = self.session.slots
        queue = at.queue or slots.get(at.slot)
        if not isinstance(queue, str):
            raise FlowError(f"{self.flow.path}: no slot {at.slot} names the queue")
        raised = str(slots.get("priority") or at.priority)
        priority = raised if at.priority == "normal" else at.priority
        show = {slot: slots[slot] for slot in at.show if slot in slots}
        slots["queue"] = queue
        slots.pop("unread", None)
        self.need = Enqueue(queue, priority, show)

    def waited(self, at: EnqueueStep, event: Event) -> None:
        """Follow what an operator did, or the first key that means something; else wait on."""
        if event.kind == "operator":
            self.keep(event.values)
            known = event.outcome in at.on
            target = at.on[event.outcome] if known else self.flow.otherwise
            self.by(event.outcome if known else "otherwise", target)
            return
        keys = "".join(key for key in event.text if key in KEYS) if event.kind == "keys" else ""
        first = _first(keys, "".join(at.keys))
        if first < 0:
            self.stand(at)
            return
        self.session.typed = keys[first + 1 :][: self.limits.keys]
        self.by(keys[first], at.keys[keys[first]])

    # ------------------------------------------------------------------ services, recordings

    def keep(self, values: Mapping[str, Value]) -> None:
        """Put values into the slots; None empties one."""
        for slot, value in values.items():
            if value is None:
                self.session.slots.pop(slot, None)
            else:
                self.session.slots[slot] = value

    def result(self, at: LookupStep, event: Event) -> None:
        """A service answered: keep its values, follow its outcome."""
        session = self.session
        self.keep(event.values)
        if isinstance(language := event.values.get("language"), str):
            session.language = language
        if event.outcome in at.on:
            self.by(event.outcome, at.on[event.outcome])
        elif event.outcome in at.retry:
            self.ask_again(event.outcome, at.retry[event.outcome], counted=True)
        elif event.outcome in at.again:
            self.ask_again(event.outcome, at.again[event.outcome], counted=False)
        else:
            session.slots["reason"] = "failed"
            session.typed = ""
            self.ways.append("!failed")
            self.speak((Saying("service_failed"),))
            self.by("failed", self.flow.otherwise)

    def ask_again(self, outcome: str, retry: Retry, counted: bool) -> None:
        """Put a question anew without entering it, so that its misses stay counted."""
        if self.trace is not None:
            self.trace(Edge(self.session.flow, self.session.step, outcome))
        at = self.flows.step(self.session.flow, retry.ask)
        if not isinstance(at, Question):
            raise FlowError(f"{self.flow.path}: step {retry.ask} is no question to ask again")
        self.session.step, self.session.mode = retry.ask, ""
        if counted:
            speech.was_wrong(self, at)
        nth = self.miss(at, "nomatch") if counted else 1
        if nth:
            self.session.typed = ""
            self.speak(_nth(retry.says, nth))
            self.listen(at)

    def recorded(self, at: RecordStep, event: Event) -> None:
        """Keep the name of what was recorded."""
        if event.kind == "recorded":
            self.session.slots[at.slot] = event.text
        self.by("to", at.to)


def _first(text: str, marks: str) -> int:
    """Index of the first character of `text` that is one of `marks`, or -1."""
    return next((index for index, key in enumerate(text) if key in marks), -1)


def _nth(says: Sayings, nth: int) -> Sayings:
    """The n-th of tapered prompts, or the last one; nothing of nothing."""
    return says[min(nth, len(says)) - 1 :][:1]
