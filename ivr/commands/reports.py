"""Figures from the log of events: report."""

from __future__ import annotations

import argparse
import contextlib
from datetime import date
from typing import TYPE_CHECKING, Any

from ivr.commands.terminal import command, say
from ivr.composition import now, profile_of, settings, store_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.company import Company
    from ivr.config import Config
    from ivr.store.database import Store


def add(commands: Any) -> None:
    """Name the commands."""
    reporter = command(commands, "report", report, "figures from the log of events")
    reporter.add_argument(
        "name", choices=("wait", "callbacks", "speech"),
        help="wait: the wait told and the true one; callbacks: how promises to call back were "
        "kept; speech: how answers by speech were heard",
    )  # fmt: skip
    reporter.add_argument(
        "--dialled", metavar="NAME", help="wait: only calls to this service or access number"
    )
    reporter.add_argument(
        "--from", dest="first", type=date.fromisoformat, metavar="DAY",
        help="first local day, 2026-10-30; default: the last one",
    )  # fmt: skip
    reporter.add_argument(
        "--to", dest="last", type=date.fromisoformat, metavar="DAY", help="default: today"
    )
    reporter.add_argument("--format", choices=("table", "csv", "json"), default="table")
    reporter.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    kept = reporter.add_mutually_exclusive_group()
    kept.add_argument(
        "--kept", action="store_true", help="speech: list what is kept of what callers said instead"
    )
    kept.add_argument(
        "--forget", metavar="WHOSE", help="speech: delete that of a call or a telephone (+380...)"
    )
    reporter.add_argument("--company", help="company profile")


def report(options: argparse.Namespace) -> None:
    """Write a report from the log of events, or of promises to call back."""
    from ivr import callback_report, reports, speech_report

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    last = options.last or now().astimezone(profile.zone).date()
    first = options.first or last
    if first > last:
        raise Press2Error(f"--from {first} is after --to {last}; write the earlier day first")
    if (options.kept or options.forget) and options.name != "speech":
        raise Press2Error(f"--kept and --forget are of `report speech`, not of {options.name}")
    dialled = _numbers_of(profile, options.dialled) if options.dialled else ()
    with contextlib.closing(store_of(config)) as store:
        if options.kept or options.forget:
            _kept_utterances(config, store, profile, options.forget)
            return
        if options.name == "speech":
            heard = speech_report.rows(store, profile.id, profile.zone, first, last)
            say(speech_report.FORMATS[options.format](heard))
            return
        if options.name == "callbacks":
            asked = callback_report.rows(store, profile.id, profile.zone, first, last, now())
            say(callback_report.FORMATS[options.format](asked))
            return
        rows = reports.wait(store, profile.id, profile.zone, first, last, dialled)
        storms = reports.storms(store, profile.id, profile.zone, first, last)
    say(reports.FORMATS[options.format](rows))
    for line in reports.marks(storms, profile.zone) if options.format == "table" else ():
        say(line)


def _kept_utterances(config: Config, store: Store, profile: Company, whose: str | None) -> None:
    """List what is kept of what callers said, or delete it of a call or a telephone."""
    import getpass

    from ivr import utterances

    folder = config.press2.var / "utterances"
    if whose:
        who = f"shell:{getpass.getuser()}"
        count = utterances.forget(store, folder, profile.id, whose, who, now())
        say(f"{whose}: {count} files deleted")
        return
    rows = utterances.held(folder, {profile.id: profile}, profile.id)
    for row in rows:
        until = row.until.astimezone(profile.zone)
        say(f"{row.call:30} {row.language:5} {row.files:4} files, until {until:%Y-%m-%d}")
    say(f"{len({row.call for row in rows})} calls, {sum(row.files for row in rows)} files")


def _numbers_of(profile: Company, name: str) -> tuple[str, ...]:
    """Return the numbers of a service, of a label, or the one that is named."""
    found = [n.number for s in profile.services if name in (s.name, s.label) for n in s.numbers]
    found += [each.number for each in profile.access if name in (each.number, each.label)]
    if found:
        return tuple(found)
    known = ", ".join([*(s.name for s in profile.services), *profile.numbers])
    raise Press2Error(f"--dialled {name}: no service or number of {profile.id}; known: {known}")
