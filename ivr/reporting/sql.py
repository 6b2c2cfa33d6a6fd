"""Pieces of SQL that SQLite and PostgreSQL write differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Double, case, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import SQLColumnExpression
from sqlalchemy.sql.functions import FunctionElement

ROUND = 0.0005
"""Seconds that are let pass where moments are subtracted: they are true to a millisecond."""
CHUNK = 20_000
"""Rows that are held at once while millions are read."""


class seconds(FunctionElement[float]):  # noqa: N801 - a function of SQL
    """The seconds since 1970 of a moment; on SQLite to some 40 microseconds."""

    type = Double()
    inherit_cache = True
    name = "seconds"


@compiles(seconds, "sqlite")
def _of_sqlite(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    moment = compiler.process(element.clauses, **more)
    return f"((julianday({moment}) - 2440587.5) * 86400.0)"


@compiles(seconds, "postgresql")
def _of_postgresql(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    moment = compiler.process(element.clauses, **more)
    return f"CAST(EXTRACT(EPOCH FROM {moment}) AS DOUBLE PRECISION)"


def number(condition: SQLColumnExpression[bool]) -> ColumnElement[int]:
    """Return how many rows of a group fulfil a condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
