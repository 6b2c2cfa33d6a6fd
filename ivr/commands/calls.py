"""Calls without a telephone: call scripts, the console."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivr import check
from ivr.commands.terminal import command, say
from ivr.composition import DEMO, dialler, house, new_runner, now, spoken_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.callscript import Report


def add(commands: Any) -> None:
    """Name the commands."""
    scripts = command(commands, "call", call, "runs call scripts")
    scripts.add_argument("files", nargs="+", type=Path, metavar="FILE")
    scripts.add_argument("--channel", choices=("console", "agi", "twilio"), default="console")
    scripts.add_argument("--json", action="store_true", help="one JSON object a script")
    scripts.add_argument(
        "--coverage", action="store_true", help="tell which edges of the flows were walked"
    )
    scripts.add_argument("-v", "--verbose", action="store_true", help="show every conversation")
    terminal = command(commands, "console", console, "talk to the flows at this terminal")
    terminal.add_argument("--company", default="odesa")
    terminal.add_argument("--caller", default="+380671110001", help='number; "" is withheld')
    terminal.add_argument(
        "--now", type=datetime.fromisoformat, help="simulated time of the call, 2026-10-31T10:00"
    )
    terminal.add_argument("--save", metavar="NAME", help="write what was done as a call script")


def call(options: argparse.Namespace) -> int:
    """Run call scripts and tell what does not hold."""
    import yaml

    from ivr import callscript
    from ivr.coverage import Coverage

    scripts = [script for path in options.files for script in callscript.read(path)]
    flows, companies, catalogues = house()
    demo = yaml.load(DEMO.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)["world"]
    own = check.ENTRANCES[1:]  # flows that press2 begins itself, with no script for them
    walked = Coverage({name: each for name, each in flows.flows.items() if name not in own})
    dial, done = dialler(options.channel, flows, companies, catalogues, walked.walked)
    failed = 0
    try:
        for script in scripts:
            report = callscript.run(script, companies, demo, dial)
            failed += not report.passed
            if options.json:
                say(json.dumps(report.to_json(), ensure_ascii=False))
            elif not options.coverage or not report.passed:
                _show(report, options.verbose)
    finally:
        done()
    if not options.json:
        say(f"{len(scripts) - failed} of {len(scripts)} scripts passed")
    if options.coverage:
        say("\n".join(walked.table()))
    return 1 if failed or (options.coverage and walked.missing()) else 0


def _show(report: Report, verbose: bool) -> None:
    say(f"{'passed' if report.passed else 'FAILED'}  {report.script}")
    if verbose or not report.passed:
        for line in report.transcript:
            if "said" in line:
                say(f"    {line['language']}: {line['said']}")
            else:
                say("    > " + ", ".join(f"{key} {value}".strip() for key, value in line.items()))
    for failure in report.failures:
        say(f"    {failure}")


def console(options: argparse.Namespace) -> None:
    """Be the caller at this terminal, over an empty store with the demo data."""
    import yaml

    from ivr.callscript import save
    from ivr.channels.console import ConsoleLine, talk
    from ivr.channels.line import Clock
    from ivr.channels.operators import Operators
    from ivr.events import MemoryLog
    from ivr.model import Caller
    from ivr.sessions import MemorySessions
    from ivr.store.database import memory_store
    from ivr.store.world import load_demo

    flows, companies, catalogues = house()
    if options.company not in companies:
        raise Press2Error(f"no company {options.company}; known: {', '.join(companies)}")
    profile = companies[options.company]
    store = memory_store()
    start = options.now or now()
    load_demo(store, DEMO, now() if options.now is None else None)
    start = start if start.tzinfo else start.replace(tzinfo=profile.zone)
    clock = Clock(start)
    log = MemoryLog()
    operators = Operators(profile, companies, store, log, clock)
    operators.arrive(yaml.load(DEMO.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)["world"])
    runner = new_runner(
        flows, companies, store, MemorySessions(), log, clock, options.company, operators.queue,
        hears={"console": spoken_of(catalogues)},
    )  # fmt: skip
    caller = Caller(
        call=f"console-{time.time_ns()}",
        company=options.company,
        number=options.caller or None,
        dialled=profile.numbers[0],
        channel="console",
        arrived=start,
    )
    line = ConsoleLine(runner, catalogues, clock, operators)
    turns = talk(line, caller, sys.stdin, sys.stdout, log.entries)
    if options.save:
        path = save(Path(options.save), caller, start, turns)
        say(f"{path}: written; add what you expect and run it with `app.py call {path}`")
