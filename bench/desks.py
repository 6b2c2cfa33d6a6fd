"""Many desks open on one web process: what they cost, and how quickly it answers meanwhile.

    python -m bench.desks [--desks 300] [--seconds 20]

Starts a private Redis and `app.py web` on ports of their own, signs in an operator a desk, opens
their events, and measures: processor time and memory of the web process while nothing happens and
while operators change their status; requests meanwhile; the time from a caller's entry to the offer
on the screen.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from agent_desk.passwords import hashed
from bench.ports import free_ports
from ivr import company
from ivr.agent_queue.model import Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.store.database import open_store
from ivr.store.models import SignIn, User
from ivr.store.world import load_demo

HOME = Path(__file__).parents[1]
TICK = os.sysconf("SC_CLK_TCK")


class Desk:
    """One open desk: its operator, its cookie, when each event came."""

    def __init__(self, number: int, port: int, token: str) -> None:
        self.login = f"op{number:04d}"
        self.cookie = f"press2_desk={token}"
        self.port = port
        self.events = 0
        self.arrived: asyncio.Queue[tuple[float, dict]] = asyncio.Queue()

    async def listen(self) -> None:
        """Take events until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        path = f"/desk/events?tab=bench-{self.login}"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n\r\n".encode()
        )
        while line := await reader.readline():
            if line.startswith(b"data: "):
                self.events += 1
                self.arrived.put_nowait((time.perf_counter(), json.loads(line[6:])))

    async def get(self, path: str) -> float:
        """Ask once and return the seconds it took."""
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
        return time.perf_counter() - begun


def prepare(folder: Path, count: int, url: str) -> list[str]:
    """Fill a store with operators who are signed in; returns their tokens."""
    store = open_store(url, migrate=True)
    load_demo(store)
    queues = company.load(HOME / "flows" / "companies")["odesa"].queues
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    now, password = datetime.now(UTC), hashed("bench")
    with store.session() as db:
        for number, token in enumerate(tokens):
            login = f"op{number:04d}"
            user = User(
                company="odesa", login=login, name=login, password=password,
                skills=dict.fromkeys(queues, 3), created_at=now,
            )  # fmt: skip
            digest = hashlib.sha256(token.encode()).hexdigest()
            ends = now + timedelta(hours=12)
            db.add(SignIn(user=user, token=digest, address="", created_at=now, ends_at=ends))
    store.close()
    return tokens


def used(pid: int) -> tuple[float, int, int]:
    """Return processor seconds, resident MiB and threads of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) // 1024
    return (int(stat[11]) + int(stat[12])) / TICK, resident, int(stat[17])


async def rate(pid: int, seconds: float) -> float:
    """Return the share of one core a process takes, percent."""
    before, begun = used(pid)[0], time.perf_counter()
    await asyncio.sleep(seconds)
    return 100 * (used(pid)[0] - before) / (time.perf_counter() - begun)


def show(name: str, seconds: list[float]) -> None:
    """Print a row of times."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(
        f"{name:44} median {1000 * statistics.median(ordered):7.1f} ms   p99 {1000 * p99:7.1f} ms"
    )


