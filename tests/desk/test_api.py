"""The API for the company's own systems: tokens, rights, what it takes and refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from agent_desk import api, tokens
from agent_desk.api_document import document
from ivr.intake import KINDS
from ivr.store.models import Audit
from ivr.store.supply import OutageEvent

HOME = Path(__file__).parents[2]
SECRET = "a" * 40
READER = "b" * 40
KAZAN = "c" * 40
EVENT = {
    "number": "A1", "kind": "emergency", "cause": "storm", "since": "2026-10-31T08:10",
    "restore_by": "2026-10-31T12:00", "customers": 420, "updated": "2026-10-31T08:20",
    "areas": [{"settlement": "Одеса", "street": "Садова", "houses": ["1", "3"]}],
}  # fmt: skip


@dataclass
class System:
    """One of the company's systems, with the token it has."""

    world: Any
    secret: str = SECRET

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        client = self.world.app.test_client()
        headers = {"Authorization": f"Bearer {self.secret}"} | more.pop("headers", {})
        if body is not None:
            more["json"] = body
        return client.open(f"/api/v1/{path}", method=method, headers=headers, **more)

    def audit(self) -> list[tuple[str, str, bool, Any]]:
        rows = [row for row in self.world.rows(Audit) if row.what == "api"]
        return [(row.who, row.company, row.allowed, row.details) for row in rows]


@pytest.fixture
def system(world: Any) -> Iterator[System]:
    rights = [f"{kind}:{do}" for kind in KINDS for do in ("read", "write")]
    known = (
        tokens.token("oms", "odesa", rights, SECRET),
        tokens.token("wall", "odesa", ["events:read"], READER),
        tokens.token("kazan", "kazan", ["*:read", "*:write"], KAZAN),
    )
    world.app.extensions["office"] = replace(world.office, tokens=known)
    yield System(world)


def test_an_event_comes_in_and_is_shown_with_its_age(system: System) -> None:
    done = system.ask("put", "events/A1", EVENT)
    assert (done.status_code, done.json["added"], done.json["told"]) == (
        200,
        1,
        "1 events; 1 added",
    )
    system.world.watch.now += 60
    shown = system.ask("get", "events/A1").json
    assert shown["age"] == 11 * 60
    assert shown["since"] == "2026-10-31T08:10:00+02:00"
    assert shown["areas"] == [
        {
            "settlement": "Одеса", "street": "Садова", "houses": ["1", "3"],
            "substation": None, "account": None,
        }
    ]  # fmt: skip
    assert shown["source"] == "api:oms"
    again = {key: value for key, value in shown.items() if key not in ("age", "source")}
    assert system.ask("put", "events/A1", again).json["same"] == 1, "what it shows, it takes"
    assert [who[:3] for who in system.audit()] == [("api:oms", "odesa", True)] * 3
    assert system.audit()[0][3]["added"] == 1


def test_many_at_once_and_the_complete_list(system: System) -> None:
    events = [EVENT | {"number": f"A{n}"} for n in range(5)]
    assert system.ask("post", "events", events).json["added"] == 5
    assert system.ask("post", "events", events).json["told"].endswith("nothing changed")
    done = system.ask("post", "events?complete=true", events[:2])
    assert (done.json["same"], done.json["closed"]) == (2, 3)
    shown = system.ask("get", "events?state=open").json["events"]
    assert [event["number"] for event in shown][:2] == ["A0", "A1"]
    page = system.ask("get", "events?limit=2&after=A1").json["events"]
    assert [event["number"] for event in page] == ["A2", "A3"]


def test_every_kind_comes_in_and_is_shown(system: System) -> None:
    sent: dict[str, Any] = {
        "works": {
            "number": "W1", "start": "2026-11-02T09:00", "end": "2026-11-02T15:00",
            "areas": [{"street": "Садова"}],
        },
        "priority": {
            "number": "P1", "kind": "priority_site", "name": "Лікарня",
            "phones": ["0487110009"], "approved_by": "наказ 17",
        },
        "applications": {
            "number": "94512", "account": "100200301", "what": "meter_replacement",
            "state": "scheduled", "visit": "2026-11-12T09:00",
        },
    }  # fmt: skip
    for kind, entry in sent.items():
        path = f"{kind}/{entry['number']}"
        assert system.ask("put", path, entry).json["added"] == 1, kind
        shown = system.ask("get", path).json
        again = {key: value for key, value in shown.items() if key not in ("age", "source")}
        assert system.ask("put", path, again).json["same"] == 1, kind
        assert [row["number"] for row in system.ask("get", kind).json[kind]][-1] == entry["number"]
    hours = [
        {"queue": "9.2", "hours": ["11:00-14:30"]},
        {"queue": "9.2", "day": "2026-11-01", "hours": []},
        {"emergency": True},
    ]
    assert system.ask("post", "schedules", hours).json["added"] == 3
    shown = system.ask("get", "schedules").json["schedules"][-3:]
    assert [(row.get("queue"), row.get("day"), row.get("hours")) for row in shown] == [
        ("9.2", None, ["11:00-14:30"]),
        ("9.2", "2026-11-01", []),
        (None, None, None),
    ]
    assert shown[2]["emergency"] is True
    again = [{k: v for k, v in row.items() if k != "age"} for row in shown]
    assert system.ask("post", "schedules", again).json["same"] == 3


