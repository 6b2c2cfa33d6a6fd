"""The page records in a real Chromium: the audit log, a count of what is too old, an erasure."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from desk_stage import COMPANY, HOME, Stage, open_stage
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from ivr.erasure.customer import Parts
from ivr.store.models import Audit, Conversation, User

pytestmark = pytest.mark.browser

AXE = (HOME / "agent_desk" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
SHOTS = os.environ.get("PRESS2_SHOTS", "")
"""A folder for pictures of the page, for whoever looks at it."""
NUMBER = "+380671112233"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage, served = open_stage(tmp_path)
    office = stage.office
    parts = Parts(office.store, office.companies, office.var, office.now, None, office.queue)
    object.__setattr__(office, "erasing", parts)
    thread = threading.Thread(target=served.run)
    thread.start()
    yield stage
    stage.office.live.stop()
    served.close()
    thread.join(20)
    stage.office.store.close()
    assert not stage.complaints


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Iterator[Page]:
    """A page of the administrator, with a log and an old talk of a customer."""
    now = stage.office.now()
    with stage.office.store.session() as db:
        db.execute(update(User).where(User.login == "vira").values(role="administrator"))
        for number in range(60):
            at = now - timedelta(seconds=number)
            what = "play_recording" if number % 3 else "transfer"
            db.add(
                Audit(
                    at=at, company=COMPANY, who="vira", what=what, allowed=number % 7 > 0,
                    call=f"pbx1-{number}.1", address="127.0.0.1", details={"recording": number},
                )
            )  # fmt: skip
        old = now - timedelta(days=200)
        db.add(
            Conversation(
                company=COMPANY, call="c-1", token="t", operator="olena", queue="general",
                caller_number=NUMBER, entered_at=old, answered_at=old, ended_at=old,
                recording="talks/1.wav",
            )
        )  # fmt: skip
    page = stage.visit(chromium, viewport={"width": 1366, "height": 900})
    stage.sign_in(page, "vira")
    yield page
    page.context.close()


def barriers(page: Page) -> list[str]:
    """What axe-core finds."""
    page.evaluate(AXE)
    found = page.evaluate("async () => (await axe.run(document)).violations")
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in found]


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_the_log_is_searched_and_a_customer_is_erased(stage: Stage, page: Page) -> None:
    page.goto(stage.page + "desk/supervisor/records/")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Older").click()
    expect(rows.last).to_contain_text("pbx1-59.1")
    page.get_by_label("What").fill("transfer")
    page.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(20)

    page.locator("#aged").click()
    expect(page.locator("#kinds")).to_contain_text("Recordings of talks")
    page.get_by_label("Which").fill("067 111 22 33")
    page.locator("#whose button").click()
    expect(page.locator("#proof")).to_contain_text("Counted, nothing was changed")
    assert barriers(page) == []
    shoot(page, "records-light")
    page.emulate_media(color_scheme="dark")
    assert barriers(page) == []
    shoot(page, "records-dark")
    page.get_by_label("Once more").fill("067")
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.locator("#said")).to_contain_text("That is not the same")
    page.get_by_label("Once more").fill("067 111 22 33")
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.locator("#proof")).to_contain_text("a second search found nothing")
    expect(page.locator("#listed tbody tr:visible")).to_have_count(1)
    page.locator("#listed").get_by_role("button").click()
    expect(page.locator("#listed")).to_contain_text("sql:conversations")
    shoot(page, "records-erased")
    with stage.office.store.session(read_only=True) as db:
        assert db.scalars(select(Conversation.caller_number)).one() is None
    stage.complaints[:] = [each for each in stage.complaints if "400" not in each]


def test_every_word_is_there_in_every_language(stage: Stage, page: Page) -> None:
    for language in ("uk", "ru"):
        page.goto(f"{stage.page}desk/supervisor/records/?language={language}")
        page.locator("#aged").click()
        expect(page.locator("#kinds tbody tr").first).to_be_visible()
        text = page.locator("body").inner_text()
        assert not [word for word in text.split() if word.startswith("records_")]
        assert barriers(page) == []
        shoot(page, f"records-{language}")
