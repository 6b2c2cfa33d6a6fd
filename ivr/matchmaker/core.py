"""The matchmaker itself: carries out what the queue decided, and hears what came of it.

`step` is called by whoever drives it (the loop of `app.py dispatch`, the line of a call script);
the methods of `Reports` are called by the switch, from any thread. Nothing here sleeps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from ivr.agent_queue.model import (
    AgentQueue,
    Change,
    Offer,
    Operator,
    QueueDown,
    Ticket,
)
from ivr.company import Company
from ivr.errors import Press2Error
from ivr.events import EventLog
from ivr.matchmaker.announcer import Announcer
from ivr.matchmaker.clocks import Clocks
from ivr.matchmaker.closing import Closing
from ivr.matchmaker.means import Means, recording_of
from ivr.matchmaker.orders import Orders
from ivr.matchmaker.outage import Outage
from ivr.matchmaker.reports import NEVER, Reports
from ivr.matchmaker.resync import FRESH, Repairs, resync
from ivr.matchmaker.storms import Storms
from ivr.matchmaker.switch import Switch, SwitchDown
from ivr.store.database import Store

logger = logging.getLogger(__name__)

SWEEP = 5.0
"""Seconds between two looks at all tickets, for announcements and call-backs."""
RETRY = 0.5
"""Seconds until a queue or an exchange that was away is asked again."""


class Matchmaker(Reports):
    """Brings callers and operators together. leading: it is this one's turn; else it does nothing.

    patience: seconds the queue may be away before callers who wait are led elsewhere.
    wake: called when `step` should be called soon.
    """

    def __init__(
        self,
        queue: AgentQueue,
        switch: Switch,
        store: Store,
        companies: Mapping[str, Company],
        log: EventLog,
        clock: Callable[[], datetime],
        patience: float = 20.0,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        means = Means(queue, switch, store, companies, log, clock)
        super().__init__(means, wake)
        self._orders = Orders(means, self._promises, self._listenings)
        self._announcer = Announcer(means, self._overdue.minds)
        self._closing = Closing(means)
        self._clocks = Clocks(means)
        self._outage = Outage(means, patience)
        self._storms = Storms(means)
        self._turn = threading.Lock()
        self._changed: set[str] = set()
        self._sweep_at = 0.0
        self._unsubscribe = queue.subscribe(self._news)

    def lead(self) -> None:
        """Begin to act, perhaps after another one."""
        self._ledger.forget()
        self.leading = True
        self.resync()

    def stand_down(self) -> None:
        """Leave it to another one."""
        self.leading = False

    def close(self) -> None:
        """Listen to the queue no more."""
        self._unsubscribe()

    def _news(self, change: Change) -> None:
        """Keep in mind which ticket changed. Called in the queue's own thread."""
        if change.what == "all":
            self.compare_at = 0.0
        elif change.what == "ticket" and self.leading:
            self._changed.add(change.id)

    # ------------------------------------------------------------------ a step

    def step(self) -> float | None:
        """Do all that is to be done now; seconds until the next thing is due."""
        with self._turn:
            now = self._means.now()
            try:
                due = self._step(now)
            except QueueDown:
                self.compare_at = 0.0
                self._outage.step(now)
                return RETRY
            return max(0.0, min(due) - now)

    def _step(self, now: float) -> list[float]:
        queue = self._means.queue
        due = [queue.tick(now)]
        self._outage.over()
        if now >= self.compare_at:
            self._resync(now)
        due.append(self._orders.carry_out())
        for offer in queue.offers():
            self._guarded_take(offer)
        if now >= self._sweep_at:
            self._sweep()
            self._sweep_at = now + SWEEP
        due.append(self._overdue.step(now))
        self._settle()
        return [self._sweep_at, self.compare_at, *(when for when in due if when is not None)]

    def _sweep(self) -> None:
        tickets = self._means.tickets()
        self._outage.remember(tickets)
        self._overdue.sweep(tickets)
        self._announcer.sweep(tickets)
        self._closing.sweep(tickets)
        try:
            self._storms.shorten()
            self._promises.sweep(tickets)
            self._clocks.sweep()
            self._changed.update(self._listenings.sweep())
        except (SQLAlchemyError, TimeoutError):
            logger.exception("the call-backs wait: the store does not answer")
        except SwitchDown as reason:
            logger.warning("who listens is looked at later: %s", reason)
        self._changed.update(self._ledger.watched())

    def _settle(self) -> None:
        """Write down what has changed."""
        changed, self._changed = self._changed, set()
        for ticket in changed & self._ledger.watched():
            self._ledger.settle(ticket)

    def _resync(self, now: float) -> None:
        self.compare_at = NEVER
        repairs = Repairs(self._connect, self.answered, self.called_back)
        try:
            skipped = resync(self._means, self._ledger, self._promises, repairs)
            self._phones_again()
        except (SwitchDown, SQLAlchemyError, TimeoutError) as reason:
            logger.warning("the re-sync waits: %s", type(reason).__name__)
            skipped = True
        if skipped:
            self.compare_at = min(self.compare_at, now + FRESH)

    # ------------------------------------------------------------------ offers

    def _guarded_take(self, offer: Offer) -> None:
        """Let one offer that cannot be carried out not keep the others from it."""
        try:
            self._take(offer)
        except Press2Error:
            logger.exception("call %s cannot be connected with %s", offer.ticket, offer.operator)
            self.unanswered(offer.token, "failed")

    def _take(self, offer: Offer) -> None:
        """Carry out one offer that nobody has claimed yet."""
        queue, now = self._means.queue, self._means.now()
        ticket = queue.ticket(offer.ticket)
        operator = queue.operator(offer.company, offer.operator)
        if ticket is None or operator is None or ticket.token != offer.token:
            return
        if not offer.back and self._overdue.claims(ticket, now):
            queue.away(ticket.id, now)
            self._overdue.stands(replace(ticket, state="away"))
            return
        operator = self._reached(operator)
        if not operator.endpoint:
            self._ledger.offered(ticket, operator, offer)
            self.unanswered(offer.token, "failed")
        elif not self._reachable(ticket, operator):
            return  # it goes back to the queue by itself when its time is over
        elif ticket.kind == "callback":
            self._call_back(ticket, operator, offer)
        elif (rung := queue.ring(offer.token, now)) is not None:
            self._ledger.offered(rung, operator, offer)
            self._ring(rung, operator, offer)

    def _reachable(self, ticket: Ticket, operator: Operator) -> bool:
        nodes = self._means.switch.nodes()
        return {node for node in (ticket.node, operator.node) if node} <= nodes.keys()

    def _connect(self, ticket: Ticket, offer: Offer) -> None:
        """Ring once more for a claimed offer that was never carried out."""
        operator = self._means.queue.operator(ticket.company, offer.operator)
        if operator is not None:
            self._ring(ticket, self._reached(operator), offer)

    def _ring(self, ticket: Ticket, operator: Operator, offer: Offer) -> None:
        usual = self._means.rules(ticket.company, ticket.queue).ring
        ring = self._overdue.ring(ticket, self._means.now(), usual)
        recording = recording_of(ticket, offer.token)
        try:
            self._means.switch.connect(ticket, operator, offer, ring, recording)
        except SwitchDown as reason:
            logger.warning("call %s was not connected: %s", ticket.id, reason)
            self.compare_at = min(self.compare_at, self._means.now() + FRESH)

    def _call_back(self, ticket: Ticket, operator: Operator, offer: Offer) -> None:
        try:
            target = self._promises.begin(ticket, operator)
        except (SQLAlchemyError, TimeoutError):
            logger.exception("call-back %s waits: the store does not answer", ticket.id)
            return
        if target is None:
            return
        rung = self._means.queue.ring(offer.token, self._means.now())
        if rung is None:
            self._promises.released(ticket)
            return
        self._ledger.offered(rung, operator, offer)
        ring = self._means.rules(ticket.company, ticket.queue).ring
        recording = recording_of(rung, offer.token)
        try:
            self._means.switch.call_back(rung, operator, offer, target, ring, recording)
        except SwitchDown as reason:
            logger.warning("%s was not dialled: %s", ticket.id, reason)
            self.compare_at = min(self.compare_at, self._means.now() + FRESH)
