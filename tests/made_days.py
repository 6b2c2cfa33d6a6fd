"""Days made for tests: steady load, a house with several queues, and their rows in the store."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from ivr.agent_queue.model import Rules
from ivr.company import Company
from ivr.staffing.calendar import Calendar
from ivr.staffing.day import Caller, Day, Stay
from ivr.staffing.measured import Patience
from ivr.staffing.replay import Lived, Terms
from ivr.store.database import Store
from ivr.store.facts import OperatorSpan, VisitFact
from ivr.store.models import CallEvent

DAY = date(2026, 11, 17)
"""A Tuesday."""
NONE = {"": Patience(180.0, 0, 0, False)}
PLAIN = {"general": Rules()}
SEVERAL = {
    "general": Rules(relax=((0.0, 3), (60.0, 1))),
    "outage": Rules(overflow_to="general", overflow_after=45.0),
    "metering": Rules(wrap_up=20.0),
}


def plain(rules: dict[str, Rules] = PLAIN, **more: Any) -> Terms:
    return Terms(rules, rules, more.pop("patience", NONE), **more)


def steady(
    per_hour: float, handle: float, size: int, calls: int, seed: int, patience: float = math.inf
) -> Day:
    """One queue, one skill, nothing but chance: what Erlang's formulas speak of."""
    chance = random.Random(seed)
    at = begin = 1_800_000_000.0
    callers = []
    for number in range(calls):
        at += chance.expovariate(per_hour / 3600)
        talk, left = chance.expovariate(1 / handle), None
        if patience < math.inf:
            left = chance.expovariate(1 / patience)
        callers.append(lost(f"c{number}", at, "general", left, talk))
    stays = tuple(Stay(f"op{n:03}", begin, at + 1e6, {"general": 5}) for n in range(size))
    return Day(DAY, begin, at, tuple(callers), stays)


def lost(call: str, at: float, queue: str, left: float | None, talk: float, **more: Any) -> Caller:
    """Somebody who hangs up after `left` seconds, and would have talked so long."""
    given = {"outcome": "abandoned", "left": left, "talk": talk, "wrap": 0.0, "rang": None}
    return Caller(call, 1, queue, at, at, **(given | more))


def busy_house(company: Company, day: date = DAY, calls: int = 900, seed: int = 1) -> Day:
    """A day of several queues, shifts, priorities, people passed on and called back."""
    chance = random.Random(seed)
    begin, end = (each.timestamp() for each in Calendar(company).bounds(day))
    queues, callers = ("general", "outage", "metering"), []
    for number in range(calls):
        at = begin + 8 * 3600 + chance.uniform(0, 8 * 3600)
        queue = chance.choices(queues, (5, 3, 2))[0]
        common = {
            "priority": chance.choices(("normal", "priority_site"), (95, 5))[0],
            "wrap": chance.uniform(0, 25), "rang": chance.uniform(1, 6), "language": "uk",
        }  # fmt: skip
        left, talk = chance.expovariate(1 / 240), chance.expovariate(1 / 180)
        callers.append(lost(f"c{number}", at, queue, left, talk, **common))
        if not number % 20:  # passed on, by a talk that lasts
            callers[-1] = replace(callers[-1], left=None, outcome="answered", waited=0.0)
            then = replace(callers[-1], number=2, queue="metering", follows=True, at=at + 1)
            callers.append(then)
    stays = [
        Stay(f"op{n}", begin + (8 + n % 3) * 3600, begin + (14 + n % 4) * 3600, skills)
        for n in range(12)
        for skills in [{"general": 1 + n % 5, "outage": 3, "metering": 2 + n % 2}]
    ]
    return Day(day, begin, end, tuple(sorted(callers, key=lambda c: c.at)), tuple(stays))


# ---------------------------------------------------------------------- rows


