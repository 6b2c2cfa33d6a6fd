"""The page of reports: who may, what it answers, files, what it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from agent_desk.supervisor import reports
from ivr.reporting import REPORTS
from ivr.store.database import Store, open_store
from ivr.store.facts import VisitFact
from ivr.store.models import Audit
from ivr.store.world import keep_company

ZONE = ZoneInfo("Europe/Kyiv")
DAY = date(2026, 10, 30)
RANGE = "from=2026-10-30&to=2026-10-30"


@pytest.fixture
def demo_store(tmp_path: Path) -> Iterator[Store]:
    """A store in a file: reports are counted by another process."""
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    with store.session() as db:
        keep_company(db, "odesa")
        keep_company(db, "kazan")
        for number, (outcome, seconds) in enumerate(
            (("answered", 10.0), ("answered", 29.0), ("answered", 50.0), ("abandoned", 80.0))
        ):
            answered = outcome == "answered"
            at = datetime(2026, 10, 30, 9, 7 * number, tzinfo=ZONE).astimezone(UTC)
            db.add(
                VisitFact(
                    call=f"c{number}", number=1, company="odesa", queue="general", language="uk",
                    entered=at, day=DAY, interval=at - timedelta(minutes=at.minute % 30),
                    outcome=outcome, waited=seconds if answered else None,
                    left=None if answered else seconds,
                )
            )  # fmt: skip
    yield store
    store.close()


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    reports.forget()


@pytest.fixture
def vira(world):
    """A supervisor with the page open."""
    return world.browser("vira").open("supervisor/reports/?language=en")


def ask(browser, wish):
    return browser.get(f"supervisor/reports/answer?{wish}")


def test_only_supervisors_see_reports(world):
    olena = world.browser("olena")
    for path in ("", f"answer?name=service&{RANGE}", f"file?name=service&{RANGE}&format=csv"):
        assert olena.get(f"supervisor/reports/{path}").status_code == 403


def test_the_page_offers_every_report(vira):
    assert [each["name"] for each in vira.given["reports"]] == list(REPORTS)
    assert vira.given["today"] == "2026-10-31"


def test_figures_are_counted_by_another_process(vira):
    answer = ask(vira, f"name=service&{RANGE}&by=queue")
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert not found["empty"]
    table = found["tables"][0]
    headings = [each["heading"] for each in table["columns"]]
    general = next(row for row in table["rows"] if row[0] == "General")
    assert general[headings.index("Offered")] == "4"
    assert general[headings.index("Service level")] == "50.0%"
    assert table["rows"][-1][0] == "All"
    assert table["total"]
    assert any("answered by an operator within 30 s" in note for note in table["notes"])
    assert table["plot"]["aim"] == 0.75


def test_files(world, vira):
    wish = "name=year&from=2026-01-01&to=2026-12-31"
    kinds = {}
    for format_ in ("csv", "json", "html", "xlsx"):
        answer = vira.get(f"supervisor/reports/file?{wish}&format={format_}&language=uk")
        assert answer.status_code == 200, answer.text
        name = f'attachment; filename="odesa-year-2026-01-01-2026-12-31.{format_}"'
        assert answer.headers["Content-Disposition"] == name
        kinds[format_] = answer.data
    listed = list(csv.reader(io.StringIO(kinds["csv"].decode("utf-8-sig"))))
    assert listed[1][:2] == ["Рівень сервісу", "усі"]
    assert listed[1][3:6] == ["2", "4", "0.5"]
    assert kinds["xlsx"].startswith(b"PK")
    assert "<svg" in kinds["html"].decode()
    assert json.loads(kinds["json"])["tables"][0]["rows"][0]["figure"] == 0.5
    months = vira.get(f"supervisor/reports/file?{wish}&format=csv&table=months").text
    assert len(months.splitlines()) == 14
    taken = [row for row in world.rows(Audit) if row.what == "report"]
    assert [row.details["format"] for row in taken] == ["csv", "json", "html", "xlsx", "csv"]
    assert {(row.who, row.details["report"], row.details["first"]) for row in taken} == {
        ("vira", "year", "2026-01-01")
    }


def test_what_was_seen_is_what_is_taken_along(world, vira):
    wish = f"name=service&{RANGE}"
    assert ask(vira, wish).get_json()["tables"][0]["rows"][-1][1] == "4"
    with world.store.session() as db:
        at = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)
        db.add(
            VisitFact(
                call="late", number=1, company="odesa", queue="general", language="uk", entered=at,
                day=DAY, interval=at, outcome="abandoned", left=1.0,
            )
        )  # fmt: skip
    taken = vira.get(f"supervisor/reports/file?{wish}&format=csv").data.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(taken)))[-1][1] == "4"
    assert ask(vira, f"{wish}&fresh=yes").get_json()["tables"][0]["rows"][-1][1] == "5"


def test_another_company_sees_its_own(world, vira):
    assert not ask(vira, f"name=service&{RANGE}").get_json()["empty"]
    with world.store.session() as db:
        for row in db.query(VisitFact):
            row.company = "kazan"
    assert ask(vira, f"name=service&{RANGE}&fresh=yes").get_json()["empty"]


def test_a_range_without_data_says_so(vira):
    found = ask(vira, "name=service&from=2020-01-01&to=2020-12-31").get_json()
    assert found["empty"]
    assert found["lines"][-1] == (
        "No data from 2020-01-01 to 2020-12-31: there is nothing to count."
    )
    assert "no calls" in found["tables"][0]["rows"][-1]


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        ("name=service&from=2026-10-30&to=2026-10-29", "report_order", "2026-10-30 is after"),
        (f"name=nothing&{RANGE}", "report_unknown", "There is no report nothing"),
        (f"name=service&{RANGE}&by=colour", "report_by", "“colour”; there are: queue, half-hour"),
        (f"name=service&{RANGE}&by=day,month", "report_two", "one of them time"),
        ("name=service&from=2020-01-01&to=2026-10-30&by=hour", "report_fine", "than 400 days"),
        ("name=service&from=2001-01-01&to=2026-10-30", "report_long", "No more than 3660 days"),
        ("name=service&from=yesterday&to=2026-10-30", "field_day", "“from” is not right"),
        ("name=service&to=2026-10-30", "field_day", "“from” is not right"),
        ("name=service&from=0001-01-01&to=2026-10-30", "field_day", "“from” is not right"),
    ],
)  # fmt: skip
def test_refusals_in_clear_words(vira, wish, code, words):
    answer = ask(vira, wish)
    assert answer.status_code == 400
    assert answer.get_json()["error"] == code
    assert words in answer.get_json()["text"]


def test_a_file_of_no_known_kind(vira):
    for format_ in ("", "pdf", "table"):
        answer = vira.get(f"supervisor/reports/file?name=service&{RANGE}&format={format_}")
        assert (answer.status_code, answer.get_json()["error"]) == (400, "field")
    answer = vira.get(f"supervisor/reports/file?name=service&{RANGE}&format=csv&table=other")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "report_table")


def test_a_third_report_at_once_is_told_to_wait(vira):
    assert reports.places.acquire(blocking=False)
    assert reports.places.acquire(blocking=False)
    try:
        answer = ask(vira, f"name=service&{RANGE}")
        assert (answer.status_code, answer.get_json()["error"]) == (429, "report_busy")
    finally:
        reports.places.release(2)
    assert ask(vira, f"name=service&{RANGE}").status_code == 200


def test_a_report_that_takes_too_long_is_given_up(vira, monkeypatch):
    monkeypatch.setattr(reports, "SECONDS", 0.001)
    answer = ask(vira, f"name=service&{RANGE}")
    assert (answer.status_code, answer.get_json()["error"]) == (504, "report_late")
    monkeypatch.undo()
    assert ask(vira, f"name=service&{RANGE}").status_code == 200


def test_others_are_answered_meanwhile(world, vira):
    """The web process asks the store nothing while another process counts."""
    asked = []
    engine = world.store._bind
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert ask(vira, "name=year&from=2026-01-01&to=2026-12-31").status_code == 200
    assert not [text for text in asked if "visit_facts" in text]
