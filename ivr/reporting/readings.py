"""`readings`: readings accepted a call."""

from __future__ import annotations

from sqlalchemy import func

from ivr.reporting.asked import Asked
from ivr.reporting.calls import inbound, of_flows, sums
from ivr.reporting.groups import Groups
from ivr.reporting.sql import number
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import CallFact, FlowFact

BY = ("day", "month", "year", "language")
FLOW = "reading"


def readings(asked: Asked) -> list[Table]:
    """Readings that were accepted in the dialogue.

    A call = readings / calls; a call that entered the flow `reading` = readings / such calls;
    success = calls with at least one accepted reading / calls that entered.
    """
    names = asked.by or ("day",)
    groups, flows = Groups(asked, names, CallFact), Groups(asked, names, FlowFact)
    counted = (func.count(), number(CallFact.readings > 0), func.sum(CallFact.readings))
    found, total = sums(asked, groups, counted, inbound(asked))
    of_flow = (*of_flows(asked), FlowFact.flow == FLOW)
    runs, run = sums(asked, flows, (func.count(FlowFact.call.distinct()),), of_flow)
    labels = groups.order({*found, *runs})
    rows: list[tuple[Cell, ...]] = [
        (*label, *_row(found.get(label, [0] * 3), runs.get(label, [0])[0])) for label in labels
    ]
    rows.append((*groups.total(), *_row(total, run[0])))
    columns = (
        *groups.columns,
        Column("calls"),
        Column("reading_entered"),
        Column("reading_calls"),
        Column("readings"),
        Column("reading_success", "share"),
        Column("per_call", "number"),
        Column("per_entered", "number"),
    )
    plot = Plot("bar", groups.columns[0].key, ("readings",))
    return [Table("readings", columns, rows, (Phrase("note_readings"),), plot)]


def _row(counts: list[int], entered: int) -> tuple[Cell, ...]:
    calls, with_one, accepted = counts
    return (
        calls, entered, with_one, accepted,
        share(with_one, entered), share(accepted, calls), share(accepted, entered),
    )  # fmt: skip
