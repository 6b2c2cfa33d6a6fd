"""Migrations make exactly the tables of the models, and can be taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, func, inspect, make_url, select, text

from ivr.errors import SetupError
from ivr.store import schema
from ivr.store.database import Store, open_engine, open_store
from ivr.store.models import Base, Contact
from ivr.store.world import load_demo


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(make_url(url))
    schema.upgrade(engine)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_models_and_migrations_agree(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_can_be_taken_back_and_run_again(engine: Engine) -> None:
    schema.downgrade(engine, "base")
    assert tables(engine) == set()
    schema.upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)


def test_a_table_full_of_rows_can_be_replaced_by_its_copy(engine: Engine) -> None:
    store = Store(engine)
    load_demo(store)
    with schema.migration(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("accounts") as accounts:
            accounts.alter_column("house", nullable=True)
    with store.session(read_only=True) as session:
        assert session.scalar(select(func.count(Contact.id))) == 5
        assert session.scalar(text("SELECT count(*) FROM accounts")) == 6


def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    schema.upgrade(engine)
    assert schema.current(engine) == schema.newest()


@pytest.mark.parametrize("migrate", [True, False])
def test_a_store_of_a_newer_version_is_refused(engine: Engine, url: str, migrate: bool) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="9999"):
        open_store(url, migrate)


def test_a_failed_migration_leaves_nothing_behind(url: str) -> None:
    engine = open_engine(make_url(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE readings (id INTEGER)"))
    with pytest.raises(SetupError, match="already exists"):
        open_store(url, migrate=True)
    assert tables(engine) == {"readings"}
    engine.dispose()


# ---------------------------------------------------------------------- how SQLite searches

OF_EVENTS = {
    "an id": ("id > 5 AND id <= 900", "INTEGER PRIMARY KEY"),
    "calls": (f"call IN ({', '.join(map(repr, map(str, range(500))))})", "ix_events_call_id"),
    "a time": ("at > '2026-01-01'", "ix_events_company_at"),
    "no call": ("call = '' AND kind = 'storm'", "ix_events_of_no_call"),
}


@pytest.fixture
def of_a_file(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(make_url(f"sqlite:///{tmp_path}/press2.db"))
    schema.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", OF_EVENTS)
def test_sqlite_does_not_search_the_log_by_company(of_a_file: Engine, name: str) -> None:
    """Every event of a company has it: a search by it reads the whole log."""
    rule, index = OF_EVENTS[name]
    wanted = "EXPLAIN QUERY PLAN SELECT details FROM events WHERE company = 'odesa' AND "
    with of_a_file.connect() as connection:
        (plan,) = connection.execute(text(wanted + rule))
    assert f" {index} " in plan.detail


def test_sqlite_has_figures_for_every_index(of_a_file: Engine) -> None:
    """Also for one that a later version makes; what SQLite counted itself is kept."""
    with of_a_file.begin() as connection:
        connection.execute(text("CREATE INDEX later ON events (flow)"))
        connection.execute(text("UPDATE sqlite_stat1 SET stat = '9 3 1' WHERE tbl = 'aliases'"))
    schema.upgrade(of_a_file)
    with of_a_file.connect() as connection:
        known = dict(connection.execute(text("SELECT idx, stat FROM sqlite_stat1")).all())
        names = (
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name NOT LIKE 'sqlite%'"
        )
        every = set(connection.scalars(text(names)))
        aliases = set(
            connection.scalars(text("SELECT stat FROM sqlite_stat1 WHERE tbl = 'aliases'"))
        )
    assert every - {"sqlite_autoindex_alembic_version_1"} <= known.keys()
    assert known["later"] == "1000000 20" and aliases == {"9 3 1"}
