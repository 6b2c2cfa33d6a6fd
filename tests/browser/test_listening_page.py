"""A supervisor on the floor and an operator at his desk: help, messages, who listens, and what each
of the three hears. Everything is real; who hears whom is measured by the tone each speaks with.
"""

from __future__ import annotations

import re

import pytest
from desk_house import CALLER, FIRST, SECOND, Desk, House, Telephone, talk
from playwright.sync_api import Page, expect
from running import until

pytestmark = pytest.mark.browser


class Floor:
    """The floor of a supervisor, in a tab beside her desk."""

    def __init__(self, house: House, desk: Desk) -> None:
        self.page: Page = desk.machine.tab(desk.page.context, house.mishaps)
        self.page.goto(f"{desk.origin}/desk/supervisor/floor/")
        self.page.locator("body[data-ready=yes]").wait_for()
        self.desk = desk

    def opened(self, login: str) -> Floor:
        """Open what can be done to an operator."""
        row = self.page.locator(f"#operators [data-key={login}]")
        row.locator(".steer").click()
        row.locator(".listening").wait_for()
        return self

    def press(self, mode: str) -> None:
        self.page.locator(f".listening [data-mode={mode}]").click()

    def shows(self, mode: str) -> None:
        """Wait until the listening is shown in a mode."""
        pressed = self.page.locator(f".listening [data-mode={mode}]")
        self.shot("waits")
        self.desk.shot("waits-desk")
        expect(pressed).to_have_attribute("aria-pressed", "true")

    def shot(self, name: str) -> None:
        Desk.shot(self, name)  # type: ignore[arg-type]


@pytest.fixture
def petro(house: House, caller: Telephone) -> Desk:
    """Petro talks to the caller."""
    return talk(house, caller, "petro")


@pytest.fixture
def floor(house: House, petro: Desk) -> Floor:
    """Olha, a supervisor, has her desk and the floor open; she talks to nobody."""
    return Floor(house, house.seated("olha"))


def listenings(house: House) -> list[tuple[str, str, str, str]]:
    rows = house.rows("select * from listenings order by id")
    return [(row["supervisor"], row["operator"], row["mode"], row["why"]) for row in rows]


def test_help_is_called_for_and_comes(house: House, petro: Desk, floor: Floor) -> None:
    petro.page.keyboard.press("Alt+h")
    ask = floor.page.locator("[data-help]")
    expect(ask).to_contain_text("Petro")
    expect(ask).to_contain_text("in a talk")
    expect(floor.page.locator(".help-card [role=alert]")).to_have_text("Petro asks for help")
    petro.page.locator("[name=help-note]").fill("<b>two</b> flats, one meter")
    petro.page.keyboard.press("Enter")
    expect(ask.locator("p").first).to_have_text("<b>two</b> flats, one meter")
    petro.shot("help-asked")
    floor.shot("help-on-the-floor")
    ask.get_by_role("button", name="I come").click()
    expect(petro.page.locator("#staff .asked")).to_have_attribute("data-taken", "Olha")
    expect(ask).to_contain_text("You come")
    petro.page.reload()
    petro.opened()
    expect(petro.page.locator("#staff .asked")).to_contain_text("Olha comes")
    petro.page.get_by_role("button", name="Thanks, done").click()
    expect(floor.page.locator("[data-help]")).to_have_count(0)
    expect(petro.page.locator("#staff .call-help")).to_be_visible()
    (row,) = house.rows("select * from help_requests order by id desc limit 1")
    assert (row["operator"], row["taken_by"], row["live"]) == ("petro", "olha", None)


def test_a_message_is_read(house: House, petro: Desk, floor: Floor) -> None:
    form = floor.page.locator(".message-form")
    form.locator("[name=text]").fill("Storm: <script>alert(1)</script>")
    form.locator("[name=minutes]").fill("15")
    form.get_by_role("button", name="Send").click()
    notice = petro.page.locator("[data-notice^=message-]")
    expect(notice).to_contain_text("Storm: <script>alert(1)</script>")
    expect(notice).to_contain_text("Olha")
    sent = floor.page.locator("[data-message]")
    expect(sent).to_contain_text("Nobody has seen it yet")
    petro.shot("message")
    floor.shot("message-on-the-floor")
    notice.get_by_role("button", name="Seen").click()
    expect(notice).to_have_count(0)
    expect(sent.locator(".seen-by")).to_contain_text("Petro")
    sent.get_by_role("button", name="Withdraw").click()
    expect(sent).to_have_count(0)


