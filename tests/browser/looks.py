"""What a page looks like to those who see little, to small screens, and in pictures."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

HOME = Path(__file__).parents[2]
AXE = (HOME / "agent_desk" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
SHOTS = os.environ.get("PRESS2_SHOTS", "")
"""A folder for pictures of the pages, for whoever looks at them."""
VIOLATIONS = """async () =>
  (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`))"""
SPILLED = """() => [...document.querySelectorAll("main section, main li, main form > *")]
  .filter((each) => each.checkVisibility())
  .filter((each) => each.getBoundingClientRect().right
    > each.parentElement.getBoundingClientRect().right + 1)
  .map((each) => each.outerHTML.slice(0, 80))"""


def barriers(page: Page) -> list[str]:
    """What axe-core finds."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    found: list[str] = page.evaluate(VIOLATIONS)
    return found


def spilled(page: Page) -> list[str]:
    """What is wider than its place."""
    found: list[str] = page.evaluate(SPILLED)
    return found


def unworded(page: Page, *prefixes: str) -> list[str]:
    """Keys of texts that stand where a text should."""
    return [word for word in page.locator("body").inner_text().split() if word.startswith(prefixes)]


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def looks(page: Page, name: str, *schemes: str) -> None:
    """Nothing is amiss in these schemes (both); a picture of each is taken; then it is light."""
    for scheme in schemes or ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        wrong = barriers(page) + spilled(page)
        assert not wrong, wrong
        shoot(page, f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
