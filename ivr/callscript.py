"""Call scripts: one telephone conversation written as data, run on a channel and judged.

The format is told in `docs/call-scripts.md`. `read` reads a file, `run` plays its calls on a line
over an empty store and the script's world and compares what happened with what was expected.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import select

from ivr.channels.line import OPERATOR, Clock, Heard, Line, act
from ivr.channels.operators import Operators
from ivr.company import Company
from ivr.errors import ImportFileError, ScriptError
from ivr.events import Entry, MemoryLog
from ivr.model import Caller
from ivr.store.database import Store, memory_store
from ivr.store.models import Account, Callback, Reading, Register, Ticket
from ivr.store.supply import OutageEvent, Subscription
from ivr.store.supply_world import load_supply
from ivr.store.world import load_world

logger = logging.getLogger(__name__)

TOP = frozenset(("script", "company", "now", "from", "to", "world", "turns", "calls", "expect"))
CALL = frozenset(("now", "from", "to", "turns"))
TURNS = frozenset(("press", "say", "silence", "wait", "hangup", "operator"))
ROWS = ("readings", "tickets", "callbacks", "subscriptions")
EXPECT = frozenset(
    (*ROWS, "queued", "handover", "ended", "language", "says", "never_says", "within")
)
QUEUED = frozenset(("queue", "priority"))
WORLD = frozenset(
    ("accounts", "events", "schedules", "emergency_schedules", "applications", "operators",
     "waiting", "storm", "broken", "queue_down", "kept", "survey",
     "announcements")
)  # fmt: skip
NUMBER = re.compile(r"\d{1,6}(\.\d+)?", re.ASCII)
YEARS = range(2000, 2100)
"""Of the simulated clock."""


class _Text(str):
    """A scalar of the file, as it was written, that knows its line."""

    line: int


class _List(list[Any]):
    """A list of the file that knows its line."""

    line: int


class _Mapping(dict[Any, Any]):
    """A mapping of the file that knows its line."""

    line: int = 1


class _Loader(yaml.BaseLoader):
    """Every scalar is the string that was written; everything keeps its line."""

    def construct_scalar(self, node: yaml.ScalarNode) -> _Text:
        text = _Text(super().construct_scalar(node))
        text.line = node.start_mark.line + 1
        return text

    def construct_sequence(self, node: yaml.SequenceNode, deep: bool = False) -> _List:
        items = _List(super().construct_sequence(node, deep))
        items.line = node.start_mark.line + 1
        return items

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> _Mapping:
        mapping = _Mapping()
        for key, _ in node.value:
            if str(key.value) in mapping:
                problem = f"`{key.value}` is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            mapping[str(key.value)] = None
        mapping.update(super().construct_mapping(node, deep))
        mapping.line = node.start_mark.line + 1
        return mapping


@dataclass(frozen=True)
class ScriptCall:
    """One call of a script. now: as written; number: None where withheld."""

    now: str
    number: str | None
    dialled: str | None
    turns: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Script:
    """One document of a file, checked. line: where it begins."""

    title: str
    path: str
    company: str
    calls: tuple[ScriptCall, ...]
    world: Mapping[str, Any]
    expect: Mapping[str, Any]
    line: int = 1


@dataclass
class Report:
    """What a script came to. outcome: the values that expectations are compared with.

    log: every event of the calls and of their tickets, in order.
    """

    script: str
    failures: list[str] = field(default_factory=list)
    transcript: list[dict[str, str]] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every expectation holds."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "script": self.script,
            "passed": self.passed,
            "failures": self.failures,
            "transcript": self.transcript,
            "outcome": self.outcome,
        }


# ---------------------------------------------------------------------- reading


def read(path: Path) -> list[Script]:
    """Read every script of a file. ScriptError names file, line and reason."""
    try:
        text = path.read_text(encoding="utf-8")
        documents = list(yaml.load_all(text, Loader=_Loader))  # noqa: S506 - a BaseLoader
    except (OSError, UnicodeDecodeError) as reason:
        raise ScriptError(f"{path}: cannot be read: {reason}") from reason
    except yaml.reader.ReaderError as reason:
        line = text[: reason.position].count("\n") + 1
        raise ScriptError(f"{path}, line {line}: {reason.reason}") from reason
    except yaml.MarkedYAMLError as reason:
        mark = reason.problem_mark or reason.context_mark
        line = mark.line + 1 if mark else 1
        raise ScriptError(f"{path}, line {line}: {reason.problem}") from reason
    scripts = [_script(document, str(path)) for document in documents if document not in (None, "")]
    if not scripts:
        raise ScriptError(f"{path}, line 1: no script in this file")
    return scripts


def _script(document: Any, path: str) -> Script:
    top = _known(document, TOP, path, "a script")
    if "calls" in top:
        if clash := {"now", "from", "turns"} & set(top):
            raise _error(path, top, f"`calls` stands instead of `{min(clash)}`")
        calls = tuple(_call(call, path) for call in _list(top, "calls", path))
    else:
        calls = (_call(top, path, TOP),)
    if not calls:
        raise _error(path, top["calls"], "`calls` is empty")
    return Script(
        title=_text(top, "script", path) or path,
        path=path,
        company=_text(top, "company", path) or "odesa",
        calls=calls,
        world=_known(top.get("world") or _Mapping(), WORLD, path, "world"),
        expect=_expect(_known(top.get("expect") or _Mapping(), EXPECT, path, "expect"), path),
        line=top.line,
    )


def _expect(expect: _Mapping, path: str) -> _Mapping:
    for key in ROWS:
        for row in _list(expect, key, path):
            if not isinstance(row, _Mapping):
                raise _error(path, row, f"a row of `{key}` must be a mapping, found {row!r}")
    if isinstance(queued := expect.get("queued"), _Mapping):
        _known(queued, QUEUED, path, "queued")
    elif _null(queued) is not None:
        raise _error(path, queued, f"`queued` is {{queue, priority}} or null, found {queued!r}")
    handover = _known(expect.get("handover") or _Mapping(), None, path, "handover")
    for mapping, keys in ((expect, ("ended", "language")), (handover, tuple(handover))):
        for key in keys:
            _text(mapping, key, path)
    _number(expect, "within", path)
    for key in ("says", "never_says"):
        for pattern in _list(expect, key, path):
            _pattern(pattern, path, expect)
    return expect


def _call(document: Any, path: str, known: frozenset[str] = CALL) -> ScriptCall:
    call = _known(document, known, path, "a call")
    now = _text(call, "now", path)
    if not now:
        raise _error(path, call, "`now` is missing: when does the call arrive?")
    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        raise _error(path, now, f"`now: {now}` is no date and time") from None
    if moment.year not in YEARS:
        raise _error(path, now, f"`now: {now}`: years are {YEARS[0]} to {YEARS[-1]}")
    return ScriptCall(
        now=now,
        number=_null(_text(call, "from", path)),
        dialled=_null(_text(call, "to", path)),
        turns=tuple(_turn(turn, path) for turn in _list(call, "turns", path)),
    )


def _turn(turn: Any, path: str) -> Mapping[str, Any]:
    if isinstance(turn, _Text):
        word, turn = turn, _Mapping({turn: ""})
        turn.line = word.line
    known = _known(turn, TURNS | {"confidence"}, path, "a turn")
    kinds = sorted(TURNS & set(known))
    if len(kinds) != 1:
        raise _error(path, known, f"a turn is exactly one of {', '.join(sorted(TURNS))}")
    value = _text(known, kinds[0], path)
    if kinds[0] == "press" and not re.fullmatch(r"[0-9*#]+", value):
        raise _error(path, known, f"`press: {value}`: keys are 0-9, * and #")
    if kinds[0] == "operator" and value not in OPERATOR:
        raise _error(path, known, f"`operator: {value}`: one of {', '.join(sorted(OPERATOR))}")
    if kinds[0] == "wait" and not value:
        raise _error(path, known, "`wait`: seconds are wanted")
    _number(known, "wait", path)
    _number(known, "confidence", path)
    return known


def _known(document: Any, keys: frozenset[str] | None, path: str, what: str) -> _Mapping:
    """Check that something is a mapping of known keys (None: of any)."""
    if not isinstance(document, _Mapping):
        raise _error(path, document, f"{what} must be a mapping, found {document!r}")
    if keys is not None and (unknown := [key for key in document if key not in keys]):
        raise _error(path, document, f"unknown key `{unknown[0]}` in {what}")
    return document


def _list(mapping: _Mapping, key: str, path: str) -> list[Any]:
    value = mapping.get(key) or []
    if not isinstance(value, list):
        raise _error(path, value, f"`{key}` must be a list, found {value!r}")
    return value


def _text(mapping: _Mapping, key: str, path: str) -> str:
    """Return a text of the file, "" where it is absent."""
    value = mapping.get(key, "")
    if not isinstance(value, str):
        raise _error(path, value, f"`{key}` must be one word or a text, found {value!r}")
    return value


def _number(mapping: _Mapping, key: str, path: str) -> None:
    value = _text(mapping, key, path)
    if value and not NUMBER.fullmatch(value):
        raise _error(path, value, f"`{key}: {value}`: a number is wanted")


def _pattern(pattern: Any, path: str, expect: _Mapping) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as reason:
        place = pattern if hasattr(pattern, "line") else expect
        raise _error(path, place, f"{pattern!r} is no regular expression: {reason}") from reason


def _error(path: str, place: Any, reason: str) -> ScriptError:
    """Return the error at the line of something that was read from the file."""
    return ScriptError(f"{path}, line {getattr(place, 'line', 1)}: {reason}")


def _null(value: str | None) -> str | None:
    return None if value in (None, "", "null", "~") else value


def save(path: Path, caller: Caller, start: datetime, turns: Sequence[Mapping[str, str]]) -> Path:
    """Write what a caller did as a script; the expectations are for a person to fill in."""
    path = path if path.suffix == ".yaml" else path.with_suffix(".yaml")
    if path.exists():
        raise ScriptError(f"{path}: exists already; choose another name")
    document = {
        "script": path.stem,
        "company": caller.company,
        "now": start.replace(tzinfo=None).isoformat(timespec="seconds"),
        "from": caller.number,
        "turns": [next(iter(t)) if not next(iter(t.values())) else dict(t) for t in turns],
        "expect": {"never_says": [], "language": "uk"},
    }
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
    return path


# ---------------------------------------------------------------------- running

Dial = Callable[[Store, Clock, Operators], Line]
"""Makes a fresh line over a store, with operators at its end; how the channels differ."""


def run(
    script: Script, companies: Mapping[str, Company], demo: Mapping[str, Any], dial: Dial
) -> Report:
    """Play a script on the lines that `dial` makes. demo: the world it runs over."""
    if script.company not in companies:
        known = ", ".join(companies)
        raise _error(script.path, script, f"no company `{script.company}`; known: {known}")
    company = companies[script.company]
    report = Report(script.title)
    world = {**demo, **{key: value or [] for key, value in script.world.items()}}
    store = memory_store()
    try:
        _copy(_filled(company.id, json.dumps(world), company.zone), store)
        clock = Clock(_moment(script.calls[0].now, company))
        log = MemoryLog()
        report.log = log.entries
        operators = Operators(company, companies, store, log, clock)
        operators.arrive(world)
        heard = _play(script, company, clock, partial(dial, store, clock, operators), report)
        report.outcome |= _stored(store, heard)
        report.failures = judge(script, report, heard)
    except ImportFileError as reason:
        raise _error(script.path, script.world, str(reason)) from reason
    except Exception as reason:
        # The border around one script: the others of the run are still judged.
        logger.exception("%s: %s broke", script.path, script.title)
        report.failures.append(f"broke: {type(reason).__name__}: {reason}")
    finally:
        store.close()
    return report


@lru_cache(maxsize=16)
def _filled(company: str, world: str, zone: ZoneInfo) -> Store:
    """Return a store with a world, which scripts over the same world copy. world: JSON."""
    store = memory_store()
    with store.session() as session:
        load_world(session, company, json.loads(world))
        load_supply(session, company, json.loads(world), zone)
    return store


def _copy(template: Store, store: Store) -> None:
    with template.connection() as source, store.connection() as target:
        pages: sqlite3.Connection = source.connection.driver_connection  # type: ignore[assignment]
        empty: sqlite3.Connection = target.connection.driver_connection  # type: ignore[assignment]
        pages.backup(empty)


def _play(
    script: Script, company: Company, clock: Clock, dial: Callable[[], Line], report: Report
) -> list[Heard]:
    heard = []
    for number, call in enumerate(script.calls, start=1):
        start = clock.now = _moment(call.now, company)
        line = dial()
        caller = Caller(
            call=f"script-{number}",
            company=company.id,
            number=call.number,
            dialled=call.dialled or company.numbers[0],
            channel=type(line).__name__.removesuffix("Line").lower(),
            arrived=start,
        )
        line.dial(caller)
        shown = _write(report, line.heard, 0)
        for turn in call.turns:
            if line.heard.ended is None:
                report.transcript.append({k: str(v) for k, v in turn.items()})
                act(line, turn)
                shown = _write(report, line.heard, shown)
        line.hang_up()
        heard.append(line.heard)
        report.outcome["seconds"] = round((clock.now - start).total_seconds(), 1)
    return heard


def _write(report: Report, heard: Heard, shown: int) -> int:
    for said in heard.said[shown:]:
        report.transcript.append({"said": said.text, "language": said.language})
    return len(heard.said)


def _moment(text: str, company: Company) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=company.zone)
    return moment.astimezone(UTC)


def _stored(store: Store, heard: Sequence[Heard]) -> dict[str, Any]:
    last = heard[-1]
    places = [each.place for each in heard if each.place is not None]
    with store.session(read_only=True) as session:
        readings = session.execute(
            select(Reading, Account.number, Register.name)
            .join(Account, Reading.account_id == Account.id)
            .join(Register, Reading.register_id == Register.id)
            .order_by(Reading.id)
        ).all()
        tickets = session.execute(
            select(Ticket, Account.number).outerjoin(Account).order_by(Ticket.id)
        ).all()
        callbacks = session.scalars(select(Callback).order_by(Callback.id)).all()
        subscriptions = session.execute(
            select(Subscription, OutageEvent.number).join(OutageEvent).order_by(Subscription.id)
        ).all()
    return {
        "readings": [
            {
                "account": account,
                "register": register,
                "value": row.value,
                "state": row.state,
                "as_of": row.as_of.isoformat() if row.as_of else None,
                "flags": list(row.flags),
            }
            for row, account, register in readings
        ],
        "tickets": [
            {
                "type": row.type,
                "account": account,
                "priority": row.priority,
                "reason": row.reason,
            }
            for row, account in tickets
        ],
        "callbacks": [
            {"number": row.number, "queue": row.queue, "priority": row.priority}
            for row in callbacks
        ],
        "subscriptions": [
            {"event": event, "number": row.number, "way": row.way} for row, event in subscriptions
        ],
        "queued": (
            {"queue": places[-1].queue, "priority": places[-1].priority} if places else None
        ),
        "handover": dict(places[-1].context) if places else {},
        "ended": last.ended,
        "language": last.language,
    }


# ---------------------------------------------------------------------- judging


def judge(script: Script, report: Report, heard: Sequence[Heard]) -> list[str]:
    """Return what of the expectations does not hold."""
    expect, outcome = script.expect, report.outcome
    failures = []
    for key in ROWS:
        if key in expect:
            failures += _compare_rows(key, expect[key] or [], outcome[key])
    if "queued" in expect:
        wanted, found = expect["queued"], outcome["queued"]
        wanted = wanted if isinstance(wanted, Mapping) else None
        if (wanted is None) != (found is None) or not _matches(wanted or {}, found or {}):
            failures.append(f"queued: wanted {wanted}, found {found}")
    for key, value in (expect.get("handover") or {}).items():
        if str(outcome["handover"].get(key)) != value:
            found = outcome["handover"].get(key)
            failures.append(f"handover: wanted {key}: {value}, found {found}")
    for key in ("ended", "language"):
        if key in expect and _null(expect[key]) != outcome[key]:
            failures.append(f"{key}: wanted {expect[key]}, found {outcome[key]}")
    if "within" in expect and outcome["seconds"] > float(expect["within"]):
        failures.append(f"within: wanted {expect['within']} s, took {outcome['seconds']} s")
    text = "\n".join(said.text for each in heard for said in each.said)
    return failures + _compare_speech(expect, text)


def _compare_rows(
    key: str, wanted: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Compare a complete list, in any order: every row matches exactly one."""
    rest = list(found)
    failures = []
    for row in wanted:
        match = next((other for other in rest if _matches(row, other)), None)
        if match is None:
            failures.append(f"{key}: not found: {dict(row)}")
        else:
            rest.remove(match)
    return failures + [f"{key}: not expected: {dict(row)}" for row in rest]


def _matches(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(
        sorted(found.get(key) or []) == sorted(value)
        if isinstance(value, list)
        else str(found.get(key)) == str(value)
        for key, value in wanted.items()
    )


def _compare_speech(expect: Mapping[str, Any], text: str) -> list[str]:
    failures = []
    position = 0
    for pattern in expect.get("says") or []:
        found = re.compile(pattern).search(text, position)
        if found is None:
            where = "in this place" if re.search(pattern, text) else "anywhere"
            failures.append(f"says: not heard {where}: {pattern}")
        else:
            position = found.end()
    for pattern in expect.get("never_says") or []:
        if found := re.search(pattern, text):
            failures.append(f"never_says: heard {found.group()!r}: {pattern}")
    return failures
