"""Writes reports as one HTML file to be printed: its own style, drawings inside, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ivr.reporting.answer import Answer
from ivr.reporting.plots import as_svg
from ivr.reporting.table import Cell, Column, Phrase, Table
from ivr.reporting.words import Words

ROWS = 2000
"""Rows of a table that are printed; the other formats have all of them."""
WIDE = 1032.0
"""Pixels (1/96 inch) of A4 landscape between the margins of `page.html`."""
LARGEST, SMALLEST, UPRIGHT = 10.5, 6.0, 8.5
"""Pixels of letters in a printed table; headings are upright where lying ones would make them
smaller than the last."""
LETTER, HEAVY, PADDING = 0.66, 0.75, 0.7
"""Widths of a letter, of one of a heading, and of what is left and right of a cell, in em."""
LINE, TALLEST = 1.4, 14.0
"""Width of a line of an upright heading, and height where it is broken, in em."""
WHOLE = ("day", "month", "moment")
"""Kinds whose cells are not broken at a space or hyphen."""


def as_html(answer: Answer, words: Words) -> bytes:
    """Return the page."""
    page = _template().render(
        language=words.language,
        title=words.title(answer.report),
        company=answer.company,
        lines=[words.say(line) for line in answer.lines],
        made=words.say(Phrase("made", {"at": f"{answer.made:%Y-%m-%d %H:%M %z}"})),
        empty=answer.empty,
        no_rows=words.say("no_rows"),
        cut=words.say("cut"),
        tables=[_table(table, words) for table in answer.tables],
    )
    return page.encode()


def _table(table: Table, words: Words) -> dict[str, Any]:
    kept = (*table.rows[: ROWS - 1], *table.rows[ROWS - 1 :][-1:])
    rows = [_row(row, table.columns, words) for row in kept]
    columns = [(words.heading(each), each.kind) for each in table.columns]
    size, upright = _size(columns, [row["cells"] for row in rows])
    return {
        "title": words.say(f"table_{table.name}"),
        "columns": columns,
        "rows": rows,
        "size": f"{size:.2f}px",
        "upright": upright,
        "cut": max(0, len(table.rows) - ROWS),
        "notes": [words.say(note) for note in table.notes],
        # The drawing is made of figures and escaped labels by matplotlib.
        "svg": Markup(as_svg(table, table.plot, words)) if table.plot else "",  # noqa: S704
    }


def _size(columns: Sequence[tuple[str, str]], rows: Sequence[list[str]]) -> tuple[float, bool]:
    """Return pixels of letters with which a table is as wide as the paper, and whether its
    headings are upright.

    columns: heading and kind of each. rows: cells as they are printed.
    """
    lying, standing = 0.0, 0.0
    for place, (heading, kind) in enumerate(columns):
        unbroken = place == 0 or kind in WHOLE
        cells = LETTER * max((_longest(row[place], unbroken) for row in rows), default=0)
        lines = math.ceil(len(heading) * HEAVY / TALLEST)
        lying += max(cells, HEAVY * _longest(heading, False)) + PADDING
        standing += max(cells, LINE * lines) + PADDING
    upright = WIDE / lying < UPRIGHT
    fitting = min(WIDE / standing, UPRIGHT) if upright else min(WIDE / lying, LARGEST)
    return max(fitting, SMALLEST), upright


def _longest(text: str, unbroken: bool) -> int:
    """Letters of the longest part of a text that stays on one line."""
    return len(text) if unbroken else max(map(len, text.split(" ")))


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...], words: Words) -> dict[str, Any]:
    cells = [words.cell(cell, column) for cell, column in zip(row, columns, strict=True)]
    return {"cells": cells, "total": isinstance(row[0], Phrase) and row[0].key == "all"}


@cache
def _template() -> jinja2.Template:
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=folder, autoescape=True).get_template("page.html")
