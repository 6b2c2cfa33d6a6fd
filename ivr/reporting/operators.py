"""`operators`: what operators did with their time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from ivr.reporting.asked import TIMES, Asked
from ivr.reporting.groups import Groups, Label, group, halves
from ivr.reporting.sql import seconds
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import OperatorSpan, VisitFact

BY = ("operator", *TIMES)
WORK = ("talking", "wrap_up", "ringing", "ready")
"""What a signed-in operator does who is there for callers."""
REST = ("disconnected", "offline")
"""Beside the pauses, which have a column for each reason."""


@dataclass
class Account:
    """One row. spent: seconds by column; wall: that there were. talk, wrap: of answered visits.
    taken: callers whom a colleague had answered.
    """

    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    wall: float = 0.0
    answered: int = 0
    taken: int = 0
    talk: float = 0.0
    wrap: float = 0.0

    def add(self, other: Account) -> None:
        """Take in another row."""
        for name, lasted in other.spent.items():
            self.spent[name] += lasted
        self.wall += other.wall
        self.answered += other.answered
        self.taken += other.taken
        self.talk += other.talk
        self.wrap += other.wrap

    @property
    def total(self) -> float:
        """Seconds that the log tells of."""
        return sum(self.spent.values())

    @property
    def check(self) -> float:
        """Seconds of the wall time that the log tells nothing of."""
        return self.wall - self.total

    @property
    def shown(self) -> bool:
        """Whether there is anything to be told of it."""
        away = self.wall - self.spent["offline"] < 1
        return not away or bool(self.answered) or abs(self.check) >= 1


def operators(asked: Asked) -> list[Table]:
    """Operators' time by status, reason and state, whose sum is the wall time.

    Every moment from the first that is known of an operator counts once: talking (hold included),
    wrap-up, ringing (from the offer on), ready, paused by reason, disconnected, offline. Wall: from
    then, or the beginning of the range, to its end or now. Check = wall - sum, 0 where the log is
    whole. Signed in = wall - offline. Occupancy = (talking + wrap-up) / (talking + wrap-up +
    ringing + ready). AHT = (talk with hold + wrap-up) / answered, of visits that entered in the
    range; the talk of a visit is that of everybody who talked in it, and counts for who answered.
    Taken over = talks he went on with that a colleague had begun. Who was offline all the time has
    no row.
    """
    names = asked.by or ("operator",)
    found = _accounts(asked, names)
    _visits(asked, names, found)
    rows = {label: each for label, each in sorted(found.items(), key=_order) if each.shown}
    total = Account()
    for each in rows.values():
        total.add(each)
    pauses = list(dict.fromkeys([*map(_paused, asked.company.pauses), *_pauses(total)]))
    spent = (*WORK, *pauses, *REST)
    groups = Groups(asked, names, VisitFact)
    columns = (
        *groups.columns,
        Column("answered"),
        Column("taken_over"),
        Column("talk_mean", "seconds"),
        Column("aht", "seconds"),
        Column("occupancy", "share"),
        Column("signed_in", "hours"),
        *(Column(each, "hours", heading=each.removeprefix("paused_")) for each in spent),
        Column("sum", "hours"),
        Column("wall", "hours"),
        Column("check", "hours"),
    )
    cells: list[tuple[Cell, ...]] = [(*x, *_row(each, spent)) for x, each in rows.items()]
    cells.append((*groups.total(), *_row(total, spent)))
    plot = Plot("stack", columns[0].key, spent[:-1])
    return [Table("operators", columns, cells, (Phrase("note_operators"),), plot)]


def _row(each: Account, columns: Sequence[str]) -> tuple[Cell, ...]:
    busy = each.spent["talking"] + each.spent["wrap_up"]
    there = sum(each.spent[name] for name in WORK)
    return (
        each.answered,
        each.taken,
        share(each.talk, each.answered),
        share(each.talk + each.wrap, each.answered),
        share(busy, there),
        each.wall - each.spent["offline"],
        *(each.spent[name] for name in columns),
        each.total,
        each.wall,
        each.check,
    )


def _order(item: tuple[Label, Account]) -> list[Any]:
    return [each.timestamp() if isinstance(each, datetime) else each for each in item[0]]


def _paused(reason: str) -> str:
    return f"paused_{reason or 'other'}"


def _pauses(total: Account) -> list[str]:
    return sorted(name for name in total.spent if name.startswith("paused_"))


# ---------------------------------------------------------------------- time


@dataclass(frozen=True)
class _Stretch:
    """A part of the range with a label of its own."""

    begin: datetime
    end: datetime
    label: Label


def _stretches(asked: Asked, names: Sequence[str]) -> Iterator[_Stretch]:
    """Cut the range, as far as it is past, at every boundary of the rows."""
    time = next((group(asked, name) for name in names if name in TIMES), None)
    end = min(asked.end, asked.now).astimezone(UTC)
    begin, label = asked.begin.astimezone(UTC), None
    for at in halves(asked):
        if at >= end:
            break
        raw = at if time and time.field == "interval" else at.astimezone(asked.zone).date()
        here = time.label(raw) if time else ()
        if label is not None and here != label:
            yield _Stretch(begin, at, label)
            begin = at
        label = here
    if label is not None:
        yield _Stretch(begin, end, label)


def _accounts(asked: Asked, names: Sequence[str]) -> dict[Label, Account]:
    """Add up every span of the range, cut where the rows are."""
    found: dict[Label, Account] = {}
    of_each = names.index("operator") if "operator" in names else None
    known = _first_known(asked)
    open_: list[tuple[str, str, datetime | None]] | None = None
    for part in _stretches(asked, names):

        def account(operator: str, part: _Stretch = part) -> Account:
            label = list(part.label)
            if of_each is not None:
                label.insert(0 if of_each == 0 else len(label), operator)
            return found.setdefault(tuple(label), Account())

        for operator, first in known.items():
            if first < part.end:
                since = max(first, part.begin)
                account(operator).wall += (part.end - since).total_seconds()
        running = _before(asked, part.begin) if open_ is None else open_
        open_ = []
        for operator, name, ended in running:
            until = min(ended or part.end, part.end)
            account(operator).spent[name] += (until - part.begin).total_seconds()
            if ended is None or ended > part.end:
                open_.append((operator, name, ended))
        for operator, name, lasted in _begun(asked, part):
            account(operator).spent[name] += lasted
        for operator, count in _taken(asked, part):
            account(operator).taken += count
        open_ += _crossing(asked, part)
    return found


def _first_known(asked: Asked) -> dict[str, datetime]:
    wanted = (
        select(OperatorSpan.operator, func.min(OperatorSpan.began))
        .where(OperatorSpan.company == asked.company.id)
        .group_by(OperatorSpan.operator)
        .order_by(OperatorSpan.operator)
    )
    return dict(asked.db.execute(wanted).all())


WHAT = (OperatorSpan.operator, OperatorSpan.status, OperatorSpan.reason, OperatorSpan.state)


def _before(asked: Asked, begin: datetime) -> list[tuple[str, str, datetime | None]]:
    """What was going on when the range began: operator, column, its end."""
    wanted = select(*WHAT, OperatorSpan.ended).where(
        OperatorSpan.company == asked.company.id,
        OperatorSpan.began < begin,
        or_(OperatorSpan.ended.is_(None), OperatorSpan.ended > begin),
    )
    return [(who, _column(*what), ended) for who, *what, ended in asked.db.execute(wanted)]


def _in(asked: Asked, part: _Stretch) -> ColumnElement[bool]:
    return and_(
        OperatorSpan.company == asked.company.id,
        OperatorSpan.began >= part.begin,
        OperatorSpan.began < part.end,
    )


def _begun(asked: Asked, part: _Stretch) -> Iterator[tuple[str, str, float]]:
    """What began in a part: operator, column, seconds up to its end or that of the part."""
    end = literal(part.end, OperatorSpan.began.type)
    until = case(
        (or_(OperatorSpan.ended.is_(None), OperatorSpan.ended > part.end), end),
        else_=OperatorSpan.ended,
    )
    lasted = func.sum(seconds(until) - seconds(OperatorSpan.began))
    wanted = select(*WHAT, lasted).where(_in(asked, part)).group_by(*WHAT)
    for who, *what, total in asked.db.execute(wanted):
        yield who, _column(*what), float(total)


def _taken(asked: Asked, part: _Stretch) -> Iterator[tuple[str, int]]:
    """How many talks each operator took over in a part: his began when a colleague's ended."""
    other = aliased(OperatorSpan)
    handed = exists().where(
        other.company == OperatorSpan.company,
        other.ticket == OperatorSpan.ticket,
        other.state == "talking",
        other.operator != OperatorSpan.operator,
        other.ended == OperatorSpan.began,
    )
    wanted = (
        select(OperatorSpan.operator, func.count())
        .where(_in(asked, part), OperatorSpan.state == "talking", OperatorSpan.ticket != "", handed)
        .group_by(OperatorSpan.operator)
    )
    for operator, count in asked.db.execute(wanted):
        yield operator, int(count)


