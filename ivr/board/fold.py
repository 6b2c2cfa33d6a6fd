"""The fold: what the entries of one company's log amount to. Pure: no clock, no store.

Entries come in the order of the log, which is nearly the order of time. Of one call, ticket or
operator an older entry never overrides a newer one; what is over is remembered for `REMEMBERED`
seconds, so that a straggler does not bring it back, and dropped then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ivr.board.halves import half_of
from ivr.board.visits import Tally, Visit
from ivr.company import Company
from ivr.events import Entry
from ivr.model import SYNTHETIC

REMEMBERED = 900
"""Seconds that what is over is remembered, by the time of the log."""
FORGOTTEN = 26 * 3600
"""Seconds after which a call that nothing was heard of is dropped; it has no end in the log."""
LEFT = 7 * 24 * 3600
"""The same of a ticket: a call-back may wait over a holiday."""
KEPT = 50 * 3600
"""Seconds that counts of half hours are kept; the longest day has 25 hours."""
TURNED = 300
"""Seconds for which somebody who was turned away, for nobody serves the queue, is counted."""
SWEEP = 60
"""Seconds of the log between two looks for what can be dropped."""
WAITING = ("waiting", "offered", "ringing")
"""States of a ticket in which somebody waits to be answered."""
SERVED = ("talking", "broken")
"""States of a ticket whose caller has been answered."""


@dataclass
class Call:
    """A call. began: None while only later entries of it came. at: of its newest entry."""

    at: float
    began: float | None = None
    over: bool = False
    flow: str = ""
    synthetic: bool = False

    @property
    def open(self) -> bool:
        """Whether the caller is on the line."""
        return self.began is not None and not self.over and not self.synthetic


@dataclass(frozen=True)
class Place:
    """A ticket as the log tells of it. visit: None while he waits for nobody. been: he had one.

    served: an operator has answered him.
    """

    at: float
    state: str
    queue: str
    kind: str
    operator: str
    entered: float
    visit: Visit | None = None
    been: bool = False
    served: bool = False

    @property
    def waits(self) -> bool:
        """Whether a caller waits to be answered."""
        return self.kind == "call" and self.state in WAITING


@dataclass(frozen=True)
class Seat:
    """An operator as the log tells of him. since: when status or state last changed."""

    at: float
    shown: str
    status: str
    reason: str
    state: str
    since: float
    ticket: str
    skills: Mapping[str, int] = field(default_factory=dict)

    @property
    def away(self) -> bool:
        """Whether he has gone home."""
        return self.status == "offline" and self.state == "idle"


class Fold:
    """What is, of one company."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.terms = company.terms.service_level
        self.calls: dict[str, Call] = {}
        self.places: dict[str, Place] = {}
        self.seats: dict[str, Seat] = {}
        self.tallies: defaultdict[tuple[int, str], Tally] = defaultdict(Tally)
        self.turned: dict[tuple[str, str], float] = {}
        self.measured: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self.told = 0.0
        self._steps: defaultdict[int, int] = defaultdict(int)
        self._newest = 0.0
        self._swept = 0.0

    def apply(self, entry: Entry) -> None:
        """Take the next entry of the log; those of other companies are left alone."""
        if entry.company != self.company.id:
            return
        at = entry.at.timestamp()
        if entry.kind == "ticket":
            self._ticket(entry.call, at, entry.details)
        elif entry.kind == "operator":
            self._operator(at, entry.details)
        elif entry.kind == "measured":
            self.told = max(self.told, at)
            for section, value in entry.details.items():
                self._measure(section, at, value)
        elif entry.kind == "storm":
            told = {name: entry.details.get(name) for name in ("state", "until")}
            self._measure("storm", at, told)
        elif entry.call:
            self._call(entry, at)
        self._sweep(at)

    # ------------------------------------------------------------------ calls

    def _call(self, entry: Entry, at: float) -> None:
        begins = entry.kind == "answered" and "operator" not in entry.details
        known = self.calls.get(entry.call)
        if known is None:
            if not (begins or entry.flow):
                return  # what happens to a ticket is told by itself
            known = self.calls[entry.call] = Call(at)
        if begins:
            known.began = at
            known.synthetic = entry.details.get("entrance") == SYNTHETIC
        elif entry.kind == "ended":
            known.over = True
        if entry.flow and (at >= known.at or not known.flow):
            known.flow = entry.flow
        known.at = max(known.at, at)
        if entry.kind == "looked_up" and entry.details.get("queue") and not known.synthetic:
            self._turn_away(entry.call, str(entry.details["queue"]), entry.details, at)

    def _turn_away(self, call: str, queue: str, details: Mapping[str, Any], at: float) -> None:
        """Note a caller who was told that nobody serves a queue; once, however often he asks."""
        if details.get("service") == "queues.ask":
            self.turned[queue, call] = max(at, self.turned.get((queue, call), at))

    # ------------------------------------------------------------------ tickets

    def _ticket(self, name: str, at: float, details: Mapping[str, Any]) -> None:
        call, old = self.calls.get(name), self.places.get(name)
        if (call and call.synthetic) or (old and at < old.at):
            return
        new = Place(
            at,
            str(details.get("state", "")),
            str(details.get("queue", "")),
            str(details.get("kind", "call")),
            str(details.get("operator") or ""),
            round(float(details.get("entered") or at), 6),
        )
        if new.kind == "call":
            new = self._visited(name, old, new, str(details.get("outcome") or ""))
        self._step(old, new)
        self.places[name] = new

    def _visited(self, name: str, old: Place | None, new: Place, outcome: str) -> Place:
        """Begin, move or end a visit, and count it; the place with the one that goes on.

        Who waits again after a talk begins another one, but not while the same operator comes back
        to him; who is away keeps the one he has.
        """
        if old is not None:
            new = replace(new, visit=old.visit, been=old.been, served=old.served)
        if new.visit is None and self._begins(old, new):
            new = replace(new, visit=self._begin(name, new), been=True)
        visit = new.visit
        if visit is None:
            return new
        if visit.queue != new.queue:
            self._offered(visit, -1)
            visit = replace(visit, queue=new.queue)
            self._offered(visit, 1)
        end = "answered" if new.state in SERVED else outcome if new.state == "done" else ""
        if not end:
            return replace(new, visit=visit)
        # The answer itself may have been lost with whoever was to report it.
        lost = end == "answered" and new.state == "done" and old and old.state == "ringing"
        at = old.at if lost and old else new.at
        if visit.offered:
            self.tallies[visit.half, visit.queue].end(visit, end, at, self.terms)
        return replace(new, visit=None, served=new.served or end == "answered")

    def _offered(self, visit: Visit, step: int) -> None:
        """Count a visit to its queue, or no longer; who was passed on is no second offer."""
        if visit.offered:
            self.tallies[visit.half, visit.queue].offered += step

    @staticmethod
    def _begins(old: Place | None, new: Place) -> bool:
        """Tell whether somebody who is in no visit begins one."""
        if old is None:
            return new.waits or new.state == "talking"
        return new.waits and not (new.operator == old.operator != "")

    def _begin(self, name: str, place: Place) -> Visit:
        """Count a new visit: the first one of a call from the ticket's entry, unless that lies
        before the call (a place regained by a redial), every other from where it began.
        """
        call = self.calls.get(name)
        began = call.began if call else None
        own = place.entered <= place.at and (began is None or place.entered >= began)
        entered = place.entered if own and not place.been else place.at
        since = began if self.terms.clock == "call" and began is not None else entered
        half = half_of(entered, self.company.zone)
        visit = Visit(place.queue, entered, since, half, offered=not place.served)
        self._offered(visit, 1)
        return visit

    def _step(self, old: Place | None, new: Place) -> None:
        """Note by how much the number of those who wait changes, and in which minute."""
        step = new.waits - (old is not None and old.waits)
        if step:
            self._steps[minute_after(new.at)] += step

    # ------------------------------------------------------------------ operators, measures

    def _operator(self, at: float, details: Mapping[str, Any]) -> None:
        name = str(details.get("operator", ""))
        old = self.seats.get(name)
        if not name or (old and at < old.at):
            return
        self.seats[name] = Seat(
            at,
            str(details.get("shown") or name),
            str(details.get("status", "")),
            str(details.get("reason") or ""),
            str(details.get("state", "")),
            float(details.get("since") or at),
            str(details.get("ticket") or ""),
            dict(details.get("skills") or {}),
        )

    def _measure(self, section: str, at: float, value: Any) -> None:
        old = self.measured.get(section)
        if isinstance(value, Mapping) and (old is None or at >= old[0]):
            self.measured[section] = (at, dict(value))

    # ------------------------------------------------------------------ what is over

    def waits(self, minute: int, now: int) -> int:
        """Return how many waited at a full minute, of the `now` who wait."""
        return now - sum(step for each, step in self._steps.items() if each > minute)

    def _sweep(self, at: float) -> None:
        """Drop what is over for long, by the time of the log alone."""
        self._newest = newest = max(self._newest, at)
        if newest - self._swept < SWEEP:
            return
        self._swept = newest
        for name, known in list(self.calls.items()):
            if known.at < newest - (FORGOTTEN if known.open else REMEMBERED):
                del self.calls[name]
        for name, place in list(self.places.items()):
            call = self.calls.get(name)
            if call and call.open and place.state == "done":
                continue  # he may come into a queue again, and that is not his first visit
            if place.at < newest - (REMEMBERED if place.state == "done" else LEFT):
                self._step(place, replace(place, at=newest, state="done"))
                del self.places[name]
        for name, seat in list(self.seats.items()):
            if seat.away and seat.at < newest - REMEMBERED:
                del self.seats[name]
        for asked in [each for each, when in self.turned.items() if when < newest - TURNED]:
            del self.turned[asked]
        for key in [key for key in self.tallies if key[0] < newest - KEPT]:
            del self.tallies[key]
        for minute in [each for each in self._steps if each * 60 < newest - 2 * 3600]:
            del self._steps[minute]


def minute_after(moment: float) -> int:
    """Return the first full minute (minutes since 1970) that is not before a moment."""
    return int(-(-moment // 60))
