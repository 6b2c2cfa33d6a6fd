"""Twilio's webhooks on one web process: how fast a turn is answered, and many calls at once.

    python -m bench.webhook [--rate 200] [--seconds 30] [--calls 1000] [--hold 60]

Starts a private Redis and one `app.py web` on ports of their own. First callers who give their
account by keys, `--rate` turns a second, each request signed, all at even distances whatever the
answers take (an open loop); the time of a turn is that from its due moment to the whole answer.
Then the emulated Twilio of the tests holds `--calls` calls at once for `--hold` seconds, all of
them waiting for an operator: music, places and keys go on.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import redis

from bench.desks import used
from bench.ports import free_ports
from ivr import company
from ivr.agent_queue.model import Operator, Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.channels.twilio.signature import Signature

HOME = Path(__file__).parents[1]
PUBLIC = "https://ivr.example.com"
SID, TOKEN = "AC" + "5" * 32, secrets.token_hex(16)
NUMBER = "+380487059090"
ACCOUNT = "100200301"
TURNS = 8
"""Turns of a call at most: account, reading, and what follows; fewer with `--turns`."""
ARRIVALS = 25
"""Calls a second, until all are there."""
CONNECTIONS = 32
"""To the web process, as a proxy in front keeps them open."""
WARM = 3.0
"""Seconds before times count."""
CONF = """
[press2]
var = {folder}/var
[web]
port = {port}
desks = 20
[redis]
url = unix://{folder}/redis.sock
[twilio]
account_sid = {sid}
auth_token = BENCH_TOKEN
public_url = {public}
api_url = http://127.0.0.1:{api}
operators = client
api_key = SK{sid_tail}
api_secret = BENCH_TOKEN
"""


@dataclass
class House:
    """The processes that are measured."""

    port: int
    api: int
    web: subprocess.Popen[bytes]
    log: Path
    redis: str


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """Start Redis and a web process."""
    port, api = free_ports(2)
    (folder / "var").mkdir()
    (folder / "var" / "sounds").symlink_to(HOME / "var" / "sounds")
    conf, log = folder / "telephony.conf", folder / "web.log"
    conf.write_text(
        CONF.format(
            folder=folder, port=port, api=api, sid=SID, sid_tail=SID[2:], public=PUBLIC
        )  # fmt: skip
    )
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", "",
         "--appendonly", "yes", "--dir", str(folder), "--loglevel", "warning"]
    )  # fmt: skip
    wait(lambda: redis.Redis.from_url(f"unix://{folder}/redis.sock").ping())
    environ = {**os.environ, "PRESS2_CONF": str(conf), "BENCH_TOKEN": TOKEN}
    with log.open("wb") as out:
        web = subprocess.Popen(
            [sys.executable, str(HOME / "app.py"), "web"], env=environ, stdout=out, stderr=out
        )
    try:
        wait(lambda: answers(port))
        yield House(port, api, web, log, f"unix://{folder}/redis.sock")
    finally:
        for process in (web, server):
            process.terminate()
            process.wait(20)


def wait(true: Any, seconds: float = 30) -> None:
    """Poll until `true()` neither fails nor is false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except (OSError, redis.RedisError):
            pass
        time.sleep(0.1)
    raise SystemExit("the processes do not start")


def answers(port: int) -> bool:
    """Tell whether something listens."""
    import socket

    with socket.create_connection(("127.0.0.1", port), 1):
        return True


# ---------------------------------------------------------------------- turns a second


@dataclass
class Turns:
    """Callers who answer a turn a second, and how long each answer took."""

    port: int
    session: aiohttp.ClientSession
    signature: Signature
    end: float
    count_from: float
    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    most: int = TURNS
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def caller(self, first: float) -> None:
        """Call again and again; a request is due every second, beginning at `first`."""
        due = first
        while due < self.end:
            call = f"CA{next(self.numbers):032x}"
            path, keys = "/twilio/voice", itertools.chain("2", itertools.repeat("1"))
            numbers = itertools.chain([ACCOUNT], itertools.repeat("2421"))
            pressed: dict[str, str] = {}
            for _ in range(self.most):
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                answer = await self.post(path, call, due, **pressed)
                due += 1.0
                found = re.search(r'<Gather[^>]*action="([^"]+)"', answer)
                if found is None or due >= self.end:
                    break
                whole = 'finishOnKey="#"' in answer
                pressed = (
                    {"Digits": next(numbers), "FinishedOnKey": "#"}
                    if whole
                    else {"Digits": next(keys), "FinishedOnKey": ""}
                )
                path = found[1].removeprefix(PUBLIC).replace("&amp;", "&")
            await self.post("/twilio/status", call, None, CallStatus="completed")

    async def post(self, path: str, call: str, due: float | None, **more: str) -> str:
        """Send one webhook; its answer."""
        form = {
            "CallSid": call, "AccountSid": SID, "To": NUMBER, "CallStatus": "in-progress",
            "From": f"+38067{int(call[-7:], 16) % 10**7:07}", "ApiVersion": "2010-04-01",
            "Direction": "inbound", **more,
        }  # fmt: skip
        headers = {"X-Twilio-Signature": self.signature.of(PUBLIC + path, form)}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.post(url, data=form, headers=headers) as response:
            answer = await response.text()
            if response.status >= 300:
                self.failed.append(f"{response.status} {path}")
        if due is not None and due >= self.count_from:
            self.seconds.append(time.perf_counter() - due)
        return answer


