"""The operators of a call script: a simulated exchange under the real matchmaker and queue.

They do what the script says (`operator: answers`, `drops`, ...) and nothing by themselves: a
telephone that rings for the caller is neither answered nor given up before, and stops at a key of
his; but for somebody in danger it is given up as in life, the next one is rung, then the
dispatcher's. Whoever else waits is a ticket without a call behind it, and is served at once when an
operator is free for him.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import AgentQueue, Offer, Operator, QueueDown, Record, Rules, Ticket
from ivr.channels.line import Clock
from ivr.company import Company
from ivr.destination import Destination
from ivr.events import EventLog
from ivr.matchmaker import LiveCall, Matchmaker
from ivr.matchmaker.switch import OUTSIDE
from ivr.model import Result
from ivr.services import SERVICES, Service, danger, surveys, utterances
from ivr.services.inquiry import Inquiry
from ivr.store import fields
from ivr.store.database import Store
from ivr.store.world import Entry
from ivr.utterances import CHANNEL

NODE = "script"
LEVEL = 3
STATES = ("talking", "ready", "paused", "offline")
"""Of an operator in a World, in the order they sign in: who is busy gets his caller first."""
APART = 20.0
"""Seconds between the arrivals of those who wait already, ..."""
LONGEST = 300.0
"""... the first of whom came not longer ago than this: whoever is put back comes before them."""
PATIENCE = 86400.0
"""Seconds a telephone may ring: the script says when it is given up."""
TRIES = 2000
ELSEWHERE = "general"
"""Queue that an operator of a script passes a caller on to."""


class Operators:
    """All operators of one company and the queue they serve. outcomes are told to the flow.

    log: of everything that happens, for the runner of the call as well. reached, services: the
    queue and the services as that runner finds them, out of order where the World says so.
    journal: what the queue noted.
    """

    def __init__(
        self,
        company: Company,
        companies: Mapping[str, Company],
        store: Store,
        log: EventLog,
        clock: Clock,
    ) -> None:
        self.journal: list[Record] = []
        rules = {name: _rules(each) for name, each in companies.items()}
        self.queue = MemoryQueue(rules, journal=self.journal.append)
        self.reached: AgentQueue = self.queue
        self.services: Mapping[str, Service] = SERVICES
        self.log = log
        self._company = company
        self._clock = clock
        self._told: list[str] = []
        self._callers: set[str] = set()
        self._outside: dict[str, float] = {}
        self._ringing: dict[str, tuple[str, float]] = {}
        self._standing: set[str] = set()
        self._matchmaker = Matchmaker(self.queue, self, store, companies, log, clock)

    @property
    def now(self) -> float:
        """Seconds since 1970, as queues count them."""
        return self._clock().timestamp()

    # ------------------------------------------------------------------ the world

    def arrive(self, world: Mapping[str, Any]) -> None:
        """Sign in the `operators` of a World and put those of `waiting` into their queues.

        What is `broken` fails from now on; with `queue_down` nobody reaches the queue, and with
        `kept` what is said in the call may be kept.
        """
        self._break(Entry("world", world))
        entries = Entry("world", world).entries("operators")
        signing = [(entry.read("state", _state), entry) for entry in entries]
        for state, entry in sorted(signing, key=lambda pair: STATES.index(pair[0])):
            entry.know("name", "queues", "state")
            self._sign_in(entry, state)
        waiting = world.get("waiting") or {}
        for queue in waiting:
            count = Entry("world.waiting", waiting).read(queue, _count)
            apart = min(APART, LONGEST / max(count, 1))
            for number in range(count):
                entered = self.now - apart * (count - number)
                self.queue.enter(self._other(f"waiting-{queue}-{number}", queue, entered), self.now)

    def _break(self, world: Entry) -> None:
        broken = {
            name: replace(SERVICES[name], answer=_fail) for name in world.texts("broken", _service)
        }
        known = {}
        if world.optional("kept", fields.yes):
            known["utterances.ask"] = replace(SERVICES["utterances.ask"], answer=_ask_chosen)
        if world.optional("survey", fields.yes):
            known["surveys.chosen"] = replace(SERVICES["surveys.chosen"], answer=_ask_rating)
        self.services = {**SERVICES, **known, **broken}
        if world.optional("queue_down", fields.yes):
            self.reached = cast(AgentQueue, DownQueue())

    def _sign_in(self, entry: Entry, state: str) -> None:
        name = entry.read("name", fields.name)
        queues = entry.texts("queues", fields.name)
        self.queue.sign_in(
            Operator(
                name=name,
                company=self._company.id,
                skills=dict.fromkeys(queues, LEVEL),
                status="ready" if state == "talking" else state,
                node=NODE,
                endpoint=f"op-{name}",
            ),
            self.now,
        )
        if state == "talking" and queues:
            self.queue.enter(self._other(f"talk-{name}", queues[0], self.now), self.now)
            self._matchmaker.step()

    def _other(self, name: str, queue: str, entered: float) -> Ticket:
        """Somebody who waits or talks, but is not the caller of the script."""
        return Ticket(name, self._company.id, queue, entered, channel="script", node=NODE)

    # ------------------------------------------------------------------ what a script does

    def stands(self, call: str) -> None:
        """Serve a caller who stands waiting from now on."""
        self._callers.add(call)
        self._standing.add(call)
        ticket = self.queue.ticket(call)
        if ticket is not None and ticket.state == "waiting":
            self._matchmaker.waiting(call, NODE, ticket.leg)
        self._matchmaker.step()

    def talk(self, call: str) -> bool:
        """Tell whether one of them talks to a caller."""
        ticket = self.queue.ticket(call)
        return ticket is not None and ticket.state == "talking"

    def hears_keys(self, call: str) -> bool:
        """Tell whether a key of a caller who waits reaches his flow: nobody else has him.

        A telephone that rings for him stops, and he waits in his place.
        """
        self._let_go(call)
        free = not self.talk(call) and call not in self._outside
        if free:
            self._standing.discard(call)
        return free

    def _let_go(self, call: str) -> None:
        ticket = self.queue.ticket(call)
        if ticket is not None and ticket.state == "ringing":
            self.queue.leave(call, "deflected", self.now)
            self.queue.enter(ticket, self.now)

    def pass_(self, seconds: float) -> Iterator[str]:
        """Let time pass for a caller who waits; yields what he is to be told meanwhile."""
        end = self.now + seconds
        while (left := end - self.now) > 0:
            self._clock.pass_(min(left, 1.0))
            self._matchmaker.step()
            self._ring_out()
            while self._told:
                yield self._told.pop(0)

    def _ring_out(self) -> None:
        """Give up telephones whose time is over: those outside nobody answers in a script."""
        for call, (token, end) in list(self._ringing.items()):
            ticket = self.queue.ticket(call)
            if ticket is None or ticket.token != token or ticket.state != "ringing":
                del self._ringing[call]
            elif end <= self.now:
                del self._ringing[call]
                self._matchmaker.unanswered(token, "no_answer")
                self._told.append("no_answer")
        for call, end in list(self._outside.items()):
            if end <= self.now:
                del self._outside[call]
                self._told.append("unavailable")

    def act(self, call: str, word: str) -> str:
        """Do what the script says of the operator's side; the outcome to tell the flow, or ""."""
        acts: dict[str, Callable[[str], str]] = {
            "answers": self._answers,
            "no_answer": self._does_not_answer,
            "drops": self._drops,
            "returns": self._returns,
            "ends": self._ends,
            "transfers": self._transfers,
            "sends_to_reading": partial(self._sends, flow="reading"),
            "sends_to_outage": partial(self._sends, flow="outage"),
            "unreachable": self._unreachable,
            "announces": lambda _: "announce",
            "overdue": lambda _: "overdue",
            "withdraws": self._withdraws,
        }
        return acts[word](call)

    def _answers(self, call: str) -> str:
        ticket = self._rung(call)
        if ticket is not None:
            self._matchmaker.answered(ticket.token)
        return ""

    def _does_not_answer(self, call: str) -> str:
        ticket = self._rung(call)
        if ticket is None:
            return ""
        self._matchmaker.unanswered(ticket.token, "no_answer")
        return "no_answer"

    def _drops(self, call: str) -> str:
        ticket = self.queue.ticket(call)
        if ticket is None or ticket.state != "talking":
            return ""
        self._matchmaker.phone_lost(f"op-{ticket.operator}", NODE)
        self._matchmaker.dropped(call)
        return "dropped"

    def _returns(self, call: str) -> str:
        for operator in self.queue.operators(self._company.id):
            if operator.state == "disconnected":
                self._matchmaker.phone_found(f"op-{operator.name}", NODE)
        ticket = self.queue.ticket(call)
        if ticket is not None and ticket.state == "offered":
            self._answers(call)
        return ""

    def _ends(self, call: str) -> str:
        self._talks(call)
        return "ended"

    def _transfers(self, call: str) -> str:
        """Pass the caller on to the queue of the general questions."""
        self._talks(call)
        moved = self.queue.transfer(call, self.now, queue=ELSEWHERE)
        return "transferred" if moved else ""

    def _withdraws(self, call: str) -> str:
        """Let a supervisor end the caller's wait."""
        ticket = self.queue.ticket(call)
        if ticket is not None:
            self.queue.send({"do": "withdraw", "ticket": call, "queue": ticket.queue})
        return ""

    def _sends(self, call: str, flow: str) -> str:
        """Send the caller into a part of the menu, from where he comes back to this operator."""
        self._talks(call)
        ticket = self.queue.ticket(call)
        moved = ticket and self.queue.away(call, self.now, back_to=ticket.operator)
        return flow if moved else ""

    def _unreachable(self, call: str) -> str:
        """No telephone can be rung: the caller is led out of the wait."""
        self.queue.leave(call, "deflected", self.now)
        return "unavailable"

    def _talks(self, call: str) -> None:
        if not self.talk(call):
            self._answers(call)

    def _rung(self, call: str) -> Ticket | None:
        """Have an operator's telephone ring for this caller; None where nobody has the skill."""
        for _ in range(TRIES):
            ticket = self.queue.ticket(call)
            if ticket is not None and ticket.state == "away" and call in self._standing:
                ticket = self._still(call)
            if ticket is None or ticket.state not in ("waiting", "broken", "offered", "ringing"):
                return None
            if ticket.state in ("offered", "ringing"):
                self._matchmaker.step()
                return self._still(call)
            if not self._next_free(ticket):
                return None
        return None

    def _still(self, call: str) -> Ticket | None:
        """Return the ticket that an operator is rung for; the script decides before the matchmaker
        does that he is, though the dispatcher is to be dialled.
        """
        ticket = self.queue.ticket(call)
        if ticket is not None and ticket.state == "away":
            ticket = self.queue.enter(ticket, self.now)
            self._outside.pop(call, None)
        return ticket

    def _next_free(self, ticket: Ticket) -> bool:
        """Make one operator who serves the ticket's queue free for the next one of it."""
        able = [
            operator
            for operator in self.queue.operators(ticket.company)
            if operator.status != "offline" and ticket.queue in self._queues(operator)
        ]
        able.sort(key=lambda operator: (operator.status, operator.since), reverse=True)
        for operator in able:
            if operator.ticket:
                self.queue.answered(operator.token, self.now)
                self.queue.leave(operator.ticket, "abandoned", self.now)
            self.queue.finish(operator.company, operator.name, self.now)
            self._matchmaker.phone_found(f"op-{operator.name}", NODE)
            self.queue.set_status(operator.company, operator.name, "ready", self.now)
            return True
        return False

    def _queues(self, operator: Operator) -> set[str]:
        """The queues an operator serves, those that overflow to his own included."""
        rules = self._company.queues
        return {
            *operator.skills,
            *(name for name, rule in rules.items() if rule.overflow_to in operator.skills),
        }

    # ------------------------------------------------------------------ the exchange

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        """Ring: the caller's operator waits for the script, everybody else's answers."""
        self._outside.pop(ticket.id, None)
        if ticket.id not in self._callers:
            self.queue.answered(offer.token, self.now)
        elif danger.meant(self._company, ticket.queue):
            self._ringing[ticket.id] = offer.token, self.now + ring

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Keep for the flow what a caller is to be told."""
        self._outside.pop(ticket.id, None)
        self._standing.discard(ticket.id)
        if ticket.id in self._callers:
            self._told.append(outcome)

    def call_back(
        self,
        ticket: Ticket,
        operator: Operator,
        offer: Offer,
        destination: Destination,
        ring: float,
        recording: str,
    ) -> None:
        """Ring the operator, who answers, and so does the customer."""
        self._matchmaker.called_back(offer.token, "answered")

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = OUTSIDE) -> None:
        """Let the telephone outside ring, unanswered."""
        self._outside[ticket.id] = self.now + ring

    def hang_up(self, ticket: Ticket) -> None:
        """Nothing: the caller of a script hangs up himself."""

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        """Nothing: telephones are there."""

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        """Nothing: telephones stay."""

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        """Nothing: a script has no sound."""

    def ears(self) -> None:
        """Nobody listens to a script."""

    def calls(self) -> list[LiveCall]:
        """Return everybody the queue knows of, as the exchange would hold them."""
        return [
            LiveCall(
                ticket.id,
                NODE,
                ticket.leg,
                self._where(ticket),
                ticket.token,
                ticket.state == "talking",
            )  # fmt: skip
            for ticket in self.queue.waiting(self._company.id)
        ]

    def _where(self, ticket: Ticket) -> str:
        if ticket.id in self._outside:
            return "outside"
        if ticket.state == "away":
            return "wait" if ticket.id in self._standing else "flow"
        return "wait" if ticket.state in ("waiting", "offered") else "operator"

    def nodes(self) -> Mapping[str, float]:
        """Return the exchange of the operators, and Twilio, which is one of its own."""
        return {NODE: 0.0, "twilio": 0.0}


class DownQueue:
    """A queue that nobody reaches."""

    def __getattr__(self, name: str) -> Any:
        """Raise what every call of it would raise."""
        raise QueueDown(f"the script's world says so ({name})")


def _fail(_: Inquiry) -> Result:
    raise OSError("out of order, as the script's world says")


def _ask_chosen(inquiry: Inquiry) -> Result:
    """Answer as in a call of a company that chooses all of them."""
    company, terms = inquiry.company, inquiry.company.terms
    terms = replace(terms, speech=replace(terms.speech, kept=1.0))
    return utterances.ask(
        replace(
            inquiry,
            company=replace(company, terms=terms),
            caller=replace(inquiry.caller, channel=CHANNEL),
        )
    )


def _ask_rating(inquiry: Inquiry) -> Result:
    """Answer as in a call of a company that asks everybody how the talk was."""
    company, terms = inquiry.company, inquiry.company.terms
    terms = replace(terms, survey=replace(terms.survey, share=1.0))
    return surveys.chosen(replace(inquiry, company=replace(company, terms=terms)))


def _service(text: str) -> str:
    if text not in SERVICES:
        raise ValueError(f"{text!r} is no service; they are {', '.join(sorted(SERVICES))}")
    return text


def _rules(company: Company) -> dict[str, Rules]:
    """The rules of a company's queues; who comes back in the very last second is in time."""
    return {
        name: replace(rules, ring=PATIENCE, back=rules.back + 0.5)
        for name, rules in company.queues.items()
    }


def _state(text: str) -> str:
    if text not in STATES:
        raise ValueError(f"{text!r}: write one of {', '.join(STATES)}")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 5:
        raise ValueError(f"{text!r} is no number of callers")
    return int(text)
