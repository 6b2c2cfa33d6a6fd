"""What a report is made of: tables of plain values, whatever they are written as in the end.

A cell is a text, a number, a day, a moment, a `Phrase` (words in the reader's language) or None: no
figure, because there was nothing to count. No cell is ever a division by zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Kind = Literal["text", "count", "share", "seconds", "hours", "number", "day", "month", "moment"]


@dataclass(frozen=True)
class Phrase:
    """Words in the reader's language. key: of `texts.yaml`. values: fill its placeholders."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


Cell = str | int | float | date | datetime | Phrase | None


@dataclass(frozen=True)
class Column:
    """One column. key: its name for programs, and of its heading's words (`column_KEY`).

    kind: share is 0 to 1; hours are given in seconds; a moment is aware. heading: instead of the
    words, where the column is named by data. words: beginning of the keys of its cells' words,
    where its cells are names ("queue_" for "general").
    """

    key: str
    kind: Kind = "count"
    heading: str = ""
    words: str = ""


@dataclass(frozen=True)
class Plot:
    """How a table is drawn. x: column of the labels, y: of the figures.

    aim: a line across, a share as the figures are.
    """

    kind: Literal["line", "bar", "stack"]
    x: str
    y: tuple[str, ...]
    aim: float | None = None


@dataclass(frozen=True)
class Table:
    """Rows of figures with what they mean. name: of the words of its title (`table_NAME`).

    notes: definitions and formulas, printed beside the figures.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    notes: tuple[Phrase, ...] = ()
    plot: Plot | None = None

    def column(self, key: str) -> list[Cell]:
        """Return the cells of one column."""
        place = [each.key for each in self.columns].index(key)
        return [row[place] for row in self.rows]


def share(part: float, whole: float) -> float | None:
    """Return part of whole, None of nothing."""
    return part / whole if whole else None
