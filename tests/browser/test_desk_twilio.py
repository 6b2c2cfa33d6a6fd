"""The desk as a browser phone of Twilio, in a real Chromium.

Twilio's signalling is not to be had here: its SDK is `memory_twilio.js`, so that a test says what
Twilio would do. The real SDK is loaded as well, up to the connection that leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from desk_stage import Stage, open_stage
from playwright.sync_api import Browser, BrowserContext, Page, Route, WebSocketRoute, expect
from running import until

from ivr.channels.twilio.settings import NODE, TwilioSettings
from ivr.channels.twilio.tokens import access_token, identity

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
MEMORY = (HERE / "memory_twilio.js").read_text("utf-8")
SECRET = "s" * 32
TWILIO = TwilioSettings(
    account_sid="AC" + "0" * 32,
    auth_token="a" * 32,
    public_url="https://ivr.example.com",
    operators="client",
    api_key="SK" + "1" * 32,
    api_secret=SECRET,
)


@dataclass
class TwilioStage(Stage):
    """A running desk of a company without an Asterisk. told: what the matchmaker is told."""

    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def tab(self, context: BrowserContext) -> Page:
        page = super().tab(context)
        page.route("**/voice-sdk/twilio.min.js", memory)
        page.route("**/static/desk/exchange.js", lambda route: route.abort())
        return page

    def ring(self, page: Page, **fields: Any) -> Any:
        """Ring as Twilio does; `exchange` is what the other tests of the page call it."""
        ready(page)
        page.evaluate(
            "window.exchange = {ring: (token) => device.ring(token),"
            " get lines() { return device.calls.filter((call) => call.done.length); }}"
        )
        return super().ring(page, **({"node": NODE, "channel": "twilio"} | fields))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]


def memory(route: Route) -> None:
    """Answer with the SDK in memory."""
    route.fulfill(body=MEMORY, content_type="text/javascript")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[TwilioStage]:
    told: list[tuple[str, dict[str, str]]] = []
    with open_stage(
        tmp_path, TwilioStage, node=NODE,
        twilio_token=lambda endpoint, seconds: access_token(TWILIO, identity(endpoint), seconds),
        phone_report=lambda kind, **values: told.append((kind, values)),
    ) as stage:  # fmt: skip
        stage.told = told
        yield stage


@pytest.fixture
def page(stage: TwilioStage, chromium: Browser) -> Page:
    """A desk in English whose operator is ready."""
    return stage.ready(stage.visit(chromium))


def ready(page: Page) -> None:
    """Wait until the page's telephone is registered."""
    expect(page.locator(".line .lamp.registered")).to_be_visible()


def done(page: Page) -> list[str]:
    """What was done to the last call."""
    found: list[str] = page.evaluate("device.calls.at(-1).done")
    return found


def test_a_shift_without_an_asterisk(stage: TwilioStage, page: Page) -> None:
    ready(page)
    claims = jwt.decode(page.evaluate("device.token"), SECRET, algorithms=["HS256"])
    assert claims["grants"]["identity"] == "op_olena"
    assert until(lambda: stage.kinds()[-1:] == ["phone_found"])
    ticket = stage.talk(page)
    assert done(page) == ["accept"]
    page.keyboard.press("F8")
    page.keyboard.press("Alt+k")
    page.keyboard.press("5")
    page.keyboard.press("Alt+k")
    page.keyboard.press("F8")
    expect(page.locator(".line small")).to_contain_text("ms")
    page.keyboard.press("F4")
    assert done(page) == ["accept", "mute", "5", "unmute", "disconnect"]
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    page.locator(".codes input[value=other]").check()
    page.keyboard.press("Control+Enter")
    stage.at(page, "ready")


def test_an_offer_is_answered_by_itself_where_that_is_wished(
    stage: TwilioStage, page: Page
) -> None:
    page.locator("[data-focus=automatic]").check()
    stage.ring(page)
    assert until(lambda: done(page) == ["accept"])


def test_what_cannot_be_done_is_off_and_says_why(
    stage: TwilioStage, page: Page, chromium: Browser
) -> None:
    stage.talk(page)
    hold = page.locator("[data-focus=hold]")
    expect(hold).to_be_disabled()
    assert "cannot hold" in (hold.get_attribute("title") or "")
    page.keyboard.press("F9")
    expect(page.locator(".notices")).to_contain_text("Twilio's phone cannot hold")
    other = stage.visit(chromium)
    stage.ready(other, "iryna")
    page.keyboard.press("Alt+t")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("calls no colleagues")
    expect(page.get_by_role("button", name="Ask first: Ірина")).to_be_disabled()
    page.get_by_role("button", name="Transfer: Ірина").click()
    expect(page.locator(".notices")).to_contain_text("The caller was transferred")
    stage.at(page, "wrap_up")
    stage.at(other, "offer")


