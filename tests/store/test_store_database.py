"""Sessions, opening, and several processes at one store."""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.exc import DBAPIError, IntegrityError

from ivr.errors import SetupError
from ivr.store.database import Store, memory_store, open_store
from ivr.store.models import (
    Account,
    AccountMiss,
    Alias,
    CallEvent,
    Company,
    Contact,
    Meter,
    Reading,
    Receipt,
    Register,
    Ticket,
)
from ivr.store.world import load_demo

NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)


def receipt(key: str) -> Receipt:
    return Receipt(company="odesa", key=key, created_at=NOW)


def reading(account: Account, register: Register, key: str) -> Reading:
    return Reading(
        company="odesa",
        account=account,
        register=register,
        value="02421",
        state="accepted",
        as_of=None,
        entered_at=NOW,
        stored_at=NOW,
        channel="agi",
        caller_number=None,
        call="call-1",
        key=key,
    )


def an_account(store: Store, number: str = "100200301") -> Account:
    with store.session(read_only=True) as session:
        return session.scalars(select(Account).where(Account.number == number)).one()


def keys(store: Store) -> list[str]:
    with store.session(read_only=True) as session:
        return list(session.scalars(select(Receipt.key).order_by(Receipt.key)))


def test_a_session_commits(store: Store) -> None:
    with store.session() as session:
        session.add(receipt("a"))
    assert keys(store) == ["a"]


def test_an_exception_takes_everything_back(store: Store) -> None:
    with pytest.raises(LookupError), store.session() as session:
        session.add(receipt("a"))
        session.flush()
        raise LookupError
    assert keys(store) == []


def test_a_reading_session_cannot_write(store: Store) -> None:
    with pytest.raises(DBAPIError), store.session(read_only=True) as session:
        session.add(receipt("a"))
    with store.session() as session:
        session.add(receipt("b"))
    assert keys(store) == ["b"]


def test_an_account_is_readable_after_its_session(demo: Store) -> None:
    account = an_account(demo, "100200302")
    registers = [register.name for register in account.meters[0].registers]
    assert registers == ["day", "night"]
    assert [contact.number for contact in account.contacts] == ["+380671110002"]


def test_a_key_is_stored_once(demo: Store) -> None:
    account = an_account(demo)
    with demo.session() as session:
        session.add(reading(account, account.meters[0].registers[0], "call-1/confirm/7"))
    with pytest.raises(IntegrityError), demo.session() as session:
        session.add(reading(account, account.meters[0].registers[0], "call-1/confirm/7"))


def test_a_row_cannot_name_what_is_not_there(store: Store) -> None:
    ticket = Ticket(
        company="odesa", type="outage", account_id=7, priority="normal", call="c", key="k",
        created_at=NOW,
    )  # fmt: skip
    with pytest.raises(IntegrityError), store.session() as session:
        session.add(ticket)


def test_a_receipt_number_is_never_given_twice(store: Store) -> None:
    numbers = []
    for key in ("a", "b"):
        with store.session() as session:
            row = receipt(key)
            session.add(row)
            session.flush()
            numbers.append(row.number)
            session.delete(row)
    assert numbers == [100_001, 100_002]


def test_lists_notice_what_is_appended(demo: Store) -> None:
    account = an_account(demo)
    with demo.session() as session:
        session.add(reading(account, account.meters[0].registers[0], "k"))
    with demo.session() as session:
        row = session.scalars(select(Reading)).one()
        assert (row.flags, row.tries) == ([], [])
        row.flags.append("high_use")
        row.tries.append({"value": "24211"})
    with demo.session(read_only=True) as session:
        row = session.scalars(select(Reading)).one()
        assert (row.flags, row.tries) == (["high_use"], [{"value": "24211"}])


def test_an_event_keeps_its_details(store: Store) -> None:
    with store.session() as session:
        session.add(CallEvent(company="odesa", call="c", at=NOW, kind="said", details={"n": [1]}))
    with store.session(read_only=True) as session:
        event = session.scalars(select(CallEvent)).one()
    assert (event.flow, event.step, event.details) == ("", "", {"n": [1]})


def test_an_error_does_not_show_a_callers_number(store: Store) -> None:
    with pytest.raises(IntegrityError) as caught, store.session() as session:
        session.add(Account(company="nobody", number="100200301", kind="household",
                            settlement="Одеса", street="Шевченка", house="27"))  # fmt: skip
    assert "Шевченка" not in str(caught.value)


def test_stores_in_memory_are_apart() -> None:
    one, other = memory_store(), memory_store()
    with one.session() as session:
        session.add(receipt("a"))
        session.flush()
        assert keys(other) == []
    assert keys(one) == ["a"]


def test_a_session_within_a_session_of_memory_is_an_error() -> None:
    store = memory_store()
    with store.session(), pytest.raises(RuntimeError, match="still open"), store.session():
        pass


def test_threads_take_turns_at_a_store_in_memory() -> None:
    store = memory_store()

    def write(thread: int) -> None:
        for number in range(25):
            with store.session() as session:
                session.add(receipt(f"{thread}-{number}"))

    threads = [threading.Thread(target=write, args=[thread]) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys(store)) == 100


