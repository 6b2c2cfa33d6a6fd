"""The queue in memory: of one process, on any clock. It ships with the product for call scripts,
simulations and tests, and says what the queue in Redis has to do.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from ivr.agent_queue.audit import Snapshot, findings, snapshot_of
from ivr.agent_queue.model import (
    HEAD_STARTS,
    OUTCOMES,
    PRIORITIES,
    STATUSES,
    Change,
    Offer,
    Operator,
    Place,
    Record,
    Ticket,
)
from ivr.agent_queue.order import (
    CARD,
    LIMIT,
    URGENT,
    RulesOf,
    higher,
    rank,
    rules_for,
    usable,
)
from ivr.agent_queue.slips import Slip
from ivr.agent_queue.state import State

logger = logging.getLogger(__name__)

CONNECTED = ("offered", "ringing")
MOVABLE = ("waiting", "away", "offered")
BUSY = ("offered", "disconnected")

Listener = Callable[[Change], None]


def secret() -> str:
    """Return 16 bytes nobody can guess, in hexadecimal."""
    return secrets.token_hex(16)


def one_of(word: str, words: tuple[str, ...]) -> str:
    """Return a word that must be one of `words`."""
    if word not in words:
        raise ValueError(f"{word!r}: write one of {', '.join(words)}")
    return word


class MemoryQueue:
    """An `AgentQueue`. rules: by company and queue. seeds: where tokens' secrets come from.

    journal: takes each record in order, quickly and without touching the queue.
    """

    def __init__(
        self,
        rules: RulesOf | None = None,
        seeds: Callable[[], str] = secret,
        journal: Callable[[Record], None] | None = None,
    ) -> None:
        self._rules = rules or {}
        self._seeds = seeds
        self._journal = journal
        self._states: dict[str, State] = {}
        self._commands: deque[dict[str, Any]] = deque(maxlen=LIMIT)
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()

    # ------------------------------------------------------------------ tickets

    def enter(self, ticket: Ticket, now: float) -> Ticket:
        """Put a ticket into its queue."""
        one_of(ticket.priority, PRIORITIES)
        with self._change(ticket.company, now) as state:
            slip = state.slips.get(ticket.id)
            if slip is None or (slip.ticket.state == "done" and not hung_up(slip.ticket)):
                self._new(state, ticket)
            elif slip.ticket.state != "done":
                self._again(state, slip, ticket)
        return state.slips[ticket.id].ticket

    def _new(self, state: State, ticket: Ticket) -> None:
        rules, held = state.rules(ticket.queue), 0.0
        if ticket.sticky:
            held = ticket.held or state.now + rules.sticky
        fields: dict[str, Any] = {"held": held, "operator": "", "token": ""}
        fields |= {"state": "waiting", "offers": 0, "outcome": "", "moved": (), "lifted": ""}
        began = min(ticket.entered, state.now) if ticket.kind == "call" else state.now
        fields |= {"began": began, "answered": 0.0}
        place = None
        if ticket.kind == "call" and ticket.number:
            place = state.redials.pop((ticket.queue, ticket.number), None)
        if place and state.now - place[2] < rules.redial:
            entered = min(ticket.entered, place[0])
            fields |= {"entered": entered, "priority": higher(ticket.priority, place[1])}
        state.over_since.pop(ticket.id, None)
        if old := state.slips.get(ticket.id):
            state.note(old.ticket)
        state.appear("ticket", ticket.id)
        state.slips[ticket.id] = slip = Slip(replace(ticket, **fields))
        state.line_up(slip)

    def _again(self, state: State, slip: Slip, new: Ticket) -> None:
        renewed = {name: getattr(new, name) for name in CARD}
        state.put(slip, **renewed)
        state.outgrow(slip, new.priority)
        old = slip.ticket
        if new.queue in old.moved:
            new = replace(new, queue=old.queue)
        elif new.queue != old.queue:
            state.put(slip, moved=())
        priority = higher(old.priority, new.priority)
        same = (old.queue, old.priority) == (new.queue, priority)
        if old.state == "away":
            held = state.now + state.rules(new.queue).sticky if old.sticky else 0.0
            state.step_out(slip)
            state.put(slip, queue=new.queue, priority=priority, held=held)
            state.line_up(slip)
        elif old.state == "waiting" and not same:
            state.move(slip, new.queue, priority)
        elif old.state == "offered" and old.queue != new.queue:
            state.withdraw(slip)
            state.put(slip, queue=new.queue, priority=priority)
            state.line_up(slip)
        elif old.state == "offered" and not same:
            state.put(slip, priority=priority)
            state.lines.live.add(old.id, rank(old.entered, priority))

    def away(self, ticket: str, now: float, back_to: str = "") -> bool:
        """Let a caller go into the IVR with his place kept."""
        with self._change_of(ticket, now) as (state, slip):
            if slip is None or state is None or slip.ticket.state in ("ringing", "done"):
                return False
            if slip.ticket.state == "away":
                return True
            if slip.ticket.state == "talking":
                if not back_to:
                    return False
                self._talked(state, slip)
                state.raise_priority(slip)
            elif slip.ticket.state == "broken":
                state.part(slip)
                state.raise_priority(slip)
            else:
                self._detach(state, slip)
            state.keep_place(slip, back_to)
            return True

    def leave(self, ticket: str, outcome: str, now: float) -> bool:
        """End a ticket."""
        one_of(outcome, OUTCOMES)
        with self._change_of(ticket, now) as (state, slip):
            if slip is None or state is None or slip.ticket.state == "done":
                return False
            if slip.ticket.state == "talking":
                self._talked(state, slip)
                state.close(slip, "answered")
            else:
                self._detach(state, slip)
                state.close(slip, outcome)
            return True

    def raise_to(self, ticket: str, priority: str, now: float) -> bool:
        """Give a ticket a higher priority."""
        one_of(priority, PRIORITIES)
        with self._change_of(ticket, now) as (state, slip):
            if slip is None or state is None or slip.ticket.state == "done":
                return False
            state.outgrow(slip, priority)
            if (raised := higher(slip.ticket.priority, priority)) != slip.ticket.priority:
                state.raise_to(slip, raised)
            return True

    def move(self, ticket: str, queue: str, now: float, was: str) -> bool:
        """Let a caller go on in another queue."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state not in MOVABLE:
                return False
            if slip.ticket.queue != was or queue == was:
                return False
            state.move_to(slip, queue)
            return True

    def lift(self, ticket: str, priority: str, now: float, was: str) -> bool:
        """Give a ticket a higher priority that can be taken back."""
        one_of(priority, PRIORITIES)
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state == "done":
                return False
            old = slip.ticket
            if old.priority != was or higher(was, priority) == was:
                return False
            state.raise_to(slip, priority)
            state.put(slip, lifted=old.lifted or was)
            return True

    def withdraw(self, ticket: str, now: float, was: str) -> bool:
        """Take a caller out of his wait, his place kept."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "waiting":
                return False
            old = slip.ticket
            if old.queue != was or old.kind != "call" or (old.lifted or old.priority) in URGENT:
                return False
            state.step_out(slip)
            state.keep_place(slip, "")
            return True

    def lower(self, ticket: str, now: float, was: str) -> bool:
        """Take back what `lift` gave."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state == "done":
                return False
            old = slip.ticket
            if old.priority != was or not old.lifted:
                return False
            state.raise_to(slip, old.lifted)
            state.put(slip, lifted="")
            return True

    def give(self, ticket: str, operator: str, now: float, seconds: float) -> bool:
        """Offer a waiting ticket to this operator, or keep it for him."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "waiting":
                return False
            seat = state.seats.get(operator)
            if seat is None or not seat.steady:
                return False
            if seat.free:
                state.offer(slip, seat)
            elif slip.ticket.priority in URGENT or seconds <= 0:
                return False
            else:
                state.hold(slip, operator, state.now + seconds)
            return True

    def release(self, ticket: str, operator: str, now: float) -> bool:
        """Let a ticket that is kept for this operator wait for anybody."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "waiting":
                return False
            if not slip.ticket.held or slip.ticket.sticky != operator:
                return False
            state.release(slip)
            return True

    def promise(self, ticket: str, seconds: float, now: float) -> None:
        """Note the wait that the caller was told."""
        with self._change_of(ticket, now) as (state, slip):
            if state is not None and slip is not None and slip.ticket.state != "done":
                state.put(slip, told=seconds, told_at=now)

    def ticket(self, ticket: str) -> Ticket | None:
        """Return a ticket."""
        with self._lock:
            state = self._state_of(ticket)
            return state.slips[ticket].ticket if state else None

    def waiting(self, company: str, queue: str = "") -> list[Ticket]:
        """Return the tickets that are not done, in the order of service."""
        with self._lock:
            state = self._state(company)
            tickets = [state.slips[name].ticket for name in state.lines.live]
            return [ticket for ticket in tickets if queue in ("", ticket.queue)]

    def place(
        self, company: str, queue: str, now: float, priority: str = "normal", ticket: str = ""
    ) -> Place:
        """Return where a ticket stands, or a new one would."""
        with self._lock:
            state = self._state(company)
            slip = state.slips.get(ticket)
            known = slip.ticket if slip and slip.ticket.state != "done" else None
            queue = known.queue if known else queue
            lines = [
                (name, line)
                for name in PRIORITIES
                for line in (state.lines.wait[queue, name], state.lines.rest[queue, name])
            ]
            if known:
                at = rank(known.entered, known.priority)
                ahead = sum(line.below(at + HEAD_STARTS[name]) for name, line in lines)
            else:
                at = rank(now, priority)
                ahead = sum(line.up_to(at + HEAD_STARTS[name]) for name, line in lines)
            return Place(
                position=ahead + 1,
                waiting=sum(len(line) for _, line in lines),
                serving=len(state.serving[queue]),
                free=len(state.lines.free[queue]),
                talks=tuple(state.talks[queue]),
                state=slip.ticket.state if slip else "",
                told=slip.ticket.told if slip else None,
            )

    # ------------------------------------------------------------------ operators

    def sign_in(self, operator: Operator, now: float) -> Operator:
        """Take note of an operator."""
        one_of(operator.status, STATUSES)
        with self._change(operator.company, now) as state:
            state.sign_in(operator)
        return state.seats[operator.name].operator

    def set_status(
        self,
        company: str,
        name: str,
        status: str,
        now: float,
        reason: str = "",
        limit: float = 0.0,
        tab: str = "",
        version: int | None = None,
        by: str = "",
    ) -> Operator | None:
        """Change what the operator chose."""
        one_of(status, STATUSES)
        with self._change(company, now) as state:
            seat = state.seats.get(name)
            if seat is None or (tab and seat.operator.tab not in ("", tab)):
                return None
            if version is not None and version < seat.operator.version:
                return None
            paused = status == "paused"
            seat.pause = state.now + limit if paused and limit else 0.0
            state.choose(seat, status, reason if paused else "", by)
        return seat.operator

    def set_skills(
        self, company: str, name: str, skills: Mapping[str, int], now: float, was: Mapping[str, int]
    ) -> Operator | None:
        """Change what an operator serves."""
        with self._change(company, now) as state:
            seat = state.seats.get(name)
            if seat is None or seat.operator.skills != usable(was):
                return None
            state.serve(seat, skills)
        return seat.operator

    def operator(self, company: str, name: str) -> Operator | None:
        """Return an operator."""
        with self._lock:
            seat = self._state(company).seats.get(name)
            return seat.operator if seat else None

    def operators(self, company: str) -> list[Operator]:
        """Return all operators who are known, by name."""
        with self._lock:
            seats = self._state(company).seats
            return [seats[name].operator for name in sorted(seats)]

    def finish(self, company: str, name: str, now: float) -> bool:
        """End the wrap-up early."""
        with self._change(company, now) as state:
            seat = state.seats.get(name)
            if seat is None or seat.operator.state != "wrap_up":
                return False
            state.idle(seat)
            return True

    def extend(self, company: str, name: str, seconds: float, now: float) -> bool:
        """Give the wrap-up more time."""
        with self._change(company, now) as state:
            seat = state.seats.get(name)
            if seat is None or seat.operator.state != "wrap_up":
                return False
            seat.wrap = state.now + seconds
            state.operate(seat)
            return True

    # ------------------------------------------------------------------ offers and talks

    def ring(self, token: str, now: float) -> Ticket | None:
        """Claim an offer that is about to be dialled."""
        with self._change_by(token, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "offered":
                return None
            until = state.rings_until(slip.ticket)
            state.state_of(slip, "ringing", until, offers=slip.ticket.offers + (not slip.back))
            return slip.ticket

    def answered(self, token: str, now: float) -> bool:
        """The operator answered."""
        with self._change_by(token, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state not in CONNECTED:
                return False
            rung = slip.ticket.state == "offered" and not slip.back
            slip.met = True
            state.state_of(slip, "talking", offers=slip.ticket.offers + rung)
            state.operate(state.seats[slip.ticket.operator], state="talking", missed=0)
            return True

    def unanswered(self, token: str, now: float, why: str = "no_answer") -> bool:
        """The operator did not answer, declined, or could not be reached."""
        with self._change_by(token, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state not in CONNECTED:
                return False
            state.miss(slip, why)
            return True

    def ended(self, ticket: str, now: float) -> bool:
        """The talk is over."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state not in ("ringing", "talking"):
                return False
            self._talked(state, slip)
            state.close(slip, "answered")
            return True

    def dropped(self, ticket: str, now: float) -> bool:
        """The operator vanished in the talk."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "talking":
                return False
            seat = state.seats[slip.ticket.operator]
            if seat.asks:
                state.end_consult(seat.asks)
            state.state_of(slip, "broken", state.now + state.rules(slip.ticket.queue).back)
            state.operate(seat, state="disconnected")
            return True

    def returned(self, company: str, name: str, now: float) -> Offer | None:
        """A disconnected operator is there again."""
        with self._change(company, now) as state:
            seat = state.seats.get(name)
            if seat is None or seat.operator.state != "disconnected":
                return None
            slip = state.slips.get(seat.operator.ticket)
            state.idle(seat)
            if slip is None:
                return None
            return state.offer(slip, seat, back=True)

    def transfer(self, ticket: str, now: float, queue: str = "", operator: str = "") -> bool:
        """End a talk by passing the caller on."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "talking":
                return False
            if not (queue or operator) or operator == slip.ticket.operator:
                return False
            if operator and operator not in state.seats:
                return False
            self._talked(state, slip)
            queue = queue or slip.ticket.queue
            held = state.now + state.rules(queue).ring if operator else 0.0
            state.put(slip, queue=queue, sticky=operator, held=held, moved=())
            state.line_up(slip, raised=True)
            return True

    def take(self, ticket: str, operator: str, now: float) -> Offer | None:
        """Offer a waiting ticket to this operator out of turn."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "waiting":
                return None
            seat = state.seats.get(operator)
            return state.offer(slip, seat) if seat is not None and seat.free else None

    def consult(self, company: str, name: str, other: str, token: str, now: float) -> bool:
        """Reserve an operator for a talk among operators."""
        with self._change(company, now) as state:
            seat, asked = state.seats.get(name), state.seats.get(other)
            if seat is None or asked is None or seat.asks or token in state.consults:
                return False
            if name == other or not asked.free or seat.operator.state in BUSY:
                return False
            state.consults[token] = name, other
            seat.asks = token
            for each in (asked, seat) if seat.operator.state == "idle" else (asked,):
                state.operate(each, state="talking", token=token)
            return True

    def consulted(self, token: str, now: float, ticket: str = "") -> bool:
        """The talk among operators is over."""
        with self._lock:
            company = next((c for c, s in self._states.items() if token in s.consults), "")
        if not company:
            return False
        with self._change(company, now) as state:
            if token not in state.consults:
                return False
            return state.hand_over(token, ticket) if ticket else state.end_consult(token)

    def take_over(self, ticket: str, operator: str, token: str, now: float) -> bool:
        """Give a talk to another operator."""
        with self._change_of(ticket, now) as (state, slip):
            if state is None or slip is None or slip.ticket.state != "talking":
                return False
            seat, first = state.seats.get(operator), state.seats[slip.ticket.operator]
            if seat is None or seat.operator.state != "idle":
                return False
            if first.asks:
                state.end_consult(first.asks)
            self._talked(state, slip)
            state.state_of(slip, "talking", operator=operator, token=token)
            state.operate(seat, state="talking", ticket=ticket, token=token, missed=0)
            return True

    # ------------------------------------------------------------------ time and news

    def tick(self, now: float) -> float | None:
        """Do all that is due."""
        for company in sorted(self._states):
            while self._next(company, now) <= now:
                with self._change(company, now):
                    pass
        times = [self._next(company, now) for company in self._states]
        return min((when for when in times if when < float("inf")), default=None)

    def _next(self, company: str, now: float) -> float:
        with self._lock:
            first = self._states[company].lines.due.first()
            return first[0] if first else float("inf")

    def offers(self) -> list[Offer]:
        """Return the offers that nobody has claimed yet."""
        with self._lock:
            return [
                state.offer_of(state.slips[name])
                for _, state in sorted(self._states.items())
                for name in sorted(state.offered)
            ]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each change, in the thread that made it."""
        own = partial(listener)  # the same listener may be there twice
        self._listeners.append(own)

        def stop() -> None:
            if own in self._listeners:
                self._listeners.remove(own)

        return stop

    def send(self, command: Mapping[str, Any]) -> None:
        """Ask the matchmaker for something."""
        self._commands.append(dict(command))
        self._tell([Change(str(command.get("company", "")), "command", str(command.get("do", "")))])

    def tell(self, company: str, name: str = "") -> None:
        """Let the desks know that something changed for this operator."""
        self._tell([Change(company, "staff", name)])

    def commands(self) -> list[dict[str, Any]]:
        """Take the commands that wait."""
        with self._lock:
            taken = list(self._commands)
            self._commands.clear()
            return taken

    def audit(self, company: str, now: float) -> list[str]:
        """Return every invariant that does not hold."""
        return findings(self.snapshot(company), self._rules.get(company, {}), now)

    def snapshot(self, company: str) -> Snapshot:
        """Return all that belongs to a company, as it is at one moment."""
        with self._lock:
            return snapshot_of(self._state(company))

    # ------------------------------------------------------------------ inside

    @staticmethod
    def _talked(state: State, slip: Slip) -> None:
        """End a talk: note how long it took; the operator writes it up."""
        ticket = slip.ticket
        if ticket.state == "talking":
            state.talks[ticket.queue].appendleft(state.now - ticket.since)
        state.wrap_up(state.seats[ticket.operator], ticket.queue)

    @staticmethod
    def _detach(state: State, slip: Slip) -> None:
        """Take a ticket from where it stands; its operator is not to blame."""
        if slip.ticket.state in CONNECTED:
            state.withdraw(slip)
        elif slip.ticket.state == "broken":
            state.part(slip)
        else:
            state.step_out(slip)

    def _state(self, company: str) -> State:
        if company not in self._states:
            self._states[company] = State(company, partial(rules_for, self._rules, company))
        return self._states[company]

    def _state_of(self, ticket: str) -> State | None:
        return next((state for state in self._states.values() if ticket in state.slips), None)

    @contextmanager
    def _change(self, company: str, now: float) -> Iterator[State]:
        """One atomic change of a company's queue; the listeners hear of it afterwards."""
        with self._lock:
            state = self._state(company)
            state.begin(now, self._seeds())
            try:
                yield state
            finally:
                state.settle()
                if self._journal is not None:
                    for record in state.records:
                        self._journal(record)
                changes = list(state.changes)
        self._tell(changes)

    @contextmanager
    def _change_of(
        self, ticket: str, now: float
    ) -> Iterator[tuple[State, Slip] | tuple[None, None]]:
        with self._lock:
            state = self._state_of(ticket)
        if state is None:
            yield None, None
            return
        with self._change(state.company, now):
            slip = state.slips.get(ticket)
            yield (None, None) if slip is None else (state, slip)

    @contextmanager
    def _change_by(
        self, token: str, now: float
    ) -> Iterator[tuple[State, Slip] | tuple[None, None]]:
        """The ticket whose offer or talk has this very token."""
        company, ticket = company_of(token), ticket_of(token)
        if not ticket or company not in self._states:
            yield None, None
            return
        with self._change(company, now) as state:
            slip = state.slips.get(ticket)
            yield (state, slip) if slip and slip.ticket.token == token else (None, None)

    def _tell(self, changes: list[Change]) -> None:
        for listener in list(self._listeners):
            for change in changes:
                try:
                    listener(change)
                except Exception:
                    logger.exception("a listener failed at %s", change)


def hung_up(ticket: Ticket) -> bool:
    """Tell whether a ticket is over because its call is; such a call cannot come again."""
    return ticket.kind == "call" and ticket.outcome == "abandoned"


def company_of(token: str) -> str:
    """Return the company that a token belongs to."""
    return token.partition(".")[0]


def ticket_of(token: str) -> str:
    """Return the ticket that a token is for, "" for one that is none of ours."""
    parts = token.split(".", 2)
    return parts[2] if len(parts) == 3 else ""
