"""Rows of figures for people and programs: what every report is written with. Pure."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any, TextIO

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell as a formula (OWASP, CSV injection)."""
SIGNED = re.compile(r"[+-]([0-9]+(\.[0-9]+)?|[0-9]{2}:[0-9]{2})")
"""A number, an offset from UTC or a telephone number: no formula for all its sign."""


def aligned(cells: Sequence[Sequence[str]], words: int | Collection[int] = 1) -> str:
    """Return lines of cells as columns, the heading first.

    words: how many columns are no figures, or which ones.
    """
    left = range(words) if isinstance(words, int) else words
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def write_csv(file: TextIO, rows: Iterable[Iterable[object]]) -> None:
    """Write rows as CSV; lines end in CR LF (RFC 4180), and no cell is run as a formula."""
    csv.writer(file, lineterminator="\r\n").writerows(map(safe, row) for row in rows)


def safe(cell: object) -> object:
    """Return a cell that no spreadsheet runs as a formula."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA) or SIGNED.fullmatch(cell):
        return cell
    return f"'{cell}"


def as_csv(kind: type[Any], rows: Sequence[Any]) -> str:
    """Return rows, dataclasses of one kind, as CSV with a heading; empty where there is no figure.

    Who writes the text adds the last LF. kind: their class, which a report without rows has a
    heading of too.
    """
    target = io.StringIO()
    write_csv(target, [[each.name for each in fields(kind)]])
    write_csv(target, (asdict(row).values() for row in rows))
    return target.getvalue().removesuffix("\n")


def as_json(rows: Sequence[Any]) -> str:
    """Return rows, dataclasses, as a JSON list."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that this share of ordered values does not exceed, None of none."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
