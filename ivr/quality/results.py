"""What the scorecards come to, by month, operator and criterion.

A month's card is one whose talk was in that local month. A talk that several rated counts with the
mean of its cards, so that it counts once.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.figures import write_csv
from ivr.quality.index import bounds
from ivr.quality.samples import days_of, month_of
from ivr.store.models import Conversation
from ivr.store.supervision import Scorecard

LONGEST = 36
"""Months of one question."""


@dataclass(frozen=True)
class Result:
    """An operator's month. operator: "" all together. talks: rated ones. failed: of those, with a
    card that failed. total: mean, of 100. criteria: criterion -> mean share of its points, 0 to 1.
    """

    month: str
    operator: str
    talks: int
    failed: int
    total: float
    criteria: dict[str, float]


def results(db: Session, company: Company, first: str, last: str) -> list[Result]:
    """Return the results of months ("2026-09" to "2026-11"). ValueError: no months, or too many."""
    (since, _), (begins, until) = days_of(first), days_of(last)
    months = (begins.year - since.year) * 12 + begins.month - since.month
    if not 0 <= months < LONGEST:
        raise ValueError("months")
    start, end = bounds(company, since, until)
    wanted = (
        select(Scorecard, Conversation.answered_at)
        .join(Conversation, Conversation.id == Scorecard.conversation_id)
        .where(
            Scorecard.company == company.id,
            Conversation.answered_at >= start,
            Conversation.answered_at < end,
        )
    )
    groups: dict[tuple[str, str], dict[int, list[Scorecard]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for card, at in db.execute(wanted):
        month = month_of(at.astimezone(company.zone).date())
        for operator in ("", card.operator):
            groups[month, operator][card.conversation_id].append(card)
    return [_result(*key, list(talks.values())) for key, talks in sorted(groups.items())]


def _result(month: str, operator: str, talks: Sequence[Sequence[Scorecard]]) -> Result:
    names = dict.fromkeys(name for talk in talks for card in talk for name in card.points)
    return Result(
        month=month,
        operator=operator,
        talks=len(talks),
        failed=sum(1 for talk in talks if any(card.failed for card in talk)),
        total=round(fmean(fmean(card.total for card in talk) for talk in talks), 1),
        criteria={name: round(_share(talks, name), 3) for name in names},
    )


def _share(talks: Sequence[Sequence[Scorecard]], name: str) -> float:
    shares = (
        [card.points[name] / card.criteria[name] for card in talk if name in card.points]
        for talk in talks
    )
    return fmean(fmean(each) for each in shares if each)


def as_csv(rows: Sequence[Result], names: dict[str, str]) -> str:
    """Return the results as CSV. names: words of the columns, and of "all"."""
    criteria = list(dict.fromkeys(name for row in rows for name in row.criteria))
    text = io.StringIO()
    head = ("month", "operator", "talks", "failed", "total")
    write_csv(text, [[names.get(name, name) for name in (*head, *criteria)]])
    for row in rows:
        cells: list[Any] = [row.month, row.operator or names.get("all", "all")]
        cells += [row.talks, row.failed, row.total]
        cells += [row.criteria.get(name, "") for name in criteria]
        write_csv(text, [cells])
    return text.getvalue()