def _crossing(asked: Asked, part: _Stretch) -> list[tuple[str, str, datetime | None]]:
    """What began in a part and went on after it."""
    wanted = select(*WHAT, OperatorSpan.ended).where(
        _in(asked, part), or_(OperatorSpan.ended.is_(None), OperatorSpan.ended > part.end)
    )
    return [(who, _column(*what), ended) for who, *what, ended in asked.db.execute(wanted)]


def _column(status: str, reason: str, state: str) -> str:
    """Return the column in which a span counts."""
    if state == "offered":
        return "ringing"
    if state in ("talking", "wrap_up", "disconnected"):
        return state
    if status == "paused":
        return _paused(reason)
    return "ready" if status == "ready" else "offline"


# ---------------------------------------------------------------------- visits


def _visits(asked: Asked, names: Sequence[str], found: dict[Label, Account]) -> None:
    """Add the visits that operators answered, call-backs too."""
    groups = Groups(asked, names, VisitFact)
    wanted = (
        select(
            *groups.keys,
            func.count(),
            func.coalesce(func.sum(VisitFact.talk), 0.0),
            func.coalesce(func.sum(VisitFact.wrap), 0.0),
        )
        .where(
            VisitFact.company == asked.company.id,
            VisitFact.day.between(asked.first, asked.last),
            VisitFact.outcome == "answered",
            VisitFact.operator.is_not(None),
        )
        .group_by(*groups.keys)
    )
    for row in asked.db.execute(wanted):
        each = found.setdefault(groups.label(row), Account())
        each.add(Account(answered=int(row[-3]), talk=float(row[-2]), wrap=float(row[-1])))
