"""Whom a storm left without an answer: call-backs that are due, and callers who gave up waiting."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.figures import write_csv
from ivr.model import SYNTHETIC
from ivr.store.models import Callback, CallEvent


@dataclass(frozen=True)
class Left:
    """Somebody to be rung. what: callback (promised) or lost (gave up in a queue).

    number: E.164. since: when he asked, or called last. calls: how often he tried.
    """

    what: str
    number: str
    queue: str
    since: datetime
    calls: int
    language: str
    account: str


def lists(db: Session, company: str, begin: datetime, end: datetime) -> list[Left]:
    """Return everybody whom the time between two moments left unanswered, longest ago first.

    Left out: withheld numbers, who was answered later in that time, who was called back since or is
    to be called back anyway.
    """
    promised = _promised(db, company, end)
    served = select(Callback.number).where(
        Callback.company == company,
        Callback.state.in_(("done", "resumed")),
        Callback.ended_at >= begin,
    )
    known = {row.number for row in promised} | set(db.scalars(served))
    lost = [row for row in _lost(db, company, begin, end) if row.number not in known]
    return sorted([*promised, *lost], key=lambda row: (row.since, row.number))


def _promised(db: Session, company: str, end: datetime) -> list[Left]:
    wanted = select(Callback).where(
        Callback.company == company, Callback.live.is_(True), Callback.created_at < end
    )
    return [
        Left("callback", row.number, row.queue, row.created_at, row.tries + 1, row.language,
             str(row.context.get("account") or ""))
        for row in db.scalars(wanted)
    ]  # fmt: skip


def _lost(db: Session, company: str, begin: datetime, end: datetime) -> list[Left]:
    wanted = (
        select(CallEvent)
        .where(CallEvent.company == company, CallEvent.at >= begin, CallEvent.at < end)
        .where(CallEvent.kind.in_(("answered", "queued", "left")))
        .order_by(CallEvent.at, CallEvent.id)
    )
    numbers: dict[str, str] = {}
    queues: dict[str, str] = {}
    accounts: dict[str, str] = {}
    found: dict[str, Left] = {}
    for event in db.scalars(wanted.execution_options(yield_per=1000)):
        details = event.details
        number = numbers.get(event.call)
        if event.kind == "answered" and "operator" not in details:
            if details.get("entrance") == SYNTHETIC:
                continue
            numbers[event.call] = str(details.get("from") or "")
        elif event.kind == "answered" and number:
            found.pop(number, None)
        elif event.kind == "queued":
            queues[event.call] = str(details.get("queue") or "")
            show = details.get("show") or {}
            accounts[event.call] = str(show.get("account") or "")
        elif event.kind == "left" and details.get("outcome") == "abandoned" and number:
            before = found.get(number)
            found[number] = Left(
                "lost", number, queues.get(event.call, ""), event.at,
                before.calls + 1 if before else 1, "", accounts.get(event.call, ""),
            )  # fmt: skip
    return list(found.values())


def as_csv(rows: Sequence[Left]) -> str:
    """Return the rows as CSV with a heading. Numbers keep their plus: a spreadsheet must read
    the column as text.
    """
    target = io.StringIO()
    write_csv(target, [[field.name for field in fields(Left)]])
    for row in rows:
        cells = asdict(row) | {"since": row.since.isoformat(timespec="seconds")}
        write_csv(target, [cells.values()])
    return target.getvalue()
