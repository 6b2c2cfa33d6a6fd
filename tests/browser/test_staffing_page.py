"""The page staffing in a real Chromium: a plan, its chart and table, a what-if side by side."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk_stage import COMPANY, Stage
from looks import looks
from made_days import busy_house, calls, keep, plain, put
from playwright.sync_api import Page, expect

from ivr.staffing.calendar import Calendar
from ivr.staffing.replay import live

pytestmark = pytest.mark.browser

PROFILE = [1, 1, 1, 1, 1, 1, 2, 4, 9, 12, 13, 12, 11, 11, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
"""Calls of each half hour, by the hour."""


def fill(stage: Stage) -> None:
    """Five weeks of calls; yesterday was a busy day."""
    company = stage.office.companies[COMPANY]
    today = stage.office.now().astimezone(company.zone).date()
    calendar = Calendar(company)
    for back in range(2, 36):
        day = today - timedelta(days=back)
        level = {"monday": 1.3, "weekend": 0.6}.get(calendar.kind(day), 1.0)
        clocks = [calendar.clock(moment) for moment in calendar.half_hours(day)]
        counts = [round(level * PROFILE[int(clock[:2])]) for clock in clocks]
        put(stage.office.store, calls(company, day, counts))
    made = busy_house(company, today - timedelta(days=1), calls=400)
    keep(stage.office.store, company, made, live(made, plain(dict(company.queues)), 1))


def test_a_plan_and_a_what_if(stage: Stage, page: Page) -> None:
    fill(stage)
    page.goto(stage.page + "desk/supervisor/staffing/")
    page.wait_for_selector("body[data-ready]")
    stands = page.locator("#stands")
    expect(stands).to_contain_text("of 8 days")
    most = int(page.locator("[data-sum=most]").inner_text())
    assert most >= 2

    page.get_by_label("Time of a call, s").first.fill("600")
    page.get_by_role("button", name="Calculate").click()
    expect(stands).to_contain_text("Calculated with 600 s a call")
    assert int(page.locator("[data-sum=most]").inner_text()) > most
    page.locator("#slots summary").click()
    rows = page.locator("#slots tbody tr").count()
    assert rows in (46, 48, 50)
    assert page.evaluate("Chart.getChart('chart').data.datasets[0].data.length") == rows
    page.locator("#scores summary").click()
    expect(page.locator("#scores tbody tr").last).to_contain_text("all days")

    page.get_by_label("Operators more or fewer").fill("-3")
    page.get_by_label("Runs").fill("3")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#running")).to_be_visible()
    level = page.locator("[data-figure='.level'] td")
    expect(level).to_have_count(4, timeout=60_000)
    expect(page.locator("#running")).to_be_hidden()
    true, was, changed, _ = (text.split("%")[0] for text in level.all_inner_texts())
    assert float(was) == pytest.approx(float(true), abs=5)
    assert float(changed) < float(was)
    expect(level.last).to_have_class("worse")
    looks(page, "staffing")


def test_an_empty_log_and_a_day_without_calls_are_said(stage: Stage, page: Page) -> None:
    page.goto(stage.page + "desk/supervisor/staffing/")
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#said")).to_have_text(
        "The log is empty yet: there is nothing to forecast from"
    )
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("nobody called, or nobody was there")
    stage.forgive("status of 4")
