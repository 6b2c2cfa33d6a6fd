"""Calls by REST (twilio.com/docs/voice/api/call-resource)."""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from .call import Call
from .legs import Leg, reach
from .line import ENDED, Begin
from .rest_error import RestError, missing
from .sip_leg import SipLeg
from .twiml import Document, TwimlError, parse
from .twiml_rules import names

if TYPE_CHECKING:
    from .server import Rest

EVENTS = ("initiated", "ringing", "answered", "completed")
KNOWN = names(
    "To From Url Twiml ApplicationSid Method FallbackUrl FallbackMethod StatusCallback "
    "StatusCallbackEvent StatusCallbackMethod SendDigits Timeout Record RecordingChannels "
    "RecordingStatusCallback RecordingStatusCallbackMethod RecordingStatusCallbackEvent "
    "RecordingTrack SipAuthUsername SipAuthPassword MachineDetection Trim CallerId TimeLimit "
    "CallReason CallToken"
)


def find(rest: Rest) -> Call:
    """Return the call of the request's path."""
    sid = rest.path["sid"]
    call = rest.emulator.by_sid.get(sid)
    if call is None:
        raise missing(rest)
    return call


def create(rest: Rest) -> dict[str, Any]:
    """Make a call; it begins to ring."""
    if unknown := set(rest.form) - KNOWN:
        raise RestError(400, 21200, f"unknown parameters {sorted(unknown)}")
    to, from_ = rest.get("To"), rest.get("From")
    _addresses(rest, to, from_)
    if ("Url" in rest.form) == ("Twiml" in rest.form):
        raise RestError(400, 21205, "Url or Twiml parameter is required, one of them")
    checked(rest)
    emulator = rest.emulator
    call = Call(emulator, from_, to.partition("?")[0], "outbound-api")
    call.callback = (rest.get("StatusCallback"), rest.get("StatusCallbackMethod", "POST"))
    call.fallback = (rest.get("FallbackUrl"), rest.get("FallbackMethod", "POST"))
    call.events = tuple(_events(rest))
    emulator.calls.append(call)
    emulator.by_sid[call.sid] = call
    timeout = emulator.real(float(rest.get("Timeout", "60")))
    emulator.background(_live(rest, call, to, timeout))
    return resource(call)


def _addresses(rest: Rest, to: str, from_: str) -> None:
    if not to:
        raise RestError(400, 21201, "No 'To' number is specified")
    if not from_:
        raise RestError(400, 21213, "No 'From' number is specified")
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}|sips?:.+@.+|client:[\w.@+\-]+(\?.+)?", to):
        raise RestError(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if to.startswith("+") and from_ not in rest.emulator.numbers:
        raise RestError(400, 21210, f"Source phone number {from_} is not yet verified")


def _events(rest: Rest) -> list[str]:
    events = [word for given in rest.all("StatusCallbackEvent") for word in given.split()]
    if unknown := set(events) - set(EVENTS):
        raise RestError(400, 21626, f"Invalid statusCallbackEvents {sorted(unknown)}")
    return events or ["completed"]


def checked(rest: Rest) -> None:
    """Refuse what cannot be a document or the address of one."""
    if len(rest.get("Twiml")) > 4000:
        raise _faulty(rest, TwimlError(21218, "Twiml of more than 4000 characters"))
    if "Twiml" in rest.form:
        _twiml(rest)
    for name in ("Url", "FallbackUrl", "StatusCallback"):
        url = urlsplit(rest.get(name))
        if rest.get(name) and (url.scheme not in ("http", "https") or not url.netloc):
            raise _faulty(rest, TwimlError(21205, f"{name} is not a valid URL: {rest.get(name)}"))
    for name in ("Method", "FallbackMethod", "StatusCallbackMethod"):
        if rest.get(name, "POST") not in ("GET", "POST"):
            raise RestError(400, 21403, f"Invalid {name}")


def _twiml(rest: Rest) -> Document:
    try:
        return parse(rest.get("Twiml").encode(), "")
    except TwimlError as error:
        raise _faulty(rest, error) from error


def _faulty(rest: Rest, error: TwimlError) -> RestError:
    rest.emulator.fault(error, None, rest.request.path)
    return RestError(400, error.code, error.words)


def beginning(rest: Rest, call: Call) -> Begin:
    """Return where the request sends the call: Twiml, or Url and Method."""
    if "Twiml" in rest.form:
        document = _twiml(rest)

        async def given() -> Document:
            return document

        return given
    url, method = rest.get("Url"), rest.get("Method", "POST")

    async def fetched() -> Document:
        return await call.fetch(url, {}, method)

    return fetched


async def _live(rest: Rest, call: Call, to: str, timeout: float) -> None:
    leg: Leg
    if to.startswith("sip"):
        leg = SipLeg(call, to, rest.get("SipAuthUsername"), rest.get("SipAuthPassword"))
    else:
        leg = Leg(call)
        leg.parameters = dict(parse_qsl(to.partition("?")[2]))
    if await reach(call, leg, timeout) == "answered":
        await call.live(beginning(rest, call))


def listed(rest: Rest) -> dict[str, Any]:
    """List calls, the newest first, with the filters Status, To, From and ParentCallSid."""
    wanted = {"Status": "status", "To": "to", "From": "from", "ParentCallSid": "parent_call_sid"}
    found = [
        one
        for one in map(resource, reversed(rest.emulator.calls))
        if all(name not in rest.form or one[key] == rest.get(name) for name, key in wanted.items())
    ]
    return rest.page("calls", found)


def fetch(rest: Rest) -> dict[str, Any]:
    return resource(find(rest))


def update(rest: Rest) -> dict[str, Any]:
    """Send a call elsewhere or end it (docs: update a Call resource)."""
    call = find(rest)
    if call.status in ENDED:
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    status = rest.get("Status")
    if status:
        return _end(call, status)
    if ("Url" in rest.form) == ("Twiml" in rest.form):
        raise RestError(400, 21218, "Url, Twiml or Status is required, one of them")
    checked(rest)
    if call.answered is None:
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    call.callback = (rest.get("StatusCallback", call.callback[0]), call.callback[1])
    call.redirect(beginning(rest, call))
    return resource(call)


def _end(call: Call, status: str) -> dict[str, Any]:
    if status not in ("completed", "canceled"):
        raise RestError(400, 21219, f"Invalid status {status}")
    if status == "canceled" and call.answered is not None:
        raise RestError(400, 21220, "Call is in-progress. Cannot cancel.")
    call.stop("completed", "canceled" if call.answered is None else "completed")
    return resource(call)


def resource(call: Call) -> dict[str, Any]:
    """Return a call as JSON."""
    root = f"/2010-04-01/Accounts/{call.emulator.account_sid}"

    def at(moment: float | None) -> str | None:
        return formatdate(call.created + moment - call.began) if moment is not None else None

    return {
        "sid": call.sid,
        "account_sid": call.emulator.account_sid,
        "parent_call_sid": call.parent.sid if call.parent else None,
        "status": call.status,
        "from": call.from_,
        "from_formatted": call.from_,
        "to": call.to,
        "to_formatted": call.to,
        "direction": call.direction,
        "duration": str(call.seconds) if call.ended else None,
        "start_time": at(call.answered),
        "end_time": at(call.ended),
        "date_created": formatdate(call.created),
        "date_updated": formatdate(time.time()),
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "answered_by": None,
        "api_version": "2010-04-01",
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "annotation": None,
        "uri": f"{root}/Calls/{call.sid}.json",
        "subresource_uris": {"recordings": f"{root}/Calls/{call.sid}/Recordings.json"},
    }
