"""`app.py import`: files of events, works, schedules, the register and applications."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ivr import company, outbox
from ivr.errors import ImportFileError
from ivr.intake import KINDS, Refusal, Setting, Summary, check, of_json, take
from ivr.intake.command import import_file, run
from ivr.intake.files import AREA, columns
from ivr.store.database import Store, memory_store
from ivr.store.models import OutboxEntry
from ivr.store.supply import (
    Application,
    EmergencySchedules,
    OutageEvent,
    PrioritySite,
    ScheduleHours,
    Subscription,
)
from ivr.store.world import load_demo

HOME = Path(__file__).parents[2]
ODESA = company.load(HOME / "flows" / "companies")["odesa"]
NOW = datetime(2026, 10, 31, 7, 0, tzinfo=UTC)
"""Nine o'clock in Odesa."""
EVENTS = """number;kind;cause;since;restore_by;customers;updated;state;settlement;street;houses
E1;emergency;storm;2026-10-31T08:40;31.10.2026 12:00;420;2026-10-31T08:49;;Одеса;Садова;
E1;emergency;storm;2026-10-31T08:40;31.10.2026 12:00;420;2026-10-31T08:49;;Одеса;Дачна;1 3 5а
E2;planned;repair;2026-11-02T09:00;2026-11-02T15:00;;2026-10-31T08:00;;Одеса;Морська;
"""


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return path


def bring(store: Store, kind: str, path: Path, now: datetime = NOW, **more: Any) -> Summary:
    return import_file(store, ODESA, kind, path, now, **more)


def an_event(store: Store, number: str = "E1") -> OutageEvent:
    with store.session(read_only=True) as db:
        return db.scalars(select(OutageEvent).where(OutageEvent.number == number)).one()


def sent(store: Store, kind: str, entries: list[Any], now: datetime = NOW, **more: Any) -> Summary:
    found = check(kind, of_json(entries), Setting(ODESA.zone, ODESA.region, now))
    return take(store, ODESA, kind, found, source="api:test", now=now, **more)


EVENT = {
    "number": "E1", "kind": "emergency", "since": "2026-10-31T08:40",
    "updated": "2026-10-31T08:49", "areas": [{"street": "Садова"}],
}  # fmt: skip


def test_every_field_of_an_event_arrives(store: Store, tmp_path: Path) -> None:
    summary = bring(store, "events", write(tmp_path, "events.csv", EVENTS))
    assert str(summary) == "2 events; 2 added"
    event = an_event(store)
    assert (event.kind, event.cause, event.customers, event.state) == (
        "emergency", "storm", 420, "open",
    )  # fmt: skip
    assert event.since == datetime(2026, 10, 31, 6, 40, tzinfo=UTC)
    assert event.restore_by == datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
    assert event.updated_at == datetime(2026, 10, 31, 6, 49, tzinfo=UTC)
    assert [(a.settlement, a.street, a.houses) for a in event.areas] == [
        ("Одеса", "Садова", []),
        ("Одеса", "Дачна", ["1", "3", "5а"]),
    ]
    assert event.areas[0].place == "садова"
    assert event.source == "file"


def test_the_same_file_twice_changes_nothing_and_says_so(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "events.csv", EVENTS)
    bring(store, "events", path)
    before = an_event(store)
    assert run(store, ODESA, "events", path, NOW).endswith(
        "2 events; 2 as they were, nothing changed"
    )
    after = an_event(store)
    assert [area.id for area in after.areas] == [area.id for area in before.areas]
    assert after.updated_at == before.updated_at


def test_said_again_without_a_time_only_the_age_changes(store: Store) -> None:
    event = {name: value for name, value in EVENT.items() if name != "updated"}
    sent(store, "events", [event])
    later = NOW + timedelta(minutes=20)
    assert sent(store, "events", [event], later).same == 1
    assert an_event(store).updated_at == later


