"""The tables about the supply: events, reports, schedules, works on request, storms.

Rules as in `ivr.store.models`: times are aware datetimes in UTC, telephone numbers E.164. `number`
is what the company calls a row in its own systems, unique in the company; imports go by it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ivr.store import places
from ivr.store.models import Account, Base, Receipt, Ticket


def _place(context: DefaultExecutionContext) -> str | None:
    """Fill `OutageArea.place` when the row is stored."""
    area: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return places.area(area.get("street"), area.get("settlement"))


class OutageEvent(Base):
    """An outage the operator of the grid knows of: an accident, or planned works.

    kind: emergency or planned. cause: a word of `outages.CAUSES`, None where not known.
    restore_by: None where nobody can tell. customers: about how many are hit.
    updated_at: when the company last said so; older data is not told as a fact.
    state: open or closed. restored_at: when it was closed. source: file, key of the API, login.
    """

    __tablename__ = "outage_events"
    __table_args__ = (UniqueConstraint("company", "number"), Index(None, "company", "state"))

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[str]
    kind: Mapped[str]
    cause: Mapped[str | None]
    since: Mapped[datetime]
    restore_by: Mapped[datetime | None]
    customers: Mapped[int | None]
    updated_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="open")
    restored_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(default="")

    areas: Mapped[list[OutageArea]] = relationship(
        back_populates="event",
        lazy="selectin",
        order_by="OutageArea.id",
        cascade="all, delete-orphan",
    )


class OutageArea(Base):
    """A part of what an event hits: every field that is not None must be the account's.

    houses: those of the street that are hit, empty: all of them. place: what it is looked up by,
    the key of the street, else of the settlement (`ivr.store.places`); set when it is stored.
    """

    __tablename__ = "outage_areas"
    __table_args__ = (
        Index(None, "company", "place"),
        Index(None, "company", "substation"),
        Index(None, "company", "account"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    event_id: Mapped[int] = mapped_column(ForeignKey("outage_events.id"), index=True)
    settlement: Mapped[str | None]
    street: Mapped[str | None]
    houses: Mapped[list[str]] = mapped_column(default=list)
    substation: Mapped[str | None]
    account: Mapped[str | None]
    place: Mapped[str | None] = mapped_column(default=_place)

    event: Mapped[OutageEvent] = relationship(back_populates="areas")


class SuspectedEvent(Base):
    """Reports of one substation or street that came close together: for the dispatcher only.

    Never told to a caller. state: open, confirmed (`event_id`) or dismissed, by `decided_by`.
    """

    __tablename__ = "suspected_events"
    __table_args__ = (Index(None, "company", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    substation: Mapped[str | None]
    settlement: Mapped[str | None]
    street: Mapped[str | None]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    reports: Mapped[int]
    state: Mapped[str] = mapped_column(default="open")
    event_id: Mapped[int | None] = mapped_column(ForeignKey("outage_events.id"))
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class OutageReport(Base):
    """Somebody said that he has no supply. Counted to an event, or kept with his ticket.

    scope: house, flat or None. answers: what he said to the other questions; "notice": to whom and
    how he wants to be told, until there is an event to be told of. substation, settlement, street:
    keys of `ivr.store.places`, for grouping.
    """

    __tablename__ = "outage_reports"
    __table_args__ = (
        Index(None, "company", "substation", "at"),
        Index(None, "company", "street", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    call: Mapped[str]
    caller_number: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    substation: Mapped[str | None]
    settlement: Mapped[str | None]
    street: Mapped[str | None]
    scope: Mapped[str | None]
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("outage_events.id"), index=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    suspected_id: Mapped[int | None] = mapped_column(ForeignKey("suspected_events.id"))

    account: Mapped[Account | None] = relationship()
    event: Mapped[OutageEvent | None] = relationship()
    ticket: Mapped[Ticket | None] = relationship()


class Subscription(Base):
    """Somebody wants to be told when the supply is back; asked for by himself.

    way: sms or call. state: waiting, told, answered (he heard the call), still_out (he said that he
    has no supply yet), failed (all tries used). at_night: he agreed to be called at any hour.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("company", "event_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    event_id: Mapped[int] = mapped_column(ForeignKey("outage_events.id"), index=True)
    number: Mapped[str]
    way: Mapped[str] = mapped_column(default="sms")
    at_night: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    call: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="waiting")
    told_at: Mapped[datetime | None]

    event: Mapped[OutageEvent] = relationship()
    account: Mapped[Account | None] = relationship()


