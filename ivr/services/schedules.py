"""Hourly schedules and announced works: when an address is off, in words of the local day.

`merged`, `off_until` and `hours_of` are pure. Spans are local wall-clock times without a zone: a
schedule says "from 11:00", whatever the clocks do that day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import or_, select

from ivr.model import Result
from ivr.services import accounts, outage_events
from ivr.services.inquiry import Inquiry, service
from ivr.store import places
from ivr.store.models import Account
from ivr.store.supply import EmergencySchedules, OutageEvent, ScheduleHours

Span = tuple[datetime, datetime]
ONE_DAY = timedelta(days=1)
SUBQUEUE = re.compile(r"\d{1,9}(\.\d{1,9})*", re.ASCII)
LINES = (
    "schedule_queue_is", "schedule_today", "schedule_tomorrow", "schedule_also",
    "schedule_now_off", "schedule_now_on", "schedule_today_none", "schedule_tomorrow_none",
    "schedule_unknown", "schedule_emergency", "works_day", "works_days", "works_open", "works_none",
    "outage_event", *outage_events.PROMPTS,
)  # fmt: skip
MOST = 6
"""Lines of works that are told; nobody remembers more."""


# ---------------------------------------------------------------------- hours


def spans_of(rows: Iterable[ScheduleHours], day: date) -> list[Span]:
    """Return the hours that begin on a day: those of this very day, else those of every day.

    A row of this very day that ends when it begins says that there are none on it.
    """
    known = list(rows)
    own = [row for row in known if row.day == day] or [row for row in known if row.day is None]
    return sorted(_span(row, day) for row in own if row.starts != row.ends)


def _span(row: ScheduleHours, day: date) -> Span:
    starts = datetime.combine(day, time.fromisoformat(row.starts))
    if row.ends == "24:00":
        return starts, datetime.combine(day + ONE_DAY, time())
    ends = datetime.combine(day, time.fromisoformat(row.ends))
    return starts, ends if ends > starts else ends + ONE_DAY


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch or overlap: 11:00-13:00 and 13:00-14:30 are one time without supply."""
    joined: list[Span] = []
    for starts, ends in sorted(spans):
        if joined and starts <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((starts, ends))
    return joined


def off_until(rows: Sequence[ScheduleHours], now: datetime) -> datetime | None:
    """Return when the supply comes back by the schedule, None where it should be on.

    now: local, without a zone. Hours that began yesterday and those of tomorrow count too.
    """
    today = now.date()
    days = (today - ONE_DAY, today, today + ONE_DAY, today + 2 * ONE_DAY)
    spans = merged(span for day in days for span in spans_of(rows, day))
    return next((ends for starts, ends in spans if starts <= now < ends), None)


def hours_of(rows: Sequence[ScheduleHours], day: date) -> list[tuple[str, str]]:
    """Return the hours of a local day as "HH:MM", what lasts past midnight included.

    What began on the day before is told from 00:00; what goes on after midnight, to its end on the
    next day, or to 24:00 where that end would be taken for one of this day.
    """
    begin = datetime.combine(day, time())
    end = begin + ONE_DAY
    before = [span for span in spans_of(rows, day - ONE_DAY) if span[1] > begin]
    spans = merged([*before, *spans_of(rows, day)])
    told = []
    for starts, ends in spans:
        first = max(starts, begin)
        last = end if ends - ONE_DAY >= first else ends
        told.append((_clock(first, end), _clock(last, end)))
    return told


def _clock(moment: datetime, end: datetime) -> str:
    return "24:00" if moment == end else f"{moment:%H:%M}"


# ---------------------------------------------------------------------- what the store knows


def _rows(inquiry: Inquiry, account: Account) -> list[ScheduleHours]:
    """The hours of the account's queue about today; none where it has no queue."""
    if not account.schedule_queue:
        return []
    days = (inquiry.today - ONE_DAY, inquiry.today + 2 * ONE_DAY)
    wanted = (
        select(ScheduleHours)
        .where(
            ScheduleHours.company == inquiry.company.id,
            ScheduleHours.queue == account.schedule_queue,
            or_(ScheduleHours.day.is_(None), ScheduleHours.day.between(*days)),
        )
        .order_by(ScheduleHours.id)
    )
    return list(inquiry.db.scalars(wanted))


def emergency(inquiry: Inquiry, account: Account) -> bool:
    """Tell whether emergency schedules are on where the account is."""
    wanted = select(EmergencySchedules.region).where(
        EmergencySchedules.company == inquiry.company.id, EmergencySchedules.active.is_(True)
    )
    here = places.settlement(account.settlement or "")
    regions = inquiry.db.scalars(wanted)
    return any(not region or places.settlement(region) == here for region in regions)


def _local(inquiry: Inquiry) -> datetime:
    return inquiry.local(inquiry.now).replace(tzinfo=None)


