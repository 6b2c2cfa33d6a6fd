"""Opens the store: an SQLite file, a PostgreSQL database, or an empty store in memory.

An engine does not survive a fork: every process opens its own store.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from ivr.errors import SetupError
from ivr.store import facts as facts  # their tables belong to the metadata
from ivr.store import schema
from ivr.store import supervision as supervision
from ivr.store import supply as supply
from ivr.store.models import Base

LONGEST_WAIT = 5
"""Seconds a caller may hang on a locked file, a full pool or a silent server."""

WRITING = {"sqlite_begin": "IMMEDIATE", "postgresql_readonly": False}
STAGING = {"sqlite_begin": "DEFERRED", "postgresql_readonly": False}
READING = {"sqlite_begin": "DEFERRED", "postgresql_readonly": True}


POOL = {"pool_size": 10, "max_overflow": 40}
"""Connections of one process: so many calls may ask at the same moment without waiting."""
POLL = 0.001
"""Seconds between two tries for SQLite's write lock; its own handler sleeps up to 100 ms."""


class Store:
    """Hands out sessions on one database.

    bind: an engine, or the one connection of a store in memory, which threads use in turn.
    """

    def __init__(self, bind: Engine | Connection) -> None:
        self._bind = bind
        self._readers = bind.execution_options(**READING) if isinstance(bind, Engine) else bind
        self._writers = bind.execution_options(**WRITING) if isinstance(bind, Engine) else bind
        self._turn: AbstractContextManager[object] = (
            threading.RLock() if isinstance(bind, Connection) else nullcontext()
        )
        # SQLite has one writer: threads stand in line here, where none of them has to poll.
        in_a_file = isinstance(bind, Engine) and bind.dialect.name == "sqlite"
        self._line = threading.Lock() if in_a_file else None

    @property
    def url(self) -> str | None:
        """The address another process opens it at, password and all; None: it is in memory."""
        if isinstance(self._bind, Connection):
            return None
        return self._bind.url.render_as_string(hide_password=False)

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        """Opens a transaction that is committed at the end and rolled back on an exception.

        It begins with the first statement: a session that asks nothing costs nothing.
        read_only: takes no write lock on SQLite; a write raises. Loaded objects stay readable
        after the end, relations that were not loaded do not.
        """
        bind = self._readers if read_only else self._writers
        line = nullcontext() if read_only else self._in_line()
        with self._turn, line, Session(bind, expire_on_commit=False) as session:
            if isinstance(bind, Connection):
                if bind.in_transaction():
                    raise RuntimeError("a session of this store is still open in this thread")
                session.connection(execution_options=READING if read_only else WRITING)
            yield session
            session.commit()

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        """Waits for the writers of this process that came before; TimeoutError after a while."""
        if self._line is None:
            yield
            return
        if not self._line.acquire(timeout=LONGEST_WAIT):
            raise TimeoutError("another thread has been writing to the store for too long")
        try:
            yield
        finally:
            self._line.release()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lends a connection without an open transaction, for statements over whole tables."""
        if isinstance(self._bind, Connection):
            with self._turn:
                yield self._bind
        else:
            with self._bind.connect() as connection:
                yield connection

    def close(self) -> None:
        """Closes every connection; a store in memory is gone with it."""
        if isinstance(self._bind, Connection):
            self._bind.close()
        else:
            self._bind.dispose()


def open_store(url: str, migrate: bool = False) -> Store:
    """Opens the store at `url` and checks that its tables are those of this version.

    url: "sqlite:////srv/press2/var/press2.db", "sqlite:///var/press2.db" or
    "postgresql://user:password@host/database".
    migrate: bring the tables up to date first; any number of processes may do so at once.
    Raises SetupError when the store cannot be reached or does not fit this version.
    """
    address = _address(url)
    engine = open_engine(address)
    try:
        if migrate:
            _make_folder(address)
            schema.upgrade(engine)
        else:
            schema.check(engine)
    except SetupError:
        engine.dispose()
        raise
    except (DBAPIError, sqlite3.Error, OSError) as error:
        engine.dispose()
        name = address.render_as_string(hide_password=True)
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = " ".join(str(cause).split())
        raise SetupError(f"the store {name} cannot be used: {reason}; check [store] url") from error
    return Store(engine)


def memory_store() -> Store:
    """Makes an empty store in memory, with all tables; it lives until it is closed."""
    return Store(_memory_engine().connect())


def open_engine(url: URL) -> Engine:
    """Makes the engine of a database; its errors never show values, which are callers' numbers."""
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=LONGEST_WAIT,
            **POOL,
            connect_args={"connect_timeout": LONGEST_WAIT, "options": "-c timezone=utc"},
        )
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_timeout=LONGEST_WAIT,
        **POOL,
        connect_args={"isolation_level": None},
    )
    _set_up_sqlite(engine)
    return engine


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise SetupError(
            "[store] url is not an address; write sqlite:///var/press2.db "
            "or postgresql://user:password@host/database"
        ) from None
    kind = address.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise SetupError(f"[store] url: {kind} is not supported; use sqlite or postgresql")
    if kind == "sqlite" and address.database in (None, "", ":memory:"):
        raise SetupError("[store] url names no file; write sqlite:///var/press2.db")
    return address


def _make_folder(address: URL) -> None:
    if address.get_backend_name() == "sqlite":
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)


def _set_up_sqlite(engine: Engine) -> None:
    """Makes SQLite wait for a lock, check foreign keys and begin when SQLAlchemy says so.

    A writing transaction takes its lock at BEGIN: one that starts by reading and writes later fails
    at once, without waiting, when another process wrote in between (sqlite.org/isolation.html).
    """

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.execute(f"PRAGMA busy_timeout = {LONGEST_WAIT * 1000}")
        # What a caller was told must outlive a power cut (sqlite.org/pragma.html).
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is deleted is gone from the file, too: a customer who was erased is in no free page.
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        plain = cast(sqlite3.Connection, connection.connection.dbapi_connection)
        read_only = options.get("postgresql_readonly", False)
        plain.execute(f"PRAGMA query_only = {int(read_only)}")
        kind = options.get("sqlite_begin", "IMMEDIATE")
        if kind == "IMMEDIATE" and _took_lock(plain):
            return
        connection.exec_driver_sql(f"BEGIN {kind}")


def _took_lock(connection: sqlite3.Connection) -> bool:
    """Begins a writing transaction; false when the lock could not be had in time, or at all.

    SQLite's own way of waiting sleeps longer and longer, and whoever came last gets the lock first.
    """
    deadline = time.monotonic() + LONGEST_WAIT
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < deadline:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    return False
                time.sleep(POLL)
            else:
                return True
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {LONGEST_WAIT * 1000}")


@cache
def _memory_engine() -> Engine:
    """Makes the engine of all stores in memory: they share compiled statements, not data."""
    template = sqlite3.connect(":memory:", check_same_thread=False)
    blank = create_engine("sqlite://", creator=lambda: template, poolclass=StaticPool)
    Base.metadata.create_all(blank)

    def copy() -> sqlite3.Connection:
        fresh = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        template.backup(fresh)
        return fresh

    engine = create_engine("sqlite://", creator=copy, poolclass=NullPool, hide_parameters=True)
    _set_up_sqlite(engine)
    return engine
