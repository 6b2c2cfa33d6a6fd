"""`automatic`: calls that needed nobody, against those that operators answered."""

from __future__ import annotations

from datetime import date

from sqlalchemy import and_, func, select

from ivr.company import Company
from ivr.reporting.asked import Asked
from ivr.reporting.calls import inbound, lines, of_flows, sums
from ivr.reporting.groups import Groups, days
from ivr.reporting.sql import number
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import CallFact, FlowFact

OPERATORS, AUTOMATIC = 928, 986
"""Calls a working day of a contact centre of this trade; the share to beat is 51.5 %."""
BY = ("day", "month", "year", "language", "topic", "number")


def automatic(asked: Asked) -> list[Table]:
    """Calls handled automatically against calls answered by operators, a day.

    Automatic: a task was completed in the dialogue and no operator answered. By operators: one
    answered. Neither: nothing was completed. Share = automatic / (automatic + by operators), to be
    compared with 986 / (928 + 986) = 51.5 %. Containment = automatic / all calls; of a flow, runs
    done / runs. Means are of working days, Monday to Friday without holidays, from the first to the
    last one that the log knows calls of.
    """
    groups = Groups(asked, asked.by or ("day",), CallFact)
    counted = (
        func.count(),
        number(CallFact.automatic),
        number(CallFact.served),
        number(and_(~CallFact.automatic, ~CallFact.served)),
    )
    found, total = sums(asked, groups, counted, inbound(asked))
    rows = lines(groups, found, total, _row)
    columns = (
        *groups.columns,
        Column("calls"),
        Column("automatic"),
        Column("served"),
        Column("neither"),
        Column("automatic_share", "share"),
        Column("containment", "share"),
    )
    plot = Plot("stack", groups.columns[0].key, ("automatic", "served", "neither"))
    table = Table("automatic", columns, rows, (Phrase("note_automatic"),), plot)
    return [table, _working_days(asked), _flows(asked)]


def _row(counts: list[int]) -> tuple[Cell, ...]:
    calls, automatic, served, _ = counts
    return (*counts, share(automatic, automatic + served), share(automatic, calls))


def works(company: Company, day: date) -> bool:
    """Tell whether a day is a working day."""
    return day.weekday() < 5 and not company.is_holiday(day)


def _working_days(asked: Asked) -> Table:
    """The means of working days beside the figures to beat."""
    wanted = (
        select(CallFact.day, number(CallFact.automatic), number(CallFact.served))
        .where(*inbound(asked))
        .group_by(CallFact.day)
    )
    logged = select(func.min(CallFact.day), func.max(CallFact.day))
    begun, ended = asked.db.execute(logged.where(CallFact.company == asked.company.id)).one()
    known = days(max(asked.first, begun), min(asked.last, ended)) if begun else ()
    count = sum(works(asked.company, day) for day in known)
    of_work = [row for row in asked.db.execute(wanted) if works(asked.company, row[0])]
    automatic = sum(count for _, count, _ in of_work)
    served = sum(count for _, _, count in of_work)
    rows: list[tuple[Cell, ...]] = [
        (
            Phrase("working_days", {"count": count}),
            share(served, count),
            share(automatic, count),
            share(automatic, automatic + served),
        ),
        (Phrase("benchmark"), OPERATORS, AUTOMATIC, share(AUTOMATIC, AUTOMATIC + OPERATORS)),
    ]
    columns = (
        Column("mean_of", "text"),
        Column("served", "number"),
        Column("automatic", "number"),
        Column("automatic_share", "share"),
    )
    return Table("working_days", columns, rows, (Phrase("note_benchmark"),))


def _flows(asked: Asked) -> Table:
    """How many runs of each flow were done in the dialogue."""
    wanted = (
        select(FlowFact.flow, func.count(), number(FlowFact.result == "done"))
        .where(*of_flows(asked))
        .group_by(FlowFact.flow)
        .order_by(FlowFact.flow)
    )
    rows = [(flow, runs, done, share(done, runs)) for flow, runs, done in asked.db.execute(wanted)]
    columns = (
        Column("flow", "text", words="flow_"),
        Column("entered"),
        Column("done"),
        Column("containment", "share"),
    )
    notes = (Phrase("note_flow_containment"),)
    return Table("flows", columns, rows, notes, Plot("bar", "flow", ("containment",)))
