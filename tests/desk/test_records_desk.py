"""The page records over HTTP: the audit log, retention, the erasure of a customer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from waiting import until

from ivr.agent_queue.model import Ticket
from ivr.erasure.customer import Parts
from ivr.store.models import Audit, CallEvent, Conversation
from ivr.store.supervision import Erasure

NUMBER = "+380671112233"
DAYS = "first=2026-10-01&last=2026-10-31"
AT = datetime(2026, 10, 30, 6, 30, tzinfo=UTC)
"""A day before the clock of the tests."""


class Page:
    """The page, asked as its script does."""

    def __init__(self, world: Any, role: str = "administrator") -> None:
        world.promote("vira", role)
        self.browser = world.at("records")

    def ask(self, path: str) -> Any:
        return self.browser.get(f"supervisor/records/{path}")

    def send(self, path: str, **body: Any) -> Any:
        return self.browser.send(f"supervisor/records/{path}", body)

    def work(self, path: str, **body: Any) -> Any:
        """Begin something long and wait for what it tells."""
        key = self.send(path, **body).json["id"]
        while True:
            told = until(lambda key=key: self._ended(key))
            if told["proof"]["state"] != "followed":
                return told
            key = told["proof"]["erasure"]

    def _ended(self, key: int) -> Any:
        told = self.ask(f"erasure/{key}").json
        return told if told["proof"]["state"] != "running" else None


@pytest.fixture
def world(world: Any) -> Any:
    """The desk with a talk of a customer, three days in the log and what erasures walk through."""
    office = world.office
    parts = Parts(world.store, office.companies, world.var, office.now, None, world.queue)
    object.__setattr__(office, "erasing", parts)
    with world.store.session() as db:
        db.add(
            Conversation(
                company="odesa", call="c-1", token="t", operator="olena", queue="general",
                caller_number=NUMBER, entered_at=AT, answered_at=AT, ended_at=AT, note="привіт",
                recording="talks/1.wav",
            )
        )  # fmt: skip
        db.add(
            CallEvent(company="odesa", call="c-1", at=AT, kind="answered", details={"from": NUMBER})
        )
        for days, what, allowed in ((1, "rate", True), (2, "rate", False), (3, "transfer", True)):
            db.add(
                Audit(
                    at=AT - timedelta(days=days), company="odesa", who="taras", what=what,
                    allowed=allowed, call=f"c-{days}", details={"to": "queue"},
                )
            )  # fmt: skip
        db.add(Audit(at=AT, company="kazan", who="x", what="rate", allowed=True))
    path = world.var / "recordings" / "talks" / "1.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF")
    return world


# ---------------------------------------------------------------------- the audit log


def test_the_audit_log_is_searched(world: Any) -> None:
    page = Page(world, "supervisor")
    for asked, expected in (
        ("who=taras", ["rate", "rate", "transfer"]), ("who=taras&what=rate", ["rate", "rate"]),
        ("who=taras&allowed=no", ["rate"]), ("call=c-3", ["transfer"]), ("who=x", []),
        ("who=taras&page=1", []),
    ):  # fmt: skip
        told = page.ask(f"audit?{DAYS}&{asked}").json
        assert [row["what"] for row in told["rows"]] == expected, asked
    one = page.ask("audit?first=2026-10-28&last=2026-10-28&who=taras").json["rows"]
    assert [row["details"] for row in one] == [{"to": "queue"}]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("first=2026-10-31&last=2026-10-01", "records_days"), ("first=x&last=y", "field_day"),
        (f"{DAYS}&allowed=x", "field"), (f"{DAYS}&page=-1", "field"), (f"{DAYS}&page=²", "field"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_for(world: Any, asked: str, code: str) -> None:
    answer = Page(world).ask(f"audit?{asked}")
    assert (answer.status_code, answer.json["error"]) == (400, code)


def test_operators_are_not_let_in(world: Any) -> None:
    browser = world.browser("olena")
    for path in ("", f"audit?{DAYS}", "erasures"):
        assert browser.get(f"supervisor/records/{path}").status_code == 403


# ---------------------------------------------------------------------- retention


def test_retention_is_counted_and_then_done(world: Any) -> None:
    world.watch.now += 200 * 24 * 3600
    page = Page(world)
    told = page.work("retention", dry_run=True)
    kinds = {row["kind"]: row["count"] for row in told["proof"]["kinds"] if row["count"]}
    assert kinds == {"recordings": 1}
    assert (world.var / "recordings" / "talks" / "1.wav").exists()
    assert page.work("retention", dry_run=False)["proof"]["state"] == "done"
    assert not (world.var / "recordings" / "talks" / "1.wav").exists()
    assert page.ask("erasures").json["rows"][0]["state"]
    done = [row[1] for row in world.audit() if row[1].startswith("retention")]
    assert sorted(done) == ["retention", "retention_asked", "retention_dry_run"]


def test_a_supervisor_counts_but_does_not_delete(world: Any) -> None:
    page = Page(world, "supervisor")
    assert page.work("retention", dry_run=True)["proof"]["state"] == "dry"
    assert page.send("retention", dry_run=False).json["error"] == "records_administrator"
    body = {"kind": "number", "value": NUMBER, "dry_run": True}
    assert page.send("erase", **body).status_code == 403
    assert 'id="erase"' not in page.ask("").text
    assert ("vira", "erase", False) in world.audit()


# ---------------------------------------------------------------------- erasing


def test_a_customer_is_erased_after_a_dry_run_and_a_second_word(world: Any) -> None:
    page = Page(world)
    whose = {"kind": "number", "value": "067 111 22 33"}
    told = page.work("erase", dry_run=True, **whose)
    found = {row["place"]: row["found"] for row in told["proof"]["places"] if row["found"]}
    assert found == {"sql:conversations": 1, "sql:events": 1, "files:sounds": 1}
    refused = page.send("erase", dry_run=False, again="067", **whose)
    assert refused.json["error"] == "records_again"
    assert world.rows(Conversation)[0].caller_number == NUMBER
    told = page.work("erase", dry_run=False, again="067 111 22 33", **whose)
    assert told["proof"]["state"] == "done"
    row = world.rows(Conversation)[0]
    assert (row.caller_number, row.note, row.recording) == (None, None, None)
    assert not (world.var / "recordings" / "talks" / "1.wav").exists()
    words = ("erase", "erase_dry_run", "customer_erased")
    audits = [each for each in world.rows(Audit) if each.what in words]
    assert sorted(each.what for each in audits) == ["customer_erased", "erase", "erase_dry_run"]
    kept = [each.details for each in audits] + [each.proof for each in world.rows(Erasure)]
    assert "671112233" not in json.dumps(kept).replace(" ", "")
    rows = [each for each in page.ask("erasures").json["rows"] if not each["dry_run"]]
    assert [each["state"] for each in rows] == ["done"]


def test_who_is_in_a_call_or_unknown_is_refused(world: Any) -> None:
    page = Page(world)
    told = page.work("erase", dry_run=True, kind="number", value="+380509998877")
    assert told["proof"] == {"state": "refused", "reason": "unknown"}
    world.queue.enter(
        Ticket("c-9", "odesa", "general", world.watch.now, number=NUMBER), world.watch.now
    )
    whose = {"kind": "number", "value": NUMBER, "again": NUMBER}
    told = page.work("erase", dry_run=False, **whose)
    assert told["proof"] == {"state": "refused", "reason": "calling", "calls": "c-9"}
    assert world.rows(Conversation)[0].caller_number == NUMBER


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("number", "abc", "records_number"), ("number", "", "field_empty"),
        ("account", "1", "records_account"), ("street", "1", "field"),
        ("number", "+380487059090", "records_own"),
    ],
)  # fmt: skip
def test_what_is_nobody(world: Any, kind: str, value: str, code: str) -> None:
    answer = Page(world).send("erase", kind=kind, value=value, dry_run=True)
    assert (answer.status_code, answer.json["error"]) == (400, code)
    assert world.rows(Erasure) == []


def test_an_erasure_of_another_company_is_not_shown(world: Any) -> None:
    with world.store.session() as db:
        db.add(Erasure(company="kazan", at=AT, who="x", dry_run=False, proof={"state": "done"}))
    page = Page(world)
    assert page.ask("erasures").json["rows"] == []
    assert page.ask("erasure/1").status_code == 404
