"""Writes reports as XLSX: a sheet a table, real numbers, shares and dates, a sheet of formulas."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import xlsxwriter

from ivr.reporting.answer import Answer
from ivr.reporting.table import Cell, Column, Phrase, Table
from ivr.reporting.words import Words

FORMATS = {
    "count": "#,##0", "share": "0.0%", "seconds": "0.0", "hours": "[h]:mm:ss", "number": "0.00",
    "day": "yyyy-mm-dd", "month": "yyyy-mm", "moment": "yyyy-mm-dd hh:mm", "text": "@",
}  # fmt: skip
DAY = 86400.0
"""A spreadsheet counts time in days."""
NARROWEST, WIDEST = 9, 60
"""Widths of columns, in characters."""
NAME = 31
"""Characters of a sheet's name at most."""


def as_xlsx(answer: Answer, words: Words) -> bytes:
    """Return the workbook."""
    target = io.BytesIO()
    # The wall clock is what a sheet shows: it has no zones, the offset has a column of its own.
    options = {"constant_memory": True, "remove_timezone": True, "strings_to_formulas": False}
    with xlsxwriter.Workbook(target, {**options, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        kinds = {kind: book.add_format({"num_format": text}) for kind, text in FORMATS.items()}
        for table in answer.tables:
            _table(book, table, words, bold, kinds)
        _formulas(book, answer, words, bold)
    return target.getvalue()


def _table(book: Any, table: Table, words: Words, bold: Any, kinds: dict[str, Any]) -> None:
    sheet = book.add_worksheet(words.say(f"table_{table.name}")[:NAME])
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        heading = words.heading(column)
        sheet.set_column(place, place, _width(table, place, heading, words))
        sheet.write_string(0, place, heading, bold)
    if not table.rows:
        sheet.write_string(1, 0, words.say("no_rows"))
    for number, row in enumerate(table.rows, 1):
        for place, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            _cell(sheet, number, place, cell, column, words, kinds[column.kind])


def _cell(
    sheet: Any, row: int, place: int, cell: Cell, column: Column, words: Words, form: Any
) -> None:
    if isinstance(cell, datetime | date):
        sheet.write_datetime(row, place, cell, form)
    elif cell is None or isinstance(cell, str | Phrase):
        sheet.write_string(row, place, words.cell(cell, column))
    else:
        sheet.write_number(row, place, cell / DAY if column.kind == "hours" else cell, form)


def _width(table: Table, place: int, heading: str, words: Words) -> int:
    column = table.columns[place]
    if column.kind != "text":
        return max(NARROWEST, min(len(heading) + 1, 18), 17 if column.kind == "moment" else 0)
    longest = max((len(words.cell(row[place], column)) for row in table.rows[:500]), default=0)
    return max(NARROWEST, min(max(longest, len(heading)) + 1, WIDEST))


def _formulas(book: Any, answer: Answer, words: Words, bold: Any) -> None:
    sheet = book.add_worksheet(words.say("formulas_sheet")[:NAME])
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 110)
    lines = [(words.title(answer.report), answer.company)]
    lines += [("", words.say(line)) for line in answer.lines]
    for table in answer.tables:
        title = words.say(f"table_{table.name}")
        lines += [(title, words.say(note)) for note in table.notes]
    for number, (name, text) in enumerate(lines):
        sheet.write_string(number, 0, name, bold if number == 0 else None)
        sheet.write_string(number, 1, text, bold if number == 0 else wrapped)