def test_older_data_is_passed_over(store: Store) -> None:
    sent(store, "events", [EVENT | {"customers": 5}])
    older = EVENT | {"customers": 7, "updated": "2026-10-31T08:48"}
    summary = sent(store, "events", [older])
    assert str(summary) == "1 events; 1 older than stored, passed over, nothing changed"
    assert an_event(store).customers == 5


def test_a_closed_event_is_told_to_who_waits_for_it(store: Store) -> None:
    sent(store, "events", [EVENT])
    event = an_event(store).id
    with store.session() as db:
        db.add(
            Subscription(
                company="odesa", event_id=event, number="+380671110002",
                language="uk", call="c", key="k", created_at=NOW,
            )
        )  # fmt: skip
    closed = {"state": "closed", "restored_at": "2026-10-31T08:55", "updated": "2026-10-31T08:56"}
    summary = sent(store, "events", [{**EVENT, **closed, "areas": []}])
    assert (summary.changed, summary.closed) == (1, 1)
    event = an_event(store)
    assert (event.state, event.restored_at) == ("closed", NOW - timedelta(minutes=5))
    assert [area.street for area in event.areas] == ["Садова"], "known areas stay"
    with store.session(read_only=True) as db:
        assert db.scalars(select(OutboxEntry.kind)).all() == ["restored"]
    assert sent(store, "events", [{**EVENT, **closed, "areas": []}]).same == 1
    summary = sent(store, "events", [EVENT | {"updated": "2026-10-31T08:59"}])
    assert (summary.reopened, an_event(store).state) == (1, "open")
    with store.session(read_only=True) as db:
        assert db.scalars(select(OutboxEntry.kind)).all() == [], "nobody was told yet"


def test_the_complete_list_closes_what_it_lacks(store: Store) -> None:
    sent(store, "events", [EVENT, EVENT | {"number": "E2"}])
    works = {"number": "W1", "start": "2026-11-02T09:00", "end": "2026-11-02T15:00"}
    sent(store, "works", [works | {"areas": [{"street": "Морська"}]}])
    by_hand = an_event(store, "E2")
    with store.session() as db:
        db.add(by_hand)
        by_hand.source = "olena"
    newer = EVENT | {"number": "E3", "updated": "2026-10-31T08:58"}
    sent(store, "events", [newer])
    summary = sent(store, "events", [EVENT | {"number": "E4"}], complete=True)
    assert summary.closed == 1
    states = {number: an_event(store, number).state for number in ("E1", "E2", "E3", "E4", "W1")}
    assert states == {"E1": "closed", "E2": "open", "E3": "open", "E4": "open", "W1": "open"}
    sent(store, "works", [], complete=True)
    assert an_event(store, "W1").state == "closed"


def test_works_are_events_announced_ahead(store: Store, tmp_path: Path) -> None:
    text = """number,start,end,settlement,street,houses,state,updated
W1,02.11.2026 09:00,02.11.2026 15:00,Одеса,Садова,"1, 3",,31.10.2026 08:00
"""
    path = write(tmp_path, "works.csv", text)
    assert str(bring(store, "works", path)) == "1 works; 1 added"
    event = an_event(store, "W1")
    assert (event.kind, event.state, event.areas[0].houses) == ("planned", "open", ["1", "3"])
    assert event.since == datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
    cancelled = {
        "number": "W1", "start": "2026-11-02T09:00", "end": "2026-11-02T15:00",
        "state": "cancelled",
    }  # fmt: skip
    assert sent(store, "works", [cancelled]).closed == 1
    with pytest.raises(Refusal, match="'E1' is the number of an accident; works need another"):
        sent(store, "events", [EVENT])
        sent(store, "works", [cancelled | {"number": "E1"}])


