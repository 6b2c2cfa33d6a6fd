"""A wallboard without Asterisk: the real application over a store in a file and its feed; the log
is written by whoever has it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import waitress
from playwright.sync_api import Browser, Page
from running import until

from agent_desk import server, users
from agent_desk.answer_base import AnswerBase
from agent_desk.desk import Desk, create_app
from agent_desk.live import Live
from agent_desk.office import Office
from ivr import company
from ivr.agent_queue.memory import MemoryQueue
from ivr.board import Feed
from ivr.company import Company
from ivr.events import Entry, write
from ivr.store.database import Store, open_store
from ivr.store.world import keep_company

HOME = Path(__file__).parents[2]
sys.path.append(str(HOME / "tests" / "board"))
COMPANIES = company.load(HOME / "flows" / "companies")

SHOWN = """() => {
  const board = document.querySelector("#board");
  const shown = [...board.querySelectorAll("[data-figure]")];
  return {
    ...board.dataset,
    figures: Object.fromEntries(shown.map((each) => [each.dataset.figure, each.textContent])),
    order: [...board.querySelectorAll("[data-queue]")].map((each) => each.dataset.queue),
    marks: Object.fromEntries([...board.querySelectorAll("[data-queue]")]
      .map((each) => [each.dataset.queue, each.className])),
  };
}"""
"""What the page shows at one moment, with what it says of itself: now, at, upto, state."""


@dataclass
class Wall:
    """A running application with a wallboard."""

    store: Store
    feed: Feed
    office: Office
    port: int
    passwords: dict[str, str]
    served: Any = None
    complaints: list[str] = field(default_factory=list)
    thread: threading.Thread | None = None

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def company(self) -> Company:
        return COMPANIES["odesa"]

    def write(self, entries: Sequence[Entry]) -> None:
        write(self.store, entries)

    def begin(self) -> None:
        """Serve, on the same port as before."""
        app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), self.office)
        listening = server.listener("127.0.0.1", self.port)
        self.port = listening.getsockname()[1]
        self.served = waitress.create_server(app, sockets=[listening], **server.settings(20))
        self.thread = threading.Thread(target=self.served.run)
        self.thread.start()

    def end(self) -> None:
        self.feed.stop()
        self.served.close()
        assert self.thread is not None
        self.thread.join(20)

    def visit(self, browser: Browser, query: str = "", **wishes: Any) -> Page:
        """Sign the supervisor in and open the wallboard."""
        context = browser.new_context(**({"locale": "en-GB"} | wishes))
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{self.page}desk/sign-in")
        page.locator("#login").fill("vira")
        page.locator("#password").fill(self.passwords["vira"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/")
        page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        page.goto(f"{self.page}supervisor")
        page.wait_for_url("**/desk/supervisor/wallboard/")
        if query:
            page.goto(f"{self.page}desk/supervisor/wallboard/{query}")
        page.wait_for_selector("#board[data-state=live]")
        return page


def open_wall(folder: Path, log: Sequence[Entry] = ()) -> Wall:
    """A wall over a store of its own with this log."""
    store = open_store(f"sqlite:///{folder}/press2.db", migrate=True)
    with store.session() as db:
        keep_company(db, "odesa")
    write(store, log)
    office = Office(
        store=store,
        queue=MemoryQueue({"odesa": COMPANIES["odesa"].queues}),
        companies=COMPANIES,
        answers=AnswerBase(HOME / "agent_desk" / "answers"),
        live=Live(limit=20),
        var=folder,
        board=Feed(store, COMPANIES),
    )
    passwords = users.add_demo(store, "odesa", COMPANIES["odesa"].queues, office.now())
    assert office.board is not None
    wall = Wall(store, office.board, office, 0, dict(passwords))
    office.board.start()
    wall.begin()
    return wall


def shown(page: Page, upto: int = 0) -> dict[str, Any]:
    """What the page shows, once it shows the log up to an id."""
    assert until(lambda: int(page.evaluate(SHOWN).get("upto", 0)) >= upto)
    return page.evaluate(SHOWN)
