"""The wallboard and the reports count one log by different ways; their figures are the same."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from simulated import Log, Shift
from sqlalchemy import select

from ivr.agent_queue.memory import MemoryQueue
from ivr.board import Board, replay
from ivr.company import Company, load
from ivr.events import Entry, write
from ivr.facts import keep
from ivr.reporting import Asked, named, render
from ivr.reporting.words import Words
from ivr.staffing import measured
from ivr.store.database import Store, memory_store
from ivr.store.facts import CallFact
from ivr.terms import ServiceTerms

ODESA = load(Path(__file__).parents[2] / "flows" / "companies")["odesa"]
COUNTED = ("offered", "answered", "within", "lost", "short", "called_back", "deflected", "level")
IN_HALF = ("offered", "answered", "within", "lost", "short", "level")
NOTHING = {**dict.fromkeys(COUNTED, 0), "level": None}
LONG = ServiceTerms(within=240, short=90)
"""So that a shift of a few hours has callers of every kind."""
WAYS = [
    ServiceTerms(within=240, short=90, clock=clock, denominator=denominator)
    for clock in ("queue", "call")
    for denominator in ("offered", "without_short", "answered")
]
NIGHTS = {
    "an ordinary midnight": datetime(2026, 11, 3, 20, 0, tzinfo=UTC),
    "the hour that comes twice": datetime(2026, 10, 24, 20, 0, tzinfo=UTC),
    "the hour that is left out": datetime(2027, 3, 27, 21, 0, tzinfo=UTC),
}


class Whole(Shift):
    """A shift in which supervisors steer, too, and after which everybody hangs up."""

    def other(self) -> None:
        standing = [c for c in self.calls if (t := self.queue.ticket(c)) and t.state == "waiting"]
        if not standing or self.chance.random() < 0.6:
            super().other()
            return
        call = self.chance.choice(standing)
        queue = self.queue.ticket(call).queue
        outcome = self.chance.choice(("deflected", "called_back", "", ""))
        if outcome:
            self.queue.leave(call, outcome, self.now)
        else:
            self.queue.move(call, self.chance.choice(list(self.company.queues)), self.now, queue)

    def synthetic(self) -> None:
        super().synthetic()
        first, waits, _ = self.log.entries[-3:]
        gone = {**waits.details, "state": "done", "outcome": "abandoned"}
        ended = replace(first, kind="ended", details={"reason": "caller"})
        self.log.append([replace(waits, details=gone), ended])

    def close(self) -> list[Entry]:
        for call in list(self.calls):
            self.clock.pass_(1)
            self.runner.close(call)
        return self.log.entries


@pytest.fixture
def shift(worker, clock):
    """The log of a shift that begins at a moment."""

    def make(seed: str, begin: datetime, company: Company, steps: int = 900) -> list[Entry]:
        clock.pass_((begin - clock()).total_seconds())
        log = Log()
        queue = MemoryQueue(
            {company.id: company.queues}, seeds=itertools.count().__str__, journal=log.note
        )
        runner = worker(queue=queue, log=log)
        chance = random.Random(seed)
        whole = Whole(runner, queue, log, clock, company, chance, pace=25.0)
        whole.run(steps)
        return whole.close()

    return make


def counted_by(terms: ServiceTerms) -> Company:
    return replace(ODESA, terms=replace(ODESA.terms, service_level=terms))


def folded(entries: Iterable[Entry], company: Company) -> Store:
    store = memory_store()
    write(store, list(entries))
    while keep(store, {company.id: company}):
        pass
    return store


def reported(store: Store, company: Company, day: date, *by: str) -> list[dict]:
    """The report of the service level; the last row is that of all."""
    with store.session(read_only=True) as db:
        asked = Asked(db, company, day, day, datetime(2028, 1, 1, tzinfo=UTC), by)
        found = json.loads(render.as_json(named("service").answer(asked), Words("en")))
    return found["tables"][0]["rows"]


def same(figures: dict, row: dict, names: Iterable[str] = COUNTED) -> None:
    told = {name: row[name] for name in names}
    assert {name: figures[name] for name in names} == told | {
        "level": None if told["level"] is None else round(told["level"], 4)
    }


def days(entries: list[Entry], company: Company) -> Iterator[tuple[date, datetime]]:
    """The local days of a log, each with its last second."""
    for day in sorted({each.at.astimezone(company.zone).date() for each in entries}):
        midnight = datetime.combine(day + timedelta(days=1), time.min, company.zone)
        yield day, midnight.astimezone(UTC) - timedelta(seconds=1)


def compare(board: Board, store: Store, company: Company, day: date, last: datetime) -> None:
    """Compare what both say of a day on which everybody has gone."""
    figures = board.figures(last)
    *queues, total = reported(store, company, day, "queue")
    same(figures["all"], total)
    assert total["offered"] == sum(queue["offered"] for queue in figures["queues"].values())
    with store.session(read_only=True) as db:
        load = measured.counts(db, company.id, day, day)
    assert sum(load.get(day, {}).values()) == total["offered"] + total["transfers"]
    rows = {row["queue"]: row for row in queues}
    for name, queue in figures["queues"].items():
        same(queue, rows.pop(name, NOTHING))
    assert not any(row["offered"] for row in rows.values())
    *halves, _ = reported(store, company, day, "half-hour")
    told = {each["since"]: each for each in figures["history"]}
    assert len(halves) == len(told)
    for row in halves:
        same(told.pop(int(datetime.fromisoformat(row["begins"]).timestamp())), row, IN_HALF)


@pytest.mark.parametrize("name", NIGHTS)
def test_every_figure_of_the_wallboard_is_that_of_the_report(shift, name):
    company = counted_by(LONG)
    entries = shift(name, NIGHTS[name], company)
    board, store = replay(enumerate(entries), company), folded(entries, company)
    seen = dict.fromkeys((*COUNTED, "transfers"), 0)
    for day, last in days(entries, company):
        compare(board, store, company, day, last)
        total = reported(store, company, day)[-1]
        seen = {each: seen[each] + (total[each] or 0) for each in seen}
    assert len(list(days(entries, company))) == 2
    assert all(seen.values()), seen
    store.close()


def test_each_formula_says_the_same_on_both(shift):
    entries = shift("formulas", datetime(2026, 11, 3, 8, 0, tzinfo=UTC), ODESA)
    store = folded(entries, ODESA)
    [(day, last)] = days(entries, ODESA)
    levels = []
    for terms in WAYS:
        company = counted_by(terms)
        board = replay(enumerate(entries), company)
        compare(board, store, company, day, last)
        levels.append(board.figures(last)["all"]["level"])
    assert all(levels) and len(set(levels)) >= 4
    store.close()


def test_the_open_calls_of_each_moment_are_those_that_the_facts_know(shift):
    entries = shift("open", datetime(2026, 11, 3, 8, 0, tzinfo=UTC), ODESA)
    store = folded(entries, ODESA)
    with store.session(read_only=True) as db:
        lasted = db.execute(
            select(CallFact.began, CallFact.ended).where(CallFact.entrance != "synthetic")
        ).all()
    board, looks = Board(ODESA), 0
    for one, other in itertools.pairwise(sorted(entries, key=lambda each: each.at)):
        board.apply(one)
        if one.at < other.at:
            looks += 1
            open_ = sum(began <= one.at < ended for began, ended in lasted)
            assert board.figures(one.at)["calls"]["open"] == open_
    assert looks > 500
    store.close()
