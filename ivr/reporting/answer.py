"""One report as it was asked for, ready to be written in any format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ivr.reporting.table import Phrase, Table


@dataclass(frozen=True)
class Answer:
    """What a report said. company: its name. made: when, in the company's zone."""

    report: str
    company: str
    zone: str
    first: date
    last: date
    by: tuple[str, ...]
    storms: bool
    made: datetime
    tables: tuple[Table, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing at all was counted."""
        cells = (cell for row in self.tables[0].rows for cell in row)
        return not any(isinstance(cell, int | float) and cell for cell in cells)

    @property
    def lines(self) -> list[Phrase]:
        """What stands above the tables: the range, what is left out, that there was nothing."""
        told = [Phrase("range", {"first": self.first, "last": self.last, "zone": self.zone})]
        if not self.storms:
            told.append(Phrase("without_storms"))
        if self.empty:
            told.append(Phrase("nothing", {"first": self.first, "last": self.last}))
        return told
