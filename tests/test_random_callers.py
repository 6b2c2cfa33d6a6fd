"""Thousands of callers who do anything: nobody hears nothing, nobody is lost, no reading is."""

import logging
import os
import re
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import yaml
from folding import check_facts, fold_all, in_order
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from test_callscript import events, runner_over

from ivr import callscript
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator
from ivr.callscript import Script, ScriptCall
from ivr.channels.console import ConsoleLine
from ivr.channels.line import Clock
from ivr.channels.twilio.line import TwilioExchange
from ivr.engine import DEFAULT_LIMITS
from ivr.errors import StaleTurn
from ivr.events import MemoryLog
from ivr.facts.calls import Surroundings
from ivr.grammar import Grammar
from ivr.model import Ask, Caller, Enqueue, Event, Hangup, Record, Result, Turn
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.services.form import STORED
from ivr.sessions import MemorySessions
from ivr.store.database import memory_store
from ivr.store.models import FIRST_RECEIPT, Callback, Reading, Receipt, Ticket
from ivr.store.supply import Application, Booking
from ivr.store.supply_world import load_supply
from ivr.store.world import load_world

CALLERS, AT_ONCE = int(os.environ.get("PRESS2_RANDOM_CALLERS", "4000")), 20
"""Callers in all, and of one example; those of one example share a store."""

PHONES = (
    "+380671110001", "+380671110002", "+380671110005", "+380671110006", "+380671110007",
    "+380671110001", "+380671110002", "+380671110005", "+380671110006", "+380487110009",
    "+380500000100", "+4930123456", "+18005550100", None,
)  # fmt: skip
MOMENTS = (
    datetime(2026, 10, 31, 6, 30, tzinfo=UTC),
    datetime(2026, 10, 31, 9, 40, tzinfo=UTC),
    datetime(2026, 10, 31, 22, 15, tzinfo=UTC),
    datetime(2026, 11, 3, 21, 59, 50, tzinfo=UTC),
    datetime(2026, 11, 15, 10, 0, tzinfo=UTC),
    datetime(2027, 2, 28, 23, 30, tzinfo=UTC),
)
MORE_ACCOUNTS = """
- account: "100200306"
  kind: household
  address: {settlement: Одеса, street: Нова, house: "8"}
  phones: ["+380671110006"]
  meters:
    - number: "00812001"
      digits: 4
      remote: "yes"
      registers: [{name: single, previous: "0150", on: 2026-10-01, per_day: 3.0}]
    - number: "00812002"
      digits: 5
      registers:
        - {name: day, previous: "00500", on: 2026-10-01, per_day: 3.0}
        - {name: night, previous: "00200", on: 2026-10-01, per_day: 1.0}
- account: "200300002"
  kind: business
  address: {settlement: Одеса, street: Портова, house: "1"}
  phones: ["+380671110007"]
  meters: []
"""
ACCOUNTS = (
    "100200301", "100200302", "100200303", "100200304", "100200305", "100200306", "200300001",
    "200300002", "00812345", "7",
)  # fmt: skip
VALUES = (
    "", "2421", "2304", "99999", "12", "24217", "5400", "2371", "2400", "1", "110", "220", "330",
    "7800", "170", "560", "9999", "2300",
)  # fmt: skip
VALUE = ("reading", "enter")
"""Where a value is asked for."""
SENSE = {
    "main.menu": ["2", "2", "2", "2", "2", "2", "1", "1", "1", "3", "4", "4", "4", "5", "6", "8"],
    "main.hit_menu": ["5", "1", "2", "3", "4", "6", "8", "*"],
    "main.outage": ["2", "2", "2", "1"],
    "requests.menu": ["1", "2", "3", "4", "5", "6"],
    "application.enter": ["4512#", "4513#", "1#", "9999#"],
    "contact.enter": ["0500000777#", "0671110001#", "12#"],
    "by_keys.enter": [f"{account}#" for account in ACCOUNTS],
    "reading.enter": [f"{value}#" for value in VALUES],
    "last_reading.prove": ["2345#", "2771#", "2118#", "9999#"],
    "callback.enter": [
        "0500000777#",
        "0671110001#",
        "00380500000778#",
        "0900300400#",
        "+",
        "12#",
        "0048221234567#",
        "89171234567#",
        "0912345678#",
    ],
    "operator.offer": ["6", "6", "2", "*", "0"],
    "main.offer": ["6", "6", "2", "*", "0"],
}
"""What a caller with a wish answers to a question; "1" or "2" to any other one."""
SURE = (1.0, 1.0, 0.9, 0.8, 0.6, 0.5, 0.3)
"""How sure the recogniser is of what a caller said."""
DIGITS = {
    "0": "нуль", "1": "один", "2": "два", "3": "три", "4": "чотири", "5": "п'ять", "6": "шість",
    "7": "сім", "8": "вісім", "9": "дев'ять",
}  # fmt: skip
OUTCOMES = (
    "ended", "unavailable", "no_answer", "dropped", "announce", "overdue", "transferred", "reading",
    "outage",
)  # fmt: skip
WAITING = ("2", "5", "6", "9", "*", "1", "61", "6250012#", "62", "*2")
"""Keys of a caller who waits."""
COMPANIES = {"odesa": 2, "kazan": 4, "nghean": 4}
"""Each with its part of the callers: one of so many."""
SENSIBLE = 224
"""A byte below it is a sensible answer."""
GARBAGE = (
    "", "A", "12D4#", "²#", "\x00", "1" * 80, "1" * 5000 + "#", "0123456789*#", "##", "**",
    "*", "#", "*9", "*0", "99", "9", "21", "211", "2112421#1", "2421#12", "2*1*9", "#1",
    "100200301#1",
)  # fmt: skip
RAW = (
    *(Event("keys", text=text, ended=True) for text in GARBAGE),
    Event("keys", text="24"),
    Event("silence"),
    Event("speech", text="двадцять п'ять", confidence=0.9),
    Event("speech", text="", confidence=0.0),
    Event("speech", text="погода сьогодні гарна", confidence=0.9),
    Event("speech", text="two thousand twenty one", confidence=0.8),
    Event("speech", text="[unk] , [unk] так", confidence=0.6),
    Event("speech", text="тисяча " * 500, confidence=1.0),
    Event("speech", text="²#{}\x00", confidence=1.0),
    Event("speech", outcome="down"),
    Event("silence", deaf="full"),
    Event("keys", text="2", deaf="down"),
    Event("recorded", text="var/recordings/1.wav"),
    Event("operator", outcome="dropped"),
    Event("hangup"),
    Event("nonsense"),
)
ONLY_PROMPTS = re.compile(r"(\{\w+:prompt\}[ .,]*)+")
FAILING = (*[""] * 40, *sorted(SERVICES))