def keep(store: Store, company: Company, day: Day, lived: Lived) -> None:
    """Write what was lived into the fact tables, as a day of the log would have been."""
    with store.session() as db:
        visits = [_visit(company, day, fate) for fate in lived.fates]
        spans = [row for name in _names(day) for row in _spans(company, day, lived, name)]
        db.execute(insert(VisitFact), visits)
        db.execute(insert(OperatorSpan), spans)
        db.execute(insert(CallEvent), [_skilled(company, stay) for stay in day.stays])


def _names(day: Day) -> list[str]:
    return sorted({stay.operator for stay in day.stays})


def _visit(company: Company, day: Day, fate: Any) -> dict[str, Any]:
    caller, answered = fate.caller, fate.waited is not None
    entered = moment(caller.entered)
    return {
        "call": caller.call, "number": caller.number, "company": company.id,
        "queue": caller.queue, "kind": caller.kind, "priority": caller.priority,
        "language": caller.language, "entered": entered, "day": day.day,
        "interval": half_hour(entered), "outcome": fate.outcome or "deflected",
        "waited": fate.waited, "left": fate.left, "operator": fate.operator or None,
        "talk": caller.talk if answered else None, "wrap": caller.wrap if answered else None,
        "storm": False,
    }  # fmt: skip


def _spans(company: Company, day: Day, lived: Lived, operator: str) -> Iterable[dict[str, Any]]:
    """His time: being there, with the rings, talks and wrap-ups in it, or after it."""
    busy = []
    for fate in lived.fates:
        if fate.operator == operator:
            caller = fate.caller
            answer = caller.entered + fate.waited
            end = answer + caller.talk
            busy += [
                (answer - fate.rang, answer, "offered", caller.call),
                (answer, end, "talking", caller.call),
                (end, end + caller.wrap, "wrap_up", caller.call),
            ]
        if fate.rung and fate.rung[0] == operator:
            left = fate.caller.entered + fate.left
            busy.append((fate.rung[1], left, "offered", fate.caller.call))
    stays = [(stay.start, stay.end) for stay in day.stays if stay.operator == operator]
    edges = sorted({e for s in busy for e in s[:2]} | {edge for stay in stays for edge in stay})
    for start, end in zip(edges, edges[1:], strict=False):
        at = next((b for b in busy if b[0] <= start and end <= b[1]), None)
        ready = any(stay[0] <= start and end <= stay[1] for stay in stays)
        if at or ready:
            yield {
                "company": company.id, "operator": operator, "began": moment(start),
                "ended": moment(end), "status": "ready" if ready else "offline", "reason": "",
                "state": at[2] if at else "idle", "ticket": at[3] if at else "", "queue": "",
            }  # fmt: skip


def _skilled(company: Company, stay: Stay) -> dict[str, Any]:
    details = {"operator": stay.operator, "skills": dict(stay.skills)}
    return {
        "company": company.id, "call": "", "at": moment(stay.start), "kind": "operator",
        "details": details,
    }  # fmt: skip


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def half_hour(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def calls(
    company: Company, day: date, counts: Sequence[int], queue: str = "general", **more: Any
) -> list[dict[str, Any]]:
    """Rows of answered calls: so many in each half hour of a day."""
    rows = []
    slots = Calendar(company).half_hours(day)
    for slot, count in zip(slots, counts, strict=True):
        for number in range(count):
            entered = slot + timedelta(seconds=number)
            rows.append(
                {
                    "call": f"{queue}-{slot:%m%d%H%M}-{slot.year}-{number}", "number": 1,
                    "company": company.id, "queue": queue, "kind": "call", "priority": "normal",
                    "language": "uk", "entered": entered, "day": day, "interval": slot,
                    "outcome": "answered", "waited": 10.0, "left": None, "operator": "olena",
                    "talk": 150.0, "wrap": 30.0, "storm": False,
                }
                | more
            )  # fmt: skip
    return rows


def put(store: Store, *groups: Sequence[dict[str, Any]]) -> None:
    with store.session() as db:
        for rows in groups:
            db.execute(insert(VisitFact), list(rows))
