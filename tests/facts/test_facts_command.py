"""app.py facts rebuild, on a store in a file."""

from __future__ import annotations

from sqlalchemy import delete, select
from test_callscript import SCRIPTS

import app
from ivr.events import write
from ivr.facts import keep
from ivr.store.database import open_store
from ivr.store.facts import CallFact


def test_facts_are_made_anew(house, logged, tmp_path, monkeypatch, capsys):
    url = f"sqlite:///{tmp_path}/press2.db"
    settings = tmp_path / "telephony.conf"
    settings.write_text(f"[press2]\nvar = {tmp_path}\n[store]\nurl = {url}\n", encoding="utf-8")
    monkeypatch.setenv("PRESS2_CONF", str(settings))
    store = open_store(url, migrate=True)
    _, entries = logged(SCRIPTS["ac-01-single-zone-1"])
    write(store, entries)
    keep(store, house.companies)
    with store.session() as db:
        assert db.scalars(select(CallFact.why)).all() == ["completed"]
        db.execute(delete(CallFact))
    monkeypatch.setattr("gc.disable", lambda: None)  # of the process of the tests
    assert app.main(["facts", "rebuild", "--company", "odesa"]) in (None, 0)
    assert capsys.readouterr().out == f"odesa: {len(entries)} events, 1 calls\n"
    with store.session(read_only=True) as db:
        assert db.scalars(select(CallFact.why)).all() == ["completed"]
    store.close()
