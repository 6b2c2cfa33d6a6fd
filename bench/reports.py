"""Every report over a year of one company: three million calls in SQLite.

    python -m bench.reports [--calls 3000000] [--store FILE] [--only year,service] [--logs 100]
                            [--log URL]

The rows of facts are made up here: a year of calls with the shares of the grid operators we know
of, not folded from a log. Measured is `app.py report`, the whole program: start, SQL, formulas, the
file it writes; wall time, time on a core (other work on the machine lengthens the first, not the
second), and the most memory it ever had. `--store`: made once, kept, used again.

Then the other half, from the log to the facts: the logs of call scripts that were played (`--logs`
times each, times and ids moved), stored in an SQLite file, or at `--log`, and folded.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from ivr import callscript, facts
from ivr.channels.console import ConsoleLine
from ivr.channels.line import Clock
from ivr.channels.operators import Operators
from ivr.composition import DEMO, house
from ivr.events import Entry, entry_of, write
from ivr.facts import rebuild
from ivr.facts.model import TOPICS
from ivr.runner import Runner
from ivr.sessions import MemorySessions
from ivr.store.database import Store, open_store
from ivr.store.world import keep_company

HOME = Path(__file__).parents[1]
SCRIPTS = HOME / "tests" / "calls"
COMPANY, ZONE = "odesa", ZoneInfo("Europe/Kyiv")
YEAR = 2026
BEGIN = datetime(YEAR, 1, 1, tzinfo=ZONE).astimezone(UTC)
SECONDS = 365 * 86400
QUEUED, ANSWERED, SHORT, CALLED_BACK = 0.45, 0.9, 0.02, 0.03
"""Shares of the calls that enter a queue, and of those what becomes of them."""
AUTOMATIC, STORMY = 0.515, 0.08
OPERATORS = 60
QUEUES = ("general", "outage", "metering", "connection", "business", "danger")
FLOWS = ("reading", "outage", "schedule", "application", "office", "complaint")
BATCH = 50_000
RUNS = (
    ("year", "html"), ("service", "csv"), ("service", "xlsx", "--by", "half-hour"),
    ("service", "json", "--by", "month,queue"), ("order186", "csv"), ("automatic", "html"),
    ("funnel", "csv"), ("readings", "csv"), ("repeats", "csv"), ("fcr", "csv"),
    ("endings", "csv"), ("endings", "xlsx", "--by", "day"), ("operators", "csv"),
    ("operators", "xlsx", "--by", "operator,day"), ("survey", "csv"),
)  # fmt: skip
"""What is measured: name, format, further options."""


def text(at: datetime) -> str:
    """Return a moment as SQLite holds it."""
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


class Year:
    """The rows of a year, a month of memory at a time."""

    def __init__(self, calls: int, seed: int = 7) -> None:
        self.calls = calls
        self._random = random.Random(seed)
        self.visits: list[tuple[object, ...]] = []
        self.flows: list[tuple[object, ...]] = []

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the calls in the order of time; `visits` and `flows` gather what they bring."""
        chance, choose = self._random.random, self._random.choice
        for number in range(self.calls):
            at = BEGIN + timedelta(seconds=number * SECONDS / self.calls + chance())
            local, name = at.astimezone(ZONE), f"pbx1-{at.timestamp():.3f}.{number}"
            minute = at.minute % 30
            half = at.replace(microsecond=0) - timedelta(minutes=minute, seconds=at.second)
            stamps = (name, COMPANY, local.date().isoformat(), text(half))
            storm, language = chance() < STORMY, choose(("uk", "uk", "uk", "ru"))
            queued = chance() < QUEUED
            served = queued and self._visit(stamps, at, storm, language)
            automatic = not served and chance() < AUTOMATIC
            flow = choose(FLOWS)
            self._flow(stamps, 1, "main", language, "done")
            ending = "done" if automatic else "operator" if queued else "hang_up"
            self._flow(stamps, 2, flow, language, ending)
            yield (
                name, COMPANY, text(at), text(at + timedelta(seconds=150)), stamps[2], stamps[3],
                f"+38067{self._random.randrange(900_000):07}", "+380487050505", "agi", language,
                "main", str(100_000 + self._random.randrange(400_000)) if chance() < 0.6 else None,
                choose(TOPICS), "[]", automatic, served,
                1 if automatic and flow == "reading" else 0,
                "caller", "caller_in_talk" if served else "completed", "goodbye",
                choose((None, None, None, 4, 5)) if served else None, storm, None,
            )  # fmt: skip

    def _visit(self, stamps: tuple[str, ...], at: datetime, storm: bool, language: str) -> bool:
        chance = self._random.random()
        waited = self._random.expovariate(1 / (120 if storm else 22))
        outcome = "answered"
        if chance > ANSWERED:
            outcome = "called_back" if chance > 1 - CALLED_BACK else "abandoned"
            waited = waited / 10 if chance < ANSWERED + SHORT else waited * 2
        answered = outcome == "answered"
        name, company, day, half = stamps
        self.visits.append(
            (
                name,
                1,
                company,
                self._random.choice(QUEUES),
                "call",
                "normal",
                language,
                "+380487050505",
                text(at + timedelta(seconds=25)),
                day,
                half,
                outcome,
                waited if answered else None,
                None if answered else waited,
                f"op{self._random.randrange(OPERATORS)}" if answered else None,
                180.0 if answered else None,
                20.0 if answered else None,
                None,
                storm,
            )  # fmt: skip
        )
        return answered

    def _flow(
        self, stamps: tuple[str, ...], number: int, flow: str, language: str, result: str
    ) -> None:
        name, company, day, _ = stamps
        self.flows.append((name, number, company, day, flow, language, result, "enter", 20.0))


