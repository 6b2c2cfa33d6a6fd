"""Call-backs that are pressing or late, as an operator sees them in a real Chromium."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk_stage import COMPANY, SCREEN, Stage
from looks import barriers, shoot
from playwright.sync_api import Browser, expect

from ivr.store.models import Callback
from ivr.store.supply import CallbackClock

pytestmark = pytest.mark.browser


def test_red_and_late_are_marked(stage: Stage, chromium: Browser) -> None:
    now = stage.office.now()
    with stage.office.store.session() as db:
        for key, hours in ((1, 5.0), (2, 3.5), (3, 1.0)):
            asked = now - timedelta(hours=hours)
            row = Callback(
                company=COMPANY, number=f"+38067111000{key}", queue="connection", language="uk",
                call=f"c{key}", key=f"k{key}", entered_at=asked, created_at=asked, next_at=asked,
            )  # fmt: skip
            db.add(row)
            db.flush()
            times = {"red_at": asked + timedelta(hours=3), "due_at": asked + timedelta(hours=4)}
            db.add(CallbackClock(callback_id=row.id, company=COMPANY, since=asked, **times))
    page = stage.visit(chromium, viewport=SCREEN)
    stage.sign_in(page, "vira")
    page.keyboard.press("Escape")
    inbox = page.locator("#inbox")
    expect(inbox.locator("li")).to_have_count(3)
    expect(inbox.locator("li").nth(0).locator(".mark")).to_contain_text("late since")
    expect(inbox.locator("li").nth(1).locator(".mark")).to_contain_text("urgent, by")
    expect(inbox.locator("li").nth(2).locator(".mark")).to_be_hidden()
    expect(inbox.locator("h2")).to_contain_text("late: 1")
    assert barriers(page) == []
    shoot(page, "inbox")
