"""`survey`: what callers answered after a talk."""

from __future__ import annotations

from sqlalchemy import func

from ivr.reporting.asked import Asked
from ivr.reporting.calls import lines, of_range, sums
from ivr.reporting.groups import Groups
from ivr.reporting.sql import number
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import CallFact

BY = ("day", "month", "year", "language", "topic", "number")
GRADES = (1, 2, 3, 4, 5)


def survey(asked: Asked) -> list[Table]:
    """Answers 1 to 5 to the question after a talk.

    Mean = sum of grades / answers. Satisfied = answers of 4 and 5 / answers. Who was not asked, or
    did not answer, is in no figure but `talked`: calls that an operator answered.
    """
    groups = Groups(asked, asked.by or ("month",), CallFact)
    counted = (
        number(CallFact.served),
        func.count(CallFact.survey),
        *(number(CallFact.survey == grade) for grade in GRADES),
    )
    found, total = sums(asked, groups, counted, of_range(asked))
    rows = lines(groups, found, total, _row)
    columns = (
        *groups.columns,
        Column("talked"),
        Column("answers"),
        *(Column(f"grade_{grade}", heading=str(grade)) for grade in GRADES),
        Column("mean", "number"),
        Column("satisfied", "share"),
    )
    plot = Plot("stack", groups.columns[0].key, tuple(f"grade_{grade}" for grade in GRADES))
    return [Table("survey", columns, rows, (Phrase("note_survey"),), plot)]


def _row(counts: list[int]) -> tuple[Cell, ...]:
    talked, answers, *grades = counts
    mean = share(sum(g * n for g, n in zip(GRADES, grades, strict=True)), answers)
    return (talked, answers, *grades, mean, share(sum(grades[3:]), answers))
