"""Rows of figures for people and programs: what every report is written with. Pure."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any


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


def as_csv(kind: type[Any], rows: Sequence[Any]) -> str:
    """Return rows, dataclasses of one kind, as CSV with a heading; empty where there is no figure.

    Lines end in CR LF (RFC 4180); who writes the text adds the last LF. kind: their class, which a
    report without rows has a heading of too.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(each.name for each in fields(kind))
    writer.writerows(asdict(row).values() for row in rows)
    return target.getvalue().removesuffix("\n")


def as_json(rows: Sequence[Any]) -> str:
    """Return rows, dataclasses, as a JSON list."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that this share of ordered values does not exceed, None of none."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
