"""600 callers in ten minutes against twelve operators: what a storm does to the product.

    python -m bench.storm [--callers 600] [--minutes 10] [--operators 12] [--seed 1]

Real: flows, prompts, engine, runner, every service, the store (SQLite in a file), the matchmaker,
the watch that proposes storm mode, and the queue in a private Redis with its append-only file.
Simulated: the people, the exchange between the two, and time. A caller is driven turn by turn like
one at the console (`ivr.channels.console`): the clock moves by what is spoken (the length of the
texts, as call scripts count it), keyed and waited for. Everybody's clock is the same one, so the
ten minutes are ten minutes to the queue and to the forecast; the machine needs a fraction of them.
What it really needed for each turn is printed; "told within 5 s" adds it to the simulated time of
speech. No sound is played and no Asterisk takes part: how many calls that carries is another bench.

Storm mode is off at the beginning. A simulated supervisor switches on what is proposed, half a
minute after it was. Operators answer after 2 to 6 s and talk for 150 s on average.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import redis
import simpy

from bench.queue import private_redis
from bench.storm_callers import HIT_STREET, Caller, accounts, callers
from bench.storm_hall import COMPANY, NODE, START, Hall, Life, Log
from ivr import company
from ivr.agent_queue.model import Operator
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.composition import house, new_runner
from ivr.matchmaker import Matchmaker
from ivr.sessions import RedisSessions
from ivr.store.database import Store, open_store
from ivr.store.supply_world import load_supply
from ivr.store.world import load_world
from ivr.storm.figures import Figures, promises

LATEST = 3 * 3600.0
"""Seconds after which nobody is waited for any more."""
SOON = 20.0
"""Seconds in which somebody in danger is to be answered, else he is put through outside."""


def share(part: float, whole: float) -> str:
    """Return a share for people."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def part(values: Sequence[float], of: float) -> float:
    """Return a quantile of some values, nan where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(of * len(ordered)))] if ordered else float("nan")


def fill(store: Store, people: Sequence[Caller], profile: company.Company) -> None:
    """Put everybody's account and the one big event into the store."""
    began = START - timedelta(minutes=20)
    world = {
        "accounts": accounts(people),
        "events": [
            {
                "id": "E9", "kind": "emergency", "streets": [HIT_STREET], "cause": "storm",
                "since": began.isoformat(), "customers": "4800",
                "restore_by": (START + timedelta(hours=6)).isoformat(),
                "updated": (START - timedelta(minutes=1)).isoformat(),
            }
        ],
    }  # fmt: skip
    with store.session() as db:
        load_world(db, COMPANY, world)
        load_supply(db, COMPANY, world, profile.zone)


