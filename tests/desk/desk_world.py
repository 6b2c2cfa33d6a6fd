"""A desk without a network, as the tests see it: a clock, browsers, callers, what is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import demo_staff
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from agent_desk.office import Office
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Ticket
from ivr.store.database import Store
from ivr.store.models import Audit, User

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
        """Open the desk and its stream."""
        return self.open("").listen()

    def open(self, path: str) -> Browser:
        """Open a page, and no stream."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        self.given = json.loads(re.search(r'id="given"[^>]*>(.*?)</script>', page.text, re.S)[1])
        self.csrf = self.given.get("csrf", "")
        return self

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

    def at(self, page: str, login: str = "vira") -> Browser:
        """Somebody at a page of the supervisor, who has no desk open."""
        return self.browser(login).open(f"supervisor/{page}/")

    def hire(self, login: str, name: str) -> None:
        """Make one more supervisor."""
        demo_staff.hire(self.store, self.passwords, login, name)

    def promote(self, login: str, role: str) -> None:
        """Give somebody another role."""
        with self.store.session() as db:
            db.execute(update(User).where(User.login == login).values(role=role))

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


def refused(answer: TestResponse, code: str, status: int = 409) -> str:
    """An answer is a refusal with this code, and says why in words; the words."""
    assert (answer.status_code, answer.json["error"]) == (status, code), answer.text
    text: str = answer.json["text"]
    assert text != code and "{" not in text
    return text