def spans(calls: int) -> Iterator[tuple[object, ...]]:
    """Yield the operators' year: ready, ringing, talking, wrap-up over and over, nights off."""
    each = int(calls * QUEUED * ANSWERED / OPERATORS / 365) or 1
    pace = 8 * 3600 / each
    states = (("idle", 0.4), ("offered", 0.05), ("talking", 0.45), ("wrap_up", 0.1))
    for operator in range(OPERATORS):
        for day in range(365):
            at = BEGIN + timedelta(days=day, hours=8)
            for _ in range(each):
                for state, part in states:
                    yield _span(operator, at, pace * part, "ready", state)
                    at += timedelta(seconds=pace * part)
            yield _span(operator, at, 3600, "paused", "idle")
            yield _span(operator, at + timedelta(hours=1), 15 * 3600, "offline", "idle")


def _span(operator: int, at: datetime, lasts: float, status: str, state: str) -> tuple[object, ...]:
    reason = "break" if status == "paused" else ""
    end = text(at + timedelta(seconds=lasts))
    return (COMPANY, f"op{operator}", text(at), end, status, reason, state, "", "")


def fill(path: Path, calls: int) -> None:
    """Write the year into an empty store."""
    store = open_store(f"sqlite:///{path}", migrate=True)
    with store.session() as db:
        keep_company(db, COMPANY)
    store.close()
    year = Year(calls)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        rows = year.rows()
        while batch := list(islice(rows, BATCH)):
            with connection:
                _insert(connection, "call_facts", batch)
                _insert(connection, "visit_facts", year.visits)
                _insert(connection, "flow_facts", year.flows)
            year.visits.clear()
            year.flows.clear()
        worked = spans(calls)
        names = "company, operator, began, ended, status, reason, state, ticket, queue"
        while batch := list(islice(worked, BATCH)):
            with connection:
                _insert(connection, f"operator_spans ({names})", batch)


def _insert(connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    if rows:
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608


def counts(path: Path) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = ("call_facts", "visit_facts", "flow_facts", "operator_spans")
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in tables
        }


