"""The account, its numbers and messages by REST (twilio.com/docs/usage/api)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .messages import Message
from .rest_error import RestError, missing

if TYPE_CHECKING:
    from .emulator import Number
    from .server import Rest


def account(rest: Rest) -> dict[str, Any]:
    sid = rest.emulator.account_sid
    return {"sid": sid, "friendly_name": "Emulated", "status": "active", "type": "Full",
            "owner_account_sid": sid, "auth_token": "", "uri": rest.request.path,
            "date_created": formatdate(), "date_updated": formatdate(),
            "subresource_uris": {}}  # fmt: skip


HOOKS = {
    "voice": ("VoiceUrl", "VoiceMethod"),
    "fallback": ("VoiceFallbackUrl", "VoiceFallbackMethod"),
    "status": ("StatusCallback", "StatusCallbackMethod"),
    "sms": ("SmsUrl", "SmsMethod"),
}


def _number_json(rest: Rest, one: Number) -> dict[str, Any]:
    return {
        "sid": one.sid,
        "account_sid": rest.emulator.account_sid,
        "phone_number": one.number,
        "friendly_name": one.name or one.number,
        "voice_url": one.voice[0],
        "voice_method": one.voice[1],
        "voice_fallback_url": one.fallback[0],
        "voice_fallback_method": one.fallback[1],
        "status_callback": one.status[0],
        "status_callback_method": one.status[1],
        "sms_url": one.sms[0],
        "sms_method": one.sms[1],
        "voice_application_sid": "",
        "trunk_sid": None,
        "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
        "api_version": "2010-04-01",
        "uri": f"{rest.root}/IncomingPhoneNumbers/{one.sid}.json",
    }


def numbers(rest: Rest) -> dict[str, Any]:
    """List numbers; PhoneNumber may have * for digits."""
    wanted = re.escape(rest.get("PhoneNumber", "*")).replace(r"\*", ".*")
    found = [one for one in rest.emulator.numbers.values() if re.search(wanted, one.number)]
    return rest.page("incoming_phone_numbers", [_number_json(rest, one) for one in found])


def _number(rest: Rest) -> Number:
    for one in rest.emulator.numbers.values():
        if one.sid == rest.path["sid"]:
            return one
    raise missing(rest)


def number(rest: Rest) -> dict[str, Any]:
    return _number_json(rest, _number(rest))


def update_number(rest: Rest) -> dict[str, Any]:
    one = _number(rest)
    for field, (url, method) in HOOKS.items():
        old = getattr(one, field)
        new = (rest.get(url, old[0]), rest.get(method, old[1]))
        if new[0] and urlsplit(new[0]).scheme not in ("http", "https"):
            raise RestError(400, 21402, f"{url} is not valid: {new[0]}")
        if new[1] not in ("GET", "POST"):
            raise RestError(400, 21403, f"{method} is not valid: {new[1]}")
        setattr(one, field, new)
    one.name = rest.get("FriendlyName", one.name)
    return _number_json(rest, one)


def _message_json(rest: Rest, one: Message) -> dict[str, Any]:
    return {
        "sid": one.sid,
        "account_sid": rest.emulator.account_sid,
        "to": one.to,
        "from": one.from_,
        "body": one.body,
        "status": one.status,
        "error_code": one.error or None,
        "error_message": None,
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "messaging_service_sid": None,
        "api_version": "2010-04-01",
        "date_created": formatdate(one.created),
        "date_updated": formatdate(),
        "date_sent": formatdate(one.created),
        "uri": f"{rest.root}/Messages/{one.sid}.json",
        "subresource_uris": {},
    }


def create_message(rest: Rest) -> dict[str, Any]:
    sender = rest.get("From") or rest.get("MessagingServiceSid")
    made = rest.emulator.messages.create(
        rest.get("To"), sender, rest.get("Body"), rest.get("StatusCallback")
    )
    return {**_message_json(rest, made), "status": "queued", "error_code": None}


def messages(rest: Rest) -> dict[str, Any]:
    """List messages, the newest first; filters To, From, DateSent, DateSent> and DateSent<."""

    def moment(text: str) -> float:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()

    def wanted(one: Message) -> bool:
        after, before, day = rest.get("DateSent>"), rest.get("DateSent<"), rest.get("DateSent")
        return (
            rest.get("To", one.to) == one.to
            and rest.get("From", one.from_) == one.from_
            and (not after or one.created >= int(moment(after)))
            and (not before or one.created <= moment(before))
            and (not day or formatdate(one.created)[:16] == formatdate(moment(day))[:16])
        )

    found = [one for one in reversed(rest.emulator.messages.sent) if wanted(one)]
    return rest.page("messages", [_message_json(rest, one) for one in found])


def message(rest: Rest) -> dict[str, Any]:
    for one in rest.emulator.messages.sent:
        if one.sid == rest.path["sid"]:
            return _message_json(rest, one)
    raise missing(rest)