def sign_in(hall: Hall, count: int) -> None:
    """Let the operators come: half for power and danger, half for everything else."""
    first = {"outage": 4, "danger": 4, "general": 2}
    second = {"general": 4, "metering": 4, "connection": 3, "business": 3, "outage": 2, "danger": 1}
    for number in range(count):
        hall.queue.sign_in(
            Operator(
                f"op{number}", COMPANY, skills=first if number % 2 else second, status="ready",
                node=NODE, endpoint=f"op-op{number}",
            ),
            hall.now,
        )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Run one storm and print what came of it."""
    logging.disable(logging.WARNING)  # what it would say is in the table below
    flows, companies, catalogues = house()
    people = callers(options.callers, options.minutes * 60, options.seed)
    env = simpy.Environment()
    began = time.perf_counter()
    with private_redis() as url, tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder)}/storm.db", migrate=True)
        client = redis.Redis.from_url(url)
        rules = {name: each.queues for name, each in companies.items()}
        queue = RedisQueue(redis.Redis.from_url(url, socket_timeout=5), rules)
        fill(store, people, companies[COMPANY])
        hall = Hall(env, random.Random(options.seed), store, queue, companies, catalogues)
        log = Log(store)
        hall.people = {person.name: person for person in people}
        sessions = RedisSessions(client)
        hall.runner = new_runner(flows, companies, store, sessions, log, hall.clock, COMPANY, queue)
        hall.matchmaker = Matchmaker(queue, hall, store, companies, log, hall.clock)
        sign_in(hall, options.operators)
        env.process(hall.match())
        env.process(hall.supervise())
        lives = [env.process(_later(hall, person)) for person in people]
        env.run(until=env.all_of(lives) | env.timeout(LATEST))
        calls_over = env.now
        env.run(until=min(LATEST, calls_over + 1800))  # call-backs are made meanwhile
        took = time.perf_counter() - began
        with store.session(read_only=True) as db:
            figures = Figures(COMPANY, START - timedelta(seconds=1))
            figures.count(db)
            counts = figures.to_json() | promises(db, COMPANY, START)
        problems = queue.audit(COMPANY, hall.now)
        hall.matchmaker.close()
        store.close()
    _print(options, hall, people, counts, calls_over, took, problems)


def _later(hall: Hall, person: Caller) -> Life:
    yield hall.env.timeout(person.at)
    yield from hall.live(person)


def _print(
    options: argparse.Namespace,
    hall: Hall,
    people: Sequence[Caller],
    counts: Mapping[str, int],
    over: float,
    took: float,
    problems: Sequence[str],
) -> None:
    asked = f"{options.callers} callers in {options.minutes:g} min, {options.operators} operators"
    needed = f"{over / 60:.0f} simulated min in {took:.0f} s, {len(hall.turns)} turns"
    rows = {asked: needed, **_told(people), **_queues(hall), **_waits(people), **_turns(hall)}
    rows["announced, to be told, queued, answered"] = _counted(
        counts, "announced", "subscribed", "queued", "answered"
    )
    rows["asked for a call-back, called back by then, gave up waiting"] = _counted(
        counts, "callbacks", "called_back", "lost"
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| | |\n|---|---|")
    for name, figure in rows.items():
        print(f"| {name} | {figure} |")
    print("\n| kind | callers | how their calls ended |\n|---|---|---|")
    for kind in dict.fromkeys(each.kind for each in people):
        ends = Counter(_end(each) for each in people if each.kind == kind)
        text = ", ".join(f"{end}: {count}" for end, count in ends.most_common())
        print(f"| {kind} | {ends.total()} | {text} |")
    lost = ("", "silent", "failed")
    silent = [each.name for each in people if each.ended in lost or not each.last]
    print(f"\nwithout a spoken outcome: {len(silent)} {silent[:5] or ''}")
    print(f"audit of the queue: {len(problems)} findings {list(problems)[:3] or ''}")


def _counted(counts: Mapping[str, int], *names: str) -> str:
    return ", ".join(str(counts[name]) for name in names)


def _told(people: Sequence[Caller]) -> dict[str, str]:
    hit = [each for each in people if each.kind == "hit"]
    told = [each.told_after for each in hit if each.told_after is not None]
    read = [each.read_for for each in people if each.read_for is not None]
    asked = sum(each.kind == "reading" for each in people)
    in_time = share(sum(after <= 5 for after in told), len(hit))
    return {
        "told of their event within 5 s of the answer": (
            f"{in_time} of {len(hit)}, slowest {max(told, default=0):.2f} s"
        ),
        "reading, key 2 to the number read out: median, 95 %, longest": (
            f"{part(read, 0.5):.0f} s, {part(read, 0.95):.0f} s, {max(read, default=0):.0f} s "
            f"({len(read)} of {asked} stored)"
        ),
    }


def _queues(hall: Hall) -> dict[str, str]:
    longest = ", ".join(f"{name} {count}" for name, count in hall.longest.items() if count)
    lines = hall.companies[COMPANY].terms.storm.lines
    return {
        "storm mode proposed, on": f"after {_minutes(hall.proposed_after)}, "
        f"{_minutes(hall.on_after)}",
        "longest queues": longest,
        "most calls at once": f"{hall.most_lines} of {lines} lines",
    }


def _waits(people: Sequence[Caller]) -> dict[str, str]:
    danger = [each for each in people if each.kind == "danger"]
    reached = [each.reached_after for each in danger if each.reached_after is not None]
    soon = [after for after in reached if after <= SOON]
    outside = sum(each.by == "dispatcher" for each in danger)
    first = [each for each in people if each.kind == "priority"]
    waits = [each.reached_after for each in first if each.reached_after is not None]
    return {
        "danger answered within 20 s": f"{len(soon)} of {len(danger)}; of the others "
        f"{outside} talked to the dispatcher, whose telephone is rung then; "
        f"nobody after {max(reached, default=0):.0f} s",
        "priority sites answered: median, longest": (
            f"{statistics.median(waits):.0f} s, {max(waits):.0f} s ({len(waits)} of {len(first)})"
            if waits
            else "-"
        ),
    }


def _turns(hall: Hall) -> dict[str, str]:
    turns = [1000 * each for each in hall.turns]
    figures = ", ".join(f"{part(turns, of):.0f} ms" for of in (0.5, 0.95, 0.99))
    return {"turn of a call, real time: median, 95 %, 99 %": figures}


def _minutes(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds / 60:.1f} min"


def _end(person: Caller) -> str:
    names = {
        "completed": "said goodbye",
        "callback": "promised a call-back",
        "operator": "talked",
        "gave up": "gave up waiting",
        "hung up": "hung up, told",
    }
    if person.ended == "operator" and person.by == "dispatcher":
        return "talked to the dispatcher"
    return names.get(person.ended, person.ended or "still waiting")


def main() -> None:
    """Read the command line and run."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--callers", type=int, default=600)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--operators", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
