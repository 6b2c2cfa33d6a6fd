"""A supervisor in an operator's talk, requests for help, messages to operators.

What is shown of all three comes over one stream, beside the operators on the page floor.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from agent_desk import staff
from agent_desk.body import body
from agent_desk.office import Office, Shift, office, shift
from agent_desk.refusals import Refused, note
from ivr.agent_queue.model import Operator, QueueDown, Ticket
from ivr.matchmaker.listenings import PAUSE
from ivr.store.models import SignIn, User
from ivr.store.supervision import HelpRequest, Listening, StaffMessage, StaffMessageSeen

logger = logging.getLogger(__name__)

MODES = ("listen", "whisper", "barge", "take")
PAGES = 40
"""Pages that may have the stream open at once; each keeps a thread of the server."""
HEARTBEAT = 2.0
"""Seconds between two signs of life."""
PACE = 0.2
"""Least seconds between two looks: many changes of one moment are one."""
RECHECK = 10
"""Heartbeats between two looks whether the sign-in still counts."""
LONGEST = 12 * 60
"""Minutes a message is shown at most."""
MOST = 20
"""Messages that are shown at once."""

blueprint = Blueprint("listening", __name__)


# ---------------------------------------------------------------------- what is shown


@blueprint.get("/listening/state")
def state() -> Response:
    """Return all of it once."""
    return jsonify(shown(office(), shift()))


@blueprint.get("/listening/events")
def events() -> Response:
    """Send all of it, and again after each change."""
    parts, who = office(), shift()
    bell = parts.live.listen(who.company, PAGES)
    if bell is None:
        raise Refused("full", 503)
    answer = Response(_messages(parts, who, bell), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(lambda: parts.live.deafen(bell))
    return answer


def _messages(parts: Office, who: Shift, bell: threading.Event) -> Iterator[str]:
    """Yield events until the page is closed, the shift is over, or the server stops."""
    yield "retry: 1000\n\n"
    sent, beats = "", 0
    while parts.live.hears(bell):
        bell.clear()
        text = sent
        try:
            if beats % RECHECK == 0 and not _on_shift(parts, who):
                return
            text = json.dumps(shown(parts, who), ensure_ascii=False, separators=(",", ":"))
        except (QueueDown, SQLAlchemyError, TimeoutError) as reason:
            logger.warning("what supervisors see waits: %s", type(reason).__name__)
        yield ":\n\n" if text == sent else f"event: staff\ndata: {text}\n\n"
        sent, beats = text, beats + 1
        if bell.wait(HEARTBEAT):
            threading.Event().wait(PACE)


def _on_shift(parts: Office, who: Shift) -> bool:
    with parts.store.session(read_only=True) as db:
        row = db.get(SignIn, who.id)
        return row is not None and row.ended_at is None and parts.now() < who.ends


def shown(parts: Office, who: Shift) -> dict[str, Any]:
    """Return what static/supervisor/staff.js describes as Staff."""
    able = unable(parts, parts.queue.operator(who.company, who.login))
    with parts.store.session(read_only=True) as db:
        known = staff.names(db, who.company)
        return {
            "able": able,
            "listenings": [
                _listening(row, who, known) for row in staff.listenings(db, who.company)
            ],
            "left": staff.left(db, parts, who, known),
            "help": [_help(row, parts, known) for row in db.scalars(staff.open_help(who.company))],
            "messages": _shown_messages(db, parts, who, known),
            "staff": [
                {"name": login, "shown": known[login]} for login in staff.receivers(db, who.company)
            ],
        }


def _listening(row: Listening, who: Shift, known: Mapping[str, str]) -> dict[str, Any]:
    mine = row.supervisor == who.login
    return {
        "token": row.token if mine else "",
        "supervisor": row.supervisor,
        "shown": known.get(row.supervisor, row.supervisor),
        "operator": row.operator,
        "call": row.call,
        "mode": row.mode,
        "since": (row.heard_at or row.began_at).timestamp(),
        "heard": row.heard_at is not None,
        "mine": mine,
    }


def _help(row: HelpRequest, parts: Office, known: Mapping[str, str]) -> dict[str, Any]:
    """call: of the talk in which he asked. talk: of the one he is in now, "" in none."""
    taken = row.taken_by or ""
    operator = parts.queue.operator(row.company, row.operator)
    talk = operator.ticket if operator is not None and operator.state == "talking" else ""
    return {
        "id": row.id,
        "operator": row.operator,
        "shown": known.get(row.operator, row.operator),
        "talk": talk,
        "call": row.call,
        "note": row.note,
        "asked_at": row.asked_at.timestamp(),
        "taken_by": taken,
        "taken_shown": known.get(taken, taken),
        "taken_at": row.taken_at.timestamp() if row.taken_at else None,
    }


def _shown_messages(
    db: Session, parts: Office, who: Shift, known: Mapping[str, str]
) -> list[dict[str, Any]]:
    rows = db.scalars(
        staff.open_messages(who.company, parts.now()).order_by(StaffMessage.id.desc())
    ).all()
    wanted = select(StaffMessageSeen).where(
        StaffMessageSeen.message_id.in_([row.id for row in rows])
    )
    seen: dict[int, list[dict[str, Any]]] = {}
    for each in db.scalars(wanted.order_by(StaffMessageSeen.seen_at)):
        shown_name = known.get(each.login, each.login)
        found = {"login": each.login, "shown": shown_name, "at": each.seen_at.timestamp()}
        seen.setdefault(each.message_id, []).append(found)
    return [
        {
            "id": row.id,
            "sender": row.sender,
            "shown": known.get(row.sender, row.sender),
            "receiver": row.receiver,
            "receiver_shown": known.get(row.receiver, row.receiver),
            "text": row.text,
            "sent_at": row.sent_at.timestamp(),
            "until": row.until.timestamp(),
            "seen": seen.get(row.id, []),
            "mine": row.sender == who.login,
        }
        for row in rows
    ]


# ---------------------------------------------------------------------- in a talk


def unable(parts: Office, me: Operator | None) -> str:
    """Return why somebody cannot listen now, as a code of a refusal; "" where he can."""
    if parts.twilio_token is not None:
        return "listen_twilio"
    if me is None or not me.tab or not me.endpoint:
        return "listen_no_phone"
    return "" if me.state == "idle" else "listen_busy"


@blueprint.post("/listening/begin")
def begin() -> Response:
    """Have his telephone ring and let him into a talk."""
    sent = body()
    name, ticket = sent.name("operator"), sent.name("ticket")
    mode = sent.choice("mode", *MODES)
    parts, who = office(), shift()
    me = parts.queue.operator(who.company, who.login)
    details: dict[str, Any] = {"operator": name, "mode": mode}
    if name == who.login:
        raise Refused("listen_own", 409, audit="listen", call=ticket, **details)
    why = unable(parts, me)
    if why or me is None:
        raise Refused(why, 409, audit="listen", call=ticket, **details)
    token = f"{who.company}.{secrets.token_hex(20)}.{ticket}"
    with parts.store.session() as db:
        _one_by_one(db, who.login, name)
        _allow(db, _talk(name, ticket, "listen", mode), "listen", mode, token)
        if any(row.supervisor == who.login for row in staff.listenings(db, who.company)):
            raise Refused("listen_already", 409, audit="listen", call=ticket, **details)
        row = Listening(
            company=who.company, token=token, supervisor=who.login, operator=name, call=ticket,
            mode=mode, before="" if me.status == "paused" else me.status, began_at=parts.now(),
        )  # fmt: skip
        db.add(row)
        db.flush()
        _pause(me, ticket, details)
    note("listen", call=ticket, **details)
    parts.queue.send({"do": "listen", "company": who.company, "token": token})
    _tell(who.login)
    return jsonify(token=token)


def _one_by_one(db: Session, *logins: str) -> None:
    """Let what concerns these people be done one after the other, until the transaction ends."""
    known = select(User.id).where(User.company == shift().company, User.login.in_(logins))
    db.scalars(known.order_by(User.id).with_for_update()).all()


def _talk(name: str, ticket: str, what: str, mode: str) -> Ticket:
    """Return the ticket of an operator's talk that goes on; of no other company's."""
    parts, who = office(), shift()
    found = parts.queue.ticket(ticket)
    if found is None or (found.company, found.operator) != (who.company, name):
        found = None
    if found is None or found.state != "talking":
        raise Refused("listen_no_talk", 409, audit=what, call=ticket, operator=name, mode=mode)
    return found


def _allow(db: Session, ticket: Ticket, what: str, mode: str, token: str) -> None:
    """Refuse to take over what cannot be, or what another supervisor takes over: his row says so
    (`mode`) from the moment he asked for it.
    """
    if mode != "take":
        return
    tried: dict[str, Any] = {"audit": what, "call": ticket.id, "mode": mode}
    if ticket.kind != "call":
        raise Refused("listen_callback", 409, **tried)
    for row in staff.listenings(db, ticket.company):
        if row.call == ticket.id and row.mode == "take" and row.token != token:
            name = staff.names(db, ticket.company).get(row.supervisor, row.supervisor)
            raise Refused("listen_taken", 409, **tried, name=name)


def _pause(me: Operator, ticket: str, details: dict[str, Any]) -> None:
    """Let no caller be offered to him meanwhile."""
    if me.status == "paused":
        return
    changed = office().queue.set_status(
        me.company, me.name, "paused", office().clock(),
        reason=PAUSE, tab=me.tab, version=me.version,
    )  # fmt: skip
    if changed is None:
        raise Refused("listen_busy", 409, audit="listen", call=ticket, **details)


@blueprint.post("/listening/mode")
def change() -> Response:
    """Go on in another mode, or take the caller over."""
    sent = body()
    token, mode = sent.name("token"), sent.choice("mode", *MODES)
    row = _mine(token, "listen_mode")
    if row.heard_at is None:
        raise Refused("listen_rings", 409)
    with office().store.session() as db:
        _one_by_one(db, row.operator)
        ticket = _talk(row.operator, row.call, "listen_mode", mode)
        _allow(db, ticket, "listen_mode", mode, token)
        if "take" in (mode, row.mode):
            mine = update(Listening).where(Listening.id == row.id, Listening.ended_at.is_(None))
            db.execute(mine.values(mode=mode))
    note("listen_mode", call=row.call, operator=row.operator, mode=mode, was=row.mode)
    order = {"do": "listen_as", "company": row.company, "token": token, "mode": mode}
    office().queue.send(order)
    _tell(row.operator)
    return jsonify({})


@blueprint.post("/listening/end")
def end() -> Response:
    """Leave the talk."""
    row = _mine(body().name("token"), "listen_end")
    note("listen_end", call=row.call, operator=row.operator, mode=row.mode)
    office().queue.send({"do": "leave_talk", "company": row.company, "token": row.token})
    return jsonify({})


def _mine(token: str, what: str) -> Listening:
    """Return his own listening; whatever is not is refused and noted."""
    who = shift()
    wanted = select(Listening).where(
        Listening.token == token,
        Listening.company == who.company,
        Listening.supervisor == who.login,
        Listening.ended_at.is_(None),
    )
    with office().store.session(read_only=True) as db:
        row = db.scalar(wanted)
    if row is None:
        raise Refused("listen_over", 409, audit=what, token=token)
    return row


# ---------------------------------------------------------------------- help


@blueprint.post("/listening/help")
def come() -> Response:
    """Say that he comes, or that it is over. Of two who come, the second is told of the first."""
    sent = body()
    key, do = int(sent.number("id", 1, 2**31 - 1) or 0), sent.choice("do", "take", "end")
    who, now = shift(), office().now()
    with office().store.session() as db:
        row = db.get(HelpRequest, key, with_for_update=True)
        if row is None or row.company != who.company:
            raise Refused("gone", 404, audit=f"help_{do}", help=key)
        if not row.live:
            raise Refused("help_over", 409)
        if do == "end":
            row.live, row.ended_at = None, now
        elif row.taken_by not in (None, who.login):
            name = staff.names(db, who.company).get(row.taken_by or "", row.taken_by)
            raise Refused("help_taken", 409, audit="help_take", help=key, name=name)
        else:
            row.taken_by, row.taken_at = who.login, row.taken_at or now
        name, call = row.operator, row.call
    note("help_taken" if do == "take" else "help_ended", call=call, help=key, operator=name)
    _tell(name)
    return jsonify({})


# ---------------------------------------------------------------------- messages


@blueprint.post("/listening/message")
def send() -> Response:
    """Show a text on one desk, or on all, until it is seen or its time is over."""
    sent = body()
    receiver, text = sent.name("receiver", wanted=False), sent.text("text", staff.TEXT)
    minutes = sent.number("minutes", 1, LONGEST) or 1
    parts, who = office(), shift()
    now = parts.now()
    with parts.store.session() as db:
        known = staff.receivers(db, who.company)
        if receiver and (receiver == who.login or receiver not in known):
            raise Refused("field", field="receiver")
        live = staff.open_messages(who.company, now).subquery()
        if (db.scalar(select(func.count()).select_from(live)) or 0) >= MOST:
            raise Refused("message_many", 409)
        row = StaffMessage(
            company=who.company, sender=who.login, receiver=receiver, text=text, sent_at=now,
            until=now + timedelta(minutes=minutes),
        )  # fmt: skip
        db.add(row)
        db.flush()
        made = row.id
    note("message", message=made, receiver=receiver or "*", text=text)
    _tell(receiver)
    return jsonify(id=made)


@blueprint.post("/listening/message/withdraw")
def withdraw() -> Response:
    """Take a message from the desks of those who have not seen it."""
    key = int(body().number("id", 1, 2**31 - 1) or 0)
    who, now = shift(), office().now()
    with office().store.session() as db:
        row = db.get(StaffMessage, key, with_for_update=True)
        if row is None or row.company != who.company:
            raise Refused("gone", 404, audit="message_withdrawn", message=key)
        if row.withdrawn_at is not None or row.until <= now:
            raise Refused("too_late", 409, audit="message_withdrawn", message=key)
        row.withdrawn_at, receiver = now, row.receiver
    note("message_withdrawn", message=key)
    _tell(receiver)
    return jsonify({})


def _tell(name: str) -> None:
    """Let a desk, "": all, and every supervisor's page hear of it."""
    office().queue.tell(shift().company, name)
