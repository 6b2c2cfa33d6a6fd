"""Company profiles: `flows/companies/*.yaml`, one a grid operator, chosen by the dialled number.

A profile holds what differs between operators and no rule of any of them stands in Python: numbers,
languages, time zone, the form of an account number, the window of readings, limits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ivr import access, opening, terms, window
from ivr.access import AccessService, Number
from ivr.agent_queue.model import Rules
from ivr.destination import Calling, destination
from ivr.engine import Limits
from ivr.errors import FlowError, RefusedNumber
from ivr.opening import Opening
from ivr.terms import Terms
from ivr.window import WindowRule

QUEUES = ("danger", "outage", "metering", "connection", "business", "general")
"""The queues every company has; its profile may name more."""
NOTICES = ("unreached", "callback", "reading", "request", "restored", "visit")
"""What callers can be told by message: called back in vain, to be called back, reading received,
a request registered, the supply is back, a visit moved from a telephone that is not theirs.
"""
DEFAULT = "default"
"""The entry of `queues:` that holds for every queue of the company."""
Hours = tuple[str, str]
"""First and last local time of day, "HH:MM"; a last one before the first: over midnight."""


@dataclass(frozen=True)
class ReadingLimits:
    """Bounds of plausibility (section P1-P11 of `docs/readings.md`).

    high_use: consumption above this many times the usual one is asked again.
    floor_kwh: consumption below it is never called high.
    tries: values refused for one register before an operator is offered.
    draft_hours: how long a broken-off dialogue can be gone on with.
    wrong_accounts, wrong_minutes: unknown accounts from one number before answers are delayed.
    """

    high_use: float = 3.0
    floor_kwh: int = 20
    tries: int = 3
    draft_hours: float = 2.0
    wrong_accounts: int = 5
    wrong_minutes: float = 10.0


@dataclass(frozen=True)
class Recording:
    """Recording of talks with operators. refusal: key 5 on the way to the queue goes without."""

    refusal: bool = False


@dataclass(frozen=True)
class Company:
    """One profile.

    languages: in the order of key 8; the first one answers. offer: languages named in the greeting.
    numbers: dialled numbers, E.164, those of services included; access: the same with label and
    line; services: which of them is whose. region: ISO country, for numbers typed in the national
    form. account: pattern a whole account number matches.
    queues: how each queue is served, every name of `QUEUES` and more. opening: when each is open,
    and the company's holidays. typical_talk: seconds a caller keeps an operator, wrap-up included,
    where no talk was measured yet. pauses: reasons for a pause and their limit in minutes, 0: none.
    wrap_up_codes: what an operator may choose from after a talk. calling: whom the company calls.
    notices: which of `NOTICES` are sent, and how ("sms"). terms: `ivr.terms`, everything else.
    """

    id: str
    name: str
    region: str
    zone: ZoneInfo
    languages: tuple[str, ...]
    offer: tuple[str, ...]
    numbers: tuple[str, ...]
    account: re.Pattern[str]
    window: WindowRule
    limits: Limits = field(default_factory=Limits)
    readings: ReadingLimits = field(default_factory=ReadingLimits)
    queues: Mapping[str, Rules] = field(default_factory=lambda: dict.fromkeys(QUEUES, Rules()))
    opening: Opening = field(default_factory=lambda: Opening(ZoneInfo("UTC")))
    access: tuple[Number, ...] = ()
    services: tuple[AccessService, ...] = ()
    typical_talk: float = 180.0
    pauses: Mapping[str, float] = field(default_factory=dict)
    wrap_up_codes: tuple[str, ...] = ()
    recording: Recording = field(default_factory=Recording)
    calling: Calling = field(default_factory=Calling)
    notices: Mapping[str, str] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)

    def is_holiday(self, day: date) -> bool:
        """Tell whether a local day is a holiday of the company."""
        return self.opening.is_holiday(day)

    def may_call_from(self, queue: str, now: datetime) -> datetime:
        """Return the first moment from now on at which a queue is open and people may be called.

        A queue that is never open in these hours: the first one at which people may be called.
        """
        first, last = (opening.minutes(text) for text in self.calling.hours)
        week = opening.daily(first, last)
        found = self.opening.meets_next(queue, week, now)
        return found or self.opening.next_of(week, now) or now

    def service_of(self, dialled: str | None) -> AccessService | None:
        """Return the service that a dialled number belongs to, None where there is none."""
        return next((s for s in self.services if any(n.number == dialled for n in s.numbers)), None)

    def queue_of(self, dialled: str | None, word: str) -> str:
        """Return the queue that a word of the flows means to those who dialled this number."""
        service = self.service_of(dialled)
        return service.queues.get(word, word) if service else word

    def word_of(self, queue: str) -> str:
        """Return the word of the flows for a queue: `outage` for the outages of any service."""
        words = (word for s in self.services for word, own in s.queues.items() if own == queue)
        return queue if queue in QUEUES else next(words, queue)


def load(folder: Path) -> dict[str, Company]:
    """Read every profile. FlowError names the file and the key of what is wrong."""
    companies = {path.stem: read(path) for path in sorted(folder.glob("*.yaml"))}
    if not companies:
        raise FlowError(f"{folder}: no company profiles (*.yaml) there")
    owners: dict[str, str] = {}
    for company in companies.values():
        for number in company.numbers:
            owner = owners.setdefault(number, company.id)
            if owner != company.id:
                raise FlowError(f"{folder}: number {number} belongs to {owner} and {company.id}")
    return companies


def read(path: Path) -> Company:
    """Read one profile."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _company(document, path.stem)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as reason:
        raise FlowError(f"{path}: cannot be read: {' '.join(str(reason).split())}") from reason
    except ZoneInfoNotFoundError as reason:
        raise FlowError(
            f"{path}: timezone {document['timezone']}: not known; correct it, or install tzdata"
        ) from reason
    except KeyError as reason:
        raise FlowError(f"{path}: `{reason.args[0]}` is missing") from reason
    except (TypeError, ValueError, re.error) as reason:
        raise FlowError(f"{path}: {reason}") from reason


