"""Temporary tables where an import is checked before it is moved into the real ones.

Filling and checking them locks nothing that a call needs; the move is a few statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    bindparam,
    func,
    insert,
    select,
    text,
    tuple_,
)

from ivr.store import fields
from ivr.store.account_file import MOST_PROBLEMS, Line, Problems
from ivr.store.models import UtcDateTime

BATCH = 2_000
SAME_FOR_ACCOUNT = (
    "kind", "settlement", "street", "house", "permitted_kw", "schedule_queue", "substation",
)  # fmt: skip
SAME_FOR_METER = ("digits", "remote")

TABLES = MetaData()
LINES = Table(
    "import_lines",
    TABLES,
    Column("line", Integer, primary_key=True),
    Column("account", String),
    Column("kind", String),
    Column("settlement", String),
    Column("street", String),
    Column("house", String),
    Column("permitted_kw", Integer),
    Column("schedule_queue", String),
    Column("substation", String),
    Column("meter", String),
    Column("digits", Integer),
    Column("remote", Boolean),
    Column("register", String),
    Column("place", Integer),  # of the register among fields.REGISTERS
    Column("previous", String),
    Column("on", Date),
    Column("per_day", Float),
    Index(None, "account", "meter"),
    prefixes=["TEMPORARY"],
)
NUMBERS = Table(
    "import_numbers",
    TABLES,
    Column("line", Integer),
    Column("account", String),
    Column("kind", String),  # phone or old_account
    Column("number", String),
    Index(None, "account", "kind", "number"),
    prefixes=["TEMPORARY"],
)
ACCOUNTS = Table(
    "import_accounts",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("number", String, index=True),
    prefixes=["TEMPORARY"],
)
METERS = Table(
    "import_meters",
    TABLES,
    Column("account_id", Integer, primary_key=True),
    Column("number", String, primary_key=True),
    Column("digits", Integer),
    Column("remote", Boolean),
    Column("first_register", String),
    Column("position", Integer),
    prefixes=["TEMPORARY"],
)

KNOWN_ACCOUNTS = text("""
    SELECT count(*) FROM accounts
    WHERE company = :company AND number IN (SELECT account FROM import_lines)
""")
MOVE_ACCOUNTS = text("""
    INSERT INTO accounts (company, number, kind, settlement, street, house,
                          permitted_kw, schedule_queue, substation)
    SELECT CAST(:company AS VARCHAR), account, kind, settlement, street, house,
           permitted_kw, schedule_queue, substation
    FROM import_lines
    WHERE line IN (SELECT min(line) FROM import_lines GROUP BY account)
    ORDER BY line
    ON CONFLICT (company, number) DO UPDATE SET
        kind = excluded.kind, settlement = excluded.settlement, street = excluded.street,
        house = excluded.house, permitted_kw = excluded.permitted_kw,
        schedule_queue = excluded.schedule_queue, substation = excluded.substation
""")
NAME_ACCOUNTS = text("""
    INSERT INTO import_accounts (id, number)
    SELECT id, number FROM accounts
    WHERE company = :company AND number IN (SELECT account FROM import_lines)
""")
# A set of registers is known by its alphabetically first name: single, day or half_peak.
NAME_METERS = text("""
    INSERT INTO import_meters (account_id, number, digits, remote, first_register, position)
    SELECT a.id, l.meter, l.digits, l.remote, min(l.register),
           row_number() OVER (PARTITION BY a.id ORDER BY min(l.line)) - 1
    FROM import_lines l JOIN import_accounts a ON a.number = l.account
    WHERE l.meter IS NOT NULL
    GROUP BY a.id, l.meter, l.digits, l.remote
""")
RETIRE_METERS = text("""
    UPDATE meters SET account_id = NULL
    WHERE account_id IN (SELECT id FROM import_accounts) AND NOT EXISTS (
        SELECT 1 FROM import_meters i
        WHERE i.account_id = meters.account_id AND i.number = meters.number
        AND i.first_register = (SELECT min(name) FROM registers WHERE meter_id = meters.id))
""")
UPDATE_METERS = text("""
    UPDATE meters SET digits = i.digits, remote = i.remote, position = i.position
    FROM import_meters i
    WHERE i.account_id = meters.account_id AND i.number = meters.number
""")
ADD_METERS = text("""
    INSERT INTO meters (account_id, number, digits, remote, position)
    SELECT account_id, number, digits, remote, position FROM import_meters i
    WHERE NOT EXISTS (
        SELECT 1 FROM meters m WHERE m.account_id = i.account_id AND m.number = i.number)
    ORDER BY account_id, position
""")
MOVE_REGISTERS = text("""
    INSERT INTO registers (meter_id, name, previous, previous_on, per_day)
    SELECT m.id, l.register, l.previous, l."on", l.per_day
    FROM import_lines l
    JOIN import_accounts a ON a.number = l.account
    JOIN meters m ON m.account_id = a.id AND m.number = l.meter
    WHERE l.meter IS NOT NULL
    ORDER BY m.id, l.place
    ON CONFLICT (meter_id, name) DO UPDATE SET
        previous = excluded.previous, previous_on = excluded.previous_on,
        per_day = excluded.per_day
""")
DROP_CONTACTS = text("""
    DELETE FROM contacts
    WHERE source = 'register' AND account_id IN (SELECT id FROM import_accounts) AND NOT EXISTS (
        SELECT 1 FROM import_accounts a
        JOIN import_numbers n ON n.account = a.number AND n.kind = 'phone'
        WHERE a.id = contacts.account_id AND n.number = contacts.number)
