"""The runner: takes an event of a call, answers lookups, saves the session, returns the next turn.

This is the one place where the pure engine meets the clock, the store and the services. A channel
calls `open` when a call arrives (or comes back to another worker), `advance` for each event and
`close` when the caller is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from ivr.company import Company
from ivr.engine import Flows, Session, begin, step
from ivr.errors import FlowError, StaleTurn
from ivr.events import Entry, EventLog
from ivr.model import Caller, Enqueue, Event, Hangup, Lookup, Result, Say, Turn
from ivr.services import Inquiry, Service
from ivr.sessions import Document, Sessions
from ivr.store.database import Store

logger = logging.getLogger(__name__)

TROUBLE = (Say("service_failed"), Say("goodbye"))
"""Said when a flow itself cannot go on; the check of flows is there to prevent it."""


class Runner:
    """Runs calls. Thread-safe: everything of a call is in its session."""

    def __init__(
        self,
        flows: Flows,
        companies: Mapping[str, Company],
        services: Mapping[str, Service],
        store: Store,
        sessions: Sessions,
        log: EventLog,
        clock: Callable[[], datetime],
        company: str,
    ) -> None:
        """Take the parts. company: profile of calls to a number that no profile names."""
        self._flows = flows
        self._companies = companies
        self._services = services
        self._store = store
        self._sessions = sessions
        self._log = log
        self._clock = clock
        self._default = company
        self._by_number = {n: c.id for c in companies.values() for n in c.numbers}

    def company_of(self, dialled: str | None) -> str:
        """Return the company profile that a dialled number (E.164) belongs to."""
        return self._by_number.get(dialled or "", self._default)

    def open(self, caller: Caller) -> Turn:
        """Begin a call, or return the open turn of one that is known already."""
        document = self._sessions.load(caller.call)
        if document is not None:
            self._note(caller, "resumed", Session.from_json(document["session"]))
            return Turn.from_json(document["turn"])
        company = self._companies[caller.company]
        session = begin(self._flows, company.languages[0], {})
        try:
            return self._walk(caller, session, Event("answered"), expected=0)
        except StaleTurn:  # another worker opened it at the same moment
            return self.turn(caller.call)

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        """Hand over the event that answers turn `turn`; the next turn. StaleTurn if it is over."""
        document = self._sessions.load(call, turn)
        if document is None:
            raise StaleTurn(f"call {call} is not known")
        open_turn = document["turn"]["number"]
        if open_turn != turn:
            raise StaleTurn(f"call {call}: turn {turn} is over, {open_turn} is open")
        caller = _caller(document["caller"])
        session = Session.from_json(document["session"])
        if session.over:
            return Turn.from_json(document["turn"])
        return self._walk(caller, session, event, expected=turn)

    def turn(self, call: str) -> Turn:
        """Return the open turn of a call, or the last one of a call that is over."""
        document = self._sessions.load(call)
        if document is None:
            raise StaleTurn(f"call {call} is not known")
        return Turn.from_json(document["turn"])

    def close(self, call: str, reason: str = "caller") -> None:
        """Note that the call is over; a second time does nothing."""
        while (document := self._sessions.load(call)) and not document["session"]["over"]:
            session = Session.from_json(document["session"])
            event = Event("hangup", text=reason)
            # A turn that another worker saves in between is what is closed then.
            with suppress(StaleTurn):
                self._walk(_caller(document["caller"]), session, event, document["turn"]["number"])

    # ------------------------------------------------------------------ one turn

    def _walk(self, caller: Caller, session: Session, event: Event, expected: int) -> Turn:
        """Step until a need leaves the runner; save before the caller hears anything."""
        limits = self._companies[caller.company].limits
        entries = [self._heard(caller, session, event)]
        says: list[Say] = []
        try:
            session, turn = step(self._flows, session, event, limits)
            says.extend(turn.says)
            while isinstance(turn.need, Lookup):
                result = self._answer(caller, session, turn.need)
                entries.append(self._looked_up(caller, session, turn.need, result))
                event = Event("result", outcome=result.outcome, values=result.values)
                session, turn = step(self._flows, session, event, limits)
                says.extend(turn.says)
        except FlowError:
            logger.exception("call %s: the flow cannot go on", caller.call)
            entries.append(self._entry(caller, "failed", session, {"reason": "flow"}))
            says.extend(TROUBLE)
            turn = Turn(session.turn + 1, (), Hangup("failed"), session.language)
            session = replace(session, turn=turn.number, over=True)
        turn = replace(turn, says=tuple(says))
        self._sessions.save(caller.call, _document(caller, session, turn), expected)
        entries.extend(self._told(caller, session, turn))
        self._log.append(entries)
        logger.info(
            "call %s turn %d %s.%s: %s", caller.call, turn.number, session.flow, session.step,
            type(turn.need).__name__.lower(),
        )  # fmt: skip
        return turn

    def _answer(self, caller: Caller, session: Session, need: Lookup) -> Result:
        """Ask the service in a transaction of its own; whatever it raises is the outcome failed."""
        try:
            service = self._services[need.service]
            with self._store.session(read_only=service.reads) as db:
                return service.answer(
                    Inquiry(
                        caller=caller,
                        company=self._companies[caller.company],
                        now=self._clock(),
                        slots=session.slots,
                        arguments=need.arguments,
                        key=f"{caller.call}/{session.turn}",
                        db=db,
                    )
                )
        except Exception:
            logger.exception("call %s: service %s failed", caller.call, need.service)
            return Result("failed")

    # ------------------------------------------------------------------ the log of events

    def _entry(self, caller: Caller, kind: str, session: Session, details: dict[str, Any]) -> Entry:
        now = self._clock()
        return Entry(caller.company, caller.call, now, kind, session.flow, session.step, details)

    def _note(self, caller: Caller, kind: str, session: Session) -> None:
        self._log.append([self._entry(caller, kind, session, {})])

    def _heard(self, caller: Caller, session: Session, event: Event) -> Entry:
        if event.kind == "answered":
            details = {"from": caller.number, "to": caller.dialled, "channel": caller.channel}
            return self._entry(caller, "answered", session, details)
        details = {
            name: value
            for name in ("kind", "text", "outcome", "ended")
            if (value := getattr(event, name))
        }
        return self._entry(caller, "heard", session, details)

    def _looked_up(self, caller: Caller, session: Session, need: Lookup, result: Result) -> Entry:
        details = {"service": need.service, "outcome": result.outcome}
        return self._entry(caller, "looked_up", session, details)

    def _told(self, caller: Caller, session: Session, turn: Turn) -> list[Entry]:
        prompts = [say.prompt for say in turn.says]
        entries = [self._entry(caller, "said", session, {"prompts": prompts})] if prompts else []
        if isinstance(turn.need, Enqueue):
            entries.append(self._entry(caller, "queued", session, asdict(turn.need)))
        if isinstance(turn.need, Hangup):
            entries.append(self._entry(caller, "ended", session, {"reason": turn.need.reason}))
        return entries


def _document(caller: Caller, session: Session, turn: Turn) -> Document:
    return {
        "session": session.to_json(),
        "turn": turn.to_json(),
        "caller": {**asdict(caller), "arrived": caller.arrived.isoformat()},
    }


def _caller(document: Mapping[str, Any]) -> Caller:
    return Caller(**{**document, "arrived": datetime.fromisoformat(document["arrived"])})
