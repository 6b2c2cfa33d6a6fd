"""A desk without Asterisk: the real application over a real store and the queue in memory, served
on a port of its own. The page's way to the exchange is `memory_exchange.js`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import demo_staff
import waitress
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, Route
from running import until

from agent_desk import server
from agent_desk.answer_base import AnswerBase
from agent_desk.desk import Desk, create_app
from agent_desk.live import Live
from agent_desk.office import Office
from ivr import company
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Ticket
from ivr.store.database import Store, memory_store
from ivr.store.world import load_world

HOME = Path(__file__).parents[2]
EXCHANGE = (Path(__file__).parent / "memory_exchange.js").read_text("utf-8")
COMPANIES = company.load(HOME / "flows" / "companies")
WORLD = yaml.load((HOME / "deploy" / "demo-data.yaml").read_text("utf-8"), yaml.BaseLoader)["world"]
COMPANY = "odesa"
CALLER = "+380671110001"
SCREEN = {"width": 1366, "height": 900}


@dataclass
class Stage:
    """A running desk. passwords: by login. complaints: of its pages."""

    office: Office
    passwords: dict[str, str]
    complaints: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    port: int = 0
    calls: int = 0

    @property
    def page(self) -> str:
        """Address of the start page."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def queue(self) -> MemoryQueue:
        assert isinstance(self.office.queue, MemoryQueue)
        return self.office.queue

    @property
    def store(self) -> Store:
        return self.office.store

    def begin(self) -> None:
        """Serve, on the same port as before."""
        app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), self.office)
        listening = server.listener("127.0.0.1", self.port)
        self.port = listening.getsockname()[1]
        self._served = waitress.create_server(app, sockets=[listening], **server.settings(20))
        self._thread = threading.Thread(target=self._served.run)
        self._thread.start()

    def end(self) -> None:
        """Serve no more; what is asked just now is answered."""
        self._served.close()
        self._thread.join(20)
        self._served.task_dispatcher.shutdown()

    def forgive(self, *texts: str) -> None:
        """Let complaints with one of these texts be: Chromium's own lines about what is tested."""
        self.forgiven += texts

    def leave(self) -> None:
        """Close every page; none complained about anything else."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()
        wrong = [
            each for each in self.complaints if not any(text in each for text in self.forgiven)
        ]
        assert not wrong, wrong

    def hire(self, login: str, name: str) -> None:
        """Make one more supervisor."""
        demo_staff.hire(self.store, self.passwords, login, name)

    def visit(self, browser: Browser, **wishes: Any) -> Page:
        """Open a page whose exchange is in memory; what it complains about is kept."""
        context = browser.new_context(**({"locale": "en-GB"} | wishes))
        self.contexts.append(context)
        context.grant_permissions(["microphone"])
        return self.tab(context)

    def tab(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.route("**/static/desk/exchange.js", exchange)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        return page

    def admit(self, browser: Browser, login: str = "vira", **wishes: Any) -> Page:
        """A page of somebody who has signed in and has no desk open."""
        page = self.visit(browser, **({"viewport": SCREEN} | wishes))
        admit(page, self.page, login, self.passwords[login])
        return page

    def sign_in(self, page: Page, login: str = "olena") -> dict[str, str]:
        """Sign in by keyboard; returns the headers of what the page sends."""
        page.goto(self.page + "desk/sign-in")
        page.locator("#login").fill(login)
        page.locator("#password").fill(self.passwords[login])
        with page.expect_request("**/desk/phone") as first:
            page.keyboard.press("Enter")
        page.wait_for_url("**/desk/")
        page.wait_for_selector("body:not([data-mode=loading])")
        return {name: first.value.headers[name] for name in ("x-csrftoken", "x-tab")}

    def ready(self, page: Page, login: str = "olena") -> Page:
        """Sign in, pass the check of the headset behind the page's back, be ready."""
        headers = self.sign_in(page, login)
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        passed = {"headset": "USB", "loss": 0, "jitter": 2, "round_trip": 20, "level": 0.5}
        address = self.page + "desk/phone/tested"
        assert page.request.post(address, data=passed, headers=headers).ok
        page.reload()
        self.at(page, "offline")
        page.keyboard.press("Alt+g")
        return self.at(page, "ready")

    def at(self, page: Page, mode: str) -> Page:
        """Wait until the desk is in a mode."""
        page.wait_for_selector(f"body[data-mode={mode}]")
        return page

    def talk(self, page: Page, **fields: Any) -> Ticket:
        """A caller comes and is answered by key."""
        ticket = self.ring(page, **fields)
        self.at(page, "offer")
        page.keyboard.press("F2")
        self.picked_up(page)
        self.answered(ticket)
        self.at(page, "talk")
        page.wait_for_selector(".face .big.hang_up")
        return ticket

    def ring(self, page: Page, **fields: Any) -> Ticket:
        """A caller comes, is offered to whoever is ready, and the telephone of `page` rings."""
        self.calls += 1
        now = time.time()
        wanted = {"company": COMPANY, "queue": "general", "number": CALLER, "language": "uk"}
        wanted |= {"dialled": "+380487059090", "node": "pbx1"} | fields
        ticket = Ticket(id=f"pbx1-{self.calls}.1", entered=now - 42, **wanted)
        self.queue.enter(ticket, now)
        assert until(lambda: self._state(ticket.id) == "offered"), self.queue.ticket(ticket.id)
        found = self.queue.ticket(ticket.id)
        assert found is not None
        self.queue.ring(found.token, time.time())
        page.evaluate("(token) => exchange.ring(token)", found.token)
        return replace(found, state="ringing")

    def picked_up(self, page: Page) -> None:
        """Wait until the page has answered the ring."""
        page.wait_for_selector(".face .coming, .face .big.hang_up")
        assert until(lambda: page.evaluate("exchange.lines.length") > 0)

    def answered(self, ticket: Ticket) -> None:
        """What the matchmaker notes when the operator's telephone has answered."""
        assert self.queue.answered(ticket.token, time.time())

    def ended(self, ticket: Ticket) -> None:
        """What the matchmaker notes when the caller or the operator hung up."""
        assert self.queue.ended(ticket.id, time.time())

    def _state(self, ticket: str) -> str:
        found = self.queue.ticket(ticket)
        return found.state if found else ""


