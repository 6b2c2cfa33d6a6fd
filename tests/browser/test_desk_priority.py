"""The desk's page for callers who come first: the mark, what the register says, raising one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from desk_stage import COMPANY, Stage
from looks import barriers, shoot
from playwright.sync_api import Browser, Page, expect
from running import until
from sqlalchemy import select
from test_desk_page import CUT_OFF, SIZES

from ivr.store.models import Account, Audit
from ivr.store.supply import PriorityPhone, PrioritySite

pytestmark = pytest.mark.browser

HOSPITAL = "+380487110009"


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Page:
    return stage.ready(stage.visit(chromium))


def enter(stage: Stage, number: str = HOSPITAL, kind: str = "priority_site") -> None:
    with stage.office.store.session() as db:
        account = db.scalar(select(Account).where(Account.number == "200300001"))
        db.add(
            PrioritySite(
                company=COMPANY, number="P1", kind=kind, name="Обласна клінічна лікарня",
                note="генератор на 4 год", account=account, valid_from=date(2026, 5, 1),
                valid_to=date(2036, 12, 31), approved_by="ОВА", consent=True,
                updated_at=datetime.now(UTC),
                phones=[PriorityPhone(company=COMPANY, number=number)],
            )
        )  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hospital_and_a_raised_caller_have_no_barriers(
    stage: Stage, chromium: Browser, scheme: str
) -> None:
    enter(stage)
    page = stage.visit(chromium, color_scheme=scheme, reduced_motion="reduce", locale="uk-UA")
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    stage.ready(page)
    ticket = stage.talk(page, number=HOSPITAL, queue="outage", priority="priority_site")
    expect(page.locator("#caller .site")).to_contain_text("Обласна клінічна лікарня")
    found = barriers(page) + page.evaluate(CUT_OFF)
    shoot(page, f"hospital-{scheme}")
    stage.ended(ticket)
    page.evaluate("exchange.lines.at(-1)?.over?.()")
    assert not found


def test_what_the_register_says(stage: Stage, page: Page) -> None:
    enter(stage)
    stage.ring(page, number=HOSPITAL, queue="outage", priority="priority_site")
    for place in ("#caller .mark", ".face .mark"):
        expect(page.locator(place)).to_have_text("PRIORITY SITE")
    for text in (
        "Обласна клінічна лікарня", "priority site", "генератор на 4 год", "Supply point",
        "from 01/05/2026 to 31/12/2036",
    ):  # fmt: skip
        expect(page.locator("#caller .site")).to_contain_text(text)
    expect(page.locator(".face .site-name")).to_have_text("Обласна клінічна лікарня")


def test_somebody_vulnerable(stage: Stage, page: Page) -> None:
    enter(stage, "+380671110001", "vulnerable")
    stage.ring(page, priority="priority_site")
    expect(page.locator("#caller .mark")).to_have_text("VULNERABLE CUSTOMER")
    expect(page.locator("#caller .site")).to_contain_text("vulnerable customer, with consent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_raising_a_caller_by_keyboard(stage: Stage, chromium: Browser, scheme: str) -> None:
    page = stage.ready(stage.visit(chromium, color_scheme=scheme, reduced_motion="reduce"))
    ticket = stage.talk(page)
    page.get_by_role("button", name="Priority").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Reason")
    assert stage.queue.ticket(ticket.id).priority == "normal", "never without a reason"
    shoot(page, f"raise-{scheme}")
    assert barriers(page) == []
    page.keyboard.type("вдома апарат ШВЛ")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert until(lambda: stage.queue.ticket(ticket.id).priority == "priority_site")
    expect(page.locator("#caller .mark")).to_have_text("PRIORITY CALL")
    expect(page.locator("#caller")).to_contain_text("Raised by olena: вдома апарат ШВЛ")
    expect(page.get_by_role("button", name="Priority")).to_be_disabled()
    with stage.office.store.session(read_only=True) as db:
        rows = [row for row in db.scalars(select(Audit)) if row.what == "raise_priority"]
    assert [(row.who, row.details["reason"]) for row in rows] == [("olena", "вдома апарат ШВЛ")]
    shoot(page, f"raised-{scheme}")
    assert barriers(page) == []
