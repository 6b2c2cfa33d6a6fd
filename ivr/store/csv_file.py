"""Reads a table in CSV as spreadsheets save it: UTF-8, marked or not, comma or semicolon."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from pathlib import Path

from ivr.errors import ImportFileError

Note = Callable[[int, str, str], None]
"""Told of a line that cannot be read: its number, the field, the reason."""


def rows(
    path: Path, columns: Collection[str], wanted: Collection[str], note: Note
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields each line with its number as a mapping of column to text; empty lines are passed over.

    columns: those known, in the order they are told. wanted: those that may not be missing; the
    others are "" where they are. ImportFileError for a file that is no such table at all.
    """
    texts = _texts(path)
    first = next(texts, "")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(chain([first], texts), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, path.name, columns, wanted)
        absent = dict.fromkeys((name for name in columns if name not in header), "")
        for cells in reader:
            if len(cells) == len(header):
                found = dict(zip(header, map(str.strip, cells), strict=True))
                yield reader.line_num, found | absent
            elif cells:
                reason = f"{len(cells)} fields, the header has {len(header)}"
                note(reader.line_num, "all", reason)
    except csv.Error as error:
        raise ImportFileError(f"{path.name}, line {reader.line_num}: {error}") from error


def _texts(path: Path) -> Iterator[str]:
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):  # noqa: B007
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except OSError as error:
        raise ImportFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportFileError(
            f"{path.name}, line {number}: is not UTF-8; save the file as CSV UTF-8"
        ) from error


def _check_header(
    header: list[str], file: str, columns: Collection[str], wanted: Collection[str]
) -> None:
    unknown = [name for name in header if name not in columns]
    missing = [name for name in wanted if name not in header]
    twice = [name for name in columns if header.count(name) > 1]
    for names, fault in ((unknown, "is not known"), (missing, "is missing"), (twice, "is twice")):
        if names:
            raise ImportFileError(
                f"{file}, line 1: the column {names[0]!r} {fault}; "
                f"the columns are {', '.join(columns)}"
            )
