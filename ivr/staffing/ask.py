"""Puts together from the store what a what-if needs."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.staffing import calendar, measured
from ivr.staffing import day as days
from ivr.staffing.day import Day
from ivr.staffing.whatif import ALL, RUNS, Change, Question, checked, staffed


def question(
    db: Session,
    company: Company,
    day: date,
    change: Change,
    now: datetime,
    runs: int = RUNS,
    seed: int = 1,
) -> Question:
    """Return what to live again. ValueError: it makes no sense. EmptyDay: there is no such day.

    The queues' rules before the change are those of today's profile.
    """
    checked(change, company.queues)
    if day >= now.astimezone(company.zone).date():
        raise ValueError(f"{day} is not over; a day is lived again from its log")
    read = days.read(db, company, calendar.read(db, company, now), day, now)
    staffed(read, change, company.zone, random.Random(seed))  # noqa: S311 - is there anybody to go
    queues = {caller.queue for caller in read.callers}
    until = day + timedelta(days=1)
    patience = {
        queue: measured.patience(db, company, until, [queue] if queue else [])
        for queue in (ALL, *sorted(queues))
    }
    enough = {queue: each for queue, each in patience.items() if each.measured or queue == ALL}
    return Question(
        read, change, company.zone, company.queues, enough, company.terms.service_level,
        company.typical_talk, runs, seed,
    )  # fmt: skip


def with_handling(question: Question, seconds: Mapping[str, float]) -> Question:
    """Return the question with talks that take so long on average. seconds: by queue or `ALL`."""
    factors = {queue: factor(question.day, queue, each) for queue, each in seconds.items()}
    change = checked(replace(question.change, handle=factors), question.rules)
    return replace(question, change=change)


def factor(day: Day, queue: str, seconds: float) -> float:
    """Return by what the talks of a day are multiplied so that one takes so long on average."""
    took = [
        caller.talk + (caller.wrap or 0.0)
        for caller in day.callers
        if caller.talk is not None and queue in (ALL, caller.queue)
    ]
    mean = statistics.fmean(took) if took else 0.0
    if not mean:
        raise ValueError(f"nobody talked in {queue or 'any queue'} on {day.day}")
    return seconds / mean
