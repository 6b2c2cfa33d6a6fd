"""Operators' time from the log to the report: shifts over days, and who is at home."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ivr import company
from ivr.events import Entry, write
from ivr.facts import keep
from ivr.reporting import Asked, named, render
from ivr.reporting.words import Words
from ivr.store.database import memory_store

COMPANIES = company.load(Path(__file__).parents[2] / "flows" / "companies")
ODESA = COMPANIES["odesa"]
OCTOBER_24 = date(2026, 10, 24)
HOUR = 3600.0


def change(
    at: datetime,
    operator: str,
    status: str,
    state: str = "idle",
    reason: str = "",
    ticket: str = "",
) -> Entry:
    told = {"operator": operator, "shown": operator, "status": status, "state": state}
    details = {**told, "reason": reason, "ticket": ticket, "skills": {"general": 3}, "since": 0}
    return Entry("odesa", "", at.astimezone(UTC), "operator", details=details)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=ODESA.zone)


LOG = [
    change(local(24, 8), "iryna", "ready"),
    change(local(24, 10), "iryna", "paused", reason="lunch"),
    change(local(24, 10, 30), "iryna", "ready"),
    change(local(24, 12), "iryna", "offline"),
    change(local(24, 20), "petro", "ready"),  # over the hour that there is twice
    change(local(25, 8), "petro", "offline"),
    change(local(26, 9), "iryna", "ready"),
    change(local(26, 17), "iryna", "offline"),
]


def rows(first: date, last: date, *by: str, log: list[Entry] = LOG) -> list[dict]:
    store = memory_store()
    write(store, log)
    while keep(store, COMPANIES):
        pass
    with store.session(read_only=True) as db:
        asked = Asked(db, ODESA, first, last, local(27, 6).astimezone(UTC), by, True)
        answer = named("operators").answer(asked)
    store.close()
    return json.loads(render.as_json(answer, Words("en")))["tables"][0]["rows"]


def test_time_at_home_is_offline_and_every_second_is_counted() -> None:
    iryna, petro, total = rows(OCTOBER_24, OCTOBER_24 + timedelta(days=2))
    assert iryna["wall"] == iryna["sum"] == (16 + 25 + 24) * HOUR
    assert iryna["signed_in"] == (4 + 8) * HOUR
    assert iryna["paused_lunch"] == 0.5 * HOUR
    assert petro["wall"] == petro["sum"] == (4 + 25 + 24) * HOUR
    assert petro["signed_in"] == (4 + 9) * HOUR  # the night is an hour longer
    for each in (iryna, petro, total):
        assert each["check"] == 0
        assert each["offline"] == each["wall"] - each["signed_in"]


def test_a_day_on_which_nobody_came_has_no_rows() -> None:
    (total,) = rows(OCTOBER_24 + timedelta(days=3), OCTOBER_24 + timedelta(days=3))
    assert total["signed_in"] == 0 and total["check"] == 0


def test_who_took_a_talk_over_is_told_of() -> None:
    """He answered nobody, and talked: his time is no riddle. His next caller is his own."""
    log = [
        change(local(24, 8), "iryna", "ready"),
        change(local(24, 8), "petro", "paused", reason="listening"),
        change(local(24, 9), "iryna", "ready", "talking", ticket="pbx1-1.1"),
        change(local(24, 9, 5), "iryna", "ready", "wrap_up", ticket="pbx1-1.1"),
        change(local(24, 9, 5), "petro", "paused", "talking", "listening", ticket="pbx1-1.1"),
        change(local(24, 9, 6), "petro", "ready"),
        change(local(24, 9, 6), "petro", "ready", "talking", ticket="pbx1-2.2"),
        change(local(24, 9, 7), "petro", "offline"),
        change(local(24, 9, 7), "iryna", "offline"),
    ]
    iryna, petro, total = rows(OCTOBER_24, OCTOBER_24, log=log)
    assert [each["taken_over"] for each in (iryna, petro, total)] == [0, 1, 1]
    assert (petro["answered"], petro["talking"]) == (0, 120)
