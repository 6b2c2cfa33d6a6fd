"""`repeats` and `fcr`: who calls again about the same thing within seven days.

The same customer: the same account; where a call named none, the same telephone number. Calls with
neither are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.elements import SQLColumnExpression

from ivr.facts.model import TOPICS
from ivr.reporting.asked import Asked
from ivr.reporting.calls import inbound
from ivr.reporting.sql import ROUND, number, seconds
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import CallFact

DAYS = 7
WITHIN = DAYS * 86400.0 + ROUND
AFTER = ("served", "automatic", "neither")
"""How the call before was handled."""


def repeats(asked: Asked) -> list[Table]:
    """Calls by a customer who had called about the same topic in the 7 days before.

    Share = repeat calls / calls whose customer is known (account, else number). After: how the call
    before was handled; the three sum up to the repeat calls.
    """
    seen = _seen(asked, _handled_before)
    again = _again(seen)
    after = [number(and_(again, seen.c.handled_before == each)) for each in AFTER]
    found = _by_topic(asked, seen, (func.count(), number(again), *after))
    unknown = _unknown(asked)

    def row(topic: str | None) -> tuple[Cell, ...]:
        known, more, *handled = _of(found, topic, 2 + len(AFTER))
        strange = sum(unknown.values()) if topic is None else unknown.get(topic, 0)
        return (known + strange, strange, known, more, share(more, known), *handled)

    columns = (
        Column("topic", "text", words="topic_"),
        Column("calls"),
        Column("customer_unknown"),
        Column("customer_known"),
        Column("repeats"),
        Column("repeat_share", "share"),
        *(Column(f"after_{each}") for each in AFTER),
    )
    rows = _rows({*found, *unknown}, row)
    notes = (Phrase("note_repeats", {"days": DAYS}), Phrase("note_customer"))
    return [Table("repeats", columns, rows, notes, Plot("bar", "topic", ("repeat_share",)))]


def fcr(asked: Asked) -> list[Table]:
    """First-contact resolution: nobody had to call again about it.

    First contact: a call that was handled (an operator answered, or a task was completed), of a
    known customer, who had not called about the same topic in the 7 days before. Resolved: he did
    not in the 7 days after either. FCR = resolved / first contacts. A call whose 7 days are not
    over yet is in neither, but counted as too new.
    """
    seen = _seen(asked, _after)
    first = and_(or_(seen.c.served, seen.c.automatic), ~_again(seen))
    old = and_(first, seen.c.began <= asked.now - timedelta(days=DAYS))
    resolved = and_(old, or_(seen.c.after.is_(None), _apart(seen.c.began, seen.c.after) > WITHIN))
    served, alone = seen.c.served, seen.c.automatic
    conditions = (
        first, old, resolved,
        and_(old, served), and_(resolved, served), and_(old, alone), and_(resolved, alone),
    )  # fmt: skip
    found = _by_topic(asked, seen, [number(each) for each in conditions])

    def row(topic: str | None) -> tuple[Cell, ...]:
        every, counted, well, *split = _of(found, topic, len(conditions))
        by_operators, alone = share(split[1], split[0]), share(split[3], split[2])
        return (every - counted, counted, well, share(well, counted), by_operators, alone)

    columns = (
        Column("topic", "text", words="topic_"),
        Column("too_new"),
        Column("first_contacts"),
        Column("resolved"),
        Column("fcr", "share"),
        Column("fcr_served", "share"),
        Column("fcr_automatic", "share"),
    )
    notes = (Phrase("note_fcr", {"days": DAYS}), Phrase("note_customer"))
    table = Table("fcr", columns, _rows(found, row), notes, Plot("bar", "topic", ("fcr",)))
    return [table]


# ---------------------------------------------------------------------- who called again


def _again(seen: FromClause) -> ColumnElement[bool]:
    return and_(seen.c.before.is_not(None), _apart(seen.c.before, seen.c.began) <= WITHIN)


def _apart(earlier: ColumnElement[Any], later: ColumnElement[Any]) -> ColumnElement[Any]:
    """Seconds between two moments."""
    return seconds(later) - seconds(earlier)


def _seen(asked: Asked, which: Callable[[_Beside], ColumnElement[Any]]) -> Subquery:
    """The counted calls of known customers, each with when the one before it began.

    which: makes one column more of what lies beside a call.
    """
    by_account = _neighbours(asked, CallFact.account, which)
    by_number = _neighbours(asked, CallFact.number, which)
    mine = select(by_account).where(by_account.c.counted)
    others = select(by_number).where(by_number.c.counted, by_number.c.account.is_(None))
    return union_all(mine, others).subquery()


class _Beside:
    """Reads the calls of one customer about one topic that come before and after each."""

    def __init__(self, customer: SQLColumnExpression[Any]) -> None:
        self._window: dict[str, Any] = {
            "partition_by": (customer, CallFact.topic),
            "order_by": (CallFact.began, CallFact.call),
        }

    def before(self, value: SQLColumnExpression[Any]) -> ColumnElement[Any]:
        """Return a column of the call before, NULL where there was none."""
        found: ColumnElement[Any] = func.lag(value).over(**self._window)
        return found

    def after(self, value: SQLColumnExpression[Any]) -> ColumnElement[Any]:
        """Return a column of the call after."""
        found: ColumnElement[Any] = func.lead(value).over(**self._window)
        return found


def _handled_before(beside: _Beside) -> ColumnElement[Any]:
    handled = case(
        (CallFact.served, literal("served")),
        (CallFact.automatic, literal("automatic")),
        else_=literal("neither"),
    )
    return beside.before(handled).label("handled_before")


def _after(beside: _Beside) -> ColumnElement[Any]:
    return beside.after(CallFact.began).label("after")


def _neighbours(
    asked: Asked,
    customer: SQLColumnExpression[Any],
    which: Callable[[_Beside], ColumnElement[Any]],
) -> Subquery:
    """Calls of the range and of seven days around it, in the order of each customer's topic."""
    around = timedelta(days=DAYS + 1)
    wider = replace(
        asked, first=asked.first - around, last=asked.last + around, storms=True, dialled=()
    )
    beside = _Beside(customer)
    wanted = select(
        CallFact.account,
        CallFact.topic,
        CallFact.served,
        CallFact.automatic,
        CallFact.began,
        and_(*inbound(asked)).label("counted"),
        beside.before(CallFact.began).label("before"),
        which(beside),
    )
    return wanted.where(*inbound(wider), customer.is_not(None)).subquery()


