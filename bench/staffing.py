"""How long staffing takes: a day of 3,000 calls lived again, the forecast, Erlang's formulas.

    python -m bench.staffing [--calls 3000] [--runs 3]

The day has six queues, shifts of forty operators, overflow and a relaxed level. The forecast reads
a year of visits of a company that has so many calls a day, from SQLite in a file.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bench.trace import PROFILE
from ivr import company as companies
from ivr.composition import COMPANIES
from ivr.staffing import plan
from ivr.staffing.backtest import backtest
from ivr.staffing.calendar import Calendar
from ivr.staffing.day import Caller, Day, Stay
from ivr.staffing.erlang import Target, abandonments, needed_a, needed_c
from ivr.staffing.measured import Patience
from ivr.staffing.plan import Wishes
from ivr.staffing.replay import Terms, live
from ivr.store.database import Store, open_store
from ivr.store.facts import VisitFact
from ivr.store.world import keep_company

COMPANY = "odesa"
LAST = date(2026, 11, 19)
DAYS = 400
OPERATORS = 40
QUEUES = ("general", "outage", "metering", "business", "connection", "danger")
WEIGHTS = (40, 25, 20, 8, 5, 2)


Took = tuple[float, float]
"""Seconds by the wall clock, and of this process on a core."""


def timed(what: Callable[[], Any]) -> tuple[Took, Any]:
    """Return how long something takes, and what it returns."""
    begun, used = time.perf_counter(), time.process_time()
    found = what()
    return (time.perf_counter() - begun, time.process_time() - used), found


def row(what: str, *took: Took) -> None:
    """Print a line of the table: the medians."""
    wall, core = (statistics.median(each) for each in zip(*took, strict=True))
    print(f"| {what} | {wall:.3g} | {core:.3g} |", flush=True)


def a_day(company: companies.Company, calls: int, seed: int) -> Day:
    """Return a day with so many calls and shifts that are neither empty nor full."""
    chance = random.Random(seed)
    begin, end = (each.timestamp() for each in Calendar(company).bounds(LAST))
    hours = chance.choices(range(24), PROFILE, k=calls)
    ats = sorted(begin + 3600 * (hour + chance.random()) for hour in hours)
    callers = tuple(
        Caller(
            f"c{number}", 1, chance.choices(QUEUES, WEIGHTS)[0], at, at, outcome="abandoned",
            left=chance.expovariate(1 / 240), talk=chance.expovariate(1 / 170),
            wrap=chance.uniform(5, 25),
        )
        for number, at in enumerate(ats)
    )  # fmt: skip
    starts = [chance.choice((0, 7, 8, 9, 10, 14)) for _ in range(OPERATORS)]
    stays = tuple(
        Stay(
            f"op{number:03}", begin + start * 3600, min(end, begin + (start + 9) * 3600),
            {queue: chance.randint(2, 5) for queue in QUEUES},
        )
        for number, start in enumerate(starts)
    )  # fmt: skip
    return Day(LAST, begin, end, callers, stays)


def a_year(store: Store, company: companies.Company, calls: int) -> int:
    """Fill the visits of a year; return how many they are."""
    chance, calendar, count = random.Random(1), Calendar(company), 0
    shape = [share for share in PROFILE for _ in (0, 1)]
    with store.session() as db:
        keep_company(db, COMPANY)
    for back in range(DAYS, 0, -1):
        day = LAST - timedelta(days=back)
        level = {0: 1.3, 5: 0.7, 6: 0.6}.get(day.weekday(), 1.0)
        rows = list(_rows(company, calendar, day, [calls * level * s / sum(shape) for s in shape]))
        chance.shuffle(rows)
        with store.session() as db:
            db.execute(insert(VisitFact), rows)
        count += len(rows)
    return count


def _rows(
    company: companies.Company, calendar: Calendar, day: date, means: list[float]
) -> Iterator[dict[str, Any]]:
    chance = random.Random(day.toordinal())
    for slot, mean in zip(calendar.half_hours(day), [*means, *means[:2]], strict=False):
        for number in range(max(0, round(chance.gauss(mean, math.sqrt(mean))))):
            lost = chance.random() < 0.06
            seconds = chance.expovariate(1 / 20)
            yield {
                "call": f"{slot:%y%m%d%H%M}-{number}", "number": 1, "company": company.id,
                "queue": chance.choices(QUEUES, WEIGHTS)[0], "kind": "call", "priority": "normal",
                "language": "uk", "entered": slot, "day": day, "interval": slot,
                "outcome": "abandoned" if lost else "answered", "waited": None if lost else seconds,
                "left": seconds if lost else None, "talk": None if lost else 170.0,
                "wrap": None if lost else 15.0, "storm": False,
            }  # fmt: skip


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, help="of the day")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    company = companies.load(COMPANIES)[COMPANY]
    load = os.getloadavg()[0]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()},"
        f" Python {platform.python_version()}, load {load:.1f}\n\n"
        "| what | seconds | on a core |\n|---|---|---|"
    )
    day = a_day(company, options.calls, 1)
    terms = Terms(company.queues, company.queues, {"": Patience(240.0, 0, 0, False)})
    times = [timed(lambda seed=seed: live(day, terms, seed))[0] for seed in range(options.runs)]
    row(f"a day of {options.calls:,} calls lived once", *times)
    rates = [rate / 3600 for rate in range(10, 1010, 10)]
    target = Target()
    took, _ = timed(
        lambda: [(needed_c(r, 200, target), needed_a(r, 200, 180, target)) for r in rates]
    )
    row(f"operators by Erlang C and A, {len(rates)} loads up to 56 erlang", took)
    took, _ = timed(lambda: abandonments(5.0, 200, 180, 1000))
    row("Erlang A of 1,000 operators", took)
    with tempfile.TemporaryDirectory(prefix="press2-") as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'press2.db'}", migrate=True)
        visits = a_year(store, company, options.calls)
        now = datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=UTC)

        def read() -> plan.Known:
            with store.session(read_only=True) as db:
                return plan.known(db, company, (), LAST, now)

        took, known = timed(read)
        row(f"reading what a forecast stands on, {visits:,} visits of {DAYS} days", took)
        given = plan.inputs(known, Wishes())
        week = [LAST + timedelta(days=number) for number in range(7)]
        took, _ = timed(lambda: [plan.day(known, each, Wishes(), given) for each in week])
        row("forecast and operators of a week", took)
        took, scores = timed(lambda: backtest(known.history, LAST, 28, 8))
        row(f"backtest of 28 days (WAPE of half hours {scores[-1].half_hours:.1%})", took)
        store.close()


if __name__ == "__main__":
    main()
