"""Erasing one customer, and deleting by age, in a store of a million calls in SQLite.

    python -m bench.erasure [--calls 1000000] [--store FILE]

The year of facts is that of `bench.reports`; made of it are four events a call, a recorded talk for
each call that was served, an entry of the audit log for every fifth. Measured is the work on the
store: there is no Redis and no file. Retention is run twice: the first time over all that has grown
too old, then the night after.

Then what `secure_delete` costs: rows of the log of events written, changed and deleted, in
transactions of 500, with it and without.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.reports import COMPANY, YEAR, counts, fill
from ivr.company import Company, load
from ivr.erasure import customer, retention
from ivr.erasure.customer import Parts
from ivr.erasure.rows import BATCH
from ivr.erasure.subject import Subject, account_of, number_of
from ivr.store.database import open_store
from ivr.terms import RetentionTerms

HOME = Path(__file__).parents[1]
TERMS = RetentionTerms(recordings=90, messages=90, events=270, numbers=180, audit=270)
"""Days that are kept here."""
NOW = datetime(YEAR + 1, 1, 1, 1, 0, tzinfo=UTC)
ROWS = 100_000
"""Of the log of events, for `secure_delete`."""

MORE = """
    INSERT INTO events (company, call, at, kind, flow, step, details)
    SELECT company, call, began, kind, 'main', 'menu', CASE kind
        WHEN 'answered' THEN json_object('from', number, 'to', dialled, 'channel', channel)
        WHEN 'heard' THEN '{"kind": "keys", "text": "1"}'
        WHEN 'said' THEN '{"prompts": ["menu", "goodbye"]}'
        ELSE '{"reason": "caller"}' END
    FROM call_facts CROSS JOIN (
        SELECT 1 AS place, 'answered' AS kind UNION SELECT 2, 'heard' UNION SELECT 3, 'said'
        UNION SELECT 4, 'ended'
    ) ORDER BY began, place;
    INSERT INTO conversations (
        company, call, token, operator, queue, caller_number, entered_at, answered_at, ended_at,
        recording, note, interrupted, unrecorded, quality
    )
    SELECT company, call, 't' || call, 'op1', 'general', number, began, began, ended,
        'talks/' || call || '.wav', '', 0, 0, '{}'
    FROM call_facts WHERE served ORDER BY began;
    INSERT INTO audit (company, at, who, what, allowed, call, details)
    SELECT company, began, 'vira', 'play_recording', 1, call, '{"seconds": 7}'
    FROM call_facts WHERE substr(call, -1) IN ('0', '5') ORDER BY began;
"""


def made(path: Path, calls: int) -> None:
    """Fill an empty store."""
    fill(path, calls)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(MORE)


def subjects(path: Path, company: Company) -> Iterator[tuple[str, Subject]]:
    """Yield customers who called in the middle of the year: by number, by account."""
    with closing(sqlite3.connect(path)) as connection:
        wanted = "SELECT number, account FROM call_facts WHERE account IS NOT NULL AND began > ?"
        number, _ = connection.execute(wanted, (f"{YEAR}-07-01",)).fetchone()
        _, account = connection.execute(wanted, (f"{YEAR}-08-01",)).fetchone()
    yield "number", number_of(company, {COMPANY: company}, number)
    yield "account", account_of(company, account)


def measure(path: Path, folder: Path) -> None:
    """Erase two customers, then delete by age."""
    profile = load(HOME / "flows" / "companies")[COMPANY]
    company = replace(profile, terms=replace(profile.terms, retention=TERMS))
    store = open_store(f"sqlite:///{path}")
    parts = Parts(store, {COMPANY: company}, folder / "var", lambda: NOW)
    row("what", "s", "of them on a core", "rows")
    row("---", "---", "---", "---")
    for kind, subject in subjects(path, company):
        timed(f"one {kind}, dry run", found, lambda s=subject: customer.dry_run(parts, s))
        timed(f"one {kind}, erased, with the proof", found, lambda s=subject: erased(parts, s))
    tomorrow = replace(parts, clock=lambda: NOW + timedelta(days=1))
    for name, each in (("first time", parts), ("the night after", tomorrow)):
        timed(f"by age, dry run, {name}", aged, lambda p=each: retention.dry_run(p, company))
        timed(f"by age, {name}", aged, lambda p=each: retention.run(p, company, "bench"))
    store.close()


def erased(parts: Parts, subject: Subject) -> dict[str, Any]:
    """Erase a customer; the proof."""
    key = customer.begin(parts, subject, "bench")
    proof = customer.finish(parts, subject, key, "bench")
    if proof["state"] != "done":
        raise SystemExit(f"something is left: {proof}")
    return proof


def found(told: dict[str, Any]) -> int:
    """Return how many rows were his."""
    return sum(place["found"] for place in told["places"])


def aged(told: dict[str, Any]) -> int:
    """Return how many rows were too old."""
    return sum(kind["count"] for kind in told["kinds"])


def timed(name: str, count: Callable[[Any], int], work: Callable[[], Any]) -> None:
    """Do something and tell how long it took."""
    began, busy = time.perf_counter(), time.process_time()
    told = work()
    lasted, busy = time.perf_counter() - began, time.process_time() - busy
    row(name, f"{lasted:.1f}", f"{busy:.1f}", f"{count(told):,}")


def row(*cells: str) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def secure(folder: Path) -> None:
    """Write, change and delete rows with `secure_delete` and without."""
    print()
    row(f"{ROWS:,} rows", "off, s", "on, s")
    row("---", "---", "---")
    times = {mode: written(folder / f"{mode}.db", mode) for mode in ("OFF", "ON")}
    for what in times["ON"]:
        row(what, f"{times['OFF'][what]:.2f}", f"{times['ON'][what]:.2f}")


def written(path: Path, mode: str) -> dict[str, float]:
    """Return the seconds of each kind of writing."""
    open_store(f"sqlite:///{path}", migrate=True).close()
    statements = {
        "written": "INSERT INTO events (id, company, call, at, kind, flow, step, details)"
        " VALUES (?1, 'odesa', 'pbx1-' || ?1, '2026-11-22', 'said', 'main', 'menu', ?2)",
        "changed": "UPDATE events SET details = ?2 WHERE id = ?1",
        "deleted": "DELETE FROM events WHERE id = ?1 AND ?2 != ''",
    }
    texts = {"written": '{"from": "+380671110001"}', "changed": '{"from": "hidden"}'}
    found = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA secure_delete = {mode}")
        for what, statement in statements.items():
            began = time.perf_counter()
            for start in range(0, ROWS, BATCH):
                connection.execute("BEGIN IMMEDIATE")
                numbers = range(start, start + BATCH)
                told = texts.get(what, "-")
                connection.executemany(statement, [(number, told) for number in numbers])
                connection.execute("COMMIT")
            found[what] = time.perf_counter() - began
    return found


def main() -> None:
    """Make the store, measure in a copy of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path, help="made once, kept; a copy of it is worked on")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="press2-erasure-"))
    kept = options.store or folder / "made.db"
    try:
        if not kept.exists():
            made(kept, options.calls)
        path = folder / "year.db"
        shutil.copy(kept, path)
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        size = path.stat().st_size / 2**30
        print(f"{counts(path)['call_facts']:,} calls; {size:.1f} GiB\n")
        measure(path, folder)
        secure(folder)
        print(f"\nload at the end {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
