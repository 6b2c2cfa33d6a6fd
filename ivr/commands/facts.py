"""What reports are counted from: facts."""

from __future__ import annotations

import argparse
import contextlib
import gc
from typing import Any

from ivr.commands.terminal import say
from ivr.composition import COMPANIES, profile_of, settings, store_of


def add(commands: Any) -> None:
    """Name the commands."""
    facts = commands.add_parser("facts", help="the tables that reports are counted from")
    deeds = facts.add_subparsers(metavar="WHAT", required=True)
    text = "make them anew from the whole log of events"
    anew = deeds.add_parser("rebuild", help=text, description=text)
    anew.set_defaults(command=rebuild_command)
    anew.add_argument("--company", help="company profile; default: all of them")


def rebuild_command(options: argparse.Namespace) -> None:
    """Make the facts of one company, or of all, anew; reports lack calls until it is done."""
    from ivr import company, facts

    gc.disable()  # rows hold no circles, and looking for them takes a third of the time
    chosen = {options.company: profile_of(options.company)} if options.company else None
    with contextlib.closing(store_of(settings())) as store:
        for name, profile in (chosen or company.load(COMPANIES)).items():
            count = facts.rebuild(store, profile)
            say(f"{name}: {count} events, {facts.count(store, profile)} calls")
