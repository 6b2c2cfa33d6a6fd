"""The page staffing: who may, plans, refusals, one what-if at a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from made_days import busy_house, calls, keep, plain, put
from sqlalchemy import select
from waiting import until

from ivr.staffing.calendar import Calendar
from ivr.staffing.replay import live
from ivr.store.models import Audit

YESTERDAY = date(2026, 10, 30)


@pytest.fixture
def vira(world: Any) -> Any:
    """A supervisor at the page."""
    return world.at("staffing")


@pytest.fixture
def log(world: Any) -> None:
    """Four weeks of calls; yesterday was a busy day."""
    company = world.office.companies["odesa"]
    for back in range(2, 30):
        day = date(2026, 10, 31) - timedelta(days=back)
        count = len(Calendar(company).half_hours(day))
        put(world.store, calls(company, day, [2 if 16 <= n < 40 else 0 for n in range(count)]))
    made = busy_house(company, YESTERDAY, calls=150)
    keep(world.store, company, made, live(made, plain(dict(company.queues)), 1))


CHANGE = {
    "day": YESTERDAY.isoformat(), "operators": 2, "since": "09:00", "until": "15:00", "runs": 1,
    "skills": {"general": 5}, "rules": {"outage": {"wrap_up": 5}}, "handle": 150,
}  # fmt: skip


def test_only_supervisors_come_in(world: Any) -> None:
    olena = world.browser("olena")
    assert olena.get("supervisor/staffing/").status_code == 403


def test_the_page_begins_with_what_the_company_promises(vira: Any) -> None:
    assert vira.given["promised"] == {
        "within": 30, "level": 0.75, "lost": 0.1, "shrinkage": 0.3, "least": 2, "days": 8,
    }  # fmt: skip
    assert vira.given["yesterday"] == YESTERDAY.isoformat()
    assert vira.given["rules"]["metering"]["relax"] == "0:3,60:1"


def test_a_plan_with_all_it_stands_on(vira: Any, log: None) -> None:
    wishes = {"day": "2026-11-10", "count": 7, "queue": "general", "patience": 240, "least": 1}
    found = vira.send("supervisor/staffing/plan", wishes).json
    assert len(found["days"]) == 7
    first = found["days"][0]
    assert (first["kind"], first["wanted"], len(first["used"])) == ("ordinary", 8, 8)
    assert first["few"] is False
    assert len(first["slots"]) == 48
    assert min(slot["operators"] for slot in first["slots"]) == 1
    assert found["inputs"]["patience"] == 240
    assert found["handling"]["talks"] > 500
    assert found["patience"]["callers"] > 500


def test_how_good_it_was(vira: Any, log: None) -> None:
    found = vira.send("supervisor/staffing/backtest", {}).json
    assert found["scores"][-1]["kind"] == "all"
    assert found["scores"][-1]["half_hours"] is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"day": "2026-11-10", "count": 1}, 404),  # nothing is known
        ({"day": "soon", "count": 1}, 400),
        ({"day": "2030-01-01", "count": 1}, 400),
        ({"day": "2026-11-10", "count": 99}, 400),
        ({"day": "2026-11-10", "count": 1, "queue": "moon"}, 400),
        ({"day": "2026-11-10", "count": 1, "kind": "storm"}, 400),
        ({"day": "2026-11-10", "count": 1, "shrinkage": 1.5}, 400),
        ({"day": "2026-11-10", "count": 1, "least": -1}, 400),
    ],
)
def test_plans_that_make_no_sense(vira: Any, body: dict[str, Any], status: int) -> None:
    answer = vira.send("supervisor/staffing/plan", body)
    assert answer.status_code == status
    assert answer.json["text"]


def test_a_what_if_runs_beside_one_at_a_time(world: Any, vira: Any, log: None) -> None:
    begun = vira.send("supervisor/staffing/whatif", CHANGE)
    assert begun.status_code == 200, begun.text
    second = vira.send("supervisor/staffing/whatif", CHANGE)
    assert (second.status_code, second.json["error"]) == (409, "staffing_busy")

    def over() -> bool:
        return vira.get("supervisor/staffing/whatif").json["state"] != "running"

    assert until(over, 60)
    job = vira.get("supervisor/staffing/whatif").json
    assert (job["state"], job["done"], job["of"]) == ("done", 2, 2)
    assert job["asked"]["operators"] == 2
    figures = {(each["queue"], each["name"]): each for each in job["answer"]["figures"]}
    assert figures["", "busy"]["changed"][0] < figures["", "busy"]["was"][0]
    with world.store.session(read_only=True) as db:
        row = db.scalar(select(Audit).where(Audit.what == "staffing_whatif"))
        assert (row.who, row.details["rules"]) == ("vira", {"outage": {"wrap_up": 5}})


def test_a_what_if_is_stopped(vira: Any, log: None) -> None:
    assert vira.send("supervisor/staffing/whatif", CHANGE | {"runs": 50}).status_code == 200
    assert vira.send("supervisor/staffing/whatif/stop").json["state"] == "stopped"
    assert vira.send("supervisor/staffing/whatif", CHANGE).status_code == 200
    vira.send("supervisor/staffing/whatif/stop")


def test_nobody_asked_yet(vira: Any) -> None:
    assert vira.get("supervisor/staffing/whatif").json is None
    assert vira.send("supervisor/staffing/whatif/stop").json is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"day": "2026-10-05"}, "staffing_empty"),
        ({"day": "2026-10-31"}, "staffing_senseless"),  # not over
        ({"day": "x"}, "field_day"),
        ({"operators": 501}, "field"),
        ({"operators": -2, "skills": {"danger": 1}}, "staffing_senseless"),
        ({"skills": {"general": 7}}, "field"),
        ({"since": "9"}, "staffing_senseless"),
        ({"rules": {"outage": {"relax": "soon"}}}, "field"),
        ({"rules": {"outage": {"overflow_to": "outage"}}}, "staffing_senseless"),
        ({"runs": 0}, "field"),
        ({"handle": 0}, "field"),
    ],
)
def test_questions_that_make_no_sense(
    vira: Any, log: None, wrong: dict[str, Any], code: str
) -> None:
    answer = vira.send("supervisor/staffing/whatif", CHANGE | wrong)
    assert answer.json["error"] == code
    assert answer.status_code in (400, 404)
    assert vira.get("supervisor/staffing/whatif").json is None
