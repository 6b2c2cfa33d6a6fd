"""The feed to the company's own systems: what goes in, and how it is delivered over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from waiting import until

from ivr import company, outbox
from ivr.channels.feed import Feed, signature
from ivr.doctor import examine
from ivr.model import Caller
from ivr.services import SERVICES, feed, tickets
from ivr.services.inquiry import Inquiry
from ivr.store.database import Store, memory_store, open_store
from ivr.store.models import Account, OutboxEntry
from ivr.store.world import load_demo

HOME = Path(__file__).parents[1]
NOW = datetime(2026, 10, 31, 7, 0, tzinfo=UTC)
SECRET = "s" * 40
ODESA = company.load(HOME / "flows" / "companies")["odesa"]
FED = replace(ODESA, terms=replace(ODESA.terms, feed=("ticket", "reading")))


class System(ThreadingHTTPServer):
    """The company's system: keeps what it is sent, answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/press2"


class Handler(BaseHTTPRequestHandler):
    server: System

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), content))
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def system() -> Iterator[System]:
    server = System()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store() -> Iterator[Store]:
    found = memory_store()
    load_demo(found)
    yield found
    found.close()


def inquiry(db: Any, profile: Any, slots: dict[str, Any] | None = None) -> Inquiry:
    caller = Caller("c-1", "odesa", "+380671110001", "+380487059090", "console", NOW)
    return Inquiry(caller, profile, NOW, slots or {}, {}, "c-1/step/3", db)


def make_ticket(store: Store, profile: Any = FED) -> None:
    with store.session() as db:
        about = db.scalars(select(Account)).first()
        tickets.register(inquiry(db, profile), "meter_fault", about, details={"scope": "дім"})


def entries(store: Store) -> list[OutboxEntry]:
    with store.session(read_only=True) as db:
        return list(db.scalars(select(OutboxEntry).order_by(OutboxEntry.id)))


def deliver(store: Store, system: System, now: datetime = NOW) -> OutboxEntry:
    handler = Feed(system.url, SECRET, lambda: now)
    outbox.deliver(store, {feed.KIND: handler}, lambda: now)
    return entries(store)[-1]


# What goes in.


def test_a_company_without_a_feed_puts_nothing_in(store: Store) -> None:
    make_ticket(store, ODESA)
    assert entries(store) == []


def test_a_ticket_goes_in_once(store: Store) -> None:
    make_ticket(store)
    make_ticket(store)
    [entry] = entries(store)
    assert entry.key == "feed/ticket/c-1/step/3/meter_fault"
    assert entry.payload["what"] == "ticket"
    assert entry.payload["document"]["account"] == "100200301"
    assert entry.payload["document"]["address"]["street"] == "Шевченка"
    assert entry.until == NOW + feed.WORTH


def test_a_reading_goes_in_when_it_is_accepted(store: Store) -> None:
    with store.session() as db:
        slots: dict[str, Any] = {
            "account": "100200301", "proved": True, "entered_at": NOW.isoformat(), "done": [],
        }  # fmt: skip
        for name, typed in (("begin", None), ("check", "2421")):
            asked = {**slots, "typed": typed}
            slots |= SERVICES[f"readings.{name}"].answer(inquiry(db, FED, asked)).values
        assert entries_of(db) == [], "not before he confirmed it"
        result = SERVICES["readings.accept"].answer(inquiry(db, FED, slots))
    [entry] = entries(store)
    document = entry.payload["document"]
    assert str(document["receipt"]) == result.values["receipt"]
    wanted = {
        "account": "100200301", "meter": "00812345", "register": "single", "value": "02421",
        "as_of": "2026-11-01", "state": "accepted", "flags": [], "replaces": None,
    }  # fmt: skip
    assert {name: document[name] for name in wanted} == wanted


def entries_of(db: Any) -> list[OutboxEntry]:
    return list(db.scalars(select(OutboxEntry)))


# How it is delivered.


def test_a_document_arrives_signed(store: Store, system: System) -> None:
    make_ticket(store)
    assert deliver(store, system).state == "done"
    [(headers, content)] = system.got
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "feed/ticket/c-1/step/3/meter_fault"
    assert headers["Press2-Timestamp"] == str(int(NOW.timestamp()))
    signed = headers["Press2-Timestamp"].encode() + b"." + content
    right = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Press2-Signature"] == f"v1={right}"
    told = json.loads(content)
    assert (told["what"], told["company"], told["id"]) == (
        "ticket", "odesa", headers["Idempotency-Key"],
    )  # fmt: skip
    assert told["document"]["details"] == {"scope": "дім"}


