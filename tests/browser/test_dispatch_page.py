"""The dispatcher's page in a real Chromium: a proposal, a storm, its end; without barriers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk_stage import COMPANY, Stage
from looks import looks, shoot, unworded
from playwright.sync_api import Page, expect
from sqlalchemy import select

from ivr.services import priority
from ivr.store.models import Audit
from ivr.store.supply import OutageArea, OutageEvent, Storm, Subscription, SuspectedEvent
from ivr.storm import records
from ivr.storm.rules import Measured

pytestmark = pytest.mark.browser


def fill(stage: Stage) -> None:
    """A proposal, a big event with old data, a suspected one, a priority call."""
    now = stage.office.now()
    company = stage.office.companies[COMPANY]
    measured = Measured(212, 38.5, 1260.0, "outage", {"E9": 9000})
    with stage.office.store.session() as db:
        reasons = ("arrivals", "wait", "customers")
        records.propose(db, company, now, reasons, measured, frozenset({"E9"}))
        event = OutageEvent(
            company=COMPANY, number="E9", kind="emergency", cause="storm",
            since=now - timedelta(hours=2), restore_by=now + timedelta(hours=5), customers=9000,
            updated_at=now - timedelta(minutes=50),
            areas=[OutageArea(company=COMPANY, settlement="Одеса", street="Шевченка")],
        )  # fmt: skip
        suspected = SuspectedEvent(
            company=COMPANY, settlement="Одеса", street="Балківська",
            first_at=now - timedelta(minutes=12), last_at=now - timedelta(minutes=1), reports=4,
        )  # fmt: skip
        db.add_all([event, suspected])
        db.flush()
        db.add(
            Subscription(
                company=COMPANY, event_id=event.id, number="+380671110001", language="uk",
                call="c1", key="k1", created_at=now,
            )
        )  # fmt: skip
        priority.alert(
            db, company, "c2", now, number="+380671110004", account=None, why="queue",
            queue="outage",
        )  # fmt: skip


def test_a_storm_from_the_proposal_to_its_end(stage: Stage, page: Page) -> None:
    fill(stage)
    page.goto(stage.page + "desk/")
    link = page.get_by_role("link", name="Dispatcher")
    assert link.get_attribute("href") == "/desk/dispatch/"
    page.goto(stage.page + "desk/dispatch/")

    storm = page.locator("#storm")
    expect(storm.locator(".big-state")).to_have_text("proposed")
    expect(storm.get_by_role("row", name="Calls in 5 min")).to_contain_text("212 (usual 38.5)")
    expect(page.locator("#alerts li")).to_have_count(1)
    expect(page.locator("#events tbody tr")).to_contain_text("old: the time is not told")
    looks(page, "proposed")

    page.get_by_label("Hours, then off by itself").fill("2")
    page.get_by_label("What callers hear").select_option("storm_weather")
    page.get_by_role("button", name="Switch storm mode on").click()
    expect(storm.locator(".big-state")).to_have_text("on")
    expect(page.locator("#counts dt").first).to_be_visible()
    with stage.office.store.session(read_only=True) as db:
        row = db.scalars(select(Storm)).one()
    assert (row.state, row.started_by, row.rules["message"]) == ("on", "vira", "storm_weather")
    assert row.until is not None and row.started_at is not None
    assert row.until - row.started_at == timedelta(hours=2)

    page.get_by_role("button", name="Confirm…").click()
    page.get_by_label("How many customers").fill("120")
    looks(page, "on", "dark")
    page.get_by_role("button", name="Confirm the outage").click()
    expect(page.locator("#events tbody tr")).to_have_count(2)
    expect(page.locator("#suspected li")).to_have_count(0)

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Power is back, E9").click()
    expect(page.locator("#events tbody tr")).to_have_count(1)
    page.get_by_role("button", name="End the storm").click()
    expect(storm.locator(".big-state")).to_have_text("off")
    shoot(page, "off-light")

    page.get_by_role("button", name="Undo: ended").click()
    expect(storm.locator(".big-state")).to_have_text("on")
    expect(page.locator("#history li").nth(1)).to_contain_text("undone by")
    looks(page, "undone", "light")
    page.get_by_role("button", name="End the storm").click()
    expect(storm.locator(".big-state")).to_have_text("off")
    with stage.office.store.session(read_only=True) as db:
        done = db.scalars(select(Audit.what).where(Audit.who == "vira").order_by(Audit.id)).all()
    wanted = ["storm_on", "suspected_confirm", "event_close", "storm_off", "storm_off", "storm_off"]
    assert [what for what in done if what in wanted] == wanted


def test_every_word_is_there_in_every_language(stage: Stage, page: Page) -> None:
    fill(stage)
    for language in ("uk", "ru"):
        page.goto(f"{stage.page}desk/dispatch/?language={language}")
        expect(page.locator("#history li")).to_have_count(1)
        assert unworded(page, "storm_", "dispatch_") == []
        looks(page, f"language-{language}", "light")
