"""Supervisors see what could not be delivered, and have it tried again."""

from datetime import timedelta
from typing import Any

from ivr import outbox


def _dead(world: Any, key: str, company: str = "odesa", **more: Any) -> int:
    with world.store.session() as db:
        payload = {"what": "ticket", "document": {"caller": "+380671110001"}}
        given = {"kind": "feed", "key": key, "payload": payload, "now": world.office.now()}
        outbox.put(db, company=company, **given, **more)
        row = outbox.of_key(db, key)
        assert row is not None
        outbox.bury(row, "HTTP 422", world.office.now())
        return row.id


def test_what_is_dead_is_seen_and_tried_again(world: Any) -> None:
    entry = _dead(world, "a")
    other = _dead(world, "b", company="kazan")
    late = _dead(world, "c", until=world.office.now() - timedelta(seconds=1))
    supervisor = world.desk("vira")
    answer = supervisor.get("outbox")
    rows = {row["id"]: row for row in answer.json["dead"]}
    assert sorted(rows) == [entry, late]
    assert (rows[entry]["error"], rows[entry]["what"], rows[late]["late"]) == (
        "HTTP 422", "ticket", True,
    )  # fmt: skip
    assert "38067" not in answer.text, "never what is in it"
    assert "2." in supervisor.get("dispatch/?language=en").text
    assert supervisor.send("outbox/retry", {"id": entry}).status_code == 200
    assert supervisor.send("outbox/retry", {"id": late}).status_code == 409
    assert supervisor.send("outbox/retry", {"id": other}).status_code == 404
    assert supervisor.send("outbox/retry", {"id": 0}).status_code == 400
    assert world.audit("outbox_retry") == [("vira", "outbox_retry", True)]
    assert [row["id"] for row in supervisor.get("outbox").json["dead"]] == [late]


def test_operators_do_not(world: Any) -> None:
    _dead(world, "a")
    operator = world.desk("olena")
    assert operator.get("outbox").status_code == 403
    assert operator.send("outbox/retry", {"id": 1}).status_code == 403
