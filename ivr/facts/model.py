"""The words of the facts: why a call ended, who ended it, what it was about, how a flow ended.

docs/facts.md says exactly when each is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

WHYS = (
    "completed",  # goodbye was said: he had what he wanted, or was told what there is to tell
    "callback",  # a call-back was promised
    "unserved",  # he wanted an operator and had none; goodbye was said, and nothing was done
    "caller_in_menu",  # he hung up in the first menu
    "caller_in_question",  # he hung up in another flow
    "caller_after_task",  # he hung up when something of his was done
    "caller_in_queue",  # he hung up while he waited, or while a telephone rang for him
    "caller_in_talk",
    "caller_after_talk",  # he hung up in the dialogue, after a talk
    "operator_hung_up",  # the operator ended the talk
    "transferred_out",  # he was passed on to a number outside
    "silence",  # three times nothing was heard, and the call was ended
    "no_match",  # three times nothing could be made of what he keyed or said
    "failure",  # a flow could not go on
    "limit",  # too many turns, or the longest time of a call was over
    "network",  # the network ended the call, or his sound stopped
    "exchange_lost",  # the exchange, or the way to it, was gone
)
ENDERS = ("caller", "operator", "system", "network")
TOPICS = (
    "connection",
    "transmission",
    "metering",
    "customer_service",
    "outage",
    "complaint",
    "other",
)
"""Categories of the yearly statistics of Order 186, annex 7, and what this line has besides."""
RESULTS = ("done", "silence", "no_match", "operator", "hang_up", "failed")
VISIT_OUTCOMES = ("answered", "abandoned", "called_back", "deflected")

QUEUE_FLOW = "operator"
"""The flow in which a caller waits and talks."""
AFTER_TALK = "survey"

TOPIC_OF_FLOW: Mapping[str, str] = MappingProxyType(
    {
        "reading": "metering",
        "last_reading": "metering",
        "meter": "metering",
        "outage": "outage",
        "schedule": "outage",
        "notice": "outage",
        "restored": "outage",
        "connection": "connection",
        "application": "connection",
        "appointment": "customer_service",
        "office": "customer_service",
        "complaint": "complaint",
    }
)
TOPIC_OF_QUEUE: Mapping[str, str] = MappingProxyType(
    {"metering": "metering", "outage": "outage", "danger": "outage", "connection": "connection"}
)
TOPIC_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        "reading": "metering",
        "meter": "metering",
        "outage": "outage",
        "schedule": "outage",
        "connection": "connection",
        "bill": "transmission",
        "complaint": "complaint",
        "wrong_number": "other",
        "other": "other",
    }
)
"""Wrap-up codes of the profiles; a code that is not here is "other"."""

TASKS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        **{
            ("readings.accept", how): "reading"
            for how in ("accepted", "accepted_backup", "accepted_outside")
        },
        ("readings.keep", "kept"): "reading_kept",
        ("readings.review", "registered"): "reading_review",
        ("readings.last", "told"): "last_reading",
        ("outages.report", "registered"): "outage",
        ("outages.report", "again"): "outage",
        ("outages.danger", "registered"): "danger",
        **{("outages.known", how): "outage_told" for how in ("event", "reported", "by_schedule")},
        ("schedules.tell", "told"): "schedule",
        **{
            (f"subscriptions.{service}", how): "notice"
            for service in ("own", "typed")
            for how in ("sms", "call", "noted", "noted_call", "already")
        },
        **{("applications.find", how): "application" for how in ("movable", "late", "told")},
        ("applications.move", "moved"): "visit",
        ("appointments.mine", "told"): "appointment",
        ("appointments.book", "booked"): "appointment",
        ("appointments.book", "moved"): "appointment",
        ("appointments.cancel", "cancelled"): "appointment",
        ("requests.connecting", "operator"): "connection",
        ("requests.connecting", "voice"): "connection",
        ("requests.connection", "registered"): "connection",
        ("requests.complaint", "registered"): "complaint",
        ("requests.meter_fault", "registered"): "meter",
        ("requests.meter_emergency", "registered"): "meter",
        **{
            ("requests.meter_replacement", how): "meter"
            for how in ("registered", "postponed", "refused")
        },
        ("messages.keep", "kept"): "message",
        **{("callbacks.promise", how): "callback" for how in ("noted", "noted_later", "already")},
        ("offices.hours", "told"): "office",
        ("offices.supplier", "told"): "supplier",
        ("restoration.heard", "noted"): "restoration",
        ("restoration.still_out", "registered"): "outage",
    }
)
"""What completes a task: service and outcome. Task -> one word."""
LEFT_TO_PEOPLE = frozenset(("callback", "message", "danger"))
"""Tasks that only hand the matter to an operator: no call is automatic by them."""


class Happening(NamedTuple):
    """One row of the log. at: aware."""

    id: int
    call: str
    at: datetime
    kind: str
    flow: str
    step: str
    details: Mapping[str, Any]


def is_over(happenings: Iterable[Happening]) -> bool:
    """Tell whether a call is over: exactly when `ended` is in its log.

    The runner writes it when it ends a call and when the caller hangs up, the keeper of the facts
    for a call that nobody can end any more (`ivr.facts.lost`).
    """
    return any(each.kind == "ended" for each in happenings)
