"""Promises to call back in the store: once a number, whoever asks, however often."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr import callbacks
from ivr.destination import Calling
from ivr.store.database import Store, memory_store, open_store
from ivr.store.models import Callback, Company, Ticket

NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
NUMBER = "+380671110009"
TERMS = Calling()


@pytest.fixture
def db() -> Iterator[Session]:
    store = memory_store()
    with store.session() as session:
        session.add(Company(id="odesa", name="Odesa"))
        yield session
    store.close()


def _promise(db: Session, key: str = "call-1/3", **fields: Any) -> Callback:
    given = {
        "company": "odesa", "number": NUMBER, "queue": "general", "language": "uk",
        "call": "call-1", "now": NOW,
    }  # fmt: skip
    return callbacks.promise(db, key=key, **{**given, **fields})


def test_a_repeated_turn_promises_once(db: Session) -> None:
    assert _promise(db) is _promise(db)
    assert len(db.scalars(select(Callback)).all()) == 1


def test_a_second_call_keeps_the_older_place_and_the_higher_priority(db: Session) -> None:
    first = _promise(db, entered=NOW)
    again = _promise(
        db, "call-2/5", entered=NOW - timedelta(seconds=90), priority="danger",
        now=NOW + timedelta(seconds=60),
    )  # fmt: skip
    assert again is first
    assert (first.entered_at, first.priority) == (NOW - timedelta(seconds=90), "danger")
    assert _promise(db, "call-3/1", priority="normal").priority == "danger"


def test_a_new_promise_after_the_old_one_is_kept(db: Session) -> None:
    first = _promise(db)
    assert callbacks.begin(first, "olena") and callbacks.kept(first, NOW)
    second = _promise(db, "call-2/5")
    assert second is not first and second.live


def test_ten_at_the_same_moment_make_one(tmp_path: Path) -> None:
    store: Store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)

    def ask(number: int) -> int:
        with store.session() as session:
            row = _promise(session, f"call-{number}/1", call=f"call-{number}")
            session.flush()
            return row.id

    with store.session() as session:
        session.add(Company(id="odesa", name="Odesa"))
    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(ask, range(10)))) == 1
    store.close()


def test_due_ones_come_in_the_order_of_their_places(db: Session) -> None:
    late = _promise(db, "a", number="+380671110001", entered=NOW)
    early = _promise(db, "b", number="+380671110002", entered=NOW - timedelta(seconds=5))
    _promise(db, "c", number="+380671110003", now=NOW + timedelta(seconds=60))
    assert callbacks.due(db, NOW) == [early, late]


def test_three_tries_then_a_task(db: Session) -> None:
    row = _promise(db)
    for tries in (1, 2):
        assert callbacks.begin(row, "olena")
        assert not callbacks.begin(row, "taras")
        assert callbacks.missed(db, row, TERMS, NOW)
        assert not callbacks.missed(db, row, TERMS, NOW)
        assert (row.state, row.tries) == ("due", tries)
        assert row.next_at == NOW + timedelta(seconds=300)
    callbacks.begin(row, "olena")
    callbacks.missed(db, row, TERMS, NOW)
    assert (row.state, row.live, row.ended_at) == ("failed", None, NOW)
    callbacks.give_up(db, row, NOW, "again")
    (task,) = db.scalars(select(Ticket))
    assert (task.reason, task.details["tries"], task.state) == ("callback_failed", 3, "open")


def test_what_is_not_in_the_right_state_stays(db: Session) -> None:
    row = _promise(db)
    assert not callbacks.kept(row, NOW)
    assert not callbacks.released(row)
    callbacks.begin(row, "olena")
    assert callbacks.released(row) and row.operator is None
    assert callbacks.cancel(row, NOW) and not callbacks.cancel(row, NOW)
    assert not callbacks.begin(row, "olena")
    assert row.state == "cancelled"


def _place(db: Session, after: float, number: str | None = NUMBER) -> Callback | None:
    return callbacks.place_of(db, "odesa", number, TERMS, NOW + timedelta(seconds=after))


def test_who_rings_himself_in_time_has_his_place(db: Session) -> None:
    row = _promise(db)
    assert _place(db, 7100) is row
    assert row.state == "due"
    assert _place(db, 7300) is None
    assert _place(db, 10, "+380671110001") is None
    assert _place(db, 10, None) is None


def test_even_when_every_try_was_in_vain(db: Session) -> None:
    row = _promise(db)
    callbacks.give_up(db, row, NOW, "no_answer")
    assert _place(db, 3600) is row
    assert callbacks.served(db, "odesa", NUMBER, TERMS, NOW + timedelta(hours=1)) is row
    assert row.state == "resumed"
    assert db.scalars(select(Ticket)).one().state == "done"
    assert callbacks.served(db, "odesa", NUMBER, TERMS, NOW + timedelta(hours=1)) is None


def test_a_promise_is_served_however_old(db: Session) -> None:
    row = _promise(db)
    assert callbacks.served(db, "odesa", NUMBER, TERMS, NOW + timedelta(hours=12)) is row
    assert row.live is None


def test_who_is_being_dialled_is_not_served_by_another_call(db: Session) -> None:
    row = _promise(db)
    callbacks.begin(row, "olena")
    assert callbacks.served(db, "odesa", NUMBER, TERMS, NOW) is None
    assert _place(db, 10) is None


@pytest.mark.parametrize(
    ("hours", "clock", "may"),
    [
        (("08:00", "20:00"), "08:00", True),
        (("08:00", "20:00"), "07:59", False),
        (("08:00", "20:00"), "20:00", False),
        (("22:00", "06:00"), "23:00", True),
        (("22:00", "06:00"), "05:59", True),
        (("22:00", "06:00"), "12:00", False),
    ],
)
def test_hours(hours: tuple[str, str], clock: str, may: bool) -> None:
    terms: Any = SimpleNamespace(hours=hours)
    local = datetime.combine(NOW.date(), time.fromisoformat(clock))
    assert callbacks.allowed(terms, local) is may
