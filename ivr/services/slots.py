"""Free slots: when a crew can come or an office can see somebody, and taking one of them.

A timetable comes from the company's profile; what is taken from it stands in the store. A seat is
taken once: the unique constraint of `Booking` decides between two callers, not what was offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ivr.services import feed
from ivr.services.inquiry import Inquiry
from ivr.store.supply import Application, Booking
from ivr.terms import Office, Span, Visits

WEEKDAYS = tuple(f"weekday_{day}" for day in range(1, 8))
"""Prompts of the days of a week."""
VISITS = "visits"
"""`Booking.place` of all visits."""
LONGEST = timedelta(days=31)
"""What began longer ago than this is over."""
SHOWN = 3
"""Slots named at a time."""
TRIES = 5
"""Seats of one slot that may be lost to others before it counts as full."""


@dataclass(frozen=True)
class Slot:
    """One slot, aware moments in UTC."""

    starts: datetime
    ends: datetime

    def meets(self, starts: datetime, ends: datetime) -> bool:
        """Tell whether something at that time needs the same people."""
        return starts < self.ends and ends > self.starts


@dataclass(frozen=True)
class Timetable:
    """What can be booked at one place. spans: local windows by ISO weekday. seats: at a time.

    slot: minutes into which the windows are cut, 0: each is one slot.
    """

    place: str
    spans: Mapping[int, tuple[Span, ...]]
    seats: int
    days: int
    notice: timedelta
    slot: int = 0


def of_visits(terms: Visits) -> Timetable:
    """Return the timetable of the crews."""
    spans = dict.fromkeys(terms.weekdays, terms.windows)
    return Timetable(VISITS, spans, terms.seats, terms.days, timedelta(hours=terms.notice))


def of_office(office: Office) -> Timetable:
    """Return the timetable of an office: its hours, cut into slots."""
    notice = timedelta(minutes=office.notice)
    return Timetable(
        place_of(office), weekdays_of(office), office.seats, office.days, notice, office.slot
    )


def weekdays_of(office: Office) -> dict[int, tuple[Span, ...]]:
    """Return the hours of an office by ISO weekday."""
    spans: dict[int, tuple[Span, ...]] = {}
    for hours in office.hours:
        for day in hours.days:
            spans[day] = (*spans.get(day, ()), hours.open)
    return spans


def place_of(office: Office) -> str:
    """Return `Booking.place` of an office."""
    return f"office:{office.id}"


def _cut(span: Span, minutes: int) -> Iterator[Span]:
    first, last = (_minutes(clock) for clock in span)
    for start in range(first, last - minutes + 1, minutes):
        yield _clock(start), _clock(start + minutes)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


# ---------------------------------------------------------------------- what is free


def free(
    inquiry: Inquiry,
    table: Timetable,
    *,
    after: datetime | None = None,
    but: datetime | None = None,
) -> tuple[list[Slot], bool]:
    """Return the next free slots, and whether there are more of them.

    after: only those that start later than this. but: one that starts then is none.
    """
    since = inquiry.now + table.notice
    candidates = [
        slot
        for slot in _all(inquiry, table)
        if slot.starts >= since and slot.starts != but and (after is None or slot.starts > after)
    ]
    if not candidates:
        return [], False
    taken = _taken(inquiry, table, candidates[0].starts, candidates[-1].ends)
    open_ = [slot for slot in candidates if _count(slot, taken) < table.seats]
    return open_[:SHOWN], len(open_) > SHOWN


def _all(inquiry: Inquiry, table: Timetable) -> Iterator[Slot]:
    """Every slot of the timetable from today on, in order."""
    for offset in range(table.days + 1):
        day = inquiry.today + timedelta(days=offset)
        for span in _windows(inquiry, table, day):
            yield Slot(*(_moment(inquiry, day, clock) for clock in span))


def _windows(inquiry: Inquiry, table: Timetable, day: date) -> Iterator[Span]:
    """The windows of one local day: the hours cut into slots, or the windows that lie in them."""
    hours = spans_on(inquiry, table.place, day, table.spans)
    if table.slot:
        for span in hours:
            yield from _cut(span, table.slot)
    elif inquiry.company.opening.changed(table.place, day) is None:
        yield from hours
    elif not inquiry.company.is_holiday(day):
        for first, last in table.spans.get(day.isoweekday(), ()):
            if any(opens <= first and last <= closes for opens, closes in hours):
                yield first, last


def spans_on(
    inquiry: Inquiry, place: str, day: date, weekdays: Mapping[int, tuple[Span, ...]]
) -> tuple[Span, ...]:
    """Return the hours of a place on a local day: those of its weekday unless it is a holiday, or
    those that a supervisor has set for this one day.
    """
    changed = inquiry.company.opening.changed(place, day)
    if changed is not None:
        return tuple((_clock(first), _clock(last)) for first, last in changed)
    return weekdays[day.isoweekday()] if works(inquiry, day, weekdays) else ()


def works(inquiry: Inquiry, day: date, weekdays: Mapping[int, Any]) -> bool:
    """Tell whether a local day is one of these weekdays and no holiday."""
    return day.isoweekday() in weekdays and not inquiry.company.is_holiday(day)


def working_day(inquiry: Inquiry, days: int) -> date:
    """Return the day that is so many working days of the crews after today."""
    weekdays = dict.fromkeys(inquiry.company.terms.visits.weekdays)
    day = inquiry.today
    for _ in range(days):
        day += timedelta(days=1)
        while not works(inquiry, day, weekdays) or _crews_off(inquiry, day):
            day += timedelta(days=1)
    return day


def _crews_off(inquiry: Inquiry, day: date) -> bool:
    return inquiry.company.opening.changed(VISITS, day) == ()


def _moment(inquiry: Inquiry, day: date, clock: str) -> datetime:
    """The moment of a local time; a day of 23 or 25 hours has the same times as any other."""
    late, minutes = divmod(_minutes(clock), 24 * 60)
    local = time(minutes // 60, minutes % 60, tzinfo=inquiry.company.zone)
    return datetime.combine(day + timedelta(days=late), local).astimezone(UTC)


@dataclass(frozen=True)
class _Taken:
    """A time that somebody has. seat: None where the company itself planned the visit."""

    starts: datetime
    ends: datetime
    seat: int | None


def _taken(inquiry: Inquiry, table: Timetable, first: datetime, last: datetime) -> list[_Taken]:
    """What is booked between two moments, and visits that the company itself has planned."""
    columns = (Booking.starts, Booking.ends, Booking.seat, Booking.application_id)
    booked = select(*columns).where(
        Booking.company == inquiry.company.id,
        Booking.place == table.place,
        Booking.live.is_(True),
        Booking.starts > first - LONGEST,
        Booking.starts < last,
        Booking.ends > first,
    )
    rows = inquiry.db.execute(booked).all()
    taken = [_Taken(starts, ends, seat) for starts, ends, seat, _ in rows]
    if table.place != VISITS:
        return taken
    own = {application for *_, application in rows}
    planned = select(Application.id, Application.visit, Application.until).where(
        Application.company == inquiry.company.id,
        Application.state == "scheduled",
        Application.visit > first - LONGEST,
        Application.visit < last,
    )
    for application, visit, until in inquiry.db.execute(planned):
        ends = until or visit
        if application not in own and visit is not None and ends is not None and ends > first:
            taken.append(_Taken(visit, ends, None))
    return taken


def _count(slot: Slot, taken: list[_Taken]) -> int:
    return sum(slot.meets(each.starts, each.ends) for each in taken)


# ---------------------------------------------------------------------- taking one


def take(
    inquiry: Inquiry, table: Timetable, starts: datetime, key: str, make: Callable[[], Booking]
) -> Booking | None:
    """Return the booking of this key, made once; None where the slot is full, or none at all.

    make: a booking with everything but its place, time, seat and key.
    """
    for _ in range(TRIES):
        known = inquiry.db.scalar(select(Booking).where(Booking.key == key))
        if known is not None:
            return known
        slot = next((slot for slot in _all(inquiry, table) if slot.starts == starts), None)
        if slot is None or starts < inquiry.now + table.notice:
            return None
        taken = _taken(inquiry, table, slot.starts, slot.ends)
        if _count(slot, taken) >= table.seats:
            return None
        booking = make()
        booking.place, booking.key = table.place, key
        booking.starts, booking.ends = slot.starts, slot.ends
        booking.seat = _seat(slot, taken)
        try:
            with inquiry.db.begin_nested():
                inquiry.db.add(booking)
        except IntegrityError:
            continue  # somebody was faster; the next look sees his booking
        return booking
    return None


def _seat(slot: Slot, taken: list[_Taken]) -> int:
    """The lowest seat nobody has: two callers want the same one, so that one of them gets it.

    It must come from what was counted, not from another look: what is committed in between would
    be one seat further, beyond the last one.
    """
    had = {each.seat for each in taken if each.starts == slot.starts}
    return next(seat for seat in range(len(had) + 1) if seat not in had)


def give_up(inquiry: Inquiry, booking: Booking) -> None:
    """Free the seat of a booking."""
    booking.live = None
    inquiry.db.flush()


def hand_over(inquiry: Inquiry, booking: Booking, change: str) -> None:
    """Tell the company's own system of a booking. change: booked, moved or cancelled."""
    document = {
        "change": change,
        "place": booking.place,
        "starts": booking.starts.isoformat(),
        "ends": booking.ends.isoformat(),
        "application": booking.application.number if booking.application else None,
        "receipt": booking.receipt.number if booking.receipt else None,
        "number": booking.caller_number,
        "at": inquiry.now.isoformat(),
    }
    key = f"{booking.key}/{change}"
    feed.put(inquiry.db, inquiry.company, "booking", key, document, inquiry.now)


