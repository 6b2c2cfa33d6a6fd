"""A running press2 that Twilio's webhooks reach: real processes, a real Redis, an emulated Twilio."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
for folder in (TESTS, TESTS / "browser", TESTS / "asterisk"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import pytest  # noqa: E402
from twilio_house import House, house  # noqa: E402


@pytest.fixture(scope="session")
def twilio_house(tmp_path_factory):
    """One house for all tests of a session."""
    with house(tmp_path_factory.mktemp("twilio")) as running:
        yield running


@pytest.fixture
def twilio(twilio_house: House):
    """The house with a fresh emulator, whose faults fail the test."""
    with twilio_house.emulator() as emulator:
        yield emulator
        emulator.check()