""")
MOVE_CONTACTS = text("""
    INSERT INTO contacts (company, number, account_id, source, proved, created_at)
    SELECT CAST(:company AS VARCHAR), n.number, a.id, 'register', TRUE, :now
    FROM import_numbers n JOIN import_accounts a ON a.number = n.account
    WHERE n.kind = 'phone'
    GROUP BY n.number, a.id
    ORDER BY min(n.line), n.number
    ON CONFLICT (company, number, account_id) DO UPDATE SET source = 'register', proved = TRUE
""").bindparams(bindparam("now", type_=UtcDateTime()))
DROP_ALIASES = text("DELETE FROM aliases WHERE account_id IN (SELECT id FROM import_accounts)")
MOVE_ALIASES = text("""
    INSERT INTO aliases (company, alias, account_id)
    SELECT CAST(:company AS VARCHAR), n.number, a.id
    FROM import_numbers n JOIN import_accounts a ON a.number = n.account
    WHERE n.kind = 'old_account'
    GROUP BY n.number, a.id
    ORDER BY min(n.line), n.number
""")


@contextmanager
def prepared(connection: Connection) -> Iterator[None]:
    """Gives the connection empty temporary tables and takes them away again."""
    with connection.begin():
        TABLES.drop_all(connection)
        TABLES.create_all(connection)
    try:
        yield
    finally:
        with connection.begin():
            TABLES.drop_all(connection)


def fill(connection: Connection, lines: Iterator[Line]) -> int:
    """Puts the lines of a file into the temporary tables; returns how many there were."""
    count = 0
    while batch := list(islice(lines, BATCH)):
        count += len(batch)
        connection.execute(insert(LINES), [_row(line) for line in batch])
        numbers = [number for line in batch for number in _numbers(line)]
        if numbers:
            connection.execute(insert(NUMBERS), numbers)
    connection.execute(text("ANALYZE import_lines"))
    connection.execute(text("ANALYZE import_numbers"))
    return count


def check(connection: Connection, problems: Problems) -> None:
    """Notes lines that contradict each other."""
    account, meter, register = LINES.c.account, LINES.c.meter, LINES.c.register
    for name in SAME_FOR_ACCOUNT:
        for line, first in _differences(connection, [account], LINES.c[name]):
            problems.add(line, name, f"differs from line {first} of the same account")
    for name in SAME_FOR_METER:
        for line, first in _differences(connection, [account, meter], LINES.c[name]):
            problems.add(line, name, f"differs from line {first} of the same meter")
    for line, first in _differences(connection, [account, meter, register], LINES.c.line):
        problems.add(line, "register", f"stands in line {first} already")
    for line in _odd_meters(connection):
        problems.add(line, "register", f"the registers of a meter are {fields.known_registers()}")


def move(connection: Connection, company: str, now: datetime) -> tuple[int, int, int]:
    """Moves the lines into the real tables.

    Returns how many accounts were added and updated, and how many meters went out of use.
    """
    values = {"company": company, "now": now}
    known = connection.scalar(KNOWN_ACCOUNTS, values) or 0
    connection.execute(MOVE_ACCOUNTS, values)
    named = connection.execute(NAME_ACCOUNTS, values).rowcount
    connection.execute(NAME_METERS)
    retired = connection.execute(RETIRE_METERS).rowcount
    for statement in (
        UPDATE_METERS, ADD_METERS, MOVE_REGISTERS,
        DROP_CONTACTS, MOVE_CONTACTS, DROP_ALIASES, MOVE_ALIASES,
    ):  # fmt: skip
        connection.execute(statement, values)
    return named - known, known, retired


def _row(line: Line) -> dict[str, Any]:
    register = line.values["register"]
    place = fields.REGISTERS.index(register) if register else None
    remote = line.values["remote"] or False
    return {**line.values, "line": line.number, "place": place, "remote": remote}


def _numbers(line: Line) -> Iterator[dict[str, Any]]:
    same = {"line": line.number, "account": line.values["account"]}
    for kind, numbers in (("phone", line.phones), ("old_account", line.old_accounts)):
        for number in numbers:
            yield {**same, "kind": kind, "number": number}


def _differences(
    connection: Connection, group: Sequence[Column[Any]], column: Column[Any]
) -> list[tuple[int, int]]:
    """Finds lines whose `column` differs from the first line with the same `group`."""
    first = LINES.alias()
    firsts = select(*group, func.min(LINES.c.line).label("line")).group_by(*group).subquery()
    differing = (
        select(LINES.c.line, first.c.line)
        .join(firsts, and_(*(key == firsts.c[key.name] for key in group)))
        .join(first, first.c.line == firsts.c.line)
        .where(column.is_distinct_from(first.c[column.name]))
        .order_by(LINES.c.line)
        .limit(MOST_PROBLEMS)
    )
    return [(line, before) for line, before in connection.execute(differing)]


def _odd_meters(connection: Connection) -> list[int]:
    """Finds the first lines of meters whose registers do not make one of the known sets."""
    register, line = LINES.c.register, func.min(LINES.c.line)
    known = [(min(names), max(names), len(names)) for names in fields.SETS_OF_REGISTERS]
    odd = (
        select(line)
        .where(register.is_not(None))
        .group_by(LINES.c.account, LINES.c.meter)
        .having(tuple_(func.min(register), func.max(register), func.count()).not_in(known))
        .order_by(line)
        .limit(MOST_PROBLEMS)
    )
    return list(connection.scalars(odd))
