"""Storm mode at the terminal: storm."""

from __future__ import annotations

import argparse
import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ivr.commands.terminal import say
from ivr.composition import now, profile_of, settings, store_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.company import Company
    from ivr.store.database import Store


def add(commands: Any) -> None:
    """Name the commands."""
    storms = commands.add_parser("storm", help="storm mode: many more calls than operators")
    deeds = storms.add_subparsers(metavar="WHAT", required=True)
    told = {
        "status": "what is proposed or on, and why",
        "on": "switch it on: what is proposed, or anew",
        "change": "change what is on",
        "refuse": "refuse the proposal",
        "off": "end it",
        "after": "CSV: call-backs that are due, callers who left unanswered",
    }
    for deed, text in told.items():
        other = deeds.add_parser(deed, help=text, description=text)
        other.set_defaults(command=storm_command, deed=deed)
        other.add_argument("--company", help="company profile")
        if deed in ("on", "refuse", "off"):
            other.add_argument("--reason", default="", help="kept in the audit log")
        if deed in ("on", "change"):
            other.add_argument("--hours", type=float, help="until it ends by itself, from now")
            other.add_argument(
                "--region", action="append", help="a settlement it is about; default: everywhere"
            )
            other.add_argument("--cap", type=float, help="minutes of wait above which nobody waits")
            other.add_argument("--gates", nargs="*", metavar="QUEUE", help="closed queues")
            other.add_argument("--callbacks", choices=("place", "calm", "spread"))
            other.add_argument("--wrap-up", type=float, metavar="SECONDS")
            other.add_argument("--message", metavar="PROMPT", help="the general text")


def storm_command(options: argparse.Namespace) -> None:
    """Show, switch on, change, refuse or end storm mode; list whom it left unanswered."""
    import getpass

    from ivr.storm import after, records, shown

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    who, at = f"shell:{getpass.getuser()}", now()
    with contextlib.closing(store_of(config)) as store:
        if options.deed == "after":
            with store.session(read_only=True) as db:
                row = records.last(db, profile.id)
                if row is None or row.started_at is None:
                    raise Press2Error("no storm was on yet; `storm status` tells")
                rows = after.lists(db, profile.id, row.started_at, row.ended_at or at)
            print(after.as_csv(rows), end="")  # noqa: T201 - stdout may be a file
            return
        if options.deed != "status":
            _switch_storm(store, profile, options, who, at)
        with store.session(read_only=True) as db:
            row, rules = records.last(db, profile.id), records.rules_now(db, profile, at)
        for line in shown.state(row, rules, profile.zone, at):
            say(line)


def _switch_storm(
    store: Store, profile: Company, options: argparse.Namespace, who: str, at: datetime
) -> None:
    from ivr.storm import records

    given = vars(options)
    rules = {name: given[name] for name in records.DECIDED if given.get(name) is not None}
    regions, hours = given.get("region"), given.get("hours")
    with store.session() as db:
        try:
            if options.deed == "on":
                records.switch_on(
                    db, profile, at, who,
                    regions=regions or (), hours=hours, reason=options.reason, rules=rules,
                )  # fmt: skip
            elif options.deed == "change":
                records.change(db, profile, at, who, regions=regions, hours=hours, rules=rules)
            elif options.deed == "refuse":
                records.refuse(db, profile, at, who, reason=options.reason)
            else:
                records.switch_off(db, profile, at, who, reason=options.reason)
        except ValueError as reason:
            raise Press2Error(str(reason)) from None
