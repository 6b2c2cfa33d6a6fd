"""Delivering the news that the supply is back: handlers of the outbox, run by `app.py jobs`.

    "restored"     `Told`   chooses the way: only here it is known whether SMS and calls are set up
    "sms"          `Sms`    around the sender of SMS: not where he was told meanwhile
    "notice_call"  `Calls`  rings once; `calling.tries` times in all, `calling.between` apart

Each looks at the store before it acts, so that whoever takes over from a killed one tells nobody
twice: a subscription that does not wait, or whose event is open again, is left alone. A handler
killed while a telephone rings is the one case of one call too many, minutes later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from ivr import callbacks, outbox
from ivr.company import Company
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.outbox import Again, Handler, Later, Parcel, Permanent
from ivr.services import notices
from ivr.services.restoration import CALL, RESTORED
from ivr.store.database import Store
from ivr.store.supply import Subscription

logger = logging.getLogger(__name__)

AWAY = timedelta(seconds=30)
"""Between two looks whether an exchange that was out of reach can dial."""
FULL = timedelta(seconds=5)
"""The same while all lines for notices are in use."""
VOID = {"told": "no"}
"""Details of an entry that was about nothing any more."""


class NoLine(Exception):
    """Nothing was dialled: what dials is out of reach now."""


class Dialler(Protocol):
    """Calls people."""

    def call(self, target: Destination, source: str, about: str, token: str, ring: float) -> None:
        """Call, and return when the call is over, or after three minutes at most.

        source: the company's own number. about: id of the subscription, for the flow `restored`.
        token: of this try, letters and digits. ring: seconds. NoLine: nothing was dialled.
        `outbox.Permanent`: this number can never be called.
        """


@dataclass(frozen=True)
class Means:
    """What this installation can do. sms: a sender is set up. lines: calls at once, 0: none."""

    sms: bool
    lines: int


@dataclass(frozen=True)
class News:
    """What a waiting subscriber is told. key: of the entry of this closing."""

    id: int
    number: str
    way: str
    language: str
    at_night: bool
    restored_at: datetime


class _Telling:
    """What the handlers share."""

    def __init__(
        self, store: Store, companies: Mapping[str, Company], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._companies = companies
        self._clock = clock

    def _company(self, parcel: Parcel) -> Company:
        if parcel.company not in self._companies:
            raise Permanent(f"no company {parcel.company}")
        return self._companies[parcel.company]

    def _news(self, parcel: Parcel) -> News | None:
        """Return what is to be told, None where he was told or the event is open again."""
        with self._store.session(read_only=True) as db:
            row = db.get(Subscription, int(parcel.payload["subscription"]))
            if row is None or row.state != "waiting" or row.event.state != "closed":
                return None
            assert row.event.restored_at is not None  # noqa: S101 - of a closed one
            return News(
                row.id, row.number, row.way, row.language, row.at_night, row.event.restored_at
            )

    def _settle(self, parcel: Parcel, state: str) -> None:
        """Note how it ended, unless he was told meanwhile."""
        with self._store.session() as db:
            row = db.get(Subscription, int(parcel.payload["subscription"]), with_for_update=True)
            if row is not None and row.state == "waiting":
                row.state = state
                if state == "told":
                    row.told_at = self._clock()

    def _put_sms(self, parcel: Parcel, news: News, company: Company) -> bool:
        key = f"{parcel.key.removesuffix('/' + CALL)}/{notices.KIND}"
        now = self._clock()
        with self._store.session() as db:
            return notices.restored(
                db, company, key, news.id, news.number, news.language, news.restored_at, now,
                parcel.until or now + timedelta(hours=company.terms.restoration.worth),
            )  # fmt: skip

    def _lost(self, parcel: Parcel, why: str) -> Permanent:
        """Note that he cannot be told; what is to be raised."""
        self._settle(parcel, "failed")
        return Permanent(why)


class Told(_Telling):
    """Chooses how a subscriber is told: by SMS at once, or by a call."""

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        means: Means,
    ) -> None:
        super().__init__(store, companies, clock)
        self._means = means

    def __call__(self, parcel: Parcel) -> dict[str, Any]:
        """Put the message or the call into the outbox.

        Who asked for an SMS is called where none can be sent, and the other way round.
        """
        company, news = self._company(parcel), self._news(parcel)
        if news is None:
            return VOID
        ways = ("call", "sms") if news.way == "call" else ("sms", "call")
        for way in ways:
            if way == "sms" and self._means.sms and self._put_sms(parcel, news, company):
                return {"way": "sms"}
            if way == "call" and self._means.lines and self._may_call(company, news.number):
                self._put_call(parcel)
                return {"way": "call"}
        raise self._lost(parcel, "neither an SMS nor a call to this number is possible here")

    @staticmethod
    def _may_call(company: Company, number: str) -> bool:
        try:
            destination(number, company.calling, company.region)
        except RefusedNumber:
            return False
        return bool(company.numbers)

    def _put_call(self, parcel: Parcel) -> None:
        with self._store.session() as db:
            outbox.put(
                db, company=parcel.company, kind=CALL, key=f"{parcel.key}/{CALL}",
                payload=parcel.payload, now=self._clock(), until=parcel.until,
            )  # fmt: skip


class Sms(_Telling):
    """Sends messages through `send`, those of a restoration only to who waits for one still."""

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        send: Handler,
    ) -> None:
        super().__init__(store, companies, clock)
        self._send = send

    def __call__(self, parcel: Parcel) -> Mapping[str, Any]:
        """Send one message."""
        if parcel.payload.get("text") != RESTORED:
            return self._send(parcel)
        if self._news(parcel) is None:
            return VOID
        try:
            sent = self._send(parcel)
        except Permanent as reason:
            raise self._lost(parcel, str(reason)) from reason
        self._settle(parcel, "told")
        return sent


class Calls(_Telling):
    """Calls one subscriber once. What he heard and said, the flow `restored` stores itself."""

    def __init__(
        self,
        store: Store,
        companies: Mapping[str, Company],
        clock: Callable[[], datetime],
        dialler: Dialler,
        means: Means,
    ) -> None:
        super().__init__(store, companies, clock)
        self._dialler = dialler
        self._means = means

    def __call__(self, parcel: Parcel) -> Mapping[str, Any]:
        """Call, and look in the store whether he has heard it."""
        company, news = self._company(parcel), self._news(parcel)
        if news is None:
            return VOID
        if parcel.tries > company.calling.tries:  # the last one was cut off
            return self._give_up(parcel, news, company)
        self._wait_for_hours(parcel, news, company)
        self._wait_for_a_line()
        try:
            target = destination(news.number, company.calling, company.region)
        except RefusedNumber as reason:
            raise self._lost(parcel, f"its number is refused: {reason.reason}") from reason
        token = f"notice{news.id}x{parcel.claim}"
        ring = company.terms.restoration.ring
        try:
            self._dialler.call(target, company.numbers[0], str(news.id), token, ring)
        except NoLine as reason:
            logger.warning("subscription %d was not dialled: %s", news.id, reason)
            raise Later(self._clock() + AWAY) from reason
        except Permanent as reason:
            logger.warning("subscription %d cannot be called: %s", news.id, reason)
            return self._give_up(parcel, news, company)
        if self._news(parcel) is None:
            return {"told": "call", "tries": parcel.tries}
        if parcel.tries >= company.calling.tries:
            return self._give_up(parcel, news, company)
        again = self._clock() + timedelta(seconds=company.calling.between)
        raise Again(again, "nobody answered")

    def _wait_for_hours(self, parcel: Parcel, news: News, company: Company) -> None:
        """Not at night, unless he said so; not at all where the morning is too late."""
        now = self._clock()
        terms = replace(company.calling, hours=company.terms.restoration.hours)
        local = now.astimezone(company.zone)
        if news.at_night or callbacks.allowed(terms, local):
            return
        morning = callbacks.opening(terms, local)
        if parcel.until is not None and morning >= parcel.until:
            raise self._lost(parcel, "people may be called again when the news is none any more")
        raise Later(morning)

    def _wait_for_a_line(self) -> None:
        now = self._clock()
        with self._store.session(read_only=True) as db:
            if outbox.busy(db, CALL, now) > self._means.lines:
                raise Later(now + FULL)

    def _give_up(self, parcel: Parcel, news: News, company: Company) -> dict[str, Any]:
        """Send a message instead, where that is possible."""
        if self._means.sms and self._put_sms(parcel, news, company):
            return {"told": "no", "instead": "sms"}
        self._settle(parcel, "failed")
        return {"told": "no"}
