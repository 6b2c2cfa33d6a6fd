"""The words that companies use for what is applied for and how far it got, and the ones we know.

One table for everything that brings applications in: a word that is none of these is refused by an
import, and where it stands in the store all the same, callers are sent to an operator for it.
"""

from __future__ import annotations

STATES = {
    "received": ("new", "accepted", "registered", "submitted", "filed", "open", "opened", "queued"),
    "in_progress": (
        "in_work", "in_process", "processing", "in_review", "under_review", "review", "approved",
        "started", "working", "active",
    ),
    "scheduled": ("planned", "assigned", "appointed"),
    "done": ("completed", "complete", "executed", "closed", "finished", "fulfilled", "resolved"),
    "postponed": (
        "waiting_documents", "waiting_for_documents", "delayed", "deferred", "suspended",
        "on_hold", "paused",
    ),
    "refused": ("rejected", "denied", "declined"),
    "cancelled": ("canceled", "withdrawn", "revoked", "annulled"),
}  # fmt: skip
"""Other words for each state of an application."""
REASONED = {"waiting_documents": "documents", "waiting_for_documents": "documents"}
"""The reason that such a word tells besides the state."""
WHATS = {
    "meter_replacement": ("meter_change", "replacement"),
    "connection": ("new_connection", "grid_connection"),
    "meter_check": ("meter_verification", "verification"),
    "inspection": ("survey",),
    "contract": ("agreement",),
    "other": (),
}
"""Other words for each thing that is applied for."""


def _all(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {word: known for known, others in table.items() for word in (known, *others)}


STATE_OF = _all(STATES)
WHAT_OF = _all(WHATS)


def plain(word: str) -> str:
    """Return a word as the tables write it: "In work" and "in-work" are "in_work"."""
    return "_".join(word.strip().lower().replace("-", " ").split())


def state(word: str) -> str:
    """Return the known state of a word; a word that is none comes back as it is."""
    return STATE_OF.get(plain(word), word)


def what(word: str) -> str:
    """Return the known thing of a word; a word that is none comes back as it is."""
    return WHAT_OF.get(plain(word), word)


def reason(word: str) -> str | None:
    """Return the reason that a word of a state tells by itself."""
    return REASONED.get(plain(word))
