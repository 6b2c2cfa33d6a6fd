"""The page quality in a real Chromium: found, played, marked, rated; the operator answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from desk_house import tone
from desk_stage import COMPANY, HOME, Stage, open_stage
from playwright.sync_api import Browser, Page, expect
from running import until
from sqlalchemy import select

from ivr.store.models import Audit, Conversation
from ivr.store.supervision import RecordingMark, Scorecard

pytestmark = pytest.mark.browser

AXE = (HOME / "agent_desk" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
SHOTS = os.environ.get("PRESS2_SHOTS", "")
"""A folder for pictures of the page, for whoever looks at it."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage, served = open_stage(tmp_path)
    thread = threading.Thread(target=served.run)
    thread.start()
    yield stage
    stage.office.live.stop()
    served.close()
    thread.join(20)
    stage.office.store.close()
    assert not stage.complaints


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Iterator[Page]:
    """A page of the supervisor, who is signed in."""
    page = stage.visit(chromium, viewport={"width": 1366, "height": 900})
    stage.sign_in(page, "vira")
    yield page
    page.context.close()


def fill(stage: Stage) -> None:
    """Twelve talks of two operators, a complaint among them; the newest sounds for two seconds."""
    now = stage.office.now()
    folder = stage.office.recordings / "talks"
    folder.mkdir(parents=True)
    with stage.office.store.session() as db:
        for number in range(12):
            at = now - timedelta(minutes=5 * number + 5)
            refused = number == 3
            db.add(
                Conversation(
                    company=COMPANY, call=f"pbx1-{number}.1", token=f"t{number}",
                    operator="taras" if number % 3 == 1 else "olena", queue="general",
                    caller_number=f"+38067111000{number % 10}", entered_at=at, answered_at=at,
                    ended_at=at + timedelta(seconds=2), code="complaint" if number == 2 else "bill",
                    note="Питав про рахунок", unrecorded=refused,
                    recording=None if refused else f"talks/{number}.wav",
                )
            )  # fmt: skip
            tone(folder / f"{number}.wav", 600, rate=8000)
        begun = now - timedelta(minutes=5)
        for second, paused in ((0.5, True), (0.9, False)):
            db.add(
                Audit(
                    at=begun + timedelta(seconds=second), company=COMPANY, who="olena",
                    what="pause_recording", allowed=True, call="pbx1-0.1",
                    details={"paused": paused},
                )
            )  # fmt: skip


def barriers(page: Page) -> list[str]:
    """What axe-core finds."""
    page.evaluate(AXE)
    found = page.evaluate("async () => (await axe.run(document)).violations")
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in found]


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_a_talk_is_found_heard_marked_rated_and_answered(
    stage: Stage, page: Page, chromium: Browser
) -> None:
    fill(stage)
    page.goto(stage.page + "desk/supervisor/quality/")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(12)
    page.get_by_label("Consent").select_option("refused")
    page.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Asked for no recording")
    page.get_by_label("Consent").select_option("")
    page.get_by_label("Number or account").fill("0671110000")
    page.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(2)
    rows.first.get_by_role("button").click()
    talk = page.locator("#talk")
    expect(talk.locator(".time-line .pause")).to_have_count(1)

    page.evaluate("document.querySelector('#talk audio').play()")
    assert until(lambda: page.evaluate("document.querySelector('#talk audio').currentTime > 0.3"))
    page.evaluate("document.querySelector('#talk audio').pause()")
    assert page.evaluate("document.querySelector('#talk audio').duration") == 2
    talk.get_by_label("Kind of mark").select_option("training")
    talk.get_by_label("Note").first.fill("Так і треба")
    talk.get_by_role("button", name="Mark at").click()
    expect(talk.locator(".marks li")).to_have_count(1)
    expect(talk.locator(".time-line .mark-at")).to_have_count(1)

    talk.get_by_label("Greeting and name").fill("0")
    expect(talk.locator(".big-total")).to_have_text("95 of 100")
    talk.get_by_label("Safety text where needed").fill("0")
    expect(talk.locator(".big-total")).to_have_text("0 of 100: Failed")
    talk.get_by_label("Safety text where needed").fill("10")
    talk.locator("#card-note").fill("Назвіть себе на початку")
    talk.get_by_role("button", name="Keep the card").click()
    expect(talk.locator("#cards tbody tr").last).to_contain_text("95")
    assert barriers(page) == []
    shoot(page, "quality-talk-light")
    page.emulate_media(color_scheme="dark")
    assert barriers(page) == []
    shoot(page, "quality-talk-dark")
    page.emulate_media(color_scheme="light")

    page.get_by_role("button", name="To be rated", exact=True).click()
    page.get_by_role("button", name="Draw").click()
    expect(page.locator("#listed tbody tr")).to_have_count(10)
    expect(page.locator("#drawn")).to_contain_text("Talks added: 10.")
    assert barriers(page) == []
    shoot(page, "quality-sample")
    page.get_by_role("button", name="Results").click()
    expect(page.locator("#table tbody tr")).to_have_count(2)
    assert barriers(page) == []
    shoot(page, "quality-results")

    with stage.office.store.session(read_only=True) as db:
        (mark,) = db.scalars(select(RecordingMark))
        (card,) = db.scalars(select(Scorecard))
        played = db.scalars(select(Audit.who).where(Audit.what == "play_recording")).all()
    assert (mark.kind, mark.note) == ("training", "Так і треба")
    assert 0.3 <= mark.second < 2
    assert (card.total, card.operator, card.rater) == (95, "olena", "vira")
    assert played == ["vira"]

    desk = stage.visit(chromium, viewport={"width": 1366, "height": 900})
    stage.sign_in(desk, "olena")
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="My scorecards").click()
    desk.get_by_label("My answer").fill("Дякую, буду")
    shoot(desk, "quality-answer")
    desk.get_by_role("button", name="Answer", exact=True).click()
    expect(desk.get_by_label("My answer")).to_have_value("Дякую, буду")
    with stage.office.store.session(read_only=True) as db:
        assert db.scalars(select(Scorecard.answer)).one() == "Дякую, буду"
    desk.context.close()


def test_every_word_is_there_in_every_language(stage: Stage, page: Page) -> None:
    fill(stage)
    for language in ("uk", "ru"):
        page.goto(f"{stage.page}desk/supervisor/quality/?language={language}")
        page.locator("#rows tbody tr").first.get_by_role("button").click()
        expect(page.locator("#rating")).to_be_visible()
        text = page.locator("body").inner_text()
        assert not [w for w in text.split() if w.startswith(("quality_", "criterion_"))]
        assert barriers(page) == []
        shoot(page, f"quality-{language}")
