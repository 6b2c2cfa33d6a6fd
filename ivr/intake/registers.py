"""Stores what has one row a number: the register of those who come first, and applications."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, update

from ivr.intake.reading import Entry
from ivr.intake.schemas import Application as GivenApplication
from ivr.intake.schemas import Priority
from ivr.intake.task import Task, add, batches, differs
from ivr.store.supply import Application, PriorityPhone, PrioritySite

Accounts = Mapping[str, int]
Columns = Callable[[Any, Accounts], dict[str, Any]]


def take_applications(task: Task, entries: Sequence[Entry]) -> None:
    """Bring applications up to date."""
    for batch in batches(entries):
        _upsert(task, Application, batch, _application)


def take_priority(task: Task, entries: Sequence[Entry]) -> None:
    """Bring the register up to date; of an entry's telephones the new list is the whole truth."""
    for batch in batches(entries):
        _upsert(task, PrioritySite, batch, _site)


def _application(given: GivenApplication, accounts: Accounts) -> dict[str, Any]:
    names = ("what", "state", "reason", "visit", "until")
    account = accounts.get(given.account) if given.account else None
    return {**{name: getattr(given, name) for name in names}, "account_id": account}


def _site(given: Priority, accounts: Accounts) -> dict[str, Any]:
    names = ("kind", "name", "valid_from", "valid_to", "approved_by", "consent")
    account = accounts.get(given.account) if given.account else None
    columns = {name: getattr(given, name) for name in names}
    return {**columns, "note": given.note or "", "account_id": account}


def _upsert(task: Task, table: type[Any], batch: Sequence[Entry], columns: Columns) -> None:
    accounts = task.accounts(batch)
    stored = _stored(task, table, batch)
    phones = _phones(task, stored) if table is PrioritySite else {}
    fresh: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    telephones: list[Any] = []
    for each in batch:
        given: Any = each.given
        updated, row = given.updated or task.now, stored.get(given.number)
        wanted = columns(given, accounts)
        if row is None:
            task.summary.added += 1
            fresh.append({"company": task.company, "number": given.number, **wanted})
            fresh[-1]["updated_at"] = updated
            telephones.append(given)
        elif updated < row.updated_at:
            task.summary.older += 1
        elif differs(row, wanted) or phones.get(row.id, set()) != set(_numbers(given)):
            task.summary.changed += 1
            changes.append({"id": row.id, **wanted, "updated_at": updated})
            telephones.append(given)
        else:
            task.summary.same += 1
            if updated > row.updated_at:
                changes.append({"id": row.id, "updated_at": updated})
    _write(task, table, fresh, changes)
    if table is PrioritySite:
        _write_phones(task, telephones)


def _numbers(given: Any) -> tuple[str, ...]:
    return given.phones if isinstance(given, Priority) else ()


def _stored(task: Task, table: type[Any], batch: Sequence[Entry]) -> dict[str, Any]:
    numbers = [each.given.number for each in batch]  # type: ignore[attr-defined]
    wanted = select(table.__table__).where(table.company == task.company, table.number.in_(numbers))
    return {row.number: row for row in task.db.execute(wanted)}


def _write(
    task: Task, table: type[Any], fresh: list[dict[str, Any]], changes: list[dict[str, Any]]
) -> None:
    """Write rows many at a time; those whose columns are alike go in one statement."""
    if fresh:
        add(task.db, table, fresh)
    for width in {len(change) for change in changes}:
        task.db.execute(update(table), [each for each in changes if len(each) == width])


def _phones(task: Task, stored: Mapping[str, Any]) -> dict[int, set[str]]:
    ids = [row.id for row in stored.values()]
    wanted = select(PriorityPhone.site_id, PriorityPhone.number)
    found: dict[int, set[str]] = {}
    for site, number in task.db.execute(wanted.where(PriorityPhone.site_id.in_(ids))):
        found.setdefault(site, set()).add(number)
    return found


def _write_phones(task: Task, sites: Sequence[Priority]) -> None:
    if not sites:
        return
    wanted = select(PrioritySite.number, PrioritySite.id).where(
        PrioritySite.company == task.company,
        PrioritySite.number.in_([site.number for site in sites]),
    )
    ids: dict[str, int] = {row[0]: row[1] for row in task.db.execute(wanted)}
    task.db.execute(delete(PriorityPhone).where(PriorityPhone.site_id.in_(ids.values())))
    rows = [
        {"company": task.company, "site_id": ids[site.number], "number": number}
        for site in sites
        for number in dict.fromkeys(site.phones)
    ]
    if rows:
        add(task.db, PriorityPhone, rows)
