"""SMS through Twilio: the outbox's handler of notices, and what Twilio tells of them afterwards.

A message is not sent twice as far as that can be known: where a try's outcome is unknown (a
timeout, a worker that died), the next one first looks whether Twilio has the message already.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from twilio.rest import Client

from ivr import callbacks, outbox
from ivr.channels.twilio.errands import errand
from ivr.channels.twilio.settings import TwilioSettings
from ivr.company import Company
from ivr.destination import Destination, destination
from ivr.errors import PromptError, RefusedNumber
from ivr.outbox import Later, Parcel, Permanent
from ivr.services.notices import KIND, Texts
from ivr.store.database import Store
from ivr.store.models import OutboxEntry

logger = logging.getLogger(__name__)

FAILED = ("failed", "undelivered", "canceled")
ARRIVED = ("delivered", "read")
ON_THE_WAY = ("accepted", "scheduled", "queued", "sending", "sent", "partially_delivered")
LOOKED_THROUGH = 50
"""Newest messages to a number among which one of unknown outcome is looked for."""
SKEW = timedelta(minutes=1)
"""Twilio's clock may be so far behind ours."""
VALID = (5, 14_400)
"""Least and most seconds a message may wait at Twilio (`ValidityPeriod`)."""


class Sms:
    """Delivers a notice: `{to, language, text, values, hours}`, as `ivr.services.notices` puts it.

    sender: a number, a name or the sid of a messaging service is in `settings.sms_from`.
    """

    def __init__(
        self,
        settings: TwilioSettings,
        client: Client,
        companies: Mapping[str, Company],
        texts: Texts,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._client = client
        self._companies = companies
        self._texts = texts
        self._clock = clock

    def __call__(self, parcel: Parcel) -> dict[str, Any]:
        """Send one message; sid and status of it at Twilio."""
        company = self._companies.get(parcel.company)
        if company is None:
            raise Permanent(f"no company {parcel.company}")
        target, body = self._message(company, parcel.payload)
        self._wait_for_hours(company, parcel.payload)
        with errand():
            sid, status = self._sent(parcel, target, body) or self._send(parcel, target, body)
        return {"sid": sid, "status": status}

    def _message(self, company: Company, payload: Mapping[str, Any]) -> tuple[Destination, str]:
        try:
            target = destination(str(payload["to"]), company.calling, company.region)
            body = self._texts.write(
                company, str(payload["language"]), str(payload["text"]), payload["values"]
            )
        except RefusedNumber as reason:
            raise Permanent(f"its number is refused: {reason.reason}") from reason
        except PromptError as reason:
            raise Permanent(str(reason)) from reason
        return target, body

    def _wait_for_hours(self, company: Company, payload: Mapping[str, Any]) -> None:
        """Put off until people may be called what is no answer to what a caller just did."""
        local = self._clock().astimezone(company.zone)
        if payload.get("hours") and not callbacks.allowed(company.calling, local):
            raise Later(callbacks.opening(company.calling, local))

    def _sent(self, parcel: Parcel, target: Destination, body: str) -> tuple[str, str] | None:
        """Find the message of an earlier try, None where there was none or it has failed."""
        if parcel.fresh:
            return None
        for known in self._client.messages.list(
            to=target.number, limit=LOOKED_THROUGH, page_size=LOOKED_THROUGH
        ):
            made = known.date_created
            recent = made is not None and made >= parcel.created_at - SKEW
            if recent and known.body == body and known.status not in FAILED:
                return str(known.sid), str(known.status)
        return None

    def _send(self, parcel: Parcel, target: Destination, body: str) -> tuple[str, str]:
        message = self._client.messages.create(
            to=target.number,
            body=body,
            status_callback=f"{self._settings.public_url}/twilio/message?id={parcel.id}",
            validity_period=self._worth(parcel),
            **self._sender(),
        )
        if message.status in FAILED:
            raise Permanent(f"{message.status}, Twilio error {message.error_code}")
        return str(message.sid), str(message.status)

    def _sender(self) -> dict[str, str]:
        name = self._settings.sms_from
        service = re.fullmatch("MG[0-9a-f]{32}", name)
        return {"messaging_service_sid" if service else "from_": name}

    def _worth(self, parcel: Parcel) -> int:
        """Seconds after which Twilio shall not send it any more."""
        if parcel.until is None:
            return VALID[1]
        left = int((parcel.until - self._clock()).total_seconds())
        return min(max(left, VALID[0]), VALID[1])


def message_status(
    store: Store, entry: int, sid: str, status: str, error: str, now: datetime
) -> bool:
    """Note what Twilio tells of a message, in whatever order; False: there is none, or no news.

    entry: of the outbox. sid, status, error: `MessageSid`, `MessageStatus`, `ErrorCode` of the
    webhook. It also tells that a message was sent whose try ended without an answer.
    """
    if status in FAILED:
        return outbox.told(store, entry, KIND, lambda row: _failed(row, sid, status, error, now))
    if status in (*ARRIVED, *ON_THE_WAY):
        return outbox.told(store, entry, KIND, lambda row: _known(row, sid, status, now))
    logger.warning("message of outbox entry %d: unknown status %.20r", entry, status)
    return False


def _failed(row: OutboxEntry, sid: str, status: str, error: str, now: datetime) -> None:
    """A message failed; that of another try may have arrived all the same."""
    if row.details.get("status") in ARRIVED or row.details.get("sid", sid) != sid:
        return
    code = error if re.fullmatch(r"\d{1,6}", error) else "none"
    row.details = {**row.details, "sid": sid, "status": status}
    outbox.bury(row, f"{status}, Twilio error {code}", now)
    logger.warning("outbox: sms %d was not delivered: %s", row.id, row.last_error)


def _known(row: OutboxEntry, sid: str, status: str, now: datetime) -> None:
    """A status may come late: what is over stays over, but for news that it has arrived."""
    before = row.details.get("status")
    if status in ARRIVED or row.state == "due":
        outbox.finish(row, {"sid": sid, "status": status}, now)
    elif row.state == "done" and before not in ARRIVED:
        row.details = {**row.details, "status": status}
