"""What setup installs: the locks hold what the requirements name."""

import re
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent


def pins(name):
    """Package -> version of each pinned line, names as PyPI compares them."""
    lines = (HOME / name).read_text("utf-8").splitlines()
    found = [re.match(r"([\w.-]+)(?:\[\w+\])?==([\w.]+)", line) for line in lines]
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


@pytest.mark.parametrize(
    ("lock", "files"),
    [
        ("requirements.lock", ["requirements.txt"]),
        ("requirements-dev.lock", ["requirements.txt", "requirements-dev.txt"]),
    ],
)
def test_a_lock_holds_every_pin(lock, files):
    locked = pins(lock)
    for name in files:
        assert pins(name)
        assert pins(name).items() <= locked.items(), "run `make lock`"


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (HOME / name).read_text("utf-8").splitlines()
        wanted = [line for line in lines if line and not line.startswith("#")]
        assert len(wanted) == len(pins(name))


def test_the_tests_lock_brings_what_runs():
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()
