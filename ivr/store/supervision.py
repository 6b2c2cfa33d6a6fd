"""The tables of what supervisors do: steering, releases, help, quality, alerts, erasure.

Rules as in `ivr.store.models`. `version` grows with every change: who names an older one is told
that somebody else was faster. `live` is True, or None where the row is history, so that a unique
constraint allows one live row.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ivr.store.models import Base, Conversation


class Action(Base):
    """Something a supervisor changed, with what it takes to undo it.

    what: "operator.pause", "ticket.move", "announcement.on" ... target: of what it was done.
    before, after: the changed values. undoes: the action that this one took back.
    """

    __tablename__ = "actions"
    __table_args__ = (Index(None, "company", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    target: Mapped[str]
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undoes: Mapped[int | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class Announcement(Base):
    """A text for all callers, until it expires.

    place: greeting (before the menu) or queue (to who begins to wait). queues: for which, [] all.
    texts: language -> text; prompts: language -> piece of the recording (`PromptVersion`) that was
    there for it, where there was one.
    """

    __tablename__ = "announcements"
    __table_args__ = (Index(None, "company", "until"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    place: Mapped[str]
    queues: Mapped[list[Any]] = mapped_column(default=list)
    texts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prompts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    starts_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class HoursChange(Base):
    """Other hours on one local day. service: a queue, an office's id ("office:center"), or "*".

    opens, closes: "HH:MM" local; closed: shut all day.
    """

    __tablename__ = "hours_changes"
    __table_args__ = (UniqueConstraint("company", "service", "day", "live"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    service: Mapped[str]
    day: Mapped[date]
    closed: Mapped[bool] = mapped_column(default=False)
    opens: Mapped[str | None]
    closes: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    live: Mapped[bool | None] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)


class FlowRelease(Base):
    """A set of flows as calls use them; the files of the program are release None.

    changes: flow's name -> text of its file, for those that differ from the files.
    base: digest of the files it was checked against (`FlowFiles`). state: draft, canary, live,
    retired; a company has one canary and one live release at most. share: of new calls that a
    canary gets, 0 to 1. findings: of the last check, [] when it passed. walked: what became of the
    walk through every way a call can take. replaced: number of the release that was live before.
    """

    __tablename__ = "flow_releases"
    __table_args__ = (
        UniqueConstraint("company", "number"),
        Index("ix_flow_releases_company_state", "company", "state"),
        Index(
            "uq_flow_releases_served", "company", "state", unique=True,
            sqlite_where=text("state IN ('canary', 'live')"),
            postgresql_where=text("state IN ('canary', 'live')"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    number: Mapped[int]
    title: Mapped[str] = mapped_column(default="")
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    base: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="draft")
    share: Mapped[float] = mapped_column(default=0.0)
    findings: Mapped[list[Any]] = mapped_column(default=list)
    checked_at: Mapped[datetime | None]
    walked: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    published_by: Mapped[str | None]
    published_at: Mapped[datetime | None]
    replaced: Mapped[int | None]
    retired_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class FlowFiles(Base):
    """The flow files of a program that ran here, by the digest of all of them.

    texts: flow's name -> text of its file. Calls that began with them find them after the next
    program has come.
    """

    __tablename__ = "flow_files"

    digest: Mapped[str] = mapped_column(primary_key=True)
    texts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seen_at: Mapped[datetime]


class PromptVersion(Base):
    """A recording of a prompt that was uploaded. prompt: id of the piece, "reading_enter-1".

    sound, wide: WAV files of 8 and 16 kHz, mono, 16 bits; every machine takes them from here.
    digest: of them. state: draft, live or retired; one of a piece is live at most. text: what it
    was recorded for. seconds, level, peak: as it came, without the silence at its ends, dBFS.
    replaced: number of the version that was live before.
    """

    __tablename__ = "prompt_versions"
    __table_args__ = (
        UniqueConstraint("company", "prompt", "language", "number"),
        Index("ix_prompt_versions_company_state", "company", "state"),
        Index(
            "uq_prompt_versions_served", "company", "prompt", "language", unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    prompt: Mapped[str]
    language: Mapped[str]
    number: Mapped[int]
    text: Mapped[str]
    digest: Mapped[str]
    sound: Mapped[bytes] = mapped_column(deferred=True)
    wide: Mapped[bytes] = mapped_column(deferred=True)
    seconds: Mapped[float]
    level: Mapped[float]
    peak: Mapped[float]
    state: Mapped[str] = mapped_column(default="draft")
    findings: Mapped[list[Any]] = mapped_column(default=list)
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    published_by: Mapped[str | None]
    published_at: Mapped[datetime | None]
    replaced: Mapped[int | None]
    retired_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Listening(Base):
    """A supervisor in an operator's talk. mode: listen, whisper, barge or take. token: of his leg.

    heard_at: since when he hears the talk; ended_at: None while it lasts; why: how it ended.
    before: the status he goes back to; "" where he keeps the one he has.
    """

    __tablename__ = "listenings"
    __table_args__ = (Index(None, "company", "began_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)
    supervisor: Mapped[str]
    operator: Mapped[str]
    call: Mapped[str]
    mode: Mapped[str]
    before: Mapped[str] = mapped_column(default="")
    began_at: Mapped[datetime]
    heard_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(default="")


class HelpRequest(Base):
    """An operator asks for help. taken: a supervisor said that he comes. note: what it is about."""

    __tablename__ = "help_requests"
    __table_args__ = (UniqueConstraint("company", "operator", "live"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    operator: Mapped[str]
    call: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    taken_by: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    live: Mapped[bool | None] = mapped_column(default=True)


class StaffMessage(Base):
    """A message to one operator or, with receiver "", to all who are signed in."""

    __tablename__ = "staff_messages"
    __table_args__ = (Index(None, "company", "sent_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    sender: Mapped[str]
    receiver: Mapped[str] = mapped_column(default="")
    text: Mapped[str]
    sent_at: Mapped[datetime]
    until: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class StaffMessageSeen(Base):
    """Who has seen a message."""

    __tablename__ = "staff_messages_seen"

    message_id: Mapped[int] = mapped_column(ForeignKey("staff_messages.id"), primary_key=True)
    login: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


HOLD = "hold"


class RecordingMark(Base):
    """A mark in a recording. second: from its beginning. kind: complaint, good, training, other.

    While it has one of kind `HOLD`, a dispute is going on, and the recording is not deleted by age.
    """

    __tablename__ = "recording_marks"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    who: Mapped[str]
    at: Mapped[datetime]
    second: Mapped[float]
    kind: Mapped[str]
    note: Mapped[str] = mapped_column(default="")


class QualitySample(Base):
    """A conversation that is to be rated. month: "2026-11". why: random, complaint or chosen."""

    __tablename__ = "quality_samples"
    __table_args__ = (
        UniqueConstraint("company", "month", "conversation_id"),
        Index(None, "company", "month", "operator"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    month: Mapped[str]
    operator: Mapped[str]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    why: Mapped[str]
    drawn_at: Mapped[datetime]

    conversation: Mapped[Conversation] = relationship()


class Scorecard(Base):
    """How one rater judged a conversation. points: criterion -> points; criteria: criterion -> most
    points, as the form was then. total: of 100, 0 where something that must not be missing was
    (`failed`). answer: the operator's own.
    """

    __tablename__ = "scorecards"
    __table_args__ = (UniqueConstraint("conversation_id", "rater"), Index(None, "company", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    operator: Mapped[str]
    rater: Mapped[str]
    at: Mapped[datetime]
    points: Mapped[dict[str, Any]] = mapped_column(default=dict)
    criteria: Mapped[dict[str, Any]] = mapped_column(default=dict)
    total: Mapped[int]
    failed: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(default="")
    answer: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    conversation: Mapped[Conversation] = relationship()


class Alert(Base):
    """Something is, or was, wrong. kind: of `ivr.terms.ALERTS`. target: queue, part, "".

    level: warning or alarm. since: when it began to be wrong. value: what was found when it was
    told, worst: at the worst; bound: where wrong begins. storm: of storm mode when it was told.
    taken: a supervisor sees to it.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("company", "kind", "target", "live"),
        Index(None, "company", "since"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    kind: Mapped[str]
    target: Mapped[str] = mapped_column(default="")
    level: Mapped[str]
    since: Mapped[datetime]
    value: Mapped[float | None]
    bound: Mapped[float | None]
    worst: Mapped[float | None]
    storm: Mapped[str] = mapped_column(default="off")
    ended_at: Mapped[datetime | None]
    taken_by: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    live: Mapped[bool | None] = mapped_column(default=True)


class SyntheticCall(Base):
    """A call press2 made to itself. stage: how far it came. seconds: until it was over."""

    __tablename__ = "synthetic_calls"
    __table_args__ = (Index(None, "company", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    at: Mapped[datetime]
    ok: Mapped[bool]
    stage: Mapped[str]
    seconds: Mapped[float | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Erasure(Base):
    """A run of retention (subject "") or the erasure of one customer, with its proof.

    subject: SHA-256 of the number or account that was erased, so that the proof names nobody.
    proof: what was looked through, deleted, left, place by place.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index(None, "company", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    at: Mapped[datetime]
    who: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    dry_run: Mapped[bool]
    proof: Mapped[dict[str, Any]] = mapped_column(default=dict)
