"""Migrations make exactly the tables of the models, and can be taken back."""

from collections.abc import Iterator

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
