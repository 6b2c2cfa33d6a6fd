"""Stores to test against: an SQLite file, memory, and a real PostgreSQL server of our own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from ivr.store.database import Store, memory_store, open_store
from ivr.store.models import Base
from ivr.store.world import load_demo

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgres)


class Cluster:
    """A private PostgreSQL server on a socket in its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = count()

    def start(self) -> None:
        self._run("initdb", "--auth=trust", "--username=press2", "--no-sync", "--locale=C.UTF-8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder}/log", f"--options={options}")

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def empty_database(self) -> str:
        """Makes a database of its own and returns its URL."""
        name = f"test{next(self._names)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://press2@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        """Runs a program of the server; as root in the name of the distribution's user for it."""
        user = "postgres" if os.geteuid() == 0 else None
        command = [str(_server_program(program)), f"--pgdata={self.folder}/data", *arguments]
        subprocess.run(
            command, check=True, cwd=self.folder, user=user, group=user,
            extra_groups=[] if user else None, stdout=subprocess.DEVNULL,
        )  # fmt: skip


def _server_program(name: str) -> Path:
    """Finds a program of the newest server that the distribution installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    if not found:
        pytest.fail(
            "the PostgreSQL server is missing; run `make setup` or apt-get install postgresql"
        )
    return found[-1]


def _version(program: Path) -> int:
    return int(program.parts[-3])


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="press2-postgresql-"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database that several processes can open."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/press2.db"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.empty_database()


@pytest.fixture(scope="session")
def server_store(cluster: Cluster) -> Iterator[Store]:
    store = open_store(cluster.empty_database(), migrate=True)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "memory", POSTGRESQL])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "postgresql":
        store: Store = request.getfixturevalue("server_store")
        with store.session() as session:
            tables = ", ".join(Base.metadata.tables)
            session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
        yield store
        return
    in_memory = request.param == "memory"
    store = memory_store() if in_memory else open_store(f"sqlite:///{tmp_path}/p.db", migrate=True)
    yield store
    store.close()


@pytest.fixture
def demo(store: Store) -> Store:
    """A store of each kind with the demo data."""
    load_demo(store)
    return store
