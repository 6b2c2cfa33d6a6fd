"""The commands of `app.py`, a module for each group of them.

Each module has `add(commands)`, which names its commands and their options to argparse; a command
is a function of the options that returns the exit code (None: 0). Heavy parts are imported where
they are used, so that a small command starts at once.
"""

from types import ModuleType

from ivr.commands import (
    calls,
    data,
    examine,
    facts,
    flows,
    operators,
    releases,
    reports,
    retention,
    servers,
    staffing,
    storms,
)

GROUPS: tuple[ModuleType, ...] = (
    servers, examine, flows, releases, calls, operators, storms, data, facts, reports, retention,
    staffing,
)  # fmt: skip
