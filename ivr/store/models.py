"""The tables of press2.

Times are aware datetimes in UTC (`UtcDateTime`), values of registers are strings with the meter's
number of digits ("02421"), telephone numbers are E.164 ("+380671110001"). The lists `flags` and
`tries` notice `append` and the like; any other JSON column wants a whole new value.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

FIRST_RECEIPT = 100_000
"""A receipt's number is its id above this, so that a caller always hears six digits or more."""


class UtcDateTime(TypeDecorator[datetime]):
    """Stores an aware datetime and returns the same instant in UTC, on SQLite too.

    A naive datetime raises ValueError: which zone it meant is not known.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turns an aware datetime into UTC, naive for SQLite; a naive one raises ValueError."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no time zone; the store takes aware datetimes only")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turns what the database holds into an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The root of every table; its naming pattern lets migrations name every constraint."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: MutableList.as_mutable(JSON()),
        list[str]: MutableList.as_mutable(JSON()),
    }


class Company(Base):
    """A grid operator; its id is the name of its profile ("odesa")."""

    __tablename__ = "companies"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Account(Base):
    """A personal account: one customer at one address.

    kind: household, business or priority_site.
    permitted_kw: the power the contract permits, kilowatts; None where not known.
    schedule_queue: queue of the hourly outage schedules ("3.2").
    """

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("company", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    number: Mapped[str]
    kind: Mapped[str]
    settlement: Mapped[str]
    street: Mapped[str]
    house: Mapped[str]
    permitted_kw: Mapped[int | None]
    schedule_queue: Mapped[str | None]
    substation: Mapped[str | None]

    meters: Mapped[list[Meter]] = relationship(
        back_populates="account", lazy="selectin", order_by="Meter.position"
    )
    contacts: Mapped[list[Contact]] = relationship(
        back_populates="account", lazy="selectin", order_by="Contact.id"
    )
    aliases: Mapped[list[Alias]] = relationship(back_populates="account", order_by="Alias.id")


class Alias(Base):
    """An old number of an account; one old number may stand for several accounts."""

    __tablename__ = "aliases"
    __table_args__ = (UniqueConstraint("company", "alias", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    alias: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)

    account: Mapped[Account] = relationship(back_populates="aliases")


class Meter(Base):
    """A meter with the registers it has for life.

    account_id: None for a meter taken out of use; it stays because readings name its registers.
    digits: digits before the comma. remote: it is also read remotely.
    position: place among the account's meters, from 0.
    """

    __tablename__ = "meters"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    number: Mapped[str] = mapped_column(index=True)
    digits: Mapped[int]
    remote: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)

    account: Mapped[Account | None] = relationship(back_populates="meters")
    registers: Mapped[list[Register]] = relationship(
        back_populates="meter", lazy="selectin", order_by="Register.id"
    )


class Register(Base):
    """One counter of a meter, with the last billed reading.

    name: single, day, night, peak or half_peak.
    previous: last billed value, with the meter's digits. previous_on: its date.
    per_day: usual consumption, kWh a day.
    """

    __tablename__ = "registers"
    __table_args__ = (UniqueConstraint("meter_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    meter_id: Mapped[int] = mapped_column(ForeignKey("meters.id"))
    name: Mapped[str]
    previous: Mapped[str]
    previous_on: Mapped[date]
    per_day: Mapped[float]

    meter: Mapped[Meter] = relationship(back_populates="registers")


class Contact(Base):
    """A telephone of an account.

    source: register (the company's own list) or consent (the caller asked to keep it).
    proved: whoever calls from it may hear the account's readings.
    """

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("company", "number", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    source: Mapped[str]
    proved: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(back_populates="contacts")


class Preference(Base):
    """What a calling number chose for its next calls."""

    __tablename__ = "preferences"

    company: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str]


class Receipt(Base):
    """A registration number told to a caller; never given twice, not even after a deletion.

    key: call, step and turn that asked for it, so that a repeated turn gets the same number.
    """

    __tablename__ = "receipts"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]

    @property
    def number(self) -> int:
        """The number the caller hears."""
        return self.id + FIRST_RECEIPT


class Reading(Base):
    """One value of one register given in one call; every one is kept.

    state: accepted, accepted_flagged, outside_window, to_review or incomplete.
    flags: of rollover, high_use, equal, replaces, override (a supervisor's decision).
    as_of: the day the value counts for. entered_at: the caller entered the dialogue.
    stored_at: confirmed, or last written while incomplete. call: id of the call.
    tries: values that were refused before this one.
    """

    __tablename__ = "readings"
    __table_args__ = (
        Index(None, "account_id", "as_of"),
        Index(None, "caller_number", "state"),
        Index(None, "company", "stored_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    register_id: Mapped[int] = mapped_column(ForeignKey("registers.id"), index=True)
    value: Mapped[str]
    state: Mapped[str]
    flags: Mapped[list[str]] = mapped_column(default=list)
    as_of: Mapped[date | None]
    entered_at: Mapped[datetime]
    stored_at: Mapped[datetime]
    channel: Mapped[str]
    caller_number: Mapped[str | None]
    call: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("readings.id"))
    tries: Mapped[list[Any]] = mapped_column(default=list)

    account: Mapped[Account] = relationship()
    register: Mapped[Register] = relationship()
    receipt: Mapped[Receipt | None] = relationship()
    replaces: Mapped[Reading | None] = relationship(remote_side=[id])


class Ticket(Base):
    """A report or request registered for people to work on."""

    __tablename__ = "tickets"
    __table_args__ = (Index(None, "company", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"))
    type: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    priority: Mapped[str]
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    caller_number: Mapped[str | None]
    call: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="open")

    account: Mapped[Account | None] = relationship()
    receipt: Mapped[Receipt | None] = relationship()


class CallEvent(Base):
    """One thing that happened to a call or an operator; every report is counted from these rows.

    call: "" where it is no call's. source: where the row came from ("odesa/1763-0"), None where it
    may be told by what it holds; unique, so that nothing is stored twice.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "call", "id"),
        Index(None, "company", "at"),
        Index(
            "ix_events_of_no_call",
            "company",
            "kind",
            "id",
            sqlite_where=text("call = ''"),
            postgresql_where=text("call = ''"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    call: Mapped[str]
    at: Mapped[datetime]
    kind: Mapped[str]
    flow: Mapped[str] = mapped_column(default="")
    step: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    source: Mapped[str | None] = mapped_column(unique=True)


NO_CALL = CallEvent.call == literal_column("''")
"""Of an event that is no call's; as text, so that SQLite takes the index which has only those."""


class AccountMiss(Base):
    """A caller keyed an account that does not exist; counted to slow down guessing."""

    __tablename__ = "account_misses"
    __table_args__ = (Index(None, "company", "number", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[str]
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(unique=True)


class User(Base):
    """Somebody who signs in at the desk.

    role: operator, supervisor or administrator. password: argon2 hash.
    skills: queue -> level (5 best, 1 least). languages: those he speaks, best first.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("login"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    login: Mapped[str]
    name: Mapped[str]
    role: Mapped[str] = mapped_column(default="operator")
    password: Mapped[str]
    skills: Mapped[dict[str, Any]] = mapped_column(default=dict)
    languages: Mapped[list[str]] = mapped_column(default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignIn(Base):
    """One shift of a user in one browser. token: SHA-256 of what the cookie holds."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str]
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class Audit(Base):
    """Something done, or refused, that somebody may have to answer for.

    who: login, or "" where nobody was signed in. what: "transfer", "play_recording", "override"...
    """

    __tablename__ = "audit"
    __table_args__ = (Index(None, "company", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    company: Mapped[str]
    who: Mapped[str]
    what: Mapped[str]
    allowed: Mapped[bool]
    call: Mapped[str | None]
    address: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Callback(Base):
    """A promise to call somebody back, stored before it is spoken.

    number: E.164. state: due, calling, done, failed (all tries used), resumed (he rang himself) or
    cancelled; `live` is True for due and calling, else None, so that the unique constraint allows
    one live promise a number. entered_at: his place in the queue counts from here.
    call: the call in which it was asked for. tries: times dialled. next_at: not before.
    context: what the operator's screen shows.
    """

    __tablename__ = "callbacks"
    __table_args__ = (
        UniqueConstraint("company", "number", "live"),
        Index(None, "company", "state", "next_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[str]
    queue: Mapped[str]
    priority: Mapped[str] = mapped_column(default="normal")
    language: Mapped[str]
    call: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    entered_at: Mapped[datetime]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="due")
    live: Mapped[bool | None] = mapped_column(default=True)
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    operator: Mapped[str | None]
    context: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Conversation(Base):
    """One operator's part of a call, from his answer to the end of the wrap-up.

    code, note: of the wrap-up. interrupted: his connection was lost. handed_to: queue, operator or
    number the caller was passed on to. recording: file below var/recordings, None: not recorded.
    unrecorded: the caller asked for no recording. quality: loss, jitter, round trip as measured.
    """

    __tablename__ = "conversations"
    __table_args__ = (Index(None, "company", "answered_at"), Index(None, "call"))

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    call: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)
    operator: Mapped[str]
    queue: Mapped[str]
    caller_number: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    entered_at: Mapped[datetime]
    answered_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    wrapped_at: Mapped[datetime | None]
    code: Mapped[str | None]
    note: Mapped[str | None]
    interrupted: Mapped[bool] = mapped_column(default=False)
    handed_to: Mapped[str | None]
    recording: Mapped[str | None]
    unrecorded: Mapped[bool] = mapped_column(default=False)
    quality: Mapped[dict[str, Any]] = mapped_column(default=dict)

    account: Mapped[Account | None] = relationship()


class Draft(Base):
    """A form that an operator has begun in a call; whoever gets the caller next goes on with it."""

    __tablename__ = "drafts"

    call: Mapped[str] = mapped_column(primary_key=True)
    form: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    operator: Mapped[str]
    saved_at: Mapped[datetime]


class VoiceMessage(Base):
    """What a caller left to be listened to. path: below var/recordings. state: new or done."""

    __tablename__ = "voice_messages"
    __table_args__ = (Index(None, "company", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    call: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str | None]
    queue: Mapped[str]
    path: Mapped[str]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="new")
    handled_by: Mapped[str | None]
    handled_at: Mapped[datetime | None]


class OutboxEntry(Base):
    """Something to be handed to the outside world; stored together with what it belongs to.

    kind: who delivers it ("sms", "recording"). key: of what it is about, so that nothing is put
    twice. state: due, done or dead. tries: how often it was begun. due_at: since when it should
    have gone, whatever was tried since. next_at: not before; while it is claimed, when it may be
    taken from whoever died with it. until: not after. claim: of who is at it. last_error: one line
    without numbers of people. details: what came of it.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "state", "kind", "next_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="due")
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    next_at: Mapped[datetime]
    until: Mapped[datetime | None]
    claim: Mapped[str | None]
    last_error: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
