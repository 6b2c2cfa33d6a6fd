"""The page records in a real Chromium: the audit log, a count of what is too old, an erasure."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from desk_stage import COMPANY, Stage
from looks import looks, shoot, unworded
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from ivr.erasure.customer import Parts
from ivr.store.models import Audit, Conversation, User

pytestmark = pytest.mark.browser

NUMBER = "+380671112233"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A desk that may erase."""
    office = stage.office
    parts = Parts(office.store, office.companies, office.var, office.now, None, office.queue)
    object.__setattr__(office, "erasing", parts)
    return stage


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Page:
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
    return stage.admit(chromium)


def test_the_log_is_told_in_words(stage: Stage, page: Page) -> None:
    """No path, no braces, no true: what, by whom, why, to the second, in the language chosen."""
    details = {
        "target": "olena", "undoes": 7, "before": {"status": "ready", "reason": ""},
        "after": {"status": "paused", "reason": "lunch"},
    }  # fmt: skip
    tried = {"refused": "changed", "who": "petro", "wanted": {"closed": True}}
    with stage.office.store.session() as db:
        for what, allowed, told in (
            ("operator.status", True, details), ("hours.change", False, tried),
        ):  # fmt: skip
            db.add(
                Audit(
                    at=stage.office.now(), company=COMPANY, who="nina", what=what,
                    allowed=allowed, details=told,
                )
            )  # fmt: skip
    for language, word, yes in (
        ("uk", "Скасовано: Стан оператора", "зачинено: так"),
        ("ru", "Отменено: Состояние оператора", "закрыто: да"),
        ("en", "Taken back: Operator's status", "closed: yes"),
    ):
        page.goto(f"{stage.page}desk/supervisor/records/?language={language}")
        page.locator("#who").fill("nina")
        page.locator("#search button").click()
        rows = page.locator("#rows tbody")
        expect(rows).to_contain_text(word)
        expect(rows).to_contain_text(yes)
        expect(rows).to_contain_text("petro")
        text = rows.inner_text()
        assert not set("{}/") & set(
            text.replace("/2026", "").replace("/11", "").replace("/10", "")
        ), text
        assert re.search(r"\d\d:\d\d:\d\d", text), text


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
    looks(page, "records")
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
    stage.forgive("400")


def test_every_word_is_there_in_every_language(stage: Stage, page: Page) -> None:
    for language in ("uk", "ru"):
        page.goto(f"{stage.page}desk/supervisor/records/?language={language}")
        page.locator("#aged").click()
        expect(page.locator("#kinds tbody tr").first).to_be_visible()
        assert unworded(page, "records_") == []
        looks(page, f"records-{language}", "light")
