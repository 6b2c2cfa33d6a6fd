"""The words of reports in the reader's language (`texts.yaml`), and how figures are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path

import yaml

from ivr.reporting.table import Cell, Column, Phrase

LANGUAGES = ("uk", "ru", "en")
MONTH = "%Y-%m"


@cache
def texts() -> dict[str, dict[str, str]]:
    """Read `texts.yaml`: language -> key -> text."""
    rows = yaml.load(Path(__file__).with_name("texts.yaml").read_text("utf-8"), yaml.BaseLoader)
    return {code: {key: row[code] for key, row in rows.items()} for code in LANGUAGES}


class Words:
    """Says phrases, headings and cells in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts()[language]

    def say(self, phrase: Phrase | str) -> str:
        """Return the text of a phrase or of a key."""
        if isinstance(phrase, str):
            return self._texts[phrase]
        return self._texts[phrase.key].format_map(self._values(phrase.values))

    def _values(self, given: Mapping[str, object]) -> dict[str, object]:
        return {
            name: self.say(value) if isinstance(value, Phrase) else _plain(value)
            for name, value in given.items()
        }

    def title(self, report: str) -> str:
        """Return what a report is called."""
        return self._texts[f"report_{report}"]

    def heading(self, column: Column) -> str:
        """Return the heading of a column."""
        known = self._texts.get(f"column_{column.key}") or self._texts.get(column.key)
        return known or column.heading or column.key

    def cell(self, cell: Cell, column: Column) -> str:
        """Return a cell as people read it; a figure that there is not as "no calls" or a dash."""
        if isinstance(cell, Phrase):
            return self.say(cell)
        if cell is None:
            return self._texts["no_calls"] if column.kind == "share" else "–"
        if isinstance(cell, str):
            return self._texts.get(f"{column.words}{cell}", cell) if column.words else cell
        if isinstance(cell, datetime):
            return f"{cell:%Y-%m-%d %H:%M}"
        if isinstance(cell, date):
            return f"{cell:{MONTH}}" if column.kind == "month" else cell.isoformat()
        return figure(cell, column.kind)


def figure(value: float, kind: str) -> str:
    """Return a number as people read it: 1 234, 75.0 %, 12.3, 1:05:00."""
    if kind == "share":
        return f"{value:.1%}"
    if kind == "hours":
        sign, whole = "-" if value <= -0.5 else "", abs(round(value))
        return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    if kind == "seconds":
        return f"{value:.1f}"
    if kind == "number":
        return f"{value:.2f}"
    return f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")


def _plain(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value