KEYS = {
    "company", "name", "region", "timezone", "languages", "offer", "numbers", "services", "account",
    "window", "limits", "readings", "queues", "hours", "holidays", "typical_talk", "pauses",
    "wrap_up_codes", "recording", "calling", "notices", *terms.SECTIONS,
}  # fmt: skip


def _company(document: Any, name: str) -> Company:
    if not isinstance(document, Mapping):
        raise ValueError("a mapping is wanted")
    if unknown := set(document) - KEYS:
        raise ValueError(f"unknown key `{min(unknown)}`")
    if document["company"] != name:
        raise ValueError(f"says `company: {document['company']}`, the file is named {name}")
    languages = _words(document, "languages")
    if not languages:
        raise ValueError("`languages` is empty; the first one answers")
    offer = _words(document, "offer") if "offer" in document else ()
    for language in offer:
        if language not in languages:
            raise ValueError(f"`offer`: {language} is not among `languages`")
    zone = ZoneInfo(document["timezone"])
    sections = terms.read(document)
    company = Company(
        id=name,
        name=str(document["name"]),
        region=_region(document["region"]),
        zone=zone,
        languages=languages,
        offer=offer,
        account=re.compile(str(document["account"])),
        window=window.read(document["window"]),
        limits=Limits(**_bounds(document, "limits"), hearing=sections.speech.hearing()),
        readings=ReadingLimits(**_bounds(document, "readings")),
        terms=sections,
        **_desk(document, zone),
    )
    _may_dial(company)
    return company


def _may_dial(company: Company) -> None:
    """Refuse a dispatcher's number that nobody in danger could be put through to."""
    number = company.terms.contacts.dispatcher
    if not number:
        return
    try:
        destination(number, company.calling, company.region)
    except RefusedNumber as refused:
        why = {
            "impossible": "is no telephone number",
            "premium": "costs extra (`calling: premium`)",
            "foreign": "is not among the numbers of `calling: allow`",
        }[refused.reason]
        raise ValueError(f"`contacts: dispatcher`: {number} {why}") from refused