def test_schedules(store: Store, tmp_path: Path) -> None:
    text = """queue;day;hours;emergency;region
3.2;;11:00-14:30 20:00-22:00;;
3.2;2026-11-01;;;
3.1;01.11.2026;22:00-01:00;;
;;;yes;Одеса
"""
    path = write(tmp_path, "schedules.csv", text)
    assert str(bring(store, "schedules", path)) == "4 schedules; 4 added"
    with store.session(read_only=True) as db:
        rows = db.scalars(select(ScheduleHours).order_by(ScheduleHours.id)).all()
        flag = db.scalars(select(EmergencySchedules)).one()
    assert [(row.queue, row.day, row.starts, row.ends) for row in rows] == [
        ("3.2", None, "11:00", "14:30"),
        ("3.2", None, "20:00", "22:00"),
        ("3.2", date(2026, 11, 1), "00:00", "00:00"),
        ("3.1", date(2026, 11, 1), "22:00", "01:00"),
    ]
    assert (flag.region, flag.active, flag.changed_by) == ("Одеса", True, "file")
    assert bring(store, "schedules", path).same == 4
    assert sent(store, "schedules", [{"emergency": False, "region": "Одеса"}]).changed == 1
    assert sent(store, "schedules", [{"queue": "3.2", "hours": []}]).changed == 1
    with store.session(read_only=True) as db:
        assert set(db.scalars(select(ScheduleHours.queue))) == {"3.1", "3.2"}
    assert not sent(store, "schedules", [{"queue": "9.9"}]).changed


