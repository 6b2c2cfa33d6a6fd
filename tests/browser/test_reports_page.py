"""The page of reports in a real Chromium: figures, charts, ranges, files; without barriers."""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from desk_stage import COMPANY, Stage
from looks import looks, shoot
from playwright.sync_api import Browser, Page, expect

from agent_desk.supervisor import reports
from ivr.facts.model import TOPICS
from ivr.store.facts import CallFact, VisitFact
from ivr.store.models import Audit

pytestmark = pytest.mark.browser

QUEUES = ("general", "outage", "metering")


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Page:
    """The page of a supervisor over forty days of calls."""
    reports.forget()
    fill(stage)
    page = stage.admit(chromium)
    page.goto(stage.page + "desk/supervisor/reports/?language=en")
    expect(page.locator("body")).to_have_attribute("data-ready", "yes")
    return page


def fill(stage: Stage) -> None:
    """Forty days of calls until now: 30 offered a day, and as many that needed nobody."""
    chance = random.Random(3)
    zone = stage.office.companies[COMPANY].zone
    now = stage.office.now()
    with stage.office.store.session() as db:
        for number in range(1200):
            at = (now - timedelta(minutes=48 * number + 1)).astimezone(UTC)
            half = at.replace(second=0, microsecond=0) - timedelta(minutes=at.minute % 30)
            days = {"day": at.astimezone(zone).date(), "interval": half, "company": COMPANY}
            answered = chance.random() < 0.9
            waited = round(chance.expovariate(1 / 20), 2)
            db.add(
                VisitFact(
                    call=f"c{number}", number=1, queue=chance.choice(QUEUES), language="uk",
                    entered=at, outcome="answered" if answered else "abandoned",
                    waited=waited if answered else None, left=None if answered else waited, **days,
                )
            )  # fmt: skip
            for name, served in ((f"c{number}", answered), (f"a{number}", False)):
                db.add(
                    CallFact(
                        call=name, began=at, ended=at + timedelta(minutes=3), language="uk",
                        channel="agi", topic=chance.choice(TOPICS), served=served,
                        automatic=not served, ended_by="caller", why="caller_in_talk", **days,
                    )
                )  # fmt: skip


def ready(page: Page, title: str) -> None:
    expect(page.locator("#answer h2")).to_have_text(title)
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")


def column(page: Page, table: str, heading: str) -> list[str]:
    rows = page.locator(f"#table-{table} tr").all()
    headings = rows[0].locator("th").all_inner_texts()
    return [row.locator("td").nth(headings.index(heading)).inner_text() for row in rows[1:]]


def test_a_report_is_chosen_seen_and_taken_along(stage: Stage, page: Page) -> None:
    ready(page, "Service level")
    page.get_by_role("button", name="7 days").click()
    ready(page, "Service level")
    expect(page.locator("#table-service canvas")).to_be_visible()
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    offered = [int(each) for each in column(page, "service", "Offered")]
    assert offered[-1] == sum(offered[:-1])
    assert offered[-1] > 180
    looks(page, "reports-service", "light")

    page.locator("#by").select_option("day")
    expect(page.locator("#table-service th").first).to_have_text("Day")
    assert len(column(page, "service", "Day")) == 8
    expect(page.locator("#table-service")).to_contain_text(
        "answered by an operator within 30 s of the entry into the queue / all offered to a queue"
    )
    shoot(page, "reports-by-day")

    with page.expect_download() as taken:
        page.locator("#table-service h3 a").click()
    listed = list(csv.reader(io.StringIO(Path(taken.value.path()).read_text("utf-8-sig"))))
    assert [row[0] for row in listed[1:]] == column(page, "service", "Day")
    assert listed[-1][1] == str(offered[-1])
    with page.expect_download() as taken:
        page.locator(".take a").filter(has_text="XLSX").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"PK")
    with stage.office.store.session(read_only=True) as db:
        rows = [row for row in db.query(Audit) if row.what == "report"]
    assert [(row.who, row.details["format"]) for row in rows] == [("vira", "csv"), ("vira", "xlsx")]

    page.reload()
    ready(page, "Service level")
    expect(page.locator("#table-service th").first).to_have_text("Day")
    assert page.locator("#by").input_value() == "day"


def test_every_report_shows(stage: Stage, page: Page) -> None:
    ready(page, "Service level")
    page.get_by_role("button", name="This year").click()
    for each in page.locator("#name option").all():
        page.locator("#name").select_option(each.get_attribute("value"))
        ready(page, each.inner_text())
        expect(page.locator("#said")).to_be_empty()
        shoot(page, f"reports-{each.get_attribute('value')}")
    page.locator("#name").select_option("automatic")
    ready(page, "Handled automatically and by operators")
    looks(page, "reports", "dark")


def test_no_data_and_a_wrong_order_in_clear_words(stage: Stage, page: Page) -> None:
    ready(page, "Service level")
    page.locator("#from").fill("2020-01-01")
    page.locator("#to").fill("2020-12-31")
    page.locator("#count").click()
    expect(page.locator(".nothing")).to_have_text(
        "No data from 2020-01-01 to 2020-12-31: there is nothing to count."
    )
    assert set(column(page, "service", "Service level")) == {"no calls"}
    shoot(page, "reports-nothing")
    page.locator("#to").fill("2019-12-31")
    page.locator("#count").click()
    expect(page.locator("#said")).to_have_text(
        "2020-01-01 is after 2019-12-31: the earlier day comes first"
    )
    stage.forgive("400")