class ScheduleHours(Base):
    """Hours in which a queue of the hourly schedules is off. day: None: every day.

    starts, ends: local "HH:MM"; an end that is before the start is on the next day; equal: none.
    """

    __tablename__ = "schedule_hours"
    __table_args__ = (Index(None, "company", "queue", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    queue: Mapped[str]
    day: Mapped[date | None]
    starts: Mapped[str]
    ends: Mapped[str]
    updated_at: Mapped[datetime]


class EmergencySchedules(Base):
    """Emergency schedules: while they are on, the hourly ones do not apply.

    region: a settlement, "" for everywhere.
    """

    __tablename__ = "emergency_schedules"

    company: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True, default="")
    active: Mapped[bool]
    updated_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(default="")


class Application(Base):
    """Something a customer applied for; its state is told to whoever keys its number.

    what: meter_replacement, connection, meter_check, inspection, contract, other.
    state: received, in_progress, scheduled, done, postponed, refused or cancelled; reason: a word
    for postponed and refused. visit, until: when the crew comes.
    """

    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("company", "number"), Index(None, "company", "visit"))

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    what: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    visit: Mapped[datetime | None]
    until: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    account: Mapped[Account | None] = relationship()


class Booking(Base):
    """A slot somebody has: a visit of a crew, or an appointment at an office.

    place: "visits", or "office:ID". seat: from 0 up to how many are served at once; with `live`
    (True, or None once it is given up) the unique constraint lets nobody have a seat twice.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        UniqueConstraint("company", "place", "starts", "seat", "live"),
        Index(None, "company", "caller_number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    place: Mapped[str]
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    seat: Mapped[int] = mapped_column(default=0)
    live: Mapped[bool | None] = mapped_column(default=True)
    application_id: Mapped[int | None] = mapped_column(ForeignKey("applications.id"), index=True)
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    caller_number: Mapped[str | None]
    call: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]

    application: Mapped[Application | None] = relationship()
    receipt: Mapped[Receipt | None] = relationship()


class PrioritySite(Base):
    """An entry of the register of those who come first.

    kind: priority_site (a hospital) or vulnerable (somebody with a ventilator at home; consent
    needed). note: for the operator (a generator for 4 h). valid_from, valid_to: local days,
    both included, None: open. approved_by: who decided; never a caller.
    """

    __tablename__ = "priority_sites"
    __table_args__ = (UniqueConstraint("company", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[str]
    kind: Mapped[str] = mapped_column(default="priority_site")
    name: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    approved_by: Mapped[str]
    consent: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]

    account: Mapped[Account | None] = relationship()
    phones: Mapped[list[PriorityPhone]] = relationship(
        back_populates="site", lazy="selectin", cascade="all, delete-orphan"
    )


class PriorityPhone(Base):
    """A telephone of an entry of that register."""

    __tablename__ = "priority_phones"
    __table_args__ = (Index(None, "company", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    site_id: Mapped[int] = mapped_column(ForeignKey("priority_sites.id"), index=True)
    number: Mapped[str]

    site: Mapped[PrioritySite] = relationship(back_populates="phones")


class Storm(Base):
    """One time in which storm mode was proposed, and perhaps on.

    state: proposed, on, off, expired or refused. regions: settlements, empty: everywhere.
    reason: why it was proposed or switched on. rules: gates, cap and call-back policy as they were
    decided, over those of the profile. until: when it ends by itself. Who did what is in `audit`.
    live: True while proposed or on, else None: one at a time in a company.
    measured: the figures it was proposed by, and the latest. calm_since: since when these are low.
    version: grows with every change of somebody; who names an older one is refused.
    """

    __tablename__ = "storms"
    __table_args__ = (UniqueConstraint("company", "live"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    state: Mapped[str]
    live: Mapped[bool | None] = mapped_column(default=True)
    regions: Mapped[list[str]] = mapped_column(default=list)
    reason: Mapped[str]
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    proposed_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    started_by: Mapped[str | None]
    until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    measured: Mapped[dict[str, Any]] = mapped_column(default=dict)
    calm_since: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class CallbackClock(Base):
    """The hours a company has given itself for one promise to call back (`callbacks.hours`).

    since: when the clock began. red_at: from when the promise is pressing. escalated_at: when
    supervisors were told that it is late.
    """

    __tablename__ = "callback_clocks"
    __table_args__ = (Index(None, "company", "escalated_at", "due_at"),)

    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id"), primary_key=True)
    company: Mapped[str]
    since: Mapped[datetime]
    red_at: Mapped[datetime]
    due_at: Mapped[datetime]
    escalated_at: Mapped[datetime | None]
