"""Two imports at once: one after the other, and nothing is stored twice."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ivr import company
from ivr.intake import Setting, check, of_json, take
from ivr.store.database import Store, open_store
from ivr.store.supply import OutageArea, OutageEvent

HOME = Path(__file__).parents[2]
ODESA = company.load(HOME / "flows" / "companies")["odesa"]
NOW = datetime(2026, 10, 31, 7, 0, tzinfo=UTC)


def events(street: str) -> list[Any]:
    return [
        {
            "number": f"E{number}", "kind": "emergency", "since": "2026-10-31T08:40",
            "areas": [{"street": street}, {"substation": f"TP-{number}"}],
        }
        for number in range(700)
    ]  # fmt: skip


def test_two_imports_at_once(url: str) -> None:
    store = open_store(url, migrate=True)
    stores = [open_store(url) for _ in range(4)]
    done: list[int] = []
    begin = threading.Barrier(4)

    def bring(mine: Store, street: str) -> None:
        entries = check("events", of_json(events(street)), Setting(ODESA.zone, "UA", NOW))
        begin.wait()
        summary = take(mine, ODESA, "events", entries, source="file", now=NOW)
        done.append(summary.added)

    threads = [
        threading.Thread(target=bring, args=(each, street))
        for each, street in zip(stores, ["Садова", "Дачна", "Морська", "Садова"], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 700]
    with store.session(read_only=True) as db:
        assert db.scalar(select(func.count(OutageEvent.id))) == 700
        assert db.scalar(select(func.count(OutageArea.id))) == 1400
        last = db.scalars(select(OutageArea.street).where(OutageArea.street.is_not(None))).all()
    assert len(set(last)) == 1, "the last import is there as a whole"
    for each in (store, *stores):
        each.close()
