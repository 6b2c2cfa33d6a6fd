"""The figures of one company's wallboard at an instant.

`figures` returns plain JSON. Moments are seconds since 1970, spans seconds, shares 0 to 1, None
where there is nothing to count:

    company, at       which company; the instant that the figures hold for
    ivr               flow -> callers in it, the most first
    calls             open: on the line; ivr, waiting, talking: of those where; lines: that the
                      trunk has, used: of them, call-backs in talk among them
    queues            name -> figures, see below; in the order of the profile
    all               the same of all queues together
    half              {since, offered, answered, within, lost, short, level} of this half hour
    history           the same of each half hour of the local day
    waits             {minute, counts}: how many waited at the last 61 full minutes, up to `minute`
    callbacks         {due, late} or None, while nothing was measured
    operators         who is not offline, by name: {name, shown, face, status, reason, state, since,
                      ticket, queue, skills}; face is the state, the status of who is idle
    faces             face -> how many
    storm             {state, until}: off, proposed or on
    speech            {busy, limit, up, of} or None
    outbox            {due, dead, oldest} or None
    told              when something was last measured, 0: never

A queue: waiting, callbacks (call-backs that stand in it), talking, longest (seconds),
entered_longest, serving, free (operators), unclaimed (tickets that are
offered and not ringing yet), turned (callers of the last `TURNED` seconds who were told that nobody
serves it); of the day offered, answered, within, lost, short,
called_back, deflected, late, level; half: the same of this half hour, level_half; mark: "bad",
"watch" or "", why: what is wrong (`ivr.board.marks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.board.fold import SERVED, TURNED, Fold, Place, Seat
from ivr.board.halves import day_of, half_of, halves
from ivr.board.marks import marks, worst
from ivr.board.visits import Tally, total, with_late
from ivr.company import Company
from ivr.events import Entry

MINUTES = 60
"""Of the chart of those who wait."""


class Board(Fold):
    """A company's log, folded."""

    def figures(self, now: datetime) -> dict[str, Any]:
        """Return the figures at an instant that is not before the last entry; changes nothing."""
        moment = now.timestamp()
        places = [each for each in self.places.values() if each.state != "done"]
        seats = {name: seat for name, seat in self.seats.items() if not seat.away}
        callers = [each for each in places if each.kind == "call"]
        late = self._late(callers, moment)
        begin, end = day_of(moment, self.company.zone)
        today = {
            key: with_late(tally, late[key])
            for key, tally in self.tallies.items()
            if begin <= key[0] < end
        }
        half = half_of(moment, self.company.zone)
        waiting = sum(each.waits for each in callers)
        return {
            "company": self.company.id,
            "at": moment,
            "ivr": self._ivr(),
            "calls": self._calls(places, waiting),
            "queues": {
                name: self._queue(name, places, seats, today, half, moment)
                for name in self._names(places, today)
            },
            "all": self._queue(None, places, seats, today, half, moment),
            "half": self._half(half, today),
            "history": [self._half(each, today) for each in halves(moment, self.company.zone)],
            "waits": self._waits(int(moment // 60), waiting),
            "callbacks": self._told("callbacks"),
            "operators": [self._seat(name, seats[name]) for name in sorted(seats)],
            "faces": dict(Counter(_face(seat) for seat in seats.values())),
            "storm": self._storm(moment),
            "speech": self._told("speech"),
            "outbox": self._told("outbox"),
            "told": self.told,
        }

    # ------------------------------------------------------------------ calls

    def _ivr(self) -> dict[str, int]:
        """Count the callers in the dialogue by flow."""
        found = Counter(
            call.flow for name, call in self.calls.items() if call.open and self._talks_to_us(name)
        )
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))

    def _talks_to_us(self, call: str) -> bool:
        place = self.places.get(call)
        return place is None or not (place.waits or place.state in SERVED)

    def _calls(self, places: Sequence[Place], waiting: int) -> dict[str, int]:
        open_ = sum(call.open for call in self.calls.values())
        talking = Counter(each.kind for each in places if each.state in SERVED)
        return {
            "open": open_,
            "ivr": sum(self._ivr().values()),
            "waiting": waiting,
            "talking": talking["call"],
            "lines": self.company.terms.storm.lines,
            "used": open_ + talking["callback"],
        }

    # ------------------------------------------------------------------ queues

    def _names(self, places: Sequence[Place], today: Mapping[tuple[int, str], Tally]) -> list[str]:
        """Return the queues of the profile, then those that only the log knows of."""
        known = {each.queue for each in places}
        known |= {queue for (_, queue), tally in today.items() if tally.offered}
        own = list(self.company.queues)
        return own + sorted(known - set(own) - {""})

    def _queue(
        self,
        name: str | None,
        places: Sequence[Place],
        seats: Mapping[str, Seat],
        today: Mapping[tuple[int, str], Tally],
        half: int,
        now: float,
    ) -> dict[str, Any]:
        """Return the figures of a queue, None: of all."""
        here = [each for each in places if name in (None, each.queue)]
        longest = min(
            (each.visit.entered for each in here if each.waits and each.visit), default=None
        )
        waiting = sum(each.waits for each in here)
        day = total(tally for key, tally in today.items() if name in (None, key[1]))
        part = total(t for key, t in today.items() if key[0] == half and name in (None, key[1]))
        serving = [
            seat
            for seat in seats.values()
            if seat.status != "offline" and (name is None or name in seat.skills)
        ]
        span = 0.0 if longest is None else round(max(0.0, now - longest), 1)
        turned = sum(
            name in (None, queue) and now - at <= TURNED for (queue, _), at in self.turned.items()
        )
        found = marks(self.company, part, waiting, span, len(serving), turned)
        return {
            "waiting": waiting,
            "callbacks": sum(each.kind == "callback" and each.state == "waiting" for each in here),
            "talking": sum(each.state in SERVED for each in here),
            "longest": span,
            "entered_longest": longest,
            "serving": len(serving),
            "free": sum(seat.status == "ready" and seat.state == "idle" for seat in serving),
            "unclaimed": sum(each.state == "offered" for each in here),
            "turned": turned,
            **asdict(day),
            "of": day.of(self.terms),
            "level": day.level(self.terms),
            "level_half": part.level(self.terms),
            "half": {**asdict(part), "of": part.of(self.terms), "level": part.level(self.terms)},
            "mark": worst(found),
            "why": found,
        }

    def _late(self, callers: Sequence[Place], now: float) -> Counter[tuple[int, str]]:
        """Count the visits that go on and can be in time no more."""
        visits = (each.visit for each in callers if each.visit)
        return Counter(
            (visit.half, visit.queue)
            for visit in visits
            if visit.offered and visit.waited(now) > self.terms.within
        )

    def _half(self, since: int, today: Mapping[tuple[int, str], Tally]) -> dict[str, Any]:
        tally = total(each for key, each in today.items() if key[0] == since)
        wanted = ("offered", "answered", "within", "lost", "short")
        return {
            "since": since,
            **{name: getattr(tally, name) for name in wanted},
            "of": tally.of(self.terms),
            "level": tally.level(self.terms),
        }

    def _waits(self, minute: int, waiting: int) -> dict[str, Any]:
        counts = [self.waits(each, waiting) for each in range(minute - MINUTES, minute + 1)]
        return {"minute": minute * 60, "counts": counts}

    # ------------------------------------------------------------------ operators, measures

    def _seat(self, name: str, seat: Seat) -> dict[str, Any]:
        place = self.places.get(seat.ticket)
        return {
            "name": name,
            "shown": seat.shown,
            "face": _face(seat),
            "status": seat.status,
            "reason": seat.reason,
            "state": seat.state,
            "since": seat.since,
            "ticket": seat.ticket,
            "queue": place.queue if place else "",
            "skills": dict(seat.skills),
        }

    def _told(self, section: str) -> dict[str, Any] | None:
        known = self.measured.get(section)
        return dict(known[1]) if known else None

    def _storm(self, now: float) -> dict[str, Any]:
        """Return the storm; one whose time is over is over, whether that was written or not."""
        told = self._told("storm") or {}
        state, until = str(told.get("state") or "off"), told.get("until")
        ends = datetime.fromisoformat(str(until)).timestamp() if until else None
        if state not in ("on", "proposed") or (ends is not None and ends <= now):
            return {"state": "off", "until": None}
        return {"state": state, "until": ends}


def _face(seat: Seat) -> str:
    """Return what an operator is doing in one word."""
    return seat.status if seat.state == "idle" else seat.state


def replay(
    entries: Iterable[tuple[int, Entry]], company: Company, upto: int | None = None
) -> Board:
    """Fold a log. entries: with their ids, in the order of ids; upto: the last id to be taken."""
    board = Board(company)
    for number, entry in entries:
        if upto is None or number <= upto:
            board.apply(entry)
    return board
