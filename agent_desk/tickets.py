"""Reports and requests: one form a type, checked field by field, a number told to the caller."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import cards, talks
from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from ivr.agent_queue.model import QueueDown
from ivr.agent_queue.model import Ticket as Place
from ivr.model import Caller
from ivr.services import priority, tickets
from ivr.services.inquiry import Inquiry
from ivr.services.requests import CUSTOMERS
from ivr.store.models import Account, Draft
from ivr.terms import PLACES

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,}")
TEXT = 2000

blueprint = Blueprint("tickets", __name__)


@dataclass(frozen=True)
class Field:
    """One field of a form. kind: text, choice, day, time, phone, email or flag."""

    name: str
    kind: str = "text"
    wanted: bool = False
    choices: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return it for the page."""
        known = {"name": self.name, "kind": self.kind, "wanted": self.wanted}
        return known | ({"choices": list(self.choices)} if self.choices else {})


UNKNOWN = "unknown"
YES = ("yes", "no")
COMMENT = Field("comment")
PHONE = Field("phone", "phone")
ADDRESS = Field("address")
"""Wanted where no account is known."""
FORMS: dict[str, tuple[Field, ...]] = {
    "outage": (
        Field("danger", "choice", choices=(*YES, UNKNOWN)),
        Field("scope", "choice", wanted=True, choices=("only_here", "house", "street", UNKNOWN)),
        Field("supply", "choice", choices=("none", "partly", "low", "high", "flicker")),
        Field("display", "choice", choices=("lit", "dark", UNKNOWN)),
        Field("since", "time"),
        Field("notify", "flag"),
        PHONE,
        ADDRESS,
        COMMENT,
    ),
    "meter_fault": (
        Field("supply", "choice", wanted=True, choices=YES),
        Field("fault", wanted=True),
        PHONE,
        ADDRESS,
        COMMENT,
    ),
    "meter_replacement": (
        Field("place", "choice", wanted=True, choices=PLACES),
        Field("meter"),
        Field("reason"),
        Field("email", "email"),
        PHONE,
        ADDRESS,
        COMMENT,
    ),
    "connection": (
        Field("customer", "choice", wanted=True, choices=CUSTOMERS),
        Field("address", wanted=True),
        Field("power"),
        Field("email", "email"),
        PHONE,
        COMMENT,
    ),
    "appointment": (
        Field("office", wanted=True),
        Field("day", "day", wanted=True),
        Field("time", "time"),
        Field("topic", wanted=True),
        PHONE,
        COMMENT,
    ),
    "complaint": (
        Field("topic", "choice", choices=("meter", "supply", "voltage", "staff", "other")),
        Field("text", wanted=True),
        Field("answer_by", "choice", choices=("phone", "email", "post")),
        Field("email", "email"),
        PHONE,
        ADDRESS,
    ),
    "other": (Field("text", wanted=True), Field("email", "email"), PHONE, ADDRESS),
}
NEED_PLACE = ("outage", "meter_fault", "meter_replacement")
"""Types that are worth nothing without an account or an address."""


def shown() -> dict[str, list[dict[str, Any]]]:
    """Return the forms for the page."""
    return {name: [field.shown() for field in fields] for name, fields in FORMS.items()}


@blueprint.post("/ticket")
def ticket() -> Response:
    """Register a report or request; sent twice it is registered once."""
    sent = body()
    kind = sent.choice("type", *FORMS)
    call, number = sent.name("ticket", wanted=False), sent.name("account", wanted=False)
    place = place_of(call, "ticket")
    details = _details(kind, sent.part("fields") or Body({}))
    if not number and kind in NEED_PLACE and not details.get("address"):
        raise Refused("no_place")
    key = _key(call, kind, number, details, sent.name("key", wanted=False))
    with office().store.session() as db:
        about = talks.account(db, number) if number else None
        made = _register(db, key, kind, about, details, place, call)
        if (draft := db.get(Draft, (call, kind))) is not None:
            db.delete(draft)
    note("ticket", call=call or None, type=kind, number=made)
    talks.touch()
    return jsonify(number=made)


