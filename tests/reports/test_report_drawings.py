"""Reports: drawings with labels apart, colours and figures."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from ivr.facts.model import WHYS
from ivr.figures import safe
from ivr.reporting import Answer, render
from ivr.reporting.plots import LETTER, as_svg
from ivr.reporting.table import Cell, Column, Plot, Table
from ivr.reporting.words import Words

ZONE = ZoneInfo("Europe/Kyiv")
BEGIN = datetime(2026, 10, 24, tzinfo=ZONE).astimezone(UTC)
HOME = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
EN = Words("en")


def answer(*tables: Table) -> Answer:
    day = date(2026, 10, 24)
    made = datetime(2026, 10, 30, 9, 0, tzinfo=UTC)
    return Answer("operators", "Odesa", "Europe/Kyiv", day, day, (), True, made, tables)


# ---------------------------------------------------------------------- drawings


def halves(count: int) -> Table:
    """Half hours from midnight with a count and hours that no five ticks divide."""
    rows: list[tuple[Cell, ...]] = []
    for number in range(count):
        at = (BEGIN + timedelta(minutes=30 * number)).astimezone(ZONE)
        rows.append((at, number % 3, 10_000.0 * (number % 4)))
    columns = (Column("begins", "moment"), Column("calls"), Column("talking", "hours"))
    return Table("service", columns, rows)


def drawn(table: Table, kind: str, *series: str) -> ElementTree.Element:
    plot = Plot(kind, table.columns[0].key, series)  # type: ignore[arg-type]
    return ElementTree.fromstring(as_svg(table, plot, EN))  # noqa: S314


def labels(svg: ElementTree.Element, axis: str) -> list[tuple[float, list[str]]]:
    """Return place (points) and lines of each label of an axis."""
    found = []
    for group in svg.iter(f"{SVG}g"):
        if group.get("id", "").startswith(f"{axis}tick_"):
            texts = list(group.iter(f"{SVG}text"))
            places = [use.get(axis) for use in group.iter(f"{SVG}use")]
            lines = ["".join(each.itertext()) for each in texts]
            found.append((float(places[0] or 0), lines))
    return found


@pytest.mark.parametrize("count", [1, 20, 48, 146, 48 * 31, 48 * 365])
def test_labels_of_half_hours_do_not_touch(count: int) -> None:
    found = labels(drawn(halves(count), "line", "calls"), "x")
    assert found[0][1] == ["00:00", "24.10"]
    for (left, _), (right, lines) in itertools.pairwise(found):
        assert right - left > LETTER * max(map(len, lines))


def test_the_day_stands_where_it_changes() -> None:
    found = [lines for _, lines in labels(drawn(halves(146), "line", "calls"), "x")]
    days = [lines[1] for lines in found if len(lines) > 1]
    assert days == ["24.10", "25.10", "26.10"]
    assert any(len(lines) == 1 for lines in found)


def test_names_are_all_written_where_turned_ones_fit() -> None:
    columns = (Column("why", "text", words="why_"), Column("calls"))
    table = Table("endings", columns, [(why, 1) for why in WHYS])
    assert len(labels(drawn(table, "bar", "calls"), "x")) == len(WHYS)


@pytest.mark.parametrize("series", ["calls", "talking"])
def test_ticks_are_figures_of_people(series: str) -> None:
    """Counts are whole; hours are hours, not a part of seconds."""
    found = [lines[0] for _, lines in labels(drawn(halves(48), "bar", series), "y")]
    assert len(found) >= 3
    assert all(re.fullmatch(r"\d+" if series == "calls" else r"\d+(\.\d)?", x) for x in found)


def test_large_counts_are_written_in_full() -> None:
    table = Table("months", (Column("month", "month"), Column("calls")), [(BEGIN, 2_500_000)])
    found = [lines[0] for _, lines in labels(drawn(table, "bar", "calls"), "y")]
    assert found[-1] == "2\N{NO-BREAK SPACE}500\N{NO-BREAK SPACE}000"


@pytest.mark.parametrize(("kind", "rows"), [("stack", 3), ("bar", 3), ("line", 3), ("stack", 70)])
def test_each_series_has_a_colour_of_its_own(kind: str, rows: int) -> None:
    keys = [f"why_{why}" for why in WHYS]
    columns = (Column("day", "day"), *map(Column, keys))
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(rows)]
    svg = drawn(Table("endings", columns, [(day, *[1] * len(keys)) for day in days]), kind, *keys)
    written = ElementTree.tostring(svg, "unicode")
    colours = set(re.findall(r"(?:fill|stroke)(?:: |=\")(#[0-9a-f]{6})", written))
    assert len(colours - {"#ffffff", "#000000", "#dddddd"}) == len(keys)


def test_series_of_one_grey_differ_by_hatch_or_dash() -> None:
    from ivr.reporting.plots import COLOURS, DASHES, GREYS, HATCHES

    def grey(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        return (0.299 * red + 0.587 * green + 0.114 * blue) / 255

    for first in range(0, len(COLOURS), GREYS):
        greys = sorted(map(grey, COLOURS[first : first + GREYS]))
        assert min(high - low for low, high in itertools.pairwise(greys)) > 0.05
    assert len(set(COLOURS)) == len(COLOURS)
    assert len(HATCHES) == len(DASHES) > len(COLOURS) // GREYS


def test_the_page_has_a_colour_for_each_reason() -> None:
    script = HOME / "agent_desk" / "static" / "supervisor" / "reports_chart.js"
    colours = re.findall(r'"(#[0-9a-f]{6})"', script.read_text("utf-8"))
    assert len(set(colours)) == len(colours) >= len(WHYS)


# ---------------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-5", "-5"), ("-5.25", "-5.25"), ("+02:00", "+02:00"), ("-03:30", "-03:30"),
        ("+380487050505", "+380487050505"), ("+", "'+"), ("-5+1", "'-5+1"), ("+1:00", "'+1:00"),
        ("+380(48)", "'+380(48)"), ("-5\n", "'-5\n"), ("+٥", "'+٥"), ("=1", "'=1"), ("@x", "'@x"),
        ("\t5", "'\t5"), ("\r5", "'\r5"), ("-cmd|x", "'-cmd|x"), ("plain", "plain"),
    ],
)  # fmt: skip
def test_only_what_a_spreadsheet_would_run_is_guarded(text: str, written: str) -> None:
    assert safe(text) == written


def test_numbers_and_offsets_are_plain_in_a_file() -> None:
    columns = (Column("number", "text"), Column("offset", "text"), Column("wait_bias", "seconds"))
    table = Table("wait", columns, [("+380487050505", "+02:00", -5.5), ("=1", "-", -7)])
    for written in (render.as_csv(answer(table), EN), render.as_sheet_csv(answer(table), EN)):
        first, second = written.decode().split("\r\n")[1:3]
        assert first == "+380487050505,+02:00,-5.5"
        assert second == "'=1,'-,-7"
