"""`endings`: who hung up, and why each call ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import func, select

from ivr.facts.model import ENDERS, WHYS
from ivr.reporting.asked import Asked
from ivr.reporting.calls import lines, of_range
from ivr.reporting.groups import Groups, Label
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import CallFact

BY = (
    "ended-by", "half-hour", "hour", "day", "month", "year", "language", "number", "topic",
    "entrance", "channel", "release",
)  # fmt: skip
PROMPTS = 30
"""Rows of the table of prompts at most."""


def endings(asked: Asked) -> list[Table]:
    """Every call ends for one reason of a closed list, and somebody ended it.

    calls = the sum of all reasons = the sum of caller, operator, system and network. Reasons nobody
    had stand there with 0. Prompts: what callers heard last who hung up before anything was done.
    """
    why = _whys(asked)
    tables = [why, _last_prompts(asked)]
    names = asked.by or ()
    return [_by(asked, names), *tables] if names else tables


def _count(asked: Asked, groups: Groups) -> Iterator[tuple[Label, str, str, int]]:
    """Yield label, why, who ended it, and how many calls."""
    keys = (*groups.keys, CallFact.why, CallFact.ended_by)
    wanted = select(*keys, func.count()).where(*of_range(asked)).group_by(*keys)
    for row in asked.db.execute(wanted):
        yield groups.label(row), row[-3], row[-2], int(row[-1])


def _whys(asked: Asked) -> Table:
    found: Counter[tuple[str, str]] = Counter()
    for _, why, ender, count in _count(asked, Groups(asked, (), CallFact)):
        found[why, ender] += count
    calls = found.total()
    rows: list[tuple[Cell, ...]] = []
    for why in WHYS:
        counts = [found[why, ender] for ender in ENDERS]
        rows.append((why, sum(counts), share(sum(counts), calls), *counts))
    of_enders = [sum(found[why, ender] for why in WHYS) for ender in ENDERS]
    rows.append((Phrase("all"), calls, share(calls, calls), *of_enders))
    columns = (
        Column("why", "text", words="why_"),
        Column("calls"),
        Column("of_calls", "share"),
        *(Column(f"ender_{ender}") for ender in ENDERS),
    )
    notes = (Phrase("note_endings"),)
    return Table("endings", columns, rows, notes, Plot("bar", "why", ("calls",)))


def _by(asked: Asked, names: tuple[str, ...]) -> Table:
    groups = Groups(asked, names, CallFact)
    found: dict[Label, list[int]] = {}
    total = [0] * (1 + len(WHYS))
    for label, why, _, count in _count(asked, groups):
        for counts in (found.setdefault(label, [0] * len(total)), total):
            counts[0] += count
            counts[1 + WHYS.index(why)] += count
    rows = lines(groups, found, total, tuple)
    columns = (*groups.columns, Column("calls"), *(Column(f"why_{why}") for why in WHYS))
    plot = Plot("stack", groups.columns[0].key, tuple(f"why_{why}" for why in WHYS))
    return Table("endings_by", columns, rows, (Phrase("note_endings"),), plot)


def _last_prompts(asked: Asked) -> Table:
    wanted = (
        select(CallFact.last_prompt, func.count())
        .where(*of_range(asked), CallFact.ended_by == "caller", CallFact.last_prompt != "")
        .where(~CallFact.automatic, ~CallFact.served)
        .group_by(CallFact.last_prompt)
        .order_by(func.count().desc(), CallFact.last_prompt)
        .limit(PROMPTS)
    )
    rows = [(*each,) for each in asked.db.execute(wanted)]
    columns = (Column("prompt", "text"), Column("calls"))
    return Table("last_prompts", columns, rows, (Phrase("note_prompts", {"count": PROMPTS}),))
