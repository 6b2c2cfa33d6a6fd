"""What comes from and goes to the company's other systems: import, export, outbox."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from ivr.commands.terminal import command, day, say
from ivr.composition import now, profile_of, settings, store_of


def add(commands: Any) -> None:
    """Name the commands."""
    importer = command(commands, "import", import_command, "imports a file of the company's data")
    kinds = ("accounts", "events", "works", "schedules", "priority", "applications")
    importer.add_argument("what", choices=kinds)
    importer.add_argument("file", type=Path, help="CSV, or JSON (not for accounts)")
    importer.add_argument(
        "--complete", action="store_true", help="events, works: what the file lacks is over"
    )
    importer.add_argument("--company", help="company profile")
    exporter = command(commands, "export", export_command, "exports readings as CSV")
    exporter.add_argument("what", choices=("readings",))
    exporter.add_argument("-o", "--output", help="file; default: the terminal")
    exporter.add_argument("--since", type=day, help="first day stored, 2026-10-30")
    exporter.add_argument("--until", type=day, help="last day stored, 2026-11-03")
    exporter.add_argument("--company", help="company profile")
    outgoing = commands.add_parser("outbox", help="what is to be delivered, or could not be")
    deeds = outgoing.add_subparsers(metavar="WHAT", required=True)
    deeds.add_parser("list", help=outbox_list.__doc__).set_defaults(command=outbox_list)
    again = deeds.add_parser("retry", help=outbox_retry.__doc__)
    again.set_defaults(command=outbox_retry)
    again.add_argument("entry", nargs="?", type=int, metavar="ID", help="default: all of them")


def import_command(options: argparse.Namespace) -> None:
    """Put a file of the company's data into the store, all of it or nothing."""
    from ivr.intake import command
    from ivr.store.database import open_store

    config = settings()
    config.press2.var.mkdir(parents=True, exist_ok=True)
    profile = profile_of(options.company or config.press2.company)
    with contextlib.closing(open_store(config.store_url(), migrate=True)) as store:
        say(command.run(store, profile, options.what, options.file, now(), options.complete))


def export_command(options: argparse.Namespace) -> None:
    """Write the confirmed readings as CSV for the supplier."""
    from ivr.store.database import open_store
    from ivr.store.transfer import export_readings

    config = settings()
    home = options.company or config.press2.company
    profile = profile_of(home)
    store = open_store(config.store_url(), migrate=True)
    target = Path(options.output) if options.output else sys.stdout
    count = export_readings(
        store, home, target, zone=profile.zone, since=options.since, until=options.until
    )
    print(f"{count} readings written", file=sys.stderr)  # noqa: T201 - stdout may be the file


def outbox_list(_options: argparse.Namespace) -> None:
    """List what waits to be delivered and what could not be."""
    from ivr import outbox

    with contextlib.closing(store_of(settings())) as store:
        rows = outbox.listed(store)
    for row in rows:
        at = row.done_at if row.state == "dead" else row.next_at
        moment = f"{at:%Y-%m-%d %H:%M}Z" if at else ""
        tries = f"{row.tries} tries"
        say(
            f"{row.id:6} {row.state:5} {row.kind:10} {row.company:10} {moment} {tries:9} "
            f"{row.last_error}".rstrip()
        )


def outbox_retry(options: argparse.Namespace) -> int:
    """Try again what could not be delivered and is not too late."""
    from ivr import outbox

    with contextlib.closing(store_of(settings())) as store:
        ids = outbox.retry(store, now(), options.entry)
    say(f"to be tried again: {', '.join(map(str, ids)) or 'none'}")
    return 1 if options.entry is not None and not ids else 0
