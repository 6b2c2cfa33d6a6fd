"""Recordings, queues, numbers and messages by REST (twilio.com/docs/voice/api, /docs/messaging)."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from .call import ENDED
from .calls_api import _beginning, _checked, find
from .messages import Message
from .queues import Member, Queue
from .recordings import Recording
from .rest_error import RestError

if TYPE_CHECKING:
    from .emulator import Number
    from .server import Rest


def account(rest: Rest) -> dict[str, Any]:
    sid = rest.emulator.account_sid
    return {"sid": sid, "friendly_name": "Emulated", "status": "active", "type": "Full",
            "owner_account_sid": sid, "auth_token": "", "uri": rest.request.path,
            "date_created": formatdate(), "date_updated": formatdate(),
            "subresource_uris": {}}  # fmt: skip


def _missing(rest: Rest) -> RestError:
    return RestError(404, 20404, f"The requested resource {rest.request.path} was not found")


# ------------------------------------------------------------------ recordings


def _recording(rest: Rest) -> Recording:
    found = rest.emulator.recordings.by_sid.get(rest.path["recording"])
    if found is None or found.status == "deleted":
        raise _missing(rest)
    return found


def _recording_json(rest: Rest, one: Recording) -> dict[str, Any]:
    return {
        "sid": one.sid,
        "account_sid": rest.emulator.account_sid,
        "call_sid": one.call.sid,
        "conference_sid": None,
        "status": one.status,
        "source": one.source,
        "duration": str(one.seconds) if one.seconds >= 0 else None,
        "channels": 1,
        "track": "both",
        "start_time": formatdate(one.began),
        "date_created": formatdate(one.began),
        "date_updated": formatdate(),
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "encryption_details": None,
        "api_version": "2010-04-01",
        "media_url": one.url,
        "uri": f"{rest.root}/Recordings/{one.sid}.json",
        "subresource_uris": {},
    }


def recordings(rest: Rest) -> dict[str, Any]:
    wanted = rest.get("CallSid")
    return rest.page(
        "recordings",
        [
            _recording_json(rest, one)
            for one in rest.emulator.recordings.by_sid.values()
            if one.status != "deleted" and wanted in ("", one.call.sid)
        ],
    )


def recordings_of(rest: Rest) -> dict[str, Any]:
    call = find(rest)
    return rest.page(
        "recordings",
        [
            _recording_json(rest, one)
            for one in rest.emulator.recordings.by_sid.values()
            if one.call is call and one.status != "deleted"
        ],
    )


def recording(rest: Rest) -> dict[str, Any]:
    return _recording_json(rest, _recording(rest))


def record_call(rest: Rest) -> dict[str, Any]:
    """Begin to record a call in progress."""
    call = find(rest)
    if call.answered is None or call.status in ENDED:
        raise RestError(400, 21220, "Requested resource is not eligible for recording")
    callback = (
        rest.get("RecordingStatusCallback"),
        rest.get("RecordingStatusCallbackMethod", "POST"),
    )
    events = tuple(rest.get("RecordingStatusCallbackEvent", "completed").split())
    one = rest.emulator.recordings.add(call, "StartCallRecordingAPI", callback, events)

    async def to_the_end() -> None:
        await call.over.wait()
        one.complete(max(1, int(time.time() - one.began)))

    rest.emulator.background(to_the_end())
    return _recording_json(rest, one)


def update_recording(rest: Rest) -> dict[str, Any]:
    """Pause, go on or stop; the SID may be Twilio.CURRENT."""
    call = find(rest)
    if rest.path["recording"] == "Twilio.CURRENT":
        one = rest.emulator.recordings.current(call)
    else:
        one = rest.emulator.recordings.by_sid.get(rest.path["recording"])
    if one is None or one.call is not call:
        raise _missing(rest)
    status = rest.get("Status")
    if status not in ("paused", "in-progress", "stopped"):
        raise RestError(400, 20001, f"Invalid Status {status!r}")
    if one.status not in ("in-progress", "paused"):
        raise RestError(400, 21220, f"A recording {one.status} cannot be {status}")
    one.changes.append(status)
    if status == "stopped":
        one.complete(max(1, int(time.time() - one.began)))
    else:
        one.become(status)
    return _recording_json(rest, one)


def sound(rest: Rest) -> web.Response:
    one = _recording(rest)
    if one.status != "completed":
        raise _missing(rest)
    return web.Response(body=one.sound(), content_type="audio/x-wav")


def delete_recording(rest: Rest) -> None:
    _recording(rest).status = "deleted"


# ------------------------------------------------------------------ queues


def _queue(rest: Rest) -> Queue:
    found = [one for one in rest.emulator.queues.values() if one.sid == rest.path["sid"]]
    if not found:
        raise _missing(rest)
    return found[0]


def _queue_json(rest: Rest, one: Queue) -> dict[str, Any]:
    return {
        "sid": one.sid,
        "account_sid": rest.emulator.account_sid,
        "friendly_name": one.name,
        "current_size": len(one.members),
        "max_size": one.most,
        "average_wait_time": one.average,
        "date_created": formatdate(one.created),
        "date_updated": formatdate(),
        "uri": f"{rest.root}/Queues/{one.sid}.json",
    }


def _size(rest: Rest, usual: int) -> int:
    given = rest.get("MaxSize", str(usual))
    if not re.fullmatch("[0-9]{1,5}", given) or not 1 <= int(given) <= 5000:
        raise RestError(400, 22001, f"Invalid MaxSize {given}: 1 to 5000")
    return int(given)


def create_queue(rest: Rest) -> dict[str, Any]:
    name = rest.get("FriendlyName")
    if not 0 < len(name) <= 64:
        raise RestError(400, 22000, "FriendlyName of 1 to 64 characters is required")
    if name in rest.emulator.queues:
        raise RestError(400, 22003, f"Queue already exists: {name}")
    one = rest.emulator.queue(name)
    one.most = _size(rest, 100)
    return _queue_json(rest, one)


def queues(rest: Rest) -> dict[str, Any]:
    return rest.page("queues", [_queue_json(rest, one) for one in rest.emulator.queues.values()])


def queue(rest: Rest) -> dict[str, Any]:
    return _queue_json(rest, _queue(rest))


def update_queue(rest: Rest) -> dict[str, Any]:
    one = _queue(rest)
    one.most = _size(rest, one.most)
    if name := rest.get("FriendlyName"):
        del rest.emulator.queues[one.name]
        one.name = name
        rest.emulator.queues[name] = one
    return _queue_json(rest, one)


def _member_json(rest: Rest, one: Queue, member: Member) -> dict[str, Any]:
    return {
        "call_sid": member.call.sid,
        "date_enqueued": formatdate(member.since_wall),
        "position": one.members.index(member) + 1,
        "queue_sid": one.sid,
        "wait_time": member.seconds,
        "uri": f"{rest.root}/Queues/{one.sid}/Members/{member.call.sid}.json",
    }


def members(rest: Rest) -> dict[str, Any]:
    one = _queue(rest)
    return rest.page("queue_members", [_member_json(rest, one, each) for each in one.members])


def _member(rest: Rest, one: Queue) -> Member:
    wanted = rest.path["call"]
    for member in one.members:
        if wanted in (member.call.sid, "Front"):
            return member
    raise _missing(rest)


def member(rest: Rest) -> dict[str, Any]:
    one = _queue(rest)
    return _member_json(rest, one, _member(rest, one))


def dequeue(rest: Rest) -> dict[str, Any]:
    """Take a member out, to the document at Url."""
    one = _queue(rest)
    found = _member(rest, one)
    _checked(rest)
    answer = _member_json(rest, one, found)
    found.call.redirect(_beginning(rest, found.call))
    return answer


# ------------------------------------------------------------------ numbers

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
    raise _missing(rest)


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


# ------------------------------------------------------------------ messages


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
    raise _missing(rest)
