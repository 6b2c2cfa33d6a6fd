"""The tables that reports are counted from: one row a call, a visit to a queue, a run of a flow, a
span of an operator's time.

Each row is folded from the log of events (`ivr.facts`) and from nothing else; all of them may be
thrown away and made anew. `day` is the company's local day, `interval` the UTC instant at which the
half hour begins, so that the hour that comes twice in autumn is two rows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ivr.store.models import Base


class CallFact(Base):
    """One call that is over.

    number, dialled: E.164. entrance: "main", or the flow that press2 itself began.
    ended_by: caller, operator, system or network. why: a word of `ivr.facts.model.WHYS`.
    tasks: completed in the dialogue ("reading", "outage" ...). automatic: a task was completed and
    no operator answered. served: an operator answered. topic: category of the contact
    (`ivr.facts.model.TOPICS`). readings: accepted. survey: 1 to 5, None: not asked, not answered.
    last_prompt: what he heard last. storm: storm mode was on when it began. release: of the flows.
    """

    __tablename__ = "call_facts"
    __table_args__ = (Index(None, "company", "day"), Index(None, "company", "number", "began"))

    call: Mapped[str] = mapped_column(primary_key=True)
    company: Mapped[str]
    began: Mapped[datetime]
    ended: Mapped[datetime]
    day: Mapped[date]
    interval: Mapped[datetime]
    number: Mapped[str | None]
    dialled: Mapped[str | None]
    channel: Mapped[str]
    language: Mapped[str]
    entrance: Mapped[str] = mapped_column(default="main")
    account: Mapped[str | None]
    topic: Mapped[str]
    tasks: Mapped[list[Any]] = mapped_column(default=list)
    automatic: Mapped[bool] = mapped_column(default=False)
    served: Mapped[bool] = mapped_column(default=False)
    readings: Mapped[int] = mapped_column(default=0)
    ended_by: Mapped[str]
    why: Mapped[str]
    last_prompt: Mapped[str] = mapped_column(default="")
    survey: Mapped[int | None]
    storm: Mapped[bool] = mapped_column(default=False)
    release: Mapped[int | None]


class VisitFact(Base):
    """One life of a ticket in a queue: from its entry to an answer or another end.

    A transfer begins a new visit. number: 1 is the call's first. kind: call or callback.
    outcome: answered, abandoned, called_back, deflected. waited: seconds from the entry to the
    answer, None where nobody answered; left: seconds to the end of who was not answered.
    operator: who answered. talk, wrap: seconds. told: the first wait promised, seconds.
    """

    __tablename__ = "visit_facts"
    __table_args__ = (Index(None, "company", "day"),)

    call: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    queue: Mapped[str]
    kind: Mapped[str] = mapped_column(default="call")
    priority: Mapped[str] = mapped_column(default="normal")
    language: Mapped[str]
    dialled: Mapped[str | None]
    entered: Mapped[datetime]
    day: Mapped[date]
    interval: Mapped[datetime]
    outcome: Mapped[str]
    waited: Mapped[float | None]
    left: Mapped[float | None]
    operator: Mapped[str | None]
    talk: Mapped[float | None]
    wrap: Mapped[float | None]
    told: Mapped[float | None]
    storm: Mapped[bool] = mapped_column(default=False)


class FlowFact(Base):
    """One run of a flow in a call. result: done, silence, no_match, operator, hang_up or failed."""

    __tablename__ = "flow_facts"
    __table_args__ = (Index(None, "company", "day"),)

    call: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    day: Mapped[date]
    flow: Mapped[str]
    language: Mapped[str]
    result: Mapped[str]
    step: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float] = mapped_column(default=0.0)


class OperatorSpan(Base):
    """A stretch of an operator's time in which status, reason and state were the same.

    ended: None while it lasts. state "talking" with a hold is one span. queue: of the ticket.
    """

    __tablename__ = "operator_spans"
    __table_args__ = (
        UniqueConstraint("company", "operator", "began"),
        Index(None, "company", "began"),
        Index(None, "company", "ticket"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company: Mapped[str]
    operator: Mapped[str]
    began: Mapped[datetime]
    ended: Mapped[datetime | None]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    ticket: Mapped[str] = mapped_column(default="")
    queue: Mapped[str] = mapped_column(default="")


class FactsMark(Base):
    """How far the log has been folded. name: which fold; upto: id of the last event it took."""

    __tablename__ = "facts_marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    upto: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]
