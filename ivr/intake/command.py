"""`app.py import`: a file into the store, and the line that tells what came of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import OperationalError

from ivr.company import Company
from ivr.errors import ImportFileError, SetupError
from ivr.intake import files
from ivr.intake.reading import check
from ivr.intake.refusal import Problems, Refusal
from ivr.intake.schemas import KINDS, Setting
from ivr.intake.storing import take
from ivr.intake.task import Summary
from ivr.store.database import Store
from ivr.store.transfer import import_accounts

COMPLETE = ("events", "works")
WHATS = ("accounts", *KINDS)


def run(
    store: Store, profile: Company, what: str, path: Path, now: datetime, complete: bool = False
) -> str:
    """Import a file; what: of `WHATS`. Returns a line for people.

    ImportFileError tells what is wrong in it, with line and field; nothing of it was stored then.
    """
    if complete and what not in COMPLETE:
        raise ImportFileError(f"--complete goes with {' and '.join(COMPLETE)}, not with {what}")
    try:
        if what == "accounts":
            return _accounts(store, profile, path, now)
        return f"{path}: {import_file(store, profile, what, path, now, complete)}"
    except (OperationalError, TimeoutError) as error:
        raise SetupError(
            f"the store did not take {path.name} ({type(error).__name__}); nothing of it was"
            " stored, try again"
        ) from error


def import_file(
    store: Store, profile: Company, kind: str, path: Path, now: datetime, complete: bool = False
) -> Summary:
    """Import a file of a kind; its name ends in .csv or .json."""
    problems, setting = Problems(), Setting(profile.zone, profile.region, now)
    try:
        entries = check(kind, files.read(kind, path, problems), setting, problems)
        return take(store, profile, kind, entries, source="file", now=now, complete=complete)
    except Refusal as refusal:
        raise ImportFileError(refusal.told(path.name)) from None


def _accounts(store: Store, profile: Company, path: Path, now: datetime) -> str:
    done = import_accounts(store, profile.id, path, region=profile.region, now=now)
    return (
        f"{path}: {done.lines} lines; {done.added} accounts added, "
        f"{done.updated} updated, {done.retired} meters taken out of use"
    )
