"""One arrival trace through our queue and through a model of Asterisk's app_queue.

    python -m bench.replay [--seeds 1,2,3,4,5] [--redis]

Both meet the same people on simulated time: an ordinary day of a grid operator, and a storm. Ours
is the product's queue and expected wait (`bench.our_queue`), theirs a model written from the source
(`bench.app_queue_model`), with three strategies and once as well tuned as it can be.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import tempfile
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import redis
import simpy

from bench.app_queue_model import AppQueue, Options
from bench.our_queue import OurQueue
from bench.trace import HOUR, REDIAL, Person, Shift, Trace, Visit, day, steady, storm
from ivr.agent_queue.memory import MemoryQueue
from ivr.staffing.erlang import Theory, abandonments, endless_patience

LIMIT = 30.0
"""Seconds of the service level."""
STEADY = (274 / HOUR, 210.0, 300.0, 17, 100_000)
"""Calls a second, seconds a call, patience, operators, calls of the check against theory."""


class System(Protocol):
    """What replays a trace."""

    def come(self, operator: str) -> None:
        """An operator's shift begins."""

    def go(self, operator: str) -> None:
        """It ends."""

    def wait(self, visit: Visit) -> Generator[simpy.Event, Any, Any]:
        """Be a caller until an operator answers; interrupted when he hangs up."""


Make = Callable[[simpy.Environment, Trace], System]

# ---------------------------------------------------------------------- one run


def replay(trace: Trace, make: Make) -> list[Visit]:
    """Let everybody of a trace call one system; return every call."""
    env = simpy.Environment()
    system = make(env, trace)
    visits: list[Visit] = []
    for shift in trace.shifts:
        env.process(work(env, system, shift))
    callers = [env.process(caller(env, system, each, visits)) for each in trace.people]
    env.run(until=env.all_of(callers))
    return visits


def work(env: simpy.Environment, system: System, shift: Shift) -> Generator[Any, Any, None]:
    """Be an operator on one shift."""
    yield env.timeout(shift.start)
    system.come(shift.operator)
    if shift.end != float("inf"):
        yield env.timeout(shift.end - env.now)
        system.go(shift.operator)


def caller(
    env: simpy.Environment, system: System, person: Person, visits: list[Visit]
) -> Generator[Any, Any, None]:
    """Call, hang up when patience ends, perhaps call again."""
    yield env.timeout(person.at)
    first = env.now
    for patience, pause in zip(person.patiences, (*person.redials, None), strict=True):
        visit = Visit(person, env.now, first)
        visits.append(visit)
        myself = env.active_process
        assert myself is not None
        if patience != float("inf"):
            env.process(hang_up(env, myself, visit, patience))
        try:
            yield from system.wait(visit)
            return
        except simpy.Interrupt:
            pass
        if pause is not None:
            yield env.timeout(pause)


def hang_up(
    env: simpy.Environment, caller: simpy.Process, visit: Visit, patience: float
) -> Generator[Any, Any, None]:
    """End a call that nobody has answered."""
    yield env.timeout(patience)
    if visit.answered is None:
        visit.left = env.now
        caller.interrupt()


# ---------------------------------------------------------------------- figures


@dataclass(frozen=True)
class Figures:
    """One system on traces of one kind. Shares from 0 to 1, times in seconds.

    within: of all calls, answered within the limit. gone: of the people, never answered.
    waits: of the answered, rising. overtaken: calls passed by a later one of the same queue and
    priority; `_first` counts a redial in time from the first call. guesses: by how much the figure
    at entry was wrong, for those who had to wait and were answered; told: the same for the first
    wait that was spoken; low: share told too little. rises: callers told a longer wait later.
    worst: longest wait of a normal caller, answered or not.
    """

    calls: int
    within: float
    lost: float
    gone: float
    waits: Sequence[float]
    overtaken: int
    overtaken_first: int
    guesses: Sequence[float]
    told: Sequence[float]
    low: float
    rises: int
    worst: float


