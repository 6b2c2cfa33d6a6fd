"""What supervisors change is written down, and taken back once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from ivr.actions import APART, UNDO, Undoing, done, lately, standing, undo, undoable, undoes
from ivr.agent_queue.memory import MemoryQueue
from ivr.company import Company
from ivr.errors import Changed, NotUndone
from ivr.store.database import Store, memory_store
from ivr.store.models import Audit, Preference
from ivr.store.supervision import Action
from ivr.store.world import keep_company

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBER = "+380501234567"


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    with store.session() as db:
        keep_company(db, "odesa")
    yield store
    store.close()


@pytest.fixture(autouse=True)
def preferences() -> Iterator[None]:
    """An undoer over a real table, for as long as a test lasts."""

    @undoes("preference")
    def put_back(undoing: Undoing) -> None:
        row = undoing.db.get(Preference, (undoing.company.id, undoing.action.target))
        if row is None or row.language != undoing.action.after["language"]:
            raise undoing.refuse()
        row.language = undoing.action.before["language"]

    yield
    del UNDO["preference"]


def prefer(store: Store, company: Company, language: str, who: str = "vira") -> int:
    with store.session() as db:
        row = db.get(Preference, (company.id, NUMBER))
        before = row.language if row else ""
        if row is None:
            db.add(Preference(company=company.id, number=NUMBER, language=language))
        else:
            row.language = language
        return done(
            db, company.id, who, "preference", NUMBER,
            {"language": before}, {"language": language}, NOW, call="call-1",
        ).id  # fmt: skip


def preferred(store: Store, company: Company) -> str:
    with store.session(read_only=True) as db:
        row = db.get(Preference, (company.id, NUMBER))
        return row.language if row else ""


def take_back(store: Store, company: Company, action: int, who: str = "vira") -> int:
    with store.session() as db:
        return undo(db, MemoryQueue(), company, action, who, NOW).id


@pytest.fixture
def company(house: Any) -> Company:
    return house.companies["odesa"]


def test_a_change_is_an_action_and_an_audit_row(store: Store, company: Company) -> None:
    action = prefer(store, company, "uk")
    with store.session(read_only=True) as db:
        row = db.get(Action, action)
        audit = db.scalars(select(Audit)).one()
    assert row is not None and (row.who, row.what, row.target) == ("vira", "preference", NUMBER)
    assert (audit.who, audit.what, audit.call, audit.allowed) == (
        "vira", "preference", "call-1", True,
    )  # fmt: skip
    assert audit.details == {
        "action": action, "target": NUMBER, "before": {"language": ""}, "after": {"language": "uk"},
    }  # fmt: skip


def test_undoing_puts_back_what_was_and_is_an_action_itself(store: Store, company: Company) -> None:
    prefer(store, company, "uk")
    action = prefer(store, company, "ru")
    undone = take_back(store, company, action, "olha")
    assert preferred(store, company) == "uk"
    with store.session(read_only=True) as db:
        row, other = db.get(Action, undone), db.get(Action, action)
    assert row is not None and other is not None
    assert (row.who, row.undoes, row.before, row.after) == (
        "olha", action, {"language": "ru"}, {"language": "uk"},
    )  # fmt: skip
    assert (other.undone_by, other.undone_at) == ("olha", NOW)
    assert not undoable(row) and not undoable(other)


def test_an_action_is_undone_once(store: Store, company: Company) -> None:
    prefer(store, company, "uk")
    action = prefer(store, company, "ru")
    undone = take_back(store, company, action, "olha")
    with pytest.raises(NotUndone) as refused:
        take_back(store, company, action)
    assert (refused.value.reason, refused.value.who) == ("undone", "olha")
    with pytest.raises(NotUndone, match="never"):
        take_back(store, company, undone)


def test_what_somebody_else_changed_since_is_not_undone(store: Store, company: Company) -> None:
    prefer(store, company, "uk")
    action = prefer(store, company, "ru")
    prefer(store, company, "en", who="olha")
    with pytest.raises(Changed) as refused:
        take_back(store, company, action)
    assert refused.value.who == "olha"
    assert preferred(store, company) == "en"
    with store.session(read_only=True) as db:
        row = db.get(Action, action)
        assert row is not None and row.undone_at is None
        assert len(db.scalars(select(Action)).all()) == len(db.scalars(select(Audit)).all()) == 3


def stands(store: Store, company: Company) -> set[int]:
    with store.session(read_only=True) as db:
        return standing(lately(db, company.id, NOW))


def test_the_last_one_stands_and_the_one_before_once_it_is_undone(
    store: Store, company: Company
) -> None:
    first, second = prefer(store, company, "uk"), prefer(store, company, "ru")
    assert stands(store, company) == {second}
    take_back(store, company, second)
    assert stands(store, company) == {first}
    third = prefer(store, company, "en")
    assert stands(store, company) == {third}
    with store.session() as db:
        other = done(db, company.id, "vira", "preference", "+380509876543", {}, {}, NOW).id
        done(db, company.id, "vira", "ticket.withdraw", "call", {}, {}, NOW)  # is never undone
    assert stands(store, company) == {third, other}


def test_things_of_one_target_that_are_apart_all_stand(
    store: Store, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(APART, "preference", "number")
    with store.session() as db:
        rows = [
            done(db, company.id, "vira", "preference", NUMBER, {"number": number}, {}, NOW).id
            for number in (1, 2, 1)
        ]
    assert stands(store, company) == set(rows[1:])


def test_another_companys_action_is_not_there(store: Store, company: Company, house: Any) -> None:
    action = prefer(store, company, "uk")
    for number in (action + 100, action):
        other = company if number != action else house.companies["kazan"]
        with pytest.raises(NotUndone, match="gone"):
            take_back(store, other, number)


def test_the_latest_actions_by_kind(store: Store, company: Company) -> None:
    first, second = prefer(store, company, "uk"), prefer(store, company, "ru")
    with store.session(read_only=True) as db:
        assert [row.id for row in lately(db, company.id, NOW)] == [second, first]
        assert [row.id for row in lately(db, company.id, NOW, "pref")] == [second, first]
        assert not lately(db, company.id, NOW, "operator.")
