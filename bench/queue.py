"""Cycles a second of the queue: a caller enters, an operator is released and takes the next one.

    python -m bench.queue [--seconds 5] [--operators 1000] [--waiting 10000]

A cycle is three changes: `enter` puts one more caller at the end, `ended` releases an operator, who
is matched at once with the best of the waiting over his three queues, `answered` connects the two.
So the number of waiting callers and of talks stays what it is. Compared in one run: the twin in
memory; Redis (on a socket, writing its append-only file as in `app.py run`) with one client, one
change at a time; one client that sends many changes at once; several processes. Latency is that of
one change as its caller sees it. "Redis alone": cycles
a second of one core if clients cost nothing.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import os
import platform
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from ivr.agent_queue import keys
from ivr.agent_queue.memory import MemoryQueue, secret
from ivr.agent_queue.model import Operator, Rules, Ticket
from ivr.agent_queue.record import card_of, rules_text
from ivr.agent_queue.redis_queue import RedisQueue

COMPANY = "odesa"
QUEUES = ("general", "outage", "metering", "legal", "contracts", "complaints")
RULES = {COMPANY: {name: Rules(wrap_up=0.0) for name in QUEUES}}
START = 1_795_000_000.0
BATCH = 50
PROCESSES = 4
CONTEXT = {"reason": "bill", "slots": {"account": "100200301"}, "flow": "main", "step": "menu"}


@dataclass
class Result:
    """What one way of using the queue reached. times: seconds of each change."""

    name: str
    cycles: int = 0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    redis_cpu: float = 0.0

    def row(self) -> str:
        """Return one line of the table."""
        times = sorted(self.times)
        part = [1000 * times[int(len(times) * share)] for share in (0.5, 0.99)] if times else []
        latency = " | ".join(f"{each:.3f}" for each in part) or "- | -"
        alone = f"{self.cycles / self.redis_cpu:,.0f}" if self.redis_cpu else "-"
        cpu = f"{1e6 * self.redis_cpu / self.cycles:.0f}" if self.redis_cpu else "-"
        rate = self.cycles / self.seconds
        return f"| {self.name} | {rate:,.0f} | {3 * rate:,.0f} | {latency} | {cpu} | {alone} |"


def fill(queue: Any, operators: int, waiting: int) -> None:
    """Let every operator talk and so many callers wait, of all priorities."""
    chance = random.Random(1)
    for number in range(operators):
        skills = {name: chance.randint(1, 5) for name in chance.sample(QUEUES, 3)}
        name = f"op{number:04}"
        queue.sign_in(Operator(name, COMPANY, skills=skills, status="ready"), START)
        first = Ticket(f"talk-{number}", COMPANY, next(iter(skills)), START - 100)
        queue.enter(first, START)
        for offer in queue.offers():
            queue.answered(offer.token, START)
    for number in range(waiting):
        queue.enter(caller(chance, f"w-{number}", START + number / 1000), START + 20)


def caller(chance: random.Random, name: str, now: float) -> Ticket:
    """Return somebody who enters."""
    priority = chance.choices(("normal", "raised", "priority_site", "danger"), (90, 7, 2, 1))[0]
    where = chance.choice(QUEUES)
    number = f"+38067{chance.randrange(10**7):07}"
    return Ticket(name, COMPANY, where, now, priority, number=number, context=CONTEXT, node="pbx1")


def one_by_one(queue: Any, result: Result, mine: list[str], prefix: str, seconds: float) -> None:
    """Do cycle after cycle. mine: operators released in turn."""
    chance, numbers = random.Random(prefix), itertools.count()
    talks = {name: queue.operator(COMPANY, name).ticket for name in mine}
    begun = time.perf_counter()
    for name in itertools.cycle(mine):
        if (now := time.perf_counter()) - begun > seconds:
            break
        clock = START + 20 + now - begun
        new = caller(chance, f"{prefix}-{next(numbers)}", clock)
        timed(result, queue.enter, new, clock)
        timed(result, queue.ended, talks[name], clock)
        talks[name], token = offered(queue, name)
        timed(result, queue.answered, token, clock)
        result.cycles += 1
    result.seconds = time.perf_counter() - begun


def offered(queue: Any, name: str) -> tuple[str, str]:
    """Return ticket and token of an operator: the news of a matchmaker, at the least price."""
    if isinstance(queue, MemoryQueue):
        operator = queue.operator(COMPANY, name)
        return (operator.ticket, operator.token) if operator else ("", "")
    key = f"{keys.prefix(COMPANY)}operator:{name}"
    ticket, token = queue._client.hmget(key, "ticket", "token")
    return ticket.decode(), token.decode()


def timed(result: Result, change: Callable[..., Any], *args: Any) -> None:
    """Make a change and note how long it took."""
    begun = time.perf_counter()
    done = change(*args)
    result.times.append(time.perf_counter() - begun)
    assert done, (change, args)


def many_at_once(client: redis.Redis, result: Result, mine: list[str], seconds: float) -> None:
    """Send the same scripts in batches: what Redis does when it need not wait for a client."""
    queue = RedisQueue(client, RULES)
    rules, chance, numbers = rules_text(RULES[COMPANY]), random.Random(3), itertools.count()
    shas = {name: client.script_load(keys.source(name)) for name in ("enter", "ended", "answered")}

    def send(name: str, changes: list[list[Any]], clock: float) -> None:
        pipe = client.pipeline(transaction=False)
        for args in changes:
            head = [keys.prefix(COMPANY), repr(clock), secret(), rules]
            pipe.evalsha(shas[name], 1, *head, *args)
        begun = time.perf_counter()
        assert all(pipe.execute())
        result.times += [(time.perf_counter() - begun) / len(changes)] * len(changes)

    talks = {name: offered(queue, name)[0] for name in mine}
    begun = time.perf_counter()
    groups = itertools.cycle([mine[at : at + BATCH] for at in range(0, len(mine), BATCH)])
    while (passed := time.perf_counter() - begun) < seconds:
        clock, group = START + 20 + passed, next(groups)
        new = [caller(chance, f"many-{next(numbers)}", clock) for _ in group]
        send("enter", [entering(ticket) for ticket in new], clock)
        send("ended", [[talks[name]] for name in group], clock)
        pipe = client.pipeline(transaction=False)
        for name in group:
            pipe.hmget(f"{keys.prefix(COMPANY)}operator:{name}", "ticket", "token")
        offers = [(ticket.decode(), token.decode()) for ticket, token in pipe.execute()]
        send("answered", [list(offer) for offer in offers], clock)
        talks |= {name: ticket for name, (ticket, _) in zip(group, offers, strict=True)}
        result.cycles += len(group)
    result.seconds = sum(result.times)


def entering(ticket: Ticket) -> list[Any]:
    """Return what the script `enter` is told."""
    who = [ticket.id, ticket.queue, ticket.priority, ticket.kind, ticket.number]
    return [*who, repr(ticket.entered), "", "0.0", "", "0.0", card_of(ticket)]


def process(url: str, part: int, mine: list[str], seconds: float, answers: Any) -> None:
    """Do cycles in a process of its own."""
    with redis.Redis.from_url(url) as client:
        result = Result("")
        one_by_one(RedisQueue(client, RULES), result, mine, f"p{part}", seconds)
    answers.put((result.cycles, result.seconds, result.times))


def several(url: str, result: Result, operators: list[str], seconds: float) -> None:
    """Do cycles in several processes at once."""
    answers: Any = multiprocessing.Queue()
    parts = [operators[part::PROCESSES] for part in range(PROCESSES)]
    workers = [
        multiprocessing.Process(target=process, args=(url, part, mine, seconds, answers))
        for part, mine in enumerate(parts)
    ]
    for worker in workers:
        worker.start()
    for cycles, took, times in [answers.get() for _ in workers]:
        result.cycles += cycles
        result.seconds = max(result.seconds, took)
        result.times += times
    for worker in workers:
        worker.join()


@contextmanager
def private_redis() -> Iterator[str]:
    """Run a Redis as `app.py run` does; the address of its socket."""
    folder = Path(tempfile.mkdtemp(prefix="press2-bench-"))
    options = "--port 0 --unixsocket redis.sock --appendonly yes --loglevel warning"
    command = ["redis-server", *options.split(), "--save", ""]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        while not (folder / "redis.sock").exists():
            time.sleep(0.01)
        yield f"unix://{folder}/redis.sock"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def cpu(client: redis.Redis) -> float:
    """Return the seconds of processor time Redis has used."""
    used: Any = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Measure every way, one after the other."""
    operators = [f"op{number:04}" for number in range(arguments.operators)]
    memory = MemoryQueue(RULES)
    fill(memory, arguments.operators, arguments.waiting)
    yield run("memory twin", lambda r: one_by_one(memory, r, operators, "m", arguments.seconds))
    with private_redis() as url, redis.Redis.from_url(url) as client:
        queue = RedisQueue(client, RULES)
        fill(queue, arguments.operators, arguments.waiting)
        ways: dict[str, Callable[[Result], None]] = {
            "Redis, 1 client": lambda r: one_by_one(queue, r, operators, "o", arguments.seconds),
            f"Redis, 1 client, {BATCH} changes at once": lambda r: many_at_once(
                client, r, operators, arguments.seconds
            ),
            f"Redis, {PROCESSES} processes": lambda r: several(
                url, r, operators, arguments.seconds
            ),
        }
        for name, way in ways.items():
            before = cpu(client)
            result = run(name, way)
            result.redis_cpu = cpu(client) - before
            yield result
        now = START + 20 + arguments.seconds
        queue.tick(now)
        assert queue.audit(COMPANY, now) == []


def run(name: str, way: Callable[[Result], None]) -> Result:
    """Measure one way."""
    result = Result(name)
    way(result)
    return result


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each way")
    parser.add_argument("--operators", type=int, default=1000)
    parser.add_argument("--waiting", type=int, default=10_000)
    arguments = parser.parse_args()
    load = math.fsum(os.getloadavg()[:1])
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    print(f"{arguments.operators} operators, {arguments.waiting} waiting, {arguments.seconds} s\n")
    print(
        "| way | cycles/s | changes/s | median ms | p99 ms | Redis CPU us a cycle | Redis alone |"
    )
    print("|---|---|---|---|---|---|---|")
    for result in measure(arguments):
        print(result.row(), flush=True)


if __name__ == "__main__":
    main()
