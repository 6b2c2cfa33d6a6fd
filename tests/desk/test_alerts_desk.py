"""Alerts over HTTP: the strip, who sees to it, the history, calls to ourselves, the webhook."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from desk_world import START, refused

from ivr.store.models import OutboxEntry
from ivr.store.supervision import Alert, SyntheticCall

NOW = datetime.fromtimestamp(START, UTC)


@pytest.fixture
def vira(world):
    return world.at("alerts")


@pytest.fixture
def olha(world):
    """A second supervisor."""
    world.hire("olha", "Ольга")
    return world.at("alerts", "olha")


def alert(world, kind="waiting", target="general", minutes=0, **fields):
    wanted = {"company": "odesa", "level": "alarm", "value": 31.0, "bound": 30.0} | fields
    with world.store.session() as db:
        row = Alert(kind=kind, target=target, since=NOW + timedelta(minutes=minutes), **wanted)
        db.add(row)
        db.flush()
        if row.ended_at:
            row.live = None
        return row.id


def live(browser):
    return browser.get("supervisor/alerts/live").json["alerts"]


def test_the_page_shows_the_bounds_of_the_profile(vira):
    given = vira.given
    assert given["bounds"]["service_level"] == 0.6 and given["bounds"]["longest"] == 300
    assert (given["hold"], given["clear"], given["calls"]) == (2, 60, 10)
    assert set(given["bounds"]) == set(given["kinds"])
    assert {f"alert_kind_{kind}" for kind in given["kinds"]} <= set(given["words"])


def test_what_is_wrong_now_the_worst_first(world, vira):
    alert(world, "outbox_stuck", "", -60, level="warning")
    alert(world, "waiting", "outage", -1)
    alert(world, "longest", "outage", -5)
    alert(world, "waiting", "general", -9, ended_at=NOW)
    alert(world, "waiting", "general", -9, company="kharkiv")
    assert [each["kind"] for each in live(vira)] == ["longest", "waiting", "outbox_stuck"]


def test_only_supervisors_see_alerts(world):
    olena = world.desk("olena")
    for path in ("", "live", "history", "calls"):
        assert olena.get(f"supervisor/alerts/{path}").status_code == 403
    assert olena.send("supervisor/alerts/test").status_code == 403


def test_one_sees_to_it_and_the_second_is_told(world, vira, olha):
    key = alert(world)
    assert vira.send(f"supervisor/alerts/take/{key}").status_code == 200
    [row] = live(olha)
    assert row["taken_by"] == vira.given["user"]["name"] and row["taken_at"] == START
    answer = olha.send(f"supervisor/alerts/take/{key}")
    refused(answer, "alert_taken")
    assert vira.given["user"]["name"] in answer.json["text"]
    assert vira.send(f"supervisor/alerts/take/{key}").status_code == 200
    assert ("vira", "alert.take", True) in world.audit()
    assert ("olha", "alert.take", False) in world.audit()


def test_what_is_over_or_somebody_elses_is_not_taken(world, vira):
    over = alert(world, ended_at=NOW)
    refused(vira.send(f"supervisor/alerts/take/{over}"), "alert_over")
    other = alert(world, company="kharkiv")
    refused(vira.send(f"supervisor/alerts/take/{other}"), "gone", 404)
    refused(vira.send("supervisor/alerts/take/999999"), "gone", 404)
    with world.store.session(read_only=True) as db:
        assert db.get(Alert, other).taken_by is None


def rows(browser, query="", first="2026-10-30", last="2026-10-31"):
    return browser.get(f"supervisor/alerts/history?first={first}&last={last}&{query}")


def test_the_history_by_day_kind_and_level(world, vira):
    for number in range(60):
        alert(world, "waiting", f"q{number}", -number, ended_at=NOW)
    alert(world, "disk_full", "", -3, level="warning", ended_at=NOW)
    alert(world, "waiting", "old", -60 * 48, ended_at=NOW)
    alert(world, "waiting", "other", 0, company="kharkiv")
    first = rows(vira).json
    assert (first["total"], len(first["rows"])) == (61, 50)
    assert first["rows"][0]["target"] == "q0"
    assert len(rows(vira, "page=1").json["rows"]) == 11
    assert [each["kind"] for each in rows(vira, "level=warning").json["rows"]] == ["disk_full"]
    assert rows(vira, "kind=disk_full").json["total"] == 1
    assert rows(vira, first="2026-10-31").json["total"] == 61
    assert rows(vira, first="2026-10-29", last="2026-10-29").json["total"] == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("first=2026-11-02&last=2026-11-01", "records_days"),
        ("first=yesterday&last=2026-11-01", "field_day"),
        ("first=2026-11-01", "field_day"),
        ("first=2026-11-01&last=2026-11-01&page=-1", "field"),
        ("first=2026-11-01&last=2026-11-01&page=99999999999999999999", "field"),
        ("first=2026-11-01&last=2026-11-01&kind=fire", "field"),
        ("first=2026-11-01&last=2026-11-01&level=red", "field"),
    ],
)
def test_senseless_questions_are_refused(vira, query, code):
    refused(vira.get(f"supervisor/alerts/history?{query}"), code, 400)


def test_calls_to_ourselves(world, vira):
    with world.store.session() as db:
        for hours, ok, company in ((1, True, "odesa"), (2, False, "odesa"), (9, False, "odesa"),
                                   (1, False, "kharkiv")):  # fmt: skip
            at = NOW - timedelta(hours=hours)
            stage = "done" if ok else "answered"
            db.add(SyntheticCall(company=company, at=at, ok=ok, stage=stage, seconds=4.5))
    told = vira.get("supervisor/alerts/calls").json
    assert [each["stage"] for each in told["rows"]] == ["done", "answered"]
    assert told["failed"] == 1


def test_a_test_of_the_webhook_is_put_out_and_audited(world, vira):
    refused(vira.send("supervisor/alerts/test"), "alert_no_webhook")
    world.app.extensions["office"] = replace(world.office, webhook="duty.example.com")
    key = vira.send("supervisor/alerts/test").json["id"]
    told = vira.get(f"supervisor/alerts/test/{key}").json
    assert told == {"state": "due", "tries": 0, "error": ""}
    [row] = world.rows(OutboxEntry)
    assert row.kind == "alert" and row.payload["document"]["state"] == "test"
    assert [each for each in world.audit("alert.test") if each[2]] == [("vira", "alert.test", True)]
    with world.store.session() as db:
        db.get(OutboxEntry, key).key = "feed/1"
    assert vira.get(f"supervisor/alerts/test/{key}").status_code == 404
