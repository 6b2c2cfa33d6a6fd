"""Flows: `flows/*.yaml` read into frozen steps. A flow is data; nothing here decides anything.

A flow file says what is said and where the call goes next::

    flow: reading              # the file's name
    start: window              # the first step
    operator: to_operator      # step for key 0
    otherwise: to_operator     # step when nothing else fits: three misses, a service that failed
    ends: [done, back]         # outcomes handed to the flow that ran this one (none for `main`)
    speech: off                # its questions take keys only (without it: keys or speech)
    steps:
      window: {lookup: readings.window, on: {open: draft, closed: told_closed}}

A step has exactly one of eight kinds, named by its first key:

    say      speaks, goes `to`
    ask      collects digits and `#` into slot `as`, goes `to`; `#` alone goes to `empty`. `digits`:
             how many a whole answer has, "9-9", or the slot that says so; `near`: slot with the
             expected value, by which what was said is told apart; `read_back: yes`: the flow reads
             the answer back itself
    menu     one key: `options` {key: {say, to, words}}, or `each` item of a slot (keys 1..n, chosen
             item into slot `as`, goes `to`; the next key goes to `another`). `words` are ids of
             `words:` in the prompts: what a caller may say instead of pressing the key. `at_once:
             yes`: he is not asked whether it was heard right
    record   records the caller into slot `as`
    lookup   asks a service; `on` {outcome: step}. `retry` {outcome: {ask, say}} asks that question
             again and counts a miss, `again` does the same without counting
    run      runs another flow, `with` {slot: word} set before; `on` {end: step}
    enqueue  waits for an operator in a queue, or in the one that a slot names ({slot: queue});
             `on` {ended, unavailable, no_answer, dropped, ...: step}; `keys` {key: step} are
             those that mean something while the caller waits
    hangup   speaks and ends the call

Both kinds of question take `speech: off` (keys only) and `invite` (said where speech is heard).

A target is a step of the flow or one of its `ends`. What is said is a prompt id, or a mapping
`{say: id, each: slot, in: slot}` (once for each item of a list; in the language a slot names), or
a list of these. Loaded with `yaml.BaseLoader`: every scalar stays the string that was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ivr.errors import FlowError

KEYS = tuple("0123456789*#")
"""Keys every telephone has; RFC 4733 knows more, which mean nothing here."""
LENGTHS = re.compile(r"[0-9]{1,2}-[0-9]{1,2}")
"""Fewest and most digits of an answer."""


@dataclass(frozen=True)
class Saying:
    """A prompt of a step. each: slot with a list of items; language: slot with a language."""

    prompt: str
    each: str = ""
    language: str = ""


Sayings = tuple[Saying, ...]


@dataclass(frozen=True)
class SayStep:
    """Speaks, then goes on."""

    says: Sayings
    to: str


@dataclass(frozen=True)
class Question:
    """What `ask` and `menu` share: prompts that taper, counters and the ways out.

    short: said instead of `says` after a miss; empty: the full prompt again.
    silence, nomatch: said before it at the 1st, 2nd miss of that kind.
    back: where `*` leads; empty: the end "back" of the flow, else the question again.
    operator: where key 0 leads; empty: the flow's own.
    otherwise: where three misses lead; empty: the flow's own.
    speech: it may be answered by speech too. invite: said after it where speech is heard.
    """

    says: Sayings
    to: str = ""
    slot: str = ""
    short: Sayings = ()
    silence: Sayings = ()
    nomatch: Sayings = ()
    back: str = ""
    operator: str = ""
    otherwise: str = ""
    speech: bool = True
    invite: Sayings = ()


@dataclass(frozen=True)
class AskStep(Question):
    """A number, ended by `#`. empty: where `#` alone leads; empty string: counts as a miss.

    digits: fewest and most digits of a whole answer, "1-5", or the slot that has such a text. near:
    slot with the value that is expected. read_back: the flow reads the answer back to the caller.
    """

    empty: str = ""
    digits: str = ""
    near: str = ""
    read_back: bool = False


@dataclass(frozen=True)
class Option:
    """A key of a menu: where it leads and how it is announced (nothing: a silent option).

    words: ids of what a caller may say instead. at_once: he is not asked whether that was heard
    right, of middle confidence neither.
    """

    to: str
    says: Sayings = ()
    words: tuple[str, ...] = ()
    at_once: bool = False


@dataclass(frozen=True)
class MenuStep(Question):
    """One key. each: slot with the items of keys 1..n, announced by `option`; then `another`."""

    options: Mapping[str, Option] = field(default_factory=dict)
    closing: Sayings = ()
    each: str = ""
    option: str = ""
    another: Option | None = None


@dataclass(frozen=True)
class RecordStep:
    """Records the caller. limit: seconds."""

    says: Sayings
    slot: str
    limit: float
    to: str


@dataclass(frozen=True)
class Retry:
    """Asks the question `ask` again, saying the n-th of `says` at the n-th miss (else the last)."""

    ask: str
    says: Sayings


@dataclass(frozen=True)
class LookupStep:
    """Asks a service; `arguments` are words of the file handed to it as they are."""

    service: str
    on: Mapping[str, str]
    retry: Mapping[str, Retry] = field(default_factory=dict)
    again: Mapping[str, Retry] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunStep:
    """Runs another flow as a subflow. slots: words of the file that are known in it."""

    flow: str
    on: Mapping[str, str]
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EnqueueStep:
    """Waits for an operator.

    queue: its name, or "" where the slot `slot` holds it. show: slots for the operator's screen.
    keys: steps that keys lead to while the caller waits; a key that is not among them does nothing.
    """

    queue: str
    on: Mapping[str, str]
    says: Sayings = ()
    priority: str = "normal"
    show: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    slot: str = ""


@dataclass(frozen=True)
class HangupStep:
    """Speaks and ends the call."""

    reason: str
    says: Sayings = ()


Step = SayStep | AskStep | MenuStep | RecordStep | LookupStep | RunStep | EnqueueStep | HangupStep


@dataclass(frozen=True)
class Flow:
    """One flow file. path: where it was read, for error texts. speech: beside the keys."""

    name: str
    start: str
    operator: str
    otherwise: str
    ends: tuple[str, ...]
    steps: Mapping[str, Step]
    path: str
    speech: bool = True


class _Loader(yaml.BaseLoader):
    """Keeps every scalar as it was written, and takes no key of a mapping twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                problem = f"`{key.value}` is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def load(folder: Path) -> dict[str, Flow]:
    """Read every `*.yaml` of a folder. FlowError names file and step of what cannot be read."""
    flows = {}
    for path in sorted(folder.glob("*.yaml")):
        flow = read(path)
        flows[flow.name] = flow
    if not flows:
        raise FlowError(f"{folder}: no flow files (*.yaml) there")
    return flows


