"""Writes reports as text, CSV and JSON; spreadsheets and pages have modules of their own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime

from ivr.figures import aligned, write_csv
from ivr.reporting.answer import Answer
from ivr.reporting.asked import CannotReport
from ivr.reporting.table import Cell, Column, Phrase, Table
from ivr.reporting.words import MONTH, Words

BOM = "\ufeff"
"""Tells spreadsheets that a CSV file is UTF-8."""
PLACES = {"share": 6, "seconds": 3, "hours": 3, "number": 6}


def write(answer: Answer, format_: str, words: Words, table: str = "") -> bytes:
    """Return a report in a format of `FORMATS`. table: the one table CSV has; "" the first."""
    return FORMATS[format_](answer, words, table)


def as_text(answer: Answer, words: Words, _table: str = "") -> bytes:
    """Return aligned columns for a terminal, the formulas below them."""
    parts = [words.title(answer.report), *map(words.say, answer.lines)]
    for table in answer.tables:
        parts += ["", words.say(f"table_{table.name}")]
        if not table.rows:
            parts.append(words.say("no_rows"))
            continue
        heading = [words.heading(column) for column in table.columns]
        rows = [
            [words.cell(cell, column) for cell, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ]
        left = {place for place, each in enumerate(table.columns) if each.kind == "text"}
        parts.append(aligned([heading, *rows], left | {0}))
        parts += [f"  {words.say(note)}" for note in table.notes]
    return "\n".join([*parts, ""]).encode()


def as_csv(answer: Answer, words: Words, table: str = "") -> bytes:
    """Return one table for programs: names of columns, plain figures, empty where there is none."""
    chosen = table_of(answer, table)
    return _csv([each.key for each in chosen.columns], chosen, words, plain).encode()


def as_sheet_csv(answer: Answer, words: Words, table: str = "") -> bytes:
    """Return one table for spreadsheets and people: a BOM, headings and names in words."""
    chosen = table_of(answer, table)
    heading = [words.heading(each) for each in chosen.columns]
    return (BOM + _csv(heading, chosen, words, _named)).encode()


def _csv(
    heading: list[str],
    table: Table,
    words: Words,
    write_cell: Callable[[Cell, Column, Words], object],
) -> str:
    target = io.StringIO()
    write_csv(target, [heading])
    write_csv(
        target,
        (
            [
                write_cell(cell, column, words)
                for cell, column in zip(row, table.columns, strict=True)
            ]
            for row in table.rows
        ),
    )
    return target.getvalue()


def _named(cell: Cell, column: Column, words: Words) -> object:
    """A plain value, but names and words as people read them."""
    if isinstance(cell, str) or (cell is None and column.kind == "share"):
        return words.cell(cell, column)
    return plain(cell, column, words)


def table_of(answer: Answer, name: str) -> Table:
    """Return a table by its name, the first one of "". CannotReport tells what is known."""
    for table in answer.tables:
        if name in ("", table.name):
            return table
    known = ", ".join(each.name for each in answer.tables)
    raise CannotReport(
        f"{answer.report} has no table {name}; known: {known}", "table", name=name, known=known
    )


def as_json(answer: Answer, words: Words, _table: str = "") -> bytes:
    """Return everything as one object; figures are plain, texts in the language of the words."""
    return (json.dumps(document(answer, words), indent=1, ensure_ascii=False) + "\n").encode()


def document(answer: Answer, words: Words) -> dict[str, object]:
    """Return what the JSON holds: moments are ISO 8601 with their offset, shares 0 to 1."""
    return {
        "report": answer.report,
        "title": words.title(answer.report),
        "company": answer.company,
        "zone": answer.zone,
        "from": answer.first.isoformat(),
        "to": answer.last.isoformat(),
        "by": list(answer.by),
        "storms": answer.storms,
        "made": answer.made.isoformat(timespec="seconds"),
        "empty": answer.empty,
        "lines": [words.say(line) for line in answer.lines],
        "tables": [_table_document(table, words) for table in answer.tables],
    }


def _table_document(table: Table, words: Words) -> dict[str, object]:
    keys = [column.key for column in table.columns]
    return {
        "name": table.name,
        "title": words.say(f"table_{table.name}"),
        "columns": [
            {"key": each.key, "kind": each.kind, "heading": words.heading(each)}
            for each in table.columns
        ],
        "rows": [
            {
                key: plain(cell, column, words)
                for key, cell, column in zip(keys, row, table.columns, strict=True)
            }
            for row in table.rows
        ],
        "notes": [words.say(note) for note in table.notes],
    }


def plain(cell: Cell, column: Column, words: Words) -> str | int | float | None:
    """Return a cell for programs."""
    if isinstance(cell, Phrase):
        return words.say(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="minutes")
    if isinstance(cell, date):
        return f"{cell:{MONTH}}" if column.kind == "month" else cell.isoformat()
    if isinstance(cell, float):
        return round(cell, PLACES.get(column.kind, 6))
    return cell


def _spreadsheet(answer: Answer, words: Words, _table: str = "") -> bytes:
    from ivr.reporting.spreadsheet import as_xlsx

    return as_xlsx(answer, words)


def _page(answer: Answer, words: Words, _table: str = "") -> bytes:
    from ivr.reporting.page import as_html

    return as_html(answer, words)


FORMATS: Mapping[str, Callable[[Answer, Words, str], bytes]] = {
    "table": as_text,
    "csv": as_csv,
    "json": as_json,
    "xlsx": _spreadsheet,
    "html": _page,
}
