"""A press2 that Twilio's webhooks reach: real processes, a real Redis, an emulated Twilio."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
for folder in (TESTS, TESTS / "browser", TESTS / "asterisk"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import pytest  # noqa: E402
from twilio_house import HOME, House, house  # noqa: E402

from ivr import prompts  # noqa: E402
from ivr.speech import build  # noqa: E402
from ivr.speech.synthesis import Synthesiser  # noqa: E402


@pytest.fixture(scope="session")
def sounds():
    """The product's Ukrainian sounds, built once a working copy."""
    built = HOME / "var" / "sounds"
    catalogues = {"uk": prompts.load(HOME / "prompts")["uk"]}
    build.run(catalogues, HOME / "prompts", built, Synthesiser(), sys.stderr)
    return built


@pytest.fixture(scope="session")
def whole_house(tmp_path_factory, sounds):
    """One house for all tests of a session."""
    with house(tmp_path_factory.mktemp("twilio"), sounds) as running:
        yield running


@pytest.fixture
def twilio_house(whole_house: House):
    """The house with Redis, one web process, and nothing of the tests before."""
    whole_house.forget()
    yield whole_house
    if "redis" not in whole_house.processes:
        whole_house.start_redis()
    if "web" not in whole_house.processes:
        whole_house.web()


@pytest.fixture
def second(twilio_house: House):
    """The house with two web processes."""
    if "web2" not in twilio_house.processes:
        twilio_house.web("web2")
    return twilio_house


@pytest.fixture
def twilio(twilio_house: House):
    """A fresh emulator before the house, whose faults fail the test."""
    with twilio_house.twilio() as emulator:
        yield emulator
