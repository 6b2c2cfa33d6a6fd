"""Counts over calls that are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from ivr.model import SYNTHETIC
from ivr.reporting.asked import Asked
from ivr.reporting.groups import Groups, Label
from ivr.reporting.table import Cell
from ivr.store.facts import CallFact, FlowFact


def inbound(asked: Asked) -> list[ColumnElement[bool]]:
    """Return the conditions of a call by a customer, not by press2."""
    return [*of_range(asked), CallFact.entrance == "main"]


def of_range(asked: Asked) -> list[ColumnElement[bool]]:
    """Return the conditions of a call that the question is about, whoever began it."""
    wanted = [
        CallFact.company == asked.company.id,
        CallFact.day.between(asked.first, asked.last),
        CallFact.entrance != SYNTHETIC,
    ]
    if not asked.storms:
        wanted.append(CallFact.storm.is_(False))
    if asked.dialled:
        wanted.append(CallFact.dialled.in_(asked.dialled))
    return wanted


def of_flows(asked: Asked) -> list[ColumnElement[bool]]:
    """Return the conditions of a run of a flow in a call that the question is about."""
    days = FlowFact.day.between(asked.first, asked.last)
    wanted = [FlowFact.company == asked.company.id, days]
    if asked.storms and not asked.dialled:
        synthetic = select(CallFact.call).where(
            CallFact.company == asked.company.id,
            CallFact.day.between(asked.first, asked.last),
            CallFact.entrance == SYNTHETIC,
        )
        return [*wanted, FlowFact.call.not_in(synthetic)]
    return [*wanted, FlowFact.call.in_(select(CallFact.call).where(*of_range(asked)))]


def sums(
    asked: Asked,
    groups: Groups,
    columns: Sequence[ColumnElement[Any]],
    where: Sequence[ColumnElement[bool]],
) -> tuple[dict[Label, list[int]], list[int]]:
    """Return sums of whole numbers of each label, and of everything."""
    found: dict[Label, list[int]] = {}
    total = [0] * len(columns)
    width = len(groups.keys)
    wanted = select(*groups.keys, *columns).where(*where).group_by(*groups.keys)
    for row in asked.db.execute(wanted):
        known = found.setdefault(groups.label(row), [0] * len(columns))
        for place, value in enumerate(row[width:]):
            known[place] += int(value or 0)
            total[place] += int(value or 0)
    return found, total


def lines(
    groups: Groups,
    found: Mapping[Label, list[int]],
    total: list[int],
    figures: Callable[[list[int]], tuple[Cell, ...]],
) -> list[tuple[Cell, ...]]:
    """Return a row for each label and one for all. figures: makes cells of the sums."""
    nothing = [0] * len(total)
    rows = [(*label, *figures(found.get(label, nothing))) for label in groups.order(found)]
    return [*rows, (*groups.total(), *figures(total))]
