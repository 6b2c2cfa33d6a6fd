"""The clock of promises to call back: red, late, escalated once, and the report of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ivr import callback_clock, callbacks
from ivr.company import Company
from ivr.reporting import promises
from ivr.store.database import Store
from ivr.store.models import Audit, Callback
from ivr.store.supply import CallbackClock
from ivr.store.world import keep_company
from ivr.terms import CallbackTerms

NOON = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
"""Noon of a Tuesday in Kazan."""
HOUR = timedelta(hours=1)


@pytest.fixture
def store(demo_store: Store) -> Store:
    with demo_store.session() as db:
        keep_company(db, "kazan")
    return demo_store


@pytest.fixture
def kazan(house: Any) -> Company:
    return house.companies["kazan"]


def promise(
    store: Store, company: Company, now: datetime = NOON, number: int = 1, queue: str = "ТП"
) -> int:
    with store.session() as db:
        row = callbacks.promise(
            db, company=company.id, number=f"+7917123456{number}", queue=queue, language="ru",
            call=f"c{number}", key=f"k{number}", now=now,
        )  # fmt: skip
        callback_clock.start(db, company, row)
        return row.id


def clock_of(store: Store, key: int) -> CallbackClock | None:
    with store.session(read_only=True) as db:
        return db.get(CallbackClock, key)


def test_red_at_three_hours_and_late_at_four(store: Store, kazan: Company) -> None:
    clock = clock_of(store, promise(store, kazan))
    assert clock is not None
    assert (clock.since, clock.red_at, clock.due_at) == (NOON, NOON + 3 * HOUR, NOON + 4 * HOUR)
    second = timedelta(seconds=1)
    marks = [
        callback_clock.mark(clock, NOON + hours)
        for hours in (0 * HOUR, 3 * HOUR - second, 3 * HOUR, 4 * HOUR - second, 4 * HOUR)
    ]
    assert marks == ["", "", "red", "red", "late"]
    assert callback_clock.mark(None, NOON) == ""


def test_asked_again_the_clock_goes_on(store: Store, kazan: Company) -> None:
    key = promise(store, kazan)
    assert promise(store, kazan, NOON + 2 * HOUR) == key
    clock = clock_of(store, key)
    assert clock is not None
    assert clock.due_at == NOON + 4 * HOUR


def test_asked_at_night_it_begins_when_he_may_be_called(store: Store, kazan: Company) -> None:
    saturday_night = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    clock = clock_of(store, promise(store, kazan, saturday_night))
    assert clock is not None
    assert clock.since == datetime(2026, 10, 26, 5, 0, tzinfo=UTC), "Monday, eight in Kazan"


def test_working_time_where_the_company_wants_it(store: Store, kazan: Company) -> None:
    terms = replace(kazan.terms, callbacks=CallbackTerms(hours=4, clock="open"))
    evening = datetime(2026, 10, 20, 15, 0, tzinfo=UTC)
    clock = clock_of(store, promise(store, replace(kazan, terms=terms), evening))
    assert clock is not None
    assert clock.red_at == datetime(2026, 10, 21, 6, 0, tzinfo=UTC)
    assert clock.due_at == datetime(2026, 10, 21, 7, 0, tzinfo=UTC)


def test_no_clock_without_a_rule(store: Store, house: Any) -> None:
    assert clock_of(store, promise(store, house.companies["odesa"])) is None


def test_escalated_once(store: Store, kazan: Company) -> None:
    key = promise(store, kazan)
    for hours, late in ((3, []), (4, [key]), (5, [])):
        now = NOON + hours * HOUR
        with store.session() as db:
            assert callback_clock.pending(db, now) is bool(late)
            assert [row.id for row in callback_clock.escalate(db, now)] == late
    with store.session(read_only=True) as db:
        (note,) = db.scalars(select(Audit)).all()
    assert (note.company, note.what, note.call) == ("kazan", "callback_late", "c1")
    assert note.details == {"callback": key, "queue": "ТП", "due": "2026-10-20T13:00:00Z"}


# ---------------------------------------------------------------------- the report


def end(store: Store, key: int, state: str, at: datetime) -> None:
    with store.session() as db:
        row = db.get(Callback, key)
        assert row is not None
        row.state, row.live, row.ended_at = state, None, at


def test_the_report(store: Store, kazan: Company) -> None:
    keys = [promise(store, kazan, number=number) for number in range(7)]
    promise(store, kazan, NOON + 24 * HOUR, number=7, queue="general")
    end(store, keys[0], "done", NOON + 4 * HOUR)
    end(store, keys[1], "resumed", NOON + 2 * HOUR)
    end(store, keys[2], "done", NOON + 5 * HOUR)
    end(store, keys[3], "failed", NOON + 2 * HOUR)
    end(store, keys[4], "cancelled", NOON + 2 * HOUR)
    first, last = date(2026, 10, 20), date(2026, 10, 21)

    def rows(now: datetime) -> list[dict[str, Any]]:
        found = promises.rows(store, "kazan", kazan.zone, first, last, now)
        return json.loads(promises.as_json(found))

    topic, general, all_ = rows(NOON + 3 * HOUR)
    assert topic == {
        "day": "2026-10-20", "queue": "ТП", "asked": 7, "in_time": 2, "late": 1, "open": 2,
        "red": 2, "overdue": 0, "in_vain": 1, "cancelled": 1,
    }  # fmt: skip
    assert (general["day"], general["queue"], general["asked"]) == ("2026-10-21", "general", 1)
    assert (all_["asked"], all_["open"]) == (8, 3)
    assert rows(NOON + 4 * HOUR)[0]["overdue"] == 2
    found = promises.rows(store, "kazan", kazan.zone, first, last, NOON)
    assert promises.FORMATS["csv"](found).splitlines()[0].startswith("day,queue,asked,in_time")
    table = promises.as_table(found).splitlines()
    assert len(table) == 4
    assert len({len(line) for line in table}) == 1


def test_a_report_of_nothing(store: Store, kazan: Company) -> None:
    day = date(2026, 10, 20)
    (row,) = promises.rows(store, "kazan", kazan.zone, day, day, NOON)
    assert (row.queue, row.asked) == ("all", 0)
