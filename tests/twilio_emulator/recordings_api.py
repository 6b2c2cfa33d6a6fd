"""Recordings by REST (twilio.com/docs/voice/api/recording)."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .calls_api import find
from .line import ENDED
from .recordings import Recording
from .rest_error import RestError, missing

if TYPE_CHECKING:
    from .server import Rest


def _recording(rest: Rest) -> Recording:
    found = rest.emulator.recordings.by_sid.get(rest.path["recording"])
    if found is None or found.status == "deleted":
        raise missing(rest)
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
        raise missing(rest)
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
        raise missing(rest)
    return web.Response(body=one.sound(), content_type="audio/x-wav")


def delete_recording(rest: Rest) -> None:
    _recording(rest).status = "deleted"
