"""The page of releases and recordings in a real Chromium, with calls over the same store."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from desk_stage import COMPANY, HOME, Stage
from looks import looks, shoot, spilled, unworded
from playwright.sync_api import Browser, Page, Route, expect
from pydub.generators import Sine
from running import until

from ivr import check, flow, prompts
from ivr.channels.agi_line import AgiExchange
from ivr.channels.line import Clock
from ivr.channels.operators import Operators
from ivr.events import MemoryLog
from ivr.model import Caller
from ivr.releases import Served
from ivr.releases.served import Looks
from ivr.releases.walks import Progress, Walks
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import MemorySessions
from ivr.speech.placed import Placed

pytestmark = pytest.mark.browser

SPOKEN = "{say: main_reading, to: reading, words: reading}"
SILENT = "{to: reading, words: reading}"


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Page:
    """The page, opened by a supervisor."""
    stage.forgive("status of 4")  # the page says refusals in words
    page = stage.admit(chromium)
    page.goto(stage.page + "desk/supervisor/publish/")
    page.wait_for_selector("body[data-ready=yes]")
    page.on("dialog", lambda dialog: dialog.accept())
    return page


class Exchange:
    """A FastAGI worker over the stage's store, which looks by itself, and callers."""

    def __init__(self, stage: Stage) -> None:
        store, companies = stage.office.store, stage.office.companies
        self.catalogues = prompts.load(HOME / "prompts")
        flows = check.book(flow.load(HOME / "flows"), self.catalogues)
        self.clock = Clock(datetime(2026, 10, 31, 6, 30, tzinfo=UTC))
        self.log = MemoryLog()
        self.operators = Operators(companies[COMPANY], companies, store, self.log, self.clock)
        judge = stage.office.judge
        self.served = Served(store, judge.files, flows, judge.fits)
        self.stopping = threading.Event()
        Looks(self.served, self.stopping, every=0.1).start()
        self.runner = Runner(
            flows, companies, SERVICES, store, MemorySessions(), self.log, self.clock, COMPANY,
            queue=self.operators.queue, releases=self.served,
        )  # fmt: skip
        self.agi = AgiExchange(self.catalogues)
        self.lines: list[Any] = []

    def dial(self) -> Any:
        line = self.agi.line(self.runner, self.clock, self.operators)
        call = f"call-{len(self.lines)}"
        caller = Caller(call, COMPANY, "+380671110001", "+380487059090", "agi", self.clock())
        line.dial(replace(caller))
        self.lines.append(line)
        return line

    def hears_readings(self, line: Any) -> bool:
        """Whether the menu that was just heard speaks of readings."""
        text = self.catalogues["uk"].text("main_reading", {"key": "2"})
        said = " ".join(each.text for each in line.heard.said)
        line.heard.said.clear()
        return text in said

    def close(self) -> None:
        self.stopping.set()
        for line in self.lines:
            line.hang_up()
        self.agi.close()


@pytest.fixture
def exchange(stage: Stage) -> Iterator[Exchange]:
    exchange = Exchange(stage)
    yield exchange
    exchange.close()


def write(page: Page, old: str, new: str) -> None:
    """Change the text in the editor."""
    area = page.locator("#flow-text")
    text = area.input_value()
    assert old in text
    area.fill(text.replace(old, new))


