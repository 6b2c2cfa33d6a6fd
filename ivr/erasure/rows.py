"""The customer in the store: found, counted, emptied, cut out; table by table, in small batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    String,
    Table,
    and_,
    cast,
    delete,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from ivr.erasure.inventory import SAID, TABLES, Holding
from ivr.erasure.subject import GONE, Subject
from ivr.store.database import Store
from ivr.store.models import Account, Base, Callback, Conversation, Reading, VoiceMessage

BATCH = 500
"""Rows of one transaction: callers who store something wait for no more than that."""
CHUNK = 20_000
"""Rows of one reading transaction."""
LARGE = frozenset({"events", "call_facts", "visit_facts", "flow_facts", "operator_spans"})
"""Tables of millions of rows, in which numbers are written by the system only, without blanks."""


@dataclass
class Plan:
    """What belongs to the customer besides what names him. accounts: ids of `accounts`.

    calls: ids of calls, and of call-backs ("callback-17"). files: below var/recordings.
    """

    accounts: set[int] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def join(self, other: Plan) -> None:
        """Take in what another plan knows."""
        self.accounts |= other.accounts
        self.calls |= other.calls
        self.files |= other.files

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {name: sorted(value) for name, value in vars(self).items()}

    @staticmethod
    def from_json(known: dict[str, Any]) -> Plan:
        """Rebuild a plan."""
        return Plan(**{name: set(value) for name, value in known.items()})


@dataclass(frozen=True)
class Count:
    """Rows of one table. looked: read. found: his. stay: of those, kept as they are."""

    table: str
    looked: int = 0
    found: int = 0
    stay: int = 0


def table(name: str) -> Table:
    """Return a table by its name."""
    return Base.metadata.tables[name]


# ---------------------------------------------------------------------- what is his


def plan(store: Store, subject: Subject) -> Plan:
    """Look for the calls, call-backs and files of a customer."""
    found = Plan()
    with store.session(read_only=True) as db:
        if subject.kind == "account":
            wanted = select(Account.id).where(
                Account.company == subject.company, Account.number == subject.value
            )
            found.accounts = set(db.scalars(wanted))
        for name, holding in TABLES.items():
            whose = _named(table(name), holding, subject, found.accounts)
            if whose is not None and "call" in table(name).c:
                found.calls |= set(db.scalars(select(table(name).c.call).where(whose)))
    for chunk in _chunks(store, table("events"), subject, ("call", "details"), ("details",)):
        found.calls |= {row.call for row in chunk if row.call and subject.found(row.details)}
    _extend(store, subject, found)
    return found


def _extend(store: Store, subject: Subject, found: Plan) -> None:
    """Add call-backs by their tickets, and the files of all calls."""
    with store.session(read_only=True) as db:
        for calls in parts(found.calls):
            promised = select(Callback.id).where(Callback.call.in_(calls))
            found.calls |= {f"callback-{key}" for key in db.scalars(promised)}
        mine = select(Callback.id).where(
            Callback.company == subject.company, Callback.number == subject.value
        )
        found.calls |= {f"callback-{key}" for key in db.scalars(mine)}
        for calls in parts(found.calls):
            talks = select(Conversation.recording).where(
                Conversation.company == subject.company, Conversation.call.in_(calls)
            )
            messages = select(VoiceMessage.path).where(
                VoiceMessage.company == subject.company, VoiceMessage.call.in_(calls)
            )
            found.files |= {
                path for wanted in (talks, messages) for path in db.scalars(wanted) if path
            }


def parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists that fit into one statement."""
    every = sorted(values)
    for start in range(0, len(every), BATCH):
        yield every[start : start + BATCH]


def _named(
    where: Table, holding: Holding, subject: Subject, accounts: set[int]
) -> ColumnElement[bool] | None:
    """Return the rows that name him in a column of their own, None where there is none."""
    rules: list[ColumnElement[bool]] = []
    names = holding.number if subject.kind == "number" else holding.account
    rules += [where.c[name] == subject.value for name in names]
    if accounts and "account_id" in where.c and not holding.stays:
        rules.append(where.c.account_id.in_(accounts))
    return and_(_company(where, subject), or_(*rules)) if rules else None


def _company(where: Table, subject: Subject) -> ColumnElement[bool]:
    """Return the rows of his company, also where only the talk tells whose they are."""
    talk = Conversation.company == subject.company
    if "company" in where.c:
        return where.c.company == subject.company
    if "conversation_id" in where.c:
        return where.c.conversation_id.in_(select(Conversation.id).where(talk))
    if "call" in where.c:
        return where.c.call.in_(select(Conversation.call).where(talk))
    return true()