def test_listen_whisper_barge_and_take_over(
    house: House, caller: Telephone, petro: Desk, floor: Floor
) -> None:
    olha = floor.desk
    floor.opened("petro").press("listen")
    floor.shows("listen")
    assert olha.hears(CALLER)
    assert olha.hears(SECOND)
    assert caller.silent(FIRST)
    assert petro.silent(FIRST)
    expect(petro.page.locator(".listeners")).to_have_text("Olha listens")
    expect(olha.page.locator(".own-listening")).to_contain_text("In the talk of Petro")
    olha.shot("listening-desk")
    petro.shot("listened-to")
    floor.shot("listening-floor")

    floor.press("whisper")
    floor.shows("whisper")
    assert petro.hears(FIRST)
    assert caller.silent(FIRST)
    expect(petro.page.locator(".listeners")).to_have_text("Olha whispers")

    olha.page.locator(".own-listening [data-mode=barge]").click()
    floor.shows("barge")
    assert caller.hears(FIRST)
    assert petro.hears(FIRST)
    expect(petro.page.locator(".listeners")).to_have_text("Olha is in the talk")

    floor.press("take")
    floor.page.get_by_role("button", name="Once more").click()
    petro.becomes("wrap_up")
    olha.becomes("talk")
    assert caller.hears(FIRST)
    assert caller.silent(SECOND)
    assert olha.hears(CALLER)
    assert listenings(house)[-1] == ("olha", "petro", "take", "taken")
    taken = petro.page.locator("[data-notice=taken]")
    expect(taken).to_contain_text("Olha has taken your caller over")
    petro.shot("taken-from")
    olha.shot("taken-over")
    petro.finish()
    olha.hang_up().finish()
    assert until(lambda: len(house.conversations(caller.call)) == 2)
    first, second = house.conversations(caller.call)
    assert (first["operator"], second["operator"]) == ("petro", "olha")
    assert (house.press2.var / "recordings" / second["recording"]).stat().st_size > 4000
    states = [event["state"] for event in house.events(caller.call, "listened")]
    assert until(lambda: len(house.events(caller.call, "listened")) == 4), states
    audited = house.rows("select what from audit where call = ? order by id", caller.call)
    wanted = ["listen", "listen_mode", "listen_mode", "listen_mode", "listen_end"]
    assert [row["what"] for row in audited if row["what"].startswith("listen")] == wanted


def test_a_supervisor_whose_browser_dies_disturbs_nobody(
    house: House, caller: Telephone, petro: Desk, floor: Floor
) -> None:
    olha = floor.desk
    floor.opened("petro").press("barge")
    floor.shows("barge")
    assert caller.hears(FIRST)
    olha.crash()
    assert until(lambda: listenings(house)[-1][3] == "lost", 20), listenings(house)
    assert caller.silent(FIRST)
    assert caller.hears(SECOND)
    assert petro.hears(CALLER)
    expect(petro.page.locator(".listeners")).to_have_count(0)
    assert petro.mode == "talk"


def test_who_leaves_goes_back_to_what_she_did(
    house: House, caller: Telephone, petro: Desk, floor: Floor
) -> None:
    olha = floor.desk
    olha.ready()
    floor.opened("petro").press("listen")
    floor.shows("listen")
    assert olha.operator()["reason"] == "listening"
    expect(olha.page.locator("#staff .own-listening")).to_be_visible()
    olha.page.keyboard.press("F4")
    assert until(lambda: listenings(house)[-1][3] == "supervisor"), listenings(house)
    olha.becomes("ready")
    assert petro.mode == "talk"
    expect(floor.page.locator(".listening [data-mode=listen]")).to_have_class(re.compile("^small$"))
