"""The wait that was told against the wait there was."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr import company
from ivr.company import Company
from ivr.events import Entry, write
from ivr.reporting import wait as reports
from ivr.store.database import Store, memory_store
from ivr.storm import records

ZONE = ZoneInfo("Europe/Kyiv")
NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
DAY = date(2026, 10, 31)


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    yield store
    store.close()


def _call(
    store: Store,
    call: str,
    told: float,
    waited: float | None,
    queue: str = "general",
    at: datetime = NOON,
    company: str = "odesa",
) -> None:
    """A call that is told a wait and, after the true one, answered by an operator."""
    entries = [
        Entry(company, call, at - timedelta(seconds=30), "answered", details={"from": None}),
        Entry(company, call, at, "told", details={"seconds": told, "position": 2}),
        Entry(company, call, at, "queued", details={"queue": queue}),
    ]
    if waited is not None:
        details = {"operator": "olena", "queue": queue}
        answered = at + timedelta(seconds=waited)
        entries.append(Entry(company, call, answered, "answered", details=details))
    write(store, entries)


def _wait(store: Store, first: date = DAY, last: date = DAY) -> dict[str, reports.Row]:
    return {row.queue: row for row in reports.wait(store, "odesa", ZONE, first, last)}


def test_the_error_of_each_promise(store: Store) -> None:
    for number, waited in enumerate((100.0, 110.0, 150.0, 60.0, 300.0)):
        _call(store, f"call-{number}", 120.0, waited)
    row = _wait(store)["general"]
    assert (row.promises, row.answered) == (5, 5)
    assert (row.told, row.waited, row.bias) == (120.0, 110.0, -10.0)
    assert (row.error, row.error_90, row.longer) == (30.0, 180.0, 0.4)


def test_what_was_told_is_what_was_heard_whole_minutes_rounded_up(store: Store) -> None:
    _call(store, "call-1", 61.0, 119.0)
    row = _wait(store)["general"]
    assert (row.told, row.error, row.longer) == (120.0, 1.0, 0.0)


def test_promises_nobody_answered_are_counted_only(store: Store) -> None:
    _call(store, "call-1", 60.0, None, "outage")
    row = _wait(store)["outage"]
    assert (row.promises, row.answered, row.error, row.longer) == (1, 0, None, None)


def test_a_row_a_queue_and_one_for_all(store: Store) -> None:
    _call(store, "call-1", 60.0, 60.0)
    _call(store, "call-2", 60.0, 120.0, "outage")
    _call(store, "call-3", 60.0, 120.0, company="kazan")
    rows = reports.wait(store, "odesa", ZONE, DAY, DAY)
    assert [(row.queue, row.promises) for row in rows] == [
        ("general", 1), ("outage", 1), ("all", 2),
    ]  # fmt: skip


def test_each_of_several_promises_of_a_call_is_one(store: Store) -> None:
    _call(store, "call-1", 300.0, 200.0)
    later = Entry("odesa", "call-1", NOON + timedelta(seconds=100), "told", details={"seconds": 60})
    write(store, [later])
    row = _wait(store)["general"]
    assert (row.promises, row.answered, row.error) == (2, 2, 70.0)


def test_days_are_local_and_whole(store: Store) -> None:
    _call(store, "call-1", 60.0, 7200.0, at=datetime(2026, 10, 31, 21, 59, tzinfo=UTC))
    _call(store, "call-2", 60.0, 60.0, at=datetime(2026, 10, 31, 22, 0, tzinfo=UTC))
    _call(store, "call-3", 60.0, 60.0, at=datetime(2026, 10, 30, 20, 59, tzinfo=UTC))
    row = _wait(store)["general"]
    assert (row.promises, row.waited) == (1, 7200.0)
    assert _wait(store, date(2026, 10, 30), date(2026, 11, 1))["all"].promises == 3


def test_no_promise_at_all(store: Store) -> None:
    (row,) = reports.wait(store, "odesa", ZONE, DAY, DAY)
    assert (row.queue, row.promises, row.error_90) == ("all", 0, None)
    assert "-" in reports.as_table([row])


def test_the_formats_hold_the_same(store: Store) -> None:
    _call(store, "call-1", 60.0, 90.0)
    rows = reports.wait(store, "odesa", ZONE, DAY, DAY)
    table = reports.as_table(rows).splitlines()
    assert len(table) == 3 and table[1].startswith("general") and table[1].endswith("100.0%")
    parsed = list(csv.DictReader(io.StringIO(reports.FORMATS["csv"](rows))))
    listed = json.loads(reports.as_json(rows))
    assert [row["error_90"] for row in parsed] == [str(row["error_90"]) for row in listed]
    assert listed[0]["waited"] == 90.0


# ---------------------------------------------------------------------- storms


def _storm(store: Store, began: float, ended: float, hours: float = 6) -> None:
    """Storm mode between two moments, minutes from noon."""
    profile = _company()
    moments = [NOON + timedelta(minutes=minutes) for minutes in (began, ended)]
    with store.session() as db:
        records.switch_on(db, profile, moments[0], "vira", hours=hours, reason="a gale")
        records.switch_off(db, profile, moments[1], "vira")


def _company() -> Company:
    return company.load(Path(__file__).parents[1] / "flows" / "companies")["odesa"]


def test_promises_told_in_a_storm_are_counted(store: Store) -> None:
    _call(store, "call-1", 60.0, 20.0)
    for number in range(4, 8):
        _call(store, f"call-{number}", 900.0, 800.0, at=NOON + timedelta(minutes=90))
    _call(store, "call-8", 900.0, None, "outage", at=NOON + timedelta(minutes=90))
    _storm(store, 60, 120)
    rows = _wait(store)
    assert [(each.promises, each.storm) for each in rows.values()] == [(5, 4), (1, 1), (6, 5)]


def test_storms_stand_below_the_table(store: Store) -> None:
    _storm(store, 60, 120)
    found = reports.storms(store, "odesa", ZONE, DAY, DAY)
    (line,) = reports.marks(found, ZONE)
    assert line == "storm mode: 2026-10-31 13:00 to 2026-10-31 14:00, by vira: a gale"
    assert reports.storms(store, "odesa", ZONE, date(2026, 11, 1), date(2026, 11, 1)) == []
    assert reports.storms(store, "kazan", ZONE, DAY, DAY) == []


def test_a_storm_that_began_the_day_before_marks_this_one(store: Store) -> None:
    _storm(store, -24 * 60, 5, hours=48)
    _call(store, "call-1", 60.0, 20.0)
    _call(store, "call-2", 60.0, 20.0, at=NOON + timedelta(minutes=5))
    assert _wait(store)["all"].storm == 1