def _his(
    where: Table, holding: Holding, subject: Subject, known: Plan, calls: Sequence[str]
) -> ColumnElement[bool]:
    """Return his rows: named by a column, or of one of these calls."""
    rules: list[ColumnElement[bool]] = [false()]
    named = _named(where, holding, subject, known.accounts)
    if named is not None:
        rules.append(named)
    if "conversation_id" in where.c:
        talks = select(Conversation.id).where(
            Conversation.company == subject.company, Conversation.call.in_(calls)
        )
        rules.append(where.c.conversation_id.in_(talks))
    elif "call" in where.c:
        rules.append(and_(_company(where, subject), where.c.call.in_(calls)))
    return or_(*rules)


# ---------------------------------------------------------------------- emptied, deleted


def count(store: Store, subject: Subject, known: Plan) -> list[Count]:
    """Count what `erase` would touch, table by table."""
    return [_count(store, name, TABLES[name], subject, known) for name in sorted(TABLES)]


def _count(store: Store, name: str, holding: Holding, subject: Subject, known: Plan) -> Count:
    where = table(name)
    keys: set[Any] = set()
    if holding.whole or holding.clear or holding.number or holding.account or name == "events":
        with store.session(read_only=True) as db:
            for calls in [*parts(known.calls)] or [[]]:
                wanted = select(*where.primary_key.columns)
                wanted = wanted.where(_his(where, holding, subject, known, calls))
                keys |= {tuple(row) for row in db.execute(wanted)}
    looked, stay = 0, 0
    texts = holding.columns if holding.stays else holding.named
    if texts:
        primary = [column.name for column in where.primary_key.columns]
        for chunk in _chunks(store, where, subject, (*primary, *texts), texts):
            for row in chunk:
                if any(subject.found(getattr(row, column)) for column in texts):
                    keys.add(tuple(getattr(row, column) for column in primary))
                    stay += holding.stays
    with store.session(read_only=True) as db:
        looked = db.scalar(select(func.count()).select_from(where)) or 0
    return Count(name, looked, len(keys), stay)


def erase(store: Store, subject: Subject, known: Plan, kept: Sequence[str]) -> dict[str, int]:
    """Empty, cut out and delete; how many rows of which table were changed.

    kept: of "readings", "tickets". Done again, it changes nothing more.
    """
    done: dict[str, int] = {}
    names = sorted(TABLES, key=lambda name: (name not in FIRST, name))
    for name in names:
        where, holding = table(name), TABLES[name]
        changed = 0
        for calls in [*parts(known.calls)] or [[]]:
            whose = _his(where, holding, subject, known, calls)
            if name == "events":
                changed += _strip(store, subject, calls)
            elif name == "tickets":
                changed += _tickets(store, whose, "tickets" in kept)
            elif name == "readings" and "readings" not in kept:
                changed += _readings(store, whose)
            elif holding.whole:
                changed += _delete(store, where, whose)
            else:
                changed += _clear(store, where, holding, whose)
        changed += _cut(store, where, holding, subject)
        done[name] = changed
    return done


FIRST = ("recording_marks", "scorecards", "readings", "subscriptions", "tickets", "help_requests")
"""Tables whose rows are found by rows of others."""


def _delete(store: Store, where: Table, whose: ColumnElement[bool]) -> int:
    gone = 0
    keys = list(where.primary_key.columns)
    while True:
        with store.session() as db:
            rows = db.execute(select(*keys).where(whose).limit(BATCH)).all()
            for row in rows:
                match = and_(*(key == value for key, value in zip(keys, row, strict=True)))
                db.execute(delete(where).where(match))
        gone += len(rows)
        if len(rows) < BATCH:
            return gone


def _clear(store: Store, where: Table, holding: Holding, whose: ColumnElement[bool]) -> int:
    names = (*holding.number, *holding.account, *holding.clear)
    values = {name: _nothing(where, name) for name in names}
    if holding.links:
        values["account_id"] = None
    if not values:
        return 0
    fresh = or_(*(_differs(where.c[name], value) for name, value in values.items()))
    changed, key = 0, next(iter(where.primary_key.columns))
    while True:
        with store.session() as db:
            rows = db.scalars(select(key).where(whose, fresh).limit(BATCH)).all()
            if rows:
                db.execute(update(where).where(key.in_(rows)).values(values))
        changed += len(rows)
        if len(rows) < BATCH:
            return changed


def _nothing(where: Table, name: str) -> Any:
    column = where.c[name]
    if column.nullable:
        return None
    return {} if isinstance(column.type, JSON) else ""


def _differs(column: Any, value: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool]
    if value is None:
        found = column.is_not(None)
    elif value == {}:
        found = cast(column, String) != "{}"
    else:
        found = column != value
    return found


