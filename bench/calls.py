"""Twenty calls a second through a real Asterisk for a minute: does any of them fail?

    python -m bench.calls [--rate 20] [--seconds 60]

The house is that of `bench.turn`. Two in three callers give a reading; one in three has no supply,
hears of the known event and asks to be told. A call failed where SIPp did not see its end, where
the telephone did not hear a prompt after each answer, or where what was said is not in SQL.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select

from bench.turn import (
    ANSWERS,
    COMPANY,
    DIALLED,
    FIRST_PHONE,
    SOUNDS,
    STREETS,
    Clock,
    House,
    Measured,
    accepted,
    house,
    median,
    percentile,
    run,
)
from ivr import composition, prompts
from ivr.events import MemoryLog
from ivr.model import Ask, Caller, Event
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import MemorySessions
from ivr.speech import build
from ivr.speech.synthesis import Synthesiser
from ivr.store.database import Store
from ivr.store.supply import Subscription
from ivr.store.supply_world import load_supply

DARK = 0
"""Which of the streets is without supply: every seventh account."""
EVENT = {
    "id": "E1", "kind": "emergency", "streets": [STREETS[DARK]], "since": "2026-10-31T09:00",
    "restore_by": "2026-10-31T20:00", "updated": "2026-10-31T11:55", "customers": "420",
}  # fmt: skip
OUTAGE_BEGINS = ("1", "2")
"""No supply; what comes after is agreed to, up to the end of the call."""
WARM_UP = 2.0


def outage_answers(store: Store) -> tuple[str, ...]:
    """Play one call of a caller whose street is dark, and return the keys it took."""
    flows, companies, _ = composition.house()
    parts = (SERVICES, store, MemorySessions(), MemoryLog(), Clock(), COMPANY)
    runner = Runner(flows, companies, *parts)
    phone = f"+380{FIRST_PHONE + DARK}"
    turn = runner.open(Caller("first", COMPANY, phone, DIALLED, "bench", Clock()()))
    given: list[str] = []
    while isinstance(turn.need, Ask) and len(given) < 9:
        keys = OUTAGE_BEGINS[len(given)] if len(given) < len(OUTAGE_BEGINS) else "1"
        given.append(keys)
        turn = runner.advance("first", Event("keys", keys), turn.number)
    return tuple(given)


def subscribed(store: Store) -> int:
    """Count those who are to be told when the supply is back."""
    with store.session(read_only=True) as db:
        return db.scalar(select(func.count(Subscription.id))) or 0


def phones(count: int, dark: bool, first: int) -> list[str]:
    """Return the numbers of callers, each of whom has an account of his own."""
    found = [
        number
        for number in range(first, first + count * len(STREETS) * 2)
        if (number % len(STREETS) == DARK) == dark
    ]
    return [f"0{FIRST_PHONE + number}" for number in found[:count]]


def measure(
    built: House, rate: float, seconds: float, first: int, answers: Sequence[str]
) -> tuple[Measured, Measured]:
    """Let both kinds of callers call at once; readings, outages."""
    dark = max(1, round(rate / 3))
    light = max(1, round(rate) - dark)
    before = accepted(built.store), subscribed(built.store)
    with ThreadPoolExecutor(2) as threads:
        asked = [
            threads.submit(
                run, "press2", each, seconds, phones(round(each * seconds), out, first),
                built.sip_port, built.programs, keys,
            )
            for each, out, keys in ((light, False, ANSWERS), (dark, True, answers))
        ]  # fmt: skip
        readings, outages = (each.result() for each in asked)
    stored = accepted(built.store) - before[0], subscribed(built.store) - before[1]
    return (
        replace(
            readings, readings=stored[0], failed=max(readings.failed, readings.calls - stored[0])
        ),
        replace(outages, readings=stored[1], failed=max(outages.failed, outages.calls - stored[1])),
    )


def main() -> None:
    """Call, and print the table; exit code 1: a call failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--accounts", type=int, default=100_000)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends as well
    catalogues = {"uk": prompts.load(composition.PROMPTS)["uk"]}
    build.run(catalogues, composition.PROMPTS, SOUNDS, Synthesiser(), sys.stderr)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    print(f"load before: {os.getloadavg()[0]:.2f}")
    with (
        tempfile.TemporaryDirectory(prefix="press2-") as name,
        house(Path(name), options.accounts) as built,
    ):
        zone = composition.profile_of(COMPANY).zone
        with built.store.session() as db:
            load_supply(db, COMPANY, {"events": [EVENT]}, zone)
        answers = outage_answers(built.store)
        measure(built, options.rate, WARM_UP, len(STREETS), answers)
        first = len(STREETS) * round(options.rate * WARM_UP + 2) * 2
        done = measure(built, options.rate, options.seconds, first, answers)
    print("| callers | keys | calls | failed | in SQL | key to prompt: median ms | p99 ms |")
    print("|---" * 7 + "|")
    for what, keys, each in zip(("reading", "no supply"), (ANSWERS, answers), done, strict=True):
        print(
            f"| {what} | {' '.join(keys)} | {each.calls} | {each.failed} | {each.readings} |"
            f" {median(each.all):.1f} | {percentile(each.all, 0.99):.1f} |"
        )
    print(f"\nmachine busy: {done[0].busy:.0%}; load after: {os.getloadavg()[0]:.2f}")
    sys.exit(1 if any(each.failed for each in done) else 0)


if __name__ == "__main__":
    main()