CALM = {"schedules": {"3.2": ["11:00-14:30"]}}
EVENTS = [
    {"id": "E1", "kind": "emergency", "streets": ["Садова"], "since": "2026-10-31T08:00",
     "restore_by": "2026-10-31T12:00", "customers": "420", "updated": "2026-10-31T08:25"},
    {"id": "E2", "kind": "emergency", "streets": ["Нова"], "since": "2026-10-31T06:00",
     "restore_by": "2026-10-31T07:00", "updated": "2026-10-31T06:10"},
    {"id": "W1", "kind": "planned", "substations": ["TP-118"], "since": "2026-10-31T08:00",
     "restore_by": "2026-10-31T16:00", "updated": "2026-10-30T08:00"},
]  # fmt: skip
APPLIED = [
    {"number": "4512", "account": "100200301", "what": "meter_replacement", "state": "scheduled",
     "visit": "2026-11-12T09:00", "until": "2026-11-12T13:00"},
    {"number": "4513", "account": "100200302", "what": "connection", "state": "received"},
]  # fmt: skip
SUPPLIES = (
    CALM,
    {**CALM, "events": EVENTS, "applications": APPLIED},
    {"schedules": {"3.1": ["08:00-12:00"]}, "emergency_schedules": "true", "applications": APPLIED},
    {"events": EVENTS, "storm": "true"},
)
"""What happens to the supply while callers call."""


@dataclass(frozen=True)
class Visit:
    """One random caller: who, when, what he does, and which service fails meanwhile.

    acts: a number is a sensible answer to whatever is asked, an event is anything at all.
    """

    phone: str | None
    moment: datetime
    acts: tuple[int | Event, ...]
    failing: str


