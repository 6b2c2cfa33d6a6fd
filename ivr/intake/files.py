"""Files of `app.py import`: CSV and JSON into entries as they were sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ivr.errors import ImportFileError
from ivr.intake.reading import Sent, Where, of_json
from ivr.intake.refusal import Problem, Problems
from ivr.intake.schemas import KINDS, Area
from ivr.store import csv_file

LARGEST = 64 * 1024 * 1024
"""Bytes of a file."""
LISTS = ("houses", "phones", "hours")
"""Columns that hold several values, with spaces or commas between them."""
AREA = tuple(Area.model_fields)


def read(kind: str, path: Path, problems: Problems) -> Iterator[Sent]:
    """Yield the entries of a file; its name tells the form: .json or .csv.

    ImportFileError: it cannot be read at all. problems: of lines that are no table.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ImportFileError(f"{path}: {error.strerror}") from error
    if size > LARGEST:
        raise ImportFileError(
            f"{path.name}: {size} bytes, at most {LARGEST} are taken; import it in parts"
        )
    if path.suffix.lower() == ".json":
        return of_json(_document(path))
    return _table(kind, path, problems)


def columns(kind: str) -> tuple[str, ...]:
    """Return the columns of a CSV file."""
    fields = KINDS[kind].model_fields
    own = tuple(name for name in fields if name != "areas")
    return (*own, *AREA) if "areas" in fields else own


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise ImportFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportFileError(f"{path.name}: is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ImportFileError(
            f"{path.name}, line {error.lineno}: is not JSON: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ImportFileError(f"{path.name}: is not JSON: {error}") from error


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _table(kind: str, path: Path, problems: Problems) -> Iterator[Sent]:
    """Yield the lines of a table; lines that follow each other with one number are one entry."""
    model = KINDS[kind]

    def note(line: int, field: str, reason: str) -> None:
        problems.add(Problem(line, 0, "", field, reason))

    rows = csv_file.rows(path, columns(kind), model.wanted, note)
    if "areas" not in model.model_fields:
        for count, (line, row) in enumerate(rows, 1):
            yield Where(count, line), _content(row)
        return
    groups = groupby(rows, key=lambda numbered: numbered[1]["number"])
    for count, (_, group) in enumerate(groups, 1):
        yield _with_areas(count, list(group), problems)


def _with_areas(count: int, rows: list[tuple[int, dict[str, str]]], problems: Problems) -> Sent:
    line, first = rows[0]
    own = {name: text for name, text in first.items() if name not in AREA}
    areas, lines = [], []
    for number, row in rows:
        for name, text in own.items():
            if row[name] != text:
                reason = f"differs from line {line} of the same number"
                problems.add(Problem(number, count, "", name, reason))
        area = {name: row[name] for name in AREA}
        if any(area.values()):
            areas.append(_content(area))
            lines.append(number)
    return Where(count, line, lines), {**own, "areas": areas}


def _content(row: dict[str, str]) -> dict[str, Any]:
    """Return a line as an entry: what may hold several values as a list."""
    return {
        name: re.split(r"[\s,]+", text) if text and name in LISTS else text
        for name, text in row.items()
    }