async def measure(desks: list[Desk], pid: int, queue: RedisQueue, seconds: float) -> None:
    """Open the desks and print what they cost."""
    empty = used(pid)
    print(f"{'no desk open':44} {empty[1]} MiB, {empty[2]} threads")
    begun = time.perf_counter()
    listening = [asyncio.create_task(desk.listen()) for desk in desks]
    while any(not desk.events for desk in desks):
        await asyncio.sleep(0.01)
        assert time.perf_counter() - begun < 120, "not every desk opened"
    print(f"{f'{len(desks)} desks opened in':44} {time.perf_counter() - begun:.1f} s")
    await asyncio.sleep(5)
    idle = await rate(pid, seconds)
    print(
        f"{'nothing happens':44} {idle:.1f} % of a core, {used(pid)[1]} MiB, {used(pid)[2]} threads"
    )
    paths = ("/desk/inbox", "/desk/accounts?q=100200301", "/desk/answers?q=reading")
    for path in paths:
        show(f"{path}", [await desks[n % len(desks)].get(path) for n in range(200)])
    changes = asyncio.create_task(change(desks, queue, seconds, pace=5))
    busy = await rate(pid, seconds)
    delays = await changes
    print(f"{'5 operators a second change their status':44} {busy:.1f} % of a core")
    show("change of status to the event", delays)
    asked = asyncio.create_task(change(desks, queue, seconds, pace=5))
    show(
        "/desk/inbox meanwhile",
        [await desks[n % len(desks)].get("/desk/inbox") for n in range(200)],
    )
    await asked
    show("a caller's entry to the offer on the screen", await offers(desks, queue, 40))
    for task in listening:
        task.cancel()


async def change(desks: list[Desk], queue: RedisQueue, seconds: float, pace: float) -> list[float]:
    """Change the status of one operator after the other; seconds to each one's event."""
    delays, ends = [], time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < ends:
        desk = desks[number % len(desks)]
        number += 1
        while not desk.arrived.empty():
            desk.arrived.get_nowait()
        reason = f"bench{number}"
        begun = time.perf_counter()
        queue.set_status("odesa", desk.login, "paused", time.time(), reason=reason)
        while True:
            at, state = await asyncio.wait_for(desk.arrived.get(), 10)
            if state["operator"]["reason"] == reason:
                break
        delays.append(at - begun)
        await asyncio.sleep(max(0.0, 1 / pace - (time.perf_counter() - begun)))
    return delays


async def offers(desks: list[Desk], queue: RedisQueue, count: int) -> list[float]:
    """Let one operator after the other be offered a caller whom the store knows."""
    delays = []
    for number in range(count):
        desk = desks[number % len(desks)]
        queue.set_status("odesa", desk.login, "ready", time.time())
        await asyncio.sleep(0.2)
        while not desk.arrived.empty():
            desk.arrived.get_nowait()
        ticket = f"bench-{number}"
        begun = time.perf_counter()
        queue.enter(
            Ticket(ticket, "odesa", "general", time.time(), number="+380671110002"), time.time()
        )
        while True:
            at, state = await asyncio.wait_for(desk.arrived.get(), 10)
            if state["offer"]:
                break
        delays.append(at - begun)
        queue.leave(ticket, "abandoned", time.time())
        queue.set_status("odesa", desk.login, "offline", time.time())
    return delays


def main() -> None:
    """Start the servers, measure, stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--desks", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20)
    wish = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    web, store_of_live, *_ = free_ports(4)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"redis://127.0.0.1:{store_of_live}/0"
        (folder / "telephony.conf").write_text(
            f"[web]\nport = {web}\ndesks = {wish.desks}\n[redis]\nurl = {url}\n"
        )
        (folder / "var").mkdir()
        tokens = prepare(folder, wish.desks, f"sqlite:///{folder}/var/press2.db")
        kept = subprocess.Popen(
            ["redis-server", "--port", str(store_of_live), "--save", "", "--bind", "127.0.0.1"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        server = subprocess.Popen(
            [sys.executable, str(HOME / "app.py"), "web"],
            env=os.environ | {"PRESS2_CONF": str(folder / "telephony.conf")},
        )
        try:
            queues = company.load(HOME / "flows" / "companies")
            queue = RedisQueue(
                redis.Redis.from_url(url), {key: each.queues for key, each in queues.items()}
            )
            desks = [Desk(number, web, token) for number, token in enumerate(tokens)]
            _wait(web)
            asyncio.run(measure(desks, server.pid, queue, wish.seconds))
        finally:
            server.terminate()
            server.wait()
            kept.terminate()
            kept.wait()


def _wait(port: int) -> None:
    import socket

    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("app.py web does not start")


if __name__ == "__main__":
    main()