def _strip(store: Store, subject: Subject, calls: Sequence[str]) -> int:
    """Take what he is and said out of the events of his calls."""
    where = table("events")
    whose = and_(where.c.company == subject.company, where.c.call.in_(calls))
    last, changed = 0, 0
    while True:
        with store.session() as db:
            wanted = select(where.c.id, where.c.details).where(whose, where.c.id > last)
            rows = db.execute(wanted.order_by(where.c.id).limit(BATCH)).all()
            for row in rows:
                plain = stripped(row.details, subject)
                if plain != row.details:
                    db.execute(update(where).where(where.c.id == row.id).values(details=plain))
                    changed += 1
        if len(rows) < BATCH:
            return changed
        last = rows[-1].id


def stripped(details: dict[str, Any], subject: Subject) -> dict[str, Any]:
    """Return the details of an event of his call without what he is or said, however deep."""
    masked: dict[str, Any] = subject.masked(_unsaid(details))
    return masked


def _unsaid(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _unsaid(each)
            for name, each in value.items()
            if name not in SAID or (name == "text" and isinstance(each, str) and len(each) <= 1)
        }
    return [_unsaid(each) for each in value] if isinstance(value, list) else value


def _tickets(store: Store, whose: ColumnElement[bool], kept: bool) -> int:
    """Take the number out; what was said, too, where nobody has to work on it any more."""
    where = table("tickets")
    changed = _clear(store, where, Holding(number=("caller_number",)), whose)
    over = and_(whose, where.c.state != "open") if kept else whose
    changed += _clear(store, where, Holding(clear=("details",), links=not kept), over)
    return changed


def _readings(store: Store, whose: ColumnElement[bool]) -> int:
    where, gone = table("readings"), 0
    while True:
        with store.session() as db:
            keys = db.scalars(select(Reading.id).where(whose).limit(BATCH)).all()
            if keys:
                db.execute(
                    update(where).where(where.c.replaces_id.in_(keys)).values(replaces_id=None)
                )
                db.execute(delete(where).where(where.c.id.in_(keys)))
        gone += len(keys)
        if len(keys) < BATCH:
            return gone


def _cut(store: Store, where: Table, holding: Holding, subject: Subject) -> int:
    """Cut him out of the texts of any row."""
    primary = [column.name for column in where.primary_key.columns]
    if not holding.texts:
        return 0
    changed = 0
    wanted = tuple(dict.fromkeys((*primary, *holding.texts)))
    for chunk in _chunks(store, where, subject, wanted, holding.texts):
        hits = [row for row in chunk if any(subject.found(getattr(row, n)) for n in holding.texts)]
        for start in range(0, len(hits), BATCH):
            with store.session() as db:
                for row in hits[start : start + BATCH]:
                    _cut_row(db, where, holding, primary, subject, row)
                    changed += 1
    return changed


def _cut_row(
    db: Session, where: Table, holding: Holding, primary: Sequence[str], subject: Subject, row: Any
) -> None:
    match = and_(*(where.c[name] == getattr(row, name) for name in primary))
    if holding.whole and any(subject.found(getattr(row, name)) for name in holding.mask):
        db.execute(delete(where).where(match))
        return
    values = {}
    for name in holding.texts:
        if subject.found(old := getattr(row, name)):
            values[name] = subject.masked(old)
            if where.c[name].unique or name == "key":
                values[name] = f"{GONE}-{row.id}"
    db.execute(update(where).where(match).values(values))


# ---------------------------------------------------------------------- looked through


def _chunks(
    store: Store, where: Table, subject: Subject, wanted: Sequence[str], texts: Sequence[str]
) -> Iterator[Sequence[Any]]:
    """Rows in whose texts he may stand: whoever gets them looks closer."""
    like = subject.plain if where.name in LARGE else subject.like
    stands = or_(*(cast(where.c[name], String).like(like) for name in texts))
    rule = and_(_company(where, subject), stands)
    columns = [where.c[name] for name in dict.fromkeys(wanted)]
    if "id" not in where.c or isinstance(where.c.id.type, String):
        with store.session(read_only=True) as db:
            rows = db.execute(select(*columns).where(rule)).all()
        yield rows
        return
    with store.session(read_only=True) as db:
        first, last = db.execute(select(func.min(where.c.id), func.max(where.c.id))).one()
    for start in range(first, last + 1, CHUNK) if first is not None else ():
        within = where.c.id.between(start, start + CHUNK - 1)
        with store.session(read_only=True) as db:
            rows = db.execute(select(*columns).where(within, rule)).all()
        yield rows


def search(store: Store, subject: Subject) -> list[Count]:
    """Look for him in every text of every table. stay: rows that may name him."""
    counts = []
    for name in sorted(TABLES):
        where, holding = table(name), TABLES[name]
        texts = holding.columns
        if not texts:
            continue
        found = sum(
            any(subject.found(getattr(row, each)) for each in texts)
            for chunk in _chunks(store, where, subject, texts, texts)
            for row in chunk
        )
        with store.session(read_only=True) as db:
            looked = db.scalar(select(func.count()).select_from(where)) or 0
        counts.append(Count(name, looked, found, found if holding.stays else 0))
    return counts
