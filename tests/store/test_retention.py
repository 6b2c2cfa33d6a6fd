"""Retention by age: dry run, queues, numbers in the log, batches, once a night."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr.erasure import retention
from ivr.erasure.customer import Parts
from ivr.erasure.rows import BATCH
from ivr.erasure.subject import NotErased
from ivr.quality import marks
from ivr.store.database import Store
from ivr.store.facts import CallFact
from ivr.store.models import Audit, CallEvent, Conversation, VoiceMessage
from ivr.store.supervision import (
    HOLD,
    Action,
    Erasure,
    HelpRequest,
    RecordingMark,
    Scorecard,
    StaffMessage,
)
from ivr.store.world import keep_company
from ivr.terms import RetentionTerms

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
"""Half past three at night in Odesa."""
TERMS = RetentionTerms(
    recordings=30, by_queue={"danger": 365, "complaints": 0}, messages=10, events=100, numbers=50,
    audit=200,
)  # fmt: skip


@pytest.fixture
def parts(store: Store, house: Any, tmp_path: Path) -> Parts:
    with store.session() as db:
        keep_company(db, "odesa")
    profile = house.companies["odesa"]
    odesa = replace(profile, terms=replace(profile.terms, retention=TERMS))
    return Parts(store, {"odesa": odesa}, tmp_path / "var", lambda: NOW)


def keep(parts: Parts, queue: str, days: float, **fields: Any) -> Path:
    """Keep a recorded talk of so many days ago; the path of its recording."""
    at = NOW - timedelta(days=days)
    with parts.store.session() as db:
        number = len(db.scalars(select(Conversation.id)).all())
        given = {
            "company": "odesa", "call": f"c{number}", "token": f"t{number}", "operator": "olena",
            "queue": queue, "entered_at": at, "answered_at": at, "ended_at": at,
            "recording": f"talks/{number}.wav", "caller_number": "+380671110001",
        }  # fmt: skip
        row = Conversation(**given | fields)
        db.add(row)
        db.flush()
        db.add(RecordingMark(conversation_id=row.id, who="vira", at=at, second=1, kind="good"))
    path = parts.var / "recordings" / f"talks/{number}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF")
    return path


def event(parts: Parts, days: float, **details: Any) -> None:
    with parts.store.session() as db:
        at = NOW - timedelta(days=days)
        db.add(CallEvent(company="odesa", call="c", at=at, kind="answered", details=details))


def run(parts: Parts) -> Mapping[str, int]:
    told = retention.run(parts, parts.companies["odesa"], "jobs")
    return counts(told)


def counts(told: Mapping[str, Any]) -> Mapping[str, int]:
    return {each["kind"]: each["count"] for each in told["kinds"] if each["count"]}


def test_recordings_go_by_queue(parts: Parts) -> None:
    old, fresh = keep(parts, "general", 31), keep(parts, "general", 29)
    danger, ever = keep(parts, "danger", 364), keep(parts, "complaints", 5000)
    late, lasting = keep(parts, "danger", 366), keep(parts, "general", 40, ended_at=None)
    dry = retention.dry_run(parts, parts.companies["odesa"])
    assert counts(dry) == {"recordings": 1, "recordings:danger": 1}
    days = {each["kind"]: (each["days"], each["oldest"]) for each in dry["kinds"]}
    assert days["recordings:danger"] == (365, "2025-11-19")
    assert days["recordings:complaints"] == (0, "")
    assert all(path.exists() for path in (old, fresh, danger, ever, late, lasting))
    assert run(parts) == counts(dry)
    assert [p.exists() for p in (old, fresh, danger, ever, late, lasting)] == [
        False, True, True, True, False, True
    ]  # fmt: skip
    with parts.store.session(read_only=True) as db:
        rows = db.scalars(select(Conversation).order_by(Conversation.id)).all()
        assert len(db.scalars(select(RecordingMark)).all()) == 4
    assert [row.recording is None for row in rows] == [True, False, False, False, True, False]
    assert {row.caller_number for row in rows} == {"+380671110001"}
    assert run(parts) == {}


def test_a_recording_in_dispute_stays_until_the_mark_is_removed(parts: Parts) -> None:
    talk = timedelta(minutes=2)
    path = keep(parts, "general", 31, ended_at=NOW - timedelta(days=31) + talk)
    with parts.store.session() as db:
        row = db.scalars(select(Conversation)).one()
        held = marks.mark(db, row, "vira", NOW, 1.0, HOLD, "a claim is before the court")
    assert run(parts) == {} and path.exists()
    with parts.store.session() as db:
        db.delete(db.merge(held))
    assert run(parts) == {"recordings": 1} and not path.exists()


def test_voice_messages_go_once_they_were_dealt_with(parts: Parts) -> None:
    folder = parts.var / "recordings"
    folder.mkdir(parents=True)
    with parts.store.session() as db:
        for number, (state, days) in enumerate((("done", 11), ("done", 9), ("new", 400))):
            at = NOW - timedelta(days=days)
            handled = at if state == "done" else None
            db.add(
                VoiceMessage(
                    company="odesa", call="c", key=str(number), queue="general", state=state,
                    path=f"{number}.wav", created_at=at, handled_at=handled,
                )
            )  # fmt: skip
            (folder / f"{number}.wav").write_bytes(b"RIFF")
    assert run(parts) == {"messages": 1}
    assert sorted(path.name for path in folder.iterdir()) == ["1.wav", "2.wav"]
    with parts.store.session(read_only=True) as db:
        assert db.scalars(select(VoiceMessage.key).order_by(VoiceMessage.id)).all() == ["1", "2"]


def test_numbers_leave_the_log_before_the_log_goes(parts: Parts) -> None:
    for days in (101, 99, 51, 49):
        event(parts, days, **{"from": "+380671110001", "to": "+380487059090", "channel": "agi"})
    event(parts, 60, kind="keys", text="0671110001")
    event(parts, 60, at="2026-11-20T00:00:00+00:00", text="2421")
    with parts.store.session() as db:
        for days in (51, 49):
            at = NOW - timedelta(days=days)
            db.add(
                CallFact(
                    call=f"f{days}", company="odesa", began=at, ended=at, day=at.date(),
                    interval=at, number="+380671110001", account="1", channel="agi", language="uk",
                    topic="other", ended_by="caller", why="done",
                )
            )  # fmt: skip
    assert run(parts) == {"events": 1, "numbers": 3 + 1, "numbers:calls": 1}
    with parts.store.session(read_only=True) as db:
        rows = db.scalars(select(CallEvent).order_by(CallEvent.id)).all()
        facts = dict(db.execute(select(CallFact.call, CallFact.number)).all())
    hidden = {"from": "hidden", "to": "hidden", "channel": "agi"}
    assert [row.details for row in rows] == [
        hidden, hidden, {"from": "+380671110001", "to": "+380487059090", "channel": "agi"},
        {"kind": "keys", "text": "hidden"}, {"at": "2026-11-20T00:00:00+00:00", "text": "2421"},
    ]  # fmt: skip
    assert facts == {"f51": None, "f49": "+380671110001"}
    assert run(parts) == {}
    # A round goes on where the last one came to, when days have passed.
    later = replace(parts, clock=lambda: NOW + timedelta(days=2))
    assert run(later) == {"events": 1, "numbers": 1, "numbers:calls": 1}


def test_numbers_leave_what_staff_wrote(parts: Parts) -> None:
    told = "call 067 111 00 01 or 0671110001"
    with parts.store.session() as db:
        for days in (51, 49):
            at = NOW - timedelta(days=days)
            talk = Conversation(
                company="odesa", call="c", token=f"t{days}", operator="olena", queue="general",
                entered_at=at, answered_at=at,
            )  # fmt: skip
            db.add(talk)
            db.flush()
            db.add_all(
                [
                    Audit(
                        at=at, company="odesa", who="vira", what="move", allowed=True,
                        details={"number": "+380671110001"},
                    ),
                    Action(
                        company="odesa", at=at, who="vira", what="ticket.move", target="c",
                        before={"number": "+380671110001", "queue": "general"}, after={},
                    ),
                    HelpRequest(
                        company="odesa", operator=f"op{days}", asked_at=at, note=told
                    ),
                    StaffMessage(company="odesa", sender="vira", text=told, sent_at=at, until=at),
                    Scorecard(
                        company="odesa", conversation_id=talk.id, operator="olena", rater="vira",
                        at=at, total=90, note=told, answer=told,
                    ),
                ]
            )  # fmt: skip
    assert run(parts) == {"numbers:staff": 5}
    with parts.store.session(read_only=True) as db:
        columns = (
            HelpRequest.note, StaffMessage.text, Scorecard.note, Scorecard.answer, Action.before,
        )  # fmt: skip
        *texts, changes = [
            db.scalars(select(column).order_by(column.class_.id)).all() for column in columns
        ]
        audits = db.scalars(select(Audit.details).order_by(Audit.id)).all()
    assert texts == [["call hidden or hidden", told]] * 4
    assert [each["number"] for each in changes] == ["hidden", "+380671110001"]
    assert [each["queue"] for each in changes] == ["general"] * 2
    assert [each["number"] for each in audits[:2]] == ["hidden", "+380671110001"]
    assert run(parts) == {}


def test_the_audit_log_and_the_report_of_what_went(parts: Parts) -> None:
    with parts.store.session() as db:
        for days in (201, 199):
            at = NOW - timedelta(days=days)
            db.add(Audit(at=at, company="odesa", who="vira", what="rate", allowed=True))
    assert run(parts) == {"audit": 1}
    with parts.store.session(read_only=True) as db:
        audits = db.scalars(select(Audit).order_by(Audit.id)).all()
        (row,) = db.scalars(select(Erasure))
    assert [(each.who, each.what, each.details) for each in audits] == [
        ("vira", "rate", {}), ("jobs", "retention", {"audit": 1})
    ]  # fmt: skip
    assert (row.subject, row.dry_run, row.proof["state"]) == ("", False, "done")


def test_many_rows_go_in_batches(parts: Parts) -> None:
    with parts.store.session() as db:
        at = NOW - timedelta(days=101)
        rows = [
            {"company": "odesa", "call": f"c{n}", "at": at, "kind": "said"} for n in range(1201)
        ]
        db.execute(CallEvent.__table__.insert(), rows)
    assert BATCH < 1201
    assert run(parts) == {"events": 1201}
    with parts.store.session(read_only=True) as db:
        assert db.scalars(select(CallEvent.id)).all() == []


def test_nights(parts: Parts) -> None:
    event(parts, 101)
    noon = replace(parts, clock=lambda: NOW + timedelta(hours=9))
    retention.Nights(noon, threading.Event()).round()
    with parts.store.session(read_only=True) as db:
        assert db.scalars(select(Erasure.id)).all() == []
    for minutes in (0, 40):
        night = replace(parts, clock=lambda m=minutes: NOW + timedelta(minutes=m))
        retention.Nights(night, threading.Event()).round()
    tomorrow = replace(parts, clock=lambda: NOW + timedelta(days=1))
    retention.Nights(tomorrow, threading.Event()).round()
    with parts.store.session(read_only=True) as db:
        assert len(db.scalars(select(Erasure.id)).all()) == 2
        assert db.scalars(select(CallEvent.id)).all() == []


def test_one_at_a_time(parts: Parts, redis_server: Any) -> None:
    client = redis_server.client()
    shared = replace(parts, client=client)
    with retention.alone(shared), pytest.raises(NotErased) as refused:
        retention.run(shared, parts.companies["odesa"], "jobs")
    assert refused.value.reason == "busy"
    retention.run(shared, parts.companies["odesa"], "jobs")
