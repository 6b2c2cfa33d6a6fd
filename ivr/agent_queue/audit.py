"""The auditor: compares everything a queue keeps with everything it must be.

It reads a snapshot, so it can look at a live Redis (`app.py doctor queue`) and at the twin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field

from ivr.agent_queue.model import (
    OUTCOMES,
    PRIORITIES,
    STATES,
    STATUSES,
    TICKET_STATES,
    Rules,
    Ticket,
)
from ivr.agent_queue.order import (
    URGENT,
    free_score,
    least_level,
    next_relaxation,
    overflow_at,
    rank,
)
from ivr.agent_queue.slips import Seat, Slip, ends
from ivr.agent_queue.state import State

LATE = 60.0
"""Seconds after which something due shows that nobody ticks."""
PAIRED = {
    "offered": "offered",
    "ringing": "offered",
    "talking": "talking",
    "broken": "disconnected",
}
"""State of a ticket -> state of its operator."""
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Snapshot:
    """Everything of one company at one moment. sorted_sets, sets: by the names in `keys`.

    lasting: done tickets that would never be forgotten. unreadable: keys that make no sense.
    """

    company: str
    slips: Mapping[str, Slip]
    seats: Mapping[str, Seat]
    sorted_sets: Mapping[str, Scores]
    sets: Mapping[str, frozenset[str]]
    consults: Mapping[str, tuple[str, str]]
    lasting: frozenset[str] = field(default_factory=frozenset)
    unreadable: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> dict[str, Scores]:
        """Return the sorted sets of one kind."""
        return {n: each for n, each in self.sorted_sets.items() if n.startswith(f"{kind}:")}


def findings(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> list[str]:
    """Return every invariant that does not hold, one sentence each."""
    return [sentence for check in CHECKS for sentence in check(snapshot, rules, now)]


def snapshot_of(state: State) -> Snapshot:
    """Return what the twin in memory keeps of a company."""
    lines = state.lines
    scored = {"live": lines.live.scores, "due": lines.due.scores}
    for kind, classes in (("wait", lines.wait), ("rest", lines.rest)):
        scored |= {f"{kind}:{q}:{priority}": each.scores for (q, priority), each in classes.items()}
    for kind, each_line in (("held", lines.held), ("free", lines.free)):
        scored |= {f"{kind}:{name}": each.scores for name, each in each_line.items()}
    sets = {f"serving:{name}": frozenset(each) for name, each in state.serving.items()}
    sets |= {"offered": frozenset(state.offered), "operators": frozenset(state.seats)}
    slips = {name: copy(slip) for name, slip in state.slips.items()}
    seats = {name: copy(seat) for name, seat in state.seats.items()}
    scored = {name: dict(each) for name, each in scored.items()}
    done = {name for name, slip in slips.items() if slip.ticket.state == "done"}
    lasting = frozenset(done - set(state.over_since))
    return Snapshot(state.company, slips, seats, scored, sets, dict(state.consults), lasting)


def live_of(snapshot: Snapshot) -> dict[str, Slip]:
    """Return the tickets that are not done."""
    return {name: s for name, s in snapshot.slips.items() if s.ticket.state != "done"}


def _words(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    for key in snapshot.unreadable:
        yield f"{key} cannot be read"
    for name, slip in snapshot.slips.items():
        ticket = slip.ticket
        if ticket.state not in TICKET_STATES or ticket.priority not in PRIORITIES:
            yield f"ticket {name}: {ticket.state!r}, {ticket.priority!r}: no such words"
        if (ticket.state == "done") != (ticket.outcome in OUTCOMES) or (
            ticket.outcome not in ("", *OUTCOMES)
        ):
            yield f"ticket {name} is {ticket.state} with the outcome {ticket.outcome!r}"
        if name in snapshot.lasting:
            yield f"ticket {name} is done and will never be forgotten"
    for name, seat in snapshot.seats.items():
        operator = seat.operator
        if operator.status not in STATUSES or operator.state not in STATES:
            yield f"operator {name}: {operator.status!r}, {operator.state!r}: no such words"


def _couples(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """A ticket and its operator name each other, with one token, in states that fit."""
    for name, slip in live_of(snapshot).items():
        ticket = slip.ticket
        expected = PAIRED.get(ticket.state)
        if expected is None:
            if ticket.operator or ticket.token:
                yield f"ticket {name} is {ticket.state} but has operator {ticket.operator!r}"
            continue
        seat = snapshot.seats.get(ticket.operator)
        if seat is None:
            yield f"ticket {name} is {ticket.state} with {ticket.operator!r}, whom nobody knows"
            continue
        operator = seat.operator
        if (operator.ticket, operator.token) != (name, ticket.token) or not ticket.token:
            yield (
                f"ticket {name} is {ticket.state} with {operator.name}, who has"
                f" {operator.ticket!r} and another token"
            )
        if operator.state != expected:
            yield f"ticket {name} is {ticket.state} but {operator.name} is {operator.state}"


def _seats(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """Who is busy is busy with something, and nobody has two things."""
    for name, seat in snapshot.seats.items():
        operator = seat.operator
        slip = snapshot.slips.get(operator.ticket)
        if operator.state == "idle" and (operator.ticket or operator.token):
            yield f"operator {name} is idle but has ticket {operator.ticket!r}"
        busy = operator.state in ("offered", "talking", "disconnected") and operator.ticket
        if busy and (slip is None or slip.ticket.operator != name):
            yield f"operator {name} is {operator.state} with ticket {operator.ticket}, not his"
        alone = operator.state in ("offered", "talking") and not operator.ticket
        if alone and name not in snapshot.consults.get(operator.token, ()):
            yield f"operator {name} is {operator.state} with nobody"
        if seat.asks and snapshot.consults.get(seat.asks, ("",))[0] != name:
            yield f"operator {name} asks in a consult that is not there"
    for token, (first, other) in snapshot.consults.items():
        asked = snapshot.seats.get(other)
        if asked is None or asked.operator.token != token:
            yield f"the consult of {first} and {other}: {other} knows nothing of it"


def _standing(slip: Slip) -> Iterator[tuple[str, float]]:
    """Yield the lines a ticket must stand in, with its score."""
    ticket = slip.ticket
    if ticket.state == "away" or ticket.held:
        yield f"rest:{ticket.queue}:{ticket.priority}", ticket.entered
    if ticket.state == "waiting" and ticket.held:
        yield f"held:{ticket.sticky}", rank(ticket.entered, ticket.priority)
    elif ticket.state == "waiting":
        yield f"wait:{ticket.queue}:{ticket.priority}", ticket.entered
        if slip.over:
            yield f"wait:{slip.over}:{ticket.priority}", ticket.entered


def _lines(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """Each ticket stands in the lines of its state and in no other."""
    expected: dict[str, dict[str, float]] = {"live": {}}
    for name, slip in live_of(snapshot).items():
        if slip.ticket.priority in PRIORITIES:
            expected["live"][name] = rank(slip.ticket.entered, slip.ticket.priority)
            for line, score in _standing(slip):
                expected.setdefault(line, {})[name] = score
    kinds = ("wait", "rest", "held")
    found = {"live": snapshot.sorted_sets.get("live", {})}
    found |= {name: each for kind in kinds for name, each in snapshot.of_kind(kind).items()}
    yield from _differences("ticket", expected, found)


def _sets(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """Each operator is in the sets of his queues, and each open offer in the set of offers."""
    free: dict[str, dict[str, float]] = {}
    serving: dict[str, set[str]] = {}
    for name, seat in snapshot.seats.items():
        for queue, level in seat.operator.skills.items():
            if seat.free:
                score = free_score(level, seat.operator.idle_since)
                free.setdefault(f"free:{queue}", {})[name] = score
            if seat.serving:
                serving.setdefault(f"serving:{queue}", set()).add(name)
    yield from _differences("operator", free, snapshot.of_kind("free"))
    offered = {n for n, slip in snapshot.slips.items() if slip.ticket.state == "offered"}
    expected = {"offered": offered, "operators": set(snapshot.seats), **serving}
    for line in sorted({*expected, *snapshot.sets}):
        here, there = expected.get(line, set()), snapshot.sets.get(line, frozenset())
        for name in sorted(here ^ there):
            yield f"{name} {'is missing in' if name in here else 'does not belong into'} {line}"


def _differences(
    what: str, expected: Mapping[str, Scores], found: Mapping[str, Scores]
) -> Iterator[str]:
    for line in sorted({*expected, *found}):
        here, there = expected.get(line, {}), found.get(line, {})
        for name in sorted({*here, *there}):
            if name not in there:
                yield f"{what} {name} is missing in {line}"
            elif name not in here:
                yield f"{what} {name} does not belong into {line}"
            elif here[name] != there[name]:
                yield f"{what} {name} stands in {line} at {there[name]}, not at {here[name]}"


def _times(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """What ends by itself has its time, what does not has none, and somebody ticks."""
    expected = {f"t:{name}": slip.until for name, slip in snapshot.slips.items() if slip.until}
    expected |= {f"o:{name}": ends(seat) for name, seat in snapshot.seats.items() if ends(seat)}
    due = snapshot.sorted_sets.get("due", {})
    yield from _differences("the end of", {"due": expected}, {"due": due})
    for name, slip in live_of(snapshot).items():
        if not slip.until and slip.ticket.state in ("offered", "ringing", "away", "broken"):
            yield f"ticket {name} is {slip.ticket.state} for ever"
    late = [name for name, when in due.items() if when < now - LATE]
    if late:
        yield f"{len(late)} things were due more than {LATE:.0f} s ago: nobody ticks"


def _pairs(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """No ticket and free operator who may be matched stay apart.

    A ticket whose next look is due is left out: the next change looks at it.
    """
    free = [seat for seat in snapshot.seats.values() if seat.free]
    tickets = [s for s in live_of(snapshot).values() if s.ticket.state == "waiting"] if free else []
    for slip in tickets:
        if 0 < slip.until <= now:
            continue
        for seat in free:
            if _may_serve(seat, slip, rules, now):
                yield f"ticket {slip.ticket.id} waits though {seat.operator.name} is free for it"


def _may_serve(seat: Seat, slip: Slip, rules: Mapping[str, Rules], now: float) -> bool:
    ticket, skills = slip.ticket, seat.operator.skills
    if ticket.held:
        return ticket.sticky == seat.operator.name
    return any(
        queue in skills and skills[queue] >= _least(rules.get(queue, Rules()), ticket, now)
        for queue in (ticket.queue, slip.over)
        if queue
    )


def _least(rules: Rules, ticket: Ticket, now: float) -> int:
    return least_level(rules, ticket.entered, ticket.priority in URGENT, now)


def _looks(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """A waiting ticket is looked at again when more operators may serve it."""
    for name, slip in live_of(snapshot).items():
        ticket = slip.ticket
        own = rules.get(ticket.queue, Rules())
        if ticket.state != "waiting" or ticket.held:
            continue
        times = []
        overflow = overflow_at(own, ticket)
        if overflow is not None and not slip.over:
            times.append(overflow)
        if ticket.priority not in URGENT:
            guests = [rules.get(slip.over, Rules())] if slip.over else []
            times += [next_relaxation(each, ticket.entered, now) or 0 for each in (own, *guests)]
        soonest = min((when for when in times if when > now), default=0.0)
        if soonest and not 0 < slip.until <= soonest:
            yield f"ticket {name} may be served by more operators at {soonest}, unnoticed"


def _held(snapshot: Snapshot, rules: Mapping[str, Rules], now: float) -> Iterator[str]:
    """A ticket is held only for somebody who may come for it, and never an urgent one."""
    for name, slip in live_of(snapshot).items():
        ticket = slip.ticket
        if not ticket.held:
            continue
        seat = snapshot.seats.get(ticket.sticky)
        if seat is None or not seat.steady or ticket.priority in URGENT:
            yield f"ticket {name} is held for {ticket.sticky!r}, who does not come"


CHECKS = (_words, _couples, _seats, _lines, _sets, _times, _pairs, _looks, _held)
