"""Erasing one customer: every table, a real Redis, files; then a search by brute force."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    Double,
    Float,
    Integer,
    LargeBinary,
    String,
    event,
    select,
)

from ivr.agent_queue.model import Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.erasure import customer
from ivr.erasure.customer import Parts
from ivr.erasure.inventory import TABLES
from ivr.erasure.subject import NotErased, Subject, account_of, number_of
from ivr.events import Entry, StreamLog
from ivr.sessions import RedisSessions
from ivr.store.database import Store, open_store
from ivr.store.models import Audit, Base, Callback
from ivr.store.supervision import Erasure

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NUMBER, OTHER = "+380671234567", "+380671234568"
ACCOUNT, OTHERS = "100900800", "100900801"
DIGITS = re.compile(r"6[ ()-]*7[ ()-]*1[ ()-]*2[ ()-]*3[ ()-]*4[ ()-]*5[ ()-]*6[ ()-]*7(?!\d)")
SECRET = "таємниця"


# ---------------------------------------------------------------------- the inventory


def test_every_text_of_every_table_is_classified() -> None:
    for name, table in Base.metadata.tables.items():
        texts = [c.name for c in table.columns if isinstance(c.type, String | JSON)]
        known = TABLES.get(name)
        if not texts:
            continue
        assert known is not None, f"{name}: say in ivr/erasure/inventory.py what becomes of it"
        assert sorted(known.columns) == sorted(texts), name
    assert TABLES.keys() - Base.metadata.tables.keys() == set()


# ---------------------------------------------------------------------- a customer in every table


class Customer:
    """One row in each table that may name a customer, with all it may say of him."""

    def __init__(self, number: str, account: str, tag: str) -> None:
        self.number, self.account, self.tag = number, account, tag
        self.call = f"pbx1-{tag}.1"
        self.ids: dict[str, Any] = {}
        self.keys: dict[str, tuple[Any, ...]] = {}

    def text(self) -> str:
        spaced = f"0{self.number[4:6]} {self.number[6:9]}-{self.number[9:11]}-{self.number[11:]}"
        return f"{SECRET} {self.tag} {self.number} {spaced} рахунок {self.account}"

    def fill(self, store: Store) -> None:
        with store.session() as db:
            for table in Base.metadata.sorted_tables:
                if table.name in ("companies", "erasures"):
                    continue
                values = {c.name: self.value(table, c) for c in table.columns}
                values = {name: value for name, value in values.items() if value is not ...}
                made = db.execute(table.insert().values(values))
                self.keys[table.name] = tuple(made.inserted_primary_key)
                self.ids[table.name] = made.inserted_primary_key[0]

    def value(self, table: Any, column: Any) -> Any:
        holding, name = TABLES.get(table.name), column.name
        if column.foreign_keys:
            target = next(iter(column.foreign_keys)).column.table.name
            if target == "companies":
                return "odesa"
            return None if target == table.name else self.ids[target]
        if name == "id" and isinstance(column.type, Integer):
            return ...
        if holding and name in holding.number:
            return self.number
        if holding and name in holding.account:
            return self.account
        if (table.name, name) == ("accounts", "number"):
            return self.account
        if (table.name, name) == ("priority_phones", "number"):
            return self.number
        if name == "company":
            return "odesa"
        if name in ("call", "path", "recording", "state", "key"):
            return {
                "call": self.call, "path": f"messages/{self.call}-3.wav",
                "recording": f"talks/{self.call}-t.wav", "state": "due",
                "key": f"{self.call}/{self.number}/7",
            }[name]  # fmt: skip
        told = holding and name in (*holding.clear, *holding.mask)
        if isinstance(column.type, JSON):
            said = {"kind": "speech", "from": self.number, "text": self.text()}
            known = {"account": self.account, "language": "uk"}
            return said | {"deep": [self.text()], "known": known} if told else {}
        if isinstance(column.type, String):
            return self.text() if told else f"{name}-{self.tag}"[:40]
        if isinstance(column.type, LargeBinary):
            return b"RIFF"
        if isinstance(column.type, Boolean):
            return None if column.nullable else True
        if isinstance(column.type, Integer):
            return int(self.tag)
        if isinstance(column.type, Double | Float):
            return 1.0
        if isinstance(column.type, Date):
            return date(2026, 11, 1)
        return NOW - timedelta(days=2)

    def rows(self, store: Store) -> dict[str, Any]:
        with store.session(read_only=True) as db:
            found = {}
            for name, key in self.keys.items():
                table = Base.metadata.tables[name]
                pairs = zip(table.primary_key.columns, key, strict=True)
                wanted = select(table).where(*(column == value for column, value in pairs))
                found[name] = [dict(row) for row in db.execute(wanted).mappings()]
            return found


def dump(store: Store) -> dict[str, list[str]]:
    """Return every row of every table as text."""
    with store.session(read_only=True) as db:
        return {
            name: [repr(tuple(row)) for row in db.execute(select(table))]
            for name, table in Base.metadata.tables.items()
        }


def named(store: Store, pattern: str | re.Pattern[str]) -> set[str]:
    """Return the tables in which something stands."""
    found = dump(store).items()
    return {name for name, every in found if any(re.search(pattern, row) for row in every)}


@pytest.fixture
def client(redis_server: Any) -> Any:
    found = redis_server.client()
    found.flushall()
    return found


@pytest.fixture
def parts(store: Store, house: Any, client: Any, tmp_path: Path) -> Parts:
    from ivr.store.world import keep_company

    with store.session() as db:
        keep_company(db, "odesa")
        keep_company(db, "kazan")
    rules = {name: profile.queues for name, profile in house.companies.items()}
    queue = RedisQueue(client, rules)
    return Parts(store, house.companies, tmp_path / "var", lambda: NOW, client, queue)


@pytest.fixture
def people(parts: Parts) -> tuple[Customer, Customer]:
    """The customer who is erased, and another one of whom nothing may be touched."""
    his, other = Customer(NUMBER, ACCOUNT, "11"), Customer(OTHER, OTHERS, "22")
    for each in (his, other):
        each.fill(parts.store)
        leave_files(parts.var, each)
        leave_in_redis(parts, each)
    return his, other


def leave_files(var: Path, who: Customer) -> None:
    for name in (
        f"recordings/talks/{who.call}-t.wav", f"recordings/messages/{who.call}-3.wav",
        f"recordings/talks/2026-11-18/{who.call}-unfiled.wav",
        f"utterances/pending/{who.call}-4.wav", f"utterances/kept/uk/{who.call}-5.wav",
    ):  # fmt: skip
        (var / name).parent.mkdir(parents=True, exist_ok=True)
        (var / name).write_bytes(b"RIFF" + bytes(64))
    line = {"company": "odesa", "call": who.call, "heard": "два"}
    (var / f"utterances/kept/uk/{who.call}-5.json").write_text(json.dumps(line))
    (var / "log").mkdir(exist_ok=True)
    with (var / "log" / "press2.log").open("a") as file:
        file.write(f"agi | call from {who.number} to 0{who.number[4:]}\n")
    with (var / "log" / "press2.log.1").open("a") as file:
        file.write(f"agi | call {who.call}: {who.number[1:]}, id 1{who.number[1:]}\n")


def leave_in_redis(parts: Parts, who: Customer) -> None:
    """A session that is over, a ticket that is over, a place to come back to, events on their way,
    a promise that waits in the queue.
    """
    now = NOW.timestamp()
    caller = {"call": who.call, "company": "odesa", "number": who.number}
    session = {"over": True, "slots": {"account": who.account}}
    document = {"session": session, "turn": {"number": 3}, "caller": caller}
    RedisSessions(parts.client).save(who.call, document, 0)
    parts.queue.enter(
        Ticket(
            who.call, "odesa", "general", now, number=who.number, context={"account": who.account}
        ),
        now,
    )  # fmt: skip
    parts.queue.leave(who.call, "abandoned", now + 1)
    waits = Ticket(
        f"callback-{who.ids['callbacks']}", "odesa", "general", now, kind="callback",
        number=who.number,
    )  # fmt: skip
    parts.queue.enter(waits, now)
    entry = Entry("odesa", who.call, NOW, "heard", "main", "menu", {"text": who.number})
    StreamLog(parts.client, StreamLog).append([entry])
    parts.client.hset("press2:twilio:calls", who.call, json.dumps({"from": who.number}))


def redis_dump(client: Any) -> list[str]:
    """Return every key and all that is in it."""
    found = []
    for key in client.scan_iter("*"):
        read = {
            b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
            b"list": lambda k: client.lrange(k, 0, -1), b"stream": client.xrange,
            b"zset": lambda k: client.zrange(k, 0, -1),
        }[client.type(key)]  # fmt: skip
        found.append(f"{key!r} {read(key)!r}")
    return found


def erase(parts: Parts, subject: Subject) -> dict[str, Any]:
    key = customer.begin(parts, subject, "oksana")
    return customer.finish(parts, subject, key, "oksana")


def number(parts: Parts, text: str = NUMBER) -> Subject:
    return number_of(parts.companies["odesa"], parts.companies, text)


def files(var: Path) -> list[str]:
    return sorted(str(path.relative_to(var)) for path in var.rglob("*") if path.is_file())


# ---------------------------------------------------------------------- a number


def test_a_number_is_erased_everywhere(parts: Parts, people: Any) -> None:
    his, other = people
    before = other.rows(parts.store)
    told = customer.dry_run(parts, number(parts))
    assert named(parts.store, DIGITS) > {"events", "callbacks", "outbox", "conversations"}
    proof = erase(parts, number(parts))

    # By brute force: the register of those who come first stays, as the proof says.
    assert named(parts.store, DIGITS) == {"priority_phones"}
    kept = {place["place"]: place["why"] for place in proof["places"] if place["kept"]}
    assert "decree" in kept.pop("sql:priority_phones")
    # SQLite's file has that row; on PostgreSQL there is no such file below `var`.
    assert set(kept) <= {"files:store"}
    assert not [text for text in redis_dump(parts.client) if DIGITS.search(text)]
    assert not [each for each in files(parts.var) if his.call in each]
    logs = [parts.var / "log" / name for name in ("press2.log", "press2.log.1")]
    texts = "".join(path.read_text() for path in logs)
    # Digits in the midst of longer ones are somebody else's.
    assert DIGITS.findall(texts) == ["671234567"] and f"1{NUMBER[1:]}" in texts
    (learnt,) = his.rows(parts.store)["events"]
    assert learnt["details"]["known"] == {"language": "uk"}, "the account that a call was about"
    # What was said in his calls is gone, too, not only his number.
    for name, found in his.rows(parts.store).items():
        clear = TABLES[name].clear if name in TABLES else ()
        assert not [column for row in found for column in clear if row[column]], name
    said = {n for n, r in dump(parts.store).items() if any(f"{SECRET} 11" in each for each in r)}
    assert not said & {"drafts", "outbox", "recording_marks", "scorecards", "voice_messages"}

    # The dry run had said the same, and nothing of the other customer was touched.
    assert {place["place"] for place in told["places"] if place["found"]} <= {
        place["place"] for place in proof["places"] if place["found"]
    }
    assert other.rows(parts.store) == before
    assert f"recordings/talks/{other.call}-t.wav" in files(parts.var)
    assert f"utterances/kept/uk/{other.call}-5.wav" in files(parts.var)
    assert OTHER in texts and any(OTHER in text for text in redis_dump(parts.client))

    assert proof["state"] == "done"
    assert "671234567" not in json.dumps(proof)
    with parts.store.session(read_only=True) as db:
        (row,) = db.scalars(select(Erasure))
        audits = [a for a in db.scalars(select(Audit)) if a.what == "customer_erased"]
    assert (row.subject, row.who, row.proof) == (number(parts).digest, "oksana", proof)
    assert [(a.who, a.details) for a in audits] == [
        ("oksana", {"erasure": row.id, "kind": "number"})
    ]


def test_what_was_written_of_him_elsewhere_is_cut(parts: Parts, people: Any) -> None:
    """His number in notes, messages and changes of other calls is cut out, the rest stays. Of a
    call whose events name him everything is his.
    """
    _, other = people
    told, there = f"call back {NUMBER} soon", {}
    for name, holding in TABLES.items():
        texts = holding.clear if holding.whole else (*holding.clear, *holding.mask)
        table = Base.metadata.tables[name]
        texts = [c for c in texts if name != "events" and c not in ("key", "recording")]
        plain = [c for c in texts if not isinstance(table.c[c].type, JSON)]
        values = {c: {"note": told} for c in texts if isinstance(table.c[c].type, JSON)}
        values |= dict.fromkeys(plain, told)
        if values:
            there[name] = values
            pairs = zip(table.primary_key.columns, other.keys[name], strict=True)
            with parts.store.session() as db:
                mine = (column == value for column, value in pairs)
                db.execute(table.update().where(*mine).values(values))
    assert there.keys() > {"help_requests", "staff_messages", "scorecards", "actions", "audit"}
    proof = erase(parts, number(parts))
    assert [place["place"] for place in proof["places"] if place["left"]] == []
    assert named(parts.store, DIGITS) == {"priority_phones"}
    for name, values in there.items():
        (row,) = other.rows(parts.store)[name]
        for column, value in values.items():
            cut = "call back erased soon"
            assert row[column] == ({"note": cut} if isinstance(value, dict) else cut), name


def test_statistics_stay(parts: Parts, people: Any) -> None:
    his, _ = people
    before = his.rows(parts.store)
    erase(parts, number(parts))
    after = his.rows(parts.store)
    for name in ("call_facts", "visit_facts", "flow_facts", "conversations", "callbacks", "events"):
        assert len(after[name]) == 1, name
        same = [c for c in TABLES[name].keep if before[name][0][c] == after[name][0][c]]
        assert set(TABLES[name].keep) - set(same) <= {"state"}, name
    assert after["call_facts"][0]["number"] is None
    assert after["readings"][0]["value"] == before["readings"][0]["value"]
    assert after["readings"][0]["account_id"] == before["readings"][0]["account_id"]
    (events,) = after["events"]
    told = events["details"]
    known = {"language": "uk"}
    assert told == {"kind": "speech", "deep": [told["deep"][0]], "known": known}


def test_a_second_time_there_is_nothing_left_to_do(parts: Parts, people: Any) -> None:
    erase(parts, number(parts))
    before = dump(parts.store)
    proof = erase(parts, number(parts))
    assert proof["state"] == "done"
    changed = [n for n, r in dump(parts.store).items() if r != before[n]]
    assert set(changed) <= {"erasures", "audit"}


# ---------------------------------------------------------------------- an account


def test_an_account_is_erased(parts: Parts, people: Any) -> None:
    his, other = people
    before = other.rows(parts.store)
    subject = account_of(parts.companies["odesa"], ACCOUNT)
    proof = erase(parts, subject)
    assert named(parts.store, rf"(?<!\d){ACCOUNT}(?!\d)") == {"accounts"}
    assert "register" in next(p["why"] for p in proof["places"] if p["place"] == "sql:accounts")
    assert not [text for text in redis_dump(parts.client) if ACCOUNT in text]
    assert not [each for each in files(parts.var) if his.call in each]
    after = his.rows(parts.store)
    assert after["call_facts"][0]["account"] is None
    assert after["conversations"][0]["account_id"] is None
    assert after["contacts"] == after["subscriptions"] == []
    assert other.rows(parts.store) == before
    assert proof["state"] == "done"


def test_an_account_is_not_found_in_the_name_of_a_call(parts: Parts, people: Any) -> None:
    """Exchanges number calls, and by and by come to the number of an account."""
    subject = account_of(parts.companies["odesa"], ACCOUNT)
    entry = {"company": "odesa", "at": NOW, "kind": "operator", "flow": "", "step": ""}
    told = [f"pbx1-{ACCOUNT}.7", f"pbx1-1763800000.{ACCOUNT}"]
    with parts.store.session() as db:
        for name in told:
            db.execute(
                Base.metadata.tables["events"].insert(),
                [{**entry, "call": name, "details": {"ticket": name}}],
            )
    assert erase(parts, subject)["state"] == "done"
    with parts.store.session(read_only=True) as db:
        events = Base.metadata.tables["events"]
        rows = db.scalars(select(events.c.details).where(events.c.call.in_(told)))
        assert sorted(row["ticket"] for row in rows.all()) == sorted(told)
    for text in (
        f"{ACCOUNT}.",
        f"acc. {ACCOUNT}, 7",
        f"№{ACCOUNT}",
        f"{ACCOUNT[:3]} {ACCOUNT[3:]}",
    ):
        assert subject.found(text), text


def test_what_a_company_does_not_keep_goes(parts: Parts, people: Any) -> None:
    his, other = people
    profile = parts.companies["odesa"]
    terms = replace(profile.terms, retention=replace(profile.terms.retention, erased=()))
    strict = replace(parts, companies={"odesa": replace(profile, terms=terms)})
    erase(strict, number(parts))
    after = his.rows(parts.store)
    assert after["readings"] == []
    assert (after["tickets"][0]["details"], after["tickets"][0]["account_id"]) == ({}, None)
    assert other.rows(parts.store)["readings"]


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("text", ["", "abc", "12", "+380", "067 123; drop"])
def test_what_is_no_number(parts: Parts, text: str) -> None:
    with pytest.raises(NotErased) as refused:
        number(parts, text)
    assert refused.value.reason == "number"


def test_a_number_of_a_company_itself_is_not_erased(parts: Parts) -> None:
    with pytest.raises(NotErased) as refused:
        number(parts, parts.companies["odesa"].numbers[0])
    assert refused.value.reason == "own"


@pytest.mark.parametrize("text", ["", "12", "a b c d e", "1; drop"])
def test_what_is_no_account(parts: Parts, text: str) -> None:
    with pytest.raises(NotErased) as refused:
        account_of(parts.companies["odesa"], text)
    assert refused.value.reason == "account"


def test_a_number_that_only_another_company_knows(parts: Parts, people: Any) -> None:
    subject = number_of(parts.companies["kazan"], parts.companies, NUMBER)
    for act in (customer.dry_run, lambda *given: customer.begin(*given, "oksana")):
        # The logs have no company; his lines there are all that is found.
        for path in (parts.var / "log").iterdir():
            path.unlink()
        with pytest.raises(NotErased) as refused:
            act(parts, subject)
        assert refused.value.reason == "unknown"


def test_who_is_in_a_call_right_now_is_not_erased(parts: Parts, people: Any) -> None:
    now = NOW.timestamp()
    parts.queue.enter(Ticket("pbx1-99.9", "odesa", "general", now, number=NUMBER), now)
    with pytest.raises(NotErased) as refused:
        customer.begin(parts, number(parts), "oksana")
    assert (refused.value.reason, refused.value.details) == ("calling", {"calls": "pbx1-99.9"})
    assert named(parts.store, DIGITS) > {"events", "outbox"}
    parts.queue.leave("pbx1-99.9", "abandoned", now)
    document = {
        "session": {"over": False}, "turn": {"number": 1},
        "caller": {"call": "pbx1-99.8", "company": "odesa", "number": NUMBER},
    }  # fmt: skip
    RedisSessions(parts.client).save("pbx1-99.8", document, 0)
    with pytest.raises(NotErased) as refused:
        customer.begin(parts, number(parts), "oksana")
    assert refused.value.details == {"calls": "pbx1-99.8"}
    RedisSessions(parts.client).save(
        "pbx1-99.8", document | {"session": {"over": True}, "turn": {"number": 2}}, 1
    )
    assert erase(parts, number(parts))["state"] == "done"


def test_a_promise_is_taken_back(parts: Parts, people: Any) -> None:
    his, _ = people
    with parts.store.session() as db:
        db.get(Callback, his.ids["callbacks"]).live = True
    assert customer.dry_run(parts, number(parts))["notes"]["callbacks"] == 1
    erase(parts, number(parts))
    with parts.store.session(read_only=True) as db:
        row = db.get(Callback, his.ids["callbacks"])
    assert (row.state, row.live, row.number, row.context) == ("cancelled", None, "", {})
    waiting = {ticket.id for ticket in parts.queue.waiting("odesa")}
    assert f"callback-{his.ids['callbacks']}" not in waiting


def test_two_at_once(parts: Parts, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer, "LIFE", 0.6)
    with customer.alone(parts):
        lasts = time.monotonic() + 3 * customer.LIFE
        while time.monotonic() < lasts:  # as long as it works, it is renewed
            assert parts.client.pttl(customer.LOCK) > 0
            time.sleep(0.02)
    assert not parts.client.exists(customer.LOCK)
    key = customer.begin(parts, number(parts), "oksana")
    with customer.alone(parts), pytest.raises(NotErased) as refused:
        customer.finish(parts, number(parts), key, "oksana")
    assert refused.value.reason == "busy"
    assert customer.finish(parts, number(parts), key, "oksana")["state"] == "done"


# ---------------------------------------------------------------------- killed in the middle


@pytest.mark.parametrize("commits", [2, 5, 9, 14, 20, 30])
def test_who_is_killed_is_followed_by_one_who_finishes(
    commits: int, house: Any, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ivr.store.world import keep_company

    monkeypatch.setattr(customer, "LIFE", 1.5)
    url = f"sqlite:///{tmp_path}/var/press2.db"
    store = open_store(url, migrate=True)
    rules = {name: profile.queues for name, profile in house.companies.items()}
    parts = Parts(
        store, house.companies, tmp_path / "var", lambda: NOW, client, RedisQueue(client, rules)
    )
    with store.session() as db:
        keep_company(db, "odesa")
    his = Customer(NUMBER, ACCOUNT, "11")
    his.fill(store)
    leave_files(parts.var, his)
    leave_in_redis(parts, his)
    store.close()
    child = os.fork()
    if child == 0:
        die_after(commits, url, parts)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9, "it was not killed in the middle"
    given_up = time.monotonic() + 20
    while parts.client.exists(customer.LOCK) and time.monotonic() < given_up:
        time.sleep(0.05)  # nobody renews it any more
    again = replace(parts, store=open_store(url))
    assert erase(again, number(parts))["state"] == "done"
    assert named(again.store, DIGITS) == {"priority_phones"}
    assert not [text for text in redis_dump(parts.client) if DIGITS.search(text)]
    assert not [each for each in files(parts.var) if his.call in each]
    with again.store.session(read_only=True) as db:
        assert [row.proof["state"] for row in db.scalars(select(Erasure))] == ["done"]
    again.store.close()


def die_after(commits: int, url: str, parts: Parts) -> None:
    """Erase in this process, which dies in the moment of its n-th writing transaction."""
    store = open_store(url)
    left = [commits]

    def count(connection: Any) -> None:
        if not connection.get_execution_options().get("postgresql_readonly"):
            left[0] -= 1
            if not left[0]:
                os._exit(9)

    event.listen(store._bind, "commit", count)
    try:
        erase(replace(parts, store=store, client=fresh(parts.client)), number(parts))
    finally:
        os._exit(0)


def fresh(client: Any) -> Any:
    """Return a client of its own: a connection does not survive a fork."""
    import redis

    return redis.Redis(connection_pool=redis.ConnectionPool(
        connection_class=client.connection_pool.connection_class,
        **client.connection_pool.connection_kwargs,
    ))  # fmt: skip


# ---------------------------------------------------------------------- files of databases


def test_nothing_is_left_in_the_files_of_the_databases(
    house: Any, tmp_path: Path, client: Any
) -> None:
    from ivr.store.world import keep_company

    store = open_store(f"sqlite:///{tmp_path}/var/press2.db", migrate=True)
    parts = Parts(store, house.companies, tmp_path / "var", lambda: NOW)
    with store.session() as db:
        keep_company(db, "odesa")
    his = Customer(NUMBER, ACCOUNT, "11")
    his.fill(store)
    with store.session() as db:
        phones = Base.metadata.tables["priority_phones"]
        db.execute(phones.update().values(number="+380500000001"))
    proof = erase(parts, number(parts))
    assert proof["state"] == "done"
    customer.vacuum(parts)
    raw = b"".join(path.read_bytes() for path in (tmp_path / "var").glob("press2.db*"))
    assert b"671234567" not in raw
    store.close()