async def turns(at: House, rate: int, seconds: float, most: int) -> None:
    """Measure turns at a rate, and what they cost."""
    begun = time.perf_counter() + 0.5
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        signature = Signature(TOKEN, PUBLIC)
        end = begun + WARM + seconds
        run = Turns(at.port, session, signature, end, begun + WARM, most=most)
        before, started = used(at.web.pid)[0], time.perf_counter()
        await asyncio.gather(*(run.caller(begun + number / rate) for number in range(rate)))
        cost = used(at.web.pid)[0] - before
        passed = time.perf_counter() - started
    ordered = sorted(run.seconds)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(
        f"{len(ordered) / seconds:6.0f} turns/s   median {1000 * statistics.median(ordered):6.1f}"
        f" ms   p99 {1000 * p99:6.1f} ms   worst {1000 * ordered[-1]:6.1f} ms   "
        f"failed {len(run.failed)}   {100 * cost / passed:.0f} % of a core"
    )
    for words in run.failed[:5]:
        print("   ", words)


# ---------------------------------------------------------------------- calls at once


def occupy(url: str, count: int) -> None:
    """Sign in operators, each of whom talks: whoever calls now has to wait."""
    queues = company.load(HOME / "flows" / "companies")["odesa"].queues
    queue = RedisQueue(redis.Redis.from_url(url), {"odesa": queues})
    now = time.time()
    for number in range(count):
        name = f"op{number:04d}"
        operator = Operator(name, "odesa", skills={"general": 3}, status="ready", node="bench",
                            endpoint=f"op-{name}")  # fmt: skip
        queue.enter(Ticket(f"talk-{number}", "odesa", "general", now, node="bench"), now)
        queue.sign_in(operator, now)
        for offer in queue.offers():
            if queue.ring(offer.token, now):
                queue.answered(offer.token, now)


def hold(at: House, calls: int, seconds: float) -> None:
    """Let the emulated Twilio hold calls that wait for an operator."""
    occupy(at.redis, calls // 2)
    sys.path.insert(0, str(HOME / "tests"))
    from twilio_emulator import Emulator

    with Emulator(
        SID, TOKEN, speed=1, resolve={PUBLIC: f"http://127.0.0.1:{at.port}"}, port=at.api,
        queue_size=5000,
    ) as emulator:  # fmt: skip
        emulator.number(NUMBER, f"{PUBLIC}/twilio/voice", status_callback=f"{PUBLIC}/twilio/status")
        begun, before = time.monotonic(), used(at.web.pid)[0]
        held, asked = [], 0
        for number in range(calls):
            held.append(emulator.call(f"+38050{number:07}", NUMBER))
            time.sleep(max(0.0, begun + number / ARRIVALS - time.monotonic()))
            if number >= ARRIVALS:
                held[asked].wait("Gather", 60).press("0")
                asked += 1
        for call in held[asked:]:
            call.wait("Gather", 60).press("0")
        for call in held:
            call.wait("Enqueue", 60)
        arrived = time.monotonic() - begun
        time.sleep(seconds)
        cost, resident, threads = used(at.web.pid)
        waiting = sum(call.status == "in-progress" for call in held)
        hooks = len(emulator.network.requests)
        bad = [hook for hook in emulator.network.requests if hook.status >= 300]
        print(
            f"{calls} calls came in {arrived:.0f} s and were held for {seconds:.0f} s: {waiting} of"
            f" them wait still, {hooks} webhooks, {len(bad)} failed, {len(emulator.faults)} faults"
            f" of TwiML; web process {resident} MiB, {threads} threads,"
            f" {100 * (cost - before) / (time.monotonic() - begun):.0f} % of a core"
        )
        for call in held:
            call.hang_up()


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--turns", type=int, default=TURNS, help="of a call; 4: no reading yet")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--hold", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="press2-bench-") as folder, house(Path(folder)) as at:
        if given.seconds:
            asyncio.run(turns(at, given.rate, given.seconds, given.turns))
        if given.calls:
            hold(at, given.calls, given.hold)


if __name__ == "__main__":
    main()
