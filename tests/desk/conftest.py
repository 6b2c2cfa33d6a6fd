"""A desk without a network: the real application over a real store and the queue in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select
from werkzeug.test import TestResponse

from agent_desk import users
from agent_desk.answer_base import AnswerBase
from agent_desk.desk import Desk, create_app
from agent_desk.live import Live
from agent_desk.office import Office
from agent_desk.presence import RedisPresence
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Ticket
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.store.database import Store, memory_store
from ivr.store.models import Audit, User
from ivr.store.world import keep_company

HOME = Path(__file__).parents[2]
START = datetime(2026, 10, 31, 6, 30, tzinfo=UTC).timestamp()
"""Half past eight in Odesa on a day when readings are taken."""


@dataclass
class Watch:
    """A clock that tests set."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Browser:
    """A browser at the desk; `tab` has the say once its stream is open."""

    app: Flask
    login: str
    tab: str
    client: Any = None
    csrf: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    stream: Iterator[Any] | None = None

    def __post_init__(self) -> None:
        self.client = self.client or self.app.test_client()

    def sign_in(self, password: str) -> TestResponse:
        page = self.client.get("/desk/sign-in").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        form = {"login": self.login, "password": password, "csrf_token": token}
        return self.client.post("/desk/sign-in", data=form)

    def enter(self) -> Browser:
        """Open the page and its stream."""
        page = self.client.get("/desk/")
        assert page.status_code == 200, page.text
        self.given = json.loads(re.search(r'id="given"[^>]*>(.*?)</script>', page.text, re.S)[1])
        self.csrf = self.given["csrf"]
        return self.listen()

    def listen(self) -> Browser:
        answer = self.client.get(f"/desk/events?tab={self.tab}")
        assert answer.status_code == 200, answer.text
        self.stream = iter(answer.response)
        assert next(self.stream) == b"retry: 1000\n\n"
        return self

    def event(self) -> tuple[str, Any]:
        """Wait for the next event: its name and its data."""
        for _ in range(8):
            text = next(self.stream).decode()
            if not text.startswith(":"):
                found = re.fullmatch(r"event: (\w+)\ndata: (.*)\n\n", text)
                return found[1], json.loads(found[2])
        raise AssertionError("only heartbeats")

    def state(self, good: Callable[[Any], Any] = lambda state: True) -> Any:
        """Wait for a state that is as wanted."""
        for _ in range(20):
            name, data = self.event()
            assert name == "state", name
            if good(data):
                return data
        raise AssertionError(f"no such state; the last one: {data}")

    def send(self, path: str, body: Any = None, method: str = "post", **more: Any) -> TestResponse:
        headers = {"X-CSRFToken": self.csrf, "X-Tab": self.tab} | more.pop("headers", {})
        ask = getattr(self.client, method)
        return ask(f"/desk/{path}", json={} if body is None else body, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(f"/desk/{path}", **more)

    def version(self) -> int:
        parts = self.app.extensions["office"]
        return parts.queue.operator("odesa", self.login).version

    def ready(self) -> Browser:
        """Pass the test of the headset and be ready for calls."""
        self.send("phone/tested", {"headset": "USB", "loss": 0, "jitter": 1, "round_trip": 20})
        answer = self.send("status", {"status": "ready", "version": self.version()})
        assert answer.status_code == 200, answer.text
        return self


@dataclass
class World:
    """All that a test of the desk touches."""

    app: Flask
    office: Office
    queue: MemoryQueue
    store: Store
    watch: Watch
    passwords: dict[str, str]
    var: Path
    tabs: int = 0

    def browser(self, login: str = "olena", other: Browser | None = None) -> Browser:
        """Return a signed-in browser; other: one whose sign-in it shares, as a second tab."""
        self.tabs += 1
        found = Browser(self.app, login, f"tab-{self.tabs:08d}", other.client if other else None)
        if other is None:
            assert found.sign_in(self.passwords[login]).status_code == 303
        return found

    def desk(self, login: str = "olena") -> Browser:
        return self.browser(login).enter()

    def ring(self, call: str = "pbx1-1.1", **fields: Any) -> Ticket:
        """Let a caller enter the queue, be offered and rung."""
        wanted = {"company": "odesa", "queue": "general", "number": "+380671110001"} | fields
        self.queue.enter(Ticket(id=call, entered=self.watch.now, **wanted), self.watch.now)
        ticket = self.queue.ticket(call)
        if ticket.state == "offered":
            self.queue.ring(ticket.token, self.watch.now)
        return self.queue.ticket(call)

    def talk(self, call: str = "pbx1-1.1", **fields: Any) -> Ticket:
        """Let a caller be answered by whoever is ready."""
        ticket = self.ring(call, **fields)
        assert self.queue.answered(ticket.token, self.watch.now)
        return self.queue.ticket(call)

    def audit(self, what: str = "") -> list[tuple[str, str, bool]]:
        """Return who, what, allowed of the rows of the audit log."""
        with self.store.session(read_only=True) as db:
            rows = db.scalars(select(Audit).order_by(Audit.id)).all()
        return [(row.who, row.what, row.allowed) for row in rows if row.what == what or not what]

    def rows(self, table: type) -> list[Any]:
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(table)))


@pytest.fixture(scope="session")
def staff(house: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Passwords and rows of the demo's operators, made once: a hash takes its time."""
    store = memory_store()
    with store.session() as db:
        keep_company(db, "odesa")
    now = datetime.fromtimestamp(START, UTC)
    passwords = users.add_demo(store, "odesa", house.companies["odesa"].queues, now)
    with store.session(read_only=True) as db:
        rows = [dict(row) for row in db.execute(select(User.__table__)).mappings()]
    store.close()
    return passwords, rows


def _world(
    house: Any, store: Store, staff: Any, var: Path, watch: Watch, queue: Any, **more: Any
) -> World:
    parts = Office(
        store=store,
        queue=queue,
        companies=house.companies,
        answers=AnswerBase(HOME / "agent_desk" / "answers"),
        live=more.pop("live", None) or Live(limit=20),
        var=var,
        node="pbx1",
        clock=watch,
        **more,
    )
    with store.session() as db:
        db.execute(insert(User), staff[1])
    app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), parts)
    parts.live.start(parts)
    return World(app, parts, queue, store, watch, dict(staff[0]), var)


@pytest.fixture
def rules(house: Any) -> dict[str, Any]:
    """The rules of the queues of every company."""
    return {name: profile.queues for name, profile in house.companies.items()}


@pytest.fixture
def world(house: Any, demo_store: Store, staff: Any, tmp_path: Path, rules: Any) -> Iterator[World]:
    """The desk over the queue in memory."""
    found = _world(house, demo_store, staff, tmp_path, Watch(), MemoryQueue(rules))
    yield found
    found.office.live.stop()


@pytest.fixture
def shared(
    house: Any, demo_store: Store, staff: Any, tmp_path: Path, rules: Any, redis_server: Any
) -> Iterator[World]:
    """The desk over the queue in Redis, where attempts are counted and desks are seen as well."""
    watch = Watch()
    found = _world(
        house, demo_store, staff, tmp_path, watch,
        RedisQueue(redis_server.client(), rules),
        live=Live(20, RedisPresence(redis_server.client(), watch)),
        limits=redis_server.url.replace("unix://", "redis+unix://"),
    )  # fmt: skip
    yield found
    found.office.live.stop()
