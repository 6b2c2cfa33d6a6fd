"""A supervisor signs an operator out who is in a talk: his page in Chromium, up to the form."""

from __future__ import annotations

import time

import pytest
from desk_stage import COMPANY, Stage
from looks import looks
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser

STOPPED = """() => {
  const stop = exchange.stop.bind(exchange);
  exchange.stop = () => { localStorage.setItem("stopped", "yes"); stop(); };
}"""


def test_the_talk_ends_then_the_sign_in(stage: Stage, chromium: Browser) -> None:
    olena = stage.ready(stage.visit(chromium))
    vira = stage.admit(chromium)
    ticket = stage.talk(olena)
    olena.evaluate(STOPPED)
    vira.goto(f"{stage.page}desk/supervisor/floor/")
    vira.locator('#operators [data-key="olena"] .steer').click()
    vira.get_by_role("button", name="Log out").click()
    expect(vira.locator("#done .did").first).to_contain_text("Олена: logged out")
    expect(olena.get_by_text("your sign-in ends after this talk")).to_be_visible()
    expect(olena.locator("body[data-mode=talk]")).to_be_visible()

    stage.ended(ticket)
    stage.at(olena, "wrap_up")
    stage.queue.finish(COMPANY, "olena", time.time())
    olena.wait_for_url("**/desk/sign-in")
    expect(olena.locator("#signed-out")).to_contain_text("A supervisor (Віра) signed you out at")
    assert olena.evaluate("localStorage.getItem('stopped')") == "yes"
    looks(olena, "signed-out")

    olena.locator("#login").fill("olena")
    olena.locator("#password").fill(stage.passwords["olena"])
    olena.keyboard.press("Enter")
    olena.wait_for_url("**/desk/")
    stage.at(olena, "offline")
