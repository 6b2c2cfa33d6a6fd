"""Brings the tables of a database to the version of this program, and back.

`python -m ivr.store.migrations "what changes"` writes the migration for a change of the models.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from ivr.errors import SetupError
from ivr.store import planner

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x70726573
"""Key of PostgreSQL's advisory lock for migrations: "pres" in ASCII."""


def upgrade(engine: Engine) -> None:
    """Runs the missing migrations in one transaction; other processes wait for it."""
    with migration(engine) as connection:
        command.upgrade(configuration(connection), "head")
        if engine.dialect.name == "sqlite":
            planner.guide(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Takes migrations back to `revision` ("base": no tables at all)."""
    with migration(engine) as connection:
        command.downgrade(configuration(connection), revision)


def check(engine: Engine) -> None:
    """Raises SetupError unless the tables are those of this version."""
    found = current(engine)
    if found != newest():
        raise SetupError(
            f"the store is at version {found or 'none'}, this press2 needs {newest()}; "
            "start `python app.py run` once, it brings the store up to date"
        )


def current(engine: Engine) -> str | None:
    """Returns the revision of the database, None where it holds no tables of ours."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """Returns the revision that this program needs."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def configuration(connection: Connection | None = None) -> Config:
    """Builds Alembic's configuration; `connection` is where the migrations run."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


@contextmanager
def migration(engine: Engine) -> Iterator[Connection]:
    """Opens the one transaction that may change tables; an unknown revision raises SetupError."""
    opened = _sqlite_migration if engine.dialect.name == "sqlite" else _server_migration
    try:
        with opened(engine) as connection:
            yield connection
    except CommandError as error:
        raise SetupError(f"the store was made by another version of press2: {error}") from error


@contextmanager
def _server_migration(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        yield connection


@contextmanager
def _sqlite_migration(engine: Engine) -> Iterator[Connection]:
    """Works on a connection of its own, because two settings cannot change in a transaction.

    The write-ahead log lets readers and a writer work at once; the file remembers it. Without
    foreign keys a table can be replaced by its changed copy (sqlite.org/lang_altertable.html, 7).
    """
    with _alone(Path(str(engine.url.database)).parent), engine.connect() as connection:
        connection.detach()
        cursor = connection.connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.close()
        with connection.begin():
            yield connection


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time in; the kernel frees the lock of a process that dies."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
