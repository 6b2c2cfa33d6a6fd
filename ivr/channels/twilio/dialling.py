"""Whom Twilio dials for us, and how: pure functions from plain values to TwiML, and back from what
Twilio posts about it to reports for the matchmaker.

The addresses in the documents carry all that a webhook needs to tell who it is about:

    /twilio/over/CALL/TURN?token=T            the operator's <Dial> is over   `over_reports`
    /twilio/out/CALL/TURN                     that to an outside number is over
    /twilio/leg?token=T&call=CALL             his leg: answered, or why not   `leg_reports`
    /twilio/leg?kind=callback&token=T&call=C  a call-back, the operator's leg `leg_reports`
    /twilio/leg?kind=customer&token=T&call=C  a call-back, the customer's     `leg_reports`
    /twilio/leg?kind=outside&call=CALL        the leg to an outside number    `leg_reports`
    /twilio/callback?token=T&call=C           the customer's <Dial> is over   `callback_reports`
    /twilio/recording?call=CALL&name=FILE     the recording of a talk

C is the ticket of the call-back ("callback-17"). The webhook notes the reports with `live.follow`
and publishes each, in this order; to the <Dial> of a call-back it answers with <Hangup>.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from twilio.twiml.voice_response import Dial, VoiceResponse

from ivr.channels.twilio.live import Report
from ivr.channels.twilio.settings import SIP_USER, TwilioSettings
from ivr.channels.twilio.tokens import identity
from ivr.errors import Press2Error
from ivr.matchmaker.switch import OUTSIDE

ENDPOINT = re.compile(r"op-[a-z0-9]{1,32}")
TOKEN = re.compile(r"[\w.-]{1,200}", re.ASCII)
CALL = re.compile(r"[\w-]{1,100}", re.ASCII)
NODE_NAME = re.compile(r"[\w-]{0,100}", re.ASCII)
OUTCOME = re.compile(r"[a-z_]{1,40}")
RECORDING = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*|")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""What may stand in an address or a document; nothing of it needs an escape."""
LEG_EVENTS = "answered completed"
MISSED = {"busy": "declined", "no-answer": "no_answer", "failed": "failed"}
"""Twilio's word for a leg that was not answered -> the matchmaker's."""
CUSTOMER = {
    "in-progress": "answered",
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
    "canceled": "operator_failed",  # he hung up before the customer was there
}
OVER = frozenset(("completed", "busy", "no-answer", "failed", "canceled"))
"""Statuses of a call that is over."""


def checked(form: re.Pattern[str], text: str) -> str:
    """Return `text`; Press2Error when it is not of the form that may reach Twilio."""
    if not form.fullmatch(text):
        raise Press2Error(f"Twilio: {text!r} is not what may be sent")
    return text


def address(settings: TwilioSettings, path: str, **query: str) -> str:
    """Return the address of one of our webhooks. path: below /twilio/."""
    return f"{settings.public_url}/twilio/{path}" + (f"?{urlencode(query)}" if query else "")


# ---------------------------------------------------------------------- what is dialled


def connect(
    settings: TwilioSettings,
    call: str,
    turn: int,
    endpoint: str,
    node: str,
    token: str,
    ring: float,
    recording: str,
    number: str | None,
) -> str:
    """Return the document that rings an operator for a caller.

    turn: the open one. endpoint, node: his telephone and the Asterisk it is registered with.
    ring: seconds. recording: file of the talk, "" for none. number: the caller's.
    """
    call, token = checked(CALL, call), checked(TOKEN, token)
    dial = Dial(
        action=address(settings, f"over/{call}/{turn}", token=token),
        timeout=round(ring),
        caller_id=number if E164.fullmatch(number or "") else None,
        **_recorded(settings, call, recording),
    )
    told: dict[str, Any] = {
        "status_callback": address(settings, "leg", token=token, call=call),
        "status_callback_event": LEG_EVENTS,
    }
    if settings.operators == "client":
        client = dial.client(**told)
        client.identity(identity(checked(ENDPOINT, endpoint)))
        client.parameter(name="token", value=token)
    else:
        uri = sip_uri(settings, endpoint, token, call, node, recording)
        dial.sip(uri, username=SIP_USER, password=settings.sip_password, **told)
    return _document(dial)


def send_out(
    settings: TwilioSettings,
    call: str,
    turn: int,
    number: str,
    dialled: str | None,
    ring: float = OUTSIDE,
) -> str:
    """Return the document that passes a caller on to an outside number, from the dialled one."""
    dial = Dial(
        action=address(settings, f"out/{checked(CALL, call)}/{turn}"),
        timeout=round(ring),
        caller_id=dialled if E164.fullmatch(dialled or "") else None,
    )
    dial.number(
        checked(E164, number),
        status_callback=address(settings, "leg", kind="outside", call=call),
        status_callback_event="answered",
    )
    return _document(dial)


