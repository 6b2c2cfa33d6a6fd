"""The pages floor and announcements in Chromium: two supervisors at once, undo, no barriers."""

from __future__ import annotations

import time

import pytest
from desk_stage import COMPANY, Stage
from looks import looks, shoot, spilled
from playwright.sync_api import Browser, Page, expect

from ivr.agent_queue.model import Operator, Ticket

pytestmark = pytest.mark.browser


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A desk with two supervisors."""
    stage.hire("olha", "Ольга")
    stage.forgive("409 (CONFLICT)")  # the page says refusals in words
    return stage


def opened(stage: Stage, chromium: Browser, login: str, name: str) -> Page:
    page = stage.admit(chromium, login)
    page.goto(f"{stage.page}desk/supervisor/{name}/")
    expect(page.locator("body[data-ready=yes]")).to_be_visible()
    return page


def fill(stage: Stage) -> None:
    """An evening of a storm: ten operators in every state, twenty callers."""
    queue, now = stage.queue, time.time()
    people = ["Олена", "Тарас", "Ірина", "Богдан", "Марта", "Надія", "Петро", "Роман", "Соломія"]
    for number, shown in enumerate(people):
        name = f"op{number}"
        skills = (
            {"outage": 5, "danger": 5, "general": 2}
            if number % 2
            else {"general": 4, "metering": 3}
        )
        operator = Operator(
            name, COMPANY, shown, skills, tab=f"tab-{number}", endpoint=f"op-{name}"
        )
        queue.sign_in(operator, now - 3600)
        if number not in (7, 8):
            queue.set_status(COMPANY, name, "ready", now - 1200 + number)
    queue.set_status(COMPANY, "op7", "paused", now - 700, reason="lunch")
    for number in range(22):
        wanted = ("outage", "general", "metering", "outage")[number % 4]
        since = now - 320 + number * 14
        ticket = Ticket(
            f"pbx1-{number}.1", COMPANY, wanted, since, number=f"+38067111{number:04d}",
            language="uk" if number % 3 else "ru",
        )  # fmt: skip
        queue.enter(ticket, since)
        for offer in queue.offers():
            queue.ring(offer.token, since + 2)
            queue.answered(offer.token, since + 6)
    queue.ended("pbx1-1.1", now - 8)
    queue.dropped("pbx1-0.1", now - 4)
    queue.raise_to("pbx1-18.1", "priority_site", now)


def test_two_supervisors_change_one_thing_and_the_second_is_told(
    stage: Stage, chromium: Browser
) -> None:
    fill(stage)
    vira = opened(stage, chromium, "vira", "floor")
    olha = opened(stage, chromium, "olha", "floor")
    for page in (vira, olha):
        page.locator('#operators [data-key="op0"] .steer').click()
        page.locator('#operators [data-key="op0"] [data-queue="business"]').select_option("5")
    olha.locator('#operators [data-key="op0"]').get_by_role("button", name="Change queues").click()
    expect(olha.locator("#said")).to_have_text("Done")
    vira.locator('#operators [data-key="op0"] [data-queue="business"]').select_option("1")
    vira.locator('#operators [data-key="op0"]').get_by_role("button", name="Change queues").click()
    expect(vira.locator("#said")).to_contain_text("Ольга has changed it meanwhile")
    known = stage.queue.operator(COMPANY, "op0")
    assert known is not None and known.skills["business"] == 5
    expect(vira.locator('#operators [data-key="op0"] .steering')).to_have_count(0)
    expect(vira.locator("#done .did")).to_have_count(1)
    vira.locator("#done").get_by_role("button", name="Undo").click()
    expect(vira.locator("#done .did")).to_have_count(2)
    known = stage.queue.operator(COMPANY, "op0")
    assert known is not None and "business" not in known.skills


def test_callers_and_operators_are_steered(stage: Stage, chromium: Browser) -> None:
    fill(stage)
    page = opened(stage, chromium, "vira", "floor")
    page.locator('#queues [data-queue="general"]').click()
    first = page.locator("#waiting > li").first
    call = first.get_attribute("data-key")
    assert call is not None
    first.locator(".steer").click()
    row = page.locator(f'#waiting [data-key="{call}"]')
    row.get_by_label("To queue").select_option("connection")
    row.get_by_role("button", name="Move", exact=True).click()
    expect(row).to_have_count(0)
    ticket = stage.queue.ticket(call)
    assert ticket is not None and ticket.queue == "connection"
    page.locator('#queues [data-queue="general"]').click()
    page.locator('#operators [data-key="op2"] .steer').click()
    page.locator('#operators [data-key="op2"]').get_by_label("Reason").select_option("technical")
    page.locator('#operators [data-key="op2"]').get_by_role("button", name="Pause").click()
    expect(page.locator("#done .did").first).to_contain_text("Ірина: Pause: Technical problem")
    page.locator(f'#waiting [data-key="{call}"] .steer').click()
    looks(page, "floor")
    page.locator('#operators [data-key="op3"] .steer').click()
    looks(page, "floor-operator")
    page.set_viewport_size({"width": 390, "height": 800})
    assert spilled(page) == []
    shoot(page, "floor-narrow")


def test_an_announcement_and_a_closed_day(stage: Stage, chromium: Browser) -> None:
    page = opened(stage, chromium, "vira", "announcements")
    page.get_by_label("Text, Ukrainian").fill("Через негоду бригади можуть затриматися.")
    page.get_by_label("Text, Russian").fill("Из-за непогоды бригады могут задержаться.")
    page.get_by_label("Text, English").fill("Цей текст не англійський")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#said")).to_contain_text("foreign letters")
    page.get_by_label("Text, English").fill("Because of the weather, crews may be late.")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator(".said-now.on")).to_contain_text("crews may be late")
    page.get_by_label("What", exact=True).select_option("office:center")
    page.get_by_role("button", name="Set").click()
    expect(page.locator(".days li")).to_have_count(0)  # no day was chosen
    today = page.locator("#day-of").get_attribute("min")
    page.get_by_label("Day", exact=True).fill(str(today))
    page.get_by_label("Closed all day").check()
    page.get_by_role("button", name="Set").click()
    expect(page.locator(".days li")).to_have_count(1)
    looks(page, "announcements")
    page.locator("#done .did", has_text="On:").get_by_role("button", name="Undo").click()
    expect(page.locator(".said-now")).to_have_count(0)
