"""What an operator asks his supervisors for, and that he has seen what they tell him."""

from __future__ import annotations

from flask import Blueprint, jsonify
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import staff
from agent_desk.body import body
from agent_desk.office import Shift, office, operator, shift
from agent_desk.refusals import Refused, note
from ivr.store.supervision import HelpRequest, StaffMessage, StaffMessageSeen

blueprint = Blueprint("help", __name__)


@blueprint.post("/help")
def ask() -> Response:
    """Ask for help, in a talk or outside; who has asked already changes the note."""
    remark = body().text("note", longest=staff.NOTE, wanted=False)
    who, known = shift(), operator()
    call = known.ticket if known is not None and known.state == "talking" and known.ticket else None
    try:
        with office().store.session() as db:
            row = _own(db, who)
            asked = row is not None
            if row is None:
                row = HelpRequest(company=who.company, operator=who.login, asked_at=office().now())
                db.add(row)
            row.call, row.note = call, remark
            db.flush()
            made = row.id
    except IntegrityError:
        raise Refused("too_late", 409, audit="help_asked") from None  # asked twice at once
    note("help_noted" if asked else "help_asked", call=call, help=made, note=remark)
    office().queue.tell(who.company, who.login)
    return jsonify(id=made)


@blueprint.post("/help/end")
def end() -> Response:
    """Withdraw it, or say that it was given."""
    if not left(shift()):
        raise Refused("too_late", 409)
    return jsonify({})


def left(who: Shift) -> bool:
    """End what somebody asks for; False: he asks for nothing."""
    with office().store.session() as db:
        row = _own(db, who)
        if row is None:
            return False
        row.live, row.ended_at = None, office().now()
        ended, taken, call = row.id, row.taken_by, row.call
    note("help_ended" if taken else "help_withdrawn", call=call, help=ended)
    office().queue.tell(who.company, who.login)
    return True


def _own(db: Session, who: Shift) -> HelpRequest | None:
    wanted = staff.open_help(who.company).where(HelpRequest.operator == who.login)
    return db.scalar(wanted.with_for_update())


@blueprint.post("/messages/seen")
def seen() -> Response:
    """Note that he has seen a message; it goes from his desk."""
    key = int(body().number("id", 1, 2**31 - 1) or 0)
    who, now = shift(), office().now()
    with office().store.session() as db:
        row = db.scalar(select(StaffMessage).where(StaffMessage.id == key))
        mine = row is not None and row.company == who.company and row.sender != who.login
        if row is None or not mine or row.receiver not in ("", who.login):
            raise Refused("gone", 404, audit="message_seen", message=key)
        if db.get(StaffMessageSeen, (key, who.login)) is None:
            db.add(StaffMessageSeen(message_id=key, login=who.login, seen_at=now))
    office().queue.tell(who.company, who.login)
    return jsonify({})
