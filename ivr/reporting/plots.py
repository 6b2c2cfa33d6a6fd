"""Draws tables as SVG for pages that are printed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ivr.reporting.table import Cell, Column, Phrase, Plot, Table
from ivr.reporting.words import Words

COLOURS = (
    "#1f5fa8", "#d9822b", "#4c9a5b", "#b5485d", "#7a5aa6", "#5f6b76", "#c2a21b", "#3aa3a8",
    "#8c564b", "#9ac3e6", "#e6a57e", "#9bcf9f",
)  # fmt: skip
"""Told apart also by eyes that see no red or green, in this order."""
MOST = 60
"""Bars that are drawn at most; more points are a line."""
STYLE: dict[Any, Any] = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
INCHES = (10.0, 3.4)


def as_svg(table: Table, plot: Plot, words: Words) -> str:
    """Return the drawing of a table as an `<svg>` element, "" where there is nothing to draw."""
    columns = {each.key: each for each in table.columns}
    labels = table.column(plot.x)
    keep = [place for place, label in enumerate(labels) if not isinstance(label, Phrase)]
    if not keep:
        return ""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=INCHES, layout="constrained")
        axes = figure.subplots()
        ticks = [_label(labels[place], columns[plot.x], words) for place in keep]
        places = range(len(keep))
        series = [
            (words.heading(columns[key]), _values([table.column(key)[place] for place in keep]))
            for key in plot.y
        ]
        if plot.kind == "line" or len(keep) > MOST:
            _lines(axes, places, series)
        else:
            _bars(axes, places, series, plot.kind == "stack")
        kind = columns[plot.y[0]].kind
        if plot.aim is not None:
            axes.axhline(plot.aim, color="#444", linewidth=1, linestyle="--")
        scale = {"share": 100.0, "hours": 1 / 3600}.get(kind, 1.0)
        unit = " %" if kind == "share" else ""
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * scale:g}{unit}"))
        axes.set_ylim(bottom=0)
        _ticks(axes, ticks)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#ddd", linewidth=0.6)
        axes.set_axisbelow(True)
        if len(series) > 1:
            figure.legend(loc="outside right upper", frameon=False)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    drawn = target.getvalue()
    return drawn[drawn.index("<svg") :]


def _label(cell: Cell, column: Column, words: Words) -> str:
    if isinstance(cell, datetime):
        return f"{cell:%d.%m %H:%M}"
    if isinstance(cell, date) and column.kind == "day":
        return f"{cell:%d.%m}"
    return words.cell(cell, column)


def _values(cells: Sequence[Cell]) -> list[float]:
    """Figures; nothing is drawn where there is none."""
    return [float(cell) if isinstance(cell, int | float) else float("nan") for cell in cells]


def _lines(
    axes: matplotlib.axes.Axes, places: range, series: list[tuple[str, list[float]]]
) -> None:
    for (name, values), colour in zip(series, COLOURS, strict=False):
        marker = "o" if len(values) <= MOST else ""
        axes.plot(places, values, label=name, color=colour, marker=marker, markersize=3)


def _bars(
    axes: matplotlib.axes.Axes, places: range, series: list[tuple[str, list[float]]], stacked: bool
) -> None:
    width = 0.8 if stacked else 0.8 / len(series)
    bottom = [0.0] * len(places)
    for number, (name, values) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        if stacked:
            axes.bar(places, values, width, bottom=bottom, label=name, color=colour)
            bottom = [low + high for low, high in zip(bottom, values, strict=True)]
        else:
            shift = (number - (len(series) - 1) / 2) * width
            axes.bar([p + shift for p in places], values, width, label=name, color=colour)


def _ticks(axes: matplotlib.axes.Axes, ticks: list[str]) -> None:
    if len(ticks) <= 16:
        turned = 30 if max(map(len, ticks)) > 8 and len(ticks) > 5 else 0
        axes.set_xticks(
            range(len(ticks)), ticks, rotation=turned, ha="right" if turned else "center"
        )
        return
    axes.xaxis.set_major_locator(MaxNLocator(nbins=14, integer=True))
    known = dict(enumerate(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: known.get(int(place), "")))
