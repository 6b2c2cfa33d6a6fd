"""Puts what a World says of the supply into the store: events, schedules, applications, a storm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ivr.store import application_words as words
from ivr.store import fields
from ivr.store.models import Account
from ivr.store.supervision import Announcement
from ivr.store.supply import (
    Application,
    EmergencySchedules,
    OutageArea,
    OutageEvent,
    ScheduleHours,
    Storm,
)
from ivr.store.world import ABSENT, REGISTERED, Entry

KINDS = ("emergency", "planned")
PLACES = ("greeting", "queue")


def load_supply(session: Session, company: str, world: Mapping[str, Any], zone: tzinfo) -> None:
    """Adds everything of a World but its accounts, which must be there, and its operators.

    An application may name an account that the World does not have. zone: of times without an
    offset. ImportFileError names the place and the field that is wrong.
    """
    top = Entry("world", world)
    for entry in top.entries("events"):
        session.add(_event(company, entry, zone))
    schedules = top.entry("schedules") if world.get("schedules") not in (*ABSENT, []) else None
    for queue in schedules.content if schedules else ():
        for span in schedules.texts(queue, fields.span) if schedules else ():
            session.add(
                ScheduleHours(
                    company=company, queue=queue, day=None, starts=span[0], ends=span[1],
                    updated_at=REGISTERED,
                )
            )  # fmt: skip
    if top.optional("emergency_schedules", fields.yes):
        session.add(
            EmergencySchedules(company=company, region="", active=True, updated_at=REGISTERED)
        )
    for entry in top.entries("applications"):
        session.add(_application(session, company, entry, zone))
    if top.optional("storm", fields.yes):
        session.add(
            Storm(company=company, state="on", reason="world", started_at=REGISTERED, started_by="")
        )

    for entry in top.entries("announcements"):
        session.add(_announcement(company, entry, zone))


def _announcement(company: str, entry: Entry, zone: tzinfo) -> Announcement:
    entry.know("place", "queues", "texts", "until")
    texts = entry.entry("texts").content

    def moment(text: str) -> datetime:
        return fields.moment(text, zone)

    return Announcement(
        company=company,
        place=entry.read("place", _place),
        queues=list(entry.texts("queues", fields.name)),
        texts={language: str(text) for language, text in texts.items()},
        starts_at=REGISTERED,
        until=entry.read("until", moment),
        made_by="world",
        made_at=REGISTERED,
    )


def _place(text: str) -> str:
    if text not in PLACES:
        raise ValueError(f"{text!r}: write one of {', '.join(PLACES)}")
    return text


def load_fresh(
    session: Session, company: str, world: Mapping[str, Any], zone: tzinfo, now: datetime
) -> None:
    """Adds the same with its times moved: the newest event was told of now.

    Visits move by whole days, so that crews still come in the morning.
    """
    load_supply(session, company, world, zone)
    session.flush()
    events = session.scalars(select(OutageEvent).where(OutageEvent.company == company)).all()
    minute = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    moved = minute - max((event.updated_at for event in events), default=minute)
    for event in events:
        event.source = "demo"
        event.since += moved
        event.updated_at += moved
        event.restore_by = event.restore_by + moved if event.restore_by else None
    days = timedelta(days=moved.days)
    for row in session.scalars(select(Application).where(Application.company == company)):
        row.visit = row.visit + days if row.visit else None
        row.until = row.until + days if row.until else None
    said = {"updated_at": now}
    session.execute(update(ScheduleHours).where(ScheduleHours.company == company).values(said))


def _event(company: str, entry: Entry, zone: tzinfo) -> OutageEvent:
    entry.know(
        "id", "kind", "streets", "settlements", "substations", "accounts", "since", "restore_by",
        "customers", "updated", "cause",
    )  # fmt: skip

    def moment(text: str) -> datetime:
        return fields.moment(text, zone)

    columns = {
        "settlement": "settlements",
        "street": "streets",
        "substation": "substations",
        "account": "accounts",
    }
    areas = [
        OutageArea(company=company, **{column: name})
        for column, field in columns.items()
        for name in entry.texts(field, fields.name)
    ]
    return OutageEvent(
        company=company,
        number=entry.read("id", fields.name),
        kind=entry.read("kind", _kind),
        cause=entry.optional("cause", fields.name),
        since=entry.read("since", moment),
        restore_by=entry.optional("restore_by", moment),
        customers=entry.optional("customers", int),
        updated_at=entry.read("updated", moment),
        source="world",
        areas=areas,
    )


def _application(session: Session, company: str, entry: Entry, zone: tzinfo) -> Application:
    entry.know("number", "account", "what", "state", "visit", "until", "reason")
    number = entry.optional("account", fields.name)
    wanted = select(Account).where(Account.company == company, Account.number == number)
    account = session.scalar(wanted) if number else None
    state = entry.read("state", fields.name)

    def moment(text: str) -> datetime:
        return fields.moment(text, zone)

    return Application(
        company=company,
        number=entry.read("number", fields.name),
        account=account,
        what=words.what(entry.read("what", fields.name)),
        state=words.state(state),
        reason=entry.optional("reason", fields.name) or words.reason(state),
        visit=entry.optional("visit", moment),
        until=entry.optional("until", moment),
        updated_at=datetime(2020, 1, 1, tzinfo=UTC),
    )


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"{text!r}: write one of {', '.join(KINDS)}")
    return text