def test_the_check_goes_without_an_echo(stage: TwilioStage, chromium: Browser) -> None:
    page = stage.visit(chromium)
    stage.sign_in(page)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("takes callers' calls only")
    expect(dialog).to_contain_text("Phone is ready")
    expect(dialog.get_by_role("button", name="Call the exchange")).to_have_count(0)
    dialog.get_by_role("button", name="Record 5 seconds").click()
    expect(dialog).to_contain_text("You can be heard", timeout=30_000)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Alt+g")
    stage.at(page, "ready")


def test_a_lost_telephone_is_told_and_comes_back(stage: TwilioStage, page: Page) -> None:
    ready(page)
    assert until(lambda: stage.kinds()[-1:] == ["phone_found"])
    page.evaluate("device.register = async () => {}; device.become('unregistered')")
    expect(page.locator("[data-notice=phone]")).to_be_visible()
    assert until(lambda: stage.kinds()[-1:] == ["phone_lost"])
    page.evaluate("device.become('registered')")
    expect(page.locator("[data-notice=phone]")).to_have_count(0)
    assert until(lambda: stage.kinds()[-1:] == ["phone_found"])


def test_a_page_that_is_closed_tells_of_it(stage: TwilioStage, page: Page) -> None:
    ready(page)
    ticket = stage.talk(page)
    stage.told.clear()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    stage.at(page, "talk")
    assert stage.kinds()[:2] == ["phone_lost", "dropped"]
    assert stage.told[1] == ("dropped", {"ticket": ticket.id})
    ready(page)
    assert until(lambda: stage.kinds()[-1:] == ["phone_found"])


def test_another_tab_takes_over(stage: TwilioStage, page: Page) -> None:
    newer = stage.tab(page.context)
    newer.goto(stage.page + "desk/")
    stage.at(newer, "ready")
    expect(page.locator(".notices")).to_contain_text("opened in another tab")
    assert page.evaluate("device.state") == "destroyed"
    ready(newer)


# ---------------------------------------------------------------------- the real SDK


def real(stage: TwilioStage, browser: Browser) -> Page:
    """Open a page with the real SDK that counts breaches of the page's policy."""
    page = stage.visit(browser)
    page.unroute("**/voice-sdk/twilio.min.js")
    page.add_init_script(
        "window.breaches = []; addEventListener('securitypolicyviolation',"
        " (event) => breaches.push(`${event.violatedDirective} ${event.blockedURI}`));"
    )
    return page


def test_the_real_sdk_asks_twilio_with_the_token(stage: TwilioStage, chromium: Browser) -> None:
    page = real(stage, chromium)
    said: list[str] = []
    fetched: list[str] = []

    def twilio(route: WebSocketRoute) -> None:
        fetched.append(route.url)
        route.on_message(lambda message: said.append(str(message)))

    page.route_web_socket("wss://*.twilio.com/**", twilio)
    page.route("https://*.twilio.com/**", lambda route: fetched.append(route.request.url))
    stage.sign_in(page)
    assert until(lambda: (page.wait_for_timeout(50), any('"listen"' in s for s in said))[1], 20)
    assert page.evaluate("Twilio.Device.version") == "2.18.5"
    assert page.evaluate("Twilio.Device.isSupported")
    listen = next(text for text in said if '"listen"' in text)
    token = listen.split('"token":"')[1].split('"')[0]
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims["grants"] == {"identity": "op_olena", "voice": {"incoming": {"allow": True}}}
    assert fetched == ["wss://voice-js.roaming.twilio.com/signal"], "and nowhere else"


def test_the_policy_of_the_page_is_kept_by_the_real_sdk(
    stage: TwilioStage, launch: Callable[..., Browser]
) -> None:
    """The browser itself connects, to names that lead nowhere, so that the policy is asked."""
    nowhere = "--host-resolver-rules=MAP *.twilio.com ~NOTFOUND, MAP example.com ~NOTFOUND"
    page = real(stage, launch(*MICROPHONE, nowhere))
    with page.expect_event("websocket") as first:
        stage.sign_in(page)
    assert first.value.url == "wss://voice-js.roaming.twilio.com/signal"
    page.evaluate("new WebSocket('wss://voice-js.ashburn.twilio.com/signal')")
    page.evaluate("fetch('https://eventgw.twilio.com/v4/EndpointEvents').catch(() => {})")
    assert page.evaluate("breaches") == []
    page.evaluate("new WebSocket('wss://example.com')")
    assert until(lambda: page.evaluate("breaches") == ["connect-src wss://example.com/"])
    stage.complaints.clear()  # the browser's and the SDK's own lines about names not found