def test_a_draft_is_mended_tried_published_heard_and_rolled_back(
    stage: Stage, page: Page, exchange: Exchange
) -> None:
    before = exchange.dial()
    assert exchange.hears_readings(before)

    page.get_by_role("button", name="New draft").click()
    expect(page.locator("#editor-title")).to_have_text("Release 1")
    page.locator("#title").fill("Readings are not spoken of")
    changed = page.locator("#flow-text").input_value().count(SPOKEN)
    write(page, SPOKEN, SILENT)
    write(page, "to: to_outage", "to: nowhere")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".checked .refusal")).to_contain_text("Found")
    finding = page.locator(".findings button").first
    expect(finding).to_contain_text("main, line")
    line = int(finding.inner_text().rsplit(" ", 1)[1])
    finding.click()
    chosen = page.evaluate(
        "(area) => area.value.slice(area.selectionStart, area.selectionEnd)",
        page.locator("#flow-text").element_handle(),
    )
    assert chosen == page.locator("#flow-text").input_value().splitlines()[line - 1]
    shoot(page, "publish-wrong")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#said")).to_contain_text("does not pass the check")
    expect(page.locator("#serving .big-number")).to_have_text("The program's files")

    write(page, "to: nowhere", "to: to_outage")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".checked .done")).to_have_text("The check passed")
    page.get_by_role("button", name="Differences").click()
    expect(page.locator(".difference .removed")).to_have_count(changed)
    expect(page.locator(".difference .added").first).to_contain_text(SILENT)
    looks(page, "publish-differences", "light")
    page.get_by_role("button", name="Picture").click()
    picture = page.locator(".picture img")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('.picture img').naturalWidth > 100")
    shoot(page, "publish-picture")
    page.get_by_role("button", name="Text", exact=True).click()

    page.locator("#percent").fill("10")
    page.get_by_role("button", name="Start as canary").click()
    expect(page.locator("#serving .state.canary")).to_have_text("Canary: release 1, 10 %")
    shoot(page, "publish-canary")
    page.locator("#percent").fill("100")
    page.get_by_role("button", name="Start as canary").click()
    expect(page.locator("#serving .state.canary")).to_have_text("Canary: release 1, 100 %")
    assert until_chosen(exchange, 1)
    tried = exchange.dial()
    assert not exchange.hears_readings(tried)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#serving .big-number")).to_have_text("Release 1")
    shoot(page, "publish-live")
    assert spilled(page) == []
    during = exchange.dial()
    assert not exchange.hears_readings(during)
    before.press("9")
    assert exchange.hears_readings(before), "who began before hears the menu he knows"

    page.get_by_role("button", name="Roll back to the files").click()
    expect(page.locator("#serving .big-number")).to_have_text("The program's files")
    assert until_chosen(exchange, None)
    after = exchange.dial()
    assert exchange.hears_readings(after)
    during.press("9")
    assert not exchange.hears_readings(during), "who began with the release keeps it"

    page.locator("#history li", has_text="Rolled back").get_by_role("button", name="Undo").click()
    expect(page.locator("#serving .big-number")).to_have_text("Release 1")
    assert until_chosen(exchange, 1)
    looks(page, "publish", "dark")


def until_chosen(exchange: Exchange, release: int | None) -> object:
    return until(lambda: exchange.served.choose(COMPANY, "call-0").pin.release == release)


@pytest.fixture
def on(stage: Stage) -> Iterator[threading.Event]:
    """What `app.py jobs` does with walks; they stand still at first, until it is set."""
    judge, stopping, on = stage.office.judge, threading.Event(), threading.Event()

    def walk(company: str, changes: Mapping[str, str], told: Callable[[Progress], bool]) -> Any:
        def held(progress: Progress) -> bool:
            while progress.done and not on.wait(0.1):
                if not told(progress):
                    return False
            return told(progress)

        return judge.walk(company, changes, held)

    walks = Walks(stage.store, walk, judge.base, stage.office.now, stopping, every=0.1)
    walks.start()
    yield on
    stopping.set()
    walks.join(30)


def draft(page: Page, number: int, flow: str, old: str, new: str) -> None:
    """A draft of this number with a changed flow, saved."""
    page.get_by_role("button", name="New draft", exact=True).click()
    expect(page.locator("#editor-title")).to_have_text(f"Release {number}")
    page.locator("#flow").select_option(flow)
    expect(page.locator("#flow-text")).to_have_attribute("aria-label", f"{flow}.yaml")
    write(page, old, new)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_be_enabled()


def test_a_walk_is_followed_to_its_end_and_shows_the_keys_to_what_it_found(
    stage: Stage, page: Page, on: threading.Event
) -> None:
    draft(page, 1, "restored", "    say: [restored_thanks]\n", "")
    page.locator("#walk").click()
    walked = page.locator("#walked")
    expect(walked).to_contain_text(
        re.compile(r"[\d,]+ of about [\d,]+ states.*left"), timeout=60_000
    )
    expect(page.get_by_role("progressbar", name="Walk every way")).to_be_visible()
    expect(page.locator("#walk")).to_have_text("Stop the walk")
    shoot(page, "publish-walking")
    on.set()
    expect(walked).to_have_text("Found on the ways: 1", timeout=240_000)
    expect(page.locator("#releases tbody")).to_contain_text("Found on the ways: 1")
    found = page.locator(".violation")
    expect(found.locator("strong")).to_have_text("The call is ended without a word")
    expect(found.locator("ol li")).to_have_text(
        ["restoration.announce: restored", "2", "restoration.heard: noted"]
    )
    found.get_by_role("button").click()
    chosen = page.evaluate("() => getSelection().toString()")
    assert chosen.strip() == "thanks:"
    looks(page, "publish-walked")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#said")).to_contain_text("does not pass the check")
    for language, told in (("uk", "без жодного слова"), ("ru", "без единого слова")):
        page.goto(f"{stage.page}desk/supervisor/publish/?language={language}")
        page.wait_for_selector("body[data-ready=yes]")
        page.locator("#releases button").first.click()
        expect(page.locator(".violation strong")).to_contain_text(told)
        assert unworded(page, "publish_") == []
        looks(page, f"publish-walked-{language}", "light")


