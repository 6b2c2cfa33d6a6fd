"""Seats are taken once: callers who want the last one at the same moment, on each real store."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from ivr import company
from ivr.company import Company
from ivr.model import Caller, Result
from ivr.services import SERVICES, Inquiry
from ivr.store.database import Store, open_store
from ivr.store.models import Account, Ticket
from ivr.store.supply import Application, Booking
from ivr.store.world import keep_company
from ivr.terms import Office, OfficeHours, Requests, Terms, Visits

HOME = Path(__file__).parents[2]
NOW = datetime(2026, 10, 31, 8, 0, tzinfo=UTC)
SLOT = "2026-11-02T07:00:00+00:00"
"""Monday, nine o'clock in Kyiv."""
CALLERS = 12


@pytest.fixture
def narrow() -> Company:
    """A company with one visit a window and two seats at its office."""
    profile = company.load(HOME / "flows" / "companies")["odesa"]
    office = Office(
        id="center",
        settlement="Одеса",
        address={"uk": "Троїцька"},
        hours=(OfficeHours(days=(1, 2, 3, 4, 5), open=("09:00", "12:00")),),
        seats=2,
    )
    terms = Terms(visits=Visits(seats=1), offices=(office,), requests=Requests(bookings=1))
    return replace(profile, terms=terms)


@pytest.fixture
def shared(url: str) -> Iterator[Store]:
    store = open_store(url, migrate=True)
    with store.session() as db:
        keep_company(db, "odesa")
        for n in range(CALLERS):
            account = Account(
                company="odesa", number=str(n), kind="household", settlement="Одеса",
                street="Садова", house=str(n),
            )  # fmt: skip
            db.add(
                Application(
                    company="odesa", number=str(n), account=account, what="inspection",
                    state="scheduled", visit=datetime(2026, 11, 16 + n % 3, 7, tzinfo=UTC),
                    until=datetime(2026, 11, 16 + n % 3, 11, tzinfo=UTC), updated_at=NOW,
                )
            )  # fmt: skip
    yield store
    store.close()


def ask(
    store: Store, company: Company, name: str, n: int, turn: int = 5, **slots: object
) -> Result:
    caller = Caller(f"call-{n}", "odesa", f"+38067222{n:04d}", None, "console", NOW)
    with store.session() as db:
        return SERVICES[name].answer(
            Inquiry(caller, company, NOW, slots, {}, f"call-{n}/{turn}", db, "uk")
        )


def at_once(what: object) -> list[str]:
    """Let all callers do something at the same moment; their outcomes."""
    barrier = Barrier(CALLERS)

    def one(n: int) -> str:
        barrier.wait()
        return what(n).outcome  # type: ignore[operator, no-any-return]

    with ThreadPoolExecutor(CALLERS) as pool:
        return sorted(pool.map(one, range(CALLERS)))


def taken(store: Store) -> list[tuple[datetime, int]]:
    with store.session() as db:
        rows = db.execute(select(Booking.starts, Booking.seat).where(Booking.live.is_(True)))
        return sorted((starts, seat) for starts, seat in rows)


def test_one_of_those_who_want_the_last_visit_gets_it(shared: Store, narrow: Company) -> None:
    def move(n: int) -> Result:
        slots = {"application": str(n), "slot_choice": {"starts": SLOT}}
        return ask(shared, narrow, "applications.move", n, **slots)

    assert at_once(move) == ["moved", *["taken"] * (CALLERS - 1)]
    assert taken(shared) == [(datetime.fromisoformat(SLOT), 0)]
    with shared.session() as db:
        moved = select(func.count(Application.id)).where(
            Application.visit == datetime.fromisoformat(SLOT)
        )
        assert db.scalar(moved) == 1


def test_the_seats_of_an_office_are_all_given_and_none_twice(
    shared: Store, narrow: Company
) -> None:
    def book(n: int) -> Result:
        slots = {"office_choice": {"office_id": "center"}, "slot_choice": {"starts": SLOT}}
        return ask(shared, narrow, "appointments.book", n, **slots)

    assert at_once(book) == ["booked", "booked", *["taken"] * (CALLERS - 2)]
    assert [seat for _, seat in taken(shared)] == [0, 1]
    with shared.session() as db:
        assert db.scalar(select(func.count(Ticket.id))) == 2


def test_a_turn_that_is_repeated_at_the_same_moment_moves_once(
    shared: Store, narrow: Company
) -> None:
    def move(_: int) -> Result:
        slots = {"application": "0", "slot_choice": {"starts": SLOT}}
        return ask(shared, narrow, "applications.move", 0, **slots)

    assert at_once(move) == ["moved"] * CALLERS
    assert len(taken(shared)) == 1


def test_the_old_seat_is_free_for_the_next(shared: Store, narrow: Company) -> None:
    later = "2026-11-03T07:00:00+00:00"
    first = {"application": "0", "slot_choice": {"starts": SLOT}}
    assert ask(shared, narrow, "applications.move", 0, **first).outcome == "moved"
    again = {"application": "0", "slot_choice": {"starts": later}}
    assert ask(shared, narrow, "applications.move", 0, 9, **again).outcome == "moved"
    assert taken(shared) == [(datetime.fromisoformat(later), 0)]
    other = {"application": "1", "slot_choice": {"starts": SLOT}}
    assert ask(shared, narrow, "applications.move", 1, **other).outcome == "moved"
    assert len(taken(shared)) == 2