def run(
    path: Path, folder: Path, name: str, format_: str, *options: str
) -> tuple[float, float, float]:
    """Run one report as a program of its own: seconds, of them on a core, most memory in MiB."""
    settings = folder / "telephony.conf"
    settings.write_text(
        f"[press2]\ncompany = {COMPANY}\nvar = {folder}\n[store]\nurl = sqlite:///{path}\n"
    )
    command = [
        sys.executable, str(HOME / "app.py"), "report", name, "--from", f"{YEAR}-01-01",
        "--to", f"{YEAR}-12-31", "--format", format_, "-o", str(folder / f"report.{format_}"),
        *options,
    ]  # fmt: skip
    began = time.perf_counter()
    child = subprocess.Popen(command, env=os.environ | {"PRESS2_CONF": str(settings)})
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: ended with {status}")
    lasted = time.perf_counter() - began
    return lasted, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def played() -> list[list[Entry]]:
    """Play the call scripts on the console; the events of each, the queue's journal included."""
    flows, companies, catalogues = house()
    journals: list[Operators] = []

    def dial(store: Store, clock: Clock, operators: Operators) -> ConsoleLine:
        journals.append(operators)
        runner = Runner(
            flows, companies, operators.services, store, MemorySessions(), operators.log, clock,
            COMPANY, queue=operators.reached,
        )  # fmt: skip
        return ConsoleLine(runner, catalogues, clock, operators)

    world = yaml.load(DEMO.read_text("utf-8"), yaml.BaseLoader)["world"]
    found = []
    for path in sorted(SCRIPTS.glob("ac-*.yaml")):
        for script in callscript.read(path):
            if script.company == COMPANY:
                journals.clear()
                report = callscript.run(script, companies, world, dial)
                if not report.failures:  # who speaks is not heard here
                    noted = [entry_of(each) for own in journals for each in own.journal]
                    log = sorted([*noted, *report.log], key=lambda entry: entry.at)
                    found.append(_without_others(log))
    return found


def _without_others(log: list[Entry]) -> list[Entry]:
    """Leave out the tickets that a script puts into the queue before its caller."""
    calls = {entry.call for entry in log if entry.kind == "answered"}
    return [
        entry
        for entry in log
        if entry.kind != "ticket" or entry.call in calls or entry.details["kind"] == "callback"
    ]


def fold(url: str, times: int) -> None:
    """Store the logs of the scripts so many times, and make the facts of them."""
    gc.disable()  # as `app.py facts rebuild` does
    store = open_store(url, migrate=True)
    with store.session() as db:
        keep_company(db, COMPANY)
    logs = played()
    for number in range(times):
        again = [
            _again(entry, f"{number}-{place}", number)
            for place, log in enumerate(logs)
            for entry in log
        ]
        write(store, again)
    began, busy = time.perf_counter(), time.process_time()
    company = house()[1][COMPANY]
    count = rebuild(store, company)
    lasted, busy = time.perf_counter() - began, time.process_time() - busy
    calls = facts.count(store, company)
    store.close()
    print(
        f"\n{count:,} events of {calls:,} calls folded in {lasted:.1f} s, {busy:.1f} s of them on a"
        f" core: {calls / lasted:,.0f} calls a second"
    )


def _again(entry: Entry, mark: str, hours: int) -> Entry:
    """The same event of another call, an hour later each time."""
    details = dict(entry.details)
    for name in ("operator", "ticket"):
        if details.get(name):
            details[name] = f"{details[name]}-{mark}"
    at = entry.at + timedelta(hours=hours)
    return replace(entry, call=entry.call and f"{entry.call}-{mark}", at=at, details=details)


def main() -> None:
    """Make the year, run every report over it, then fold a log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3_000_000)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--logs", type=int, default=100)
    parser.add_argument("--log", default="", help="empty store for the logs, PostgreSQL say")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else []
    folder = Path(tempfile.mkdtemp(prefix="press2-reports-"))
    path = options.store or folder / "year.db"
    try:
        began = time.perf_counter()
        if not path.exists():
            fill(path, options.calls)
            print(f"rows made in {time.perf_counter() - began:.0f} s")
        size = path.stat().st_size / 2**30
        listed = ", ".join(f"{count:,} {table}" for table, count in counts(path).items())
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print(f"{listed}; {size:.1f} GiB\n")
        print("| report | format | s | of them on a core | MiB |\n|---|---|---|---|---|")
        for name, format_, *more in RUNS:
            if not wanted or name in wanted:
                lasted, busy, memory = run(path, folder, name, format_, *more)
                row = (" ".join((name, *more)), format_, f"{lasted:.1f}", f"{busy:.1f}")
                print(f"| {' | '.join(row)} | {memory:.0f} |", flush=True)
        fold(options.log or f"sqlite:///{folder}/log.db", options.logs)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
