"""From calls that really took place to the reports: their figures are those of the log itself."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from test_callscript import SCRIPTS

from ivr.events import Entry, write
from ivr.facts import keep
from ivr.reporting import Asked, named, render
from ivr.reporting.words import Words
from ivr.store.database import Store, memory_store

NOW = datetime(2027, 6, 1, tzinfo=UTC)
EN = Words("en")
MANY = [name for name in sorted(SCRIPTS) if SCRIPTS[name].company == "odesa"][::3]


@pytest.fixture(scope="module")
def log(logged) -> list[Entry]:
    """Every third script's calls, each with its own callers and operators."""
    found = []
    for number, name in enumerate(MANY):
        for entry in logged(SCRIPTS[name])[1]:
            details = dict(entry.details)
            for field in ("operator", "ticket"):
                if details.get(field):
                    details[field] = f"{details[field]}-{number}"
            call = entry.call and f"{entry.call}-{number}"
            found.append(replace(entry, call=call, details=details))
    return sorted(found, key=lambda entry: entry.at)


@pytest.fixture(scope="module")
def folded(house, log) -> Store:
    store = memory_store()
    write(store, log)
    while keep(store, house.companies):
        pass
    return store


@pytest.fixture
def report(house, folded, log):
    zone = house.companies["odesa"].zone
    days = [entry.at.astimezone(zone).date() for entry in log]

    def tables(name: str):
        with folded.session(read_only=True) as db:
            asked = Asked(db, house.companies["odesa"], min(days), max(days), NOW)
            found = json.loads(render.as_json(named(name).answer(asked), EN))
        return {table["name"]: table["rows"] for table in found["tables"]}

    return tables


def begun(log: list[Entry]) -> list[Entry]:
    return [e for e in log if e.kind == "answered" and "operator" not in e.details and e.call]


def test_every_call_has_ended_for_a_reason_of_the_list(report, log) -> None:
    ended = {entry.call for entry in log if entry.kind == "ended" and entry.call}
    assert len(ended) > 50
    *whys, total = report("endings")["endings"]
    assert total["calls"] == len(ended)
    assert sum(row["calls"] for row in whys) == len(ended)
    assert sum(row["calls"] > 0 for row in whys) > 5


def test_readings_are_those_that_were_accepted(report, log) -> None:
    mine = {entry.call for entry in begun(log) if entry.details.get("entrance", "main") == "main"}
    accepted = [
        entry
        for entry in log
        if entry.kind == "looked_up"
        and entry.call in mine
        and entry.details["service"] == "readings.accept"
        and entry.details["outcome"].startswith("accepted")
    ]
    *_, total = report("readings")["readings"]
    assert total["readings"] == len(accepted) > 5
    assert total["reading_calls"] == len({entry.call for entry in accepted})


def test_who_was_answered_by_an_operator(report, log) -> None:
    talked = {
        entry.call
        for entry in log
        if entry.kind == "answered" and "operator" in entry.details and "-" in entry.call
    }
    calls = {entry.call for entry in begun(log)}
    *_, total = report("service")["service"]
    outcomes = ("answered", "lost", "short", "called_back", "deflected")
    assert total["offered"] == sum(total[name] for name in outcomes)
    assert total["answered"] == len(talked & calls) > 3
    *_, all_ = report("automatic")["automatic"]
    assert all_["calls"] == all_["automatic"] + all_["served"] + all_["neither"]


def test_each_run_of_a_flow_ends_in_one_way(report, log) -> None:
    entered: Counter[str] = Counter()
    over = {entry.call for entry in log if entry.kind == "ended"}
    for entry in log:
        if entry.call in over:
            entered.update(way[1:] for way in entry.details.get("ways", ()) if way.startswith("+"))
    *flows, total = report("funnel")["funnel"]
    runs = {row["flow"]: row["entered"] for row in flows}
    assert runs.pop("main") == report("automatic")["automatic"][-1]["calls"]
    assert runs == {flow: count for flow, count in entered.items() if flow != "main"}
    for row in [*flows, total]:
        ways = ("done", "silence", "no_match", "operator", "hang_up", "failed")
        assert row["entered"] == sum(row[f"result_{way}"] for way in ways)


def test_operators_time_has_no_holes(report) -> None:
    *found, total = report("operators")["operators"]
    assert found
    for row in [*found, total]:
        assert abs(row["check"]) < 0.1