def figures(runs: Sequence[Sequence[Visit]]) -> Figures:
    """Count over several runs."""
    visits = [visit for run in runs for visit in run]
    answered = [visit for visit in visits if visit.answered is not None]
    waits = sorted(visit.waited for visit in answered)
    helped = {id(visit.person) for visit in answered}
    people = {id(visit.person) for visit in visits}
    guesses = [error(visit, *visit.guess) for visit in answered if visit.guess]
    told = [error(visit, *visit.told[0]) for visit in answered if visit.told]
    return Figures(
        len(visits),
        bisect_right(waits, LIMIT) / len(visits),
        1 - len(answered) / len(visits),
        1 - len(helped) / len(people),
        waits,
        sum(overtaken(run, lambda visit: visit.asked) for run in runs),
        sum(overtaken(run, lambda visit: visit.first) for run in runs),
        sorted(map(abs, guesses)),
        sorted(map(abs, told)),
        share(each < 0 for each in told),
        sum(rises(visit) for visit in visits),
        max(visit.waited for visit in visits if visit.person.priority == "normal"),
    )


def error(visit: Visit, at: float, seconds: float) -> float:
    """Return by how much `seconds`, said at `at`, were too many."""
    assert visit.answered is not None
    return seconds - (visit.answered - at)


def share(each: Iterable[bool]) -> float:
    """Return the share of those that hold."""
    values = list(each)
    return sum(values) / len(values) if values else 0.0


def rises(visit: Visit) -> bool:
    """Tell whether the caller was told a longer wait than before."""
    waits = [seconds for _, seconds in visit.told]
    return any(later > before for before, later in zip(waits, waits[1:], strict=False))


def overtaken(visits: Sequence[Visit], since: Callable[[Visit], float]) -> int:
    """Count the calls that waited, nobody being rung for them, while an operator was rung for one
    of the same queue and priority that came later.
    """
    kinds: dict[tuple[str, str], list[Visit]] = defaultdict(list)
    for visit in visits:
        kinds[visit.person.queue, visit.person.priority].append(visit)
    passed: set[int] = set()
    for same in kinds.values():
        for later in same:
            for start, _ in later.rung:
                passed.update(
                    id(visit)
                    for visit in same
                    if since(visit) < since(later)
                    and visit.asked <= start < visit.asked + visit.waited
                    and not any(begin <= start <= end for begin, end in visit.rung)
                )
    return len(passed)


def percentile(values: Sequence[float], part: float) -> float:
    """Return a percentile of values that rise."""
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


# ---------------------------------------------------------------------- the systems

TUNED = Options("leastrecent", retry=1, min_announce_frequency=45, force_longest="prio")
APP_QUEUES = {
    "app_queue rrmemory": Options("rrmemory"),
    "app_queue leastrecent": Options("leastrecent"),
    "app_queue fewestcalls": Options("fewestcalls"),
    "app_queue tuned": TUNED,
}


def app_queue(options: Options) -> Make:
    """Return what makes a model with these options."""
    return lambda env, trace: AppQueue(env, trace, options)


def ours(env: simpy.Environment, trace: Trace) -> System:
    """Make our queue, in memory."""
    return OurQueue(env, trace, MemoryQueue)


@contextmanager
def redis_queue() -> Iterator[Make]:
    """Make our queue in a private Redis."""
    from ivr.agent_queue.redis_queue import RedisQueue

    with tempfile.TemporaryDirectory(prefix="press2-") as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not Path(f"{folder}/redis.sock").exists():
                time.sleep(0.01)
            client = redis.Redis(unix_socket_path=f"{folder}/redis.sock")

            def make(env: simpy.Environment, trace: Trace) -> System:
                client.flushdb()
                return OurQueue(env, trace, lambda rules: RedisQueue(client, rules))

            yield make
        finally:
            server.kill()
            server.wait()


# ---------------------------------------------------------------------- the report

