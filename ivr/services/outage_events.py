"""Events as callers hear of them: which one hits an account, and what of it is told as a fact.

`facts` and `chosen` are pure. A time of restoration is spoken only while it lies ahead and the
company said it not too long ago (`terms.outages`); else the caller hears that a new one is being
found out. What the operators suspect is never told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, lazyload

from ivr.store import places
from ivr.store.models import Account
from ivr.store.supply import OutageArea, OutageEvent
from ivr.terms import OutageTerms

CAUSES = (
    "storm", "equipment", "cable", "line", "tree", "overload", "shelling", "third_party", "flood",
)  # fmt: skip
"""Causes that are told; each is a prompt `cause_WORD`. Another word is not spoken."""
PROMPTS = (
    "outage_accident", "outage_works", "since_today", "since_day", "restore_today", "restore_day",
    "restore_unknown", "restore_new", "works_end_today", "works_end_day", "works_end_unknown",
    "data_now", "data_minutes", "data_minute", "data_hours", "data_days", "account_place",
    "account_settlement", *(f"cause_{cause}" for cause in CAUSES),
)  # fmt: skip
"""Everything `facts` may put into a sentence."""
HOUR = 60
DAY = 24 * HOUR

Hit = tuple[Account, OutageEvent]


# ---------------------------------------------------------------------- which event


def hitting(db: Session, company: str, accounts: Sequence[Account]) -> list[Hit]:
    """Return every open event with each of the accounts that it hits, in the order of these.

    One indexed query.
    """
    keys = {places.street(a.street) for a in accounts if a.street}
    keys |= {places.settlement(a.settlement) for a in accounts if a.settlement}
    near = or_(
        OutageArea.place.in_(keys),
        OutageArea.substation.in_({a.substation for a in accounts if a.substation}),
        OutageArea.account.in_({a.number for a in accounts}),
    )
    wanted = (
        select(OutageEvent, OutageArea)
        .join(OutageArea, OutageArea.event_id == OutageEvent.id)
        .where(and_(OutageArea.company == company, near, OutageEvent.state == "open"))
        .order_by(OutageEvent.id)
        .options(lazyload(OutageEvent.areas))
    )
    found: dict[tuple[int, int], Hit] = {}
    for event, area in db.execute(wanted):
        for account in accounts:
            if covers(area, account):
                found.setdefault((account.id, event.id), (account, event))
    nth = {account.id: place for place, account in enumerate(accounts)}
    return sorted(found.values(), key=lambda hit: nth[hit[0].id])


def covers(area: OutageArea, account: Account) -> bool:
    """Tell whether everything an area names is the account's; naming nothing, it hits nobody."""
    tests = []
    if area.settlement:
        tests.append(places.settlement(area.settlement) == places.settlement(account.settlement))
    if area.street:
        tests.append(places.street(area.street) == places.street(account.street))
        if area.houses:
            tests.append(places.house(account.house) in map(places.house, area.houses))
    if area.substation:
        tests.append(area.substation == account.substation)
    if area.account:
        tests.append(area.account == account.number)
    return bool(tests) and all(tests)


def present(event: OutageEvent, now: datetime) -> bool:
    """Tell whether an event is why there is no supply at this moment.

    Nothing is before it begins. Planned works are present to their announced end, an accident
    until it is closed.
    """
    if event.state != "open" or event.since > now:
        return False
    if event.kind != "planned":
        return True
    return event.restore_by is None or now < event.restore_by


def chosen(hits: Iterable[Hit], now: datetime, terms: OutageTerms) -> Hit | None:
    """Return the hit to be told of, None where no event is present: always the same of the same.

    The first account that is hit, in the order of `hits`; of its events an accident before planned
    works, what still holds before what is stale, then that which keeps the supply off for longest
    (nobody knows how long: longest of all), then the latest news.
    """
    current = [hit for hit in hits if present(hit[1], now)]
    if not current:
        return None
    first = current[0][0]
    own = [hit for hit in current if hit[0] is first]
    return min(own, key=lambda hit: _rank(hit[1], now, terms))


def _rank(event: OutageEvent, now: datetime, terms: OutageTerms) -> tuple[float, ...]:
    holds = fresh(event, now, terms)
    told = event.restore_by if holds and event.restore_by and event.restore_by > now else None
    ends = told.timestamp() if told else math.inf
    works = event.kind == "planned"
    return works, not holds, -ends, -event.updated_at.timestamp(), event.id


# ---------------------------------------------------------------------- what is told


def fresh(event: OutageEvent, now: datetime, terms: OutageTerms) -> bool:
    """Tell whether what the company said of an event still holds as a fact."""
    longest = timedelta(hours=terms.announced)
    if event.kind != "planned":
        longest = timedelta(minutes=terms.fresh)
    return now - event.updated_at <= longest


def facts(event: OutageEvent, now: datetime, zone: tzinfo, terms: OutageTerms) -> dict[str, Any]:
    """Return the slots of the sentences about an event; an empty prompt id says nothing."""
    works = event.kind == "planned"
    return {
        "event": event.id,
        "event_what": "outage_works" if works else "outage_accident",
        "cause": f"cause_{event.cause}" if event.cause in CAUSES else "",
        **_since(event, now, zone),
        **_restoration(event, now, zone, terms),
        **_age(event, now),
    }


def _since(event: OutageEvent, now: datetime, zone: tzinfo) -> dict[str, Any]:
    since = event.since.astimezone(zone)
    if event.since > now:
        return {"since": "", "since_time": None, "since_date": None}
    today = since.date() == now.astimezone(zone).date()
    return {
        "since": "since_today" if today else "since_day",
        "since_time": f"{since:%H:%M}",
        "since_date": since.date().isoformat(),
    }


def _restoration(
    event: OutageEvent, now: datetime, zone: tzinfo, terms: OutageTerms
) -> dict[str, Any]:
    works = event.kind == "planned"
    nothing = {"restore_time": None, "restore_date": None}
    if event.restore_by is None:
        return {"restore": "works_end_unknown" if works else "restore_unknown", **nothing}
    if event.restore_by <= now or not fresh(event, now, terms):
        return {"restore": "restore_new", **nothing}
    ends = event.restore_by.astimezone(zone)
    today = ends.date() == now.astimezone(zone).date()
    kind = "works_end" if works else "restore"
    return {
        "restore": f"{kind}_today" if today else f"{kind}_day",
        "restore_time": f"{ends:%H:%M}",
        "restore_date": ends.date().isoformat(),
    }


def _age(event: OutageEvent, now: datetime) -> dict[str, Any]:
    """How old the data is, rounded down. Of an announcement of works the age tells nothing."""
    minutes = max(0, int((now - event.updated_at).total_seconds() // 60))
    if event.kind == "planned" and minutes >= HOUR:
        return {"data": "", "age": None}
    if minutes == 0:
        return {"data": "data_now", "age": None}
    if minutes < HOUR:
        # In Ukrainian and Russian "one minute ago" wants another case than "six minutes ago".
        one = minutes % 10 == 1 and minutes != 11
        return {"data": "data_minute" if one else "data_minutes", "age": minutes}
    if minutes < DAY:
        return {"data": "data_hours", "age": minutes // HOUR}
    return {"data": "data_days", "age": minutes // DAY}
