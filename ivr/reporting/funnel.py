"""`funnel`: what became of those who entered each flow."""

from __future__ import annotations

from sqlalchemy import func, select

from ivr.facts.model import RESULTS
from ivr.reporting.asked import Asked
from ivr.reporting.calls import lines, of_flows, sums
from ivr.reporting.groups import Groups
from ivr.reporting.sql import number
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import FlowFact

BY = ("flow", "day", "month", "year", "language")
STEPS = 100
"""Rows of the table of steps at most: those at which most runs ended."""


def funnel(asked: Asked) -> list[Table]:
    """Each run of a flow ends in exactly one way.

    entered = done + silence + no match + to an operator + hang-up + failed. Share done = done /
    entered. A flow that another one runs counts for itself. Steps: where runs ended that were not
    done, most first.
    """
    groups = Groups(asked, asked.by or ("flow",), FlowFact)
    counted = (func.count(), *(number(FlowFact.result == result) for result in RESULTS))
    found, total = sums(asked, groups, counted, of_flows(asked))
    rows = lines(groups, found, total, _row)
    columns = (
        *groups.columns,
        Column("entered"),
        *(Column(f"result_{result}") for result in RESULTS),
        Column("done_share", "share"),
    )
    plot = Plot("stack", groups.columns[0].key, tuple(f"result_{result}" for result in RESULTS))
    return [Table("funnel", columns, rows, (Phrase("note_funnel"),), plot), _steps(asked)]


def _row(counts: list[int]) -> tuple[Cell, ...]:
    done = counts[1 + RESULTS.index("done")]
    return (*counts, share(done, counts[0]))


def _steps(asked: Asked) -> Table:
    wanted = (
        select(FlowFact.flow, FlowFact.step, FlowFact.result, func.count().label("runs"))
        .where(*of_flows(asked), FlowFact.result != "done")
        .group_by(FlowFact.flow, FlowFact.step, FlowFact.result)
        .order_by(func.count().desc(), FlowFact.flow, FlowFact.step, FlowFact.result)
        .limit(STEPS)
    )
    rows = [(*each,) for each in asked.db.execute(wanted)]
    columns = (
        Column("flow", "text", words="flow_"),
        Column("step", "text"),
        Column("result", "text", words="column_result_"),
        Column("runs"),
    )
    return Table("steps", columns, rows, (Phrase("note_steps", {"count": STEPS}),))
