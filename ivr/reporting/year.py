"""`year`: the pair of figures of the Ukrainian regulator's Resolution 375."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select

from ivr.model import SYNTHETIC
from ivr.reporting.asked import Asked
from ivr.reporting.groups import Groups
from ivr.reporting.service import OUTCOMES, declared, formulas, lost_formula, outcomes
from ivr.reporting.sql import CHUNK
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.reporting.visits import Pair, Tally, count, level, lost, offered, pairs
from ivr.store.facts import CallFact, FactsMark, VisitFact
from ivr.terms import ServiceTerms


def year(asked: Asked) -> list[Table]:
    """The yearly pair of Resolution 375 of 12 June 2018, with and without storm intervals.

    Service level: answered within T s / denominator, at least 75 % (`service_level: within, target,
    clock, denominator`). Lost in the queue: hung up while waiting / offered, at most 10 %
    (`service_level: lost`). Who hangs up in the menu was never offered to a queue. A storm interval
    is a time in which storm mode was on; a call belongs to it by its entry into the queue. The
    same rows give the same SHA-256, by which a published figure can be proved again.
    """
    groups = Groups(asked, ("month",), VisitFact)
    found, total = pairs(count(asked, groups))
    terms = asked.terms
    labels = groups.order(found)
    months = [(*x, *_figures(found.get(x, Pair()), terms)) for x in labels]
    months.append((*groups.total(), *_figures(total, terms)))
    columns = (
        *groups.columns,
        *map(Column, OUTCOMES),
        Column("within"),
        Column("level", "share"),
        Column("lost_share", "share"),
        Column("offered_calm"),
        Column("within_calm"),
        Column("level_calm", "share"),
        Column("lost_share_calm", "share"),
    )
    plot = Plot("bar", "month", ("level", "lost_share"), terms.target)
    notes = (Phrase("note_offered"), Phrase("note_short", {"short": terms.short}))
    return [
        _indicators(total, terms),
        Table("months", columns, months, notes, plot),
        formulas(total, terms),
        _storms(asked),
        _source(asked),
    ]


def _figures(pair: Pair, terms: ServiceTerms) -> tuple[Cell, ...]:
    tally, calm = pair.all, pair.calm
    return (
        *outcomes(tally),
        level(tally, terms)[0],
        share(*level(tally, terms)),
        share(*lost(tally, terms)),
        calm.offered,
        level(calm, terms)[0],
        share(*level(calm, terms)),
        share(*lost(calm, terms)),
    )


def _indicators(total: Pair, terms: ServiceTerms) -> Table:
    """The four figures: level and share lost, of all intervals and without those of storms."""
    rows: list[tuple[Cell, ...]] = []
    for which, tally in (("all", total.all), ("calm", total.calm)):
        rows.append(_level(which, tally, terms))
        rows.append(_lost(which, tally, terms))
    columns = (
        Column("indicator", "text", words="indicator_"),
        Column("intervals", "text", words="intervals_"),
        Column("definition", "text"),
        Column("numerator"),
        Column("denominator"),
        Column("figure", "share"),
        Column("target", "text"),
        Column("verdict", "text", words="verdict_"),
    )
    notes = (Phrase("note_year"), Phrase("note_storms"))
    return Table("indicators", columns, rows, notes)


def _level(which: str, tally: Tally, terms: ServiceTerms) -> tuple[Cell, ...]:
    part, whole = level(tally, terms)
    found = share(part, whole)
    verdict = "none" if found is None else "met" if found >= terms.target else "missed"
    target = f"≥ {terms.target:.1%}"
    return "level", which, declared(terms), part, whole, found, target, verdict


def _lost(which: str, tally: Tally, terms: ServiceTerms) -> tuple[Cell, ...]:
    part, whole = lost(tally, terms)
    found = share(part, whole)
    verdict = "none" if found is None else "met" if found <= terms.lost else "missed"
    target = f"≤ {terms.lost:.1%}"
    return "lost", which, lost_formula(terms), part, whole, found, target, verdict


def _storms(asked: Asked) -> Table:
    """The marked intervals, as far as they lie in the range."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.started.astimezone(asked.zone),
            each.ended.astimezone(asked.zone) if each.ended else None,
            each.by,
            each.reason,
        )
        for each in asked.intervals()
    ]
    columns = (
        Column("started", "moment"), Column("ended", "moment"),
        Column("by", "text"), Column("reason", "text"),
    )  # fmt: skip
    return Table("storms", columns, rows)


def _source(asked: Asked) -> Table:
    """What the figures were counted from, so that they can be counted again."""
    rows = counted(asked)
    columns = (Column("what", "text", words="source_"), Column("value", "text"))
    return Table("source", columns, rows, (Phrase("note_source"),))


def counted(asked: Asked) -> list[tuple[Cell, ...]]:
    """Return the number of rows, the last event they were folded from and their SHA-256.

    Each offered visit is a line `call|number|queue|entered|outcome|waited|left|storm` in the order
    of call and number; entered: seconds since 1970 with six digits, waited and left with three, "-"
    where there are none; storm: 0 or 1.
    """
    company = CallFact.company == asked.company.id
    ended = select(func.count()).where(company, CallFact.day.between(asked.first, asked.last))
    calls = asked.db.scalar(ended.where(CallFact.entrance != SYNTHETIC)) or 0
    mark = select(FactsMark.upto).where(FactsMark.name == f"facts/{asked.company.id}")
    upto = asked.db.scalar(mark) or 0
    wanted = (
        select(
            VisitFact.call, VisitFact.number, VisitFact.queue, VisitFact.entered, VisitFact.outcome,
            VisitFact.waited, VisitFact.left, VisitFact.storm,
        )
        .where(*offered(asked))
        .order_by(VisitFact.call, VisitFact.number)
    )  # fmt: skip
    digest, visits = hashlib.sha256(), 0
    for row in asked.db.execute(wanted, execution_options={"yield_per": CHUNK}):
        call, number, queue, entered, outcome, waited, left, storm = row
        line = (
            f"{call}|{number}|{queue}|{entered.timestamp():.6f}|{outcome}"
            f"|{_seconds(waited)}|{_seconds(left)}|{storm:d}\n"
        )
        digest.update(line.encode())
        visits += 1
    return [
        ("days", f"{asked.first} - {asked.last}"),
        ("zone", str(asked.zone)),
        ("calls", str(calls)),
        ("visits", str(visits)),
        ("events_upto", str(upto)),
        ("sha256", digest.hexdigest()),
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
