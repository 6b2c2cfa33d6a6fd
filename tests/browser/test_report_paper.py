"""Reports on paper: tables as wide as a page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser

from ivr.reporting import Answer, render
from ivr.reporting.table import Column, Phrase, Table
from ivr.reporting.words import Words

BEGIN = datetime(2026, 10, 24, tzinfo=ZoneInfo("Europe/Kyiv")).astimezone(UTC)
PAPER = 1032
"""Pixels of A4 landscape between the margins."""
TIMES = (
    "signed_in", "talking", "wrap_up", "ringing", "ready", "paused_break", "paused_lunch",
    "paused_training", "paused_technical", "paused_task", "paused_outbound", "paused_messages",
    "paused_alarm", "disconnected", "offline", "sum", "wall", "check",
)  # fmt: skip
OPERATORS = Table(
    "operators",
    (
        Column("operator", "text"), Column("begins", "moment"), Column("offset", "text"),
        Column("answered"), Column("taken_over"), Column("talk_mean", "seconds"),
        Column("aht", "seconds"), Column("occupancy", "share"),
        *(Column(each, "hours") for each in TIMES),
    ),
    [
        ("olena", BEGIN, "+03:00", 4, 0, 180.0, 200.0, 0.55, *[1800.0] * len(TIMES)),
        (Phrase("all"), None, None, 1024, 12, 180.0, 200.0, None, *[3600.0 * 744] * len(TIMES)),
    ],
)  # fmt: skip
SHARES = Table(
    "service",
    (
        Column("begins", "moment"), Column("offset", "text"), Column("queue", "text"),
        *(Column(each) for each in ("offered", "answered", "lost", "short", "transfers")),
        *(Column(each, "share") for each in ("level", "lost_share", "level_offered")),
        *(Column(f"level_{each}", "share") for each in ("answered", "without_short", "asterisk_2")),
        *(Column(each, "seconds") for each in ("asa", "median", "ninety", "longest")),
        *(Column(each, "share") for each in ("level_calm", "lost_share_calm", "level_from_call")),
    ),
    [(BEGIN, "+03:00", "Приєднання", *[123] * 5, *[None] * 6, *[604.3] * 4, *[None] * 3)],
)  # fmt: skip
NARROW = Table("months", (Column("month", "month"), Column("offered")), [(date(2026, 1, 1), 7)])


def test_every_column_is_on_the_paper(chromium: Browser) -> None:
    day, made = date(2026, 10, 24), datetime(2026, 10, 30, 9, 0, tzinfo=UTC)
    tables = (OPERATORS, SHARES, NARROW)
    report = Answer("operators", "Odesa", "Europe/Kyiv", day, day, (), True, made, tables)
    page = chromium.new_page(viewport={"width": PAPER, "height": 700})
    page.emulate_media(media="print")
    page.set_content(render.write(report, "html", Words("uk")).decode())
    found = page.evaluate(
        """() => [...document.querySelectorAll("table")].map((table) => ({
          right: table.getBoundingClientRect().right,
          size: parseFloat(getComputedStyle(table).fontSize),
          cut: [...table.querySelectorAll("th, td")].filter(
            (cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent),
          moments: [...table.querySelectorAll("tbody .moment")].map((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getClientRects().length;
          }),
        }))"""
    )
    page.close()
    for each in found:
        assert each["right"] <= PAPER, found
        assert each["cut"] == []
        assert each["size"] >= 6
        assert set(each["moments"]) <= {1}
    assert found[-1]["size"] == 10.5
