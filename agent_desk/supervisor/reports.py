"""The page reports: choose one and its days, see figures, formulas and drawings, take it along."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from agent_desk.body import asked_day
from agent_desk.office import company, office
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import shell
from ivr.reporting import REPORTS, Answer, CannotReport, apart
from ivr.reporting.apart import Question, TookTooLong
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table
from ivr.reporting.words import Words

SECONDS = 120.0
"""How long a report may take before it is given up."""
ROWS = 1000
"""Rows of a table that are shown; files have all of them."""
POINTS = 3000
"""Points of a drawing at most."""
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
KEPT, FRESH = 8, 300.0
"""Answers that are remembered and for how many seconds: what is taken along is what was seen."""

blueprint = Blueprint("reports", __name__)
places = threading.Semaphore(2)
"""Reports that one process lets be counted at once."""
_answers: OrderedDict[tuple[str, Question], tuple[float, Answer]] = OrderedDict()
_lock = threading.Lock()


@blueprint.get("/reports/")
def page() -> str:
    """Show the page."""
    words = Words(g.language)
    reports = [
        {"name": each.name, "title": words.title(each.name), "by": list(each.by)}
        for each in REPORTS.values()
    ]
    today = office().now().astimezone(company().zone).date()
    return shell.show("reports", reports=reports, today=today.isoformat())


@blueprint.get("/reports/answer")
def answer() -> Response:
    """Return what a report says, its cells as people read them."""
    found, words = _answer(), Words(g.language)
    return jsonify(
        title=words.title(found.report),
        lines=[words.say(line) for line in found.lines],
        empty=found.empty,
        made=f"{found.made:%H:%M:%S}",
        tables=[_shown(table, words) for table in found.tables],
    )


@blueprint.get("/reports/file")
def file() -> Response:
    """Return a report to be kept; who took it is written down."""
    format_ = request.args.get("format", "")
    if format_ not in TYPES:
        raise Refused("field", field="format")
    found = _answer()
    try:
        table = request.args.get("table", "")
        written = apart.write(found, format_, g.language, table, SECONDS)
    except CannotReport as refused:
        raise _refusal(refused) from None
    except TookTooLong:
        raise Refused("report_late", 504) from None
    name = f"{company().id}-{found.report}-{found.first}-{found.last}.{format_}"
    note(
        "report", report=found.report, first=found.first.isoformat(), last=found.last.isoformat(),
        by=list(found.by), storms=found.storms, format=format_,
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written, headers=headers, content_type=TYPES[format_])


# ---------------------------------------------------------------------- asking


def _question() -> Question:
    given = request.args
    by = tuple(word for word in given.get("by", "").split(",") if word)
    storms = given.get("storms", "yes") != "no"
    first, last = asked_day("from"), asked_day("to")
    return Question(given.get("name", ""), first, last, office().now(), by, storms)


def _answer() -> Answer:
    """Return the answer that was given a moment ago, or a new one."""
    question = _question()
    # The present is no part of the question: the answer tells when it was made.
    key = (company().id, replace(question, now=datetime.min))
    now = time.monotonic()
    with _lock:
        since, known = _answers.get(key, (0.0, None))
        if known is not None and now - since < FRESH and request.args.get("fresh") != "yes":
            return known
    found = _counted(question)
    with _lock:
        _answers[key] = (now, found)
        _answers.move_to_end(key)
        while len(_answers) > KEPT:
            _answers.popitem(last=False)
    return found


def _counted(question: Question) -> Answer:
    if not places.acquire(blocking=False):
        raise Refused("report_busy", 429)
    try:
        return apart.count(office().store, company(), question, SECONDS)
    except CannotReport as refused:
        raise _refusal(refused) from None
    except TookTooLong:
        raise Refused("report_late", 504) from None
    finally:
        places.release()


def _refusal(refused: CannotReport) -> Refused:
    details: dict[str, Any] = {name: str(value) for name, value in refused.details.items()}
    return Refused(f"report_{refused.code}", **details)


def forget() -> None:
    """Forget the answers."""
    with _lock:
        _answers.clear()


# ---------------------------------------------------------------------- showing


def _shown(table: Table, words: Words) -> dict[str, Any]:
    last = table.rows[-1:] if len(table.rows) > ROWS else []
    rows = [*table.rows[: ROWS - len(last)], *last]
    return {
        "name": table.name,
        "title": words.say(f"table_{table.name}"),
        "columns": [{"heading": words.heading(x), "kind": x.kind} for x in table.columns],
        "rows": [_cells(row, table.columns, words) for row in rows],
        "total": bool(rows) and isinstance(rows[-1][0], Phrase) and rows[-1][0].key == "all",
        "more": len(table.rows) - len(rows),
        "notes": [words.say(each) for each in table.notes],
        "plot": _drawn(table, table.plot, words) if table.plot else None,
    }


def _cells(row: tuple[Cell, ...], columns: tuple[Column, ...], words: Words) -> list[str]:
    return [words.cell(cell, column) for cell, column in zip(row, columns, strict=True)]


def _drawn(table: Table, plot: Plot, words: Words) -> dict[str, Any] | None:
    """Return labels and series of a drawing without the row of all; None: nothing to draw."""
    columns = {each.key: each for each in table.columns}
    labels = table.column(plot.x)
    keep = [place for place, label in enumerate(labels) if not isinstance(label, Phrase)]
    if not 1 <= len(keep) <= POINTS:
        return None
    series = []
    for key in plot.y:
        cells = table.column(key)
        values = [cells[place] for place in keep]
        if any(values) or len(plot.y) <= 3:
            series.append({"name": words.heading(columns[key]), "values": values})
    return {
        "kind": plot.kind,
        "unit": columns[plot.y[0]].kind,
        "labels": [words.cell(labels[place], columns[plot.x]) for place in keep],
        "series": series,
        "aim": plot.aim,
    }