def _desk(document: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Read the numbers and the keys about queues and operators."""
    queues = _queues(_mapping(document, "queues"))
    services = access.services(_mapping(document, "services"), QUEUES, queues)
    own = document.get("numbers", []) if services else document["numbers"]
    numbers = [*access.numbers("numbers", own), *(n for s in services for n in s.numbers)]
    weeks = opening.weeks(_mapping(document, "hours"), queues)
    holidays = opening.holidays(_mapping(document, "holidays"))
    recording = _mapping(document, "recording")
    _known("recording", recording, ("refusal",))
    refusal = recording.get("refusal", False)
    if not isinstance(refusal, bool):
        raise ValueError(f"`recording: refusal` is true or false, found {refusal!r}")
    codes = _words(document, "wrap_up_codes") if "wrap_up_codes" in document else ()
    return {
        "numbers": tuple(entry.number for entry in numbers),
        "access": tuple(numbers),
        "services": services,
        "queues": queues,
        "opening": Opening(zone, weeks, holidays),
        "typical_talk": _bound("typical_talk", document.get("typical_talk", 180.0)),
        "pauses": _bounds(document, "pauses"),
        "wrap_up_codes": codes,
        "recording": Recording(refusal),
        "calling": _calling(_mapping(document, "calling")),
        "notices": _notices(_mapping(document, "notices")),
    }


def _queues(document: Mapping[str, Any]) -> dict[str, Rules]:
    """Read the rules of every queue: its own over those of `default`."""
    common = document.get(DEFAULT) or {}
    names = [*QUEUES, *(name for name in document if name not in (*QUEUES, DEFAULT))]
    queues = {name: _rules(name, common, document.get(name) or {}) for name in names}
    for name, rules in queues.items():
        if rules.overflow_to and rules.overflow_to not in queues:
            raise ValueError(f"`queues: {name}: overflow_to`: {rules.overflow_to} is no queue")
    return queues


def _rules(name: str, common: Any, own: Any) -> Rules:
    place = f"queues: {name}"
    for entry in (common, own):
        if not isinstance(entry, Mapping):
            raise ValueError(f"`{place}` must be a mapping, found {entry!r}")
        _known(place, entry, tuple(rule.name for rule in fields(Rules)))
    given = {**common, **own}
    relax = given.pop("relax", None)
    if relax is not None:
        given["relax"] = _relax(f"{place}: relax", relax)
    overflow_to = given.pop("overflow_to", "")
    if not isinstance(overflow_to, str):
        raise ValueError(f"`{place}: overflow_to` is the name of a queue, found {overflow_to!r}")
    for rule in given.keys() - {"relax"}:
        _bound(f"{place}: {rule}", given[rule])
        if rule in ("limit", "unanswered") and not isinstance(given[rule], int):
            raise ValueError(f"`{place}: {rule}` is a whole number, found {given[rule]!r}")
    return Rules(**given, overflow_to=overflow_to)


def _relax(place: str, steps: Any) -> tuple[tuple[float, int], ...]:
    try:
        read = tuple((float(seconds), int(level)) for seconds, level in steps)
    except (TypeError, ValueError):
        read = ()
    rising = [seconds for seconds, _ in read]
    if not read or rising[0] != 0 or sorted(set(rising)) != rising:
        raise ValueError(f"`{place}` is [[0, level], [seconds, level], ...], found {steps!r}")
    return read


def _calling(document: Mapping[str, Any]) -> Calling:
    _known("calling", document, tuple(rule.name for rule in fields(Calling)))
    given = dict(document)
    for key in ("allow", "premium"):
        prefixes = _words(given, key) if key in given else ()
        if wrong := [each for each in prefixes if not re.fullmatch(r"\+[1-9]\d*", each)]:
            raise ValueError(f'`calling: {key}`: {wrong[0]!r} is no prefix like "+380"')
        given[key] = prefixes
    if "hours" in given:
        given["hours"] = _hours("calling: hours", given["hours"])
    for key in given.keys() & {"tries", "between", "resume"}:
        _bound(f"calling: {key}", given[key])
    if not isinstance(given.get("tries", 1), int):
        raise ValueError(f"`calling: tries` is a whole number, found {given['tries']!r}")
    return Calling(**given)


def _notices(document: Mapping[str, Any]) -> dict[str, str]:
    _known("notices", document, NOTICES)
    for notice, way in document.items():
        if way != "sms":
            raise ValueError(f"`notices: {notice}` is sms, or not there; found {way!r}")
    return dict(document)


def _hours(place: str, span: Any) -> Hours:
    try:
        first, last = (time.fromisoformat(text).strftime("%H:%M") for text in span)
    except (TypeError, ValueError):
        raise ValueError(f'`{place}` is ["08:00", "20:00"] or alike, found {span!r}') from None
    return first, last


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, Mapping):
        raise ValueError(f"`{key}` must be a mapping, found {value!r}")
    return value


def _known(place: str, document: Mapping[str, Any], names: Collection[str]) -> None:
    if unknown := [str(key) for key in document if key not in names]:
        raise ValueError(f"`{place}`: unknown key `{min(unknown)}`")


def _words(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    words = document[key]
    if not isinstance(words, list):
        raise ValueError(f"`{key}` must be a list, found {words!r}")
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"`{key}`: {word!r} must stand in quotes")
    return tuple(words)


def _region(code: Any) -> str:
    if not isinstance(code, str) or not re.fullmatch("[A-Z]{2}", code):
        raise ValueError(f"`region` is two capital letters in quotes, found {code!r}")
    return code


def _bounds(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    bounds = _mapping(document, key)
    return {str(name): _bound(f"{key}: {name}", bound) for name, bound in bounds.items()}


def _bound(place: str, bound: Any) -> Any:
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0 <= bound < inf:
        raise ValueError(f"`{place}` is a number from 0 up, found {bound!r}")
    return bound
