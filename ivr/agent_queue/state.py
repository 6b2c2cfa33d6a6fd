"""What the queue of one company holds, in memory, and the steps that every change is made of.

`lua/prelude.lua` has the same functions under the same names; a change here belongs there, too.
A change runs between `begin(now, seed)`, which does first what is due, and `settle()`, which
matches: the operators who became free and the tickets that may be served by more operators.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any

from ivr.agent_queue.model import (
    HEAD_STARTS,
    PRIORITIES,
    SEEN_OF_OPERATOR,
    SEEN_OF_TICKET,
    Change,
    Offer,
    Operator,
    Record,
    Rules,
    Ticket,
)
from ivr.agent_queue.order import (
    CALLER_RINGS,
    DAY,
    SPREAD,
    URGENT,
    free_score,
    higher,
    least_level,
    next_relaxation,
    overflow_at,
    rank,
    usable,
)
from ivr.agent_queue.slips import GONE, Lines, Seat, Slip, ends

BATCH = 500
"""Things due that one step does at most; `tick` goes on until none is left."""
TALKS = 100
GIVEN = ("shown", "node", "endpoint", "tab")
FORGET = 10
"""Things a change looks at to forget; more than it makes."""


class State:
    """The tickets and operators of one company. rules: of a queue."""

    def __init__(self, company: str, rules: Callable[[str], Rules]) -> None:
        self.company = company
        self.rules = rules
        self.slips: dict[str, Slip] = {}
        self.seats: dict[str, Seat] = {}
        self.lines = Lines()
        self.serving: defaultdict[str, set[str]] = defaultdict(set)
        self.offered: set[str] = set()
        self.consults: dict[str, tuple[str, str]] = {}
        self.redials: dict[tuple[str, str], tuple[float, str, float]] = {}
        self.talks: defaultdict[str, deque[float]] = defaultdict(partial(deque, maxlen=TALKS))
        self.over_since: dict[str, float] = {}  # done tickets, oldest first
        self.changes: dict[Change, None] = {}
        self.records: list[Record] = []
        self._was: dict[Change, Ticket | Operator | None] = {}
        self.now = 0.0
        self._seed = ""
        self._made = 0
        self._freed: dict[str, None] = {}
        self._loosened: dict[str, None] = {}

    # ------------------------------------------------------------------ a change

    def begin(self, now: float, seed: str) -> None:
        """Begin a change: do what is due. seed: secret from which its tokens are made."""
        self.now, self._seed, self._made = now, seed, 0
        self._forget()
        self.changes, self.records, self._was = {}, [], {}
        self._freed, self._loosened = {}, {}
        for member in self.lines.due.until(now, BATCH):
            kind, name = member.split(":", 1)
            if kind == "t" and 0 < self.slips[name].until <= now:
                self._ticket_due(self.slips[name])
            elif kind == "o" and name in self.seats and 0 < ends(self.seats[name]) <= now:
                self._operator_due(self.seats[name])

    def _forget(self) -> None:
        """Forget what was over a day ago."""
        for name, since in list(islice(self.over_since.items(), FORGET)):
            if since < self.now - DAY:
                del self.over_since[name], self.slips[name]
        for number, place in list(islice(self.redials.items(), FORGET)):
            if place[2] < self.now - DAY:
                del self.redials[number]

    def settle(self) -> None:
        """End a change: no ticket and free operator who may be matched stay apart.

        An operator always takes the best ticket he may serve, so nobody is overtaken; which
        operator takes first is decided by the ticket.
        """
        loosened = (self.slips[name] for name in self._loosened)
        for slip in sorted(loosened, key=_order):
            while slip.ticket.state == "waiting" and (seat := self._best_operator(slip)):
                self.offer(self._choice(seat, slip), seat)
            if not slip.ticket.held and slip.ticket.sticky and slip.ticket.state == "waiting":
                self.put(slip, sticky="")
        seats = (self.seats[name] for name in self._freed if name in self.seats)
        for seat in sorted(seats, key=lambda s: (s.operator.idle_since, s.operator.name)):
            if seat.free and (best := self._best_ticket(seat)):
                self.offer(best, seat)
        self._journal()

    def _journal(self) -> None:
        """Note each ticket and operator that a person would now see otherwise than before."""
        for change in self.changes:
            if change.what == "ticket":
                self.note(self.slips[change.id].ticket)
            elif change.what == "operator" and change.id in self.seats:
                self.note(self.seats[change.id].operator)

    def note(self, now: Ticket | Operator) -> None:
        """Note a ticket or an operator in the journal if it is seen otherwise than before."""
        what, name = ("ticket", now.id) if isinstance(now, Ticket) else ("operator", now.name)
        was = self._was.get(Change(self.company, what, name), now)
        if was is None or _seen(was) != _seen(now):
            self.records.append(Record(self.company, what, name, self.now, _details(now)))

    def appear(self, what: str, name: str) -> None:
        """Let a ticket or an operator be a new one for the journal."""
        self._was[Change(self.company, what, name)] = None

    def _choice(self, seat: Seat, slip: Slip) -> Slip:
        """Return the ticket or a better one that waits for an operator who just became free."""
        if seat.operator.name not in self._freed:
            return slip
        best = self._best_ticket(seat)
        return best if best is not None and _order(best) < _order(slip) else slip

    def token(self, ticket: str) -> str:
        """Return a new token: company, secret, ticket."""
        self._made += 1
        secret = hashlib.sha1(f"{self._seed}:{self._made}".encode(), usedforsecurity=False)
        return f"{self.company}.{secret.hexdigest()}.{ticket}"

    def news(self, what: str, name: str, was: Ticket | Operator | None = None) -> None:
        """Note a change for those who listen. was: what changed, as it stood before."""
        change = Change(self.company, what, name)
        self.changes[change] = None
        if was is not None:
            self._was.setdefault(change, was)

    # ------------------------------------------------------------------ tickets

    def put(self, slip: Slip, **fields: Any) -> None:
        """Change fields of a ticket."""
        was, slip.ticket = slip.ticket, replace(slip.ticket, **fields)
        self.news("ticket", was.id, was)

    def state_of(self, slip: Slip, state: str, until: float = 0.0, **fields: Any) -> None:
        """Change the state of a ticket, and when it ends by itself. until: 0 never."""
        slip.until = until
        if state == "talking":
            fields["answered"] = slip.ticket.answered or self.now
        self.put(slip, state=state, since=self.now, **fields)
        self._due(f"t:{slip.ticket.id}", until)
        if state == "offered":
            self.offered.add(slip.ticket.id)
        else:
            self.offered.discard(slip.ticket.id)

    def line_up(self, slip: Slip, raised: bool = False) -> None:
        """Let a ticket wait at its place: for the operator it is held for, else for anybody."""
        if raised:
            self.outgrow(slip, "raised")
        ticket = slip.ticket
        priority = higher(ticket.priority, "raised") if raised else ticket.priority
        worth = ticket.held > self.now and self._worth_waiting(ticket.sticky, priority)
        fields: dict[str, Any] = {"priority": priority, "held": ticket.held if worth else 0.0}
        if ticket.answered:
            fields |= {"began": self.now, "answered": 0.0}
        self.state_of(slip, "waiting", operator="", token="", **fields)
        self.stand(slip)

    def move(self, slip: Slip, queue: str, priority: str) -> None:
        """Let a ticket that waits go on waiting in another queue or with another priority."""
        self.step_out(slip)
        held = 0.0 if priority in URGENT else slip.ticket.held
        self.put(slip, queue=queue, priority=priority, held=held)
        self.stand(slip)

    def _worth_waiting(self, operator: str, priority: str) -> bool:
        seat = self.seats.get(operator)
        return seat is not None and seat.steady and priority not in URGENT

    def stand(self, slip: Slip) -> None:
        """Put a waiting ticket into the lines where it may be found."""
        ticket, lines = slip.ticket, self.lines
        where = ticket.queue, ticket.priority
        lines.live.add(ticket.id, rank(ticket.entered, ticket.priority))
        if ticket.held:
            lines.rest[where].add(ticket.id, ticket.entered)
            lines.held[ticket.sticky].add(ticket.id, rank(ticket.entered, ticket.priority))
        else:
            lines.wait[where].add(ticket.id, ticket.entered)
        self._loosen(slip)

    def _loosen(self, slip: Slip) -> None:
        """See who may serve a waiting ticket by now, and when more may."""
        ticket = slip.ticket
        rules = self.rules(ticket.queue)
        times = [ticket.held] if ticket.held else []
        if not times:
            overflow = overflow_at(rules, ticket)
            if not slip.over and overflow is not None and overflow <= self.now:
                slip.over = rules.overflow_to
                self.lines.wait[slip.over, ticket.priority].add(ticket.id, ticket.entered)
            times = list(self._later(slip, rules, overflow))
        slip.until = min(times, default=0.0)
        self._due(f"t:{ticket.id}", slip.until)
        self._loosened[ticket.id] = None

    def _later(self, slip: Slip, rules: Rules, overflow: float | None) -> Iterator[float]:
        ticket = slip.ticket
        if not slip.over and overflow is not None:
            yield overflow
        if ticket.priority in URGENT:
            return
        for each in (rules, self.rules(slip.over)) if slip.over else (rules,):
            if (then := next_relaxation(each, ticket.entered, self.now)) is not None:
                yield then

    def step_out(self, slip: Slip) -> None:
        """Take a ticket out of the lines in which it stands."""
        ticket, lines = slip.ticket, self.lines
        lines.wait[ticket.queue, ticket.priority].remove(ticket.id)
        lines.rest[ticket.queue, ticket.priority].remove(ticket.id)
        if slip.over:
            lines.wait[slip.over, ticket.priority].remove(ticket.id)
            slip.over = ""
        if ticket.held:
            lines.held[ticket.sticky].remove(ticket.id)

    def keep_place(self, slip: Slip, sticky: str) -> None:
        """Let a ticket be away, its place kept. sticky: operator it is kept for."""
        until = self.now + self.rules(slip.ticket.queue).away
        self.state_of(slip, "away", until, operator="", token="", sticky=sticky, held=0.0)
        ticket = slip.ticket
        self.lines.live.add(ticket.id, rank(ticket.entered, ticket.priority))
        self.lines.rest[ticket.queue, ticket.priority].add(ticket.id, ticket.entered)

    def close(self, slip: Slip, outcome: str) -> None:
        """End a ticket that stands in no line."""
        ticket = slip.ticket
        none: dict[str, Any] = {"operator": "", "token": "", "sticky": "", "held": 0.0}
        self.state_of(slip, "done", outcome=outcome, **none)
        self.lines.live.remove(ticket.id)
        self.over_since.pop(ticket.id, None)
        self.over_since[ticket.id] = self.now
        if outcome == "abandoned" and ticket.number and ticket.kind == "call" and not slip.met:
            place = ticket.entered, ticket.priority, self.now
            self.redials.pop((ticket.queue, ticket.number), None)
            self.redials[ticket.queue, ticket.number] = place

    def _ticket_due(self, slip: Slip) -> None:
        ticket = slip.ticket
        if ticket.state == "waiting" and ticket.held:
            self.release(slip)
        elif ticket.state == "waiting":
            self._loosen(slip)
        elif ticket.state == "offered":
            self.withdraw(slip)
            self.line_up(slip, raised=True)
        elif ticket.state == "ringing":
            self.miss(slip, "no_answer")
        elif ticket.state == "away":
            self.step_out(slip)
            self.close(slip, "deflected")
        elif ticket.state == "broken":
            self.part(slip)
            self.line_up(slip, raised=True)

    def outgrow(self, slip: Slip, priority: str) -> None:
        """Note that a ticket has a priority by itself, whatever a supervisor has given it."""
        ticket = slip.ticket
        if ticket.lifted and (own := higher(ticket.lifted, priority)) != ticket.lifted:
            self.put(slip, lifted="" if higher(own, ticket.priority) == own else own)

    def move_to(self, slip: Slip, queue: str) -> None:
        """Let a ticket that stands in a line, or is offered, go on in another queue."""
        old = slip.ticket
        moved = tuple(each for each in dict.fromkeys((*old.moved, old.queue)) if each != queue)
        if old.state == "offered":
            self.withdraw(slip)
            self.put(slip, queue=queue, moved=moved)
            self.line_up(slip)
        elif old.state == "away":
            self.step_out(slip)
            self.put(slip, queue=queue, moved=moved)
            self.lines.rest[queue, old.priority].add(old.id, old.entered)
        else:
            self.move(slip, queue, old.priority)
            self.put(slip, moved=moved)

    def hold(self, slip: Slip, operator: str, until: float) -> None:
        """Let a waiting ticket wait for one operator only."""
        self.step_out(slip)
        self.put(slip, sticky=operator, held=until)
        self.stand(slip)

    def release(self, slip: Slip) -> None:
        """Let a ticket that is held wait for anybody."""
        self.step_out(slip)
        self.put(slip, sticky="", held=0.0)
        self.stand(slip)

    def raise_priority(self, slip: Slip) -> None:
        """Let a ticket that stands in no line come before those that did not begin a talk."""
        self.outgrow(slip, "raised")
        self.put(slip, priority=higher(slip.ticket.priority, "raised"))

    def raise_to(self, slip: Slip, priority: str) -> None:
        """Give a ticket a priority where it stands."""
        ticket = slip.ticket
        if ticket.state == "waiting":
            self.move(slip, ticket.queue, priority)
            return
        away = ticket.state == "away"
        if away:
            self.step_out(slip)
        self.put(slip, priority=priority)
        self.lines.live.add(ticket.id, rank(ticket.entered, priority))
        if away:
            self.lines.rest[ticket.queue, priority].add(ticket.id, ticket.entered)

    def part(self, slip: Slip) -> None:
        """Let the vanished operator of a broken talk forget it."""
        seat = self.seats.get(slip.ticket.operator)
        if seat is not None:
            self.operate(seat, ticket="", token="")

    # ------------------------------------------------------------------ operators

    def operate(self, seat: Seat, **fields: Any) -> None:
        """Change fields of an operator and the sets in which he is found."""
        before, was = seat.operator, (seat.free, seat.serving, seat.steady)
        seat.operator = after = replace(before, **fields, version=before.version + 1)
        since = before.since if _does(before) == _does(after) else self.now
        seat.operator = replace(after, since=since, until=seat.until)
        if was[:2] != (seat.free, seat.serving):
            self.enlist(seat)
        self._due(f"o:{before.name}", ends(seat))
        if was[2] and not seat.steady:
            self._let_go(before.name)
        self.news("operator", before.name, before)

    def enlist(self, seat: Seat) -> None:
        """Put an operator into the sets of his queues, or out of them."""
        operator = seat.operator
        for queue, level in operator.skills.items():
            if seat.free:
                score = free_score(level, operator.idle_since)
                self.lines.free[queue].add(operator.name, score)
            else:
                self.lines.free[queue].remove(operator.name)
            if seat.serving:
                self.serving[queue].add(operator.name)
            else:
                self.serving[queue].discard(operator.name)

    def strike(self, seat: Seat) -> None:
        """Take an operator out of the sets of his queues."""
        for queue in seat.operator.skills:
            self.lines.free[queue].remove(seat.operator.name)
            self.serving[queue].discard(seat.operator.name)

    def idle(self, seat: Seat, anew: bool = True, **fields: Any) -> None:
        """Let an operator be idle. anew: his idle time begins now."""
        if anew:
            fields["idle_since"] = self.now
        self.operate(seat, state="idle", ticket="", token="", **fields)
        self._freed[seat.operator.name] = None

    def wrap_up(self, seat: Seat, queue: str) -> None:
        """Let an operator write down what the talk was about; he keeps its ticket and token."""
        seat.wrap = self.now + self.rules(queue).wrap_up
        if seat.wrap > self.now:
            self.operate(seat, state="wrap_up")
        else:
            self.idle(seat)

    def _operator_due(self, seat: Seat) -> None:
        operator = seat.operator
        if operator.state == "wrap_up":
            self.idle(seat)
        elif operator.state == "talking":
            self.end_consult(operator.token)
        else:
            self.strike(seat)
            self._due(f"o:{operator.name}", 0.0)
            del self.seats[operator.name]
            self.news("operator", operator.name)
            gone: dict[str, Any] = {"status": "offline", "reason": "", "state": "idle"}
            gone |= {"ticket": "", "skills": {}, "since": self.now}
            self.appear("operator", operator.name)
            self.note(replace(operator, **gone))

    def _let_go(self, operator: str) -> None:
        """Let tickets held for an operator who cannot serve them wait for anybody."""
        for name in list(self.lines.held[operator]):
            self.release(self.slips[name])

    def end_consult(self, token: str) -> bool:
        """End a talk among operators: who is in no other talk is idle again."""
        name, other = self.consults.pop(token)
        if name in self.seats:
            self.seats[name].asks = ""
        for seat in (self.seats[each] for each in (name, other) if each in self.seats):
            if (seat.operator.token, seat.operator.ticket) == (token, ""):
                self.idle(seat)
        return True

    def hand_over(self, token: str, ticket: str) -> bool:
        """Let the operator who was consulted go on with the caller of the one who asked."""
        name, other = self.consults[token]
        slip = self.slips.get(ticket)
        if slip is None or (slip.ticket.state, slip.ticket.operator) != ("talking", name):
            return False
        del self.consults[token]
        seat, asked = self.seats[name], self.seats[other]
        seat.asks = ""
        self.wrap_up(seat, slip.ticket.queue)
        fresh = self.token(ticket)
        self.state_of(slip, "talking", operator=other, token=fresh)
        self.operate(asked, ticket=ticket, token=fresh, missed=0)
        return True

    def sign_in(self, new: Operator) -> None:
        """Take note of an operator; what he does goes on."""
        seat, skills = self.seats.get(new.name), usable(new.skills)
        if seat is None:
            fields: dict[str, Any] = {"ticket": "", "token": "", "missed": 0, "version": 0}
            fields |= {"by": "", "since": self.now, "idle_since": self.now}
            seat = Seat(replace(new, skills={}, state="idle", **fields))
            self.seats[new.name] = seat
            self.appear("operator", new.name)
        if new.tab != seat.operator.tab:
            self._hang_up_consult(seat)
        self.strike(seat)
        given: dict[str, Any] = {
            name: getattr(new, name) for name in ("shown", "node", "endpoint", "tab")
        }
        self.operate(seat, skills=skills, **given)
        self.enlist(seat)
        self._freed[new.name] = None

    def serve(self, seat: Seat, skills: Mapping[str, int]) -> None:
        """Let an operator serve other queues than before."""
        self.strike(seat)
        self.operate(seat, skills=usable(skills))
        self.enlist(seat)
        self._freed[seat.operator.name] = None

    def _hang_up_consult(self, seat: Seat) -> None:
        """End the talk with a colleague of an operator whose tab is another one: the telephone
        was in the old one.
        """
        old = seat.operator
        asked = old.token if old.state == "talking" and not old.ticket else ""
        if token := seat.asks or asked:
            self.end_consult(token)

    def choose(self, seat: Seat, status: str, reason: str, by: str) -> None:
        """Follow what an operator chose. by: who chose it for him; that ends no wrap-up."""
        old = seat.operator
        fields: dict[str, Any] = {"status": status, "reason": reason, "by": by}
        ends = old.state == "wrap_up" and not by
        if status != "ready" and old.state == "offered":
            self.idle(seat, anew=False, **fields)
            self.line_up(self.slips[old.ticket], raised=True)
        elif status == "ready" and (ends or (old.status, old.state) in _RESTING):
            self.idle(seat, missed=0, **fields)
        else:
            missed = 0 if status == "ready" else old.missed
            self.operate(seat, missed=missed, **fields)

    # ------------------------------------------------------------------ matching

    def offer(self, slip: Slip, seat: Seat, back: bool = False) -> Offer:
        """Reserve a ticket for an operator."""
        self.step_out(slip)
        name, token = seat.operator.name, self.token(slip.ticket.id)
        slip.back = back
        until = self.now + self.rules(slip.ticket.queue).lease
        who: dict[str, Any] = {"operator": name, "token": token, "sticky": "", "held": 0.0}
        self.state_of(slip, "offered", until, **who)
        self.operate(seat, state="offered", ticket=slip.ticket.id, token=token)
        self.news("offer", token)
        return self.offer_of(slip)

    def offer_of(self, slip: Slip) -> Offer:
        """Return the open offer of a ticket."""
        ticket = slip.ticket
        return Offer(ticket.token, self.company, ticket.id, ticket.operator, slip.until, slip.back)

    def withdraw(self, slip: Slip) -> None:
        """Take an offer back from its operator, who is not to blame."""
        self.idle(self.seats[slip.ticket.operator], anew=False)

    def miss(self, slip: Slip, why: str) -> None:
        """Take an offer back that the operator did not answer."""
        seat = self.seats[slip.ticket.operator]
        missed = seat.operator.missed + 1
        if why == "failed":
            self.operate(seat, state="disconnected", ticket="", token="", missed=missed)
        elif missed >= self.rules(slip.ticket.queue).unanswered:
            seat.pause = 0.0
            self.idle(seat, status="paused", reason=why, by="", missed=missed)
        else:
            self.idle(seat, missed=missed)
        self.line_up(slip, raised=True)

    def rings_until(self, ticket: Ticket) -> float:
        """Return when a ringing telephone is given up, should nobody report."""
        rules = self.rules(ticket.queue)
        caller = CALLER_RINGS if ticket.kind == "callback" else 0.0
        return self.now + rules.ring + rules.lease + caller

    def _best_operator(self, slip: Slip) -> Seat | None:
        """Return the free operator who shall serve a ticket: of its own queue, if there is one."""
        ticket = slip.ticket
        seat = self.seats.get(ticket.sticky)
        if seat is not None and seat.free:
            return seat
        if ticket.held:
            return None
        for queue in (ticket.queue, slip.over) if slip.over else (ticket.queue,):
            first = self.lines.free[queue].first()
            if first is not None and _level(first[0]) >= self.least_level(ticket, queue):
                return self.seats[first[1]]
        return None

    def least_level(self, ticket: Ticket, queue: str) -> int:
        """Return the level that an operator of `queue` needs to serve a ticket now."""
        urgent = ticket.priority in URGENT
        return least_level(self.rules(queue), ticket.entered, urgent, self.now)

    def _best_ticket(self, seat: Seat) -> Slip | None:
        """Return the ticket that a free operator shall serve.

        The head of a class has waited longest, so it needs the least level of its class: who may
        not serve the head may serve nobody behind it.
        """
        operator = seat.operator
        found = [pair for pair in [self.lines.held[operator.name].first()] if pair]
        for queue, level in operator.skills.items():
            for priority in PRIORITIES:
                first = self.lines.wait[queue, priority].first()
                if first is None:
                    continue
                urgent = priority in URGENT
                if level >= least_level(self.rules(queue), first[0], urgent, self.now):
                    found.append((first[0] - HEAD_STARTS[priority], first[1]))
        return self.slips[min(found)[1]] if found else None

    def _due(self, member: str, when: float) -> None:
        if when:
            self.lines.due.add(member, when)
        else:
            self.lines.due.remove(member)


_RESTING = (("paused", "idle"), GONE)


def _does(operator: Operator) -> tuple[str, str]:
    """Return what an operator does, for the time he does it; what he chose counts while idle."""
    return operator.state, operator.status if operator.state == "idle" else ""


def _order(slip: Slip) -> tuple[float, str]:
    return rank(slip.ticket.entered, slip.ticket.priority), slip.ticket.id


def _level(score: float) -> int:
    """Return the level of a free operator's score."""
    return int(-(score // SPREAD))


_seen_of_ticket = attrgetter(*SEEN_OF_TICKET)
_seen_of_operator = attrgetter(*SEEN_OF_OPERATOR)
_told_of_ticket = (*SEEN_OF_TICKET, "kind", "entered", "outcome", "token", "number")
_told_of_operator = ("shown", *SEEN_OF_OPERATOR, "since")


def _seen(who: Ticket | Operator) -> Any:
    """Return what a person sees of a ticket or an operator."""
    return _seen_of_ticket(who) if isinstance(who, Ticket) else _seen_of_operator(who)


def _details(who: Ticket | Operator) -> dict[str, Any]:
    """Return what the journal says of a ticket or an operator."""
    if isinstance(who, Ticket):
        return {name: getattr(who, name) for name in _told_of_ticket}
    details = {name: getattr(who, name) for name in _told_of_operator}
    return {"operator": who.name, **details, "skills": dict(who.skills)}
