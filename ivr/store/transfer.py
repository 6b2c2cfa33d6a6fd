"""Carries accounts in from the company's register and readings out to the supplier, as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from ivr.errors import SetupError
from ivr.figures import write_csv
from ivr.store import account_file, stage
from ivr.store.database import STAGING, WRITING, Store
from ivr.store.models import FIRST_RECEIPT, Account, Meter, Reading, Register
from ivr.store.world import keep_company

CONFIRMED = ("accepted", "accepted_flagged", "outside_window")
"""States of the readings that the supplier may bill."""


@dataclass(frozen=True)
class Summary:
    """What an import did: lines read, accounts added and updated, meters taken out of use."""

    lines: int
    added: int
    updated: int
    retired: int


def import_accounts(
    store: Store, company: str, path: Path, *, region: str, now: datetime
) -> Summary:
    """Brings the accounts of a file, as `account_file` describes it, up to date.

    Accounts that the file does not name stay as they are. Of those it names it tells the whole
    truth: a telephone of the register that is missing goes (one that a caller asked to keep
    stays), a meter that is missing or has other registers now is taken out of use.
    region: the country of national telephone numbers ("UA"). Raises ImportFileError with up to
    20 lines and fields; then nothing is changed. The file is read and checked before the store is
    locked, so that callers go on storing readings.
    """
    problems = account_file.Problems(path.name)
    with store.connection() as connection:
        connection.execution_options(**STAGING)
        with stage.prepared(connection):
            with connection.begin():
                lines = stage.fill(connection, account_file.read(path, region, problems))
                stage.check(connection, problems)
            problems.settle()
            connection.execution_options(**WRITING)
            with connection.begin():
                keep_company(connection, company)
                return Summary(lines, *stage.move(connection, company, now))


def export_readings(
    store: Store,
    company: str,
    target: Path | TextIO,
    *,
    zone: ZoneInfo,
    since: date | None = None,
    until: date | None = None,
    states: Sequence[str] = CONFIRMED,
) -> int:
    """Writes the readings stored from the day `since` to the day `until` as CSV; returns how many.

    A reading that a later one of these states replaced is left out. Times and days are those of
    the company's `zone`. A file appears only when it is whole.
    """
    rows = _rows(company, zone, since, until, states)
    if not isinstance(target, Path):
        return _write(store, rows, zone, target)
    part = target.with_name(target.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            count = _write(store, rows, zone, file)
        part.replace(target)
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


def _rows(
    company: str, zone: ZoneInfo, since: date | None, until: date | None, states: Sequence[str]
) -> Select[*tuple[Any, ...]]:
    later = aliased(Reading)
    replaced = exists().where(later.replaces_id == Reading.id, later.state.in_(states))
    rows = (
        select(
            Account.number.label("account"),
            Meter.number.label("meter"),
            Register.name.label("register"),
            Reading.value,
            Reading.as_of,
            Reading.state,
            Reading.flags,
            Reading.entered_at,
            Reading.stored_at,
            Reading.channel,
            (Reading.receipt_id + FIRST_RECEIPT).label("receipt"),
        )
        .join(Account, Account.id == Reading.account_id)
        .join(Register, Register.id == Reading.register_id)
        .join(Meter, Meter.id == Register.meter_id)
        .where(Reading.company == company, Reading.state.in_(states), ~replaced)
        .order_by(Reading.id)
    )
    if since:
        rows = rows.where(Reading.stored_at >= datetime.combine(since, time(), zone))
    if until:
        after = datetime.combine(until + timedelta(days=1), time(), zone)
        rows = rows.where(Reading.stored_at < after)
    return rows


def _write(store: Store, rows: Select[*tuple[Any, ...]], zone: ZoneInfo, file: TextIO) -> int:
    count = 0
    with store.session(read_only=True) as session:
        found = session.execute(rows.execution_options(yield_per=1_000))
        write_csv(file, [found.keys()])
        for some in found.partitions():
            write_csv(file, ([_cell(value, zone) for value in row] for row in some))
            count += len(some)
    return count


def _cell(value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    return " ".join(value) if isinstance(value, list) else str(value)
