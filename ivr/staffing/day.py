"""A day of the log as it can be lived again: who called when, who was there, what came of it.

Callers come from `VisitFact`, with the time of their talk and wrap-up; operators' presence and the
time they need to pick up from `OperatorSpan`; their skills from the log of events, where it does
not tell from their users. Present is who is ready and not in a talk of his own (a consult, a call
out). An hour before the day begins and after it ends is lived as well, so that it begins and ends
in the middle of work; it is not counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.company import Company
from ivr.staffing.calendar import Calendar
from ivr.store.facts import CallFact, OperatorSpan, VisitFact
from ivr.store.models import CallEvent, User

AROUND = timedelta(hours=1)
LONGEST_SPAN = timedelta(days=2)
"""Spans and skills that began longer ago are not looked for."""
AWAY = timedelta(days=1)
"""How far the local day of a moment may be from that of UTC."""
GAP = 1.0
"""Seconds between two spans of an operator that count as none."""
ATTENDING = ("idle", "offered", "talking", "wrap_up")


class EmptyDay(Exception):
    """Nobody called on that day, or nobody was there to answer."""


@dataclass(frozen=True)
class Caller:
    """One visit to a queue. at, entered: seconds since 1970; `at` is when he came, `entered` what
    his place counts from. waited: to the answer, None: nobody answered; left: to another end.
    talk, wrap: seconds, of those who were answered. rang: seconds until he was, or, of those who
    were not, in vain. counted: he came on the day itself.
    follows: he was passed on by the operator of his visit before this one.
    """

    call: str
    number: int
    queue: str
    at: float
    entered: float
    priority: str = "normal"
    language: str = ""
    kind: str = "call"
    outcome: str = "answered"
    waited: float | None = None
    left: float | None = None
    talk: float | None = None
    wrap: float | None = None
    rang: float | None = None
    follows: bool = False
    counted: bool = True


@dataclass(frozen=True)
class Stay:
    """A time in which an operator was there for callers, with the skills he had."""

    operator: str
    start: float
    end: float
    skills: Mapping[str, int]


@dataclass(frozen=True)
class Day:
    """begins, ends: seconds since 1970. callers, stays: by time. busy: share of the operators' time
    that they worked (talk and wrap-up against those and being ready), None: nobody was there.
    """

    day: date
    begins: float
    ends: float
    callers: tuple[Caller, ...]
    stays: tuple[Stay, ...]
    busy: float | None = None

    @property
    def rings(self) -> list[float]:
        """Return the seconds it took operators to pick up."""
        return [
            each.rang for each in self.callers if each.rang is not None and each.waited is not None
        ]


def read(db: Session, company: Company, calendar: Calendar, day: date, now: datetime) -> Day:
    """Read a day. EmptyDay: nobody called, or nobody was there."""
    begins, ends = calendar.bounds(day)
    span = begins - AROUND, ends + AROUND
    spans = _spans(db, company.id, span, now)
    callers = _callers(db, company.id, span, (begins, ends), spans)
    if not any(each.counted for each in callers):
        raise EmptyDay(f"nobody called on {day}; choose a day with calls")
    skills = _skills(db, company.id, span)
    stays = sorted(_stays(spans, skills, span), key=attrgetter("start", "operator"))
    if not stays:
        raise EmptyDay(f"no operator was there on {day}; choose another day")
    bounds = begins.timestamp(), ends.timestamp()
    return Day(day, *bounds, tuple(callers), tuple(stays), busy_share(spans, bounds))


# ---------------------------------------------------------------------- callers


def _callers(
    db: Session,
    company: str,
    span: tuple[datetime, datetime],
    counted: tuple[datetime, datetime],
    spans: Sequence[OperatorSpan],
) -> list[Caller]:
    days = span[0].date() - AWAY, span[1].date() + AWAY
    wanted = (
        select(VisitFact, CallFact.began)
        .outerjoin(CallFact, CallFact.call == VisitFact.call)
        .where(VisitFact.company == company, VisitFact.day.between(*days))
        .where(VisitFact.entered >= span[0], VisitFact.entered < span[1])
        .order_by(VisitFact.call, VisitFact.number)
    )
    rung = _rung(spans)
    found: list[Caller] = []
    for visit, began in db.execute(wanted):
        before = found[-1] if found and found[-1].call == visit.call else None
        entered = visit.entered.timestamp()
        came = began.timestamp() if began and visit.number == 1 else entered
        found.append(
            Caller(
                visit.call, visit.number, visit.queue, max(entered, came), entered,
                visit.priority, visit.language, visit.kind, visit.outcome,
                visit.waited, visit.left, visit.talk, visit.wrap,
                _rang(rung.get(visit.call, ()), visit),
                follows=before is not None and before.outcome == "answered",
                counted=counted[0] <= visit.entered < counted[1],
            )
        )  # fmt: skip
    return sorted(found, key=attrgetter("at", "call", "number"))


def _rung(spans: Iterable[OperatorSpan]) -> dict[str, list[tuple[float, float]]]:
    """When each ticket ceased to ring somewhere, and after how many seconds."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for span in spans:
        if span.state == "offered" and span.ticket and span.ended:
            seconds = (span.ended - span.began).total_seconds()
            found[span.ticket].append((span.ended.timestamp(), seconds))
    return found