HEAD = (
    "| system | calls | in 30 s | lost | never helped | wait: mean | p50 | p90 | max |"
    " longest, normal | overtaken | redials counted |\n" + "|---" * 12 + "|"
)
TOLD = (
    "| system | had to wait | error of the figure: median | p90 | were told | error: median | p90 |"
    " told too little | told a rise |\n" + "|---" * 9 + "|"
)


def row(name: str, each: Figures) -> str:
    """Return one line of the first table."""
    waits = each.waits
    times = (
        statistics.fmean(waits),
        percentile(waits, 0.5),
        percentile(waits, 0.9),
        waits[-1],
        each.worst,
    )
    return (
        f"| {name} | {each.calls} | {each.within:.1%} | {each.lost:.1%} | {each.gone:.1%} | "
        + " | ".join(f"{seconds:.0f}" for seconds in times)
        + f" | {each.overtaken} | {each.overtaken_first} |"
    )


def told_row(name: str, each: Figures) -> str:
    """Return one line of the second table."""
    cells = (
        f"{len(errors)} | {percentile(errors, 0.5):.0f} s | {percentile(errors, 0.9):.0f} s"
        for errors in (each.guesses, each.told)
    )
    return f"| {name} | " + " | ".join(cells) + f" | {each.low:.0%} | {each.rises} |"


def checks(systems: dict[str, Make]) -> Iterator[str]:
    """Compare steady load with theory, line by line."""
    rate, handle, patience, size, calls = STEADY

    def line(name: str, found: Theory) -> str:
        return f"| {name} | {found.within:.1%} | {found.lost:.1%} | {found.wait:.1f} |"

    yield "| steady load | in 30 s | lost | mean wait of all |\n|---|---|---|---|"
    yield line(f"Erlang A, {size} operators", abandonments(rate, handle, patience, size, LIMIT))
    for name, make in systems.items():
        visits = replay(steady(rate, handle, patience, size, calls, 1), make)
        yield line(name, theory_of(visits))
    yield line(f"Erlang C, {size + 3} operators", endless_patience(rate, handle, size + 3, LIMIT))
    for name, make in systems.items():
        visits = replay(steady(rate, handle, 0, size + 3, calls, 1), make)
        yield line(name, theory_of(visits))


def theory_of(visits: Sequence[Visit]) -> Theory:
    """Return what Erlang's formulas speak of, as it came out."""
    waits = [visit.waited for visit in visits]
    return Theory(
        share(wait > 0 for wait in waits),
        share(visit.answered is None for visit in visits),
        share(visit.answered is not None and visit.waited <= LIMIT for visit in visits),
        statistics.fmean(waits),
    )


def main() -> None:
    """Replay both traces and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1,2,3,4,5", help="of the traces, with commas")
    parser.add_argument("--redis", action="store_true", help="ours in Redis as well")
    parser.add_argument("--no-checks", action="store_true", help="leave out Erlang")
    options = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()},"
        f" Python {platform.python_version()}; a redial counts within {REDIAL:.0f} s"
    )
    systems: dict[str, Make] = {"press2": ours}
    systems |= {name: app_queue(each) for name, each in APP_QUEUES.items()}
    with ExitStack() as stack:
        if options.redis:
            systems["press2, Redis"] = stack.enter_context(redis_queue())
        seeds = [int(seed) for seed in options.seeds.split(",")]
        for kind in (day, storm):
            report([kind(seed) for seed in seeds], systems)
    if not options.no_checks:
        print("\n" + "\n".join(checks({"press2": ours, "app_queue tuned": app_queue(TUNED)})))


def report(traces: Sequence[Trace], systems: dict[str, Make]) -> None:
    """Print the two tables of traces of one kind."""
    first = traces[0]
    print(
        f"\n{first.name}: {len(traces)} times {len(first.people)} people,"
        f" {len(first.operators)} operators at most\n\n{HEAD}"
    )
    done = {}
    for name, make in systems.items():
        done[name] = figures([replay(trace, make) for trace in traces])
        print(row(name, done[name]), flush=True)
    print("\n" + TOLD)
    for name, each in done.items():
        print(told_row(name, each))


if __name__ == "__main__":
    main()
