"""The demo's operators, made once: a hash takes its time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import insert, select

from agent_desk import users
from ivr.company import Company
from ivr.store.database import Store, memory_store
from ivr.store.models import User
from ivr.store.world import keep_company

Rows = list[dict[str, Any]]
_HIRED = datetime(2025, 1, 1, tzinfo=UTC)


def seat(store: Store, company: Company) -> dict[str, str]:
    """Make the demo's operators in a store that knows the company; returns login -> password."""
    passwords, rows = _staff(company.id, tuple(company.queues))
    with store.session() as db:
        db.execute(insert(User), rows)
    return dict(passwords)


def hire(store: Store, passwords: dict[str, str], login: str, name: str) -> None:
    """Make one more supervisor, with the password of the demo's."""
    with store.session() as db:
        vira = db.scalars(select(User).where(User.login == "vira")).one()
        db.add(
            User(
                company=vira.company, login=login, name=name, role="supervisor",
                password=vira.password, skills={}, languages=[], created_at=vira.created_at,
            )
        )  # fmt: skip
    passwords[login] = passwords["vira"]


@cache
def _staff(company: str, queues: tuple[str, ...]) -> tuple[dict[str, str], Rows]:
    store = memory_store()
    with store.session() as db:
        keep_company(db, company)
    passwords = users.add_demo(store, company, queues, _HIRED)
    with store.session(read_only=True) as db:
        rows = [dict(row) for row in db.execute(select(User.__table__)).mappings()]
    store.close()
    return passwords, rows