def read(path: Path) -> Flow:
    """Read one flow file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise FlowError(f"{path}: cannot be read: {' '.join(str(reason).split())}") from reason
    return from_text(text, str(path), path.stem)


def from_text(text: str, path: str, name: str) -> Flow:
    """Read the text of a flow file. path: where it is from, for error texts."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as reason:
        raise FlowError(f"{path}: cannot be read: {' '.join(str(reason).split())}") from reason
    return parse(document, path, name)


def parse(document: Any, path: str, name: str) -> Flow:
    """Build a Flow from the plain document of a file; `name` is what the file is called."""
    head = _Fields(document, path)
    if head.text("flow") != name:
        raise FlowError(f"{path}: says `flow: {document['flow']}`, the file is named {name}")
    steps = head.mapping("steps", required=True)
    ends = head.words("ends")
    if clash := sorted(set(ends) & set(steps)):
        raise FlowError(f"{path}: `ends`: {clash[0]} is a step too; give one of them another name")
    flow = Flow(
        name=name,
        start=head.text("start"),
        operator=head.text("operator", ""),
        otherwise=head.text("otherwise", ""),
        ends=tuple(ends),
        steps={step: _step(body, f"{path}: step {step}") for step, body in steps.items()},
        path=path,
        speech=head.switch("speech"),
    )
    head.nothing_else()
    return flow


def questions(flow: Flow) -> dict[str, Question]:
    """The steps of a flow that wait for the caller's keys, by name."""
    return {name: step for name, step in flow.steps.items() if isinstance(step, Question)}


