"""The start page in a real Chromium, against a real Asterisk, down to the stored reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from running import Press2, until

pytestmark = pytest.mark.browser

PACKETS = """async () => {
  const reports = [...(await connections.at(-1).getStats()).values()];
  const sum = (type, key) => reports.filter((r) => r.type === type).reduce((n, r) => n + r[key], 0);
  return [sum("inbound-rtp", "packetsReceived"), sum("outbound-rtp", "packetsSent")];
}"""

KEYS = {
    "main.menu": "2",
    "reading.window_closed": "1",
    "by_keys.enter": "100200301#",
    "by_keys.read_back": "1",
    "reading.enter": "02500#",
    "reading.read_back_private": "1",
    "reading.another": "2",
}
"""What the caller presses at each question; the window question comes on some days only."""


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What a page complains about; a test must leave it empty."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def page(chromium: Browser, press2: Press2, complaints: list[str]) -> Iterator[Page]:
    """The start page in English."""
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on(
        "console",
        lambda message: message.type == "error" and complaints.append(message.text),
    )
    page.add_init_script(path=Path(__file__).parent / "watch_connections.js")
    page.goto(press2.page)
    yield page
    context.close()


def state(page: Page, name: str) -> None:
    expect(page.locator(".phone")).to_have_attribute("data-state", name)


def press(page: Page, keys: str) -> None:
    """Press keys in turn by mouse and by keyboard."""
    for place, key in enumerate(keys):
        if place % 2:
            page.locator(f'[data-key="{key}"]').click()
        else:
            page.keyboard.press(key)


def packets(page: Page) -> tuple[int, int]:
    """(received, sent) of the call."""
    received, sent = page.evaluate(PACKETS)
    return received, sent


def next_question(press2: Press2, asked: int) -> str:
    """Return the question after those that were asked before."""
    assert until(lambda: len(press2.questions()) > asked), press2.log()[-2000:]
    return press2.questions()[asked]


def test_a_reading_is_given_from_the_page(page: Page, press2: Press2) -> None:
    asked = len(press2.questions())
    page.get_by_role("button", name="Call", exact=True).click()
    state(page, "talking")
    step, keyed = "", ""
    while step != "reading.another":
        step = next_question(press2, asked)
        press(page, KEYS[step])
        keyed += KEYS[step]
        asked += 1
        expect(page.locator(".keyed")).to_have_text(keyed)
    assert min(packets(page)) > 20
    state(page, "ended")
    assert press2.readings() == ["02500"]


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.locator("body").press("1")
    expect(page.locator(".keyed")).to_have_text("")
    page.keyboard.press("Enter")
    state(page, "talking")
    before = packets(page)
    assert until(lambda: packets(page)[0] > before[0] and packets(page)[1] > before[1])
    page.keyboard.press("*")
    page.keyboard.press("x")
    page.keyboard.press("9")
    expect(page.locator(".keyed")).to_have_text("*9")
    page.keyboard.press("Escape")
    state(page, "ended")
    expect(page.get_by_role("button", name="Call", exact=True)).to_be_focused()


def test_a_call_can_be_given_up_while_it_connects(page: Page) -> None:
    page.get_by_role("button", name="Call", exact=True).click()
    page.keyboard.press("Escape")
    state(page, "ended")
    page.keyboard.press("Enter")
    state(page, "talking")
    page.get_by_role("button", name="Hang up").click()
    state(page, "ended")


def test_without_a_microphone_the_keys_still_work(
    launch: Callable[..., Browser], press2: Press2
) -> None:
    asked = len(press2.questions())
    page = launch("--deny-permission-prompts").new_page(locale="en-GB")
    page.goto(press2.page)
    page.get_by_role("button", name="Call", exact=True).click()
    state(page, "talking")
    expect(page.get_by_role("status")).to_contain_text("No microphone")
    assert next_question(press2, asked) == "main.menu"
    press(page, "2")
    assert next_question(press2, asked + 1).startswith(("reading.", "by_keys."))
    page.get_by_role("button", name="Hang up").click()
    state(page, "ended")


def test_it_shows_which_parts_are_alive(page: Page) -> None:
    for part in ("asterisk", "workers", "redis", "store", "page"):
        expect(page.locator(f'[data-part="{part}"]')).to_have_attribute("data-up", "all")
    expect(page.locator('[data-part="workers"]')).to_contain_text("2 of 2")


def test_it_speaks_the_language_of_the_browser_until_another_is_chosen(
    chromium: Browser, press2: Press2
) -> None:
    page = chromium.new_context(locale="uk-UA").new_page()
    page.goto(press2.page)
    expect(page.get_by_role("button", name="Подзвонити")).to_be_visible()
    page.get_by_role("link", name="Русский").click()
    expect(page.get_by_role("button", name="Позвонить")).to_be_visible()
    page.goto(press2.page)
    expect(page.get_by_role("button", name="Позвонить")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ru")


def test_it_fits_a_telephone(chromium: Browser, press2: Press2) -> None:
    page = chromium.new_context(locale="uk-UA", viewport={"width": 360, "height": 740}).new_page()
    page.goto(press2.page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_button_has_a_name(page: Page) -> None:
    for name in (*"0123456789", "star", "hash", "Call"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1, name
    assert page.get_by_label("Whom to call").count() == 1


def test_the_exchange_that_is_gone_is_named(chromium: Browser, start: Callable[[], Press2]) -> None:
    own = start()
    page = chromium.new_context(locale="en-GB").new_page()
    page.goto(own.page)
    expect(page.locator('[data-part="page"]')).to_have_attribute("data-up", "all")
    own.stop()
    page.get_by_role("button", name="Call", exact=True).click()
    state(page, "failed")
    expect(page.get_by_role("status")).to_contain_text("does not answer")
    expect(page.locator('[data-part="page"]')).to_have_attribute("data-up", "none")