def _queue(account: Account) -> dict[str, Any]:
    """The name of the queue, where it can be spoken."""
    queue = account.schedule_queue or ""
    spoken = SUBQUEUE.fullmatch(queue) is not None
    return {
        "schedule_queue_is": "schedule_queue_is" if spoken else "",
        "schedule_queue": queue if spoken else None,
    }


def at_present(inquiry: Inquiry, account: Account) -> tuple[str, dict[str, Any]]:
    """Return what the schedules say about an account at this moment: outcome and slots.

    by_schedule, no_schedules (emergency ones), should_be_on or unknown (no hours for its queue).
    """
    if emergency(inquiry, account):
        return "no_schedules", {}
    rows = _rows(inquiry, account)
    if not rows:
        return "unknown", {}
    local = _local(inquiry)
    until = off_until(rows, local)
    if until is None:
        return "should_be_on", {}
    midnight = datetime.combine(local.date() + ONE_DAY, time())
    if until - ONE_DAY >= local:  # a clock time of another day would be taken for one of this
        until = midnight
    return "by_schedule", {**_queue(account), "off_until": _clock(until, midnight)}


# ---------------------------------------------------------------------- key 3


@service("schedules.tell", "told", prompts=LINES, reads=True)
def tell(inquiry: Inquiry) -> Result:
    """Put together everything that is known of the account of the slots, an accident first.

    `lines`: a prompt and its values each. Hours are not told while emergency schedules are on;
    else all those of the day are, over or to come, and then whether the supply is off by them now.
    """
    account = accounts.current(inquiry)
    hits = outage_events.hitting(inquiry.db, inquiry.company.id, [account])
    accident = _accident(inquiry, [hit for hit in hits if hit[1].kind != "planned"])
    lines = [*accident, *_hours(inquiry, account), *_works(inquiry, hits)]
    return Result("told", {"lines": lines})


def _accident(inquiry: Inquiry, hits: Sequence[outage_events.Hit]) -> list[dict[str, Any]]:
    company = inquiry.company
    found = outage_events.chosen(hits, inquiry.now, company.terms.outages)
    if found is None:
        return []
    facts = outage_events.facts(found[1], inquiry.now, company.zone, company.terms.outages)
    return [{**facts, "line": "outage_event", "event_place": ""}]


def _hours(inquiry: Inquiry, account: Account) -> list[dict[str, Any]]:
    queue = _queue(account)
    first = [{"line": "schedule_queue_is", **queue}] if queue["schedule_queue_is"] else []
    if emergency(inquiry, account):
        return [*first, {"line": "schedule_emergency"}]
    rows = _rows(inquiry, account)
    if not rows:
        return [*first, {"line": "schedule_unknown"}]
    tomorrow = inquiry.today + ONE_DAY
    hours = hours_of(rows, inquiry.today)
    lines = [*first, *_day(hours, "today")]
    if hours:
        off = off_until(rows, _local(inquiry)) is not None
        lines.append({"line": "schedule_now_off" if off else "schedule_now_on"})
    if any(row.day == tomorrow for row in rows):
        lines += _day(hours_of(rows, tomorrow), "tomorrow")
    return lines


def _day(hours: Sequence[tuple[str, str]], name: str) -> list[dict[str, Any]]:
    if not hours:
        return [{"line": f"schedule_{name}_none"}]
    lines = [f"schedule_{name}", *["schedule_also"] * (len(hours) - 1)]
    return [
        {"line": line, "off_from": starts, "off_until": ends}
        for line, (starts, ends) in zip(lines, hours, strict=True)
    ]


def _works(inquiry: Inquiry, hits: Sequence[outage_events.Hit]) -> list[dict[str, Any]]:
    """The announced works of this address that are not over, soonest first."""
    last = inquiry.now + inquiry.company.terms.outages.ahead * ONE_DAY
    events = [event for _, event in hits if event.kind == "planned" and event.since <= last]
    coming = [e for e in events if e.restore_by is None or e.restore_by > inquiry.now]
    coming = [e for e in coming if e.restore_by or inquiry.local(e.since).date() >= inquiry.today]
    lines = [_work(inquiry, event) for event in sorted(coming, key=lambda e: (e.since, e.id))]
    return lines[:MOST] or [{"line": "works_none"}]


def _work(inquiry: Inquiry, event: OutageEvent) -> dict[str, Any]:
    starts = inquiry.local(event.since)
    told = {"works_date": starts.date().isoformat(), "works_from": f"{starts:%H:%M}"}
    if event.restore_by is None:
        return {"line": "works_open", **told}
    ends = inquiry.local(event.restore_by)
    midnight = datetime.combine(starts.date() + ONE_DAY, time())
    until = _clock(ends.replace(tzinfo=None), midnight)
    if until == "24:00" or ends.date() == starts.date():
        return {"line": "works_day", **told, "works_until": until}
    last = {"works_last": ends.date().isoformat(), "works_until": until}
    return {"line": "works_days", **told, **last}