class _Fields:
    """Takes the known keys out of a mapping and complains about the rest."""

    def __init__(self, document: Any, place: str) -> None:
        if not isinstance(document, Mapping):
            raise FlowError(f"{place}: a mapping is wanted, found {document!r}")
        self.rest = dict(document)
        self.place = place

    def text(self, key: str, default: str | None = None) -> str:
        value = self.rest.pop(key, default)
        if value is None or (value == "" and default is None):
            raise FlowError(f"{self.place}: `{key}` is missing")
        if not isinstance(value, str):
            raise FlowError(f"{self.place}: `{key}` must be one word, found {value!r}")
        return value

    def switch(self, key: str) -> bool:
        value = self.rest.pop(key, "on")
        if value not in ("on", "off"):
            raise FlowError(f"{self.place}: `{key}` is on or off, found {value!r}")
        return bool(value == "on")

    def words(self, key: str) -> list[str]:
        value = self.rest.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise FlowError(f"{self.place}: `{key}` must be a list of words, found {value!r}")
        return value

    def mapping(self, key: str, required: bool = False) -> dict[str, Any]:
        if required and key not in self.rest:
            raise FlowError(f"{self.place}: `{key}` is missing")
        value = self.rest.pop(key, {})
        if not isinstance(value, Mapping):
            raise FlowError(f"{self.place}: `{key}` must be a mapping, found {value!r}")
        return dict(value)

    def table(self, key: str) -> dict[str, str]:
        value = self.mapping(key)
        for word, target in value.items():
            if not isinstance(target, str):
                raise FlowError(f"{self.place}: `{key}: {word}` must be one word, found {target!r}")
        return value

    def says(self, key: str) -> Sayings:
        value = self.rest.pop(key, [])
        entries = value if isinstance(value, list) else [value]
        return tuple(self._saying(key, entry) for entry in entries)

    def _saying(self, key: str, entry: Any) -> Saying:
        if entry == "":
            raise FlowError(f"{self.place}: `{key}`: a prompt is wanted, found nothing")
        if isinstance(entry, str):
            return Saying(entry)
        fields = _Fields(entry, f"{self.place}, {key}")
        saying = Saying(fields.text("say"), fields.text("each", ""), fields.text("in", ""))
        fields.nothing_else()
        return saying

    def nothing_else(self) -> None:
        if self.rest:
            raise FlowError(f"{self.place}: unknown key `{next(iter(self.rest))}`")


def _step(body: Any, place: str) -> Step:
    fields = _Fields(body, place)
    kinds = [kind for kind in _READERS if kind in fields.rest]
    # `hangup`, `enqueue` and an `option` may also speak: `say` is their companion, not their kind.
    if len(kinds) == 2 and "say" in kinds:
        kinds.remove("say")
    if len(kinds) != 1:
        raise FlowError(f"{place}: wants exactly one kind of {', '.join(_READERS)}")
    step: Step = _READERS[kinds[0]](fields)
    fields.nothing_else()
    return step


def _say(fields: _Fields) -> SayStep:
    return SayStep(fields.says("say"), fields.text("to"))


def _question(fields: _Fields, kind: str) -> dict[str, Any]:
    return {
        "says": fields.says(kind),
        "to": fields.text("to", ""),
        "slot": fields.text("as", ""),
        "short": fields.says("short"),
        "silence": fields.says("silence"),
        "nomatch": fields.says("nomatch"),
        "back": fields.text("back", ""),
        "operator": fields.text("operator", ""),
        "otherwise": fields.text("otherwise", ""),
        "speech": fields.switch("speech"),
        "invite": fields.says("invite"),
    }


def _ask(fields: _Fields) -> AskStep:
    step = AskStep(
        **_question(fields, "ask"),
        empty=fields.text("empty", ""),
        digits=fields.text("digits", ""),
        near=fields.text("near", ""),
        read_back=_yes(fields, "read_back"),
    )
    if "-" in step.digits and not LENGTHS.fullmatch(step.digits):
        raise FlowError(f"{fields.place}: `digits` is 4-9 or a slot, found {step.digits}")
    if not step.to or not step.slot:
        raise FlowError(f"{fields.place}: an ask wants `as` and `to`")
    return step


