"""The wallboard in a real Chromium: every figure in its place, and how old they are said to be."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from looks import barriers, shoot
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text, update
from wall import COMPANIES, SHOWN, Wall, open_wall, shown
from wall_words import written

from agent_desk.supervisor import wallboard
from ivr.board import Feed, replay
from ivr.board.feed import stored
from ivr.events import Entry
from ivr.store.models import SignIn
from ivr.store.supervision import Alert

from working_day import working_day  # isort: skip

pytestmark = pytest.mark.browser

HOURS = 9.0
"""Of the day so far; where the company is it is early afternoon, whenever this runs."""
ZONE = ZoneInfo(f"Etc/GMT{datetime.now(UTC).hour - 13:+d}")
ODESA = replace(COMPANIES["odesa"], zone=ZONE)
THERE = {"odesa": ODESA}
CUT = """() => [...document.querySelectorAll("#tiles :is(dt, dd), #queues :is(th, td), #foot > *")]
  .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1
    && getComputedStyle(each).overflow === "hidden")
  .map((each) => each.textContent)"""
"""Texts of tiles and queues that do not fit."""
CHARTS = """() => ["history", "waits"].map((name) =>
  Chart.getChart(document.querySelector(`#${name} canvas`)).data.datasets.map((set) => set.data))"""


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[Wall]:
    """A day that ends in a storm."""
    with open_wall(tmp_path, working_day(ODESA, time.time(), HOURS).log.entries, THERE) as wall:
        yield wall


@pytest.fixture(scope="module")
def quiet_wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wall]:
    """Such a day, to which nothing happens any more."""
    day = working_day(ODESA, time.time(), HOURS)
    with open_wall(tmp_path_factory.mktemp("wall"), day.log.entries, THERE) as wall:
        yield wall


@pytest.fixture
def still(quiet_wall: Wall) -> Iterator[Wall]:
    yield quiet_wall
    quiet_wall.leave()


@pytest.fixture
def page(wall: Wall, chromium: Browser) -> Page:
    return wall.board(chromium)


def waits(wall: Wall, call: str, state: str = "waiting", queue: str = "general") -> int:
    """Let a ticket change now; the id of the entry."""
    now = time.time()
    told = {"state": state, "queue": queue, "kind": "call", "operator": "", "outcome": ""}
    at = datetime.fromtimestamp(now, UTC)
    wall.write([Entry("odesa", call, at, "ticket", details={**told, "entered": now})])
    return max(number for number, _ in stored(wall.store, "odesa"))


def test_every_figure_stands_in_its_place(wall: Wall, page: Page) -> None:
    page.get_by_text("Half hours as numbers").click()
    seen = shown(page, 1)
    at, now, upto = float(seen["at"]), float(seen["now"]), int(seen["upto"])
    board = replay(stored(wall.store, "odesa"), ODESA, upto)
    figures = board.figures(datetime.fromtimestamp(at, UTC))
    assert seen["figures"] == written(figures, now, ODESA)
    marks = {name: queue["mark"] for name, queue in figures["queues"].items()}
    assert seen["marks"] == marks and "bad" in marks.values()
    ranks = [["bad", "watch", ""].index(marks[name]) for name in seen["order"]]
    assert ranks == sorted(ranks)
    history, waited = page.evaluate(CHARTS)
    assert waited == [[*figures["waits"]["counts"], figures["all"]["waiting"]]]
    assert history[2] == [each["offered"] for each in figures["history"]]
    assert history[3] == [each["lost"] for each in figures["history"]]
    levels = [each["level"] for each in figures["history"]]
    assert history[0] == [level and pytest.approx(100 * level) for level in levels]


def test_durations_go_on_between_messages_and_news_comes_by_itself(wall: Wall, page: Page) -> None:
    upto = waits(wall, "new")
    seen = shown(page, upto)
    begun = seen["figures"]["queues.general.waiting"]
    longest = page.locator('[data-figure="all.longest"]')
    before = longest.inner_text()
    expect(longest).not_to_have_text(before)
    upto = waits(wall, "newer")
    after = shown(page, upto)["figures"]["queues.general.waiting"]
    assert int(after.split()[0]) == int(begun.split()[0]) + 1


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720)])
def test_alerts_push_nothing_off_the_wall(
    wall: Wall, chromium: Browser, size: tuple[int, int]
) -> None:
    since = datetime.now(UTC)
    with wall.store.session() as db:
        for kind in ("waiting", "longest", "service_level", "lost", "no_operators"):
            for target in ("general", "outage", "metering", "connection"):
                told = {"kind": kind, "target": target, "level": "alarm", "value": 31, "bound": 30}
                db.add(Alert(company="odesa", since=since, worst=44, **told))
    page = wall.board(chromium, "?big", viewport={"width": size[0], "height": size[1]}, locale="uk")
    expect(page.locator("#alarms li").first).to_be_visible()
    expect(page.locator(".alarms-more")).to_have_text(re.compile(r"\+\d+"))
    shown(page, 1)
    shoot(page, f"wallboard-alerts-{size[0]}")
    for part in ("#clock", "#upto", "#flows", "#waits canvas", "#history canvas", "#queues"):
        box = page.locator(part).bounding_box()
        assert box and box["height"] > 10 and box["y"] + box["height"] <= size[1], part
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    assert page.evaluate(CUT) == []


def test_a_queue_that_goes_wrong_is_told_by_colour_sign_and_words(wall: Wall, page: Page) -> None:
    queue = "of_its_own"  # nobody has the skill
    shown(page, waits(wall, "alone", queue=queue))
    row = page.locator(f'[data-queue="{queue}"]')
    expect(row).to_have_class("bad")
    expect(row.get_by_role("img", name="Bad")).to_be_visible()
    expect(row).to_contain_text("nobody serves it")
    expect(page.locator("#worse")).to_have_text("of its own: nobody serves it")
    shown(page, waits(wall, "alone", "talking", queue=queue))
    expect(row).not_to_have_class("bad")


def test_the_figures_say_how_old_they_are_while_the_store_is_away(wall: Wall, page: Page) -> None:
    before = shown(page, 1)
    with wall.store.session() as db:
        db.execute(text("ALTER TABLE events RENAME TO away"))
    age = page.locator("#age")
    expect(age).to_contain_text("the store does not answer")
    assert page.evaluate(SHOWN)["state"] == "old"
    expect(page.locator("#tiles .tile")).to_have_count(12)
    assert page.evaluate(SHOWN)["upto"] == before["upto"]
    shoot(page, "wallboard-store-away")
    with wall.store.session() as db:
        db.execute(text("ALTER TABLE away RENAME TO events"))
    expect(age).to_be_hidden()
    shown(page, waits(wall, "after"))


def test_a_server_that_is_started_anew_is_found_again(wall: Wall, page: Page) -> None:
    wall.end()
    age = page.locator("#age")
    expect(age).to_contain_text("the server does not answer")
    object.__setattr__(wall.office, "board", Feed(wall.store, COMPANIES))
    wall.feed.start()
    wall.begin()
    expect(age).to_be_hidden(timeout=30_000)
    shown(page, waits(wall, "after"))
    wall.complaints.clear()  # of connections that were refused


def test_the_end_of_the_sign_in_is_said(
    wall: Wall, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallboard, "RECHECK", 0.0)
    with wall.store.session() as db:
        db.execute(update(SignIn).values(ended_at=wall.office.now()))
    expect(page.locator("#age")).to_contain_text("your sign-in has ended")
    expect(page.locator("#alarms")).to_contain_text("your sign-in has ended")
    wall.forgive("401")
    page.get_by_role("link", name="Sign in again").click()
    page.wait_for_url("**/desk/sign-in")


def test_there_is_room_for_so_many_and_the_next_one_is_told(
    wall: Wall, page: Page, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallboard, "SCREENS", 1)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#age")).to_have_text(
        "Too many wallboards are open; trying again in half a minute"
    )
    other.close()


def test_a_silent_log_is_told(wall: Wall, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallboard, "SILENT", 0)
    page.reload()
    expect(page.locator("#age")).to_contain_text("The log has been silent since")


@pytest.mark.parametrize("language", ["en", "uk", "ru"])
@pytest.mark.parametrize(
    ("width", "height", "query"),
    [(1920, 1080, "?big"), (1280, 720, "?big"), (1280, 900, ""), (420, 900, "")],
)
def test_it_fits_and_has_no_barriers(
    still: Wall, chromium: Browser, language: str, width: int, height: int, query: str
) -> None:
    page = still.board(
        chromium, query, viewport={"width": width, "height": height}, locale=language
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if query:
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        last = page.locator("#queues tbody tr").last.bounding_box()
        card = page.locator("#queues").bounding_box()
        assert last and card and last["y"] + last["height"] <= card["y"] + card["height"]
        clock = page.locator("#clock").bounding_box()
        assert clock and clock["x"] + clock["width"] <= width
        expect(page.locator("header.top")).to_be_hidden()
    assert page.evaluate(CUT) == []
    words = page.locator("#board").inner_text().split()
    assert not [word for word in words if word.startswith(("wallboard_", "queue_", "flow_"))]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert barriers(page) == []
        shoot(page, f"wallboard-{width}{'-big' if query else ''}-{language}-{scheme}")


def test_the_digits_of_the_wall_are_read_from_four_metres(
    tmp_path: Path, chromium: Browser
) -> None:
    """Of a display of 50 inches: a capital of 13 mm, a 300th of the way; the main ones twice it.

    Where most queues are marked the table is smaller, so that all of them are seen.
    """
    day = working_day(ODESA, time.time(), HOURS, storm=0)
    with open_wall(tmp_path, day.log.entries, THERE) as wall:
        _measure(wall, chromium)


def _measure(wall: Wall, chromium: Browser) -> None:
    page = wall.board(chromium, "?big", viewport={"width": 1920, "height": 1080})
    sizes = page.evaluate(
        """(all) => Object.fromEntries(all.map((which) =>
          [which, parseFloat(getComputedStyle(document.querySelector(which)).fontSize)]))""",
        [".tile dd.digits", "#queues td", ".tile .note", "#queues th small"],
    )
    capital = {which: 0.73 * size * 1107 / 1920 for which, size in sizes.items()}
    assert capital[".tile dd.digits"] >= 26
    assert capital["#queues td"] >= 13
    assert capital[".tile .note"] >= 10 and capital["#queues th small"] >= 10
