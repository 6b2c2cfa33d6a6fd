"""What the dispatcher's page shows: rows of the store and figures of the queue, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ivr import actions, expected_wait
from ivr.agent_queue.model import AgentQueue, QueueDown
from ivr.company import Company
from ivr.services import outage_events, priority
from ivr.store.models import Audit
from ivr.store.supervision import Action
from ivr.store.supply import OutageEvent, Storm, Subscription, SuspectedEvent
from ivr.storm import figures, records
from ivr.storm.rules import threshold

SHOWN = 100
ALERTS = timedelta(hours=12)
STALE = timedelta(minutes=2)
"""Figures older than this are not today's: the jobs that measure do not run."""


def storm(
    row: Storm | None, company: Company, now: datetime, people: Mapping[str, str]
) -> dict[str, Any]:
    """Return the last storm, people by name; state "" where there was none, version 0 where none
    lives.
    """
    terms = company.terms.storm
    if row is None:
        return {"state": "", "version": 0, "measured": None}
    over = row.state == "on" and row.until is not None and row.until <= now
    rules = records.rules_of(row, terms)
    return {
        "id": row.id,
        "state": "expired" if over else row.state,
        "version": row.version if row.live else 0,
        "reason": row.reason,
        "reasons": row.measured.get("reasons", []),
        "proposed_at": _seconds(row.proposed_at),
        "started_at": _seconds(row.started_at),
        "started_by": people.get(row.started_by or "", row.started_by),
        "until": _seconds(row.until),
        "ended_at": _seconds(row.ended_at),
        "ended_by": people.get(row.ended_by or "", row.ended_by),
        "calm_since": _seconds(row.calm_since) if row.live else None,
        "regions": list(row.regions),
        "cap": rules.cap,
        "gates": list(rules.gates),
        "callbacks": rules.callbacks,
        "wrap_up": rules.wrap_up,
        "message": rules.message,
        "measured": _measured(row, company, now),
    }


def _measured(row: Storm, company: Company, now: datetime) -> dict[str, Any] | None:
    """The figures it was proposed by, and the latest while it lives."""
    terms = company.terms.storm
    proposed = row.measured.get("proposed")
    latest = row.measured.get("latest") if row.live else None
    if not proposed and not latest:
        return None
    at = datetime.fromisoformat(row.measured["at"])
    return {
        "proposed": _figures(proposed, company),
        "latest": _figures(latest, company),
        "at": at.timestamp(),
        "stale": now - at > STALE,
        "limits": {"wait": terms.wait * 60, "customers": terms.customers, "calm": terms.calm * 60},
        "span": terms.span,
    }


def _figures(figures: dict[str, Any] | None, company: Company) -> dict[str, Any] | None:
    if not figures:
        return None
    return {
        "calls": figures["calls"],
        "forecast": figures["forecast"],
        "threshold": threshold(company.terms.storm, figures["forecast"]),
        "wait": figures["wait"],
        "queue": figures["queue"],
        "customers": max(figures["events"].values(), default=0),
    }


def queues(queue: AgentQueue, company: Company, now: datetime) -> list[dict[str, Any]] | None:
    """Return who waits in which queue and how long a new caller would; None: it is away."""
    found = []
    try:
        for name, rules in company.queues.items():
            place = queue.place(company.id, name, now.timestamp())
            wait = expected_wait.estimate(place, company.typical_talk, rules.wrap_up)
            found.append(
                {
                    "queue": name, "waiting": place.waiting, "serving": place.serving,
                    "free": place.free, "wait": wait,
                }
            )  # fmt: skip
    except QueueDown:
        return None
    return found


