"""Calls that really took place, and what their logs come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from test_callscript import runner_over

from ivr import callscript
from ivr.callscript import Report, Script
from ivr.channels.console import ConsoleLine
from ivr.events import Entry, entry_of
from ivr.facts.calls import Facts, Surroundings, fold
from ivr.facts.model import Happening


def happenings(entries: Sequence[Entry]) -> list[Happening]:
    """Return events as rows of the log."""
    return [
        Happening(number, e.call, e.at, e.kind, e.flow, e.step, e.details)
        for number, e in enumerate(entries, 1)
    ]


def in_order(log: Sequence[Entry], journal: Sequence[Entry]) -> list[Entry]:
    """Return the log and the queue's journal as one, by time, as they reach the store."""
    return sorted([*journal, *log], key=lambda entry: entry.at)


@pytest.fixture(scope="session")
def logged(house) -> Callable[[Script], tuple[Report, list[Entry]]]:
    """Plays a script on the console; its report, and all events."""

    def play(script: Script) -> tuple[Report, list[Entry]]:
        queues: list[Any] = []

        def dial(store, clock, operators):
            queues.append(operators)
            runner = runner_over(house, store, clock, operators)
            return ConsoleLine(runner, house.catalogues, clock, operators)

        report = callscript.run(script, house.companies, house.world, dial)
        journal = [entry_of(each) for own in queues for each in own.journal]
        return report, in_order(report.log, journal)

    return play


@pytest.fixture(scope="session")
def folded(house) -> Callable[[str, Sequence[Entry]], dict[str, Facts]]:
    """Folds events of a company, call by call."""

    def run(company: str, entries: Sequence[Entry]) -> dict[str, Facts]:
        profile = house.companies[company]
        known = Surroundings(company, profile.zone, profile.languages[0])
        rows: dict[str, list[Happening]] = {}
        for each in happenings(entries):
            if each.call:
                rows.setdefault(each.call, []).append(each)
        return {name: fold(own, known) for name, own in rows.items()}

    return run