def visit_of(dice: bytes) -> Visit:
    """Make a caller of random bytes."""
    phone, moment, failing, *rest = dice
    acts = tuple(RAW[d % len(RAW)] if d >= SENSIBLE else d for d in rest)
    return Visit(
        phone=PHONES[phone % len(PHONES)],
        moment=MOMENTS[moment % len(MOMENTS)],
        acts=acts[: phone // len(PHONES)],
        failing=FAILING[failing % len(FAILING)],
    )


VISITS = st.binary(min_size=26, max_size=26).map(visit_of)


class Exchange:
    """A runner over a fresh store, and the checks of every turn that leaves it.

    heard: takes the ids of the prompts that were said.
    """

    def __init__(self, house, heard, company="odesa", supply=CALM, trace=None):
        self.house = house
        self.company = house.companies[company]
        self.heard = heard
        self.trace = trace
        self.failing = ""
        self.store = memory_store()
        with self.store.session() as session:
            more = yaml.load(MORE_ACCOUNTS, yaml.BaseLoader)  # noqa: S506
            load_world(session, company, {"accounts": [*house.world["accounts"], *more]})
            load_supply(session, company, supply, self.company.zone)
        self.clock = Clock(MOMENTS[0])
        self.log = MemoryLog()
        self.journal = []
        self.sessions = MemorySessions()
        self.services = {name: replace(s, answer=self._answer(s)) for name, s in SERVICES.items()}
        self.handed = {
            pattern.format(company=company)
            for service in SERVICES.values()
            for pattern in service.prompts
            for company in house.companies
        } | {"speech_heard"}

    def _answer(self, service):
        def answer(inquiry) -> Result:
            if service.name == self.failing:
                raise OSError("out of order")
            result = service.answer(inquiry)
            assert result.outcome in service.outcomes
            return result

        return answer

    def visit(self, number: int, visit: Visit) -> None:
        """Let one caller do what he does, then stay silent until the call is over."""
        self.failing = visit.failing
        self.clock.now = visit.moment
        company = self.company
        self._open_queue(company.id, visit.acts)
        caller = Caller(
            f"call-{number}", company.id, visit.phone, company.numbers[0], "random", visit.moment
        )
        self.languages = set(company.languages)
        self.caller = caller
        self.told: set[str] = set()
        self.read_back: set[str] = set()
        turn = self.checked(self.runner.open(caller))
        for act in visit.acts:
            event = self.sensible(turn, act) if isinstance(act, int) else act
            turn = self.step(caller, turn, event)
        for _ in range(DEFAULT_LIMITS.turns + DEFAULT_LIMITS.spare + 1):
            if isinstance(turn.need, Hangup):
                break
            waits = isinstance(turn.need, Enqueue)
            end = Event("operator", outcome="ended") if waits else Event("silence")
            self._answer_call(caller)
            turn = self.step(caller, turn, end)
        assert isinstance(turn.need, Hangup), "a call without an end"
        assert turn.says or turn.need.reason == "caller", "the line went dead without a word"
        self.runner.close(caller.call)
        assert self.runner.open(caller) == turn
        ticket = self.queue.ticket(caller.call)
        assert ticket is None or ticket.state == "done", "a ticket without a call"
        assert self.queue.audit(company.id, self.clock().timestamp()) == []
        self.check_log(caller, turn)
        asked = any(entry.details.get("service") == "queues.ask" for entry in self.log.entries)
        # Whoever asks for an operator leaves what he was being told.
        if turn.need.reason == "completed" and not asked and not self.failing:
            self.check_numbers(caller)
        self.log.entries.clear()

    def check_log(self, caller: Caller, last: Turn) -> None:
        """The log has the call from its answer to its one end, with everything that was said."""
        own = [entry for entry in self.log.entries if entry.call == caller.call]
        kinds = [entry.kind for entry in own]
        assert kinds[0] == "answered"
        assert kinds.count("answered") == kinds.count("ended") == 1
        (ended,) = (entry for entry in own if entry.kind == "ended")
        assert ended.details["reason"] == last.need.reason
        known = Surroundings(caller.company, self.company.zone, self.company.languages[0])
        check_facts(fold_all(in_order(own, self.journal), known)[caller.call], own)

    def check_numbers(self, caller: Caller) -> None:
        """Whoever came to the goodbye heard the number of what was registered for him."""
        with self.store.session(read_only=True) as session:
            wanted = select(Ticket).where(Ticket.call == caller.call)
            for ticket in session.scalars(wanted):
                if ticket.receipt is not None and ticket.type != "danger":
                    assert str(ticket.receipt.number) in self.told, f"no number of a {ticket.type}"

    def _open_queue(self, company: str, acts) -> None:
        """Now nobody is signed in, now somebody is, now he takes a break. Time may go back."""
        rules = {name: profile.queues for name, profile in self.house.companies.items()}
        self.journal.clear()
        self.queue = MemoryQueue(rules, journal=self.journal.append)
        self.runner = Runner(
            self.house.flows, self.house.companies, self.services, self.store, self.sessions,
            self.log, self.clock, "odesa", queue=self.queue, trace=self.trace,
            hears={"random": tuple(self.house.catalogues)},
        )  # fmt: skip
        status = ("offline", "ready", "ready", "paused")[sum(map(bool, acts)) % 4]
        skills = dict.fromkeys(("general", "metering", "outage", "danger", "business"), 3)
        operator = Operator("olena", company, skills=skills, status=status, endpoint="op-olena")
        self.queue.sign_in(operator, self.clock().timestamp())

    def _answer_call(self, caller: Caller) -> None:
        """The operator answers, if one is offered."""
        ticket = self.queue.ticket(caller.call)
        if ticket is not None and ticket.token:
            self.queue.answered(ticket.token, self.clock().timestamp())

    def sensible(self, turn: Turn, number: int) -> Event:
        """What fits the open need, as the log tells it."""
        if isinstance(turn.need, Enqueue):
            return self.waiting(number)
        last = self.log.entries[-1]
        keys = SENSE.get(f"{last.flow}.{last.step}", "112")
        pressed = Event("keys", text=keys[number % len(keys)], ended=True)
        grammar = turn.need.grammar if isinstance(turn.need, Ask) else ""
        if not grammar or number % 3:
            return pressed
        return Event(
            "speech",
            text=self.said(turn.language, Grammar.parse(grammar), pressed.text, number // 3),
            confidence=SURE[number // 3 % len(SURE)],
            values={"language": turn.language, "ms": 300},
        )

    def said(self, language: str, grammar: Grammar, keys: str, number: int) -> str:
        """The keys in words, or any word of the grammar."""
        if number % 3 and set(keys) <= DIGITS.keys() | {"#"}:
            return " ".join(DIGITS[key] for key in keys if key != "#")
        word = grammar.words[number % len(grammar.words)]
        return self.house.catalogues[language].words[word][0]

    def waiting(self, number: int) -> Event:
        """What happens to somebody who waits: he presses a key, or an operator does something."""
        if number % 3 == 0:
            return Event("keys", text=WAITING[number // 3 % len(WAITING)], ended=True)
        outcome = OUTCOMES[number // 3 % len(OUTCOMES)]
        if outcome in ("ended", "dropped", "transferred", "reading", "outage"):
            self._answer_call(self.caller)
        if outcome in ("reading", "outage"):
            self.queue.away(self.caller.call, self.clock().timestamp(), back_to="olena")
        if outcome == "transferred":
            self.queue.transfer(self.caller.call, self.clock().timestamp(), queue="business")
        return Event("operator", outcome=outcome)

    def step(self, caller: Caller, turn: Turn, event: Event) -> Turn:
        self.clock.pass_(3.0)
        with pytest.raises(StaleTurn):
            self.runner.advance(caller.call, event, turn.number - 1)
        turn = self.checked(self.runner.advance(caller.call, event, turn.number))
        if isinstance(turn.need, Enqueue):
            assert self.runner.here(caller.call)
        return turn

    def checked(self, turn: Turn) -> Turn:
        """Check that a channel can perform the turn, and that what it says is true."""
        assert isinstance(turn.need, Ask | Record | Enqueue | Hangup)
        assert turn.language in self.languages
        self.heard.update(say.prompt for say in turn.says)
        assert not any(say.invites for say in turn.says) or turn.need.grammar
        for say in turn.says:
            self.read_back.add(str(say.values.get("value", "")))
            language = say.language or turn.language
            assert language in self.languages
            catalogue = self.house.catalogues[language]
            # A prompt that only puts another one in may put in none.
            silent = catalogue.text(say.prompt, say.values) == ""
            assert not silent or ONLY_PROMPTS.fullmatch(catalogue.texts[say.prompt]), say
            assert silent or catalogue.pieces(say.prompt, say.values)
            for slot, kind in catalogue.placeholders(say.prompt).items():
                if kind == "prompt" and say.values[slot]:
                    assert say.values[slot] in self.handed, f"no service declares {slot} of {say}"
            if isinstance(receipt := say.values.get("receipt"), str) and receipt:
                self.told.add(receipt)
                self.is_given(receipt)
            if say.prompt in ("accepted", "accepted_outside"):
                self.is_stored(Reading, say.values["receipt"], Reading.state.in_(STORED))
                self.is_read_back(say.values["receipt"])
            if say.prompt in ("callback_noted", "callback_noted_later"):
                self.is_promised(turn)
            if say.prompt == "review_registered":
                self.is_stored(Reading, say.values["receipt"], Reading.state == "to_review")
                self.is_stored(Ticket, say.values["receipt"], Ticket.type == "reading_review")
        return turn

    def is_stored(self, kind, receipt: str, state) -> None:
        with self.store.session(read_only=True) as session:
            wanted = select(func.count()).select_from(kind).where(
                kind.receipt_id == int(receipt) - FIRST_RECEIPT, state
            )  # fmt: skip
            assert session.scalar(wanted), f"{kind.__name__} {receipt} was told and is not stored"

    def is_read_back(self, receipt: str) -> None:
        """A value that was said is stored only where the caller has heard it."""
        said = {
            entry.details["understood"]
            for entry in self.log.entries
            if entry.details.get("understood") and (entry.flow, entry.step) == VALUE
        }
        with self.store.session(read_only=True) as session:
            wanted = select(Reading).where(Reading.receipt_id == int(receipt) - FIRST_RECEIPT)
            for row in session.scalars(wanted):
                if row.value.lstrip("0") in {number.lstrip("0") for number in said}:
                    assert row.value in self.read_back, "stored from speech, and not read back"

    def is_given(self, receipt: str) -> None:
        with self.store.session(read_only=True) as session:
            known = session.get(Receipt, int(receipt) - FIRST_RECEIPT)
            assert known is not None, f"number {receipt} was told and is not stored"

    def is_promised(self, turn: Turn) -> None:
        with self.store.session(read_only=True) as session:
            row = session.scalars(select(Callback).order_by(Callback.id.desc())).first()
            assert row is not None, "a call-back was told and is not stored"
            assert row.number.startswith(self.house.companies[row.company].calling.allow)

    def check_store(self) -> None:
        """Check the store as a whole: every number given belongs to something."""
        with self.store.session(read_only=True) as session:
            given = set(session.scalars(select(Receipt.id)))
            used = {
                number
                for kind in (Reading, Ticket, Booking)
                for number in session.scalars(select(kind.receipt_id))
            }
            applied = set(session.scalars(select(Application.number)))
            used |= {number for number in given if str(number + FIRST_RECEIPT) in applied}
        assert given <= used


ROUNDS = 4
"""More callers than one round has, as long as something was not heard."""
MUST_BE_HEARD = {
    "accepted", "accepted_outside", "accepted_backup", "review_registered", "already_stored",
    "draft_found", "window_closed", "rollover", "decimal", "reading_too_high", "reading_too_low",
    "account_several", "account_not_found_again", "keep_phone", "told_end", "language_option",
    "operator_nobody", "danger_again", "operator_free", "operator_queue", "operator_off",
    "operator_dropped", "operator_no_answer", "operator_transferred", "place_kept",
    "place_kept_menu", "callback_this", "callback_read_back", "callback_noted", "callback_already",
    "callback_premium", "callback_foreign", "callback_impossible", "place_resumed",
    "recording_off", "service_failed", "star_menu", "wait_offer", "no_meter", "say_it",
    "say_digits", "speech_again", "speech_again_number", "speech_keys", "speech_off", "speech_down",
    "speech_sure_word", "speech_sure_number",
}  # fmt: skip


@pytest.fixture
def quiet():
    """Services fail on purpose, thousands of times."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("company", COMPANIES)
def test_whatever_callers_do_they_are_served(house, company):
    heard = set()

    @settings(max_examples=CALLERS // COMPANIES[company] // AT_ONCE, deadline=None)
    @given(
        visits=st.lists(VISITS, min_size=AT_ONCE, max_size=AT_ONCE),
        supply=st.sampled_from(SUPPLIES),
    )
    def callers_are_served(visits, supply):
        exchange = Exchange(house, heard, company, supply)
        with closing(exchange.store):
            for number, visit in enumerate(visits):
                exchange.visit(number, visit)
            exchange.check_store()

    callers_are_served()
    if company == "odesa":
        for _ in range(ROUNDS):
            if heard >= MUST_BE_HEARD:
                break
            callers_are_served()  # what is heard once in a thousand calls was not yet
        missing = sorted(MUST_BE_HEARD - heard)
        assert not missing, "the callers do not come far enough to prove anything"


# ---------------------------------------------------------------------- on two channels

COMPANIES_AT_ONCE = (*["odesa"] * 8, "kazan", "nghean")
TOGETHER = 5
"""Callers of one script, one after the other."""
SCRIPTS = CALLERS * 3 // 40 // TOGETHER
ACTS = (
    *({"press": keys} for keys in (
        "2", "1", "2", "1", "21", "1", "2421#", "212421#1", "0", "0", "7", "6", "61", "*", "#",
        "9", "8", "82", "5", "51", "3", "4", "11", "100200301#", "100200302#", "5400#", "2371#",
        "100200399#", "7777#", "24*2421#", "*1", "*2", "*0", "12345678901#", "0500000777#",
        "0671110001#1", "2034#", "99999#", "35#", "###", "**", "1*", "212",
    )),
    *({"silence": ""} for _ in range(8)),
    *({"operator": word} for word in ("answers", "no_answer", "drops", "returns", "ends") * 2),
    *({"wait": seconds} for seconds in ("3", "10", "25", "61") * 2),
    *({"say": words} for words in (
        "так", "так", "ні", "показання", "два", "один", "оператор", "назад", "повторити",
        "без змін", "дві тисячі чотириста двадцять один", "двадцять чотири двадцять один",
        "сто двісті триста один",
        "допомога", "передзвоніть", "нуль п'ятдесят нуль нуль нуль нуль сім сім сім", "погода",
    )),
    *({"say": words, "confidence": share} for words, share in (
        ("показання", "0.6"), ("так", "0.6"), ("оператор", "0.6"), ("дві тисячі", "0.6"),
        ("показання", "0.3"), ("гав", "0.2"),
    )),
    {"hangup": ""},
)  # fmt: skip
OLENA = {"name": "olena", "queues": ["general", "metering"]}
WORLDS = (
    {},
    {"operators": []},
    {"operators": [{**OLENA, "state": "ready"}]},
    {"operators": [{**OLENA, "state": "talking"}], "waiting": {"general": "3"}},
    {"operators": [{**OLENA, "state": "talking"}], "waiting": {"general": "100"}},
)


def script_of(dice: bytes) -> Script:
    """Make the calls of one script of random bytes: who, how long, and what he does."""
    company, world, *rest = dice
    each = len(rest) // TOGETHER
    calls = []
    for number in range(TOGETHER):
        phone, length, *acts = rest[number * each : (number + 1) * each]
        calls.append(
            ScriptCall(
                now=f"2026-10-31T10:{number * 10:02}",
                number=PHONES[phone % len(PHONES)],
                dialled=None,
                turns=tuple(ACTS[act % len(ACTS)] for act in acts[: length % len(acts) + 1]),
            )
        )
    return Script(
        title="random",
        path="random",
        company=COMPANIES_AT_ONCE[company % len(COMPANIES_AT_ONCE)],
        calls=tuple(calls),
        world=WORLDS[world % len(WORLDS)],
        expect={},
    )


def alike(report):
    """What a call script came to, and how, without the tenths of a second by which texts differ."""
    assert not report.failures
    log = [
        (*event, {k: v for k, v in details.items() if k not in ("seconds", "told")})
        for *event, details in events(report)
    ]
    return {**report.outcome, "seconds": None}, log


@pytest.mark.usefixtures("quiet")
def test_random_callers_come_to_the_same_over_twilio(house):
    with closing(TwilioExchange(house.catalogues, house.companies)) as exchange:

        def console(store, clock, operators):
            runner = runner_over(house, store, clock, operators)
            return ConsoleLine(runner, house.catalogues, clock, operators)

        def twilio(store, clock, operators):
            return exchange.line(runner_over(house, store, clock, operators), clock, operators)

        @settings(max_examples=SCRIPTS, deadline=None)
        @given(script=st.binary(min_size=82, max_size=82).map(script_of))
        def callers_are_served_alike(script):
            ways = (
                callscript.run(script, house.companies, house.world, way)
                for way in (console, twilio)
            )
            by_console, by_twilio = map(alike, ways)
            assert by_twilio == by_console

        callers_are_served_alike()