def _menu(fields: _Fields) -> MenuStep:
    options = {
        key: _option(option, f"{fields.place}, option {key}")
        for key, option in fields.mapping("options").items()
    }
    if wrong := [key for key in options if key not in KEYS]:
        raise FlowError(f"{fields.place}, option {wrong[0]}: a key is one of {' '.join(KEYS)}")
    another = fields.rest.pop("another", None)
    step = MenuStep(
        **_question(fields, "menu"),
        options=options,
        closing=fields.says("closing"),
        each=fields.text("each", ""),
        option=fields.text("option", ""),
        another=None if another is None else _option(another, f"{fields.place}, another"),
    )
    if not step.options and not step.each:
        raise FlowError(f"{fields.place}: a menu wants `options` or `each`")
    if step.each and not (step.option and step.slot and step.to):
        raise FlowError(f"{fields.place}: a menu with `each` wants `option`, `as` and `to`")
    if step.another and not step.each:
        raise FlowError(f"{fields.place}: `another` goes with `each`")
    return step


def _yes(fields: _Fields, key: str) -> bool:
    value = fields.text(key, "no")
    if value not in ("yes", "no"):
        raise FlowError(f"{fields.place}: `{key}` is yes or no, found {value}")
    return value == "yes"


def _option(body: Any, place: str) -> Option:
    fields = _Fields(body, place)
    if isinstance(fields.rest.get("words"), str):
        fields.rest["words"] = [fields.rest["words"]]
    option = Option(
        to=fields.text("to"),
        says=fields.says("say"),
        words=tuple(fields.words("words")),
        at_once=_yes(fields, "at_once"),
    )
    fields.nothing_else()
    return option


def _record(fields: _Fields) -> RecordStep:
    limit = fields.text("limit", "60")
    if not limit.isdecimal() or not 1 <= int(limit) <= 300:
        raise FlowError(f"{fields.place}: `limit` is 1..300 seconds, found {limit}")
    return RecordStep(fields.says("record"), fields.text("as"), float(limit), fields.text("to"))


def _lookup(fields: _Fields) -> LookupStep:
    return LookupStep(
        service=fields.text("lookup"),
        on=fields.table("on"),
        retry=_retries(fields, "retry"),
        again=_retries(fields, "again"),
        arguments=fields.table("with"),
    )


def _retries(fields: _Fields, key: str) -> dict[str, Retry]:
    retries = {}
    for outcome, body in fields.mapping(key).items():
        entry = _Fields(body, f"{fields.place}, {key} {outcome}")
        retries[outcome] = Retry(entry.text("ask"), entry.says("say"))
        entry.nothing_else()
    return retries


def _run(fields: _Fields) -> RunStep:
    return RunStep(fields.text("run"), fields.table("on"), fields.table("with"))


def _enqueue(fields: _Fields) -> EnqueueStep:
    queue, slot = _queue(fields)
    keys = fields.table("keys")
    if wrong := [key for key in keys if key not in KEYS]:
        raise FlowError(f"{fields.place}, key {wrong[0]}: a key is one of {' '.join(KEYS)}")
    return EnqueueStep(
        queue=queue,
        slot=slot,
        on=fields.table("on"),
        says=fields.says("say"),
        priority=fields.text("priority", "normal"),
        show=tuple(fields.words("show")),
        keys=keys,
    )


def _queue(fields: _Fields) -> tuple[str, str]:
    """Take the queue's name, or the slot that has it."""
    if not isinstance(fields.rest.get("enqueue"), Mapping):
        return fields.text("enqueue"), ""
    named = _Fields(fields.rest.pop("enqueue"), f"{fields.place}, enqueue")
    slot = named.text("slot")
    named.nothing_else()
    return "", slot


def _hangup(fields: _Fields) -> HangupStep:
    return HangupStep(fields.text("hangup"), fields.says("say"))


_READERS: dict[str, Any] = {
    "say": _say,
    "ask": _ask,
    "menu": _menu,
    "record": _record,
    "lookup": _lookup,
    "run": _run,
    "enqueue": _enqueue,
    "hangup": _hangup,
}
