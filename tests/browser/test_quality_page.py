"""The page quality in a real Chromium: found, played, marked, rated; the operator answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from desk_house import tone
from desk_stage import COMPANY, SCREEN, Stage
from looks import looks, shoot, unworded
from playwright.sync_api import Browser, Page, expect
from running import until
from sqlalchemy import select

from ivr.store.models import Audit, Conversation
from ivr.store.supervision import RecordingMark, Scorecard
from ivr.terms import QualityTerms

pytestmark = pytest.mark.browser

CRITERIA = QualityTerms().criteria


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


def stored(stage: Stage, what: Any) -> list[Any]:
    with stage.store.session(read_only=True) as db:
        return list(db.scalars(select(what)))


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

    points = talk.locator("#rating input[type=number]")
    assert [each.input_value() for each in points.all()] == [""] * len(CRITERIA)
    for each in CRITERIA[2:]:
        talk.locator(f"#points-{each.name}").fill(str(each.points))
    talk.get_by_role("button", name="Keep the card").click()
    missing = "No points yet: Greeting and name; Identified by the rule"
    expect(talk.locator("#rating [role=status]")).to_have_text(missing)
    expect(talk.get_by_label("Greeting and name")).to_be_focused()
    assert stored(stage, Scorecard) == []
    talk.get_by_label("Greeting and name").fill("0")
    talk.get_by_label("Identified by the rule").fill(str(CRITERIA[1].points))
    expect(talk.locator(".big-total")).to_have_text("95 of 100")
    talk.get_by_role("button", name="Mark at").click()
    expect(talk.locator(".marks li")).to_have_count(2)
    expect(talk.locator(".big-total")).to_have_text("95 of 100")
    talk.locator(".marks li").last.get_by_role("button").last.click()
    expect(talk.locator(".marks li")).to_have_count(1)
    talk.get_by_label("Safety text where needed").fill("0")
    expect(talk.locator(".big-total")).to_have_text("0 of 100: Failed")
    talk.get_by_label("Safety text where needed").fill("10")
    talk.locator("#card-note").fill("Назвіть себе на початку")
    talk.get_by_role("button", name="Keep the card").click()
    expect(talk.locator("#cards tbody tr").last).to_contain_text("95")
    looks(page, "quality-talk")

    page.get_by_role("button", name="To be rated", exact=True).click()
    page.get_by_role("button", name="Draw").click()
    expect(page.locator("#listed tbody tr")).to_have_count(10)
    expect(page.locator("#drawn")).to_contain_text("Talks added: 10.")
    looks(page, "quality-sample", "light")
    page.get_by_role("button", name="Results").click()
    expect(page.locator("#table tbody tr")).to_have_count(2)
    looks(page, "quality-results", "light")

    (mark,) = stored(stage, RecordingMark)
    (card,) = stored(stage, Scorecard)
    played = [row.who for row in stored(stage, Audit) if row.what == "play_recording"]
    assert (mark.kind, mark.note) == ("training", "Так і треба")
    assert 0.3 <= mark.second < 2
    assert (card.total, card.operator, card.rater) == (95, "olena", "vira")
    assert played == ["vira"]

    desk = stage.visit(chromium, viewport=SCREEN)
    stage.sign_in(desk, "olena")
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="My scorecards").click()
    desk.get_by_label("My answer").fill("Дякую, буду")
    shoot(desk, "quality-answer")
    desk.get_by_role("button", name="Answer", exact=True).click()
    expect(desk.get_by_label("My answer")).to_have_value("Дякую, буду")
    assert until(lambda: stored(stage, Scorecard.answer) == ["Дякую, буду"])


def test_every_word_is_there_in_every_language(stage: Stage, page: Page) -> None:
    fill(stage)
    for language in ("uk", "ru"):
        page.goto(f"{stage.page}desk/supervisor/quality/?language={language}")
        page.locator("#rows tbody tr").first.get_by_role("button").click()
        expect(page.locator("#rating")).to_be_visible()
        assert unworded(page, "quality_", "criterion_") == []
        looks(page, f"quality-{language}", "light")
