"""What supervisors and operators are told of each other, in Chromium: long words stay in their
place, the caller of each step is named, whoever is out of a talk or paused learns by whom.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from desk_stage import COMPANY, Stage
from looks import looks, shoot, spilled
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from ivr.agent_queue.model import Ticket
from ivr.store.supervision import Listening, StaffMessage

pytestmark = pytest.mark.browser

LINK = "https://oblenergo.example/" + "a" * 470
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A desk with two supervisors."""
    stage.hire("olha", "Ольга")
    stage.forgive("409 (CONFLICT)")  # the page says refusals in words
    return stage


def floor(stage: Stage, chromium: Browser, login: str = "vira") -> Page:
    page = stage.admit(chromium, login)
    page.goto(f"{stage.page}desk/supervisor/floor/")
    expect(page.locator("body[data-ready=yes]")).to_be_visible()
    return page


def wait(stage: Stage, call: str, number: str | None, **fields: object) -> None:
    wanted = {"company": COMPANY, "queue": "general", "number": number, "language": "uk"} | fields
    stage.queue.enter(Ticket(id=call, entered=time.time() - 60, **wanted), time.time())  # type: ignore[arg-type]


def press(page: Page, row: str, *buttons: str) -> None:
    """Open a row and press buttons in it, one after the other."""
    page.locator(f"{row} .steer").click()
    for name in buttons:
        page.locator(row).get_by_role("button", name=name).click()


def in_sight(page: Page, selector: str) -> None:
    """Something lies within the window, and is on top there."""
    assert page.locator(selector).evaluate(
        """(each) => {
          each.scrollIntoView({ block: "nearest" });
          const { left, right, top, bottom } = each.getBoundingClientRect();
          const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          return left >= 0 && right <= innerWidth && each.contains(there);
        }"""
    )


def test_text_without_a_space_stays_in_its_place(stage: Stage, chromium: Browser) -> None:
    olena, vira = stage.ready(stage.visit(chromium)), floor(stage, chromium)
    vira.locator("textarea[name=text]").fill(LINK)
    vira.get_by_role("button", name="Send").click()
    olena.locator("[data-notice^=message-]").wait_for()
    olena.keyboard.press("Alt+h")
    olena.locator("[name=help-note]").fill("b" * 200)
    olena.locator("[name=help-note]").press("Enter")
    expect(vira.locator(".ask")).to_contain_text("bbbb")
    expect(vira.locator(".message-text")).to_have_text(LINK)
    for page in (olena, vira):
        assert page.evaluate(WIDE) == 0
        assert spilled(page) == []
    in_sight(olena, "[data-notice^=message-] button")
    looks(olena, "told-desk-long", "light")
    looks(vira, "told-floor-long", "light")
    now = datetime.now(UTC)
    with stage.store.session() as db:
        (sent,) = db.scalars(select(StaffMessage))
        for _ in range(18):
            db.add(
                StaffMessage(
                    company=COMPANY, sender="vira", text=LINK, sent_at=now, until=sent.until
                )
            )
    stage.queue.tell(COMPANY)
    expect(olena.locator("[data-notice^=message-]")).to_have_count(19)
    in_sight(olena, "#staff")
    in_sight(olena, "[data-notice^=message-]:last-child button")
    shoot(olena, "told-desk-many")
    olena.locator("[data-notice^=message-]:last-child button").click()
    expect(olena.locator("[data-notice^=message-]")).to_have_count(18)


def test_time_left_of_a_message_goes_on(stage: Stage, chromium: Browser) -> None:
    vira = floor(stage, chromium)
    vira.locator("textarea[name=text]").fill("Meeting")
    vira.get_by_role("button", name="Send").click()
    left = vira.locator("[data-until]")
    expect(left).to_contain_text("left")
    first = left.inner_text()
    expect(left).not_to_have_text(first)