def test_the_check_of_the_documents_is_right() -> None:
    text = (HOME / "docs" / "data.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own example
    stamp, content = str(int(datetime.now(UTC).timestamp())), b'{"id": "x"}'
    headers = {
        "Press2-Timestamp": stamp, "Press2-Signature": f"v1={signature(SECRET, stamp, content)}",
    }  # fmt: skip
    assert names["genuine"](SECRET, headers, content)
    assert not names["genuine"](SECRET, headers, content + b" ")
    assert not names["genuine"]("x", headers, content)
    old = str(int(stamp) - 3600)
    late = {"Press2-Timestamp": old, "Press2-Signature": f"v1={signature(SECRET, old, content)}"}
    assert not names["genuine"](SECRET, late, content)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 302, 307])
def test_what_may_pass_is_tried_again(store: Store, system: System, status: int) -> None:
    make_ticket(store)
    system.answers = [(status, {"Location": f"{system.url}/elsewhere"})]
    entry = deliver(store, system)
    assert (entry.state, entry.tries) == ("due", 1)
    assert f"HTTP {status}" in entry.last_error
    assert len(system.got) == 1, "a redirect is not followed"
    assert deliver(store, system, NOW + timedelta(minutes=1)).state == "done"
    assert system.got[0][0]["Idempotency-Key"] == system.got[1][0]["Idempotency-Key"]
    assert system.got[0][1] == system.got[1][1]
    assert system.got[0][0]["Press2-Signature"] != system.got[1][0]["Press2-Signature"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_what_is_refused_is_dead_and_can_be_tried_again(
    store: Store, system: System, status: int
) -> None:
    make_ticket(store)
    system.answers = [(status, {})]
    entry = deliver(store, system)
    assert (entry.state, entry.last_error) == ("dead", f"HTTP {status}")
    assert [row.id for row in outbox.listed(store)] == [entry.id]
    assert outbox.retry(store, NOW) == [entry.id]
    assert deliver(store, system).state == "done"


def test_retry_after_is_heeded(store: Store, system: System) -> None:
    make_ticket(store)
    system.answers = [(429, {"Retry-After": "120"}), (503, {"Retry-After": "99999"})]
    assert deliver(store, system).next_at == NOW + timedelta(seconds=120)
    later = NOW + timedelta(seconds=121)
    assert deliver(store, system, later).next_at == later + timedelta(hours=1)


def test_nobody_answers(store: Store, system: System) -> None:
    make_ticket(store)
    system.url = "http://127.0.0.1:1/press2"
    entry = deliver(store, system)
    assert (entry.state, entry.last_error) == ("due", "ConnectionError: no answer")


def test_a_certificate_nobody_vouches_for_is_refused(
    store: Store, system: System, tmp_path: Path
) -> None:
    import ssl

    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 2 -subj /CN=x"
    more = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    system.socket = context.wrap_socket(system.socket, server_side=True)
    url = system.url.replace("http://", "https://")
    make_ticket(store)
    parcel = outbox.claim(store, feed.KIND, NOW)
    assert parcel is not None
    with pytest.raises(outbox.Trouble, match="SSLError: no answer"):
        Feed(url, SECRET, lambda: NOW)(parcel)
    assert Feed(url, SECRET, lambda: NOW, ca=cert)(parcel) == {"status": 204}


# What stays, and who is told.


def test_what_was_delivered_long_ago_is_deleted(store: Store, system: System) -> None:
    make_ticket(store)
    deliver(store, system)
    with store.session() as db:
        for state in ("due", "dead"):
            outbox.put(db, company="odesa", kind="x", key=state, payload={}, now=NOW)
            row = outbox.of_key(db, state)
            assert row is not None
            row.state, row.done_at = state, NOW
    assert outbox.prune(store, NOW) == 0
    assert outbox.prune(store, NOW + timedelta(seconds=1)) == 1
    assert [row.state for row in entries(store)] == ["due", "dead"]


SETTINGS = """
[press2]
var = {var}
[redis]
url = {redis}
[feed]
url = {url}
secret = PRESS2_FEED
"""


def test_jobs_deliver_it_and_doctor_tells(
    tmp_path: Path, redis_server: Any, system: System
) -> None:
    path = tmp_path / "telephony.conf"
    path.write_text(SETTINGS.format(var=tmp_path, redis=redis_server.url, url=system.url))
    environ = {**os.environ, "PRESS2_CONF": str(path), "PRESS2_FEED": SECRET}
    found = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    load_demo(found)
    make_ticket(found)
    process = subprocess.Popen([sys.executable, str(HOME / "app.py"), "jobs"], env=environ)
    try:
        assert until(lambda: entries(found)[0].state == "done", 30)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    found.close()
    told = [str(one) for one in examine(path, environ, HOME) if one.subject in ("feed", "api")]
    assert told[0].startswith("ok       feed         127.0.0.1:")
    assert told[1].startswith("ok       api          no tokens")
    system.shutdown()
    system.server_close()
    told = [str(one) for one in examine(path, environ, HOME) if one.subject == "feed"]
    assert told[0].startswith("warning  feed") and "does not answer" in told[0]
