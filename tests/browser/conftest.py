"""A whole press2, started with `app.py run` on ports of its own, and a real Chromium."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HOME = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--autoplay-policy=no-user-gesture-required",
)
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def until(true: Callable[[], object], seconds: float = 20) -> object:
    """Poll until `true()`; the answer of the last poll."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def free_ports(count: int) -> list[int]:
    """Ports that neither TCP nor UDP uses now, one after the other."""
    for first in range(23000, 33000, 50):
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for port in range(first, first + count):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return list(range(first, first + count))
    raise AssertionError("no free ports")


@dataclass
class Press2:
    """A running `app.py run`. page: address of the start page."""

    process: subprocess.Popen[bytes]
    var: Path
    screen: Path
    page: str

    def log(self) -> str:
        path = self.var / "log" / "press2.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def health(self) -> dict[str, tuple[int, int]]:
        """(up, of) of each part."""
        try:
            with urllib.request.urlopen(self.page + "health", timeout=10) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        return {part["name"]: (part["up"], part["of"]) for part in told["parts"]}

    def pids(self, part: str = r"\w+") -> list[int]:
        """Process ids of a part, in the order of its starts."""
        found = re.findall(rf" {part} +\| ready, process (\d+)", self.log())
        return [int(pid) for pid in found]

    def questions(self) -> list[str]:
        """Return the step of every question that a worker asked, "main.menu"."""
        return re.findall(r"turn \d+ ([\w.]+): ask", self.log())

    def readings(self) -> list[str]:
        """Value of every reading in the store."""
        with closing(sqlite3.connect(self.var / "press2.db")) as store:
            return [row[0] for row in store.execute("select value from readings order by id")]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Press2]]:
    """Start a press2; its sounds are those of the working copy, built once."""
    started: list[Press2] = []

    def begin() -> Press2:
        folder = tmp_path_factory.mktemp("p2")
        (folder / "var").mkdir()
        sounds = HOME / "var" / "sounds"
        sounds.mkdir(parents=True, exist_ok=True)
        (folder / "var" / "sounds").symlink_to(sounds)
        sip, websocket, agi, _, web, rtp, *_ = free_ports(40)
        (folder / "telephony.conf").write_text(
            f"[asterisk]\nsip_port = {sip}\nwebsocket_port = {websocket}\n"
            f"rtp_first = {rtp}\nrtp_last = {rtp + 30}\n"
            f"[agi]\nport = {agi}\n[web]\nport = {web}\n"
        )
        screen = folder / "screen"
        with screen.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, str(HOME / "app.py"), "run"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PRESS2_CONF": str(folder / "telephony.conf")},
            )
        press2 = Press2(process, folder / "var", screen, f"http://127.0.0.1:{web}/")
        started.append(press2)
        up = until(
            lambda: "press2 is running" in screen.read_text() or process.poll() is not None, 300
        )
        assert up, screen.read_text()
        assert process.poll() is None, screen.read_text()
        return press2

    yield begin
    for press2 in started:
        if press2.process.poll() is None:
            press2.stop()


@pytest.fixture(scope="session")
def press2(start: Callable[[], Press2]) -> Press2:
    return start()


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """Start a Chromium with more flags."""
    with sync_playwright() as playwright:
        browsers: list[Browser] = []

        def begin(*flags: str) -> Browser:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
            browsers.append(browser)
            return browser

        yield begin
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="session")
def chromium(launch: Callable[..., Browser]) -> Browser:
    return launch(*MICROPHONE)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What a page complains about; a test must leave it empty."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def page(chromium: Browser, press2: Press2, complaints: list[str]) -> Iterator[Page]:
    """The start page in English."""
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on(
        "console",
        lambda message: message.type == "error" and complaints.append(message.text),
    )
    page.add_init_script(path=Path(__file__).parent / "watch_connections.js")
    page.goto(press2.page)
    yield page
    context.close()