# ---------------------------------------------------------------------- telling


def told(inquiry: Inquiry, starts: datetime, ends: datetime | None) -> dict[str, Any]:
    """Return the slots of a call that tell a day and hours."""
    first = inquiry.local(starts)
    return {
        "weekday": f"weekday_{first.isoweekday()}",
        "visit": first.date().isoformat(),
        "visit_from": f"{first:%H:%M}",
        "visit_until": f"{inquiry.local(ends):%H:%M}" if ends else "",
    }


def offered(inquiry: Inquiry, found: list[Slot], more: bool) -> dict[str, Any]:
    """Return the slots of a call that offer free slots; `further`: [{}] where there are more."""
    return {
        "slots": [
            {**told(inquiry, slot.starts, slot.ends), "starts": slot.starts.isoformat()}
            for slot in found
        ],
        "slots_after": found[-1].starts.isoformat() if more else None,
        "further": [{}] if more else [],
    }


def after(inquiry: Inquiry) -> datetime | None:
    """Return the start of the last slot that the caller was offered, None: begin anew."""
    text = inquiry.slots.get("slots_after")
    return datetime.fromisoformat(text) if text else None


def chosen(inquiry: Inquiry) -> datetime:
    """Return the start of the slot he chose."""
    return datetime.fromisoformat(inquiry.slots["slot_choice"]["starts"])
