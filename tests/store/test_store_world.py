"""Accounts of a World reach the store, or one line says what is wrong with them."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from ivr.errors import ImportFileError
from ivr.store.database import Store, memory_store
from ivr.store.models import Account, Alias, Company
from ivr.store.world import DEMO, load_demo, load_world

GOOD = """
accounts:
  - account: "0100200302"
    kind: household
    address: {settlement: Одеса, street: Садова, house: 12}
    phones: ["+380671110002", "+380671110003"]
    old_accounts: ["77-12"]
    meters:
      - number: "00812771"
        digits: 6
        remote: true
        registers:
          - {name: night, previous: "2304", on: 2026-10-01, per_day: 2.0}
          - {name: day, previous: "005210", on: 2026-10-01, per_day: 6.5}
      - number: "00812772"
        digits: 5
        registers: [{name: single, previous: 00001, on: 2026-10-01, per_day: 0}]
    permitted_kw: 10
    schedule_queue: 3.1
    substation: null
"""


def world(document: str) -> Any:
    return yaml.load(document, yaml.BaseLoader)  # noqa: S506


def load(store: Store, document: str) -> None:
    with store.session() as session:
        load_world(session, "odesa", world(document))


def only_account(store: Store) -> Account:
    with store.session(read_only=True) as session:
        return session.scalars(select(Account)).one()


def test_every_field_arrives(store: Store) -> None:
    load(store, GOOD)
    account = only_account(store)
    assert (account.company, account.number, account.kind) == ("odesa", "0100200302", "household")
    assert (account.settlement, account.street, account.house) == ("Одеса", "Садова", "12")
    assert (account.permitted_kw, account.schedule_queue, account.substation) == (10, "3.1", None)
    assert [(c.number, c.source, c.proved) for c in account.contacts] == [
        ("+380671110002", "register", True),
        ("+380671110003", "register", True),
    ]
    with store.session(read_only=True) as session:
        assert session.scalars(select(Alias.alias)).all() == ["77-12"]


def test_registers_come_in_the_order_in_which_they_are_asked_for(store: Store) -> None:
    load(store, GOOD)
    first, second = only_account(store).meters
    assert (first.number, first.digits, first.remote) == ("00812771", 6, True)
    assert (second.number, second.digits, second.remote) == ("00812772", 5, False)
    assert [(r.name, r.previous, r.previous_on, r.per_day) for r in first.registers] == [
        ("day", "005210", date(2026, 10, 1), 6.5),
        ("night", "002304", date(2026, 10, 1), 2.0),
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ("household", "castle", "world.accounts[0].kind: 'castle' is not one of household"),
        ("street: Садова, ", "", "world.accounts[0].address.street: is missing"),
        ("digits: 6", "digits: six", "meters[0].digits: 'six' is not a number of digits"),
        ('"005210"', '"0052100000"', "registers[1].previous: '0052100000' has more than"),
        ("2026-10-01, per_day: 6.5", "2026-13-01, per_day: 6.5", "registers[1].on: '2026-13-01'"),
        ("per_day: 6.5", "per_day: -1", "registers[1].per_day: '-1' is not a number from 0 up"),
        ("name: night", "name: evening", "registers[0].name: 'evening' is not one of single"),
        ("name: night", "name: single", "meters[0].registers: the registers of a meter are"),
        ("permitted_kw", "permited_kw", "world.accounts[0].permited_kw: is not known"),
        ("+380671110003", "0671110003", "phones[1]: '0671110003' is not a telephone number like"),
        ('["77-12"]', "77-12", "world.accounts[0].old_accounts: is not a list"),
        ("{settlement: Одеса, street: Садова, house: 12}", "Одеса", "address: is not a mapping"),
        ("remote: true", "remote: perhaps", "meters[0].remote: 'perhaps' is not one of yes"),
        ("schedule_queue: 3.1", "schedule_queue: [3.1]", "schedule_queue: ['3.1'] is not a text"),
    ],
)
def test_an_error_names_the_place(right: str, wrong: str, error: str) -> None:
    with pytest.raises(ImportFileError, match=re.escape(error)):
        load(memory_store(), GOOD.replace(right, wrong))


def test_an_account_stands_once() -> None:
    twice = GOOD + GOOD.removeprefix("\naccounts:")
    with pytest.raises(ImportFileError, match=r"accounts\[1\].account: 0100200302 is at world.acc"):
        load(memory_store(), twice)


def test_typed_values_are_refused() -> None:
    typed = world(GOOD)
    typed["accounts"][0]["account"] = 100200301
    with (
        pytest.raises(ImportFileError, match="100200301 is not a text"),
        memory_store().session() as session,
    ):
        load_world(session, "odesa", typed)


def test_a_world_without_accounts_makes_the_company_only(store: Store) -> None:
    load(store, "storm: false")
    with store.session(read_only=True) as session:
        assert session.scalars(select(Company.id)).all() == ["odesa"]
        assert session.scalar(select(func.count(Account.id))) == 0


def test_the_demo_data_is_loaded_once(store: Store) -> None:
    assert load_demo(store)
    assert not load_demo(store)
    with store.session(read_only=True) as session:
        numbers = session.scalars(select(Account.number).order_by(Account.number)).all()
        companies = session.scalars(select(Company.id).order_by(Company.id)).all()
    accounts = world(DEMO.read_text(encoding="utf-8"))["world"]["accounts"]
    assert numbers == [account["account"] for account in accounts]
    assert companies == ["kazan", "nghean", "odesa"]


def test_the_demo_data_never_joins_real_accounts(store: Store, tmp_path: Path) -> None:
    load(store, GOOD)
    assert not load_demo(store)
    assert only_account(store).number == "0100200302"