def _by_topic(
    asked: Asked, seen: Subquery, columns: Sequence[ColumnElement[Any]]
) -> dict[str, list[int]]:
    wanted = select(seen.c.topic, *columns).group_by(seen.c.topic)
    return {topic: [int(each) for each in counts] for topic, *counts in asked.db.execute(wanted)}


def _unknown(asked: Asked) -> dict[str, int]:
    """Calls of nobody knows whom, by topic."""
    nobody = and_(CallFact.account.is_(None), CallFact.number.is_(None))
    wanted = select(CallFact.topic, func.count()).where(*inbound(asked), nobody)
    return {topic: int(count) for topic, count in asked.db.execute(wanted.group_by(CallFact.topic))}


def _of(found: Mapping[str, list[int]], topic: str | None, width: int) -> list[int]:
    """Return the counts of a topic, None: of all."""
    if topic is not None:
        return found.get(topic, [0] * width)
    return [sum(counts[place] for counts in found.values()) for place in range(width)]


def _rows(
    found: Collection[str], row: Callable[[str | None], tuple[Cell, ...]]
) -> list[tuple[Cell, ...]]:
    """Return a row of every topic, also of those nobody had, and one of all."""
    topics = [*TOPICS, *sorted(set(found) - set(TOPICS))]
    return [*((topic, *row(topic)) for topic in topics), (Phrase("all"), *row(None))]