def exchange(route: Route) -> None:
    """Answer with the exchange in memory."""
    route.fulfill(body=EXCHANGE, content_type="text/javascript")


def admit(page: Page, address: str, login: str, password: str) -> None:
    """Sign in behind the page's back. address: of the start page."""
    address += "desk/sign-in"
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.request.get(address).text())
    assert token
    form = {"login": login, "password": password, "csrf_token": token[1]}
    assert page.request.post(address, form=form, max_redirects=0).status == 303


S = TypeVar("S", bound=Stage)


def demo_store() -> Store:
    """A store in memory with the demo data."""
    store = memory_store()
    with store.session() as session:
        load_world(session, COMPANY, WORLD)
    return store


@contextmanager
def open_stage(
    var: Path,
    kind: type[S] = Stage,
    store: Store | None = None,
    companies: Mapping[str, company.Company] = COMPANIES,
    **more: Any,
) -> Iterator[S]:
    """Serve a desk, over the demo data or another store. more: of the office."""
    store = store or demo_store()
    office = Office(
        store=store,
        queue=MemoryQueue({name: profile.queues for name, profile in COMPANIES.items()}),
        companies=dict(companies),
        answers=AnswerBase(HOME / "agent_desk" / "answers"),
        live=Live(limit=20),
        var=var,
        **({"node": "pbx1"} | more),
    )
    stage = kind(office, demo_staff.seat(store, COMPANIES[COMPANY]))
    office.live.start(office)
    stage.begin()
    yield stage
    try:
        stage.leave()
    finally:
        office.live.stop()
        stage.end()
        store.close()
