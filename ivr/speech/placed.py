"""Uploaded recordings on this machine: what is live in the store, beside the other sounds.

A version is a file of its own ("uk/r_greeting_0123456789abcdef.wav") that is written once and whole
and never changed: who is playing the old one hears it to its end, the next say names the new one.
Its name is given out only when the file stands. While the store is away what is here is played.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ivr import recorded
from ivr.errors import Unfit
from ivr.rounds import Rounds
from ivr.speech import audio
from ivr.store.database import Store
from ivr.store.supervision import PromptVersion

logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks."""


class Placed:
    """The uploaded recordings of one machine. sounds: the folder of `LANG/NAME.wav`."""

    def __init__(self, store: Store, sounds: Path) -> None:
        self._store = store
        self._sounds = sounds
        self._names: Mapping[tuple[str, str, str], str] = {}

    def name(self, company: str, language: str, piece: str) -> str | None:
        """Return the sound that is played for a piece, None for the program's own."""
        return self._names.get((company, language, piece))

    def look(self) -> None:
        """Ask the store what is live, and bring what is not here. Never raises."""
        try:
            with self._store.session(read_only=True) as db:
                rows = recorded.live(db)
            self._names = {
                (row.company, row.language, row.prompt): name_of(row)
                for row in rows
                if self._bring(row)
            }
        except (SQLAlchemyError, TimeoutError) as reason:
            logger.warning("recordings: the store does not answer (%s)", type(reason).__name__)

    def _bring(self, row: PromptVersion) -> bool:
        """Write the files of a version where they do not stand; tells whether they do."""
        target = self._sounds / name_of(row)
        if target.with_name(f"{target.name}.wav").exists():
            return True
        try:
            with self._store.session(read_only=True) as db:
                full = recorded.find(
                    db, row.company, row.prompt, row.language, row.number, sounds=True
                )
                audio.place({audio.NARROW: full.sound, audio.WIDE: full.wide}, target)
        except (OSError, Unfit) as reason:
            logger.error("recording %s cannot be placed: %s", name_of(row), reason)
            return False
        return True


class Looks(Rounds):
    """Looks again and again, beside the calls."""

    def __init__(self, placed: Placed, stopping: threading.Event, every: float = EVERY) -> None:
        super().__init__("recordings", stopping, every)
        self._placed = placed

    def round(self) -> None:
        """Look."""
        self._placed.look()


def name_of(row: PromptVersion) -> str:
    """Return the name of a version's sound, as "uk/r_greeting_0123456789abcdef"."""
    return f"{row.language}/r_{row.prompt}_{row.digest}"
