"""The product as `bench.offer` needs it: a FastAGI worker, dispatch, Redis, one queue.

Only the flow is the bench's own (a caller goes straight into the queue), and one rule: no wrap-up,
no announcements, as in the configuration of app_queue beside it.
"""

from __future__ import annotations

import logging
import multiprocessing
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import redis

from bench.turn import COMPANY, DIALLED, SOUNDS, move_events, redis_client, wait_for
from ivr import check, company, composition, flow, prompts
from ivr.agent_queue.lease import DISPATCH, RedisLease
from ivr.agent_queue.model import Operator, Rules
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.channels.agi import AgiServer
from ivr.channels.ami import AsteriskSwitch
from ivr.channels.ami_wire import Exchange
from ivr.company import Company
from ivr.events import StoreLog, StreamLog
from ivr.matchmaker import Loop, Matchmaker
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import RedisSessions, SturdySessions
from ivr.speech.synthesis import Synthesiser
from ivr.speech.voice import Voice
from ivr.store.database import open_store

FLOWS = Path(__file__).parent / "flows"
QUEUE, NODE = "bench", "pbx1"
RULES = Rules(wrap_up=0.0, announce=0.0)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def companies() -> dict[str, Company]:
    """Return the one company, with the bench's queue."""
    profile = company.load(composition.COMPANIES)[COMPANY]
    return {COMPANY: replace(profile, queues={QUEUE: RULES})}


def queue_of(client: redis.Redis) -> RedisQueue:
    """Return the queue."""
    rules: Mapping[str, Mapping[str, Rules]] = {COMPANY: {QUEUE: RULES}}
    return RedisQueue(client, rules)


def serve(port: int, folder: Path) -> None:
    """Be a worker until killed."""
    logging.basicConfig(filename=folder / "worker.log", level=logging.WARNING)
    catalogues = prompts.load(composition.PROMPTS)
    flows = check.book(flow.load(FLOWS), catalogues)
    store = open_store(f"sqlite:///{folder}/press2.db")
    client = redis_client(folder)
    sessions = SturdySessions(RedisSessions(client))
    log = StreamLog(client, StoreLog(store))
    runner = Runner(
        flows, companies(), SERVICES, store, sessions, log, now, COMPANY, queue=queue_of(client)
    )
    voice = Voice(catalogues, composition.PROMPTS, SOUNDS, Synthesiser())
    server = AgiServer(
        "127.0.0.1", port, runner, voice, region="UA", recordings=folder / "recordings"
    )
    server.serve(ready=(folder / "worker").touch)


def dispatch(ami_port: int, secret: str, folder: Path) -> None:
    """Be the matchmaker until killed."""
    logging.basicConfig(filename=folder / "dispatch.log", level=logging.WARNING)
    client = redis_client(folder)
    store = open_store(f"sqlite:///{folder}/press2.db")
    queue = queue_of(client)
    switch = AsteriskSwitch([Exchange(NODE, "127.0.0.1", ami_port, "press2", secret)])
    log = StreamLog(client, StoreLog(store))
    matchmaker = Matchmaker(queue, switch, store, companies(), log, now, wake=lambda: loop.wake())
    loop = Loop(matchmaker, queue, RedisLease(client, DISPATCH))
    switch.start(matchmaker)
    (folder / "dispatch").touch()
    loop.run()


class OurSide:
    """Our queue. programs: process ids beside Asterisk."""

    name, dialled = "press2", DIALLED.lstrip("+")

    def __init__(self, queue: RedisQueue, programs: dict[str, int]) -> None:
        self.queue, self.programs = queue, programs

    def come(self, operator: str) -> None:
        """Sign in, not ready."""
        who = Operator(
            operator, COMPANY, operator, {QUEUE: 5}, node=NODE, endpoint=f"op-{operator}"
        )
        self.queue.sign_in(who, time.time())

    def ready(self, operator: str) -> None:
        """Let an operator be rung, as his desk does."""
        self.queue.set_status(COMPANY, operator, "ready", time.time())

    def pause(self, operator: str) -> None:
        """Let him not."""
        self.queue.set_status(COMPANY, operator, "paused", time.time())

    def waiting(self) -> int:
        """Ask the queue."""
        tickets = self.queue.waiting(COMPANY, QUEUE)
        return sum(1 for ticket in tickets if ticket.state == "waiting")


@contextmanager
def product(folder: Path, worker_port: int) -> Iterator[tuple[Path, dict[str, int]]]:
    """Start Redis, store and worker; what the worker writes lies in the folder returned."""
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", ""]
        + ["--appendonly", "yes", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=serve, args=(worker_port, folder)),
        spawn.Process(target=move_events, args=(folder,)),
    ]
    try:
        wait_for(folder / "redis.sock")
        open_store(f"sqlite:///{folder}/press2.db", migrate=True).close()
        for process in processes:
            process.start()
        wait_for(folder / "worker")
        yield (
            folder,
            {
                "worker": processes[0].pid or 0,
                "job": processes[1].pid or 0,
                "Redis": server.pid,
            },
        )
    finally:
        for process in processes:
            if process.pid:
                process.kill()
                process.join()
        server.kill()
        server.wait()


@contextmanager
def dispatched(
    folder: Path, ami_port: int, secret: str, programs: dict[str, int], names: list[str]
) -> Iterator[OurSide]:
    """Start the matchmaker over a running Asterisk and sign the operators in."""
    process = multiprocessing.get_context("spawn").Process(
        target=dispatch, args=(ami_port, secret, folder)
    )
    process.start()
    try:
        wait_for(folder / "dispatch")
        side = OurSide(queue_of(redis_client(folder)), {**programs, "dispatch": process.pid or 0})
        for name in names:
            side.come(name)
        yield side
    finally:
        process.kill()
        process.join()
