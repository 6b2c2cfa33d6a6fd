"""A wallboard without Asterisk: the real application over a store in a file and its feed; the log
is written by whoever has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk_stage import COMPANIES, COMPANY, HOME, Stage, open_stage
from playwright.sync_api import Browser, Page
from running import until

from ivr.board import Feed
from ivr.company import Company
from ivr.events import Entry, write
from ivr.store.database import open_store
from ivr.store.world import keep_company

sys.path.append(str(HOME / "tests" / "board"))

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
class Wall(Stage):
    """A running application with a wallboard."""

    @property
    def feed(self) -> Feed:
        assert self.office.board is not None
        return self.office.board

    def write(self, entries: Sequence[Entry]) -> None:
        write(self.store, entries)

    def end(self) -> None:
        """Serve no more, and follow the log no more."""
        self.feed.stop()
        super().end()

    def board(self, browser: Browser, query: str = "", **wishes: Any) -> Page:
        """Open the wallboard of a supervisor."""
        page = self.admit(browser, **wishes)
        page.goto(f"{self.page}supervisor")
        page.wait_for_url("**/desk/supervisor/wallboard/")
        if query:
            page.goto(f"{self.page}desk/supervisor/wallboard/{query}")
        page.wait_for_selector("#board[data-state=live]")
        return page


@contextmanager
def open_wall(
    folder: Path, log: Sequence[Entry] = (), companies: Mapping[str, Company] = COMPANIES
) -> Iterator[Wall]:
    """A wall over a store of its own with this log."""
    store = open_store(f"sqlite:///{folder}/press2.db", migrate=True)
    with store.session() as db:
        keep_company(db, COMPANY)
    write(store, log)
    feed = Feed(store, companies)
    feed.start()
    with open_stage(folder, Wall, store, companies, board=feed) as wall:
        yield wall


def shown(page: Page, upto: int = 0) -> dict[str, Any]:
    """What the page shows, once it shows the log up to an id."""
    assert until(lambda: int(page.evaluate(SHOWN).get("upto", 0)) >= upto)
    return page.evaluate(SHOWN)
