"""Sounds in the folder of recordings that no row of the store names.

Nobody can listen to them, and what deletes by age goes by rows: they stay until somebody looks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from ivr.store.database import Store
from ivr.store.models import Conversation, VoiceMessage

CHUNK = 5000
"""Rows that are fetched at once."""


def strays(store: Store, folder: Path, before: float) -> dict[str, int]:
    """Return the sounds that are no talk's and no voice message's: path below `folder` -> bytes.

    before: seconds since 1970; what was written later is left out, its row may still come.
    """
    found = dict(_sounds(folder, before))
    with store.session(read_only=True) as db:
        for path in (Conversation.recording, VoiceMessage.path):
            wanted = select(path).where(path.is_not(None)).execution_options(yield_per=CHUNK)
            for known in db.scalars(wanted) if found else ():
                found.pop(str(known), None)
    return found


def _sounds(folder: Path, before: float) -> Iterator[tuple[str, int]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                seen = path.lstat()
                if path.suffix == ".wav" and seen.st_mtime < before:
                    yield str(path.relative_to(folder)), seen.st_size
