"""An emulated Twilio in front of a small program."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from twilio_emulator import Emulator
from twilio_emulator.program import HOUSE, PUBLIC, Program


@pytest.fixture
def program() -> Iterator[Program]:
    one = Program()
    yield one
    one.close()


@pytest.fixture
def twilio(program: Program) -> Iterator[Emulator]:
    with Emulator(resolve={PUBLIC: program.url}) as emulator:
        program.token = emulator.auth_token
        emulator.number(HOUSE, f"{PUBLIC}/voice", "", f"{PUBLIC}/status")
        yield emulator
        assert not emulator.bugs
    assert all(program.signed)


class Gateway(TwilioHttpClient):
    def __init__(self, url: str) -> None:
        super().__init__(timeout=5)
        self.url = url

    def request(self, method: str, url: str, *rest: object, **named: object) -> object:
        return super().request(
            method, url.replace("https://api.twilio.com", self.url), *rest, **named
        )


@pytest.fixture
def rest(twilio: Emulator) -> Iterator[Client]:
    gateway = Gateway(twilio.url)
    yield Client(twilio.account_sid, twilio.auth_token, http_client=gateway)
    gateway.session.close()
