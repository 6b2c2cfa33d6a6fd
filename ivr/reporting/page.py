"""Writes reports as one HTML file to be printed: its own style, drawings inside, no script."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ivr.reporting.answer import Answer
from ivr.reporting.plots import as_svg
from ivr.reporting.table import Cell, Column, Phrase
from ivr.reporting.words import Words

ROWS = 2000
"""Rows of a table that are printed; the other formats have all of them."""


def as_html(answer: Answer, words: Words) -> bytes:
    """Return the page."""
    tables = [
        {
            "title": words.say(f"table_{table.name}"),
            "columns": [(words.heading(each), each.kind) for each in table.columns],
            "rows": [
                _row(row, table.columns, words)
                for row in (*table.rows[: ROWS - 1], *table.rows[ROWS - 1 :][-1:])
            ],
            "cut": max(0, len(table.rows) - ROWS),
            "notes": [words.say(note) for note in table.notes],
            # The drawing is made of figures and escaped labels by matplotlib.
            "svg": Markup(as_svg(table, table.plot, words)) if table.plot else "",  # noqa: S704
        }
        for table in answer.tables
    ]
    page = _template().render(
        language=words.language,
        title=words.title(answer.report),
        company=answer.company,
        lines=[words.say(line) for line in answer.lines],
        made=words.say(Phrase("made", {"at": f"{answer.made:%Y-%m-%d %H:%M %z}"})),
        empty=answer.empty,
        no_rows=words.say("no_rows"),
        cut=words.say("cut"),
        tables=tables,
    )
    return page.encode()


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...], words: Words) -> dict[str, Any]:
    cells = [words.cell(cell, column) for cell, column in zip(row, columns, strict=True)]
    return {"cells": cells, "total": isinstance(row[0], Phrase) and row[0].key == "all"}


@cache
def _template() -> jinja2.Template:
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=folder, autoescape=True).get_template("page.html")