def test_walks_wait_for_each_other_are_stopped_and_outlive_the_server(
    stage: Stage, page: Page, on: threading.Event
) -> None:
    draft(page, 1, "main", SPOKEN, SILENT)
    page.locator("#walk").click()
    draft(page, 2, "restored", "# An answering machine", "# A machine")
    page.locator("#walk").click()
    walked = page.locator("#walked")
    expect(walked).to_have_text("The walk through all ways waits, before it: 1")
    shoot(page, "publish-walk-waits")
    page.get_by_role("button", name="Release 1").click()
    expect(walked).to_contain_text("states walked", timeout=60_000)
    page.goto("about:blank")
    stage.end()
    stage.port = 0  # Chromium would go on with a connection to the server that has ended
    stage.begin()
    page.goto(stage.page + "desk/supervisor/publish/")
    page.wait_for_selector("body[data-ready=yes]")
    expect(page.locator("#releases tbody")).to_contain_text("% of all ways walked")
    page.get_by_role("button", name="Release 1").click()
    expect(walked).to_contain_text("states walked")
    page.get_by_role("button", name="Stop the walk").click()
    expect(walked).to_have_text("The walk through all ways was stopped.")
    on.set()
    page.get_by_role("button", name="Release 2").click()
    expect(walked).to_contain_text("nothing was found", timeout=240_000)
    expect(page.locator("#releases tbody")).to_contain_text("every way was walked")
    shoot(page, "publish-walk-passed")


def test_another_supervisor_was_faster(stage: Stage, page: Page, chromium: Browser) -> None:
    page.get_by_role("button", name="New draft").click()
    write(page, SPOKEN, SILENT)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_have_text("Done")
    other = page.context.new_page()
    other.on("dialog", lambda dialog: dialog.accept())
    other.goto(stage.page + "desk/supervisor/publish/")
    other.get_by_role("button", name="Release 1").click()
    other.get_by_role("button", name="Publish", exact=True).click()
    expect(other.locator("#serving .big-number")).to_have_text("Release 1")
    write(page, "words: reading}", "words: reading }")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("Віра has just changed this")
    assert "words: reading }" in page.locator("#flow-text").input_value(), "nothing typed is lost"


def test_what_is_typed_while_the_page_looks_again_stays(stage: Stage, page: Page) -> None:
    draft(page, 1, "main", "to: to_outage", "to: nowhere")
    stage.forgive("ERR_")
    held: list[Route] = []
    page.route("**/texts/main", lambda route: held.append(route))
    with page.expect_request("**/texts/main"):
        page.get_by_role("button", name="Publish", exact=True).click()
    write(page, "to: nowhere", "to: to_outage")
    for route in held:
        route.abort()  # as where the server is not reached
    page.unroute("**/texts/main")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".checked .quiet")).to_contain_text("no flow differs")


def test_a_recording_is_heard_published_and_rolled_back(
    stage: Stage, page: Page, tmp_path: Path
) -> None:
    file = io.BytesIO()
    Sine(440).to_audio_segment(2500, -20.0).export(file, "mp3")
    page.locator("#find").fill("goodbye")
    page.get_by_role("button", name="goodbye", exact=True).click()
    expect(page.locator(".piece blockquote")).to_be_visible()
    page.locator("#file").set_input_files({"name": "x.wav", "mimeType": "", "buffer": b"junk"})
    expect(page.locator("#said")).to_contain_text("This is no sound")
    upload = {"name": "my.mp3", "mimeType": "audio/mpeg", "buffer": file.getvalue()}
    page.locator("#file").set_input_files(upload)
    row = page.locator(".piece tr", has_text="Recording 1")
    expect(row).to_contain_text("draft")
    row.locator("audio").evaluate("(audio) => audio.load() || audio.play()")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.piece audio')].some((each) => each.duration > 2)"
    )
    row.get_by_role("button", name="Publish the recording").click()
    expect(row).to_contain_text("played")
    placed = Placed(stage.office.store, tmp_path / "sounds")
    placed.look()
    name = placed.name(COMPANY, "uk", "goodbye")
    assert name is not None
    assert (tmp_path / "sounds" / f"{name}.wav").exists()
    looks(page, "publish-recording", "light")
    page.get_by_role("button", name="Roll back to the program's own").click()
    expect(row).to_contain_text("retired")
    placed.look()
    assert placed.name(COMPANY, "uk", "goodbye") is None
    page.locator("#history li", has_text="Rolled back").get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("played")


def test_every_word_is_there_in_every_language(stage: Stage, page: Page) -> None:
    for language in ("uk", "ru"):
        page.goto(f"{stage.page}desk/supervisor/publish/?language={language}")
        page.wait_for_selector("body[data-ready=yes]")
        page.locator("#serving button").first.click()
        expect(page.locator("#editor")).to_be_visible()
        assert unworded(page, "publish_", "sound_") == []
        looks(page, f"publish-{language}", "light")