def test_each_step_names_its_caller(stage: Stage, chromium: Browser) -> None:
    wait(stage, "pbx1-1.1", "+380671110001")
    wait(stage, "pbx1-2.2", "+380671110002")
    wait(stage, "pbx1-3.3", None)
    vira, olha = floor(stage, chromium), floor(stage, chromium, "olha")
    press(vira, '#waiting [data-key="pbx1-1.1"]', "Move")
    expect(vira.locator("#done .did")).to_have_count(1)
    press(vira, '#waiting [data-key="pbx1-2.2"]', "Put first")
    expect(vira.locator("#done .did")).to_have_count(2)
    press(vira, '#waiting [data-key="pbx1-3.3"]', "Raise")
    expect(vira.locator("#done .did")).to_have_count(3)
    done = vira.locator("#done .did > span:first-of-type")
    expect(done.nth(0)).to_contain_text("number withheld, ")
    expect(done.nth(0)).to_contain_text("(General): priority normal → raised")
    expect(done.nth(1)).to_contain_text("+380···002 (General): priority normal → first")
    expect(done.nth(2)).to_contain_text("+380···001: moved General →")
    moved = vira.locator('#waiting [data-key="pbx1-1.1"]')
    expect(moved).to_contain_text("from General")
    vira.locator("#done .did").nth(2).get_by_role("button", name="Undo").click()
    expect(moved).not_to_contain_text("from ")

    second = '#waiting [data-key="pbx1-2.2"]'
    for page in (vira, olha):
        press(page, second, "Withdraw")
    for page in (vira, olha):
        page.locator(second).get_by_role("button", name="Once more").click()
        expect(page.locator("#said")).not_to_be_empty()
    expect(olha.locator("#said")).to_contain_text("Віра has changed it meanwhile")
    expect(vira.locator("#done .did").first).to_contain_text("+380···002: withdrawn from General")
    expect(vira.locator("#done .did", has_text="withdrawn")).to_have_count(1)
    looks(vira, "told-done", "light")
    for language in ("uk", "ru"):
        vira.goto(f"{stage.page}desk/supervisor/floor/?language={language}")
        expect(vira.locator("#done .did").first).to_contain_text("+380···002: ")
        shoot(vira, f"told-done-{language}")


def test_who_is_paused_or_asks_for_help(stage: Stage, chromium: Browser) -> None:
    olena, vira = stage.ready(stage.visit(chromium)), floor(stage, chromium)
    stage.ready(stage.visit(chromium), "olha")
    ticket = stage.talk(olena)
    olena.keyboard.press("Alt+h")
    asked = vira.locator(".ask")
    expect(asked).to_contain_text("in a talk")
    expect(asked.get_by_role("button", name="Listen")).to_be_visible()
    looks(vira, "told-help", "light")
    press(vira, '#operators [data-key="olena"]', "Pause")
    expect(olena.locator("[data-notice=chosen]")).to_contain_text(
        "Віра has paused you from the end"
    )
    stage.ended(ticket)
    expect(asked).to_contain_text("the talk is over")
    expect(asked.get_by_role("button", name="Listen")).to_have_count(0)
    stage.at(olena, "wrap_up")
    stage.queue.finish(COMPANY, "olena", time.time())
    expect(olena.locator("[data-notice=chosen]")).to_contain_text("Віра has paused you:")
    looks(olena, "told-paused", "light")
    olena.keyboard.press("Alt+g")
    expect(olena.locator("[data-notice=chosen]")).to_have_count(0)


def hear(stage: Stage, **values: object) -> None:
    """Do what the matchmaker does with every listening."""
    with stage.store.session() as db:
        db.execute(update(Listening).values(**values))
    for login in ("vira", "olha", "olena"):
        stage.queue.tell(COMPANY, login)


def test_who_is_out_of_a_talk_is_told_why(stage: Stage, chromium: Browser) -> None:
    olena, desk = stage.visit(chromium), stage.ready(stage.visit(chromium), "vira")
    desk.keyboard.press("Alt+p")
    desk.get_by_role("dialog").get_by_role("button").nth(1).click()
    stage.at(desk, "paused")
    stage.ready(olena)
    ticket = stage.talk(olena)
    page = stage.tab(desk.context)
    page.goto(f"{stage.page}desk/supervisor/floor/")
    press(page, '#operators [data-key="olena"]', "Whisper")
    expect(page.get_by_role("button", name="Leave")).to_be_visible()
    hear(stage, heard_at=datetime.now(UTC), mode="whisper")
    expect(desk.locator(".own-listening")).to_contain_text("In the talk of Олена")
    desk.get_by_role("button", name="Off duty").click()
    expect(desk.locator(".notices")).to_contain_text("Leave your colleague's talk first")
    stage.queue.dropped(ticket.id, time.time())
    hear(stage, ended_at=datetime.now(UTC), why="talk")
    for each in (page.locator("#said"), desk.locator(".notices")):
        expect(each).to_contain_text("The talk of Олена broke off and you are out of it")
    looks(desk, "told-left-desk", "light")
    looks(page, "told-left-floor", "light")