def events(db: Session, company: Company, now: datetime) -> list[dict[str, Any]]:
    """Return the open events, the biggest first, with how old the data are."""
    waiting = (
        select(Subscription.event_id, func.count(Subscription.id))
        .where(Subscription.company == company.id, Subscription.state == "waiting")
        .group_by(Subscription.event_id)
    )
    subscribed: dict[int, int] = {event: count for event, count in db.execute(waiting)}  # noqa: C416
    wanted = select(OutageEvent).where(
        OutageEvent.company == company.id, OutageEvent.state == "open"
    )
    rows = sorted(
        db.scalars(wanted),
        key=lambda row: (row.kind == "planned", -(row.customers or 0), row.id),
    )
    return [
        {
            "id": row.id,
            "number": row.number,
            "kind": row.kind,
            "cause": row.cause,
            "areas": [_place(area) for area in row.areas][:20],
            "since": row.since.timestamp(),
            "restore_by": _seconds(row.restore_by),
            "customers": row.customers,
            "updated": row.updated_at.timestamp(),
            "fresh": outage_events.fresh(row, now, company.terms.outages),
            "overdue": row.restore_by is not None and row.restore_by <= now,
            "subscribed": subscribed.get(row.id, 0),
        }
        for row in rows[:SHOWN]
    ]


def suspected(db: Session, company: str) -> list[dict[str, Any]]:
    """Return the suspected events nobody has decided on, those with most reports first."""
    wanted = (
        select(SuspectedEvent)
        .where(SuspectedEvent.company == company, SuspectedEvent.state == "open")
        .order_by(SuspectedEvent.reports.desc(), SuspectedEvent.id)
        .limit(SHOWN)
    )
    return [
        {
            "id": row.id,
            "place": ", ".join(
                part for part in (row.settlement, row.street, row.substation) if part
            ),
            "reports": row.reports,
            "first": row.first_at.timestamp(),
            "last": row.last_at.timestamp(),
        }
        for row in db.scalars(wanted)
    ]


def alerts(db: Session, company: str, now: datetime) -> list[dict[str, Any]]:
    """Return the calls of priority sites and vulnerable customers of the last hours."""
    return [
        {
            "at": each.at.timestamp(), "call": each.call, "number": each.number, "why": each.why,
            "site": each.site.get("name", ""), "note": each.site.get("note", ""),
            "account": each.account, "queue": each.queue, "who": each.who, "reason": each.reason,
        }
        for each in priority.calls(db, company, now - ALERTS)[:20]
    ]  # fmt: skip


def history(db: Session, company: str, people: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the latest changes of storm mode, and who made them. people: login -> name.

    action: what takes it back, None where nothing does. undoes: it took another one back.
    """
    wanted = (
        select(Audit)
        .where(Audit.company == company, Audit.what.startswith("storm_", autoescape=True))
        .where(Audit.allowed.is_(True), Audit.what != "storm_after")
        .order_by(Audit.id.desc())
        .limit(12)
    )
    rows = list(db.scalars(wanted))
    numbers = [row.details["action"] for row in rows if "action" in row.details]
    found = list(
        db.scalars(select(Action).where(Action.id.in_(numbers)).order_by(Action.id.desc()))
    )
    known, standing = {row.id: row for row in found}, actions.standing(found)
    return [_change(row, known.get(row.details.get("action", 0)), standing, people) for row in rows]


def _change(
    row: Audit, action: Action | None, standing: Set[int], people: Mapping[str, str]
) -> dict[str, Any]:
    undone = action.undone_by if action else None
    after = row.details.get("after", row.details)
    return {
        "at": row.at.timestamp(),
        "what": row.what,
        "who": people.get(row.who, row.who),
        "reason": str(after.get("why") or after.get("reason") or ""),
        "action": action.id if action and action.id in standing else None,
        "undoes": "undoes" in row.details,
        "undone": people.get(undone, undone) if undone else "",
    }


def promises(db: Session, row: Storm) -> dict[str, int]:
    """Return the subscriptions and call-backs of a storm that has begun."""
    return figures.promises(db, row.company, row.started_at) if row.started_at else {}


def _place(area: Any) -> str:
    parts = (area.settlement, area.street, area.substation, area.account)
    houses = f" {', '.join(area.houses)}" if area.houses else ""
    return ", ".join(part for part in parts if part) + houses


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