def _rang(rung: Iterable[tuple[float, float]], visit: VisitFact) -> float | None:
    """The seconds it rang when he was answered or hung up, None where he was not being rung."""
    lasted = visit.left if visit.waited is None else visit.waited
    end = visit.entered.timestamp() + (lasted or 0.0)
    return next((seconds for ended, seconds in rung if abs(ended - end) <= GAP), None)


# ---------------------------------------------------------------------- operators


@dataclass(frozen=True)
class Skilled:
    """From when on an operator had these skills."""

    at: float
    skills: Mapping[str, int]


def _spans(
    db: Session, company: str, span: tuple[datetime, datetime], now: datetime
) -> list[OperatorSpan]:
    """The spans that touch a time, by operator; one that lasts ends now."""
    wanted = (
        select(OperatorSpan)
        .where(OperatorSpan.company == company)
        .where(OperatorSpan.began >= span[0] - LONGEST_SPAN, OperatorSpan.began < span[1])
        .order_by(OperatorSpan.operator, OperatorSpan.began)
    )
    rows = list(db.scalars(wanted))
    for row in rows:
        db.expunge(row)
        row.ended = row.ended or max(now, row.began)
    return [row for row in rows if row.ended and row.ended > span[0]]


def _skills(db: Session, company: str, span: tuple[datetime, datetime]) -> dict[str, list[Skilled]]:
    """The skills of each operator over time: of the log, before its first word of his user."""
    users = select(User.login, User.skills).where(User.company == company)
    found = {login: [Skilled(-math.inf, skills)] for login, skills in db.execute(users)}
    wanted = (
        select(CallEvent.at, CallEvent.details)
        .where(CallEvent.company == company, CallEvent.kind == "operator")
        .where(CallEvent.at.between(span[0] - LONGEST_SPAN, span[1]))
        .order_by(CallEvent.at, CallEvent.id)
    )
    for at, details in db.execute(wanted):
        known = found.setdefault(str(details["operator"]), [])
        skills = details.get("skills") or {}
        if skills and (not known or known[-1].skills != skills):
            known.append(Skilled(at.timestamp(), skills))
    return found


def _stays(
    spans: Iterable[OperatorSpan],
    skills: Mapping[str, list[Skilled]],
    span: tuple[datetime, datetime],
) -> Iterator[Stay]:
    """The times in which each operator was there; one whose skills nobody knows is left out."""
    first, last = (moment.timestamp() for moment in span)
    for operator, own in groupby(spans, key=attrgetter("operator")):
        for start, end in _together(_attending(own)):
            start, end = max(start, first), min(end, last)
            if start < end:
                yield from _by_skills(operator, start, end, skills.get(operator, []))


def _attending(spans: Iterable[OperatorSpan]) -> Iterator[tuple[float, float]]:
    for span in spans:
        own_talk = span.state == "talking" and not span.ticket
        if span.status == "ready" and span.state in ATTENDING and not own_talk and span.ended:
            yield span.began.timestamp(), span.ended.timestamp()


def _together(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in order, those that touch or overlap as one."""
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start <= found[-1][1] + GAP:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _by_skills(operator: str, start: float, end: float, known: Sequence[Skilled]) -> Iterator[Stay]:
    """A time cut where his skills changed."""
    before = [each for each in known if each.at <= start][-1:] or list(known[:1])
    pieces = [replace(each, at=start) for each in before]
    pieces += [each for each in known if start < each.at < end and each not in before]
    ends = [each.at for each in pieces[1:]] + [end]
    for piece, until in zip(pieces, ends, strict=True):
        if piece.skills:
            yield Stay(operator, piece.at, until, dict(piece.skills))


# ---------------------------------------------------------------------- occupancy


def busy_share(spans: Iterable[OperatorSpan], bounds: tuple[float, float]) -> float | None:
    """Return the share of the time of work or readiness that was work, between two moments."""
    seconds: dict[bool, float] = defaultdict(float)
    for span in spans:
        at_work = span.state == "wrap_up" or (span.state == "talking" and bool(span.ticket))
        ready = span.status == "ready" and span.state in ("idle", "offered")
        if (at_work or ready) and span.ended:
            start, end = span.began.timestamp(), span.ended.timestamp()
            seconds[at_work] += max(0.0, min(end, bounds[1]) - max(start, bounds[0]))
    whole = seconds[True] + seconds[False]
    return seconds[True] / whole if whole else None