def test_wrong_fields_are_told_as_problems(system: System) -> None:
    wrong = [EVENT, EVENT | {"number": "A2", "since": "x", "areas": [{"sreet": "Садова"}]}]
    answer = system.ask("post", "events", wrong)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert answer.json["errors"] == [
        {
            "pointer": "/1/since",
            "field": "since",
            "message": "'x' is no date and time like 2026-10-31T08:40",
        },
        {
            "pointer": "/1/areas/0/sreet",
            "field": "areas[0].sreet",
            "message": "is not known; did you mean 'street'?",
        },
    ]
    assert "A1" not in [row.number for row in system.world.rows(OutageEvent)], "all or nothing"
    [error] = system.ask("put", "events/A1", EVENT | {"kind": "x"}).json["errors"]
    assert error["pointer"] == "/kind"
    [error] = system.ask("put", "events/A7", EVENT).json["errors"]
    assert error["message"] == "is not 'A7', as in the address"
    assert system.ask("put", "events/A1", [EVENT]).status_code == 422
    assert system.ask("post", "events", EVENT).status_code == 422
    assert not any(allowed for _, _, allowed, _ in system.audit())


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", f"Basic {SECRET}", f"Bearer {'d' * 40}"]
)
def test_nobody_without_a_token(system: System, header: str) -> None:
    for method, path in (("get", "events"), ("put", "events/A1"), ("post", "works")):
        answer = system.ask(method, path, EVENT, headers={"Authorization": header})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert ("api", "", False) in [row[:3] for row in system.audit()]


def test_a_cookie_is_no_token(system: System) -> None:
    browser = system.world.desk("olena")
    assert browser.client.get("/api/v1/events").status_code == 401


def test_a_token_may_do_what_it_has_the_right_to(system: System) -> None:
    wall = System(system.world, READER)
    assert wall.ask("get", "events").status_code == 200
    for method, path, body in (
        ("put", "events/A1", EVENT), ("post", "events", []), ("get", "priority", None),
    ):  # fmt: skip
        answer = wall.ask(method, path, body)
        assert answer.status_code == 403, path
        assert "this token has no right" in answer.json["detail"]


def test_companies_do_not_see_each_other(system: System) -> None:
    system.ask("put", "events/A1", EVENT)
    other = System(system.world, KAZAN)
    assert other.ask("get", "events").json == {"events": []}
    assert other.ask("put", "events/A1", EVENT).json["added"] == 1
    shown = other.ask("get", "events/A1").json
    assert shown["since"] == "2026-10-31T08:10:00+03:00", "its own clock"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"[NaN]", "content_type": "application/json"}, 400),
        ({"data": b"\xff", "content_type": "application/json"}, 400),
        ({"data": b"[" * 50_000, "content_type": "application/json"}, 400),
        ({"data": b"[]", "content_type": "text/csv"}, 415),
        ({"data": b"a=1", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b" " * (api.LARGEST + 1), "content_type": "application/json"}, 413),
    ],
    ids=lambda value: str(value)[:30],
)
def test_other_bodies_are_refused(system: System, change: Any, status: int) -> None:
    answer = system.ask("post", "events", **change)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["status"] == status


def test_a_large_body_is_not_read(system: System) -> None:
    answer = system.ask(
        "post", "events", data=b"[]", content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(10**9)},
    )  # fmt: skip
    assert answer.status_code == 413


def test_a_storm_of_events_fits(system: System) -> None:
    events = [EVENT | {"number": f"A{n}"} for n in range(2000)]
    assert len(json.dumps(events)) > 64 * 1024
    assert system.ask("post", "events", events).json["added"] == 2000


def test_what_is_not_there_is_a_problem_too(system: System) -> None:
    for method, path, status in (
        ("get", "events/none", 404), ("get", "nothing", 404), ("delete", "events/A1", 405),
        ("get", "events?limit=0", 422), ("get", "events?limit=x", 422),
        ("get", "events?state=odd", 422), ("get", "priority?state=open", 422),
    ):  # fmt: skip
        answer = system.ask(method, path)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), path
    assert system.ask("post", "priority?complete=true", []).status_code == 422


def test_strangers_are_slowed_down(shared: Any) -> None:
    stranger = System(shared, "x")
    codes = [stranger.ask("get", "events").status_code for _ in range(31)]
    assert codes.count(401) == 30
    answer = stranger.ask("get", "events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert answer.mimetype == "application/problem+json"


def test_the_description_is_that_of_the_documents(system: System) -> None:
    shipped = json.loads((HOME / "docs" / "openapi.json").read_text(encoding="utf-8"))
    assert document() == shipped, "run: python -m agent_desk.api_document > docs/openapi.json"
    assert system.ask("get", "openapi.json", headers={"Authorization": ""}).json == shipped
    page = system.ask("get", "", headers={"Authorization": ""})
    assert "/api/v1/openapi.json" in page.text and "http" not in page.text.split("<body")[0][15:]


def test_the_description_knows_every_route(system: System) -> None:
    told = {
        (path.replace("{", "<").replace("}", ">"), method.upper())
        for path, methods in document()["paths"].items()
        for method in methods
    }
    routes = {
        (rule.rule, method)
        for rule in system.world.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.endpoint not in api.OPEN
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert told == routes


def test_the_description_refuses_what_the_api_refuses() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["Event"]["required"] == ["number", "kind", "since"]
    assert schemas["Event"]["properties"]["kind"]["enum"] == ["emergency", "planned"]
    assert schemas["Event"]["additionalProperties"] is False
    body = document()["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"] == {"$ref": "#/components/schemas/EventList"}
