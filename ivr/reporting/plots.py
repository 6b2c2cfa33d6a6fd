"""Draws tables as SVG for pages that are printed."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ivr.reporting.table import Cell, Column, Phrase, Plot, Table
from ivr.reporting.words import Words

COLOURS = (
    "#2162ac", "#e18e45", "#479160", "#d9c15e", "#7a2339", "#43a7b0",
    "#694197", "#81bb58", "#b4603c", "#e8a3d1", "#323985", "#949826",
    "#793e79", "#63b1d8", "#d24c57", "#91d2c2", "#613718", "#8a7fc1",
)  # fmt: skip
"""One a series, in this order. Each `GREYS` of them are as many greys on paper without colour."""
GREYS = 6
HATCHES = ("", "////", "....", "xxxx")
DASHES = ("-", "--", ":", "-.")
"""Bars and lines of one grey differ by these."""
MOST = 60
"""Bars that are drawn at most; more points are a line."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "hatch.linewidth": 0.7,
}  # fmt: skip
INCHES = (10.0, 3.4)
LETTER, APART, LINE = 5.4, 6.0, 24.0
"""Points: width of a letter, gap between labels, distance of labels that are turned."""
TURNED = 30
"""Degrees."""
STEPS = (1, 2, 4, 6, 8, 12, 24, 48)
"""Half hours or hours from one label to the next; above the last one multiples of it."""
UNITS = {"share": 100.0, "hours": 1 / 3600}
"""How many of what is drawn a figure is."""


class Series(NamedTuple):
    """One series. values: in the unit of the axis, NaN where there is no figure."""

    name: str
    values: list[float]
    colour: str
    hatch: str
    dash: str


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
        kind = columns[plot.y[0]].kind
        scale = UNITS.get(kind, 1.0)
        places = range(len(keep))
        series = [
            _series(number, words.heading(columns[key]), table.column(key), keep, scale)
            for number, key in enumerate(plot.y)
        ]
        if plot.kind == "line" or len(keep) > MOST:
            _lines(axes, places, series)
        else:
            _bars(axes, places, series, plot.kind == "stack")
        if plot.aim is not None:
            axes.axhline(plot.aim * scale, color="#444", linewidth=1, linestyle="--")
        unit = " %" if kind == "share" else ""
        axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=kind == "count"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value) + unit))
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#ddd", linewidth=0.6)
        axes.set_axisbelow(True)
        if len(series) > 1:
            figure.legend(loc="outside right upper", frameon=False)
        _ticks(figure, axes, [labels[place] for place in keep], columns[plot.x], words)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    drawn = target.getvalue()
    return drawn[drawn.index("<svg") :]


def _series(
    number: int, name: str, cells: Sequence[Cell], keep: Sequence[int], scale: float
) -> Series:
    """Return a series with its colour, and what tells it from others of the same grey."""
    values = [_value(cells[place]) * scale for place in keep]
    group = number // GREYS % len(HATCHES)
    return Series(name, values, COLOURS[number % len(COLOURS)], HATCHES[group], DASHES[group])


def _value(cell: Cell) -> float:
    """A figure; nothing is drawn where there is none."""
    return float(cell) if isinstance(cell, int | float) else math.nan


def _lines(axes: matplotlib.axes.Axes, places: range, series: list[Series]) -> None:
    for each in series:
        marker = "o" if len(places) <= MOST else ""
        axes.plot(
            places, each.values, label=each.name, color=each.colour, linestyle=each.dash,
            marker=marker, markersize=3,
        )  # fmt: skip


def _bars(axes: matplotlib.axes.Axes, places: range, series: list[Series], stacked: bool) -> None:
    width = 0.8 if stacked else 0.8 / len(series)
    bottom = [0.0] * len(places)
    for number, each in enumerate(series):
        shift = 0.0 if stacked else (number - (len(series) - 1) / 2) * width
        axes.bar(
            [place + shift for place in places], each.values, width, bottom=bottom,
            label=each.name, color=each.colour, hatch=each.hatch, edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        if stacked:
            bottom = [low + high for low, high in zip(bottom, each.values, strict=True)]


# ---------------------------------------------------------------------- labels


def _tick(value: float) -> str:
    """Return a figure of the axis: 0.5, 12 000."""
    return f"{value:,.10g}".replace(",", "\N{NO-BREAK SPACE}")


def _ticks(
    figure: Figure, axes: matplotlib.axes.Axes, cells: list[Cell], column: Column, words: Words
) -> None:
    """Write so many labels below the axis that they do not touch; names and months turn before."""
    axes.set_xticks([])
    figure.draw_without_rendering()
    wide = axes.get_window_extent().width * 72 / figure.dpi
    a_place = wide / (axes.get_xlim()[1] - axes.get_xlim()[0])
    longest = max(len(_label(cell, column, words)) for cell in cells)
    step = math.ceil((longest * LETTER + APART) / a_place)
    turned = step > 1 and column.kind not in ("moment", "day")
    if turned:
        step = math.ceil(LINE / a_place)
    if column.kind == "moment":
        step = next((each for each in STEPS if each >= step), -(-step // STEPS[-1]) * STEPS[-1])
    places = range(0, len(cells), step)
    texts = [_label(cells[place], column, words) for place in places]
    if column.kind == "moment":
        texts = _with_days(texts, [cells[place] for place in places])
    axes.set_xticks(
        places, texts, rotation=TURNED if turned else 0, ha="right" if turned else "center"
    )


def _label(cell: Cell, column: Column, words: Words) -> str:
    if isinstance(cell, datetime):
        return f"{cell:%H:%M}"
    if isinstance(cell, date) and column.kind == "day":
        return f"{cell:%d.%m}"
    return words.cell(cell, column)


def _with_days(texts: list[str], moments: Sequence[Cell]) -> list[str]:
    """Return the labels with the day below the first one of each day."""
    days = [f"{each:%d.%m}" if isinstance(each, datetime) else "" for each in moments]
    return [
        f"{text}\n{day}" if day != before else text
        for text, day, before in zip(texts, days, ["", *days], strict=False)
    ]
