"""What is done with a call: passed on, asked about, recorded or not, promised to be called back."""

from __future__ import annotations

import secrets

from flask import Blueprint, jsonify
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import talks
from agent_desk.body import body
from agent_desk.office import company, office, operator, shift
from agent_desk.refusals import Refused, note
from ivr import callback_clock, callbacks, hours_changes
from ivr.agent_queue.model import Ticket
from ivr.destination import Destination, destination
from ivr.errors import RefusedNumber
from ivr.services import priority
from ivr.store.models import Account

FLOWS = ("reading", "outage")
"""Steps of the menu that a caller may be sent into, and comes back from."""

blueprint = Blueprint("calls", __name__)


def allowed(number: str, what: str, call: str | None = None) -> Destination:
    """Return the destination a number names; one that may not be dialled is refused and noted."""
    profile = company()
    try:
        return destination(number, profile.calling, profile.region)
    except RefusedNumber as refusal:
        code = f"number_{refusal.reason}"
        raise Refused(code, 403, audit=what, call=call, number=number[:40]) from refusal


@blueprint.post("/transfer")
def transfer() -> Response:
    """Pass the caller on to a queue, an operator, an outside number, or into the menu."""
    sent = body()
    ticket = sent.name("ticket")
    to = sent.choice("to", "queue", "operator", "number", "flow")
    target = sent.text("target", longest=60)
    known, _ = talks.mine(ticket, "transfer")
    {"queue": _to_queue, "operator": _to_operator, "number": _to_number, "flow": _to_flow}[to](
        ticket, target
    )
    with office().store.session() as db:
        talks.conversation(db, known).handed_to = target
    note("transfer", call=ticket, to=to, target=target)
    return jsonify({})


def _to_queue(ticket: str, target: str) -> None:
    if target not in company().queues:
        raise Refused("field", field="target")
    _moved(office().queue.transfer(ticket, office().clock(), queue=target), ticket)
    _tell(ticket, "transferred")


def _to_operator(ticket: str, target: str) -> None:
    _colleague(target)
    _moved(office().queue.transfer(ticket, office().clock(), operator=target), ticket)
    _tell(ticket, "transferred")


def _to_number(ticket: str, target: str) -> None:
    number = allowed(target, "transfer", ticket).number
    order = {"do": "send_out", "ticket": ticket, "number": number, "operator": shift().login}
    office().queue.send(order)


def _to_flow(ticket: str, target: str) -> None:
    if target not in FLOWS:
        raise Refused("field", field="target")
    moved = office().queue.away(ticket, office().clock(), back_to=shift().login)
    _moved(moved, ticket)
    _tell(ticket, target)


def _moved(done: bool, ticket: str) -> None:
    if not done:
        raise Refused("too_late", 409, audit="transfer", call=ticket)


def _tell(ticket: str, outcome: str) -> None:
    office().queue.send({"do": "tell", "ticket": ticket, "outcome": outcome})


def _colleague(name: str) -> None:
    """Refuse a colleague who is not there; oneself is no colleague."""
    known = office().queue.operator(shift().company, name)
    if known is None or name == shift().login or known.status == "offline":
        raise Refused("operator_away", 409)


# ---------------------------------------------------------------------- talks among operators


@blueprint.post("/consult")
def consult() -> Response:
    """Reserve a free colleague; the page then calls his telephone."""
    other = body().name("operator")
    if office().twilio_token:
        raise Refused("no_consult", 409)
    _colleague(other)
    who, token = shift(), secrets.token_hex(8)
    if not office().queue.consult(who.company, who.login, other, token, office().clock()):
        raise Refused("operator_busy", 409)
    return jsonify(token=token, address=f"op-{other}")


@blueprint.post("/consult/end")
def consult_end() -> Response:
    """End the talk with a colleague; with `ticket` the caller stays with him."""
    sent = body()
    token, ticket = sent.name("token"), sent.name("ticket", wanted=False)
    known = operator()
    if ticket:
        known, _ = talks.mine(ticket, "consult_end")
    if not office().queue.consulted(token, office().clock(), ticket):
        raise Refused("too_late", 409, audit="consult_end", call=ticket or None)
    if ticket and known is not None:
        moved = office().queue.ticket(ticket)
        colleague = moved.operator if moved else ""
        with office().store.session() as db:
            talks.conversation(db, known).handed_to = colleague
        note("transfer", call=ticket, to="consulted", target=colleague)
    return jsonify({})


# ---------------------------------------------------------------------- recording, call-backs


@blueprint.post("/record")
def record() -> Response:
    """Stop recording the talk for a while, or go on."""
    sent = body()
    ticket, paused = sent.name("ticket"), sent.flag("paused")
    _, found = talks.mine(ticket, "pause_recording")
    if found.context.get("unrecorded") and not paused:
        raise Refused("unrecorded", 409, audit="pause_recording", call=ticket)
    office().queue.send({"do": "pause_recording", "ticket": ticket, "paused": paused})
    note("pause_recording", call=ticket, paused=paused)
    talks.touch()
    return jsonify({})


@blueprint.post("/callback")
def callback() -> Response:
    """Promise to call a number back; one promise lives a number."""
    sent = body()
    number = allowed(sent.text("number", longest=60), "callback").number
    queue, about = sent.text("queue", longest=60), sent.name("account", wanted=False)
    ticket = sent.name("ticket", wanted=False)
    if queue not in company().queues:
        raise Refused("field", field="queue")
    who, now = shift(), office().now()
    call = ticket or f"desk-{who.login}"
    place = office().queue.ticket(ticket) if ticket else None
    with office().store.session() as db:
        account = talks.account(db, about) if about else None
        first = _first(db, place, number, account)
        row = callbacks.promise(
            db,
            company=who.company,
            number=number,
            queue=queue,
            language=company().languages[0],
            call=call,
            key=f"{call}/{number}/{secrets.token_hex(4)}",
            now=now,
            priority=priority.MARK if first else "normal",
            context={"account": about, "reason": "desk"} if about else {"reason": "desk"},
        )
        callback_clock.start(db, hours_changes.known(db, company(), now), row)
        db.flush()
        made = {"id": row.id, "number": row.number, "since": row.entered_at.timestamp()}
    office().live.refresh(who.company)
    return jsonify(made)


def _first(db: Session, place: Ticket | None, number: str, account: Account | None) -> bool:
    """Whether who is called back comes first: raised for this call, or by the register."""
    day = office().now().astimezone(company().zone).date()
    raised = place is not None and place.priority == priority.MARK
    listed = priority.of_number(db, shift().company, number, day) is not None
    return raised or listed or (account is not None and priority.counts(db, account, day))
