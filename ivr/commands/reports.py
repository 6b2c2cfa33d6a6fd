"""Figures from the log of events: report."""

from __future__ import annotations

import argparse
import contextlib
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivr.commands.terminal import command, day, say
from ivr.composition import now, profile_of, settings, store_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.company import Company
    from ivr.config import Config
    from ivr.store.database import Store

LIST = "list"
FORMATS = ("table", "csv", "json", "xlsx", "html")
LANGUAGES = ("uk", "ru", "en")
OLD = ("wait", "callbacks", "speech")
"""Reports whose tables, CSV and JSON have forms of their own."""


def add(commands: Any) -> None:
    """Name the commands."""
    reporter = command(commands, "report", report, "figures from the log of events")
    reporter.add_argument("name", help="a report; `list` tells which there are")
    reporter.add_argument(
        "--dialled", metavar="NAME", help="only calls to this service or access number"
    )
    reporter.add_argument(
        "--from", dest="first", type=day, metavar="DAY",
        help="first local day, 2026-10-30; default: the last one; of `year` 1 January",
    )  # fmt: skip
    reporter.add_argument("--to", dest="last", type=day, metavar="DAY", help="default: today")
    reporter.add_argument(
        "--by", default="", metavar="WORDS",
        help="what rows are made of, one or two of those `list` tells: day, month,queue ...",
    )  # fmt: skip
    reporter.add_argument(
        "--without-storms", action="store_true", help="leave out what came while storm mode was on"
    )
    reporter.add_argument("--format", choices=FORMATS, default="table")
    reporter.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    reporter.add_argument(
        "--table",
        default="",
        metavar="NAME",
        help="csv: which table of the report, if not the first",
    )
    reporter.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of headings and words"
    )
    reporter.add_argument("-o", dest="file", type=Path, metavar="FILE", help="write it there")
    kept = reporter.add_mutually_exclusive_group()
    kept.add_argument(
        "--kept", action="store_true", help="speech: list what is kept of what callers said instead"
    )
    kept.add_argument(
        "--forget", metavar="WHOSE", help="speech: delete that of a call or a telephone (+380...)"
    )
    reporter.add_argument("--company", help="company profile")


def report(options: argparse.Namespace) -> None:
    """Write a report from the log of events."""
    from ivr.reporting import named

    if options.name == LIST:
        _list()
        return
    chosen = named(options.name)
    config = settings()
    profile = profile_of(options.company or config.press2.company)
    last = options.last or now().astimezone(profile.zone).date()
    first = options.first or (last.replace(month=1, day=1) if chosen.name == "year" else last)
    if first > last:
        raise Press2Error(f"--from {first} is after --to {last}; write the earlier day first")
    chosen.check(first, last, _words(options.by))
    if (options.kept or options.forget) and options.name != "speech":
        raise Press2Error(f"--kept and --forget are of `report speech`, not of {options.name}")
    if options.format == "xlsx" and options.file is None and sys.stdout.isatty():
        raise Press2Error("a spreadsheet is no text; name a file: -o report.xlsx")
    dialled = _numbers_of(profile, options.dialled) if options.dialled else ()
    with contextlib.closing(store_of(config)) as store:
        if options.kept or options.forget:
            _kept_utterances(config, store, profile, options.forget)
        elif chosen.name in OLD and options.format in ("table", "csv", "json"):
            written = _of_old(options, store, profile, first, last, dialled)
            _write(options.file, (written + "\n").encode())
        else:
            _write(options.file, _counted(options, store, profile, first, last, dialled))


def _list() -> None:
    """Tell which reports there are, what each counts and what its rows may be made of."""
    from ivr.reporting import REPORTS

    for each in REPORTS.values():
        say(f"{each.name:10} {each.title}")
        if each.by:
            say(f"{'':10} --by {', '.join(each.by)}")


def _counted(
    options: argparse.Namespace,
    store: Store,
    profile: Company,
    first: date,
    last: date,
    dialled: tuple[str, ...],
) -> bytes:
    from ivr.reporting import Asked, named, render
    from ivr.reporting.words import Words

    by = _words(options.by)
    storms = not options.without_storms
    with store.session(read_only=True) as db:
        asked = Asked(db, profile, first, last, now(), by, storms, dialled)
        answer = named(options.name).answer(asked)
    if answer.empty:
        print(f"press2: no data from {first} to {last}", file=sys.stderr)  # noqa: T201
    return render.write(answer, options.format, Words(options.language), options.table)


def _words(given: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in given.split(",") if word.strip())


def _of_old(
    options: argparse.Namespace,
    store: Store,
    profile: Company,
    first: date,
    last: date,
    dialled: tuple[str, ...],
) -> str:
    """Return the report of promises, call-backs or speech as it has always been written."""
    from ivr.reporting import promises, speech, wait

    where = (store, profile.id, profile.zone, first, last)
    if options.name == "speech":
        return speech.FORMATS[options.format](speech.rows(*where))
    if options.name == "callbacks":
        return promises.FORMATS[options.format](promises.rows(*where, now()))
    found = wait.wait(*where, dialled)
    storms = wait.marks(wait.storms(*where), profile.zone) if options.format == "table" else []
    return "\n".join([wait.FORMATS[options.format](found), *storms])


def _write(file: Path | None, written: bytes) -> None:
    """Write to a file, which appears only when it is whole, or to the terminal."""
    if file is None:
        sys.stdout.buffer.write(written)
        sys.stdout.flush()
        return
    part = file.with_name(file.name + ".part")
    try:
        part.write_bytes(written)
        part.replace(file)
    except OSError as error:
        raise Press2Error(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


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
