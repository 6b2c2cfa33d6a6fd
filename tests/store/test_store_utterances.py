"""The report of answers by speech and the consents, over each kind of store."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr import company, utterances
from ivr.events import Entry, write
from ivr.model import Caller
from ivr.reporting import speech as spoken

NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
CALL = "press2-1762.7"


@pytest.fixture(scope="module")
def companies():
    return company.load(Path(__file__).parents[2] / "flows" / "companies")


@pytest.fixture
def heard(store):
    """One answer by speech, heard wrong and given again by keys, and the end of the call."""
    speech = {"kind": "speech", "text": "so", "understood": "outage", "open": "key", "turn": 3,
              "language": "uk", "ms": 210, "confidence": 0.8}  # fmt: skip
    back = {"kind": "keys", "text": "*", "open": "key", "language": "uk"}
    key = {"kind": "keys", "text": "2", "open": "key", "language": "uk"}
    rows = [("answered", "main.menu", {"from": "+380671110001"}), ("heard", "main.menu", speech),
            ("heard", "outage.lit", back), ("heard", "main.menu", key),
            ("ended", "main.goodbye", {"reason": "completed"})]  # fmt: skip
    entries = [
        Entry("odesa", CALL, NOON + timedelta(seconds=n), kind, *place.split("."), details)
        for n, (kind, place, details) in enumerate(rows)
    ]
    write(store, entries)
    return store


def test_the_report(heard):
    day = date(2026, 10, 31)
    rows = spoken.rows(heard, "odesa", ZoneInfo("Europe/Kyiv"), day, day)
    (menu,) = [row for row in rows if row.question == "main.menu"]
    assert (menu.asked, menu.right, menu.wrong, menu.keys, menu.ms_95) == (2, 0, 1, 1, 210.0)


def test_consent_keep_list_forget(heard, companies, tmp_path):
    pending = tmp_path / "pending"
    pending.mkdir()
    (pending / f"{CALL}-3.wav").write_bytes(b"sound")
    caller = Caller(CALL, "odesa", "+380671110001", None, "agi", NOON)
    now = datetime.now(UTC)
    assert utterances.sweep(heard, tmp_path, companies, now) == utterances.Swept()
    for _ in range(2):
        with heard.session() as db:
            utterances.consent(db, caller, now, "uk")
    assert utterances.sweep(heard, tmp_path, companies, now) == utterances.Swept(kept=1)
    (row,) = utterances.held(tmp_path, companies, "odesa")
    assert (row.call, row.files) == (CALL, 1)
    assert utterances.forget(heard, tmp_path, "odesa", "+380671110001", "shell:vira", now) == 1
    assert utterances.held(tmp_path, companies, "odesa") == []