def test_the_register_of_those_who_come_first(demo: Store, tmp_path: Path) -> None:
    text = """number;kind;name;phones;account;note;valid_from;valid_to;approved_by;consent
P1;priority_site;Міська лікарня;0487110009 +380487110010;200300001;генератор на 4 год;;;наказ 17;
P2;vulnerable;Іваненко О.;0671110001;;апарат ШВЛ;2026-01-01;31.12.2026;наказ 18;yes
"""
    path = write(tmp_path, "priority.csv", text)
    assert str(bring(demo, "priority", path)) == "2 entries of the register; 2 added"
    assert bring(demo, "priority", path).same == 2
    with demo.session(read_only=True) as db:
        first, second = db.scalars(select(PrioritySite).order_by(PrioritySite.number))
        assert first.account is not None and first.account.number == "200300001"
    assert [phone.number for phone in first.phones] == ["+380487110009", "+380487110010"]
    assert (second.valid_from, second.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert (second.consent, second.note) == (True, "апарат ШВЛ")
    fewer = {
        "number": "P1", "kind": "priority_site", "name": "Міська лікарня", "note": "генератор",
        "phones": ["0487110009"], "approved_by": "наказ 17",
    }  # fmt: skip
    assert sent(demo, "priority", [fewer]).changed == 1
    with demo.session(read_only=True) as db:
        first = db.scalars(select(PrioritySite).where(PrioritySite.number == "P1")).one()
    assert ([phone.number for phone in first.phones], first.account_id) == (["+380487110009"], None)


@pytest.mark.parametrize(
    ("word", "state", "reason"),
    [
        ("rejected", "refused", None), ("denied", "refused", None), ("closed", "done", None),
        ("completed", "done", None), ("executed", "done", None), ("accepted", "received", None),
        ("registered", "received", None), ("approved", "in_progress", None),
        ("In work", "in_progress", None), ("processing", "in_progress", None),
        ("waiting-documents", "postponed", "documents"), ("canceled", "cancelled", None),
        ("cancelled", "cancelled", None), ("on_hold", "postponed", None),
    ],
)  # fmt: skip
def test_other_words_for_a_state(demo: Store, word: str, state: str, reason: str | None) -> None:
    sent(demo, "applications", [{"number": "90", "what": "new_connection", "state": word}])
    with demo.session() as db:
        row = db.scalars(select(Application).where(Application.number == "90")).one()
        assert (row.what, row.state, row.reason) == ("connection", state, reason)


def test_applications(demo: Store) -> None:
    row = {
        "number": "4512", "account": "100200301", "what": "meter_replacement",
        "state": "scheduled", "visit": "2026-11-12T09:00", "until": "2026-11-12T13:00",
    }  # fmt: skip
    assert sent(demo, "applications", [row]).added == 1
    assert sent(demo, "applications", [row]).same == 1
    with demo.session(read_only=True) as db:
        stored = db.scalars(select(Application)).one()
        assert stored.account is not None and stored.account.number == "100200301"
    assert stored.visit == datetime(2026, 11, 12, 7, 0, tzinfo=UTC)
    with pytest.raises(Refusal, match="entry 1, account: there is no account '1'; import the acc"):
        sent(demo, "applications", [row | {"account": "1"}])


# What is refused.

WRONG = [
    ({"number": None}, "number", "is missing"),
    ({"number": 7}, "number", "7 is not a text; write it in quotes"),
    ({"kind": "storm"}, "kind", "'storm' is not one of emergency, planned"),
    ({"cause": "aliens"}, "cause", "'aliens' is not one of storm, equipment"),
    ({"since": "yesterday"}, "since", "'yesterday' is no date and time like 2026-10-31T08:40"),
    ({"since": "2026-10-31"}, "since", "'2026-10-31' lacks the time; write 2026-10-31T08:40"),
    ({"since": "2026-10-31T23:00"}, "since", "is in the future; only planned works"),
    ({"since": "1026-10-31T08:00"}, "since", "is not a time of this century"),
    ({"since": "0001-01-01T00:00+14:00"}, "since", "is no date and time"),
    ({"restore_by": "2026-10-31T08:40"}, "restore_by", "is not after `since`"),
    ({"customers": -1}, "customers", "-1 is not a whole number from 0 to 10000000"),
    ({"customers": "1e3"}, "customers", "'1e3' is not a whole number"),
    ({"customers": True}, "customers", "True is not a whole number"),
    ({"updated": "2026-10-31T10:00"}, "updated", "'2026-10-31T10:00' is in the future"),
    ({"state": "over"}, "state", "'over' is not one of open, closed"),
    ({"restored_at": "2026-10-31T08:50"}, "restored_at", "belongs to a closed event"),
    ({"areas": []}, "areas", "is missing: an open event hits some area"),
    ({"areas": "Садова"}, "areas", "is not a list"),
    ({"areas": [{"houses": ["1"]}]}, "areas[0].houses", "needs the street"),
    ({"areas": [{}]}, "areas[0]", "names nothing: write a settlement, street"),
    ({"areas": [{"street": "Садова", "houses": "1"}]}, "areas[0].houses", "is not a list"),
    ({"areas": [{"street": "a\nb"}]}, "areas[0].street", "holds a line break"),
    ({"areas": [{"sreet": "Садова"}]}, "areas[0].sreet", "is not known; did you mean 'street'?"),
    ({"areas": [7]}, "areas[0]", "is not an object with fields"),
    ({"couse": "storm"}, "couse", "is not known; did you mean 'cause'?"),
]


@pytest.mark.parametrize(("change", "field", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_field_of_an_event_is_named(change: Any, field: str, message: str) -> None:
    store = memory_store()
    good = EVENT | {"number": "E0"}
    with pytest.raises(Refusal) as caught:
        sent(store, "events", [good, EVENT | change])
    [problem] = caught.value.problems
    assert (problem.entry, problem.field) == (2, field)
    assert message in problem.message
    assert problem.pointer.startswith(f"/1/{field.split('[')[0].split('.')[0]}")
    with store.session(read_only=True) as db:
        assert db.scalars(select(OutageEvent)).all() == []


@pytest.mark.parametrize(
    ("kind", "entry", "told"),
    [
        ("works", {"number": "W", "start": "2026-11-02T09:00"}, "end: is missing"),
        ("schedules", {}, "write either `queue` with its hours, or `emergency`"),
        ("schedules", {"queue": "3.2", "hours": ["11-12"]}, "hours[0]: '11-12' are no hours like"),
        ("schedules", {"emergency": "maybe"}, "emergency: 'maybe' is not one of yes, no"),
        ("schedules", {"queue": "1", "region": "Одеса"}, "`region` belongs to `emergency`"),
        ("priority", {"phones": ["123"]}, "phones[0]: '123' is not a telephone number"),
        ("priority", {"kind": "vulnerable"}, "consent: is missing: a vulnerable person"),
        ("priority", {"phones": []}, "phones: is missing: write a telephone or an account"),
        ("priority", {"approved_by": ""}, "approved_by: is missing"),
        ("priority", {"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "is before `valid_f"),
        ("applications", {"state": "scheduled"}, "visit: is missing: the state is `scheduled`"),
        ("applications", {"reason": "access"}, "reason: belongs to the states postponed and"),
        ("applications", {"until": "2026-11-12T13:00"}, "until: needs `visit`"),
        ("applications", {"number": "A" * 201}, "number: is longer than 200 characters"),
    ],
)
def test_a_wrong_field_of_another_kind_is_named(kind: str, entry: Any, told: str) -> None:
    whole = {
        "works": {},
        "schedules": {},
        "priority": {
            "number": "P", "kind": "priority_site", "name": "n", "approved_by": "a",
            "phones": ["0671110001"],
        },
        "applications": {"number": "4", "what": "other", "state": "received"},
    }  # fmt: skip
    with pytest.raises(Refusal) as caught:
        sent(memory_store(), kind, [whole[kind] | entry])
    assert told in str(caught.value)


def test_lines_and_fields_of_a_table_are_named(tmp_path: Path) -> None:
    text = EVENTS.replace("E1;emergency;storm;2026-10-31T08:40;31.10.2026 12:00;420;", "E1;e;;x;;;")
    text = text.replace("Дачна;1 3 5а", ";7") + "E1;planned;;2026-11-02T09:00;;;;;;;;\nE9;1\n"
    with pytest.raises(ImportFileError) as caught:
        bring(memory_store(), "events", write(tmp_path, "events.csv", text))
    assert str(caught.value).splitlines() == [
        "events.csv: nothing was imported, mend:",
        "  line 2, kind: 'e' is not one of emergency, planned",
        "  line 2, since: 'x' is no date and time like 2026-10-31T08:40",
        "  line 3, houses: needs the street",
        "  line 5, all: 12 fields, the header has 11",
        "  line 6, all: 2 fields, the header has 11",
    ]


def test_lines_of_one_number_say_the_same_and_stand_together(tmp_path: Path) -> None:
    lines = EVENTS.splitlines()
    text = "\n".join([lines[0], lines[1], lines[2].replace("420", "421"), lines[3], lines[1]])
    with pytest.raises(ImportFileError) as caught:
        bring(memory_store(), "events", write(tmp_path, "events.csv", text))
    assert "line 3, customers: differs from line 2 of the same number" in str(caught.value)
    assert "line 5, number: stands in line 2 already" in str(caught.value)


def test_twenty_problems_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError) as caught:
        bring(memory_store(), "events", write(tmp_path, "events.json", [{}] * 50))
    assert "(and perhaps more)" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 21


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("e.csv", b"\xff\xfe", "line 1: is not UTF-8; save the file as CSV UTF-8"),
        ("e.csv", b"number;kind\n", "line 1: the column 'since' is missing"),
        ("e.csv", b"number;kind;since;colour\n", "line 1: the column 'colour' is not known"),
        ("e.json", b"[{", "line 1: is not JSON"),
        ("e.json", b"[NaN]", "is not JSON: NaN is no number"),
        ("e.json", b"{}", "entry 1: is not a list of entries"),
        ("e.json", b"[" * 100_000, "is not JSON"),
        ("e.json", b"\xff", "is not UTF-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportFileError, match=r"e\.(csv|json)") as caught:
        bring(memory_store(), "events", tmp_path / name)
    assert told in str(caught.value)


def test_a_file_that_is_not_there_or_too_big(tmp_path: Path, monkeypatch: Any) -> None:
    with pytest.raises(ImportFileError, match="No such file"):
        bring(memory_store(), "events", tmp_path / "none.csv")
    monkeypatch.setattr("ivr.intake.files.LARGEST", 10)
    with pytest.raises(ImportFileError, match="at most 10 are taken; import it in parts"):
        bring(memory_store(), "events", write(tmp_path, "events.csv", EVENTS))


def test_too_many_entries(monkeypatch: Any) -> None:
    monkeypatch.setattr("ivr.intake.reading.LARGEST", 2)
    rows = [{"number": str(n), "what": "other", "state": "done"} for n in range(3)]
    with pytest.raises(Refusal, match="entry 3: is one of more than 2; send them in parts"):
        sent(memory_store(), "applications", rows)


# A table and a JSON document say the same.

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=5)
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.sampled_from(["1", "E2", ""]),
    "kind": st.sampled_from(["emergency", "planned", "priority_site", "vulnerable", "x"]),
    "consent": st.sampled_from(["yes", "no", "", "perhaps"]),
    "customers": st.sampled_from(["", "5", "x", "-1"]),
    "what": st.sampled_from(["other", "x"]),
    "state": st.sampled_from(["", "open", "closed", "done", "scheduled", "announced"]),
    "cause": st.sampled_from(["", "storm", "x"]),
    "day": st.sampled_from(["", "2026-11-01", "x"]),
    "hours": st.lists(st.sampled_from(["11:00-12:00", "x"]), max_size=2),
    "houses": st.lists(TEXT.filter(lambda text: "," not in text), max_size=2),
    "phones": st.lists(st.sampled_from(["0671110001", "x"]), max_size=2),
    "emergency": st.sampled_from(["", "yes"]),
}
MOMENTS = ("since", "restore_by", "updated", "restored_at", "start", "end", "visit", "until")
WHEN = st.sampled_from(["", "2026-10-31T08:40", "31.10.2026 12:00", "2026-10-31T05:00Z", "x"])


def cell(name: str) -> st.SearchStrategy[Any]:
    return WHEN if name in MOMENTS else CELLS.get(name, st.one_of(st.just(""), TEXT))


@pytest.mark.parametrize("kind", KINDS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(data=st.data())
def test_a_table_and_json_are_taken_or_refused_alike(kind: str, data: Any, tmp_path: Path) -> None:
    row = {name: data.draw(cell(name), label=name) for name in columns(kind)}
    document: dict[str, Any] = dict(row)
    if "areas" in KINDS[kind].model_fields:
        area = {name: document.pop(name) for name in AREA}
        document["areas"] = [area] if any(area.values()) else []
    with (tmp_path / "one.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(row)
        writer.writerow(
            [" ".join(value) if isinstance(value, list) else value for value in row.values()]
        )
    results = []
    for path in (tmp_path / "one.csv", write(tmp_path, "one.json", [document])):
        store = memory_store()
        try:
            results.append(str(bring(store, kind, path)))
        except ImportFileError as error:
            problems = [line.split(": ", 1)[1] for line in str(error).splitlines()[1:]]
            results.append("\n".join(sorted(problems)))
        store.close()
    assert results[0] == results[1]


def test_demo_data_and_a_file_go_together(demo: Store) -> None:
    assert not load_demo(demo), "there already"
    assert sent(demo, "events", [EVENT]).added == 1
    assert outbox.listed(demo) == []


def test_the_examples_of_the_documents(demo: Store, tmp_path: Path) -> None:
    text = (HOME / "docs" / "data.md").read_text(encoding="utf-8")
    for kind in KINDS:
        part = text.split(f"\n### {kind}\n")[1].split("\n### ")[0].split("\n## ")[0]
        lines = [line.strip() for line in part.splitlines() if line.startswith("    ")]
        path = write(tmp_path, f"{kind}.csv", "\n".join(lines))
        summary = bring(demo, kind, path, datetime(2026, 10, 31, 8, 0, tzinfo=UTC))
        assert summary.added == summary.entries > 1, kind
        told = set(lines[0].split(";"))
        assert told <= set(columns(kind)), kind
