"""How soon the wallboard shows what happened: from the queue in Redis to the text in the browser.

    python -m bench.wallboard [--events 60]

Starts a private Redis, `app.py jobs` and `app.py web` on ports of their own and a Chromium with the
page open. Callers enter the queue, then calls begin, as the queue and the workers note it in Redis;
measured is the time from just before to the moment at which the page has drawn it.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import redis
from playwright.sync_api import sync_playwright

from agent_desk import users
from bench.ports import free_ports
from ivr import company
from ivr.agent_queue.model import Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.events import Entry, MemoryLog, StreamLog
from ivr.store.database import open_store
from ivr.store.world import keep_company

HOME = Path(__file__).parents[1]
WATCH = """(path) => {
  window.drawn = {};
  const note = () => {
    const figure = document.querySelector(`[data-figure="${path}"]`);
    const text = figure && figure.textContent;
    if (text && !(text in window.drawn)) window.drawn[text] = Date.now() / 1000;
  };
  new MutationObserver(note).observe(document.querySelector("#board"),
    { subtree: true, childList: true, characterData: true });
  note();
}"""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=60)
    count = options.parse_args().events
    with tempfile.TemporaryDirectory(prefix="press2-wall-") as name:
        for what, delays in run(Path(name), count).items():
            delays.sort()
            print(
                f"{what}: {count} events, median {1000 * statistics.median(delays):.0f} ms,"
                f" p95 {1000 * delays[int(0.95 * count)]:.0f} ms,"
                f" longest {1000 * delays[-1]:.0f} ms"
            )


def run(folder: Path, count: int) -> dict[str, list[float]]:
    """Return the seconds of each event, by what it was."""
    (web,) = free_ports(1)
    url = f"unix://{folder}/redis.sock"
    (folder / "telephony.conf").write_text(
        f"[press2]\nvar = {folder}\n[redis]\nurl = {url}\n[web]\nport = {web}\n"
    )
    companies = company.load(HOME / "flows" / "companies")
    store = open_store(f"sqlite:///{folder}/press2.db", migrate=True)
    with store.session() as db:
        keep_company(db, "odesa")
    passwords = users.add_demo(store, "odesa", companies["odesa"].queues, datetime.now(UTC))
    started = [
        subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", "redis.sock", "--save", ""],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
    ]
    environment = os.environ | {"PRESS2_CONF": str(folder / "telephony.conf")}
    try:
        for part in ("jobs", "web"):
            with (folder / f"{part}.log").open("wb") as log:
                command = [sys.executable, str(HOME / "app.py"), part]
                started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        rules = {each: profile.queues for each, profile in companies.items()}
        client = redis.Redis.from_url(url)
        queue, log = RedisQueue(client, rules), StreamLog(client, MemoryLog())

        def enter(number: int) -> None:
            now = time.time()
            queue.enter(Ticket(f"bench-{number}", "odesa", "general", now), now)

        def begin(number: int) -> None:
            told = {"from": None, "to": None, "channel": "agi"}
            call = f"call-{number}"
            log.append([Entry("odesa", call, datetime.now(UTC), "answered", "main", "", told)])

        deeds = {"all.waiting": enter, "calls.used": begin}
        return measure(f"http://127.0.0.1:{web}/", passwords["vira"], deeds, count)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)
        store.close()


def measure(
    address: str, password: str, deeds: Mapping[str, Callable[[int], None]], count: int
) -> dict[str, list[float]]:
    """Do each deed one by one; the seconds until its figure was drawn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        deadline = time.monotonic() + 60
        while True:
            try:
                form = page.request.get(f"{address}desk/sign-in").text()
                break
            except Exception:  # the server is not up yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        token = re.search(r'name="csrf_token" value="([^"]+)"', form)[1]
        sent = {"login": "vira", "password": password, "csrf_token": token}
        page.request.post(f"{address}desk/sign-in", form=sent, max_redirects=0)
        page.goto(f"{address}supervisor")
        page.wait_for_selector("#board[data-state=live]")
        found: dict[str, list[float]] = {}
        for path, deed in deeds.items():
            page.evaluate(WATCH, path)
            begun = {}
            for number in range(1, count + 1):
                begun[number] = time.time()
                deed(number)
                page.wait_for_function(f"() => '{number}' in window.drawn")
                page.wait_for_timeout(137)
            drawn = page.evaluate("window.drawn")
            found[path] = [drawn[str(number)] - begun[number] for number in begun]
        browser.close()
    return found


if __name__ == "__main__":
    main()
