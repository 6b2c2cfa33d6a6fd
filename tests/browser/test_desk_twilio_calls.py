"""Callers of two lines and one queue: Asterisk's, and Twilio's behind webhooks, REST and SIP.

Everything is real but Twilio itself, which is emulated: signed webhooks over HTTP, REST, and legs
that call the operators through Asterisk with sound both ways.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from desk_house import FIRST, MUSIC, Desk, House, settled
from playwright.sync_api import Browser, expect
from running import Press2, until
from twilio_emulator import Emulator
from twilio_stage import (
    ANNA,
    BORYS,
    COMPANY_NUMBER,
    PUBLIC,
    SECRETS,
    SPEED,
    TwilioHouse,
    hear_each_other,
    long_music,
    settings,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def twilio() -> Iterator[Emulator]:
    """The emulated Twilio with the company's number."""
    with Emulator(auth_token=SECRETS["PRESS2_TWILIO_TOKEN"], speed=SPEED) as emulator:
        emulator.number(
            COMPANY_NUMBER,
            f"{PUBLIC}/twilio/voice",
            fallback=f"{PUBLIC}/twilio/fallback",
            status_callback=f"{PUBLIC}/twilio/status",
        )
        yield emulator


@pytest.fixture(scope="module")
def twilio_house(
    start: Callable[..., Press2],
    launch: Callable[..., Browser],
    twilio: Emulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TwilioHouse]:
    """A press2 of its own before that Twilio, with two operators."""
    folder = tmp_path_factory.mktemp("lines")
    with pytest.MonkeyPatch.context() as patch:
        for name, secret in SECRETS.items():
            patch.setitem(os.environ, name, secret)
        press2 = start(
            asterisk=f"music = {long_music(folder / 'music')}\n", rest=settings(twilio)
        )
        twilio.network.resolve[PUBLIC] = press2.page.rstrip("/")
        house = TwilioHouse(press2, press2.var.parent / "telephony.conf", launch, folder)
        house.twilio = twilio
        skills = "general:5,metering:5,outage:5,danger:5"
        house.add_operator("olha", "--role", "supervisor", "--queues", skills)
        house.add_operator("petro", "--queues", skills)
        yield house
        press2.stop()


@pytest.fixture
def house(twilio_house: TwilioHouse) -> Iterator[TwilioHouse]:
    """The press2; afterwards everybody has gone home, and nothing was said that Twilio lacks."""
    yield twilio_house
    twilio_house.clear()
    mishaps, twilio_house.mishaps[:] = list(twilio_house.mishaps), []
    assert not mishaps
    assert not settled(twilio_house)
    twilio_house.twilio.check()


def pause(desk: Desk) -> Desk:
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.press("1")
    return desk.becomes("paused")


def test_first(house: TwilioHouse) -> None:
    assert f"{PUBLIC}/twilio/voice" in house.press2.screen.read_text()
    desk = house.seated("olha")
    pause(desk)
    caller = house.twilio_telephone(ANNA).to_operator()
    desk.ready().rings()
    desk.shot("twilio_ringing")
    desk.answer()
    hear_each_other(caller, desk)
    desk.shot("twilio_talking")
    print(desk.page.locator("#caller .summary").inner_text())
    desk.hang_up()
    caller.over()
    print(caller.line.story())
    desk.finish("other", "x")
