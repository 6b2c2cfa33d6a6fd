"""The runner: takes an event of a call, answers lookups, saves the session, returns the next turn.

This is the one place where the pure engine meets the clock, the store and the services. A channel
calls `open` when a call arrives (or comes back to another worker), `advance` for each event, `here`
when the caller stands waiting for an operator and `close` when he is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from ivr import hours_changes
from ivr.agent_queue.model import AgentQueue, QueueDown, Ticket
from ivr.company import Company
from ivr.engine import Flows, Session, Trace, begin, step
from ivr.errors import FlowError, StaleTurn
from ivr.events import Entry, EventLog
from ivr.model import Ask, Caller, Enqueue, Event, Hangup, Lookup, Result, Say, Turn
from ivr.releases import Chosen, Pin, Served
from ivr.services import Inquiry, Service, priority
from ivr.services.callers import house
from ivr.sessions import Document, Sessions
from ivr.store.database import Store

logger = logging.getLogger(__name__)

T = TypeVar("T")

RECENT = 1.0
"""Seconds. An operator whose telephone rings for less is another one than he who did not answer:
the exchange has told the matchmaker of that one, and the queue has found the next."""
OFFERABLE = ("waiting", "offered")
"""States of a ticket that an operator may get, or is about to be rung for."""
CONNECTED = ("offered", "ringing", "talking")
"""States of a ticket whose caller an operator is about to get, or has."""
LEFT_AS = {"callback": "called_back", "completed": "deflected"}
"""How a ticket ends, by the reason of the hang-up; abandoned in every other case."""
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
        *,
        queue: AgentQueue | None = None,
        trace: Trace | None = None,
        hears: Mapping[str, Sequence[str]] | None = None,
        releases: Served | None = None,
    ) -> None:
        """Take the parts. company: profile of calls to a number that no profile names.

        queue: where callers wait for operators; without one every `here` says that there is none.
        trace: is told of the edges that calls walk. hears: by channel, the languages in which its
        callers may speak instead of keying; none of a channel that is not named. releases: flows
        that calls get instead of `flows`.
        """
        self._flows = flows
        self._companies = companies
        self._services = services
        self._store = store
        self._sessions = sessions
        self._log = log
        self._clock = clock
        self._default = company
        self._queue = queue
        self._trace = trace
        self._hears = hears or {}
        self._releases = releases
        self._by_number = {n: c.id for c in companies.values() for n in c.numbers}

    def company_of(self, dialled: str | None) -> str:
        """Return the company profile that a dialled number (E.164) belongs to."""
        return self._by_number.get(dialled or "", self._default)

    def open(self, caller: Caller) -> Turn:
        """Begin a call, or return the open turn of one that is known already."""
        document = self._sessions.load(caller.call)
        if document is not None:
            turn = Turn.from_json(document["turn"])
            if not isinstance(turn.need, Enqueue):  # who comes back from the wait was not lost
                self._note(caller, "resumed", Session.from_json(document["session"]))
            return turn
        company = self._companies[caller.company]
        language = company.languages[0]
        slots = house(company, language)
        if caller.about:
            slots["about"] = caller.about
        hears = self._languages(company, caller)
        chosen = self._choose(caller)
        session = begin(chosen.flows, language, slots, caller.begins, hears)
        try:
            return self._walk(caller, chosen.pin, session, _answered(chosen), expected=0)
        except StaleTurn:  # another worker opened it at the same moment
            return self.turn(caller.call)

    def _choose(self, caller: Caller) -> Chosen:
        """Return the flows that this call has to its end."""
        if self._releases is None:
            return Chosen(Pin(), self._flows)
        return self._releases.choose(caller.company, caller.call)

    def _flows_of(self, caller: Caller, pin: Pin) -> Flows:
        """Return the flows that a call began with."""
        return self._releases.flows(caller.company, pin) if self._releases else self._flows

    def _languages(self, company: Company, caller: Caller) -> Sequence[str]:
        """Return the languages in which this caller may answer by speech; none: keys only."""
        speech = company.terms.speech
        if not speech.heard or caller.number in speech.without:
            return ()
        return [each for each in self._hears.get(caller.channel, ()) if each in company.languages]

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        """Hand over the event that answers turn `turn`; the next turn. StaleTurn if it is over.

        A key of a caller who waits for an operator comes too late when one is being connected: the
        open turn comes back, with nothing to say.
        """
        document = self._sessions.load(call, turn)
        if document is None:
            raise StaleTurn(f"call {call} is not known")
        open_turn = Turn.from_json(document["turn"])
        if open_turn.number != turn:
            raise StaleTurn(f"call {call}: turn {turn} is over, {open_turn.number} is open")
        caller, pin = _caller(document["caller"]), _pin(document)
        session = Session.from_json(document["session"])
        if session.over:
            return open_turn
        if not isinstance(need := open_turn.need, Enqueue):
            asked = need if isinstance(need, Ask) else None
            return self._walk(caller, pin, session, event, expected=turn, asked=asked)
        if event.kind == "operator":
            event = self._of_operator(call, event)
        return self._walk(caller, pin, session, event, expected=turn, waiting=open_turn)

    def turn(self, call: str, number: int = 0) -> Turn:
        """Return the open turn of a call, or the last one of a call that is over.

        number: of the turn that is open as far as is known; it is looked for nearby first.
        """
        document = self._sessions.load(call, number)
        if document is None:
            raise StaleTurn(f"call {call} is not known")
        return Turn.from_json(document["turn"])

    def company(self, call: str, number: int = 0) -> str:
        """Return the company that a call is for, "" where it is not known. number: as of `turn`."""
        document = self._sessions.load(call, number)
        return document["caller"]["company"] if document else ""

    def close(self, call: str, by: str = "caller") -> None:
        """Note that the caller hung up; a second time does nothing.

        by: "network", "limit" (the longest time of a call), "exchange_lost" or "failure" where it
        was not he who ended it.
        """
        while (document := self._sessions.load(call)) and not document["session"]["over"]:
            session = Session.from_json(document["session"])
            event = Event("hangup", text=by)
            # A turn that another worker saves in between is what is closed then.
            with suppress(StaleTurn):
                caller, number = _caller(document["caller"]), document["turn"]["number"]
                self._walk(caller, _pin(document), session, event, number)
        if document:
            self._leave(_caller(document["caller"]), Session.from_json(document["session"]), "")

    # ------------------------------------------------------------------ waiting for an operator

    def here(self, call: str, leg: str = "", node: str = "") -> bool:
        """Take note that the caller heard his Enqueue turn and stands waiting; his ticket enters.

        leg, node: what the exchange calls his channel, and which exchange it is. False: the queue
        does not answer, and the channel rings the operators in its own way. Repeatable.
        """
        document = self._sessions.load(call)
        if document is None:
            return False
        turn = Turn.from_json(document["turn"])
        if not isinstance(turn.need, Enqueue):
            return True  # another worker went on with him; whoever asks gets the turn that is open
        caller, session = _caller(document["caller"]), Session.from_json(document["session"])
        ticket = self._ticket(caller, session, turn, leg, node)
        there = self._of_queue(
            call, lambda queue, now: self._enter(queue, ticket, session, now), False
        )
        if ticket.priority == priority.MARK or session.slots.get("mark"):
            self._alert(caller, session, ticket.queue)
        return there

    def _alert(self, caller: Caller, session: Session, queue: str) -> None:
        """Tell the dispatcher that somebody waits who comes first; his wait goes on without it."""
        company, number = self._companies[caller.company], session.slots.get("account")
        try:
            with self._store.session() as db:
                account = priority.account_of(db, company.id, number)
                priority.alert(
                    db, company, caller.call, self._clock(), why="queue", queue=queue,
                    number=caller.number, account=account,
                )  # fmt: skip
        except (SQLAlchemyError, TimeoutError):
            logger.exception("call %s: the dispatcher was not told of it", caller.call)

    def taken(self, call: str) -> bool:
        """Tell whether an operator is being connected, so that the flow has lost the caller to him
        and not to a hang-up.
        """
        ticket = self._of_queue(call, lambda queue, _: queue.ticket(call), None)
        return ticket is not None and ticket.state in CONNECTED

    def broken(self, call: str, unreached: bool = False) -> bool:
        """Tell whether the operator vanished in the talk, and nobody has the caller yet.

        unreached: his telephone, which nobody reaches any more, is reason enough.
        """

        def look(queue: AgentQueue, _: float) -> bool:
            ticket = queue.ticket(call)
            if ticket is None or ticket.state not in ("broken", "talking"):
                return False
            operator = queue.operator(ticket.company, ticket.operator) if unreached else None
            return ticket.state == "broken" or (operator is not None and not operator.endpoint)

        return self._of_queue(call, look, False)

    def _of_queue(self, call: str, do: Callable[[AgentQueue, float], T], down: T) -> T:
        """Return what the queue answers at this moment, `down` while it does not."""
        if self._queue is None:
            return down
        try:
            return do(self._queue, self._clock().timestamp())
        except QueueDown as reason:
            logger.error("call %s: the queue does not answer: %s", call, reason)
            return down

    def _ticket(self, caller: Caller, session: Session, turn: Turn, leg: str, node: str) -> Ticket:
        need = turn.need
        assert isinstance(need, Enqueue)  # noqa: S101 - its callers have looked
        now = self._clock().timestamp()
        entered = session.slots.get("entered")
        return Ticket(
            id=caller.call,
            company=caller.company,
            queue=need.queue,
            entered=float(entered) if isinstance(entered, int | float) else now,
            priority=need.priority,
            channel=caller.channel,
            node=node,
            leg=leg,
            number=caller.number,
            dialled=caller.dialled,
            language=turn.language,
            context=_context(session, need),
        )

    @staticmethod
    def _enter(queue: AgentQueue, ticket: Ticket, session: Session, now: float) -> bool:
        entered = queue.enter(ticket, now)
        promised = session.slots.get("promised")
        if isinstance(promised, int | float) and entered.told != promised:
            queue.promise(ticket.id, float(promised), now)
        return True

    def _of_operator(self, call: str, event: Event) -> Event:
        """Do the queue's part of what an operator did; a repeated event changes nothing.

        A channel may bring the `token` of the offer as a value; the slots get none from a channel.
        """
        token = str(event.values.get("token") or "")
        event = replace(event, values={})

        def note(queue: AgentQueue, now: float) -> Event:
            if event.outcome == "ended" and not queue.ended(call, now):
                known = queue.ticket(call)  # he talked to the dispatcher, and nobody told
                if known and known.state == "waiting" and known.context.get("outside"):
                    queue.leave(call, "deflected", now)
            elif event.outcome == "dropped":
                queue.dropped(call, now)
            elif event.outcome == "no_answer" and (rung := token or _rung(queue.ticket(call), now)):
                queue.unanswered(rung, now)
            # He may have been passed on: where he waits is where he waits on.
            ticket = queue.ticket(call)
            return replace(event, values={"queue": ticket.queue}) if ticket else event

        return self._of_queue(call, note, event)

    def _stepped_away(self, caller: Caller, session: Session, turn: Turn) -> bool:
        """Keep his place while he is in the flow; False: an operator is being connected.

        Who pressed a key before he stood in the queue has his place from now on.
        """
        call = caller.call

        def step_away(queue: AgentQueue, now: float) -> bool:
            if queue.away(call, now):
                return True
            known = queue.ticket(call)
            if known is not None and known.state != "done":
                return known.state == "away"
            self._enter(queue, self._ticket(caller, session, turn, "", ""), session, now)
            return queue.away(call, now)

        return self._of_queue(call, step_away, True)

    def _renew(self, caller: Caller, session: Session, turn: Turn) -> None:
        """Let the ticket know at once what a key changed: he may be offered to an operator while
        he still hears that he will not be recorded.
        """

        def renew(queue: AgentQueue, now: float) -> None:
            known = queue.ticket(caller.call)
            if known is not None and known.state in OFFERABLE:
                queue.enter(self._ticket(caller, session, turn, known.leg, known.node), now)

        self._of_queue(caller.call, renew, None)

    def _leave(self, caller: Caller, session: Session, reason: str) -> None:
        """End the ticket of a call that is over."""
        if "queue" not in session.slots:
            return
        outcome = LEFT_AS.get(reason, "abandoned")
        call = caller.call

        def leave(queue: AgentQueue, now: float) -> bool:
            known = queue.ticket(call)
            talked = known is not None and known.state == "talking"  # he was answered, not lost
            return queue.leave(call, outcome, now) and not talked

        if self._of_queue(call, leave, False):
            self._log.append([self._entry(caller, "left", session, {"outcome": outcome})])

    # ------------------------------------------------------------------ one turn

    def _walk(
        self,
        caller: Caller,
        pin: Pin,
        session: Session,
        event: Event,
        expected: int,
        waiting: Turn | None = None,
        asked: Ask | None = None,
    ) -> Turn:
        """Step until a need leaves the runner; save before the caller hears anything.

        pin: which flows the call has. waiting: the open turn of a caller who waits for an operator.
        asked: the question that the event answers.
        """
        before, pressed = session, event.kind == "keys"
        flows = self._flows_of(caller, pin)
        limits = self._companies[caller.company].limits
        entries = [self._heard(caller, session, event, asked)]
        says: list[Say] = []
        ways: list[str] = []
        try:
            session, turn = step(flows, session, event, limits, self._trace, ways)
            if session.understood:
                entries[0].details["understood"] = session.understood
            says.extend(turn.says)
            while isinstance(turn.need, Lookup):
                result = self._answer(caller, session, turn.need)
                entries.extend(self._looked_up(caller, session, turn.need, result))
                event = Event("result", outcome=result.outcome, values=result.values)
                session, turn = step(flows, session, event, limits, self._trace, ways)
                says.extend(turn.says)
        except FlowError:
            logger.exception("call %s: the flow cannot go on", caller.call)
            entries.append(self._entry(caller, "failed", session, {"reason": "flow"}))
            says.extend(TROUBLE)
            turn = Turn(session.turn + 1, (), Hangup("failed"), session.language)
            session = replace(session, turn=turn.number, over=True)
        goes = waiting is not None and pressed and not isinstance(turn.need, Enqueue)
        if waiting and goes and not self._stepped_away(caller, before, waiting):
            return replace(waiting, says=())
        turn = replace(turn, says=tuple(says))
        self._sessions.save(caller.call, _document(caller, pin, session, turn), expected)
        if waiting and pressed and not goes:
            self._renew(caller, session, turn)
        told = self._told(caller, session, turn)
        (told or entries)[0].details.update(_learnt(before, session, ways))
        entries.extend(told)
        self._log.append(entries)
        logger.info(
            "call %s turn %d %s.%s: %s", caller.call, turn.number, session.flow, session.step,
            type(turn.need).__name__.lower(),
        )  # fmt: skip
        if isinstance(turn.need, Hangup):
            self._leave(caller, session, turn.need.reason)
        return turn

    def _answer(self, caller: Caller, session: Session, need: Lookup) -> Result:
        """Ask the service in a transaction of its own; whatever it raises is the outcome failed."""
        try:
            service, now = self._services[need.service], self._clock()
            with self._store.session(read_only=service.reads) as db:
                return service.answer(
                    Inquiry(
                        caller=caller,
                        company=hours_changes.known(db, self._companies[caller.company], now),
                        now=now,
                        slots=session.slots,
                        arguments=need.arguments,
                        key=f"{caller.call}/{session.turn}",
                        db=db,
                        language=session.language,
                        queue=self._queue,
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

    def _heard(
        self, caller: Caller, session: Session, event: Event, asked: Ask | None = None
    ) -> Entry:
        """What happened to the question. open: it took speech besides, for a number or a key."""
        if event.kind == "answered":
            known: dict[str, Any] = {"from": caller.number, "to": caller.dialled}
            known["channel"] = caller.channel
            if caller.entrance != "main":  # he was called
                known["entrance"] = caller.entrance
            known.update(event.values)
            return self._entry(caller, "answered", session, known)
        details: dict[str, Any] = {
            name: value
            for name in ("kind", "text", "outcome", "ended", "deaf")
            if (value := getattr(event, name))
        }
        if asked is not None and asked.grammar:
            details |= {"open": asked.entry, "language": session.language}
        if event.kind == "speech":
            details |= {"turn": session.turn, "confidence": event.confidence, **event.values}
        return self._entry(caller, "heard", session, details)

    def _looked_up(
        self, caller: Caller, session: Session, need: Lookup, result: Result
    ) -> list[Entry]:
        details: dict[str, Any] = {"service": need.service, "outcome": result.outcome}
        if result.outcome.startswith("nobody"):
            details["queue"] = result.values.get("queue")  # that nobody serves
        entries = [self._entry(caller, "looked_up", session, details)]
        if (promised := result.values.get("promised")) is not None:
            told = {"seconds": promised, "position": result.values.get("position")}
            entries.append(self._entry(caller, "told", session, told))
        if (rated := result.values.get("rated")) is not None:
            entries.append(self._entry(caller, "rated", session, {"rating": rated}))
        return entries

    def _told(self, caller: Caller, session: Session, turn: Turn) -> list[Entry]:
        prompts = [say.prompt for say in turn.says]
        entries = [self._entry(caller, "said", session, {"prompts": prompts})] if prompts else []
        if isinstance(turn.need, Enqueue):
            entries.append(self._entry(caller, "queued", session, asdict(turn.need)))
        if isinstance(turn.need, Hangup):
            entries.append(self._entry(caller, "ended", session, {"reason": turn.need.reason}))
        return entries


def _learnt(before: Session, after: Session, ways: list[str]) -> dict[str, Any]:
    """What a turn changed for who counts calls: ways through the flows (`ivr.engine.step`), and
    `known`: the language of the dialogue, the account.
    """
    known = {"language": after.language, "account": after.slots.get("account")}
    if before.turn:
        old = {"language": before.language, "account": before.slots.get("account")}
        known = {name: value for name, value in known.items() if value != old[name]}
    learnt: dict[str, Any] = {"ways": ways} if ways else {}
    return learnt | ({"known": known} if known else {})


def _rung(ticket: Ticket | None, now: float) -> str:
    """The token of the offer that nobody has answered, "" where that is over already."""
    if ticket is None or ticket.state != "ringing" or now - ticket.since < RECENT:
        return ""
    return ticket.token


def _context(session: Session, need: Enqueue) -> dict[str, Any]:
    """What the operator's screen shows of the call: why and from where he left the dialogue."""
    left = session.slots.get("left") or ".".join((session.stack or [[session.flow, ""]])[-1])
    flow, _, at = str(left).partition(".")
    return {"flow": flow, "step": at, "reason": "asked", **need.show}


def _answered(chosen: Chosen) -> Event:
    """Return the first event of a call: with the release that it has, or should have had."""
    told = {"release": chosen.pin.release, "release_unfit": chosen.unfit}
    return Event("answered", values={name: value for name, value in told.items() if value})


def _document(caller: Caller, pin: Pin, session: Session, turn: Turn) -> Document:
    return {
        "session": session.to_json(),
        "turn": turn.to_json(),
        "caller": _written(caller),
        **pin._asdict(),
    }


def _pin(document: Document) -> Pin:
    """Return which flows a call has; one that an older worker began has those of the files."""
    return Pin(document.get("release"), document.get("files", ""))


def _written(caller: Caller) -> dict[str, Any]:
    """Return a caller as plain values; a worker of an older version can read who rang himself."""
    document = {**asdict(caller), "arrived": caller.arrived.isoformat()}
    if caller.entrance == "main":
        del document["entrance"], document["about"]
    return document


def _caller(document: Mapping[str, Any]) -> Caller:
    return Caller(**{**document, "arrived": datetime.fromisoformat(document["arrived"])})
