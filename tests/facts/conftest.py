"""Calls that really took place, and their logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from folding import in_order
from test_callscript import runner_over

from ivr import callscript
from ivr.callscript import Report, Script
from ivr.channels.console import ConsoleLine
from ivr.events import Entry


@pytest.fixture(scope="session")
def logged(house) -> Callable[[Script], tuple[Report, list[Entry]]]:
    """Plays a script on the console; its report, and all events."""

    def play(script: Script) -> tuple[Report, list[Entry]]:
        queues: list[Any] = []

        def dial(store, clock, operators):
            queues.append(operators)
            runner = runner_over(house, store, clock, operators)
            return ConsoleLine(runner, house.catalogues, clock, operators)

        report = callscript.run(script, house.companies, house.world, dial)
        return report, in_order(report.log, [each for own in queues for each in own.journal])

    return play
