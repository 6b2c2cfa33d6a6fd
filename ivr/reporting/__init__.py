"""Reports: a module each, counted by SQL from the tables of facts (`ivr.store.facts`).

A report is a function of what is `Asked`; it returns tables of plain values, with its formulas as
notes, and knows nothing of languages and formats. What it means stands in its docstring, in
`docs/reports.md` and, in the reader's language, in `texts.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ivr.reporting import (
    automatic,
    endings,
    funnel,
    operators,
    order186,
    promises,
    readings,
    service,
    speech,
    survey,
    wait,
)
from ivr.reporting.again import fcr, repeats
from ivr.reporting.answer import Answer
from ivr.reporting.asked import Asked, CannotReport, check
from ivr.reporting.table import Table
from ivr.reporting.year import year

__all__ = ["REPORTS", "Answer", "Asked", "CannotReport", "Report", "named"]


@dataclass(frozen=True)
class Report:
    """One report. run: counts it. by: what its rows may be made of."""

    name: str
    run: Callable[[Asked], list[Table]]
    by: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its first sentence, for lists of commands."""
        return (self.run.__doc__ or "").splitlines()[0]

    @property
    def definition(self) -> str:
        """Its definition and formulas, in English."""
        lines = (self.run.__doc__ or "").splitlines()
        return " ".join(line.strip() for line in lines).strip()

    def check(self, first: date, last: date, by: Sequence[str]) -> None:
        """Refuse what it cannot answer: CannotReport tells why."""
        check(first, last, by, self.by)

    def answer(self, asked: Asked) -> Answer:
        """Return what it says. CannotReport: it cannot."""
        self.check(asked.first, asked.last, asked.by)
        tables = tuple(self.run(asked))
        made = asked.now.astimezone(asked.zone)
        return Answer(
            self.name, asked.company.name, str(asked.zone), asked.first, asked.last, asked.by,
            asked.storms, made, tables,
        )  # fmt: skip


def _report(name: str, run: Callable[[Asked], list[Table]], *by: str) -> tuple[str, Report]:
    return name, Report(name, run, by)


REPORTS: Mapping[str, Report] = dict(
    (
        _report("service", service.service, *service.BY),
        _report("year", year),
        _report("order186", order186.order186),
        _report("automatic", automatic.automatic, *automatic.BY),
        _report("funnel", funnel.funnel, *funnel.BY),
        _report("readings", readings.readings, *readings.BY),
        _report("repeats", repeats),
        _report("fcr", fcr),
        _report("endings", endings.endings, *endings.BY),
        _report("operators", operators.operators, *operators.BY),
        _report("survey", survey.survey, *survey.BY),
        _report("wait", wait.report),
        _report("callbacks", promises.report),
        _report("speech", speech.report),
    )
)


def named(name: str) -> Report:
    """Return a report by its name. CannotReport tells what is known."""
    if name not in REPORTS:
        known = ", ".join(REPORTS)
        raise CannotReport(
            f"there is no report {name}; known: {known}", "unknown", name=name, known=known
        )
    return REPORTS[name]