def test_a_writer_waits_for_another_program(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    load_demo(store)
    other = sqlite3.connect(tmp_path / "press2.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = threading.Event()

    def write() -> None:
        begun.set()
        with store.session() as session:
            session.add(receipt("second"))

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    with store.session(read_only=True) as session:
        assert session.scalar(select(func.count(Receipt.id))) == 0
    other.execute("COMMIT")
    writer.join()
    other.close()
    assert keys(store) == ["second"]
    store.close()


def test_a_session_that_asks_nothing_takes_no_lock(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    other = sqlite3.connect(tmp_path / "press2.db", isolation_level=None, timeout=0)
    with store.session():
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
    other.close()
    store.close()


@pytest.mark.postgres
def test_a_server_that_dropped_its_connections_is_asked_again(cluster: Any) -> None:
    end_others = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND backend_type = 'client backend'"""
    # A pool of its own: that of the shared store may hold more than two.
    store = open_store(cluster.empty_database(), migrate=True)
    with store.session() as one, store.session() as other:
        assert one.scalar(text("SELECT 1")) == other.scalar(text("SELECT 1"))
    # Two connections wait in the pool now.
    with store.session() as session:
        assert session.scalars(text(end_others)).all() == [True]
    with store.session() as one, store.session() as other:
        assert one.scalar(text("SELECT 1")) == other.scalar(text("SELECT 1")) == 1
    store.close()


# What a caller waits for.


@pytest.mark.parametrize(
    "query",
    [
        select(Account.id).where(Account.company == "odesa", Account.number == "100"),
        select(Alias.account_id).where(Alias.company == "odesa", Alias.alias == "100"),
        select(Account.id).join(Meter).where(Meter.number == "100"),
        select(Contact.id).where(Contact.company == "odesa", Contact.number == "+380671110001"),
        select(Reading.id).where(Reading.account_id == 1, Reading.as_of == NOW.date()),
        select(Reading.id).where(Reading.caller_number == "+3806", Reading.state == "incomplete"),
        select(Reading.id).where(Reading.key == "call-1/confirm/7"),
        select(CallEvent.kind).where(CallEvent.call == "call-1").order_by(CallEvent.id),
        select(func.count(AccountMiss.id)).where(
            AccountMiss.company == "odesa", AccountMiss.number == "+3806", AccountMiss.at > NOW
        ),
    ],
)
def test_a_call_reads_no_table_from_end_to_end(query: Select[Any]) -> None:
    plan = str(query.compile(dialect=dialect(), compile_kwargs={"literal_binds": True}))
    with memory_store().session(read_only=True) as session:
        steps = [row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {plan}"))]
    assert steps
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]


# Several processes. Their work is a function of this module, run by a new interpreter.


def in_processes(number: int, work: Callable[..., None], *arguments: Any) -> list[int | None]:
    """Runs `work(start, index, ...)` in processes; `start.wait()` lets all go on at once."""
    context = get_context("spawn")
    start = context.Barrier(number)
    processes = [
        context.Process(target=work, args=(start, index, *arguments)) for index in range(number)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def store_readings(start: Barrier, index: int, url: str) -> None:
    store = open_store(url)
    start.wait()
    for number in range(200):
        with store.session() as session:
            account = session.scalars(select(Account).where(Account.number == "100200301")).one()
            session.scalar(select(func.count(Reading.id)))  # a snapshot before the write
            session.add(reading(account, account.meters[0].registers[0], f"{index}-{number}"))
    store.close()


def test_two_processes_store_every_reading(url: str) -> None:
    store = open_store(url, migrate=True)
    load_demo(store)
    assert in_processes(2, store_readings, url) == [0, 0]
    with store.session(read_only=True) as session:
        stored = set(session.scalars(select(Reading.key)))
    store.close()
    assert stored == {f"{index}-{number}" for index in range(2) for number in range(200)}


def open_and_load(start: Barrier, index: int, url: str) -> None:
    start.wait()
    store = open_store(url, migrate=True)
    load_demo(store)
    store.close()


def test_four_processes_start_at_once(url: str) -> None:
    assert in_processes(4, open_and_load, url) == [0, 0, 0, 0]
    store = open_store(url)
    with store.session(read_only=True) as session:
        assert session.scalar(select(func.count(Account.id))) == 6
        assert session.scalar(select(func.count(Company.id))) == 3
    store.close()


def die_while_writing(start: Barrier, index: int, url: str) -> None:
    with open_store(url).session() as session:
        session.add(receipt("never told"))
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_killed_while_writing_leaves_no_trace(url: str) -> None:
    store = open_store(url, migrate=True)
    assert in_processes(1, die_while_writing, url) == [-signal.SIGKILL]
    with store.session() as session:
        session.add(receipt("told"))
    assert keys(store) == ["told"]
    store.close()


# Opening.


def test_a_file_of_sqlite_is_made_with_its_folder(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/var/press2.db", migrate=True).close()
    with sqlite3.connect(tmp_path / "var" / "press2.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_store_without_tables_names_the_mend(url: str) -> None:
    with pytest.raises(SetupError, match="is at version none.*app.py run"):
        open_store(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://press2:secret@127.0.0.1:1/press2", "Connection refused"),
        ("sqlite:////proc/nowhere/press2.db", "/proc/nowhere"),
        ("sqlite:////proc/press2.db", "unable to open database file"),
        (f"sqlite:///{__file__}", "file is not a database"),
        ("sqlite://", "names no file"),
        ("mysql://localhost/press2", "mysql is not supported"),
        ("press2.db", "is not an address"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why(url: str, reason: str) -> None:
    with pytest.raises(SetupError, match=reason) as caught:
        open_store(url, migrate=True)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
