"""The desk's page in a real Chromium: every state, by keyboard, without barriers, three languages.

The server, its store and its queue are real; the exchange is `memory_exchange.js`, so that a test
says what Asterisk would do. Talks over a real Asterisk are in the other modules.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from desk_stage import COMPANY, Stage
from looks import barriers
from playwright.sync_api import Browser, Dialog, Page, expect
from running import until
from sqlalchemy import select

from ivr.store.models import Audit, Callback, Conversation, Draft, Reading, Ticket

pytestmark = pytest.mark.browser

LANGUAGES = ("uk-UA", "ru-RU", "en-GB")
SIZES = ((1366, 768), (1920, 1080))
KEYED = {"flow": "reading", "step": "enter", "reason": "misses", "account": "100200301"}

CUT_OFF = """() => {
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.closest(".unseen, svg, option")) continue;
    const name = `${element.tagName}.${element.className} ${element.textContent.slice(0, 40)}`;
    const { right, left } = element.getBoundingClientRect();
    if (right > innerWidth + 1 || left < -1) found.push(`outside: ${name}`);
    const texts = ["BUTTON", "DT", "DD", "LABEL", "TD", "TH", "P", "H2", "H3", "LI", "SMALL"];
    const { clientWidth, scrollWidth } = element;
    if (texts.includes(element.tagName) && clientWidth && scrollWidth > clientWidth + 1)
      found.push(`cut off: ${name}`);
  }
  return found;
}"""


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Page:
    """A desk in English whose operator is ready."""
    return stage.ready(stage.visit(chromium))


def done(page: Page) -> list[str]:
    """What was done to the last line."""
    found: list[str] = page.evaluate("exchange.lines.at(-1).done")
    return found


def rows(stage: Stage, table: type) -> list[Any]:
    with stage.office.store.session(read_only=True) as db:
        return list(db.scalars(select(table)))


def walk(stage: Stage, page: Page, look: Callable[[str], None]) -> None:
    """Go through every state and dialog of the desk, looking at each."""
    page.goto(stage.page + "desk/sign-in")
    look("sign-in")
    stage.sign_in(page)
    page.get_by_role("dialog").wait_for()
    look("headset check")
    page.context.clear_cookies(name="press2_desk")
    stage.ready(page)
    look("ready")
    page.keyboard.press("Alt+p")
    look("pauses")
    page.keyboard.press("Escape")
    ticket = stage.ring(
        page, number="+380671110002", priority="raised", context=KEYED | {"interrupted": True}
    )
    stage.at(page, "offer")
    look("offer")
    page.keyboard.press("F2")
    stage.picked_up(page)
    stage.answered(ticket)
    stage.at(page, "talk")
    look("talk")
    page.keyboard.press("Alt+k")
    look("keypad")
    page.keyboard.press("Alt+k")
    for tab in page.get_by_role("tab").all():
        tab.click()
        look(f"form {tab.get_attribute('data-form')}")
    page.keyboard.press("Alt+t")
    look("transfer")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+s")
    page.keyboard.type("Садова")
    page.locator("#accounts-found button").first.wait_for()
    look("accounts")
    page.keyboard.press("Escape")
    page.locator("#tab-other").focus()
    page.keyboard.press("?")
    look("keys")
    page.keyboard.press("Escape")
    page.keyboard.press("F4")
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    look("wrap-up")


# ---------------------------------------------------------------------- for everybody to use


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(stage: Stage, chromium: Browser, scheme: str) -> None:
    page = stage.visit(chromium, color_scheme=scheme, reduced_motion="reduce")
    found: list[str] = []
    walk(stage, page, lambda where: found.extend(f"{where}: {x}" for x in barriers(page)))
    assert found == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_off(
    stage: Stage, chromium: Browser, language: str, size: tuple[int, int]
) -> None:
    width, height = size
    page = stage.visit(chromium, locale=language, viewport={"width": width, "height": height})
    found: list[str] = []
    walk(stage, page, lambda where: found.extend(f"{where}: {x}" for x in page.evaluate(CUT_OFF)))
    assert found == []


def test_a_shift_by_keyboard_alone(stage: Stage, page: Page) -> None:
    ticket = stage.ring(page, context=KEYED)
    stage.at(page, "offer")
    expect(page.locator("#alarm")).to_contain_text("Incoming call: +380 67 111 00 01")
    page.keyboard.press("Enter")
    stage.picked_up(page)
    stage.answered(ticket)
    stage.at(page, "talk")
    page.keyboard.press("Alt+r")
    page.keyboard.type("02600")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="The caller agreed, store it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-reading .done")).to_contain_text("Number 1000")
    page.keyboard.press("F4")
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    expect(page.locator(".codes input").first).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("gave a reading")
    page.keyboard.press("Control+Enter")
    stage.at(page, "ready")
    (talk,) = rows(stage, Conversation)
    assert (talk.code, talk.note) == ("reading", "gave a reading")
    (reading,) = rows(stage, Reading)
    assert (reading.value, reading.channel) == ("02600", "desk")


def test_the_focus_goes_everywhere_and_is_never_trapped(page: Page) -> None:
    page.locator("body").focus()
    seen = []
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 90)"))
    assert 'href="#call"' in seen[0]
    assert len(set(seen)) > 15
    page.keyboard.press("Alt+a")
    expect(page.locator("#answers-query")).to_be_focused()
    page.keyboard.press("Alt+m")
    expect(page.locator("#tab-reading")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-outage")).to_be_focused()
    expect(page.locator("#panel-outage")).to_be_visible()


# ---------------------------------------------------------------------- an offer


def test_the_whole_context_is_there_before_hello(stage: Stage, page: Page) -> None:
    context = KEYED | {"account": "100200302", "proved": True, "tries": {}}
    stage.ring(page, number="+380671110002", language="ru", queue="metering", context=context)
    caller = page.locator("#caller")
    for text in (
        "+380 67 111 00 02", "number of several accounts", "identity proved", "Metering",
        "Russian", "could not manage the keys", "Submit a reading", "+380 48 705 90 90",
        "account 100200302", "Одеса, Садова 12", "00812771", "005210", "night", "002304",
    ):  # fmt: skip
        expect(caller).to_contain_text(text)
    expect(caller.get_by_role("button", name="100200302")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".face .big.answer")).to_be_visible()
    assert page.evaluate("exchange.lines.length") == 0


def test_a_priority_site_is_marked(stage: Stage, page: Page) -> None:
    stage.ring(page, number="+380487110009", priority="priority_site", queue="danger")
    expect(page.locator("#caller .mark")).to_have_text("PRIORITY SITE")
    expect(page.locator(".face .mark")).to_have_text("PRIORITY SITE")


def test_keys_typed_into_a_form_do_not_answer(stage: Stage, page: Page) -> None:
    page.keyboard.press("Alt+a")
    stage.ring(page)
    stage.at(page, "offer")
    page.keyboard.type("tariff?")
    page.keyboard.press("Enter")
    expect(page.locator("#answers-query")).to_have_value("tariff?")
    page.wait_for_timeout(300)
    assert page.evaluate("exchange.lines.length") == 0
    page.keyboard.press("F2")
    stage.picked_up(page)


def test_a_late_answer_is_refused_and_the_phone_stays_on_the_hook(stage: Stage, page: Page) -> None:
    ticket = stage.ring(page)
    stage.at(page, "offer")
    page.route("**/desk/events*", lambda route: route.abort())
    refusal = {"error": "too_late", "text": "It is too late for that"}
    page.route("**/desk/answer", lambda route: route.fulfill(status=409, json=refusal))
    page.keyboard.press("F2")
    expect(page.locator(".notices")).to_contain_text("It is too late for that")
    assert page.evaluate("exchange.lines.length") == 0
    assert stage.queue.ticket(ticket.id).state == "ringing"
    stage.forgive("409")


def test_a_server_out_of_reach_does_not_keep_the_caller_waiting(stage: Stage, page: Page) -> None:
    ticket = stage.ring(page)
    stage.at(page, "offer")
    page.route("**/desk/answer", lambda route: route.abort())
    page.keyboard.press("F2")
    assert until(lambda: page.evaluate("exchange.lines.length") == 1)
    stage.answered(ticket)
    stage.at(page, "talk")
    stage.forgive("ERR_FAILED")


def test_offers_are_answered_automatically_where_the_operator_wishes(
    stage: Stage, page: Page
) -> None:
    page.get_by_label("Answer automatically").check()
    stage.ring(page)
    stage.picked_up(page)
    assert until(lambda: page.evaluate("exchange.lines.length") == 1)
    page.reload()
    page.wait_for_selector("body:not([data-mode=loading])")
    expect(page.get_by_label("Answer automatically")).to_be_checked()


def test_a_declined_offer_goes_back(stage: Stage, page: Page) -> None:
    ticket = stage.ring(page)
    stage.at(page, "offer")
    page.get_by_role("button", name="I cannot answer").click()
    assert until(lambda: stage.queue.ticket(ticket.id).state == "waiting")


def test_a_talk_cut_off_by_a_reload_is_taken_back(stage: Stage, page: Page) -> None:
    warned: list[str] = []

    def accept(dialog: Dialog) -> None:
        warned.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    ticket = stage.talk(page)
    page.reload()
    assert warned == ["beforeunload"]
    stage.at(page, "talk")
    expect(page.locator(".face")).to_contain_text("No sound")
    stage.queue.dropped(ticket.id, time.time())
    stage.at(page, "broken")
    offer = stage.queue.returned(COMPANY, "olena", time.time())
    assert offer
    stage.queue.ring(offer.token, time.time())
    page.evaluate("(token) => exchange.ring(token)", offer.token)
    stage.picked_up(page)
    assert until(lambda: page.evaluate("exchange.lines.length") == 1)


# ---------------------------------------------------------------------- a talk


def test_mute_hold_and_keys(stage: Stage, page: Page) -> None:
    stage.talk(page)
    page.keyboard.press("F8")
    expect(page.get_by_role("button", name="Unmute")).to_be_visible()
    page.keyboard.press("F8")
    page.keyboard.press("F9")
    expect(page.locator(".face h2")).to_contain_text("On hold")
    page.keyboard.press("F9")
    expect(page.locator(".face h2")).to_contain_text("Talking")
    page.keyboard.press("Alt+k")
    page.keyboard.type("15#")
    expect(page.locator(".keyed")).to_have_text("15#")
    assert done(page) == ["muted", "unmuted", "held", "muted", "resumed", "unmuted", *"15#"]


def test_a_bad_line_is_told_and_is_followed_by_a_pause(stage: Stage, page: Page) -> None:
    ticket = stage.talk(page)
    expect(page.locator(".line")).to_contain_text("Line is good")
    page.evaluate("window.line = { loss: 0.3 }")
    expect(page.locator(".line")).to_contain_text("Line is poor")
    expect(page.locator(".notices")).to_contain_text("More than 10 %")
    page.keyboard.press("F4")
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    page.locator(".codes input[value=other]").check()
    page.keyboard.press("Control+Enter")
    stage.at(page, "paused")
    expect(page.locator(".status")).to_contain_text("Technical problem")
    (talk,) = rows(stage, Conversation)
    assert talk.quality["worst"]["loss"] > 10


def test_what_is_typed_is_kept_and_shown_to_the_next_one(stage: Stage, page: Page) -> None:
    ticket = stage.talk(page, context=KEYED)
    page.locator("#tab-complaint").click()
    page.locator("#complaint-text").fill("no light for three days")
    expect(page.locator(".saved")).to_have_text("draft saved")
    (draft,) = rows(stage, Draft)
    assert (draft.call, draft.form) == (ticket.id, "complaint")
    assert draft.values["text"] == "no light for three days"
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    stage.at(page, "talk")
    expect(page.locator("#complaint-text")).to_have_value("no light for three days")
    expect(page.locator("#tab-complaint")).to_have_attribute("aria-selected", "true")


def test_a_ticket_is_registered_once_what_is_missing_is_told(stage: Stage, page: Page) -> None:
    stage.talk(page)
    page.locator("#tab-outage").click()
    page.locator("#outage-danger").select_option("yes")
    expect(page.locator("#panel-outage .warn")).to_contain_text("Keep 8 metres away")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#outage-scope")).to_be_focused()
    expect(page.locator("#outage-scope-problem")).to_have_text("Fill this in")
    page.locator("#outage-scope").select_option("house")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#panel-outage .done")).to_contain_text("Tell the caller the number 1000")
    (ticket,) = rows(stage, Ticket)
    assert (ticket.type, ticket.priority) == ("outage", "danger")
    assert ticket.details["scope"] == "house"
    expect(page.locator("#caller")).to_contain_text("Open tickets")


def test_a_refused_reading_is_explained_and_only_a_supervisor_may_override(
    stage: Stage, page: Page, chromium: Browser
) -> None:
    stage.talk(page, context=KEYED)
    page.keyboard.press("Alt+r")
    page.keyboard.type("02034")
    expect(page.locator(".used")).to_have_text("-270 kWh")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-reading .refusal")).to_contain_text("Below the previous one")
    expect(page.locator("#panel-reading")).to_contain_text("A supervisor may")
    assert page.locator("#override-reason").count() == 0
    assert rows(stage, Reading) == []

    supervisor = stage.visit(chromium)
    stage.ready(supervisor, "vira")
    supervisor.keyboard.press("Alt+s")
    supervisor.keyboard.type("100200301")
    supervisor.locator("#accounts-found button").click()
    supervisor.keyboard.press("Alt+r")
    supervisor.keyboard.type("02034")
    supervisor.keyboard.press("Enter")
    supervisor.locator("#override-reason").fill("meter was changed")
    supervisor.get_by_role("button", name="Store it").click()
    expect(supervisor.locator("#panel-reading .done")).to_contain_text("Number 1000")
    assert [row.value for row in rows(stage, Reading)] == ["02034"]
    assert [row.who for row in rows(stage, Audit) if row.what == "override"] == ["vira"]


def test_wrap_up_wants_a_code_and_gives_more_time(stage: Stage, page: Page) -> None:
    ticket = stage.talk(page)
    page.keyboard.press("F4")
    assert done(page) == ["hung up"]
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#wrap-problem")).to_have_text("Choose what the talk was about")
    page.get_by_role("button", name="One more minute").click()
    expect(page.locator(".wrap-up .left")).to_contain_text("0:5")
    page.get_by_role("radio", name="Complaint").check()
    page.locator("#wrap-note").fill("angry")
    page.keyboard.press("Control+Enter")
    stage.at(page, "ready")


def test_a_note_outlives_a_wrap_up_that_runs_out(stage: Stage, page: Page) -> None:
    ticket = stage.talk(page)
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    page.get_by_role("radio", name="Complaint").check()
    page.locator("#wrap-note").fill("angry about")
    assert until(lambda: [row.note for row in rows(stage, Conversation)] == ["angry about"])
    page.reload()
    stage.at(page, "wrap_up")
    expect(page.locator("#wrap-note")).to_have_value("angry about")
    expect(page.get_by_role("radio", name="Complaint")).to_be_checked()
    page.locator("#wrap-note").fill("angry about the seal")
    stage.queue.finish("odesa", "olena", time.time())
    expect(page.locator(".wrap-up")).to_be_hidden()
    assert until(lambda: rows(stage, Conversation)[0].note == "angry about the seal")
    assert [row.code for row in rows(stage, Conversation)] == ["complaint"]


def test_a_colleague_is_asked_and_given_the_caller(
    stage: Stage, page: Page, chromium: Browser
) -> None:
    ticket = stage.talk(page)
    other = stage.visit(chromium)
    stage.ready(other, "iryna")
    page.keyboard.press("Alt+t")
    page.get_by_role("button", name="Ask first: Ірина").click()
    expect(page.locator(".second")).to_contain_text("Talking to Ірина")
    assert done(page) == ["held", "muted"]
    token = page.evaluate("exchange.calls[0].token")
    assert page.evaluate("exchange.calls[0].address") == "op-iryna"
    other.evaluate("(token) => exchange.ring(token, 'op-olena')", token)
    expect(other.locator(".face")).to_contain_text("A colleague calls")
    other.keyboard.press("F2")
    expect(other.locator(".face")).to_contain_text("Talking")
    page.get_by_role("button", name="Hand the caller over").click()
    stage.at(page, "wrap_up")
    stage.at(other, "talk")
    assert stage.queue.ticket(ticket.id).operator == "iryna"
    assert done(page)[-1] == "joined"


def test_a_call_back_is_promised_taken_back_and_listed(stage: Stage, page: Page) -> None:
    stage.talk(page)
    page.get_by_role("button", name="Promise a call-back").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Telephone number")).to_have_value("+380671110001")
    dialog.get_by_role("button", name="Promise a call-back").click()
    expect(page.locator("#inbox")).to_contain_text("+380 67 111 00 01")
    expect(page.get_by_role("button", name="Call now: +380 67 111 00 01")).to_be_disabled()
    page.get_by_role("button", name="Cancel: +380 67 111 00 01").click()
    dialog.get_by_label("Reason").fill("changed his mind")
    page.keyboard.press("Enter")
    expect(page.locator("#inbox")).to_contain_text("Nobody to call back")
    (row,) = rows(stage, Callback)
    assert row.state == "cancelled"


def test_who_takes_over_a_caller_goes_on_with_the_draft(
    stage: Stage, page: Page, chromium: Browser
) -> None:
    ticket = stage.talk(page, context=KEYED)
    page.keyboard.press("Alt+r")
    page.keyboard.type("02600")
    expect(page.locator(".saved")).to_have_text("draft saved")
    other = stage.visit(chromium)
    stage.ready(other, "iryna")
    page.keyboard.press("Alt+t")
    page.get_by_role("button", name="Transfer: Ірина").click()
    stage.at(other, "offer")
    token = stage.queue.ticket(ticket.id).token
    stage.queue.ring(token, time.time())
    other.evaluate("(token) => exchange.ring(token)", token)
    other.keyboard.press("F2")
    stage.picked_up(other)
    assert stage.queue.answered(token, time.time())
    stage.at(other, "talk")
    expect(other.locator("#panel-reading input")).to_have_value("02600")


def test_an_offer_closes_whatever_lies_over_the_caller(stage: Stage, page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keys of the desk")
    stage.ring(page)
    stage.at(page, "offer")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_signing_out_is_refused_in_a_talk_and_ends_the_shift_after_it(
    stage: Stage, page: Page
) -> None:
    ticket = stage.talk(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator(".notices")).to_contain_text("End the talk first")
    page.keyboard.press("F4")
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    page.locator(".codes input[value=other]").check()
    page.keyboard.press("Control+Enter")
    stage.at(page, "ready")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/desk/sign-in")
    assert stage.queue.operator(COMPANY, "olena").status == "offline"
    stage.forgive("409")


def test_recordings_are_for_supervisors(stage: Stage, page: Page, chromium: Browser) -> None:
    assert page.get_by_role("button", name="Recordings").count() == 0
    supervisor = stage.visit(chromium)
    stage.sign_in(supervisor, "vira")
    supervisor.keyboard.press("Escape")
    supervisor.get_by_role("button", name="Recordings").click()
    expect(supervisor.get_by_role("dialog")).to_contain_text("No recordings.")


# ---------------------------------------------------------------------- what breaks


def test_another_tab_takes_over(stage: Stage, page: Page) -> None:
    newer = stage.tab(page.context)
    newer.goto(stage.page + "desk/")
    stage.at(newer, "ready")
    expect(page.locator(".notices")).to_contain_text("opened in another tab")
    assert page.evaluate("exchange.stopped") is True
    page.get_by_role("button", name="Work here").click()
    stage.at(page, "ready")
    expect(newer.locator(".notices")).to_contain_text("opened in another tab")


def test_lost_events_are_told_and_come_back(stage: Stage, page: Page) -> None:
    page.context.set_offline(True)
    expect(page.locator(".notices")).to_contain_text("No connection to the server")
    page.context.set_offline(False)
    expect(page.locator("[data-notice=live]")).to_have_count(0)
    stage.ring(page)
    stage.at(page, "offer")
    stage.forgive("ERR_INTERNET_DISCONNECTED")


def test_a_lost_phone_is_told(page: Page) -> None:
    page.evaluate("exchange.listener.registration('lost')")
    expect(page.locator(".notices")).to_contain_text("The phone lost the exchange")
    page.evaluate("exchange.listener.registration('registered')")
    expect(page.locator("[data-notice=phone]")).to_have_count(0)


def test_a_microphone_that_goes_is_told_and_is_followed_by_a_pause(
    stage: Stage, page: Page
) -> None:
    ticket = stage.talk(page)
    page.evaluate("exchange.lines.at(-1).events.deaf()")
    expect(page.locator(".notices")).to_contain_text("The microphone is gone")
    page.keyboard.press("F4")
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    page.locator(".codes input[value=other]").check()
    page.keyboard.press("Control+Enter")
    stage.at(page, "paused")
    expect(page.locator("[data-notice=deaf]")).to_have_count(0)


def test_a_talk_ended_by_the_caller_frees_the_line(stage: Stage, page: Page) -> None:
    ticket = stage.talk(page)
    stage.ended(ticket)
    stage.at(page, "wrap_up")
    assert until(lambda: done(page) == ["hung up"])


def test_a_wrong_password_is_told(stage: Stage, chromium: Browser) -> None:
    page = stage.visit(chromium)
    page.goto(stage.page + "desk/sign-in")
    page.locator("#login").fill("olena")
    page.locator("#password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Login or password is wrong")
    expect(page.locator("#login")).to_have_value("olena")
    expect(page.locator("#password")).to_be_focused()
    stage.forgive("401")
