"""What the pages of flows and of prompts have in common: refusals, undo, what was done lately."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from agent_desk.office import office, shift
from agent_desk.refusals import Refused
from agent_desk.supervisor import shell
from ivr import actions
from ivr.errors import Changed, NotUndone, Unfit

LATELY = timedelta(days=7)
"""How long what was done is shown."""
SHOWN = 30


@contextmanager
def changing(what: str) -> Iterator[Session]:
    """Lend a transaction; what is refused in it is told, audited, and undoes all of it."""
    try:
        with office().store.session() as db:
            yield db
    except (Unfit, Changed, NotUndone) as error:
        raise refusal(error, what) from None


def refusal(error: Unfit | Changed | NotUndone, what: str = "") -> Refused:
    """Return the refusal that tells a page of an error. what: was tried."""
    if isinstance(error, Unfit):
        status = 404 if error.reason.endswith("_gone") else 400
        details: dict[str, Any] = dict(error.details)
        return Refused(error.reason, status, audit=what, **details)
    if isinstance(error, Changed):
        code = "publish_changed_by" if error.who else "publish_changed"
        return Refused(code, 409, audit=what, who=shell.named(error.who))
    return Refused(f"publish_undo_{error.reason}", 409, audit=what, who=shell.named(error.who))


def lately(db: Session, *beginnings: str) -> list[dict[str, Any]]:
    """Return what was done in the last days, newest first."""
    rows = actions.lately(db, shift().company, office().now() - LATELY, *beginnings)
    standing = actions.standing(rows)
    return [
        {
            "id": row.id,
            "at": row.at.timestamp(),
            "who": row.who,
            "what": row.what.partition(".")[2],
            "target": row.target,
            "before": row.before,
            "after": row.after,
            "undo": row.id in standing,
            "undoes": row.undoes is not None,
            "undone": row.undone_by,
        }
        for row in rows[:SHOWN]
    ]