def call_back(
    settings: TwilioSettings,
    ticket: str,
    endpoint: str,
    node: str,
    token: str,
    ring: float,
    recording: str,
    number: str,
    source: str,
) -> dict[str, Any]:
    """Return what `calls.create` takes to ring an operator and then dial the customer.

    number: the customer's. source: the company's own number at Twilio, which both see.
    """
    call, token, source = checked(CALL, ticket), checked(TOKEN, token), checked(E164, source)
    given: dict[str, Any] = {
        "from_": source,
        "timeout": round(ring),
        "twiml": _customer(settings, call, token, recording, checked(E164, number), source),
        "status_callback": address(settings, "leg", kind="callback", token=token, call=call),
        "status_callback_event": LEG_EVENTS.split(),
    }
    if settings.operators == "client":
        return given | {"to": f"client:{identity(checked(ENDPOINT, endpoint))}?token={token}"}
    return given | {
        "to": sip_uri(settings, endpoint, token, call, node, recording),
        "sip_auth_username": SIP_USER,
        "sip_auth_password": settings.sip_password,
    }


def sip_uri(
    settings: TwilioSettings, endpoint: str, token: str, call: str, node: str, recording: str
) -> str:
    """Return the address of an operator at our Asterisk, with the headers of the INVITE."""
    headers = {
        "X-Press2-Token": checked(TOKEN, token),
        "X-Press2-Call": checked(CALL, call),
        "X-Press2-Node": checked(NODE_NAME, node),
        "X-Press2-Record": checked(RECORDING, recording),
    }
    given = "&".join(f"{name}={quote(text)}" for name, text in headers.items() if text)
    return f"sip:{checked(ENDPOINT, endpoint)}@{settings.sip_address}?{given}"


def _customer(
    settings: TwilioSettings, call: str, token: str, recording: str, number: str, source: str
) -> str:
    dial = Dial(
        action=address(settings, "callback", token=token, call=call),
        timeout=round(OUTSIDE),
        caller_id=source,
        **_recorded(settings, call, recording),
    )
    dial.number(
        number,
        status_callback=address(settings, "leg", kind="customer", token=token, call=call),
        status_callback_event=LEG_EVENTS,
    )
    return _document(dial)


def _recorded(settings: TwilioSettings, call: str, recording: str) -> dict[str, str]:
    """What makes Twilio record; operators behind our Asterisk are recorded there."""
    if settings.operators != "client" or not recording:
        return {}
    name = checked(RECORDING, recording)
    return {
        "record": "record-from-answer",
        "recording_status_callback": address(settings, "recording", call=call, name=name),
    }


def _document(dial: Dial) -> str:
    response = VoiceResponse()
    response.append(dial)
    return str(response)


# ---------------------------------------------------------------------- what came of it


def leg_reports(query: Mapping[str, str], form: Mapping[str, str]) -> list[Report]:
    """Return what the status of a leg means: /twilio/leg. One that means nothing gives nothing."""
    token, call = query.get("token", ""), query.get("call", "")
    status = form.get("CallStatus", "")
    match query.get("kind", ""):
        case "callback":
            return _operator_left(token, call) if status in OVER else []
        case "customer":
            return _customer_leg(token, status)
        case "outside":
            return outside_reports(call, status == "in-progress")
        case _ if status == "in-progress":
            return [("answered", {"token": token})]
        case _:
            return _missed(token, status)


def outside_reports(call: str, talked: bool) -> list[Report]:
    """Return what the leg, or the end of the <Dial>, to an outside number means."""
    return [("outside", {"call": call})] if talked else []


def over_reports(query: Mapping[str, str], form: Mapping[str, str]) -> list[Report]:
    """Return what the end of an operator's <Dial> means: /twilio/over. Each was told before,
    unless the leg's own status was lost.
    """
    token, status = query.get("token", ""), form.get("DialCallStatus", "")
    if status in ("completed", "answered"):
        return [("answered", {"token": token})]
    return _missed(token, status)


def callback_reports(query: Mapping[str, str], form: Mapping[str, str]) -> list[Report]:
    """Return what the end of a customer's <Dial> means: /twilio/callback."""
    status = form.get("DialCallStatus", "")
    talked = status in ("completed", "answered")
    return _customer_leg(query.get("token", ""), "in-progress" if talked else status)


def _customer_leg(token: str, status: str) -> list[Report]:
    how = CUSTOMER.get(status)
    return [("called_back", {"token": token, "how": how})] if how else []


def _operator_left(token: str, call: str) -> list[Report]:
    """The first counts only where the customer was not reached: else that was told before."""
    left = {"token": token, "how": "operator_failed"}
    return [("called_back", left), ("gone", {"call": call})]


def _missed(token: str, status: str) -> list[Report]:
    why = MISSED.get(status)
    return [("unanswered", {"token": token, "why": why})] if why else []
