"""A whole press2, started with `app.py run` on ports of its own, and a real Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_house import House, Telephone, music, settled
from desk_stage import Stage, open_stage
from playwright.sync_api import Browser, Page, expect, sync_playwright
from running import Press2, free_ports, until

HOME = Path(__file__).parents[2]
sys.path.append(str(HOME / "tests" / "asterisk"))
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


expect.set_options(timeout=20_000)  # a busy machine is slow; what is there is seen at once


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Press2]]:
    """Start a press2; its sounds are those of the working copy, built once.

    asterisk: more lines of that section; rest: more sections, "{sip}" is the SIP port in them.
    synthetic: seconds between two calls to itself, 0: none.
    """
    started: list[Press2] = []

    def begin(asterisk: str = "", rest: str = "", synthetic: int = 0) -> Press2:
        folder = tmp_path_factory.mktemp("p2")
        (folder / "var").mkdir()
        sounds = HOME / "var" / "sounds"
        sounds.mkdir(parents=True, exist_ok=True)
        (folder / "var" / "sounds").symlink_to(sounds)
        sip, websocket, agi, _, web, ami, rtp, *_ = free_ports(80)
        (folder / "telephony.conf").write_text(
            f"[press2]\nsynthetic = {synthetic}\n"
            f"[asterisk]\nsip_port = {sip}\nwebsocket_port = {websocket}\nami_port = {ami}\n"
            f"rtp_first = {rtp}\nrtp_last = {rtp + 70}\n{asterisk}"
            f"[agi]\nport = {agi}\n[web]\nport = {web}\n{rest.format(sip=sip)}"
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
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A desk over the demo data, without an Asterisk."""
    with open_stage(tmp_path) as stage:
        yield stage


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Page:
    """A page of a supervisor, who has signed in."""
    return stage.admit(chromium)


# ---------------------------------------------------------------------- the operators' desk


@pytest.fixture(scope="session")
def desk_house(
    start: Callable[..., Press2],
    launch: Callable[..., Browser],
    tmp_path_factory: pytest.TempPathFactory,
) -> House:
    """A press2 of its own with two operators and music that is a tone."""
    folder = tmp_path_factory.mktemp("desk")
    press2 = start(
        asterisk=f"music = {music(folder / 'music')}\n", rest="[desk]\ndemo_operators = no\n"
    )
    house = House(press2, press2.var.parent / "telephony.conf", launch, folder)
    skills = "general:5,metering:5,outage:5,danger:5"
    house.add_operator("olha", "--role", "supervisor", "--queues", skills)
    house.add_operator("petro", "--queues", skills)
    return house


@pytest.fixture
def house(desk_house: House) -> Iterator[House]:
    """The press2 with operators; afterwards everybody has gone home and the queue is in order."""
    yield desk_house
    desk_house.clear()
    mishaps, desk_house.mishaps[:] = list(desk_house.mishaps), []
    assert not mishaps
    assert not settled(desk_house)


@pytest.fixture
def caller(house: House) -> Telephone:
    """The browser phone of the start page, which nobody has used yet."""
    return house.telephone()
