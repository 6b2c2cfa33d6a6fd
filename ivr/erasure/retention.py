"""Deleting by age, by the company's policy (`company.terms.retention`); 0 days: for ever.

Every kind is done in small batches, the oldest first, so that callers are not held up and whoever
is killed has lost nothing: the next round goes on. The facts that reports are counted from stay.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from ivr.company import Company
from ivr.erasure.customer import Parts, alone
from ivr.erasure.rows import BATCH, CHUNK
from ivr.erasure.subject import BETWEEN, NotErased
from ivr.rounds import Rounds
from ivr.store.facts import CallFact
from ivr.store.models import Audit, CallEvent, Conversation, VoiceMessage
from ivr.store.supervision import (
    HOLD,
    Action,
    Erasure,
    HelpRequest,
    RecordingMark,
    Scorecard,
    StaffMessage,
)

logger = logging.getLogger(__name__)

HIDDEN = "hidden"
"""What stands in the log instead of a telephone number."""
NUMBER = re.compile(
    rf"\+\d(?:{BETWEEN}\d){{6,14}}(?!\d)|(?<!\d)0(?:{BETWEEN}\d){{9}}(?!\d)", re.ASCII
)
NIGHT = (2, 5)
"""Local hours between which `app.py jobs` does it."""
EVERY = 300.0
"""Seconds between two looks whether it is night."""


@dataclass(frozen=True)
class Texts:
    """Columns of one table in which telephone numbers may stand. at: how old a row is."""

    at: Any
    columns: tuple[Any, ...]


LOG = (Texts(CallEvent.at, (CallEvent.details,)),)
STAFF = (
    Texts(Audit.at, (Audit.details,)),
    Texts(Action.at, (Action.target, Action.before, Action.after)),
    Texts(HelpRequest.asked_at, (HelpRequest.note,)),
    Texts(StaffMessage.sent_at, (StaffMessage.text,)),
    Texts(Scorecard.at, (Scorecard.note, Scorecard.answer)),
)
"""What staff did and wrote."""


@dataclass(frozen=True)
class Aged:
    """What of one kind is too old. days: it is kept, 0: for ever. oldest: its day, "" none."""

    kind: str
    days: int
    count: int = 0
    oldest: str = ""


def dry_run(parts: Parts, company: Company) -> dict[str, Any]:
    """Return what would go, by kind."""
    return {"state": "dry", "kinds": [asdict(each) for each in _aged(parts, company)]}


def run(parts: Parts, company: Company, who: str) -> dict[str, Any]:
    """Delete it and keep the report. NotErased ("busy"): somebody else is at it."""
    with alone(parts):
        told = _aged(parts, company)
        until = _before(parts, company.terms.retention.numbers)
        kinds = _kinds(parts, company)
        for each in told:
            if each.days:
                kinds[each.kind]()
        report: dict[str, Any] = {"state": "done", "kinds": [asdict(each) for each in told]}
        if company.terms.retention.numbers:
            report["numbers_until"] = until.isoformat()
        now = parts.clock()
        counts = {each.kind: each.count for each in told if each.count}
        with parts.store.session() as db:
            db.add(Erasure(company=company.id, at=now, who=who, dry_run=False, proof=report))
            db.add(
                Audit(
                    at=now, company=company.id, who=who, what="retention", allowed=True,
                    details=counts,
                )
            )  # fmt: skip
    return report


# ---------------------------------------------------------------------- what is too old


def _aged(parts: Parts, company: Company) -> list[Aged]:
    terms = company.terms.retention
    talks = Conversation.answered_at
    found = [
        _count(parts, company, _name(queue), days, talks, _talks(company, queue))
        for queue, days in _queues(company).items()
    ]
    done, numbered = VoiceMessage.state == "done", CallFact.number.is_not(None)
    return [
        *found,
        _count(parts, company, "messages", terms.messages, VoiceMessage.handled_at, done),
        _count(parts, company, "events", terms.events, CallEvent.at),
        _count_numbers(parts, company, "numbers", LOG),
        _count(parts, company, "numbers:calls", terms.numbers, CallFact.began, numbered),
        _count_numbers(parts, company, "numbers:staff", STAFF),
        _count(parts, company, "audit", terms.audit, Audit.at),
    ]


def _queues(company: Company) -> dict[str, int]:
    """Days by queue; "": every other queue."""
    terms = company.terms.retention
    return {"": terms.recordings, **terms.by_queue}


def _name(queue: str) -> str:
    return f"recordings:{queue}" if queue else "recordings"


def _talks(company: Company, queue: str) -> ColumnElement[bool]:
    others = list(company.terms.retention.by_queue)
    mine = Conversation.queue == queue if queue else Conversation.queue.not_in(others)
    held = exists().where(
        RecordingMark.conversation_id == Conversation.id, RecordingMark.kind == HOLD
    )
    return and_(
        Conversation.recording.is_not(None), Conversation.ended_at.is_not(None), mine, ~held
    )


def _before(parts: Parts, days: int) -> datetime:
    return parts.clock() - timedelta(days=days)


def _old(parts: Parts, company: Company, days: int, at: Any) -> ColumnElement[bool]:
    return and_(at.class_.company == company.id, at < _before(parts, days))


def _count(
    parts: Parts, company: Company, kind: str, days: int, at: Any, *rules: ColumnElement[bool]
) -> Aged:
    if not days:
        return Aged(kind, 0)
    wanted = select(func.count(), func.min(at)).where(_old(parts, company, days, at), *rules)
    with parts.store.session(read_only=True) as db:
        count, oldest = db.execute(wanted).one()
    return Aged(kind, days, count, _day(company, oldest))


def _day(company: Company, moment: datetime | None) -> str:
    return moment.astimezone(company.zone).date().isoformat() if moment else ""


def _count_numbers(parts: Parts, company: Company, kind: str, texts: Sequence[Texts]) -> Aged:
    days = company.terms.retention.numbers
    if not days:
        return Aged(kind, 0)
    count, oldest = 0, None
    for each in texts:
        for rows in _numbered(parts, company, each):
            count += len(rows)
            oldest = min(
                (row.at for row in rows if oldest is None or row.at < oldest), default=oldest
            )
    return Aged(kind, days, count, _day(company, oldest))


def _numbered(parts: Parts, company: Company, texts: Texts) -> Iterator[list[Any]]:
    """Old rows with telephone numbers, from where the last round came to, in order."""
    key, begin = texts.at.class_.id, _numbers_until(parts, company)
    old = _old(parts, company, company.terms.retention.numbers, texts.at)
    if begin is not None:
        old = and_(old, texts.at >= begin)
    with parts.store.session(read_only=True) as db:
        last = (db.scalar(select(func.min(key)).where(old)) or 1) - 1
        end = db.scalar(select(func.max(key)).where(old)) or 0
    while last < end:
        within = key.between(last + 1, last + CHUNK)
        wanted = select(key, texts.at.label("at"), *texts.columns).where(old, within)
        with parts.store.session(read_only=True) as db:
            rows = db.execute(wanted.order_by(key)).all()
        last += CHUNK
        if hits := [row for row in rows if hidden(row[2:]) != row[2:]]:
            yield hits


def _numbers_until(parts: Parts, company: Company) -> datetime | None:
    """Return up to when the numbers are gone already."""
    wanted = select(Erasure.proof).where(
        Erasure.company == company.id, Erasure.subject == "", Erasure.dry_run.is_(False)
    )
    with parts.store.session(read_only=True) as db:
        for proof in db.scalars(wanted.order_by(Erasure.id.desc())):
            if until := proof.get("numbers_until"):
                return datetime.fromisoformat(until)
    return None


# ---------------------------------------------------------------------- deleted


def _kinds(parts: Parts, company: Company) -> Mapping[str, Callable[[], None]]:
    terms = company.terms.retention
    return {
        **{
            f"recordings:{queue}" if queue else "recordings": _sounds_of(
                parts, company, queue, days
            )
            for queue, days in _queues(company).items()
        },
        "messages": lambda: _messages(parts, company),
        "events": lambda: _rows(parts, company, CallEvent, terms.events),
        "numbers": lambda: _hide(parts, company, LOG),
        "numbers:calls": lambda: _forget(parts, company),
        "numbers:staff": lambda: _hide(parts, company, STAFF),
        "audit": lambda: _rows(parts, company, Audit, terms.audit),
    }


def _sounds_of(parts: Parts, company: Company, queue: str, days: int) -> Callable[[], None]:
    def go() -> None:
        old = and_(_old(parts, company, days, Conversation.answered_at), _talks(company, queue))
        for rows in _batches(parts, Conversation.answered_at, old):
            for row in rows:
                _unlink(parts, row.recording)
            keys = [row.id for row in rows]
            with parts.store.session() as db:
                db.execute(delete(RecordingMark).where(RecordingMark.conversation_id.in_(keys)))
                db.execute(
                    update(Conversation).where(Conversation.id.in_(keys)).values(recording=None)
                )

    return go


def _messages(parts: Parts, company: Company) -> None:
    days = company.terms.retention.messages
    old = _old(parts, company, days, VoiceMessage.handled_at)
    old = and_(old, VoiceMessage.state == "done")
    for rows in _batches(parts, VoiceMessage.handled_at, old):
        for row in rows:
            _unlink(parts, row.path)
        with parts.store.session() as db:
            db.execute(delete(VoiceMessage).where(VoiceMessage.id.in_([row.id for row in rows])))


def _batches(parts: Parts, at: Any, old: ColumnElement[bool]) -> Iterator[list[Any]]:
    """Rows that are too old, batch by batch, as long as there are any; the oldest first.

    at: how old a row is. What was done is not looked through again: batches go on by `at`.
    """
    table, rest = at.class_, old
    while True:
        with parts.store.session(read_only=True) as db:
            wanted = select(table).where(rest).order_by(at, table.id).limit(BATCH)
            rows = list(db.scalars(wanted))
        if not rows:
            return
        rest = and_(old, at >= getattr(rows[-1], at.key))
        yield rows


def _unlink(parts: Parts, path: str) -> None:
    folder = (parts.var / "recordings").resolve()
    found = (folder / path).resolve()
    if found.is_relative_to(folder):
        found.unlink(missing_ok=True)


def _rows(parts: Parts, company: Company, table: Any, days: int) -> None:
    old = _old(parts, company, days, table.at)
    while True:
        with parts.store.session() as db:
            wanted = select(table.id).where(old).order_by(table.at, table.id).limit(BATCH)
            keys = list(db.scalars(wanted))
            if not keys:
                return
            db.execute(delete(table).where(table.id.in_(keys)))


def _hide(parts: Parts, company: Company, texts: Sequence[Texts]) -> None:
    """Take the telephone numbers out of old rows; the rest of them stays."""
    for each in texts:
        table, names = each.at.class_.__table__, [column.key for column in each.columns]
        change = update(table).where(table.c.id == bindparam("row"))
        for rows in _numbered(parts, company, each):
            for start in range(0, len(rows), BATCH):
                changes = [
                    {"row": row.id, **dict(zip(names, hidden(row[2:]), strict=True))}
                    for row in rows[start : start + BATCH]
                ]
                with parts.store.session() as db:
                    db.connection().execute(change, changes)


def hidden(value: Any) -> Any:
    """Return plain JSON without telephone numbers."""
    if isinstance(value, str):
        return NUMBER.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {name: hidden(each) for name, each in value.items()}
    if isinstance(value, list):
        return [hidden(each) for each in value]
    if isinstance(value, tuple):
        return tuple(hidden(each) for each in value)
    return value


def _forget(parts: Parts, company: Company) -> None:
    """Take number and account out of old figures of calls, day by day: an index leads there."""
    days = company.terms.retention.numbers
    old = and_(
        _old(parts, company, days, CallFact.began),
        or_(CallFact.number.is_not(None), CallFact.account.is_not(None)),
    )
    with parts.store.session(read_only=True) as db:
        day = db.scalar(select(func.min(CallFact.day)).where(CallFact.company == company.id))
    last = _before(parts, days).astimezone(company.zone).date()
    while day is not None and day <= last:
        wanted = select(CallFact.call).where(old, CallFact.day == day).limit(BATCH)
        with parts.store.session() as db:
            keys = list(db.scalars(wanted))
            db.execute(
                update(CallFact).where(CallFact.call.in_(keys)).values(number=None, account=None)
            )
        if len(keys) < BATCH:
            day += timedelta(days=1)


# ---------------------------------------------------------------------- the thread


class Nights(Rounds):
    """Deletes once a night for each company, until `stopping` is set."""

    def __init__(self, parts: Parts, stopping: threading.Event, every: float = EVERY) -> None:
        super().__init__("retention", stopping, every)
        self._parts = parts

    def round(self) -> None:
        """Delete where it is night and was not done since noon; what fails waits for later."""
        for company in self._parts.companies.values():
            local = self._parts.clock().astimezone(company.zone)
            if not NIGHT[0] <= local.hour < NIGHT[1]:
                continue
            try:
                if self._done_since(company, local - timedelta(hours=12)):
                    continue
                told = run(self._parts, company, "jobs")
            except NotErased:
                continue
            except (OSError, SQLAlchemyError, TimeoutError, redis.RedisError) as reason:
                logger.warning("retention waits: %s", type(reason).__name__)
                continue
            counts = {each["kind"]: each["count"] for each in told["kinds"] if each["count"]}
            logger.info("%s: retention deleted %s", company.id, counts or "nothing")

    def _done_since(self, company: Company, since: datetime) -> bool:
        wanted = select(Erasure.id).where(
            Erasure.company == company.id, Erasure.subject == "", Erasure.at >= since
        )
        with self._parts.store.session(read_only=True) as db:
            return db.scalar(wanted.limit(1)) is not None
