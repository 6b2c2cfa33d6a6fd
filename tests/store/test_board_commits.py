"""The wallboard's feed over a real server, where a later id may be seen before an earlier one."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from waiting import until

from ivr.board import Feed
from ivr.company import load
from ivr.store.database import Store
from ivr.store.models import CallEvent

pytestmark = pytest.mark.postgres

COMPANIES = load(Path(__file__).parents[2] / "flows" / "companies")


def row(call: str) -> CallEvent:
    told = {"from": None, "to": None, "channel": "agi"}
    at = datetime.now(UTC)
    return CallEvent(company="odesa", call=call, at=at, kind="answered", flow="main", details=told)


def test_a_commit_that_was_overtaken_is_not_lost(server_store: Store) -> None:
    with server_store.session() as db:
        db.execute(text("TRUNCATE events RESTART IDENTITY"))
    feed = Feed(server_store, COMPANIES, time.time, every=0.01)
    feed.start()

    def opened() -> int:
        return feed.figures("odesa").get("calls", {}).get("open", -1)

    try:
        assert until(lambda: opened() == 0)
        with server_store.session() as slow:
            slow.add(row("slow"))
            slow.flush()
            with server_store.session() as fast:
                fast.add_all([row("fast"), row("faster")])
            assert until(lambda: opened() == 2)
            assert feed.shown("odesa").missing == (1,)
        assert until(lambda: opened() == 3)
        assert feed.shown("odesa").missing == ()
    finally:
        feed.stop()