def place_of(call: str, what: str) -> Place | None:
    """Return the caller's place in the queue; None outside a talk, or while the queue is down."""
    if not call:
        return None
    try:
        return talks.mine(call, what, talks.ABOUT)[1]
    except QueueDown:
        return None


def caller_of(call: str, place: Place | None) -> Caller:
    """Return who calls, as services want to know it."""
    return Caller(
        call=call,
        company=shift().company,
        number=place.number if place else None,
        dialled=place.dialled if place else None,
        channel="desk",
        arrived=office().now(),
    )


def _register(
    db: Session,
    key: str,
    kind: str,
    about: Account | None,
    details: dict[str, Any],
    place: Place | None,
    call: str,
) -> str:
    parts = office()
    caller = caller_of(call or f"desk-{shift().login}", place)
    inquiry = Inquiry(caller, company(), parts.now(), {}, {}, key, db)
    made = tickets.register(
        inquiry,
        kind,
        about,
        key=key,
        priority=_priority(inquiry, kind, about, place, details),
        details={**details, "operator": shift().login},
    )
    return str(tickets.told(made)["receipt"])


def _priority(
    inquiry: Inquiry, kind: str, about: Account | None, place: Place | None, details: dict[str, Any]
) -> str:
    if details.get("danger") == "yes":
        return "danger"
    first = place is not None and place.priority == priority.MARK
    if first or (about and priority.counts(inquiry.db, about, inquiry.today)):
        return priority.MARK
    raised = kind == "meter_fault" and details.get("supply") == "no"
    return "raised" if raised else "normal"


def _key(call: str, kind: str, account: str, details: dict[str, Any], given: str) -> str:
    """Return what is the same when a form is sent twice: the page's key, else what was written."""
    who, today = shift().login, office().now().astimezone(company().zone).date()
    about = given or json.dumps([account, details], sort_keys=True)
    digest = hashlib.sha256(about.encode()).hexdigest()[:24]
    return f"{call or f'desk-{who}-{today}'}/desk/{kind}/{digest}"


# ---------------------------------------------------------------------- fields


def _details(kind: str, fields: Body) -> dict[str, Any]:
    """Return the fields that were filled in, each as it is kept."""
    values = {field.name: _READ[field.kind](fields, field) for field in FORMS[kind]}
    return {name: value for name, value in values.items() if value not in ("", None, False)}


def _text(fields: Body, field: Field) -> str:
    return fields.text(field.name, TEXT, field.wanted)


def _choice(fields: Body, field: Field) -> str:
    value = _text(fields, field)
    if value and value not in field.choices:
        raise Refused("field", field=field.name)
    return value


def _day(fields: Body, field: Field) -> str:
    value = _text(fields, field)
    try:
        day = date.fromisoformat(value) if value else None
    except ValueError:
        raise Refused("field_day", field=field.name) from None
    if day is not None and day < office().now().astimezone(company().zone).date():
        raise Refused("field_past", field=field.name)
    return day.isoformat() if day else ""


def _time(fields: Body, field: Field) -> str:
    value = _text(fields, field)
    try:
        return time.fromisoformat(value).strftime("%H:%M") if value else ""
    except ValueError:
        raise Refused("field_time", field=field.name) from None


def _phone(fields: Body, field: Field) -> str:
    value = _text(fields, field)
    number = cards.e164(value, company().region) if value else ""
    if number is None or re.search(r"[^\W\d]", value):
        raise Refused("field_phone", field=field.name)
    return number


def _email(fields: Body, field: Field) -> str:
    value = _text(fields, field)
    if value and not EMAIL.fullmatch(value):
        raise Refused("field_email", field=field.name)
    return value


def _flag(fields: Body, field: Field) -> bool:
    return fields.flag(field.name)


_READ: dict[str, Callable[[Body, Field], Any]] = {
    "text": _text,
    "choice": _choice,
    "day": _day,
    "time": _time,
    "phone": _phone,
    "email": _email,
    "flag": _flag,
}
